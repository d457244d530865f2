"""One cell at a glance: its figures against their normal bands, why the controller does what it
does, and how its newest moves fared."""

from typing import Final

import numpy as np

from stream.records import Move, MoveState
from ui.markup import age, analogue_bar, chip, sparkline, text
from ui.panel import Desk, TextPanel
from ui.quantities import Quantity, band
from ui.snapshot import Snapshot

_SPARK_ROWS: Final = 120
_SAID: Final = {
    MoveState.HELD: "held",
    MoveState.INTENT: "being written",
    MoveState.VERIFIED: "verified",
    MoveState.FAILED: "failed",
    MoveState.EXPIRED: "expired",
}


class CellPanel(TextPanel):
    """The selected cell."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def update(self, snapshot: Snapshot) -> None:
        cell = self._desk.selection.cell
        at = snapshot.layout.index[cell]
        age_s = float(snapshot.age_s[at])
        note = ""
        if snapshot.is_stale[at]:
            note = f"data {age(age_s)} old" if np.isfinite(age_s) else "no data yet"
        mode = chip(snapshot.modes[at], is_old=bool(snapshot.is_mode_old[at]))
        head = (
            f'<div class="cellhead"><b>Cell {cell}</b>{mode}'
            f'<span class="muted">{note}</span><a href="/cell?cell={cell}">trends</a></div>'
        )
        rows = "".join(
            self._row(snapshot, quantity, cell, at) for quantity in self._desk.quantities
        )
        reason = snapshot.reasons[at]
        solver = snapshot.solver[at]
        why = (
            f'<div class="why"><span class="muted">{text(solver)}:</span> {text(reason)}</div>'
            if reason
            else '<div class="why muted">The controller has proposed nothing yet.</div>'
        )
        self._show(f'{head}<table class="bars">{rows}</table>{why}{self._moves(snapshot, cell)}')

    def _row(self, snapshot: Snapshot, quantity: Quantity, cell: int, at: int) -> str:
        value = snapshot.of(cell, quantity.column)
        low, high = band(quantity, snapshot.fresh(quantity.column))
        is_old = snapshot.old(quantity.column)[at]
        sd = float("nan")
        if quantity.measured is None and quantity.estimated is not None:
            sd = snapshot.of(cell, quantity.sd_column)
        setpoint = float("nan")
        if quantity.setpoint is not None:
            setpoint = snapshot.of(cell, f"applied.{quantity.setpoint}")
        bar = analogue_bar(value, low, high, quantity.fade, sd=sd, setpoint=setpoint)
        spark = sparkline(self._history(snapshot, quantity, cell), span=quantity.smallest_span)
        stale = ' class="stale"' if is_old else ""
        mark = "?" if is_old and np.isfinite(value) else ""
        return (
            f'<tr{stale}><td class="q">{quantity.short}</td><td class="v">{quantity.text(value)}'
            f"{mark} <small>{quantity.unit}</small></td><td>{bar}</td><td>{spark}</td></tr>"
        )

    def _history(self, snapshot: Snapshot, quantity: Quantity, cell: int) -> np.ndarray:
        section, position = snapshot.layout.place[cell]
        # The history is evenly spaced; its end is the newest row.
        rows = (
            snapshot.history.get(section, ())[-_SPARK_ROWS:] + snapshot.trends.get(section, ())[-1:]
        )
        if not rows or quantity.column not in self._desk.columns:
            return np.zeros(0)
        column = self._desk.columns.index(quantity.column)
        return np.array([row.values[position, column] for row in rows], dtype=np.float64)

    def _moves(self, snapshot: Snapshot, cell: int) -> str:
        number, position = snapshot.layout.place[cell]
        section = snapshot.sections.get(number)
        if section is None:
            return ""
        rows = []
        for quantity in self._desk.quantities:
            move = section.moves.get(f"{position}/{quantity.setpoint}")
            if move is not None:
                rows.append(_move(quantity, move, snapshot.now_ns))
        if not rows:
            return ""
        head = "".join(f"<th>{name}</th>" for name in ("move", "asked", "applied", ""))
        return f'<table class="moves"><tr>{head}</tr>{"".join(rows)}</table>'


def _move(quantity: Quantity, move: Move, now_ns: int) -> str:
    applied = "–" if move.applied is None else f"{move.applied:.1f}"
    newest = max(move.t_permitted_ns, move.t_written_ns or 0, move.t_verified_ns or 0)
    # Moves come every few seconds; a figure that ticked each second would be all that one sees.
    seconds = max(now_ns - newest, 0) / 1e9 // 5 * 5
    when = f"{age(seconds)} ago" if seconds else "just now"
    why = text("; ".join(move.reasons)) if move.state is not MoveState.VERIFIED else ""
    return (
        f"<tr><td>{quantity.short}</td><td>{move.asked:.1f}</td><td>{applied}</td>"
        f"<td>{_SAID[move.state]} {when}{'<br>' + why if why else ''}</td></tr>"
    )
