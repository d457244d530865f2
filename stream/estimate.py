"""Agents `accepted` -> `estimates` and `laboratory`: keep the state of every cell, each frame and
each sample once.

A report of the laboratory waits in the state until the next frame: only that agent runs the filter.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from physics.estimate_state import from_bytes, to_bytes
from physics.estimator import Estimator
from physics.signals import SIGNALS
from stream.app import Message, SectionTable, Worker, add_agent, section_key
from stream.feeder_news import tell_feeders
from stream.frame_codec import decode_samples, encode_estimates
from stream.frames import F64, I64, EstimateFrame, Origin, Quality, SampleFrame
from stream.laboratory import (
    LaboratoryState,
    Ranges,
    Refusal,
    WaitingReport,
    receive,
)
from stream.laboratory_news import LaboratoryNews
from stream.records import LaboratoryReport, RecordError, decode
from stream.rejects import Reason
from stream.sampling import Sampled, has_samples, take_waiting
from stream.topics import ACCEPTED, ESTIMATES, LABORATORY, TABLES

_TABLE: Final = next(table for table in TABLES if table.owner == "estimate")
_STATE_VERSION: Final = 2
_BATH: Final = "bath_temperature_c"
SAMPLED_COLUMN: Final = "laboratory_sampled"  # of an estimate: 1 where it rests on a sample, else 0


class EstimateState(msgspec.Struct, frozen=True, kw_only=True):
    """The filter of a section and how far it has come.

    `bath_c` and `bath_source_ns` are the newest bath temperature of each cell that was taken in and
    its source time, as bytes; empty before the first. `laboratory` is what waits, and what was
    taken in, of the laboratory's reports. `feeders_told` are the cells whose feeders stand told to
    be at fault.
    """

    version: int = _STATE_VERSION
    session: int = -1
    sequence: int = -1
    frames_applied: int = 0
    frames_skipped: int = 0
    frames_missing: int = 0
    bath_c: bytes = b""  # float64
    bath_source_ns: bytes = b""  # int64
    laboratory: LaboratoryState = LaboratoryState()
    feeders_told: tuple[int, ...] = ()
    filter: bytes


def encode_state(state: EstimateState) -> bytes:
    """Return the state as MessagePack."""
    return msgspec.msgpack.encode(state)


def decode_state(payload: bytes, cells: int) -> EstimateState:
    """Return the state in `payload`.

    Raises:
        ValueError: it is not a state of this version and of so many cells.
    """
    state = msgspec.msgpack.decode(payload, type=EstimateState)
    if state.version != _STATE_VERSION:
        raise ValueError(f"estimate state of version {state.version}, not {_STATE_VERSION}")
    found = len(from_bytes(state.filter).mean)
    if found != cells:
        raise ValueError(f"estimate state of {found} cells; the section has {cells}")
    return state


def find_new_baths(frame: SampleFrame, bath_c: F64, source_ns: I64) -> tuple[np.ndarray, F64, I64]:
    """Tell which bath temperatures are measurements that have not been taken in before.

    At most plants somebody dips a thermocouple once a shift or a day, and the server shows the
    reading until the next, some with its own time and some with that of each scan. Taken in at each
    scan, one reading would count as thousands. So both have to have changed, time and value.

    Args:
        frame: accepted samples.
        bath_c: (C,) taken in last; NaN where none.
        source_ns: (C,) its source time.

    Returns:
        Marks, (S, C), and what is taken in last after the frame.
    """
    k = frame.signals.index(_BATH)
    marks = np.zeros(frame.shape[:2], dtype=bool)
    for s in range(len(marks)):
        value, source = frame.value[s, :, k], frame.source_time_ns[s, :, k]
        usable = (frame.quality[s, :, k] <= Quality.UNCERTAIN) & np.isfinite(value)
        marks[s] = usable & (np.isnan(bath_c) | (source > source_ns) & (value != bath_c))
        bath_c = np.where(marks[s], value, bath_c)
        source_ns = np.where(marks[s], source, source_ns)
    return marks, bath_c, source_ns


def warm_up_scan(estimator: Estimator, size: int) -> None:
    """Compile what a scan of a section of so many cells needs."""
    frame = SampleFrame(
        section=0,
        session=0,
        sequence=0,
        cells=tuple(range(1, size + 1)),
        signals=SIGNALS,
        t_plant_s=np.zeros(1),
        value=np.full((1, size, len(SIGNALS)), np.nan),
        quality=np.full((1, size, len(SIGNALS)), Quality.MISSING, dtype=np.uint8),
        source_time_ns=np.zeros((1, size, len(SIGNALS)), dtype=np.int64),
        t_received_ns=0,
        origin=Origin("", 0, 0),
    )
    _, estimate = step_estimate(
        estimator, EstimateState(filter=to_bytes(estimator.init(size))), frame
    )
    assert estimate is not None, "a first frame is new to a first state"


def step_estimate(
    estimator: Estimator, state: EstimateState, frame: SampleFrame
) -> tuple[EstimateState, EstimateFrame | None]:
    """Absorb one accepted frame into the state of its section.

    Args:
        estimator: of the plant; pure.
        state: of the section.
        frame: accepted samples, cells and signals in the plant's order.

    Returns:
        The next state, and the estimate (its `t_estimated_ns` still 0); None for a frame that
        was absorbed before.
    """
    if (frame.session, frame.sequence) <= (state.session, state.sequence):
        skipped = msgspec.structs.replace(state, frames_skipped=state.frames_skipped + 1)
        return skipped, None
    expected = state.sequence + 1 if frame.session == state.session else 0
    # A loop that joins a gateway in mid-life has missed nothing that it was ever responsible for.
    missing = frame.sequence - expected if state.frames_applied else 0
    cells = len(frame.cells)
    before, laboratory = from_bytes(state.filter), state.laboratory
    bath_c, bath_source_ns = np.full(cells, np.nan), np.zeros(cells, dtype=np.int64)
    if state.bath_c:
        bath_c = np.frombuffer(state.bath_c)
        bath_source_ns = np.frombuffer(state.bath_source_ns, dtype=np.int64)
    if frame.session != state.session and frame.t_plant_s[-1] <= float(before.t_plant_s):
        before = estimator.init(cells)  # the plant's clock was put back: begin anew
        laboratory = msgspec.structs.replace(laboratory, taken_s={})
        bath_c = np.full(cells, np.nan)
    usable = frame.quality <= Quality.UNCERTAIN
    marks, bath_c, bath_source_ns = find_new_baths(frame, bath_c, bath_source_ns)
    measured = usable.copy()
    measured[:, :, frame.signals.index(_BATH)] = marks
    filtered, columns = estimator.step(before, frame.t_plant_s, frame.value, measured)
    following = EstimateState(
        session=frame.session,
        sequence=frame.sequence,
        frames_applied=state.frames_applied + 1,
        frames_skipped=state.frames_skipped,
        frames_missing=state.frames_missing + missing,
        bath_c=bath_c.tobytes(),
        bath_source_ns=bath_source_ns.tobytes(),
        laboratory=laboratory,
        feeders_told=state.feeders_told,
        filter=to_bytes(filtered),
    )
    newest_ns = int(frame.source_time_ns[usable].max()) if usable.any() else 0
    assert frame.origin is not None, "an accepted frame knows where it came from"
    estimate = EstimateFrame(
        section=frame.section,
        session=frame.session,
        sequence=frame.sequence,
        cells=frame.cells,
        values={name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
        | {SAMPLED_COLUMN: has_samples(filtered, laboratory, frame.cells)},
        t_plant_s=float(frame.t_plant_s[-1]),
        t_source_ns=newest_ns,
        t_received_ns=frame.t_received_ns,
        t_accepted_ns=frame.t_accepted_ns,
        t_estimated_ns=0,
        frames_applied=following.frames_applied,
        frames_skipped=following.frames_skipped,
        frames_missing=following.frames_missing,
        origin=frame.origin,
    )
    return following, estimate


def take_samples(
    estimator: Estimator, state: EstimateState, frame: SampleFrame
) -> tuple[EstimateState, list[Sampled]]:
    """Take in the laboratory's samples that wait, before a frame; none before one that is known.

    Args:
        estimator: of the plant; pure.
        state: of the section.
        frame: accepted samples that `step_estimate` gets next.

    Returns:
        The next state, and what became of each report that waits no more.
    """
    if (frame.session, frame.sequence) <= (state.session, state.sequence):
        return state, []
    if not state.laboratory.waiting:
        return state, []
    filtered, laboratory, done = take_waiting(
        estimator,
        from_bytes(state.filter),
        state.laboratory,
        frame.cells,
        float(frame.t_plant_s[-1]),
        frame.t_received_ns,
    )
    following = msgspec.structs.replace(state, laboratory=laboratory, filter=to_bytes(filtered))
    return following, done


def step_section(
    estimator: Estimator, state: EstimateState, frame: SampleFrame
) -> tuple[EstimateState, EstimateFrame | None, list[Sampled]]:
    """Do both of a section's steps: `take_samples`, then `step_estimate`."""
    sampled, done = take_samples(estimator, state, frame)
    following, estimate = step_estimate(estimator, sampled, frame)
    return following, estimate, done


def add_estimate(
    worker: Worker,
    estimator: Estimator,
    cells: Mapping[int, tuple[int, ...]],
    ranges: Ranges,
    compute: Executor,
) -> None:
    """Add the agents to `worker`.

    Args:
        cells: the cells of each section.
        ranges: what a laboratory's values can be.
        compute: where JAX runs, off the event loop.
    """

    def initial(section: int) -> EstimateState:
        return EstimateState(filter=to_bytes(estimator.init(len(cells[section]))))

    table = SectionTable[EstimateState](
        worker,
        _TABLE,
        encode_state,
        lambda section, payload: decode_state(payload, len(cells[section])),
        initial,
    )
    news = LaboratoryNews(worker)

    async def handle(message: Message) -> None:
        frame = decode_samples(message.value)
        async with table.changing(frame.section):
            await absorb(frame, message)

    async def absorb(frame: SampleFrame, message: Message) -> None:
        state = table.get(frame.section)
        following, estimate, sampled = await asyncio.get_running_loop().run_in_executor(
            compute, step_section, estimator, state, frame
        )
        await news.tell(frame, sampled)
        if estimate is not None:
            await worker.outbox.send(
                ESTIMATES.name,
                section_key(frame.section),
                encode_estimates(replace(estimate, t_estimated_ns=worker.clock_ns())),
                message.partition,
            )
            lost = following.frames_missing - state.frames_missing
            if lost:
                await worker.outbox.report("samples_missing", section=frame.section, frames=lost)
            feeders, standing = tell_feeders(estimate, following.feeders_told)
            for one in feeders:
                await worker.outbox.report(
                    "feeder_at_fault",
                    active=one.active,
                    section=frame.section,
                    cell=one.cell,
                    share_pct=one.share_pct,
                )
            following = msgspec.structs.replace(following, feeders_told=standing)
        await table.put(frame.section, following)

    async def handle_report(message: Message) -> None:
        try:
            report = decode(message.value, LaboratoryReport)
        except RecordError as exc:
            await worker.refuse(message, str(exc))
            return
        await worker.note_readable(message.topic, True)
        section = report.section
        if section not in cells or worker.partition_of(section) != message.partition:
            detail = f"section {section} is not of this partition; the plant has {sorted(cells)}"
            refusal = Refusal(Reason.UNKNOWN_SECTION, detail)
            await news.turn_away(message.value, message.origin, -1, refusal)
            return
        waiting = WaitingReport(report, message.partition, message.offset)
        async with table.changing(section):
            state = table.get(section)
            laboratory, refused = receive(
                state.laboratory, waiting, cells[section], ranges, worker.clock_ns()
            )
            table.keep(section, msgspec.structs.replace(state, laboratory=laboratory))
            if laboratory.waiting != state.laboratory.waiting:
                await table.flush(section)  # counts alone go with the next frame
        if refused is not None:
            await news.turn_back(refused)

    add_agent(worker, "estimate", ACCEPTED, handle)
    add_agent(worker, "laboratory", LABORATORY, handle_report)
