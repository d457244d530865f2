"""Where a run begins: temperatures of a cell that has stood at one operating point for long.

A first guess conducts from bath and metal, held at the bath's temperature, to the outside. From it
a coarse cell is run until it is steady, and a fine one takes over its temperatures.
"""

from typing import Final

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.design import PlantDesign
from physics.fields.cell_boxes import CellBoxes
from physics.fields.coarsening import plan_coarsening
from physics.fields.coupled_run import (
    CoupledRun,
    begin_run,
    mix_bath,
    restart_ledger,
    run_coupled,
)
from physics.fields.coupled_step import Tolerances
from physics.fields.coupling import (
    MOSTLY_LIQUID,
    CoupledSetting,
    Drives,
    compute_bath,
    compute_liquid_share,
)
from physics.fields.front import on_lower, on_upper
from physics.fields.grid import Grid, compute_areas_m2, compute_centres_m
from physics.fields.heat import HeatSetting, compute_temperature_c
from physics.fields.sdirk import RunStatus
from physics.fields.solver import solve_stencil
from physics.fields.stencil import (
    Faces,
    Stencil,
    compute_conductances,
    lower_side,
    upper_side,
)

# Design value: convection and radiation of a shell at some 150 degC together, for the guess alone.
_OUTER_FILM_W_PER_M2_K: Final = 30.0
# Design value: tells liquid bath from frozen where the liquidus itself is known to less.
_LEAST_FROM_LIQUIDUS_K: Final = 0.5


def guess_temperature_c(
    setting: HeatSetting,
    is_held: ArrayLike,
    held_c: ArrayLike,
    ambient_c: ArrayLike,
) -> Array:
    """Steady conduction from boxes of one temperature to the surroundings.

    Args:
        setting: of the cell; its films say which sides lose heat.
        is_held: (nx, ny, nz), bath and metal.
        held_c: their temperature.
        ambient_c: of the surroundings.

    Returns:
        (nx, ny, nz), degC.
    """
    grid = setting.grid
    held = jnp.asarray(is_held)
    loses = [convection > 0.0 for convection in setting.films.convection_w_per_m2_k]
    loss = jnp.zeros(grid.shape)
    for side, is_open in enumerate(loses):
        axis, at = side // 2, (0, -1)[side % 2]
        index = tuple(at if a == axis else slice(None) for a in range(3))
        area = jnp.broadcast_to(compute_areas_m2(grid)[axis], grid.shape)[index]
        half_m = 0.5 * grid[axis][at]
        resistance = half_m / setting.conductivity_w_per_m_k[index] + 1.0 / _OUTER_FILM_W_PER_M2_K
        loss = loss.at[index].add(jnp.where(is_open, area / resistance, 0.0))
    # what is held is taken out: to its neighbours it is a loss to its temperature
    conductance, to_held = [], jnp.zeros(grid.shape)
    for axis, g in enumerate(
        compute_conductances(grid, setting.conductivity_w_per_m_k, setting.film_m2_k_per_w)
    ):
        before, beyond = lower_side(held, axis), upper_side(held, axis)
        to_held = to_held + on_upper(jnp.where(before, g, 0.0), axis)
        to_held = to_held + on_lower(jnp.where(beyond, g, 0.0), axis)
        conductance.append(jnp.where(before | beyond, 0.0, g))
    above = jnp.asarray(held_c) - jnp.asarray(ambient_c)
    stencil = Stencil(jnp.where(held, 0.0, loss + to_held), Faces(*conductance))
    right = jnp.where(held, 0.0, to_held * above)
    found = solve_stencil(stencil, right, jnp.zeros_like(right), 1e-9, plan=plan_coarsening(grid))
    return jnp.asarray(ambient_c) + jnp.where(held, above, found.field)


def carry_over(coarse: Grid, field: Array, fine: Grid) -> Array:
    """A field of one grid at the centres of another of the same domain, by straight lines.

    Args:
        coarse: of the field.
        field: its values there.
        fine: the other grid.

    Returns:
        Values there; beyond the outermost centres they stay as they are.
    """
    result = field
    for axis, (here, there) in enumerate(
        zip(compute_centres_m(coarse), compute_centres_m(fine), strict=True)
    ):
        moved = jnp.moveaxis(result, axis, -1)
        lines = moved.reshape(-1, moved.shape[-1])
        drawn = jax.vmap(lambda line, at=there, known=here: jnp.interp(at, known, line))(lines)
        result = jnp.moveaxis(drawn.reshape(*moved.shape[:-1], -1), -1, axis)
    return result


def carry_within(coarse: Grid, field: Array, is_part: Array, fine: Grid, other: Array) -> Array:
    """As `carry_over`, of a part's own values alone; `other` where no box of it is near."""
    weight = carry_over(coarse, is_part.astype(float), fine)
    own = carry_over(coarse, jnp.where(is_part, field, 0.0), fine)
    return jnp.where(weight > 0.0, own / jnp.where(weight > 0.0, weight, 1.0), other)


def begin_cell(
    design: PlantDesign, boxes: CellBoxes, setting: CoupledSetting, drives: Drives
) -> CoupledRun:
    """A cell at its nominal temperature, composition and ledge; its lining as if for long.

    Args:
        design: line and cell.
        boxes: of the cell.
        setting: of the same boxes.
        drives: at the beginning.

    Returns:
        The run at time 0.
    """
    nominal = design.cell.nominal
    is_liquid = boxes.is_bath & (boxes.nominal_liquid_share > MOSTLY_LIQUID)
    temperature_c = guess_temperature_c(
        setting.heat,
        is_liquid | boxes.is_metal,
        nominal.bath_temperature_c,
        drives.ambient_temperature_c,
    )
    return begin_run(
        setting,
        temperature_c,
        nominal.alumina_wt_pct,
        design.cell.bath.excess_alf3_wt_pct,
        drives,
    )


def settle(
    design: PlantDesign,
    setting: CoupledSetting,
    run: CoupledRun,
    drives: Drives,
    tolerances: Tolerances,
    days: float = 6.0,
    stretch_h: float = 6.0,
) -> CoupledRun:
    """Let a cell stand at its drives while its bath is kept at the design's alumina.

    Args:
        design: line and cell.
        setting: of the cell.
        run: as it begins.
        drives: as they stay, but for the feed: that is what the cell uses.
        tolerances: of each step.
        days: how long.
        stretch_h: how often the feed is set and the bath mixed anew.

    Returns:
        The run, its time set back to 0; with the status of its last stretch.
    """
    for _ in range(round(24.0 * days / stretch_h)):
        run = settle_on(design, setting, run, drives, tolerances, stretch_h)
        if int(run.status) != int(RunStatus.DONE):
            break
    return restart_ledger(run)


def settle_on(
    design: PlantDesign,
    setting: CoupledSetting,
    run: CoupledRun,
    drives: Drives,
    tolerances: Tolerances,
    stretch_h: float,
) -> CoupledRun:
    """One stretch of `settle`.

    Returns:
        The run at its end, with its bath mixed anew; with its status.
    """
    fed = feed_what_is_used(setting, run, drives)
    run = run_coupled(setting, run, fed, fed, 3600.0 * stretch_h, tolerances)
    return remix(design, setting, run, fed)


def feed_what_is_used(setting: CoupledSetting, run: CoupledRun, drives: Drives) -> Drives:
    """The same drives with as much alumina as the cell uses at this instant."""
    used_kg_per_s = jnp.sum(run.state.reaction.consumption_kg_per_s) / setting.potential.share
    return drives._replace(feed_kg_per_s=used_kg_per_s)


def remix(
    design: PlantDesign, setting: CoupledSetting, run: CoupledRun, drives: Drives
) -> CoupledRun:
    """The same cell with the design's alumina in its bath; its AlF3 stays what there is of it."""
    state = run.state
    liquid = setting.window.cut(compute_liquid_share(setting, state.heat))
    solutes = mix_bath(
        setting,
        design.cell.nominal.alumina_wt_pct,
        design.cell.bath.excess_alf3_wt_pct,
        liquid,
        drives,
    )
    solutes = solutes._replace(alf3_kg=state.solutes.alf3_kg)
    return run._replace(state=state._replace(solutes=solutes))


def refine(
    design: PlantDesign,
    coarse_boxes: CellBoxes,
    coarse: CoupledSetting,
    run: CoupledRun,
    fine_boxes: CellBoxes,
    fine: CoupledSetting,
    drives: Drives,
) -> CoupledRun:
    """Take over temperatures and AlF3 of a coarse cell to begin a fine one.

    Args:
        design: line and cell.
        coarse_boxes: of the coarse cell.
        coarse: of the run.
        run: of the coarse cell.
        fine_boxes: of the fine one.
        fine: of the same cell in more boxes.
        drives: at the beginning.

    Returns:
        The run of the fine cell at time 0.
    """
    heat = run.state.heat
    liquid = compute_liquid_share(coarse, heat)
    bath = compute_bath(
        coarse, run.state.solutes, heat.temperature_c, coarse.window.cut(liquid), drives
    )
    # Straight lines over a front would freeze what is liquid beside it: the front is carried over
    # as such, between bath and what it freezes on.
    can_freeze, grid = coarse.heat.can_freeze, coarse.heat.grid
    matters = (can_freeze | coarse.heat.is_wall).astype(float)
    weight = carry_over(grid, matters, fine.heat.grid)
    share = carry_over(grid, jnp.where(can_freeze, liquid, 0.0), fine.heat.grid)
    is_liquid = share > MOSTLY_LIQUID * weight
    coarse_c = compute_temperature_c(coarse.heat, heat)
    temperature_c = carry_over(grid, coarse_c, fine.heat.grid)
    # Metal is stirred: what straight lines to the toe behind its film would take from it at its
    # edge goes through it within milliseconds, and the cell would begin colder.
    metal_c = carry_within(grid, coarse_c, coarse_boxes.is_metal, fine.heat.grid, temperature_c)
    temperature_c = jnp.where(fine_boxes.is_metal, metal_c, temperature_c)
    in_bath_c = jnp.where(
        is_liquid,
        jnp.maximum(bath.temperature_c, bath.liquidus_c + _LEAST_FROM_LIQUIDUS_K),
        jnp.minimum(temperature_c, bath.liquidus_c - _LEAST_FROM_LIQUIDUS_K),
    )
    return begin_run(
        fine,
        jnp.where(fine.heat.can_freeze, in_bath_c, temperature_c),
        design.cell.nominal.alumina_wt_pct,
        bath.excess_alf3_wt_pct,
        drives,
    )
