"""`potline cell`: the numbers it prints, the mistakes it explains, the help that teaches."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ops.cell_inputs import CELL_INPUTS
from ops.cli import app
from ops.mistakes import ConfigurationError
from ops.settings import DEFAULT_PLANT
from tests.physics.strict import strict_jax

__all__ = ["strict_jax"]

METALX = DEFAULT_PLANT.parent / "metalx-120ka.toml"
PARTS = {
    "reversible",
    "anode_reaction",
    "anode_concentration",
    "cathode_concentration",
    "bath",
    "bubble",
    "anode",
    "cathode",
    "external",
}


def cell(*words: str, plant: Path = DEFAULT_PLANT) -> Result:
    flags = [flag for word in words for flag in ("--set", word)]
    return CliRunner().invoke(app, ["cell", "--plant", str(plant), "--json", *flags])


def mistakes_of(*words: str, plant: Path = DEFAULT_PLANT) -> list[str]:
    error = cell(*words, plant=plant).exception
    assert isinstance(error, ConfigurationError)
    return [str(mistake) for mistake in error.mistakes]


def test_the_object_has_the_keys_that_scripts_use() -> None:
    result = cell("alumina_pct=3.5", "acd_cm=4.2")
    assert result.exit_code == 0
    point = json.loads(result.stdout)
    assert set(point) == {
        "voltage_v",
        "breakdown_v",
        "liquidus_c",
        "superheat_c",
        "bath_conductivity_s_per_cm",
        "energy_kwh_per_kg",
        "current_efficiency",
        "inputs",
    }
    assert set(point["breakdown_v"]) == PARTS
    assert set(point["inputs"]) == {known.name for known in CELL_INPUTS}
    assert point["inputs"]["alumina_pct"] == 3.5
    assert point["inputs"]["bath_temperature_c"] == 956.0  # nominal, as it was not given
    assert sum(point["breakdown_v"].values()) == pytest.approx(point["voltage_v"], rel=1e-12)
    assert point["superheat_c"] == pytest.approx(956.0 - point["liquidus_c"], abs=1e-9)


def test_the_reference_cell_stands_at_its_nominal_voltage() -> None:
    point = json.loads(cell().stdout)
    assert point["voltage_v"] == pytest.approx(4.2, abs=1e-3)
    assert point["liquidus_c"] == pytest.approx(949.90, abs=0.01)
    assert point["bath_conductivity_s_per_cm"] == pytest.approx(2.1547, abs=1e-3)
    breakdown = point["breakdown_v"]
    assert breakdown["cathode_concentration"] == pytest.approx(0.0634, abs=1e-3)
    assert breakdown["cathode"] == pytest.approx(0.285, abs=1e-3)


def test_the_second_plant_stands_at_its_nominal_voltage() -> None:
    assert json.loads(cell(plant=METALX).stdout)["voltage_v"] == pytest.approx(4.4, abs=1e-3)


def test_every_input_moves_the_voltage() -> None:
    nominal = json.loads(cell().stdout)
    for known in CELL_INPUTS:
        value = 1.01 * nominal["inputs"][known.name] + 0.01
        moved = json.loads(cell(f"{known.name}={value}").stdout)
        assert moved["voltage_v"] != nominal["voltage_v"], known.name


def test_what_it_prints_goes_back_in() -> None:
    first = json.loads(cell("alumina_pct=2.2", "current_ka=310").stdout)
    again = cell(*(f"{name}={value}" for name, value in first["inputs"].items()))
    assert json.loads(again.stdout) == first


def test_alumina_below_the_anode_effect_is_told() -> None:
    result = cell("alumina_pct=1.6")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["voltage_v"] > 4.4
    assert "not above the anode effect at 1.8 wt%" in result.stderr
    assert cell("alumina_pct=1.9").stderr == ""


def test_a_bath_below_its_liquidus_is_told() -> None:
    assert "below its liquidus" in cell("bath_temperature_c=940").stderr


def test_the_text_is_a_table_with_shares_that_fits_a_terminal() -> None:
    result = CliRunner().invoke(app, ["cell", "--plant", str(METALX), "--set", "alumina_pct=1.5"])
    assert result.exit_code == 0
    assert "Beware" in result.stdout
    shares = [
        float(line.split("%")[0].split()[-1])
        for line in result.stdout.partition("Voltage")[2].partition("Follows")[0].splitlines()
        if "%" in line and not line.startswith("cell ")
    ]
    assert len(shares) == len(PARTS)
    assert sum(shares) == pytest.approx(100.0, abs=0.5)
    assert all(len(line) <= 80 for line in result.stdout.partition("Beware")[0].splitlines())


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("alumina=3", "Did you mean alumina_pct?"),
        ("weather=3", "Known are: alumina_pct, acd_cm"),
        ("acd_cm", "must be NAME=NUMBER"),
        ("acd_cm=wide", "acd_cm = 'wide' (--set): is not a number. Remedy: anode-cathode distance"),
        ("acd_cm=4,2", "Did you mean 4.2?"),
        ("acd_cm=", "is not a number"),
        ("acd_cm=nan", "is not a number"),
        ("acd_cm=inf", "acd_cm = inf (--set): is out of the range"),
        ("acd_cm=0.5", "Remedy: anode-cathode distance in cm, 1.5 to 10."),
        (
            "bath_temperature_c=96",
            "is out of the range of the formulas. Remedy: temperature in degC, 900 to 1050.",
        ),
        ("alumina_pct=9", "more than this bath dissolves at 956 degC. Remedy: at most 7.86"),
        ("current_ka=600", "1.6 A/cm2 at the anodes of this cell. Remedy: 37.5 to 562.5 kA"),
    ],
)
def test_what_cannot_be_used_is_explained(word: str, said: str) -> None:
    (sentence,) = mistakes_of(word)
    assert said in sentence


def test_all_mistakes_come_at_once() -> None:
    found = mistakes_of("alumina=3", "acd_cm=0", "acd_cm=4", "acd_cm=5", "lif_pct=-1")
    assert len(found) == 4
    assert "is set twice, before to 4" in found[2]


def test_a_bath_of_additives_alone_is_refused() -> None:
    words = ("excess_alf3_pct=20", "caf2_pct=20", "lif_pct=10", "current_ka=5")
    found = mistakes_of(*words, plant=METALX)
    assert "leaves no cryolite bath" in found[0]
    assert "A/cm2 at the anodes" in found[1]


def test_a_mistake_ends_with_two_and_without_a_traceback() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "ops.cli", "cell", "--set", "alumina=3"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 2
    assert shown.stderr.startswith("potline: alumina = 3 (--set): unknown name.")


def test_help_teaches_every_name_and_an_example() -> None:
    shown = CliRunner().invoke(app, ["cell", "--help"], env={"COLUMNS": "100"}).stdout
    for known in CELL_INPUTS:
        assert known.name in shown
    assert "--set alumina_pct=2.2" in shown
