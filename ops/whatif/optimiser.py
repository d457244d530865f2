"""What the optimiser would do with the twin: it decides as in the loop, period by period."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.interlock import InterlockLimits
from control.mpc import CellController
from control.whatif import Gate
from ops.plantfile import PlantFile
from ops.whatif.start import Start
from physics.estimator_tuning import FilterSetting
from physics.filter_model import ESTIMATED
from physics.signals import SETPOINTS
from physics.twin import SHOWN, STEP_S, play
from stream.decide import DecideSettings, DecideState, decide_section
from stream.frames import EstimateFrame, Origin
from stream.models import make_lineariser

F64 = NDArray[np.float64]
_DEADLINE_S: Final = 10.0  # of a solve; never reached, and no result depends on it


def play_optimiser(
    plant: PlantFile,
    setting: FilterSetting,
    start: Start,
    cell: int,
    periods: int,
    period_steps: int,
    watch: Callable[[int], object],
) -> tuple[F64, str]:
    """Return the setpoints that the optimiser would have in force, (K, 2), and its first reason.

    It knows the twin's state exactly and is as unsure of it as the estimator is at the start. Its
    moves pass the interlock.

    Args:
        plant: with its objective and limits.
        setting: of the estimator; gives the twin.
        start: of the cell.
        cell: its number, which sets the phase of its alumina swing.
        periods: K, of `period_steps` steps of the twin.
        watch: told after each period how many are done.
    """
    limits = {row.name: row for row in plant.setpoints}
    controller = CellController(plant.control, limits)
    linearise = make_lineariser(plant.design, plant.control)
    gate = Gate(InterlockLimits(limits, plant.guard), cell, start.t_plant_s)
    period_s = period_steps * STEP_S
    settings = DecideSettings(
        control_period_s=period_s,
        deadline_s=_DEADLINE_S,
        max_estimate_age_s=plant.guard.max_input_age_s,
        validity_s=plant.guard.proposal_validity_s,
        sections=1,
    )
    current_ka = np.full(period_steps, start.current_ka)
    sd = np.sqrt(np.sum(start.factor**2, axis=1))
    state, decided = start.mean, DecideState()
    beam_mm = start.beam_mm
    force = np.array([start.feed_kg_per_h, beam_mm])
    shown = play(setting, state[None], beam_mm, force[None], current_ka[:1]).shown[0, 0]
    kept = np.empty((periods, len(SETPOINTS)))
    reason = ""
    for period in range(periods):
        now_s = start.t_plant_s + period * period_s
        frame = _frame(cell, period, now_s, state, sd, shown, force, start.current_ka, setting)
        decided, (proposal,), _ = decide_section(
            controller, linearise, settings, decided, frame, lambda: 0, lambda: 0.0
        )
        reason = reason or proposal.reason
        for name, value in proposal.setpoints.items():
            at = SETPOINTS.index(name)
            applied = gate.ask(name, value, float(force[at]), now_s).applied
            if applied is not None:
                step = limits[name].resolution
                force[at] = round(applied / step) * step
        kept[period] = force
        course = play(setting, state[None], beam_mm, np.tile(force, (period_steps, 1)), current_ka)
        state, shown, beam_mm = course.states[-1, 0], course.shown[-1, 0], float(force[1])
        watch(period + 1)
    return kept, reason


def _frame(
    cell: int,
    sequence: int,
    t_plant_s: float,
    state: F64,
    sd: F64,
    shown: F64,
    force: F64,
    current_ka: float,
    setting: FilterSetting,
) -> EstimateFrame:
    """The estimate that a running system would have of the twin."""
    seen = dict(zip(SHOWN, shown, strict=True))
    row = dict(zip(ESTIMATED, state, strict=True))
    row |= {f"{name}_sd": value for name, value in zip(ESTIMATED, sd, strict=True)}
    row |= dict(zip(SETPOINTS, force, strict=True))
    row |= {name: value for name, value in seen.items() if name not in row}
    effect = float(setting.model.cell.anode_effect_alumina_wt_pct)
    row |= {
        "beam_position_mm_sd": float(setting.beam_sd_mm),
        "line_current_ka": current_ka,
        "energy_kwh_per_kg": seen["cell_voltage_v"] * current_ka / seen["metal_kg_per_h"],
        "resistance_uohm": 1e3 * seen["cell_voltage_v"] / current_ka,
        "anode_effect_margin_wt_pct": seen["alumina_wt_pct"] - effect,
        "anode_effect": 0.0,
    }
    return EstimateFrame(
        section=0,
        session=1,
        sequence=sequence,
        cells=(cell,),
        values={name: np.array([float(value)]) for name, value in row.items()},
        t_plant_s=t_plant_s,
        t_source_ns=0,
        t_received_ns=0,
        t_accepted_ns=0,
        t_estimated_ns=0,
        frames_applied=sequence + 1,
        frames_skipped=0,
        frames_missing=0,
        origin=Origin("samples", 0, sequence),
    )
