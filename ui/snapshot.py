"""What a page is drawn from: the whole line at one moment, as arrays over all its cells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.alarms import Standing
from control.modes import Mode
from stream.alarm import Alarm
from stream.alarm_list import AlarmList, pass_time
from ui.layout import LineLayout
from ui.picture import F64, GUARD, I64, LinePicture, SectionPicture, TrendRow
from ui.store import NOTHING_READ, Reading

CELL_ALIVE: Final = "measured.cell_voltage_v"  # its age is the age of a cell, as the guard has it

SILENCE_S: Final = 360.0  # three control periods of the reference plant
# Judging takes milliseconds, but a write that a cell does not answer holds the next ones up.
GUARD_ANSWERS_WITHIN_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The line at one moment.

    Attributes:
        number: counts the looks at Redis.
        now_ns: wall time of the look.
        values: column -> (N,) in the order of the line, NaN where unknown.
        ages_s: measured column -> (N,) wall time since its newest believed sample.
        age_s: (N,) the same of each cell's voltage, which stands for the cell: what all cells
            share, as the line current, is always fresh. Infinite if none.
        is_stale: (N,) the cell's voltage is too old to be shown as if it were alive.
        max_age_s: what is older is too old.
        estimate_age_s: (N,) wall time since the newest sample behind each cell's estimate.
        modes: of each cell; None where nobody has said yet.
        is_mode_old: (N,) the guard has fallen silent, or the picture cannot be read: the mode is
            what was said last, not what is.
        silence_s: wall time after which silence of decisions and of the guard is bad news.
        life: of the feed that wrote the picture; -1 before the first one.
        link: why the picture cannot be read, as a sentence; empty when it can.
        trends, history: of each section, as in the picture.
        written_ns: when the feed last wrote.
    """

    number: int
    now_ns: int
    layout: LineLayout
    line: LinePicture
    values: Mapping[str, F64]
    ages_s: Mapping[str, F64]
    age_s: F64
    is_stale: NDArray[np.bool_]
    max_age_s: float
    estimate_age_s: F64
    modes: tuple[Mode | None, ...]
    is_mode_old: NDArray[np.bool_]
    silence_s: float
    reasons: tuple[str, ...]
    solver: tuple[str, ...]
    sections: Mapping[int, SectionPicture]
    trends: Mapping[int, tuple[TrendRow, ...]]
    history: Mapping[int, tuple[TrendRow, ...]]
    t_plant_s: float
    written_ns: int
    life: int = -1
    link: str = ""
    alarms: AlarmList = field(default_factory=AlarmList)
    unknown: F64 = field(default_factory=lambda: np.zeros(0))

    @property
    def is_known(self) -> bool:
        """Whether there is a picture of now: what it does not show is not there."""
        return not self.link and self.life >= 0

    def value(self, column: str) -> F64:
        """Return (N,) of a column; NaN everywhere if the picture has no such column."""
        return self.values.get(column, self.unknown)

    def old(self, column: str) -> NDArray[np.bool_]:
        """Return (N,) whether a figure of a column is too old to be shown as if it were alive.

        A measurement is judged by its own age, an estimate by its own and the cell's, everything
        else by the cell's.
        """
        if column.startswith("estimate."):
            return self.is_stale | (self.estimate_age_s > self.max_age_s)
        if not column.startswith("measured."):
            return self.is_stale
        ages_s = self.ages_s.get(column)
        return np.ones_like(self.is_stale) if ages_s is None else ages_s > self.max_age_s

    def fresh(self, column: str) -> F64:
        """Return (N,) of a column, NaN where it is unknown or too old."""
        return np.where(self.old(column), np.nan, self.value(column))

    def of(self, cell: int, column: str) -> float:
        """Return the figure of one cell."""
        return float(self.value(column)[self.layout.index[cell]])

    @property
    def are_alarms_known(self) -> bool:
        """Whether all that was told of alarms was read: else that none is shown means nothing."""
        return self.life != NOTHING_READ.life and not self.line.is_reading_events

    @property
    def told(self) -> tuple[Alarm, ...]:
        """The active alarms that nothing keeps quiet: of these people are to know now."""
        every = self.alarms.alarms.values()
        return tuple(one for one in every if one.state.is_active and not one.state.is_quiet)

    @property
    def returned(self) -> tuple[Alarm, ...]:
        """The alarms that went again before anybody acknowledged them, those that are urgent."""
        every = self.alarms.alarms.values()
        return tuple(one for one in every if one.state.standing is Standing.RETURNED)

    @property
    def data_age_s(self) -> float:
        """Wall time since the newest believed sample of the line; infinite if there is none."""
        return float(self.age_s.min(initial=np.inf))


def take_snapshot(
    layout: LineLayout,
    reading: Reading,
    *,
    number: int,
    now_ns: int,
    max_age_s: float,
    silence_s: float = SILENCE_S,
    link: str = "",
) -> Snapshot:
    """Lay the sections of a picture out as one line.

    Args:
        reading: as it came from Redis; sections that do not fit the layout are left out.
        max_age_s: wall time after which a value is stale.
        silence_s: wall time after which silence of decisions and of the guard is bad news.
        link: why the picture could not be read this time.
    """
    count = len(layout.cells)
    values: dict[str, F64] = {}
    times: dict[str, I64] = {}
    estimated = np.zeros(count, dtype=np.int64)
    is_mode_old = np.full(count, bool(link))
    heard_ns = reading.line.newest_ns.get(GUARD, 0)
    is_mode_old |= now_ns - heard_ns > silence_s * 1e9
    modes: list[Mode | None] = []
    reasons: list[str] = []
    solver: list[str] = []
    t_plant_s = 0.0
    start = 0
    for section_number, cells in enumerate(layout.sections):
        section = reading.sections.get(section_number)
        stop = start + len(cells)
        if section is None or section.cells != cells:
            modes += [None] * len(cells)
            reasons += [""] * len(cells)
            solver += [""] * len(cells)
        else:
            for column, part in section.values.items():
                values.setdefault(column, np.full(count, np.nan))[start:stop] = part
            for column, part in section.times_ns.items():
                times.setdefault(column, np.zeros(count, dtype=np.int64))[start:stop] = part
            estimated[start:stop] = section.t_estimate_source_ns
            unanswered_ns = section.t_unanswered_ns
            waited_ns = now_ns - unanswered_ns if unanswered_ns >= max(heard_ns, 1) else 0
            if waited_ns > GUARD_ANSWERS_WITHIN_S * 1e9:
                is_mode_old[:] = True  # one guard keeps all modes
            modes += section.modes
            reasons += section.reasons
            solver += section.solver
            t_plant_s = max(t_plant_s, section.t_plant_s)
        start = stop
    ages_s = {column: _age_s(source, now_ns) for column, source in times.items()}
    age_s = ages_s.get(CELL_ALIVE, np.full(count, np.inf))
    return Snapshot(
        number=number,
        now_ns=now_ns,
        layout=layout,
        line=reading.line,
        values=values,
        ages_s=ages_s,
        age_s=age_s,
        is_stale=age_s > max_age_s,
        max_age_s=max_age_s,
        estimate_age_s=_age_s(estimated, now_ns),
        modes=tuple(modes),
        is_mode_old=is_mode_old,
        silence_s=silence_s,
        reasons=tuple(reasons),
        solver=tuple(solver),
        sections=reading.sections,
        trends=reading.trends,
        history=reading.history,
        t_plant_s=t_plant_s,
        written_ns=reading.written_ns,
        life=reading.life,
        link=link,
        alarms=pass_time(reading.line.alarms, now_ns),
        unknown=np.full(count, np.nan),
    )


def _age_s(time_ns: I64, now_ns: int) -> F64:
    return np.where(time_ns > 0, np.maximum(now_ns - time_ns, 0) / 1e9, np.inf)


def blank_snapshot(layout: LineLayout) -> Snapshot:
    """Return the snapshot of a line of which nothing is known yet."""
    return take_snapshot(layout, NOTHING_READ, number=0, now_ns=0, max_age_s=0.0)
