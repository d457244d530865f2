"""Small pieces of HTML and SVG: badges, chips, analogue bars, sparklines. Text is escaped here."""

from html import escape
from typing import Final

import numpy as np

from control.events import Priority
from control.modes import Mode
from ui.picture import F64

TEXT: Final = "#263038"
MUTED: Final = "#56626a"
NORMAL: Final = "#cbd1d4"
LOW: Final = "#2b6cb0"
HIGH: Final = "#c8640f"

# Shape, number and colour say the same thing three times: nobody depends on colour alone.
PRIORITY_COLOUR: Final = {
    Priority.HIGH: "#b3121a",
    Priority.MEDIUM: "#d9580b",
    Priority.LOW: "#f0c000",
    Priority.JOURNAL: "#8b959b",
}
PRIORITY_MARK: Final = {
    Priority.HIGH: "1",
    Priority.MEDIUM: "2",
    Priority.LOW: "3",
    Priority.JOURNAL: "·",
}
PRIORITY_SHAPE: Final = {
    Priority.HIGH: '<rect x="1" y="1" width="16" height="16" fill="{c}"/>',
    Priority.MEDIUM: '<path d="M9 0.5 17.5 17 0.5 17Z" fill="{c}"/>',
    Priority.LOW: '<circle cx="9" cy="9" r="8.2" fill="{c}" stroke="#8a6d00"/>',
    Priority.JOURNAL: '<rect x="4" y="8" width="10" height="2" fill="{c}"/>',
}
MODE_LETTER: Final[dict[Mode | None, str]] = {
    Mode.AUTO: "A",
    Mode.READY: "R",
    Mode.WARM: "W",
    Mode.ADVISORY: "V",
    Mode.OFF: "O",
    Mode.MANUAL: "M",
    Mode.HOLD: "H",
    Mode.SHED: "S",
    Mode.TRIPPED: "T",
    None: "–",
}
MODE_MEANING: Final[dict[Mode | None, str]] = {
    Mode.AUTO: "The optimiser's moves are checked and written.",
    Mode.READY: "On the way to AUTO: waits until everything that it needs is there.",
    Mode.WARM: "On the way to AUTO: moves are judged, not written yet.",
    Mode.ADVISORY: "Moves are proposed and shown, not written.",
    Mode.OFF: "Switched off by a person; the optimiser writes nothing.",
    Mode.MANUAL: "Operator or local control; the optimiser writes nothing.",
    Mode.HOLD: "The last setpoints are kept.",
    Mode.SHED: "Handed back to the cell's local control.",
    Mode.TRIPPED: "Latched: a person must reset it.",
    None: "The guard has not said who moves this cell.",
}
_ABNORMAL: Final = {Mode.SHED, Mode.TRIPPED}


def badge(priority: Priority) -> str:
    """Return the mark of a priority."""
    shape = PRIORITY_SHAPE[priority].format(c=PRIORITY_COLOUR[priority])
    ink = "#263038" if priority is Priority.LOW else "#fff"
    mark = "" if priority is Priority.JOURNAL else PRIORITY_MARK[priority]
    drop = 14.6 if priority is Priority.MEDIUM else 13.2
    return (
        f'<svg class="badge" viewBox="0 0 18 18" role="img" aria-label="{priority}">{shape}'
        f'<text x="9" y="{drop}" font-size="11" font-weight="700" text-anchor="middle" '
        f'fill="{ink}">{mark}</text></svg>'
    )


def chip(mode: Mode | None, *, is_old: bool = False) -> str:
    """Return a mode as a word in its frame: AUTO is quiet, the rest stands out; one that is only
    what was said last is grey, with a question mark."""
    if is_old and mode is not None:
        return f'<span class="chip old" title="the guard is silent">{mode}?</span>'
    kind = "" if mode is Mode.AUTO else " bad" if mode in _ABNORMAL else " off"
    return f'<span class="chip{kind}">{mode or "no mode yet"}</span>'


def age(seconds: float) -> str:
    """Return an age as people say it."""
    if not np.isfinite(seconds):
        return "never"
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    if seconds < 5940:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def lasting(seconds: float) -> str:
    """Return for how long something still stands, in whole minutes: what changes is sent again."""
    if not np.isfinite(seconds):
        return "no end"
    if seconds <= 0.0:
        return "over"
    minutes = int(seconds // 60)
    if minutes < 1:
        return "less than 1 min"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def analogue_bar(
    value: float,
    low: float,
    high: float,
    fade: float,
    *,
    sd: float = float("nan"),
    setpoint: float = float("nan"),
    width: int = 118,
) -> str:
    """Return a bar that shows a figure against its normal band.

    Args:
        low, high: the band, dark grey; the bar goes on by `fade` at either side.
        sd: standard deviation of an estimate, drawn as plus and minus two.
        setpoint: drawn as a tick across.
    """
    start, stop = low - fade, high + fade
    if not np.isfinite([start, stop]).all() or stop <= start:
        return f'<svg width="{width}" height="16"></svg>'

    def at(figure: float) -> float:
        share = float(np.clip((figure - start) / (stop - start), 0.0, 1.0))
        return round(share * (width - 10), 1) + 5

    parts = [
        f'<rect x="5" y="5" width="{width - 10}" height="6" fill="#e0e4e6"/>',
        f'<rect x="{at(low)}" y="5" width="{max(at(high) - at(low), 1):.1f}" height="6" '
        'fill="#bcc4c8"/>',
    ]
    if np.isfinite(value):
        if np.isfinite(sd):
            left, right = at(value - 2 * sd), at(value + 2 * sd)
            parts.append(
                f'<rect x="{left}" y="7" width="{max(right - left, 1):.1f}" height="2" '
                'fill="#6f7d86"/>'
            )
        colour = LOW if value < low else HIGH if value > high else TEXT
        x = at(value)
        parts.append(f'<path d="M{x} 2l4.5 6-4.5 6-4.5-6Z" fill="{colour}"/>')
    if np.isfinite(setpoint):
        x = at(setpoint)
        parts.append(
            f'<path d="M{x} 0v16" stroke="{TEXT}" stroke-width="1.5" stroke-dasharray="3 2"/>'
        )
    return f'<svg width="{width}" height="16" aria-hidden="true">{"".join(parts)}</svg>'


def sparkline(values: F64, *, span: float, width: int = 76, height: int = 18) -> str:
    """Return a small trend, newest at the right.

    Args:
        values: (T,) evenly spaced; NaN leaves a gap.
        span: smallest range that fills the height, so that noise stays small.
    """
    known = np.isfinite(values)
    if known.sum() < 2:
        return f'<svg width="{width}" height="{height}"></svg>'
    low, high = float(values[known].min()), float(values[known].max())
    middle, reach = (low + high) / 2, max(high - low, span) / 2
    x = np.linspace(1, width - 3, len(values))[known]
    y = (height - 3) * (0.5 - (values[known] - middle) / (2 * reach)) + 1.5
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return (
        f'<svg width="{width}" height="{height}" aria-hidden="true"><polyline points="{points}" '
        f'fill="none" stroke="#6f7d86" stroke-width="1.2"/>'
        f'<circle cx="{x[-1]:.1f}" cy="{y[-1]:.1f}" r="2" fill="{TEXT}"/></svg>'
    )


def text(words: object) -> str:
    """Return words that came from elsewhere, made harmless."""
    return escape(str(words))
