"""What drives a full-order run."""

from pathlib import Path

import numpy as np
import pytest

from ops.fields.inputs import DRIVES, make_drives, make_nominal_drives
from ops.mistakes import ConfigurationError
from tests.physics.plants import load_design

NOMINAL = make_nominal_drives(load_design("reference-300ka.toml"), alf3_kg_per_h=1.5)


def test_nominal_drives_are_those_of_the_plant() -> None:
    drives = make_drives(NOMINAL, [], None).at(3600.0)
    assert list(drives) == list(DRIVES)
    assert drives["line_current_ka"] == 300.0
    assert drives["feed_kg_per_h"] == pytest.approx(179.8, abs=0.1)


def test_a_table_is_joined_by_straight_lines_and_a_setting_wins(tmp_path: Path) -> None:
    path = tmp_path / "inputs.csv"
    path.write_text("t_h,line_current_ka,acd_cm\n0,300,4.0\n2,310,4.2\n")
    table = make_drives(NOMINAL, ["acd_cm=4.5"], path)
    assert table.at(3600.0)["line_current_ka"] == pytest.approx(305.0)
    assert table.at(1e9)["line_current_ka"] == pytest.approx(310.0)
    assert table.at(0.0)["acd_cm"] == pytest.approx(4.5)
    np.testing.assert_allclose(table.t_s, [0.0, 7200.0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["acd=4.5"], "acd (--set): unknown name. Did you mean acd_cm?"),
        (["acd_cm=wide"], "acd_cm = wide (--set): must be a number"),
        (["acd_cm"], "acd_cm (--set): must be a number"),
        (["acd_cm=nan"], "acd_cm = nan (--set): must be a number"),
        (["acd_cm=-1"], "acd_cm = -1 (drives): must be above 0"),
        (["feed_kg_per_h=-1"], "feed_kg_per_h = -1 (drives): must not be below 0"),
    ],
)
def test_a_setting_that_cannot_be_is_named(settings: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make_drives(NOMINAL, settings, None)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t_h,speed\n0,1\n", "speed"),
        ("acd_cm\n4.2\n", "t_h"),
        ("", "t_h"),
        ("t_h,acd_cm\n0,4.2\n0,4.3\n", "must rise"),
        ("t_h,acd_cm\n0,4.2\n1,much\n", "on line 3 is no number"),
        ("t_h,acd_cm\n0,4.2\n1\n", "on line 3 is no number"),
    ],
)
def test_a_table_that_cannot_be_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "inputs.csv"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        make_drives(NOMINAL, [], path)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent.csv .*cannot be read"):
        make_drives(NOMINAL, [], tmp_path / "absent.csv")
