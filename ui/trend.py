"""The trends: a row per section and second, all cells and trended columns at once."""

from typing import Final

import numpy as np
from msgspec.structs import replace

from ui.picture import TREND_LENGTH, Picture, SectionPicture, TrendRow, column_of

TREND_PERIOD_NS: Final = 800_000_000  # wall time between rows: frames come about each second


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
    elif rows and now_ns - rows[-1].t_wall_ns < TREND_PERIOD_NS:
        return picture
    values = [column_of(section, column) for column in picture.columns]
    row = TrendRow(
        number=number,
        session=session,
        t_plant_s=section.t_plant_s,
        t_wall_ns=now_ns,
        values=np.stack(values, axis=1).astype(np.float32),
    )
    trends = list(picture.trends)
    trends[section.section] = (*rows, row)[-TREND_LENGTH:]
    return replace(picture, trends=tuple(trends))
