"""How a plant file names nodes, and what it may not say."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opcua.addresses import AddressError, NodeAddress, PathAddress, parse_address
from opcua.mapping import (
    ClockNodes,
    HeartbeatNodes,
    Layout,
    Mapping,
    ModeNodes,
    SetpointNode,
    SignalNode,
    expand,
)

SPACES = {"acme": "urn:acme:line"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("i=2258", NodeAddress(0, "i", "2258")),
        ("ns=3;s=Pot 17;U", NodeAddress(3, "s", "Pot 17;U")),
        ("ns=acme;i=7", NodeAddress("urn:acme:line", "i", "7")),
        ("nsu=http://x.y/z;s=A=B", NodeAddress("http://x.y/z", "s", "A=B")),
        (
            "/Objects/2:Line/acme:U",
            PathAddress(((0, "Objects"), (2, "Line"), (SPACES["acme"], "U"))),
        ),
        ("/Objects/2:A&/B&:C", PathAddress(((0, "Objects"), (2, "A/B:C")))),
    ],
)
def test_an_address_is_read(text: str, address: object) -> None:
    assert parse_address(text, SPACES) == address


@pytest.mark.parametrize(
    "text", ["", "Pot17", "ns=2", "ns=2;i=x", "ns=other;s=A", "/", "//A", "/A/", "/2:", "/other:A"]
)
def test_what_names_no_node_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text, SPACES)
    assert repr(text) in str(caught.value)


@given(st.integers(1, 999))
def test_a_pattern_names_one_node_per_cell(cell: int) -> None:
    assert expand("L.{cell:03d}.{index}", cell) == f"L.{cell:03d}.{cell - 1}"


def test_a_plant_may_number_its_cells_from_any_number_on() -> None:
    mapping = Mapping((_signal("cell_voltage_v", "ns=2;s=U{cell}-{index}"),), (), first_number=101)
    assert mapping.address("ns=2;s=U{cell}-{index}", 2) == NodeAddress(2, "s", "U102-1")


def test_an_unknown_placeholder_is_refused() -> None:
    with pytest.raises(ValueError, match=r"only \{cell\} and \{index\}"):
        SignalNode("cell_voltage_v", "ns=2;s={pot}")


def test_a_scalar_needs_the_cell_in_its_name() -> None:
    with pytest.raises(ValueError, match="same node for every cell"):
        SignalNode("cell_voltage_v", "ns=2;s=U")
    with pytest.raises(ValueError, match="set the layout to 'scalar'"):
        SignalNode("cell_voltage_v", "ns=2;s=U{cell}", Layout.ARRAY)


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf")])
def test_a_scale_that_cannot_be_undone_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="cannot be undone"):
        SignalNode("cell_voltage_v", "ns=2;s={cell}", scale=scale)


def test_a_read_back_is_another_node_than_the_target() -> None:
    with pytest.raises(ValueError, match="same node"):
        SetpointNode("beam_position_mm", "ns=2;s=B{cell}", "ns=2;s=B{cell}")


@pytest.mark.parametrize(
    "make",
    [
        lambda: SignalNode("cell_voltage_v", "ns=2;s=U", Layout.ARRAY, first_index=-1),
        lambda: SetpointNode("beam_position_mm", "ns=2;s=B{cell}", "i={cell}", first_index=-1),
        lambda: ModeNodes("ns=2;s=T{cell}", "ns=2;s=A{cell}", 6, 4, first_index=-1),
    ],
)
def test_no_array_begins_below_nought(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="first_index -1 is below 0"):
        make()


def test_modes_differ() -> None:
    with pytest.raises(ValueError, match="both 1"):
        ModeNodes("ns=2;s=T{cell}", "ns=2;s=A{cell}", remote=1, local=1)


def _signal(name: str = "cell_voltage_v", node: str = "ns=2;s=U{cell}") -> SignalNode:
    return SignalNode(name, node)


def test_a_name_stands_once() -> None:
    with pytest.raises(ValueError, match="cell_voltage_v is mapped more than once"):
        Mapping((_signal(), _signal()), ())


def test_a_short_name_must_be_known() -> None:
    with pytest.raises(ValueError, match="neither an index nor in"):
        Mapping((_signal(node="ns=acme;s=U{cell}"),), ())
    named = Mapping((_signal(node="ns=acme;s=U{cell}"),), (), namespaces=SPACES)
    assert named.address("ns=acme;s=U{cell}", 4) == NodeAddress("urn:acme:line", "s", "U4")


def test_history_needs_a_counter() -> None:
    with pytest.raises(ValueError, match=r"clock\.scan_counter"):
        Mapping((_signal(),), (), has_history=True)
    Mapping((_signal(),), (), ClockNodes(scan_counter="i=9"), has_history=True)


def test_a_token_of_the_writer_is_one_node_and_needs_our_heartbeat() -> None:
    beating = HeartbeatNodes(optimiser="i=9")
    with pytest.raises(ValueError, match=r"writer_token 'i=8' needs heartbeats\.optimiser"):
        Mapping((_signal(),), (), writer_token="i=8")
    with pytest.raises(ValueError, match=r"writer_token: 'i=8\{cell\}' holds"):
        Mapping((_signal(),), (), heartbeats=beating, writer_token="i=8{cell}")
    mapping = Mapping((_signal(),), (), heartbeats=beating, writer_token="i=8")
    assert "i=8" in mapping.patterns


def test_a_trip_contact_is_one_node_of_the_line() -> None:
    with pytest.raises(ValueError, match=r"trip: 'i=7\{cell\}' holds"):
        Mapping((_signal(),), (), trip="i=7{cell}")
    assert "i=7" in Mapping((_signal(),), (), trip="i=7").patterns


@given(
    value=st.floats(-1e4, 1e4),
    scale=st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3),
    offset=st.floats(-1e3, 1e3),
)
def test_a_setpoint_comes_back_from_the_plants_unit(
    value: float, scale: float, offset: float
) -> None:
    row = SetpointNode("beam_position_mm", "i={cell}", "i=1{cell}", scale=scale, offset=offset)
    assert row.to_raw(value) * scale + offset == pytest.approx(value, abs=1e-6)


def test_a_read_back_has_the_targets_unit_unless_it_says_otherwise() -> None:
    row = SetpointNode("beam_position_mm", "i={cell}", "i=1{cell}", scale=10.0, offset=2.0)
    assert (row.readback_signal.scale, row.readback_signal.offset) == (10.0, 2.0)
    own = SetpointNode("beam_position_mm", "i={cell}", "i=1{cell}", scale=10.0, readback_scale=1.0)
    assert own.readback_signal.scale == 1.0
