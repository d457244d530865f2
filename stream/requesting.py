"""How requests of an optimiser from outside pass the interlock, as pure steps.

They pass it as the decisions of our own loop do, and no other way. What such a request rests on is
not known here: it counts as fresh as the cell's newest sample, and is old when it expires. What
would have been written while a cell warms up ends no warming: that is for our own loop to show.
"""

from typing import Final

import msgspec

from control.interlock import InterlockLimits
from control.modes import Mode
from stream.guarding import GuardState, PlantView
from stream.judging import Author, judge_proposal, rehearse_proposal
from stream.records import OUR_OPTIMISER, Move, Proposal, SetpointRequest
from stream.section_picture import SectionPicture

LONGEST_VALIDITY_S: Final = 60.0  # design value: an optimiser's scan
LONGEST_WAY_S: Final = 5.0  # design value: to the guard; what was kept over an outage is not sent
CLOCK_TOLERANCE_S: Final = 2.0  # between the clocks of the front and the guard
_NS: Final = 1e9


def fault_of(request: SetpointRequest, now_ns: int) -> str:
    """Return why a request is not to be judged at all, as an operator's sentence; "" where it is.

    One that is dated ahead would make those that come after it old, for as long as that.
    """
    ahead_s = (request.t_issued_ns - now_ns) / _NS
    if ahead_s > CLOCK_TOLERANCE_S:
        return f"the request is dated {ahead_s:.1f} s ahead of the guard's clock"
    if -ahead_s > LONGEST_WAY_S + CLOCK_TOLERANCE_S:
        return f"it was {-ahead_s:.1f} s on its way, of {LONGEST_WAY_S:g} s at most"
    good_for_s = (request.expires_ns - now_ns) / _NS
    if good_for_s > LONGEST_VALIDITY_S + CLOCK_TOLERANCE_S:
        return f"it would be good for {good_for_s:.0f} s, of {LONGEST_VALIDITY_S:g} s at most"
    return ""


def judge_request(
    state: GuardState,
    request: SetpointRequest,
    picture: SectionPicture,
    plant: PlantView,
    limits: InterlockLimits,
    now_ns: int,
    *,
    scan: int,
    cells_moved_elsewhere: int,
) -> tuple[GuardState, list[Move]]:
    """Pass the setpoint of every cell of a request through the interlock.

    Args:
        state: of the section.
        request: of cells of that section, and not of our own loop.
        picture, plant, limits, now_ns, scan, cells_moved_elsewhere: as of `judge_proposal`.

    Returns:
        The next state and one move per cell: INTENT where it may be written, else HELD.

    Raises:
        ValueError: the request bears the name of our own loop.
    """
    if request.issued_by == OUR_OPTIMISER:
        raise ValueError(f"{OUR_OPTIMISER!r} is our own loop, which proposes and does not request")
    author = Author(request.issued_by, request.role)
    moves: list[Move] = []
    fault = fault_of(request, now_ns)
    for cell in request.values:
        proposal = _proposal_of(request, cell, picture, now_ns)
        seen = (proposal, picture, plant, limits, now_ns)
        mode = state.modes.get(str(cell))
        if fault:
            # Judged on a copy of the state that is thrown away: nothing of it may be remembered.
            _, judged, _ = rehearse_proposal(state, *seen, scan=scan, author=author)
            judged = [msgspec.structs.replace(one, reasons=[fault]) for one in judged]
        elif mode is not None and mode.mode is Mode.WARM:
            state, judged, _ = rehearse_proposal(state, *seen, scan=scan, author=author)
        else:
            state, judged = judge_proposal(
                state,
                *seen,
                scan=scan,
                cells_moved_elsewhere=cells_moved_elsewhere,
                author=author,
            )
        moves += judged
    return state, [_with_reason(move, request.reason) for move in moves]


def _with_reason(move: Move, reason: str) -> Move:
    return msgspec.structs.replace(move, reasons=[*move.reasons, reason])


def _proposal_of(
    request: SetpointRequest, cell: int, picture: SectionPicture, now_ns: int
) -> Proposal:
    """Return what is asked for one cell in the form in which our own loop would."""
    return Proposal(
        proposal_id=f"{request.decision_id}/{cell}",
        section=request.section,
        cell=cell,
        session=0,
        sequence=request.t_issued_ns,
        setpoints={request.setpoint: request.values[cell]},
        proposed_by=request.issued_by,
        solver_status="",
        fallback=None,
        solve_ms=0.0,
        reason=request.reason,
        figures={},
        t_plant_s=picture.t_plant_s,
        t_source_ns=picture.source_ns(cell),
        t_received_ns=request.t_issued_ns,
        t_estimated_ns=request.t_issued_ns,
        t_decided_ns=now_ns,  # by this clock: it is put in order with the optimiser's
        expires_ns=request.expires_ns,
    )
