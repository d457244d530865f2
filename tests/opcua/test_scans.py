"""Raw OPC UA values made scans."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from opcua.mapping import Layout, SignalNode
from opcua.order import Arrival, ScanOrder
from opcua.resolve import Readable, ResolvedNodes
from opcua.scan_reader import ScanReader
from opcua.scans import column_of, number_of, quality_of, to_datetime, to_ns
from stream.frames import Quality

NOW_NS = 1_800_000_000_000_000_000
GOOD, UNCERTAIN, BAD = 0x0, 0x40920000, 0x80350000


def _answer(value: object, status: int = GOOD, time_ns: int | None = NOW_NS) -> ua.DataValue:
    moment = None if time_ns is None else to_datetime(time_ns)
    return ua.DataValue(ua.Variant(value), ua.StatusCode(status), SourceTimestamp=moment)


def _array(**changes: object) -> Readable:
    return Readable(SignalNode("cell_voltage_v", "i=1", Layout.ARRAY, **changes), (ua.NodeId(1),))


@given(st.integers(0, 4_000_000_000_000_000))
def test_times_keep_their_microsecond(microseconds: int) -> None:
    assert to_ns(to_datetime(microseconds * 1000)) == microseconds * 1000


def test_a_time_without_zone_is_utc() -> None:
    assert to_ns(datetime(1970, 1, 1, 0, 0, 1)) == 1_000_000_000  # noqa: DTZ001
    assert to_ns(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=1)) == 1_000_000_000


@pytest.mark.parametrize(
    ("status", "quality"),
    [(GOOD, Quality.GOOD), (UNCERTAIN, Quality.UNCERTAIN), (BAD, Quality.BAD)],
)
def test_quality_is_the_severity_of_the_status(status: int, quality: Quality) -> None:
    assert quality_of(ua.StatusCode(status)) is quality
    assert quality_of(None) is Quality.GOOD


def test_numbers_are_numbers() -> None:
    assert number_of(True) == 1.0
    assert number_of(datetime(1970, 1, 1, 0, 1, tzinfo=UTC)) == 60.0
    assert number_of("4.2") is None
    assert number_of(None) is None


def test_an_array_is_scaled_and_keeps_its_time() -> None:
    column = column_of(_array(scale=1e-3, offset=1.0), [_answer([4200.0, 4300.0])], 2, 0)
    assert column.value.tolist() == pytest.approx([5.2, 5.3])
    assert column.source_time_ns.tolist() == [NOW_NS, NOW_NS]
    assert column.quality.tolist() == [Quality.GOOD] * 2


def test_a_short_array_is_missing_at_its_end() -> None:
    column = column_of(_array(first_index=1), [_answer([0.0, 4.2])], 2, 0)
    assert column.quality.tolist() == [Quality.GOOD, Quality.MISSING]
    assert np.isnan(column.value).tolist() == [False, True]


def test_a_bad_array_is_bad_throughout() -> None:
    column = column_of(_array(), [_answer(None, BAD)], 3, NOW_NS)
    assert column.quality.tolist() == [Quality.BAD] * 3
    assert np.isnan(column.value).all()


def test_words_among_numbers_are_no_numbers() -> None:
    column = column_of(_array(), [_answer([4.2, 4.3])], 2, 0)
    mixed = ua.DataValue(ua.Variant(["4.2", "off"], ua.VariantType.String))
    assert column.value.tolist() == [4.2, 4.3]
    assert np.isnan(column_of(_array(), [mixed], 2, 0).value[1])


def test_scalars_have_their_own_status_and_time() -> None:
    row = SignalNode("cell_voltage_v", "i={cell}")
    answers = [_answer(4.2), _answer(4.3, UNCERTAIN, NOW_NS + 1000), _answer(None, time_ns=None)]
    column = column_of(Readable(row, (ua.NodeId(1),) * 3), answers, 3, 55)
    assert column.quality.tolist() == [Quality.GOOD, Quality.UNCERTAIN, Quality.MISSING]
    assert column.source_time_ns.tolist() == [NOW_NS, NOW_NS + 1000, 55]


def test_one_value_serves_the_whole_line() -> None:
    row = SignalNode("line_current_ka", "i=1", Layout.LINE, scale=1e-3)
    column = column_of(Readable(row, (ua.NodeId(1),)), [_answer(300_000.0)], 4, 0)
    assert column.value.tolist() == [300.0] * 4


def _nodes(**changes: object) -> ResolvedNodes:
    chosen: dict[str, object] = {
        "cells": (1, 2),
        "signals": (_array(),),
        "setpoints": (),
        "plant_time": None,
        "scan_counter": None,
        "heartbeat_out": None,
        "heartbeat_in": None,
        "modes": None,
    }
    return ResolvedNodes(**(chosen | changes))  # type: ignore[arg-type]


def test_a_scan_without_a_plant_clock_has_its_newest_source_time() -> None:
    scan = ScanReader(_nodes()).scan([_answer([1.0, 2.0])], NOW_NS + 5)
    assert scan.t_plant_s == NOW_NS / 1e9
    assert scan.counter is None
    assert scan.value.shape == (2, 1)


def test_a_scan_takes_clock_and_counter_from_the_plant() -> None:
    reader = ScanReader(_nodes(plant_time=ua.NodeId(8), scan_counter=ua.NodeId(9)))
    assert [node.Identifier for node in reader.node_ids] == [9, 8, 1]
    scan = reader.scan([_answer(41), _answer(123.5), _answer([1.0, 2.0])], NOW_NS)
    assert (scan.counter, scan.t_plant_s) == (41, 123.5)


SECOND_NS = 1_000_000_000


def _scalar_reader() -> ScanReader:
    row = SignalNode("cell_voltage_v", "i={cell}")
    return ScanReader(_nodes(signals=(Readable(row, (ua.NodeId(1), ua.NodeId(2))),)))


@pytest.mark.parametrize(("status", "ahead_s"), [(GOOD, 3600), (BAD, 0), (BAD, 3600)])
def test_a_stamp_that_may_not_be_believed_is_no_plant_time_but_is_kept(
    status: int, ahead_s: int
) -> None:
    stamp_ns = NOW_NS + ahead_s * SECOND_NS
    answers = [_answer(4.2, time_ns=NOW_NS - SECOND_NS), _answer(4.3, status, stamp_ns)]
    scan = _scalar_reader().scan(answers, NOW_NS)
    assert scan.t_plant_s == (NOW_NS - SECOND_NS) / 1e9
    assert scan.source_time_ns[1, 0] == stamp_ns  # screening rejects it, with its reason


def test_where_no_stamp_may_be_believed_the_receipt_tells_the_time() -> None:
    answers = [_answer(4.2, time_ns=NOW_NS + 9 * SECOND_NS), _answer(4.3, BAD)]
    assert _scalar_reader().scan(answers, NOW_NS).t_plant_s == NOW_NS / 1e9


@given(
    st.lists(
        st.tuples(
            st.sampled_from([GOOD, UNCERTAIN, BAD]),
            st.floats(-1e6, 1e6).filter(lambda ahead_s: not 0.0 < ahead_s <= 2.0),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_no_stamp_of_one_value_silences_the_others(wrong: list[tuple[int, float]]) -> None:
    """Cell 1 is honest, one value a second; whatever cell 2 is stamped, each scan is new."""
    order, reader = ScanOrder(), _scalar_reader()
    for second, (status, ahead_s) in enumerate(wrong):
        now_ns = NOW_NS + second * SECOND_NS
        strange = _answer(4.3, status, now_ns + int(ahead_s * 1e9))
        scan = reader.scan([_answer(4.2, time_ns=now_ns), strange], now_ns)
        assert order.judge(scan)[0] is Arrival.NEW
        order = order.after(scan)
