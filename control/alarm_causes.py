"""Which alarms follow from which: the table of suppression by design, and when a cause explains.

A line that trips is one alarm and not one for each cell. While a cause stands, what follows from it
is kept out of people's way; it stays in the data. Only what a row names is suppressed, only where
the cause is, and only if it began after the cause was told: what came first is never hidden.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

# So long after a cause has ended its consequences may take to end too: the first fresh samples have
# to be read, believed and judged, of every section. What still stands then is told.
SETTLE_NS: Final = 30_000_000_000


@dataclass(frozen=True, slots=True)
class Cause:
    """A row of the table.

    Attributes:
        event: that tells of the cause.
        hides: the events that follow from it.
        because: why they do.
        told_by: process that tells of it; "": whichever does.
    """

    event: str
    hides: frozenset[str]
    because: str
    told_by: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """A cause that stands, or has ended a moment ago.

    Attributes:
        event, told_by: of the cause.
        section, cell: where it is; None: everywhere.
        since_ns: when it began.
        until_ns: when it ended; None while it stands.
    """

    event: str
    told_by: str
    section: int | None
    cell: int | None
    since_ns: int
    until_ns: int | None = None

    @property
    def over_ns(self) -> int | None:
        """When it does not suppress any more; None while it stands."""
        return None if self.until_ns is None else self.until_ns + SETTLE_NS

    def resumed(self, at_ns: int) -> "Episode":
        """Return it as it is when the cause begins again: a connection that comes and goes is one
        cause, but for a new beginning long after."""
        is_over = self.over_ns is not None and at_ns >= self.over_ns
        return replace(self, since_ns=at_ns if is_over else self.since_ns, until_ns=None)

    def ended(self, at_ns: int) -> "Episode":
        """Return it as it is when the cause has ended."""
        return replace(self, until_ns=at_ns) if self.until_ns is None else self


_NOTHING_TO_DECIDE: Final = frozenset({"move_held", "cell_unregulated"})
_NO_SAMPLES: Final = frozenset(
    {
        "samples_missing",
        "sign_of_life_late",
        "decisions_silent",
        "cell_silent",
        "decision_fell_back",
        *_NOTHING_TO_DECIDE,
    }
)
_NOT_TAKEN: Final = frozenset({"write_failed", "readback_mismatch", *_NOTHING_TO_DECIDE})

CAUSES: Final = (
    Cause(
        "line_without_current",
        frozenset(
            {
                "cell_silent",
                "sample_rejected",
                "decision_fell_back",
                "feeder_at_fault",
                *_NOT_TAKEN,
            }
        ),
        "Without current a cell has no voltage that could be believed, nothing to be decided and "
        "nothing to be written: all of them are tripped.",
    ),
    Cause(
        "plant_trip",
        frozenset({"decision_fell_back", *_NOT_TAKEN}),
        "Cells of a line that the plant has tripped are tripped: nothing is written to them.",
    ),
    Cause(
        "scada_lost",
        frozenset({"samples_stale", *_NO_SAMPLES}),
        "What the gateway cannot read grows old, of every section and cell.",
        told_by="gateway",
    ),
    Cause(
        "scada_lost",
        frozenset({"sign_of_life_late", *_NOT_TAKEN}),
        "What the guard cannot reach takes no write and shows no read-back; samples come by the "
        "gateway's own connection.",
        told_by="guard",
    ),
    Cause(
        "scada_heartbeat_lost",
        frozenset({"samples_stale", *_NO_SAMPLES, *_NOT_TAKEN}),
        "A plant's server that stands still neither measures nor takes a write.",
    ),
    Cause(
        "samples_stale",
        _NO_SAMPLES,
        "Without samples of a section nothing is estimated or decided for its cells.",
    ),
    Cause(
        "decisions_silent",
        frozenset({"sign_of_life_late", *_NOTHING_TO_DECIDE}),
        "A section of which the loop says nothing has cells for which nothing is decided.",
    ),
    Cause(
        "clocks_apart",
        frozenset({"clocks_drift", "sample_rejected", *_NOTHING_TO_DECIDE}),
        "Samples from the future are believed by nobody.",
    ),
    Cause(
        "line_not_following",
        _NOT_TAKEN,
        "The line counts as not following because its cells do not.",
    ),
    Cause(
        "another_writer",
        _NOT_TAKEN,
        "The plant refuses the guard that is not its writer, and shows what the other one wrote.",
    ),
    Cause(
        "audit_unwritable",
        _NOTHING_TO_DECIDE,
        "What cannot be put on record is not written, for any cell.",
    ),
    Cause(
        "plant_took_over",
        frozenset({"readback_mismatch", *_NOTHING_TO_DECIDE}),
        "Setpoints of cells under the plant's own control are the plant's.",
    ),
    Cause(
        "cell_silent",
        frozenset({"decision_fell_back", *_NOTHING_TO_DECIDE}),
        "Without a voltage nothing can be decided for the cell.",
    ),
)
_BY_EVENT: Final[Mapping[str, tuple[Cause, ...]]] = {
    row.event: tuple(one for one in CAUSES if one.event == row.event) for row in CAUSES
}


def is_cause(event: str, told_by: str) -> bool:
    """Whether something follows from an event that a process tells."""
    return bool(_hidden_by(event, told_by))


def explains(
    episode: Episode, event: str, section: int | None, cell: int | None, began_ns: int
) -> bool:
    """Whether an alarm follows from a cause.

    Args:
        episode: of the cause.
        event, section, cell: of the alarm.
        began_ns: when it began; after the cause, and before the cause ended.
    """
    if event not in _hidden_by(episode.event, episode.told_by):
        return False
    if episode.section is not None and episode.section != section:
        return False
    if episode.cell is not None and episode.cell != cell:
        return False
    return episode.since_ns <= began_ns and (
        episode.until_ns is None or began_ns <= episode.until_ns
    )


def _hidden_by(event: str, told_by: str) -> frozenset[str]:
    rows = _BY_EVENT.get(event, ())
    return frozenset().union(*(row.hides for row in rows if row.told_by in ("", told_by)))
