"""What a panel is, and what it may use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from control.limits import SetpointLimits
from ui.answers import Said
from ui.commands import Outcome, Wish
from ui.drawing import Div, InlineStyleSheet, LayoutDOM
from ui.layout import LineLayout
from ui.quantities import Quantity
from ui.roles import Person
from ui.snapshot import Snapshot
from ui.treating import Treatment

_THEME: Final = Path(__file__).parent / "theme"
PANEL_CSS: Final = (_THEME / "panel.css").read_text(encoding="utf-8")
CONTROLS_CSS: Final = (_THEME / "controls.css").read_text(encoding="utf-8")

Ask = Callable[[Wish, Callable[[Outcome], None]], None]
Treat = Callable[[Treatment, Callable[[Said], None]], None]


class Panel(Protocol):
    """A part of a page.

    Attributes:
        interval_s: how often it wants to be updated, at most.
        root: what is put on the page.
    """

    interval_s: float

    @property
    def root(self) -> LayoutDOM: ...

    def update(self, snapshot: Snapshot, /) -> None:
        """Show `snapshot`; send nothing where nothing changed."""
        ...


@dataclass
class Selection:
    """What this screen looks at: one cell, one quantity of the map. Listeners hear of a change.

    Attributes:
        window_h: span of the trends, hours of the plant.
        stands_at_s: plant time at which the trends end; None where they go with the plant.
    """

    cell: int
    quantity: str
    window_h: float
    stands_at_s: float | None = None
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after every change."""
        self._listeners.append(listener)

    def choose(
        self, *, cell: int | None = None, quantity: str | None = None, window_h: float | None = None
    ) -> None:
        """Look at something else; what is None stays. A span of time is followed once chosen."""
        wanted = (
            self.cell if cell is None else cell,
            self.quantity if quantity is None else quantity,
            self.window_h if window_h is None else window_h,
        )
        stands_at_s = self.stands_at_s if window_h is None else None
        if (*wanted, stands_at_s) == (self.cell, self.quantity, self.window_h, self.stands_at_s):
            return
        self.cell, self.quantity, self.window_h = wanted
        self.stands_at_s = stands_at_s
        self._tell()

    def stand_at(self, plant_s: float | None) -> None:
        """Let the trends end at a plant time, or go with the plant again."""
        if self.stands_at_s != plant_s:
            self.stands_at_s = plant_s
            self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


@dataclass(frozen=True)
class Desk:
    """What the panels of one screen share.

    Attributes:
        quantities: with the normal bands of this plant.
        columns: of the trend rows, in their order.
        setpoints: of the plant file.
        who: who sits at the screen now.
        ask: gives a command in their name; its outcome comes back on this screen's own turn.
        treat: does something about alarms in their name; what came of it comes back likewise.
    """

    layout: LineLayout
    quantities: tuple[Quantity, ...]
    columns: tuple[str, ...]
    who: Callable[[], Person]
    selection: Selection
    setpoints: tuple[SetpointLimits, ...]
    ask: Ask
    treat: Treat

    def quantity(self, name: str) -> Quantity:
        """Return a quantity by its name."""
        return next(quantity for quantity in self.quantities if quantity.name == name)


PanelMaker = Callable[[Desk], Panel]


def set_changed(model: LayoutDOM, **wanted: object) -> None:
    """Set properties that differ, so that nothing is sent that does not change."""
    for name, value in wanted.items():
        if getattr(model, name) != value:
            setattr(model, name, value)


class TextPanel:
    """A panel that is one piece of HTML; it is sent only when it changes."""

    interval_s = 1.0

    def __init__(self) -> None:
        self._div = Div(
            text="",
            sizing_mode="stretch_width",
            margin=0,
            disable_math=True,
            stylesheets=[InlineStyleSheet(css=PANEL_CSS)],
        )

    @property
    def root(self) -> LayoutDOM:
        root: LayoutDOM = self._div
        return root

    def _show(self, html: str) -> None:
        if html != self._div.text:
            self._div.text = html
