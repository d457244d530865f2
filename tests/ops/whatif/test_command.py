"""`potline whatif` as a person or a script runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.mistakes import ConfigurationError
from ops.settings import DEFAULT_PLANT
from ops.whatif.inputs import OVERRIDES, STATES
from ops.whatif.study import PAGE_FILE, RESULT_FILE


def whatif(*words: str) -> Result:
    return CliRunner().invoke(
        app, ["whatif", "--plant", str(DEFAULT_PLANT), "--nominal", *words], env={"COLUMNS": "130"}
    )


def test_help_teaches_every_name_and_examples() -> None:
    shown = whatif("--help").stdout
    for known in (*OVERRIDES, *STATES):
        assert known.name in shown
    assert "--override feed=0.8" in shown


@pytest.mark.parametrize("cell", ["0", "99"])
def test_a_cell_that_is_none_is_refused(cell: str) -> None:
    error = whatif("--cell", cell, "--override", "feed=0.8").exception
    assert isinstance(error, ConfigurationError)
    assert f"cell = {cell} (--cell): is no cell of reference-300ka. Remedy: 1 to 24" in str(error)


def test_nothing_to_play_is_a_mistake() -> None:
    shown = whatif("--cell", "1")
    assert shown.exit_code == 2
    assert "nothing to play" in shown.stderr


@pytest.mark.slow
def test_less_feed_on_a_lean_cell_ends_in_an_anode_effect(tmp_path: Path) -> None:
    shown = whatif(
        *("--cell", "17", "--override", "feed=0.8", "--set", "alumina_pct=2.4"),
        *("--hours", "4", "--json", "--report", str(tmp_path)),
    )
    assert shown.exit_code == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert json.loads((tmp_path / RESULT_FILE).read_text(encoding="utf-8")) == found
    courses = found["courses"]
    feed = "alumina_feed_rate_kg_per_h"
    assert found["interlock"][feed]["ruling"] == "permitted"
    override, hold, mpc = (courses[name] for name in ("override", "hold", "mpc"))
    # A fifth of the feed for an hour is 36 kg in 7 t of bath, half a per cent; 0.6 are left.
    assert 0.8 < override["anode_effect_h"] < 2.0
    assert hold["anode_effect_h"] is None
    assert mpc["anode_effect_h"] is None
    assert override["anode_effect_probability"] > hold["anode_effect_probability"]
    assert mpc["anode_effect_probability"] is None
    assert mpc["end"]["alumina_wt_pct"] > hold["end"]["alumina_wt_pct"]
    assert "alumina_wt_pct" in {row["quantity"] for row in override["crossings"]}
    assert override["series"]["alumina_wt_pct"][-1] is None  # after its end
    page = (tmp_path / PAGE_FILE).read_text(encoding="utf-8")
    assert found["sentences"][0] in page


@pytest.mark.slow
def test_a_beam_is_played_as_the_interlock_lets_it_through() -> None:
    shown = whatif("--override", "beam_mm=-2", "--hours", "2")
    assert shown.exit_code == 0, shown.stderr
    assert "the interlock limits it (198 limited to 199 by one step of 1)" in shown.stdout
    assert "there after 6 min" in shown.stdout
    assert "keeps every bound for 2 h" in shown.stdout
