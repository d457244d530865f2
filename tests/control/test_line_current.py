"""The current of a line over the hours: metal before price, limits before both."""

import numpy as np
import pytest
from numpy.typing import NDArray

from control.line_current import (
    LineLimits,
    LineNature,
    LineSchedule,
    LineStatus,
    schedule_current,
)

NATURE = LineNature(
    cells=240,
    counter_voltage_v=1.65,
    resistance_uohm=8.5,
    metal_kg_per_ka_h=0.3356 * 0.945,
    nominal_ka=300.0,
)
LIMITS = LineLimits(low_ka=270.0, high_ka=315.0)
HOURS = 48
PRICES = 50.0 + 30.0 * np.sin(np.arange(HOURS) / 24.0 * 2.0 * np.pi)
FREE = np.full(HOURS, np.inf)
NOMINAL_T = float(NATURE.metal_t(np.full(HOURS, 300.0)).sum())


def limited(mw: float = 285.0) -> NDArray[np.float64]:
    limit = FREE.copy()
    limit[30:34] = mw
    return limit


def schedule(
    target_t: float = NOMINAL_T,
    price: NDArray[np.float64] = PRICES,
    limit_mw: NDArray[np.float64] = FREE,
    now_ka: float = 300.0,
    limits: LineLimits = LIMITS,
) -> LineSchedule:
    return schedule_current(NATURE, limits, now_ka, target_t, price, limit_mw)


def test_power_and_current_are_inverse() -> None:
    currents = np.array([1.0, 270.0, 300.0, 315.0])
    np.testing.assert_allclose(NATURE.current_at_ka(NATURE.power_mw(currents)), currents)
    assert NATURE.power_mw(np.array([300.0]))[0] == pytest.approx(240 * 4.2 * 300.0 / 1e3)


def test_constant_prices_ask_for_constant_current() -> None:
    plan = schedule(price=np.full(HOURS, 50.0))
    assert plan.status is LineStatus.PLANNED
    # A little less than was asked for is within the tolerance, and cheaper.
    np.testing.assert_allclose(plan.current_ka, plan.current_ka[0], atol=0.5)
    assert plan.current_ka.mean() == pytest.approx(300.0, rel=0.003)


def test_current_goes_where_power_is_cheap_within_every_limit() -> None:
    plan = schedule(limit_mw=limited())
    assert plan.status is LineStatus.PLANNED
    assert plan.cost < plan.flat_cost
    assert plan.current_ka[PRICES < 40].mean() > plan.current_ka[PRICES > 60].mean() + 5.0
    assert plan.metal_t.sum() == pytest.approx(NOMINAL_T, rel=0.02 / 10)
    assert np.all(plan.power_mw[30:34] <= 285.0 + 1e-6)
    assert np.all(np.abs(np.diff(np.r_[300.0, plan.current_ka])) <= LIMITS.ramp_ka_per_h + 1e-6)
    windows = np.lib.stride_tricks.sliding_window_view(plan.current_ka, LIMITS.thermal_window_h)
    assert np.all(np.abs(windows.mean(axis=1) - 300.0) <= 0.03 * 300.0 + 1e-6)
    assert f"{plan.metal_t.sum():.1f} t" in plan.reason


def test_shadow_prices_are_what_a_change_does_to_the_objective() -> None:
    limit = limited()
    plan = schedule(limit_mw=limit)
    step = 0.02
    assert plan.power_limit_worth[30] > 1.0
    for hour in (30, 31, 32, 33):
        bump = np.zeros(HOURS)
        bump[hour] = step
        worse, better = schedule(limit_mw=limit - bump), schedule(limit_mw=limit + bump)
        worth = (worse.objective - better.objective) / (2.0 * step)
        assert plan.power_limit_worth[hour] == pytest.approx(worth, rel=0.02)
    more, less = (
        schedule(NOMINAL_T + 0.1, limit_mw=limit),
        schedule(NOMINAL_T - 0.1, limit_mw=limit),
    )
    price = (more.objective - less.objective) / 0.2
    assert plan.metal_price_per_t == pytest.approx(price, rel=0.01)
    np.testing.assert_allclose(plan.power_limit_worth[:30], 0.0, atol=1e-3)


@pytest.mark.parametrize(("share", "status"), [(1.1, LineStatus.SHORT), (0.85, LineStatus.SURPLUS)])
def test_what_cannot_be_made_is_said(share: float, status: LineStatus) -> None:
    plan = schedule(target_t=share * NOMINAL_T)
    assert plan.status is status
    assert plan.status.value.capitalize() in plan.reason
    assert np.all((plan.current_ka >= 270.0) & (plan.current_ka <= 315.0))


def test_a_power_limit_below_the_lowest_current_has_no_schedule() -> None:
    plan = schedule(limit_mw=limited(100.0))
    assert plan.status is LineStatus.INFEASIBLE
    assert not plan.status.has_schedule
    assert len(plan.current_ka) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_prices_that_are_none_are_refused(bad: float) -> None:
    price = PRICES.copy()
    price[3] = bad
    assert schedule(price=price).status is LineStatus.BAD_INPUT
    assert schedule(now_ka=np.nan).status is LineStatus.BAD_INPUT
    assert schedule(limit_mw=FREE[:-1]).status is LineStatus.BAD_INPUT


def test_a_current_far_from_its_range_comes_back_without_losing_the_schedule() -> None:
    plan = schedule(now_ka=200.0)
    assert plan.status.has_schedule
    assert np.all(plan.current_ka >= 270.0)


def test_limits_may_be_written_as_whole_numbers() -> None:
    whole = LineLimits(low_ka=270, high_ka=315)
    np.testing.assert_allclose(
        schedule(limit_mw=limited(), limits=whole).current_ka,
        schedule(limit_mw=limited()).current_ka,
    )
