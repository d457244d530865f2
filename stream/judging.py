"""How proposals pass the interlock, as pure steps: `(state of a section, it) -> (state, moves)`.

In AUTO what is permitted is an intent to write. In WARM the same is asked as if the cell were in
AUTO, and nothing is written: that such a decision would have been permitted is what ends WARM.
"""

from dataclasses import replace

import msgspec

from control.interlock import (
    OPTIMISER_ROLE,
    InterlockLimits,
    Request,
    SectionState,
    Situation,
    Verdict,
    permit,
    permit_override,
)
from control.interlock_state import SetpointState, put_back
from control.modes import Mode
from control.overrides import Override
from stream.guarding import GuardState, PlantView
from stream.orders import bypassed_checks, limits_in_force, override_sentence
from stream.records import Command, Move, MoveState, Proposal
from stream.section_picture import SectionPicture


def judge_proposal(
    state: GuardState,
    proposal: Proposal,
    picture: SectionPicture,
    plant: PlantView,
    limits: InterlockLimits,
    now_ns: int,
    *,
    scan: int,
    cells_moved_elsewhere: int,
) -> tuple[GuardState, list[Move]]:
    """Pass every setpoint of a proposal through the interlock.

    Args:
        state: of the section.
        proposal: one cell's wanted setpoints.
        picture: what was measured last in the section.
        plant: the edge.
        limits: of the plant file.
        now_ns: wall time.
        scan: number of the present scan, for the line-wide budget.
        cells_moved_elsewhere: cells of other sections moved in this scan.

    Returns:
        The next state and one move per setpoint: INTENT where it may be written, else HELD. A
        setpoint of this very decision that was judged before gives no move.
    """
    interlock = state.interlock
    limits = limits_in_force(state, limits)
    bypassed = bypassed_checks(state, proposal.cell, now_ns)
    moves: list[Move] = []
    for setpoint in _not_judged_yet(interlock, proposal):
        interlock = _put_clock_back(interlock, proposal.cell, setpoint, picture, limits)
        situation = _situation(state, proposal.cell, setpoint, picture, plant, now_ns, scan)
        situation = replace(situation, cells_moved_elsewhere=cells_moved_elsewhere)
        request = _request(proposal, setpoint)
        verdict, interlock = permit(request, situation, limits, interlock, bypassed)
        moves.append(_move(proposal, setpoint, situation, verdict))
    return msgspec.structs.replace(state, interlock=interlock), moves


def rehearse_proposal(
    state: GuardState,
    proposal: Proposal,
    picture: SectionPicture,
    plant: PlantView,
    limits: InterlockLimits,
    now_ns: int,
    *,
    scan: int,
) -> tuple[GuardState, list[Move], bool]:
    """Ask the interlock what it would say if the cell came to AUTO at this moment.

    Args:
        state: of the section; the cell is in WARM.
        proposal, picture, plant, limits, now_ns, scan: as of `judge_proposal`.

    Returns:
        The next state, which knows only that the decision was judged; one move per setpoint, HELD;
        and whether there is anything in the proposal and all of it would be written.
    """
    interlock = state.interlock
    limits = limits_in_force(state, limits)
    bypassed = bypassed_checks(state, proposal.cell, now_ns)
    moves: list[Move] = []
    for setpoint in _not_judged_yet(interlock, proposal):
        interlock = _put_clock_back(interlock, proposal.cell, setpoint, picture, limits)
        before = interlock.of(proposal.cell, setpoint)
        real = _situation(state, proposal.cell, setpoint, picture, plant, now_ns, scan)
        rehearsed = replace(
            real,
            mode=Mode.AUTO,
            auto_since_plant_s=real.now_plant_s,
            is_followed=True,
            stay=real.stay + 1,
        )
        request = _request(proposal, setpoint)
        verdict, after = permit(request, rehearsed, limits, interlock, bypassed)
        order = after.of(proposal.cell, setpoint).order
        noted = msgspec.structs.replace(before, order=order)
        interlock = interlock.remember(proposal.cell, setpoint, noted)
        if verdict.applied is not None:
            would = f"the cell warms up: {verdict.applied:.6g} would be written"
            verdict = replace(verdict, reasons=(*verdict.reasons, would))
        moves.append(_move(proposal, setpoint, real, verdict))
    would_write = bool(moves) and all(move.applied is not None for move in moves)
    held = [msgspec.structs.replace(one, state=MoveState.HELD, applied=None) for one in moves]
    return msgspec.structs.replace(state, interlock=interlock), held, would_write


def judge_override(
    state: GuardState,
    override: Override,
    command: Command,
    picture: SectionPicture,
    plant: PlantView,
    limits: InterlockLimits,
    now_ns: int,
    *,
    scan: int,
) -> tuple[GuardState, Move]:
    """Pass what a person sets by hand through the interlock.

    Args:
        state: of the section, with or without the override in it.
        override: what is asked; `command`: that asked for it.
        picture, plant, limits, now_ns, scan: as of `judge_proposal`.

    Returns:
        The next state, and a move: INTENT where it may be written, else HELD.
    """
    cell, setpoint = override.cell, override.setpoint
    limits = limits_in_force(state, limits)
    before = _put_clock_back(state.interlock, cell, setpoint, picture, limits)
    situation = _situation(state, cell, setpoint, picture, plant, now_ns, scan)
    request = Request(
        cell=cell,
        setpoint=setpoint,
        value=override.value,
        role=override.role,
        order=before.of(cell, setpoint).order or (0, 0),  # it makes no decision old
        expires_ns=command.expires_ns,
        t_source_ns=picture.source_ns(cell),
    )
    verdict, interlock = permit_override(request, situation, limits, before)
    move = Move(
        move_id=f"{override.override_id}/{setpoint}",
        proposal_id=override.override_id,
        section=command.section,
        cell=cell,
        setpoint=setpoint,
        state=MoveState.INTENT if verdict.applied is not None else MoveState.HELD,
        mode=situation.mode,
        asked=override.value,
        applied=verdict.applied,
        previous=situation.readback,
        readback=None,
        reasons=[*verdict.reasons, override.reason],
        attempts=0,
        t_plant_s=picture.t_plant_s,
        t_source_ns=command.t_issued_ns,
        t_received_ns=now_ns,
        t_estimated_ns=now_ns,
        t_decided_ns=now_ns,  # by this clock: it is put in order with the optimiser's
        t_permitted_ns=now_ns,
        t_written_ns=None,
        t_verified_ns=None,
        asked_by=override.owner,
        role=override.role,
    )
    return msgspec.structs.replace(state, interlock=interlock), move


def _not_judged_yet(interlock: SectionState, proposal: Proposal) -> list[str]:
    """Return the setpoints of a proposal but for those that were judged before: the loop was
    restarted and sent it again."""
    order = (proposal.session, proposal.sequence)
    return [name for name in proposal.setpoints if interlock.of(proposal.cell, name).order != order]


def _request(proposal: Proposal, setpoint: str) -> Request:
    return Request(
        cell=proposal.cell,
        setpoint=setpoint,
        value=proposal.setpoints[setpoint],
        role=OPTIMISER_ROLE,
        order=(proposal.session, proposal.sequence),
        expires_ns=proposal.expires_ns,
        t_source_ns=proposal.t_source_ns,
    )


def _situation(
    state: GuardState,
    cell: int,
    setpoint: str,
    picture: SectionPicture,
    plant: PlantView,
    now_ns: int,
    scan: int,
) -> Situation:
    """Return what is measured of a cell now; a cell without a mode is nobody's to move."""
    mode = state.modes.get(str(cell))
    return Situation(
        now_ns=now_ns,
        now_plant_s=picture.t_plant_s,
        cells=frozenset(int(number) for number in state.modes),
        mode=mode.mode if mode else Mode.MANUAL,
        auto_since_plant_s=min(mode.since_plant_s, picture.t_plant_s) if mode else 0.0,
        newest_source_ns=picture.source_ns(cell),
        readback=plant.readbacks.get((cell, setpoint)),
        has_plant_heartbeat=plant.is_connected and plant.has_heartbeat,
        is_in_anode_effect=picture.is_in_anode_effect(cell),
        scan=scan,
        is_followed=cell not in plant.not_following,
        stay=mode.stay if mode else 0,
        override=override_sentence(state, cell, setpoint, now_ns),
    )


def _move(proposal: Proposal, setpoint: str, situation: Situation, verdict: Verdict) -> Move:
    return Move(
        move_id=f"{proposal.proposal_id}/{setpoint}",
        proposal_id=proposal.proposal_id,
        section=proposal.section,
        cell=proposal.cell,
        setpoint=setpoint,
        state=MoveState.INTENT if verdict.applied is not None else MoveState.HELD,
        mode=situation.mode,
        asked=proposal.setpoints[setpoint],
        applied=verdict.applied,
        previous=situation.readback,
        readback=None,
        reasons=list(verdict.reasons),
        attempts=0,
        t_plant_s=proposal.t_plant_s,
        t_source_ns=proposal.t_source_ns,
        t_received_ns=proposal.t_received_ns,
        t_estimated_ns=proposal.t_estimated_ns,
        t_decided_ns=proposal.t_decided_ns,
        t_permitted_ns=situation.now_ns,
        t_written_ns=None,
        t_verified_ns=None,
    )


def note_written(state: GuardState, move: Move, stay: int) -> GuardState:
    """Return the state that knows that a move has come to the plant.

    Args:
        state: of the section.
        move: an intent, as `judge_proposal` returned it.
        stay: the stay in AUTO that it was judged in.
    """
    interlock = state.interlock.note_written(move.cell, move.setpoint, stay)
    return msgspec.structs.replace(state, interlock=interlock)


def _put_clock_back(
    interlock: SectionState,
    cell: int,
    setpoint: str,
    picture: SectionPicture,
    limits: InterlockLimits,
) -> SectionState:
    """Take it in when the plant's clock was put back, as a simulator does that begins anew: a
    sample that is newer than the one at the last move shows an earlier plant time. An old sample,
    as a restart of the guard reads again, shows nothing of the kind.

    What counts then is the read-back, which is the next write; travel goes on counting.
    """
    remembered, limit = interlock.of(cell, setpoint), limits.setpoints.get(setpoint)
    if (
        limit is None
        or remembered.moved_plant_s is None
        or remembered.moved_plant_s <= picture.t_plant_s
        or remembered.moved_source_ns >= picture.source_ns(cell)
    ):
        return interlock
    window_s = limit.travel_window_h * 3600.0
    begun = SetpointState(
        order=remembered.order,
        applied=remembered.applied,
        travels=put_back(remembered.travels, picture.t_plant_s, window_s),
    )
    return interlock.remember(cell, setpoint, begun)
