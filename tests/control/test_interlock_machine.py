"""Interlock and modes in any order of events, beside a small model that says the rules once more.

The model knows nothing of `control`: it keeps what a person would keep on a sheet of paper, and
says of each request whether it may be written, and between which values.
"""

import math
from dataclasses import dataclass, field

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from control.interlock import Request, Situation, permit
from control.interlock_state import SectionState, SetpointState, add_travel
from control.mode_machine import transition
from control.modes import (
    Mode,
    ModePolicy,
    ModeState,
    Rearm,
    Refusal,
    Trigger,
    TriggerKind,
    init_mode,
)
from control.permissives import Permissives
from tests.control.cases import BEAM, FEED, GUARD, LIMITS, SECOND_NS, SETPOINT_LIMITS

CELLS = (7, 8)
NOW_NS = 1_800_000_000_000_000_000
HOUR_S = 3600.0
# What leaves no trace: who asks, what and when is wrong before it is a request at all.
UNJUDGED = ["nan", "inf", "text", "unit", "unknown cell", "unknown setpoint", "role", "expired"]
FLAWS = [
    *UNJUDGED,
    "old",
    "stale",
    "of the future",
    "silent cell",
    "no read-back",
    "silent plant",
    "anode effect",
    "crowded",
    "unfollowed",
]


@dataclass
class Sheet:
    """What the model keeps of one setpoint of one cell: moves as (plant time, distance)."""

    newest: tuple[int, int] = (-1, -1)
    written: float | None = None  # the last permitted value
    moved_s: float | None = None
    first_done_in: int | None = None  # the stay in which a write has come to the plant
    travels: list[tuple[float, float]] = field(default_factory=list)

    def spent(self, now_s: float, window_s: float) -> tuple[float, float]:
        """Least and most of the travel that a window may count: it is kept in buckets."""
        bucket_s = window_s / 24.0
        least = sum(far for at_s, far in self.travels if now_s - at_s <= window_s)
        most = sum(far for at_s, far in self.travels if now_s - at_s <= window_s + bucket_s)
        return least, most


@dataclass
class CellSheet:
    """What the model keeps of one cell."""

    wanted: Mode = Mode.MANUAL
    holds: set[str] = field(default_factory=set)
    sheds: set[str] = field(default_factory=set)
    is_shed: bool = False
    is_off: bool = False
    trip: str = ""
    on_the_way: str = "ready"  # then "warm", then "there"
    warm_since_s: float = 0.0

    @property
    def mode(self) -> Mode:
        if self.trip:
            return Mode.TRIPPED
        if self.is_off:
            return Mode.OFF
        if self.wanted is not Mode.AUTO:
            return self.wanted
        if self.is_shed:
            return Mode.SHED
        if self.on_the_way != "there":
            return Mode.WARM if self.on_the_way == "warm" else Mode.READY
        return Mode.AUTO

    def start_warming(self, plant_s: float) -> None:
        if self.mode is Mode.READY:
            self.on_the_way, self.warm_since_s = "warm", plant_s


class InterlockMachine(RuleBasedStateMachine):
    """Two cells of a section, their modes and what is asked for them."""

    @initialize(
        rearm=st.sampled_from(list(Rearm)),
        spent=st.sampled_from([0.0, 0.9, 0.99]),
        warm_up_h=st.sampled_from([0.0, 0.0, 0.1]),
    )
    def begin(self, rearm: Rearm, spent: float, warm_up_h: float) -> None:
        """Cells are asked to be in AUTO; they may have travelled a good deal before."""
        self.policy = ModePolicy(initial_mode=Mode.MANUAL, rearm=rearm, warm_up_h=warm_up_h)
        self.plant_s = 1_000_000.0
        self.now_ns = NOW_NS
        self.sequence = 0
        self.scan = 0
        self.moved_in_scan: set[int] = set()
        self.section = SectionState()
        self.modes: dict[int, ModeState] = {
            cell: init_mode(self.policy, self.plant_s) for cell in CELLS
        }
        self.sheets = {(cell, name): Sheet() for cell in CELLS for name in (FEED, BEAM)}
        self.cells = {cell: CellSheet() for cell in CELLS}
        self.readback = {(cell, name): 200.0 for cell in CELLS for name in (FEED, BEAM)}
        self.permissives = Permissives(True, True, True, True, True, True)
        for cell in CELLS:
            self.a_person_asks(cell, Mode.AUTO, "operator")
        self.plant_s += warm_up_h * HOUR_S
        for cell in CELLS:
            self.a_good_decision_comes(cell)
        for (cell, name), sheet in self.sheets.items():
            row = SETPOINT_LIMITS[name]
            window_s = row.travel_window_h * HOUR_S
            far, at_s = spent * row.max_travel, self.plant_s - 0.2 * window_s
            sheet.travels.append((at_s, far))
            before = SetpointState(travels=add_travel((), at_s, window_s, far))
            self.section = self.section.remember(cell, name, before)

    # -- what happens -----------------------------------------------------------------------

    @rule(seconds=st.floats(0.0, 2.0), speed=st.sampled_from([1.0, 60.0, 600.0]))
    def time_passes(self, seconds: float, speed: float) -> None:
        self.now_ns += int(seconds * SECOND_NS)
        self.plant_s += seconds * speed

    @rule()
    def a_scan_passes(self) -> None:
        self.scan += 1
        self.moved_in_scan = set()

    @rule(
        cell=st.sampled_from(CELLS),
        name=st.sampled_from([FEED, BEAM]),
        value=st.floats(0.0, 500.0),
    )
    def the_plant_moves(self, cell: int, name: str, value: float) -> None:
        self.readback[cell, name] = value

    @rule()
    def the_guard_is_restarted(self) -> None:
        self.section = msgspec.msgpack.decode(
            msgspec.msgpack.encode(self.section), type=SectionState
        )
        self.modes = {
            cell: msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=ModeState)
            for cell, state in self.modes.items()
        }

    @rule(ok=st.booleans())
    def permissives_change(self, ok: bool) -> None:
        self.permissives = Permissives(ok, True, True, True, True, True)

    @rule(
        cell=st.sampled_from(CELLS),
        mode=st.sampled_from([Mode.AUTO, Mode.MANUAL, Mode.ADVISORY]),
        role=st.sampled_from(["operator", "engineer", "manager", "observer", ""]),
    )
    def a_person_asks(self, cell: int, mode: Mode, role: str) -> None:
        sheet = self.cells[cell]
        may = role in (("operator", "engineer") if mode is Mode.AUTO else
                       ("operator", "engineer", "manager"))  # fmt: skip
        is_ready = mode is not Mode.AUTO or (self.permissives.has_fresh_samples and not sheet.sheds)
        refused = self._trigger(cell, Trigger(TriggerKind.SET_MODE, "asked", mode, "anna", role))
        is_ready = is_ready and not (mode is Mode.AUTO and sheet.is_off)
        assert refused is not (may and is_ready and not sheet.trip)
        if refused or (mode is sheet.wanted is Mode.AUTO and not sheet.is_shed):
            return
        sheet.wanted, sheet.is_shed, sheet.on_the_way = mode, False, "ready"
        if mode is Mode.AUTO:
            sheet.start_warming(self.plant_s)

    @rule(
        cell=st.sampled_from(CELLS),
        kind=st.sampled_from([TriggerKind.SWITCH_OFF, TriggerKind.SWITCH_ON]),
        role=st.sampled_from(["operator", "manager", ""]),
    )
    def a_person_switches(self, cell: int, kind: TriggerKind, role: str) -> None:
        sheet, is_off = self.cells[cell], kind is TriggerKind.SWITCH_OFF
        may = role == "operator" or (is_off and role == "manager")
        assert self._trigger(cell, Trigger(kind, "asked", who="anna", role=role)) is not may
        if may and sheet.is_off is not is_off:
            sheet.is_off, sheet.on_the_way = is_off, "ready"

    @rule(cell=st.sampled_from(CELLS))
    def a_good_decision_comes(self, cell: int) -> None:
        self._trigger(cell, Trigger(TriggerKind.WARMED))
        sheet = self.cells[cell]
        warm_s = self.plant_s - sheet.warm_since_s
        is_long = warm_s >= self.policy.warm_up_h * HOUR_S
        if sheet.mode is Mode.WARM and is_long and self.permissives.has_fresh_samples:
            sheet.on_the_way = "there"

    @rule(
        cell=st.sampled_from(CELLS),
        role=st.sampled_from(["operator", "engineer", "manager", ""]),
        reason=st.sampled_from(["", "looked at"]),
    )
    def a_trip_is_reset(self, cell: int, role: str, reason: str) -> None:
        sheet = self.cells[cell]
        may = bool(sheet.trip and reason and not sheet.sheds and role in ("operator", "engineer"))
        trigger = Trigger(TriggerKind.RESET_TRIP, reason, who="anna", role=role)
        assert self._trigger(cell, trigger) is not may
        if may:
            sheet.trip, sheet.wanted, sheet.is_shed = "", Mode.MANUAL, False

    @rule(cell=st.sampled_from(CELLS), cause=st.sampled_from(["a", "b"]))
    def something_trips(self, cell: int, cause: str) -> None:
        self._trigger(cell, Trigger(TriggerKind.TRIP, cause))
        if not self.cells[cell].trip:
            self.cells[cell].trip, self.cells[cell].on_the_way = cause, "ready"

    @rule(cell=st.sampled_from(CELLS), cause=st.sampled_from(["a", "b"]))
    def something_sheds(self, cell: int, cause: str) -> None:
        sheet = self.cells[cell]
        self._trigger(cell, Trigger(TriggerKind.SHED, cause))
        sheet.sheds.add(cause)
        sheet.is_shed, sheet.on_the_way = sheet.is_shed or sheet.wanted is Mode.AUTO, "ready"

    @rule(cell=st.sampled_from(CELLS), cause=st.sampled_from(["a", "b"]))
    def a_shed_clears(self, cell: int, cause: str) -> None:
        self._trigger(cell, Trigger(TriggerKind.SHED_CLEARED, cause))
        self.cells[cell].sheds.discard(cause)

    @rule(cell=st.sampled_from(CELLS))
    def a_person_at_the_plant_takes_it(self, cell: int) -> None:
        self._trigger(cell, Trigger(TriggerKind.TAKE_OVER, "taken"))
        self.cells[cell].wanted, self.cells[cell].is_shed = Mode.MANUAL, False
        self.cells[cell].on_the_way = "ready"

    @rule()
    def cells_are_looked_at_again(self) -> None:
        for cell in CELLS:
            self._trigger(cell, Trigger(TriggerKind.SCAN))
            sheet = self.cells[cell]
            if not self.permissives.has_fresh_samples:
                if sheet.on_the_way == "warm":
                    sheet.on_the_way = "ready"
                continue
            if self.policy.rearm is Rearm.AUTOMATIC and not sheet.sheds:
                sheet.is_shed = False
            sheet.start_warming(self.plant_s)

    def _trigger(self, cell: int, trigger: Trigger) -> bool:
        """Let something happen; whether it was refused."""
        before = self.modes[cell]
        after = transition(before, trigger, self.permissives, self.policy, self.plant_s)
        if isinstance(after, Refusal):
            assert after.reasons
            return True
        self.modes[cell] = after
        return False

    # -- what is asked ----------------------------------------------------------------------

    @rule(
        cell=st.sampled_from(CELLS),
        name=st.sampled_from([FEED, BEAM]),
        value=st.one_of(st.floats(0.0, 500.0), st.floats(199.0, 201.0)),
        flaw=st.sampled_from(["none"] * 20 + ["crowded"] * 4 + FLAWS),
        reaches_the_plant=st.sampled_from([True, True, True, False]),
        after_plant_s=st.sampled_from([0.0, 1.0, 30.0, 120.0, 900.0]),
    )
    def a_setpoint_is_asked_for(
        self,
        cell: int,
        name: str,
        value: float,
        flaw: str,
        reaches_the_plant: bool,
        after_plant_s: float,
    ) -> None:
        """One request, with at most one thing wrong in it or around it."""
        self.plant_s += after_plant_s
        self.sequence += 1
        order = (1, self.sequence - 2 if flaw == "old" else self.sequence)
        readback = self.readback[cell, name]
        mode = self.modes[cell]
        age_s = {"stale": 5.1, "of the future": -2.1}.get(flaw, 0.1)
        request = Request(
            cell=99 if flaw == "unknown cell" else cell,
            setpoint="no_such_setpoint" if flaw == "unknown setpoint" else name,
            value={"nan": math.nan, "inf": math.inf, "text": "200"}.get(flaw, value),
            unit="t/h" if flaw == "unit" else None,
            role="viewer" if flaw == "role" else "optimiser",
            order=order,
            expires_ns=self.now_ns + (0 if flaw == "expired" else SECOND_NS),
            t_source_ns=self.now_ns - int(age_s * SECOND_NS),
        )
        elsewhere = GUARD.max_cells_per_scan if flaw == "crowded" else 0
        situation = Situation(
            now_ns=self.now_ns,
            now_plant_s=self.plant_s,
            cells=frozenset(CELLS),
            mode=mode.mode,
            auto_since_plant_s=mode.since_plant_s,
            newest_source_ns=self.now_ns - (6 * SECOND_NS if flaw == "silent cell" else 0),
            readback=None if flaw == "no read-back" else readback,
            has_plant_heartbeat=flaw != "silent plant",
            is_in_anode_effect=flaw == "anode effect",
            scan=self.scan,
            cells_moved_elsewhere=elsewhere,
            is_followed=flaw != "unfollowed",
            stay=mode.stay,
        )
        verdict, self.section = permit(request, situation, LIMITS, self.section)
        if flaw in UNJUDGED:
            assert verdict.applied is None
            return
        sheet = self.sheets[cell, name]
        is_newer = order > sheet.newest
        sheet.newest = max(sheet.newest, order)
        is_sound = flaw in ("none", "old", "crowded")
        if not (is_newer and is_sound and self.cells[cell].mode is Mode.AUTO):
            assert verdict.applied is None, verdict
            return
        self._compare(cell, name, value, readback, elsewhere, verdict.applied, mode)
        if verdict.applied is not None and reaches_the_plant:
            self.readback[cell, name] = verdict.applied
            self.section = self.section.note_written(cell, name, mode.stay)
            sheet.first_done_in = mode.stay

    def _compare(
        self,
        cell: int,
        name: str,
        value: float,
        readback: float,
        elsewhere: int,
        applied: float | None,
        mode: ModeState,
    ) -> None:
        """Work out between which values the model would let it be, and compare."""
        row, sheet = SETPOINT_LIMITS[name], self.sheets[cell, name]
        is_near = sheet.written is not None and (
            abs(sheet.written - readback) <= row.readback_tolerance
        )
        origin = sheet.written if is_near and sheet.written is not None else readback
        is_first = sheet.first_done_in != mode.stay
        low, high = max(row.low, readback - row.max_step), min(row.high, readback + row.max_step)
        if is_first and low <= readback <= high:
            low = high = readback
        else:
            since_s = mode.since_plant_s if is_first or sheet.moved_s is None else sheet.moved_s
            room = row.max_rate_per_h * (self.plant_s - since_s) / HOUR_S
            low, high = max(low, origin - room), min(high, origin + room)
        window_s = row.travel_window_h * HOUR_S
        least, most = sheet.spent(self.plant_s, window_s)
        widest, narrowest = max(row.max_travel - least, 0.0), max(row.max_travel - most, 0.0)
        is_full = elsewhere + len(self.moved_in_scan - {cell}) >= GUARD.max_cells_per_scan
        if applied is None:
            # Nothing satisfies all limits, or too many cells have moved, or it is at a brim that
            # depends on how travel is bucketed.
            nothing_fits = max(low, origin - narrowest) > min(high, origin + narrowest) + 1e-9
            wanted = min(max(value, low), high)
            would_move = abs(wanted - readback) >= row.resolution - 1e-9
            assert nothing_fits or (is_full and cell not in self.moved_in_scan and would_move)
            return
        assert low - 1e-9 <= applied <= high + 1e-9
        assert abs(applied - origin) <= widest + 1e-9
        inside = min(max(value, low, origin - narrowest), high, origin + narrowest)
        if widest == narrowest:
            assert math.isclose(applied, inside, abs_tol=1e-6)
        distance = abs(applied - origin)
        if abs(applied - readback) >= row.resolution:
            assert not is_full or cell in self.moved_in_scan
            self.moved_in_scan.add(cell)
        if distance > 0.0 or is_first:
            sheet.moved_s = self.plant_s
            sheet.travels.append((self.plant_s, distance))
        sheet.written = applied

    # -- what must hold ---------------------------------------------------------------------

    @invariant()
    def modes_are_those_of_the_model(self) -> None:
        for cell in getattr(self, "cells", ()):
            state, sheet = self.modes[cell], self.cells[cell]
            assert state.mode is sheet.mode
            assert (state.trip or "") == sheet.trip, "the first cause, until a person resets it"


TestInterlockMachine = InterlockMachine.TestCase
TestInterlockMachine.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
