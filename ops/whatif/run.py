"""Three courses of the same cell: left alone, with the override, and under the optimiser."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.interlock import InterlockLimits
from control.whatif import (
    Bound,
    Crossing,
    Gate,
    Passage,
    find_crossings,
    find_passage,
    list_bounds,
)
from ops.plantfile import PlantFile
from ops.whatif.inputs import Given
from ops.whatif.optimiser import play_optimiser
from ops.whatif.start import Start
from ops.whatif.wanted import Wanted
from physics.estimator_tuning import FilterSetting
from physics.signals import SETPOINTS
from physics.twin import SHOWN, STEP_S, play, scatter

F64 = NDArray[np.float64]

COPIES: Final = 400  # a probability of 5 % is told to within 1 %
_SEED: Final = 1
_BAND: Final = (0.05, 0.95)


class CourseName(StrEnum):
    """Which course."""

    HOLD = "hold"
    OVERRIDE = "override"
    MPC = "mpc"


@dataclass(frozen=True, slots=True)
class CourseResult:
    """What one course comes to.

    The twin knows no anode effect: a course ends where one begins, and so does every copy.

    Attributes:
        shown: by quantity, (T + 1,), of the likeliest course: that of the estimate itself; NaN
            after its end.
        low, high: by quantity, (T + 1,), between which nine of ten copies are that have not ended;
            NaN where all have.
        setpoints: by name, (T + 1,).
        probability: of an anode effect by then, (T + 1,), if nobody acts on what is seen meanwhile.
        crossings: of bounds by the likeliest course.
        anode_effect_h: when the likeliest course ends; None if it does not.
        energy_kwh_per_kg: direct current until the end; `metal_kg`: made until then.
    """

    shown: Mapping[str, F64]
    low: Mapping[str, F64]
    high: Mapping[str, F64]
    setpoints: Mapping[str, F64]
    probability: F64
    crossings: tuple[Crossing, ...]
    anode_effect_h: float | None
    energy_kwh_per_kg: float
    metal_kg: float

    def last(self, quantity: str) -> float:
        """Return a quantity at the end of the likeliest course."""
        values = self.shown[quantity]
        return float(values[np.isfinite(values)][-1])


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What was asked, and what comes of it.

    Attributes:
        hours: (T + 1,) after the start.
        passages: how each wanted setpoint gets through the interlock, by name.
        period_s: between decisions of the optimiser and writes of an override.
        mpc_reason: of the optimiser's first decision.
    """

    plant: PlantFile
    cell: int
    start: Start
    given: Mapping[str, Given]
    wanted: Wanted
    is_by_hand: bool
    hours: F64
    period_s: float
    bounds: tuple[Bound, ...]
    passages: Mapping[str, Passage]
    courses: Mapping[CourseName, CourseResult]
    mpc_reason: str


def run_whatif(
    plant: PlantFile,
    setting: FilterSetting,
    start: Start,
    cell: int,
    given: Mapping[str, Given],
    wanted: Wanted,
    hours: float,
    is_by_hand: bool,
    watch: Callable[[int, int], object],
) -> WhatIf:
    """Play the three courses.

    Args:
        plant: of the cell.
        setting: of the estimator; gives the twin.
        start: of the cell.
        cell: its number.
        given: overrides as given, for the reader; `wanted`: what they ask for.
        hours: to be played.
        is_by_hand: whether the override comes at once, past the interlock.
        watch: told how many control periods of how many the optimiser has decided.
    """
    period_steps = max(round(plant.control.control_period_s / STEP_S), 1)
    period_s = period_steps * STEP_S
    periods = max(round(hours * 3600.0 / period_s), 1)
    steps = periods * period_steps
    begins_s = start.t_plant_s + period_s * np.arange(periods, dtype=np.float64)
    limits = {row.name: row for row in plant.setpoints}
    gate = Gate(InterlockLimits(limits, plant.guard), cell, start.t_plant_s)
    standing = dict(zip(SETPOINTS, (start.feed_kg_per_h, start.beam_mm), strict=True))
    passages = {
        name: find_passage(gate, name, value, standing[name], begins_s, limits[name].resolution)
        for name, value in wanted.setpoints.items()
    }
    held = np.tile(np.array([start.feed_kg_per_h, start.beam_mm]), (periods, 1))
    overridden = held.copy()
    for at, name in enumerate(SETPOINTS):
        if name in wanted.setpoints:
            overridden[:, at] = wanted.setpoints[name] if is_by_hand else passages[name].values
    decided, reason = play_optimiser(
        plant, setting, start, cell, periods, period_steps, lambda done: watch(done, periods)
    )
    starts, noise = scatter(setting, start.mean, start.factor, COPIES, steps, _SEED)
    effect = np.full(COPIES, float(setting.model.cell.anode_effect_alumina_wt_pct))
    spread = float(setting.anode_effect_alumina_sd_wt_pct)
    effect[1:] += spread * np.random.default_rng(_SEED + 1).standard_normal(COPIES - 1)
    bounds = list_bounds(plant.control)
    hours_at = STEP_S / 3600.0 * np.arange(steps + 1, dtype=np.float64)

    def follow(setpoints: F64, current_ka: float, alf3_shift_wt_pct: float) -> CourseResult:
        force = np.repeat(setpoints, period_steps, axis=0)
        course = play(
            setting,
            starts,
            start.beam_mm,
            force,
            np.full(steps, current_ka),
            noise,
            alf3_shift_wt_pct,
        )
        return _result(course.shown, force, current_ka, hours_at, bounds, effect)

    return WhatIf(
        plant=plant,
        cell=cell,
        start=start,
        given=given,
        wanted=wanted,
        is_by_hand=is_by_hand,
        hours=hours_at,
        period_s=period_s,
        bounds=bounds,
        passages=passages,
        courses={
            CourseName.HOLD: follow(held, start.current_ka, 0.0),
            CourseName.OVERRIDE: follow(overridden, wanted.current_ka, wanted.alf3_shift_wt_pct),
            CourseName.MPC: follow(decided, start.current_ka, 0.0),
        },
        mpc_reason=reason,
    )


def _result(
    shown: F64,
    force: F64,
    current_ka: float,
    hours: F64,
    bounds: tuple[Bound, ...],
    effect_wt_pct: F64,
) -> CourseResult:
    alumina = shown[:, :, SHOWN.index("alumina_wt_pct")]
    # A copy is shown down to the first moment beyond: that is where its anode effect begins.
    has_ended = np.minimum.accumulate(alumina, axis=0) < effect_wt_pct
    ended_before = np.vstack([np.zeros_like(has_ended[:1]), has_ended[:-1]])
    valid = np.where(ended_before[:, :, None], np.nan, shown)
    likeliest = {name: valid[:, 0, at] for at, name in enumerate(SHOWN)}
    low, high = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where every copy has ended: NaN is meant
        bands = np.nanquantile(valid[:, 1:], _BAND, axis=1)
    for at, name in enumerate(SHOWN):
        low[name], high[name] = bands[:, :, at]
    lasts = ~ended_before[:, 0]
    end = int(np.flatnonzero(lasts)[-1])
    step_h = STEP_S / 3600.0
    counted = slice(1, end + 1)
    energy_kwh = current_ka * step_h * float(np.sum(likeliest["cell_voltage_v"][counted]))
    metal_kg = step_h * float(np.sum(likeliest["metal_kg_per_h"][counted]))
    return CourseResult(
        shown=likeliest,
        low=low,
        high=high,
        setpoints={
            name: np.concatenate([force[:, at], force[-1:, at]])
            for at, name in enumerate(SETPOINTS)
        },
        probability=np.mean(has_ended, axis=1),
        crossings=find_crossings(
            hours[: end + 1], {name: x[: end + 1] for name, x in likeliest.items()}, bounds
        ),
        anode_effect_h=float(hours[end]) if has_ended[end, 0] else None,
        energy_kwh_per_kg=energy_kwh / metal_kg if metal_kg > 0.0 else float("nan"),
        metal_kg=metal_kg,
    )
