"""A cell played forward from an estimate, with all that the estimator does not know of it.

The twin is the estimator's own model (`physics.filter_model`): the reduced cell, what was found
beside its resistances and heat, and the ledge that takes cryolite from the bath. Many copies of it
are played at once. The first starts at the estimate and meets no noise; the others start as far
from it as the estimator may be wrong, and drift as its process noise says. So a share of them
stands for a probability: of what will be if nothing is learnt and nobody acts meanwhile.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from physics.estimator_tuning import FilterSetting
from physics.filter_model import (
    ESTIMATED,
    THINNEST_LEDGE_CM,
    FilterModel,
    advance_estimate,
    evaluate_estimate,
)
from physics.reduced.model import ACD, ALF3, ALUMINA, FEEDER, LEDGE, UNDISSOLVED

F64 = NDArray[np.float64]

STEP_S: Final = 30.0  # a tenth of what the dissolution rate allows
SHOWN: Final = (
    "alumina_wt_pct",
    "superheat_c",
    "ledge_cm",
    "acd_cm",
    "cell_voltage_v",
    "bath_temperature_c",
    "voltage_noise_mv",
    "current_efficiency",
    "metal_kg_per_h",
)
_LEAST: Final = {ALUMINA: 0.3, UNDISSOLVED: 0.0, ACD: 0.5, LEDGE: THINNEST_LEDGE_CM, FEEDER: 0.0}


class Course(NamedTuple):
    """What copies of a cell do; T steps of M copies.

    Attributes:
        states: (T + 1, M, N) in the order of `physics.filter_model.ESTIMATED`, the start first.
        shown: (T + 1, M, P) in the order of `SHOWN`.
    """

    states: F64
    shown: F64


def scatter(
    setting: FilterSetting, mean: F64, factor: F64, copies: int, steps: int, seed: int
) -> tuple[F64, F64]:
    """Draw where copies start and what noise they meet; the first starts at the mean and has none.

    Args:
        setting: of the estimator, for its process noise.
        mean: (N,) estimate.
        factor: (N, N) whose product with its transpose is the covariance of the estimate.
        copies: M.
        steps: T, of `STEP_S`.
        seed: of the random numbers.

    Returns:
        Starts, (M, N), and noise, (T, M, N).
    """
    random = np.random.default_rng(seed)
    start = np.tile(mean, (copies, 1))
    start[1:] += random.standard_normal((copies - 1, len(mean))) @ factor.T
    for at, least in _LEAST.items():
        start[1:, at] = np.maximum(start[1:, at], least)
    sd = np.sqrt(np.asarray(setting.noise_per_s) * STEP_S)
    noise = random.standard_normal((steps, copies, len(mean))) * sd
    noise[:, 0] = 0.0
    return start, noise


def play(
    setting: FilterSetting,
    start: F64,
    beam_mm: float,
    setpoints: F64,
    current_ka: F64,
    noise: F64 | None = None,
    alf3_shift_wt_pct: float = 0.0,
) -> Course:
    """Play copies of a cell under the same setpoints.

    Args:
        setting: of the estimator; gives the model.
        start: (M, N) in the order of `ESTIMATED`.
        beam_mm: where the beam stands before the first step; gaps follow its change.
        setpoints: (T, 2), held over each step of `STEP_S`: feed in kg/h and beam in mm.
        current_ka: (T,).
        noise: (T, M, N) added after each step; None for none.
        alf3_shift_wt_pct: the bath is richer in AlF3 by this from the first step on, and stays so.

    Returns:
        The course.
    """
    steps, copies = len(setpoints), len(start)
    moved_cm = np.diff(setpoints[:, 1], prepend=beam_mm) / 10.0
    if noise is None:
        noise = np.zeros((steps, copies, len(ESTIMATED)))
    states, shown = _play(
        setting.model,
        jnp.asarray(start),
        jnp.asarray(setpoints[:, 0]),
        jnp.asarray(moved_cm),
        jnp.asarray(current_ka),
        jnp.asarray(noise),
        jnp.asarray(float(alf3_shift_wt_pct)),
    )
    return Course(np.asarray(states), np.asarray(shown))


@jax.jit
def _play(
    model: FilterModel,
    start: Array,
    feed_kg_per_h: Array,
    moved_cm: Array,
    current_ka: Array,
    noise: Array,
    alf3_shift_wt_pct: Array,
) -> tuple[Array, Array]:
    cell = model.cell
    model = model._replace(
        cell=cell._replace(excess_alf3_wt_pct=cell.excess_alf3_wt_pct + alf3_shift_wt_pct)
    )
    least = jnp.full(len(ESTIMATED), -jnp.inf)
    for at, value in _LEAST.items():
        least = least.at[at].set(value)
    own: Callable[..., Array] = jax.vmap(
        lambda x, *drive: advance_estimate(model, x, *drive), (0, None, None, None)
    )
    show: Callable[..., Array] = jax.vmap(lambda x, current: _show(model, x, current), (0, None))
    dt_s = jnp.asarray(STEP_S)

    def step(x: Array, drive: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        feed, moved, current, disturbed = drive
        x = own(x.at[:, ACD].add(moved), feed, current, dt_s) + disturbed
        x = jnp.maximum(x, least[None, :])
        return x, (x, show(x, current))

    start = start.at[:, ALF3].add(alf3_shift_wt_pct)
    _, (states, shown) = jax.lax.scan(step, start, (feed_kg_per_h, moved_cm, current_ka, noise))
    first = show(start.at[:, ACD].add(moved_cm[0]), current_ka[0])
    return (
        jnp.concatenate([start[None], states]),
        jnp.concatenate([first[None], shown]),
    )


def _show(model: FilterModel, x: Array, current_ka: Array) -> Array:
    seen = evaluate_estimate(model.cell, x, current_ka)
    return jnp.stack(
        [
            x[ALUMINA],
            seen.superheat_c,
            x[LEDGE],
            x[ACD],
            seen.cell_voltage_v,
            x[ESTIMATED.index("bath_temperature_c")],
            seen.noise_mv,
            seen.current_efficiency,
            3600.0 * seen.metal_kg_per_s,
        ]
    )
