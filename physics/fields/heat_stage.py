"""One implicit stage of the heat, solved in rounds.

The unknown of a round is the temperature of liquid and of all that is solid. Ice beside liquid in
one box is taken out of the equations box by box, and the front follows by what ice and liquid give
it. A round leaves out how the front's place changes the ways of heat; the next one has it. Boxes
stay what they are, firm or open, even where the front leaves its box.
"""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.coarsening import Plan
from physics.fields.front import (
    gather_at_firm,
    gather_at_open,
    of_firm,
    of_open,
)
from physics.fields.grid import compute_volumes_m3
from physics.fields.heat import Contents, HeatInputs, HeatSetting, HeatState, count_latent
from physics.fields.heat_balance import (
    Fronts,
    HeatBalance,
    Ways,
    compute_balance,
    compute_ways,
    find_fronts,
)
from physics.fields.sdirk import GAMMA, compute_norm
from physics.fields.solver import solve_stencil
from physics.fields.stencil import Stencil

MOST_ROUNDS: Final = 15  # design value; a stage takes one to three
# What the latent heat counts for in a tolerance that is asked for in K: so much of it over so many
# K. Design value: 0.1 K is then 0.5 % of a box's freezing, 0.1 mm of one of 20 mm.
LATENT_SPAN_K: Final = 20.0
_LINEAR_TOLERANCE = 3e-2  # of a round's residual; design value: the front decides how many rounds


class HeatStage(NamedTuple):
    """A solved stage."""

    state: HeatState  # its temperatures and fronts; boxes are what they were at the step's start
    balance: HeatBalance
    operator: Stencil  # of its equations, W/K: what boxes keep over its duration, and give
    norm: Array  # scalar: what is left unsolved, over what is tolerated
    rounds: Array  # scalar
    iterations: Array  # scalar, of the linear solves


class _Round(NamedTuple):
    state: HeatState
    ways: Ways
    balance: HeatBalance
    norm: Array
    rounds: Array
    iterations: Array


def make_scales(
    setting: HeatSetting, state: HeatState, tolerance_c: ArrayLike, liquidus_c: Array
) -> Contents:
    """What an error in what the boxes hold is measured by.

    Args:
        setting: of the domain.
        state: where its fronts are, heat makes ice and not warmth, and counts as latent heat.
        tolerance_c: what is tolerated in a temperature, K.
        liquidus_c: (nx, ny, nz).

    Returns:
        What is tolerated.
    """
    latent = jnp.where(setting.can_freeze, count_latent(setting, liquidus_c), 0.0)
    capacity = setting.heat_capacity_j_per_m3_k
    of_ice = jnp.maximum(capacity, latent / LATENT_SPAN_K)
    each = (
        jnp.where(find_fronts(setting, state).has_ice, of_ice, capacity),
        of_ice,
        jnp.full_like(capacity, 1.0 / LATENT_SPAN_K),
    )
    return Contents(*(scale * jnp.asarray(tolerance_c) for scale in each))


def compute_contents_norm(error: Contents, scales: Contents) -> Array:
    """Root mean square over all boxes of errors over scales; 1 is just what is tolerated."""
    squares = [compute_norm(*pair) ** 2 for pair in zip(error, scales, strict=True)]
    return jnp.sqrt(squares[0] + squares[1] + squares[2])


def solve_stage(
    setting: HeatSetting,
    known: Contents,
    start: HeatState,
    inputs: HeatInputs,
    step_s: ArrayLike,
    scales: Contents,
    plan: Plan | None = None,
    fronts: Fronts | None = None,
) -> HeatStage:
    """Solve u = known + GAMMA dt du/dt(u) for what every box holds.

    Args:
        setting: of the domain.
        known: what boxes would hold without this stage's rates.
        start: first guess; says which boxes are firm or bare.
        inputs: at the stage's time.
        step_s: dt.
        scales: of what may be left unsolved.
        plan: how the linear solves coarsen, see `solve_stencil`.
        fronts: of the step's start; None is of the first guess.

    Returns:
        The stage; its norm is above 1 where the rounds were used up.
    """
    duration = GAMMA * jnp.asarray(step_s)
    volume = compute_volumes_m3(setting.grid)
    per_s = volume / duration
    latent = jnp.where(setting.can_freeze, count_latent(setting, inputs.liquidus_c), 1.0)

    def hold(state: HeatState, ways: Ways) -> tuple[Array, Array]:
        """Heat capacities of what has the box's temperature, and of ice beside it."""
        share = jnp.clip(state.frozen_share, 0.0, 1.0)
        liquid = (1.0 - share) * setting.liquid_heat_capacity_j_per_m3_k
        solid = setting.heat_capacity_j_per_m3_k
        return jnp.where(ways.fronts.is_open, liquid, solid), share * solid

    def miss(state: HeatState, ways: Ways, balance: HeatBalance) -> Contents:
        """What the state lacks."""
        goal = Contents(*(a + duration * b for a, b in zip(known, balance.rates, strict=True)))
        capacity, of_ice = hold(state, ways)
        ice = goal.ice_sensible_j_per_m3 - of_ice * (state.ice_c - setting.reference_c)
        share = goal.frozen_share - state.frozen_share
        return Contents(
            goal.sensible_j_per_m3 - capacity * (state.temperature_c - setting.reference_c),
            jnp.where(ways.fronts.has_ice, ice, 0.0),
            jnp.where(ways.fronts.has_ice, share, 0.0),
        )

    def go_on(state: _Round) -> Array:
        return (state.norm > 1.0) & (state.rounds < MOST_ROUNDS)

    def lay_out(last: _Round) -> tuple[Stencil, Array]:
        """Equations of the temperatures, and what ice keeps and gives, W/K: it answers its firm
        neighbours and its front, and is taken out box by box. How two neighbours of one box of ice
        act on each other is left to the next round."""
        ways, links = last.ways, last.ways.links
        capacity, of_ice = hold(last.state, ways)
        keeps = of_ice * per_s + links.ice_to_front
        for axis in range(3):
            keeps = keeps + gather_at_open(ways.fronts.faces, axis, links.firm_to_ice[axis])
        keeps = jnp.where(ways.fronts.has_ice, keeps, 1.0)
        loss = last.balance.stencil.loss + capacity * per_s
        for axis in range(3):
            g = links.firm_to_ice[axis]
            given = g / of_open(ways.fronts.faces, axis, keeps)
            loss = loss + gather_at_firm(ways.fronts.faces, axis, g * (1.0 - given))
        return last.balance.stencil._replace(loss=loss), keeps

    def improve(last: _Round) -> _Round:
        state, ways, balance = last.state, last.ways, last.balance
        links, faces = ways.links, ways.fronts.faces
        heat, ice, share = miss(state, ways, balance)
        operator, keeps = lay_out(last)
        right, ice_w = per_s * heat, per_s * ice
        for axis in range(3):
            given = links.firm_to_ice[axis] * of_open(faces, axis, ice_w / keeps)
            right = right + gather_at_firm(faces, axis, given)
        solution = solve_stencil(
            operator, right, jnp.zeros_like(right), _LINEAR_TOLERANCE, plan=plan
        )
        warming = solution.field
        brought = ice_w
        for axis in range(3):
            flow = links.firm_to_ice[axis] * of_firm(faces, axis, warming)
            brought = brought + gather_at_open(faces, axis, flow)
        ice_warming = jnp.where(ways.fronts.has_ice, brought / keeps, 0.0)
        is_loose = ways.fronts.has_ice & ~faces.is_front
        # the front: with what a thicker ice and a thinner liquid answer
        change_w = -links.ice_to_front * ice_warming - links.liquid_to_front * warming
        answer = (
            jnp.maximum(balance.into_front_w, 0.0) * links.ice_depth_share
            + jnp.maximum(balance.out_of_liquid_w, 0.0) * links.liquid_depth_share
        ) / latent
        moved = jnp.where(
            ways.fronts.has_ice, (per_s * share + change_w / latent) / (per_s + answer), 0.0
        )
        share_after = state.frozen_share + moved
        after = state._replace(
            temperature_c=state.temperature_c + warming,
            ice_c=state.ice_c + ice_warming,
            # its front is as large as it is: a guess below 0 would have none
            frozen_share=jnp.where(is_loose, jnp.maximum(share_after, 0.0), share_after),
        )
        fresh = compute_ways(setting, after, ways.fronts)
        found = compute_balance(setting, after, inputs, fresh)
        return _Round(
            after,
            fresh,
            found,
            compute_contents_norm(miss(after, fresh, found), scales),
            last.rounds + 1,
            last.iterations + solution.iterations,
        )

    ways = compute_ways(setting, start, fronts or find_fronts(setting, start))
    balance = compute_balance(setting, start, inputs, ways)
    last = jax.lax.while_loop(
        go_on,
        improve,
        _Round(
            start,
            ways,
            balance,
            compute_contents_norm(miss(start, ways, balance), scales),
            jnp.asarray(0),
            jnp.asarray(0),
        ),
    )
    operator, _ = lay_out(last)
    return HeatStage(last.state, last.balance, operator, last.norm, last.rounds, last.iterations)
