"""How much the estimator trusts model and measurements, as numbers for one plant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.filter_model import ESTIMATED, HEAT, RESISTANCE, FilterModel
from physics.ledge import compute_steady_ledge_cm
from physics.parameters import CellParameters
from physics.precision import strengthen
from physics.properties import compute_liquidus_c
from physics.reduced.model import (
    ACD,
    ALF3,
    ALUMINA,
    BEAM,
    F64,
    FEEDER,
    LEDGE,
    TEMPERATURE,
    UNDISSOLVED,
    make_nominal_state,
    make_reduced_parameters,
)


@dataclass(frozen=True, slots=True)
class EstimatorTuning:
    """How much the filter trusts its model; design values, tuned on the simulated line.

    Attributes:
        *_start_sd: of the first estimate; of the ledge beside where that superheat lets it stand.
        *_per_root_h: random walk of a state, per square root of an hour.
        *_standing_*: what no number of scans averages out (resistances and anode effect taken as
            nominal, a biased thermocouple, another dissolution rate); added to the reported sd.
        beam_move_sd_cm: sd that a beam move adds to the gap.
        play_share: sd that it adds beside that, as a share of what the beam's play takes of it.
        beam_move_share: sd that it adds beside both, as a share of what it is above
            `beam_action_mm`, the largest move that is made to control a cell: anodes do not follow
            a beam that is raised to be given new travel.
        beam_margin: a beam is believed to move so many times as fast as its drive.
        longest_silence_s, longest_silence_scans: plant time, and usual scans, for which current,
            beam, feed and noise are taken to be as last measured; whichever is longer.
        feed_smoothing_s: time constant of the reported feed rate.
        heat_step_kw: sd of the heat that fresh anodes or an anode effect may take or bring at once.
        tolerance_sd: residuals beyond count for less.
        anode_effect_alumina_sd_wt_pct: of the alumina at which an anode effect begins.
    """

    alumina_start_sd_wt_pct: float = 0.25
    undissolved_start_share: float = 0.4
    acd_start_sd_cm: float = 0.3
    superheat_start_sd_c: float = 0.5
    ledge_start_sd_cm: float = 0.8
    alf3_start_sd_wt_pct: float = 0.4
    feeder_start_sd: float = 0.04
    resistance_start_sd_uohm: float = 0.05
    heat_start_sd_kw: float = 15.0
    alumina_wt_pct_per_root_h: float = 0.05
    undissolved_share_per_root_h: float = 0.25
    acd_cm_per_root_h: float = 0.012
    temperature_c_per_root_h: float = 1.0
    ledge_cm_per_root_h: float = 0.05
    alf3_wt_pct_per_root_h: float = 0.08
    feeder_per_root_h: float = 0.04
    resistance_uohm_per_root_h: float = 0.02
    heat_kw_per_root_h: float = 25.0
    heat_step_kw: float = 150.0
    alumina_standing_sd_wt_pct: float = 0.12
    acd_standing_sd_cm: float = 0.08
    ledge_standing_sd_cm: float = 0.6
    alf3_standing_sd_wt_pct: float = 0.3
    temperature_standing_sd_c: float = 0.7
    undissolved_standing_share: float = 0.2
    beam_move_sd_cm: float = 0.005
    play_share: float = 0.4
    beam_move_share: float = 0.5
    beam_action_mm: float = 1.0
    beam_margin: float = 1.5
    longest_silence_s: float = 30.0
    longest_silence_scans: float = 3.0
    feed_smoothing_s: float = 900.0
    tolerance_sd: float = 4.0
    anode_effect_alumina_sd_wt_pct: float = 0.1


class FilterSetting(NamedTuple):
    """Numbers of one estimator, traced so that estimators share one compilation."""

    model: FilterModel
    start_mean: Array
    start_factor: Array
    noise_per_s: Array
    standing_variance: Array
    voltage_sd_v: Array
    temperature_sd_c: Array
    current_sd_ka: Array
    beam_move_sd_cm: Array
    beam_play_mm: Array
    play_share: Array
    beam_move_share: Array
    beam_action_mm: Array
    beam_sd_mm: Array
    beam_dead_zone_mm: Array
    beam_reach_mm_per_s: Array
    longest_silence_s: Array
    longest_silence_scans: Array
    feed_smoothing_s: Array
    tolerance_sd: Array
    heat_step_kw: Array
    anode_effect_alumina_sd_wt_pct: Array
    line_current_ka: Array
    feed_kg_per_h: Array
    shot_kg: Array


def make_setting(
    design: PlantDesign, noise_sd: Mapping[str, float], tuning: EstimatorTuning
) -> FilterSetting:
    """Work out the numbers of a filter.

    Args:
        design: of the plant.
        noise_sd: by signal name, in the unit of the name.
        tuning: of the filter.

    Returns:
        The setting, every number of one type.
    """
    start = make_nominal_state(design)
    parameters = make_reduced_parameters(design)
    gap = design.cell.gap
    resolution_mm = gap.beam_resolution_mm
    heat = design.cell.heat
    ledge_kg_per_cm = heat.ledge_density_kg_per_m3 * heat.ledge_area_m2 / 100.0
    bath_share_per_cm = ledge_kg_per_cm / design.cell.bath.mass_kg
    # One step of the reading may be rounding alone, and a difference of two readings has the noise
    # of both.
    dead_zone_mm = max(1.5 * resolution_mm, 2.0 * noise_sd["beam_position_mm"])
    start_sd = {
        ALUMINA: tuning.alumina_start_sd_wt_pct,
        UNDISSOLVED: tuning.undissolved_start_share * start[UNDISSOLVED],
        ACD: tuning.acd_start_sd_cm,
        TEMPERATURE: tuning.superheat_start_sd_c,
        LEDGE: tuning.ledge_start_sd_cm,
        ALF3: tuning.alf3_start_sd_wt_pct,
        FEEDER: tuning.feeder_start_sd,
        RESISTANCE: tuning.resistance_start_sd_uohm,
        HEAT: tuning.heat_start_sd_kw,
    }
    walk = {
        ALUMINA: tuning.alumina_wt_pct_per_root_h,
        UNDISSOLVED: tuning.undissolved_share_per_root_h * start[UNDISSOLVED],
        ACD: tuning.acd_cm_per_root_h,
        TEMPERATURE: tuning.temperature_c_per_root_h,
        LEDGE: tuning.ledge_cm_per_root_h,
        ALF3: tuning.alf3_wt_pct_per_root_h,
        FEEDER: tuning.feeder_per_root_h,
        RESISTANCE: tuning.resistance_uohm_per_root_h,
        HEAT: tuning.heat_kw_per_root_h,
    }
    standing = {
        ALUMINA: tuning.alumina_standing_sd_wt_pct,
        ACD: tuning.acd_standing_sd_cm,
        LEDGE: tuning.ledge_standing_sd_cm,
        ALF3: tuning.alf3_standing_sd_wt_pct,
        TEMPERATURE: tuning.temperature_standing_sd_c,
        UNDISSOLVED: tuning.undissolved_standing_share * start[UNDISSOLVED],
    }
    order = range(len(ESTIMATED))
    scalars = {
        "voltage_sd_v": noise_sd["cell_voltage_v"],
        "temperature_sd_c": noise_sd["bath_temperature_c"],
        "current_sd_ka": noise_sd["line_current_ka"],
        "beam_move_sd_cm": tuning.beam_move_sd_cm,
        "beam_play_mm": gap.beam_backlash_mm,
        "play_share": tuning.play_share,
        "beam_move_share": tuning.beam_move_share,
        "beam_action_mm": tuning.beam_action_mm,
        "beam_sd_mm": resolution_mm / np.sqrt(12.0),
        "beam_dead_zone_mm": dead_zone_mm - 1e-6,  # positions are sums of steps, with their errors
        "beam_reach_mm_per_s": tuning.beam_margin * gap.beam_speed_mm_per_s,
        "longest_silence_s": tuning.longest_silence_s,
        "longest_silence_scans": tuning.longest_silence_scans,
        "feed_smoothing_s": tuning.feed_smoothing_s,
        "tolerance_sd": tuning.tolerance_sd,
        "heat_step_kw": tuning.heat_step_kw,
        "anode_effect_alumina_sd_wt_pct": tuning.anode_effect_alumina_sd_wt_pct,
        "line_current_ka": design.line.current_ka,
        "feed_kg_per_h": nominal_feed_kg_per_h(design),
        "shot_kg": design.cell.feed.shot_kg,
    }
    return strengthen(
        FilterSetting(
            model=FilterModel(parameters, jnp.asarray(bath_share_per_cm)),
            start_mean=jnp.concatenate(
                [jnp.asarray(start[:BEAM]), jnp.zeros(len(ESTIMATED) - BEAM)]
            ),
            start_factor=_correlate(parameters, start, jnp.array([start_sd[i] for i in order])),
            noise_per_s=jnp.array([walk[i] ** 2 / 3600.0 for i in order]),
            standing_variance=jnp.array([standing.get(i, 0.0) ** 2 for i in order]),
            **{name: jnp.asarray(number, dtype=float) for name, number in scalars.items()},
        )
    )


def _correlate(parameters: CellParameters, start: F64, start_sd: Array) -> Array:
    """Factor (N, N) of the first covariance: a cell has stood near its steady state for years.

    So it is its superheat that is about nominal: the temperature is as uncertain as the liquidus
    beside it, and the ledge is about as thick as that superheat lets it be.
    """
    additives = (parameters.caf2_wt_pct, parameters.mgf2_wt_pct, parameters.lif_wt_pct)

    def stand(free: Array) -> Array:
        liquidus_c = compute_liquidus_c(free[ALUMINA], free[ALF3], *additives)
        superheat_c = free[TEMPERATURE]
        ledge_cm = compute_steady_ledge_cm(parameters, superheat_c, liquidus_c)
        stood = free.at[TEMPERATURE].set(superheat_c + liquidus_c)
        return stood.at[LEDGE].set(free[LEDGE] + ledge_cm)

    count = start_sd.shape[0]
    free = jnp.zeros(count).at[:BEAM].set(jnp.asarray(start[:BEAM]))
    liquidus_c = compute_liquidus_c(free[ALUMINA], free[ALF3], *additives)
    free = free.at[TEMPERATURE].add(-liquidus_c)
    spread = jax.jacfwd(stand)(free) * start_sd[None, :]
    factor: Array = jnp.linalg.cholesky(spread @ spread.T)
    return factor
