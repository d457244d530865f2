"""What an operator sets by hand against the optimiser: one setpoint, one value, with an end.

An override is of a person, has a reason and ends by itself. It wins at once, inside the hard
limits. Of two people the later one wins, unless the earlier has a higher role.
"""

from typing import Final

import msgspec

from control.modes import Refusal

RANK: Final = {"operator": 1, "engineer": 2, "manager": 3}
CLOCK_TOLERANCE_NS: Final = 2_000_000_000
LONGEST_OVERRIDE_S: Final = 8 * 3600.0  # design value: a shift; the next one decides anew


class Override(msgspec.Struct, frozen=True):
    """One setpoint of one cell in the hands of a person.

    Attributes:
        override_id: id of the command that made it.
        value: in the unit of the setpoint's name.
        since_ns, until_ns: wall time.
        is_written: whether the plant is known to have taken it.
    """

    override_id: str
    cell: int
    setpoint: str
    value: float
    owner: str
    role: str
    reason: str
    since_ns: int
    until_ns: int
    is_written: bool = False

    def stands(self, now_ns: int) -> bool:
        """Whether it has not run out; a clock that was set back ends it too."""
        return self.since_ns - CLOCK_TOLERANCE_NS <= now_ns < self.until_ns


def check_override(asked: Override, standing: Override | None, now_ns: int) -> Refusal | None:
    """Return why a person may not have an override, or None.

    Args:
        asked: the new one.
        standing: what there is of the same setpoint, if anything.
        now_ns: wall time.
    """
    reasons = []
    if asked.role not in RANK:
        reasons.append(f"the role {asked.role!r} may not override")
    if not asked.reason.strip():
        reasons.append("an override needs a reason")
    seconds = (asked.until_ns - asked.since_ns) / 1e9
    if not 0.0 < seconds <= LONGEST_OVERRIDE_S:
        reasons.append(
            f"an override of {seconds:g} s: more than 0 s and at most {LONGEST_OVERRIDE_S:g}"
        )
    if standing is not None and standing.stands(now_ns) and not _may_end(asked.role, standing):
        reasons.append(f"{standing.owner} ({standing.role}) holds it, and has the higher role")
    return Refusal(tuple(reasons)) if reasons else None


def check_release(role: str, standing: Override | None) -> Refusal | None:
    """Return why a person of that role may not give a setpoint back, or None."""
    if standing is None:
        return Refusal(("there is no such override",))
    if role not in RANK:
        return Refusal((f"the role {role!r} may not release an override",))
    if not _may_end(role, standing):
        return Refusal((f"{standing.owner} ({standing.role}) holds it, and has the higher role",))
    return None


def _may_end(role: str, standing: Override) -> bool:
    return RANK.get(role, 0) >= RANK.get(standing.role, 0)
