"""Where a cell's heat leaves it: the shares of top, sides, ends and bottom."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.fields.cell_boxes import CellBoxes
from physics.fields.coupled_run import CoupledRun
from physics.fields.coupling import CoupledSetting, Drives
from physics.fields.grid import Grid
from physics.fields.heat import compute_temperature_c
from physics.fields.materials import Material
from physics.fields.stencil import Halves
from physics.fields.surroundings import Films, Sides, compute_side_loss, make_sides


class CellLosses(NamedTuple):
    """Heat to the surroundings, kW of the whole cell; scalars."""

    anode_cover_kw: Array  # through the top, above the anodes
    crust_kw: Array  # through the top, beside them
    bath_walls_kw: Array  # through sides and ends at the height of bath and crust
    metal_walls_kw: Array  # likewise of the metal
    cathode_walls_kw: Array  # likewise of the cathode blocks
    lining_walls_kw: Array  # likewise below them
    bottom_kw: Array
    ends_kw: Array  # of the four walls' parts above, what leaves through the ends


@jax.jit
def find_losses(
    boxes: CellBoxes, setting: CoupledSetting, run: CoupledRun, drives: Drives
) -> CellLosses:
    """Tell apart where a cell's heat leaves it.

    Args:
        boxes: of the cell.
        setting: of the same boxes.
        run: so far.
        drives: at this instant.

    Returns:
        The losses; all but `ends_kw` add up to the whole.
    """
    heat, material = setting.heat, boxes.material
    temperature_c = compute_temperature_c(heat, run.state.heat)
    conductivity = heat.conductivity_w_per_m_k * (
        1.0 + heat.conductivity_rise_per_k * (temperature_c - heat.conductivity_at_c)
    )
    ambient_c = make_sides(heat.grid, *([drives.ambient_temperature_c] * 6))
    half = _halves(heat.grid, conductivity)

    def through(*sides: str) -> Array:
        films = Films(*(_keep(film, sides) for film in heat.films))
        return compute_side_loss(heat.grid, films, ambient_c, temperature_c, half, half).outflow_w

    to_kw = 1e-3 / boxes.share_of_cell
    top, ends = through("z_high"), through("y_low", "y_high")
    walls = through("x_low", "x_high") + ends
    is_above_anode = (boxes.anode_index >= 0)[:, :, None]
    # what a level is follows from what lies in it on the centre line, or under an anode
    holds = [
        jnp.any(material == code, axis=(0, 1))[None, None, :]
        for code in (Material.METAL, Material.CATHODE, Material.BATH, Material.CRUST)
    ]
    at_metal, at_cathode = holds[0], holds[1]
    at_bath = holds[2] | holds[3]

    def total_kw(flow_w: Array, where: Array) -> Array:
        return to_kw * jnp.sum(jnp.where(where, flow_w, 0.0))

    return CellLosses(
        anode_cover_kw=total_kw(top, is_above_anode),
        crust_kw=total_kw(top, ~is_above_anode),
        bath_walls_kw=total_kw(walls, at_bath),
        metal_walls_kw=total_kw(walls, at_metal),
        cathode_walls_kw=total_kw(walls, at_cathode),
        lining_walls_kw=total_kw(walls, ~(at_bath | at_metal | at_cathode)),
        bottom_kw=total_kw(through("z_low"), jnp.asarray(True)),
        ends_kw=total_kw(ends, jnp.asarray(True)),
    )


def _halves(grid: Grid, conductivity: Array) -> Halves:
    x, y, z = grid.width_x_m, grid.width_y_m, grid.width_z_m
    widths = (x[:, None, None], y[None, :, None], z[None, None, :])
    return Halves(*(0.5 * width / conductivity for width in widths))


def _keep(sides: Sides, names: tuple[str, ...]) -> Sides:
    return Sides(
        *(side if name in names else jnp.zeros_like(side) for name, side in sides._asdict().items())
    )
