"""Why a plan is what it is, in words and numbers for the operator."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.objective import ControlObjective
from control.prediction import BOUNDED, CellModel, Prediction
from control.problem import Instance

Floats = NDArray[np.float64]

ACTIVE_WITHIN: Final = np.array([0.02, 0.1, 0.01])  # wt%, degC, cm: closer than this is at a bound
BOUND_WORDS: Final = (
    ("alumina at its low bound", "alumina at its high bound"),
    ("superheat at its low bound", "superheat at its high bound"),
    ("ACD at its floor", "ACD at its ceiling"),
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a plan is expected to do.

    Attributes:
        now, end: outputs in the order of `control.prediction.OUTPUTS`, (4,).
        lowest_alumina_wt_pct: within the horizon.
        energy_now_kwh_per_kg, energy_end_kwh_per_kg: specific energy.
        floors: low bounds in force: alumina, superheat, ACD, (3,).
        active: names of the bounds that the plan runs along.
        noise_mv: voltage noise of the cell.
    """

    now: Floats
    end: Floats
    lowest_alumina_wt_pct: float
    energy_now_kwh_per_kg: float
    energy_end_kwh_per_kg: float
    floors: Floats
    active: tuple[str, ...]
    noise_mv: float


def expectation_of(
    objective: ControlObjective,
    model: CellModel,
    prediction: Prediction,
    instance: Instance,
    moves: Floats,
    noise_mv: float,
) -> Expectation:
    """Return what the scaled moves, (M * 2,), will do.

    Args:
        objective: gives the horizon's length.
        model: gives the energy per volt.
        prediction: of the cell.
        instance: gives the bounds in force.
        moves: scaled.
        noise_mv: voltage noise.
    """
    outputs = prediction.outputs(moves)
    count = len(objective.move_blocks)
    low = prediction.free[:, :BOUNDED] + instance.offset.reshape(count, BOUNDED)
    high = low + instance.room.reshape(count, BOUNDED)
    bounded = np.vstack([prediction.now[:BOUNDED], outputs[:, :BOUNDED]])
    at_low = np.any(bounded <= low[0] + ACTIVE_WITHIN, axis=0)
    at_high = np.any(bounded >= high[0] - ACTIVE_WITHIN, axis=0)
    active = [
        words
        for pair, flags in zip(BOUND_WORDS, zip(at_low, at_high, strict=True), strict=True)
        for words, flag in zip(pair, flags, strict=True)
        if flag
    ]
    return Expectation(
        now=prediction.now,
        end=outputs[-1],
        lowest_alumina_wt_pct=float(np.min(outputs[:, 0])),
        energy_now_kwh_per_kg=float(prediction.now[3] * model.kwh_per_kg_and_v),
        energy_end_kwh_per_kg=float(outputs[-1, 3] * model.kwh_per_kg_and_v),
        floors=low[0],
        active=tuple(active),
        noise_mv=noise_mv,
    )


def explain(
    objective: ControlObjective, chosen: Floats, applied: Floats, expected: Expectation
) -> tuple[str, dict[str, float]]:
    """Return one sentence and the figures behind it.

    Args:
        objective: gives the horizon.
        chosen: setpoints of the first move, (2,): feed rate and beam.
        applied: setpoints in force, (2,).
        expected: what the plan will do.
    """
    feed_change = chosen[0] - applied[0]
    beam_change = chosen[1] - applied[1]
    bounds = ", ".join(expected.active) if expected.active else "no bound is reached"
    sentence = (
        f"Feed {_change(feed_change, 0.5, 'kg/h', '.0f')} to {chosen[0]:.0f} kg/h "
        f"and beam {_change(beam_change, 0.005, 'mm', '.2f')}: "
        f"in {objective.horizon_h:g} h alumina goes from {expected.now[0]:.2f} to "
        f"{expected.end[0]:.2f} wt%, superheat from {expected.now[1]:.1f} to "
        f"{expected.end[1]:.1f} degC, ACD from {expected.now[2]:.2f} to {expected.end[2]:.2f} cm, "
        f"energy from {expected.energy_now_kwh_per_kg:.2f} to "
        f"{expected.energy_end_kwh_per_kg:.2f} kWh/kg; {bounds}."
    )
    figures = {
        "alumina_now_wt_pct": float(expected.now[0]),
        "alumina_end_wt_pct": float(expected.end[0]),
        "alumina_lowest_wt_pct": expected.lowest_alumina_wt_pct,
        "alumina_floor_wt_pct": float(expected.floors[0]),
        "superheat_now_c": float(expected.now[1]),
        "superheat_end_c": float(expected.end[1]),
        "acd_now_cm": float(expected.now[2]),
        "acd_end_cm": float(expected.end[2]),
        "acd_floor_cm": float(expected.floors[2]),
        "energy_now_kwh_per_kg": expected.energy_now_kwh_per_kg,
        "energy_end_kwh_per_kg": expected.energy_end_kwh_per_kg,
        "feed_change_kg_per_h": float(feed_change),
        "beam_change_mm": float(beam_change),
        "bounds_active": float(len(expected.active)),
        "noise_mv": expected.noise_mv,
    }
    return sentence, {name: value for name, value in figures.items() if np.isfinite(value)}


def _change(change: float, least: float, unit: str, digits: str) -> str:
    if abs(change) < least:
        return "unchanged"
    return f"{'up' if change > 0 else 'down'} {abs(change):{digits}} {unit}"
