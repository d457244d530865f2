"""How proposals pass the interlock, as pure steps: `(state of a section, it) -> (state, moves)`.

In AUTO what is permitted is an intent to write. In WARM the same is asked as if the cell were in
AUTO, and nothing is written: that such a decision would have been permitted is what ends WARM.

A proposal may be of our own loop or, as `stream.requesting` makes it, of an optimiser from outside.
Both pass the same checks; only the order of decisions is counted for each apart.
"""

from dataclasses import dataclass, replace
from typing import Final

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
from control.modes import Mode
from control.overrides import Override
from stream.guarding import GuardState, PlantView
from stream.orders import bypassed_checks, limits_in_force
from stream.records import OUR_OPTIMISER, Command, Move, MoveState, Proposal
from stream.section_picture import SectionPicture
from stream.situations import put_clock_back, situation_of


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a proposal: our own loop, or an optimiser from outside by its account's name."""

    name: str
    role: str

    @property
    def is_outside(self) -> bool:
        """Whether it is not our own loop."""
        return self.name != OUR_OPTIMISER


OUR_LOOP: Final = Author(OUR_OPTIMISER, OPTIMISER_ROLE)


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
    author: Author = OUR_LOOP,
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
        author: of the proposal.

    Returns:
        The next state and one move per setpoint: INTENT where it may be written, else HELD. A
        setpoint of this very decision that was judged before gives no move.
    """
    interlock = state.interlock
    limits = limits_in_force(state, limits)
    bypassed = bypassed_checks(state, proposal.cell, now_ns)
    moves: list[Move] = []
    for setpoint in _not_judged_yet(interlock, proposal, author):
        interlock = put_clock_back(interlock, proposal.cell, setpoint, picture, limits)
        situation = situation_of(state, proposal.cell, setpoint, picture, plant, now_ns, scan)
        situation = replace(situation, cells_moved_elsewhere=cells_moved_elsewhere)
        request = _request(proposal, setpoint, author)
        verdict, interlock = permit(request, situation, limits, interlock, bypassed)
        moves.append(_move(proposal, setpoint, situation, verdict, author))
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
    author: Author = OUR_LOOP,
) -> tuple[GuardState, list[Move], bool]:
    """Ask the interlock what it would say if the cell came to AUTO at this moment.

    Args:
        state: of the section; the cell is in WARM.
        proposal, picture, plant, limits, now_ns, scan, author: as of `judge_proposal`.

    Returns:
        The next state, which knows only that the decision was judged; one move per setpoint, HELD;
        and whether there is anything in the proposal and all of it would be written.
    """
    interlock = state.interlock
    limits = limits_in_force(state, limits)
    bypassed = bypassed_checks(state, proposal.cell, now_ns)
    moves: list[Move] = []
    for setpoint in _not_judged_yet(interlock, proposal, author):
        interlock = put_clock_back(interlock, proposal.cell, setpoint, picture, limits)
        before = interlock.of(proposal.cell, setpoint)
        real = situation_of(state, proposal.cell, setpoint, picture, plant, now_ns, scan)
        rehearsed = replace(
            real,
            mode=Mode.AUTO,
            auto_since_plant_s=real.now_plant_s,
            is_followed=True,
            stay=real.stay + 1,
        )
        request = _request(proposal, setpoint, author)
        verdict, after = permit(request, rehearsed, limits, interlock, bypassed)
        judged = after.of(proposal.cell, setpoint)
        noted = msgspec.structs.replace(
            before, order=judged.order, outside_order=judged.outside_order
        )
        interlock = interlock.remember(proposal.cell, setpoint, noted)
        if verdict.applied is not None:
            would = f"the cell warms up: {verdict.applied:.6g} would be written"
            verdict = replace(verdict, reasons=(*verdict.reasons, would))
        moves.append(_move(proposal, setpoint, real, verdict, author))
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
    before = put_clock_back(state.interlock, cell, setpoint, picture, limits)
    situation = situation_of(state, cell, setpoint, picture, plant, now_ns, scan)
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


def _not_judged_yet(interlock: SectionState, proposal: Proposal, author: Author) -> list[str]:
    """Return the setpoints of a proposal but for those that were judged before: the loop was
    restarted and sent it again."""
    order, is_outside = (proposal.session, proposal.sequence), author.is_outside
    return [
        name
        for name in proposal.setpoints
        if interlock.of(proposal.cell, name).order_of(is_outside=is_outside) != order
    ]


def _request(proposal: Proposal, setpoint: str, author: Author) -> Request:
    return Request(
        cell=proposal.cell,
        setpoint=setpoint,
        value=proposal.setpoints[setpoint],
        role=author.role,
        order=(proposal.session, proposal.sequence),
        expires_ns=proposal.expires_ns,
        t_source_ns=proposal.t_source_ns,
        is_outside=author.is_outside,
    )


def _move(
    proposal: Proposal, setpoint: str, situation: Situation, verdict: Verdict, author: Author
) -> Move:
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
        asked_by=author.name,
        role=author.role,
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
