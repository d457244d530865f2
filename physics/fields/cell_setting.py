"""Puts the three fields of a cell together from its boxes."""

from typing import Final

import jax.numpy as jnp
import numpy as np

from physics.alumina import take_alumina_constants
from physics.design import PlantDesign
from physics.fields.cell_boxes import CellBoxes, make_cell_boxes
from physics.fields.coarsening import plan_coarsening
from physics.fields.coupling import CoupledSetting, Plans, Window
from physics.fields.feeders import make_feeder_shares
from physics.fields.heat import make_heat_setting
from physics.fields.potential import make_potential_setting
from physics.fields.surroundings import make_sides
from physics.fields.transport import make_transport_setting
from physics.parameters import make_parameters

# Design value: some 30 kg a day at 180 kg/h of alumina, the middle of usual additions; the 0.02 of
# Lundby et al. 2022 would be 86 kg.
ALF3_LOSS_KG_PER_KG: Final = 0.007
_FEEDER_RADIUS_M: Final = 0.15  # design value: the hole in the crust and the splash around it


def make_cell_setting(
    design: PlantDesign, nx: int, ny: int, nz: int
) -> tuple[CellBoxes, CoupledSetting]:
    """Describe a quarter cell, or its slice, to heat, potential and transport.

    Args:
        design: line and cell.
        nx: boxes across the quarter.
        ny: boxes along it; 1 makes a slice.
        nz: boxes upwards.

    Returns:
        The boxes, and what the coupled run takes.

    Raises:
        ValueError: too few boxes, or a design that does not fit together.
    """
    boxes = make_cell_boxes(design, nx, ny, nz)
    cell, maps, grid = design.cell, boxes.maps, boxes.grid
    parameters = make_parameters(design)
    density = maps.density_kg_per_m3
    heat = make_heat_setting(
        grid,
        maps.conductivity_w_per_m_k,
        density * maps.heat_capacity_j_per_kg_k,
        conductivity_rise_per_k=maps.conductivity_rise_per_k,
        conductivity_at_c=float(boxes.conductivity_at_c),
        liquid_conductivity_w_per_m_k=maps.liquid_conductivity_w_per_m_k,
        liquid_heat_capacity_j_per_m3_k=density * maps.liquid_heat_capacity_j_per_kg_k,
        latent_heat_j_per_m3=jnp.where(
            boxes.is_bath, density * cell.heat.latent_heat_j_per_kg, 0.0
        ),
        reference_c=cell.nominal.bath_temperature_c,
        can_freeze=boxes.is_bath,
        is_wall=boxes.is_wall,
        film_m2_k_per_w=boxes.film_m2_k_per_w,
        front_film_m2_k_per_w=1.0 / cell.heat.bath_to_ledge_w_per_m2_k,
        convection_w_per_m2_k=make_sides(grid, **boxes.convection_w_per_m2_k._asdict()),
        emissivity=make_sides(grid, **boxes.emissivity._asdict()),
    )
    is_bath = np.asarray(boxes.is_bath)
    potential = make_potential_setting(
        grid,
        np.asarray(maps.electrical_conductivity_s_per_m),
        is_bath,
        np.where(np.asarray(boxes.is_anode), np.asarray(boxes.anode_index)[:, :, None], -1),
        np.asarray(boxes.is_metal),
        np.asarray(boxes.anode_contact_s),
        np.asarray(boxes.cathode_contact_s),
        float(boxes.share_of_cell),
        1e3 * design.line.current_ka / cell.electrodes.anode_area_cm2,
        thermal_w_per_m_k=np.where(
            is_bath, maps.liquid_conductivity_w_per_m_k, maps.conductivity_w_per_m_k
        ),
    )
    window = _surround(is_bath)
    own_grid = window.cut_grid(grid)
    bath = window.cut(boxes.is_bath)
    transport = make_transport_setting(
        own_grid,
        bath,
        take_alumina_constants(parameters),
        ALF3_LOSS_KG_PER_KG,
        cell.materials.bath_mixing_m2_per_s,
        cell.materials.bath_density_kg_per_m3,
    )
    spans = (window.x, window.y)
    corner_m = np.array([float(grid[axis][: span[0]].sum()) for axis, span in enumerate(spans)])
    shares = make_feeder_shares(
        own_grid, bath, np.asarray(boxes.feeders_m) - corner_m, _FEEDER_RADIUS_M
    )
    fed = boxes.share_of_cell * shares.mean(axis=0)
    return boxes, CoupledSetting(
        heat=heat,
        potential=potential,
        transport=transport,
        window=window,
        # heat passes a thousand times better in stirred bath and metal than elsewhere
        plans=Plans(
            heat=plan_coarsening(grid, own_grid),
            potential=plan_coarsening(grid),
            window=plan_coarsening(own_grid),
        ),
        parameters=parameters,
        feed_share=fed,
        alf3_share=fed,
    )


def _surround(mask: np.ndarray) -> Window:
    """The smallest window that holds all of a mask."""
    spans = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        found = np.flatnonzero(mask.any(axis=others))
        spans.append((int(found[0]), int(found[-1]) + 1))
    return Window(*spans)
