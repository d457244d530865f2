"""Does everything move? Who last spoke, and how long a sample takes to become a verified move."""

from typing import Final

import numpy as np

from ui.kpis import quantiles_ms
from ui.markup import age
from ui.panel import Desk, TextPanel
from ui.picture import LATENCY_LENGTH, STAGES
from ui.snapshot import Snapshot

# Process, what proves that it works, and after how long its silence is bad news; None: what the
# control period of the plant says.
_SPEAKERS: Final = (
    ("Gateway", "samples", 5.0),
    ("Loop: screen", "accepted", 5.0),
    ("Loop: estimate", "estimates", 5.0),
    ("Loop: decide", "proposals", None),
    ("Guard", "moves", None),
)


class FlowPanel(TextPanel):
    """Ages of the newest records, latencies by stage, counts of the sections."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def update(self, snapshot: Snapshot) -> None:
        steps = "".join(self._step(snapshot, *speaker) for speaker in _SPEAKERS)
        latencies = "".join(self._latency(snapshot, stage) for stage in STAGES)
        solve = quantiles_ms(snapshot.line.solve_ms)
        self._show(
            '<div class="halves"><div><h2>Who spoke last<small>age of the newest record of each '
            f'step</small></h2><table class="flow">{steps}</table></div>'
            "<div><h2>From the sensor to the verified setpoint<small>wall time since the sample "
            f"was taken, newest {LATENCY_LENGTH} of each stage</small></h2>"
            '<table><tr><th>stage</th><th class="num">median</th><th class="num">95 %</th>'
            f'<th class="num">99 %</th></tr>{latencies}'
            f"<tr><td>solver alone, per cell</td>{_cells(solve)}</tr></table></div></div>"
        )

    def _step(self, snapshot: Snapshot, name: str, topic: str, limit_s: float | None) -> str:
        newest_ns = snapshot.line.newest_ns.get(topic, 0)
        silent_s = (snapshot.now_ns - newest_ns) / 1e9 if newest_ns else float("inf")
        limit_s = snapshot.silence_s if limit_s is None else limit_s
        bad = ' class="bad"' if silent_s > limit_s else ""
        return (
            f'<tr{bad}><td>{name}</td><td class="muted">{topic}</td>'
            f'<td class="num age">{age(max(silent_s, 0.0))}</td></tr>'
        )

    def _latency(self, snapshot: Snapshot, stage: str) -> str:
        return (
            f"<tr><td>{stage}</td>"
            f"{_cells(quantiles_ms(snapshot.line.latency_ms.get(stage, ())))}</tr>"
        )


def _cells(quantiles: tuple[float, ...]) -> str:
    return "".join(
        f'<td class="num">{f"{q:,.1f} ms" if np.isfinite(q) else "–"}</td>' for q in quantiles
    )
