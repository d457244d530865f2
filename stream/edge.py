"""What the guard needs of the plant's edge, said once: `opcua.writer` is what answers to it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from stream.records import MoveState


@dataclass(frozen=True, slots=True)
class SetpointWrite:
    """One permitted value on its way to the plant, in the unit of the setpoint's name."""

    move_id: str
    cell: int
    setpoint: str
    value: float
    expires_ns: int  # wall time after which it must not be sent any more


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one write.

    Attributes:
        state: VERIFIED, FAILED or EXPIRED.
        readback: the plant's own value, last seen; None when unknown.
        t_written_ns: when the plant acknowledged the write; None where nothing reached it.
        t_verified_ns: when the read-back agreed.
        attempts: how often it was sent.
        reason: an operator's sentence where it was not verified, else "".
    """

    move_id: str
    state: MoveState
    readback: float | None
    t_written_ns: int | None
    t_verified_ns: int | None
    attempts: int
    reason: str


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """By how much the clock of the plant's server is ahead of ours, in s.

    Attributes:
        offset_s: below 0 where it is behind.
        error_s: what is true is no further from `offset_s` than this.
    """

    offset_s: float
    error_s: float

    def is_surely_beyond(self, limit_s: float) -> bool:
        """Whether the clocks are further apart than that, whatever the error."""
        return abs(self.offset_s) - self.error_s > limit_s

    def is_surely_within(self, limit_s: float) -> bool:
        """Whether they are not, whatever the error."""
        return abs(self.offset_s) + self.error_s <= limit_s


@dataclass(frozen=True, slots=True)
class Claim:
    """A token that a guard wrote to be the one writer.

    Attributes:
        token: the number.
        server_began: when that server began; tokens rise from there. None where it did not say.
    """

    token: int
    server_began: str | None


@dataclass(frozen=True, slots=True)
class TripSigns:
    """What the plant's own trip contact has shown.

    Attributes:
        stands: whether it is set; None where it is not known now. False where there is none.
        times_set: how often it was seen to be set, in this process: a pulse counts that was over
            before anybody looked.
    """

    stands: bool | None
    times_set: int = 0


class ClaimBook(Protocol):
    """Where a guard leaves its claim for the one after it."""

    async def recall(self) -> Claim | None:
        """Return the claim of a guard that is known to be gone, or None."""

    async def note(self, claim: Claim, address: str) -> None:
        """Keep a claim, of the plant at an address; never raises for a disk that fails."""


class NoClaimBook:
    """Keeps nothing: every guard is a stranger to the one before it."""

    async def recall(self) -> Claim | None:
        """Return None."""
        return None

    async def note(self, claim: Claim, address: str) -> None:
        """Keep nothing."""


class PlantEdge(Protocol):
    """The plant, as the guard sees it."""

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""

    @property
    def address(self) -> str:
        """Where the plant is, for messages."""

    @property
    def last_error(self) -> str:
        """Why there is no connection; "" where there is one."""

    @property
    def other_writer(self) -> str:
        """Who writes to the plant instead of us, as far as is known; "" where it is us or nobody.
        Nothing is written while there is another."""

    @property
    def trip_signs(self) -> TripSigns:
        """What the plant's own protection has said. Where it has said that it trips, nothing is
        written before `know_trips`, nor while it stands or is not known."""

    def know_trips(self, times_set: int) -> None:
        """Take in that the cells were tripped for all that was set so often."""

    def heartbeat_age_s(self) -> float:
        """Wall time since the plant's heartbeat last moved; 0 where the plant has none."""

    def clock_offset(self) -> ClockOffset | None:
        """Return how far the clock of the plant's server is from ours; None while that is not
        known, be it that too few of its answers agree, or that they bear no time."""

    def allow_heartbeat(self, for_s: float) -> None:
        """Let our heartbeat run for so long and no longer, unless it is allowed again. It does not
        run before it is first allowed; 0 stops it, so that the plant sheds by itself."""

    def readback(self, cell: int, setpoint: str) -> float | None:
        """Return the plant's own value of a setpoint, as last read; None when unknown or old."""

    def is_remote(self, cell: int) -> bool | None:
        """Whether the plant follows our setpoints for this cell; None when unknown."""

    async def set_remote(self, cells: Collection[int], remote: bool) -> None:
        """Ask the plant to follow our setpoints for these cells, or to control them itself."""

    async def write(
        self, writes: Sequence[SetpointWrite], may_write: Callable[[SetpointWrite], bool]
    ) -> list[WriteResult]:
        """Write and read back; never raises for what the plant does or does not do.

        Args:
            writes: permitted values.
            may_write: whether a value may still be written; asked again before every attempt.
        """
