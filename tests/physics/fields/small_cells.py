"""Small cells for tests of the potential: columns, and a row of anodes above one metal pad."""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from physics.fields.grid import Grid, make_grid
from physics.fields.potential import PotentialInputs, PotentialSetting, make_potential_setting

ANODE_S_PER_M = 2.0e4
METAL_S_PER_M = 3.3e6
CONTACT_S_PER_M2 = 1.0e6
NOMINAL_A_PER_CM2 = 0.8


def make_row(
    anode_count: int = 2, boxes_per_anode: int = 3, gap_boxes: int = 4, ny: int = 1
) -> PotentialSetting:
    """Anodes of the reference cell's 1.25 m2 beside each other with bath between, over metal.

    With one anode of one box it is a column: nothing but a stack of layers.
    """
    width_x_m = np.full(boxes_per_anode, 0.6 / boxes_per_anode)
    number = np.zeros(boxes_per_anode, dtype=np.int64)
    for anode in range(1, anode_count):
        width_x_m = np.concatenate([width_x_m, [0.04], width_x_m[:boxes_per_anode]])
        number = np.concatenate([number, [-1], np.full(boxes_per_anode, anode)])
    heights_m = [0.1, 0.1, *[0.05 / gap_boxes] * gap_boxes, 0.1, 0.2]
    grid = make_grid(width_x_m, np.full(ny, 1.25 / 0.6 / ny), heights_m)
    nz = len(heights_m)
    level = np.arange(nz)
    is_metal = np.broadcast_to(level < 2, grid.shape).copy()
    above = level >= 2 + gap_boxes
    anode_number = np.where(above, number[:, None, None], -1) * np.ones(grid.shape, dtype=np.int64)
    is_bath = ~is_metal & (anode_number < 0)
    area_m2 = np.asarray(grid.width_x_m)[:, None, None] * np.asarray(grid.width_y_m)[None, :, None]
    contact_s = CONTACT_S_PER_M2 * area_m2 * np.ones(grid.shape)
    solid = np.where(is_metal, METAL_S_PER_M, ANODE_S_PER_M)
    return make_potential_setting(
        grid,
        solid,
        is_bath,
        anode_number,
        is_metal,
        np.where((anode_number >= 0) & (level == nz - 1), contact_s, 0.0),
        np.where(level == 0, contact_s, 0.0),
        share=anode_count / 30.0,
        nominal_density_a_per_cm2=NOMINAL_A_PER_CM2,
    )


def make_inputs(
    grid: Grid, acd_m: ArrayLike = 0.04121, alumina_wt_pct: float = 2.8
) -> PotentialInputs:
    """The reference cell's nominal bath everywhere."""
    ones = jnp.ones(grid.shape)
    return PotentialInputs(
        temperature_c=956.0 * ones,
        alumina_wt_pct=alumina_wt_pct * ones,
        liquid_share=ones,
        acd_m=acd_m * ones[:, :, 0],
    )
