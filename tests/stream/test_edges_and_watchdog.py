"""Conditions are told once, and a worker that stands still is seen to."""

from stream.edges import Edge, Edges
from stream.watchdog import Look, Progress, look, stalled_for_s


def test_a_lasting_condition_is_told_once_and_ends_once() -> None:
    edges = Edges(off_delay_ns=30)
    assert edges.update("x", False, 0) is None
    assert edges.update("x", True, 1) is Edge.BEGAN
    assert edges.update("x", True, 2) is None
    assert edges.update("x", False, 20) is None, "it may only be flickering"
    assert edges.update("x", True, 25) is None
    assert edges.update("x", False, 55) is Edge.ENDED
    assert edges.update("x", False, 56) is None
    assert edges.update("y", True, 56) is Edge.BEGAN, "conditions are told apart"


def test_a_partition_is_stuck_when_messages_come_and_none_is_done() -> None:
    progress = Progress()
    progress.expect("samples")
    place = ("samples", 3)
    progress.note(*place, 9)
    seen = look({}, progress, {place: 10, ("other", 0): 5}, 0.0)
    assert seen == {place: Look(9, 10, None)}
    seen = look(seen, progress, {place: 10}, 2.0)
    assert stalled_for_s(seen, 2.0) == 0.0, "nothing came, so nothing is stuck"
    seen = look(seen, progress, {place: 11}, 4.0)
    seen = look(seen, progress, {place: 11}, 6.0)
    assert stalled_for_s(seen, 10.0) == 6.0
    progress.note(*place, 10)
    seen = look(seen, progress, {place: 12}, 12.0)
    assert stalled_for_s(seen, 12.0) == 0.0


def test_a_worker_that_never_did_anything_is_stuck_once_messages_come() -> None:
    progress = Progress()
    progress.expect("samples")
    seen = look({}, progress, {("samples", 0): 0}, 0.0)
    seen = look(seen, progress, {("samples", 0): 1}, 1.0)
    assert stalled_for_s(seen, 31.0) == 30.0
