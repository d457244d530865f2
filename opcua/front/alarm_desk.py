"""What people do about alarms: OPC UA's methods of conditions, each put on record as an event.

An alarm changes only when the record comes back by the topic `events`. So the list is what it will
be after a restart, and nobody is told that something is acknowledged that is not on record.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from asyncua import ua

from control.alarm_happenings import LONGEST_SHELF_S
from opcua.front.conditions import occurrence_in, subject_in
from opcua.front.gate import Caller, Gate
from opcua.front.methods import Fault
from opcua.front.session import Handler
from stream.alarm import Alarm
from stream.alarm_deeds import details_of, is_allowed, is_fit, refusal_of
from stream.alarm_list import AlarmList

_BYTES, _TEXT, _DOUBLE = (
    ua.VariantType.ByteString,
    ua.VariantType.LocalizedText,
    ua.VariantType.Double,
)
_ON_RECORD_WITHIN_S: Final = 3.0
_IDS: Final = ua.ObjectIds

Report = Callable[..., Awaitable[None]]
"""Puts an event on record (its name, section, cell, details) and returns when it is durable."""


@dataclass(frozen=True, slots=True)
class Deed:
    """A method of conditions.

    Attributes:
        event: of the table of events, that puts it on record.
        takes: types of its arguments.
        code: status where the state of the alarm does not allow it.
        is_one_shot: it ends with the occurrence.
        needs_reason: it is not done without a comment.
    """

    event: str
    takes: tuple[ua.VariantType, ...]
    code: int
    is_one_shot: bool = False
    needs_reason: bool = False


_CODES: Final = ua.StatusCodes
_UNSHELVE: Final = Deed("alarm_unshelved", (), _CODES.BadConditionNotShelved)
_ONE_SHOT: Final = Deed("alarm_shelved", (), _CODES.BadConditionAlreadyShelved, is_one_shot=True)
_TIMED: Final = Deed("alarm_shelved", (_DOUBLE,), _CODES.BadConditionAlreadyShelved)
_TIMED_WITH_COMMENT: Final = Deed(
    "alarm_shelved", (_DOUBLE, _TEXT), _CODES.BadConditionAlreadyShelved
)
_OUT: Final = Deed("alarm_taken_out", (), _CODES.BadInvalidState, needs_reason=True)
_BACK: Final = Deed("alarm_put_back", (), _CODES.BadInvalidState)
DEEDS: Final[Mapping[int, Deed]] = {
    _IDS.AcknowledgeableConditionType_Acknowledge: Deed(
        "alarm_acknowledged", (_BYTES, _TEXT), _CODES.BadConditionBranchAlreadyAcked
    ),
    _IDS.AcknowledgeableConditionType_Confirm: Deed(
        "alarm_confirmed", (_BYTES, _TEXT), _CODES.BadConditionBranchAlreadyConfirmed
    ),
    _IDS.ConditionType_AddComment: Deed("alarm_commented", (_BYTES, _TEXT), _CODES.BadInvalidState),
    _IDS.AlarmConditionType_ShelvingState_TimedShelve: _TIMED,
    _IDS.AlarmConditionType_ShelvingState_TimedShelve2: _TIMED_WITH_COMMENT,
    _IDS.AlarmConditionType_ShelvingState_OneShotShelve: _ONE_SHOT,
    _IDS.AlarmConditionType_ShelvingState_Unshelve: _UNSHELVE,
    _IDS.AlarmConditionType_RemoveFromService: _OUT,
    _IDS.AlarmConditionType_RemoveFromService2: replace(_OUT, takes=(_TEXT,)),
    _IDS.AlarmConditionType_PlaceInService: _BACK,
    _IDS.AlarmConditionType_PlaceInService2: replace(_BACK, takes=(_TEXT,)),
    _IDS.ShelvedStateMachineType_TimedShelve: _TIMED,
    _IDS.ShelvedStateMachineType_OneShotShelve: _ONE_SHOT,
    _IDS.ShelvedStateMachineType_Unshelve: _UNSHELVE,
}


class AlarmDesk:
    """Takes calls of the methods of conditions."""

    def __init__(
        self,
        gate: Gate,
        alarms: Callable[[], AlarmList],
        report: Report,
        clock_ns: Callable[[], int],
    ) -> None:
        """Make one.

        Args:
            gate: lets callers in.
            alarms: as they are now.
            report: puts what is done on record.
            clock_ns: wall time.
        """
        self._gate = gate
        self._alarms = alarms
        self._report = report
        self._clock_ns = clock_ns

    def handlers(self, namespace: int) -> dict[ua.NodeId, Handler]:
        """Return what answers each method; the namespace is ours at the server."""
        return {
            ua.NodeId(int(method)): self._handler(deed, namespace) for method, deed in DEEDS.items()
        }

    def _handler(self, deed: Deed, namespace: int) -> Handler:
        async def handle(request: ua.CallMethodRequest, user: object) -> ua.CallMethodResult:
            subject = subject_in(request.ObjectId, namespace)
            code = await self._call(deed, subject, request.InputArguments or [], user)
            return ua.CallMethodResult(StatusCode=ua.StatusCode(code))

        return handle

    async def _call(
        self, deed: Deed, subject: str, arguments: Sequence[ua.Variant], user: object
    ) -> int:
        caller = self._gate.enter(user)
        if isinstance(caller, Fault):
            return caller.code
        try:
            alarm = self._alarms().alarms.get(subject)
            if alarm is None:
                fault = Fault(_CODES.BadNodeIdUnknown, f"There is no alarm {subject!r}.")
                return self._gate.refuse(caller, fault).code
            details = self._judge(deed, alarm, arguments, caller)
            if isinstance(details, Fault):
                return self._gate.refuse(caller, details).code
            section, cell = alarm.event.section, alarm.event.cell
            async with asyncio.timeout(_ON_RECORD_WITHIN_S):
                await self._report(deed.event, section=section, cell=cell, **details)
        except TimeoutError:
            return int(_CODES.BadTimeout)
        finally:
            self._gate.leave(caller)
        return int(_CODES.Good)

    def _judge(
        self, deed: Deed, alarm: Alarm, arguments: Sequence[ua.Variant], caller: Caller
    ) -> dict[str, Any] | Fault:
        """Return the details of what is put on record, or why it is not done."""
        if not is_allowed(caller.role, deed.event):
            sentence = f"{deed.event}: {caller.name} is {caller.role}, who may not."
            return Fault(_CODES.BadUserAccessDenied, sentence)
        if len(arguments) != len(deed.takes):
            few = len(arguments) < len(deed.takes)
            code = _CODES.BadArgumentsMissing if few else _CODES.BadTooManyArguments
            return Fault(code, f"{deed.event}: {len(arguments)} arguments came.")
        given: dict[ua.VariantType, Any] = {}
        for kind, variant in zip(deed.takes, arguments, strict=True):
            if variant.VariantType != kind or isinstance(variant.Value, list):
                return Fault(_CODES.BadInvalidArgument, f"{deed.event}: no single {kind.name}.")
            given[kind] = variant.Value
        text = given.get(_TEXT)
        said = ((text.Text if text is not None else None) or "").strip()
        if deed.needs_reason and not said:
            # The method that takes no comment is known, so that a client is told why.
            return Fault(_CODES.BadArgumentsMissing, f"{deed.event}: a reason is missing.")
        if not is_fit(said):
            return Fault(_CODES.BadInvalidArgument, f"{deed.event}: a comment is one short line.")
        occurrence = occurrence_in(given.get(_BYTES) or b"") if _BYTES in given else ""
        if _BYTES in given and occurrence != alarm.state.event_id:
            return Fault(_CODES.BadEventIdUnknown, f"{deed.event}: of another occurrence.")
        seconds = given.get(_DOUBLE, LONGEST_SHELF_S * 1e3) / 1e3
        more: dict[str, float | int] = {}
        if deed.event == "alarm_shelved":
            more = {"duration_s": seconds, "one_shot": int(deed.is_one_shot)}
        details = details_of(
            alarm, who=caller.name, role=caller.role, comment=said, occurrence=occurrence, **more
        )
        refusal = refusal_of(alarm, deed.event, details, self._clock_ns())
        if refusal is None:
            return details
        is_long = deed.event == "alarm_shelved" and not 0.0 < seconds <= LONGEST_SHELF_S
        code = _CODES.BadShelvingTimeOutOfRange if is_long else deed.code
        return Fault(code, f"{deed.event}: {'; '.join(refusal.reasons)}.")
