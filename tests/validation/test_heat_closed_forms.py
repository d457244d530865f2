"""Heat with freezing against closed forms: slab, Stefan, Neumann, and the ledge at rest.

All cases are lines of as many boxes, so that the run compiles once.
"""

import math

import numpy as np
import pytest

from physics.fields.grid import Grid, compute_centres_m, make_equal_grid, make_grid
from physics.fields.heat import (
    HeatInputs,
    HeatSetting,
    HeatState,
    compute_ledge_m,
    compute_temperature_c,
    make_heat_inputs,
    make_heat_setting,
)
from physics.fields.heat_run import hold, run_heat
from physics.fields.heat_sorting import make_heat_state
from physics.fields.sdirk import RunStatus
from physics.fields.surroundings import make_sides

BOXES = 100
STUCK = 1e9  # W/m2/K, of a side that is held at a temperature


def _run(
    setting: HeatSetting, start: HeatState, inputs: HeatInputs, seconds: float, tolerance_c: float
) -> HeatState:
    run = run_heat(setting, start, hold(inputs), 0.0, seconds, 1e-5 * seconds, tolerance_c)
    assert int(run.status) == RunStatus.DONE
    return run.state


def test_a_slab_warms_as_fourier_says() -> None:
    grid = make_equal_grid((1.0, 1.0, 1.0), (BOXES, 1, 1))
    setting = make_heat_setting(
        grid, 1.0, 1.0, convection_w_per_m2_k=make_sides(grid, x_high=STUCK)
    )
    inputs = make_heat_inputs(grid, ambient_c=1.0)
    x = np.asarray(compute_centres_m(grid)[0])
    order = np.arange(50)[:, None]
    root = (2 * order + 1) * math.pi / 2
    for fourier in (0.05, 0.1, 0.2, 0.5, 1.0):
        start = make_heat_state(setting, 0.0, 0.0)
        temperature_c = _run(setting, start, inputs, fourier, 1e-4).temperature_c
        terms = 2 / root * (-1.0) ** order * np.exp(-(root**2) * fourier) * np.cos(root * x)
        exact = 1.0 - terms.sum(axis=0)
        np.testing.assert_allclose(np.ravel(temperature_c), exact, atol=0.002)


@pytest.mark.parametrize("stefan", [0.1, 0.5, 1.0, 2.0])
def test_one_phase_freezes_as_stefan_says(stefan: float) -> None:
    grid = make_equal_grid((1.0, 1.0, 1.0), (BOXES, 1, 1))
    # ice needs something to grow on: the first box is of ice that does not melt
    is_wall = (np.arange(BOXES) == 0).reshape(grid.shape)
    setting = make_heat_setting(
        grid,
        1.0,
        1.0,
        latent_heat_j_per_m3=1.0 / stefan,
        can_freeze=~is_wall,
        is_wall=is_wall,
        convection_w_per_m2_k=make_sides(grid, x_low=STUCK),
    )
    inputs = make_heat_inputs(grid, ambient_c=-1.0)
    factor = _find_root(
        lambda a: a * math.exp(a * a) * math.erf(a) - stefan / math.sqrt(math.pi), 0.01, 2.0
    )
    depth_m = 0.6
    seconds = (depth_m / (2.0 * factor)) ** 2
    # so thin that what it holds at the beginning does not count
    start = make_heat_state(setting, np.where(is_wall, -0.5, 0.0), inputs.liquidus_c)
    grown_m = float(compute_ledge_m(setting, _run(setting, start, inputs, seconds, 1e-3))[0, 0])
    assert grown_m + 1.0 / BOXES == pytest.approx(depth_m, rel=0.01)


def test_two_phases_freeze_as_neumann_says() -> None:
    # frozen and liquid cryolite of one density; liquid conductivity a design value
    density, ks, kl, cs, cl, latent = 2790.0, 2.5, 0.8, 1320.0, 1881.0, 5.4e5
    wall_c, melting_c, far_c = 900.0, 960.0, 970.0
    alpha_s, alpha_l = ks / (density * cs), kl / (density * cl)
    ratio = math.sqrt(alpha_s / alpha_l)

    def miss(a: float) -> float:
        solid = math.exp(-a * a) / math.erf(a)
        liquid = math.exp(-((a * ratio) ** 2)) / math.erfc(a * ratio)
        drive = (far_c - melting_c) / (melting_c - wall_c)
        right = a * math.sqrt(math.pi) * latent / (cs * (melting_c - wall_c))
        return right - solid + kl / ks * ratio * drive * liquid

    factor = _find_root(miss, 0.01, 2.0)
    depth_m = 0.06
    seconds = (depth_m / (2.0 * factor)) ** 2 / alpha_s
    grid = make_equal_grid((0.3, 1.0, 1.0), (BOXES, 1, 1))
    setting = make_heat_setting(
        grid,
        ks,
        density * cs,
        liquid_conductivity_w_per_m_k=kl,
        liquid_heat_capacity_j_per_m3_k=density * cl,
        latent_heat_j_per_m3=density * latent,
        reference_c=melting_c,
        can_freeze=True,
        convection_w_per_m2_k=make_sides(grid, x_low=STUCK),
    )
    inputs = make_heat_inputs(grid, liquidus_c=melting_c, ambient_c=wall_c)
    state = _run(setting, make_heat_state(setting, far_c, inputs.liquidus_c), inputs, seconds, 0.02)
    ledge_m = float(compute_ledge_m(setting, state)[0, 0])
    assert ledge_m == pytest.approx(depth_m, rel=0.01)
    x = np.asarray(compute_centres_m(grid)[0])
    erf, erfc = np.vectorize(math.erf), np.vectorize(math.erfc)
    frozen_c = wall_c + (melting_c - wall_c) * erf(
        x / (2 * math.sqrt(alpha_s * seconds))
    ) / math.erf(factor)
    liquid_c = far_c - (far_c - melting_c) * erfc(
        x / (2 * math.sqrt(alpha_l * seconds))
    ) / math.erfc(factor * ratio)
    exact_c = np.where(x < depth_m, frozen_c, liquid_c)
    temperature_c = np.ravel(compute_temperature_c(setting, state))
    away = np.abs(x - depth_m) > 2.0 * 0.3 / BOXES
    np.testing.assert_allclose(temperature_c[away], exact_c[away], atol=0.5)


@pytest.mark.parametrize(("superheat_c", "seconds"), [(8.0, 6e5), (4.0, 2.5e6)])
@pytest.mark.parametrize(("first_box_m", "off_m"), [(0.026, 0.03), (0.038, -0.03)])
def test_the_ledge_comes_to_rest_where_its_heat_does(
    superheat_c: float, seconds: float, first_box_m: float, off_m: float
) -> None:
    k, film, lining, outer, liquidus_c, ambient_c = 2.0, 800.0, 0.0125, 25.0, 960.0, 35.0
    wall_m, wall_boxes = 0.1, 60
    widths = np.full(BOXES, 0.02)
    widths[:wall_boxes] = wall_m / wall_boxes
    widths[wall_boxes] = first_box_m
    grid = make_grid(widths, [1.0], [1.0])
    is_wall = (np.arange(BOXES) < wall_boxes).reshape(grid.shape)
    setting, inputs = _lay_ledge(
        grid, is_wall, k, film, wall_m / lining, outer, liquidus_c, ambient_c, superheat_c
    )
    flux = film * superheat_c
    exact_m = k * ((liquidus_c - ambient_c) / flux - lining - 1.0 / outer)
    # a ledge too thick or too thin, with the temperatures of one at rest
    start_m = exact_m + off_m
    depth = np.asarray(compute_centres_m(grid)[0]) - wall_m
    behind = 1.0 / outer + lining + np.where(depth < 0.0, lining * depth / wall_m, depth / k)
    share = behind / (1.0 / outer + lining + start_m / k)
    temperature = np.where(
        depth < start_m,
        ambient_c + share * (liquidus_c - ambient_c),
        liquidus_c + superheat_c,
    )
    start = make_heat_state(setting, temperature.reshape(grid.shape), inputs.liquidus_c)
    ledge_m = float(compute_ledge_m(setting, _run(setting, start, inputs, seconds, 1.0))[0, 0])
    assert ledge_m == pytest.approx(exact_m, rel=0.005)


def _lay_ledge(
    grid: Grid,
    is_wall: np.ndarray,
    conductivity: float,
    film: float,
    wall_conductivity: float,
    outer: float,
    liquidus_c: float,
    ambient_c: float,
    superheat_c: float,
) -> tuple[HeatSetting, HeatInputs]:
    """A wall, and bath beyond it that is stirred so well that the film is all that resists."""
    setting = make_heat_setting(
        grid,
        np.where(is_wall, wall_conductivity, conductivity),
        2790.0 * 1320.0,
        liquid_conductivity_w_per_m_k=1e7,
        liquid_heat_capacity_j_per_m3_k=2100.0 * 1767.0,
        latent_heat_j_per_m3=2790.0 * 5.4e5,
        reference_c=liquidus_c,
        can_freeze=~is_wall,
        is_wall=is_wall,
        front_film_m2_k_per_w=1.0 / film,
        convection_w_per_m2_k=make_sides(grid, x_low=outer, x_high=STUCK),
    )
    ambient = make_sides(grid, x_low=ambient_c, x_high=liquidus_c + superheat_c)
    return setting, make_heat_inputs(grid, liquidus_c=liquidus_c, ambient_c=ambient)


def _find_root(function: object, low: float, high: float) -> float:
    """Where a rising function passes through 0."""
    assert callable(function)
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if function(middle) > 0.0 else (middle, high)
    return 0.5 * (low + high)
