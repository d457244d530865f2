"""What the three fields of a cell tell each other at one instant.

    potential -> heat        Joule heat, overvoltages; what the reaction takes
    potential -> transport   alumina used under each anode
    transport -> heat        liquidus of the mean bath; cold of alumina that dissolves
    transport -> potential   alumina at the electrodes, composition of the bath
    heat -> transport        how much of each box is liquid; saturation
    heat -> potential        temperature, liquid share

Transport knows only a window around the bath; heat and potential know all boxes.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.efficiency import compute_efficiency
from physics.fields.coarsening import Plan
from physics.fields.grid import Grid, compute_volumes_m3
from physics.fields.heat import HeatSetting, HeatState
from physics.fields.potential import PotentialSetting
from physics.fields.potential_parts import compute_reacting_current_a, spread_face_heat_w
from physics.fields.potential_solve import PotentialSolution
from physics.fields.transport import TransportSetting, TransportState, compute_solutes_wt_pct
from physics.heat import compute_dissolution_heat_j_per_kg
from physics.parameters import CellParameters
from physics.properties import compute_liquidus_c, compute_saturation_wt_pct
from physics.voltage import compute_noise_mv

# Design value: bath this much frozen is ledge, and what is locked in it is no bath's composition.
MOSTLY_LIQUID: Final = 0.5


@jax.tree_util.register_static
@dataclass(frozen=True)
class Window:
    """Where the bath's window lies in the whole grid: first box and the one after the last."""

    x: tuple[int, int]
    y: tuple[int, int]
    z: tuple[int, int]

    def cut(self, field: Array) -> Array:
        """Of a field of all boxes (nx, ny, nz), what lies in the window."""
        return field[slice(*self.x), slice(*self.y), slice(*self.z)]

    def put(self, field: Array, window: Array) -> Array:
        """A field of all boxes with the window's values put in."""
        return field.at[slice(*self.x), slice(*self.y), slice(*self.z)].set(window)

    def cut_grid(self, grid: Grid) -> Grid:
        """The window's own grid."""
        return Grid(
            grid.width_x_m[slice(*self.x)],
            grid.width_y_m[slice(*self.y)],
            grid.width_z_m[slice(*self.z)],
        )


@jax.tree_util.register_static
@dataclass(frozen=True)
class Plans:
    """How the linear solves coarsen, see `solve_stencil`; None is by shape alone."""

    heat: Plan | None = None
    potential: Plan | None = None
    window: Plan | None = None


class CoupledSetting(NamedTuple):
    """A cell as its three fields see it."""

    heat: HeatSetting
    potential: PotentialSetting
    transport: TransportSetting  # of the window
    window: Window
    plans: Plans
    parameters: CellParameters
    feed_share: Array  # window: of what the whole cell is fed
    alf3_share: Array  # window: of the AlF3 that the whole cell is given


class Drives(NamedTuple):
    """What is done to a cell at one instant; scalars, of the whole cell."""

    line_current_ka: Array
    acd_cm: Array
    feed_kg_per_s: Array
    alf3_kg_per_s: Array
    ambient_temperature_c: Array


class Bath(NamedTuple):
    """The bath as a whole; scalars."""

    alumina_wt_pct: Array
    excess_alf3_wt_pct: Array
    temperature_c: Array
    liquidus_c: Array
    saturation_wt_pct: Array
    current_efficiency: Array
    liquid_kg: Array  # in the boxes


class Reaction(NamedTuple):
    """What the current does where it passes."""

    heat_w_per_m3: Array  # (nx, ny, nz), all that heats, less what the reaction takes
    consumption_kg_per_s: Array  # window, alumina


def compute_bath(
    setting: CoupledSetting,
    state: TransportState,
    temperature_c: Array,
    liquid_share: Array,
    drives: Drives,
) -> Bath:
    """Average the bath.

    Args:
        setting: of the cell.
        state: masses in the window.
        temperature_c: (nx, ny, nz), of the liquid where there is some.
        liquid_share: of the window's boxes.
        drives: at this instant.

    Returns:
        Means over what is mostly liquid, weighted by liquid volume, and what follows from them.
    """
    transport = setting.transport
    is_liquid = transport.is_bath & (liquid_share > MOSTLY_LIQUID)
    liquid_m3 = jnp.where(is_liquid, liquid_share * transport.volume_m3, 0.0)
    total_m3 = jnp.maximum(jnp.sum(liquid_m3), 1e-9)
    alumina, _, alf3 = compute_solutes_wt_pct(transport, state, liquid_share)

    def mean(field: Array) -> Array:
        return jnp.sum(jnp.where(is_liquid, field, 0.0) * liquid_m3) / total_m3

    alumina_wt_pct, alf3_wt_pct = mean(alumina), mean(alf3)
    bath_c = mean(setting.window.cut(temperature_c))
    own = setting.parameters._replace(excess_alf3_wt_pct=alf3_wt_pct)
    additives = (alf3_wt_pct, own.caf2_wt_pct, own.mgf2_wt_pct, own.lif_wt_pct)
    noise_mv = compute_noise_mv(own, drives.acd_cm)
    return Bath(
        alumina_wt_pct=alumina_wt_pct,
        excess_alf3_wt_pct=alf3_wt_pct,
        temperature_c=bath_c,
        liquidus_c=compute_liquidus_c(alumina_wt_pct, *additives),
        saturation_wt_pct=compute_saturation_wt_pct(bath_c, *additives),
        current_efficiency=compute_efficiency(
            own, bath_c, alumina_wt_pct, drives.acd_cm, noise_mv, drives.line_current_ka
        ),
        liquid_kg=total_m3 * transport.bath_density_kg_per_m3,
    )


def compute_liquid_share(setting: CoupledSetting, heat: HeatState) -> Array:
    """Liquid share of every box of bath (nx, ny, nz); 0 elsewhere."""
    return jnp.where(setting.heat.can_freeze, 1.0 - heat.frozen_share, 0.0)


def spread_alumina(
    setting: CoupledSetting, state: TransportState, liquid_share: Array, mean_wt_pct: Array
) -> Array:
    """Dissolved alumina (nx, ny, nz), wt%: the window's where it is liquid, the mean elsewhere."""
    alumina = compute_solutes_wt_pct(setting.transport, state, liquid_share)[0]
    is_liquid = setting.transport.is_bath & (liquid_share > MOSTLY_LIQUID)
    inside = jnp.where(is_liquid, alumina, mean_wt_pct)
    return setting.window.put(jnp.full(setting.heat.grid.shape, mean_wt_pct), inside)


def compute_reaction(
    setting: CoupledSetting, solution: PotentialSolution, efficiency: Array
) -> Reaction:
    """Heat and use of alumina that follow from a potential.

    The reaction takes its enthalpy on the faces of the anodes, 0.48 + 1.65 CE volts of it for
    aluminium, of which the reversible voltage pays a part. What cold alumina takes comes off it
    here and counts where alumina dissolves.

    Args:
        setting: of the cell.
        solution: of the potential.
        efficiency: current efficiency.

    Returns:
        Heat of every box, alumina of the window's boxes.
    """
    own = setting.parameters
    reacting_a = compute_reacting_current_a(setting.potential, solution.state.anode_density)
    oxide_kg_per_c = own.oxide_kg_per_coulomb * efficiency
    enthalpy_v = own.enthalpy_fixed_v + own.enthalpy_per_efficiency_v * efficiency
    taken_v = (
        enthalpy_v
        - compute_dissolution_heat_j_per_kg(own) * oxide_kg_per_c
        - solution.voltage.reversible_v
    )
    taken_w = spread_face_heat_w(setting.potential, solution.state.anode_density, taken_v)
    volume_m3 = compute_volumes_m3(setting.heat.grid)
    return Reaction(
        heat_w_per_m3=solution.parts.heat_w_per_m3 - taken_w / volume_m3,
        consumption_kg_per_s=setting.window.cut(oxide_kg_per_c * reacting_a),
    )
