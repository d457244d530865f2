"""What a supervisor is given and what it tells: units, steps, changes of state, one failure.

Errors::

    RunFailedError    a process could not be started or kept up; the message is for the operator
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ops.child import ChildCommand
from ops.processes import RestartBudget


class RunFailedError(RuntimeError):
    """The run cannot go on. `log_lines` are the last words of the process that is to blame."""

    def __init__(self, sentence: str, log_lines: Sequence[str] = ()) -> None:
        super().__init__(sentence)
        self.log_lines = tuple(log_lines)


class UnitState(StrEnum):
    """How far a process has come."""

    WAITING = "waiting"  # for what it needs
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPED = "stopped"


async def ready_at_once() -> bool:
    """For a process that proves nothing by its start."""
    return True


@dataclass(frozen=True, slots=True)
class Unit:
    """One process to be tended.

    Attributes:
        after: names of the units and steps that must be ready first.
        is_ready: asked again and again after a start until it says True.
        niceness: added to ours.
        ready_deadline_s: after which the run fails; None for never.
        is_vital: whether the run fails with it; else it is started again, as long as it takes.
    """

    name: str
    command: ChildCommand
    after: tuple[str, ...] = ()
    stop_rank: int = 0
    stop_grace_s: float = 3.0
    is_ready: Callable[[], Awaitable[bool]] = ready_at_once
    ready_deadline_s: float | None = 60.0
    niceness: int = 0
    restarts: RestartBudget = field(default_factory=RestartBudget)
    is_vital: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be done once between two starts, as creating the topics."""

    name: str
    action: Callable[[], Awaitable[object]]
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A unit or step has come to another state."""

    name: str
    state: UnitState
    seconds: float  # since the supervisor's start
    why: str = ""
