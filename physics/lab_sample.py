"""A laboratory's analysis of a cell, hours old when it comes, taken in at its sample's time."""

from enum import IntEnum
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.doubt import keep_sane
from physics.estimate_state import EstimatorState, get_belief, one_per_cell, set_belief
from physics.estimator_tuning import FilterSetting
from physics.hindsight import SAMPLED, SAMPLED_STATES, SLOTS, bracket
from physics.kalman import Belief, Innovation, update_past


class SampleStatus(IntEnum):
    """What became of a sample; all but `TAKEN_IN` change nothing."""

    TAKEN_IN = 0
    UNKNOWN_CELL = 1
    UNREADABLE = 2  # no time, no value that is a number, or no noise above 0
    FROM_THE_FUTURE = 3  # later than the newest scan taken in
    TOO_OLD = 4  # before what is remembered, or before its cell had to begin anew


class SampleOutcome(NamedTuple):
    """What samples said.

    Attributes:
        status: (n,) `SampleStatus`.
        innovation: (n, K) beyond what had been believed of that time; NaN where not taken in.
    """

    status: Array
    innovation: Innovation


@jax.jit
def absorb_samples(
    setting: FilterSetting, state: EstimatorState, t_sampled_s: Array, value: Array, sd: Array
) -> tuple[EstimatorState, SampleOutcome]:
    """Take in at most one sample of every cell.

    Args:
        setting: of the filter.
        state: before.
        t_sampled_s: (C,) plant time at which each was drawn; NaN for a cell without one.
        value: (C, K) in the order of `SAMPLED`; NaN where not analysed.
        sd: (C, K) of each.

    Returns:
        The state after and the outcome of every cell.
    """
    cells = jax.vmap(
        partial(_absorb_sample, setting), in_axes=(one_per_cell(), 0, 0, 0), out_axes=0
    )
    belief, notes, outcome = cells(state, t_sampled_s, value, sd)
    return set_belief(state, belief)._replace(notes=notes), outcome


def _absorb_sample(
    setting: FilterSetting, state: EstimatorState, t_sampled_s: Array, value: Array, sd: Array
) -> tuple[Belief, Array, SampleOutcome]:
    now_s = state.t_plant_s
    slot_s = jnp.where(state.slot_s >= state.known_from_s, state.slot_s, jnp.nan)
    is_past = t_sampled_s <= now_s
    sampled_s = jnp.where(is_past, t_sampled_s, now_s)
    at_slot, at_note = bracket(slot_s, now_s, sampled_s), bracket(state.note_s, now_s, sampled_s)
    analysed = jnp.isfinite(value) & jnp.isfinite(sd) & (sd > 0.0)
    is_readable = jnp.isfinite(t_sampled_s) & jnp.any(analysed)
    is_remembered = at_slot.is_held & at_note.is_held
    status = jnp.select(
        [~is_readable, ~is_past, ~is_remembered],
        [SampleStatus.UNREADABLE, SampleStatus.FROM_THE_FUTURE, SampleStatus.TOO_OLD],
        SampleStatus.TAKEN_IN,
    )
    before = get_belief(state)
    believed_now = before.mean[jnp.array(SAMPLED_STATES)]
    noted = at_note.weights @ jnp.concatenate([state.notes, believed_now[None]])
    unit = jnp.eye(len(SAMPLED), dtype=value.dtype)
    placed = jnp.eye(before.mean.shape[0], dtype=value.dtype)

    after, told = before, []
    for k, at in enumerate(SAMPLED_STATES):
        # The error of the estimate between two slots is no straight line: it strays from it as a
        # random walk would that has the difference of the two as its variance.
        ends = jnp.outer(at_slot.step[:SLOTS], unit[k]).reshape(-1)
        difference = at_slot.step[SLOTS] * after.factor[at] + ends @ after.factor[placed.shape[0] :]
        stray = at_slot.share * (1.0 - at_slot.share)
        stray = stray * (jnp.sum(difference**2) + ends @ after.rest @ ends)
        weights = jnp.outer(at_slot.weights[:SLOTS], unit[k]).reshape(-1)
        moved = at_slot.weights[SLOTS] * (after.mean[at] - before.mean[at])
        expected = noted[k] + weights @ after.correction + moved
        usable = (status == SampleStatus.TAKEN_IN) & analysed[k]
        after, innovation = update_past(
            after,
            at_slot.weights[SLOTS] * placed[at],
            weights,
            jnp.where(usable, value[k] - expected, 0.0),
            jnp.where(usable, sd[k], 1.0) ** 2 + stray,
            usable,
            setting.tolerance_sd,
        )
        told.append(innovation)
    after, _ = keep_sane(setting, after)

    # What the sample says of the past goes into the notes, at every time of the day.
    shift = (after.correction - before.correction).reshape(SLOTS, len(SAMPLED))
    now = after.mean[jnp.array(SAMPLED_STATES)] - believed_now
    places = jax.vmap(bracket, in_axes=(None, None, 0))(slot_s, now_s, state.note_s)
    moved_by = places.weights @ jnp.concatenate([shift, now[None]])
    after = after._replace(correction=before.correction)
    return (
        after,
        state.notes + moved_by,
        SampleOutcome(status, jax.tree.map(lambda *x: jnp.stack(x), *told)),
    )
