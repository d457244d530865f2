"""Electrode faces: which they are, and the current that a drop drives through each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from physics.design import PlantDesign
from physics.fields.electrodes import (
    AnodeLaw,
    AnodeParts,
    ElectrodeFaces,
    FaceCurrent,
    find_current,
    find_electrode_faces,
    make_anode_law,
)
from physics.fields.grid import make_grid
from physics.parameters import CellParameters, make_parameters

GRID = make_grid([0.1, 0.2, 0.4], [0.5], [0.01, 0.02, 0.03])
ANODE = np.zeros(GRID.shape, dtype=bool)
ANODE[0, 0, 2] = True
BATH = np.zeros(GRID.shape, dtype=bool)
BATH[:, 0, 1] = BATH[1, 0, 2] = True


def test_faces_lie_between_the_two_kinds() -> None:
    faces = find_electrode_faces(GRID, ANODE, BATH)
    # one upright face, to the box beside; one level face, to the box below
    np.testing.assert_array_equal(faces.from_box, [2, 2])
    np.testing.assert_array_equal(faces.to_box, [5, 1])
    np.testing.assert_array_equal(faces.is_underside, [False, True])
    np.testing.assert_array_equal(faces.is_across_z, [False, True])
    np.testing.assert_allclose(faces.area_cm2, [50.0 * 3.0, 10.0 * 50.0])
    np.testing.assert_allclose(faces.from_half_cm, [5.0, 1.5])
    np.testing.assert_allclose(faces.to_half_cm, [10.0, 1.0])
    # six upright faces come first, then those across y (none), then two a column
    np.testing.assert_array_equal(faces.face, [2, 7])


def test_current_the_other_way_turns_the_faces() -> None:
    there = find_electrode_faces(GRID, ANODE, BATH)
    back = find_electrode_faces(GRID, BATH, ANODE)
    np.testing.assert_array_equal(there.face, back.face)
    np.testing.assert_array_equal(there.from_box, back.to_box)
    assert not np.any(back.is_underside)


def test_the_heat_of_a_face_goes_where_it_meets_less() -> None:
    equal = find_electrode_faces(GRID, ANODE, BATH)
    np.testing.assert_array_equal(equal.from_heat_share, 0.5)
    faces = find_electrode_faces(GRID, ANODE, BATH, np.where(ANODE, 4.0, 16.0))
    # halves of 5 and 10 cm, and of 1.5 and 1 cm: 5 / 4 against 10 / 16, 1.5 / 4 against 1 / 16
    np.testing.assert_allclose(faces.from_heat_share, [1.0 / 3.0, 1.0 / 7.0])


def test_kinds_that_do_not_touch_are_refused() -> None:
    with pytest.raises(ValueError, match="touches"):
        find_electrode_faces(GRID, ANODE, np.zeros(GRID.shape, dtype=bool))
    with pytest.raises(ValueError, match="one material"):
        find_electrode_faces(GRID, ANODE, ANODE)
    with pytest.raises(ValueError, match="masks of"):
        find_electrode_faces(GRID, ANODE[:2], BATH[:2])


@jax.jit
def _make_law(parameters: CellParameters, alumina_wt_pct: Array) -> tuple[AnodeLaw, Array]:
    count = alumina_wt_pct.shape[0]
    boxes = jnp.arange(count, dtype=jnp.int32)
    ones = jnp.ones(count)
    faces = ElectrodeFaces(
        boxes, boxes, boxes, ones, ones, ones, ones, jnp.full(count, True), jnp.full(count, True)
    )
    return make_anode_law(parameters, faces, 956.0 * ones, alumina_wt_pct, 215.0 * ones)


@jax.jit
def _find(law: AnodeLaw, drop_v: Array, resistance: Array, start: Array) -> FaceCurrent:
    return find_current(law.compute_overvoltage_v, drop_v, resistance, start)


@jax.jit
def _take_v(law: AnodeLaw, density: Array) -> tuple[AnodeParts, Array]:
    return law.compute_parts(density), law.compute_overvoltage_v(density)


def test_the_current_takes_up_the_whole_drop(reference: PlantDesign) -> None:
    # every mixture of lean and rich bath, of good and bad conductors, of drops there and back
    mixture = jnp.meshgrid(
        jnp.asarray([0.0, 0.5, 1.5, 1.8, 2.8, 8.0]),
        jnp.asarray([1e-4, 0.01, 1.0, 100.0, 1e6]),
        jnp.asarray([-3.0, -1e-3, 0.0, 1e-9, 0.3, 0.7, 2.0, 5.0, 60.0, 3000.0]),
        indexing="ij",
    )
    alumina, resistance, drop_v = (column.ravel() for column in mixture)
    law, reversible_v = _make_law(make_parameters(reference), alumina)
    assert bool(jnp.all((reversible_v > 1.0) & (reversible_v < 1.5)))
    found = _find(law, drop_v, resistance, jnp.full(drop_v.shape, 0.8))
    taken_v = _take_v(law, found.density)[1] + resistance * found.density
    np.testing.assert_allclose(taken_v, drop_v, rtol=1e-12, atol=1e-13)
    assert bool(jnp.all(found.density * drop_v >= 0.0))
    assert bool(jnp.all((found.slope > 0.0) & (found.slope <= 1.0 / resistance)))
    # wherever the search starts, it ends there
    elsewhere = _find(law, drop_v, resistance, jnp.zeros(drop_v.shape))
    np.testing.assert_allclose(elsewhere.density, found.density, rtol=1e-9, atol=1e-18)
    further = _find(law, drop_v + 1e-6, resistance, found.density)
    smooth = (jnp.abs(drop_v) > 0.1) & (drop_v < 100.0) & (resistance < 1e5)
    slope = (further.density - found.density) / 1e-6
    np.testing.assert_allclose(slope[smooth], found.slope[smooth], rtol=1e-3)


def test_an_anode_gives_nothing_back(reference: PlantDesign) -> None:
    density = jnp.linspace(0.0, 4.0, 401)
    for alumina in (0.5, 1.8, 2.8, 8.0):
        law, _ = _make_law(make_parameters(reference), jnp.full(density.shape, alumina))
        for part in _take_v(law, density)[0]:
            assert float(part[0]) == 0.0
            assert bool(jnp.all(jnp.diff(part) > 0.0))
        assert bool(jnp.all(_take_v(law, -density)[1][1:] < 0.0))


def test_a_drop_that_is_none_spoils_its_own_face_only(reference: PlantDesign) -> None:
    law, _ = _make_law(make_parameters(reference), jnp.full(2, 2.8))
    found = _find(law, jnp.asarray([jnp.nan, 0.7]), jnp.ones(2), jnp.zeros(2))
    assert bool(jnp.isnan(found.density[0]))
    assert 0.0 < float(found.density[1]) < 0.7
