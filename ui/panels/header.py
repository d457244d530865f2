"""The line in nine figures, on top of every page."""

import numpy as np

from control.events import Priority
from control.modes import Mode
from ui.kpis import LineKpis, line_kpis
from ui.markup import MODE_LETTER, age, badge, text
from ui.panel import Desk, TextPanel
from ui.snapshot import Snapshot

_READING = (
    "Alarms, limits, and what is held by hand or left out of the interlock are not known yet: the "
    "events of the last weeks are being read."
)
_ALARM_PRIORITIES = (Priority.HIGH, Priority.MEDIUM, Priority.LOW)


class HeaderPanel(TextPanel):
    """Line current, power, mean voltage, energy, modes, orders, alarms, age of the data."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def update(self, snapshot: Snapshot) -> None:
        kpis = line_kpis(snapshot)
        tiles = [
            _tile("Line current", kpis.current_ka, 1, "kA"),
            _power(kpis, len(snapshot.layout.cells)),
            _tile("Mean cell voltage", kpis.mean_voltage_v, 3, "V"),
            _tile("Specific energy", kpis.energy_kwh_per_kg, 2, "kWh/kg"),
            _tile("Current efficiency", kpis.current_efficiency_pct, 1, "%"),
            _freshness(kpis),
            _modes(kpis),
            _by_hand(kpis) if snapshot.is_known else _tile("Held by hand", float("nan"), 0, ""),
            _alarms(kpis),
        ]
        if snapshot.line.is_reading_events:
            tiles.append(f'<div class="link" role="status">{_READING}</div>')
        if snapshot.link:
            tiles.append(f'<div class="link" role="alert">{text(snapshot.link)}</div>')
        self._show(f'<div class="tiles">{"".join(tiles)}</div>')


def _power(kpis: LineKpis, cells: int) -> str:
    # A sum over a part of the cells must not look like a line at part load.
    part = "" if kpis.power_cells == cells else f", {kpis.power_cells} cells"
    return _tile("Line power", kpis.power_mw, 2, f"MW{part}")


def _tile(label: str, figure: float, decimals: int, unit: str) -> str:
    shown = f"{figure:.{decimals}f}<small>{unit}</small>" if np.isfinite(figure) else "–"
    return (
        f'<div class="tile"><div class="label">{label}</div><div class="figure">{shown}</div></div>'
    )


def _freshness(kpis: LineKpis) -> str:
    stale = kpis.stale_cells
    note = f'<small class="off">{stale} {"cell" if stale == 1 else "cells"} stale</small>'
    if not stale:
        note = ""
    kind = " bad" if stale == sum(kpis.modes.values()) else ""
    return (
        f'<div class="tile{kind}"><div class="label">Data age</div>'
        f'<div class="figure">{age(kpis.data_age_s)}{note}</div></div>'
    )


def _modes(kpis: LineKpis) -> str:
    is_old = kpis.are_modes_old and any(mode is not None for mode in kpis.modes)
    note, mark = (", as last said", "?") if is_old else ("", "")
    order = (*Mode, None)
    order = (Mode.AUTO, *(mode for mode in order if mode is not Mode.AUTO))
    segments = "".join(
        f'<span class="segment{"" if mode is Mode.AUTO else " off"}" '
        f'style="flex-grow:{kpis.modes[mode]}" title="{mode or "no mode yet"}">'
        f"<i>{MODE_LETTER[mode]}{mark if mode else ''}</i>{kpis.modes[mode]}</span>"
        for mode in order
        if kpis.modes.get(mode)
    )
    return (
        f'<div class="tile broad"><div class="label">Cells per mode{note}</div>'
        f'<div class="segments{" old" if is_old else ""}">{segments}</div></div>'
    )


def _by_hand(kpis: LineKpis) -> str:
    """What people hold against the optimiser, and what they left out of the interlock."""
    if not kpis.are_alarms_known:
        return (
            '<div class="tile"><div class="label">Held by hand</div><div class="figure">–<small>'
            '<a href="/orders">not known yet</a></small></div></div>'
        )
    mark = ' class="off"' if kpis.bypasses else ""
    word = "bypass" if kpis.bypasses == 1 else "bypasses"
    return (
        '<div class="tile"><div class="label">Held by hand</div><div class="figure">'
        f'{kpis.overrides}<small{mark}><a href="/orders">{kpis.bypasses} {word}</a></small>'
        "</div></div>"
    )


def _alarms(kpis: LineKpis) -> str:
    if not kpis.are_alarms_known:
        return (
            '<div class="tile broad"><div class="label">Active events</div>'
            '<div class="figure">–<small>not known yet</small></div></div>'
        )
    counts = "".join(
        f'<span class="{"" if kpis.alarms.get(priority) else "zero"}">'
        f"{badge(priority) if kpis.alarms.get(priority) else _empty(priority)}"
        f"{kpis.alarms.get(priority, 0)}</span>"
        for priority in _ALARM_PRIORITIES
    )
    return (
        '<div class="tile broad"><div class="label">Active events</div>'
        f'<div class="badges">{counts}</div></div>'
    )


def _empty(priority: Priority) -> str:
    shape = {
        Priority.HIGH: '<rect x="1.5" y="1.5" width="15" height="15"',
        Priority.MEDIUM: '<path d="M9 1.5 16.5 16 1.5 16Z"',
        Priority.LOW: '<circle cx="9" cy="9" r="7.5"',
    }[priority]
    return (
        f'<svg class="badge" viewBox="0 0 18 18" aria-label="{priority}">{shape} fill="none" '
        'stroke="#aab3b8" stroke-width="1.5"/></svg>'
    )
