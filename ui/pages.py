"""The page table: every page and the question that it answers. Everybody may look at all."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ui.panel import PanelMaker
from ui.panels.alarms import AlarmsPanel
from ui.panels.bypass import BypassPanel
from ui.panels.cell import CellPanel
from ui.panels.counts import CountsPanel
from ui.panels.flow import FlowPanel
from ui.panels.header import HeaderPanel
from ui.panels.held import HeldPanel
from ui.panels.journal import JournalPanel
from ui.panels.limits import LimitsPanel
from ui.panels.map import MapPanel
from ui.panels.mode import ModePanel
from ui.panels.override import OverridePanel
from ui.panels.picker import PickerPanel
from ui.panels.profile import ProfilePanel
from ui.panels.rejects import RejectsPanel
from ui.panels.switch import SwitchPanel
from ui.panels.treat import TreatPanel
from ui.panels.trends import TrendsPanel


class Column(StrEnum):
    """Where on a page a panel stands; panels of a column stand one below the other."""

    WIDE = "wide"  # above all, from edge to edge
    MAIN = "main"
    SIDE = "side"  # at the right; below the rest on a narrow screen


@dataclass(frozen=True, slots=True)
class Place:
    """A panel on a page."""

    name: str
    make: PanelMaker
    column: Column


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        key: names the page in the style sheet.
        interval_ms: how often it looks for news.
    """

    key: str
    route: str
    title: str
    question: str
    interval_ms: int
    panels: tuple[Place, ...]


PAGES: Final = (
    Page(
        key="line",
        route="/",
        title="Line",
        question="Is the line well, and which cell needs me?",
        interval_ms=500,
        panels=(
            Place("header", HeaderPanel, Column.WIDE),
            Place("map", MapPanel, Column.MAIN),
            Place("cell", CellPanel, Column.SIDE),
            Place("profile", ProfilePanel, Column.MAIN),
            Place("mode", ModePanel, Column.SIDE),
            Place("alarms", AlarmsPanel, Column.MAIN),
        ),
    ),
    Page(
        key="cell",
        route="/cell",
        title="Cell",
        question="What did this cell do, what does the controller want, and did it obey?",
        interval_ms=500,
        panels=(
            Place("header", HeaderPanel, Column.WIDE),
            Place("picker", PickerPanel, Column.WIDE),
            Place("trends", TrendsPanel, Column.MAIN),
            Place("cell", CellPanel, Column.SIDE),
            Place("mode", ModePanel, Column.SIDE),
            Place("override", OverridePanel, Column.SIDE),
        ),
    ),
    Page(
        key="orders",
        route="/orders",
        title="Orders",
        question="What do people hold, leave out or want changed, and who answers for it?",
        interval_ms=500,
        panels=(
            Place("header", HeaderPanel, Column.WIDE),
            Place("held", HeldPanel, Column.MAIN),
            Place("bypass", BypassPanel, Column.MAIN),
            Place("limits", LimitsPanel, Column.MAIN),
            Place("switch", SwitchPanel, Column.SIDE),
        ),
    ),
    Page(
        key="events",
        route="/events",
        title="Events",
        question="What happened, and what is to be done about it?",
        interval_ms=1000,
        panels=(
            Place("header", HeaderPanel, Column.WIDE),
            Place("journal", JournalPanel, Column.MAIN),
            Place("treat", TreatPanel, Column.SIDE),
            Place("alarms", AlarmsPanel, Column.SIDE),
        ),
    ),
    Page(
        key="health",
        route="/health",
        title="Health",
        question="Does the loop itself work: who is silent, what is turned away, how late is it?",
        interval_ms=1000,
        panels=(
            Place("header", HeaderPanel, Column.WIDE),
            Place("flow", FlowPanel, Column.WIDE),
            Place("rejects", RejectsPanel, Column.MAIN),
            Place("counts", CountsPanel, Column.SIDE),
        ),
    ),
)
