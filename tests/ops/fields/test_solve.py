"""`potline solve` as a person runs it, on the fewest boxes that a cell can be made of."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.fields.checkpoint import checkpoint_path
from ops.fields.file import FieldsFile
from ops.mistakes import ConfigurationError, OperationError
from tests.physics.plants import PLANTS

PLANT = str(PLANTS / "reference-300ka.toml")
SLICE = ["solve", "--plant", PLANT, "--grid", "14x1x18", "--settle-days", "0", "--every-min", "10"]


def _solve(*words: str) -> None:
    result = CliRunner().invoke(app, [*SLICE, *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_is_written_drawn_and_gone_on_with(tmp_path: Path) -> None:
    out = tmp_path / "run.h5"
    _solve("--out", str(out), "--hours", "0.5", "--plot")
    whole = FieldsFile(out)
    series = whole.read_series()
    np.testing.assert_allclose(series["t_s"], [0.0, 600.0, 1200.0, 1800.0])
    assert np.all((series["cell_voltage_v"] > 3.8) & (series["cell_voltage_v"] < 4.6))
    assert whole.read_about()["status"] == "finished"
    assert not checkpoint_path(out).exists()
    for name in ("run.xdmf", "run.png", "run-series.png"):
        assert (tmp_path / name).stat().st_size > 1000
    # heat: what came in, less what went out, is what is stored more
    gained = series["supplied_mj"] - series["outside_mj"]
    stored = series["stored_heat_mj"] - series["stored_heat_mj"][0]
    np.testing.assert_allclose(stored, gained, atol=1e-8 * series["supplied_mj"][-1])

    # a run that is cut off and gone on with ends where the whole one does
    cut = tmp_path / "cut.h5"
    with pytest.raises(OperationError, match="no run can be gone on with"):
        _solve("--out", str(cut), "--hours", "0.5", "--resume")
    kept = checkpoint_path(cut)
    _stop_after_two_pictures(cut)
    assert kept.exists()
    _solve("--out", str(cut), "--hours", "0.5", "--resume")
    again = FieldsFile(cut).read_series()
    np.testing.assert_allclose(again["t_s"], series["t_s"])
    np.testing.assert_allclose(again["cell_voltage_v"], series["cell_voltage_v"], rtol=1e-9)


def _stop_after_two_pictures(out: Path) -> None:
    """Run as the command does, and stop as an interrupted one would: between two pictures."""
    from rich.console import Console

    from ops.fields import solve as solving
    from ops.plantfile import design_hash, load_plant

    plant = load_plant(Path(PLANT))
    options = solving.SolveOptions(
        out=out, hours=0.5, grid="14x1x18", settle_days=0.0, every_min=10.0
    )
    steps = solving.follow_cell(
        plant.design, design_hash(plant.design), options, Console(quiet=True)
    )
    for now in steps:
        if now.figures.get("t_s", 0.0) >= 600.0:
            break
    steps.close()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--grid", "48by48"], "must be three counts"),
        (["--grid", "4x1x4"], "ask for 14 or more along x"),
        (["--hours", "0"], "must be above 0"),
        (["--set", "acd=4"], "Did you mean acd_cm"),
        (["--settle-days", "-1"], "must be 0 to 365"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, words: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _solve("--out", str(tmp_path / "run.h5"), *words)
    assert message in str(caught.value)
