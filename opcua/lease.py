"""Whether this guard is the one writer of a line: what the plant shows, and what follows. Pure.

A lease is taken by a token that is greater than the present one, which the plant itself then asks
of every write (`opcua.fence`). It is not taken from a writer that lives: one whose heartbeat moves,
unless it is known to be gone.
"""

from dataclasses import dataclass, replace

from stream.edge import Claim


@dataclass(frozen=True, slots=True)
class LeaseSigns:
    """What the plant shows of who writes, in one look.

    Attributes:
        token: the newest; 0 before the first.
        beat: the writer's heartbeat, whatever it holds; None where it cannot be read.
        server_began: when the server began, in which tokens only rise; None where it does not say.
    """

    token: int
    beat: str | None
    server_began: str | None

    def is_of(self, claim: Claim | None) -> bool:
        """Whether nobody has taken the line since this claim was made. A server that began anew may
        come to the same number by another writer."""
        return (
            claim is not None
            and self.server_began is not None
            and (self.token, self.server_began) == (claim.token, claim.server_began)
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """What is known of the lease in one session with the plant.

    Attributes:
        free_after_s: standstill of a writer's heartbeat after which its line is free.
        claim: our newest one, also of the session before.
        is_held: whether it is the newest token of all, as far as is known.
        signs: as last seen.
        moved_s: monotonic time at which they were first seen so; no earlier than they came to be.
        asked_s: monotonic time at which they were last asked for; they may be as old as that.
    """

    free_after_s: float
    claim: Claim | None = None
    is_held: bool = False
    signs: LeaseSigns | None = None
    moved_s: float = 0.0
    asked_s: float = 0.0

    @property
    def token(self) -> int:
        """The newest token that is known; 0 before the first."""
        return 0 if self.signs is None else self.signs.token

    def begin(self) -> "Lease":
        """Return the lease at the beginning of a session: no session has the token of another."""
        return Lease(self.free_after_s, self.claim)

    def see(self, signs: LeaseSigns, asked_s: float, now_s: float) -> "Lease":
        """Return the lease after one look.

        Args:
            signs: what the plant showed.
            asked_s: monotonic time at which it was asked.
            now_s: monotonic time at which its answer is looked at. A process that was stopped
                between the two must not take an old answer for a new one.
        """
        if self.is_held and self._is_older(signs):
            return self
        return replace(
            self,
            is_held=self.is_held and signs.is_of(self.claim),
            signs=signs,
            moved_s=self.moved_s if signs == self.signs else now_s,
            asked_s=asked_s,
        )

    def _is_older(self, signs: LeaseSigns) -> bool:
        """Whether the plant was asked before our token was written."""
        claim = self.claim
        return (
            claim is not None
            and signs.server_began == claim.server_began
            and signs.token < claim.token
        )

    def is_free(self, recorded: Claim | None, *, may_take_over: bool) -> bool:
        """Whether the line may be claimed now.

        Args:
            recorded: the claim of a guard before this one that is known to be gone.
            may_take_over: whether this guard would let its own heartbeat run: two that would not
                could take the line from each other for ever.
        """
        signs = self.signs
        if signs is None or self.is_held:
            return False
        if signs.token == 0 or signs.is_of(self.claim) or signs.is_of(recorded):
            return True
        stood_s = self.asked_s - self.moved_s
        return may_take_over and signs.beat is not None and stood_s > self.free_after_s

    def take(self) -> "Lease":
        """Return the lease after the plant has taken a token one greater than was seen.

        Raises:
            ValueError: nothing was seen.
        """
        if self.signs is None:
            raise ValueError("a lease was taken before a look; look first")
        signs = replace(self.signs, token=self.signs.token + 1)
        claim = Claim(signs.token, signs.server_began)
        return replace(self, claim=claim, is_held=True, signs=signs)
