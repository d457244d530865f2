"""Estimates what cannot be measured, for all cells of a section in one jitted step.

A square-root Kalman filter on the reduced model and on what drifts beside it. The feeder's running
total and the beam position drive the model; cell voltage and bath temperature correct it, and so
does a laboratory's analysis, at the time of its sample. A scan that is late or seen again
(not newer in plant time) changes nothing; a value that is missing or not finite is not taken in.
What has not been measured for a while is not known any more: see `longest_silence_s` in the tuning.
"""

from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike, NDArray

from physics.absorb import SCANS_PER_CALL, absorb_frame
from physics.design import PlantDesign
from physics.estimate_state import EstimatorState, make_state
from physics.estimator_tuning import EstimatorTuning, make_setting
from physics.feeder_jumps import ONSETS
from physics.filter_model import ESTIMATED
from physics.hindsight import NOTES, REMEMBERED, SAMPLED, SLOTS
from physics.kalman import Innovation
from physics.lab_sample import SampleOutcome, SampleStatus, absorb_samples
from physics.signals import SIGNALS

F64 = NDArray[np.float64]


class Estimator:
    """The filter of one plant: `init` makes a state, `step` takes in a frame."""

    def __init__(
        self,
        design: PlantDesign,
        signal_noise_sd: Mapping[str, float],
        tuning: EstimatorTuning | None = None,
        signals: Sequence[str] = SIGNALS,
    ) -> None:
        """Prepare a filter.

        Args:
            design: of the plant.
            signal_noise_sd: by signal name, in the unit of the name.
            tuning: the defaults where none is given.
            signals: names of the last axis of the frames that will come.

        Raises:
            ValueError: a signal that the filter needs has no place or no positive noise.
        """
        absent = [name for name in SIGNALS if name not in signals]
        noiseless = [name for name in SIGNALS if not signal_noise_sd.get(name, 0.0) > 0.0]
        if absent or noiseless:
            raise ValueError(
                f"the estimator misses signals {absent} and noise above 0 of {noiseless}. "
                "Remedy: give every signal of physics.signals.SIGNALS in [[signals]]"
            )
        self._order = np.array([list(signals).index(name) for name in SIGNALS])
        self._width = len(signals)
        self._setting = make_setting(design, signal_noise_sd, tuning or EstimatorTuning())

    def init(self, cell_count: int) -> EstimatorState:
        """The state before the first frame, of `cell_count` cells."""
        unknown = np.full(cell_count, np.nan)
        zeros = np.zeros(cell_count)
        factor = np.zeros((cell_count, len(ESTIMATED) + REMEMBERED, len(ESTIMATED)))
        factor[:, : len(ESTIMATED)] = self._setting.start_factor
        feed_kg_per_h = np.full(cell_count, float(self._setting.feed_kg_per_h))
        return make_state(
            {
                "t_plant_s": np.array(np.nan),
                "scan_s": np.array(0.0),
                "mean": np.tile(np.asarray(self._setting.start_mean), (cell_count, 1)),
                "factor": factor,
                "correction": np.zeros((cell_count, REMEMBERED)),
                "rest": np.zeros((cell_count, REMEMBERED, REMEMBERED)),
                "jump_shift": np.zeros((cell_count, ONSETS, len(ESTIMATED))),
                "jump_score": np.zeros((cell_count, ONSETS)),
                "jump_information": np.zeros((cell_count, ONSETS)),
                "slot_s": np.full(SLOTS, np.nan),
                "note_s": np.full(NOTES, np.nan),
                "notes": np.zeros((cell_count, NOTES, len(SAMPLED))),
                "known_from_s": unknown,
                "fed_kg": unknown,
                "seen_s": np.full((cell_count, len(SIGNALS)), np.nan),
                "beam_position_mm": unknown,
                "beam_zero_mm": unknown,
                "beam_play_mm": zeros,
                "feed_rate_kg_per_h": feed_kg_per_h,
                "line_current_ka": unknown,
                "noise_mv": unknown,
                "anode_effect": zeros,
                "innovation_v": unknown,
                "innovation_normalised": unknown,
                "temperature_noise": np.ones(cell_count),
                "nis_scans": zeros,
                "nis": unknown,
                "nis_within_95": unknown,
                "lean": np.zeros((cell_count, 2)),
                "doubt": np.zeros((cell_count, len(ESTIMATED))),
                "misfit_scans": zeros,
                "restarts": zeros,
            }
        )

    def step(
        self,
        state: EstimatorState,
        t_plant_s: NDArray[np.float64],
        value: NDArray[np.float64],
        valid: NDArray[np.bool_],
    ) -> tuple[EstimatorState, dict[str, F64]]:
        """Take in the scans of a frame, oldest first, and say what the cells are like now.

        Args:
            state: before.
            t_plant_s: (S,) plant time of each scan.
            value: (S, C, K) in the order of the signals given at the start.
            valid: (S, C, K) which of them may be used.

        Returns:
            The state after, and columns (C,) by name: every state, its `<name>_sd`, and what
            follows from them. A quantity not measured lately, or never, is NaN.

        Raises:
            ValueError: arrays whose shapes do not belong together.
        """
        cells = np.shape(state.mean)[0]
        expected = (len(t_plant_s), cells, self._width)
        if np.shape(value) != expected or np.shape(valid) != expected:
            raise ValueError(
                f"values of shape {np.shape(value)} and marks of shape {np.shape(valid)} where "
                f"scans, cells and signals make {expected}. Remedy: one state for each section"
            )
        wanted = np.asarray(value, dtype=np.float64)[:, :, self._order]
        usable = np.asarray(valid, dtype=bool)[:, :, self._order] & np.isfinite(wanted)
        columns: dict[str, Array] | None = None
        for first in range(0, max(len(t_plant_s), 1), SCANS_PER_CALL):
            scans = slice(first, first + SCANS_PER_CALL)
            count = len(t_plant_s[scans])
            times = np.full(SCANS_PER_CALL, np.nan)
            times[:count] = t_plant_s[scans]
            values = np.zeros((SCANS_PER_CALL, cells, len(SIGNALS)))
            values[:count] = np.where(usable[scans], wanted[scans], 0.0)
            marks = np.zeros(values.shape, dtype=bool)
            marks[:count] = usable[scans]
            state, columns = absorb_frame(
                self._setting, state, times, values, marks, np.asarray(count)
            )
        assert columns is not None
        return state, {name: np.asarray(column) for name, column in columns.items()}

    def take_sample(
        self,
        state: EstimatorState,
        cell: ArrayLike,
        t_sampled_s: ArrayLike,
        values: ArrayLike,
        sd: ArrayLike,
    ) -> tuple[EstimatorState, SampleOutcome]:
        """Take in what a laboratory says of samples drawn up to a day ago, each at its own time.

        Args:
            state: before.
            cell: index of the cell in the section, or (n,) of them, each once.
            t_sampled_s: plant time at which it was drawn, scalar or (n,).
            values: (K,) or (n, K) in the order of `physics.hindsight.SAMPLED`; NaN where not
                analysed.
            sd: of the values, in a shape that broadcasts to theirs.

        Returns:
            The state after, and for each sample its status and what it said beyond the estimate of
            its time; a sample that could not be taken in changes nothing.

        Raises:
            ValueError: shapes that do not belong together, or two samples of one cell.
        """
        cells = np.atleast_1d(np.asarray(cell, dtype=np.int64))
        expected = (len(cells), len(SAMPLED))
        value = np.atleast_2d(np.asarray(values, dtype=np.float64))
        if cells.ndim > 1 or value.shape != expected or len(set(cells.tolist())) < len(cells):
            raise ValueError(
                f"values of shape {value.shape} for the cells {cells.tolist()}, where {expected} "
                "is expected and each cell once. Remedy: one call for each sample of a cell"
            )
        count = np.shape(state.mean)[0]
        known = (cells >= 0) & (cells < count)
        at = cells[known]
        times = np.full(count, np.nan)
        times[at] = np.broadcast_to(np.asarray(t_sampled_s, dtype=np.float64), cells.shape)[known]
        spread = np.broadcast_to(np.asarray(sd, dtype=np.float64), expected)
        analysed, spreads = (np.full((count, len(SAMPLED)), np.nan) for _ in range(2))
        analysed[at], spreads[at] = value[known], spread[known]
        state, outcome = absorb_samples(self._setting, state, times, analysed, spreads)
        status = np.full(cells.shape, SampleStatus.UNKNOWN_CELL, dtype=np.int64)
        status[known] = np.asarray(outcome.status)[at]
        told = [np.full(expected, np.nan) for _ in range(2)]
        for array, column in zip(told, outcome.innovation, strict=True):
            array[known] = np.asarray(column)[at]
        return state, SampleOutcome(jnp.asarray(status), Innovation(*map(jnp.asarray, told)))


def count_compilations() -> int:
    """How many times the step has been compiled in this process: once for each section size."""
    return int(absorb_frame._cache_size())  # type: ignore[attr-defined]
