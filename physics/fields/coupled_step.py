"""One step of all three fields together, of second order.

Each field is stepped by its own method; what it needs of the others at the step's end is there
already, or is extended from the step before and then compared with what came out:

    liquid share, temperature, use of alumina at the end     extended
    transport            from those at both ends
    potential            at the end, of the new composition and the extended temperature
    heat                 from liquidus and sources at both ends
    new temperature      less the extended one: an error, of which a part counts
"""

from typing import Final, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.coupling import (
    Bath,
    CoupledSetting,
    Drives,
    Reaction,
    compute_bath,
    compute_liquid_share,
    compute_reaction,
    spread_alumina,
)
from physics.fields.feeders import reach_liquid
from physics.fields.grid import compute_volumes_m3
from physics.fields.heat import HeatInputs, HeatState
from physics.fields.heat_step import step_heat
from physics.fields.krylov import SolveStatus
from physics.fields.potential import PotentialInputs
from physics.fields.potential_solve import (
    PotentialSolution,
    PotentialState,
    solve_potential,
)
from physics.fields.sdirk import NODES
from physics.fields.surroundings import make_sides
from physics.fields.transport import TransportInputs, TransportState
from physics.fields.transport_step import step_transport
from physics.heat import compute_dissolution_heat_j_per_kg

POTENTIAL_TOLERANCE_V: Final = 1e-5  # design value: a hundredth of what a voltmeter shows
POTENTIAL_ROUNDS: Final = 12  # design value: a warm start takes one or two
# Design value: the mean composition moves by far less than the boxes at the front do.
_SHARE_WEIGHT: Final = 0.02
# Design value: by 10 K conductivities and overvoltages move by 2 %, so that the heat of a step is
# wrong by as much, and its temperatures by far less than the extended one was.
_EXTENDED_WEIGHT: Final = 0.1

Inputs = TypeVar("Inputs")


class CoupledState(NamedTuple):
    """A cell between two steps."""

    heat: HeatState
    solutes: TransportState  # of the window
    potential: PotentialState  # start of the next solve
    liquidus_c: Array  # scalar
    reaction: Reaction
    cell_voltage_v: Array  # scalar
    above_critical_share: Array  # scalar, of the anodes' faces; above 0 an anode effect begins
    temperature_c_per_s: Array  # (nx, ny, nz), over the step before
    liquid_share_per_s: Array  # window, at the end of the step before
    consumption_per_s: Array  # window, over the step before, of the use of alumina


class Tolerances(NamedTuple):
    """Error of one step that is tolerated."""

    temperature_c: Array  # root mean square over the boxes
    alumina_wt_pct: Array  # of every solute, root mean square over the bath


class CoupledStep(NamedTuple):
    """A step."""

    state: CoupledState
    error_norm: Array  # scalar; 1 is what is tolerated
    is_solved: Array  # scalar, bool
    source_j: Array  # scalar, heat put into the boxes in the step
    outside_j: Array  # scalar, heat given to the surroundings
    consumed_kg: Array  # scalar, alumina used in the boxes
    alf3_lost_kg: Array  # scalar
    heat_rounds: Array
    transport_rounds: Array
    potential_rounds: Array


def make_tolerances(temperature_c: float = 0.5, alumina_wt_pct: float = 0.01) -> Tolerances:
    """Tolerances; the defaults are design values, a third of what a thermocouple tells."""
    return Tolerances(jnp.asarray(temperature_c), jnp.asarray(alumina_wt_pct))


def solve_instant(
    setting: CoupledSetting,
    drives: Drives,
    bath: Bath,
    solutes: TransportState,
    temperature_c: Array,
    window_liquid_share: Array,
    start: PotentialState,
    tolerance_v: ArrayLike = POTENTIAL_TOLERANCE_V,
    most_rounds: ArrayLike = POTENTIAL_ROUNDS,
) -> PotentialSolution:
    """The potential that belongs to temperatures, compositions and drives of one instant."""
    none = jnp.zeros(setting.heat.grid.shape)
    inputs = PotentialInputs(
        temperature_c=temperature_c,
        alumina_wt_pct=spread_alumina(setting, solutes, window_liquid_share, bath.alumina_wt_pct),
        liquid_share=setting.window.put(none, window_liquid_share),
        acd_m=drives.acd_cm / 100.0,
    )
    parameters = setting.parameters._replace(excess_alf3_wt_pct=bath.excess_alf3_wt_pct)
    solution: PotentialSolution = solve_potential(
        setting.potential,
        parameters,
        inputs,
        drives.line_current_ka,
        start,
        tolerance_v,
        most_rounds,
        plan=setting.plans.potential,
    )
    return solution


def step_coupled(
    setting: CoupledSetting,
    state: CoupledState,
    begin: Drives,
    end: Drives,
    step_s: ArrayLike,
    tolerances: Tolerances,
) -> CoupledStep:
    """Step a cell.

    Args:
        setting: of the cell.
        state: at the step's start.
        begin: drives at its start.
        end: drives at its end; a straight line between.
        step_s: dt.
        tolerances: of the step's errors.

    Returns:
        The step, whether or not it is good enough.
    """
    dt = jnp.asarray(step_s)
    window, transport = setting.window, setting.transport
    temperature_c = state.heat.temperature_c
    liquid_share = window.cut(compute_liquid_share(setting, state.heat))
    expected_c = temperature_c + dt * state.temperature_c_per_s
    expected_share = jnp.clip(liquid_share + dt * state.liquid_share_per_s, 0.0, 1.0)
    used = state.reaction.consumption_kg_per_s
    expected_used = jnp.maximum(used + dt * state.consumption_per_s, 0.0)

    bath = compute_bath(setting, state.solutes, temperature_c, liquid_share, begin)

    def act(drives: Drives, consumption: Array, share: Array) -> TransportInputs:
        return TransportInputs(
            feed_kg_per_s=drives.feed_kg_per_s * reach_liquid(setting.feed_share, share),
            consumption_kg_per_s=consumption,
            alf3_kg_per_s=drives.alf3_kg_per_s * reach_liquid(setting.alf3_share, share),
            liquid_share=share,
            saturation_wt_pct=bath.saturation_wt_pct,
        )

    moved = step_transport(
        transport,
        state.solutes,
        _at_nodes(act(begin, used, liquid_share), act(end, expected_used, expected_share)),
        dt,
        tolerances.alumina_wt_pct,
        setting.plans.window,
    )

    bath_after = compute_bath(setting, moved.state, expected_c, expected_share, end)
    solution = solve_instant(
        setting, end, bath_after, moved.state, expected_c, expected_share, state.potential
    )
    reaction = compute_reaction(setting, solution, bath_after.current_efficiency)

    cold_w = compute_dissolution_heat_j_per_kg(setting.parameters) * moved.dissolving_kg_per_s
    cold_w_per_m3 = window.put(jnp.zeros_like(expected_c), cold_w / transport.volume_m3)

    def drive(drives: Drives, liquidus_c: Array, reaction: Reaction) -> HeatInputs:
        return HeatInputs(
            liquidus_c=jnp.broadcast_to(liquidus_c, expected_c.shape),
            source_w_per_m3=reaction.heat_w_per_m3 - cold_w_per_m3,
            ambient_c=make_sides(setting.heat.grid, *([drives.ambient_temperature_c] * 6)),
        )

    heated = step_heat(
        setting.heat,
        state.heat,
        _at_nodes(
            drive(begin, state.liquidus_c, state.reaction),
            drive(end, bath_after.liquidus_c, reaction),
        ),
        dt,
        tolerances.temperature_c,
        setting.plans.heat,
    )
    # where there is ice, temperature jumps as boxes freeze through and open; no current is there
    is_frozen = setting.heat.can_freeze & (
        (state.heat.frozen_share > 0.0) | (heated.state.frozen_share > 0.0)
    )
    new_c = heated.state.temperature_c
    new_share = window.cut(compute_liquid_share(setting, heated.state))
    errors = jnp.stack(
        [
            heated.error_norm,
            moved.error_norm,
            _root_mean_square(
                jnp.where(is_frozen, 0.0, new_c - expected_c), compute_volumes_m3(setting.heat.grid)
            )
            / tolerances.temperature_c
            * _EXTENDED_WEIGHT,
            # bath that is liquid against expectation has other contents
            _root_mean_square(
                jnp.where(transport.is_bath, new_share - expected_share, 0.0),
                jnp.where(transport.is_bath, transport.volume_m3, 0.0),
            )
            * bath.alumina_wt_pct
            / tolerances.alumina_wt_pct
            * _SHARE_WEIGHT,
        ]
    )
    error_norm = jnp.max(errors)
    return CoupledStep(
        state=CoupledState(
            heat=heated.state,
            solutes=moved.state,
            potential=solution.state,
            liquidus_c=bath_after.liquidus_c,
            reaction=reaction,
            cell_voltage_v=solution.cell_voltage_v,
            above_critical_share=solution.parts.above_critical_share,
            temperature_c_per_s=jnp.where(is_frozen, 0.0, new_c - temperature_c) / dt,
            # not what a front did that went from box to box: that does not go on
            liquid_share_per_s=window.cut(
                jnp.where(state.heat.is_firm | heated.state.is_firm, 0.0, -heated.frozen_per_s)
            ),
            consumption_per_s=(reaction.consumption_kg_per_s - used) / dt,
        ),
        error_norm=error_norm,
        is_solved=heated.is_solved & moved.is_solved & (solution.status == int(SolveStatus.SOLVED)),
        source_j=heated.source_j,
        outside_j=heated.outside_j,
        consumed_kg=dt * (_mean_of_ends(used, expected_used) - jnp.sum(moved.shortfall_kg_per_s)),
        alf3_lost_kg=dt * jnp.sum(moved.alf3_lost_kg_per_s),
        heat_rounds=heated.rounds,
        transport_rounds=moved.rounds,
        potential_rounds=solution.rounds,
    )


def _at_nodes(begin: Inputs, end: Inputs) -> Inputs:
    """Inputs at the stages' times, stacked, on straight lines between two instants."""
    nodes = jnp.asarray(NODES)

    def lay(first: Array, last: Array) -> Array:
        laid: Array = jax.vmap(lambda node: first + node * (last - first))(nodes)
        return laid

    stacked: Inputs = jax.tree.map(lay, begin, end)
    return stacked


def _mean_of_ends(first: Array, last: Array) -> Array:
    # the weights of the stages times their nodes are a half: sdirk is of second order
    return 0.5 * (jnp.sum(first) + jnp.sum(last))


def _root_mean_square(field: Array, weight: Array) -> Array:
    return jnp.sqrt(jnp.sum(weight * field**2) / jnp.sum(weight))
