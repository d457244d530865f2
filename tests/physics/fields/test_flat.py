"""An operator laid flat is the operator, whatever the margins of the row that it is applied to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from physics.fields.flat import (
    MOST_MARGINS,
    Shape,
    apply_flat,
    compute_margin,
    hold,
    lay_faces_flat,
    lay_flat,
    narrow,
    raise_up,
)
from physics.fields.grid import make_equal_grid
from physics.fields.stencil import Stencil, apply_stencil, compute_conductances, compute_diagonal

SHAPES: tuple[Shape, ...] = ((4, 3, 5), (4, 1, 5), (1, 3, 5), (1, 1, 5))


def make_stencil(shape: Shape) -> Stencil:
    conductivity = jax.random.uniform(jax.random.key(1), shape, minval=0.1, maxval=10.0)
    conductances = compute_conductances(make_equal_grid((1.0, 2.0, 3.0), shape), conductivity)
    return Stencil(jax.random.uniform(jax.random.key(2), shape), conductances)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("margins", range(1, MOST_MARGINS + 1))
def test_an_application_is_that_of_the_stencil_and_takes_a_margin(
    shape: Shape, margins: int
) -> None:
    stencil, field = make_stencil(shape), jax.random.normal(jax.random.key(3), shape)
    diagonal = lay_flat(compute_diagonal(stencil), margins - 1)
    faces = lay_faces_flat(stencil.conductance, shape)
    row = apply_flat(diagonal, faces, lay_flat(field, margins), shape)
    assert row.shape == lay_flat(field, margins - 1).shape
    expected = lay_flat(apply_stencil(stencil, field), margins - 1)
    np.testing.assert_allclose(row, expected, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_applications_in_a_row_need_no_new_margins(shape: Shape) -> None:
    stencil, field = make_stencil(shape), jax.random.normal(jax.random.key(4), shape)
    faces = lay_faces_flat(stencil.conductance, shape)
    row, expected = lay_flat(field, MOST_MARGINS), field
    for margins in range(MOST_MARGINS - 1, -1, -1):
        row = apply_flat(lay_flat(compute_diagonal(stencil), margins), faces, row, shape)
        expected = apply_stencil(stencil, expected)
    np.testing.assert_allclose(raise_up(row, shape), expected, rtol=1e-11, atol=1e-9)


def test_margins_come_off_one_by_one() -> None:
    field = jnp.arange(60.0).reshape(4, 3, 5)
    np.testing.assert_array_equal(narrow(lay_flat(field, 3), (4, 3, 5)), lay_flat(field, 2))
    np.testing.assert_array_equal(raise_up(lay_flat(field, 2), (4, 3, 5)), field)
    assert compute_margin((4, 3, 5)) == 15


def test_what_is_held_is_the_same() -> None:
    rows = {"x": jnp.arange(3.0), "y": jnp.ones(())}
    jax.tree.map(np.testing.assert_array_equal, jax.jit(hold)(rows), rows)
