"""The steady operating point of a cell: what a smelter asks of a design on paper.

Current, bath and gap are given, as people set them; nothing is solved for. Whether the cell would
stay there is told by the heat that is left over: `OperatingPoint.heat.net_w()`.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.design import PlantDesign
from physics.efficiency import (
    compute_efficiency,
    compute_energy_kwh_per_kg,
    compute_metal_kg_per_s,
    compute_oxide_use_kg_per_s,
)
from physics.heat import HeatParts, compute_heat_parts
from physics.ledge import compute_steady_ledge_cm
from physics.parameters import CellParameters
from physics.properties import (
    compute_conductivity_s_per_cm,
    compute_liquidus_c,
    compute_saturation_wt_pct,
)
from physics.voltage import VoltageParts, compute_noise_mv, compute_voltage_parts


class OperatingInputs(NamedTuple):
    """What people set or let drift; scalars or (C,)."""

    current_ka: Array
    alumina_wt_pct: Array
    bath_temperature_c: Array
    acd_cm: Array
    excess_alf3_wt_pct: Array
    caf2_wt_pct: Array
    mgf2_wt_pct: Array
    lif_wt_pct: Array


class OperatingPoint(NamedTuple):
    """What follows from the inputs when alumina is fed as it is used up; scalars or (C,)."""

    cell_voltage_v: Array
    voltage: VoltageParts
    liquidus_c: Array
    superheat_c: Array
    saturation_wt_pct: Array
    bath_conductivity_s_per_cm: Array
    current_efficiency: Array
    energy_kwh_per_kg: Array
    metal_kg_per_s: Array
    heat: HeatParts
    heat_loss_w: Array  # what the reaction leaves over and must go through walls, top and bottom
    heat_loss_share: Array  # of the power inside the cell
    steady_ledge_cm: Array  # infinite where the bath is not above its liquidus
    anode_effect_margin_wt_pct: Array  # alumina above that of the anode effect


def make_operating_inputs(design: PlantDesign) -> OperatingInputs:
    """Return the operating point that a cell is designed for, each input a scalar."""
    nominal, bath = design.cell.nominal, design.cell.bath
    values = {
        "current_ka": design.line.current_ka,
        "alumina_wt_pct": nominal.alumina_wt_pct,
        "bath_temperature_c": nominal.bath_temperature_c,
        "acd_cm": nominal.acd_cm,
        "excess_alf3_wt_pct": bath.excess_alf3_wt_pct,
        "caf2_wt_pct": bath.caf2_wt_pct,
        "mgf2_wt_pct": bath.mgf2_wt_pct,
        "lif_wt_pct": bath.lif_wt_pct,
    }
    return OperatingInputs(**{name: jnp.asarray(x, dtype=float) for name, x in values.items()})


def compute_operating_point(parameters: CellParameters, inputs: OperatingInputs) -> OperatingPoint:
    """Everything that a cell shows at one steady operating point.

    Args:
        parameters: of the cell; its bath composition gives way to that of the inputs.
        inputs: current, bath and gap.

    Returns:
        Voltage and heat with their parts, bath properties, efficiency and margins.
    """
    additives = (
        inputs.excess_alf3_wt_pct,
        inputs.caf2_wt_pct,
        inputs.mgf2_wt_pct,
        inputs.lif_wt_pct,
    )
    cell = parameters._replace(
        excess_alf3_wt_pct=inputs.excess_alf3_wt_pct,
        caf2_wt_pct=inputs.caf2_wt_pct,
        mgf2_wt_pct=inputs.mgf2_wt_pct,
        lif_wt_pct=inputs.lif_wt_pct,
    )
    current_ka, alumina = inputs.current_ka, inputs.alumina_wt_pct
    temperature_c, acd_cm = inputs.bath_temperature_c, inputs.acd_cm
    voltage = compute_voltage_parts(cell, current_ka, alumina, temperature_c, acd_cm)
    cell_voltage_v = voltage.total()
    efficiency = compute_efficiency(
        cell, temperature_c, alumina, acd_cm, compute_noise_mv(cell, acd_cm), current_ka
    )
    liquidus_c = compute_liquidus_c(alumina, *additives)
    superheat_c = temperature_c - liquidus_c
    heat = compute_heat_parts(
        cell,
        current_ka,
        cell_voltage_v - voltage.external_ohmic_v,
        efficiency,
        compute_oxide_use_kg_per_s(cell, current_ka, efficiency),
        temperature_c,
        superheat_c,
    )
    heat_loss_w = heat.internal_w - heat.reaction_w - heat.dissolution_w
    is_liquid = superheat_c > 0.0
    ledge_cm = compute_steady_ledge_cm(cell, jnp.where(is_liquid, superheat_c, 1.0), liquidus_c)
    return OperatingPoint(
        cell_voltage_v=cell_voltage_v,
        voltage=voltage,
        liquidus_c=liquidus_c,
        superheat_c=superheat_c,
        saturation_wt_pct=compute_saturation_wt_pct(temperature_c, *additives),
        bath_conductivity_s_per_cm=cell.conductivity_factor
        * compute_conductivity_s_per_cm(temperature_c, alumina, *additives),
        current_efficiency=efficiency,
        energy_kwh_per_kg=compute_energy_kwh_per_kg(cell, cell_voltage_v, efficiency),
        metal_kg_per_s=compute_metal_kg_per_s(cell, current_ka, efficiency),
        heat=heat,
        heat_loss_w=heat_loss_w,
        heat_loss_share=heat_loss_w / heat.internal_w,
        steady_ledge_cm=jnp.where(is_liquid, ledge_cm, jnp.inf),
        anode_effect_margin_wt_pct=alumina - cell.anode_effect_alumina_wt_pct,
    )
