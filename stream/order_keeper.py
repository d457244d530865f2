"""Keeps what people order: what stands of it, what may be written by it, and who is told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from control.interlock import OPTIMISER_ROLE, InterlockLimits
from control.modes import Mode
from control.overrides import Override
from stream.app import SectionTable
from stream.audit.entries import lapse_of
from stream.audit.keeper import AuditTrail
from stream.guarding import GuardState
from stream.order_news import Told
from stream.orders import (
    bypassed_checks,
    confirm_override,
    drop_overrides,
    lapse_orders,
    limits_in_force,
    override_sentence,
)
from stream.records import Move
from stream.reports import Reports

_OF_MOTION: Final = ("max_step", "max_rate_per_h", "max_travel")


@dataclass(frozen=True, slots=True)
class Grounds:
    """What moves of a cell are judged by, as people have ordered it.

    Attributes:
        stay: which stay in AUTO it is.
        bypassed: checks that are left out.
        limits: in force.
    """

    stay: int
    bypassed: frozenset[str]
    limits: InterlockLimits


class OrderKeeper:
    """Looks into the states of sections, and takes out of them what has ended."""

    def __init__(
        self,
        table: SectionTable[GuardState],
        audit: AuditTrail,
        reports: Reports,
        limits: InterlockLimits,
        clock_ns: Callable[[], int],
    ) -> None:
        """Make one.

        Args:
            table: of the sections' states.
            audit: where every end is put on record.
            reports: tells people once a state is durable.
            limits: of the plant file.
            clock_ns: wall time.
        """
        self._table = table
        self._audit = audit
        self._reports = reports
        self._limits = limits
        self._clock_ns = clock_ns

    def grounds(self, state: GuardState, cell: int, now_ns: int) -> Grounds:
        """Return what moves of a cell are judged by in a state of its section."""
        return Grounds(
            state.mode_of(cell).stay,
            frozenset(bypassed_checks(state, cell, now_ns)),
            limits_in_force(state, self._limits),
        )

    def may_write(self, move: Move, grounds: Grounds) -> bool:
        """Whether a move of an optimiser may still be written.

        Not where its cell has left that stay in AUTO: it is not the first write of another one, and
        may be far from where the cell stands now. Not where a person has taken the setpoint, ended
        a bypass that it was judged under, or made its limits narrower. Not where another value has
        been permitted since, of whichever optimiser: what waited longer must not be written last.
        """
        if self.is_overridden(move) or self.is_outdone(move):
            return False
        state = self._table.get(move.section)
        now = self.grounds(state, move.cell, self._clock_ns())
        is_in_stay = state.mode_of(move.cell).mode is Mode.AUTO and now.stay == grounds.stay
        return (
            is_in_stay
            and grounds.bypassed <= now.bypassed
            and self._is_within(state, move.setpoint, move.applied)
            and not _are_narrower(move.setpoint, now.limits, grounds.limits)
        )

    def may_override(self, section: int, override: Override) -> bool:
        """Whether an override still stands, and its cell is ours to move."""
        state = self._table.get(section)
        return (
            any(one.override_id == override.override_id for one in state.overrides.values())
            and override.stands(self._clock_ns())
            and state.mode_of(override.cell).is_remote
            and self._is_within(state, override.setpoint, override.value)
        )

    def is_overridden(self, move: Move) -> bool:
        """Whether a person holds the setpoint of a move at this moment."""
        state = self._table.get(move.section)
        return bool(override_sentence(state, move.cell, move.setpoint, self._clock_ns()))

    def is_outdone(self, move: Move) -> bool:
        """Whether another value of the setpoint has been permitted since."""
        interlock = self._table.get(move.section).interlock
        return interlock.of(move.cell, move.setpoint).applied != move.applied

    def is_superseded(self, move: Move) -> bool:
        """Whether a person, or another person, has taken the setpoint since a move was judged; an
        override that was given back or has ended is superseded too."""
        standing = self._table.get(move.section).overrides.get(f"{move.cell}/{move.setpoint}")
        if standing is None:
            return move.role != OPTIMISER_ROLE
        return standing.override_id != move.proposal_id

    def confirm(self, move: Move) -> None:
        """Note that the plant has taken an override."""
        state = confirm_override(self._table.get(move.section), move.proposal_id)
        self._table.keep(move.section, state)
        self._reports.put(None, move.section)

    def drop(self, move: Move) -> bool:
        """End an override that the plant has not taken; whether it still stood."""
        return self._drop(move.section, lambda one: one.override_id == move.proposal_id)

    def recall(self, section: int) -> None:
        """Begin a life: of an override that was not known to be written nobody knows what stands
        now."""
        self._drop(section, lambda one: not one.is_written)

    def end_what_is_over(self, section: int, now_ns: int) -> None:
        """Let go of what people ordered and what has run out by then; waits for nothing."""
        before = self._table.get(section)
        after, told = lapse_orders(before, now_ns)
        if after is not before:
            self._end(section, after, told)

    def tell(self, section: int, told: Sequence[Told]) -> None:
        """Let people know of orders that began or ended, once they are durable."""
        for one in told:
            self._reports.put(one.name, section, active=one.active, cell=one.cell, **one.details)

    def _drop(self, section: int, is_meant: Callable[[Override], bool]) -> bool:
        after, told = drop_overrides(self._table.get(section), is_meant)
        if told:
            self._end(section, after, told)
        return bool(told)

    def _end(self, section: int, after: GuardState, told: Sequence[Told]) -> None:
        self._table.keep(section, after)
        self._audit.put([lapse_of(section, one) for one in told])
        self.tell(section, told)

    def _is_within(self, state: GuardState, setpoint: str, value: float | None) -> bool:
        row = limits_in_force(state, self._limits).setpoints.get(setpoint)
        return row is not None and value is not None and row.low <= value <= row.high


def _are_narrower(setpoint: str, now: InterlockLimits, before: InterlockLimits) -> bool:
    """Whether a setpoint may not move as far or as fast any more. How far it would, from where it
    stands by now, is for the interlock to say of the next decision."""
    row, was = now.setpoints.get(setpoint), before.setpoints.get(setpoint)
    if row is None or was is None:
        return True
    return any(getattr(row, limit) < getattr(was, limit) for limit in _OF_MOTION)
