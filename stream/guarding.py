"""What the guard decides, as pure steps: `(state of a section, what came) -> (state, moves)`.

The state of a section is the mode of each cell and what the interlock remembers; what was measured
last is in `stream.section_picture`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from control.interlock import (
    OPTIMISER_ROLE,
    InterlockLimits,
    Request,
    SectionState,
    Situation,
    permit,
)
from control.interlock_state import STATE_VERSION, SetpointState, put_back
from control.modes import (
    Mode,
    ModePolicy,
    ModeState,
    Permissives,
    Refusal,
    Trigger,
    init_mode,
    transition,
)
from stream.records import Move, MoveState, Proposal
from stream.section_picture import SectionPicture

_STATE_VERSION: Final = 1
_COMMANDS_REMEMBERED: Final = 64


class GuardState(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard must remember of a section.

    Attributes:
        modes: cell number (as text, for the table) -> its mode.
        interlock: what the interlock remembers.
        commands: ids of the newest commands, so that one that comes again is known.
        anode_effects: cell number (as text) -> plant time of its newest anode effect.
    """

    version: int = _STATE_VERSION
    modes: dict[str, ModeState] = {}
    interlock: SectionState = SectionState()
    commands: tuple[str, ...] = ()
    anode_effects: dict[str, float] = {}

    def mode_of(self, cell: int) -> ModeState:
        """Return the mode state of a cell.

        Raises:
            KeyError: not a cell of this section.
        """
        return self.modes[str(cell)]

    def has_seen(self, command_id: str) -> bool:
        """Whether that command was obeyed or refused before."""
        return command_id in self.commands

    def remember_command(self, command_id: str) -> "GuardState":
        """Return the state that knows that command."""
        kept = (*self.commands, command_id)[-_COMMANDS_REMEMBERED:]
        return msgspec.structs.replace(self, commands=kept)


def init_guard_state(cells: Iterable[int], policy: ModePolicy) -> GuardState:
    """Return the state of a section that the guard has never seen."""
    return GuardState(modes={str(cell): init_mode(policy, 0.0) for cell in cells})


def encode_state(state: GuardState) -> bytes:
    """Return the state as MessagePack."""
    return msgspec.msgpack.encode(state)


def decode_state(payload: bytes, cells: Iterable[int], policy: ModePolicy) -> GuardState:
    """Return the state in `payload`, with a first mode for cells that it does not have.

    Raises:
        ValueError: it, or what the interlock remembers in it, is not a state of this version.
    """
    state = msgspec.msgpack.decode(payload, type=GuardState)
    if state.version != _STATE_VERSION:
        raise ValueError(f"guard state of version {state.version}, not {_STATE_VERSION}")
    if state.interlock.version != STATE_VERSION:
        raise ValueError(
            f"interlock state of version {state.interlock.version}, not {STATE_VERSION}"
        )
    return msgspec.structs.replace(state, modes=init_guard_state(cells, policy).modes | state.modes)


@dataclass(frozen=True, slots=True)
class PlantView:
    """How the plant's edge stands at this moment.

    Attributes:
        readbacks: (cell, setpoint) -> the plant's own value.
        not_following: cells that the plant shows to control by itself.
    """

    is_connected: bool
    has_heartbeat: bool
    readbacks: Mapping[tuple[int, str], float]
    not_following: frozenset[int] = frozenset()


def permissives_of(
    cell: int,
    picture: SectionPicture,
    plant: PlantView,
    limits: InterlockLimits,
    now_ns: int,
) -> Permissives:
    """Return what holds for a cell at this moment."""
    age_s = (now_ns - picture.source_ns(cell)) / 1e9
    return Permissives(
        has_fresh_samples=age_s <= limits.guard.max_input_age_s,
        has_plant_link=plant.is_connected,
        has_plant_heartbeat=plant.has_heartbeat,
        has_readback=all((cell, name) in plant.readbacks for name in limits.setpoints),
        has_estimate=cell in picture.estimated
        and picture.estimate_age_s(now_ns)
        <= limits.guard.max_input_age_s + limits.guard.shed_after_s,
        is_free_of_anode_effect=not picture.is_in_anode_effect(cell),
    )


@dataclass(frozen=True, slots=True)
class ModeChange:
    """A cell's mode before and after something happened."""

    cell: int
    before: ModeState
    after: ModeState


def change_modes(
    state: GuardState,
    triggers: Mapping[int, Trigger],
    permissives: Mapping[int, Permissives],
    policy: ModePolicy,
    t_plant_s: float,
) -> tuple[GuardState, list[ModeChange], dict[int, Refusal]]:
    """Let one thing happen to each of some cells.

    Args:
        state: of their section.
        triggers: cell -> what happened.
        permissives: cell -> what holds; at least for the same cells.
        policy: how cells come back.
        t_plant_s: plant time.

    Returns:
        The next state, the cells whose mode in force changed, and who was refused what.
    """
    modes = dict(state.modes)
    changes: list[ModeChange] = []
    refusals: dict[int, Refusal] = {}
    for cell, trigger in triggers.items():
        before = modes[str(cell)]
        after = transition(before, trigger, permissives[cell], policy, t_plant_s)
        if isinstance(after, Refusal):
            refusals[cell] = after
            continue
        modes[str(cell)] = after
        if after.mode is not before.mode:
            changes.append(ModeChange(cell, before, after))
    if modes == state.modes:
        return state, changes, refusals
    return msgspec.structs.replace(state, modes=modes), changes, refusals


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
    cell = proposal.cell
    mode = state.modes.get(str(cell))
    interlock = state.interlock
    moves: list[Move] = []
    order = (proposal.session, proposal.sequence)
    for setpoint, value in proposal.setpoints.items():
        if interlock.of(cell, setpoint).order == order:
            continue  # judged before: the loop was restarted and sent it again
        interlock = _put_clock_back(interlock, cell, setpoint, picture, limits)
        readback = plant.readbacks.get((cell, setpoint))
        verdict, interlock = permit(
            Request(
                cell=cell,
                setpoint=setpoint,
                value=value,
                role=OPTIMISER_ROLE,
                order=order,
                expires_ns=proposal.expires_ns,
                t_source_ns=proposal.t_source_ns,
            ),
            Situation(
                now_ns=now_ns,
                now_plant_s=picture.t_plant_s,
                cells=frozenset(int(number) for number in state.modes),
                mode=mode.mode if mode else Mode.MANUAL,
                auto_since_plant_s=min(mode.since_plant_s, picture.t_plant_s) if mode else 0.0,
                newest_source_ns=picture.source_ns(cell),
                readback=readback,
                has_plant_heartbeat=plant.is_connected and plant.has_heartbeat,
                is_in_anode_effect=picture.is_in_anode_effect(cell),
                scan=scan,
                cells_moved_elsewhere=cells_moved_elsewhere,
                is_followed=cell not in plant.not_following,
                stay=mode.stay if mode else 0,
            ),
            limits,
            interlock,
        )
        moves.append(
            Move(
                move_id=f"{proposal.proposal_id}/{setpoint}",
                proposal_id=proposal.proposal_id,
                section=proposal.section,
                cell=cell,
                setpoint=setpoint,
                state=MoveState.INTENT if verdict.applied is not None else MoveState.HELD,
                mode=mode.mode if mode else Mode.MANUAL,
                asked=value,
                applied=verdict.applied,
                previous=readback,
                readback=None,
                reasons=list(verdict.reasons),
                attempts=0,
                t_plant_s=proposal.t_plant_s,
                t_source_ns=proposal.t_source_ns,
                t_received_ns=proposal.t_received_ns,
                t_estimated_ns=proposal.t_estimated_ns,
                t_decided_ns=proposal.t_decided_ns,
                t_permitted_ns=now_ns,
                t_written_ns=None,
                t_verified_ns=None,
            )
        )
    return msgspec.structs.replace(state, interlock=interlock), moves


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
