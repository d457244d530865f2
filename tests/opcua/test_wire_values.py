"""Values of any size for nodes of any type: made to fit or refused, never half a request."""

import math
from dataclasses import replace

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import variant_from_binary, variant_to_binary
from hypothesis import given
from hypothesis import strategies as st

from opcua.connector import LinkState
from opcua.mapping import ModeNodes
from opcua.wire_values import WireValueError, wire_count, wire_value
from opcua.writer import Writer
from stream.edge import SetpointWrite
from stream.records import MoveState
from tests.opcua.lines import PATIENCE_S, until
from tests.opcua.small_plant import FEED, LIMITS, MAPPING, small_plant

KINDS = list(ua.VariantType)
LATE_NS = 2**62
CELLS = (1, 2)


@given(
    st.sampled_from(KINDS),
    st.floats(allow_nan=True) | st.integers(-(2**65), 2**65) | st.booleans() | st.text(),
)
def test_what_is_not_refused_goes_over_the_wire(
    kind: ua.VariantType, value: float | int | bool | str
) -> None:
    try:
        variant = wire_value(kind, value)
    except WireValueError:
        return
    wired = variant_from_binary(ua.utils.Buffer(variant_to_binary(variant)))
    assert wired.VariantType is kind
    if not isinstance(value, str):
        assert float(wired.Value) == pytest.approx(float(value), abs=0.5, rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ua.VariantType.Byte, 256),
        (ua.VariantType.Byte, -1),
        (ua.VariantType.Int16, 32768.0),
        (ua.VariantType.Float, 1e39),
        (ua.VariantType.Boolean, 2),
        (ua.VariantType.Int32, "HOST"),
        (ua.VariantType.String, 6),
        (ua.VariantType.Double, math.nan),
        (ua.VariantType.Int32, math.inf),
        (ua.VariantType.DateTime, 1.0),
    ],
)
def test_what_does_not_fit_is_refused(kind: ua.VariantType, value: float | int | str) -> None:
    with pytest.raises(WireValueError, match=rf"type.* {kind.name}|not a finite number"):
        wire_value(kind, value)


@pytest.mark.parametrize(
    ("kind", "count", "shown"),
    [
        (ua.VariantType.UInt16, 65_535, 65_535),
        (ua.VariantType.UInt16, 65_536, 0),
        (ua.VariantType.SByte, 128, 0),
        (ua.VariantType.UInt32, 2**32, 0),
        (ua.VariantType.Boolean, 3, True),
        (ua.VariantType.Boolean, 4, False),
        (ua.VariantType.Float, 2**24 + 1, 1.0),
        (ua.VariantType.String, 7, "7"),
    ],
)
def test_a_count_wraps_at_the_end_of_its_type(
    kind: ua.VariantType, count: int, shown: object
) -> None:
    assert wire_count(kind, count).Value == shown


@given(
    st.sampled_from([kind for kind in KINDS if 1 <= kind.value <= 12]), st.integers(0, 2**64 + 9)
)
def test_every_count_shows_something_new(kind: ua.VariantType, count: int) -> None:
    first, second = wire_count(kind, count), wire_count(kind, count + 1)
    assert first.Value != second.Value
    assert variant_to_binary(first) != variant_to_binary(second)


def _writer(endpoint: str, mapping: object = MAPPING, limits: object = LIMITS) -> Writer:
    return Writer(endpoint, mapping, CELLS, [limits], readback_deadline_s=2.0)  # type: ignore[arg-type, list-item]


async def test_one_value_that_does_not_fit_takes_no_other_with_it(endpoint: str) -> None:
    async with (
        small_plant(endpoint, target=ua.VariantType.Byte) as plant,
        _writer(endpoint) as writer,
    ):
        assert await writer.wait_connected(PATIENCE_S)
        unfit, sound = await writer.write(
            [
                SetpointWrite("unfit", 1, FEED, 300.0, LATE_NS),
                SetpointWrite("sound", 2, FEED, 150.0, LATE_NS),
            ]
        )
        assert (unfit.state, unfit.attempts, unfit.t_written_ns) == (MoveState.FAILED, 0, None)
        assert "cannot be written: 300 is outside the node's type Byte" in unfit.reason
        assert (sound.state, sound.attempts) == (MoveState.VERIFIED, 1)
        assert [await plant.value("T1"), await plant.value("T2")] == [0, 150]


@pytest.mark.parametrize("kind", [ua.VariantType.Boolean, ua.VariantType.Byte])
async def test_the_heartbeat_moves_in_a_node_of_any_type(
    endpoint: str, kind: ua.VariantType
) -> None:
    async with small_plant(endpoint, beat=kind) as plant, _writer(endpoint) as writer:
        writer.allow_heartbeat(60.0)
        await until(lambda: len(plant.beats) >= 3)
        assert writer.status.connections == 1
    moves = list(zip(plant.beats, plant.beats[1:], strict=False))
    assert all(before != after for before, after in moves)


async def test_what_will_never_fit_is_told_before_anything_is_written(endpoint: str) -> None:
    modes = ModeNodes("ns=1;s=M{cell}", "ns=1;s=A{cell}", "HOST", "POT")
    mapping = replace(MAPPING, modes=modes, writer_token="ns=1;s=V1")
    limits = replace(LIMITS, high=70_000.0)
    kinds = {"target": ua.VariantType.UInt16, "beat": ua.VariantType.DateTime}
    async with small_plant(endpoint, **kinds), _writer(endpoint, mapping, limits) as writer:
        await until(lambda: writer.status.state is LinkState.LOST)
        error = writer.status.error
    assert f"target of {FEED}: ns=1;s=T{{cell}}: high = 70000 kg/h does not fit" in error
    assert "low = 0 kg/h" not in error
    assert "mode target: ns=1;s=M{cell}: remote = 'HOST' does not fit" in error
    assert "Remedy: correct opcua.modes.local" in error
    assert "heartbeat of the optimiser: ns=1;s=Beat: a count does not fit" in error
    assert "token of the writer: ns=1;s=V1: its type is Double. Remedy: name a whole" in error
