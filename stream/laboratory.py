"""Reports of a laboratory before the filter sees them: which may be believed, which came before.

A report waits in the state of its section until the filter has come to the time of its sample. Pure
steps; what the filter makes of a report is in `stream.sampling`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from control.interlock_checks import FUTURE_TOLERANCE_NS
from physics.signals import ANALYSED
from stream.records import LaboratoryReport
from stream.rejects import Reason
from stream.signals import SignalLimits

_ALUMINA_WT_PCT: Final = (0.0, 20.0)  # design value: twice what any bath dissolves
_EXCESS_ALF3_WT_PCT: Final = (-20.0, 50.0)  # design value: a basic bath to more than any smelter's
_SAME_WITHIN_S: Final = 1.0  # one sample, reported by two ways, with its time rounded by one
_MOST_WAITING: Final = 4  # of a cell; one or two are usual
_MOST_TAKEN: Final = 32  # of a cell, within what the filter remembers
_MOST_CHARACTERS: Final = 200
_SHORT: Final = {
    "alumina_wt_pct": ("alumina", "wt%", 2),
    "excess_alf3_wt_pct": ("excess AlF3", "wt%", 1),
    "bath_temperature_c": ("bath", "degC", 0),
}

Ranges = Mapping[str, tuple[float, float]]
"""Lowest and highest that each of `physics.signals.ANALYSED` can be."""


class WaitingReport(msgspec.Struct, frozen=True):
    """A report, and the message on `laboratory` that it came in."""

    report: LaboratoryReport
    partition: int
    offset: int


class LaboratoryState(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of the reports on a section.

    Attributes:
        waiting: believed, and not looked at by the filter yet.
        taken_s: cell number (as text) -> plant times of the samples taken in, ascending: all that
            the filter remembers, and the newest.
        repeated: reports of samples that had been reported before.
        refused: reports turned away.
    """

    waiting: tuple[WaitingReport, ...] = ()
    taken_s: dict[str, tuple[float, ...]] = {}
    repeated: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a report is turned away, in a word and in a sentence."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A report that is turned away."""

    waiting: WaitingReport
    refusal: Refusal


def make_ranges(signals: Iterable[SignalLimits]) -> Ranges:
    """Return what a laboratory's values can be; the temperature's range is the plant file's."""
    row = next(row for row in signals if row.name == "bath_temperature_c")
    return {
        "alumina_wt_pct": _ALUMINA_WT_PCT,
        "excess_alf3_wt_pct": _EXCESS_ALF3_WT_PCT,
        "bath_temperature_c": (row.physical_low, row.physical_high),
    }


def receive(
    state: LaboratoryState,
    report: WaitingReport,
    cells: tuple[int, ...],
    ranges: Ranges,
    now_ns: int,
) -> tuple[LaboratoryState, Refused | None]:
    """Let a report wait for the filter, count it as known, or turn one away.

    Args:
        state: of the report's section.
        report: as it came.
        cells: numbers of the section's cells.
        ranges: what its values can be.
        now_ns: wall time.

    Returns:
        The next state, and what is turned away: the report, or the oldest of those that wait for
        the same cell, where there are too many. (A loop that begins with a topic of weeks is given
        all of them before the first scan.)
    """
    told = report.report
    fault = find_fault(told, cells, ranges, now_ns)
    if fault is not None:
        counted = msgspec.structs.replace(state, refused=state.refused + 1)
        return counted, Refused(report, fault)
    own = [one for one in state.waiting if one.report.cell == told.cell]
    taken_s = state.taken_s.get(str(told.cell), ())
    known_s = (*(one.report.t_drawn_plant_s for one in own), *taken_s)
    if any(abs(told.t_drawn_plant_s - t_s) < _SAME_WITHIN_S for t_s in known_s):
        return msgspec.structs.replace(state, repeated=state.repeated + 1), None
    waiting, out = (*state.waiting, report), None
    if len(taken_s) >= _MOST_TAKEN:
        out = report
    elif len(own) >= _MOST_WAITING:
        out = min((*own, report), key=lambda one: one.report.t_drawn_plant_s)
    if out is None:
        return msgspec.structs.replace(state, waiting=waiting), None
    following = msgspec.structs.replace(
        state,
        waiting=tuple(one for one in waiting if one is not out),
        refused=state.refused + 1,
    )
    too_many = Refusal(Reason.TOO_MANY, f"more samples of cell {told.cell} than can be")
    return following, Refused(out, too_many)


def find_fault(
    report: LaboratoryReport, cells: tuple[int, ...], ranges: Ranges, now_ns: int
) -> Refusal | None:
    """Return why a report cannot be believed whatever the filter knows, or None."""
    if report.cell not in cells:
        return Refusal(Reason.UNKNOWN_CELL, f"cell {report.cell} is not of that section")
    for name in ("report_id", "reported_by"):
        if len(getattr(report, name)) > _MOST_CHARACTERS:
            return Refusal(Reason.MALFORMED, f"{name} has more than {_MOST_CHARACTERS} characters")
    values = {name: getattr(report, name) for name in ANALYSED}
    analysed = {name: value for name, value in values.items() if value is not None}
    if not analysed:
        return Refusal(Reason.MISSING, "nothing was analysed")
    for name, value in (*analysed.items(), ("t_drawn_plant_s", report.t_drawn_plant_s)):
        if not math.isfinite(value):
            return Refusal(Reason.NOT_FINITE, f"{name} is {value}")
    for name, value in analysed.items():
        low, high = ranges[name]
        if not low <= value <= high:
            return Refusal(Reason.OUT_OF_RANGE, f"{name} {value:g} is not in {low:g} to {high:g}")
    for name, t_ns in (("t_drawn_ns", report.t_drawn_ns), ("t_reported_ns", report.t_reported_ns)):
        if t_ns is not None and t_ns > now_ns + FUTURE_TOLERANCE_NS:
            return Refusal(Reason.FUTURE, f"{name} is {(t_ns - now_ns) / 1e9:.0f} s ahead")
        if t_ns is not None and t_ns < 0:
            return Refusal(Reason.OUT_OF_RANGE, f"{name} is before 1970")
    return None


def report_id_of(cell: int, t_drawn_plant_s: float, reported_by: str) -> str:
    """Return the same id for the same sample and source, however often it is reported."""
    return f"{cell}-{t_drawn_plant_s:.0f}-{reported_by}"[:_MOST_CHARACTERS]


def analysis_in_words(report: LaboratoryReport, beyond: Mapping[str, float] | None = None) -> str:
    """Return what was found, for people: "excess AlF3 12.1 wt% (0.4 less than believed)".

    Args:
        beyond: by name, how much more that is than the estimate of the sample's time.
    """
    parts = []
    for name in ANALYSED:
        value = getattr(report, name)
        if value is None:
            continue
        what, unit, decimals = _SHORT[name]
        more = math.nan if beyond is None else beyond.get(name, math.nan)
        word = f" ({abs(more):.{decimals}f} {'more' if more > 0 else 'less'} than believed)"
        parts.append(f"{what} {value:.{decimals}f} {unit}{word if math.isfinite(more) else ''}")
    return ", ".join(parts)
