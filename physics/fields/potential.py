"""Ohm's law in the boxes of a cell: what conducts, and what current each potential drives.

    sum over a box's faces of the current leaving it = contact (anode top - u) - contact (u - 0 V)

Currents through ordinary faces go with the difference of potential, those through electrode faces
as `electrodes.py` says. Every current rises with its drop, so the potential is the one minimum of a
convex energy.
"""

from typing import Generic, NamedTuple, TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from physics.fields.electrodes import (
    AnodeLaw,
    CathodeLaw,
    ElectrodeFaces,
    FaceCurrent,
    Law,
    find_current,
    find_electrode_faces,
    list_additives,
    make_anode_law,
    make_cathode_law,
)
from physics.fields.grid import Grid
from physics.fields.stencil import Faces, Stencil, apply_stencil, compute_conductances
from physics.parameters import CellParameters
from physics.properties import compute_conductivity_s_per_cm
from physics.voltage import compute_bubble_thickness_cm

AnyLaw = TypeVar("AnyLaw", bound=Law)

LEAST_LIQUID_SHARE = 1e-6  # design value: frozen bath conducts that little, so nothing floats
LEAST_GAP_M = 1e-3  # design value: bath that is left when anode and gas all but touch the metal


class PotentialSetting(NamedTuple):
    """What stays as it is while a cell works; made once by `make_potential_setting`."""

    grid: Grid
    solid_s_per_m: Array  # (nx, ny, nz), conductivity of all but the bath; 0 insulates
    is_bath: Array  # (nx, ny, nz), liquid or frozen
    is_anode: Array  # (nx, ny, nz)
    gap_height_m: Array  # (nx, ny, nz), of the boxes' column between anode and metal; 0 elsewhere
    is_ohmic: Faces  # 0 where an electrode, or its insulated side, takes the place of Ohm's law
    anode: ElectrodeFaces
    anode_number: Array  # (m,), from 0, of each of the anodes' faces
    cathode: ElectrodeFaces
    top_contact_s: Array  # (nx, ny, nz), S between a box's centre and the anode top
    bottom_contact_s: Array  # (nx, ny, nz), S between a box's centre and 0 V at the collector bars
    share: Array  # of the whole cell that the boxes are: 0.25 for a quarter
    nominal_density_a_per_cm2: Array  # of the anodes, see `compute_critical_current_density`


class PotentialInputs(NamedTuple):
    """What changes; the bath's composition but alumina is that of the parameters."""

    temperature_c: Array  # (nx, ny, nz), degC
    alumina_wt_pct: Array  # (nx, ny, nz), dissolved; read in the bath only
    liquid_share: Array  # (nx, ny, nz), of each box of bath, 0 to 1
    acd_m: Array  # anode-cathode distance: scalar, or (nx, ny) for each column


class Electrode(NamedTuple, Generic[AnyLaw]):
    """Faces of one electrode, with their state."""

    faces: ElectrodeFaces
    law: AnyLaw
    reversible_v: Array  # (m,)
    from_ohm_cm2: Array  # (m,), half a box before the face
    to_ohm_cm2: Array  # (m,), half a box behind


class PotentialTerm(NamedTuple):
    """The equations of one instant."""

    level_s_per_m: Array  # (nx, ny, nz), conductivity along x and y
    upright_s_per_m: Array  # (nx, ny, nz), along z
    conductance: Faces  # S, of the ohmic faces
    loss_s: Array  # (nx, ny, nz), to 0 V
    top_contact_s: Array  # (nx, ny, nz), to the anode top
    source_a: Array  # (nx, ny, nz), current put into the boxes: none in a cell
    anode: Electrode[AnodeLaw]
    cathode: Electrode[CathodeLaw]


class PotentialCurrents(NamedTuple):
    """What a potential drives."""

    anode: FaceCurrent
    cathode: FaceCurrent
    missing_a: Array  # (nx, ny, nz), current entering less current leaving; 0 solves it


def make_potential_setting(
    grid: Grid,
    solid_s_per_m: NDArray[np.float64],
    is_bath: NDArray[np.bool_],
    anode_number: NDArray[np.int64],
    is_metal: NDArray[np.bool_],
    top_contact_s: NDArray[np.float64],
    bottom_contact_s: NDArray[np.float64],
    share: float,
    nominal_density_a_per_cm2: float,
    anode_sides_conduct: bool = False,
    thermal_w_per_m_k: NDArray[np.float64] | None = None,
) -> PotentialSetting:
    """Find electrodes and gaps on a map of a cell; outside of any compiled code.

    Args:
        grid: (nx, ny, nz) boxes.
        solid_s_per_m: (nx, ny, nz), conductivity of all but the bath; 0 insulates.
        is_bath: (nx, ny, nz), bath, liquid or frozen.
        anode_number: (nx, ny, nz), number of the anode from 0, below 0 elsewhere.
        is_metal: (nx, ny, nz), what is cathode wherever bath touches it.
        top_contact_s: (nx, ny, nz), S between a box's centre and the anode top; stubs and rods.
        bottom_contact_s: (nx, ny, nz), S between a box's centre and 0 V; collector bars.
        share: of the whole cell that the boxes are, above 0 to 1.
        nominal_density_a_per_cm2: of the anodes, at which alumina of the anode effect is critical.
        anode_sides_conduct: also the upright faces of anodes are electrodes; else they insulate,
            as suits anodes whose underside is already the effective area.
        thermal_w_per_m_k: (nx, ny, nz), by which the heat of an electrode's face goes into the two
            boxes beside it; None is in equal halves.

    Returns:
        The setting.

    Raises:
        ValueError: bath, anodes or metal do not touch, or a share or contact that is none.
    """
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share {share} is no part of a cell. Remedy: give 0.25 for a quarter")
    for name, contact in (("top_contact_s", top_contact_s), ("bottom_contact_s", bottom_contact_s)):
        if not (np.all(np.asarray(contact) >= 0.0) and np.any(np.asarray(contact) > 0.0)):
            raise ValueError(f"{name} connects no box. Remedy: give some box a conductance above 0")
    is_anode = anode_number >= 0
    for name, is_part in (("anode", is_anode), ("metal", is_metal)):
        if not np.all(np.asarray(solid_s_per_m)[is_part] > 0.0):
            raise ValueError(f"a box of {name} conducts nothing. Remedy: correct solid_s_per_m")
    anode = find_electrode_faces(grid, is_anode, is_bath, thermal_w_per_m_k)
    cathode = find_electrode_faces(grid, is_bath, is_metal, thermal_w_per_m_k)
    is_ohmic = np.ones(sum(int(np.prod(shape)) for shape in _list_face_shapes(grid.shape)))
    is_ohmic[np.asarray(anode.face)] = 0.0
    is_ohmic[np.asarray(cathode.face)] = 0.0
    if not anode_sides_conduct:
        chosen = np.flatnonzero(np.asarray(anode.is_underside))
        anode = ElectrodeFaces(*(column[chosen] for column in anode))
    in_gap = np.zeros(grid.shape, dtype=bool)
    for k in range(grid.shape[2] - 2, -1, -1):
        in_gap[..., k] = is_bath[..., k] & (in_gap[..., k + 1] | is_anode[..., k + 1])
    height_m = np.sum(in_gap * np.asarray(grid.width_z_m), axis=2, keepdims=True)
    return PotentialSetting(
        grid=grid,
        solid_s_per_m=jnp.asarray(np.where(is_bath, 0.0, solid_s_per_m)),
        is_bath=jnp.asarray(is_bath),
        is_anode=jnp.asarray(is_anode),
        gap_height_m=jnp.asarray(np.where(in_gap, height_m, 0.0)),
        is_ohmic=_split_faces(jnp.asarray(is_ohmic), grid.shape),
        anode=anode,
        anode_number=jnp.asarray(anode_number.ravel()[np.asarray(anode.from_box)], dtype=jnp.int32),
        cathode=cathode,
        top_contact_s=jnp.asarray(top_contact_s, dtype=float),
        bottom_contact_s=jnp.asarray(bottom_contact_s, dtype=float),
        share=jnp.asarray(share),
        nominal_density_a_per_cm2=jnp.asarray(nominal_density_a_per_cm2),
    )


def compute_term(
    setting: PotentialSetting, parameters: CellParameters, inputs: PotentialInputs
) -> PotentialTerm:
    """Set up the equations of one instant.

    The boxes of a gap are stretched to the distance that the anodes have now, less the thickest
    layer of gas: current down through them meets that much bath, current across that much area.

    Args:
        setting: of the cell.
        parameters: of the cell, with the bath's composition of this instant.
        inputs: of this instant.

    Returns:
        The term.
    """
    shape = setting.grid.shape
    bath_s_per_m = (
        100.0
        * parameters.conductivity_factor
        * compute_conductivity_s_per_cm(
            inputs.temperature_c, inputs.alumina_wt_pct, *list_additives(parameters)
        )
        * jnp.maximum(inputs.liquid_share, LEAST_LIQUID_SHARE)
    )
    gas_m = compute_bubble_thickness_cm(jnp.zeros(())) / 100.0
    distance_m = jnp.broadcast_to(inputs.acd_m, shape[:2])[..., None] - gas_m
    in_gap = setting.gap_height_m > 0.0
    stretch = jnp.where(
        in_gap,
        jnp.maximum(distance_m, LEAST_GAP_M) / jnp.where(in_gap, setting.gap_height_m, 1.0),
        1.0,
    )
    conductivity = jnp.where(setting.is_bath, bath_s_per_m, setting.solid_s_per_m)
    level, upright = conductivity * stretch, conductivity / stretch
    across = compute_conductances(setting.grid, level)
    up = compute_conductances(setting.grid, upright)
    ohmic = Faces(across.x, across.y, up.z)
    conductance = Faces(
        *(g * is_ohmic for g, is_ohmic in zip(ohmic, setting.is_ohmic, strict=True))
    )
    law, reversible_v = make_anode_law(
        parameters, setting.anode, inputs.temperature_c, inputs.alumina_wt_pct, bath_s_per_m
    )
    anode = Electrode(
        setting.anode, law, reversible_v, *_compute_halves(setting.anode, level, upright)
    )
    cathode = Electrode(
        setting.cathode,
        make_cathode_law(parameters, setting.cathode, inputs.temperature_c, inputs.alumina_wt_pct),
        jnp.zeros(setting.cathode.area_cm2.shape),
        *_compute_halves(setting.cathode, level, upright),
    )
    return PotentialTerm(
        level_s_per_m=level,
        upright_s_per_m=upright,
        conductance=conductance,
        loss_s=setting.bottom_contact_s,
        top_contact_s=setting.top_contact_s,
        source_a=jnp.zeros(shape),
        anode=anode,
        cathode=cathode,
    )


def compute_currents(
    term: PotentialTerm,
    potential_v: Array,
    anode_top_v: ArrayLike,
    anode_density: Array,
    cathode_density: Array,
) -> PotentialCurrents:
    """Currents through the electrodes, and what is missing in each box.

    Args:
        term: of this instant.
        potential_v: (nx, ny, nz).
        anode_top_v: scalar.
        anode_density: (m,), first guess, A/cm2.
        cathode_density: (m,), first guess, A/cm2.

    Returns:
        The currents.
    """
    flat = potential_v.ravel()
    inside = Stencil(term.loss_s, term.conductance)
    missing = term.source_a - apply_stencil(inside, potential_v)
    missing = missing + term.top_contact_s * (anode_top_v - potential_v)
    anode = _find_face_current(term.anode, flat, anode_density)
    cathode = _find_face_current(term.cathode, flat, cathode_density)
    for faces, current in ((term.anode.faces, anode), (term.cathode.faces, cathode)):
        current_a = current.density * faces.area_cm2
        missing = add_to_boxes(missing, faces, -current_a, current_a)
    return PotentialCurrents(anode, cathode, missing)


def linearise(term: PotentialTerm, currents: PotentialCurrents) -> Stencil:
    """Derivative of what leaves each box by the potential, the anode top held."""
    conductance = jnp.concatenate([g.ravel() for g in term.conductance])
    electrodes = ((term.anode.faces, currents.anode), (term.cathode.faces, currents.cathode))
    for faces, current in electrodes:
        conductance = conductance.at[faces.face].set(current.slope * faces.area_cm2)
    return Stencil(term.loss_s + term.top_contact_s, _split_faces(conductance, term.loss_s.shape))


def add_to_boxes(field: Array, faces: ElectrodeFaces, before: Array, behind: Array) -> Array:
    """Add values of faces, (m,) each, to the boxes that current leaves and enters there."""
    flat = field.ravel().at[faces.from_box].add(before).at[faces.to_box].add(behind)
    return flat.reshape(field.shape)


def _find_face_current(
    electrode: Electrode[AnyLaw], potential_v: Array, start: Array
) -> FaceCurrent:
    faces = electrode.faces
    drop_v = potential_v[faces.from_box] - potential_v[faces.to_box] - electrode.reversible_v
    resistance_ohm_cm2 = electrode.from_ohm_cm2 + electrode.to_ohm_cm2
    return find_current(electrode.law.compute_overvoltage_v, drop_v, resistance_ohm_cm2, start)


def _compute_halves(faces: ElectrodeFaces, level: Array, upright: Array) -> list[Array]:
    """Resistance of the half-boxes before and behind each face, ohm cm2."""
    result = []
    for box, half_cm in ((faces.from_box, faces.from_half_cm), (faces.to_box, faces.to_half_cm)):
        s_per_m = jnp.where(faces.is_across_z, upright.ravel()[box], level.ravel()[box])
        result.append(100.0 * half_cm / s_per_m)
    return result


def _list_face_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [
        tuple(count - 1 if a == axis else count for a, count in enumerate(shape))
        for axis in range(3)
    ]


def _split_faces(flat: Array, shape: tuple[int, ...]) -> Faces:
    """Undo laying the faces across x, y and z one after another."""
    shapes = _list_face_shapes(shape)
    ends = np.cumsum([int(np.prod(s)) for s in shapes])
    return Faces(
        *(flat[end - int(np.prod(s)) : end].reshape(s) for s, end in zip(shapes, ends, strict=True))
    )
