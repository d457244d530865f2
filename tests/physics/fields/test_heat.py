"""Heat in a cell: orders, balance, fronts, and failures that are statuses."""

import itertools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from jax.tree_util import Partial

from physics.fields.grid import (
    Grid,
    compute_centres_m,
    compute_volumes_m3,
    make_equal_grid,
    make_grid,
)
from physics.fields.heat import (
    Contents,
    HeatInputs,
    HeatSetting,
    HeatState,
    compute_enthalpy,
    compute_temperature_c,
    make_heat_inputs,
    make_heat_setting,
)
from physics.fields.heat_balance import (
    HeatBalance,
    compute_balance,
    compute_ways,
    find_fronts,
    largest_explicit_step_s,
)
from physics.fields.heat_run import HeatRun, run_heat
from physics.fields.heat_sorting import make_heat_state, sort_boxes
from physics.fields.heat_stage import solve_stage
from physics.fields.heat_step import step_heat
from physics.fields.sdirk import NODES, RunStatus
from physics.fields.surroundings import make_sides

DAY_S = 86400.0
RISE, AT, FILM = 5e-3, 20.0, 3.0  # of the manufactured conductivity, and of its side


def _manufacture(x: Array, z: Array) -> Array:
    return 20.0 + 10.0 * jnp.cos(math.pi * x + 0.4) * jnp.cos(math.pi * z)


def _conductivity(x: Array, z: Array) -> Array:
    return 1.0 + RISE * (_manufacture(x, z) - AT)


def _flux(axis: int) -> Callable[[Array, Array], Array]:
    return lambda x, z: -_conductivity(x, z) * jax.grad(_manufacture, axis)(x, z)


def _miss_manufactured(grid: Grid) -> float:
    """Solve one stage of which the exact solution is known; error in 2-norm, K."""
    x, _, z = compute_centres_m(grid)
    xs, zs = (a.ravel() for a in jnp.meshgrid(x, z, indexing="ij"))
    source = jax.vmap(lambda a, b: jax.grad(_flux(0), 0)(a, b) + jax.grad(_flux(1), 1)(a, b))(
        xs, zs
    ).reshape(grid.shape)
    exact = jax.vmap(_manufacture)(xs, zs).reshape(grid.shape)
    setting = make_heat_setting(
        grid,
        1.0,
        1.0,
        conductivity_rise_per_k=RISE,
        conductivity_at_c=AT,
        convection_w_per_m2_k=make_sides(grid, x_low=FILM, x_high=FILM),
    )
    ends = [jnp.full_like(z, 0.0), jnp.full_like(z, 1.0)]
    surface = [jax.vmap(_manufacture)(end, z) for end in ends]
    outwards = [
        sign * jax.vmap(_flux(0))(end, z) for sign, end in zip((-1.0, 1.0), ends, strict=True)
    ]
    low, high = ((s - q / FILM)[None, :] for s, q in zip(surface, outwards, strict=True))
    inputs = make_heat_inputs(
        grid, source_w_per_m3=source, ambient_c=make_sides(grid, x_low=low, x_high=high)
    )
    none, tight = jnp.zeros(grid.shape), jnp.full(grid.shape, 1e-8)
    stage = jax.jit(solve_stage)(
        setting,
        Contents(exact, none, none),
        make_heat_state(setting, exact, inputs.liquidus_c),
        inputs,
        10.0,
        Contents(tight, tight, tight),
    )
    assert float(stage.norm) <= 1.0
    volumes = compute_volumes_m3(grid)
    return float(jnp.sqrt(jnp.sum(volumes * (stage.state.temperature_c - exact) ** 2)))


@pytest.mark.slow
def test_space_is_of_second_order() -> None:
    for grading in (0.0, 0.6):
        misses = []
        for boxes in (8, 16):
            at = np.linspace(0.0, 1.0, boxes + 1)
            widths = np.diff(at + grading * np.sin(2.0 * math.pi * at) / (2.0 * math.pi))
            misses.append(_miss_manufactured(make_grid(widths, [1.0], widths)))
        orders = np.log2(np.array(misses[:-1]) / np.array(misses[1:]))
        assert np.all(orders >= 1.9), (grading, misses)


def _swing(setting: HeatSetting, time_s: Array) -> HeatInputs:
    x, _, z = compute_centres_m(setting.grid)
    shape = jnp.cos(math.pi * x)[:, None, None] * jnp.cos(math.pi * z)[None, None, :]
    return make_heat_inputs(setting.grid, source_w_per_m3=50.0 * jnp.sin(6.0 * time_s) * shape)


@jax.jit
def _march(setting: HeatSetting, start: Array, steps: Array) -> Array:
    """One second in equal steps."""
    dt = 1.0 / steps

    def advance(index: Array, state: HeatState) -> HeatState:
        times = (index + jnp.asarray(NODES)) * dt
        inputs = jax.vmap(lambda time_s: _swing(setting, time_s))(times)
        return step_heat(setting, state, inputs, dt, 1e-9).state

    begun = make_heat_state(setting, start, 0.0)
    return jax.lax.fori_loop(0, steps, advance, begun).temperature_c


def test_time_is_of_second_order() -> None:
    grid = make_equal_grid((1.0, 1.0, 1.0), (6, 1, 5))
    setting = make_heat_setting(
        grid,
        0.1,
        1.0,
        conductivity_rise_per_k=RISE,
        convection_w_per_m2_k=make_sides(grid, x_low=1.0),
        emissivity=make_sides(grid, z_high=0.1),
    )
    start = _swing(setting, jnp.asarray(0.25)).source_w_per_m3
    ends = [_march(setting, start, jnp.asarray(steps)) for steps in (20, 40, 80)]
    misses = [float(jnp.linalg.norm(a - b)) for a, b in itertools.pairwise(ends)]
    assert math.log2(misses[0] / misses[1]) == pytest.approx(2.0, abs=0.15)


@pytest.fixture(scope="module")
def small_cell() -> tuple[HeatSetting, HeatState, HeatInputs]:
    """Bath between a metal pad below and a wall beside it, heated, in a shell that radiates."""
    grid = make_equal_grid((0.3, 0.1, 0.2), (8, 1, 6))
    x, _, z = (np.asarray(centre) for centre in compute_centres_m(grid))
    is_wall = np.broadcast_to((x > 0.22)[:, None, None], grid.shape)
    is_metal = ~is_wall & (z < 0.07)[None, None, :]
    can_freeze = ~is_wall & ~is_metal
    setting = make_heat_setting(
        grid,
        np.where(is_wall, 8.0, np.where(is_metal, 1000.0, 2.0)),
        np.where(is_metal, 2.5e6, 3.7e6),
        conductivity_rise_per_k=np.where(is_wall, 3e-4, 0.0),
        liquid_conductivity_w_per_m_k=1500.0,
        latent_heat_j_per_m3=1.5e9,
        reference_c=960.0,
        can_freeze=can_freeze,
        is_wall=is_wall,
        front_film_m2_k_per_w=1.0 / 800.0,
        convection_w_per_m2_k=make_sides(grid, x_high=12.0),
        emissivity=make_sides(grid, x_high=0.8),
    )
    source = np.where(can_freeze, 2e5, 0.0)
    inputs = make_heat_inputs(grid, 955.0, source, make_sides(grid, x_high=35.0))
    temperature = jnp.where(jnp.asarray(is_wall), 600.0, 960.0)
    return setting, make_heat_state(setting, temperature, inputs.liquidus_c), inputs


def _drift(inputs: HeatInputs, time_s: Array) -> HeatInputs:
    """The liquidus swings by 4 K, as when alumina comes and goes."""
    swing = 4.0 * jnp.sin(2.0 * math.pi * time_s / 2e4)
    return inputs._replace(liquidus_c=inputs.liquidus_c + swing)


def _run(
    case: tuple[HeatSetting, HeatState, HeatInputs], seconds: float, most_steps: int
) -> HeatRun:
    setting, start, inputs = case
    return run_heat(
        setting, start, Partial(_drift, inputs), 0.0, seconds, 1.0, 0.1, jnp.asarray(most_steps)
    )


def test_no_heat_is_lost_in_a_day_of_freezing(
    small_cell: tuple[HeatSetting, HeatState, HeatInputs],
) -> None:
    setting, start, _ = small_cell
    run = _run(small_cell, DAY_S, 10_000)
    assert int(run.status) == RunStatus.DONE
    assert float(run.time_s) == DAY_S
    held, before = (compute_enthalpy(setting, state) for state in (run.state, start))
    gained = float(jnp.sum((held - before) * compute_volumes_m3(setting.grid)))
    through = float(run.source_j) + abs(float(run.outside_j))
    assert abs(gained - float(run.source_j - run.outside_j)) <= 1e-11 * through
    frozen = float(jnp.sum(run.state.frozen_share))
    assert 1.0 < frozen < float(jnp.sum(setting.can_freeze)) - 1.0


def test_a_failure_is_a_status(small_cell: tuple[HeatSetting, HeatState, HeatInputs]) -> None:
    setting, start, inputs = small_cell
    few = _run(small_cell, DAY_S, 5)
    assert int(few.status) == RunStatus.MOST_STEPS_USED
    assert int(few.steps + few.rejected) == 5
    assert 0.0 < float(few.time_s) < DAY_S
    spoilt = inputs._replace(source_w_per_m3=inputs.source_w_per_m3.at[2, 0, 3].set(jnp.nan))
    failed = _run((setting, start, spoilt), DAY_S, 10_000)
    assert int(failed.status) == RunStatus.NOT_FINITE
    np.testing.assert_array_equal(failed.state.temperature_c, start.temperature_c)
    for status in RunStatus:
        assert status.sentence


def test_other_numbers_compile_nothing_anew(
    small_cell: tuple[HeatSetting, HeatState, HeatInputs], compilations: list[str]
) -> None:
    setting, start, inputs = small_cell
    warmer = setting._replace(heat_capacity_j_per_m3_k=1.1 * setting.heat_capacity_j_per_m3_k)
    colder = start._replace(temperature_c=start.temperature_c - 1.0)
    other = (warmer, colder, inputs._replace(liquidus_c=inputs.liquidus_c - 3.0))
    _run(small_cell, 60.0, 3)
    compilations.clear()
    _run(other, 90.0, 4)
    assert not compilations


def test_boxes_are_given_the_temperatures_asked_for(
    small_cell: tuple[HeatSetting, HeatState, HeatInputs],
) -> None:
    setting, _, inputs = small_cell
    temperature = 900.0 + 120.0 * jax.random.uniform(jax.random.key(1), setting.grid.shape)
    state = make_heat_state(setting, temperature, inputs.liquidus_c)
    # frozen bath that melts at once shows the liquidus beside its ice; by share it is what it was
    np.testing.assert_allclose(compute_temperature_c(setting, state), temperature, rtol=1e-13)


def test_a_box_keeps_its_heat_when_its_liquidus_moves(
    small_cell: tuple[HeatSetting, HeatState, HeatInputs],
) -> None:
    setting, state, inputs = small_cell
    held = compute_enthalpy(setting, state)
    for rise_c in (-20.0, 20.0):  # the bath is at 960 degC, its liquidus at 955
        moved = sort_boxes(setting, state, inputs.liquidus_c + rise_c)
        np.testing.assert_allclose(compute_enthalpy(setting, moved), held, rtol=1e-12)
    frozen = float(jnp.sum(moved.frozen_share))
    assert frozen > 0.0, "bath 15 K below its liquidus freezes, in part"


def test_the_longest_explicit_step_is_that_of_textbooks() -> None:
    grid = make_equal_grid((1.0, 1.0, 1.0), (40, 1, 1))
    setting = make_heat_setting(grid, 2.0, 3.0)
    inputs = make_heat_inputs(grid)
    still = make_heat_state(setting, 0.0, 0.0)
    longest = float(largest_explicit_step_s(setting, still, inputs))
    assert longest == pytest.approx(3.0 * (1.0 / 40) ** 2 / (2.0 * 2.0))
    saw = jnp.asarray((-1.0) ** np.arange(40)).reshape(grid.shape)

    @jax.jit
    def march(dt: Array) -> Array:
        return jax.lax.fori_loop(
            0,
            400,
            # of heat capacity 3
            lambda _, t: t + dt * _balance(setting, t, inputs).rates.sensible_j_per_m3 / 3.0,
            saw,
        )

    assert float(jnp.abs(march(jnp.asarray(0.99 * longest))).max()) <= 1.0
    assert float(jnp.abs(march(jnp.asarray(1.02 * longest))).max()) > 1e3


@jax.jit
def _balance(setting: HeatSetting, temperature_c: Array, inputs: HeatInputs) -> HeatBalance:
    state = make_heat_state(setting, temperature_c, inputs.liquidus_c)
    ways = compute_ways(setting, state, find_fronts(setting, state))
    return compute_balance(setting, state, inputs, ways)


def test_a_side_radiates_from_its_surface() -> None:
    grid = make_equal_grid((0.2, 1.0, 1.0), (1, 1, 1))
    setting = make_heat_setting(
        grid,
        2.0,
        1.0,
        convection_w_per_m2_k=make_sides(grid, x_high=10.0),
        emissivity=make_sides(grid, x_high=0.8),
    )
    inputs = make_heat_inputs(grid, ambient_c=35.0)
    flux = float(_balance(setting, jnp.full(grid.shape, 500.0), inputs).outside_w)
    surface_c = 500.0 - flux * 0.1 / 2.0
    lost = 10.0 * (surface_c - 35.0) + 0.8 * 5.670374419e-8 * (
        (surface_c + 273.15) ** 4 - (35.0 + 273.15) ** 4
    )
    assert flux == pytest.approx(lost, rel=1e-9)


def test_a_value_that_is_none_is_refused() -> None:
    grid = make_equal_grid((1.0, 1.0, 1.0), (2, 1, 1))
    with pytest.raises(ValueError, match="conductivity_w_per_m_k is 0"):
        make_heat_setting(grid, 0.0, 1.0)
    with pytest.raises(ValueError, match="latent_heat_j_per_m3"):
        make_heat_setting(grid, 1.0, 1.0, can_freeze=True)
    with pytest.raises(ValueError, match="front_film_m2_k_per_w is -1"):
        make_heat_setting(grid, 1.0, 1.0, front_film_m2_k_per_w=-1.0)
