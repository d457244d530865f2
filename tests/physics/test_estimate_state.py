"""The estimator's state as bytes: the same back, or a named refusal."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physics.estimate_state import EstimatorState, EstimatorStateError, from_bytes, to_bytes
from physics.estimator import Estimator
from tests.physics.plants import load_design, load_noise_sd

ESTIMATOR = Estimator(load_design("metalx-120ka.toml"), load_noise_sd("metalx-120ka.toml"))


def test_a_state_comes_back_as_it_was() -> None:
    state = ESTIMATOR.init(5)
    state = state._replace(mean=state.mean * np.linspace(0.9, 1.1, 5)[:, np.newaxis])
    back = from_bytes(to_bytes(state))
    for name in EstimatorState._fields:
        assert np.array_equal(getattr(back, name), getattr(state, name), equal_nan=True), name
        assert getattr(back, name).shape == getattr(state, name).shape


@given(st.binary(max_size=200))
def test_garbage_is_refused(payload: bytes) -> None:
    with pytest.raises(EstimatorStateError):
        from_bytes(payload)


WHOLE = to_bytes(ESTIMATOR.init(2))


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_state_is_refused(length: int) -> None:
    with pytest.raises(EstimatorStateError):
        from_bytes(WHOLE[:length])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("version", 99, "version 99"),
        ("states", ["alumina_wt_pct"], "version 5 with states alumina_wt_pct;"),
        ("arrays", {}, "with the arrays"),
        ("cells", 3, "3 cells need"),
        ("cells", 0, "0 cells need"),
        ("cells", -1, "-1 cells need"),
    ],
)
def test_a_state_of_another_kind_is_refused(field: str, value: object, said: str) -> None:
    packed = msgspec.msgpack.decode(to_bytes(ESTIMATOR.init(2)))
    packed[field] = value
    with pytest.raises(EstimatorStateError, match=said):
        from_bytes(msgspec.msgpack.encode(packed))
