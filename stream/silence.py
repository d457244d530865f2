"""What the guard does when something falls silent: first hold, then hand back to local control.

It looks at the link to the plant, the plant's heartbeat and the age of every section's samples,
and lets the guard's own heartbeat stop when the loop is silent, so that the plant sheds by itself.
"""

import asyncio
from typing import Final

from control.modes import Trigger, TriggerKind
from stream.app import Worker
from stream.edge import PlantEdge
from stream.mode_keeper import GuardSettings, ModeKeeper
from stream.move_desk import MISMATCH, MoveDesk

_LOOK_EVERY_S: Final = 0.25
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
        self._conditions: dict[tuple[str, int | None], bool] = {}

    async def run(self) -> None:
        """Look and act; runs for ever."""
        await self._worker.recovered()
        for section in self._settings.cells:
            # A mismatch stands for a minute; the life before this one took longer to end.
            await self._keeper.apply_to_all(section, Trigger(TriggerKind.SHED_CLEARED, MISMATCH))
        while True:
            await self._look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self) -> None:
        guard, edge = self._settings.limits.guard, self._edge
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
        edge.allow_heartbeat(not await self._look_at_samples())
        await self._desk.end_mismatches()
        if not lost:
            await self._keeper.tell_plant()

    async def _look_at_samples(self) -> bool:
        """Return whether the loop is silent for any section."""
        guard, now_ns = self._settings.limits.guard, self._worker.clock_ns()
        silent = False
        for section, picture in self._keeper.pictures.items():
            age_s = picture.age_s(now_ns)
            began = picture.t_plant_s > 0.0  # before the first frame, nothing has gone silent
            is_stale = began and age_s > guard.max_input_age_s
            is_silent = began and age_s > guard.max_input_age_s + guard.shed_after_s
            silent = silent or is_silent or not began
            shown_s = round(min(age_s, 1e6), 1)
            await self._condition(
                "samples_stale", TriggerKind.HOLD, is_stale, section=section, age_s=shown_s
            )
            await self._condition(
                "decisions_silent", TriggerKind.SHED, is_silent, section=section, age_s=shown_s
            )
        return silent

    async def _condition(
        self,
        name: str,
        kind: TriggerKind,
        holds: bool,
        section: int | None = None,
        **details: str | float,
    ) -> None:
        """Act on a condition of a section (None: of the line) when it begins and when it ends."""
        known = self._conditions.get((name, section))
        if known is holds:
            return
        self._conditions[name, section] = holds
        if holds or known is not None:
            await self._worker.outbox.report(
                name, active=holds, section=section, cell=None, **details
            )
        # At the first look a condition that does not hold is cleared too: the guard's life before
        # this one may have ended in the middle of it.
        trigger = Trigger(kind if holds else _CLEARED[kind], name)
        for number in self._settings.cells if section is None else (section,):
            await self._keeper.apply_to_all(number, trigger)
