"""Several nodes of one signal made one column: value, quality, source time, and what was found."""

import numpy as np
import pytest
from asyncua import ua

from control.channel_faults import Fault
from opcua.channels import make_rules, stillness_of
from opcua.mapping import Layout, SignalNode
from opcua.resolve import Readable, ResolvedNodes
from opcua.scan_reader import ScanReader
from opcua.scans import Scan, to_datetime
from stream.frames import Quality
from stream.signals import SignalLimits

NOW_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000
GOOD, UNCERTAIN, BAD = 0x0, 0x40920000, 0x80350000
VOLTAGE = SignalLimits("cell_voltage_v", "V", 0.0, 60.0, 3.5, 5.5, 0.01, 5.0, 900.0)
CURRENT = SignalLimits("line_current_ka", "kA", 0.0, 500.0, 270.0, 315.0, 0.05, 5.0, 900.0)
NAMES = ("A", "B", "C")


def answer(value: object, status: int = GOOD, age_s: float = 0.0) -> ua.DataValue:
    moment = to_datetime(NOW_NS - int(age_s * SECOND_NS))
    return ua.DataValue(ua.Variant(value), ua.StatusCode(status), SourceTimestamp=moment)


def reader_of(
    layout: Layout, channels: int = 3, *, has_counter: bool = False, **row: float
) -> ScanReader:
    """A reader of the voltages of two cells, each by several sensors, and of one line current."""
    is_scalar = layout is Layout.SCALAR
    nodes = tuple(f"ns=1;s={name}{'{cell}' * is_scalar}" for name in NAMES[:channels])
    voltage = SignalNode("cell_voltage_v", layout=layout, nodes=nodes, tolerance=0.05, **row)
    current = SignalNode("line_current_ka", "ns=1;s=I", Layout.LINE)
    ids = tuple(ua.NodeId(i) for i in range(1, 1 + channels * (2 if is_scalar else 1)))
    resolved = ResolvedNodes(
        cells=(1, 2),
        signals=(Readable(voltage, ids), Readable(current, (ua.NodeId(99),))),
        setpoints=(),
        plant_time=None,
        scan_counter=ua.NodeId(100) if has_counter else None,
        heartbeat_out=None,
        heartbeat_in=None,
        modes=None,
    )
    return ScanReader(resolved, make_rules([voltage, current], [VOLTAGE, CURRENT]))


def read(reader: ScanReader, *answers: ua.DataValue, before: Scan | None = None) -> Scan:
    stillness = None if before is None else stillness_of(before.ballots)
    return reader.scan([*answers, answer(300.0)], NOW_NS, stillness)


def faults(scan: Scan) -> list[list[Fault]]:
    """Of each channel at both cells."""
    (ballot,) = scan.ballots
    return [[Fault(code) for code in row] for row in ballot.fault]


@pytest.mark.contract(8)
def test_scalars_are_voted_on_cell_by_cell_in_our_unit() -> None:
    # Channel by channel, and within it cell by cell; millivolts.
    raw = [4200.0, 4300.0, 4210.0, 9000.0, 4220.0, 4310.0]
    scan = read(reader_of(Layout.SCALAR, scale=0.001), *map(answer, raw))
    assert scan.value[:, 0].tolist() == pytest.approx([4.21, 4.31])
    assert scan.value[:, 1].tolist() == [300.0, 300.0]
    assert scan.quality[:, 0].tolist() == [Quality.GOOD, Quality.GOOD]
    assert faults(scan) == [[Fault.NONE] * 2, [Fault.NONE, Fault.DEVIATES], [Fault.NONE] * 2]


@pytest.mark.contract(8)
def test_arrays_have_one_status_for_all_and_may_be_too_short() -> None:
    scan = read(
        reader_of(Layout.ARRAY), answer([4.2, 4.3]), answer([4.22]), answer([4.2, 4.3], BAD)
    )
    assert scan.value[:, 0].tolist() == pytest.approx([4.21, 4.3])
    assert scan.quality[:, 0].tolist() == [Quality.GOOD, Quality.UNCERTAIN]
    assert faults(scan) == [
        [Fault.NONE, Fault.NONE],
        [Fault.NONE, Fault.NO_VALUE],
        [Fault.BAD_STATUS] * 2,
    ]


def test_a_channel_that_the_plant_doubts_stands_back() -> None:
    scan = read(reader_of(Layout.ARRAY, 2), answer([4.2, 4.3]), answer([4.9, 4.9], UNCERTAIN))
    assert scan.value[:, 0].tolist() == [4.2, 4.3]
    assert faults(scan) == [[Fault.NONE] * 2, [Fault.UNCERTAIN] * 2]


@pytest.mark.contract(8)
def test_one_value_for_the_line_is_voted_on_once() -> None:
    scan = read(reader_of(Layout.LINE), answer(4.2), answer(4.3), answer(4.21))
    assert scan.value[:, 0].tolist() == [4.21, 4.21]
    (ballot,) = scan.ballots
    assert ballot.fault.tolist() == [[Fault.NONE], [Fault.DEVIATES], [Fault.NONE]]


@pytest.mark.contract(8)
def test_no_channel_left_is_bad_and_has_no_number() -> None:
    scan = read(
        reader_of(Layout.SCALAR, 2),
        answer(4.2, BAD, age_s=2.0),
        answer(4.2),
        answer(None, BAD, age_s=1.0),
        answer(4.2),
    )
    assert scan.quality[:, 0].tolist() == [Quality.BAD, Quality.GOOD]
    assert np.isnan(scan.value[0, 0])
    assert scan.source_time_ns[0, 0] == NOW_NS - 2 * SECOND_NS, "the oldest of all"


def test_the_source_time_is_the_oldest_of_those_that_count() -> None:
    scan = read(
        reader_of(Layout.ARRAY),
        answer([4.2, 4.2], age_s=3.0),
        answer([4.21, 4.21], age_s=1.0),
        answer([4.22, 4.22], BAD, age_s=4.0),
    )
    assert scan.source_time_ns[:, 0].tolist() == [NOW_NS - 3 * SECOND_NS] * 2


def test_a_channel_is_late_by_the_newest_of_the_scan() -> None:
    """And not by the receipt: a scan that comes late as a whole is none the worse."""
    old = [answer([4.2, 4.2], age_s=5.5), answer([4.2, 4.2], age_s=6.0)]
    late = reader_of(Layout.ARRAY, 2).scan([*old, answer(300.0, age_s=5.5)], NOW_NS)
    assert late.quality[:, 0].tolist() == [Quality.GOOD] * 2
    scan = read(reader_of(Layout.ARRAY, 2), *old)
    assert faults(scan) == [[Fault.LATE] * 2, [Fault.LATE] * 2]


def test_no_channel_makes_the_others_late_by_a_stamp_from_the_future() -> None:
    ahead = answer([4.2, 4.2], age_s=-60.0)
    scan = read(reader_of(Layout.ARRAY), ahead, answer([4.2, 4.2]), answer([4.2, 4.2]))
    assert faults(scan) == [[Fault.AHEAD] * 2, [Fault.NONE] * 2, [Fault.NONE] * 2]


def test_a_stuck_channel_does_not_hide_behind_one_that_moves() -> None:
    """Their average would move, and screening would find nothing frozen."""
    reader, scan = reader_of(Layout.ARRAY, 2), None
    for second in range(0, 1000, 100):
        moves = [4.2 + second * 1e-6] * 2
        answers = [answer(moves, age_s=-second), answer([4.2, 4.2], age_s=-second)]
        stillness = None if scan is None else stillness_of(scan.ballots)
        now_ns = NOW_NS + second * SECOND_NS
        scan = reader.scan([*answers, answer(300.0, age_s=-second)], now_ns, stillness)
        assert faults(scan)[0] == [Fault.NONE] * 2
    assert scan is not None
    assert faults(scan)[1] == [Fault.NONE] * 2
    answers = [answer([4.2, 4.2], age_s=-1000)] * 2
    last = reader.scan(
        [*answers, answer(300.0, age_s=-1000)],
        NOW_NS + 1000 * SECOND_NS,
        stillness_of(scan.ballots),
    )
    assert faults(last) == [[Fault.NONE] * 2, [Fault.STUCK] * 2]
    assert last.quality[:, 0].tolist() == [Quality.UNCERTAIN] * 2


def test_a_scan_of_history_needs_one_channel_a_cell() -> None:
    reader = reader_of(Layout.SCALAR, 2, has_counter=True)
    one, current, counter = answer(4.2), answer(300.0), answer(7)
    scan = reader.scan_of_history([counter, one, None, None, one, current], NOW_NS)
    assert scan is not None
    assert scan.quality[:, 0].tolist() == [Quality.UNCERTAIN] * 2
    assert reader.scan_of_history([counter, one, None, one, None, current], NOW_NS) is None
    assert reader.scan_of_history([counter, one, one, one, one, None], NOW_NS) is None
    assert reader.scan_of_history([None, one, one, one, one, current], NOW_NS) is None


def test_a_line_with_one_sensor_a_signal_holds_no_vote() -> None:
    reader = reader_of(Layout.ARRAY)
    (_, current) = reader.nodes.signals
    plain = ScanReader(
        ResolvedNodes((1, 2), (current,), (), None, None, None, None, None), reader.rules
    )
    assert plain.scan([answer(300.0)], NOW_NS).ballots == ()
    assert make_rules([current.row], []) == {}


def test_a_signal_without_limits_cannot_be_voted_on() -> None:
    row = SignalNode("cell_voltage_v", nodes=("ns=1;s=A{cell}", "ns=1;s=B{cell}"), tolerance=0.1)
    with pytest.raises(ValueError, match=r"cell_voltage_v has 2 nodes and no limits.*signals"):
        make_rules([row], [CURRENT])
