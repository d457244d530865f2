"""The books of the line since the feed began: what came, what was turned away or moved."""

from ui.markup import text
from ui.panel import Desk, TextPanel
from ui.snapshot import Snapshot


class CountsPanel(TextPanel):
    """Counters, and the frames of every section."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def update(self, snapshot: Snapshot) -> None:
        line = snapshot.line
        moves = {f"moves {state}": number for state, number in sorted(line.moves.items())}
        counters = {
            "samples accepted": line.points_accepted,
            "samples rejected": sum(line.rejected.values()),
            "messages refused whole": sum(line.refused.values()),
            "proposals": line.proposals,
            "of these, by a fallback": line.fallbacks,
            **moves,
            "dead letters": line.dead_letters,
            "unreadable messages": line.unreadable,
            "records seen again": line.repeated,
        }
        rows = "".join(
            f'<tr><td>{text(name)}</td><td class="num">{number:,}</td></tr>'
            for name, number in counters.items()
        )
        sections = "".join(
            f"<tr><td>{section.section}</td><td>{section.cells[0]}–{section.cells[-1]}</td>"
            f'<td class="num">{section.frames_applied:,}</td>'
            f'<td class="num">{section.frames_skipped:,}</td>'
            f'<td class="num">{section.frames_missing:,}</td></tr>'
            for section in snapshot.sections.values()
        )
        self._show(
            "<h2>Counted<small>since the feed began, and the minutes that it read back</small></h2>"
            f"<table>{rows}</table>"
            '<h2 style="margin-top:16px">Frames in the estimate</h2><table><tr><th>section</th>'
            '<th>cells</th><th class="num">applied</th><th class="num">seen again</th>'
            f'<th class="num">missing</th></tr>{sections}</table>'
        )
