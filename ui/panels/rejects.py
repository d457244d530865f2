"""What was turned away, by reason, with the newest examples as they came."""

from datetime import UTC, datetime

import numpy as np

from ui.markup import text
from ui.panel import Desk, TextPanel
from ui.picture import RejectExample
from ui.snapshot import Snapshot

_SHOWN = 12


class RejectsPanel(TextPanel):
    """Counts by reason, and the newest rejected samples and messages."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def update(self, snapshot: Snapshot) -> None:
        samples, messages = snapshot.line.rejected, snapshot.line.refused
        reasons = sorted(
            {**samples, **messages},
            key=lambda reason: (-samples.get(reason, 0), -messages.get(reason, 0)),
        )
        if reasons:
            counts = "".join(
                f'<tr><td>{text(reason)}</td><td class="num">{samples.get(reason, 0):,}</td>'
                f'<td class="num">{messages.get(reason, 0):,}</td></tr>'
                for reason in reasons
            )
            counts = (
                '<table style="max-width:460px"><tr><th>reason</th><th class="num">samples</th>'
                f'<th class="num">messages, whole</th></tr>{counts}</table>'
            )
        else:
            counts = '<div class="none">Every sample has been accepted.</div>'
        examples = "".join(_example(e) for e in reversed(snapshot.line.examples[-_SHOWN:]))
        head = "".join(
            f"<th>{name}</th>" for name in ("wall time UTC", "reason", "cell", "what", "message")
        )
        table = (
            '<h2 style="margin-top:16px">Newest examples</h2><div class="scroll">'
            f"<table><tr>{head}</tr>{examples}</table></div>"
            if examples
            else ""
        )
        self._show(f"<h2>Rejected, by reason</h2>{counts}{table}")


def _example(example: RejectExample) -> str:
    when = datetime.fromtimestamp(example.t_rejected_ns / 1e9, UTC).strftime("%H:%M:%S")
    value = "" if np.isnan(example.value) else f" = {example.value:g}"
    what = text(f"{example.signal}{value}") if example.signal else text(example.original)
    detail = f'<br><span class="muted">{text(example.detail)}</span>' if example.detail else ""
    return (
        f'<tr><td class="time">{when}</td><td>{text(example.reason)}{detail}</td>'
        f'<td class="num">{"" if example.cell < 0 else example.cell}</td>'
        f'<td class="raw">{what}</td><td class="time">{text(example.where)}</td></tr>'
    )
