"""The page table: every page, who may see it, the question that it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ui.panel import PanelMaker
from ui.panels.alarms import AlarmsPanel
from ui.panels.cell import CellPanel
from ui.panels.counts import CountsPanel
from ui.panels.flow import FlowPanel
from ui.panels.header import HeaderPanel
from ui.panels.journal import JournalPanel
from ui.panels.map import MapPanel
from ui.panels.mode import ModePanel
from ui.panels.picker import PickerPanel
from ui.panels.profile import ProfilePanel
from ui.panels.rejects import RejectsPanel
from ui.panels.trends import TrendsPanel
from ui.roles import Role


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        key: names the arrangement of its panels in the style sheet.
        interval_ms: how often it looks for news.
        panels: place on the page -> what makes the panel.
    """

    key: str
    route: str
    title: str
    question: str
    roles: frozenset[Role]
    interval_ms: int
    panels: Mapping[str, PanelMaker]


_ALL: Final = frozenset(Role)

PAGES: Final = (
    Page(
        key="line",
        route="/",
        title="Line",
        question="Is the line well, and which cell needs me?",
        roles=_ALL,
        interval_ms=500,
        panels={
            "header": HeaderPanel,
            "map": MapPanel,
            "cell": CellPanel,
            "profile": ProfilePanel,
            "mode": ModePanel,
            "alarms": AlarmsPanel,
        },
    ),
    Page(
        key="cell",
        route="/cell",
        title="Cell",
        question="What did this cell do, what does the controller want, and did it obey?",
        roles=_ALL,
        interval_ms=500,
        panels={
            "header": HeaderPanel,
            "picker": PickerPanel,
            "trends": TrendsPanel,
            "cell": CellPanel,
            "mode": ModePanel,
        },
    ),
    Page(
        key="events",
        route="/events",
        title="Events",
        question="What happened, and what is to be done about it?",
        roles=_ALL,
        interval_ms=1000,
        panels={"header": HeaderPanel, "journal": JournalPanel, "alarms": AlarmsPanel},
    ),
    Page(
        key="health",
        route="/health",
        title="Health",
        question="Does the loop itself work: who is silent, what is turned away, how late is it?",
        roles=_ALL,
        interval_ms=1000,
        panels={
            "header": HeaderPanel,
            "flow": FlowPanel,
            "rejects": RejectsPanel,
            "counts": CountsPanel,
        },
    ),
)
