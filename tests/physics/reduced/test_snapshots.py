"""Plans fill what they may, and are the same for the same key."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from physics.reduced.snapshots import PlanRanges, plan_lines, plan_sines

RANGES = PlanRanges(
    line_current_ka=jnp.asarray([285.0, 315.0]),
    acd_cm=jnp.asarray([3.9, 4.5]),
    alumina_wt_pct=jnp.asarray([1.9, 4.5]),
    alf3_kg_per_h=jnp.asarray([0.0, 2.5]),
    ambient_temperature_c=jnp.asarray([15.0, 45.0]),
)
T_S = jnp.arange(400) * 300.0
LOW, HIGH = np.asarray(jnp.stack(list(RANGES))).T

Plan = Callable[[Array], Array]
PLANS = (
    partial(plan_lines, ranges=RANGES, t_s=T_S, knot_s=14400.0),
    partial(plan_sines, ranges=RANGES, t_s=T_S),
)


@pytest.mark.parametrize("plan", PLANS, ids=["lines", "sines"])
def test_every_drive_moves_within_its_range(plan: Plan) -> None:
    plans = np.stack([plan(jax.random.key(seed)) for seed in range(4)])
    assert np.all(plans >= LOW - 1e-9)
    assert np.all(plans <= HIGH + 1e-9)
    spread = (plans.max(axis=(0, 1)) - plans.min(axis=(0, 1))) / (HIGH - LOW)
    assert np.all(spread > 0.5)


@pytest.mark.parametrize("plan", PLANS, ids=["lines", "sines"])
def test_a_key_gives_one_plan(plan: Plan) -> None:
    first, again, other = (np.asarray(plan(jax.random.key(seed))) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.0


def test_no_drive_jumps() -> None:
    plan = np.asarray(plan_lines(jax.random.key(3), RANGES, T_S, 14400.0))
    share = np.abs(np.diff(plan, axis=0)) / (HIGH - LOW)
    assert share.max() <= 300.0 / 14400.0 + 1e-9  # from one end to the other takes a knot's time
