"""Which alarms follow from which: the table of suppression by design, and when a cause explains.

A line that trips is one alarm and not one for each cell. While a cause stands, what follows from it
is kept out of people's way; it stays in the data. Only what a row names is suppressed, only where
the cause is, and only if it began after the cause was told: what came first is never hidden.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

# So long after a cause has ended its consequences may take to end too: the first fresh samples have
# to be read, believed and judged, of every section. What still stands then is told.
SETTLE_NS: Final = 30_000_000_000
# Design value: a line that its protection has tripped has no current within seconds.
_CURRENT_GONE_WITHIN_S: Final = 10.0
_GAPS_KEPT: Final = 32


@dataclass(frozen=True, slots=True)
class Cause:
    """A row of the table.

    Attributes:
        event: that tells of the cause.
        hides: the events that follow from it.
        because: why they do.
        told_by: process that tells of it; "": whichever does.
        within_s: so soon after the cause they begin; None: whenever.
    """

    event: str
    hides: frozenset[str]
    because: str
    told_by: str = ""
    within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """A cause that stands, or has ended a moment ago.

    Attributes:
        event, told_by: of the cause.
        section, cell: where it is; None: everywhere.
        since_ns: when it began.
        until_ns: when it ended; None while it stands.
        gaps: when it did not stand in between, each from its end to its next beginning.
    """

    event: str
    told_by: str
    section: int | None
    cell: int | None
    since_ns: int
    until_ns: int | None = None
    gaps: tuple[tuple[int, int], ...] = ()

    @property
    def over_ns(self) -> int | None:
        """When it does not suppress any more; None while it stands."""
        return None if self.until_ns is None else self.until_ns + SETTLE_NS

    def stood_at(self, at_ns: int) -> bool:
        """Whether the cause was there at a time."""
        if at_ns < self.since_ns or (self.until_ns is not None and at_ns > self.until_ns):
            return False
        return not any(ended_ns < at_ns < began_ns for ended_ns, began_ns in self.gaps)

    def resumed(self, at_ns: int, *, is_same: bool = False) -> "Episode":
        """Return it as it is when the cause begins again: a connection that comes and goes is one
        cause, but for a new beginning long after.

        Args:
            at_ns: of the new beginning.
            is_same: it is one however long after.
        """
        if self.until_ns is None or self.over_ns is None:
            return self
        if at_ns >= self.over_ns and not is_same:
            return replace(self, since_ns=at_ns, until_ns=None, gaps=())
        gaps = (*self.gaps, (self.until_ns, at_ns))
        if len(gaps) > _GAPS_KEPT:
            # Rather show what began between the two than hide what began in one of them.
            gaps = ((gaps[0][0], gaps[1][1]), *gaps[2:])
        return replace(self, until_ns=None, gaps=gaps)

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
        "plant_trip",
        frozenset({"line_without_current"}),
        "The plant's own protection takes the current off the line: both are one trip, and its "
        "cause is the plant's. A current that goes later goes for another reason.",
        within_s=_CURRENT_GONE_WITHIN_S,
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
    return any(_rows(event, told_by))


def explains(
    episode: Episode, event: str, section: int | None, cell: int | None, began_ns: int
) -> bool:
    """Whether an alarm follows from a cause.

    Args:
        episode: of the cause.
        event, section, cell: of the alarm.
        began_ns: when it began; after the cause, and while the cause stood.
    """
    if episode.section is not None and episode.section != section:
        return False
    if episode.cell is not None and episode.cell != cell:
        return False
    after_s = (began_ns - episode.since_ns) / 1e9
    return episode.stood_at(began_ns) and any(
        event in row.hides and (row.within_s is None or after_s <= row.within_s)
        for row in _rows(episode.event, episode.told_by)
    )


def _rows(event: str, told_by: str) -> Iterator[Cause]:
    return (row for row in _BY_EVENT.get(event, ()) if row.told_by in ("", told_by))
