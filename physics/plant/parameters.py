"""The figures of the simulated line: what it was built as, and what each cell has become."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.parameters import CellParameters, make_parameters
from physics.plant.disturbances import Disturbances


class BuiltLine(NamedTuple):
    """What all cells were built as; scalars unless noted."""

    cell: CellParameters
    anode_share: Array  # (A,) of the anode area, 1 / A each
    line_current_ka: Array
    feed_kg_per_h: Array  # nominal
    shot_kg: Array
    beam_start_mm: Array
    beam_speed_mm_per_s: Array
    beam_resolution_mm: Array
    beam_backlash_mm: Array
    acd_drift_m_per_s: Array
    ledge_kg_per_m3: Array
    metal_kg: Array
    metal_heat_j_per_kg_k: Array
    nominal_efficiency: Array
    nominal_alumina_wt_pct: Array
    nominal_acd_cm: Array
    nominal_temperature_c: Array  # also what the AlF3 routine aims at
    start_voltage_v: Array  # at which the line has stood until its start
    nominal_alf3_wt_pct: Array  # also what the AlF3 routine aims at


class CellNature(NamedTuple):
    """What only the plant knows of its cells; each (C,)."""

    conductivity_law: Array  # 0: Hives, 1: Chrenkova
    carbon_kg_per_coulomb: Array
    pool_area_m2: Array  # of the metal pad
    loss_reference: Array  # share of the current lost at the reference point
    alf3_loss_share: Array  # kg for each kg of alumina
    roll_period_s: Array  # of the metal pad
    roll_onset_cm: Array  # gap below which it rolls
    top_w_per_k: Array
    bottom_w_per_k: Array
    bath_ledge_m2: Array
    metal_ledge_m2: Array
    bath_film_w_per_m2_k: Array
    metal_film_w_per_m2_k: Array
    metal_heat_j_per_k: Array
    metal_low_kg: Array  # what a tapping leaves
    caf2_kg: Array
    mgf2_kg: Array
    lif_kg: Array


class PlantParameters(NamedTuple):
    """What stays the same while the line runs."""

    built: BuiltLine
    cell: CellParameters  # every field (C,)
    nature: CellNature
    disturbances: dict[str, Array]  # the figures of `Disturbances`, by name; scalars


def make_built_line(design: PlantDesign) -> BuiltLine:
    """Take from a design what the simulated line needs."""
    cell, nominal, gap = design.cell, design.cell.nominal, design.cell.gap
    anodes = cell.electrodes.anode_count
    scalars = {
        "line_current_ka": design.line.current_ka,
        "feed_kg_per_h": nominal_feed_kg_per_h(design),
        "shot_kg": cell.feed.shot_kg,
        "beam_start_mm": gap.beam_start_mm,
        "beam_speed_mm_per_s": gap.beam_speed_mm_per_s,
        "beam_resolution_mm": gap.beam_resolution_mm,
        "beam_backlash_mm": gap.beam_backlash_mm,
        "acd_drift_m_per_s": gap.acd_drift_mm_per_h / 3.6e6,
        "ledge_kg_per_m3": cell.heat.ledge_density_kg_per_m3,
        "metal_kg": cell.heat.metal_mass_kg,
        "metal_heat_j_per_kg_k": cell.heat.metal_heat_capacity_j_per_kg_k,
        "nominal_efficiency": nominal.current_efficiency,
        "nominal_alumina_wt_pct": nominal.alumina_wt_pct,
        "nominal_acd_cm": nominal.acd_cm,
        "nominal_temperature_c": nominal.bath_temperature_c,
        "start_voltage_v": nominal.cell_voltage_v,
        "nominal_alf3_wt_pct": cell.bath.excess_alf3_wt_pct,
    }
    return BuiltLine(
        cell=make_parameters(design),
        anode_share=jnp.full(anodes, 1.0 / anodes),
        **{name: jnp.asarray(number, dtype=float) for name, number in scalars.items()},
    )


def list_disturbances(disturbances: Disturbances) -> dict[str, Array]:
    """The figures of disturbances by name, as scalars."""
    return {
        name: jnp.asarray(getattr(disturbances, name), dtype=float)
        for name in Disturbances.__dataclass_fields__
    }
