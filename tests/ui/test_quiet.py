"""The screens' list of alarms: one line for one cause, and nothing hidden that is not listed."""

import msgspec
import pytest

from control.events import Priority
from control.retelling import Retelling
from stream.active import subject_of
from stream.alarm_list import AlarmList, fold_alarms, pass_time
from stream.records import Event
from tests.ui.line_story import SECOND_NS, make_event
from tests.ui.test_panels import LAYOUT, desk_of
from ui.fold import fold_event
from ui.kpis import line_kpis
from ui.panels.alarms import AlarmsPanel
from ui.panels.header import HeaderPanel
from ui.panels.held import HeldPanel
from ui.panels.map import _worst
from ui.picture import LinePicture, Picture, init_picture
from ui.snapshot import Snapshot, blank_snapshot, take_snapshot
from ui.store import Reading, _encoder, _line_decoder

NOW_NS = 1_790_000_000 * SECOND_NS
CELLS = tuple(range(1, 25))


def trip() -> list[Event]:
    cause = make_event(
        "line_without_current", NOW_NS, number=2, active=True, section=None, current_ka=0.3
    )
    silent = [
        make_event(
            "cell_silent", NOW_NS + n, number=2 + n, active=True, section=0, cell=n, age_s=9 + n
        )
        for n in CELLS
    ]
    return [cause, *silent]


def deed(name: str, of: Event, number: int, **more: str | float) -> Event:
    details = {"alarm": subject_of(of), "occurrence": of.event_id, "who": "emil"}
    words = {"place": "Cell 1", "condition": of.name, "comment": "<new> sensor", "role": "engineer"}
    return make_event(name, NOW_NS + SECOND_NS, number=number, **details | words | more)


def picture_of(*events: Event, retelling: Retelling | None = None) -> LinePicture:
    picture = init_picture(LAYOUT.sections, (), retelling)
    for event in events:
        picture = fold_event(picture, event)
    return picture.line


def picture_with(line: LinePicture) -> Picture:
    return msgspec.structs.replace(init_picture(LAYOUT.sections, ()), line=line)


def snapshot_of(line: LinePicture, after_s: float = 60.0) -> Snapshot:
    now_ns = NOW_NS + int(after_s * SECOND_NS)
    reading = Reading(1, now_ns, {}, _line_decoder.decode(_encoder.encode(line)), {}, {})
    return take_snapshot(LAYOUT, reading, number=1, now_ns=now_ns, max_age_s=5.0)


def shown(snapshot: Snapshot) -> str:
    panel = AlarmsPanel(desk_of())
    panel.update(snapshot)
    return str(panel.root.text)


def test_a_trip_of_the_line_is_one_line_and_what_follows_is_listed_as_kept_quiet() -> None:
    snapshot = snapshot_of(picture_of(*trip()))
    told, quiet = shown(snapshot).split("Kept quiet")
    assert told.count("<tr") == 1
    assert "The line current is 0.3 kA" in told
    assert "no usable voltage" not in told
    assert "24 suppressed" in quiet
    assert "The same for 24 cells: 1–24." in quiet
    assert quiet.count("<tr") == 1
    assert "suppressed; follows from: The line current is 0.3 kA" in quiet
    assert line_kpis(snapshot).alarms == {Priority.HIGH: 1}
    assert _worst(snapshot) == {}, "the map marks what people are told of"


def test_the_screens_have_the_list_of_the_front() -> None:
    events = trip()
    events.append(deed("alarm_taken_out", events[3], 90))
    front = AlarmList()
    for event in events:
        front = fold_alarms(front, event)
    for after_s in (1.0, 3600.0):
        snapshot = snapshot_of(picture_of(*events), after_s)
        assert snapshot.alarms.alarms == pass_time(front, snapshot.now_ns).alarms


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("alarm_taken_out", {}, "active; out of service by emil: &lt;new&gt; sensor"),
        (
            "alarm_shelved",
            {"duration_s": 1800.0},
            "active; shelved by emil for 30 min more: &lt;new&gt; sensor",
        ),
    ],
)
def test_what_people_put_away_is_listed_with_who_and_why(
    name: str, more: dict[str, float], words: str
) -> None:
    silent = trip()[1]
    page = shown(snapshot_of(picture_of(silent, deed(name, silent, 90, **more))))
    assert "Nothing is active, but for what is kept quiet." in page
    assert words in page


def test_what_nobody_takes_up_says_how_often_it_was_told() -> None:
    silent = trip()[1]
    line = picture_of(silent, retelling=Retelling(high_s=60.0))
    assert "told again once." in shown(snapshot_of(line, 90.0))
    assert "told again 5 times." in shown(snapshot_of(line, 301.0))
    seen = picture_of(
        silent,
        deed("alarm_acknowledged", silent, 90),
        deed("alarm_commented", silent, 91, who="vera", comment="a question"),
    )
    page = shown(snapshot_of(seen, 3600.0)).split("Lately")[0]
    assert "acknowledged by emil: &lt;new&gt; sensor." in page
    assert "vera" not in page, "who said something else has not acknowledged it"


def ends_of(events: list[Event]) -> list[Event]:
    return [
        make_event(
            one.name,
            NOW_NS + 60 * SECOND_NS + n,
            number=200 + n,
            section=one.section,
            cell=one.cell,
            **one.details,
        )
        for n, one in enumerate(events)
    ]


def test_what_is_over_and_acknowledged_is_not_kept_on_the_screens() -> None:
    events = trip()
    seen = deed("alarm_acknowledged", events[0], 90)
    line = picture_of(*events, seen, *ends_of(events))
    assert line.alarms.alarms == {}
    assert line.active == {}
    page = shown(snapshot_of(line, 120.0))
    assert "Nothing is active." in page
    assert "Gone" not in page


def test_what_went_before_anybody_acknowledged_it_is_shown_as_gone() -> None:
    events = trip()
    bypass = make_event(
        "bypass_active", NOW_NS, number=300, active=True, cell=3, subject="travel", check="travel",
        who="emil", until="10:00", reason="<test>",
    )  # fmt: skip
    low = make_event(
        "move_held", NOW_NS, number=301, active=True, cell=9, setpoint="feed", reason="x"
    )
    told = [bypass, low, *events]
    line = picture_of(*told, *ends_of(told))
    snapshot = snapshot_of(line, 600.0)
    assert snapshot.told == ()
    page = shown(snapshot)
    before, gone = page.split("Gone, not acknowledged")
    gone = gone.split("Lately")[0]
    assert "Nothing is active." in before
    assert [one in gone for one in ("current is 0.3 kA", "left out", "held")] == [True, True, False]
    assert gone.index("current is 0.3 kA") < gone.index("left out"), "the most urgent first"
    assert gone.count("<b>gone:</b>") == gone.count('<tr class="gone">') == 2
    assert "nobody has acknowledged it" in gone
    assert "began 10 min ago" in gone
    assert line_kpis(snapshot).alarms == {}, "it is not active"
    seen = picture_of(*told, *ends_of(told), deed("alarm_acknowledged", events[0], 400))
    assert "current is 0.3 kA" not in shown(snapshot_of(seen, 600.0)).split("Lately")[0]


def test_of_what_is_kept_quiet_the_most_urgent_comes_first_and_none_is_left_out() -> None:
    lows = [
        make_event(
            "approval_wanted", NOW_NS, number=400 + n, active=True, subject=f"r{n}", who="emil",
            limit="high", value=4, setpoint="feed", until="10:00", reason="x",
        )
        for n in range(40)
    ]  # fmt: skip
    shelved = [deed("alarm_shelved", one, 500 + n, duration_s=3600.0) for n, one in enumerate(lows)]
    page = shown(snapshot_of(picture_of(*lows, *shelved, *trip())))
    rows = page.split("Kept quiet")[1].split("</table>")[0].split("<tr>")[1:]
    assert len(rows) == 41
    assert "suppressed; follows from: The line current is 0.3 kA" in rows[0]
    assert "more</p>" not in page


def test_before_all_events_are_read_nobody_is_told_that_nothing_is_active() -> None:
    line = msgspec.structs.replace(picture_of(), is_reading_events=True)
    for event in trip():
        line = fold_event(picture_with(line), event).line
    assert line.alarms.alarms == {}, "not before what came before it"
    assert len(line.journal) == len(trip())
    snapshot = snapshot_of(line)
    page, header = shown(snapshot), HeaderPanel(desk_of())
    assert "Nothing is active" not in page
    assert "not known yet" in page
    held = HeldPanel(desk_of())
    held.update(snapshot)
    assert "not known yet" in str(held.root.text), "nor that nothing is held by hand"
    header.update(snapshot)
    head = str(header.root.text)
    assert head.count("not known yet") == 3, "alarms, what is held by hand, and why"
    known = msgspec.structs.replace(line, is_reading_events=False)
    header.update(snapshot_of(known))
    assert "not known yet" not in str(header.root.text) + shown(snapshot_of(known))


def test_without_a_picture_nobody_is_told_that_nothing_is_active() -> None:
    assert "Nothing is active" not in shown(blank_snapshot(LAYOUT))
