"""The front's namespace as a file: the copy in the repository is true, and others can use it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua

import opcua
from opcua.address_space import build_address_space
from opcua.front.method_items import SHOWN, method_id, method_items, method_rules
from opcua.front.nodes import FRONT_TABLE, FRONT_URI, LINE, LINE_TYPE
from opcua.front.nodeset import front_nodeset_xml
from ops.plantfile import PlantFile, load_plant
from tests.opcua.conftest import PLANTS
from tests.opcua.node_peer import require_node, run_nodeset

KEPT = Path(opcua.__file__).parent / "nodesets" / "front.NodeSet2.xml"
AGAIN = "potline front --export-nodeset opcua/nodesets/front.NodeSet2.xml"


@pytest.fixture(scope="module")
def one_cell() -> PlantFile:
    """The reference plant with one cell, as the kept file has it."""
    return load_plant(PLANTS / "reference-300ka.toml", 1)


def test_the_kept_file_is_what_the_code_makes(one_cell: PlantFile) -> None:
    now = front_nodeset_xml(1, one_cell.signals, one_cell.setpoints)
    is_same = KEPT.read_text(encoding="utf-8") == now  # no diff of four thousand lines
    assert is_same, f"{KEPT} is not what opcua/front says. Remedy: {AGAIN}; then look at the diff"


def test_the_command_writes_the_kept_file_and_starts_nothing(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "ops.cli", "front", "--export-nodeset", "own.xml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == f"own.xml: {FRONT_URI}, its types and a line of 1 cell\n"
    assert (tmp_path / "own.xml").read_bytes() == KEPT.read_bytes()


async def _described(server: Server, index: int, node_id: ua.NodeId) -> list[Any]:
    """A node's class, names and type, what stands above it, and what a property holds."""
    node = server.get_node(node_id)
    kind = await node.read_node_class()
    told = sorted(
        (one.ReferenceTypeId.Identifier, one.IsForward, str(one.NodeId.Identifier))
        for one in await node.get_references()
        if one.IsForward or one.ReferenceTypeId.Identifier != ua.ObjectIds.HasTypeDefinition
    )
    found: list[Any] = [kind, await node.read_browse_name(), told]
    if kind is ua.NodeClass.Variable:
        found += [await node.read_data_type(), await node.read_value_rank()]
        if (await node.read_browse_name()).NamespaceIndex != index:
            found.append(await node.read_value())
    return found


async def test_a_server_that_takes_the_file_in_has_the_nodes_of_ours(one_cell: PlantFile) -> None:
    ours, theirs = Server(), Server()
    await ours.init()
    space = await build_address_space(ours, 1, one_cell.signals, one_cell.setpoints, FRONT_TABLE)
    for place in (LINE_TYPE, LINE):
        for item in method_items(place, space.namespace):
            (result,) = ours.iserver.node_mgt_service.add_nodes([item])
            result.StatusCode.check()
    for status in ours.iserver.node_mgt_service.add_references(
        method_rules(LINE_TYPE, space.namespace)
    ):
        status.check()
    await theirs.init()
    taken = await theirs.import_xml(KEPT)
    index = await theirs.get_namespace_index(FRONT_URI)
    assert index == space.namespace
    assert len(taken) > 150
    different = {}
    for node_id in taken:
        built, other = [await _described(one, index, node_id) for one in (ours, theirs)]
        if built != other:
            different[node_id.Identifier] = (built, other)
    assert different == {}
    ids = {node_id.Identifier for node_id in taken}
    assert {method_id(LINE, one, index).Identifier for one in SHOWN} <= ids


async def test_another_stack_takes_the_file_in_and_makes_a_line_of_its_own() -> None:
    answer = await run_nodeset(
        require_node(),
        KEPT,
        {
            "namespace": FRONT_URI,
            "types": ["Line", "Line/Cells/C001", "Line/Cells/C001/Interlock"],
            "below": ["Line/Cells/C001/Interlock"],
            "units": [],
            "make": "InterlockType",
        },
    )
    assert list(answer["types"].values()) == [
        "ControlledLineType",
        "ControlledCellType",
        "InterlockType",
    ]
    (own,) = answer["below"].values()
    assert sorted(answer["made"]) == sorted(own)
    assert {"State", "FirstOut", "Bypass"} <= set(own)
