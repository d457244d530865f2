"""The fields, left to stand, stand at the design that the lumped cell was laid out for."""

import jax.numpy as jnp
import pytest

from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.fields.cell_losses import CellLosses, find_losses
from physics.fields.cell_setting import ALF3_LOSS_KG_PER_KG, make_cell_setting
from physics.fields.cell_start import begin_cell, settle
from physics.fields.coupled_run import CoupledRun, run_coupled
from physics.fields.coupled_step import make_tolerances
from physics.fields.coupled_summary import CellFigures, summarise
from physics.fields.coupling import CoupledSetting, Drives
from physics.fields.sdirk import RunStatus
from tests.physics.plants import load_design

GRID = (16, 29, 20)
TOLERANCES = make_tolerances(3.0, 0.1)

Settled = tuple[PlantDesign, CoupledSetting, CoupledRun, Drives, CellLosses, CellFigures]


@pytest.fixture(scope="module")
def settled() -> Settled:
    design = load_design("reference-300ka.toml")
    boxes, setting = make_cell_setting(design, *GRID)
    feed_kg_per_h = nominal_feed_kg_per_h(design)
    drives = Drives(
        *(
            jnp.asarray(figure)
            for figure in (
                design.line.current_ka,
                design.cell.nominal.acd_cm,
                feed_kg_per_h / 3600.0,
                ALF3_LOSS_KG_PER_KG * feed_kg_per_h / 3600.0,
                design.cell.heat.ambient_temperature_c,
            )
        )
    )
    begun = begin_cell(design, boxes, setting, drives)
    run = settle(design, setting, begun, drives, TOLERANCES, days=4.0)
    losses = find_losses(boxes, setting, run, drives)
    return design, setting, run, drives, losses, summarise(setting, run, drives)


@pytest.mark.slow
def test_a_settled_cell_stands_near_its_design(settled: Settled) -> None:
    design, _, run, _, losses, figures = settled
    nominal = design.cell.nominal
    assert int(run.status) == int(RunStatus.DONE)
    assert float(figures.bath_temperature_c) == pytest.approx(nominal.bath_temperature_c, abs=3.0)
    assert float(figures.excess_alf3_wt_pct) == pytest.approx(
        design.cell.bath.excess_alf3_wt_pct, abs=0.5
    )
    assert float(figures.liquid_bath_kg) == pytest.approx(design.cell.bath.mass_kg, rel=0.05)
    # the ledge at the height of the gap is the thinnest of the side's, the nominal one its mean
    assert 70.0 < float(figures.ledge_mm) < 10.0 * nominal.ledge_cm + 10.0
    assert float(figures.cell_voltage_v) == pytest.approx(nominal.cell_voltage_v, rel=0.02)
    # usual shares of a prebake cell: top 45 to 50 %, bottom 7 to 10 %, sides and ends the rest
    whole_kw = sum(float(part) for part in losses[:-1])
    top_kw = float(losses.anode_cover_kw + losses.crust_kw)
    assert 0.45 < top_kw / whole_kw < 0.50
    assert 0.07 < float(losses.bottom_kw) / whole_kw < 0.10


@pytest.mark.slow
def test_the_losses_are_all_that_leaves(settled: Settled) -> None:
    _, setting, run, drives, losses, _ = settled
    hour_s = 3600.0
    later = run_coupled(setting, run, drives, drives, hour_s, TOLERANCES)
    left_kw = 1e-3 * float(later.ledger.outside_j / setting.potential.share) / hour_s
    assert sum(float(part) for part in losses[:-1]) == pytest.approx(left_kw, rel=1e-3)
