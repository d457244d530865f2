"""Waiting reports of a laboratory into the filter of their section, each at its sample's time."""

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from physics.estimate_state import EstimatorState
from physics.estimator import Estimator
from physics.hindsight import SAMPLED, SLOT_S, SLOTS
from physics.lab_sample import SampleStatus
from stream.frames import F64
from stream.laboratory import LaboratoryState, Refusal, WaitingReport
from stream.rejects import Reason

LABORATORY_SD: Final = np.array([0.2, 0.4, 2.0])  # design value: wt%, wt%, degC, as SAMPLED
_REMEMBERED_S: Final = SLOTS * SLOT_S
_WAITS_FOR_NS: Final = 60_000_000_000  # wall time: scans read back come later than they were made
_REASONS: Final = {
    SampleStatus.UNKNOWN_CELL: (Reason.UNKNOWN_CELL, "it is not of that section"),
    SampleStatus.UNREADABLE: (Reason.MISSING, "no value can be used"),
    SampleStatus.FROM_THE_FUTURE: (Reason.FUTURE, "it was drawn after the newest scan"),
    SampleStatus.TOO_OLD: (Reason.TOO_OLD, "it was drawn before what the estimate remembers"),
}


@dataclass(frozen=True, slots=True)
class Sampled:
    """What became of a report.

    Attributes:
        status: of the filter.
        beyond: by name of `SAMPLED`, what it said beyond the estimate of its time; NaN where it
            said nothing or was not taken in.
    """

    waiting: WaitingReport
    status: SampleStatus
    beyond: dict[str, float]

    @property
    def refusal(self) -> Refusal | None:
        """Why it was turned away; None where it was taken in."""
        if self.status is SampleStatus.TAKEN_IN:
            return None
        reason, detail = _REASONS[self.status]
        return Refusal(reason, f"sample of cell {self.waiting.report.cell}: {detail}")


def take_waiting(
    estimator: Estimator,
    filtered: EstimatorState,
    laboratory: LaboratoryState,
    cells: tuple[int, ...],
    t_plant_s: float,
    t_received_ns: int,
) -> tuple[EstimatorState, LaboratoryState, list[Sampled]]:
    """Take in what waits and was drawn before now, oldest first.

    A loop that catches up with a backlog has not come yet to the time of a sample; so one that was
    drawn later than all that is known waits, until scans have come that are newer than its report.

    Args:
        estimator: of the plant.
        filtered: state of its filter, before the frame that has come.
        laboratory: reports on the section.
        cells: numbers of its cells, C.
        t_plant_s: of the newest scan of the frame.
        t_received_ns: when the gateway had it.

    Returns:
        Both states after, and what became of each report that waits no more.
    """
    if not laboratory.waiting:
        return filtered, laboratory, []
    known_s = float(filtered.t_plant_s)
    ripe = [one for one in laboratory.waiting if one.report.t_drawn_plant_s <= known_s]
    ripe.sort(key=lambda one: one.report.t_drawn_plant_s)
    later = [one for one in laboratory.waiting if not one.report.t_drawn_plant_s <= known_s]
    future = [
        one
        for one in later
        if one.report.t_drawn_plant_s > t_plant_s
        and t_received_ns - one.report.t_reported_ns > _WAITS_FOR_NS
    ]
    strange = [one for one in ripe if one.report.cell not in cells]  # of a plant file of before
    ripe = [one for one in ripe if one not in strange]
    nothing = dict.fromkeys(SAMPLED, np.nan)
    done = [Sampled(one, SampleStatus.FROM_THE_FUTURE, nothing) for one in future]
    done += [Sampled(one, SampleStatus.UNKNOWN_CELL, nothing) for one in strange]
    taken_s = dict(laboratory.taken_s)
    while ripe:
        batch = list({one.report.cell: one for one in reversed(ripe)}.values())  # first of each
        ripe = [one for one in ripe if one not in batch]
        filtered, sampled = _take_batch(estimator, filtered, batch, cells)
        for one in sampled:
            if one.status is SampleStatus.TAKEN_IN:
                drawn_s, key = one.waiting.report.t_drawn_plant_s, str(one.waiting.report.cell)
                taken_s[key] = tuple(sorted((*taken_s.get(key, ()), drawn_s)))
        done += sampled
    following = msgspec.structs.replace(
        laboratory,
        waiting=tuple(one for one in later if one not in future),
        taken_s={key: _remembered(times_s, known_s) for key, times_s in taken_s.items()},
        refused=laboratory.refused + sum(one.refusal is not None for one in done),
    )
    return filtered, following, done


def has_samples(
    filtered: EstimatorState, laboratory: LaboratoryState, cells: tuple[int, ...]
) -> F64:
    """Return 1 for each cell whose estimate rests on a sample, else 0, (C,)."""
    newest_s = np.array([max(laboratory.taken_s.get(str(cell), (-np.inf,))) for cell in cells])
    # Of a cell that had to begin anew nothing is known from before.
    return np.asarray(newest_s >= np.asarray(filtered.known_from_s), dtype=np.float64)


def _take_batch(
    estimator: Estimator,
    filtered: EstimatorState,
    batch: list[WaitingReport],
    cells: tuple[int, ...],
) -> tuple[EstimatorState, list[Sampled]]:
    """Take in at most one sample of each cell."""
    reports = [one.report for one in batch]
    values = [[getattr(report, name) for name in SAMPLED] for report in reports]
    filtered, outcome = estimator.take_sample(
        filtered,
        [cells.index(report.cell) for report in reports],
        [report.t_drawn_plant_s for report in reports],
        np.array(values, dtype=np.float64),  # None becomes NaN
        LABORATORY_SD,
    )
    status, beyond = np.asarray(outcome.status), np.asarray(outcome.innovation.residual)
    told = [dict(zip(SAMPLED, row, strict=True)) for row in beyond.tolist()]
    return filtered, [
        Sampled(one, SampleStatus(int(status[i])), told[i]) for i, one in enumerate(batch)
    ]


def _remembered(times_s: tuple[float, ...], now_s: float) -> tuple[float, ...]:
    """Leave out what the filter has forgotten, which it turns away by itself; keep the newest."""
    kept = tuple(t_s for t_s in times_s if t_s >= now_s - _REMEMBERED_S)
    return kept or times_s[-1:]
