"""Lost sensors are told once when it begins and once when it ends, however many cells and scans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.channel_faults import Fault, init_stillness
from opcua.channel_news import ChannelEdges, ChannelTold
from opcua.mapping import Layout, SignalNode
from opcua.scans import Ballot

SECOND_NS = 1_000_000_000
START_NS = 1_800_000_000 * SECOND_NS
SECTIONS = ((1, 2, 3), (4, 5))
ROW = SignalNode("cell_voltage_v", nodes=("ns=1;s=A{cell}", "ns=1;s=B{cell}"), tolerance=0.05)
LINE = SignalNode("line_current_ka", "", Layout.LINE, nodes=("i=1", "i=2"), tolerance=1.0)


def ballot(row: SignalNode = ROW, **cells: Fault) -> Ballot:
    """Faults of the second channel, by place: `at0` is that of the first cell."""
    size = 1 if row is LINE else 5
    fault = np.zeros((2, size), dtype=np.uint8)
    for place, code in cells.items():
        fault[1, int(place.removeprefix("at"))] = code
    return Ballot(row, fault, init_stillness(2, size))


def everywhere(fault: Fault) -> Ballot:
    return ballot(**{f"at{i}": fault for i in range(5)})


def tell(edges: ChannelEdges, one: Ballot, second: float) -> list[ChannelTold]:
    return edges.take([one], START_NS + int(second * SECOND_NS))


def short(told: list[ChannelTold]) -> list[tuple[int | None, bool, tuple[int, ...]]]:
    return [(one.subject.section, one.active, one.cells) for one in told]


@pytest.mark.contract(8)
def test_a_whole_channel_is_one_event_a_section_however_long_it_lasts() -> None:
    edges, lost = ChannelEdges(SECTIONS), everywhere(Fault.BAD_STATUS)
    told = [one for second in range(100) for one in tell(edges, lost, second)]
    assert short(told) == [(0, True, (1, 2, 3)), (1, True, (4, 5))]
    subject = told[0].subject
    assert (subject.signal, subject.channel, subject.node, subject.fault) == (
        "cell_voltage_v",
        2,
        "ns=1;s=B{cell}",
        Fault.BAD_STATUS,
    )
    over = [one for second in range(100, 200) for one in tell(edges, ballot(), second)]
    assert short(over) == [(0, False, (1, 2, 3)), (1, False, (4, 5))]
    assert [one for second in range(200, 300) for one in tell(edges, ballot(), second)] == []


@pytest.mark.contract(8)
def test_cells_that_join_are_told_too_but_not_one_by_one() -> None:
    edges = ChannelEdges(SECTIONS)
    told = []
    for second in range(60):
        places = {f"at{i}": Fault.LATE for i in range(min(1 + second // 2, 3))}
        told += [(second, *row) for row in short(tell(edges, ballot(**places), second))]
    assert told == [(2, 0, True, (1,)), (12, 0, True, (1, 2, 3))]


def test_one_wrong_scan_is_no_news_and_what_flickers_is_one_event() -> None:
    edges = ChannelEdges(SECTIONS)
    assert tell(edges, ballot(at0=Fault.DEVIATES), 0.0) == []
    assert [one for second in range(1, 60) for one in tell(edges, ballot(), second)] == []
    flickers = [ballot(at0=Fault.DEVIATES), ballot(), ballot()]
    told = [one for s in range(60, 360) for one in tell(edges, flickers[s % 3], s)]
    assert short(told) == [(0, True, (1,))]


def test_a_cell_s_wrong_scan_is_no_news_while_another_cell_s_fault_lasts() -> None:
    edges = ChannelEdges(SECTIONS)
    told = []
    for second in range(120):
        places = {"at0": Fault.LATE} | ({"at1": Fault.LATE} if second in (20, 100) else {})
        told += short(tell(edges, ballot(**places), second))
    assert told == [(0, True, (1,))]


def test_each_fault_is_an_event_of_its_own() -> None:
    edges = ChannelEdges(SECTIONS)
    told = []
    for second in range(60):
        fault = Fault.LATE if second < 10 else Fault.BAD_STATUS
        told += [(one.subject.fault, one.active) for one in tell(edges, ballot(at4=fault), second)]
    assert told == [(Fault.LATE, True), (Fault.BAD_STATUS, True), (Fault.LATE, False)]


def test_what_is_shared_by_the_line_is_told_of_the_line() -> None:
    edges = ChannelEdges(SECTIONS)
    told = [one for s in range(9) for one in tell(edges, ballot(LINE, at0=Fault.STUCK), s)]
    assert short(told) == [(None, True, (1, 2, 3, 4, 5))]


@pytest.mark.contract(8)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(list(Fault)), min_size=5, max_size=5), st.integers(1, 40)
        ),
        max_size=6,
    )
)
def test_every_loss_that_lasts_is_told_and_every_event_ends(
    runs: list[tuple[list[Fault], int]],
) -> None:
    edges = ChannelEdges(SECTIONS)
    scans = [row for row, times in runs for _ in range(times)]
    active: dict[object, tuple[int, ...]] = {}
    for second, row in enumerate([*scans, *[[Fault.NONE] * 5] * 45]):
        one = ballot(**{f"at{i}": fault for i, fault in enumerate(row)})
        for told in tell(edges, one, second):
            if told.active:
                assert active.get(told.subject) != told.cells, "told twice"
                active[told.subject] = told.cells
            else:
                assert active.pop(told.subject) == told.cells
        recent = scans[max(second - 12, 0) : second + 1]
        for i in range(5):
            for fault in list(Fault)[1:]:
                if len(recent) == 13 and all(past[i] is fault for past in recent):
                    known = [c for s, cells in active.items() if s.fault is fault for c in cells]
                    assert i + 1 in known
    assert active == {}
