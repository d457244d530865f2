"""Panels and pages without a browser: they draw any picture, and a broken one stays alone."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.events import ButtonClick
from bokeh.models import Button, ColumnDataSource, Div, LayoutDOM, RadioButtonGroup

from control.modes import Mode
from stream.kafka import KafkaConnection
from stream.records import Command, CommandKind, Event
from tests.control.cases import BEAM_LIMITS, FEED_LIMITS
from tests.ui.line_story import SECOND_NS, LineStory, make_event, make_mode_event, make_rejects
from ui.collector import Collector
from ui.commands import CommandDesk, Outcome, Refused, Sent, Wish, make_commands
from ui.door import Door, Visit
from ui.fold import (
    fold_accepted,
    fold_estimates,
    fold_event,
    fold_move,
    fold_proposal,
    fold_rejects,
)
from ui.layout import LineLayout
from ui.page import OpenPage
from ui.pages import PAGES, Column, Page, Place
from ui.panel import Desk, Selection
from ui.panels.header import HeaderPanel
from ui.panels.map import MapPanel
from ui.panels.mode import ModePanel
from ui.panels.override import OverridePanel
from ui.panels.picker import PickerPanel
from ui.panels.trends import TrendsPanel
from ui.picture import Picture, init_picture
from ui.quantities import QUANTITIES, trend_columns
from ui.roles import Person, Role
from ui.snapshot import Snapshot, blank_snapshot, take_snapshot
from ui.store import Reading
from ui.treating import AlarmDesk

LAYOUT = LineLayout("REF", "aluminium", (tuple(range(1, 13)), tuple(range(13, 25))))
COLUMNS = trend_columns()
NOW_NS = 1_790_000_000 * SECOND_NS
SETPOINTS = (FEED_LIMITS, BEAM_LIMITS)


def make_command(layout: LineLayout, person: Person, wish: Wish, now_ns: int) -> Command | Refused:
    made = make_commands(layout, person, wish, now_ns)
    return made if isinstance(made, Refused) else made[0]


def told(steps: int, picture: Picture | None = None, start: int = 0) -> Picture:
    picture = init_picture(LAYOUT.sections, COLUMNS) if picture is None else picture
    for number, cells in enumerate(LAYOUT.sections):
        story = LineStory(number, cells, lean=frozenset({5}), dead=frozenset({14}))
        for step in range(start, start + steps):
            now_ns = NOW_NS + step * SECOND_NS
            picture = fold_accepted(picture, story.accepted(step, now_ns))
            picture = fold_estimates(picture, story.estimate(step, now_ns))
            proposal = story.proposal(step, cells[0], now_ns)
            picture = fold_proposal(picture, proposal)
            for move in story.moves(proposal, Mode.AUTO, now_ns):
                picture = fold_move(picture, move)
    return picture


def eventful(picture: Picture) -> Picture:
    events = [
        make_event("samples_stale", NOW_NS, number=1, active=True, cell=14, age_s=9.0),
        make_event(
            "move_held", NOW_NS, number=2, active=True, cell=5, setpoint="feed", reason="<b>"
        ),
        make_mode_event(3, Mode.MANUAL, NOW_NS + 60 * SECOND_NS, number=3),
        make_mode_event(4, Mode.SHED, NOW_NS + 60 * SECOND_NS, number=4),
    ]
    for event in events:
        picture = fold_event(picture, event)
    return fold_rejects(picture, make_rejects(3, NOW_NS))


def snapshot_of(picture: Picture, *, number: int = 1, after_s: float = 0.0) -> Snapshot:
    newest = max(section.t_estimated_ns for section in picture.sections) or NOW_NS
    now_ns = newest + int(after_s * SECOND_NS)
    return take_snapshot(LAYOUT, reading_of(picture), number=number, now_ns=now_ns, max_age_s=5.0)


def reading_of(picture: Picture) -> Reading:
    return Reading(
        life=1,
        written_ns=max(section.t_estimated_ns for section in picture.sections) or NOW_NS,
        versions={},
        line=picture.line,
        sections=dict(enumerate(picture.sections)),
        trends=dict(enumerate(picture.trends)),
        history=dict(enumerate(picture.history)),
    )


@dataclass
class Asked:
    """Takes what a panel asks of the guard, and answers when told to."""

    answer: Outcome | None = None
    wishes: tuple[Wish, ...] = ()

    @property
    def modes(self) -> tuple[tuple[int, Mode | None, str], ...]:
        return tuple((wish.cell, wish.mode, wish.reason) for wish in self.wishes)

    def ask(self, wish: Wish, done: object) -> None:
        self.wishes = (*self.wishes, wish)
        self.done = done

    def say(self, outcome: Outcome) -> None:
        self.done(outcome)  # type: ignore[operator]


def desk_of(asked: Asked | None = None, cell: int = 5) -> Desk:
    return Desk(
        layout=LAYOUT,
        quantities=QUANTITIES,
        columns=COLUMNS,
        who=lambda: Person("ann", Role.OPERATOR),
        selection=Selection(cell, "alumina", 4.0),
        setpoints=SETPOINTS,
        ask=(asked or Asked()).ask,
        treat=lambda _treatment, _done: None,
    )


def open_page(
    page: Page, snapshot: Snapshot | None = None, **query: str
) -> tuple[Document, Collector]:
    collector = Collector("redis://127.0.0.1:1/0", LAYOUT, 0.5, 5.0)
    if snapshot is not None:
        collector.show(snapshot)
    document = Document()
    OpenPage(
        document,
        page,
        layout=LAYOUT,
        quantities=QUANTITIES,
        columns=COLUMNS,
        setpoints=SETPOINTS,
        visit=Visit(Door(Person("ann", Role.OPERATOR))),
        collector=collector,
        command_desk=CommandDesk(KafkaConnection("kafka://127.0.0.1:1"), LAYOUT, 3),
        alarm_desk=AlarmDesk(KafkaConnection("kafka://127.0.0.1:1")),
        query=query,
    )
    return document, collector


def take_turns(document: Document) -> int:
    callbacks = document.session_callbacks
    for callback in callbacks:
        document.remove_next_tick_callback(callback)
        callback.callback()
    return len(callbacks)


def faults(document: Document) -> list[str]:
    return [
        model.text
        for root in document.roots
        for model in root.select({"type": Div})
        if model.visible and 'class="fault"' in model.text
    ]


def words(document: Document) -> str:
    return " ".join(model.text for root in document.roots for model in root.select({"type": Div}))


SNAPSHOTS = {
    "nothing known": blank_snapshot(LAYOUT),
    "running": snapshot_of(told(3)),
    "eventful": snapshot_of(eventful(told(3))),
    "stale": snapshot_of(eventful(told(3)), after_s=100.0),
    "without Redis": replace(snapshot_of(told(2)), link="No Redis at redis://x: ..."),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
@pytest.mark.parametrize("state", SNAPSHOTS)
def test_every_page_draws_every_state_of_the_line(page: Page, state: str) -> None:
    document, collector = open_page(page, SNAPSHOTS[state])
    collector.show(SNAPSHOTS["eventful"])
    assert take_turns(document) == 1
    assert faults(document) == []
    assert {root.name for root in document.roots} == {p.name for p in page.panels} | {"heartbeat"}
    document.validate()


def test_pages_and_routes_are_each_one() -> None:
    assert len({page.route for page in PAGES}) == len({page.key for page in PAGES}) == len(PAGES)
    assert all(page.question.endswith("?") for page in PAGES)
    assert all(page.panels[0].make is HeaderPanel for page in PAGES)
    assert all(len({p.name for p in page.panels}) == len(page.panels) for page in PAGES)


def test_what_began_what_ended_and_what_simply_happened_are_drawn_apart() -> None:
    picture = told(3)
    stale = {"section": 0, "age_s": 6.0}
    for event in (
        make_event("samples_stale", NOW_NS, number=2, active=True, **stale),
        make_event("samples_stale", NOW_NS + 90 * SECOND_NS, number=3, **stale),
        make_mode_event(4, Mode.MANUAL, NOW_NS, number=4),
    ):
        picture = fold_event(picture, event)
    pages = {page.key: page for page in PAGES}
    document, _ = open_page(pages["events"], snapshot_of(picture))
    rows = [row for row in words(document).split("<tr") if "</td>" in row]
    ended = [row for row in rows if row.startswith(' class="ended"')]
    assert ended
    assert all("<b>ended</b> after 90 s: No fresh samples" in row for row in ended)
    changed = [row for row in rows if "MANUAL by operator" in row]
    assert changed
    assert all("began" not in row and "ended" not in row for row in changed)


def test_what_comes_from_elsewhere_is_escaped_on_the_page() -> None:
    pages = {page.key: page for page in PAGES}
    document, _ = open_page(pages["health"], SNAPSHOTS["eventful"])
    assert "<script>" not in words(document)
    assert "&lt;script&gt;" in words(document)
    document, _ = open_page(pages["events"], SNAPSHOTS["eventful"])
    assert "held: <b>" not in words(document)


class _BreaksWhenMade(HeaderPanel):
    def __init__(self, _desk: Desk) -> None:
        raise RuntimeError("cannot be <made>")


class _BreaksNow(HeaderPanel):
    is_broken = True

    def update(self, snapshot: Snapshot) -> None:
        if type(self).is_broken:
            raise ValueError("cannot be shown")
        super().update(snapshot)


def test_a_broken_panel_says_so_and_the_page_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    page = replace(
        PAGES[0],
        panels=(
            Place("header", HeaderPanel, Column.WIDE),
            Place("map", _BreaksWhenMade, Column.MAIN),
            Place("cell", _BreaksNow, Column.SIDE),
        ),
    )
    _BreaksNow.is_broken = True
    document, collector = open_page(page, SNAPSHOTS["running"])
    shown = faults(document)
    assert len(shown) == 2
    assert "RuntimeError: cannot be &lt;made&gt;" in shown[0] + shown[1]
    assert "ValueError: cannot be shown" in shown[0] + shown[1]
    assert "Line current" in words(document)
    assert caplog.text.count("Panel cell failed") == 1
    _BreaksNow.is_broken = False
    later = replace(SNAPSHOTS["running"], now_ns=NOW_NS + 100 * SECOND_NS)
    collector.show(later)
    take_turns(document)
    assert len(faults(document)) == 1


def test_a_slow_screen_skips_looks_and_queues_none() -> None:
    document, collector = open_page(PAGES[0], SNAPSHOTS["running"])
    for number in range(50):
        collector.show(replace(SNAPSHOTS["running"], number=number))
    assert len(document.session_callbacks) == 1
    take_turns(document)
    beat = document.get_model_by_name("heartbeat")
    assert isinstance(beat, ColumnDataSource)
    assert beat.data["number"] == [49]


@pytest.mark.parametrize(
    ("query", "cell"), [("17", 17), ("0", 1), ("99", 1), ("x", 1), ("²", 1), ("1" * 40, 1)]
)
def test_cell_of_the_address_is_chosen_if_the_line_has_it(query: str, cell: int) -> None:
    pages = {page.key: page for page in PAGES}
    document, _ = open_page(pages["cell"], SNAPSHOTS["running"], cell=query)
    assert f"<b>Cell {cell}</b>" in words(document)


def _only(root: LayoutDOM, kind: type, **attributes: object) -> object:
    found = [
        model
        for model in root.select({"type": kind})
        if all(getattr(model, name) == value for name, value in attributes.items())
    ]
    assert len(found) == 1
    return found[0]


def test_map_shows_values_modes_stale_cells_and_marks() -> None:
    panel = MapPanel(desk_of())
    panel.update(SNAPSHOTS["eventful"])
    shown = panel.source.data
    at = {name: {n: shown[name][n - 1] for n in LAYOUT.cells} for name in shown}
    assert at["value"][14] == "?"
    assert at["hatch"][14] == "/"
    assert at["hatch"][13] == " "
    assert at["letter"][3] == "M"
    assert at["letter"][4] == "S"
    assert at["mark"][5] == "circle"
    assert at["mark_text"][14] == "1"
    assert at["fill"][5] != at["fill"][6] == "#cbd1d4"


def test_a_mode_that_is_only_what_was_said_last_has_a_question_mark_everywhere() -> None:
    silent = snapshot_of(eventful(told(3)), after_s=1000.0)
    panel = MapPanel(desk_of())
    panel.update(silent)
    assert panel.source.data["letter"][2] == "M?"
    assert panel.source.data["letter"][5] == "–"  # nothing was said of it
    document, _ = open_page(PAGES[0], silent, cell="4")
    assert "SHED?" in words(document)
    assert "Cells per mode, as last said" in words(document)


def test_a_stale_cell_does_not_move_the_median_that_the_others_are_compared_with() -> None:
    desk = desk_of()
    desk.selection.choose(quantity="acd")
    panel = MapPanel(desk)
    snapshot = snapshot_of(told(3))
    dead = np.arange(24) >= 10
    acd = np.where(dead, 9.9, 4.1)  # most of the line stopped long ago, with other figures
    values = {**snapshot.values, "estimate.acd_cm": acd}
    panel.update(replace(snapshot, is_stale=dead, values=values))
    assert "grey: 3.80 to 4.40" in panel._title.text
    assert set(panel.source.data["fill"][:10]) == {"#cbd1d4"}


def test_map_sends_only_what_changed() -> None:
    panel = MapPanel(desk_of())
    panel.update(SNAPSHOTS["eventful"])
    document = Document()
    document.add_root(panel.root)
    patched: list[dict[str, list[object]]] = []
    document.on_change(lambda event: patched.append(getattr(event, "patches", {})))
    panel.update(SNAPSHOTS["eventful"])
    assert patched == []
    changed = fold_event(
        eventful(told(3)), make_mode_event(9, Mode.MANUAL, NOW_NS + 90 * SECOND_NS, number=9)
    )
    panel.update(snapshot_of(changed))
    assert patched == [
        {"letter": [(8, "M")], "letter_fill": [(8, "#ffffff")], "letter_edge": [(8, "#263038")]}
    ]


def test_a_tap_on_a_square_chooses_the_cell_and_one_beside_it_does_not() -> None:
    desk = desk_of()
    panel = MapPanel(desk)

    @dataclass
    class At:
        x: float | None
        y: float | None

    panel._tapped(At(panel.source.data["x"][7], panel.source.data["y"][7]))
    assert desk.selection.cell == 8
    panel._tapped(At(-9.0, -9.0))
    panel._tapped(At(None, None))
    assert desk.selection.cell == 8


def test_choosing_a_quantity_redraws_map_and_profile() -> None:
    document, _ = open_page(PAGES[0], SNAPSHOTS["running"])
    groups = [m for root in document.roots for m in root.select({"type": RadioButtonGroup})]
    groups[0].active = 2
    assert "Cell voltage, V" in words(document)
    assert "Cell voltage along the line" in words(document)


def test_trends_stream_the_new_row_only_and_reload_for_another_cell() -> None:
    desk = desk_of()
    panel = TrendsPanel(desk)
    picture = told(3)
    panel.update(snapshot_of(picture))
    document = Document()
    document.add_root(panel.root)
    sent: list[str] = []
    document.on_change(lambda event: sent.append(type(event).__name__))
    panel.update(snapshot_of(told(1, picture, start=3)))
    assert len(panel.source.data["t"]) == 4
    assert "ColumnsStreamedEvent" in sent
    assert "ColumnDataChangedEvent" not in sent
    before = panel.source.data["alumina.estimate"][-1]
    desk.selection.choose(cell=6)
    panel.update(snapshot_of(told(1, picture, start=3)))
    assert panel.source.data["alumina.estimate"][-1] != before
    high, low = panel.source.data["alumina.upper"], panel.source.data["alumina.lower"]
    assert (high > low).all()


def test_trends_start_afresh_after_a_gap_or_a_new_life_of_the_feed() -> None:
    panel = TrendsPanel(desk_of())
    snapshot = snapshot_of(told(4))
    panel.update(snapshot)
    rows = told(9).trends
    panel.update(replace(snapshot, trends={0: rows[0][6:]}, history={}))
    assert len(panel.source.data["t"]) == 3
    panel.update(replace(snapshot, life=2))
    assert len(panel.source.data["t"]) == 4
    panel.update(replace(snapshot, life=3, trends={}, history={}))
    assert len(panel.source.data["t"]) == 0


def test_trends_go_back_further_than_the_fine_rows() -> None:
    panel = TrendsPanel(desk_of())
    picture = told(100)
    panel.update(snapshot_of(picture))
    assert len(picture.trends[0]) < 20
    assert len(panel.source.data["t"]) == 100


def test_trends_follow_the_plant_until_they_are_moved_and_when_a_span_is_chosen() -> None:
    desk = desk_of()
    panel, picker = TrendsPanel(desk), PickerPanel(desk)
    axis = panel._x_range
    picture = told(3)
    for shown in (panel, picker):
        shown.update(snapshot_of(picture))
    end, hour_ms = axis.end, 3.6e6
    assert axis.start == end - 4 * hour_ms
    _click(picker._later)  # there is nothing later
    assert desk.selection.stands_at_s is None
    for _ in range(2):
        _click(picker._earlier)
    picture = told(2, picture, start=3)
    for shown in (panel, picker):
        shown.update(snapshot_of(picture))
    assert (axis.start, axis.end) == (end - 8 * hour_ms, end - 4 * hour_ms)
    assert "The trends stand still" in picker._legend.text
    desk.selection.choose(cell=7)
    panel.update(snapshot_of(picture))
    assert axis.end == end - 4 * hour_ms  # another cell at the same time
    picker._window.active = 2  # the span that was chosen before
    for shown in (panel, picker):
        shown.update(snapshot_of(picture))
    assert axis.end == end + 120_000.0
    assert axis.end - axis.start == 4 * hour_ms
    assert "stand still" not in picker._legend.text
    for _ in range(20):
        _click(picker._earlier)
    panel.update(snapshot_of(picture))
    assert axis.end == end + 120_000.0 - 12 * hour_ms  # no further than what is kept
    for _ in range(20):
        _click(picker._later)
    assert desk.selection.stands_at_s is None


def _command(cell: int, mode: Mode, now_ns: int) -> Command:
    return Command(
        command_id="c1", kind=CommandKind.SET_MODE, section=0, cell=cell, mode=mode,
        issued_by="ann", role="operator", reason="tapping", t_issued_ns=now_ns,
        expires_ns=now_ns + 10 * SECOND_NS,
    )  # fmt: skip


def _click(button: Button) -> None:
    button._trigger_event(ButtonClick(button))


def obeyed(at_ns: int, command_id: str = "c1", kind: str = "set_mode") -> Event:
    number = 90 + len(kind)
    return make_event(
        "command_obeyed", at_ns, number=number, cell=6, place="Cell 6", kind=kind, who="ann",
        command_id=command_id,
    )  # fmt: skip


def test_mode_is_asked_confirmed_pending_and_then_seen() -> None:
    asked = Asked()
    panel = ModePanel(desk_of(asked, cell=6))
    picture = told(3)
    panel.update(snapshot_of(picture))
    _click(panel.buttons[Mode.MANUAL])
    assert asked.modes == ()
    assert panel.form.confirm.label == "Put cell 6 in MANUAL"
    panel.form.reason.value = "tapping"
    _click(panel.form.confirm)
    _click(panel.form.confirm)
    assert asked.modes == ((6, Mode.MANUAL, "tapping"),)
    assert all(button.disabled for button in panel.buttons.values())
    issued_ns = NOW_NS + 3 * SECOND_NS
    asked.say(Sent((_command(6, Mode.MANUAL, issued_ns),)))
    assert all(button.disabled for button in panel.buttons.values())
    assert "waiting for the guard" in _status(panel)
    picture = fold_event(picture, make_mode_event(6, Mode.MANUAL, issued_ns + SECOND_NS))
    panel.update(snapshot_of(picture))
    assert "waiting for the guard" in _status(panel), "it may be in MANUAL for another reason"
    picture = fold_event(picture, obeyed(issued_ns + SECOND_NS))
    panel.update(snapshot_of(picture))
    assert "The guard obeyed; it has cell 6 in MANUAL" in _status(panel)
    assert panel.buttons[Mode.MANUAL].disabled
    assert not panel.buttons[Mode.AUTO].disabled


def _status(panel: ModePanel) -> str:
    return " ".join(model.text for model in panel.root.select({"type": Div}))


def _asking_panel(picture: Picture, cell: int = 6) -> tuple[ModePanel, Command]:
    asked = Asked()
    panel = ModePanel(desk_of(asked, cell=cell))
    panel.update(snapshot_of(picture))
    _click(panel.buttons[Mode.MANUAL])
    _click(panel.form.confirm)
    command = _command(cell, Mode.MANUAL, NOW_NS + 3 * SECOND_NS)
    asked.say(Sent((command,)))
    return panel, command


def test_refusal_of_the_guard_is_shown_and_the_buttons_come_back() -> None:
    picture = told(3)
    panel, command = _asking_panel(picture)
    refused = make_event(
        "command_refused", command.t_issued_ns + SECOND_NS, cell=6, place="Cell 6", kind="set_mode",
        who="ann", reason="its samples are stale", command_id="c1",
    )  # fmt: skip
    panel.update(snapshot_of(fold_event(picture, refused)))
    assert "its samples are stale" in _status(panel)
    assert not panel.buttons[Mode.MANUAL].disabled


def test_silence_of_the_guard_is_said_when_the_command_has_run_out() -> None:
    picture = told(3)
    panel, _ = _asking_panel(picture)
    panel.update(snapshot_of(picture, after_s=30.0))
    assert "No answer of the guard was seen" in _status(panel)
    assert not panel.buttons[Mode.MANUAL].disabled


def test_without_a_picture_nothing_is_said_of_the_guard_until_it_is_back() -> None:
    picture = told(3)
    panel, command = _asking_panel(picture)
    away = take_snapshot(
        LAYOUT, reading_of(picture), number=2, now_ns=command.expires_ns + SECOND_NS,
        max_age_s=5.0, link="No Redis at redis://x",
    )  # fmt: skip
    panel.update(away)
    assert "is not known: the picture cannot be read" in _status(panel)
    assert "did not answer" not in _status(panel)
    assert not panel.buttons[Mode.MANUAL].disabled
    moved = make_mode_event(6, Mode.MANUAL, command.t_issued_ns + SECOND_NS)
    picture = fold_event(fold_event(picture, moved), obeyed(command.t_issued_ns + SECOND_NS))
    panel.update(snapshot_of(picture, after_s=60.0))
    assert "The guard obeyed; it has cell 6 in MANUAL" in _status(panel)


def test_an_outcome_belongs_to_its_cell_whichever_is_looked_at() -> None:
    asked = Asked()
    desk = desk_of(asked, cell=6)
    panel = ModePanel(desk)
    snapshot = snapshot_of(told(3))
    panel.update(snapshot)
    _click(panel.buttons[Mode.MANUAL])
    panel.form.reason.value = "tapping"
    _click(panel.form.confirm)
    desk.selection.choose(cell=7)
    panel.update(snapshot)
    assert not panel.buttons[Mode.ADVISORY].disabled
    _click(panel.buttons[Mode.ADVISORY])
    panel.form.reason.value = "anode change"
    asked.say(Sent((_command(6, Mode.MANUAL, NOW_NS + 3 * SECOND_NS),)))
    assert panel.form.confirm.label == "Put cell 7 in ADVISORY"
    assert panel.form.reason.value == "anode change"
    assert "asked for MANUAL" not in _status(panel)
    _click(panel.form.confirm)
    assert asked.modes[-1] == (7, Mode.ADVISORY, "anode change")
    asked.say(Refused("No answer from Kafka."))
    assert "No answer from Kafka" in _status(panel)
    desk.selection.choose(cell=6)
    panel.update(snapshot)
    assert "ann asked for MANUAL" in _status(panel)
    assert all(button.disabled for button in panel.buttons.values())


def test_a_refusal_of_the_desk_for_another_cell_leaves_this_one_alone() -> None:
    asked = Asked()
    desk = desk_of(asked, cell=6)
    panel = ModePanel(desk)
    panel.update(SNAPSHOTS["running"])
    _click(panel.buttons[Mode.MANUAL])
    _click(panel.form.confirm)
    desk.selection.choose(cell=7)
    panel.update(SNAPSHOTS["running"])
    asked.say(Refused("No answer from Kafka."))
    assert "No answer from Kafka" not in _status(panel)


def test_refusal_of_the_desk_is_shown_and_the_choice_stays() -> None:
    asked = Asked()
    panel = ModePanel(desk_of(asked, cell=6))
    panel.update(SNAPSHOTS["running"])
    _click(panel.buttons[Mode.ADVISORY])
    _click(panel.form.confirm)
    asked.say(Refused("Say why: the reason goes into the journal."))
    assert "Say why" in _status(panel)
    assert not panel.buttons[Mode.ADVISORY].disabled
    _click(panel.form.cancel)
    _click(panel.form.confirm)
    assert len(asked.modes) == 1


def test_a_command_of_another_screen_is_pending_here_too() -> None:
    picture = told(3)
    command = _command(6, Mode.MANUAL, NOW_NS + 2 * SECOND_NS)
    line = picture.line
    from msgspec.structs import replace as changed

    picture = changed(picture, line=changed(line, commands={6: command}))
    panel = ModePanel(desk_of(cell=6))
    panel.update(snapshot_of(picture))
    assert "ann asked for MANUAL" in _status(panel)
    assert all(button.disabled for button in panel.buttons.values())


def test_choosing_another_cell_forgets_what_was_armed() -> None:
    desk = desk_of(cell=6)
    panel = ModePanel(desk)
    panel.update(SNAPSHOTS["running"])
    _click(panel.buttons[Mode.MANUAL])
    desk.selection.choose(cell=7)
    panel.update(SNAPSHOTS["running"])
    _click(panel.form.confirm)
    assert "Who moves cell 7" in _status(panel)
    assert not panel.form.confirm.label.endswith("cell 7 in MANUAL")


def override_event(setpoint: str, at_ns: int, number: int = 50, *, active: bool = True) -> Event:
    return make_event(
        "override_active", at_ns, number=number, active=active, cell=6, subject=setpoint,
        setpoint=setpoint, value=210.0, who="ann", until="12:30 UTC", reason="tapping",
    )  # fmt: skip


def _filled(asked: Asked, value: str = "210,5") -> OverridePanel:
    panel = OverridePanel(desk_of(asked, cell=6))
    panel.update(snapshot_of(told(3)))
    _click(panel.open)
    panel.value.value, panel.form.reason.value = value, "tapping"
    return panel


def _override_words(panel: OverridePanel) -> str:
    return " ".join(model.text for model in panel.root.select({"type": Div}))


def test_a_setpoint_is_set_by_hand_seen_and_given_back() -> None:
    asked = Asked()
    panel = _filled(asked)
    assert panel.form.visible
    assert panel.value.title == "Value in kg/h, 90 to 300"
    _click(panel.form.confirm)
    _click(panel.form.confirm)
    (wish,) = asked.wishes
    assert (wish.kind, wish.cell, wish.setpoint) == (
        CommandKind.APPLY_OVERRIDE,
        6,
        FEED_LIMITS.name,
    )
    assert (wish.value, wish.duration_s, wish.reason) == (210.5, 3600.0, "tapping")

    issued_ns = NOW_NS + 3 * SECOND_NS
    sent = make_command(LAYOUT, Person("ann", Role.OPERATOR), wish, issued_ns)
    assert isinstance(sent, Command)
    asked.say(Sent((sent,)))
    assert "waiting for the guard" in _override_words(panel)
    picture = fold_event(told(3), override_event(wish.setpoint, issued_ns - SECOND_NS))
    panel.update(snapshot_of(picture))
    assert "waiting for the guard" in _override_words(panel), "it may be somebody else's"
    picture = fold_event(picture, obeyed(issued_ns, sent.command_id, "apply_override"))
    panel.update(snapshot_of(picture))
    assert "The guard holds it." in _override_words(panel)
    assert "ann holds" in _override_words(panel)
    assert [name for name, button in panel.release.items() if button.visible] == [wish.setpoint]

    _click(panel.release[wish.setpoint])
    assert asked.wishes[-1].kind is CommandKind.RELEASE_OVERRIDE
    back = make_command(LAYOUT, Person("ann", Role.OPERATOR), asked.wishes[-1], issued_ns)
    assert isinstance(back, Command)
    asked.say(Sent((back,)))
    over = override_event(wish.setpoint, issued_ns + 2 * SECOND_NS, 51, active=False)
    picture = fold_event(picture, over)
    picture = fold_event(picture, obeyed(issued_ns, back.command_id, "release_override"))
    panel.update(snapshot_of(picture))
    assert "given back to the optimiser" in _override_words(panel)
    assert "Nothing is held by hand" in _override_words(panel)


@pytest.mark.parametrize("value", ["", "fast", "nan", "inf"])
def test_a_value_that_is_no_number_is_not_asked_for(value: str) -> None:
    asked = Asked()
    panel = _filled(asked, value)
    _click(panel.form.confirm)
    assert asked.wishes == ()
    assert "is not a number" in _override_words(panel)
    assert panel.form.visible


def test_a_refused_override_and_a_silent_guard_are_told() -> None:
    asked = Asked()
    panel = _filled(asked)
    _click(panel.form.confirm)
    issued_ns = NOW_NS + 3 * SECOND_NS
    sent = make_command(LAYOUT, Person("ann", Role.OPERATOR), asked.wishes[0], issued_ns)
    assert isinstance(sent, Command)
    asked.say(Sent((sent,)))
    refused = make_event(
        "command_refused", issued_ns + SECOND_NS, cell=6, place="Cell 6", kind="apply_override",
        who="ann", reason="beyond the hard bounds", command_id=sent.command_id,
    )  # fmt: skip
    panel.update(snapshot_of(fold_event(told(3), refused)))
    assert "beyond the hard bounds" in _override_words(panel)
    assert not panel.open.disabled

    silent = _filled(Asked())
    silent.form.told(6, Sent((sent,)))
    silent.update(snapshot_of(told(3), after_s=30.0))
    assert "No answer of the guard was seen" in _override_words(silent)


def test_to_give_back_says_nothing_of_another_act_and_leaves_its_form_alone() -> None:
    asked = Asked()
    panel = OverridePanel(desk_of(asked, cell=6))
    picture = fold_event(told(3), override_event(BEAM_LIMITS.name, NOW_NS))
    panel.update(snapshot_of(picture))
    _click(panel.open)
    panel.value.value, panel.form.reason.value = "210", "tapping"
    _click(panel.release[BEAM_LIMITS.name])
    (wish,) = asked.wishes
    assert (wish.kind, wish.reason) == (CommandKind.RELEASE_OVERRIDE, "given back")
    back = make_command(LAYOUT, Person("ann", Role.OPERATOR), wish, NOW_NS + 3 * SECOND_NS)
    assert isinstance(back, Command)
    asked.say(Sent((back,)))
    picture = fold_event(
        picture, obeyed(NOW_NS + 4 * SECOND_NS, back.command_id, "release_override")
    )
    panel.update(snapshot_of(picture))
    assert "given back to the optimiser" in _override_words(panel)
    assert panel.form.visible
    assert (panel.value.value, panel.form.reason.value) == ("210", "tapping")
    _click(panel.form.confirm)
    assert asked.wishes[-1].reason == "tapping"


def test_another_cell_is_not_set_to_what_was_meant_for_this_one() -> None:
    asked = Asked()
    desk = desk_of(asked, cell=6)
    panel = OverridePanel(desk)
    panel.update(snapshot_of(told(3)))
    _click(panel.open)
    panel.value.value = "210"
    desk.selection.choose(cell=7)
    panel.update(snapshot_of(told(3)))
    assert not panel.form.visible
    assert panel.value.value == ""


def test_the_header_counts_what_people_hold_and_leave_out() -> None:
    bypass = make_event(
        "bypass_active", NOW_NS, number=60, active=True, cell=7, subject="travel", check="travel",
        who="carla", until="12:30 UTC", reason="beam test",
    )  # fmt: skip
    picture = told(3)
    for event in (
        override_event(FEED_LIMITS.name, NOW_NS, 51),
        override_event(BEAM_LIMITS.name, NOW_NS, 52),
        bypass,
    ):
        picture = fold_event(picture, event)
    panel = HeaderPanel(desk_of())
    panel.update(snapshot_of(picture))
    shown = panel.root.text
    assert "2<small" in shown
    assert ">1 bypass<" in shown


def test_a_cell_is_switched_off_and_on_and_a_trip_is_reset() -> None:
    asked = Asked()
    panel = ModePanel(desk_of(asked, cell=6))
    picture = told(3)
    shown = {
        Mode.AUTO: (CommandKind.SWITCH_OFF,),
        Mode.OFF: (CommandKind.SWITCH_ON,),
        Mode.TRIPPED: (CommandKind.SWITCH_OFF, CommandKind.RESET_TRIP),
    }
    for number, (mode, kinds) in enumerate(shown.items(), start=70):
        at_ns = NOW_NS + number * SECOND_NS
        picture = fold_event(picture, make_mode_event(6, mode, at_ns, number=number))
        panel.update(snapshot_of(picture))
        offered = tuple(kind for kind, button in panel.special.items() if button.visible)
        assert offered == kinds, mode
    _click(panel.special[CommandKind.RESET_TRIP])
    assert panel.form.confirm.label == "Reset the trip of cell 6"
    panel.form.reason.value = "the line is back"
    _click(panel.form.confirm)
    (wish,) = asked.wishes
    assert (wish.kind, wish.mode) == (CommandKind.RESET_TRIP, None)
    sent = make_command(LAYOUT, Person("ann", Role.OPERATOR), wish, NOW_NS + 80 * SECOND_NS)
    assert isinstance(sent, Command)
    asked.say(Sent((sent,)))
    assert "ann asked for reset_trip" in _status(panel)
    over = make_mode_event(6, Mode.MANUAL, NOW_NS + 81 * SECOND_NS, number=81)
    picture = fold_event(picture, over)
    picture = fold_event(picture, obeyed(NOW_NS + 81 * SECOND_NS, sent.command_id, "reset_trip"))
    panel.update(snapshot_of(picture))
    assert "The guard obeyed; it has cell 6 in MANUAL" in _status(panel)


def test_a_cell_on_its_way_to_auto_has_been_put_in_auto() -> None:
    asked = Asked()
    panel = ModePanel(desk_of(asked, cell=6))
    picture = fold_event(told(3), make_mode_event(6, Mode.MANUAL, NOW_NS, number=70))
    panel.update(snapshot_of(picture))
    _click(panel.buttons[Mode.AUTO])
    panel.form.reason.value = "tapped"
    _click(panel.form.confirm)
    sent = _command(6, Mode.AUTO, NOW_NS + 3 * SECOND_NS)
    asked.say(Sent((sent,)))
    warm = make_mode_event(6, Mode.WARM, NOW_NS + 4 * SECOND_NS, number=71)
    picture = fold_event(fold_event(picture, warm), obeyed(NOW_NS + 4 * SECOND_NS))
    panel.update(snapshot_of(picture))
    assert "it has cell 6 in WARM" in _status(panel)
