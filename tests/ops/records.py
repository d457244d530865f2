"""Frames and records of a small run, made by hand for the tests of this folder."""

import numpy as np

from control.events import Priority
from control.modes import Mode
from stream.frames import EstimateFrame, Origin, Quality, RejectFrame, SampleFrame
from stream.records import Event, Move, MoveState, Proposal

START_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000
SIGNALS = ("cell_voltage_v", "line_current_ka")
CELLS = (1, 2, 3)


def sample_frame(
    sequence: int, *, session: int = START_NS, scans: int = 2, missed: int = 0
) -> SampleFrame:
    """Return a frame of `scans` x 3 cells x 2 signals."""
    shape = (scans, len(CELLS), len(SIGNALS))
    first_s = sequence * scans
    source = START_NS + (first_s + np.arange(scans)) * SECOND_NS // scans
    return SampleFrame(
        section=0,
        session=session,
        sequence=sequence,
        cells=CELLS,
        signals=SIGNALS,
        t_plant_s=1.8e9 + first_s + np.arange(scans, dtype=np.float64),
        value=np.full(shape, 4.2),
        quality=np.zeros(shape, dtype=np.uint8),
        source_time_ns=np.broadcast_to(source[:, None, None], shape).astype(np.int64),
        t_received_ns=int(source[-1]),
        scans_missed=missed,
    )


def accepted_frame(frame: SampleFrame, offset: int, *, rejected: int = 0) -> SampleFrame:
    """Return the accepted form of a frame, with some of its samples rejected, 100 ms later."""
    quality = frame.quality.copy()
    quality.reshape(-1)[:rejected] = Quality.REJECTED
    return SampleFrame(
        section=frame.section,
        session=frame.session,
        sequence=frame.sequence,
        cells=frame.cells,
        signals=frame.signals,
        t_plant_s=frame.t_plant_s,
        value=np.where(quality == Quality.REJECTED, np.nan, frame.value),
        quality=quality,
        source_time_ns=frame.source_time_ns,
        t_received_ns=frame.t_received_ns,
        t_accepted_ns=frame.newest_source_time_ns + 100_000_000,
        origin=Origin("samples", 0, offset),
    )


def reject_frame(offset: int, points: int, reason: str = "not finite") -> RejectFrame:
    """Return the rejects of one message: a row per sample."""
    return RejectFrame(
        section=0,
        origin=Origin("samples", 0, offset),
        t_rejected_ns=START_NS,
        points=points,
        reason=(reason,) * points,
        detail=("",) * points,
        cell=np.ones(points, dtype=np.int32),
        signal=("cell_voltage_v",) * points,
        value=np.full(points, np.nan),
        source_time_ns=np.full(points, START_NS),
        original=(None,) * points,
    )


def estimate_frame(sequence: int, offset: int, applied: int) -> EstimateFrame:
    """Return the estimate after the frame that came at `offset`."""
    source_ns = START_NS + sequence * SECOND_NS
    return EstimateFrame(
        section=0,
        session=START_NS,
        sequence=sequence,
        cells=CELLS,
        values={"alumina_percent": np.array([2.0, 2.5, 3.0])},
        t_plant_s=1.8e9 + sequence,
        t_source_ns=source_ns,
        t_received_ns=source_ns,
        t_accepted_ns=source_ns + 100_000_000,
        t_estimated_ns=source_ns + 200_000_000,
        frames_applied=applied,
        frames_skipped=0,
        frames_missing=0,
        origin=Origin("samples", 0, offset),
    )


def proposal(number: int, cell: int = 1, solve_ms: float = 12.0) -> Proposal:
    """Return a proposal of the MPC, decided 300 ms after its source time."""
    source_ns = START_NS + number * SECOND_NS
    return Proposal(
        proposal_id=f"0/{START_NS}/{number}/{cell}",
        section=0,
        cell=cell,
        session=START_NS,
        sequence=number,
        setpoints={"beam_position_mm": 200.0},
        proposed_by="mpc",
        solver_status="solved",
        fallback=None,
        solve_ms=solve_ms,
        reason="closer to the resistance target",
        figures={},
        t_plant_s=1.8e9 + number,
        t_source_ns=source_ns,
        t_received_ns=source_ns,
        t_estimated_ns=source_ns + 200_000_000,
        t_decided_ns=source_ns + 300_000_000,
        expires_ns=source_ns + 5 * SECOND_NS,
    )


def move(number: int, state: MoveState, cell: int = 1, reasons: list[str] | None = None) -> Move:
    """Return a record of a move; a written one took 400 ms, a verified one 600 ms."""
    source_ns = START_NS + number * SECOND_NS
    written = state in {MoveState.VERIFIED, MoveState.FAILED}
    return Move(
        move_id=f"0/{START_NS}/{number}/{cell}/beam_position_mm",
        proposal_id=f"0/{START_NS}/{number}/{cell}",
        section=0,
        cell=cell,
        setpoint="beam_position_mm",
        state=state,
        mode=Mode.AUTO,
        asked=200.0,
        applied=None if state is MoveState.HELD else 200.0,
        previous=199.0,
        readback=200.0 if state is MoveState.VERIFIED else None,
        reasons=reasons or [],
        attempts=int(written),
        t_plant_s=1.8e9 + number,
        t_source_ns=source_ns,
        t_received_ns=source_ns,
        t_estimated_ns=source_ns + 200_000_000,
        t_decided_ns=source_ns + 300_000_000,
        t_permitted_ns=source_ns + 350_000_000,
        t_written_ns=source_ns + 400_000_000 if written else None,
        t_verified_ns=source_ns + 600_000_000 if state is MoveState.VERIFIED else None,
    )


def event(name: str, **details: str | float | int | None) -> Event:
    """Return an event that began."""
    cell = details.get("cell")
    return Event(
        event_id=f"{name}/1",
        name=name,
        priority=Priority.LOW,
        active=True,
        section=0,
        cell=cell if isinstance(cell, int) else None,
        sentence="",
        advice="",
        origin="guard",
        details=details,
        t_event_ns=START_NS + 10 * SECOND_NS,
    )
