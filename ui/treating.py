"""What people do about alarms at the screens: put on record as events, and never otherwise.

An alarm looks different only when its record has come back by the topic `events`, as at the front:
both have one list, and nothing is shown as acknowledged that is not on record.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.errors import KafkaError

from stream.alarm import Alarm
from stream.alarm_deeds import AlarmDeed, details_of, is_fit, refusal_of
from stream.alarm_list import AlarmList
from stream.kafka import KafkaConnection
from stream.masking import without_password
from stream.outbox import Outbox
from ui.answers import Said
from ui.roles import Person, deed_refusal

_log = logging.getLogger(__name__)
_DONE: Final = {
    AlarmDeed.ACKNOWLEDGED: "acknowledged",
    AlarmDeed.SHELVED: "shelved",
    AlarmDeed.UNSHELVED: "taken from the shelf",
    AlarmDeed.TAKEN_OUT: "taken out of service",
    AlarmDeed.PUT_BACK: "put back in service",
}
_NEEDS_REASON: Final = frozenset({AlarmDeed.SHELVED, AlarmDeed.TAKEN_OUT})
_ON_RECORD_WITHIN_S: Final = 4.0
_STOP_WITHIN_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Treatment:
    """What a person wants to do about alarms.

    Attributes:
        deed: what is done.
        seen: each alarm's subject, and the occurrence of it that was on the screen.
        comment: one short line; "" where there is nothing to say.
        duration_s: of a shelf.
    """

    deed: AlarmDeed
    seen: tuple[tuple[str, str], ...]
    comment: str = ""
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Record:
    """What goes on record about one alarm: the details of an event, and where it is."""

    deed: AlarmDeed
    section: int | None
    cell: int | None
    details: dict[str, Any]


def records_of(
    alarms: AlarmList, person: Person, treatment: Treatment, now_ns: int
) -> tuple[tuple[Record, ...], str]:
    """Return what goes on record, and why some or all of it does not, as a sentence; "" for none.

    Args:
        alarms: as they are now.
        person: who wants it.
        treatment: what is wanted.
        now_ns: wall time.
    """
    comment = treatment.comment.strip()
    if denied := deed_refusal(person, treatment.deed):
        return (), denied
    if not is_fit(comment):
        return (), "A comment is one short line, of 200 characters at most."
    if not comment and treatment.deed in _NEEDS_REASON:
        return (), "Say why: the reason goes into the journal."
    found: list[Record] = []
    faults: list[str] = []
    for subject, occurrence in treatment.seen:
        alarm = alarms.alarms.get(subject)
        fault = "it is over, and was acknowledged"
        if alarm is not None:
            record = _record_of(alarm, occurrence, person, treatment, comment)
            fault = _fault_of(alarm, occurrence, record, now_ns)
            if not fault:
                found.append(record)
                continue
        faults.append(fault)
    return tuple(found), _in_words(faults, len(treatment.seen))


def _record_of(
    alarm: Alarm, occurrence: str, person: Person, treatment: Treatment, comment: str
) -> Record:
    more: dict[str, float | int] = {}
    if treatment.deed == AlarmDeed.SHELVED:
        more = {"duration_s": treatment.duration_s, "one_shot": 0}
    # An acknowledgement is of an occurrence; the rest is about the alarm, whatever its occurrence.
    about = occurrence if treatment.deed == AlarmDeed.ACKNOWLEDGED else ""
    details = details_of(
        alarm, who=person.name, role=person.role, comment=comment, occurrence=about, **more
    )
    return Record(treatment.deed, alarm.event.section, alarm.event.cell, details)


def _fault_of(alarm: Alarm, occurrence: str, record: Record, now_ns: int) -> str:
    if record.deed == AlarmDeed.ACKNOWLEDGED and occurrence != alarm.state.event_id:
        return "it has come again since; look at it once more"
    refusal = refusal_of(alarm, record.deed, record.details, now_ns)
    return "" if refusal is None else "; ".join(refusal.reasons)


def _in_words(faults: list[str], of: int) -> str:
    if not faults:
        return ""
    reasons = "; ".join(dict.fromkeys(faults))
    return f"Not done: {reasons}." if of == 1 else f"Not done for {len(faults)} of {of}: {reasons}."


class AlarmDesk:
    """Puts on record what people do about alarms, for all screens of a server."""

    def __init__(self, kafka: KafkaConnection, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._address = without_password(kafka.address)
        self._outbox = Outbox(kafka, f"ui-{os.getpid()}", clock_ns)
        self._clock_ns = clock_ns
        self._tasks: set[asyncio.Task[None]] = set()

    def treat(
        self,
        person: Person,
        alarms: AlarmList,
        treatment: Treatment,
        done: Callable[[Said], None],
    ) -> None:
        """Do something about alarms; `done` is told what came of it, always exactly once."""
        records, fault = records_of(alarms, person, treatment, self._clock_ns())
        if not records:
            done(Said(fault or "Choose an alarm.", is_bad=True))
            return
        task = asyncio.get_running_loop().create_task(self._put(records, fault, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for what is being put on record, then disconnect."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_ON_RECORD_WITHIN_S)
        try:
            await asyncio.wait_for(self._outbox.stop(), _STOP_WITHIN_S)
        except (KafkaError, TimeoutError) as exc:
            _log.warning("The producer of what people do about alarms did not close: %s", exc)

    async def _put(
        self, records: tuple[Record, ...], fault: str, done: Callable[[Said], None]
    ) -> None:
        try:
            async with asyncio.timeout(_ON_RECORD_WITHIN_S):
                await asyncio.gather(*(self._report(one) for one in records))
        except (KafkaError, OSError, TimeoutError) as exc:
            _log.warning("What was done about alarms may not be on record: %s", exc)
            sentence = (
                f"No answer from Kafka at {self._address}: it may not be on record. "
                "Watch the alarm; check the broker and do it again."
            )
            done(Said(sentence, is_bad=True))
            return
        many = "" if len(records) == 1 else f"{len(records)} alarms "
        sentence = f"On record: {many}{_DONE[records[0].deed]}."
        done(Said(f"{sentence} {fault}".strip(), is_bad=bool(fault)))

    async def _report(self, record: Record) -> None:
        await self._outbox.report(
            record.deed, section=record.section, cell=record.cell, **record.details
        )
