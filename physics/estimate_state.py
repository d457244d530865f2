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
from physics.signals import SIGNALS

STATE_VERSION: Final = 2
_COUNT: Final = len(STATES)
_SIZES: Final = {  # beyond the cells; the others have one number for each cell
    "mean": (_COUNT,),
    "covariance": (_COUNT, _COUNT),
    "seen_s": (len(SIGNALS),),
}
_OF_THE_SECTION: Final = ("t_plant_s", "scan_s")


class EstimatorStateError(ValueError):
    """Bytes that cannot be read as an estimator's state."""


class EstimatorState(NamedTuple):
    """State of the estimator; NaN stands for what has not been measured yet.

    Attributes:
        t_plant_s: scalar, plant time of the newest scan taken in; NaN before the first.
        scan_s: scalar, usual plant time between scans.
        mean: (C, N) in the order of `physics.reduced.model.STATES`.
        covariance: (C, N, N).
        fed_kg: (C,) feeder's running total as of `t_plant_s`.
        seen_s: (C, K) plant time at which each of `physics.signals.SIGNALS` was last taken in.
        beam_position_mm: (C,) lately measured; NaN also where that is too long ago or not believed.
        beam_zero_mm: (C,) beam position that the gap has followed so far.
        feed_rate_kg_per_h: (C,) commanded feed, smoothed over about 15 min.
        line_current_ka: (C,) lately measured; NaN also where that is too long ago.
        noise_mv: (C,) voltage noise, likewise.
        anode_effect: (C,) 1 while the voltage says so.
        innovation_v, innovation_normalised: (C,) of the newest voltage taken in.
        misfit_scans: (C,) how many voltages in a row were far from what was expected; below 0, as
            many are excused yet.
        restarts: (C,) how often a cell had to begin anew because its estimate was not finite, or
            because voltage after voltage belied it.
    """

    t_plant_s: Array
    scan_s: Array
    mean: Array
    covariance: Array
    fed_kg: Array
    seen_s: Array
    beam_position_mm: Array
    beam_zero_mm: Array
    feed_rate_kg_per_h: Array
    line_current_ka: Array
    noise_mv: Array
    anode_effect: Array
    innovation_v: Array
    innovation_normalised: Array
    misfit_scans: Array
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
    shape = () if name in _OF_THE_SECTION else (cells, *_SIZES.get(name, ()))
    expected = 8 * int(np.prod(shape))
    if cells < 1 or len(raw) != expected:
        raise EstimatorStateError(
            f"{name} has {len(raw)} bytes where {cells} cells need {expected}"
        )
    return np.frombuffer(raw, dtype="<f8").reshape(shape).astype(np.float64)
