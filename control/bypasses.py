"""Checks of the interlock that an engineer may leave out for one cell, for a while.

A bypass has an owner, a reason and an end. Only limits on how much and how fast may be bypassed:
what a value is, who asks, how old it is, whether the plant follows, and the hard bounds never are.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from control.modes import Refusal
from control.overrides import CLOCK_TOLERANCE_NS

BYPASSABLE: Final = frozenset({"step", "rate", "travel", "line_budget"})
MAY_BYPASS: Final = frozenset({"engineer", "manager"})
LONGEST_BYPASS_S: Final = 4 * 3600.0  # design value: what maintenance is commonly given
MOST_BYPASSES: Final = 3  # of one section at once; design value


class Bypass(msgspec.Struct, frozen=True):
    """One check left out for one cell.

    Attributes:
        bypass_id: id of the command that made it.
        check: one of `BYPASSABLE`.
        since_ns, until_ns: wall time.
    """

    bypass_id: str
    cell: int
    check: str
    owner: str
    role: str
    reason: str
    since_ns: int
    until_ns: int

    def stands(self, now_ns: int) -> bool:
        """Whether it has not run out; a clock that was set back ends it too."""
        return self.since_ns - CLOCK_TOLERANCE_NS <= now_ns < self.until_ns


def check_bypass(asked: Bypass, standing: Collection[Bypass], now_ns: int) -> Refusal | None:
    """Return why a person may not have a bypass, or None.

    Args:
        asked: the new one.
        standing: all of the section, run out or not.
        now_ns: wall time.
    """
    reasons = []
    if asked.check not in BYPASSABLE:
        allowed = ", ".join(sorted(BYPASSABLE))
        reasons.append(f"the check {asked.check!r} cannot be bypassed; {allowed} can")
    if asked.role not in MAY_BYPASS:
        reasons.append(f"the role {asked.role!r} may not bypass")
    if not asked.reason.strip():
        reasons.append("a bypass needs a reason")
    seconds = (asked.until_ns - asked.since_ns) / 1e9
    if not 0.0 < seconds <= LONGEST_BYPASS_S:
        reasons.append(
            f"a bypass of {seconds:g} s: give it more than 0 and at most {LONGEST_BYPASS_S:g} s"
        )
    place = (asked.cell, asked.check)
    others = [one for one in standing if one.stands(now_ns) and (one.cell, one.check) != place]
    if len(others) >= MOST_BYPASSES:
        reasons.append(f"{len(others)} bypasses stand in this section, and no more may")
    return Refusal(tuple(reasons)) if reasons else None
