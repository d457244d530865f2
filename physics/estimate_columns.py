"""What an estimate says of every cell: the columns that the other rooms read, by name."""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.drives import is_fresh, usable_current_ka
from physics.estimate_state import EstimatorState, get_belief
from physics.estimator_tuning import FilterSetting
from physics.filter_model import ESTIMATED, evaluate_estimate
from physics.kalman import variances
from physics.reduced.model import ALUMINA
from physics.signals import SIGNALS

_FED: Final = SIGNALS.index("alumina_fed_kg")


def describe_cell(setting: FilterSetting, state: EstimatorState) -> dict[str, Array]:
    """Describe one cell.

    Args:
        setting: of the filter.
        state: of the cell.

    Returns:
        Scalars by name: every estimated quantity, its `<name>_sd`, and what follows from them. The
        innovation is that of the newest voltage; `innovation_nis` is the mean over lately scans of
        the normalised innovation squared of all that was measured, for each value (1 where the
        filter knows how uncertain it is), `innovation_within_95` the share of scans in which it was
        within its 95 % limit (chi-square).
    """
    current_ka = usable_current_ka(setting, state.line_current_ka)
    fed_lately = is_fresh(setting, state.t_plant_s, state.seen_s[_FED], state.scan_s)
    shown = evaluate_estimate(setting.model.cell, state.mean, current_ka)
    sd = jnp.sqrt(variances(get_belief(state)) + setting.standing_variance)
    columns = {name: state.mean[i] for i, name in enumerate(ESTIMATED)}
    columns |= {f"{name}_sd": sd[i] for i, name in enumerate(ESTIMATED)}
    anode_effect_wt_pct = setting.model.cell.anode_effect_alumina_wt_pct
    return columns | {
        "beam_position_mm": state.beam_position_mm,
        "beam_position_mm_sd": setting.beam_sd_mm,
        "superheat_c": shown.superheat_c,
        "liquidus_c": shown.liquidus_c,
        "cell_voltage_v": shown.cell_voltage_v,
        "resistance_uohm": shown.resistance_uohm,
        "current_efficiency": shown.current_efficiency,
        "energy_kwh_per_kg": shown.energy_kwh_per_kg,
        "metal_kg_per_h": 3600.0 * shown.metal_kg_per_s,
        "line_current_ka": state.line_current_ka,
        "voltage_noise_mv": state.noise_mv,
        "alumina_feed_rate_kg_per_h": jnp.where(fed_lately, state.feed_rate_kg_per_h, jnp.nan),
        "anode_effect_margin_wt_pct": state.mean[ALUMINA] - anode_effect_wt_pct,
        "anode_effect": state.anode_effect,
        "innovation_voltage_mv": 1e3 * state.innovation_v,
        "innovation_normalised": state.innovation_normalised,
        "innovation_nis": state.nis,
        "innovation_within_95": state.nis_within_95,
        "estimate_restarts": state.restarts,
    }
