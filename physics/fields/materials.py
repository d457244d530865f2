"""What boxes are made of: codes of materials, and the maps that the equations take from them."""

from dataclasses import replace
from enum import IntEnum
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from physics.design import CellDesign
from physics.geometry import MaterialDesign


class Material(IntEnum):
    """Code of a box. Bath may freeze: then it is ledge, by its frozen share and not by its code."""

    BATH = 0
    LEDGE = 1  # the toe beside the metal, which stays frozen
    METAL = 2
    ANODE = 3
    ANODE_COVER = 4
    CRUST = 5
    CATHODE = 6
    SIDE_WALL = 7
    REFRACTORY = 8
    INSULATION = 9
    SHELL = 10


class MaterialMaps(NamedTuple):
    """Figures of every box, (nx, ny, nz)."""

    conductivity_w_per_m_k: Array  # at T0; of bath: frozen; of metal: stirred
    conductivity_rise_per_k: Array
    liquid_conductivity_w_per_m_k: Array  # of bath: liquid and stirred; else the same
    density_kg_per_m3: Array  # of bath: liquid, frozen or not, so that a box keeps its mass
    heat_capacity_j_per_kg_k: Array  # of bath: when frozen
    liquid_heat_capacity_j_per_kg_k: Array  # of bath: when liquid; else the same
    electrical_conductivity_s_per_m: Array  # 0 where none or, in bath, where it follows its state


def collect_materials(cell: CellDesign) -> dict[Material, MaterialDesign]:
    """Return the figures of every material; bath as when frozen, but for its density."""
    materials, heat = cell.materials, cell.heat
    still = materials.metal
    stirring_w_per_m_k = (
        materials.metal_mixing_m2_per_s * still.density_kg_per_m3 * still.heat_capacity_j_per_kg_k
    )
    metal = replace(still, conductivity_w_per_m_k=still.conductivity_w_per_m_k + stirring_w_per_m_k)
    ledge = MaterialDesign(
        conductivity_w_per_m_k=heat.ledge_conductivity_w_per_m_k,
        density_kg_per_m3=heat.ledge_density_kg_per_m3,
        heat_capacity_j_per_kg_k=materials.ledge_heat_capacity_j_per_kg_k,
    )
    bath = MaterialDesign(
        conductivity_w_per_m_k=ledge.conductivity_w_per_m_k,
        density_kg_per_m3=materials.bath_density_kg_per_m3,
        heat_capacity_j_per_kg_k=ledge.heat_capacity_j_per_kg_k,
    )
    return {
        Material.BATH: bath,
        Material.LEDGE: ledge,
        Material.METAL: metal,
        Material.ANODE: materials.anode,
        Material.ANODE_COVER: materials.anode_cover,
        Material.CRUST: materials.crust,
        Material.CATHODE: materials.cathode,
        Material.SIDE_WALL: materials.side_wall,
        Material.REFRACTORY: materials.refractory,
        Material.INSULATION: materials.insulation,
        Material.SHELL: materials.shell,
    }


def make_material_maps(cell: CellDesign, material: NDArray[np.int32]) -> MaterialMaps:
    """Look up the figures of every box.

    Args:
        cell: with the tables of materials, bath and heat.
        material: (nx, ny, nz), codes of `Material`.

    Returns:
        The maps.
    """
    known = collect_materials(cell)
    stirred_w_per_m_k = (
        cell.materials.bath_mixing_m2_per_s
        * cell.materials.bath_density_kg_per_m3
        * cell.bath.heat_capacity_j_per_kg_k
    )

    def look_up(name: str, of_bath: float | None = None) -> Array:
        table = np.array([getattr(known[code], name) for code in Material])
        if of_bath is not None:
            table[Material.BATH] = of_bath
        return jnp.asarray(table[material])

    return MaterialMaps(
        conductivity_w_per_m_k=look_up("conductivity_w_per_m_k"),
        conductivity_rise_per_k=look_up("conductivity_rise_per_k"),
        liquid_conductivity_w_per_m_k=look_up("conductivity_w_per_m_k", stirred_w_per_m_k),
        density_kg_per_m3=look_up("density_kg_per_m3"),
        heat_capacity_j_per_kg_k=look_up("heat_capacity_j_per_kg_k"),
        liquid_heat_capacity_j_per_kg_k=look_up(
            "heat_capacity_j_per_kg_k", cell.bath.heat_capacity_j_per_kg_k
        ),
        electrical_conductivity_s_per_m=look_up("electrical_conductivity_s_per_m"),
    )
