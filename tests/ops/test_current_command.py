"""`potline current`: prices from a file, a schedule with its reasons, a page."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.line_schedule import make_nature, read_market
from ops.mistakes import ConfigurationError
from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT
from tests.physics.strict import strict_jax

__all__ = ["strict_jax"]

METALX = DEFAULT_PLANT.parent / "metalx-120ka.toml"


def write_prices(folder: Path, text: str | None = None) -> Path:
    if text is None:
        hours = range(24)
        rows = [f"{50 + 30 * np.sin(h / 24 * 2 * np.pi):.2f}," for h in hours]
        rows[20] += "28.6"
        text = "\n".join(["price_per_mwh,limit_mw", *rows])
    path = folder / "prices.csv"
    path.write_text(text)
    return path


def current(path: Path, *flags: str, plant: Path = DEFAULT_PLANT) -> Result:
    return CliRunner().invoke(
        app, ["current", "--prices", str(path), "--plant", str(plant), *flags]
    )


def test_a_line_draws_at_its_nominal_current_what_its_cells_draw() -> None:
    design = load_plant(DEFAULT_PLANT).design
    nature = make_nature(design, 24)
    assert nature.power_mw(np.array([300.0]))[0] == pytest.approx(24 * 4.2 * 300.0 / 1e3, rel=2e-3)
    # 0.3356 kg per kA and hour at an efficiency of 1
    assert 0.3356 * 0.93 < nature.metal_kg_per_ka_h < 0.3356 * 0.96
    assert 1.5 < nature.counter_voltage_v < 2.2


def test_the_schedule_comes_as_an_object_and_as_a_table(tmp_path: Path) -> None:
    path = write_prices(tmp_path)
    result = current(path, "--json")
    assert result.exit_code == 0
    plan = json.loads(result.stdout)
    assert plan["status"] == "planned"
    assert plan["metal_t"] == pytest.approx(plan["target_t"], rel=0.003)
    assert plan["cost"] < plan["flat_cost"]
    hours = plan["hours"]
    assert hours[20]["power_mw"] <= 28.6 + 1e-6
    assert hours[20]["limit_worth_per_mw"] > 0.0
    assert hours[0]["limit_mw"] is None
    table = current(path).stdout
    assert plan["reason"] in table
    assert f"{hours[5]['current_ka']:.1f}" in table


def test_the_page_tells_and_shows_the_schedule(tmp_path: Path) -> None:
    page = tmp_path / "current.html"
    result = current(write_prices(tmp_path), "--page", str(page), plant=METALX)
    assert result.exit_code == 0, result.output
    text = page.read_text()
    assert "line current, kA" in text
    assert "price per MWh" in text
    assert "metalx-120ka, " in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("price_per_mwh\n40\nabc\n", ["price_per_mwh = abc", "prices.csv:3", "number"]),
        ("price_per_mwh\n40\nnan\n", ["price_per_mwh = nan", "prices.csv:3"]),
        ("price_per_mwh\n-40\n", ["price_per_mwh = -40", "0 or more"]),
        ("price_per_mwh,limit_mw\n40,x\n", ["limit_mw = x", "prices.csv:2"]),
        ("cost\n40\n", ["no such column", "price_per_mwh"]),
        ("", ["no such column"]),
    ],
)
def test_mistakes_in_the_file_are_all_told_with_their_lines(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_market(write_prices(tmp_path, text))
    told = " ".join(str(mistake) for mistake in caught.value.mistakes)
    assert all(word in told for word in words), told


def test_a_limit_that_no_current_keeps_ends_with_the_reason(tmp_path: Path) -> None:
    result = current(write_prices(tmp_path, "price_per_mwh,limit_mw\n40,1\n50,\n"))
    assert result.exit_code == 1
    assert "the current stays" in result.stdout
