"""What the guard remembers of a section and how modes change in it, as pure steps.

The state of a section is the mode of each cell and what the interlock remembers; what was measured
last is in `stream.section_picture`, what is asked for is judged in `stream.judging`.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from control.bypasses import Bypass
from control.interlock import InterlockLimits, SectionState
from control.interlock_state import STATE_VERSION
from control.limit_changes import LimitRequest
from control.mode_machine import transition
from control.modes import ModePolicy, ModeState, Refusal, Trigger, init_mode
from control.overrides import Override
from control.permissives import Permissives
from stream.section_picture import SectionPicture

_STATE_VERSION: Final = 1
_COMMANDS_REMEMBERED: Final = 64
_REQUESTS_REMEMBERED: Final = 128  # more than one account may ask while a request is good
_CELLS_NAMED: Final = 5


class GuardState(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard must remember of a section.

    Attributes:
        modes: cell number (as text, for the table) -> its mode.
        interlock: what the interlock remembers.
        commands: ids of the newest commands, so that one that comes again is known.
        anode_effects: cell number (as text) -> plant time of its newest anode effect.
        overrides: "cell/setpoint" -> who holds it; `bypasses`: "cell/check" -> who left it out.
        requests: id -> change of a limit that waits for another person.
        limits: "setpoint/limit" -> value in the place of the plant file's, as two people have it.
        asked: digests of the ids of the newest requests for setpoints from outside.
    """

    version: int = _STATE_VERSION
    modes: dict[str, ModeState] = {}
    interlock: SectionState = SectionState()
    commands: tuple[str, ...] = ()
    anode_effects: dict[str, float] = {}
    overrides: dict[str, Override] = {}
    bypasses: dict[str, Bypass] = {}
    requests: dict[str, LimitRequest] = {}
    limits: dict[str, float] = {}
    asked: tuple[str, ...] = ()

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

    def has_judged(self, decision_id: str) -> bool:
        """Whether a request from outside with that id was judged before."""
        return _digest(decision_id) in self.asked

    def remember_request(self, decision_id: str) -> "GuardState":
        """Return the state that knows that request."""
        kept = (*self.asked, _digest(decision_id))[-_REQUESTS_REMEMBERED:]
        return msgspec.structs.replace(self, asked=kept)


def _digest(decision_id: str) -> str:
    """Return an id in few bytes: the state is written whole with each change."""
    return hashlib.blake2b(decision_id.encode(), digest_size=8).hexdigest()


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


def refusal_sentence(refusals: Mapping[int, Refusal], asked: int) -> str:
    """Return why cells were refused what was asked for all of them; "" where none was.

    Args:
        refusals: cell -> why.
        asked: number of cells that it was asked for.
    """
    if not refusals:
        return ""
    by_reason: dict[str, list[int]] = {}
    for cell, refusal in refusals.items():
        by_reason.setdefault("; ".join(refusal.reasons), []).append(cell)
    if asked == 1:
        return next(iter(by_reason))
    return "; ".join(f"cells {_some(cells)}: {reason}" for reason, cells in by_reason.items())


def _some(cells: list[int]) -> str:
    named = ", ".join(str(cell) for cell in cells[:_CELLS_NAMED])
    more = len(cells) - _CELLS_NAMED
    return f"{named} and {more} more" if more > 0 else named
