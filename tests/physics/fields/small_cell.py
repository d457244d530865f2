"""Small cells laid out by hand: a transverse slice, and a stack that is all anode above."""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from physics.alumina import take_alumina_constants
from physics.fields.coupling import CoupledSetting, Drives, Plans, Window
from physics.fields.grid import make_grid
from physics.fields.heat import make_heat_setting
from physics.fields.potential import make_potential_setting
from physics.fields.surroundings import make_sides
from physics.fields.transport import make_transport_setting
from physics.parameters import make_parameters
from tests.physics.plants import load_design

LENGTH_M = 3.5


@dataclass(frozen=True)
class Plan:
    """Counts of boxes, each divided by `refine` along x and z."""

    anode_x: int = 15
    channel_x: int = 8
    wall_x: int = 2
    brick_z: int = 2
    cathode_z: int = 3
    metal_z: int = 2
    gap_z: int = 4
    bath_z: int = 3
    top_z: int = 3
    refine: int = 1


SLICE = Plan()
STACK = Plan(anode_x=4, channel_x=0, wall_x=0, gap_z=2, bath_z=0, metal_z=1, cathode_z=2)


def make_small_cell(plan: Plan = SLICE) -> CoupledSetting:
    """A slice from the cell's centre line to its shell."""
    design = load_design("reference-300ka.toml")
    parameters = make_parameters(design)
    acd_m = design.cell.nominal.acd_cm / 100.0
    n = plan.refine
    grid = make_grid(
        np.repeat([0.1] * plan.anode_x + [0.05] * (plan.channel_x + plan.wall_x), n) / n,
        [LENGTH_M],
        np.repeat(
            [0.15] * (plan.brick_z + plan.cathode_z)
            + [0.1] * plan.metal_z
            + [acd_m / plan.gap_z] * plan.gap_z
            + [0.05] * plan.bath_z
            + [0.1] * plan.top_z,
            n,
        )
        / n,
    )
    cathode_z = n * plan.brick_z
    metal_z = cathode_z + n * plan.cathode_z
    gap_z = metal_z + n * plan.metal_z
    over_z = gap_z + n * plan.gap_z
    crust_z = over_z + n * plan.bath_z
    anode_x, wall_x = n * plan.anode_x, n * (plan.anode_x + plan.channel_x)
    x, _, z = np.indices(grid.shape)
    masks = {
        "wall": (x >= wall_x) & (z >= metal_z),
        "brick": z < cathode_z,
        "cathode": (z >= cathode_z) & (z < metal_z),
        "metal": (x < wall_x) & (z >= metal_z) & (z < gap_z),
        "anode": (x < anode_x) & (z >= over_z),
        "crust": (x >= anode_x) & (x < wall_x) & (z >= crust_z),
    }
    masks["bath"] = ~np.any(list(masks.values()), axis=0)

    def lay(rest: float = 0.0, **values: float) -> np.ndarray:
        field = np.full(grid.shape, rest)
        for name, value in values.items():
            field[masks[name]] = value
        return field

    is_bath = masks["bath"]
    solid = lay(brick=0.15, cathode=10.0, metal=100.0, anode=4.0, bath=2.0, crust=1.0, wall=4.0)
    heat = make_heat_setting(
        grid,
        solid,
        lay(brick=1.5e6, cathode=2.4e6, metal=2.5e6, anode=2e6, bath=3.7e6, crust=2e6, wall=2.6e6),
        liquid_conductivity_w_per_m_k=lay(1.0, bath=1000.0),
        liquid_heat_capacity_j_per_m3_k=lay(1.0, bath=3.7e6),
        latent_heat_j_per_m3=lay(bath=1.5e9),
        reference_c=950.0,
        can_freeze=is_bath,
        is_wall=masks["wall"],
        front_film_m2_k_per_w=1.0 / 1500.0,
        convection_w_per_m2_k=make_sides(grid, x_high=25.0, z_low=25.0, z_high=25.0)
        if plan.wall_x
        else make_sides(grid, z_low=25.0, z_high=25.0),
    )
    area_m2 = np.multiply.outer(np.asarray(grid.width_x_m), [LENGTH_M])
    share = plan.anode_x * 0.1 * LENGTH_M / (design.cell.electrodes.anode_area_cm2 / 1e4)
    top, bottom = np.zeros(grid.shape), np.zeros(grid.shape)
    top[:anode_x, :, -1] = area_m2[:anode_x] / 20e-6
    bottom[:, :, cathode_z] = area_m2 / 30e-6
    potential = make_potential_setting(
        grid,
        lay(cathode=3e4, metal=3e6, anode=2e4),
        is_bath,
        np.where(masks["anode"], 0, -1),
        masks["metal"],
        top,
        bottom,
        share,
        design.line.current_ka * 1e3 / design.cell.electrodes.anode_area_cm2,
        thermal_w_per_m_k=np.where(is_bath, 1000.0, solid),
    )
    window = Window((0, wall_x), (0, 1), (gap_z, crust_z))
    bath = is_bath[slice(*window.x), :, slice(*window.z)]
    transport = make_transport_setting(
        window.cut_grid(grid), bath, take_alumina_constants(parameters), 0.006
    )
    # fed in the outer half of the anodes, or in the channel
    fed = bath * np.asarray(transport.volume_m3)
    fed[: anode_x if plan.channel_x else anode_x // 2] = 0.0
    feed_share = jnp.asarray(share * fed / fed.sum())
    return CoupledSetting(
        heat=heat,
        potential=potential,
        transport=transport,
        window=window,
        plans=Plans(),
        parameters=parameters,
        feed_share=feed_share,
        alf3_share=feed_share,
    )


def make_drives(
    line_current_ka: float = 300.0,
    acd_cm: float = 4.121,
    feed_kg_per_h: float = 179.8,
    alf3_kg_per_h: float = 1.1,
    ambient_temperature_c: float = 35.0,
) -> Drives:
    """Drives near the nominal ones."""
    figures = (
        line_current_ka,
        acd_cm,
        feed_kg_per_h / 3600.0,
        alf3_kg_per_h / 3600.0,
        ambient_temperature_c,
    )
    return Drives(*(jnp.asarray(figure) for figure in figures))
