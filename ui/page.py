"""One open page: its panels, each behind a wall, told of news on the page's own turn."""

import logging
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from bokeh.document import Document
from bokeh.themes import Theme
from jinja2 import Environment, FileSystemLoader

from control.limits import SetpointLimits
from ui.answers import Said
from ui.collector import Collector
from ui.commands import CommandDesk, Outcome, Wish
from ui.door import Visit
from ui.drawing import ColumnDataSource, Div, InlineStyleSheet, LayoutDOM, column
from ui.layout import LineLayout
from ui.markup import text
from ui.pages import PAGES, Column, Page
from ui.panel import PANEL_CSS, Desk, Panel, PanelMaker, Selection
from ui.quantities import MAP_QUANTITIES, Quantity
from ui.snapshot import Snapshot
from ui.treating import AlarmDesk, Treatment

_log: Final = logging.getLogger(__name__)
THEME_FOLDER: Final = Path(__file__).parent / "theme"
_THEME: Final = Theme(filename=str(THEME_FOLDER / "potline.yaml"))
_TEMPLATE: Final = Environment(loader=FileSystemLoader(THEME_FOLDER), autoescape=True).get_template(
    "page.html"
)
_FIRST_WINDOW_H: Final = 4.0


class Slot:
    """A place on the page with its panel; a panel that fails says so here and nowhere else."""

    def __init__(self, name: str, maker: PanelMaker, desk: Desk) -> None:
        self._name = name
        self._due_ns = 0
        self._is_broken = False
        self._notice = Div(
            text="", visible=False, disable_math=True, sizing_mode="stretch_width",
            stylesheets=[InlineStyleSheet(css=PANEL_CSS)],
        )  # fmt: skip
        self._panel: Panel | None = None
        parts: list[LayoutDOM] = [self._notice]
        try:
            self._panel = maker(desk)
            parts.insert(0, self._panel.root)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the rest of the page goes on
            _log.exception("Panel %s could not be made", name)
            self._tell(exc)
        self.root = column(*parts, sizing_mode="stretch_width", name=name)

    def update(self, snapshot: Snapshot, *, now: bool = False) -> None:
        """Update the panel if it is due, or `now`."""
        if self._panel is None or (not now and snapshot.now_ns < self._due_ns):
            return
        self._due_ns = snapshot.now_ns + _beat_ns(self._panel.interval_s)
        try:
            self._panel.update(snapshot)
        except Exception as exc:  # noqa: BLE001 - as above
            if not self._is_broken:
                _log.exception("Panel %s failed", self._name)
            self._tell(exc)
        else:
            if self._is_broken:
                self._is_broken = False
                self._notice.visible = False

    def _tell(self, exc: Exception) -> None:
        self._is_broken = True
        self._notice.text = (
            f'<div class="fault">The panel “{text(self._name)}” failed '
            f"({text(type(exc).__name__)}: {text(exc)}); the rest of the page goes on. "
            "Please report it.</div>"
        )
        self._notice.visible = True


class OpenPage:
    """A page in somebody's browser.

    Args:
        document: of the browser's session.
        page: which page.
        visit: of whoever opened it.
        query: of the address: `cell` chooses the cell.
    """

    def __init__(
        self,
        document: Document,
        page: Page,
        *,
        layout: LineLayout,
        quantities: tuple[Quantity, ...],
        columns: tuple[str, ...],
        setpoints: tuple[SetpointLimits, ...],
        visit: Visit,
        collector: Collector,
        command_desk: CommandDesk,
        alarm_desk: AlarmDesk,
        query: Mapping[str, str],
    ) -> None:
        self._document = document
        self._page = page
        self._collector = collector
        self._command_desk = command_desk
        self._alarm_desk = alarm_desk
        self._visit = visit
        self._has_turn = False
        self._is_closed = False
        self._due_ns = 0
        selection = Selection(_asked_cell(layout, query), MAP_QUANTITIES[0], _FIRST_WINDOW_H)
        desk = Desk(
            layout=layout,
            quantities=quantities,
            columns=columns,
            who=lambda: visit.person,
            selection=selection,
            setpoints=setpoints,
            ask=self._ask,
            treat=self._treat,
        )
        self._slots = [Slot(place.name, place.make, desk) for place in page.panels]
        self._beat = ColumnDataSource(
            {"number": [0], "now_ms": [0.0], "t_plant_ms": [0.0], "who": [""], "login": [""]},
            name="heartbeat",
        )
        selection.listen(self._look_elsewhere)
        self._dress(layout, selection.cell)
        for slot in self._slots:
            slot.update(collector.snapshot, now=True)
        with document.models.freeze():  # one walk over all models, not one a root
            for slot in self._slots:
                document.add_root(slot.root)
            document.add_root(self._beat)
        document.on_session_destroyed(self._close)
        collector.subscribe(self._news)

    def _dress(self, layout: LineLayout, cell: int) -> None:
        self._document.title = f"{self._page.title} – {layout.name}"
        self._document.theme = _THEME
        self._document.template = _TEMPLATE
        self._document.template_variables.update(
            plant_name=layout.name,
            metal=layout.metal,
            pages=PAGES,
            route=self._page.route,
            back=f"{self._page.route}?cell={cell}",
            who=self._visit.words,
            login=self._login,
            xsrf=self._visit.xsrf,
            page_key=self._page.key,
            question=self._page.question,
            columns={
                column.value: [place.name for place in self._page.panels if place.column is column]
                for column in Column
            },
        )

    @property
    def _login(self) -> str:
        """Whether this visitor can log in or out; "" where nobody can."""
        if not self._visit.door.has_accounts:
            return ""
        return "out" if self._visit.is_logged_in else "in"

    def _news(self) -> None:
        """Ask for a turn unless one is waiting: a slow screen skips looks, it queues none."""
        if self._collector.snapshot.now_ns < self._due_ns:
            return
        if not self._has_turn and not self._is_closed:
            self._has_turn = True
            self._document.add_next_tick_callback(self._turn)

    def _turn(self) -> None:
        self._has_turn = False
        self._due_ns = self._collector.snapshot.now_ns + _beat_ns(self._page.interval_ms / 1000.0)
        if not self._is_closed:
            self._show(now=False)

    def _look_elsewhere(self) -> None:
        self._show(now=True)

    def _show(self, *, now: bool) -> None:
        snapshot = self._collector.snapshot
        self._document.hold("combine")
        try:
            for slot in self._slots:
                slot.update(snapshot, now=now)
            plant_ms = snapshot.t_plant_s * 1000.0
            self._beat.data = {
                "number": [snapshot.number],
                "now_ms": [snapshot.now_ns / 1e6],
                "t_plant_ms": [plant_ms if math.isfinite(plant_ms) else 0.0],
                "who": [self._visit.words],
                "login": [self._login],
            }
        finally:
            self._document.unhold()

    def _ask(self, wish: Wish, done: Callable[[Outcome], None]) -> None:
        # Who that is now, not who it was when the page was opened.
        self._command_desk.ask(
            self._visit.use(), wish, lambda outcome: self._schedule(partial(done, outcome))
        )

    def _treat(self, treatment: Treatment, done: Callable[[Said], None]) -> None:
        self._alarm_desk.treat(
            self._visit.use(),
            self._collector.snapshot.alarms,
            treatment,
            lambda said: self._schedule(partial(done, said)),
        )

    def _schedule(self, action: Callable[[], None]) -> None:
        if not self._is_closed:
            self._document.add_next_tick_callback(action)

    def _close(self, _context: object) -> None:
        self._is_closed = True
        self._collector.unsubscribe(self._news)


def _beat_ns(interval_s: float) -> int:
    """Return the wait until the next beat; looks come a little early or late, so it is less."""
    return int(interval_s * 0.75e9)


def _asked_cell(layout: LineLayout, query: Mapping[str, str]) -> int:
    """Return the cell that the address names, or the first of the line where it names none."""
    asked = query.get("cell", "")
    cell = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else -1
    return cell if cell in layout.place else layout.cells[0]
