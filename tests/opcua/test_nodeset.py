"""The namespace as a file: the copy in the repository is true, and other stacks can use it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asyncua import Node, Server, ua

import opcua
from opcua.address_space import build_address_space
from opcua.nodes import NAMESPACE_URI
from opcua.nodeset import nodeset_xml
from ops.plantfile import PlantFile, load_plant
from tests.opcua.conftest import PLANTS
from tests.opcua.node_peer import require_node, run_nodeset

KEPT = Path(opcua.__file__).parent / "nodesets" / "potline.NodeSet2.xml"
AGAIN = "potline scada --export-nodeset opcua/nodesets/potline.NodeSet2.xml"


@pytest.fixture(scope="module")
def one_cell() -> PlantFile:
    """The reference plant with one cell, as the kept file has it."""
    return load_plant(PLANTS / "reference-300ka.toml", 1)


def _command(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ops.cli", "scada", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_kept_file_is_what_the_table_says(one_cell: PlantFile) -> None:
    now = nodeset_xml(1, one_cell.signals, one_cell.setpoints)
    is_same = KEPT.read_text(encoding="utf-8") == now  # no diff of three thousand lines
    assert is_same, (
        f"{KEPT} is not what opcua/nodes.py says. Remedy: {AGAIN}; then look at the diff"
    )


def test_the_command_writes_the_kept_file_and_starts_nothing(tmp_path: Path) -> None:
    shown = _command("--export-nodeset", "own.xml", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == f"own.xml: {NAMESPACE_URI}, its types and a line of 1 cell\n"
    assert (tmp_path / "own.xml").read_bytes() == KEPT.read_bytes()


def test_more_cells_can_be_asked_for(tmp_path: Path) -> None:
    assert _command("--export-nodeset", "own.xml", "--cells", "2", folder=tmp_path).returncode == 0
    text = (tmp_path / "own.xml").read_text(encoding="utf-8")
    assert 'NodeId="ns=1;s=Line1/Cells/C002"' in text
    assert "C003" not in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--export-nodeset", "nowhere/own.xml"], "nowhere/own.xml cannot be written"),
        (["--export-nodeset", "own.xml", "--cells", "0"], "cells = 0 (flag)"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], said: str, tmp_path: Path) -> None:
    shown = _command(*arguments, folder=tmp_path)
    assert shown.returncode != 0
    assert said in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


async def _described(server: Server) -> dict[str, tuple[Any, ...]]:
    """Every node of our namespace: what it is, of which type, below what, with which property.

    The library takes in no Historizing, and has types refer to their instances too.
    """
    index = await server.get_namespace_index(NAMESPACE_URI)
    found: dict[str, tuple[Any, ...]] = {}

    async def look(node: Node) -> None:
        references = await node.get_references()
        told = sorted(
            (one.ReferenceTypeId.Identifier, one.IsForward, str(one.NodeId.Identifier))
            for one in references
            if one.IsForward or one.ReferenceTypeId.Identifier != ua.ObjectIds.HasTypeDefinition
        )
        is_property = (ua.ObjectIds.HasProperty, False) in [one[:2] for one in told]
        attributes = [ua.AttributeIds.NodeClass, ua.AttributeIds.BrowseName]
        if await node.read_node_class() is ua.NodeClass.Variable:
            attributes += [ua.AttributeIds.DataType, ua.AttributeIds.ValueRank]
            text = ua.AttributeIds.Value if is_property else ua.AttributeIds.Description
            attributes += [ua.AttributeIds.AccessLevel, text]
        values = [value.Value.Value for value in await node.read_attributes(attributes)]
        found[str(node.nodeid.Identifier)] = (told, values)
        for one in references:
            is_new = str(one.NodeId.Identifier) not in found
            if is_new and one.IsForward and one.NodeId.NamespaceIndex == index:
                await look(server.get_node(one.NodeId))

    for name in ("LineType", "CellType", "SetpointType", "Line1"):
        await look(server.get_node(ua.NodeId(name, index)))
    return found


async def test_a_server_that_takes_the_file_in_has_the_nodes_of_ours(one_cell: PlantFile) -> None:
    ours, theirs = Server(), Server()
    await ours.init()
    await build_address_space(ours, 1, one_cell.signals, one_cell.setpoints)
    await theirs.init()
    await theirs.import_xml(KEPT)
    built, taken = await _described(ours), await _described(theirs)
    assert built.keys() == taken.keys()
    assert len(built) > 200
    different = {name: (built[name], taken[name]) for name in built if built[name] != taken[name]}
    assert different == {}


async def test_another_stack_takes_the_file_in_and_makes_a_setpoint_of_its_own() -> None:
    answer = await run_nodeset(
        require_node(),
        KEPT,
        {
            "namespace": NAMESPACE_URI,
            "types": ["Line1", "Line1/Cells/C001", "Line1/Cells/C001/SP/BeamPosition"],
            "below": ["Line1/Cells/C001/SP/BeamPosition"],
            "units": ["L1.C001.PV.BathTemperature.EngineeringUnits"],
            "make": "SetpointType",
        },
    )
    assert list(answer["types"].values()) == ["LineType", "CellType", "SetpointType"]
    assert answer["units"] == {"L1.C001.PV.BathTemperature.EngineeringUnits": [4408652, "°C"]}
    (own,) = answer["below"].values()
    assert sorted(answer["made"]) == sorted(own)
    assert {"Target", "Readback", "LastWriter"} <= set(own)
