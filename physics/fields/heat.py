"""Heat in a cell: what every box holds, of what a domain is made, and what drives it.

    dH/dt = div(k grad T) + q

What never freezes, and bath that is wholly frozen, has one temperature. Bath that is not holds
liquid and may hold ice; between them stands the front, at the liquidus, somewhere inside the box:

    enthalpy H   = sensible + ice sensible + (1 - s) L
    of liquid      (1 - s) C_l (T - T_r)
    of ice         s C_s (T_ice - T_r)

s is the box's frozen share, T_r a reference temperature. How front, liquid and ice act on each
other is `front`'s; docs/decisions/0013-a-front-inside-the-box.md says why two temperatures.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from physics.fields.grid import Grid
from physics.fields.stencil import Faces
from physics.fields.surroundings import Films, Sides, make_sides


class HeatSetting(NamedTuple):
    """What a domain is made of; a field is (nx, ny, nz)."""

    grid: Grid
    conductivity_w_per_m_k: Array  # field, at `conductivity_at_c`; of bath: when frozen
    conductivity_rise_per_k: Array  # field: k = k0 (1 + rise (T - T0))
    conductivity_at_c: Array  # scalar
    liquid_conductivity_w_per_m_k: Array  # field; of liquid bath, stirring included
    heat_capacity_j_per_m3_k: Array  # field; of bath: when frozen
    liquid_heat_capacity_j_per_m3_k: Array  # field
    latent_heat_j_per_m3: Array  # field, at `reference_c`
    reference_c: Array  # scalar, where the enthalpy of what is solid is 0
    can_freeze: Array  # field, bool: bath
    is_wall: Array  # field, bool: what bath freezes on
    film_m2_k_per_w: Faces  # resistances of faces, such as contacts
    front_film_m2_k_per_w: Array  # scalar: 1 over the heat transfer coefficient of bath to ledge
    films: Films  # of the sides


class Contents(NamedTuple):
    """What the boxes hold or, as a rate, gain in a second; fields of (nx, ny, nz)."""

    sensible_j_per_m3: Array  # of all that is not ice beside liquid
    ice_sensible_j_per_m3: Array  # of ice beside liquid in one box
    frozen_share: Array  # of bath; 0 elsewhere


class HeatState(NamedTuple):
    """What the boxes hold, and what they are; fields of (nx, ny, nz)."""

    sensible_j_per_m3: Array  # of all that is not ice beside liquid
    ice_sensible_j_per_m3: Array  # of ice beside liquid in one box
    frozen_share: Array  # of bath, 0 to 1; 0 elsewhere
    is_firm: Array  # bool: what ice grows on: a wall, or wholly frozen bath
    is_bare: Array  # bool: liquid bath that touches what is firm and does not freeze on it
    temperature_c: Array  # of liquid where there is some, else of all that the box holds
    ice_c: Array  # of ice beside liquid; the liquidus where there is none


class HeatInputs(NamedTuple):
    """What drives the heat, at one time."""

    liquidus_c: Array  # field
    source_w_per_m3: Array  # field
    ambient_c: Sides


def make_heat_setting(
    grid: Grid,
    conductivity_w_per_m_k: ArrayLike,
    heat_capacity_j_per_m3_k: ArrayLike,
    *,
    conductivity_rise_per_k: ArrayLike = 0.0,
    conductivity_at_c: float = 0.0,
    liquid_conductivity_w_per_m_k: ArrayLike | None = None,
    liquid_heat_capacity_j_per_m3_k: ArrayLike | None = None,
    latent_heat_j_per_m3: ArrayLike = 0.0,
    reference_c: float = 0.0,
    can_freeze: ArrayLike = False,
    is_wall: ArrayLike = False,
    film_m2_k_per_w: Faces | None = None,
    front_film_m2_k_per_w: float = 0.0,
    convection_w_per_m2_k: Sides | None = None,
    emissivity: Sides | None = None,
) -> HeatSetting:
    """Describe a domain; fields may be given as scalars.

    Args:
        grid: (nx, ny, nz) boxes.
        conductivity_w_per_m_k: above 0; of bath: when frozen.
        heat_capacity_j_per_m3_k: above 0, density times specific heat; of bath: when frozen.
        conductivity_rise_per_k: relative, of the conductivity.
        conductivity_at_c: temperature at which the conductivity is the one given.
        liquid_conductivity_w_per_m_k: of liquid bath, stirring included; None is as frozen.
        liquid_heat_capacity_j_per_m3_k: None is as frozen.
        latent_heat_j_per_m3: at `reference_c`; above 0 where bath can freeze.
        reference_c: temperature that enthalpy counts from.
        can_freeze: whether a box is bath.
        is_wall: whether bath freezes on a box.
        film_m2_k_per_w: resistances of inner faces.
        front_film_m2_k_per_w: resistance between stirred bath and ledge.
        convection_w_per_m2_k: of the sides; None is none.
        emissivity: of the sides; None is none.

    Returns:
        The setting.

    Raises:
        ValueError: a value that is not above 0, or below 0 where it must not be.
    """

    def spread(name: str, value: ArrayLike, least: float | None = None) -> Array:
        field = np.asarray(value, dtype=float)
        if least is not None and not np.all(field > least):
            raise ValueError(
                f"{name} is {field.min()} somewhere: it must be above {least}. "
                "Remedy: correct the material map"
            )
        return jnp.broadcast_to(jnp.asarray(field), grid.shape)

    if front_film_m2_k_per_w < 0.0:
        raise ValueError(
            f"front_film_m2_k_per_w is {front_film_m2_k_per_w}: a resistance is 0 or above. "
            "Remedy: give 1 over the heat transfer coefficient"
        )
    frozen = spread("conductivity_w_per_m_k", conductivity_w_per_m_k, 0.0)
    capacity = spread("heat_capacity_j_per_m3_k", heat_capacity_j_per_m3_k, 0.0)
    bath = jnp.broadcast_to(jnp.asarray(can_freeze, dtype=bool), grid.shape)
    latent = spread("latent_heat_j_per_m3", latent_heat_j_per_m3)
    if not np.all(np.asarray(latent)[np.asarray(bath)] > 0.0):
        raise ValueError(
            "latent_heat_j_per_m3 is not above 0 everywhere where can_freeze is true. "
            "Remedy: give the bath its latent heat"
        )
    nx, ny, nz = grid.shape
    none = Faces(
        jnp.zeros((nx - 1, ny, nz)), jnp.zeros((nx, ny - 1, nz)), jnp.zeros((nx, ny, nz - 1))
    )
    return HeatSetting(
        grid=grid,
        conductivity_w_per_m_k=frozen,
        conductivity_rise_per_k=spread("conductivity_rise_per_k", conductivity_rise_per_k),
        conductivity_at_c=jnp.asarray(conductivity_at_c, dtype=float),
        liquid_conductivity_w_per_m_k=frozen
        if liquid_conductivity_w_per_m_k is None
        else spread("liquid_conductivity_w_per_m_k", liquid_conductivity_w_per_m_k, 0.0),
        heat_capacity_j_per_m3_k=capacity,
        liquid_heat_capacity_j_per_m3_k=capacity
        if liquid_heat_capacity_j_per_m3_k is None
        else spread("liquid_heat_capacity_j_per_m3_k", liquid_heat_capacity_j_per_m3_k, 0.0),
        latent_heat_j_per_m3=latent,
        reference_c=jnp.asarray(reference_c, dtype=float),
        can_freeze=bath,
        is_wall=jnp.broadcast_to(jnp.asarray(is_wall, dtype=bool), grid.shape),
        film_m2_k_per_w=none if film_m2_k_per_w is None else film_m2_k_per_w,
        front_film_m2_k_per_w=jnp.asarray(front_film_m2_k_per_w, dtype=float),
        films=Films(convection_w_per_m2_k or make_sides(grid), emissivity or make_sides(grid)),
    )


def make_heat_inputs(
    grid: Grid,
    liquidus_c: ArrayLike = 0.0,
    source_w_per_m3: ArrayLike = 0.0,
    ambient_c: ArrayLike | Sides = 0.0,
) -> HeatInputs:
    """Spread scalars or fields into inputs; one `ambient_c` is for all sides."""
    if not isinstance(ambient_c, Sides):
        ambient_c = make_sides(grid, *([ambient_c] * 6))
    return HeatInputs(
        jnp.broadcast_to(jnp.asarray(liquidus_c, dtype=float), grid.shape),
        jnp.broadcast_to(jnp.asarray(source_w_per_m3, dtype=float), grid.shape),
        ambient_c,
    )


def count_latent(setting: HeatSetting, liquidus_c: Array) -> Array:
    """Heat that freezing sets free at the liquidus, J/m3, (nx, ny, nz)."""
    lighter = setting.liquid_heat_capacity_j_per_m3_k - setting.heat_capacity_j_per_m3_k
    return setting.latent_heat_j_per_m3 + lighter * (liquidus_c - setting.reference_c)


def find_open(setting: HeatSetting, state: HeatState) -> Array:
    """Whether a box is bath that is not wholly frozen, (nx, ny, nz)."""
    return setting.can_freeze & ~state.is_firm


def compute_temperature_c(setting: HeatSetting, state: HeatState) -> Array:
    """Temperature of every box, degC, (nx, ny, nz); with a front in it, liquid and ice by share."""
    mixed = state.temperature_c + state.frozen_share * (state.ice_c - state.temperature_c)
    return jnp.where(find_open(setting, state), mixed, state.temperature_c)


def compute_enthalpy(setting: HeatSetting, state: HeatState) -> Array:
    """Heat of every box, J/m3, (nx, ny, nz), counted from frozen at the reference temperature."""
    liquid = jnp.where(setting.can_freeze, 1.0 - state.frozen_share, 0.0)
    return (
        state.sensible_j_per_m3
        + state.ice_sensible_j_per_m3
        + liquid * setting.latent_heat_j_per_m3
    )


def compute_ledge_m(setting: HeatSetting, state: HeatState) -> Array:
    """Thickness of frozen bath along x, m, (ny, nz), finer than a box."""
    return jnp.sum(state.frozen_share * setting.grid.width_x_m[:, None, None], axis=0)
