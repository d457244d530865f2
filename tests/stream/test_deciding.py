"""When a section is due, and what becomes of a decision that has no time."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.decision import Fallback
from control.problem import SolverStatus
from physics.design import nominal_feed_kg_per_h
from physics.estimate_state import to_bytes
from stream import decide, estimate
from stream.decide import DecideSettings, DecideState, decide_section, is_due, slot_of
from stream.estimate import EstimateState, step_estimate
from stream.fallback_news import FellBack
from stream.frames import EstimateFrame, Origin
from stream.section_picture import SectionPicture, see_estimates
from tests.stream.frame_cases import NOW_NS, SECOND_NS, make_estimate_frame
from tests.stream.loop_cases import PERIOD_S, Brains, HandClock, decide_settings, plant_frame

SETTINGS = decide_settings()


def estimate_at(
    t_plant_s: float, *, section: int = 0, sequence: int = 5, frames_applied: int = 5
) -> EstimateFrame:
    return make_estimate_frame(
        {},
        section=section,
        cells=(1, 2),
        sequence=sequence,
        frames_applied=frames_applied,
        t_plant_s=t_plant_s,
    )


@given(
    st.integers(1, 200), st.integers(0, 199), st.floats(-1e6, 2e9), st.sampled_from([60.0, 120.0])
)
def test_every_section_has_one_slot_a_period(
    sections: int, section: int, t_plant_s: float, period_s: float
) -> None:
    settings = DecideSettings(period_s, 10.0, 5.0, 5.0, sections)
    section %= sections
    slot = slot_of(settings, section, t_plant_s)
    begin_s = (slot + section / sections) * period_s
    assert begin_s - 1e-3 <= t_plant_s <= begin_s + period_s + 1e-3


def test_sections_take_turns_within_a_period() -> None:
    settings = decide_settings()
    seconds = np.arange(0.0, PERIOD_S) + 0.5
    changes = [
        int(np.flatnonzero(np.diff([slot_of(settings, section, t) for t in seconds]))[0]) + 1
        for section in range(1, settings.sections)
    ]
    turn_s = PERIOD_S / settings.sections
    assert changes == [round(turn_s * section) for section in range(1, settings.sections)]


@pytest.mark.parametrize(
    ("state", "changed", "now_ns", "due"),
    [
        (DecideState(), {}, NOW_NS, True),
        (DecideState(session=1, sequence=4, slot=0), {}, NOW_NS, True),
        (DecideState(session=1, sequence=4, slot=1), {}, NOW_NS, False),
        (DecideState(session=1, sequence=5, slot=0), {}, NOW_NS, False),
        (DecideState(session=2, sequence=0, slot=0), {}, NOW_NS, False),
        (DecideState(), {"frames_applied": 1}, NOW_NS, False),
        (DecideState(), {}, NOW_NS + 5 * SECOND_NS, True),
        (DecideState(), {}, NOW_NS + 5 * SECOND_NS + 1000, False),
    ],
    ids=[
        "first",
        "next period",
        "same period",
        "seen before",
        "gateway of before",
        "too few frames",
        "just fresh",
        "old",
    ],
)
def test_due_is_what_is_new_fresh_and_first_of_its_period(
    state: DecideState, changed: dict[str, int], now_ns: int, due: bool
) -> None:
    assert is_due(SETTINGS, state, replace(estimate_at(150.0), **changed), now_ns) is due


def estimated(brains: Brains, t_plant_s: float, sequence: int = 0) -> EstimateFrame:
    """What the filter makes of one frame of a section that runs well."""
    frame = plant_frame(0, sequence, t_plant_s, NOW_NS)
    state = EstimateState(filter=to_bytes(brains.estimator.init(2)))
    _, made = step_estimate(brains.estimator, state, replace(frame, origin=Origin("samples", 0, 0)))
    assert made is not None
    return made


def decided(
    brains: Brains, state: DecideState, made: EstimateFrame, elapsed_s: Callable[[], float]
) -> tuple[DecideState, list[dict[str, float]], list[FellBack], list[str]]:
    following, proposals, fell_back = decide_section(
        brains.controller, brains.linearise, SETTINGS, state, made, HandClock(), elapsed_s
    )
    return (
        following,
        [proposal.setpoints for proposal in proposals],
        fell_back,
        [proposal.proposed_by for proposal in proposals],
    )


def test_after_the_deadline_the_plan_of_before_stands_in_or_nominal_feed(
    brains: Brains, compute: Executor
) -> None:
    late = SETTINGS.deadline_s + 1.0

    def run(
        state: DecideState, t_plant_s: float, elapsed_s: float
    ) -> tuple[DecideState, list[dict[str, float]], list[FellBack], list[str]]:
        made = estimated(brains, t_plant_s)
        return compute.submit(decided, brains, state, made, lambda: elapsed_s).result()

    state, setpoints, fell_back, _ = run(DecideState(), 1000.0, late)
    nominal = pytest.approx(nominal_feed_kg_per_h(brains.plant.design))
    assert [setpoint["alumina_feed_rate_kg_per_h"] for setpoint in setpoints] == [nominal] * 2, (
        "no plan yet"
    )
    assert [(row.cell, row.fallback) for row in fell_back] == [(1, "baseline"), (2, "baseline")]
    assert {row.why for row in fell_back} == {SolverStatus.TIME_LIMIT.value}

    state, setpoints, fell_back, by = run(DecideState(), 1000.0, 0.0)
    assert (len(setpoints), fell_back, by) == (2, [], ["mpc", "mpc"])
    assert set(state.plans) == {"1", "2"}
    assert (state.session, state.sequence) == (1, 0)
    assert state.slot == slot_of(SETTINGS, 0, 1000.0)

    after, setpoints, fell_back, by = run(state, 1000.0 + PERIOD_S, late)
    assert by == [Fallback.PREVIOUS_PLAN.value] * 2
    assert [row.why for row in fell_back] == [SolverStatus.TIME_LIMIT.value] * 2
    assert after.plans == state.plans, "the plan is kept for as long as it lives"
    for cell, setpoint in zip(("1", "2"), setpoints, strict=True):
        assert list(setpoint.values()) == pytest.approx(state.plans[cell][1][0])


def test_a_lean_cell_is_fed_though_its_voltage_falls(brains: Brains, compute: Executor) -> None:
    """Near the anode effect the voltage falls by a volt per wt% fed, and the heat with it: slopes
    that do not last, and by which a plan would rather starve the cell than let it cool.
    """
    made = estimated(brains, 1000.0)
    lean = replace(made, values=made.values | {"alumina_wt_pct": np.full(2, 1.85)})

    def run() -> list[dict[str, float]]:
        return decided(brains, DecideState(), lean, lambda: 0.0)[1]

    nominal = nominal_feed_kg_per_h(brains.plant.design)
    limits = {row.name: row for row in brains.plant.setpoints}["alumina_feed_rate_kg_per_h"]
    for setpoints in compute.submit(run).result():
        fed = setpoints["alumina_feed_rate_kg_per_h"]
        assert fed > nominal + 0.9 * limits.max_step, "as much more as one decision may"


@pytest.mark.parametrize("silent", ["line_current_ka", "beam_position_mm", "voltage_noise_mv"])
def test_what_has_not_been_measured_for_minutes_moves_nothing(
    brains: Brains, compute: Executor, silent: str
) -> None:
    """From samples to what the guard knows: it waits, and goes on by itself."""

    def take_in(
        state: EstimateState, sequences: range, missing: list[str]
    ) -> tuple[EstimateState, EstimateFrame]:
        for sequence in sequences:
            frame = plant_frame(0, sequence, 1000.0 + 10.0 * sequence, NOW_NS, missing=missing)
            frame = replace(frame, origin=Origin("samples", 0, sequence))
            state, made = step_estimate(brains.estimator, state, frame)
            assert made is not None
        return state, made

    def run() -> None:
        state = EstimateState(filter=to_bytes(brains.estimator.init(2)))
        state, made = take_in(state, range(10), [])
        remembered, setpoints, _, by = decided(brains, DecideState(), made, lambda: 0.0)
        assert by == ["mpc", "mpc"]
        assert all(setpoints)
        state, made = take_in(state, range(10, 28), [silent])
        assert np.all(np.isnan(made.values[silent]))
        held, setpoints, fell_back, _ = decided(brains, remembered, made, lambda: 0.0)
        assert setpoints == [{}, {}], "not even the plan of before"
        assert {row.why for row in fell_back} == {SolverStatus.BAD_INPUT.value}
        assert see_estimates(SectionPicture(), made).estimated == frozenset()
        state, made = take_in(state, range(28, 32), [])
        _, setpoints, fell_back, _ = decided(brains, held, made, lambda: 0.0)
        assert all(setpoints)
        assert fell_back == []
        assert see_estimates(SectionPicture(), made).estimated == {1, 2}

    compute.submit(run).result()


def test_a_plant_whose_clock_was_put_back_is_estimated_anew(
    brains: Brains, compute: Executor
) -> None:
    fresh = EstimateState(filter=to_bytes(brains.estimator.init(2)))

    def absorb(
        state: EstimateState, t_plant_s: float, session: int
    ) -> tuple[EstimateState, EstimateFrame | None]:
        frame = plant_frame(0, 0, t_plant_s, NOW_NS, session=session)
        frame = replace(frame, origin=Origin("samples", 0, 0))
        return compute.submit(step_estimate, brains.estimator, state, frame).result()

    before, _ = absorb(fresh, 5000.0, 1)
    again, made = absorb(before, 100.0, 2)
    _, expected = absorb(fresh, 100.0, 2)
    assert made is not None
    assert expected is not None
    assert (again.frames_applied, made.t_plant_s) == (2, 100.0)
    for name, column in expected.values.items():
        np.testing.assert_array_equal(made.values[name], column, name)


def test_states_survive_their_bytes_and_those_of_another_kind_are_told(brains: Brains) -> None:
    planned = DecideState(
        session=1, sequence=2, slot=3, plans={"7": (1.5, [[180.0, 200.0]], 184.0, 1.0, False)}
    )
    assert decide.decode_state(decide.encode_state(planned)) == planned
    filtered = EstimateState(session=1, frames_missing=4, filter=to_bytes(brains.estimator.init(2)))
    payload = estimate.encode_state(filtered)
    assert estimate.decode_state(payload, 2) == filtered
    with pytest.raises(ValueError, match="estimate state of 2 cells; the section has 3"):
        estimate.decode_state(payload, 3)
    with pytest.raises(ValueError, match="decide state of version 9, not 3"):
        decide.decode_state(decide.encode_state(msgspec.structs.replace(planned, version=9)))
    with pytest.raises(ValueError, match="estimate state of version 9, not 2"):
        estimate.decode_state(
            estimate.encode_state(msgspec.structs.replace(filtered, version=9)), 2
        )
