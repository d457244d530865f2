"""One implicit stage of transport, by Newton's method.

The coupling of the solutes is left a round behind, so that every round is one symmetric solve for
each solute. The stage's rates are the flows of its last round and not what its solve says: what
one box loses another one gains, to rounding, however well the equations are solved.
"""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.alumina import SATURATION_BAND_WT_PCT, compute_alumina_exchange
from physics.fields.coarsening import Plan
from physics.fields.sdirk import GAMMA
from physics.fields.solver import solve_stencil
from physics.fields.stencil import Stencil
from physics.fields.transport import (
    TransportInputs,
    TransportSetting,
    TransportState,
    TransportTerms,
    compute_liquid_m3,
    compute_open_conductances,
    compute_outflow_kg_per_s,
    compute_sludge_reach,
    compute_source_slopes,
    stack_solutes,
    to_wt_pct,
)

MOST_ROUNDS: Final = 30
_STAGE_SHARE: Final = 0.05  # of a step's tolerance, that a stage may leave; design value
_LINEAR_TOLERANCE: Final = 1e-3  # of a round's residual; design value
# how far a round goes beyond a kink of the dissolution; design value
_PAST_EDGE_WT_PCT: Final = 1e-6


class TransportStage(NamedTuple):
    """One implicit stage."""

    concentration_kg_per_m3: Array  # (3, nx, ny, nz)
    rate: TransportState  # kg/s
    terms: TransportTerms
    residual_wt_pct: Array  # scalar, what is left of the equations
    rounds: Array  # scalar
    is_solved: Array  # scalar


class _Look(NamedTuple):
    terms: TransportTerms
    slope: Array
    gained: Array  # kg/s
    residual: Array  # kg
    norms: Array  # wt%, of each solute


class _Round(NamedTuple):
    seen: _Look
    concentration: Array  # that was looked at
    next: Array
    rounds: Array
    is_open: Array


def solve_transport_stage(
    setting: TransportSetting,
    known: TransportState,
    start_kg_per_m3: Array,
    inputs: TransportInputs,
    step_s: ArrayLike,
    tolerance_wt_pct: ArrayLike,
    plan: Plan | None = None,
) -> TransportStage:
    """Find the masses that are `known` and GAMMA dt times their own rate.

    Args:
        setting: of the bath.
        known: masses.
        start_kg_per_m3: (3, nx, ny, nz), first guess of the concentrations.
        inputs: at the stage's time.
        step_s: dt.
        tolerance_wt_pct: of the whole step; a twentieth of it is left unsolved.

    Returns:
        Concentrations and rates there, and how it went.
    """
    stage_s = GAMMA * jnp.asarray(step_s)
    leave_wt_pct = _STAGE_SHARE * jnp.asarray(tolerance_wt_pct)
    conductance = compute_open_conductances(setting, inputs.liquid_share)
    volume_m3 = compute_liquid_m3(setting, inputs.liquid_share)
    before_kg = stack_solutes(known)
    edges = (inputs.saturation_wt_pct - SATURATION_BAND_WT_PCT, inputs.saturation_wt_pct)
    per_wt_pct = 0.01 * setting.bath_density_kg_per_m3

    def look(concentration: Array) -> _Look:
        sludge = _settle(setting, known.sludge_kg, inputs, concentration, stage_s)
        terms, slope = compute_source_slopes(setting, inputs, concentration, sludge)
        gained = terms.source_kg_per_s - compute_outflow_kg_per_s(conductance, concentration)
        residual = before_kg + stage_s * gained - volume_m3[None] * concentration
        return _Look(terms, slope, gained, residual, measure_wt_pct(setting, residual))

    def correct(right: Array, slope: Array) -> Array:
        stencil = Stencil(volume_m3 / stage_s - slope, conductance)
        solution = solve_stencil(
            stencil, right, jnp.zeros_like(right), _LINEAR_TOLERANCE, plan=plan
        )
        return jnp.asarray(solution.field)

    def solve(one: tuple[Array, Array, Array]) -> Array:
        is_open, right, slope = one
        step: Array = jax.lax.cond(
            is_open, correct, lambda *given: jnp.zeros_like(given[0]), right, slope
        )
        return step

    def improve(last: _Round) -> _Round:
        seen = look(last.next)
        is_open = (seen.norms > leave_wt_pct) | (last.rounds == 0)
        moved = last.next + jax.lax.map(solve, (is_open, seen.residual / stage_s, seen.slope))
        dissolved = per_wt_pct * _stop_past_edges(
            last.next[0] / per_wt_pct, moved[0] / per_wt_pct, edges
        )
        following = moved.at[0].set(dissolved)
        return _Round(seen, last.next, following, last.rounds + 1, jnp.any(is_open))

    def goes_on(last: _Round) -> Array:
        return last.is_open & jnp.all(jnp.isfinite(last.seen.norms)) & (last.rounds <= MOST_ROUNDS)

    # one look in the loop and none before it: half as much to compile
    blank = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(look, start_kg_per_m3)
    )
    first = _Round(
        blank, start_kg_per_m3, start_kg_per_m3, jnp.asarray(0, dtype=int), jnp.asarray(True)
    )
    last = jax.lax.while_loop(goes_on, improve, first)
    terms, residual_wt_pct = last.seen.terms, jnp.max(last.seen.norms)
    exchange, gained = terms.exchange, last.seen.gained
    settled = jnp.sum(exchange.settling_kg_per_s - exchange.returning_kg_per_s, axis=2)
    return TransportStage(
        concentration_kg_per_m3=last.concentration,
        rate=TransportState(gained[0], gained[1], gained[2], settled),
        terms=terms,
        residual_wt_pct=residual_wt_pct,
        rounds=last.rounds - 1,
        is_solved=residual_wt_pct <= leave_wt_pct,
    )


def measure_wt_pct(setting: TransportSetting, solutes_kg: Array) -> Array:
    """Root mean square over the bath of each solute, (3,), wt%.

    Masses count by their boxes' whole volume: the little in a frozen box weighs little.
    """
    bath_m3 = jnp.where(setting.is_bath, setting.volume_m3, 0.0)
    wt_pct = to_wt_pct(setting, solutes_kg / setting.volume_m3[None])
    squares = jnp.sum(wt_pct**2 * bath_m3[None], axis=(1, 2, 3)) / jnp.sum(bath_m3)
    return jnp.sqrt(squares)


def _settle(
    setting: TransportSetting,
    sludge_kg: Array,
    inputs: TransportInputs,
    concentration: Array,
    stage_s: Array,
) -> Array:
    # sludge is linear in itself: at given solutes its own implicit stage has a closed form
    exchange = compute_alumina_exchange(
        setting.constants,
        to_wt_pct(setting, concentration[0]),
        concentration[1] * compute_liquid_m3(setting, inputs.liquid_share),
        compute_sludge_reach(setting, inputs.liquid_share),
        inputs.saturation_wt_pct,
        inputs.feed_kg_per_s,
    )
    settling = jnp.sum(exchange.settling_kg_per_s, axis=2)
    returning_per_s = jnp.sum(exchange.returning_kg_per_s, axis=2)
    return (sludge_kg + stage_s * settling) / (1.0 + stage_s * returning_per_s)


def _stop_past_edges(old: Array, new: Array, edges: tuple[Array, Array]) -> Array:
    # dissolution is flat, steep and flat again: a round that jumps over the steep part and back
    # would do so for ever
    low, high = edges
    for edge in (high, low):
        new = jnp.where((old < edge) & (new > edge), edge + _PAST_EDGE_WT_PCT, new)
    for edge in (low, high):
        new = jnp.where((old > edge) & (new < edge), edge - _PAST_EDGE_WT_PCT, new)
    return new
