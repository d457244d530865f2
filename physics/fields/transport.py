"""Alumina and AlF3 in the bath: what diffuses between boxes and what appears or goes in each.

Masses are conserved, so masses are the state; they move by their concentration in the liquid, mass
over liquid volume. Frozen bath is nearly pure cryolite: a box that freezes keeps its solutes in
less and less liquid, whose concentration rises and drives them out. The face between a box that is
almost frozen and its liquid neighbour is all liquid, so it stays open to the end: a face is as open
as the more liquid of its two boxes. Only between two frozen boxes nothing moves.
"""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from physics.alumina import AluminaConstants, AluminaExchange, compute_alumina_exchange
from physics.fields.grid import Grid, compute_volumes_m3
from physics.fields.stencil import Faces, Stencil, apply_stencil, compute_conductances

# design value, within the 1e-3 to 1e-2 that a mixing time of minutes between feeders asks for
DIFFUSIVITY_M2_PER_S: Final = 5e-3
BATH_DENSITY_KG_PER_M3: Final = 2100.0  # literature: 2080 to 2130 at 960 degC
# design value: liquid that a frozen box still holds in its pores. Much less, and a box that is all
# but frozen answers to its neighbours in no time at all, which no step in time would follow
PORE_SHARE: Final = 0.01
# design value: electrolysis gives out over this last bit of alumina, and AlF3 is lost likewise
LAST_WT_PCT: Final = 0.05


class TransportSetting(NamedTuple):
    """What does not change in time, for (nx, ny, nz) boxes of the bath or of a window around it."""

    volume_m3: Array  # (nx, ny, nz), of the boxes
    is_bath: Array  # (nx, ny, nz), whether a box holds bath, liquid or frozen
    conductance_m3_per_s: Faces  # of bath that is all liquid; 0 is a wall
    constants: AluminaConstants
    bath_density_kg_per_m3: Array
    alf3_loss_kg_per_kg: Array  # AlF3 lost for each kg of alumina fed


class TransportState(NamedTuple):
    """Masses; as a derivative: the same per second."""

    dissolved_kg: Array  # (nx, ny, nz), alumina in solution
    undissolved_kg: Array  # (nx, ny, nz), alumina in suspension
    alf3_kg: Array  # (nx, ny, nz), excess AlF3
    sludge_kg: Array  # (nx, ny), alumina under each column of boxes


class TransportInputs(NamedTuple):
    """What acts on the bath at one instant."""

    feed_kg_per_s: Array  # (nx, ny, nz), alumina
    consumption_kg_per_s: Array  # (nx, ny, nz), alumina that electrolysis asks for
    alf3_kg_per_s: Array  # (nx, ny, nz), AlF3 added
    liquid_share: Array  # (nx, ny, nz), 0 frozen to 1 liquid
    saturation_wt_pct: Array  # scalar or (nx, ny, nz)


class TransportTerms(NamedTuple):
    """What happens within each box; (nx, ny, nz), solutes as dissolved, undissolved, AlF3."""

    source_kg_per_s: Array  # (3, nx, ny, nz), of the solutes
    exchange: AluminaExchange
    shortfall_kg_per_s: Array  # consumption that found no alumina: an anode effect is near
    alf3_lost_kg_per_s: Array


def make_transport_setting(
    grid: Grid,
    is_bath: ArrayLike,
    constants: AluminaConstants,
    alf3_loss_kg_per_kg: ArrayLike,
    diffusivity_m2_per_s: ArrayLike | tuple[ArrayLike, ArrayLike, ArrayLike] = DIFFUSIVITY_M2_PER_S,
    bath_density_kg_per_m3: ArrayLike = BATH_DENSITY_KG_PER_M3,
) -> TransportSetting:
    """Lay out the transport in a bath.

    Args:
        grid: (nx, ny, nz) boxes, of the bath or of a window around it.
        is_bath: (nx, ny, nz), whether a box holds bath, liquid or frozen.
        constants: how alumina dissolves and settles.
        alf3_loss_kg_per_kg: AlF3 lost as fume and to the soda in alumina, for each kg of alumina
            fed; 0.02 is published (Lundby), 20 to 40 kg a day of usual additions say a third of it.
        diffusivity_m2_per_s: scalar or (nx, ny, nz), turbulent; or three, of movement along x, y
            and z. 0 moves nothing.
        bath_density_kg_per_m3: of liquid bath.

    Returns:
        The setting.

    Raises:
        ValueError: a shape or a sign that is none.
    """
    mask = np.asarray(is_bath, dtype=bool)
    if mask.shape != grid.shape or not mask.any():
        raise ValueError(
            f"is_bath has the shape {mask.shape} and {mask.sum()} boxes of bath: it must have the "
            f"grid's shape {grid.shape} and some bath. Remedy: pass the bath's mask on this grid"
        )
    along = diffusivity_m2_per_s
    if not isinstance(along, tuple):
        along = (along, along, along)
    maps = [np.asarray(one, dtype=float) for one in along]
    for one in maps:
        if not np.all(np.isfinite(one) & (one >= 0.0)):
            raise ValueError(
                f"a diffusivity is {one.min()} m2/s: it must be 0 or above. Remedy: correct it"
            )
    if not np.all(np.asarray(bath_density_kg_per_m3) > 0.0):
        raise ValueError(
            f"the bath's density is {bath_density_kg_per_m3} kg/m3: it must be above 0. "
            "Remedy: correct it"
        )
    x, y, z = (compute_conductances(grid, jnp.asarray(np.where(mask, one, 0.0))) for one in maps)
    return TransportSetting(
        volume_m3=compute_volumes_m3(grid),
        is_bath=jnp.asarray(mask),
        conductance_m3_per_s=Faces(x.x, y.y, z.z),
        constants=AluminaConstants(*(jnp.asarray(one, dtype=float) for one in constants)),
        bath_density_kg_per_m3=jnp.asarray(bath_density_kg_per_m3, dtype=float),
        alf3_loss_kg_per_kg=jnp.asarray(alf3_loss_kg_per_kg, dtype=float),
    )


def make_transport_state(
    setting: TransportSetting,
    alumina_wt_pct: ArrayLike,
    excess_alf3_wt_pct: ArrayLike,
    liquid_share: Array,
) -> TransportState:
    """A bath of a given composition with nothing undissolved and no sludge.

    Args:
        setting: of the bath.
        alumina_wt_pct: in solution, scalar or (nx, ny, nz).
        excess_alf3_wt_pct: of the liquid, scalar or (nx, ny, nz).
        liquid_share: (nx, ny, nz).

    Returns:
        The state.
    """
    liquid_kg = jnp.where(setting.is_bath, compute_liquid_m3(setting, liquid_share), 0.0)
    per_wt_pct = 0.01 * setting.bath_density_kg_per_m3 * liquid_kg
    return TransportState(
        dissolved_kg=per_wt_pct * jnp.asarray(alumina_wt_pct),
        undissolved_kg=jnp.zeros_like(liquid_kg),
        alf3_kg=per_wt_pct * jnp.asarray(excess_alf3_wt_pct),
        sludge_kg=jnp.zeros(liquid_kg.shape[:2]),
    )


def compute_liquid_m3(setting: TransportSetting, liquid_share: Array) -> Array:
    """Volume that solutes of a box are spread over, (nx, ny, nz): its liquid and some pores.

    A box without bath, which holds no solute, counts in full, so that no volume is 0.
    """
    share = jnp.where(setting.is_bath, jnp.maximum(liquid_share, PORE_SHARE), 1.0)
    return setting.volume_m3 * share


def compute_solutes_wt_pct(
    setting: TransportSetting, state: TransportState, liquid_share: Array
) -> Array:
    """Dissolved alumina, undissolved alumina and AlF3 in the liquid, (3, nx, ny, nz), wt%."""
    return to_wt_pct(setting, stack_solutes(state) / compute_liquid_m3(setting, liquid_share)[None])


def to_wt_pct(setting: TransportSetting, concentration_kg_per_m3: Array) -> Array:
    """Concentrations as shares of the bath's mass."""
    return 100.0 * concentration_kg_per_m3 / setting.bath_density_kg_per_m3


def stack_solutes(state: TransportState) -> Array:
    """The three solutes, (3, nx, ny, nz)."""
    return jnp.stack(state[:3])


def compute_open_conductances(setting: TransportSetting, liquid_share: Array) -> Faces:
    """Conductance of every face with the bath as frozen as it is, m3/s (see the module's text)."""
    faces = []
    for axis, conductance in enumerate(setting.conductance_m3_per_s):
        count = liquid_share.shape[axis]
        before = jax.lax.slice_in_dim(liquid_share, 0, count - 1, axis=axis)
        beyond = jax.lax.slice_in_dim(liquid_share, 1, count, axis=axis)
        faces.append(conductance * jnp.maximum(before, beyond))
    return Faces(*faces)


def compute_outflow_kg_per_s(conductance: Faces, concentration_kg_per_m3: Array) -> Array:
    """What leaves every box by diffusion, (3, nx, ny, nz); the sum of each solute is 0."""
    still = jnp.zeros(concentration_kg_per_m3.shape[1:])
    return jax.vmap(lambda one: apply_stencil(Stencil(still, conductance), one))(
        concentration_kg_per_m3
    )


def compute_sludge_reach(setting: TransportSetting, liquid_share: Array) -> Array:
    """Share of a column's sludge that each box of it washes, (nx, ny, nz).

    The lowest box washes what its liquid covers, the next one what is left, and so on.
    """
    share = jnp.where(setting.is_bath, liquid_share, 0.0)
    passed = jnp.cumprod(1.0 - share, axis=2)
    return share * jnp.concatenate([jnp.ones_like(share[..., :1]), passed[..., :-1]], axis=2)


def compute_transport_terms(
    setting: TransportSetting,
    inputs: TransportInputs,
    concentration_kg_per_m3: Array,
    sludge_kg: Array,
) -> TransportTerms:
    """Sources of each box at given concentrations.

    Args:
        setting: of the bath.
        inputs: at this instant.
        concentration_kg_per_m3: (3, nx, ny, nz), of the solutes in the liquid.
        sludge_kg: (nx, ny).

    Returns:
        The terms; nothing fed, dissolved or washed out counts twice or is lost.
    """
    wt_pct = to_wt_pct(setting, concentration_kg_per_m3)
    volume_m3 = compute_liquid_m3(setting, inputs.liquid_share)
    exchange = compute_alumina_exchange(
        setting.constants,
        wt_pct[0],
        concentration_kg_per_m3[1] * volume_m3,
        compute_sludge_reach(setting, inputs.liquid_share) * sludge_kg[..., None],
        inputs.saturation_wt_pct,
        inputs.feed_kg_per_s,
    )
    dissolving, settling, returning = exchange
    used = inputs.consumption_kg_per_s * _give_out(wt_pct[0])
    lost = setting.alf3_loss_kg_per_kg * inputs.feed_kg_per_s * _give_out(wt_pct[2])
    source = jnp.stack(
        [
            dissolving + returning - used,
            inputs.feed_kg_per_s - dissolving - settling,
            inputs.alf3_kg_per_s - lost,
        ]
    )
    return TransportTerms(source, exchange, inputs.consumption_kg_per_s - used, lost)


def largest_diffusion_step_s(setting: TransportSetting, liquid_share: Array) -> Array:
    """Longest step in which an explicit diffusion would be stable, s.

    It is set by the box that its neighbours fill fastest (Gershgorin's bound of the eigenvalues).
    """
    conductance = compute_open_conductances(setting, liquid_share)
    each = jnp.zeros_like(setting.volume_m3)
    for axis, face in enumerate(conductance):
        before = [(0, 0)] * 3
        after = [(0, 0)] * 3
        before[axis], after[axis] = (1, 0), (0, 1)
        each = each + jnp.pad(face, after) + jnp.pad(face, before)
    volume_m3 = compute_liquid_m3(setting, liquid_share)
    return jnp.min(jnp.where(each > 0.0, volume_m3 / each, jnp.inf))


def largest_source_step_s(
    setting: TransportSetting, inputs: TransportInputs, state: TransportState
) -> Array:
    """Longest step in which explicit sources would be stable, s.

    Twice the time constant of the box whose own concentrations act back on its sources fastest.
    """
    concentration = stack_solutes(state) / compute_liquid_m3(setting, inputs.liquid_share)[None]
    slope = compute_source_slopes(setting, inputs, concentration, state.sludge_kg)[1]
    rate = -slope / compute_liquid_m3(setting, inputs.liquid_share)[None]
    return jnp.min(jnp.where(rate > 0.0, 2.0 / rate, jnp.inf))


def compute_source_slopes(
    setting: TransportSetting,
    inputs: TransportInputs,
    concentration_kg_per_m3: Array,
    sludge_kg: Array,
) -> tuple[TransportTerms, Array]:
    """The terms, and how each source answers to its own concentration, (3, nx, ny, nz), m3/s.

    A source and the concentration belong to the same box, so the derivative along "one more in
    every box" is the diagonal. Dissolved alumina goes first and apart, as it acts on the others.
    """

    def source_of(concentration: Array) -> tuple[Array, TransportTerms]:
        terms = compute_transport_terms(setting, inputs, concentration, sludge_kg)
        return terms.source_kg_per_s, terms

    _, along, terms = jax.linearize(source_of, concentration_kg_per_m3, has_aux=True)
    zeros, ones = jnp.zeros_like(setting.volume_m3), jnp.ones_like(setting.volume_m3)
    dissolved = along(jnp.stack([ones, zeros, zeros]))[0]
    others = along(jnp.stack([zeros, ones, ones]))[1:]
    return terms, jnp.concatenate([dissolved[None], others])


def _give_out(wt_pct: Array) -> Array:
    # below nothing it goes on in a straight line, which brings an iteration back
    return jnp.minimum(wt_pct / LAST_WT_PCT, 1.0)
