"""From scans to frames: nothing lost, nothing twice, nothing in silence."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opcua.order import Arrival, ScanOrder
from opcua.packing import MAX_SCANS_PER_FRAME, Buffer, Packer, Packet, cut_frame
from tests.opcua.scan_cases import make_scan


def _pack(gaps_s: list[float], interval_s: float = 1.0) -> list[Packet]:
    packer = Packer(interval_s, session=1)
    packets = []
    t_s = 0.0
    for number, gap_s in enumerate(gaps_s):
        t_s += gap_s
        scan = replace(make_scan(number), t_received_ns=round(t_s * 1e9))
        packets += [packer.due(scan.t_received_ns), packer.add(scan)]
    packets.append(packer.flush())
    return [packet for packet in packets if packet is not None]


def test_four_scans_a_second_travel_by_fours() -> None:
    sizes = [len(packet.scans) for packet in _pack([0.25] * 41)]
    assert set(sizes[1:-1]) == {4}


def test_one_scan_a_second_does_not_wait_for_the_next() -> None:
    sizes = [len(packet.scans) for packet in _pack([1.0] * 10)]
    assert set(sizes[1:]) == {1}


@given(st.lists(st.floats(0.0, 3.0), max_size=200))
def test_every_scan_travels_once_and_in_order(gaps_s: list[float]) -> None:
    packets = _pack(gaps_s)
    numbers = [scan.t_plant_s for packet in packets for scan in packet.scans]
    assert numbers == [float(number) for number in range(len(gaps_s))]
    assert all(len(packet.scans) <= MAX_SCANS_PER_FRAME for packet in packets)


@given(st.integers(1, 5), st.lists(st.booleans(), max_size=60))
def test_a_buffer_accounts_for_every_scan(size: int, takes: list[bool]) -> None:
    buffer, told, sent, made = Buffer(size), 0, 0, 0
    for take in takes:
        if take and len(buffer):
            packet, dropped = buffer.take()
            sent += len(packet.scans)
            told += dropped + packet.missed
        else:
            scan = replace(make_scan(made), missed_before=made % 3)
            buffer.put(Packet(1, (scan,), scan.missed_before))
            made += 1
        assert len(buffer) <= size
    while len(buffer):
        packet, dropped = buffer.take()
        sent += len(packet.scans)
        told += dropped + packet.missed
    assert sent + told == made + sum(number % 3 for number in range(made))


def test_a_frame_holds_its_sections_cells() -> None:
    packet = Packet(9, (make_scan(1), make_scan(2)), missed=2)
    frame = cut_frame(packet, 1, 5, (2,), [1], ("cell_voltage_v",), missed_besides=3)
    assert frame.shape == (2, 1, 1)
    assert (frame.session, frame.sequence, frame.scans_missed) == (9, 5, 5)
    assert frame.t_received_ns == packet.scans[-1].t_received_ns


@pytest.mark.parametrize(
    ("counter", "t_plant_s", "arrival", "missing"),
    [
        (6, 11.0, Arrival.NEW, range(0)),
        (5, 11.0, Arrival.DUPLICATE, range(0)),
        (9, 14.0, Arrival.NEW, range(6, 9)),
        (6, 10.0, Arrival.DUPLICATE, range(0)),  # a counter that moves under a clock that stands
        (3, 20.0, Arrival.NEW, range(1, 3)),  # the server began anew, its clock went on
        (1, 2.0, Arrival.RESTARTED, range(0)),
        (6, 2.0, Arrival.RESTARTED, range(0)),  # the counter went on, its clock was set back
        (8, 2.0, Arrival.RESTARTED, range(6, 8)),
        (6, 9.0, Arrival.DUPLICATE, range(0)),  # within the jitter
        (None, 10.0, Arrival.DUPLICATE, range(0)),
        (None, 9.0, Arrival.DUPLICATE, range(0)),
        (None, 2.0, Arrival.RESTARTED, range(0)),
        (None, 10.5, Arrival.NEW, range(0)),
    ],
)
def test_a_scan_is_judged_by_counter_and_clock(
    counter: int | None, t_plant_s: float, arrival: Arrival, missing: range
) -> None:
    order = ScanOrder().after(make_scan(1, counter=5, t_plant_s=10.0))
    judged, gap = order.judge(make_scan(2, counter=counter, t_plant_s=t_plant_s))
    assert judged is arrival
    assert list(gap) == list(missing)


def test_the_first_scan_is_new() -> None:
    arrival, missing = ScanOrder().judge(make_scan(1, counter=700))
    assert arrival is Arrival.NEW
    assert not missing
