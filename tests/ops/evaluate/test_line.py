"""The simulated line of an evaluation: the same for every controller, and harder when asked."""

from dataclasses import replace

import numpy as np
import pytest

from ops.evaluate.line import Block, Orders, SimulatedLine, shift_design
from ops.evaluate.options import Stress
from ops.plantfile import PlantFile
from physics.calibration.figures import FIGURES, read_figure
from physics.signals import SIGNALS

CELLS = 2
HOURS = 6


def _run(plant: PlantFile, volts: float, feed: float, stress: Stress) -> list[Block]:
    line = SimulatedLine(plant.design, CELLS, 5, stress, volts)
    beam = np.asarray(line.state.beam_mm)
    orders = Orders(np.full(CELLS, feed), beam, np.full(CELLS, np.nan))
    return [line.run(orders) for _ in range(60 * HOURS)]


@pytest.fixture(scope="module")
def one(plant: PlantFile) -> list[Block]:
    return _run(plant, 4.2, 180.0, Stress())


@pytest.fixture(scope="module")
def other(plant: PlantFile) -> list[Block]:
    return _run(plant, 4.6, 260.0, Stress())


def _all(blocks: list[Block], name: str) -> np.ndarray:
    return np.stack([getattr(block.truth, name) for block in blocks])


def test_what_befalls_the_cells_is_the_same_whoever_moves_them(
    one: list[Block], other: list[Block]
) -> None:
    for name in ("feed_share", "line_current_ka"):
        assert np.array_equal(_all(one, name), _all(other, name)), name
    assert not np.allclose(_all(one, "alumina_wt_pct"), _all(other, "alumina_wt_pct"))


def test_a_line_begins_at_the_voltage_that_it_has_stood_at(
    one: list[Block], other: list[Block]
) -> None:
    assert one[0].truth.cell_voltage_v.mean() == pytest.approx(4.2, abs=0.06)
    assert other[0].truth.cell_voltage_v.mean() == pytest.approx(4.6, abs=0.06)


def test_times_rise_by_a_scan(one: list[Block]) -> None:
    times = np.concatenate([block.scans.t_plant_s for block in one])
    assert np.allclose(np.diff(times), 15.0)


def test_noise_and_missing_samples_are_the_instruments_and_not_the_cells(
    plant: PlantFile, one: list[Block]
) -> None:
    hard = _run(plant, 4.2, 180.0, Stress(noise_factor=2.0, missing_pct=5.0))
    assert np.array_equal(_all(one, "cell_voltage_v"), _all(hard, "cell_voltage_v"))
    value = np.concatenate([block.scans.value for block in hard])
    assert np.isnan(value).mean() == pytest.approx(0.05, abs=0.005)
    current = np.isnan(value[..., SIGNALS.index("line_current_ka")])
    assert np.array_equal(current[:, 0], current[:, 1])  # one instrument for the line
    quiet = np.concatenate([block.scans.value for block in one])
    calm = ~np.concatenate([block.truth.anode_effect for block in hard])  # which is loud
    for name in ("cell_voltage_v", "line_current_ka"):
        at = SIGNALS.index(name)
        truth = np.concatenate([getattr(block.truth, name) for block in hard])
        usual = np.std((quiet[..., at] - truth)[calm])
        noisy = np.nanstd((value[..., at] - truth)[calm])
        assert noisy == pytest.approx(2.0 * usual, rel=0.12), name


def test_shifted_figures_are_off_by_the_share_each_to_one_side(plant: PlantFile) -> None:
    shifted = shift_design(plant.design, 0.1, 7)
    ratios = np.array(
        [read_figure(shifted, f) / read_figure(plant.design, f) for f in FIGURES[:-1]]
    )
    assert np.allclose(np.abs(ratios - 1.0), 0.1)
    assert len(set(np.sign(ratios - 1.0))) == 2
    lost = (1.0 - shifted.cell.efficiency.reference) / (1.0 - plant.cell.efficiency.reference)
    assert abs(lost - 1.0) == pytest.approx(0.1)
    assert shift_design(plant.design, 0.1, 7) == shifted
    assert shift_design(plant.design, 0.1, 8) != shifted
    assert shift_design(plant.design, 0.0, 7) == plant.design


def test_nothing_else_of_a_design_is_shifted(plant: PlantFile) -> None:
    shifted = shift_design(plant.design, 0.1, 7)
    assert shifted.line == plant.line
    assert replace(shifted.cell, **{t: getattr(plant.cell, t) for t in _TABLES}) == plant.cell


_TABLES = sorted({figure.key.partition(".")[0] for figure in FIGURES})
