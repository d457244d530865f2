"""How simulated cells differ from their design, and what befalls them.

Only the plant uses this: the controller knows none of these numbers and shares no random stream.
Every cell draws from its own key, so cell 7 is the same cell whatever the length of the line.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.parameters import CellParameters

SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Disturbances:
    """Spread of cells, faults and noise; every figure a design value where no source stands.

    Attributes:
        resistance_spread, conductivity_spread, area_spread: relative sd of a cell from its
            design. (That published conductivity regressions differ by 5 % is no such spread.)
        bath_mass_spread, heat_spread, dissolution_spread, drift_spread: relative sd.
        alf3_spread_wt_pct, alf3_wander_wt_pct, alf3_wander_s: of a cell, and slowly with time.
        anode_effect_spread_wt_pct, efficiency_spread: absolute sd.
        acd_wander_cm_per_root_h: random walk of the gap.
        faults_per_cell_day: how often a feeder begins to lose part of its dose.
        fault_share, fault_shortest_s, fault_longest_s: share that still arrives, and for how long.
        holdback_highest, crust_return_s: share of a shot the crust keeps (0 to this, anew each
            time), and how slowly it gives it back.
        shot_sd_kg: of what a shot really holds (Illingworth).
        anode_effect_lowest_v, anode_effect_highest_v: added to the cell voltage.
        quench_s, quench_margin_wt_pct, quench_shots_per_min: the cell's own treatment, its least
            time and the alumina above the anode effect that ends it.
        current_wander_ka, current_wander_s: of the line, common to all cells.
        current_noise_ka: of its measurement (Illingworth: 20 to 200 A).
        temperature_noise_c, temperature_bias_c: of the thermocouple, each scan and each cell.
        noise_reading_share: relative sd of the measured voltage noise.
    """

    resistance_spread: float = 0.01
    conductivity_spread: float = 0.015
    area_spread: float = 0.005
    bath_mass_spread: float = 0.03
    heat_spread: float = 0.015
    dissolution_spread: float = 0.15
    drift_spread: float = 0.3
    alf3_spread_wt_pct: float = 0.3
    alf3_wander_wt_pct: float = 0.2
    alf3_wander_s: float = 2.0 * SECONDS_PER_DAY
    anode_effect_spread_wt_pct: float = 0.03
    efficiency_spread: float = 0.004
    acd_wander_cm_per_root_h: float = 0.01
    faults_per_cell_day: float = 0.15
    fault_share: float = 0.5
    fault_shortest_s: float = 3600.0
    fault_longest_s: float = 7200.0
    holdback_highest: float = 0.05
    crust_return_s: float = 6.0 * 3600.0
    shot_sd_kg: float = 0.1
    anode_effect_lowest_v: float = 16.0
    anode_effect_highest_v: float = 30.0
    quench_s: float = 120.0
    quench_margin_wt_pct: float = 0.6
    quench_shots_per_min: float = 4.0
    current_wander_ka: float = 0.4
    current_wander_s: float = 300.0
    current_noise_ka: float = 0.05
    temperature_noise_c: float = 1.5
    temperature_bias_c: float = 0.7
    noise_reading_share: float = 0.1


class Draws(NamedTuple):
    """Independent random numbers of one substep, each (C,)."""

    shot: Array  # normal
    alf3: Array  # normal
    acd: Array  # normal
    fault_begins: Array  # uniform, as are the next
    fault_length: Array
    holdback: Array
    anode_effect: Array


class Readings(NamedTuple):
    """Independent normal numbers of one scan, each (C,)."""

    voltage: Array
    temperature: Array
    noise: Array


def make_cell_keys(seed: int, cell_count: int, stream: int) -> Array:
    """One random key for each cell, independent of how many there are.

    Args:
        seed: of the whole plant.
        cell_count: C.
        stream: which use of the seed.

    Returns:
        (C,) keys.
    """
    root = jax.random.fold_in(jax.random.key(seed), stream)
    return jax.vmap(lambda number: jax.random.fold_in(root, number))(jnp.arange(1, cell_count + 1))


def draw(keys: Array) -> tuple[Array, Draws]:
    """Draw what one substep needs and move the keys on.

    Args:
        keys: (C,).

    Returns:
        New keys (C,) and the draws.
    """

    def draw_one(key: Array) -> tuple[Array, Array, Array]:
        following, normal_key, uniform_key = jax.random.split(key, 3)
        return following, jax.random.normal(normal_key, (3,)), jax.random.uniform(uniform_key, (4,))

    following, normal, uniform = jax.vmap(draw_one)(keys)
    return following, Draws(*normal.T, *uniform.T)


def draw_readings(keys: Array) -> tuple[Array, Readings]:
    """Draw the noise of one scan and move the keys on: (C,) keys in, (C,) keys and noise out."""

    def draw_one(key: Array) -> tuple[Array, Array]:
        following, normal_key = jax.random.split(key)
        return following, jax.random.normal(normal_key, (3,))

    following, normal = jax.vmap(draw_one)(keys)
    return following, Readings(*normal.T)


def perturb(parameters: CellParameters, spread: Disturbances, keys: Array) -> CellParameters:
    """Make each cell a little different from its design.

    Args:
        parameters: scalars of the design.
        spread: how different.
        keys: (C,).

    Returns:
        Parameters with every field (C,).
    """

    def perturb_one(key: Array) -> CellParameters:
        normal = iter(jax.random.normal(key, (16,)))

        def scaled(value: Array, share: float) -> Array:
            return value * (1.0 + share * jnp.clip(next(normal), -2.5, 2.5))

        def shifted(value: Array, amount: float) -> Array:
            return value + amount * jnp.clip(next(normal), -2.5, 2.5)

        bath_mass_kg = scaled(parameters.bath_mass_kg, spread.bath_mass_spread)
        extra_heat_capacity = (
            bath_mass_kg - parameters.bath_mass_kg
        ) * parameters.bath_heat_capacity_j_per_kg_k
        return parameters._replace(
            bath_mass_kg=bath_mass_kg,
            heat_capacity_j_per_k=parameters.heat_capacity_j_per_k + extra_heat_capacity,
            anode_area_cm2=scaled(parameters.anode_area_cm2, spread.area_spread),
            conductivity_factor=scaled(parameters.conductivity_factor, spread.conductivity_spread),
            anode_resistance_uohm=scaled(
                parameters.anode_resistance_uohm, spread.resistance_spread
            ),
            cathode_resistance_uohm=scaled(
                parameters.cathode_resistance_uohm, spread.resistance_spread
            ),
            excess_alf3_wt_pct=shifted(parameters.excess_alf3_wt_pct, spread.alf3_spread_wt_pct),
            anode_effect_alumina_wt_pct=shifted(
                parameters.anode_effect_alumina_wt_pct, spread.anode_effect_spread_wt_pct
            ),
            dissolution_per_s=scaled(parameters.dissolution_per_s, spread.dissolution_spread),
            undissolved_fraction=jnp.minimum(
                scaled(parameters.undissolved_fraction, spread.dissolution_spread / 2.0), 0.9
            ),
            top_and_bottom_conductance_w_per_k=scaled(
                parameters.top_and_bottom_conductance_w_per_k, spread.heat_spread
            ),
            bath_to_ledge_w_per_m2_k=scaled(
                parameters.bath_to_ledge_w_per_m2_k, spread.heat_spread
            ),
            ledge_conductivity_w_per_m_k=scaled(
                parameters.ledge_conductivity_w_per_m_k, spread.heat_spread
            ),
            acd_drift_cm_per_s_and_ka=scaled(
                parameters.acd_drift_cm_per_s_and_ka, spread.drift_spread
            ),
            efficiency_reference=shifted(parameters.efficiency_reference, spread.efficiency_spread),
        )

    return jax.vmap(perturb_one)(keys)
