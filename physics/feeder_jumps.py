"""Whether a feeder has jumped, and when: what no random walk of its efficiency foresees.

A feeder that breaks loses half of what it is asked for from one shot to the next. A filter whose
feeder wanders slowly enough to be of use takes most of an hour to follow, while alumina falls; one
that wanders faster explains every error of alumina by its feeder. So a bank of hypotheses runs
beside it, each that the feeder jumped at one time of the last two hours: how far a jump of 1 would
have moved the estimate's error since, and what every innovation says for it. The generalised
likelihood ratio of Willsky and Jones (1976, DOI 10.1109/TAC.1976.1101146), for one state and few
onsets.
"""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.kalman import Belief, forget_jumps
from physics.reduced.model import FEEDER

ONSETS: Final = 8
_ONSET_EVERY_S: Final = 900.0  # design value: finer than a fault takes to be seen
# Design values: twice the log-likelihood ratio that outweighs the odds. A fault begins in one of
# 640 quarters of an hour; one that has begun ends in one of six, and as long as that is not seen a
# sound feeder is asked for twice what the cell needs.
_BEGINS_RATIO: Final = 12.0
_ENDS_RATIO: Final = 4.0
_AT_FAULT: Final = 0.8  # design value
_LEAST_JUMP: Final = 0.2  # design value: less is no fault, and the random walk follows it
_MOST_JUMP: Final = 0.9  # design value: more is another fault than a feeder's
_LEAST_FEEDER: Final = 0.2  # design value
_MOST_FEEDER: Final = 1.25  # design value: a feeder brings no more than it is asked for


def follow_onsets(belief: Belief, before_s: Array, now_s: Array) -> Belief:
    """Begin to follow a jump at this time where one is due, in the place of the oldest.

    Args:
        belief: of one cell, at the scan before.
        before_s, now_s: plant times of the scans, scalars.
    """
    number = jnp.floor(now_s / _ONSET_EVERY_S)
    is_due = number > jnp.floor(before_s / _ONSET_EVERY_S)
    here = is_due & (jnp.arange(ONSETS) == jnp.mod(number, ONSETS))
    blank = forget_jumps(belief, here)
    added = jnp.where(here, 1.0, 0.0)
    return blank._replace(jump_shift=blank.jump_shift.at[:, FEEDER].add(added))


def believe_jump(belief: Belief) -> tuple[Belief, Array]:
    """Take a jump as given where what was measured since is hardly to be explained without it.

    Args:
        belief: of one cell, with all that this scan said.

    Returns:
        The belief, its mean where the jump has led by now, and the variance (N,) that the states
        gain with the next scan, as the jump's size is known by what its innovations told.
    """
    told = jnp.maximum(belief.jump_information, 1e-12)
    size = belief.jump_score / told
    feeder = belief.mean[FEEDER] + size * belief.jump_shift[:, FEEDER]
    is_fault = (jnp.abs(size) > _LEAST_JUMP) & (jnp.abs(size) < _MOST_JUMP)
    is_fault &= (feeder > _LEAST_FEEDER) & (feeder < _MOST_FEEDER)
    ends = (belief.mean[FEEDER] < _AT_FAULT) & (size > 0.0)
    needed = jnp.where(ends, _ENDS_RATIO, _BEGINS_RATIO)
    ratio = jnp.where(is_fault, size * belief.jump_score / needed, 0.0)
    best = jnp.argmax(ratio)
    believed = ratio[best] > 1.0
    moved = jnp.where(believed, size[best], 0.0) * belief.jump_shift[best]
    doubt = jnp.where(believed, belief.jump_shift[best] ** 2 / told[best], 0.0)
    after = forget_jumps(belief, jnp.full(ONSETS, believed))
    return after._replace(mean=belief.mean + moved), doubt
