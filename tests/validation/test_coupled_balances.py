"""A day of a small cell whose ledge grows: nothing is lost between its three fields."""

import jax.numpy as jnp
import pytest

from physics.fields.coupled_run import CoupledRun, begin_run, run_coupled
from physics.fields.coupled_step import make_tolerances
from physics.fields.coupled_summary import summarise
from physics.fields.coupling import CoupledSetting
from physics.fields.sdirk import RunStatus
from tests.physics.fields.small_cell import make_drives, make_small_cell

DAY_S = 86400.0


def _hold(setting: CoupledSetting, run: CoupledRun) -> dict[str, float]:
    """Heat, alumina and AlF3 in the boxes."""
    figures, share = summarise(setting, run, make_drives()), float(setting.potential.share)
    return {
        "heat": 1e6 * share * float(figures.stored_heat_mj),
        "alumina": share * float(figures.dissolved_kg + figures.undissolved_kg + figures.sludge_kg),
        "alf3": share * float(figures.excess_alf3_kg),
    }


@pytest.mark.slow
def test_a_day_of_the_coupled_fields_balances() -> None:
    setting, drives = make_small_cell(), make_drives()
    shape = setting.heat.grid.shape
    temperature = jnp.where(setting.heat.is_wall, 700.0, jnp.full(shape, 962.0))
    begun = begin_run(setting, temperature, 3.0, 13.0, drives)
    run = run_coupled(setting, begun, drives, drives, DAY_S, make_tolerances())
    assert int(run.status) == RunStatus.DONE
    before, after, ledger = _hold(setting, begun), _hold(setting, run), run.ledger
    assert float(jnp.sum(run.state.heat.frozen_share)) > 1.0, "some bath froze"
    through = {
        "heat": (ledger.source_j - ledger.outside_j, ledger.source_j + ledger.outside_j),
        "alumina": (ledger.fed_kg - ledger.consumed_kg, ledger.fed_kg),
        "alf3": (ledger.alf3_added_kg - ledger.alf3_lost_kg, ledger.alf3_added_kg),
    }
    for name, (net, turnover) in through.items():
        gained = after[name] - before[name]
        assert abs(gained - float(net)) <= 1e-8 * float(turnover), name
