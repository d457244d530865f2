"""What moves and appears in the bath, at one instant."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physics.alumina import compute_alumina_exchange
from physics.fields.grid import make_equal_grid
from physics.fields.transport import (
    PORE_SHARE,
    compute_open_conductances,
    compute_outflow_kg_per_s,
    compute_sludge_reach,
    compute_solutes_wt_pct,
    compute_source_slopes,
    compute_transport_terms,
    largest_diffusion_step_s,
    largest_source_step_s,
    make_transport_setting,
    make_transport_state,
    stack_solutes,
)
from tests.physics.fields.baths import (
    CONSTANTS,
    GRID,
    SHAPE,
    make_bath,
    make_bath_mask,
    make_inputs,
)

BATH = make_bath()
FED = make_inputs(BATH, feed_kg_per_s=0.05, use_kg_per_s=0.04, alf3_kg_per_s=0.001)
WT_PCT = jnp.asarray([3.0, 1.0, 11.0]).reshape(3, 1, 1, 1)
outflow_of = jax.jit(compute_outflow_kg_per_s)


def _concentration(wt_pct: jax.Array) -> jax.Array:
    of_bath = jnp.where(BATH.is_bath, 21.0, 0.0)[None]
    return jnp.broadcast_to(wt_pct, (3, *SHAPE)) * of_bath


def test_what_is_fed_is_dissolved_undissolved_used_or_sludge() -> None:
    sludge = jnp.full(SHAPE[:2], 2.0)
    terms = compute_transport_terms(BATH, FED, _concentration(WT_PCT), sludge)
    source = terms.source_kg_per_s.sum(axis=(1, 2, 3))
    settled = float((terms.exchange.settling_kg_per_s - terms.exchange.returning_kg_per_s).sum())
    assert float(source[0] + source[1]) + settled == pytest.approx(0.05 - 0.04, abs=1e-15)
    assert float(source[2]) == pytest.approx(0.001 - 0.02 * 0.05, abs=1e-15)
    assert float(jnp.abs(terms.shortfall_kg_per_s).sum()) == 0.0


def test_a_stirred_bath_has_the_lumped_rates() -> None:
    """Of the same formula: boxes of one composition add up to the whole bath's exchange."""
    sludge = jnp.full(SHAPE[:2], 2.0)
    concentration = _concentration(WT_PCT)
    terms = compute_transport_terms(BATH, FED, concentration, sludge)
    undissolved = jnp.sum(concentration[1] * BATH.volume_m3)
    whole = compute_alumina_exchange(CONSTANTS, 3.0, undissolved, sludge.sum(), 8.0, 0.05)
    for boxes, lumped in zip(terms.exchange, whole, strict=True):
        assert float(boxes.sum()) == pytest.approx(float(lumped), rel=1e-12)


def test_electrolysis_that_finds_no_alumina_says_so() -> None:
    half_left = _concentration(WT_PCT.at[0].set(0.025))
    terms = compute_transport_terms(BATH, FED, half_left, jnp.zeros(SHAPE[:2]))
    assert float(terms.shortfall_kg_per_s.sum()) == pytest.approx(0.02, rel=1e-12)
    assert float(terms.shortfall_kg_per_s[0].sum()) == 0.0


def test_diffusion_moves_and_loses_nothing() -> None:
    concentration = jax.random.uniform(jax.random.key(1), (3, *SHAPE))
    conductance = compute_open_conductances(BATH, FED.liquid_share)
    outflow = outflow_of(conductance, concentration)
    np.testing.assert_allclose(outflow.sum(axis=(1, 2, 3)), 0.0, atol=1e-15)
    assert float(jnp.abs(jnp.where(BATH.is_bath, 0.0, outflow[0])).max()) == 0.0
    level = outflow_of(conductance, jnp.ones((3, *SHAPE)))
    np.testing.assert_allclose(level, 0.0, atol=1e-15)


def test_a_face_is_open_while_one_of_its_boxes_is_liquid() -> None:
    share = jnp.broadcast_to(jnp.asarray([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])[:, None, None], SHAPE)
    faces = compute_open_conductances(BATH, share)
    np.testing.assert_array_equal(faces.x[3], BATH.conductance_m3_per_s.x[3])
    np.testing.assert_array_equal(faces.x[4], 0.0)
    np.testing.assert_array_equal(faces.z[4:], 0.0)


def test_movement_may_differ_by_direction() -> None:
    mask = make_bath_mask()
    split = make_transport_setting(GRID, mask, CONSTANTS, 0.02, (1e-3, 2e-3, 0.0))
    equal = make_transport_setting(GRID, mask, CONSTANTS, 0.02, 1e-3)
    one, other = split.conductance_m3_per_s, equal.conductance_m3_per_s
    np.testing.assert_allclose(one.x, other.x)
    np.testing.assert_allclose(one.y, 2.0 * other.y)
    np.testing.assert_array_equal(one.z, 0.0)


def test_sludge_is_washed_by_the_lowest_liquid() -> None:
    frozen_floor = jnp.ones(SHAPE).at[0, 0].set(jnp.asarray([0.0, 0.25, 1.0, 1.0]))
    reach = compute_sludge_reach(BATH, frozen_floor)
    np.testing.assert_allclose(reach[0, 0], [0.0, 0.25, 0.75, 0.0])
    np.testing.assert_allclose(reach[3, 3], [1.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(compute_sludge_reach(BATH, jnp.zeros(SHAPE)), 0.0)


def test_a_composition_comes_back_from_its_masses() -> None:
    share = make_inputs(BATH, frozen_share=0.5).liquid_share
    state = make_transport_state(BATH, 2.8, 11.0, share)
    wt_pct = np.asarray(compute_solutes_wt_pct(BATH, state, share))[:, np.asarray(BATH.is_bath)]
    np.testing.assert_allclose(wt_pct[0], 2.8)
    np.testing.assert_allclose(wt_pct[1], 0.0)
    np.testing.assert_allclose(wt_pct[2], 11.0)
    frozen_kg = float(state.alf3_kg[5].sum())
    assert frozen_kg == pytest.approx(
        PORE_SHARE * 0.11 * 2100.0 * float(BATH.volume_m3[5].sum()), rel=1e-12
    )


def _amplify(matrix: np.ndarray, step_s: float) -> float:
    return float(np.abs(1.0 + step_s * np.linalg.eigvals(matrix)).max())


def test_the_largest_explicit_steps_are_stable_and_not_much_too_short() -> None:
    conductance = compute_open_conductances(BATH, FED.liquid_share)
    units = jnp.eye(96).reshape(96, *SHAPE)
    outflow = outflow_of(conductance, units)
    matrix = -np.asarray(outflow / BATH.volume_m3[None]).reshape(96, 96).T
    step_s = float(largest_diffusion_step_s(BATH, FED.liquid_share))
    assert _amplify(matrix, step_s) <= 1.0 + 1e-12
    assert _amplify(matrix, 2.0 * step_s) > 1.0

    near_saturation = make_transport_state(BATH, 7.75, 11.0, FED.liquid_share)
    state = near_saturation._replace(undissolved_kg=0.1 * near_saturation.dissolved_kg)
    _, slopes = compute_source_slopes(
        BATH, FED, stack_solutes(state) / BATH.volume_m3[None], 0.0 * state.sludge_kg
    )
    fastest = float((-slopes / BATH.volume_m3[None]).max())
    step_s = float(largest_source_step_s(BATH, FED, state))
    assert step_s == pytest.approx(2.0 / fastest, rel=1e-12)
    # a cupful in a box near saturation: what of it dissolves at once fills the band in seconds
    box_kg_per_s = float(FED.feed_kg_per_s[0, 1, 3]) * 0.4
    band_kg = 0.005 * 2100.0 * float(BATH.volume_m3[0, 1, 3])
    assert fastest >= box_kg_per_s / band_kg


def test_what_is_no_bath_is_refused() -> None:
    grid = make_equal_grid((1.0, 1.0, 1.0), (2, 2, 2))
    for mask in (np.ones((2, 2)), np.zeros((2, 2, 2))):
        with pytest.raises(ValueError, match="is_bath has the shape"):
            make_transport_setting(grid, mask, CONSTANTS, 0.02)
    for diffusivity in (-1.0, np.nan, (1.0, 1.0, -1.0)):
        with pytest.raises(ValueError, match="a diffusivity is"):
            make_transport_setting(grid, np.ones(grid.shape), CONSTANTS, 0.02, diffusivity)
    with pytest.raises(ValueError, match="density"):
        make_transport_setting(grid, np.ones(grid.shape), CONSTANTS, 0.02, 1.0, 0.0)
