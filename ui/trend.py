"""The trends: rows of all cells and trended columns of a section, by the time of the plant.

Two resolutions: the last quarter of an hour as fine as frames come, and half a day in rows of about
a minute. For 300 cells that is 24 kB a row and 34 MB at most, in Redis, the feed and the screens.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec.structs import replace

from ui.picture import F32, Picture, SectionPicture, TrendRow, column_of, times_of

_ON_THE_WAY_NS: Final = 5_000_000_000  # longest from the sensor to the estimate, of fresh data
_WALL_PERIOD_NS: Final = 800_000_000  # frames come about each second, however fast the plant lives


@dataclass(frozen=True, slots=True)
class Keeping:
    """How rows are kept, in plant time.

    Attributes:
        period_s: least time between two rows; somewhat less than meant, for frames come unevenly.
        span_s: how long a row is kept.
        length: the most rows.
    """

    period_s: float
    span_s: float
    length: int

    def kept(self, rows: tuple[TrendRow, ...]) -> tuple[TrendRow, ...]:
        """Return the newest rows, those that are kept."""
        if not rows:
            return rows
        oldest_s = rows[-1].t_plant_s - self.span_s
        first = max(len(rows) - self.length, 0)
        while rows[first].t_plant_s < oldest_s:
            first += 1
        return rows[first:]


FINE: Final = Keeping(period_s=1.8, span_s=900.0, length=500)
COARSE: Final = Keeping(period_s=50.0, span_s=12 * 3600.0, length=900)


def extend_trend(picture: Picture, section: SectionPicture, now_ns: int, session: int) -> Picture:
    """Return the picture with a row of `section` as it stands, if it is time for one.

    Args:
        now_ns: wall time of the record that led here.
        session: life of the gateway that it is from.
    """
    rows = picture.trends[section.section]
    number = rows[-1].number + 1 if rows else 0
    if rows and section.t_plant_s <= rows[-1].t_plant_s:
        if session <= rows[-1].session:
            return picture
        # Another life of the plant, whose clock begins earlier: nothing joins the two, and the gap
        # in the numbers tells every reader so.
        rows, number = (), number + 1
    elif rows and (
        now_ns - rows[-1].t_wall_ns < _WALL_PERIOD_NS
        or section.t_plant_s - rows[-1].t_plant_s < FINE.period_s
    ):
        return picture
    row = TrendRow(
        number=number,
        session=session,
        t_plant_s=section.t_plant_s,
        t_wall_ns=now_ns,
        values=_values_since(rows[-1].t_wall_ns if rows else now_ns, section, picture.columns),
    )
    trends, history = list(picture.trends), list(picture.history)
    trends[section.section] = FINE.kept((*rows, row))
    history[section.section] = _remember(
        picture.history[section.section], row, section, picture.columns
    )
    return replace(picture, trends=tuple(trends), history=tuple(history))


def _remember(
    past: tuple[TrendRow, ...], row: TrendRow, section: SectionPicture, columns: tuple[str, ...]
) -> tuple[TrendRow, ...]:
    """Return the coarse rows with a fine one added, if it is time for one. The coarse rows may be
    ahead of the fine ones: a feed that starts again has them from Redis."""
    if not past:
        return (replace(row, number=0),)
    last = past[-1]
    number = last.number + 1
    if row.session > last.session and row.t_plant_s <= last.t_plant_s:
        return (replace(row, number=number + 1),)  # another life, as above
    if row.session < last.session or row.t_plant_s - last.t_plant_s < COARSE.period_s:
        return past
    values = _values_since(last.t_wall_ns, section, columns)
    return COARSE.kept((*past, replace(row, number=number, values=values)))


def _values_since(since_ns: int, section: SectionPicture, columns: tuple[str, ...]) -> F32:
    """Return (C, columns) as they stand; NaN where nothing was measured or estimated since
    `since_ns`, less the time that things take: a cell that is silent leaves a gap, no flat line."""
    oldest_ns = since_ns - _ON_THE_WAY_NS
    is_estimated = section.t_estimate_source_ns >= oldest_ns
    values = []
    for column in columns:
        value = column_of(section, column)
        if column.startswith("measured."):
            value = np.where(times_of(section, column) >= oldest_ns, value, np.nan)
        elif column.startswith("estimate.") and not is_estimated:
            value = np.full_like(value, np.nan)
        values.append(value)
    return np.stack(values, axis=1).astype(np.float32)


def joined(past: tuple[TrendRow, ...], rows: tuple[TrendRow, ...]) -> tuple[TrendRow, ...]:
    """Return the coarse rows as far as there are no fine ones, then these."""
    if not rows:
        return past
    return (*(row for row in past if row.t_plant_s < rows[0].t_plant_s), *rows)
