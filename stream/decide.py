"""Agent `estimates` -> `proposals`: every control period, setpoints for every cell of a section.

Where the plant file has the setpoint, the days are planned first (`stream.days`).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from control.day_desk import DayStanding
from control.decision import CellDecision
from control.mpc import CellController
from control.plan import PlainPlan, Plan
from control.prediction import CellModel, Uncertainty
from physics.signals import SETPOINTS
from stream.app import Message, SectionTable, Worker, add_agent, section_key
from stream.days import DayBrain, add_addition, gap_floors_cm, plan_days
from stream.fallback_news import FallbackNews, FellBack
from stream.frame_codec import decode_estimates
from stream.frames import F64, EstimateFrame
from stream.records import Proposal, encode
from stream.topics import ESTIMATES, PROPOSALS, TABLES

_TABLE: Final = next(table for table in TABLES if table.owner == "decide")
_STATE_VERSION: Final = 3
_SHORTEST_SOLVE_S: Final = 1e-6  # what is left of the deadline is never less, so that OSQP starts

Linearise = Callable[[EstimateFrame, F64], tuple[F64, Sequence[CellModel]]]
"""(estimate, setpoints in force (C, 2)) -> states (C, N) and a linear model per cell."""


class DecideState(msgspec.Struct, frozen=True, kw_only=True):
    """What deciding remembers of a section.

    Attributes:
        session, sequence: the estimate of the last decision.
        slot: which control period it was made in.
        plans: cell number (as text) -> its plan.
        fallen: cells for which it has been told that the optimiser gives no plan.
        days: cell number (as text) -> what stands of its plan over days.
    """

    version: int = _STATE_VERSION
    session: int = -1
    sequence: int = -1
    slot: int | None = None
    plans: dict[str, PlainPlan] = {}
    fallen: tuple[int, ...] = ()
    days: dict[str, DayStanding] = {}


def encode_state(state: DecideState) -> bytes:
    """Return the state as MessagePack."""
    return msgspec.msgpack.encode(state)


def decode_state(payload: bytes) -> DecideState:
    """Return the state in `payload`.

    Raises:
        ValueError: it is not a state of this version.
    """
    state = msgspec.msgpack.decode(payload, type=DecideState)
    if state.version != _STATE_VERSION:
        raise ValueError(f"decide state of version {state.version}, not {_STATE_VERSION}")
    return state


@dataclass(frozen=True, slots=True)
class DecideSettings:
    """When to decide, and how long it may take.

    Attributes:
        control_period_s: plant time between decisions for a cell.
        deadline_s: wall time for all cells of a section.
        max_estimate_age_s: wall time after which an estimate is too old to act on.
        validity_s: wall time after which a proposal may not be written any more.
        first_after_frames: an estimate that rests on fewer frames is not acted on yet.
        sections: how many there are; each decides at its own phase of the period, so that a line
            of many sections does not move all cells at once.
    """

    control_period_s: float
    deadline_s: float
    max_estimate_age_s: float
    validity_s: float
    sections: int
    first_after_frames: int = 3


def slot_of(settings: DecideSettings, section: int, t_plant_s: float) -> int:
    """Return the number of the control period that a section is in."""
    phase = section / max(settings.sections, 1)
    return int(np.floor(t_plant_s / settings.control_period_s - phase))


def is_due(
    settings: DecideSettings, state: DecideState, estimate: EstimateFrame, now_ns: int
) -> bool:
    """Whether this estimate is new, fresh and the first of its control period."""
    age_s = (now_ns - estimate.t_source_ns) / 1e9
    return (
        estimate.order > (state.session, state.sequence)
        and estimate.frames_applied >= settings.first_after_frames
        and age_s <= settings.max_estimate_age_s
        and slot_of(settings, estimate.section, estimate.t_plant_s) != state.slot
    )


def decide_section(
    controller: CellController,
    linearise: Linearise,
    settings: DecideSettings,
    state: DecideState,
    estimate: EstimateFrame,
    clock_ns: Callable[[], int],
    elapsed_s: Callable[[], float],
    acd_floor_cm: F64 | None = None,
) -> tuple[DecideState, list[Proposal], list[FellBack]]:
    """Decide for every cell of a section, within the deadline.

    Args:
        controller: compiled; keeps a warm solver per cell.
        linearise: gives the state and the linear model of every cell.
        settings: when and how long.
        state: of the section.
        estimate: what it rests on.
        clock_ns: wall time, for the records.
        elapsed_s: wall time since this decision began.
        acd_floor_cm: (C,) what plans over days ask for; none where left out.

    Returns:
        The next state, a proposal for every cell that has one, and the cells for which the
        optimiser had no plan. A cell whose turn comes after the deadline is among those, by a
        time limit that no solve can meet.
    """
    applied = np.column_stack([estimate.values[name] for name in SETPOINTS])
    states, models = linearise(estimate, applied)
    plans = dict(state.plans)
    proposals: list[Proposal] = []
    fell_back: list[FellBack] = []
    for i, cell in enumerate(estimate.cells):
        kept = plans.get(str(cell))
        decision = controller.decide(
            cell,
            models[i],
            states[i],
            applied[i],
            Uncertainty(
                alumina_sd_wt_pct=float(estimate.values["alumina_wt_pct_sd"][i]),
                acd_sd_cm=float(estimate.values["acd_cm_sd"][i]),
                noise_mv=float(estimate.values["voltage_noise_mv"][i]),
                acd_floor_cm=-np.inf if acd_floor_cm is None else float(acd_floor_cm[i]),
            ),
            Plan.from_plain(*kept) if kept is not None else None,
            estimate.t_plant_s,
            max(settings.deadline_s - elapsed_s(), _SHORTEST_SOLVE_S),
        )
        if decision.plan is not None:
            plans[str(cell)] = decision.plan.as_plain()
        else:
            plans.pop(str(cell), None)
        if decision.fallback is not None:
            fell_back.append(FellBack(cell, decision.fallback.value, decision.status.value))
        # Also one that asks for nothing: the guard can tell "stay" from silence by it.
        proposals.append(_proposal(settings, estimate, cell, decision, clock_ns()))
    following = DecideState(
        session=estimate.session,
        sequence=estimate.sequence,
        slot=slot_of(settings, estimate.section, estimate.t_plant_s),
        plans=plans,
        fallen=state.fallen,
        days=state.days,
    )
    return following, proposals, fell_back


def decide_both(
    controller: CellController,
    linearise: Linearise,
    days: DayBrain | None,
    settings: DecideSettings,
    state: DecideState,
    estimate: EstimateFrame,
    clock_ns: Callable[[], int],
    elapsed_s: Callable[[], float],
) -> tuple[DecideState, list[Proposal], list[FellBack]]:
    """Plan the days of the cells that are due, then decide above the gap that the plans ask for.

    Args:
        days: plans them; None where the plant has no setpoint for it.

    The others, and what is returned, are those of `decide_section`.
    """
    if days is None:
        return decide_section(controller, linearise, settings, state, estimate, clock_ns, elapsed_s)
    standing = plan_days(days, state.days, estimate)
    following, proposals, fell_back = decide_section(
        controller,
        linearise,
        settings,
        msgspec.structs.replace(state, days=standing),
        estimate,
        clock_ns,
        elapsed_s,
        gap_floors_cm(standing, estimate.cells),
    )
    return following, [add_addition(proposal, standing) for proposal in proposals], fell_back


def _proposal(
    settings: DecideSettings,
    estimate: EstimateFrame,
    cell: int,
    decision: CellDecision,
    now_ns: int,
) -> Proposal:
    section, session, sequence = estimate.section, estimate.session, estimate.sequence
    return Proposal(
        proposal_id=f"{section}-{session}-{sequence}-{cell}",
        section=section,
        cell=cell,
        session=session,
        sequence=sequence,
        setpoints=decision.setpoints,
        proposed_by="mpc" if decision.fallback is None else decision.fallback.value,
        solver_status=decision.status.name.lower(),
        fallback=decision.fallback.value if decision.fallback is not None else None,
        solve_ms=decision.solve_ms,
        reason=decision.reason,
        figures=decision.figures,
        t_plant_s=estimate.t_plant_s,
        t_source_ns=estimate.t_source_ns,
        t_received_ns=estimate.t_received_ns,
        t_estimated_ns=estimate.t_estimated_ns,
        t_decided_ns=now_ns,
        expires_ns=now_ns + int(settings.validity_s * 1e9),
    )


def add_decide(
    worker: Worker,
    controller: CellController,
    linearise: Linearise,
    settings: DecideSettings,
    compute: Executor,
    days: DayBrain | None = None,
) -> None:
    """Add the agent to `worker`.

    Args:
        days: plans AlF3 and gap over days; None where the plant has no setpoint for AlF3.
        compute: where JAX and the solver run, off the event loop; one thread, for the solvers'
            workspaces.
    """
    news = FallbackNews()
    table = SectionTable[DecideState](
        worker,
        _TABLE,
        encode_state,
        lambda _, payload: decode_state(payload),
        lambda _: DecideState(),
    )

    async def handle(message: Message) -> None:
        estimate = decode_estimates(message.value)
        section, state = estimate.section, table.get(estimate.section)
        if not is_due(settings, state, estimate, worker.clock_ns()):
            return
        began_s = time.monotonic()

        def elapsed_s() -> float:
            return time.monotonic() - began_s

        following, proposals, fell_back = await asyncio.get_running_loop().run_in_executor(
            compute,
            decide_both,
            controller,
            linearise,
            days,
            settings,
            state,
            estimate,
            worker.clock_ns,
            elapsed_s,
        )
        taken_s = elapsed_s()
        if taken_s > settings.deadline_s:
            # Made of a plant that has moved on. It must not be acted on, nor gone on with; to do so
            # little of it as came in time would move some cells always and others never. What is
            # planned over days does not age so fast, and would take the same time again.
            await worker.outbox.report("decision_late", section=section, seconds=round(taken_s, 1))
            await table.put(section, msgspec.structs.replace(following, plans=state.plans))
            return
        await asyncio.gather(
            *(
                worker.outbox.send(
                    PROPOSALS.name, section_key(section), encode(proposal), message.partition
                )
                for proposal in proposals
            )
        )
        told, fallen = news.take(
            section, estimate.cells, state.fallen, fell_back, worker.monotonic_ns()
        )
        for one in told:
            await worker.outbox.report(
                "decision_fell_back",
                active=one.active,
                section=section,
                cell=one.cell,
                status=one.status,
                fallback=one.fallback,
            )
        await table.put(section, msgspec.structs.replace(following, fallen=fallen))

    add_agent(worker, "decide", ESTIMATES, handle)
