"""What the guard does when something falls silent: first hold, then hand back to local control.

It looks at the link to the plant, the plant's heartbeat, the age of every section's samples and
estimates and of every cell's voltage, and whether decisions still come and can be carried out. When
cells cannot be handed back otherwise it lets the guard's own heartbeat end, so that the plant sheds
by itself. And it sees when the plant, or a person there, has taken cells back.

Modes change and the plant is told before anything waits for Kafka: see `stream.reports`.
"""

import asyncio
from dataclasses import replace
from typing import Final

from control.interlock_state import Order
from control.modes import Mode, ModeState, Trigger, TriggerKind
from stream.app import Worker
from stream.audit.keeper import AuditTrail
from stream.edge import PlantEdge
from stream.handover import Finding
from stream.line_trips import Cause, LineTrips
from stream.mode_keeper import GuardSettings, ModeKeeper
from stream.move_desk import MoveDesk
from stream.order_news import standing_orders
from stream.plant_clock import APART, DRIFTS, MEASURED, PlantClock

_LOOK_EVERY_S: Final = 0.25
_BEAT_FOR_S: Final = 2.0
_PERIODS_WITHOUT_DECISION: Final = 3.0
_HANDING_BACK_TAKES_S: Final = 3.0  # a write of modes, and the plant's picture of them
_LONGEST_SHOWN_S: Final = 1.0e6
_HEARING_TAKES_NS: Final = 60_000_000_000  # from a cold start to the first estimate
# A sample from the future is one of a clock that is wrong, here or there: what is old cannot be
# told by it any more. Clocks that are kept by NTP are apart by milliseconds.
_CLOCKS_APART_S: Final = 1.0
_CLOCKS_DRIFT_S: Final = 0.1
_DRIFT: Final = "clocks_drift"
_TAKEN: Final = "plant_took_over"
_LATE: Final = "sign_of_life_late"
_UNREGULATED: Final = "cell_unregulated"
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
        audit: AuditTrail,
        settings: GuardSettings,
        keeper: ModeKeeper,
        desk: MoveDesk,
    ) -> None:
        self._worker = worker
        self._edge = edge
        self._audit = audit
        self._settings = settings
        self._keeper = keeper
        self._desk = desk
        self._began_ns = worker.monotonic_ns()
        self._line_trips = LineTrips(edge, keeper.pictures, settings.limits.guard)
        self._heard: set[int] = set()  # sections
        self._came: dict[int, tuple[Order | None, int]] = {}  # newest frame of each section, since
        self._looked_ns = worker.monotonic_ns()
        self._regulated: dict[int, tuple[float, int]] = {}  # cell -> when last: plant time, our ns
        self._plant_clock = PlantClock()
        self._conditions: dict[tuple[str, int | None, int | None], bool] = {}

    async def run(self) -> None:
        """Look and act; runs for ever."""
        await self._worker.recovered()
        for section in self._settings.cells:
            self._keeper.recall(section)
            self._desk.recall(section)
            self._keeper.orders.tell(section, standing_orders(self._keeper.state(section)))
        self._plant_clock = PlantClock(is_apart=self._stood_before(APART, None, None))
        while True:
            await self._look()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _look(self) -> None:
        guard, edge = self._settings.limits.guard, self._edge
        # First of all, and only for as long as the next look may take: whatever this task hangs on
        # then, the heartbeat ends and the plant takes its cells back.
        may_beat = self._may_beat()
        edge.allow_heartbeat(_BEAT_FOR_S if may_beat else 0.0)
        lost, heartbeat_age_s = not edge.is_connected, edge.heartbeat_age_s()
        other_writer = edge.other_writer
        # Before what follows from it: the first cause is the one that people look for.
        for cause in self._line_trips.look(self._worker.clock_ns()):
            self._trip_line(cause)
        now_ns = self._worker.monotonic_ns()
        was_long_ago = now_ns - self._looked_ns > _BEAT_FOR_S * 1e9
        self._looked_ns = now_ns
        if lost or other_writer or not may_beat or was_long_ago or heartbeat_age_s > _BEAT_FOR_S:
            self._keeper.handover.doubt(now_ns)
        # Before the connection: when that is there again and another has the line, no cell may
        # think for a moment that all is well.
        self._condition(
            "another_writer",
            TriggerKind.SHED,
            bool(other_writer),
            address=edge.address,
            reason=other_writer or "no longer; it is the one writer",
        )
        self._condition(
            "scada_lost",
            TriggerKind.SHED,
            lost,
            address=edge.address,
            error=edge.last_error,
        )
        self._condition(
            "scada_heartbeat_lost",
            TriggerKind.SHED,
            not lost and heartbeat_age_s > guard.shed_after_s,
            age_s=round(heartbeat_age_s, 1),
        )
        self._condition(
            "trip_contact_unknown",
            TriggerKind.SHED,
            not lost and edge.trip_signs.stands is None,
            address=edge.address,
        )
        self._look_at_plant_clock()
        self._look_for_lateness(heartbeat_age_s if not lost else 0.0)
        self._keeper.recall_trips()
        error = self._audit.error
        self._condition("audit_unwritable", TriggerKind.SHED, bool(error), error=error)
        unwilling = self._desk.cells_not_following()
        self._condition(
            "line_not_following",
            TriggerKind.SHED,
            unwilling >= guard.shed_line_at_cells,
            cells=unwilling,
        )
        for section in self._settings.cells:
            self._look_at_section(section)
            self._look_at_regulation(section)
            self._look_at_taken(section)
        self._desk.end_what_is_over()
        for section in self._settings.cells:
            self._keeper.orders.end_what_is_over(section, self._worker.clock_ns())
        if not lost:
            self._take(await self._keeper.tell_plant())

    def _look_at_plant_clock(self) -> None:
        """Shed when the clock of the plant's server and ours are surely apart: then no age can be
        told. Before the first measurement of this life, a cause that the last left goes on."""
        now_s, is_connected = asyncio.get_running_loop().time(), self._edge.is_connected
        offset = self._edge.clock_offset()
        clock = self._plant_clock.see(offset, now_s, is_connected=is_connected)
        self._plant_clock = clock
        if clock.offset is None and not clock.is_given_up:
            return
        self._condition(APART, TriggerKind.SHED, clock.is_apart, None, None, **clock.details)
        self._tell((DRIFTS, None, None), clock.drifts, **clock.details)
        if clock.is_news:
            self._plant_clock = clock.tell()
            self._keeper.reports.put(MEASURED, None, **clock.details)

    def _look_for_lateness(self, heartbeat_age_s: float) -> None:
        """Tell early of what has missed its turn: whoever is asked to look may find out why before
        anything has to be held."""
        now_ns, late_after_s = self._worker.monotonic_ns(), self._settings.late_after_s
        age_s = round(heartbeat_age_s, 1)
        late = heartbeat_age_s > late_after_s
        self._tell((_LATE, None, None), late, what="the plant", age_s=age_s)
        for section in self._settings.cells:
            order = self._keeper.pictures[section].order
            known, came_ns = self._came.get(section, (None, now_ns))
            if order is None or order != known:
                known, came_ns = order, now_ns
            self._came[section] = known, came_ns
            age_s = round((now_ns - came_ns) / 1e9, 1)
            what = f"the gateway for section {section}"
            self._tell((_LATE, section, None), age_s > late_after_s, what=what, age_s=age_s)

    def _trip_line(self, cause: Cause) -> None:
        """Trip every cell where a cause begins. As a cause of shed it stands for as long as it
        lasts, and no trip is reset meanwhile."""
        trip = Trigger(TriggerKind.TRIP, cause.name)
        for section in self._settings.cells if cause.begins else ():
            self._keeper.apply_at_once(section, dict.fromkeys(self._settings.cells[section], trip))
        self._condition(
            cause.name, TriggerKind.SHED, cause.stands, section=None, cell=None, **cause.details
        )

    # -- the loop ---------------------------------------------------------------------------

    def _silence_s(self, section: int) -> float:
        """Return for how long the loop has said nothing of a section, wall time; infinite before
        its first estimate."""
        picture, now_ns = self._keeper.pictures[section], self._worker.clock_ns()
        age_s = max(picture.age_s(now_ns), picture.estimate_age_s(now_ns))
        if picture.undecided_for_s() > self._longest_undecided_s():
            age_s = max(age_s, (now_ns - picture.decided_ns) / 1e9)
        return age_s

    def _longest_undecided_s(self) -> float:
        return _PERIODS_WITHOUT_DECISION * self._settings.control_period_s

    def _longest_silence_s(self) -> float:
        guard = self._settings.limits.guard
        return guard.max_input_age_s + guard.shed_after_s

    def _may_beat(self) -> bool:
        """Whether our heartbeat may go on: the loop is, and has been since the start, heard of
        every section, or at least of one and the silent ones have been handed back."""
        longest_s = self._longest_silence_s()
        silent = [
            section for section in self._settings.cells if self._silence_s(section) > longest_s
        ]
        if len(silent) == len(self._settings.cells):
            return not silent
        return not any(self._is_kept(section) for section in silent)

    def _is_kept(self, section: int) -> bool:
        """Whether a silent section has not been handed back: the plant does not say who controls
        its cells, or says for too long that it follows us."""
        shown = [self._edge.is_remote(cell) for cell in self._settings.cells[section]]
        too_long_s = self._longest_silence_s() + _HANDING_BACK_TAKES_S
        return None in shown or (any(shown) and self._silence_s(section) > too_long_s)

    def _look_at_section(self, section: int) -> None:
        picture, now_ns = self._keeper.pictures[section], self._worker.clock_ns()
        age_s, silence_s = picture.age_s(now_ns), self._silence_s(section)
        # What was written while the guard was away is old when it is read: nothing has gone silent
        # before something fresh was heard, or had time enough to be.
        if silence_s <= self._longest_silence_s() or self._is_long_begun():
            self._heard.add(section)
        began = section in self._heard
        self._condition(
            "samples_stale",
            TriggerKind.HOLD,
            began and age_s > self._settings.limits.guard.max_input_age_s,
            section=section,
            age_s=round(min(age_s, _LONGEST_SHOWN_S), 1),
        )
        ahead_s = picture.ahead_s
        self._condition(
            "clocks_apart",
            TriggerKind.SHED,
            ahead_s > _CLOCKS_APART_S,
            section=section,
            ahead_s=round(min(ahead_s, _LONGEST_SHOWN_S), 1),
        )
        drifts = _CLOCKS_DRIFT_S < ahead_s <= _CLOCKS_APART_S
        self._tell((_DRIFT, section, None), drifts, ahead_ms=round(1e3 * max(ahead_s, 0.0)))
        silent = began and silence_s > self._longest_silence_s()
        self._condition(
            "decisions_silent",
            TriggerKind.SHED,
            silent,
            section=section,
            age_s=round(min(silence_s, _LONGEST_SHOWN_S), 1),
        )
        for cell in self._settings.cells[section]:
            cell_age_s = (now_ns - picture.source_ns(cell)) / 1e9
            self._condition(
                "cell_silent",
                TriggerKind.SHED,
                began and not silent and cell_age_s > self._longest_silence_s(),
                section=section,
                cell=cell,
                age_s=round(min(cell_age_s, _LONGEST_SHOWN_S), 1),
            )

    def _is_long_begun(self) -> bool:
        return self._worker.monotonic_ns() - self._began_ns > _HEARING_TAKES_NS

    # -- single cells -----------------------------------------------------------------------

    def _look_at_regulation(self, section: int) -> None:
        """Shed cells that the plant leaves to us and for which nothing can be done for too long, by
        the plant's time and by ours."""
        t_plant_s, now_ns = self._keeper.pictures[section].t_plant_s, self._worker.monotonic_ns()
        state = self._keeper.state(section)
        for cell in self._settings.cells[section]:
            mode = state.mode_of(cell)
            stands = self._conditions.get((_UNREGULATED, section, cell), False)
            reason = self._why_unregulated(section, cell, mode, stands)
            since_s, since_ns = self._regulated.get(cell, (t_plant_s, now_ns))
            if not reason or t_plant_s < since_s:
                since_s, since_ns = t_plant_s, now_ns
            self._regulated[cell] = since_s, since_ns
            is_long = (
                t_plant_s - since_s > self._longest_undecided_s()
                and (now_ns - since_ns) / 1e9 > self._longest_silence_s()
            )
            self._condition(
                _UNREGULATED,
                TriggerKind.SHED,
                bool(reason) and (stands or is_long),
                section=section,
                cell=cell,
                age_s=round(t_plant_s - since_s),
                reason=reason or "it can be regulated again",
            )

    def _why_unregulated(self, section: int, cell: int, mode: ModeState, stands: bool) -> str:
        """Return why a cell that is, or but for this would be, left to us cannot be regulated; ""
        where it can. An anode effect is none of the reasons: local control treats it."""
        if mode.wanted is not Mode.AUTO or not (mode.is_remote or stands):
            return ""
        permissives = replace(self._keeper.permissives(cell), is_free_of_anode_effect=True)
        unplanned = self._keeper.pictures[section].unplanned.get(cell)
        reasons = [*permissives.missing(), *([f"no plan, {unplanned}"] if unplanned else [])]
        return "; ".join(reasons)

    def _take(self, taken: dict[int, Finding]) -> None:
        """Let go of cells that the plant or a person there has taken."""
        for cell, finding in taken.items():
            trigger = Trigger(TriggerKind.SHED, _TAKEN)
            if finding is Finding.TAKEN_BY_PERSON:
                cause = "it was taken to local control at the plant"
                trigger = Trigger(TriggerKind.TAKE_OVER, cause, who="scada")
            section = self._keeper.section_of(cell)
            if section is not None:
                self._keeper.apply_at_once(section, {cell: trigger})

    def _look_at_taken(self, section: int) -> None:
        """Tell of what the plant has taken, and end it when the plant has no more reason to."""
        modes = self._keeper.state(section).modes
        taken = [int(cell) for cell, mode in modes.items() if _TAKEN in mode.sheds]
        self._tell((_TAKEN, section, None), bool(taken))
        if taken and not self._keeper.handover.is_doubted(self._worker.monotonic_ns()):
            cleared = Trigger(TriggerKind.SHED_CLEARED, _TAKEN)
            self._keeper.apply_at_once(section, dict.fromkeys(taken, cleared))

    # -- what begins and ends ---------------------------------------------------------------

    def _condition(
        self,
        name: str,
        kind: TriggerKind,
        holds: bool,
        section: int | None = None,
        cell: int | None = None,
        **details: str | float,
    ) -> None:
        """Act on a condition of a cell, a section or the line when it begins and when it ends."""
        place = (name, section, cell)
        if self._conditions.get(place) is holds:
            return
        # At the first look a condition that does not hold is cleared too: the guard's life before
        # this one may have ended in the middle of it. One that still holds is told anew, for what
        # the last life told ended with it.
        if not holds and place not in self._conditions and self._stood_before(name, section, cell):
            self._conditions[place] = True
        trigger = Trigger(kind if holds else _CLEARED[kind], name)
        for number in self._settings.cells if section is None else (section,):
            cells = self._settings.cells[number] if cell is None else (cell,)
            self._keeper.apply_at_once(number, dict.fromkeys(cells, trigger))
        self._tell(place, holds, **details)

    def _stood_before(self, name: str, section: int | None, cell: int | None) -> bool:
        """Whether the state that the last life left behind says that a condition held."""
        return any(
            name in (*mode.holds, *mode.sheds)
            for number in (self._settings.cells if section is None else (section,))
            for known, mode in self._keeper.state(number).modes.items()
            if cell is None or int(known) == cell
        )

    def _tell(
        self, place: tuple[str, int | None, int | None], holds: bool, **details: str | float
    ) -> None:
        """Tell people when a condition begins and when it ends."""
        known = self._conditions.get(place)
        self._conditions[place] = holds
        name, section, cell = place
        if known is not holds and (holds or known is not None):
            self._keeper.reports.put(name, section, active=holds, cell=cell, **details)
