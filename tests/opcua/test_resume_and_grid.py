"""Nothing is lost in silence: what passed while nobody looked is counted, and a lost plant told."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opcua.connector import LinkState, LinkStatus
from opcua.link_news import LinkNews
from opcua.packing import Packet, cut_frame
from opcua.poll_grid import PollGrid
from opcua.resume import resume_point
from stream.frames import SampleFrame
from tests.opcua.lines import Taker
from tests.opcua.scan_cases import START_NS, make_scan

S = 1_000_000_000


# -- the grid of looks ----------------------------------------------------------------------


def test_looks_on_time_miss_nothing() -> None:
    grid, total = PollGrid(1.0, 100.0), 0
    for now_s in (100.0, 101.002, 101.9999, 103.4, 104.0):
        grid, missed = grid.look(now_s)
        total += missed
    assert (total, grid.next_s) == (0, 105.0)


def test_an_outage_is_as_many_looks_as_it_lasted() -> None:
    grid, _ = PollGrid(1.0, 100.0).look(100.0)
    grid, missed = grid.look(110.3)  # 101 to 109 passed
    assert (missed, grid.next_s) == (9, 111.0)
    assert grid.look(110.6)[1] == 0  # a second look in one period


@given(st.lists(st.floats(0.0, 30.0), max_size=40))
def test_every_slot_is_looked_at_or_missed(gaps_s: list[float]) -> None:
    grid, _ = PollGrid(1.0, 0.0).look(0.0)
    now_s, looked, missed = 0.0, {0}, 0
    for gap_s in gaps_s:
        now_s += gap_s
        grid, more = grid.look(now_s)
        looked.add(grid.slot)
        missed += more
    assert len(looked) + missed == grid.slot + 1


# -- going on after an absence --------------------------------------------------------------


def _frame(number: int, counter: int | None, session: int = START_NS) -> SampleFrame:
    packet = Packet(session, (make_scan(number, counter=counter),), 0)
    return cut_frame(packet, 0, 0, (1, 2), [0, 1], ("cell_voltage_v",), 0)


def test_nothing_published_is_nothing_to_go_on_from() -> None:
    assert resume_point({}, START_NS) is None
    assert resume_point({0: _frame(1, 1, session=START_NS + 3 * S)}, START_NS) is None


def test_a_gateway_goes_on_from_the_newest_scan_of_any_section() -> None:
    point = resume_point({0: _frame(7, 70), 1: _frame(5, 68), 2: _frame(1, 3, START_NS - S)}, 2**62)
    assert point is not None
    assert (point.session, point.order.counter, point.order.t_plant_s) == (START_NS, 70, 7.0)
    assert point.behind == {1: 2}
    arrival, missing = point.order.judge(make_scan(9, counter=73))
    assert list(missing) == [71, 72], arrival


def test_an_absence_at_a_plant_that_does_not_count_is_told_by_its_length() -> None:
    point = resume_point({0: _frame(0, None)}, 2**62)
    assert point is not None
    assert point.order.counter is None
    assert point.polls_missed(START_NS + 10 * S + S // 2, 1.0) == 9
    assert point.polls_missed(START_NS + S, 1.0) == 0
    assert point.polls_missed(START_NS - S, 1.0) == 0


# -- news of the link -----------------------------------------------------------------------


class _Clock:
    now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns


@pytest.mark.parametrize("connections", [0, 1])
async def test_a_plant_that_is_not_there_is_told_once_when_the_grace_is_over(
    connections: int,
) -> None:
    clock, taker = _Clock(), Taker()
    news = LinkNews(taker.report, clock)
    lost = LinkStatus(LinkState.LOST, "opc.tcp://x:1", START_NS, connections, "nobody there")
    telling = asyncio.create_task(news.run())
    news.see(lost)
    is_told = connections == 1  # one that was there is missed at once
    if is_told:
        await taker.until(lambda it: bool(it.events))
    clock.now_ns += 6 * S
    news.see(lost)  # the link has not changed: nothing new is said of it
    await taker.until(lambda it: bool(it.events))
    news.see(lost)
    news.see(replace(lost, state=LinkState.CONNECTED, connections=2))
    await taker.until(lambda it: len(it.events) == 2)
    assert taker.events == [("scada_lost", True), ("scada_lost", False)]
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


def test_a_frame_says_where_the_plants_counting_stood() -> None:
    assert _frame(3, 41).scan_counter == 41
    assert _frame(3, None).scan_counter == -1
    assert np.isfinite(_frame(3, 41).value).all()
