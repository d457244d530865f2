"""The slow half in a running line: when an addition of AlF3 is proposed, and with which words."""

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import TypeVar

import msgspec
import numpy as np
import pytest

from control.day_desk import DayStanding, usual_alf3_kg_per_day
from control.day_plan import DayPlanner
from ops.loop import make_day_brain
from ops.plantfile import load_plant
from physics.estimate_state import to_bytes
from physics.signals import ALF3_SETPOINT, SETPOINTS
from stream import decide
from stream.days import NO_SAMPLE, DayBrain, gap_floors_cm, plan_days, warm_up
from stream.decide import DecideState, decide_both, decide_section
from stream.estimate import SAMPLED_COLUMN, EstimateState, step_estimate
from stream.frames import EstimateFrame, Origin
from stream.records import Proposal
from tests.physics.plants import PLANTS
from tests.stream.frame_cases import NOW_NS
from tests.stream.loop_cases import PERIOD_S, Brains, HandClock, decide_settings, plant_frame

SETTINGS = decide_settings()
ResultT = TypeVar("ResultT")


@pytest.fixture(name="brain", scope="module")
def _brain(brains: Brains) -> DayBrain:
    made = make_day_brain(brains.plant)
    assert made is not None
    warm_up(made, [2])
    return made


@pytest.fixture(name="on_compute")
def _on_compute(compute: Executor) -> Callable[[Callable[[], ResultT]], ResultT]:
    return lambda work: compute.submit(work).result()


def estimated(
    brains: Brains, t_plant_s: float, sampled: list[float], **columns: float
) -> EstimateFrame:
    """What the filter makes of one frame, as if these cells had been sampled."""
    frame = replace(plant_frame(0, 0, t_plant_s, NOW_NS), origin=Origin("samples", 0, 0))
    state = EstimateState(filter=to_bytes(brains.estimator.init(2)))
    _, made = step_estimate(brains.estimator, state, frame)
    assert made is not None
    changed = {name: np.full(2, value) for name, value in columns.items()}
    return replace(made, values=made.values | changed | {SAMPLED_COLUMN: np.array(sampled)})


def run(
    brains: Brains, brain: DayBrain | None, state: DecideState, estimate: EstimateFrame
) -> tuple[DecideState, list[Proposal]]:
    following, proposals, _ = decide_both(
        brains.controller,
        brains.linearise,
        brain,
        SETTINGS,
        state,
        estimate,
        HandClock(),
        lambda: 0.0,
    )
    return following, proposals


def test_an_addition_is_planned_from_a_cells_first_sample_on(
    brains: Brains, brain: DayBrain, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    def work() -> None:
        lean = {"excess_alf3_wt_pct": 12.0, "ledge_cm": 14.5, "acd_cm": 3.9}
        state, (first, second) = run(
            brains, brain, DecideState(), estimated(brains, 1000.0, [0.0, 1.0], **lean)
        )
        assert set(first.setpoints) == set(SETPOINTS)
        assert first.reason.endswith(NO_SAMPLE)
        assert set(second.setpoints) == {*SETPOINTS, ALF3_SETPOINT}
        addition = second.setpoints[ALF3_SETPOINT]
        assert addition > usual_alf3_kg_per_day(brains.plant.design), "the bath has too little"
        assert f"to {addition:.0f} kg/day: in 72 h the bath has" in second.reason
        assert second.figures["day_alf3_target_wt_pct"] == 13.0
        assert second.figures["superheat_end_c"] != second.figures["day_superheat_end_c"]
        assert set(state.days) == {"2"}

        kept = decide.decode_state(decide.encode_state(state))
        assert kept == state
        later, (first, second) = run(
            brains, brain, kept, estimated(brains, 1000.0 + PERIOD_S, [0.0, 1.0])
        )
        assert ALF3_SETPOINT not in first.setpoints
        assert second.setpoints[ALF3_SETPOINT] == addition, "it stands between the plans"
        assert later.days == state.days
        sampled, (first, _) = run(
            brains, brain, later, estimated(brains, 1000.0 + 2 * PERIOD_S, [1.0, 1.0])
        )
        assert ALF3_SETPOINT in first.setpoints, "a first sample makes the cell due"
        assert sampled.days["2"] == state.days["2"]
        _, (first, _) = run(
            brains, brain, sampled, estimated(brains, 1000.0 + 3 * PERIOD_S, [0.0, 1.0])
        )
        assert first.setpoints[ALF3_SETPOINT] == sampled.days["1"].alf3_kg_per_day

    on_compute(work)


def test_a_cell_that_is_not_moved_gets_no_addition_either(
    brains: Brains, brain: DayBrain, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    def work() -> None:
        blind = estimated(brains, 1000.0, [1.0, 1.0], line_current_ka=np.nan)
        state, proposals = run(brains, brain, DecideState(), blind)
        assert [proposal.setpoints for proposal in proposals] == [{}, {}]
        assert state.days == {}
        planned = DecideState(days={"1": DayStanding(30.0, slot=7, acd_floor_cm=3.9)})
        state, proposals = run(brains, brain, planned, blind)
        assert [proposal.setpoints for proposal in proposals] == [{}, {}]
        assert state.days == planned.days

    on_compute(work)


def test_the_fast_half_stays_above_the_gap_of_the_plan(
    brains: Brains, brain: DayBrain, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    standing = {"1": DayStanding(30.0, slot=0, acd_floor_cm=4.6)}
    assert gap_floors_cm(standing, (1, 2)).tolist() == [4.6, -np.inf]

    def work() -> None:
        made = estimated(brains, 1000.0, [0.0, 0.0])
        _, (wide, plain) = run(brains, brain, DecideState(days=standing), made)
        assert wide.figures["acd_floor_cm"] == pytest.approx(4.6)
        assert plain.figures["acd_floor_cm"] < 4.6
        assert wide.setpoints[ALF3_SETPOINT] == 30.0
        assert "stays at 30 kg/day" in wide.reason

    on_compute(work)


def test_few_plans_are_made_at_one_decision(brains: Brains, brain: DayBrain) -> None:
    known = estimated(brains, 1000.0, [1.0, 1.0]).values
    many = replace(
        estimated(brains, 1000.0, [1.0, 1.0]),
        cells=tuple(range(1, 21)),
        values={name: np.repeat(column[:1], 20) for name, column in known.items()},
    )
    standing: dict[str, DayStanding] = {}
    counts = []
    for _ in range(4):
        standing = plan_days(brain, standing, many)
        counts.append(len(standing))
    assert counts == [8, 16, 20, 20]


def test_nothing_is_planned_before_all_is_compiled(brains: Brains) -> None:
    cold = make_day_brain(brains.plant)
    assert cold is not None
    standing = {"1": DayStanding(30.0, slot=-1)}
    assert plan_days(cold, standing, estimated(brains, 1000.0, [1.0, 1.0])) == standing


def test_a_plant_without_the_setpoint_runs_as_before(
    brains: Brains, on_compute: Callable[[Callable[[], None]], None]
) -> None:
    assert make_day_brain(load_plant(PLANTS / "metalx-120ka.toml")) is None

    def work() -> None:
        made = estimated(brains, 1000.0, [1.0, 1.0])
        state, proposals = run(brains, None, DecideState(), made)
        expected_state, expected, _ = decide_section(
            brains.controller,
            brains.linearise,
            SETTINGS,
            DecideState(),
            made,
            HandClock(),
            lambda: 0.0,
        )
        assert state.days == expected_state.days == {}
        for ours, theirs in zip(proposals, expected, strict=True):
            assert set(ours.setpoints) == set(SETPOINTS)
            assert "AlF3" not in ours.reason
            assert ours.setpoints == pytest.approx(theirs.setpoints, abs=0.1)

    on_compute(work)


def test_a_state_from_before_the_days_is_read() -> None:
    plain = msgspec.to_builtins(DecideState(session=1, sequence=2))
    del plain["days"]
    assert decide.decode_state(msgspec.msgpack.encode(plain)) == DecideState(session=1, sequence=2)


def test_the_planner_is_compiled_once(brains: Brains) -> None:
    assert DayPlanner(brains.plant.control).is_parametrised
