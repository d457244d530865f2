"""Transport in the bath against closed forms, and its order in space and time."""

from itertools import pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from scipy.special import erfc

from physics.alumina import AluminaConstants
from physics.fields.grid import Grid, compute_centres_m, make_grid
from physics.fields.sdirk import NODES, RunStatus
from physics.fields.transport import (
    TransportInputs,
    TransportSetting,
    TransportState,
    compute_liquid_m3,
    compute_open_conductances,
    compute_outflow_kg_per_s,
    compute_solutes_wt_pct,
    compute_transport_terms,
    make_transport_setting,
    make_transport_state,
)
from physics.fields.transport_run import lead_inputs, run_transport
from physics.fields.transport_step import step_transport

STILL = AluminaConstants(*(jnp.asarray(x) for x in (0.6, 0.0, 0.0, 0.0)))
ROD = (200, 1, 1)
step_of = jax.jit(step_transport)


def _inputs(shape: tuple[int, int, int]) -> TransportInputs:
    nothing = jnp.zeros(shape)
    return TransportInputs(
        nothing, nothing, nothing, jnp.ones(shape), jnp.asarray(8.0, dtype=float)
    )


def _rod(width_m: Array, diffusivity: float, constants: AluminaConstants) -> TransportSetting:
    grid = make_grid(width_m, [1.0], [1.0])
    return make_transport_setting(grid, np.ones(ROD), constants, 0.0, diffusivity)


@pytest.mark.slow
def test_diffusion_from_a_step_is_the_error_function() -> None:
    """A step from twice c0 to nothing keeps c0 at its middle: beyond it c / c0 is erfc."""
    fine = 1e-3 / 39.5  # so that the centre of the fortieth box is at 1 mm
    half = np.concatenate([np.full(40, fine), fine * 1.075 ** np.arange(1, 61)])
    diffusivity = 1.5e-9
    setting = _rod(jnp.concatenate([half[::-1], half]), diffusivity, STILL)
    inputs = _inputs(ROD)
    twice = jnp.where(jnp.arange(200) < 100, 2.0, 0.0).reshape(ROD)
    state = make_transport_state(setting, twice, twice, inputs.liquid_share)
    drive = lead_inputs(inputs, inputs, 0.0, 3600.0)
    x_m = np.cumsum(half) - 0.5 * half
    reached_s, step_s = 0.0, 0.01
    for time_s, at_1_mm in ((60.0, 0.018422), (600.0, 0.456057), (3600.0, 0.760907)):
        run = run_transport(setting, state, drive, reached_s, time_s, step_s, 1e-5)
        assert int(run.status) == RunStatus.DONE
        state, reached_s, step_s = run.state, time_s, float(run.step_s)
        wt_pct = np.asarray(compute_solutes_wt_pct(setting, run.state, inputs.liquid_share))
        for solute in (wt_pct[0, 100:, 0, 0], wt_pct[2, 100:, 0, 0]):
            assert solute[39] == pytest.approx(at_1_mm, rel=5e-3)
            exact = erfc(x_m / (2.0 * np.sqrt(diffusivity * time_s)))
            seen = exact > 0.01
            np.testing.assert_allclose(solute[seen], exact[seen], rtol=5e-3)


def test_a_pulse_in_a_stirred_bath_dissolves_as_the_closed_form_says() -> None:
    share, rate_per_s, pulse_kg, use_kg_per_s = 0.6, 0.002, 20.0, 0.05
    constants = STILL._replace(dissolution_per_s=jnp.asarray(rate_per_s))
    setting = _rod(jnp.full(200, 7.0 / 200), 5e-3, constants)
    bath_kg = float(setting.volume_m3.sum() * setting.bath_density_kg_per_m3)
    each = jnp.full(ROD, 1.0 / 200)
    inputs = _inputs(ROD)._replace(consumption_kg_per_s=use_kg_per_s * each)
    before = make_transport_state(setting, 2.8, 11.0, inputs.liquid_share)
    state = before._replace(
        dissolved_kg=before.dissolved_kg + (1.0 - share) * pulse_kg * each,
        undissolved_kg=share * pulse_kg * each,
    )
    drive = lead_inputs(inputs, inputs, 0.0, 1200.0)
    for time_s in (60.0, 600.0, 1200.0):
        run = run_transport(setting, state, drive, 0.0, time_s, 1.0, 1e-5)
        risen = (run.state.dissolved_kg.sum() - before.dissolved_kg.sum()) / bath_kg * 100.0
        dissolved_kg = pulse_kg * (1.0 - share * np.exp(-rate_per_s * time_s))
        expected = 100.0 * (dissolved_kg - use_kg_per_s * time_s) / bath_kg
        assert float(risen) == pytest.approx(expected, rel=1e-4)


def test_feeders_mix_within_minutes() -> None:
    """A shot at one of three feeders, 2.3 m apart, is felt at the next within minutes."""
    setting = _rod(jnp.full(200, 7.0 / 200), 5e-3, STILL)
    inputs = _inputs(ROD)
    x_m = (np.arange(200) + 0.5) * 7.0 / 200
    shot = jnp.asarray(np.abs(x_m - 1.2) < 0.15, dtype=float).reshape(ROD)
    state = make_transport_state(setting, shot, 0.0, inputs.liquid_share)
    final = float(shot.mean())
    drive = lead_inputs(inputs, inputs, 0.0, 1800.0)
    times_s, at_next = np.arange(0.0, 1801.0, 60.0), [0.0]
    for begin_s, end_s in pairwise(times_s):
        run = run_transport(setting, state, drive, begin_s, end_s, 1.0)
        state = run.state
        wt_pct = compute_solutes_wt_pct(setting, run.state, inputs.liquid_share)
        at_next.append(float(wt_pct[0, 100, 0, 0]))
    half_s = np.interp(0.5 * final, at_next, times_s)
    assert 60.0 < half_s < 1200.0


# --- manufactured solutions -------------------------------------------------------------------

BETWEEN = AluminaConstants(*(jnp.asarray(x) for x in (1.0, 0.02, 0.005, 0.0)))
LOSS = 0.02


PLATE = 48


def _plate(count: int) -> tuple[Grid, TransportSetting]:
    """A slice with boxes of smoothly changing width and a diffusivity that changes too.

    Side by side stand as many squares of `count` boxes a side, each the mirror of the next, as make
    48: all grids have one shape and share one compilation.
    """
    edge = np.linspace(0.0, 1.0, count + 1)
    width = np.tile(np.diff(edge + 0.1 * np.sin(2.0 * np.pi * edge)), PLATE // count)
    grid = make_grid(width, [1.0], width)
    x, _, _ = (np.asarray(one) for one in compute_centres_m(grid))
    diffusivity = np.broadcast_to(_diffusivity(x)[:, None, None], grid.shape)
    return grid, make_transport_setting(
        grid, np.ones(grid.shape), BETWEEN, LOSS, diffusivity, 100.0
    )


def _diffusivity(x: np.ndarray) -> np.ndarray:
    return 0.02 * (1.0 + 0.5 * np.cos(np.pi * x))


class Wave(NamedTuple):
    """Level + growth t wave(x, z) of each solute: linear in time, which adds no error."""

    setting: TransportSetting
    wave: np.ndarray
    outflow: np.ndarray  # minus div(D grad wave)
    level: np.ndarray = np.array([3.0, 2.0, 10.0]).reshape(3, 1, 1, 1)  # kg/m3
    growth: np.ndarray = np.array([0.05, 0.04, 0.06]).reshape(3, 1, 1, 1)  # kg/m3/s

    @property
    def volume_m3(self) -> np.ndarray:
        return np.asarray(self.setting.volume_m3)

    def masses_at(self, time_s: float) -> np.ndarray:
        return self.volume_m3 * (self.level + self.growth * time_s * self.wave)

    def inputs_at(self, time_s: float) -> TransportInputs:
        """What makes the solution one: feed the undissolved, consumption the dissolved."""
        change = self.volume_m3 * self.growth * (self.wave + time_s * self.outflow)
        undissolved = self.masses_at(time_s)[1]
        leaving_per_s = float(BETWEEN.dissolution_per_s + BETWEEN.settling_per_s)
        feed = change[1] + leaving_per_s * undissolved
        return _inputs(feed.shape)._replace(
            feed_kg_per_s=feed,
            consumption_kg_per_s=float(BETWEEN.dissolution_per_s) * undissolved - change[0],
            alf3_kg_per_s=change[2] + LOSS * feed,
        )


def _make_wave(count: int) -> Wave:
    grid, setting = _plate(count)
    x, _, z = (np.asarray(one) for one in compute_centres_m(grid))
    x, z = x[:, None, None], z[None, None, :]
    wave = np.cos(np.pi * x) * np.cos(2.0 * np.pi * z)
    slope = -np.pi * np.sin(np.pi * x) * np.cos(2.0 * np.pi * z)
    steepening = -0.02 * 0.5 * np.pi * np.sin(np.pi * x)  # dD/dx
    return Wave(setting, wave, _diffusivity(x) * 5.0 * np.pi**2 * wave - steepening * slope)


@pytest.mark.slow
def test_order_in_space_is_two() -> None:
    errors = []
    for count in (12, 24):
        wave = _make_wave(count)
        state = TransportState(*jnp.asarray(wave.masses_at(0.0)), jnp.zeros((PLATE, 1)))
        for number in range(4):
            stages = [wave.inputs_at(2.0 * (number + node)) for node in NODES]
            inputs = jax.tree.map(lambda *both: jnp.stack(both), *stages)
            step = step_of(wave.setting, state, inputs, 2.0, 1e-6)
            assert bool(step.is_solved)
            state = step.state
        wrong = (np.stack(state[:3]) - wave.masses_at(8.0)) / wave.volume_m3
        errors.append(np.sqrt((wrong**2 * wave.volume_m3).sum(axis=(1, 2, 3))) * count / PLATE)
    orders = np.log2(np.array(errors)[:-1] / np.array(errors)[1:])
    assert orders.min() >= 1.9


def test_order_in_time_is_two() -> None:
    """Dissolution within its band, and a bath of which a part freezes; exact in space."""
    grid, setting = _plate(12)
    x, _, z = compute_centres_m(grid)
    wave = jnp.cos(jnp.pi * x)[:, None, None] * jnp.cos(jnp.pi * z)[None, None, :]
    freezing = jnp.where(x < 0.3, 0.7, 0.0)[:, None, None] * jnp.ones(grid.shape)
    duration_s = 20.0

    def concentrations_at(t: Array) -> Array:
        swing = jnp.sin(0.25 * t)
        return jnp.stack(
            [7.75 + 0.1 * swing * wave, 2.0 + 0.5 * swing * wave, 10.0 + jnp.cos(0.3 * t) * wave]
        )

    def share_at(t: Array) -> Array:
        return 1.0 - freezing * t / duration_s

    def masses_at(t: Array) -> Array:
        return concentrations_at(t) * compute_liquid_m3(setting, share_at(t))[None]

    @jax.jit
    @jax.vmap
    def inputs_at(t: Array) -> TransportInputs:
        _, change = jax.jvp(masses_at, (t,), (jnp.ones_like(t),))
        quiet = _inputs(grid.shape)._replace(liquid_share=share_at(t))
        now = concentrations_at(t)
        terms = compute_transport_terms(setting, quiet, now, jnp.zeros(grid.shape[:2]))
        conductance = compute_open_conductances(setting, quiet.liquid_share)
        asked = change + compute_outflow_kg_per_s(conductance, now) - terms.source_kg_per_s
        return quiet._replace(
            feed_kg_per_s=asked[1],
            consumption_kg_per_s=-asked[0],
            alf3_kg_per_s=asked[2] + LOSS * asked[1],
        )

    errors = []
    for steps in (40, 80, 160):  # a step no longer than diffusion across a box
        dt_s = duration_s / steps
        start = masses_at(jnp.asarray(0.0))
        state = TransportState(*start, jnp.zeros(grid.shape[:2]))
        for number in range(steps):
            stages = inputs_at((number + jnp.asarray(NODES)) * dt_s)
            step = step_of(setting, state, stages, dt_s, 1e-6)
            assert bool(step.is_solved)
            state = step.state
        wrong = jnp.stack(state[:3]) - masses_at(jnp.asarray(duration_s))
        errors.append(np.sqrt(np.asarray((wrong**2).sum(axis=(1, 2, 3)))))
    orders = np.log2(np.array(errors)[:-1] / np.array(errors)[1:])
    assert orders.min() >= 1.9
