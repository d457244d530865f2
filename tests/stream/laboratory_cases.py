"""Reports of a laboratory to test with."""

from typing import Any

from stream.laboratory import WaitingReport
from stream.records import LaboratoryReport
from tests.stream.frame_cases import NOW_NS


def make_report(cell: int, t_drawn_plant_s: float, **changes: Any) -> LaboratoryReport:
    """A sample with a little less AlF3 than nominal, reported now."""
    chosen: dict[str, Any] = {
        "report_id": f"{cell}-{t_drawn_plant_s:.0f}",
        "section": (cell - 1) // 2,
        "cell": cell,
        "t_drawn_plant_s": t_drawn_plant_s,
        "t_drawn_ns": None,
        "alumina_wt_pct": 2.9,
        "excess_alf3_wt_pct": 12.0,
        "bath_temperature_c": 957.0,
        "reported_by": "the test",
        "t_reported_ns": NOW_NS,
    }
    return LaboratoryReport(**chosen | changes)


def waiting(cell: int, t_drawn_plant_s: float, **changes: Any) -> WaitingReport:
    """The same, as it waits for the filter."""
    return WaitingReport(make_report(cell, t_drawn_plant_s, **changes), 0, 7)
