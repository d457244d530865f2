"""A quarter cell in boxes holds what the plant file says, and tells its parts apart."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from physics.design import PlantDesign
from physics.fields.cell_boxes import CellBoxes, make_cell_boxes
from physics.fields.grading import Fineness, Stretch, divide
from physics.fields.grid import compute_areas_m2, compute_volumes_m3
from physics.fields.materials import Material
from physics.fields.solver import solve_stencil
from physics.fields.stencil import Stencil, compute_conductances
from physics.operating_point import compute_operating_point, make_operating_inputs
from physics.parameters import make_parameters
from tests.physics.plants import load_design

PLANTS = ("reference-300ka.toml", "metalx-120ka.toml")
SMALLEST = {"reference-300ka.toml": (14, 29, 18), "metalx-120ka.toml": (14, 22, 18)}
SHAPE = (32, 34, 24)
QUARTERS = 4.0

Built = tuple[PlantDesign, CellBoxes]


@pytest.fixture(scope="module", params=PLANTS)
def built(request: pytest.FixtureRequest) -> Built:
    design = load_design(request.param)
    return design, make_cell_boxes(design, *SHAPE)


@pytest.fixture(scope="module", params=PLANTS)
def sliced(request: pytest.FixtureRequest) -> Built:
    design = load_design(request.param)
    return design, make_cell_boxes(design, SHAPE[0], 1, SHAPE[2])


def level_area_m2(boxes: CellBoxes, faces: jnp.ndarray) -> float:
    """Area of some faces across z."""
    areas = np.asarray(compute_areas_m2(boxes.grid)[2])
    return float(np.sum(areas * np.asarray(faces)))


def volume_m3(boxes: CellBoxes, share: NDArray[np.float64]) -> float:
    return float(np.sum(np.asarray(compute_volumes_m3(boxes.grid)) * share))


def test_masses_and_areas_are_those_of_the_plant_file(built: Built) -> None:
    design, boxes = built
    cell = design.cell
    liquid = np.asarray(boxes.is_bath) * np.asarray(boxes.nominal_liquid_share)
    bath_kg = QUARTERS * volume_m3(boxes, liquid) * cell.materials.bath_density_kg_per_m3
    metal_kg = QUARTERS * volume_m3(boxes, np.asarray(boxes.is_metal, dtype=float))
    metal_kg *= cell.materials.metal.density_kg_per_m3
    assert bath_kg == pytest.approx(cell.bath.mass_kg, rel=0.01)
    assert metal_kg == pytest.approx(cell.heat.metal_mass_kg, rel=0.01)
    anodes_cm2 = 1e4 * QUARTERS * level_area_m2(boxes, boxes.is_underside)
    metal_cm2 = 1e4 * QUARTERS * level_area_m2(boxes, boxes.is_cathode_top)
    assert anodes_cm2 == pytest.approx(cell.electrodes.anode_area_cm2, rel=0.001)
    assert metal_cm2 == pytest.approx(cell.electrodes.cathode_area_cm2, rel=0.01)


def test_the_gap_is_the_anode_cathode_distance(built: Built) -> None:
    design, boxes = built
    at_gap = np.asarray(boxes.is_gap).any(axis=(0, 1))
    assert np.count_nonzero(at_gap) >= 3
    gap_m = float(np.sum(np.asarray(boxes.grid.width_z_m)[at_gap]))
    assert gap_m == pytest.approx(design.cell.nominal.acd_cm / 100.0, rel=1e-12)


def test_every_column_under_an_anode_knows_which(built: Built) -> None:
    design, boxes = built
    index = np.asarray(boxes.anode_index)
    np.testing.assert_array_equal(np.asarray(boxes.is_gap).any(axis=2), index >= 0)
    np.testing.assert_array_equal(np.asarray(boxes.is_underside).sum(axis=2), index >= 0)
    areas = np.asarray(compute_areas_m2(boxes.grid)[2])[:, :, 0]
    of_each = np.array([areas[index == place].sum() for place in range(index.max() + 1)])
    one_m2 = design.cell.electrodes.anode_area_cm2 / design.cell.electrodes.anode_count / 1e4
    in_quarter = design.cell.electrodes.anode_count / 4
    halves = [0.5] if in_quarter % 1 else []  # the middle plane cuts an odd row's middle anode
    expected = one_m2 * np.array(halves + [1.0] * int(in_quarter))
    np.testing.assert_allclose(of_each, expected, rtol=1e-3)


def test_what_the_drops_are_made_of(built: Built) -> None:
    design, boxes = built
    cell, current_a = design.cell, design.line.current_ka * 1e3
    electrodes = cell.electrodes
    anode, cathode = cell.geometry.anode_height_m, cell.lining.cathode_block_m
    for contact, code, thickness_m, resistance_uohm in (
        (boxes.anode_contact_s, Material.ANODE, anode, electrodes.anode_resistance_uohm),
        (boxes.cathode_contact_s, Material.CATHODE, cathode, electrodes.cathode_resistance_uohm),
    ):
        conducting = np.asarray(boxes.material) == code
        assert np.all(conducting[np.asarray(contact) > 0.0])
        touching = np.asarray(contact).any(axis=2)
        area_m2 = QUARTERS * level_area_m2(boxes, touching[:, :, None])
        sigma = np.asarray(boxes.maps.electrical_conductivity_s_per_m)[conducting][0]
        contact_ohm = 1.0 / (QUARTERS * float(jnp.sum(contact)))
        drop_v = current_a * (thickness_m / (sigma * area_m2) + contact_ohm)
        assert drop_v == pytest.approx(current_a * resistance_uohm * 1e-6, rel=0.02)


def test_every_box_has_a_material_and_its_figures(built: Built) -> None:
    _, boxes = built
    assert set(np.unique(np.asarray(boxes.material))) == set(Material)
    for name, field in boxes.maps._asdict().items():
        assert field.shape == boxes.grid.shape, name
        assert bool(jnp.all(jnp.isfinite(field))), name
    assert float(jnp.min(boxes.maps.conductivity_w_per_m_k)) > 0.0
    is_live = np.asarray(boxes.maps.electrical_conductivity_s_per_m) > 0.0
    live = {Material(int(code)) for code in np.unique(np.asarray(boxes.material)[is_live])}
    assert live == {Material.ANODE, Material.METAL, Material.CATHODE}


def test_bath_freezes_from_the_wall_as_designed(built: Built) -> None:
    design, boxes = built
    share = np.asarray(boxes.nominal_liquid_share)
    is_bath = np.asarray(boxes.is_bath)
    assert np.all(share[~is_bath] == 1.0)
    level = int(np.argmax(is_bath[0, 0]))
    widths = np.asarray(boxes.grid.width_x_m)
    ledge_m = float(np.sum(((1.0 - share[:, 0, level]) * widths)[is_bath[:, 0, level]]))
    assert ledge_m == pytest.approx(design.cell.nominal.ledge_cm / 100.0, rel=1e-9)
    assert np.count_nonzero((share[:, 0, level] < 1.0) & is_bath[:, 0, level]) >= 3


def test_films_are_outside_and_at_the_toe_only(built: Built) -> None:
    _, boxes = built
    material = np.asarray(boxes.material)
    toe_x = np.asarray(boxes.film_m2_k_per_w.x) > 0.0
    pair = np.sort(np.stack([material[:-1], material[1:]]), axis=0)
    expected = (pair[0] == Material.LEDGE) & (pair[1] == Material.METAL)
    np.testing.assert_array_equal(toe_x, expected)
    assert float(jnp.min(boxes.convection_w_per_m2_k.y_high)) > 0.0


def test_the_quarter_has_its_feeders(built: Built) -> None:
    design, boxes = built
    along_m = np.asarray(boxes.feeders_m)[:, 1]
    assert 2 * along_m.size == len(design.cell.geometry.feeders_along_m)
    assert np.all(along_m < np.sum(np.asarray(boxes.grid.width_y_m)))


def test_a_slice_carries_the_current_of_a_quarter(sliced: Built) -> None:
    design, boxes = sliced
    anodes_cm2 = 1e4 * QUARTERS * level_area_m2(boxes, boxes.is_underside)
    assert anodes_cm2 == pytest.approx(design.cell.electrodes.anode_area_cm2, rel=0.001)
    at_gap = np.asarray(boxes.is_gap).any(axis=(0, 1))
    gap_m = float(np.sum(np.asarray(boxes.grid.width_z_m)[at_gap]))
    assert gap_m == pytest.approx(design.cell.nominal.acd_cm / 100.0, rel=1e-12)
    assert float(jnp.max(boxes.convection_w_per_m2_k.y_high)) == 0.0
    assert boxes.feeders_m.shape == (1, 2)


@pytest.mark.parametrize("plant", PLANTS)
def test_the_smallest_grid_is_built_and_a_smaller_one_refused(plant: str) -> None:
    design = load_design(plant)
    smallest = SMALLEST[plant]
    boxes = make_cell_boxes(design, *smallest)
    assert set(np.unique(np.asarray(boxes.material))) == set(Material)
    for axis, name in enumerate("xyz"):
        fewer = list(smallest)
        fewer[axis] -= 1
        with pytest.raises(ValueError, match=f"{fewer[axis]} boxes along {name} do not resolve"):
            make_cell_boxes(design, *fewer)


@pytest.mark.slow
def test_the_lining_loses_what_the_lumped_cell_loses(built: Built) -> None:
    """Steady conduction from bath and metal at the nominal ledge, with the current's heat."""
    design, boxes = built
    loss_w, top_and_bottom_w = conduct(design, boxes)
    point = compute_operating_point(make_parameters(design), make_operating_inputs(design))
    lumped_w = float(point.heat.top_and_bottom_w + point.heat.side_w)
    assert loss_w == pytest.approx(lumped_w, rel=0.1)
    # Where the heat leaves is less certain than how much: the lumped figures are design values.
    assert top_and_bottom_w == pytest.approx(float(point.heat.top_and_bottom_w), rel=0.25)


def conduct(design: PlantDesign, boxes: CellBoxes) -> tuple[float, float]:
    """Heat that leaves the whole cell, and through top and bottom, W; a film of 38 W/m2/K."""
    cell, grid = design.cell, boxes.grid
    film_w_per_m2_k = 25.0 + 13.0  # convection, and radiation linearised at a shell of 250 degC
    areas = [np.asarray(area) for area in compute_areas_m2(grid)]
    k = np.asarray(boxes.maps.conductivity_w_per_m_k)
    outer = []
    for axis, end in ((0, -1), (1, -1), (2, 0), (2, -1)):
        at = tuple(end if a == axis else slice(None) for a in range(3))
        resistance = 0.5 * float(grid[axis][end]) / k[at] + 1.0 / film_w_per_m2_k
        loss = np.zeros(grid.shape)
        loss[at] = np.broadcast_to(areas[axis], grid.shape)[at] / resistance
        outer.append(loss)
    held_w_per_k = 1e6  # holds bath and metal at their temperature
    is_hot = np.asarray(boxes.is_metal) | (
        np.asarray(boxes.is_bath) & (np.asarray(boxes.nominal_liquid_share) > 0.5)
    )
    hot_c, ambient_c = cell.nominal.bath_temperature_c, cell.heat.ambient_temperature_c
    heat_w = np.zeros(grid.shape)
    for contact, resistance_uohm in (
        (boxes.anode_contact_s, cell.electrodes.anode_resistance_uohm),
        (boxes.cathode_contact_s, cell.electrodes.cathode_resistance_uohm),
    ):
        share = np.asarray(contact) / float(jnp.sum(contact))
        heat_w += share * (design.line.current_ka * 1e3) ** 2 * resistance_uohm * 1e-6 / QUARTERS
    loss = sum(outer)
    solution = solve_stencil(
        Stencil(
            jnp.asarray(loss + held_w_per_k * is_hot),
            compute_conductances(grid, jnp.asarray(k), boxes.film_m2_k_per_w),
        ),
        jnp.asarray(heat_w + held_w_per_k * is_hot * (hot_c - ambient_c)),
        jnp.zeros(grid.shape),
        1e-8,
    )
    above_c = np.asarray(solution.field)
    leaving = [QUARTERS * float(np.sum(one * above_c)) for one in outer]
    return sum(leaving), leaving[2] + leaving[3]


def test_a_length_is_divided_at_every_edge() -> None:
    stretches = [Stretch("a", 0.5, 1), Stretch("b", 0.03, 2), Stretch("c", 1.0, 1)]
    fineness = Fineness(0.5, 0.53, 0.01, 0.2, 0.2)
    widths = divide(stretches, fineness, 24, "x")
    ends = np.cumsum(widths)
    assert widths.shape == (24,)
    assert np.all(widths > 0.0)
    for edge in (0.5, 0.53, 1.53):
        assert np.min(np.abs(ends - edge)) < 1e-12
    assert np.argmin(widths) in range(*np.searchsorted(ends, [0.5, 0.53]) + 1)
    with pytest.raises(ValueError, match=r"3 boxes along x .* needs 4: 1 for a, 2 for b, 1 for c"):
        divide(stretches, fineness, 3, "x")
