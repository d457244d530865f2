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

from physics.feeder_jumps import ONSETS
from physics.filter_model import ESTIMATED
from physics.hindsight import NOTES, REMEMBERED, SAMPLED, SLOTS
from physics.kalman import Belief
from physics.signals import SIGNALS

STATE_VERSION: Final = 5
_COUNT: Final = len(ESTIMATED)
_OF_THE_SECTION: Final = {"t_plant_s": (), "scan_s": (), "slot_s": (SLOTS,), "note_s": (NOTES,)}
_SIZES: Final = {  # beyond the cells; the others have one number for each cell
    "mean": (_COUNT,),
    "factor": (_COUNT + REMEMBERED, _COUNT),
    "correction": (REMEMBERED,),
    "rest": (REMEMBERED, REMEMBERED),
    "jump_shift": (ONSETS, _COUNT),
    "jump_score": (ONSETS,),
    "jump_information": (ONSETS,),
    "notes": (NOTES, len(SAMPLED)),
    "seen_s": (len(SIGNALS),),
    "lean": (2,),
    "doubt": (_COUNT,),
}
_LOWER: Final = np.tril_indices(REMEMBERED)  # of `rest`, which is symmetric


class EstimatorStateError(ValueError):
    """Bytes that cannot be read as an estimator's state."""


class EstimatorState(NamedTuple):
    """State of the estimator; NaN stands for what has not been measured yet.

    Attributes:
        t_plant_s: scalar, plant time of the newest scan taken in; NaN before the first.
        scan_s: scalar, usual plant time between scans.
        slot_s, note_s: (SLOTS,) and (NOTES,) plant times of what is remembered.
        mean: (C, N) in the order of `physics.filter_model.ESTIMATED`.
        factor, correction, rest, jump_...: (C, ...) of the belief, see `physics.kalman.Belief`.
        notes: (C, NOTES, K), see `physics.hindsight`.
        known_from_s: (C,) plant time before which nothing is remembered of a cell.
        fed_kg: (C,) feeder's running total as of `t_plant_s`.
        seen_s: (C, K) plant time at which each of `physics.signals.SIGNALS` was last taken in.
        beam_position_mm: (C,) lately measured; NaN also where that is too long ago or not believed.
        beam_zero_mm: (C,) beam position that the gap has followed so far.
        beam_play_mm: (C,) by how much the anodes hang above the middle of the beam's play.
        feed_rate_kg_per_h: (C,) commanded feed, smoothed over about 15 min.
        line_current_ka: (C,) lately measured; NaN also where that is too long ago.
        noise_mv: (C,) voltage noise, likewise.
        anode_effect: (C,) 1 while the voltage says so.
        innovation_v, innovation_normalised: (C,) of the newest voltage taken in.
        temperature_noise: (C,) variance of the thermocouple's noise over what was said of it.
        nis_scans: (C,) how many scans the next two are of, up to a limit.
        nis, nis_within_95: (C,) mean of the normalised innovation squared (for each measured
            value), and the share of scans in which it was within its 95 % limit.
        lean: (C, 2) of voltage and temperature, see `physics.doubt`.
        doubt: (C, N) variance that the states gain with the next scan.
        misfit_scans: (C,) how many voltages in a row were far from what was expected; below 0, as
            many are excused yet.
        restarts: (C,) how often a cell had to begin anew because its estimate was not finite, or
            because voltage after voltage belied it.
    """

    t_plant_s: Array
    scan_s: Array
    slot_s: Array
    note_s: Array
    mean: Array
    factor: Array
    correction: Array
    rest: Array
    jump_shift: Array
    jump_score: Array
    jump_information: Array
    notes: Array
    known_from_s: Array
    fed_kg: Array
    seen_s: Array
    beam_position_mm: Array
    beam_zero_mm: Array
    beam_play_mm: Array
    feed_rate_kg_per_h: Array
    line_current_ka: Array
    noise_mv: Array
    anode_effect: Array
    innovation_v: Array
    innovation_normalised: Array
    temperature_noise: Array
    nis_scans: Array
    nis: Array
    nis_within_95: Array
    lean: Array
    doubt: Array
    misfit_scans: Array
    restarts: Array


def one_per_cell() -> EstimatorState:
    """The axes of a state for `jax.vmap` over cells: what is of the section is common to all."""
    axes = {name: None if name in _OF_THE_SECTION else 0 for name in EstimatorState._fields}
    return EstimatorState(**axes)  # type: ignore[arg-type]  # axes stand in the place of arrays


def get_belief(state: EstimatorState) -> Belief:
    """The belief in a state, of one cell or of all."""
    return Belief(*(getattr(state, name) for name in Belief._fields))


def set_belief(state: EstimatorState, belief: Belief) -> EstimatorState:
    """The state with another belief."""
    return state._replace(**belief._asdict())


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
    whole = {name: np.asarray(value) for name, value in state._asdict().items()}
    rows, columns = _LOWER
    whole["rest"] = whole["rest"][:, rows, columns]
    arrays = {
        name: np.ascontiguousarray(value, dtype="<f8").tobytes() for name, value in whole.items()
    }
    return msgspec.msgpack.encode(_Packed(STATE_VERSION, ESTIMATED, whole["mean"].shape[0], arrays))


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
    if packed.version != STATE_VERSION or packed.states != ESTIMATED:
        raise EstimatorStateError(
            f"estimator state of version {packed.version} with states {', '.join(packed.states)}; "
            f"this program reads version {STATE_VERSION} with {', '.join(ESTIMATED)}. Remedy: let "
            "the section start anew"
        )
    if set(packed.arrays) != set(EstimatorState._fields):
        raise EstimatorStateError(f"estimator state with the arrays {sorted(packed.arrays)}")
    return make_state({name: _read(name, raw, packed.cells) for name, raw in packed.arrays.items()})


def _read(name: str, raw: bytes, cells: int) -> NDArray[np.float64]:
    shape = _OF_THE_SECTION.get(name, (cells, *_SIZES.get(name, ())))
    if name == "rest":
        shape = (cells, len(_LOWER[0]))
    expected = 8 * int(np.prod(shape))
    if cells < 1 or len(raw) != expected:
        raise EstimatorStateError(
            f"{name} has {len(raw)} bytes where {cells} cells need {expected}"
        )
    read = np.frombuffer(raw, dtype="<f8").reshape(shape).astype(np.float64)
    if name != "rest":
        return read
    whole = np.zeros((cells, *_SIZES[name]))
    rows, columns = _LOWER
    whole[:, rows, columns] = read
    whole[:, columns, rows] = read
    return whole
