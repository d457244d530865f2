"""Feeders drop all of what they drop into the bath below them."""

import jax.numpy as jnp
import numpy as np
import pytest

from physics.fields.feeders import make_feeder_shares, reach_liquid, spread_feed
from physics.fields.grid import make_equal_grid

GRID = make_equal_grid((1.2, 2.0, 0.2), (6, 10, 4))


def _bath() -> np.ndarray:
    is_bath = np.ones(GRID.shape, dtype=bool)
    is_bath[2:5, :, 2:] = False  # an anode
    is_bath[5] = False  # the ledge's lining
    return is_bath


def test_all_that_is_dropped_falls_into_bath_near_its_feeder() -> None:
    shares = make_feeder_shares(GRID, _bath(), [[0.1, 0.5], [0.1, 1.5]], 0.25)
    assert shares.shape == (2, *GRID.shape)
    feed = spread_feed(shares, jnp.asarray([0.05, 0.02]))
    assert float(feed.sum()) == pytest.approx(0.07, rel=1e-12)
    assert float(feed[:, :5].sum()) == pytest.approx(0.05, rel=1e-12)
    assert float(jnp.where(_bath(), 0.0, feed).sum()) == 0.0


def test_a_narrow_feeder_finds_the_column_nearest_to_it() -> None:
    shares = make_feeder_shares(GRID, _bath(), [[1.19, 0.55]], 0.0)
    assert {tuple(at[1:3]) for at in np.argwhere(np.asarray(shares) > 0.0)} == {(4, 2)}
    assert float(shares.sum()) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("position", [[[1.3, 0.5]], [[0.1, -0.5]], [0.1, 0.5]])
def test_a_feeder_that_is_not_over_the_grid_is_refused(position: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="feeders stand at"):
        make_feeder_shares(GRID, _bath(), position, 0.2)


def test_feeders_without_bath_or_with_a_negative_radius_are_refused() -> None:
    with pytest.raises(ValueError, match="there must be bath"):
        make_feeder_shares(GRID, ~_bath() & _bath(), [[0.1, 0.5]], 0.2)
    with pytest.raises(ValueError, match=r"radius -0\.1 m"):
        make_feeder_shares(GRID, _bath(), [[0.1, 0.5]], -0.1)


def test_what_falls_on_frozen_boxes_reaches_the_liquid_below() -> None:
    shares = jnp.asarray([[[0.1, 0.2, 0.3]]])
    reached = np.asarray(reach_liquid(shares, jnp.asarray([[[1.0, 0.5, 0.0]]])))
    np.testing.assert_allclose(reached, [[[0.3, 0.3, 0.0]]], rtol=1e-14)


def test_feed_on_a_bath_frozen_through_stays_where_it_falls() -> None:
    shares = jnp.asarray([[[0.1, 0.2, 0.3]]])
    np.testing.assert_array_equal(reach_liquid(shares, jnp.zeros((1, 1, 3))), shares)
