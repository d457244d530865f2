"""Electrode kinetics, a stack of layers, and manufactured potentials with nonlinear electrodes."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from physics.design import FARADAY_C_PER_MOL, PlantDesign
from physics.fields.electrodes import find_current
from physics.fields.grid import compute_centres_m, compute_volumes_m3, make_equal_grid
from physics.fields.krylov import SolveStatus
from physics.fields.potential import (
    PotentialSetting,
    PotentialTerm,
    compute_term,
    make_potential_setting,
)
from physics.fields.potential_solve import Line, init_potential, solve_potential, solve_term
from physics.parameters import CellParameters, make_parameters
from physics.voltage import (
    GAS_CONSTANT_J_PER_MOL_K,
    VoltageParts,
    compute_bubble_thickness_cm,
    compute_voltage_parts,
    invert_butler_volmer,
)
from tests.physics.fields.small_cells import make_inputs, make_row

TEMPERATURE_K = 1233.15  # 960 degC
PER_VOLT = FARADAY_C_PER_MOL / (GAS_CONSTANT_J_PER_MOL_K * TEMPERATURE_K)


@jax.jit
def _drive(overvoltage_v: Array, exchange: float, electrons: float) -> tuple[Array, Array]:
    """Density and slope at an electrode in series with a resistance, at a given overvoltage."""
    scale_v = 1.0 / (0.5 * electrons * PER_VOLT)
    resistance = 2.0
    exact = 2.0 * exchange * jnp.sinh(overvoltage_v / scale_v)
    found = find_current(
        lambda density: invert_butler_volmer(density / exchange, scale_v),
        overvoltage_v + resistance * exact,
        jnp.full(overvoltage_v.shape, resistance),
        jnp.zeros(overvoltage_v.shape),
    )
    return found.density / exchange, 1.0 / found.slope - resistance


def test_butler_volmer_to_rounding() -> None:
    overvoltage_v = jnp.asarray([-0.4, -0.01, 0.0, 0.001, 0.01, 0.1, 0.2, 0.4, 1.5])
    ratio, _ = _drive(overvoltage_v, 0.005, 1.0)
    exact = jnp.exp(0.5 * PER_VOLT * overvoltage_v) - jnp.exp(-0.5 * PER_VOLT * overvoltage_v)
    np.testing.assert_allclose(ratio, exact, rtol=1e-12, atol=1e-15)
    printed = [0.0094105, 0.0941394, 0.976157, 2.172443, 6.414968]
    np.testing.assert_allclose(ratio[3:8], printed, rtol=6e-6)


def test_butler_volmer_at_low_and_high_overvoltage() -> None:
    for electrons in (1.0, 2.0):
        ratio, resistance = _drive(jnp.asarray([1e-9, 2.0]), 0.005, electrons)
        # linear: a charge-transfer resistance RT / (n F i0)
        assert float(ratio[0]) == pytest.approx(1e-9 * electrons * PER_VOLT, rel=1e-12)
        assert float(resistance[0]) == pytest.approx(1.0 / (electrons * PER_VOLT * 0.005), rel=1e-9)
        # Tafel: i0 exp(alpha n F eta / RT)
        assert float(ratio[1]) == pytest.approx(np.exp(0.5 * electrons * PER_VOLT * 2.0), rel=1e-7)


@pytest.mark.parametrize(("transferred", "mv"), [(0.5, 489.37), (1.0, 244.68), (2.0, 122.34)])
def test_tafel_slope(transferred: float, mv: float) -> None:
    overvoltage_v = jnp.log(jnp.asarray([1e8, 1e9])) / (transferred * PER_VOLT)
    ratio, _ = _drive(overvoltage_v, 0.005, 2.0 * transferred)
    assert float(jnp.log10(ratio[1] / ratio[0])) == pytest.approx(1.0, rel=1e-9)
    assert 1e3 * float(overvoltage_v[1] - overvoltage_v[0]) == pytest.approx(mv, abs=0.01)


def test_a_stack_of_layers_has_the_lumped_voltage(reference: PlantDesign) -> None:
    setting = make_row(anode_count=1)
    parameters = make_parameters(reference)
    # a stack has the same area everywhere
    parameters = parameters._replace(cathode_area_cm2=parameters.anode_area_cm2)
    for current_ka, acd_m, alumina in (
        (300.0, 0.04121, 2.8),
        (340.0, 0.047, 2.1),
        (150.0, 0.05, 6.0),
    ):
        solution = solve_potential(
            setting,
            parameters,
            make_inputs(setting.grid, acd_m, alumina),
            current_ka,
            init_potential(setting),
        )
        assert int(solution.status) == SolveStatus.SOLVED
        lumped = compute_voltage_parts(parameters, current_ka, alumina, 956.0, 100.0 * acd_m)
        density = current_ka * 1e7 / float(parameters.anode_area_cm2)
        # carbon of 0.3 m and metal of 0.2 m, each with a contact beside the end box's centre
        expected = lumped._replace(
            anode_ohmic_v=jnp.asarray(density * (0.2 / 2e4 + 1e-6)),
            cathode_ohmic_v=jnp.asarray(density * (0.15 / 3.3e6 + 1e-6)),
        )
        for part in VoltageParts._fields:
            assert float(getattr(solution.voltage, part)) == pytest.approx(
                float(getattr(expected, part)), abs=1e-6
            ), part
        assert float(solution.cell_voltage_v) == pytest.approx(float(expected.total()), abs=1e-6)


# Manufactured: three layers of 0.05 m, one above the other, between two that hold a potential.

LAYER_M = 0.05
METAL_S_PER_M, ANODE_S_PER_M = 600.0, 1500.0
MEAN_A_PER_M2 = 7000.0
ALUMINA_WT_PCT = 2.8


def _make_setting(shape: tuple[int, int, int]) -> PotentialSetting:
    layer = np.broadcast_to(np.arange(shape[2]) * 3 // shape[2], shape)
    contact = np.ones(shape)
    return make_potential_setting(
        make_equal_grid((0.4, 0.3, 3.0 * LAYER_M), shape),
        np.where(layer == 0, METAL_S_PER_M, ANODE_S_PER_M),
        layer == 1,
        np.where(layer == 2, 0, -1),
        layer == 0,
        contact,
        contact,
        share=1.0,
        nominal_density_a_per_cm2=0.8,
    )


def _make_exact(term: PotentialTerm, has_y: bool) -> tuple[Callable[[Array], Array], ...]:
    """Potentials of metal, bath and anode at a point; fluxes and overvoltages meet between them."""
    first, second = LAYER_M, 2.0 * LAYER_M
    bath = term.anode.law.bath_s_per_cm[0] * 100.0
    anode_law = jax.tree.map(lambda column: column[0], term.anode.law)
    cathode_law = jax.tree.map(lambda column: column[0], term.cathode.law)
    reversible_v = term.anode.reversible_v[0]

    def wave(point: Array) -> Array:
        along = jnp.cos(jnp.pi * point[1] / 0.3) if has_y else 1.0
        return jnp.cos(jnp.pi * point[0] / 0.4) * along

    def at_cathode(point: Array) -> Array:
        return MEAN_A_PER_M2 * (1.0 - 0.3 * wave(point))

    def at_anode(point: Array) -> Array:
        return MEAN_A_PER_M2 * (1.0 + 0.4 * wave(point))

    def metal(point: Array) -> Array:
        z = point[2] - first
        return (
            0.5
            + 0.1 * wave(point) * (1.0 + (z / 0.03) ** 2)
            + at_cathode(point) * z / METAL_S_PER_M
        )

    def in_bath(point: Array) -> Array:
        z = point[2] - first
        low = metal(point.at[2].set(first)) + cathode_law.compute_overvoltage_v(
            at_cathode(point) / 1e4
        )
        bend = (at_anode(point) - at_cathode(point)) / (2.0 * LAYER_M * bath)
        bump = 0.2 * wave(point) * (z * (point[2] - second)) ** 2 / LAYER_M**4
        return low + at_cathode(point) * z / bath + bend * z**2 + bump

    def anode(point: Array) -> Array:
        z = point[2] - second
        low = in_bath(point.at[2].set(second)) + reversible_v
        low = low + anode_law.compute_overvoltage_v(at_anode(point) / 1e4)
        return low + at_anode(point) * z / ANODE_S_PER_M + 0.1 * wave(point) * (z / 0.03) ** 2

    return metal, in_bath, anode


@jax.jit
def _manufacture(
    parameters: CellParameters, setting: PotentialSetting
) -> tuple[Array, Array, Array]:
    """Status, and errors of the potential and of the anode's current density, root mean square."""
    grid, shape = setting.grid, setting.grid.shape
    gas_m = compute_bubble_thickness_cm(jnp.zeros(())) / 100.0
    term = compute_term(setting, parameters, make_inputs(grid, LAYER_M + gas_m, ALUMINA_WT_PCT))
    exact = _make_exact(term, shape[1] > 1)
    centres = jnp.stack(jnp.meshgrid(*compute_centres_m(grid), indexing="ij"), axis=-1)
    layer = np.arange(shape[2]) * 3 // shape[2]
    conductivities = (METAL_S_PER_M, term.anode.law.bath_s_per_cm[0] * 100.0, ANODE_S_PER_M)

    def each(function: Callable[[Array], Array], points: Array) -> Array:
        return jax.vmap(function)(points.reshape(-1, 3)).reshape(points.shape[:-1])

    expected, source = [], []
    for number, (potential, conductivity) in enumerate(zip(exact, conductivities, strict=True)):
        points = centres[:, :, layer == number]
        bend = each(lambda p, u=potential: jnp.trace(jax.hessian(u)(p)), points)
        expected.append(each(potential, points))
        source.append(-conductivity * bend)
    expected_v = jnp.concatenate(expected, axis=2)
    source_a = jnp.concatenate(source, axis=2) * compute_volumes_m3(grid)
    loss_s = jnp.zeros(shape)
    area_over_half = grid.width_x_m[:, None] * grid.width_y_m[None, :] / (0.5 * grid.width_z_m[0])
    for k, height_m, potential, conductivity in (
        (0, 0.0, exact[0], METAL_S_PER_M),
        (shape[2] - 1, 3.0 * LAYER_M, exact[2], ANODE_S_PER_M),
    ):
        held_v = each(potential, centres[:, :, k].at[..., 2].set(height_m))
        loss_s = loss_s.at[:, :, k].add(conductivity * area_over_half)
        source_a = source_a.at[:, :, k].add(conductivity * area_over_half * held_v)
    term = term._replace(loss_s=loss_s, source_a=source_a, top_contact_s=jnp.zeros(shape))
    start = init_potential(setting)._replace(response=jnp.zeros(shape))
    line = Line(jnp.asarray(0.0), jnp.asarray(1.0))  # the anode top stands for itself
    found = solve_term(term, line, start, 1e-10, 30)
    wave = jnp.cos(jnp.pi * centres[:, :, 0, 0] / 0.4)
    wave = wave * jnp.cos(jnp.pi * centres[:, :, 0, 1] / 0.3) if shape[1] > 1 else wave
    density = 1e-4 * MEAN_A_PER_M2 * (1.0 + 0.4 * wave)
    wrong_v = found.state.potential_v - expected_v
    wrong = found.currents.anode.density.reshape(shape[:2]) - density
    return found.status, jnp.sqrt(jnp.mean(wrong_v**2)), jnp.sqrt(jnp.mean(wrong**2))


@pytest.mark.slow
def test_the_order_is_two_with_nonlinear_electrodes(reference: PlantDesign) -> None:
    parameters = make_parameters(reference)
    coarse, fine = (
        _manufacture(parameters, _make_setting(shape)) for shape in ((6, 6, 12), (12, 12, 24))
    )
    assert int(coarse[0]) == int(fine[0]) == SolveStatus.SOLVED
    for coarse_error, fine_error in zip(coarse[1:], fine[1:], strict=True):
        assert 1.9 < np.log2(float(coarse_error / fine_error)) < 2.2
