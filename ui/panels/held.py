"""What people hold by hand anywhere on the line, each with whose it is and how long it lasts."""

from ui.markup import lasting, text
from ui.panel import Desk, TextPanel
from ui.snapshot import Snapshot
from ui.standing import left_s, none_stands, number_of, setpoint_label, standing_overrides


class HeldPanel(TextPanel):
    """The overrides that stand; the cell page gives them back."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._units = {row.name: row.unit for row in desk.setpoints}

    def update(self, snapshot: Snapshot) -> None:
        rows = ""
        for event in standing_overrides(snapshot):
            name = str(event.details.get("setpoint", ""))
            figure = f"{number_of(event, 'value'):g} {self._units.get(name, '')}"
            rows += (
                f'<tr><td><a href="/cell?cell={event.cell}">Cell {event.cell}</a></td>'
                f"<td>{text(setpoint_label(name))}</td><td>{text(figure)}</td>"
                f"<td>{text(event.details.get('who', ''))}</td>"
                f"<td>{text(event.details.get('reason', ''))}</td>"
                f'<td class="time num">{lasting(left_s(event, snapshot.now_ns))}</td></tr>'
            )
        head = (
            "<tr><th>cell</th><th>setpoint</th><th>held at</th><th>by</th><th>reason</th>"
            '<th class="num">time left</th></tr>'
        )
        body = f'<div class="scroll"><table>{head}{rows}</table></div>'
        none = f'<div class="none">{none_stands(snapshot, "Nothing is held by hand.")}</div>'
        self._show(
            "<h2>Held by hand<small>set and given back on the page of the cell</small></h2>"
            + (body if rows else none)
        )
