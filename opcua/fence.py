"""The far side's half of one writer: the newest token, and the session that may write by it. Pure.

Only the plant can turn away a writer that was stopped, replaced, and goes on: whatever that writer
checks by itself, it may have checked before it was stopped.
"""

from dataclasses import dataclass
from typing import Final

LEASE: Final = "lease"  # meaning of the node that takes tokens


@dataclass(frozen=True, slots=True)
class Fence:
    """Who may write.

    Attributes:
        token: the newest one; 0 before the first, when whoever comes may write.
        holder: what stands for the session that wrote it, compared by identity.
    """

    token: int = 0
    holder: object = None

    def admits(self, session: object) -> bool:
        """Whether a session may write."""
        return self.token == 0 or session is self.holder

    def may_take(self, token: int) -> bool:
        """Whether a token is newer than the present one."""
        return token > self.token
