"""The live picture: all that the screens show, as values.

`ui.fold` makes the next picture from a record, `ui.store` carries it through Redis. Nothing here
changes in place: a part that did not change is the same object, which is how the feed knows what
to send.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from control.modes import Mode
from control.retelling import Retelling
from stream.alarm_list import AlarmList
from stream.records import WHOLE_SECTION, Command, Event, Move

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]

JOURNAL_LENGTH: Final = 200  # events kept
ANSWERS_LENGTH: Final = 400  # of the guard kept; a line has 300 sections at most
EXAMPLES_LENGTH: Final = 40  # rejected samples kept, with what they were
LATENCY_LENGTH: Final = 600  # latencies kept per stage, for their quantiles

GUARD: Final = "guard"  # the process that keeps the modes; also a key of `newest_ns`
STAGES: Final = ("accepted", "estimated", "decided", "written", "verified")


class SectionPicture(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The newest of every cell of one section.

    Attributes:
        values: column (see `ui.quantities`) -> (C,), NaN where unknown.
        times_ns: measured column -> (C,) source time of the newest believed sample; 0 where there
            never was one.
        modes: of each cell; None where nobody has said yet.
        reasons: the controller's newest sentence about each cell.
        moves: newest move of each (position in section, setpoint), as "position/setpoint".
        accepted_order, estimate_order: (session, sequence) of the newest frames.
        t_first_ns: when the first frame was accepted; 0 before that.
        t_estimate_source_ns: source time of the newest sample behind the estimates.
        t_unanswered_ns: when the oldest proposal was decided since which the guard has said
            nothing, as far as the section knows; 0 where it has answered.
    """

    section: int
    cells: tuple[int, ...]
    values: dict[str, np.ndarray]
    times_ns: dict[str, np.ndarray]
    modes: tuple[Mode | None, ...]
    mode_times_ns: tuple[int, ...]
    reasons: tuple[str, ...]
    solver: tuple[str, ...]
    moves: dict[str, Move]
    accepted_order: tuple[int, int] = (-1, -1)
    estimate_order: tuple[int, int] = (-1, -1)
    t_plant_s: float = 0.0
    t_first_ns: int = 0
    t_estimated_ns: int = 0
    t_estimate_source_ns: int = 0
    t_unanswered_ns: int = 0
    frames_applied: int = 0
    frames_skipped: int = 0
    frames_missing: int = 0


class RejectExample(msgspec.Struct, frozen=True, kw_only=True):
    """One rejected sample or message, as the health page shows it."""

    t_rejected_ns: int
    section: int
    cell: int
    signal: str
    value: float
    reason: str
    detail: str
    where: str  # topic/partition/offset of the message
    original: str  # the first bytes of a message that could not be read


class LinePicture(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the line as a whole since the feed began.

    Attributes:
        newest_ns: topic -> wall time of its newest record; "guard": of its newest word of any kind.
        latency_ms: stage -> the newest latencies, from the source time to that stage.
        rejected: reason -> rejected samples, those of messages refused whole included.
        refused: reason -> messages refused whole.
        reject_order: source, see `ui.rejected` -> offset of the newest rejected message.
        alarms: as `potline front` has them, with what people did about them there.
        is_reading_events: the events of before are still being read. Until then alarms, and what is
            active at all, are not known, and no event changes them.
        answers: newest answers of the guard to commands, by themselves: a command for a whole line
            changes so many modes that the journal loses what came before.
        ended: id of an event of the journal that ended something -> when that had begun, wall time.
        commands: newest command about the modes of each cell or of a whole section, see `asked_of`.
    """

    points_accepted: int = 0
    rejected: dict[str, int] = {}
    refused: dict[str, int] = {}
    dead_letters: int = 0
    proposals: int = 0
    fallbacks: int = 0
    moves: dict[str, int] = {}
    repeated: int = 0
    strange: int = 0
    unreadable: int = 0
    newest_ns: dict[str, int] = {}
    latency_ms: dict[str, tuple[float, ...]] = {}
    solve_ms: tuple[float, ...] = ()
    reject_order: dict[str, int] = {}
    journal: tuple[Event, ...] = ()
    answers: tuple[Event, ...] = ()
    alarms: AlarmList = AlarmList(is_of_now=True)
    is_reading_events: bool = False
    ended: dict[str, int] = {}
    examples: tuple[RejectExample, ...] = ()
    commands: dict[int, Command] = {}

    @property
    def active(self) -> Mapping[str, Event]:
        """What has begun and not ended, by its subject, see `stream.active`."""
        return self.alarms.active


def asked_of(section: int, cell: int) -> int:
    """Return the key of a cell in `LinePicture.commands`, or of a whole section: cells have numbers
    from 1, sections those below 0."""
    return cell if cell != WHOLE_SECTION else -1 - section


class TrendRow(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All trended columns of all cells of a section at one time.

    Attributes:
        number: counts the rows of the section, those of the history by themselves.
        session: life of the gateway that the row is from.
        values: (C, columns) in the order of `ui.quantities.trend_columns`.
    """

    number: int
    session: int
    t_plant_s: float
    t_wall_ns: int
    values: np.ndarray


class Picture(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Everything the screens show.

    Attributes:
        trends: of each section, the rows of the last minutes, see `ui.trend`.
        history: of each section, rows further apart that go back further.
    """

    line: LinePicture
    sections: tuple[SectionPicture, ...]
    trends: tuple[tuple[TrendRow, ...], ...]
    history: tuple[tuple[TrendRow, ...], ...]
    columns: tuple[str, ...]


def init_section(section: int, cells: tuple[int, ...]) -> SectionPicture:
    """Return the picture of a section of which nothing is known."""
    return SectionPicture(
        section=section,
        cells=cells,
        values={},
        times_ns={},
        modes=(None,) * len(cells),
        mode_times_ns=(0,) * len(cells),
        reasons=("",) * len(cells),
        solver=("",) * len(cells),
        moves={},
    )


def init_picture(
    sections: tuple[tuple[int, ...], ...],
    columns: tuple[str, ...],
    retelling: Retelling | None = None,
) -> Picture:
    """Return the picture of a line of which nothing is known.

    Args:
        sections: the cell numbers of every section.
        columns: what trends keep.
        retelling: when alarms that last are told again; None: as by default.
    """
    alarms = AlarmList(retelling=retelling or Retelling(), is_of_now=True)
    return Picture(
        line=LinePicture(alarms=alarms),
        sections=tuple(init_section(number, cells) for number, cells in enumerate(sections)),
        trends=((),) * len(sections),
        history=((),) * len(sections),
        columns=columns,
    )


def column_of(section: SectionPicture, column: str) -> F64:
    """Return (C,) of a column; NaN everywhere if the section has none such."""
    known = section.values.get(column)
    return np.full(len(section.cells), np.nan) if known is None else known


def times_of(section: SectionPicture, column: str) -> I64:
    """Return (C,) source time of a measured column; 0 where there never was a believed sample."""
    known = section.times_ns.get(column)
    return np.zeros(len(section.cells), dtype=np.int64) if known is None else known
