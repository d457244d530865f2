"""Reports of a laboratory: which are believed, which known, and what the filter makes of them."""

import math
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physics.estimate_state import to_bytes
from physics.hindsight import SAMPLED
from physics.lab_sample import SampleStatus
from physics.signals import ANALYSED
from stream import estimate
from stream.estimate import SAMPLED_COLUMN, EstimateState, step_section
from stream.frames import EstimateFrame, Origin
from stream.laboratory import (
    LaboratoryState,
    WaitingReport,
    analysis_in_words,
    find_fault,
    make_ranges,
    receive,
)
from stream.records import LaboratoryReport, RecordError, decode, encode
from stream.rejects import Reason
from stream.sampling import Sampled
from tests.stream.frame_cases import NOW_NS, SECOND_NS
from tests.stream.laboratory_cases import make_report, waiting
from tests.stream.loop_cases import Brains, plant_frame

RANGES = {
    "alumina_wt_pct": (0.0, 20.0),
    "excess_alf3_wt_pct": (-20.0, 50.0),
    "bath_temperature_c": (800.0, 1100.0),
}
CELLS = (1, 2)
NOTHING = dict.fromkeys(ANALYSED)
ResultT = TypeVar("ResultT")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cell": 3}, Reason.UNKNOWN_CELL),
        ({"cell": -1}, Reason.UNKNOWN_CELL),
        (NOTHING, Reason.MISSING),
        ({"excess_alf3_wt_pct": math.nan}, Reason.NOT_FINITE),
        ({"t_drawn_plant_s": math.inf}, Reason.NOT_FINITE),
        ({"alumina_wt_pct": -0.1}, Reason.OUT_OF_RANGE),
        ({"bath_temperature_c": 1e300}, Reason.OUT_OF_RANGE),
        ({"t_drawn_ns": NOW_NS + 60 * SECOND_NS}, Reason.FUTURE),
        ({"t_reported_ns": 2**63 + NOW_NS}, Reason.FUTURE),
        ({"t_drawn_ns": -(2**70)}, Reason.OUT_OF_RANGE),
        ({"reported_by": "x" * 201}, Reason.MALFORMED),
    ],
)
def test_what_cannot_be_is_turned_away_with_its_reason(
    changes: dict[str, Any], reason: Reason
) -> None:
    report = WaitingReport(make_report(**{"cell": 1, "t_drawn_plant_s": 1000.0} | changes), 0, 7)
    state, refused = receive(LaboratoryState(), report, CELLS, RANGES, NOW_NS)
    assert refused is not None
    assert refused.waiting is report
    assert refused.refusal.reason is reason
    assert (state.waiting, state.refused) == ((), 1)


def test_a_sample_is_known_again_by_its_cell_and_time_whoever_reports_it() -> None:
    state = LaboratoryState(taken_s={"2": (500.0,)})
    for report in (
        waiting(1, 1000.0),
        waiting(1, 1000.4, reported_by="somebody else"),
        waiting(2, 500.0),
        waiting(2, 1000.0),
    ):
        state, refused = receive(state, report, CELLS, RANGES, NOW_NS)
        assert refused is None
    assert [one.report.cell for one in state.waiting] == [1, 2]
    assert (state.repeated, state.refused) == (2, 0)


@pytest.mark.parametrize("order", [range(100), reversed(range(100))])
def test_of_a_flood_of_reports_the_newest_samples_stay(order: Iterable[int]) -> None:
    state = LaboratoryState()
    for number in order:
        state, _ = receive(state, waiting(1, 1000.0 + 10.0 * number), CELLS, RANGES, NOW_NS)
    kept_s = sorted(one.report.t_drawn_plant_s for one in state.waiting)
    assert kept_s == [1960.0, 1970.0, 1980.0, 1990.0]
    assert state.refused == 96


def test_of_more_samples_than_a_day_can_have_no_more_is_taken() -> None:
    state = LaboratoryState(taken_s={"1": tuple(np.arange(32.0))})
    following, refused = receive(state, waiting(1, 1000.0), CELLS, RANGES, NOW_NS)
    assert refused is not None
    assert refused.refusal.reason is Reason.TOO_MANY
    assert following.waiting == ()


@given(
    st.dictionaries(
        st.sampled_from([*ANALYSED, "t_drawn_plant_s", "cell", "t_drawn_ns", "t_reported_ns"]),
        st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=3)),
    )
)
def test_whatever_comes_over_the_wire_is_no_record_or_can_be_kept(changes: dict[str, Any]) -> None:
    plain = msgspec.to_builtins(make_report(1, 1000.0)) | changes
    try:
        report = decode(msgspec.json.encode(plain), LaboratoryReport)
    except (RecordError, OverflowError):
        return
    if find_fault(report, CELLS, RANGES, NOW_NS) is None:
        kept = LaboratoryState(waiting=(msgspec.structs.replace(waiting(1, 1.0), report=report),))
        payload = msgspec.msgpack.encode(kept)
        assert msgspec.msgpack.decode(payload, type=LaboratoryState) == kept
        assert decode(encode(report), LaboratoryReport) == report


def test_a_report_says_in_words_what_was_found_and_how_far_it_is_from_what_was_believed() -> None:
    report = make_report(1, 0.0, alumina_wt_pct=None)
    assert analysis_in_words(report) == "excess AlF3 12.0 wt%, bath 957 degC"
    beyond = {"excess_alf3_wt_pct": -0.4, "bath_temperature_c": math.nan}
    words = "excess AlF3 12.0 wt% (0.4 less than believed), bath 957 degC"
    assert analysis_in_words(report, beyond) == words


def test_the_ranges_are_the_plants(brains: Brains) -> None:
    assert tuple(RANGES) == ANALYSED == SAMPLED
    assert make_ranges(brains.plant.signals) == RANGES


def _run(
    brains: Brains,
    state: EstimateState,
    times_s: list[float],
    sequence: int = 0,
    *,
    later_s: float = 0.0,
    session: int = 1,
) -> tuple[EstimateState, EstimateFrame, list[Sampled]]:
    """Take in a frame for each time; returns the last estimate and all outcomes."""
    outcomes: list[Sampled] = []
    for number, t_s in enumerate(times_s, start=sequence):
        now_ns = NOW_NS + int(later_s * SECOND_NS)
        frame = plant_frame(0, number, t_s, now_ns, session=session)
        frame = replace(frame, origin=Origin("samples", 0, number))
        state, made, done = step_section(brains.estimator, state, frame)
        assert made is not None
        outcomes += done
    return state, made, outcomes


def _with(state: EstimateState, *reports: Any) -> EstimateState:
    laboratory = state.laboratory
    for report in reports:
        laboratory, _ = receive(laboratory, report, CELLS, RANGES, NOW_NS)
    return msgspec.structs.replace(state, laboratory=laboratory)


def _begun(brains: Brains) -> EstimateState:
    begun = EstimateState(filter=to_bytes(brains.estimator.init(2)))
    return _run(brains, begun, [1000.0 + 600.0 * k for k in range(12)])[0]


@pytest.fixture(name="on_compute")
def _on_compute(compute: Executor) -> Callable[[Callable[[], ResultT]], ResultT]:
    return lambda work: compute.submit(work).result()


def test_a_sample_moves_the_estimate_of_its_cell_once(
    brains: Brains, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    def work() -> None:
        begun = _begun(brains)
        _, without, _ = _run(brains, begun, [8800.0], 12)
        told = _with(begun, waiting(1, 4000.0, excess_alf3_wt_pct=11.0))
        state, made, (done,) = _run(brains, told, [8800.0], 12)
        assert done.status is SampleStatus.TAKEN_IN
        assert done.refusal is None
        assert done.beyond["excess_alf3_wt_pct"] < -1.0
        moved = made.values["excess_alf3_wt_pct"] - without.values["excess_alf3_wt_pct"]
        assert moved[0] < -0.1
        assert moved[1] == 0.0
        assert made.values[SAMPLED_COLUMN].tolist() == [1.0, 0.0]
        assert state.laboratory.taken_s == {"1": (4000.0,)}
        again = _with(state, waiting(1, 4000.0, excess_alf3_wt_pct=9.0))
        _, after, done_again = _run(brains, again, [9400.0], 13)
        assert done_again == []
        _, expected, _ = _run(brains, state, [9400.0], 13)
        for name, column in expected.values.items():
            np.testing.assert_array_equal(after.values[name], column, name)
        payload = estimate.encode_state(again)
        assert estimate.decode_state(payload, 2) == again

    on_compute(work)


def test_the_same_frame_again_takes_nothing_in(
    brains: Brains, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    def work() -> None:
        told = _with(_begun(brains), waiting(1, 4000.0))
        frame = replace(plant_frame(0, 5, 4000.0, NOW_NS), origin=Origin("samples", 0, 5))
        state, made, done = step_section(brains.estimator, told, frame)
        assert (made, done) == (None, [])
        assert state.laboratory == told.laboratory

    on_compute(work)


def test_what_was_drawn_before_the_memory_or_after_all_scans_is_refused(
    brains: Brains, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    def work() -> None:
        told = _with(_begun(brains), waiting(1, 900.0), waiting(2, 50_000.0))
        state, _, (old,) = _run(brains, told, [8800.0], 12)
        assert old.refusal is not None
        assert old.refusal.reason is Reason.TOO_OLD
        assert [one.report.cell for one in state.laboratory.waiting] == [2], "a backlog may come"
        state, made, (future,) = _run(brains, state, [9400.0], 13, later_s=61.0)
        assert future.refusal is not None
        assert future.refusal.reason is Reason.FUTURE
        assert state.laboratory.waiting == ()
        assert state.laboratory.refused == 2
        assert made.values[SAMPLED_COLUMN].tolist() == [0.0, 0.0]

    on_compute(work)


def test_a_loop_that_catches_up_takes_a_sample_in_when_its_time_has_come(
    brains: Brains, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    def work() -> None:
        told = _with(_begun(brains), waiting(1, 9000.0), waiting(1, 7200.0), waiting(2, 9100.0))
        state, _, done = _run(brains, told, [8800.0], 12)
        assert [one.waiting.report.t_drawn_plant_s for one in done] == [7200.0]
        state, _, done = _run(brains, state, [9400.0, 10_000.0], 13, later_s=300.0)
        assert [one.status for one in done] == [SampleStatus.TAKEN_IN] * 2
        assert state.laboratory.taken_s == {"1": (7200.0, 9000.0), "2": (9100.0,)}

    on_compute(work)


def test_reports_on_cells_of_another_plant_file_stop_nothing(
    brains: Brains, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    def work() -> None:
        begun = _begun(brains)
        of_before = LaboratoryState(waiting=(waiting(21, 4000.0), waiting(22, 4000.0)))
        told = msgspec.structs.replace(begun, laboratory=of_before)
        state, _, done = _run(brains, told, [8800.0], 12)
        assert [one.status for one in done] == [SampleStatus.UNKNOWN_CELL] * 2
        assert state.laboratory.waiting == ()

    on_compute(work)


def test_a_clock_that_was_put_back_forgets_the_samples(
    brains: Brains, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    def work() -> None:
        state, _, _ = _run(brains, _with(_begun(brains), waiting(1, 4000.0)), [8800.0], 12)
        state, made, _ = _run(brains, state, [100.0], 0, session=2)
        assert made.values[SAMPLED_COLUMN].tolist() == [0.0, 0.0]
        assert state.laboratory.taken_s == {}

    on_compute(work)
