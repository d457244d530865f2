"""The front inside a box: what lies between wall and bath; boxes that freeze, open, pass on."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from physics.fields.front import FrontFaces, find_front_faces, link_front
from physics.fields.grid import compute_volumes_m3, make_equal_grid, make_grid
from physics.fields.heat import (
    HeatSetting,
    HeatState,
    compute_enthalpy,
    compute_temperature_c,
    find_open,
    make_heat_inputs,
    make_heat_setting,
)
from physics.fields.heat_sorting import make_heat_state, sort_boxes
from physics.fields.heat_step import step_heat
from physics.fields.stencil import Faces, Halves

LIQUIDUS_C, FILM = 955.0, 1.0 / 800.0
K_ICE, K_WALL, K_LIQUID = 2.0, 8.0, 1e6
LATENT = 1.5e9


def _no_contact(shape: tuple[int, int, int]) -> Faces:
    nx, ny, nz = shape
    return Faces(
        jnp.zeros((nx - 1, ny, nz)), jnp.zeros((nx, ny - 1, nz)), jnp.zeros((nx, ny, nz - 1))
    )


@pytest.mark.parametrize("share", [0.02, 0.25, 0.5, 0.999])
def test_wall_ice_and_film_add_up_wherever_the_front_stands(share: float) -> None:
    grid = make_equal_grid((0.4, 0.1, 0.1), (4, 1, 1))
    is_firm = jnp.array([True, True, False, False]).reshape(grid.shape)
    faces = find_front_faces(
        grid, is_firm, ~is_firm, jnp.array([0.0, 1.0, share, 0.0]).reshape(grid.shape)
    )
    k = jnp.where(jnp.arange(4) == 0, K_WALL, K_ICE).reshape(grid.shape)
    half = Halves(*(0.05 / k,) * 3)
    links = link_front(
        grid,
        faces,
        ~is_firm & faces.is_front,
        jnp.array([0.0, 1.0, share, 0.0]).reshape(grid.shape),
        half,
        _no_contact(grid.shape),
        k,
        jnp.full(grid.shape, K_LIQUID),
        FILM,
    )
    area = 0.01
    ice = area / float(links.firm_to_ice.x[1, 0, 0]) + area / float(links.ice_to_front[2, 0, 0])
    assert ice == pytest.approx(0.05 / K_ICE + 0.1 * share / K_ICE, rel=1e-9)
    bath = area / float(links.liquid_to_front[2, 0, 0])
    assert bath == pytest.approx(FILM, rel=1e-3)
    # nothing else leads from what is firm to what is open, or from a box without a front
    assert float(jnp.sum(jnp.abs(links.firm_to_liquid.x))) == 0.0
    assert float(links.liquid_to_front[3, 0, 0]) == 0.0
    # how it answers to a thicker ice: by what that adds to the way
    added = 0.1 / K_ICE / (0.05 / K_ICE + 0.1 * share / K_ICE)
    assert float(links.ice_depth_share[2, 0, 0]) == pytest.approx(added, rel=1e-9)


def _find(firm: list[list[int]], share: list[list[float]]) -> FrontFaces:
    """Boxes of 10 cm in x and z; x downwards in the lists."""
    is_firm = jnp.asarray(np.array(firm)[:, None, :] == 1)
    nx, _, nz = is_firm.shape
    grid = make_equal_grid((0.1 * nx, 0.1, 0.1 * nz), (nx, 1, nz))
    return find_front_faces(grid, is_firm, ~is_firm, jnp.asarray(np.array(share)[:, None, :]))


def test_in_a_corner_the_front_is_the_face_that_cuts_it() -> None:
    none = [[0.0] * 3] * 3
    faces = _find([[1, 1, 1], [0, 0, 1], [0, 0, 1]], none)
    assert float(faces.total_m2[1, 0, 1]) == pytest.approx(0.01 * np.sqrt(2.0))
    shared = float(faces.area_m2.x[0, 0, 1]) + float(faces.area_m2.z[1, 0, 1])
    assert shared == pytest.approx(0.01 * np.sqrt(2.0))
    # beside it the front is flat, and all of it is on the one face
    assert float(faces.total_m2[1, 0, 0]) == pytest.approx(0.01)
    assert float(faces.area_m2.x[0, 0, 0]) == pytest.approx(0.01)


def test_a_row_that_is_a_little_behind_has_no_bare_side() -> None:
    """The middle row is nearly through; the one beside it is, and has begun the next box."""
    almost = [[0.0, 0.0, 0.0], [0.9, 0.9, 0.0], [0.0, 0.0, 0.1]]
    before = _find([[1, 1, 1], [0, 0, 1], [0, 0, 0]], almost)
    assert float(before.total_m2[1, 0, 1]) == pytest.approx(0.01 * np.hypot(1.0, 0.1))
    # nor does it change by a jump as that row is frozen through
    still = [[0.0, 0.0, 0.0], [0.9, 0.9, 0.999], [0.0, 0.0, 0.0]]
    earlier = _find([[1, 1, 1], [0, 0, 0], [0, 0, 0]], still)
    assert float(earlier.total_m2[1, 0, 1]) == pytest.approx(
        float(before.total_m2[1, 0, 1]), rel=1e-3
    )


def test_in_a_slot_both_sides_count() -> None:
    # however far its open neighbours are frozen: ice has something to grow on
    faces = _find([[1, 1], [0, 0], [1, 1]], [[0.0] * 2, [0.0, 0.9], [0.0] * 2])
    assert float(faces.total_m2[1, 0, 0]) == pytest.approx(0.02)
    assert float(faces.area_m2.x[0, 0, 0]) == pytest.approx(0.01)


def test_ice_above_metal_faces_it_however_far_its_box_is_frozen() -> None:
    """Metal below, ice above: the front is flat, and does not shrink as the box freezes through."""
    grid = make_equal_grid((0.1, 0.1, 0.3), (1, 1, 3))
    is_firm = jnp.array([[[False, False, True]]])
    is_open = jnp.array([[[False, True, False]]])
    for share in (0.1, 0.99):
        faces = find_front_faces(grid, is_firm, is_open, jnp.array([[[0.0, share, 0.0]]]))
        assert float(faces.total_m2[0, 0, 1]) == pytest.approx(0.01)


@pytest.fixture(scope="module")
def row() -> HeatSetting:
    """A wall and seven boxes of bath beside it."""
    grid = make_equal_grid((0.16, 0.1, 0.1), (8, 1, 1))
    is_wall = (np.arange(8) == 0).reshape(grid.shape)
    return make_heat_setting(
        grid,
        np.where(is_wall, K_WALL, K_ICE),
        3.7e6,
        liquid_conductivity_w_per_m_k=K_LIQUID,
        liquid_heat_capacity_j_per_m3_k=3.9e6,
        latent_heat_j_per_m3=LATENT,
        reference_c=950.0,
        can_freeze=~is_wall,
        is_wall=is_wall,
        front_film_m2_k_per_w=FILM,
    )


def _row_state(setting: HeatSetting, inner_c: float) -> HeatState:
    """Two boxes of ice beside the wall, of a temperature, and bath 5 K above its liquidus."""
    temperature = jnp.array([inner_c - 40.0, inner_c, inner_c, *[LIQUIDUS_C + 5.0] * 5])
    return make_heat_state(setting, temperature.reshape(setting.grid.shape), LIQUIDUS_C)


@jax.jit
def _sort(setting: HeatSetting, state: HeatState) -> HeatState:
    return sort_boxes(setting, state, jnp.full(setting.grid.shape, LIQUIDUS_C))


def _held_j(setting: HeatSetting, state: HeatState) -> float:
    return float(jnp.sum(compute_enthalpy(setting, state) * compute_volumes_m3(setting.grid)))


def _with_share(state: HeatState, box: int, share: float) -> HeatState:
    """Liquid and ice of a box at the liquidus, however much of each."""
    above, at = LIQUIDUS_C - 950.0, (box, 0, 0)
    return state._replace(
        frozen_share=state.frozen_share.at[at].set(share),
        sensible_j_per_m3=state.sensible_j_per_m3.at[at].set((1.0 - share) * 3.9e6 * above),
        ice_sensible_j_per_m3=state.ice_sensible_j_per_m3.at[at].set(share * 3.7e6 * (above - 20)),
    )


def _shares(state: HeatState) -> Array:
    return np.asarray(state.frozen_share)[:, 0, 0]


def test_cold_ice_stays_firm_and_warm_ice_opens(row: HeatSetting) -> None:
    cold, warm = _row_state(row, 800.0), _row_state(row, 954.9)
    assert np.asarray(cold.is_firm)[:4, 0, 0].tolist() == [True, True, True, False]
    # what it takes from the liquidus is less than the film gives: the outer one melts
    assert np.asarray(warm.is_firm)[:4, 0, 0].tolist() == [True, True, False, False]
    assert float(warm.frozen_share[2, 0, 0]) == 1.0, "it opens with all its ice"
    np.testing.assert_allclose(compute_temperature_c(row, warm)[2, 0, 0], 954.9)


def test_what_froze_too_much_is_passed_on_to_the_next_box(row: HeatSetting) -> None:
    before = _with_share(_row_state(row, 800.0), 3, 1.3)
    after = _sort(row, before)
    np.testing.assert_allclose(_shares(after)[1:6], [1.0, 1.0, 1.0, 0.3, 0.0])
    assert bool(after.is_firm[3, 0, 0])
    assert _held_j(row, after) == pytest.approx(_held_j(row, before), rel=1e-12)


def test_a_thin_box_is_passed_no_more_than_it_holds(row: HeatSetting) -> None:
    width_x_m = np.full(8, 0.02)
    width_x_m[4] = 0.002
    uneven = row._replace(grid=make_grid(width_x_m, [0.1], [0.1]))
    before = _with_share(_row_state(uneven, 800.0), 3, 1.3)  # three times what is free in the next
    after = _sort(uneven, before)
    np.testing.assert_allclose(_shares(after)[1:6], [1.0, 1.0, 1.0, 1.0, 0.0])
    # what finds no room cools the ice that it comes from, not the next box to below zero
    assert float(after.temperature_c[4, 0, 0]) > LIQUIDUS_C - 30.0
    assert float(after.temperature_c[3, 0, 0]) < LIQUIDUS_C - 50.0
    assert _held_j(uneven, after) == pytest.approx(_held_j(uneven, before), rel=1e-12)


def test_what_melted_too_much_melts_the_box_behind_if_that_would_melt(row: HeatSetting) -> None:
    # firm at a step's start, and now so warm that the bath melts it
    almost, at = _row_state(row, 800.0), (2, 0, 0)
    almost = almost._replace(
        temperature_c=almost.temperature_c.at[at].set(954.5),
        sensible_j_per_m3=almost.sensible_j_per_m3.at[at].set(3.7e6 * 4.5),
    )
    before = _with_share(almost, 3, -0.2)
    after = _sort(row, before)
    np.testing.assert_allclose(_shares(after)[1:5], [1.0, 0.8, 0.0, 0.0])
    assert not bool(after.is_firm[2, 0, 0])
    assert _held_j(row, after) == pytest.approx(_held_j(row, before), rel=1e-12)


def test_what_melted_too_much_warms_the_bath_where_nothing_else_melts(row: HeatSetting) -> None:
    before = _with_share(_row_state(row, 800.0), 3, -0.02)
    after = _sort(row, before)
    np.testing.assert_allclose(_shares(after)[1:5], [1.0, 1.0, 0.0, 0.0])
    assert float(after.temperature_c[3, 0, 0]) > LIQUIDUS_C + 5.0
    assert _held_j(row, after) == pytest.approx(_held_j(row, before), rel=1e-12)


def test_bath_on_a_hot_wall_is_bare(row: HeatSetting) -> None:
    hot = make_heat_state(row, LIQUIDUS_C + 5.0, LIQUIDUS_C)
    assert bool(hot.is_bare[1, 0, 0])
    assert not bool(hot.is_bare[2, 0, 0]), "which touches nothing firm"


def test_bath_below_its_liquidus_freezes_by_itself(row: HeatSetting) -> None:
    warm = make_heat_state(row, LIQUIDUS_C + 5.0, LIQUIDUS_C)
    cold = warm.sensible_j_per_m3.at[6, 0, 0].set(3.9e6 * (LIQUIDUS_C - 40.0 - 950.0))
    before = warm._replace(sensible_j_per_m3=cold)
    after = _sort(row, before)
    latent = LATENT + 0.2e6 * (LIQUIDUS_C - 950.0)
    assert _shares(after)[6] == pytest.approx(40.0 * 3.9e6 / latent)
    assert float(after.temperature_c[6, 0, 0]) == pytest.approx(LIQUIDUS_C)
    assert _held_j(row, after) == pytest.approx(_held_j(row, before), rel=1e-12)


def _warmed(state: HeatState, box: int, capacity: float, temperature_c: float) -> HeatState:
    at = (box, 0, 0)
    return state._replace(
        temperature_c=state.temperature_c.at[at].set(temperature_c),
        sensible_j_per_m3=state.sensible_j_per_m3.at[at].set(capacity * (temperature_c - 950.0)),
    )


def test_what_a_step_overshoots_by_goes_back_by_itself(row: HeatSetting) -> None:
    # ice amid cold ice that is above the liquidus, bath amid warm bath that is below it
    inside = _sort(row, _warmed(_row_state(row, 800.0), 1, 3.7e6, LIQUIDUS_C + 8.0))
    assert bool(inside.is_firm[1, 0, 0])
    amid = _sort(row, _warmed(_row_state(row, 800.0), 6, 3.9e6, LIQUIDUS_C - 8.0))
    assert _shares(amid)[6] == 0.0
    # more heat than that is no overshoot
    hot = _sort(row, _warmed(_row_state(row, 800.0), 1, 3.7e6, LIQUIDUS_C + 60.0))
    assert not bool(hot.is_firm[1, 0, 0])


def test_neighbours_that_keep_it_there_open_ice_that_is_hardly_above_its_liquidus(
    row: HeatSetting,
) -> None:
    kept = _row_state(row, LIQUIDUS_C - 0.5)
    kept = _warmed(kept._replace(is_firm=kept.is_firm.at[2, 0, 0].set(True)), 0, 3.7e6, 990.0)
    assert not bool(_sort(row, _warmed(kept, 1, 3.7e6, LIQUIDUS_C + 0.5)).is_firm[1, 0, 0])


@pytest.mark.parametrize("step_s", [10.0, 1000.0])
def test_loose_ice_melts_without_heating_its_bath(row: HeatSetting, step_s: float) -> None:
    """However long a step is: no more of it melts than is there."""
    state = _sort(row, _with_share(make_heat_state(row, LIQUIDUS_C + 5.0, LIQUIDUS_C), 5, 0.05))
    inputs = make_heat_inputs(row.grid, LIQUIDUS_C)
    both = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), inputs)
    step = jax.jit(step_heat)(row, state, both, step_s, 0.5)
    assert bool(step.is_solved)
    assert 0.0 <= _shares(step.state)[5] < 0.06
    temperature_c = np.asarray(step.state.temperature_c)[:, 0, 0]
    assert temperature_c.min() > LIQUIDUS_C - 1.0
    assert temperature_c.max() < LIQUIDUS_C + 5.5
    assert _held_j(row, step.state) == pytest.approx(_held_j(row, state), rel=1e-9)


def test_no_sorting_loses_heat(row: HeatSetting) -> None:
    """Whatever shares and heats a step may leave, in three dimensions."""
    grid = make_equal_grid((0.12, 0.1, 0.1), (6, 5, 4))
    is_wall = np.zeros(grid.shape, dtype=bool)
    is_wall[0], is_wall[:, :, -1] = True, True
    setting = make_heat_setting(
        grid,
        K_ICE,
        3.7e6,
        liquid_heat_capacity_j_per_m3_k=3.9e6,
        latent_heat_j_per_m3=LATENT,
        reference_c=950.0,
        can_freeze=~is_wall,
        is_wall=is_wall,
        front_film_m2_k_per_w=FILM,
    )
    draw = partial(jax.random.uniform, shape=grid.shape)
    for seed in range(8):
        keys = jax.random.split(jax.random.key(seed), 3)
        temperature = 900.0 + 80.0 * draw(keys[0])
        state = make_heat_state(setting, temperature, LIQUIDUS_C)
        is_open = find_open(setting, state)
        share = jnp.where(is_open, 2.0 * draw(keys[1]) - 0.5, state.frozen_share)
        before = state._replace(
            frozen_share=share,
            ice_sensible_j_per_m3=jnp.where(is_open, -1e8 * draw(keys[2]), 0.0),
        )
        after = _sort(setting, before)
        held = _held_j(setting, before)
        assert _held_j(setting, after) == pytest.approx(held, rel=1e-11)
        assert float(after.frozen_share.min()) >= 0.0
        is_open = find_open(setting, after)
        assert np.all(np.asarray(after.frozen_share)[np.asarray(after.is_firm & ~is_wall)] == 1.0)
        assert np.all(np.isfinite(np.asarray(compute_temperature_c(setting, after))))
