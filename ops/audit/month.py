"""What a month of an audit says: writes, people, refusals, cells handed back. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from control.modes import Mode
from stream.audit.chain import OPENED, AuditRecord
from stream.audit.entries import COMMAND, INTENT, MODE, OBEYED, REFUSED, RESULT
from stream.records import MoveState

_NS: Final = 1e9


@dataclass(slots=True)
class DayOfWrites:
    """Writes that were announced on one day (UTC), by how they ended."""

    verified: int = 0
    failed: int = 0
    other: int = 0  # expired, or nobody knows


@dataclass(slots=True)
class MonthFacts:
    """Counts of one month.

    Attributes:
        days: by day of the month.
        write_s: how long each write took from its intent to its result, s.
        without_result: ids of intents without a result; `without_intent`: the other way round.
        commands: by person, role and result ("obeyed" or "refused").
        refusals: by reason.
        modes: by mode that was entered; `sheds`: cells handed back by reason.
        configurations: hashes of plant files that were in force.
    """

    records: int = 0
    days: dict[int, DayOfWrites] = field(default_factory=dict)
    write_s: list[float] = field(default_factory=list)
    without_result: list[str] = field(default_factory=list)
    without_intent: list[str] = field(default_factory=list)
    commands: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    sheds: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    configurations: Counter[str] = field(default_factory=Counter)

    @property
    def writes(self) -> int:
        """Writes that have a result."""
        return sum(day.verified + day.failed + day.other for day in self.days.values())


def count_month(records: Iterable[AuditRecord]) -> MonthFacts:
    """Count what the records of one month say, in the order of the chain."""
    facts = MonthFacts()
    open_since: dict[str, int] = {}
    for record in records:
        facts.records += 1
        facts.configurations[record.config_hash] += 1
        if record.action == OPENED:
            facts.starts += 1
        elif record.action == INTENT:
            open_since[record.request_id] = record.t_utc_ns
        elif record.action == RESULT:
            _count_result(facts, record, open_since.pop(record.request_id, None))
        elif record.action == COMMAND:
            _count_command(facts, record)
        elif record.action == MODE:
            facts.modes[str(record.applied)] += 1
            if record.applied == Mode.SHED.value:
                facts.sheds[record.reason] += 1
    facts.without_result = list(open_since)
    return facts


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of them does not exceed; NaN without any."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _count_command(facts: MonthFacts, record: AuditRecord) -> None:
    is_obeyed = record.result == OBEYED
    facts.commands[record.actor, record.role, OBEYED if is_obeyed else "refused"] += 1
    if not is_obeyed:
        facts.refusals[record.result.removeprefix(REFUSED)] += 1


def _count_result(facts: MonthFacts, record: AuditRecord, since_ns: int | None) -> None:
    if since_ns is None:
        facts.without_intent.append(record.request_id)
    else:
        facts.write_s.append((record.t_utc_ns - since_ns) / _NS)
    at = datetime.fromtimestamp((since_ns or record.t_utc_ns) / _NS, UTC)
    day = facts.days.setdefault(at.day, DayOfWrites())
    match record.result:
        case MoveState.VERIFIED.value:
            day.verified += 1
        case MoveState.FAILED.value:
            day.failed += 1
            facts.failures[record.reason] += 1
        case _:
            day.other += 1
