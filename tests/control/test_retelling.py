"""When an alarm that lasts is told again: by its priority, and once taken up only where asked."""

import pytest

from control.events import Priority
from control.retelling import NEVER_AGAIN, Retelling


def test_by_default_what_is_urgent_and_not_taken_up_is_told_again() -> None:
    usual = Retelling()
    after_s = {one: usual.after_s(one, is_acknowledged=False) for one in Priority}
    assert after_s == {
        Priority.HIGH: 600.0,
        Priority.MEDIUM: 1800.0,
        Priority.LOW: None,
        Priority.JOURNAL: None,
    }
    assert {usual.after_s(one, is_acknowledged=True) for one in Priority} == {None}
    assert {NEVER_AGAIN.after_s(one, is_acknowledged=False) for one in Priority} == {None}


def test_what_is_taken_up_is_told_again_where_that_is_asked_for() -> None:
    patient = Retelling(acknowledged_s=7200.0)
    assert patient.after_s(Priority.LOW, is_acknowledged=True) == 7200.0


@pytest.mark.parametrize("after_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(after_s: float) -> None:
    with pytest.raises(ValueError, match=r"medium_s is .* None for never"):
        Retelling(medium_s=after_s)
