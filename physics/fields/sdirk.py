"""Steps in time that all fields share: a two-stage implicit method, its error, the next step.

Both stages are the same kind of equation: find the state `u` of

    u = known + GAMMA dt f(t + node dt, u)

where `known` is the state at the start for the first stage, and has (1 - GAMMA) dt of the first
stage's rate in it for the second. The second stage is the new state.

Source: Alexander 1977, DOI 10.1137/0714068: singly diagonally implicit, L-stable, second order.
"""

import math
from enum import IntEnum
from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

GAMMA: Final = 1.0 - math.sqrt(0.5)
NODES: Final = (GAMMA, 1.0)  # of the stages, in steps from the start
WEIGHTS: Final = (1.0 - GAMMA, GAMMA)  # of the stages' rates in the step

# Design values, usual for a controller of the last error alone.
_SAFETY = 0.9
_SAFETY_AFTER_REJECTION = 0.7  # what was worse than foreseen once may be so again
_MOST_GROWTH = 4.0
_MOST_CUT = 0.2


class RunStatus(IntEnum):
    """How a run in time ended, or how a step went."""

    DONE = 0
    MOST_STEPS_USED = 1  # the steps were used up before the end
    NOT_FINITE = 2  # a number that is none, in the state or what drives it
    NOT_SOLVED = 3  # a stage has no solution even in the smallest step

    @property
    def sentence(self) -> str:
        """The status in words."""
        return {
            RunStatus.DONE: "done",
            RunStatus.MOST_STEPS_USED: "the steps were used up before the end was reached",
            RunStatus.NOT_FINITE: "a number in the state or in what drives it is not finite",
            RunStatus.NOT_SOLVED: "a stage could not be solved even in the smallest step",
        }[self]


class Judgement(NamedTuple):
    """What becomes of a step."""

    is_accepted: Array  # scalar, bool
    next_step_s: Array  # scalar, to try next


def estimate_error(first_rate: Array, second_rate: Array, step_s: ArrayLike) -> Array:
    """Error of a step, from above: the difference to the method of first order in the same stages.

    That method takes all of the step at the first stage's rate. Fast modes, which the stages damp
    away, do not blow it up, and a jump at the step's start does no harm: only rates inside count.

    Args:
        first_rate: f at the first stage, of any shape, in the state's unit per second.
        second_rate: f at the second stage.
        step_s: dt.

    Returns:
        The error, of the rates' shape, in the state's unit; it falls with the square of dt.
    """
    return GAMMA * jnp.asarray(step_s) * (second_rate - first_rate)


def compute_norm(error: Array, scale: Array) -> Array:
    """Root mean square over all boxes of error over scale; 1 is just what is tolerated."""
    return jnp.sqrt(jnp.mean((error / scale) ** 2))


def judge_step(error_norm: ArrayLike, step_s: ArrayLike, is_solved: ArrayLike = True) -> Judgement:
    """Accept a step or not, and choose the next.

    Args:
        error_norm: error over what is tolerated; a step up to 1 is accepted, NaN is not.
        step_s: dt of the step.
        is_solved: whether its stages were.

    Returns:
        The judgement; the next step is 0.2 to 4 times this one.
    """
    norm = jnp.asarray(error_norm)
    is_usable = jnp.asarray(is_solved) & jnp.isfinite(norm)
    safety = jnp.where(norm <= 1.0, _SAFETY, _SAFETY_AFTER_REJECTION)
    wanted = safety / jnp.sqrt(jnp.maximum(norm, 1e-12))
    factor = jnp.where(is_usable, jnp.clip(wanted, _MOST_CUT, _MOST_GROWTH), _MOST_CUT)
    return Judgement(is_usable & (norm <= 1.0), factor * jnp.asarray(step_s))
