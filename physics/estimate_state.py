"""What the estimator remembers of a section, and the same as bytes for a table.

EstimatorStateError (ValueError): bytes that are no state of this version and these states
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import jax.numpy as jnp
import msgspec
import numpy as np
from jax import Array
from numpy.typing import NDArray

from physics.reduced.model import STATES

STATE_VERSION: Final = 1
_SIZES: Final = {"t_plant_s": 0, "mean": 2, "covariance": 3}  # dimensions; the others have one


class EstimatorStateError(ValueError):
    """Bytes that cannot be read as an estimator's state."""


class EstimatorState(NamedTuple):
    """State of the estimator; NaN stands for what has not been measured yet.

    Attributes:
        t_plant_s: scalar, plant time of the newest scan taken in; NaN before the first.
        mean: (C, N) in the order of `physics.reduced.model.STATES`.
        covariance: (C, N, N).
        fed_kg: (C,) feeder's running total as of `t_plant_s`.
        beam_position_mm: (C,) last measured.
        feed_rate_kg_per_h: (C,) commanded feed, smoothed over about 15 min.
        line_current_ka: (C,) last measured.
        noise_mv: (C,) voltage noise, last measured.
        anode_effect: (C,) 1 while the voltage says so.
        innovation_v, innovation_normalised: (C,) of the newest voltage taken in.
        restarts: (C,) how often a cell had to begin anew because its estimate was not finite.
    """

    t_plant_s: Array
    mean: Array
    covariance: Array
    fed_kg: Array
    beam_position_mm: Array
    feed_rate_kg_per_h: Array
    line_current_ka: Array
    noise_mv: Array
    anode_effect: Array
    innovation_v: Array
    innovation_normalised: Array
    restarts: Array


class _Packed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    states: tuple[str, ...]
    cells: int
    arrays: dict[str, bytes]


def make_state(arrays: Mapping[str, NDArray[np.float64]]) -> EstimatorState:
    """Make a state of NumPy arrays, by the names of its fields."""
    return EstimatorState(**{name: jnp.asarray(array) for name, array in arrays.items()})


def to_bytes(state: EstimatorState) -> bytes:
    """Pack a state, little-endian float64, with its version and the names of its states."""
    arrays = {
        name: np.ascontiguousarray(np.asarray(value), dtype="<f8").tobytes()
        for name, value in state._asdict().items()
    }
    cells = int(np.asarray(state.mean).shape[0])
    return msgspec.msgpack.encode(_Packed(STATE_VERSION, STATES, cells, arrays))


def from_bytes(payload: bytes) -> EstimatorState:
    """Read a state back.

    Args:
        payload: what `to_bytes` made.

    Returns:
        The state.

    Raises:
        EstimatorStateError: not a state, another version, other states, or of inconsistent size.
    """
    try:
        packed = msgspec.msgpack.decode(payload, type=_Packed)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise EstimatorStateError(f"{len(payload)} bytes are no estimator state: {exc}") from exc
    if packed.version != STATE_VERSION or packed.states != STATES:
        raise EstimatorStateError(
            f"estimator state of version {packed.version} with states {', '.join(packed.states)}; "
            f"this program reads version {STATE_VERSION} with {', '.join(STATES)}. Remedy: let the "
            "section start anew"
        )
    if set(packed.arrays) != set(EstimatorState._fields):
        raise EstimatorStateError(f"estimator state with the arrays {sorted(packed.arrays)}")
    return make_state({name: _read(name, raw, packed.cells) for name, raw in packed.arrays.items()})


def _read(name: str, raw: bytes, cells: int) -> NDArray[np.float64]:
    count = len(STATES)
    shape = ((), (cells,), (cells, count), (cells, count, count))[_SIZES.get(name, 1)]
    expected = 8 * int(np.prod(shape))
    if cells < 1 or len(raw) != expected:
        raise EstimatorStateError(
            f"{name} has {len(raw)} bytes where {cells} cells need {expected}"
        )
    return np.frombuffer(raw, dtype="<f8").reshape(shape).astype(np.float64)
