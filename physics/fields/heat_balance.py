"""What enters and leaves every box, and the ways that heat takes: between boxes, and at the front.

The ways, conductances, depend on temperature and on where the front is. A stage in time takes them
from its last round.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.fields.front import (
    FrontFaces,
    FrontLinks,
    find_front_faces,
    gather_at_firm,
    gather_at_open,
    link_front,
    of_firm,
    of_open,
)
from physics.fields.grid import compute_volumes_m3
from physics.fields.heat import (
    Contents,
    HeatInputs,
    HeatSetting,
    HeatState,
    count_latent,
    find_open,
)
from physics.fields.stencil import (
    Faces,
    Halves,
    Stencil,
    compute_diagonal,
    compute_differences,
    gather_outflow,
    join_halves,
)
from physics.fields.surroundings import compute_side_loss


class Fronts(NamedTuple):
    """Where fronts are."""

    faces: FrontFaces
    has_ice: Array  # (nx, ny, nz), bool: open boxes with a front, where ice grows or melts
    is_open: Array  # (nx, ny, nz), bool


class Ways(NamedTuple):
    """How well heat passes, with the front and the temperatures where they are."""

    conductance: Faces  # W/K, between boxes; where liquid touches what is firm, through the film
    half: Halves  # m2 K/W, from a box's centre to its faces
    links: FrontLinks
    fronts: Fronts


class HeatBalance(NamedTuple):
    """Rates, and how they would change with temperature."""

    rates: Contents
    outside_w: Array  # scalar, through the sides, outwards
    source_w: Array  # scalar
    stencil: Stencil  # d(outflow)/dT in W/K; its loss is that of sides and front
    into_front_w: Array  # (nx, ny, nz), what ice takes from the front
    out_of_liquid_w: Array  # (nx, ny, nz), what liquid gives to it


def find_fronts(setting: HeatSetting, state: HeatState) -> Fronts:
    """Find where ice grows or melts: open boxes that hold ice or touch what is firm, but for bare
    ones. How fronts lie is left as it is here within a step: it follows the neighbours' fronts,
    and theirs follow this one."""
    is_open = find_open(setting, state)
    faces = find_front_faces(setting.grid, state.is_firm, is_open, state.frozen_share)
    has_ice = is_open & ((faces.is_front & ~state.is_bare) | (state.frozen_share > 0.0))
    return Fronts(faces, has_ice, is_open)


def compute_ways(setting: HeatSetting, state: HeatState, fronts: Fronts) -> Ways:
    """Find how well heat passes.

    Args:
        setting: of the domain.
        state: how far boxes are frozen, and temperatures.
        fronts: of the step's start.

    Returns:
        The ways.
    """
    grid, faces = setting.grid, fronts.faces
    is_open, has_ice = fronts.is_open, fronts.has_ice
    frozen_c = jnp.where(is_open, state.ice_c, state.temperature_c)
    frozen_conductivity = setting.conductivity_w_per_m_k * (
        1.0 + setting.conductivity_rise_per_k * (frozen_c - setting.conductivity_at_c)
    )
    own = jnp.where(is_open, setting.liquid_conductivity_w_per_m_k, frozen_conductivity)
    x, y, z = grid.width_x_m, grid.width_y_m, grid.width_z_m
    widths = (x[:, None, None], y[None, :, None], z[None, None, :])
    half = Halves(*(0.5 * width / own for width in widths))
    links = link_front(
        grid,
        faces,
        has_ice,
        state.frozen_share,
        half,
        setting.film_m2_k_per_w,
        frozen_conductivity,
        setting.liquid_conductivity_w_per_m_k,
        setting.front_film_m2_k_per_w,
    )
    through = join_halves(grid, half, half, setting.film_m2_k_per_w)
    conductance = Faces(
        *(
            jnp.where(before | beyond, bare, g)
            for before, beyond, bare, g in zip(
                faces.firm_before, faces.firm_beyond, links.firm_to_liquid, through, strict=True
            )
        )
    )
    return Ways(conductance, half, links, fronts)


def compute_balance(
    setting: HeatSetting, state: HeatState, inputs: HeatInputs, ways: Ways
) -> HeatBalance:
    """Rates of change of what every box holds, and their derivative by temperature.

    Args:
        setting: of the domain.
        state: of its temperatures alone.
        inputs: at this time.
        ways: of the same state, or of another that is near.

    Returns:
        The balance. What one box gives the next takes, to rounding, and what a front gives and
        takes is its latent heat.
    """
    grid, links, faces = setting.grid, ways.links, ways.fronts.faces
    temperature, volume = state.temperature_c, compute_volumes_m3(setting.grid)
    sides = compute_side_loss(
        grid, setting.films, inputs.ambient_c, temperature, ways.half, ways.half
    )
    flow = Faces(
        *(-g * d for g, d in zip(ways.conductance, compute_differences(temperature), strict=True))
    )
    from_firm, to_ice = jnp.zeros_like(volume), jnp.zeros_like(volume)
    for axis in range(3):
        warm = of_firm(faces, axis, temperature) - of_open(faces, axis, state.ice_c)
        into_ice = links.firm_to_ice[axis] * warm
        from_firm = from_firm + gather_at_firm(faces, axis, into_ice)
        to_ice = to_ice + gather_at_open(faces, axis, into_ice)
    into_front = links.ice_to_front * (inputs.liquidus_c - state.ice_c)
    out_of_liquid = links.liquid_to_front * (temperature - inputs.liquidus_c)
    latent = jnp.where(ways.fronts.has_ice, count_latent(setting, inputs.liquidus_c), 1.0)
    frozen_per_s = (into_front - out_of_liquid) / (volume * latent)
    above = frozen_per_s * (inputs.liquidus_c - setting.reference_c)
    left_w = gather_outflow(flow) + sides.outflow_w + from_firm + out_of_liquid
    return HeatBalance(
        rates=Contents(
            sensible_j_per_m3=inputs.source_w_per_m3
            - left_w / volume
            - above * setting.liquid_heat_capacity_j_per_m3_k,
            ice_sensible_j_per_m3=(to_ice + into_front) / volume
            + above * setting.heat_capacity_j_per_m3_k,
            frozen_share=frozen_per_s,
        ),
        outside_w=jnp.sum(sides.outflow_w),
        source_w=jnp.sum(inputs.source_w_per_m3 * volume),
        stencil=Stencil(sides.slope_w_per_k + links.liquid_to_front, ways.conductance),
        into_front_w=into_front,
        out_of_liquid_w=out_of_liquid,
    )


def largest_explicit_step_s(setting: HeatSetting, state: HeatState, inputs: HeatInputs) -> Array:
    """Longest step that explicit Euler would bear, s: the fastest box's heat over its conductances.

    Args:
        setting: of the domain.
        state: of its boxes.
        inputs: at this time.

    Returns:
        Scalar. A bound by Gershgorin's circles: twice the diagonal holds the largest eigenvalue.
    """
    ways = compute_ways(setting, state, find_fronts(setting, state))
    balance = compute_balance(setting, state, inputs, ways)
    diagonal = compute_diagonal(balance.stencil)
    capacity = jnp.minimum(
        setting.heat_capacity_j_per_m3_k, setting.liquid_heat_capacity_j_per_m3_k
    )
    return jnp.min(capacity * compute_volumes_m3(setting.grid) / diagonal)
