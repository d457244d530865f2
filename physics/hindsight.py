"""What is remembered of the last day, so that a laboratory sample can count at its own time.

Every four hours of plant time a slot of a ring is given a clone of what a laboratory analyses
(stochastic cloning: Roumeliotis, Burdick 2002, DOI 10.1109/ROBOT.2002.1014801). From then on scans
correct the clone as well, and it stays correlated with the state of now; so a sample drawn then
moves the present as if it had been known all along. Between slots the error of the estimate is
interpolated, not the estimate: what was believed is noted every half an hour, since alumina swings
within hours and its error does not.
"""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.reduced.model import ALF3, ALUMINA, TEMPERATURE
from physics.signals import ANALYSED

SAMPLED: Final = ANALYSED
SAMPLED_STATES: Final = (ALUMINA, ALF3, TEMPERATURE)
SLOTS: Final = 7  # with SLOT_S: a day and what has begun of the next slot
SLOT_S: Final = 4.0 * 3600.0  # design value
NOTES: Final = 49  # likewise
NOTE_S: Final = 1800.0  # design value; divides SLOT_S, so that every slot has its note
REMEMBERED: Final = SLOTS * len(SAMPLED)


class Hindsight(NamedTuple):
    """The past of a section.

    Attributes:
        slot_s, note_s: (SLOTS,) and (NOTES,) plant times; NaN where there is none.
        notes: (C, NOTES, K) what was believed then of `SAMPLED`.
    """

    slot_s: Array
    note_s: Array
    notes: Array


class Clones(NamedTuple):
    """What of a belief is about the past: see `physics.kalman.Belief`; each with a first axis C."""

    factor: Array
    correction: Array
    rest: Array


def remember(
    past: Hindsight, clones: Clones, mean: Array, before_s: Array, now_s: Array
) -> tuple[Hindsight, Clones]:
    """Note what is believed now, and clone it, where it is time for that.

    Args:
        past: before.
        clones: before.
        mean: (C, N) believed now.
        before_s: plant time of the scan before; NaN at the first.
        now_s: plant time.

    Returns:
        Both after.
    """

    def is_time(every_s: float) -> Array:
        is_later = jnp.floor(now_s / every_s) > jnp.floor(before_s / every_s)
        return is_later | jnp.isnan(before_s)

    def note(past: Hindsight) -> Hindsight:
        at = jnp.mod(jnp.floor(now_s / NOTE_S), NOTES).astype(int)
        told = mean[:, jnp.array(SAMPLED_STATES)]
        return past._replace(
            note_s=past.note_s.at[at].set(now_s), notes=past.notes.at[:, at].set(told)
        )

    def clone(kept: tuple[Array, Clones]) -> tuple[Array, Clones]:
        slot_s, clones = kept
        at = jnp.mod(jnp.floor(now_s / SLOT_S), SLOTS).astype(int)
        first = at * len(SAMPLED)
        rows = clones.factor[:, jnp.array(SAMPLED_STATES)]
        cells, count = mean.shape
        none = jnp.zeros((cells, len(SAMPLED), REMEMBERED), dtype=mean.dtype)
        put = jax.lax.dynamic_update_slice_in_dim
        rest = put(put(clones.rest, none, first, 1), none.swapaxes(1, 2), first, 2)
        return slot_s.at[at].set(now_s), Clones(
            factor=put(clones.factor, rows, first + count, 1),
            correction=put(clones.correction, none[:, :, 0], first, 1),
            rest=rest,
        )

    past = jax.lax.cond(is_time(NOTE_S), note, lambda same: same, past)
    slot_s, clones = jax.lax.cond(is_time(SLOT_S), clone, lambda same: same, (past.slot_s, clones))
    return past._replace(slot_s=slot_s), clones


class Bracket(NamedTuple):
    """Where a time lies among some times and now; weights are (M + 1,), the last one of now.

    Attributes:
        weights: of a linear interpolation.
        step: of the difference between its two ends.
        share: how far from the earlier end to the later, 0 to 1.
        is_held: whether there is an earlier end at all.
    """

    weights: Array
    step: Array
    share: Array
    is_held: Array


def bracket(times_s: Array, now_s: Array, wanted_s: Array) -> Bracket:
    """Find the two times around a wanted time.

    Args:
        times_s: (M,) in any order; NaN is no time.
        now_s: scalar, not before any of them.
        wanted_s: scalar; one before all of them is taken for the earliest.
    """
    count = times_s.shape[0]
    is_earlier = times_s <= wanted_s
    is_later = times_s > wanted_s
    is_held = jnp.any(is_earlier)
    oldest = jnp.argmin(jnp.where(jnp.isnan(times_s), jnp.inf, times_s))
    low = jnp.where(is_held, jnp.argmax(jnp.where(is_earlier, times_s, -jnp.inf)), oldest)
    high = jnp.argmin(jnp.where(is_later, times_s, jnp.inf))
    high = jnp.where(jnp.any(is_later), high, count)
    ends = jnp.append(times_s, now_s)
    length_s = ends[high] - ends[low]
    share = jnp.where(is_held & (length_s > 0.0), (wanted_s - ends[low]) / length_s, 0.0)
    lower, upper = (jax.nn.one_hot(end, count + 1, dtype=times_s.dtype) for end in (low, high))
    return Bracket((1.0 - share) * lower + share * upper, upper - lower, share, is_held)
