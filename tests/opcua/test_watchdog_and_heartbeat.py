"""Signs of life on both sides."""

from pathlib import Path

import numpy as np
import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from opcua.heartbeat import PlantBeat
from opcua.line_control import HEARTBEAT, MODE, LineControl
from opcua.nodes import CellMode, WatchdogState
from opcua.watchdog import Watchdog, actual_modes, shed_targets
from opcua.write_rules import WriteRule
from ops.plantfile import load_plant

PLANT_FILE = Path(__file__).parents[2] / "plants" / "reference-300ka.toml"
FEED = "alumina_feed_rate_kg_per_h"
REMOTE, AUTO, MANUAL = CellMode.REMOTE_CASCADE, CellMode.AUTO, CellMode.MANUAL


@pytest.mark.contract(1)
def test_a_heartbeat_that_stands_still_sheds() -> None:
    watchdog = Watchdog(3.0).beat(1, 10.0).look(11.5)
    assert watchdog.state is WatchdogState.ALIVE
    late = watchdog.look(11.7)
    assert late.state is WatchdogState.LATE
    assert late.look(13.1).state is WatchdogState.SHED
    assert late.beat(2, 12.9).state is WatchdogState.ALIVE
    assert watchdog.beat(1, 12.9).look(13.1).state is WatchdogState.SHED  # same count: no beat
    assert watchdog.beat(2, 12.9).look(13.1).state is WatchdogState.ALIVE


def test_silence_before_the_first_beat_is_no_shed() -> None:
    assert Watchdog(3.0).look(1e6).state is WatchdogState.WAITING


def test_a_beat_ends_a_shed() -> None:
    shed = Watchdog(3.0).beat(1, 0.0).look(9.0)
    assert shed.beat(2, 10.0).state is WatchdogState.ALIVE


@pytest.mark.contract(2)
def test_a_shed_cell_does_not_come_back_by_itself() -> None:
    target = np.array([REMOTE, AUTO, MANUAL])
    assert shed_targets(target).tolist() == [AUTO, AUTO, MANUAL]


@pytest.mark.contract(1, 15)
@pytest.mark.parametrize("looks_first", [False, True])
def test_a_server_that_was_stopped_takes_no_setpoint_that_waited_behind_a_late_heartbeat(
    looks_first: bool,
) -> None:
    """Found by `potline simulate-faults`: the heartbeat hid that it had come too late, and the
    request for remote control that had waited behind it counted anew."""
    row = next(row for row in load_plant(PLANT_FILE, 1).setpoints if row.name == FEED)
    control = LineControl((row,), {FEED: np.array([180.0])}, 3.0)
    beat = WriteRule(HEARTBEAT, ua.VariantType.UInt32)
    mode = WriteRule(MODE, ua.VariantType.Int32, 1)
    feed = WriteRule(FEED, ua.VariantType.Double, 1)
    control.take_write(beat, 1, 10.0)
    control.take_write(mode, REMOTE, 10.0)
    control.take_write(feed, 190.0, 10.0)
    control.apply(10.1)
    assert (control.modes[0], control.accepted[FEED][0]) == (REMOTE, 190.0)
    # Stopped for 15 s; then what waited is handled in its order before anything else.
    if looks_first:
        control.apply(25.0)
    control.take_write(feed, 200.0, 25.0)
    control.take_write(beat, 2, 25.0)
    control.take_write(mode, REMOTE, 25.0)
    control.take_write(feed, 210.0, 25.0)
    control.apply(25.1)
    assert (control.modes[0], control.accepted[FEED][0]) == (AUTO, 190.0)
    assert control.watchdog.state is WatchdogState.ALIVE, "and the guard may ask for the cell anew"
    control.take_write(mode, REMOTE, 25.5)
    control.take_write(feed, 205.0, 25.5)
    control.apply(25.6)
    assert (control.modes[0], control.accepted[FEED][0]) == (REMOTE, 205.0)


def test_who_asks_for_local_control_in_silence_gets_it_and_who_asks_for_remote_does_not() -> None:
    row = next(row for row in load_plant(PLANT_FILE, 1).setpoints if row.name == FEED)
    control = LineControl((row,), {FEED: np.array([180.0, 180.0])}, 3.0)
    control.take_write(WriteRule(HEARTBEAT, ua.VariantType.UInt32), 1, 10.0)
    control.apply(10.1)
    control.take_write(WriteRule(MODE, ua.VariantType.Int32, 1), MANUAL, 25.0)
    control.take_write(WriteRule(MODE, ua.VariantType.Int32, 2), REMOTE, 25.0)
    control.apply(25.1)
    assert control.modes.tolist() == [MANUAL, AUTO]


@given(st.lists(st.sampled_from([REMOTE, AUTO, MANUAL]), min_size=1))
def test_no_cell_is_remote_unless_the_optimiser_lives(modes: list[CellMode]) -> None:
    target = np.array(modes)
    alive = Watchdog(3.0).beat(1, 0.0)
    for watchdog in (alive, alive.look(2.9)):
        assert actual_modes(target, watchdog).tolist() == modes
    for watchdog in (Watchdog(3.0), alive.look(9.0)):
        shown = actual_modes(target, watchdog)
        assert REMOTE not in shown
        assert (shown[target != REMOTE] == target[target != REMOTE]).all()


@pytest.mark.parametrize("count", [None, 5])
def test_a_plant_that_says_nothing_new_grows_old(count: object) -> None:
    beat = PlantBeat(0.0).see(5, 1.0).see(count, 3.0)
    assert beat.age_s(4.0) == 3.0
    assert beat.see(6, 4.0).age_s(4.5) == 0.5
