"""The potential of two anodes over one metal pad: currents, voltages, heat, how a solve ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from physics.fields.grid import compute_volumes_m3, make_equal_grid
from physics.fields.krylov import SolveStatus
from physics.fields.potential import PotentialInputs, compute_term, make_potential_setting
from physics.fields.potential_parts import compute_anode_currents_a, compute_reacting_current_a
from physics.fields.potential_solve import (
    PotentialSolution,
    PotentialState,
    init_potential,
    solve_potential,
    solve_potential_at_voltage,
)
from physics.parameters import CellParameters, make_parameters
from tests.physics.fields.small_cells import make_inputs, make_row
from tests.physics.plants import load_design

SETTING = make_row()
NOMINAL = make_inputs(SETTING.grid)
SHARE_A = 20_000.0  # of two anodes, at 300 kA for thirty
SECOND = slice(4, 7)  # boxes of the second anode along x
COLD = init_potential(SETTING)

traced: list[str] = []


@jax.jit
def solve(
    parameters: CellParameters,
    inputs: PotentialInputs,
    line_current_ka: float,
    start: PotentialState,
    tolerance_v: float = 1e-9,
    most_rounds: int = 40,
) -> PotentialSolution:
    traced.append("solve")
    return solve_potential(
        SETTING, parameters, inputs, line_current_ka, start, tolerance_v, most_rounds
    )


@pytest.fixture(scope="module")
def parameters() -> CellParameters:
    return make_parameters(load_design("reference-300ka.toml"))


@pytest.fixture(scope="module")
def nominal(parameters: CellParameters) -> PotentialSolution:
    # a module's fixture comes before each test's strictness, under which JAX would trace anew
    with jax.numpy_rank_promotion("raise"):
        return solve(parameters, NOMINAL, 300.0, COLD, 1e-9, 40)


@pytest.fixture(scope="module")
def reversible_v(parameters: CellParameters) -> Array:
    return jax.jit(compute_term)(SETTING, parameters, NOMINAL).anode.reversible_v


def currents_a(solution: PotentialSolution) -> Array:
    return compute_anode_currents_a(SETTING, solution.state.anode_density, 2)


def is_solved(solution: PotentialSolution) -> bool:
    return int(solution.status) == SolveStatus.SOLVED


def test_the_current_closes(nominal: PotentialSolution) -> None:
    assert is_solved(nominal)
    assert float(nominal.current_a) == pytest.approx(SHARE_A, rel=1e-12)
    assert abs(float(nominal.current_error)) < 1e-8
    np.testing.assert_allclose(currents_a(nominal), SHARE_A / 2.0, rtol=1e-8)
    reacting = compute_reacting_current_a(SETTING, nominal.state.anode_density)
    assert float(jnp.sum(reacting)) == pytest.approx(SHARE_A, rel=1e-8)
    assert not np.any(np.asarray(reacting)[~np.asarray(SETTING.is_bath)])


def test_parts_add_up_and_heat_closes(nominal: PotentialSolution, reversible_v: Array) -> None:
    voltage = nominal.voltage
    assert float(voltage.total()) == pytest.approx(float(nominal.cell_voltage_v), abs=1e-12)
    assert all(float(part) > 0.0 for part in voltage)
    area = SETTING.anode.area_cm2
    weighted = jnp.sum(nominal.state.anode_density * area * reversible_v) / SHARE_A
    assert float(voltage.reversible_v) == pytest.approx(float(weighted), abs=1e-8)
    heat_w = float(jnp.sum(nominal.parts.heat_w_per_m3 * compute_volumes_m3(SETTING.grid)))
    spent_v = nominal.cell_voltage_v - voltage.external_ohmic_v - voltage.reversible_v
    assert heat_w == pytest.approx(SHARE_A * float(spent_v), rel=1e-12)
    assert bool(jnp.all(nominal.parts.heat_w_per_m3 >= 0.0))


def test_an_anode_in_lean_bath_carries_less(
    parameters: CellParameters, nominal: PotentialSolution
) -> None:
    lean = NOMINAL.alumina_wt_pct.at[SECOND].set(2.0)
    solution = solve(
        parameters, NOMINAL._replace(alumina_wt_pct=lean), 300.0, nominal.state, 1e-9, 40
    )
    first, second = currents_a(solution)
    assert is_solved(solution)
    assert float(first + second) == pytest.approx(SHARE_A, rel=1e-8)
    assert float(second) < 0.98 * float(first)
    assert float(solution.cell_voltage_v) > float(nominal.cell_voltage_v)


def test_an_anode_that_hangs_higher_carries_less(
    parameters: CellParameters, nominal: PotentialSolution
) -> None:
    high = NOMINAL.acd_m.at[SECOND].add(0.005)
    solution = solve(parameters, NOMINAL._replace(acd_m=high), 300.0, nominal.state, 1e-9, 40)
    first, second = currents_a(solution)
    assert is_solved(solution)
    assert float(second) < 0.95 * float(first)


def test_frozen_bath_under_an_anode_sends_its_current_to_the_other(
    parameters: CellParameters, nominal: PotentialSolution
) -> None:
    frozen = NOMINAL.liquid_share.at[SECOND].set(0.0)
    solution = solve(
        parameters, NOMINAL._replace(liquid_share=frozen), 100.0, nominal.state, 1e-9, 40
    )
    first, second = currents_a(solution)
    assert is_solved(solution)
    assert abs(float(solution.current_error)) < 1e-8
    assert float(second) < 1e-4 * float(first)


def test_without_current_the_voltage_is_reversible(
    parameters: CellParameters, reversible_v: Array
) -> None:
    none = solve(parameters, NOMINAL, 0.0, COLD, 1e-9, 40)
    assert is_solved(none)
    assert float(none.cell_voltage_v) == pytest.approx(float(reversible_v[0]), abs=1e-8)
    assert float(none.voltage.reversible_v) == float(none.cell_voltage_v)
    little = solve(parameters, NOMINAL, 1e-3, none.state, 1e-9, 40)
    assert is_solved(little)
    assert float(little.cell_voltage_v) == pytest.approx(float(reversible_v[0]), abs=1e-4)


def test_far_above_the_critical_current_a_solve_ends_and_says_so(
    parameters: CellParameters, nominal: PotentialSolution
) -> None:
    assert float(nominal.parts.above_critical_share) == 0.0
    assert not bool(nominal.has_anode_effect)
    for current_ka in (600.0, 6000.0):
        huge = solve(parameters, NOMINAL, current_ka, COLD, 1e-9, 40)
        assert is_solved(huge)
        assert float(huge.parts.above_critical_share) == pytest.approx(1.0)
        assert bool(huge.has_anode_effect)
    starved = NOMINAL.alumina_wt_pct.at[SECOND].set(0.3)
    half = solve(
        parameters, NOMINAL._replace(alumina_wt_pct=starved), 150.0, nominal.state, 1e-9, 40
    )
    assert is_solved(half)
    assert float(half.parts.above_critical_share) == pytest.approx(0.5)


def test_a_warm_start_takes_one_round_within_a_time_stepper(
    parameters: CellParameters, nominal: PotentialSolution
) -> None:
    later = NOMINAL._replace(
        temperature_c=NOMINAL.temperature_c + 0.05, alumina_wt_pct=NOMINAL.alumina_wt_pct - 0.002
    )
    quick = solve(parameters, later, 300.0, nominal.state, 1e-6, 40)
    assert is_solved(quick)
    assert int(quick.rounds) == 1
    exact = solve(parameters, later, 300.0, quick.state, 1e-11, 40)
    assert is_solved(exact)
    wrong_v = jnp.max(jnp.abs(quick.state.potential_v - exact.state.potential_v))
    assert float(wrong_v) < 1e-6
    again = solve(parameters, later, 300.0, exact.state, 1e-9, 40)
    np.testing.assert_allclose(again.state.potential_v, exact.state.potential_v, atol=1e-9)


def test_a_failure_is_a_status(parameters: CellParameters, nominal: PotentialSolution) -> None:
    few = solve(parameters, NOMINAL, 300.0, COLD, 1e-9, 1)
    assert int(few.status) == SolveStatus.NOT_CONVERGED
    assert int(few.rounds) == 1
    spoilt = NOMINAL._replace(temperature_c=NOMINAL.temperature_c.at[0, 0, 5].set(jnp.nan))
    none = solve(parameters, spoilt, 300.0, nominal.state, 1e-9, 40)
    assert int(none.status) == SolveStatus.NOT_FINITE
    assert int(none.rounds) < 40


def test_one_shape_is_traced_once(parameters: CellParameters) -> None:
    for current_ka, acd_m in ((290.0, 0.04), (310.0, 0.045)):
        warmer = parameters._replace(excess_alf3_wt_pct=parameters.excess_alf3_wt_pct + 1.0)
        assert is_solved(
            solve(warmer, make_inputs(SETTING.grid, acd_m), current_ka, COLD, 1e-9, 40)
        )
    assert traced == ["solve"]


@pytest.mark.slow
def test_a_given_voltage_drives_the_current_that_has_it(
    parameters: CellParameters, nominal: PotentialSolution
) -> None:
    solution = solve_potential_at_voltage(
        SETTING, parameters, NOMINAL, nominal.cell_voltage_v, COLD
    )
    assert is_solved(solution)
    assert float(solution.current_a) == pytest.approx(SHARE_A, rel=1e-8)
    np.testing.assert_allclose(solution.state.potential_v, nominal.state.potential_v, atol=1e-8)
    open_ = solve_potential_at_voltage(
        SETTING, parameters, NOMINAL, nominal.voltage.reversible_v, solution.state
    )
    assert is_solved(open_)
    assert abs(float(open_.current_a)) < 1.0


def _map(**changes: object) -> dict[str, object]:
    grid = make_equal_grid((0.2, 0.1, 0.3), (2, 1, 3))
    layer = np.broadcast_to(np.arange(3), grid.shape)
    given: dict[str, object] = {
        "grid": grid,
        "solid_s_per_m": np.where(layer == 1, 0.0, 1e5),
        "is_bath": layer == 1,
        "anode_number": np.where(layer == 2, 0, -1),
        "is_metal": layer == 0,
        "top_contact_s": np.where(layer == 2, 1e3, 0.0),
        "bottom_contact_s": np.where(layer == 0, 1e3, 0.0),
        "share": 0.25,
        "nominal_density_a_per_cm2": 0.8,
    }
    return given | changes


def test_the_gap_is_found_under_the_anodes_only() -> None:
    in_gap = np.asarray(SETTING.gap_height_m) > 0.0
    assert np.all(in_gap[SECOND, :, 2:6])
    assert not np.any(in_gap[3])  # the channel between the anodes
    assert float(SETTING.gap_height_m.max()) == pytest.approx(0.05)
    # two anodes' three boxes below, and their insulated sides
    assert SETTING.anode.face.shape == (6,)
    assert int(np.sum(np.asarray(SETTING.is_ohmic.x) == 0.0)) == 4


def test_sides_are_electrodes_where_they_conduct() -> None:
    number = np.full((2, 1, 3), -1)
    number[0, 0, 2] = 0
    bath = np.zeros((2, 1, 3), dtype=bool)
    bath[:, :, 1] = bath[1, :, 2] = True
    for sides, count in ((False, 1), (True, 2)):
        setting = make_potential_setting(
            **_map(anode_number=number, is_bath=bath), anode_sides_conduct=sides
        )
        assert setting.anode.face.shape == (count,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 0.0}, "no part of a cell"),
        ({"top_contact_s": np.zeros((2, 1, 3))}, "top_contact_s connects no box"),
        ({"bottom_contact_s": np.full((2, 1, 3), -1.0)}, "bottom_contact_s connects no box"),
        ({"solid_s_per_m": np.zeros((2, 1, 3))}, "conducts nothing"),
        ({"is_bath": np.zeros((2, 1, 3), dtype=bool)}, "touches"),
    ],
)
def test_a_map_without_a_circuit_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_potential_setting(**_map(**changes))
