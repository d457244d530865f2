"""The simulated line under its own local control, without a server."""

from pathlib import Path

import numpy as np
import pytest

from control.baseline import TUNED, scale_baseline
from opcua.nodes import CellMode
from opcua.simulation import BEAM, FEED, LineScan, LineSimulation
from opcua.watchdog import Modes
from ops.plantfile import PlantFile, load_plant
from physics.signals import ALF3_SETPOINT

CELLS = 3
STEP_S = 15.0
PLANTS = Path(__file__).parents[2] / "plants"


def _modes(mode: CellMode) -> Modes:
    return np.full(CELLS, mode, dtype=np.int64)


class _Line:
    """A simulated line that accepts what local control wants where it has the cell."""

    def __init__(self, plant: PlantFile, seed: int = 3) -> None:
        self.simulation = LineSimulation(plant.design, plant.setpoints, CELLS, seed, 0.0)
        self.accepted = dict(self.simulation.start)
        self.t_s = 0.0

    def run(self, hours: float, mode: CellMode) -> list[LineScan]:
        """Run on; return all scans."""
        scans = []
        for _ in range(round(hours * 3600.0 / STEP_S)):
            self.t_s += STEP_S
            scan = self.simulation.step(self.t_s, self.accepted, _modes(mode))
            if mode is CellMode.AUTO:
                self.accepted = scan.wanted
            scans.append(scan)
        return scans


@pytest.mark.parametrize("name", ["reference-300ka", "metalx-120ka"])
def test_local_control_holds_any_line_near_its_design(name: str) -> None:
    plant = load_plant(PLANTS / f"{name}.toml", CELLS)
    scans = _Line(plant).run(8.0, CellMode.AUTO)
    calm = [scan.cells["cell_voltage_v"] for scan in scans if not scan.anode_effect.any()]
    assert len(calm) > 0.9 * len(scans)
    nominal_v = plant.cell.nominal.cell_voltage_v
    assert np.mean(calm) == pytest.approx(nominal_v, abs=0.15)
    fed_kg = scans[-1].cells["alumina_fed_kg"]
    settings = scale_baseline(TUNED, plant.design)
    demand_kg = settings.alumina_kg_per_kah * plant.line.current_ka * 8.0
    assert fed_kg == pytest.approx(np.full(CELLS, demand_kg), rel=0.3)
    for row in plant.setpoints:
        wanted = np.array([scan.wanted[row.name] for scan in scans])
        assert (wanted >= row.low).all()
        assert (wanted <= row.high).all()


def test_a_remote_cell_does_what_it_accepted(plant: PlantFile) -> None:
    line = _Line(plant)
    line.accepted = {FEED: np.full(CELLS, 200.0), BEAM: line.accepted[BEAM] + 0.5}
    before = line.simulation.start[BEAM]
    scan = line.run(0.05, CellMode.REMOTE_CASCADE)[-1]
    assert scan.working[FEED].tolist() == [200.0] * CELLS
    assert scan.cells[BEAM] == pytest.approx(before + 0.5, abs=0.11)
    assert not scan.is_local.any()


def test_a_remote_cell_doses_what_it_accepted_and_a_local_one_by_its_routine(
    plant: PlantFile,
) -> None:
    line = _Line(plant)
    start = line.simulation.start[ALF3_SETPOINT]
    assert ((start > 10.0) & (start < 50.0)).all()
    line.accepted = line.accepted | {ALF3_SETPOINT: np.array([5.0, 40.0, 70.0])}
    scan = line.run(0.05, CellMode.REMOTE_CASCADE)[-1]
    assert scan.working[ALF3_SETPOINT].tolist() == [5.0, 40.0, 70.0]
    scan = line.run(0.05, CellMode.AUTO)[-1]
    assert scan.wanted[ALF3_SETPOINT] == pytest.approx(start)
    without = load_plant(PLANTS / "metalx-120ka.toml", CELLS)
    scan = _Line(without).run(0.05, CellMode.AUTO)[-1]
    assert ALF3_SETPOINT not in scan.wanted
    assert ALF3_SETPOINT not in scan.working


def test_the_hand_over_to_local_control_has_no_bump(plant: PlantFile) -> None:
    line = _Line(plant)
    line.accepted = {FEED: np.full(CELLS, 140.0), BEAM: line.accepted[BEAM] + 1.0}
    line.run(0.5, CellMode.REMOTE_CASCADE)
    held = line.accepted
    first = line.run(STEP_S / 3600.0, CellMode.AUTO)[0]
    assert first.is_local.all()
    assert first.wanted[FEED] == pytest.approx(held[FEED], abs=5.0)
    assert first.wanted[BEAM] == pytest.approx(held[BEAM], abs=0.01)


def test_an_anode_effect_is_treated_in_every_mode_and_then_forgotten(plant: PlantFile) -> None:
    line = _Line(plant)
    low = next(row.low for row in plant.setpoints if row.name == FEED)
    line.accepted = {FEED: np.full(CELLS, low), BEAM: line.accepted[BEAM]}
    scans = line.run(10.0, CellMode.REMOTE_CASCADE)
    treated = np.array([scan.anode_effect for scan in scans])
    assert treated.any()
    at, cell = np.argwhere(treated)[0]
    assert scans[at].cells["cell_voltage_v"][cell] > 8.0
    assert scans[at].working[FEED][cell] > 2.0 * low
    assert scans[at].working[BEAM][cell] == pytest.approx(line.accepted[BEAM][cell] - 10.0)
    free = np.flatnonzero(~treated[at:, cell])
    assert free.size  # it ends
    assert scans[at + free[0]].working[FEED][cell] == low
    assert scans[at + free[0]].working[BEAM][cell] == line.accepted[BEAM][cell]
