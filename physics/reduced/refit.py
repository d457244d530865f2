"""Weights fitted to whole replays: a reduced cell is judged by where it has come to after days.

Least squares on the rates make every step as good as can be, and let what is left of it pile up
over hours. Here the weights go on from there to what errs least over whole replays, each error as a
share of what is tolerated. The first rounds gain most, the later ones fit what is peculiar to the
trajectories learnt from; so after how many it is best is asked in cross-validation
(docs/decisions/0012).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from scipy.optimize import minimize

from physics.reduced.field_cell import BATH, FieldCell, Shown, advance, count_states, show
from physics.reduced.replay import BARS, encode
from physics.reduced.snapshots import Samples

ROUNDS: Final = (15, 30, 60)  # to stop after; after 150 what is held out errs more than after 60
_REMEMBERED: Final = 30  # rounds that the curvature is drawn from
_AWAY_FROM_RATES: Final = 1e-3  # design value: on a squared weight that leaves the rates' own
_UNSTABLE: Final = 1e6  # what weights cost that run away


class _Aim(NamedTuple):
    """A trajectory as a replay is compared with it; (T, S, ...) for all of them together."""

    states: Array  # (S, X)
    drives: Array  # (S, 5)
    alumina_wt_pct: Array  # (S,), as the others
    bath_temperature_c: Array
    cell_voltage_v: Array
    ledge_m: Array  # mean of the side
    above_ambient_c: Array  # scalar, root mean square of the field


def refit_rates(
    cell: FieldCell,
    trajectories: Sequence[Samples],
    every_s: float,
    rounds: Sequence[int] = ROUNDS,
    told: Callable[[], None] | None = None,
) -> list[FieldCell]:
    """Fit the weights of a reduced cell's rates to whole replays.

    Args:
        cell: whose rates are fitted.
        trajectories: to learn from, all of one length.
        every_s: between samples.
        rounds: after how many to look, rising.
        told: called after each of them, and for those that were not needed.

    Returns:
        The cell after each of these; with the weights of the last round there was where no more
        were needed, as it was where it does not stay finite.

    Source:
        Liu and Nocedal 1989 (L-BFGS), gradients through the replay.
    """
    aims = jax.tree.map(
        lambda *parts: jnp.stack(parts), *[_make_aim(cell, run) for run in trajectories]
    )
    start = cell.operators.weight
    every = jnp.asarray(every_s)

    def judge(weights: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, Any]:
        cost, slope = _judge(jnp.asarray(weights.reshape(start.shape)), cell, aims, every)
        if not (np.isfinite(cost) and np.all(np.isfinite(slope))):
            return _UNSTABLE, np.zeros_like(weights)
        return float(cost), np.asarray(slope).ravel()

    passed = [np.asarray(start).ravel()]

    def keep(weights: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        passed.append(np.array(weights))
        if told is not None:
            told()

    minimize(
        judge,
        passed[0],
        jac=True,
        method="L-BFGS-B",
        callback=keep,
        options={"maxiter": max(rounds), "maxcor": _REMEMBERED},
    )
    if told is not None:
        for _ in range(max(rounds) + 1 - len(passed)):
            told()
    looked_at = [jnp.asarray(passed[min(count, len(passed) - 1)]) for count in rounds]
    return [
        cell._replace(operators=cell.operators._replace(weight=weight.reshape(start.shape)))
        for weight in looked_at
    ]


def _make_aim(cell: FieldCell, run: Samples) -> _Aim:
    above_c = run.temperature_c - cell.parameters.ambient_temperature_c
    squares = jnp.sum(cell.temperature.weight[None, :] * above_c**2, axis=1)
    return _Aim(
        states=encode(cell, run),
        drives=run.drives,
        alumina_wt_pct=run.alumina_wt_pct,
        bath_temperature_c=run.bath_temperature_c,
        cell_voltage_v=run.cell_voltage_v,
        ledge_m=run.ledge_m.mean(axis=1),
        above_ambient_c=jnp.sqrt(jnp.mean(squares)),
    )


def _cost(weight: Array, cell: FieldCell, aims: _Aim, every_s: Array) -> Array:
    """Mean over trajectories of the squared shares of what is tolerated, and the penalty."""
    tried = cell._replace(operators=cell.operators._replace(weight=weight))
    shares = jax.vmap(_share, in_axes=(None, 0, None))(tried, aims, every_s)
    away = jnp.sum((weight - cell.operators.weight) ** 2)
    cost: Array = jnp.mean(shares) + _AWAY_FROM_RATES * away
    return cost


def _share(cell: FieldCell, aim: _Aim, every_s: Array) -> Array:
    """Sum over what is shown of the mean squared error of a replay, as a share of its bar."""

    @jax.checkpoint
    def step(state: Array, pair: tuple[Array, Array]) -> tuple[Array, Array]:
        moved = advance(cell, state, *pair, every_s)
        return moved, moved

    _, moved = jax.lax.scan(step, aim.states[0], (aim.drives[:-1], aim.drives[1:]))
    states = jnp.concatenate([aim.states[:1], moved])
    shown: Shown = jax.vmap(show, in_axes=(None, 0, 0))(cell, states, aim.drives)
    # modes are orthonormal: a difference of coordinates is that of the fields
    first = count_states(cell) - int(cell.temperature.modes.shape[1])
    missed = jnp.sum((states - aim.states)[:, first:] ** 2, axis=1)
    errors = {
        "field": jnp.sqrt(missed) / aim.above_ambient_c,
        "bath_temperature_c": states[:, BATH] - aim.bath_temperature_c,
        "ledge_mm": 1e3 * (shown.ledge_m - aim.ledge_m),
        "alumina_wt_pct": shown.alumina_wt_pct - aim.alumina_wt_pct,
        "voltage_mv": 1e3 * (shown.cell_voltage_v - aim.cell_voltage_v),
    }
    total: Array = sum(
        (jnp.mean((error / BARS[name]) ** 2) for name, error in errors.items()), jnp.zeros(())
    )
    return total


_judge = jax.jit(jax.value_and_grad(_cost))
