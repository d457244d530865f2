"""What the guard does when something falls silent: first hold, then hand back to local control.

It looks at the link to the plant, the plant's heartbeat, the age of every section's samples and
estimates and of every cell's voltage, and whether decisions still come. When the loop is silent it
lets the guard's own heartbeat end, so that the plant sheds by itself.
"""

import asyncio
from typing import Final

from control.modes import Trigger, TriggerKind
from stream.app import Worker
from stream.edge import PlantEdge
from stream.mode_keeper import GuardSettings, ModeKeeper
from stream.move_desk import MoveDesk

_LOOK_EVERY_S: Final = 0.25
_BEAT_FOR_S: Final = 2.0
_PERIODS_WITHOUT_DECISION: Final = 3.0
_LONGEST_SHOWN_S: Final = 1.0e6
_HEARING_TAKES_NS: Final = 60_000_000_000  # from a cold start to the first estimate
_CLEARED: Final = {
    TriggerKind.HOLD: TriggerKind.HOLD_CLEARED,
    TriggerKind.SHED: TriggerKind.SHED_CLEARED,
}


class SilenceWatch:
    """Looks a few times a second and acts on what begins and ends."""

    def __init__(
        self,
        worker: Worker,
        edge: PlantEdge,
        settings: GuardSettings,
        keeper: ModeKeeper,
        desk: MoveDesk,
    ) -> None:
        self._worker = worker
        self._edge = edge
        self._settings = settings
        self._keeper = keeper
        self._desk = desk
        self._began_ns = worker.clock_ns()
        self._heard: set[int] = set()  # sections
        self._conditions: dict[tuple[str, int | None, int | None], bool] = {}

    async def run(self) -> None:
        """Look and act; runs for ever."""
        await self._worker.recovered()
        for section in self._settings.cells:
            self._keeper.recall(section)
            self._desk.recall(section)
        while True:
            await self._look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self) -> None:
        guard, edge = self._settings.limits.guard, self._edge
        # First of all, and only for as long as the next look may take: whatever this task hangs on
        # then, the heartbeat ends and the plant takes its cells back.
        edge.allow_heartbeat(0.0 if self._is_loop_silent() else _BEAT_FOR_S)
        lost = not edge.is_connected
        await self._condition(
            "scada_lost",
            TriggerKind.SHED,
            lost,
            address=edge.address,
            error=edge.last_error,
        )
        heartbeat_age_s = edge.heartbeat_age_s()
        await self._condition(
            "scada_heartbeat_lost",
            TriggerKind.SHED,
            not lost and heartbeat_age_s > guard.shed_after_s,
            age_s=round(heartbeat_age_s, 1),
        )
        for section in self._settings.cells:
            await self._look_at_section(section)
        await self._desk.end_mismatches()
        if not lost:
            await self._keeper.tell_plant()

    def _silence_s(self, section: int) -> float:
        """Return for how long the loop has said nothing of a section, wall time; infinite before
        its first estimate."""
        picture, now_ns = self._keeper.pictures[section], self._worker.clock_ns()
        age_s = max(picture.age_s(now_ns), picture.estimate_age_s(now_ns))
        if picture.undecided_for_s() > _PERIODS_WITHOUT_DECISION * self._settings.control_period_s:
            age_s = max(age_s, (now_ns - picture.decided_ns) / 1e9)
        return age_s

    def _longest_silence_s(self) -> float:
        guard = self._settings.limits.guard
        return guard.max_input_age_s + guard.shed_after_s

    def _is_loop_silent(self) -> bool:
        """Whether for any section the loop is, or has been since the start, silent."""
        return any(
            self._silence_s(section) > self._longest_silence_s() for section in self._settings.cells
        )

    async def _look_at_section(self, section: int) -> None:
        picture, now_ns = self._keeper.pictures[section], self._worker.clock_ns()
        age_s, silence_s = picture.age_s(now_ns), self._silence_s(section)
        # What was written while the guard was away is old when it is read: nothing has gone silent
        # before something fresh was heard, or had time enough to be.
        if silence_s <= self._longest_silence_s() or now_ns - self._began_ns > _HEARING_TAKES_NS:
            self._heard.add(section)
        began = section in self._heard
        await self._condition(
            "samples_stale",
            TriggerKind.HOLD,
            began and age_s > self._settings.limits.guard.max_input_age_s,
            section=section,
            age_s=round(min(age_s, _LONGEST_SHOWN_S), 1),
        )
        silent = began and silence_s > self._longest_silence_s()
        await self._condition(
            "decisions_silent",
            TriggerKind.SHED,
            silent,
            section=section,
            age_s=round(min(silence_s, _LONGEST_SHOWN_S), 1),
        )
        for cell in self._settings.cells[section]:
            cell_age_s = (now_ns - picture.source_ns(cell)) / 1e9
            await self._condition(
                "cell_silent",
                TriggerKind.SHED,
                began and not silent and cell_age_s > self._longest_silence_s(),
                section=section,
                cell=cell,
                age_s=round(min(cell_age_s, _LONGEST_SHOWN_S), 1),
            )

    async def _condition(
        self,
        name: str,
        kind: TriggerKind,
        holds: bool,
        section: int | None = None,
        cell: int | None = None,
        **details: str | float,
    ) -> None:
        """Act on a condition of a cell, a section or the line when it begins and when it ends."""
        known = self._conditions.get((name, section, cell))
        if known is holds:
            return
        self._conditions[name, section, cell] = holds
        # At the first look a condition that does not hold is cleared too: the guard's life before
        # this one may have ended in the middle of it.
        trigger = Trigger(kind if holds else _CLEARED[kind], name)
        if section is not None and cell is not None:
            await self._keeper.apply(section, self._keeper.state(section), {cell: trigger})
        else:
            for number in self._settings.cells if section is None else (section,):
                await self._keeper.apply_to_all(number, trigger)
        if holds or known is not None:
            await self._worker.outbox.report(
                name, active=holds, section=section, cell=cell, **details
            )
