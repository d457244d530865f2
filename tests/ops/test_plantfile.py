"""Plant files: what is read, and that every mistake is found at once and named by its place."""

import re
from pathlib import Path

import pytest

from ops.mistakes import ConfigurationError
from ops.plantfile import PlantFile, design_hash, load_plant, plant_hash
from ops.settings import DEFAULT_PLANT
from physics.signals import OPTIONAL_SETPOINTS, SETPOINTS, SIGNALS
from tests.opcua.node_peer import ACME_PLANT

REFERENCE = DEFAULT_PLANT.read_text(encoding="utf-8")
PLANT_FILES = [*sorted(DEFAULT_PLANT.parent.glob("*.toml")), ACME_PLANT]


def mistakes_in(tmp_path: Path, text: str, cells: int | None = None) -> list[str]:
    path = tmp_path / "plant.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_plant(path, cells)
    return [str(mistake) for mistake in caught.value.mistakes]


def changed(pattern: str, replacement: str) -> str:
    text, count = re.subn(pattern, replacement, REFERENCE, count=1, flags=re.MULTILINE)
    assert count == 1, pattern
    return text


@pytest.mark.parametrize("path", PLANT_FILES, ids=lambda p: p.stem)
def test_every_plant_file_of_the_repository_is_right(path: Path) -> None:
    plant = load_plant(path)
    assert plant.name == path.stem
    assert {row.name for row in plant.signals} == set(SIGNALS)
    mapped = {row.name for row in plant.opcua.setpoints}
    assert mapped == {row.name for row in plant.setpoints}
    assert set(SETPOINTS) <= mapped <= {*SETPOINTS, *OPTIONAL_SETPOINTS}
    assert plant.design.line is plant.line


@pytest.mark.parametrize("path", PLANT_FILES, ids=lambda p: p.stem)
def test_every_figure_has_its_source_or_design_value_beside_it(path: Path) -> None:
    bare = [
        f"{number}: {line}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if re.match(r"\w+ *= *[-+\[]?\d", line) and not re.search(r"#\s*\w", line)
    ]
    assert bare == []


def test_the_second_plants_voltage_is_data() -> None:
    plant = load_plant(DEFAULT_PLANT.parent / "metalx-120ka.toml")
    (volts,) = [row for row in plant.signals if row.name == "cell_voltage_v"]
    assert (volts.normal_low, volts.normal_high) == (4.0, 5.0)


def test_settings_choose_the_number_of_cells() -> None:
    plant = load_plant(DEFAULT_PLANT, cells=200)
    assert plant.line.cell_count == 200
    assert plant.signals == load_plant(DEFAULT_PLANT).signals


def test_the_hash_changes_with_a_figure_and_not_with_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    hashes, designs = [], []
    for text in (
        REFERENCE,
        "# other words\n" + REFERENCE,
        changed(r"^noise_sd = 2\.0 .*$", "noise_sd = 2.5"),
    ):
        path.write_text(text, encoding="utf-8")
        hashes.append(plant_hash(load_plant(path)))
        designs.append(design_hash(load_plant(path).design))
    assert hashes[0] == hashes[1] != hashes[2]
    assert designs[0] == designs[1] == designs[2], "noise is no figure of line or cell"
    path.write_text(changed(r"^current_ka = 300\.0 .*$", "current_ka = 301.0"), encoding="utf-8")
    assert design_hash(load_plant(path).design) != designs[0]
    assert re.fullmatch("[0-9a-f]{16}", hashes[0])


def test_a_plant_file_is_what_it_says() -> None:
    plant = load_plant(DEFAULT_PLANT)
    assert isinstance(plant, PlantFile)
    assert plant.metal == "aluminium"
    assert plant.line.current_ka == 300.0


def test_mistakes_of_all_tables_come_at_once(tmp_path: Path) -> None:
    text = changed(r"^cell_count = .*$", 'cell_count = "24"')
    text = text.replace("readback_deadline_s", "readback_dedline_s")
    text = text.replace("current_ka = 300.0", "current_ka = nan")
    text = text.replace('out_of_limit = "clamp"', 'out_of_limit = "ignore"', 1)
    text = text.replace('name = "voltage_noise_mv"', 'name = "voltage_noise"', 1)
    text = text.replace("schema_version = 1", "schema_version = 2")
    text += "\n[gard]\n"
    found = "\n".join(mistakes_in(tmp_path, text))
    for part in (
        "line.cell_count = '24'",
        "line.current_ka = nan",
        "must be a finite number",
        "setpoints.alumina_feed_rate_kg_per_h.out_of_limit = 'ignore'",
        "must be 'clamp' or 'reject'",
        "guard.readback_dedline_s",
        "Did you mean readback_deadline_s?",
        "guard.readback_deadline_s (",
        "signals.voltage_noise (",
        "Did you mean voltage_noise_mv?",
        "signals.voltage_noise_mv (",
        "schema_version = 2",
        "Did you mean guard?",
    ):
        assert part in found, f"{part}\nin\n{found}"
    assert "potline." not in found


@pytest.mark.parametrize(
    ("pattern", "replacement", "word"),
    [
        (r"^physical_low = 800\.0 .*$", "physical_low = 1200.0", "must be below physical_high"),
        (r"^normal_high = 990\.0 .*$", "normal_high = 1190.0", "within the physical range"),
        (r"^noise_sd = 0\.010 .*$", "noise_sd = 0.0", "noise_sd = 0"),
        (r"^frozen_after_s = 900\.0 .*$", "frozen_after_s = -1.0", "must be 0 or more"),
        (r'^unit = "V"$', 'unit = "mV"', "must be 'V', as the name says"),
        (r"^low = 90\.0 .*$", "low = 900.0", "setpoints.alumina_feed_rate_kg_per_h.low"),
        (r"^max_step = 1\.0 .*$", "max_step = 0.01", "no move is possible"),
        (r"^max_travel = 30\.0 .*$", "max_travel = -1.0", "max_travel = -1"),
        (r"^shed_after_s = .*$", "shed_after_s = 0.0", "guard.shed_after_s = 0"),
        (r"^cell_count = .*$", "cell_count = 301", "line.cell_count = 301"),
        (r"^cell_count = .*$", "cell_count = 0", "cell_count"),
        (r"^current_high_ka = .*$", "current_high_ka = 501.0", "good samples would be rejected"),
        (r"^node = \"ns=plant;s=L1\.LineCurrent\"$", "", "opcua.signals.line_current_ka ("),
        (r"^current_low_ka = .*$", 'current_low_ka = "270"', "valid number"),
        (r"^anode_width_m = .*$", "anode_width_m = 0.70", "33.6 m2 of anodes"),
        (r"^toe_m = .*$", "toe_m = 0.10", "m2 of metal, the other tables say 52"),
        (r"^metal_height_m = .*$", "metal_height_m = 0.2", "kg of metal"),
        (r"^bath_height_m = .*$", "bath_height_m = 0.2", "kg of bath"),
        (r"^bath_height_m = .*$", "bath_height_m = 0.04", "anodes 0.4 m high"),
        (r"^anode_count = .*$", "anode_count = 31", "two equal rows"),
        (r"^ledge_cm = .*$", "ledge_cm = 40.0", "does not fit beside the anodes: 37.0 cm"),
        (r"^cavity_width_m = .*$", "cavity_width_m = 3.0", "do not fit in a cavity 3.0 m wide"),
        (r"^feeders_along_m = .*$", "feeders_along_m = [-4.8, 1.6]", "not symmetric"),
        (r"^emissivity = .*$", "emissivity = 1.2", "black body"),
        (r"^shell_m = .*$", "shell_m = 0.0", "shell_m 0.0 must be above 0"),
        (r'^unit = "kg/day"$', 'unit = "kg/h"', "must be 'kg/day', as the name says"),
        (r"^alf3_high_kg_per_day = .*$", "alf3_high_kg_per_day = 101.0", "count on what is not"),
        (r"^drawn_layout = .*$", 'drawn_layout = "scalar"', "the same node for every cell"),
        (r"^layout = \"line\"$", 'layout = "row"', "must be 'scalar', 'array' or 'line'"),
        (r"^writer_token = ", "writer_tokens = ", "writer_token"),
        (r"^optimiser = .*$", "", "writer_token 'ns=plant;s=L1.Comm.WriterToken' needs heartbeats"),
        (r"^writer_token = .*$", 'writer_token = "L1"', "'L1'"),
        (r"^trip = .*$", 'trip = "L1"', "'L1'"),
    ],
)
def test_a_mistake_is_found(tmp_path: Path, pattern: str, replacement: str, word: str) -> None:
    found = mistakes_in(tmp_path, changed(pattern, replacement))
    assert any(word in sentence for sentence in found), found
    assert all("plant.toml" in sentence for sentence in found)


ONE_NODE = 'node = "ns=plant;s=L1.LineCurrent"'
TWO_NODES = 'nodes = ["ns=plant;s=L1.Current.A", "ns=plant;s=L1.Current.B"]'


def test_a_signal_may_have_several_sensors(tmp_path: Path) -> None:
    path = tmp_path / "plant.toml"
    path.write_text(REFERENCE.replace(ONE_NODE, f"{TWO_NODES}\ntolerance = 1.5"))
    (row,) = [r for r in load_plant(path).opcua.signals if r.name == "line_current_ka"]
    assert row.channels == ("ns=plant;s=L1.Current.A", "ns=plant;s=L1.Current.B")
    assert row.tolerance == 1.5


def test_the_example_of_several_sensors_in_the_reference_plant_is_right(tmp_path: Path) -> None:
    (example,) = re.findall(r"^#   \[\[opcua\.signals\]\]\n(?:#   .+\n)+", REFERENCE, flags=re.M)
    row = re.sub("^#   ", "", example, flags=re.M)
    named = re.escape('[[opcua.signals]]\nname = "cell_voltage_v"\n')
    text, count = re.subn(rf"^{named}.*?\n\n", lambda _: f"{row}\n", REFERENCE, flags=re.M | re.S)
    assert count == 1
    path = tmp_path / "plant.toml"
    path.write_text(text)
    (voltage,) = [r for r in load_plant(path).opcua.signals if r.name == "cell_voltage_v"]
    assert len(voltage.channels) == 3


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (TWO_NODES, "2 nodes need a tolerance"),
        (f"{TWO_NODES}\ntolerance = 0.0", "tolerance 0 must be a finite number above 0"),
        (f"{TWO_NODES}\ntolerance = -0.5", "tolerance -0.5 must be"),
        (f"{TWO_NODES}\ntolerance = 45.0", "no sensor would ever deviate"),
        (f"{TWO_NODES}\ntolerance = nan", "must be a finite number"),
        (f"{TWO_NODES}\n{ONE_NODE}\ntolerance = 1.0", "both node and nodes are given"),
        (f"{ONE_NODE}\ntolerance = 1.0", "tolerance 1 is that between several sensors"),
        ('nodes = ["ns=plant;s=A"]\ntolerance = 1.0', "the one entry 'ns=plant;s=A'"),
        ('nodes = ["ns=plant;s=A", "ns=plant;s=A"]\ntolerance = 1.0', "'ns=plant;s=A' stands in"),
        (
            'nodes = ["ns=plant;s=A", "nsu=urn:potline:plant:1;s=A"]\ntolerance = 1.0',
            "'ns=plant;s=A' and 'nsu=urn:potline:plant:1;s=A' in nodes are the same node",
        ),
        ('nodes = ["ns=plant;s=A", "B"]\ntolerance = 1.0', "'B' is no node"),
        ('nodes = ["ns=2;s=A{cell}", "ns=2;s=B"]\ntolerance = 1.0', "set the layout to 'scalar'"),
    ],
)
def test_a_mistake_in_several_sensors_is_named(tmp_path: Path, lines: str, word: str) -> None:
    found = mistakes_in(tmp_path, REFERENCE.replace(ONE_NODE, lines))
    assert len(found) == 1, found
    assert word in found[0]
    assert found[0].startswith("opcua")


@pytest.mark.parametrize("table", ["setpoints", "opcua.setpoints"])
def test_an_optional_setpoint_has_limits_and_nodes_or_neither(tmp_path: Path, table: str) -> None:
    name = 'name = "alf3_addition_kg_per_day"'
    head = rf"\[\[{re.escape(table)}\]\][^\n]*\n{re.escape(name)}\n.*?\n\n"
    less, count = re.subn(head, "", REFERENCE, count=1, flags=re.DOTALL)
    assert count == 1
    (sentence,) = mistakes_in(tmp_path, less)
    assert f"{table}.alf3_addition_kg_per_day" in sentence
    assert "leave out the other" in sentence
    neither = re.sub(
        rf"\[\[(opcua\.)?setpoints\]\][^\n]*\n{name}\n.*?\n\n", "", REFERENCE, flags=re.S
    )
    path = tmp_path / "without.toml"
    path.write_text(neither)
    assert {row.name for row in load_plant(path).setpoints} == set(SETPOINTS)


def test_a_row_that_stands_twice_is_named(tmp_path: Path) -> None:
    name = 'name = "line_current_ka"'
    row = "[[signals]]\n" + REFERENCE[REFERENCE.index(name) :].partition("\n\n")[0]
    (sentence,) = mistakes_in(tmp_path, f"{REFERENCE}\n{row}\n")
    assert "signals.line_current_ka" in sentence
    assert "more than once" in sentence


@pytest.mark.parametrize("cells", [0, 301])
def test_a_number_of_cells_out_of_range_is_refused(tmp_path: Path, cells: int) -> None:
    (sentence,) = mistakes_in(tmp_path, REFERENCE, cells)
    assert "must be 1 to 300" in sentence


@pytest.mark.parametrize("text", ["line = [", "\x00", ""])
def test_a_file_that_is_no_plant_file_is_told_apart(tmp_path: Path, text: str) -> None:
    found = mistakes_in(tmp_path, text)
    assert "cannot be read" in found[0] or "is missing" in found[0]


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.toml.*Remedy"):
        load_plant(tmp_path / "none.toml")
