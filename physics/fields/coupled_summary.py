"""What a run of the coupled fields shows: figures of the whole cell, and fields to look at."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.fields.coupled_run import CoupledRun
from physics.fields.coupling import (
    MOSTLY_LIQUID,
    CoupledSetting,
    Drives,
    compute_bath,
    compute_liquid_share,
)
from physics.fields.grid import compute_volumes_m3
from physics.fields.heat import compute_enthalpy, compute_ledge_m, compute_temperature_c
from physics.fields.transport import compute_solutes_wt_pct


class CellFigures(NamedTuple):
    """Scalars of the whole cell; a slice or a quarter counts as what it stands for."""

    cell_voltage_v: Array
    bath_temperature_c: Array
    liquidus_c: Array
    ledge_mm: Array  # mean over the side beside the liquid bath
    alumina_wt_pct: Array
    excess_alf3_wt_pct: Array
    liquid_bath_kg: Array
    dissolved_kg: Array
    undissolved_kg: Array
    sludge_kg: Array
    excess_alf3_kg: Array
    current_efficiency: Array
    stored_heat_mj: Array
    above_critical_share: Array


class CellPictures(NamedTuple):
    """Fields (nx, ny, nz); NaN where a quantity means nothing."""

    temperature_c: Array
    liquid_share: Array  # 1 in what never freezes
    potential_v: Array
    alumina_wt_pct: Array
    excess_alf3_wt_pct: Array


@jax.jit
def summarise(setting: CoupledSetting, run: CoupledRun, drives: Drives) -> CellFigures:
    """Figures of a cell at one instant.

    Args:
        setting: of the cell.
        run: so far.
        drives: at this instant.

    Returns:
        The figures.
    """
    state, share = run.state, setting.potential.share
    liquid = setting.window.cut(compute_liquid_share(setting, state.heat))
    bath = compute_bath(setting, state.solutes, state.heat.temperature_c, liquid, drives)
    volume_m3 = compute_volumes_m3(setting.heat.grid)
    return CellFigures(
        cell_voltage_v=state.cell_voltage_v,
        bath_temperature_c=bath.temperature_c,
        liquidus_c=state.liquidus_c,
        ledge_mm=1e3 * _average_ledge_m(setting, run),
        alumina_wt_pct=bath.alumina_wt_pct,
        excess_alf3_wt_pct=bath.excess_alf3_wt_pct,
        liquid_bath_kg=bath.liquid_kg / share,
        dissolved_kg=jnp.sum(state.solutes.dissolved_kg) / share,
        undissolved_kg=jnp.sum(state.solutes.undissolved_kg) / share,
        sludge_kg=jnp.sum(state.solutes.sludge_kg) / share,
        excess_alf3_kg=jnp.sum(state.solutes.alf3_kg) / share,
        current_efficiency=bath.current_efficiency,
        stored_heat_mj=1e-6
        * jnp.sum(compute_enthalpy(setting.heat, state.heat) * volume_m3)
        / share,
        above_critical_share=state.above_critical_share,
    )


@jax.jit
def measure_ledge_m(setting: CoupledSetting, run: CoupledRun) -> Array:
    """Thickness of frozen bath on the long side at the height of the gap, (ny, k), m.

    Args:
        setting: of the cell.
        run: so far.

    Returns:
        One row of boxes across the cell each, as far as the window goes along and upwards; 0 where
        the row is not beside an anode's gap, and so not of the long side.
    """
    thickness = compute_ledge_m(setting.heat, run.state.heat)
    inside = setting.window.cut(jnp.broadcast_to(thickness[None], setting.heat.grid.shape))[0]
    return jnp.where(_is_beside_gap(setting), inside, 0.0)


def _is_beside_gap(setting: CoupledSetting) -> Array:
    return jnp.any(setting.window.cut(setting.potential.gap_height_m) > 0.0, axis=0)


def _average_ledge_m(setting: CoupledSetting, run: CoupledRun) -> Array:
    """Mean over the long side, each row by the area that it is of."""
    y, z = setting.window.y, setting.window.z
    grid = setting.heat.grid
    area = grid.width_y_m[slice(*y), None] * grid.width_z_m[None, slice(*z)]
    area = jnp.where(_is_beside_gap(setting), area, 0.0)
    return jnp.sum(area * measure_ledge_m(setting, run)) / jnp.sum(area)


@jax.jit
def draw(setting: CoupledSetting, run: CoupledRun) -> CellPictures:
    """Fields of a cell at one instant.

    Args:
        setting: of the cell.
        run: so far.

    Returns:
        The fields.
    """
    state, window = run.state, setting.window
    temperature_c = compute_temperature_c(setting.heat, state.heat)
    liquid = compute_liquid_share(setting, state.heat)
    alumina, _, alf3 = compute_solutes_wt_pct(setting.transport, state.solutes, window.cut(liquid))
    is_liquid = setting.transport.is_bath & (window.cut(liquid) > MOSTLY_LIQUID)
    nowhere = jnp.full_like(liquid, jnp.nan)
    conducts = setting.potential.is_bath | (setting.potential.solid_s_per_m > 0.0)
    return CellPictures(
        temperature_c=temperature_c,
        liquid_share=jnp.where(setting.heat.can_freeze, liquid, 1.0),
        potential_v=jnp.where(conducts, state.potential.potential_v, jnp.nan),
        alumina_wt_pct=window.put(nowhere, jnp.where(is_liquid, alumina, jnp.nan)),
        excess_alf3_wt_pct=window.put(nowhere, jnp.where(is_liquid, alf3, jnp.nan)),
    )
