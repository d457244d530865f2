"""Signs of life on both sides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opcua.heartbeat import PlantBeat
from opcua.nodes import CellMode, WatchdogState
from opcua.watchdog import Watchdog, actual_modes, shed_targets

REMOTE, AUTO, MANUAL = CellMode.REMOTE_CASCADE, CellMode.AUTO, CellMode.MANUAL


def test_a_heartbeat_that_stands_still_sheds() -> None:
    watchdog = Watchdog(3.0).beat(1, 10.0).look(12.9)
    assert watchdog.state is WatchdogState.ALIVE
    assert watchdog.beat(1, 12.9).look(13.1).state is WatchdogState.SHED  # same count: no beat
    assert watchdog.beat(2, 12.9).look(13.1).state is WatchdogState.ALIVE


def test_silence_before_the_first_beat_is_no_shed() -> None:
    assert Watchdog(3.0).look(1e6).state is WatchdogState.WAITING


def test_a_beat_ends_a_shed() -> None:
    shed = Watchdog(3.0).beat(1, 0.0).look(9.0)
    assert shed.beat(2, 10.0).state is WatchdogState.ALIVE


def test_a_shed_cell_does_not_come_back_by_itself() -> None:
    target = np.array([REMOTE, AUTO, MANUAL])
    assert shed_targets(target).tolist() == [AUTO, AUTO, MANUAL]


@given(st.lists(st.sampled_from([REMOTE, AUTO, MANUAL]), min_size=1))
def test_no_cell_is_remote_unless_the_optimiser_lives(modes: list[CellMode]) -> None:
    target = np.array(modes)
    alive = Watchdog(3.0).beat(1, 0.0)
    assert actual_modes(target, alive).tolist() == modes
    for watchdog in (Watchdog(3.0), alive.look(9.0)):
        shown = actual_modes(target, watchdog)
        assert REMOTE not in shown
        assert (shown[target != REMOTE] == target[target != REMOTE]).all()


@pytest.mark.parametrize("count", [None, 5])
def test_a_plant_that_says_nothing_new_grows_old(count: object) -> None:
    beat = PlantBeat(0.0).see(5, 1.0).see(count, 3.0)
    assert beat.age_s(4.0) == 3.0
    assert beat.see(6, 4.0).age_s(4.5) == 0.5
