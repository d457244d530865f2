"""Where a twin starts: a running system's estimate, or the plant file's nominal state."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ops.mistakes import OperationError
from ops.plantfile import PlantFile
from ops.whatif.inputs import ACD, ALF3, BEAM, CURRENT, FEED_RATE, Given
from physics.design import nominal_feed_kg_per_h
from physics.estimator_tuning import FilterSetting
from physics.filter_model import ESTIMATED
from physics.signals import SETPOINTS
from stream.frames import EstimateFrame

F64 = NDArray[np.float64]

_STATE_OF: Final = {
    "alumina_pct": "alumina_wt_pct",
    "undissolved_kg": "undissolved_alumina_kg",
    ACD: "acd_cm",
    "bath_temperature_c": "bath_temperature_c",
    "ledge_cm": "ledge_cm",
    ALF3: "excess_alf3_wt_pct",
    "feeder_efficiency": "feeder_efficiency",
}
_FEED, _BEAM = SETPOINTS


@dataclass(frozen=True, slots=True)
class Start:
    """A cell at the moment from which it is played.

    Attributes:
        origin: where this comes from, as a clause for a sentence.
        is_running: whether it is a running system's estimate.
        mean: (N,) in the order of `ESTIMATED`.
        factor: (N, N), whose product with its transpose is the covariance.
        feed_kg_per_h, beam_mm: in force.
        current_ka: of the line.
        t_plant_s: plant time.
    """

    origin: str
    is_running: bool
    mean: F64
    factor: F64
    feed_kg_per_h: float
    beam_mm: float
    current_ka: float
    t_plant_s: float

    def state(self, name: str) -> float:
        """Return one of `ESTIMATED`."""
        return float(self.mean[ESTIMATED.index(name)])


def nominal_start(plant: PlantFile, setting: FilterSetting) -> Start:
    """Return a cell at the plant file's operating point, as uncertain as a first estimate."""
    return Start(
        origin=f"the nominal state of {plant.name}",
        is_running=False,
        mean=np.asarray(setting.start_mean),
        factor=np.asarray(setting.start_factor),
        feed_kg_per_h=nominal_feed_kg_per_h(plant.design),
        beam_mm=plant.cell.gap.beam_start_mm,
        current_ka=plant.line.current_ka,
        t_plant_s=0.0,
    )


def running_start(frame: EstimateFrame, cell: int, address: str) -> Start:
    """Return a cell as a running system knows it.

    Args:
        frame: newest estimate of the cell's section.
        cell: its number.
        address: where it was read, for the reader.

    Raises:
        OperationError: something that the twin needs has not been measured lately.
    """
    at = frame.cells.index(cell)
    row = {name: float(column[at]) for name, column in frame.values.items()}
    needed = (*ESTIMATED, *(f"{name}_sd" for name in ESTIMATED), *SETPOINTS, "line_current_ka")
    unknown = [name for name in needed if not np.isfinite(row.get(name, np.nan))]
    if unknown:
        raise OperationError(
            f"the estimate of cell {cell} at {address} has no {', '.join(unknown)}: not measured "
            "lately. Remedy: wait until it is, or play from the plant file with --nominal"
        )
    if row.get("anode_effect", 0.0) > 0.0:
        raise OperationError(
            f"cell {cell} is in an anode effect, which the twin cannot follow. Remedy: wait until "
            "local control has ended it, or play from the plant file with --nominal"
        )
    age_s = max(time.time() - frame.t_estimated_ns / 1e9, 0.0)
    return Start(
        origin=f"the estimate of a running system at {address}, {_age(age_s)} old",
        is_running=True,
        mean=np.array([row[name] for name in ESTIMATED]),
        factor=np.diag([row[f"{name}_sd"] for name in ESTIMATED]),
        feed_kg_per_h=row[_FEED],
        beam_mm=row[_BEAM],
        current_ka=row["line_current_ka"],
        t_plant_s=frame.t_plant_s,
    )


def set_states(start: Start, given: Mapping[str, Given]) -> Start:
    """Return the start with the states that a person gave, by the names of `inputs.STATES`."""
    if not given:
        return start
    mean = start.mean.copy()
    for name, field in _STATE_OF.items():
        if name in given:
            mean[ESTIMATED.index(field)] = given[name].value

    def or_given(present: float, name: str) -> float:
        return given[name].value if name in given else present

    return replace(
        start,
        origin=f"{start.origin}, with {', '.join(str(one) for one in given.values())}",
        mean=mean,
        feed_kg_per_h=or_given(start.feed_kg_per_h, FEED_RATE),
        beam_mm=or_given(start.beam_mm, BEAM),
        current_ka=or_given(start.current_ka, CURRENT),
    )


def _age(age_s: float) -> str:
    for seconds, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if age_s >= 2.0 * seconds:
            return f"{age_s / seconds:.0f} {unit}"
    return f"{age_s:.0f} s"
