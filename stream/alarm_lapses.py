"""What a new life of a process ended: what begins again shortly after is what stood before.

A process that starts anew knows nothing of what it told, so that all of it ends and what still
holds begins again. What came first must not come second by that: then a cause that came later would
hide it.
"""

from dataclasses import dataclass, replace
from typing import Final

from control.alarm_causes import Episode

# Design value: to start takes seconds, to hear of the line again a minute at most, and a process
# that fails at the start is started again.
AGAIN_WITHIN_NS: Final = 300_000_000_000


@dataclass(frozen=True, slots=True)
class Lapse:
    """An alarm that ended with its teller.

    Attributes:
        process: that told it.
        began_ns: when it had begun.
        at_ns: when the newest life of that process began.
        episode: of the cause that it is, as it ended; None where it is none.
    """

    process: str
    began_ns: int
    at_ns: int
    episode: Episode | None = None

    def is_over(self, at_ns: int) -> bool:
        """Whether what begins by now is another thing."""
        return at_ns - self.at_ns > AGAIN_WITHIN_NS


def live_again(lapses: dict[str, Lapse], process: str, at_ns: int) -> None:
    """Give what ended with a process its time anew when one more life of it begins, and forget what
    did not begin again.

    Args:
        lapses: by subject; changed in place.
        process: that lives again; "": all of them.
        at_ns: wall time.
    """
    for subject, one in tuple(lapses.items()):
        if one.is_over(at_ns):
            del lapses[subject]
        elif process in ("", one.process):
            lapses[subject] = replace(one, at_ns=max(one.at_ns, at_ns))
