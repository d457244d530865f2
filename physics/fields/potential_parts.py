"""Where the voltage of a cell goes, part by part, and the heat that it makes, box by box.

Power over current: each part is the power spent on it over the current through the cell, for a face
of an electrode its overvoltage weighted with its current. So the parts add up to the voltage, and
the heat of all boxes to the current times all of it that is not reversible.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.fields.grid import Grid, compute_volumes_m3
from physics.fields.potential import (
    PotentialCurrents,
    PotentialSetting,
    PotentialTerm,
    add_to_boxes,
)
from physics.fields.stencil import compute_differences
from physics.parameters import CellParameters
from physics.voltage import VoltageParts, compute_critical_current_density


class PotentialParts(NamedTuple):
    """What a potential means."""

    voltage: VoltageParts  # scalars, V
    heat_w_per_m3: Array  # (nx, ny, nz), all but what the reaction itself takes
    above_critical_share: Array  # scalar: of the anodes' faces, by area; above 0 an anode effect


def compute_parts(
    setting: PotentialSetting,
    parameters: CellParameters,
    term: PotentialTerm,
    currents: PotentialCurrents,
    potential_v: Array,
    anode_top_v: Array,
    current_a: Array,
) -> PotentialParts:
    """Break the voltage down.

    Overvoltages heat the two boxes of their face, each the more, the less it resists to heat; the
    gas layer heats the bath, a contact its box. Without any current all voltage is reversible.

    Args:
        setting: of the cell.
        parameters: of the cell.
        term: of this instant.
        currents: that the potential drives.
        potential_v: (nx, ny, nz).
        anode_top_v: scalar.
        current_a: through the boxes, scalar.

    Returns:
        Parts, heat and the anode-effect limit.
    """
    joule_w = _compute_joule_w(setting.grid, term, potential_v)
    for electrode, current in ((term.anode, currents.anode), (term.cathode, currents.cathode)):
        through_a = current.density * electrode.faces.area_cm2
        before_w = through_a * current.density * electrode.from_ohm_cm2
        behind_w = through_a * current.density * electrode.to_ohm_cm2
        joule_w = add_to_boxes(joule_w, electrode.faces, before_w, behind_w)
    top_w = term.top_contact_s * (anode_top_v - potential_v) ** 2
    bottom_w = term.loss_s * potential_v**2

    anode_a = currents.anode.density * term.anode.faces.area_cm2
    cathode_a = currents.cathode.density * term.cathode.faces.area_cm2
    anode = term.anode.law.compute_parts(currents.anode.density)
    cathode_v = term.cathode.law.compute_overvoltage_v(currents.cathode.density)
    reaction_w = anode_a * (anode.reaction_v + anode.concentration_v)
    layer_w = anode_a * (anode.bath_v + anode.bubble_v)
    cathode_w = cathode_a * cathode_v

    is_cathode = ~setting.is_bath & ~setting.is_anode
    flows = current_a != 0.0
    per_a = jnp.where(flows, 1.0 / jnp.where(flows, current_a, 1.0), 0.0)
    spent_w = {
        "anode_reaction_v": jnp.sum(anode_a * anode.reaction_v),
        "anode_concentration_v": jnp.sum(anode_a * anode.concentration_v),
        "cathode_concentration_v": jnp.sum(cathode_w),
        "bath_v": jnp.sum(joule_w, where=setting.is_bath) + jnp.sum(anode_a * anode.bath_v),
        "bubble_v": jnp.sum(anode_a * anode.bubble_v),
        "anode_ohmic_v": jnp.sum(joule_w, where=setting.is_anode) + jnp.sum(top_w),
        "cathode_ohmic_v": jnp.sum(joule_w, where=is_cathode) + jnp.sum(bottom_w),
    }
    parts_v = {name: power_w * per_a for name, power_w in spent_w.items()}
    voltage = VoltageParts(
        # the rest, which is the mean of the faces' weighted with their current
        reversible_v=anode_top_v - sum(parts_v.values(), start=jnp.zeros(())),
        external_ohmic_v=current_a * parameters.external_resistance_uohm * 1e-6 / setting.share,
        **parts_v,
    )
    heat_w = joule_w + top_w + bottom_w
    for faces, face_w, behind_w in (
        (term.anode.faces, reaction_w, layer_w),
        (term.cathode.faces, cathode_w, jnp.zeros_like(cathode_w)),
    ):
        before_w = faces.from_heat_share * face_w
        heat_w = add_to_boxes(heat_w, faces, before_w, face_w - before_w + behind_w)
    return PotentialParts(
        voltage=voltage,
        heat_w_per_m3=heat_w / compute_volumes_m3(setting.grid),
        above_critical_share=_compute_above_critical_share(setting, term, currents),
    )


def compute_anode_currents_a(
    setting: PotentialSetting, anode_density: Array, anode_count: int
) -> Array:
    """Current of each anode, or of the part of it that lies in the boxes.

    Args:
        setting: of the cell.
        anode_density: (m,), A/cm2, of a solution.
        anode_count: how many; static.

    Returns:
        (anode_count,), A.
    """
    return jax.ops.segment_sum(
        anode_density * setting.anode.area_cm2, setting.anode_number, num_segments=anode_count
    )


def compute_reacting_current_a(setting: PotentialSetting, anode_density: Array) -> Array:
    """Current that enters each box of bath from the anodes beside it, (nx, ny, nz), A."""
    current_a = anode_density * setting.anode.area_cm2
    none = jnp.zeros_like(current_a)
    return add_to_boxes(jnp.zeros(setting.grid.shape), setting.anode, none, current_a)


def spread_face_heat_w(setting: PotentialSetting, anode_density: Array, volts: Array) -> Array:
    """Heat of so many volts on the anodes' faces in the boxes on both sides, (nx, ny, nz), W."""
    faces = setting.anode
    heat_w = anode_density * faces.area_cm2 * volts
    before_w = faces.from_heat_share * heat_w
    return add_to_boxes(jnp.zeros(setting.grid.shape), faces, before_w, heat_w - before_w)


def _compute_above_critical_share(
    setting: PotentialSetting,
    term: PotentialTerm,
    currents: PotentialCurrents,
) -> Array:
    law = term.anode.law
    effect = law.effect_alumina_wt_pct
    critical = compute_critical_current_density(
        setting.nominal_density_a_per_cm2, law.bath_ratio, law.alumina_wt_pct, effect
    )
    area = term.anode.faces.area_cm2
    return jnp.sum(area / jnp.sum(area), where=currents.anode.density > critical)


def _compute_joule_w(grid: Grid, term: PotentialTerm, potential_v: Array) -> Array:
    """Heat of the ohmic faces in the boxes, by the resistance of each half."""
    heat_w = jnp.zeros(potential_v.shape)
    differences = compute_differences(potential_v)
    for axis, width in enumerate(grid):
        lower = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        upper = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        along = jnp.expand_dims(width, [a for a in range(3) if a != axis])
        s_per_m = term.upright_s_per_m if axis == 2 else term.level_s_per_m
        # resistances, each times both conductivities, so that an insulator does not divide
        below, above = along[lower] * s_per_m[upper], along[upper] * s_per_m[lower]
        power_w = term.conductance[axis] * differences[axis] ** 2
        each_w = power_w / jnp.where(below + above > 0.0, below + above, 1.0)
        heat_w = heat_w.at[lower].add(below * each_w).at[upper].add(above * each_w)
    return heat_w
