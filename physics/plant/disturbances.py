"""How simulated cells differ from their design, and what befalls them: the figures."""

import math
from dataclasses import dataclass
from typing import Final

SECONDS_PER_HOUR: Final = 3600.0
SECONDS_PER_DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class Disturbances:
    """Spread of cells, faults, operations and noise; design values where no source stands.

    Attributes:
        resistance_spread, conductivity_spread, area_spread: relative sd of a cell from its design.
        conductivity_law_spread: sd of where a cell stands between two published laws of bath
            conductivity (0: Hives, 1: Chrenkova), about the middle.
        bath_mass_spread, heat_spread, dissolution_spread, drift_spread: relative sd.
        alf3_spread_wt_pct, anode_effect_spread_wt_pct, efficiency_spread: absolute sd.
        alf3_loss_share, alf3_loss_spread: kg lost for each kg of alumina fed (26 kg a day at
            300 kA; usual additions are 20 to 40), and its relative sd.
        acd_wander_cm_per_root_h: random walk of the gap.
        gap_spread_cm: sd of single anodes about the gap of their cell, also when newly set.
        faults_per_cell_day: how often a feeder begins to lose part of its dose.
        fault_share, fault_shortest_s, fault_longest_s: share that still arrives, and for how long.
        holdback_highest, crust_return_s: share of a shot the crust keeps (0 to this, anew each
            time), and how slowly it gives it back.
        shot_sd_kg: of what a shot really holds (Illingworth).
        anode_life_s: an anode is changed so often, two at a time (Qatalum: 600 h); inf: never.
        tap_s: metal is tapped so often (Qatalum: about 20 h); inf: never.
        tap_error_mm: sd of where a tapping leaves the anodes.
        anode_effect_lowest_v, anode_effect_highest_v: added to the cell voltage.
        quench_s, quench_margin_wt_pct, quench_shots_per_min: the cell's own treatment, its least
            time and the alumina above the anode effect that ends it.
        current_wander_ka, current_wander_s: of the line, common to all cells.
        current_steps_per_day, current_step_share, current_step_shortest_s, current_step_longest_s:
            how often the line is cut back, by up to which share, and for how long.
        current_noise_ka: of its measurement (Illingworth: 20 to 200 A).
        temperature_noise_c: of the thermocouple, each scan.
        temperature_drift_c, temperature_drift_s: sd of its drift, and how slowly it comes and goes.
        noise_reading_share: relative sd of the measured voltage noise.
        sample_s: the laboratory takes a sample of each cell so often.
        sample_delay_shortest_s, sample_delay_longest_s: and reports so much later.
        sample_temperature_sd_c, sample_alf3_sd_wt_pct, sample_alumina_sd_wt_pct: of its analysis.
    """

    resistance_spread: float = 0.01
    conductivity_spread: float = 0.01
    conductivity_law_spread: float = 0.2
    area_spread: float = 0.005
    bath_mass_spread: float = 0.03
    heat_spread: float = 0.015
    dissolution_spread: float = 0.15
    drift_spread: float = 0.3
    alf3_spread_wt_pct: float = 0.3
    alf3_loss_share: float = 0.006
    alf3_loss_spread: float = 0.15
    anode_effect_spread_wt_pct: float = 0.03
    efficiency_spread: float = 0.004
    acd_wander_cm_per_root_h: float = 0.01
    gap_spread_cm: float = 0.1
    faults_per_cell_day: float = 0.15
    fault_share: float = 0.5
    fault_shortest_s: float = SECONDS_PER_HOUR
    fault_longest_s: float = 2.0 * SECONDS_PER_HOUR
    holdback_highest: float = 0.05
    crust_return_s: float = 6.0 * SECONDS_PER_HOUR
    shot_sd_kg: float = 0.1
    anode_life_s: float = 600.0 * SECONDS_PER_HOUR
    tap_s: float = 20.0 * SECONDS_PER_HOUR
    tap_error_mm: float = 0.5
    anode_effect_lowest_v: float = 16.0
    anode_effect_highest_v: float = 30.0
    quench_s: float = 120.0
    quench_margin_wt_pct: float = 0.6
    quench_shots_per_min: float = 4.0
    current_wander_ka: float = 0.4
    current_wander_s: float = 300.0
    current_steps_per_day: float = 0.2
    current_step_share: float = 0.05
    current_step_shortest_s: float = 0.5 * SECONDS_PER_HOUR
    current_step_longest_s: float = 3.0 * SECONDS_PER_HOUR
    current_noise_ka: float = 0.05
    temperature_noise_c: float = 1.5
    temperature_drift_c: float = 0.7
    temperature_drift_s: float = 5.0 * SECONDS_PER_DAY
    noise_reading_share: float = 0.1
    sample_s: float = SECONDS_PER_DAY
    sample_delay_shortest_s: float = 4.0 * SECONDS_PER_HOUR
    sample_delay_longest_s: float = 20.0 * SECONDS_PER_HOUR
    sample_temperature_sd_c: float = 2.0
    sample_alf3_sd_wt_pct: float = 0.4
    sample_alumina_sd_wt_pct: float = 0.2


UNDISTURBED: Final = Disturbances(
    faults_per_cell_day=0.0, anode_life_s=math.inf, tap_s=math.inf, current_steps_per_day=0.0
)
"""Cells that differ and measurements with noise, but no fault and no operation."""
