"""A quarter of a cell as boxes: grid, materials, electrodes, contacts and outer faces.

Two planes of symmetry bound it, the centre line at x = 0 and the middle at y = 0, where nothing
passes. With one box along y it is a transverse slice as long as the anodes of a quarter together,
so that slice and quarter carry the same share of the current through the same area of anodes. A
slice has no ends and no bath between neighbours: it loses about a seventh less heat than the
quarter and holds a fifth less bath.
"""

from typing import Final, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from physics.design import PlantDesign
from physics.fields.grid import Grid, compute_centres_m, make_grid
from physics.fields.layout import (
    Layout,
    divide_across,
    divide_along,
    divide_upwards,
    make_layout,
)
from physics.fields.materials import Material, MaterialMaps, make_material_maps
from physics.fields.stencil import Faces

SHARE_OF_CELL: Final = 0.25  # of the current, the feed and the anodes


class OuterFaces(NamedTuple):
    """A figure of every face to the surroundings; what is not here is a plane of symmetry."""

    x_high: Array  # (ny, nz), the long side of the shell
    y_high: Array  # (nx, nz), its end; 0 for a slice
    z_low: Array  # (nx, ny), its bottom
    z_high: Array  # (nx, ny), the crust


class CellBoxes(NamedTuple):
    """A quarter cell or its slice; a field is (nx, ny, nz)."""

    grid: Grid
    material: Array  # field, int32, codes of `Material`
    maps: MaterialMaps
    conductivity_at_c: Array  # scalar: T0 of the heat conductivities
    is_bath: Array  # field, bool: bath, liquid or frozen
    is_gap: Array  # field, bool: bath between an anode's underside and the metal
    is_anode: Array  # field, bool
    is_metal: Array  # field, bool
    is_wall: Array  # field, bool: what bath freezes on
    nominal_liquid_share: Array  # field: of each bath box, inside the ledge as designed; else 1
    anode_index: Array  # (nx, ny), int32: of the anode above, from the middle outwards; -1 is none
    is_underside: Array  # (nx, ny, nz - 1), bool: faces across z from bath up to an anode
    is_cathode_top: Array  # (nx, ny, nz - 1), bool: faces across z from metal up to bath
    anode_contact_s: Array  # field: conductance of each box to the rods, else 0
    cathode_contact_s: Array  # field: conductance of each box to the collector bars, else 0
    film_m2_k_per_w: Faces  # between metal and toe; else 0
    convection_w_per_m2_k: OuterFaces
    emissivity: OuterFaces
    feeders_m: Array  # (F, 2): x and y of the feeders of the quarter; of a slice one, in its middle
    share_of_cell: Array  # scalar: of the current and of the feed


def make_cell_boxes(design: PlantDesign, nx: int, ny: int, nz: int) -> CellBoxes:
    """Divide a quarter of a cell into boxes, at its nominal gap; outside of any compiled code.

    Args:
        design: line and cell.
        nx: boxes across the quarter, from its centre line.
        ny: boxes along it, from its middle; 1 makes a slice.
        nz: boxes upwards.

    Returns:
        Grid, maps and masks. Anode area, gap, metal and bath are those of the design.

    Raises:
        ValueError: too few boxes to tell the parts apart, with how many there must be; or a
            geometry that cannot be built.
    """
    cell = design.cell
    layout = make_layout(cell)
    grid = make_grid(
        divide_across(layout, nx), divide_along(layout, ny), divide_upwards(layout, nz)
    )
    is_slice = ny == 1
    x, y, z = (np.asarray(centres) for centres in compute_centres_m(grid))
    if is_slice:
        y = np.array([0.5 * (layout.anodes_y[0].low_m + layout.anodes_y[0].high_m)])
    anode_index = _find_anodes(layout, x, y)
    material = _paint(layout, x, y, z, anode_index >= 0)
    is_bath, is_anode = material == Material.BATH, material == Material.ANODE
    is_metal = material == Material.METAL
    has_anode = (anode_index >= 0)[:, :, None]
    is_gap = is_bath & has_anode & (z < layout.anode_from_m)
    wall = (Material.SIDE_WALL, Material.LEDGE, Material.CRUST)
    lining = cell.lining
    area_m2 = np.multiply.outer(np.asarray(grid.width_x_m), np.asarray(grid.width_y_m))
    under_cover = _next_above(material, Material.ANODE_COVER) & is_anode
    over_lining = _next_below(material, Material.REFRACTORY) & (material == Material.CATHODE)
    return CellBoxes(
        grid=grid,
        material=jnp.asarray(material),
        maps=make_material_maps(cell, material),
        conductivity_at_c=jnp.asarray(cell.materials.conductivity_at_c, dtype=float),
        is_bath=jnp.asarray(is_bath),
        is_gap=jnp.asarray(is_gap),
        is_anode=jnp.asarray(is_anode),
        is_metal=jnp.asarray(is_metal),
        is_wall=jnp.asarray(np.isin(material, wall)),
        nominal_liquid_share=_share_inside(
            layout, grid, cell.nominal.ledge_cm / 100.0, is_bath, is_slice
        ),
        anode_index=jnp.asarray(anode_index),
        is_underside=jnp.asarray(is_bath[:, :, :-1] & is_anode[:, :, 1:]),
        is_cathode_top=jnp.asarray(is_metal[:, :, :-1] & is_bath[:, :, 1:]),
        anode_contact_s=jnp.asarray(
            under_cover * area_m2[:, :, None] / (lining.anode_contact_uohm_m2 * 1e-6)
        ),
        cathode_contact_s=jnp.asarray(
            over_lining * area_m2[:, :, None] / (lining.cathode_contact_uohm_m2 * 1e-6)
        ),
        film_m2_k_per_w=_film(material, 1.0 / cell.heat.bath_to_ledge_w_per_m2_k),
        convection_w_per_m2_k=_outside(lining.convection_w_per_m2_k, material.shape, is_slice),
        emissivity=_outside(lining.emissivity, material.shape, is_slice),
        feeders_m=_place_feeders(cell.geometry.feeders_along_m, grid, is_slice),
        share_of_cell=jnp.asarray(SHARE_OF_CELL, dtype=float),
    )


def _find_anodes(
    layout: Layout, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.int32]:
    along = np.full(y.shape, -1, dtype=np.int32)
    for place, span in enumerate(layout.anodes_y):
        along[span.holds(y)] = place
    return np.where(layout.anode_x.holds(x)[:, None], along, np.int32(-1))


def _paint(
    layout: Layout,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    has_anode: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """Give each box its material; what is painted later lies on top."""
    # how far each column lies outside the cavity, below 0 inside
    outside_m = np.maximum((x - layout.half_width_m)[:, None], (y - layout.half_length_m)[None, :])[
        :, :, None
    ]
    inside, anode, level = outside_m < 0.0, has_anode[:, :, None], z[None, None, :]
    at_cathode = (level > layout.cathode_from_m) & (level < layout.metal_from_m)
    at_metal = (level > layout.metal_from_m) & (level < layout.bath_from_m)
    at_bath = (level > layout.bath_from_m) & (level < layout.crust_from_m)
    at_anode = (level > layout.anode_from_m) & (level < layout.anode_to_m)
    rules = (
        (Material.INSULATION, level < layout.refractory_from_m),
        (Material.REFRACTORY, level > layout.refractory_from_m),
        (Material.SIDE_WALL, ~inside & (at_metal | at_bath)),
        (Material.CATHODE, inside & at_cathode),
        (Material.LEDGE, inside & at_metal),
        (Material.METAL, (outside_m < -layout.toe_m) & at_metal),
        (Material.BATH, inside & at_bath),
        (Material.CRUST, inside & (level > layout.crust_from_m)),
        (Material.ANODE, anode & at_anode),
        (Material.ANODE_COVER, anode & (level > layout.anode_to_m)),
        (Material.SHELL, (outside_m > layout.side_wall_m) | (level < layout.insulation_from_m)),
    )
    material = np.full((x.size, y.size, z.size), -1, dtype=np.int32)
    for code, where in rules:
        material[np.broadcast_to(where, material.shape)] = code
    return material


def _next_above(material: NDArray[np.int32], code: Material) -> NDArray[np.bool_]:
    """Which boxes have a material on top of them."""
    return np.pad(material[:, :, 1:] == code, [(0, 0), (0, 0), (0, 1)])


def _next_below(material: NDArray[np.int32], code: Material) -> NDArray[np.bool_]:
    """Which boxes have a material under them."""
    return np.pad(material[:, :, :-1] == code, [(0, 0), (0, 0), (1, 0)])


def _share_inside(
    layout: Layout, grid: Grid, ledge_m: float, is_bath: NDArray[np.bool_], is_slice: bool
) -> Array:
    """Share of every bath box that lies inside a ledge of one thickness."""
    x, y = (np.asarray(widths) for widths in (grid.width_x_m, grid.width_y_m))
    across = _share_below(x, layout.half_width_m - ledge_m)
    along = np.ones(1) if is_slice else _share_below(y, layout.half_length_m - ledge_m)
    return jnp.asarray(np.where(is_bath, (across[:, None] * along[None, :])[:, :, None], 1.0))


def _share_below(widths: NDArray[np.float64], limit_m: float) -> NDArray[np.float64]:
    low_m = np.cumsum(widths) - widths
    return np.clip((limit_m - low_m) / widths, 0.0, 1.0)


def _film(material: NDArray[np.int32], film_m2_k_per_w: float) -> Faces:
    """Put a film on the faces between metal and toe."""
    is_metal, is_toe = material == Material.METAL, material == Material.LEDGE
    films = []
    for axis in range(3):
        first, second = [slice(None)] * 3, [slice(None)] * 3
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        low, high = tuple(first), tuple(second)
        between = (is_metal[low] & is_toe[high]) | (is_toe[low] & is_metal[high])
        films.append(jnp.asarray(between * film_m2_k_per_w))
    return Faces(*films)


def _outside(value: float, shape: tuple[int, ...], is_slice: bool) -> OuterFaces:
    nx, ny, nz = shape
    return OuterFaces(
        x_high=jnp.asarray(np.full((ny, nz), value)),
        y_high=jnp.asarray(np.full((nx, nz), 0.0 if is_slice else value)),
        z_low=jnp.asarray(np.full((nx, ny), value)),
        z_high=jnp.asarray(np.full((nx, ny), value)),
    )


def _place_feeders(along_m: tuple[float, ...], grid: Grid, is_slice: bool) -> Array:
    if is_slice:
        return jnp.asarray([[0.0, 0.5 * float(grid.width_y_m[0])]])
    return jnp.asarray([[0.0, place] for place in along_m if place >= 0.0])
