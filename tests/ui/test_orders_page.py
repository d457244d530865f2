"""What people order on the screens: bypasses, limits by two, one switch for many cells."""

from dataclasses import replace

import pytest
from bokeh.models import Div, LayoutDOM
from msgspec.structs import replace as struct_replace

from control.limit_changes import LimitRequest, check_approval
from control.modes import Mode
from stream.records import WHOLE_SECTION, Command, CommandKind, Event
from tests.control.cases import BEAM_LIMITS, FEED_LIMITS
from tests.ui.line_story import SECOND_NS, make_event, make_mode_event
from tests.ui.test_panels import (
    LAYOUT,
    NOW_NS,
    Asked,
    _click,
    desk_of,
    override_event,
    snapshot_of,
    told,
)
from ui.commands import Refused, Sent, Wish, make_commands
from ui.fold import fold_command, fold_event
from ui.panel import Desk
from ui.panels.bypass import BypassPanel
from ui.panels.header import HeaderPanel
from ui.panels.held import HeldPanel
from ui.panels.limits import LimitsPanel
from ui.panels.mode import Choice, ModePanel
from ui.panels.override import OverridePanel
from ui.panels.switch import LINE, SwitchPanel
from ui.picture import ANSWERS_LENGTH, Picture
from ui.roles import Person, Role
from ui.snapshot import blank_snapshot
from ui.standing import waiting_limits

BERT = Person("bert", Role.ENGINEER)
CARLA = Person("carla", Role.MANAGER)
ISSUED_NS = NOW_NS + 3 * SECOND_NS


def desk(asked: Asked, person: Person = BERT) -> Desk:
    return replace(desk_of(asked), who=lambda: person)


def shown(root: LayoutDOM) -> str:
    return " ".join(model.text for model in root.select({"type": Div}))


def sent(wish: Wish, person: Person = BERT) -> tuple[Command, ...]:
    commands = make_commands(LAYOUT, person, wish, ISSUED_NS)
    assert not isinstance(commands, Refused), commands
    return commands


def answer(command: Command, number: int, *, refused: str = "") -> Event:
    name = "command_refused" if refused else "command_obeyed"
    return make_event(
        name, ISSUED_NS + SECOND_NS, number=number, section=command.section,
        place=f"Section {command.section}", kind=command.kind.value, who=command.issued_by,
        reason=refused, command_id=command.command_id,
    )  # fmt: skip


def bypass_event(cell: int, check: str, number: int, *, active: bool = True) -> Event:
    return make_event(
        "bypass_active", NOW_NS + number, number=number, active=active, cell=cell, subject=check,
        check=check, who="bert", until="12:30 UTC", until_ns=NOW_NS + 3600 * SECOND_NS,
        reason="<i>beam</i> test",
    )  # fmt: skip


def request_of(value: float = 250.0, who: str = "bert") -> LimitRequest:
    return LimitRequest("r1", FEED_LIMITS.name, "high", value, who, "engineer", "less dust", NOW_NS)


def request_event(asked: LimitRequest, section: int, number: int) -> Event:
    return make_event(
        "approval_wanted", NOW_NS + number, number=number, active=True, section=section,
        subject=asked.request_id, setpoint=asked.setpoint, limit=asked.limit, value=asked.value,
        who=asked.requester, until="12:30 UTC", until_ns=NOW_NS + 900 * SECOND_NS,
        reason=asked.reason, digest=asked.digest,
    )  # fmt: skip


@pytest.mark.contract(11)
def test_a_bypass_is_asked_for_with_owner_reason_and_end_and_released() -> None:
    asked = Asked()
    panel = BypassPanel(desk(asked))
    picture = told(3)
    panel.update(snapshot_of(picture))
    assert "The interlock is whole" in shown(panel.root)
    _click(panel.ask)
    panel.cell.value, panel.check.value, panel.duration.value = "7", "travel", "2 hours"
    panel.form.reason.value = "beam test"
    panel.update(snapshot_of(picture))
    assert panel.form.confirm.label == "Leave out travel for cell 7, for 2 hours"
    _click(panel.form.confirm)
    (wish,) = asked.wishes
    (command,) = sent(wish)
    assert (command.kind, command.cell, command.check, command.duration_s) == (
        CommandKind.REQUEST_BYPASS, 7, "travel", 7200.0,
    )  # fmt: skip
    assert (command.issued_by, command.role, command.reason) == ("bert", "engineer", "beam test")
    asked.say(Sent((command,)))
    picture = fold_event(picture, bypass_event(7, "travel", 60))
    picture = fold_event(picture, answer(command, 61))
    panel.update(snapshot_of(picture))
    assert "leaves out travel for cell 7" in shown(panel.root)
    assert "59 min" in shown(panel.root)
    assert "&lt;i&gt;beam" in shown(panel.root)
    _click(panel.release)
    panel.form.reason.value = "done"
    assert panel.form.confirm.label == "End the bypass of cell 7, travel"
    _click(panel.form.confirm)
    assert (asked.wishes[-1].kind, asked.wishes[-1].cell) == (CommandKind.RELEASE_BYPASS, 7)


def test_a_bypass_begins_with_nothing_chosen_and_its_button_says_what_is_sent() -> None:
    asked = Asked()
    panel = BypassPanel(desk(asked))
    panel.update(snapshot_of(told(3)))
    _click(panel.ask)
    choices = (panel.cell, panel.check, panel.duration)
    assert [one.value for one in choices] == ["", "", ""]
    assert all("choose" in one.options[0][1] for one in choices)
    panel.form.reason.value = "beam test"
    for field, value in ((panel.cell, "7"), (panel.check, "travel")):
        field.value = value
        _click(panel.form.confirm)
        assert asked.wishes == ()
        assert "Choose a cell, a check, and for how long." in shown(panel.root)
    panel.duration.value = "1 hour"  # the button says it without another look at the line
    assert panel.form.confirm.label == "Leave out travel for cell 7, for 1 hour"
    panel.cell.value = "8"
    assert panel.form.confirm.label == "Leave out travel for cell 8, for 1 hour"
    _click(panel.form.confirm)
    (wish,) = asked.wishes
    assert (wish.cell, wish.check, wish.duration_s) == (8, "travel", 3600.0)
    asked.say(Refused("No answer from Kafka."))
    _click(panel.form.cancel)
    _click(panel.ask)
    assert [one.value for one in choices] == ["", "", ""]


def test_what_is_ended_is_the_bypass_that_was_chosen_when_the_form_was_opened() -> None:
    asked = Asked()
    panel = BypassPanel(desk(asked))
    picture = told(3)
    for number, cell in ((60, 7), (61, 8)):
        picture = fold_event(picture, bypass_event(cell, "travel", number))
    panel.update(snapshot_of(picture))
    _click(panel.release)
    panel.chosen.value = "cell 8, travel"  # as any client can
    panel.update(snapshot_of(picture))
    assert panel.form.confirm.label == "End the bypass of cell 7, travel"
    panel.form.reason.value = "done"
    _click(panel.form.confirm)
    assert [wish.cell for wish in asked.wishes] == [7]


@pytest.mark.parametrize("state", ["no picture yet", "no Redis"])
def test_without_a_picture_nobody_is_told_that_nothing_stands(state: str) -> None:
    snapshot = blank_snapshot(LAYOUT)
    if state == "no Redis":
        snapshot = replace(snapshot_of(told(3)), link="No Redis at redis://x")
    makers = (BypassPanel, LimitsPanel, HeldPanel, OverridePanel, HeaderPanel)
    for make in makers:
        panel = make(desk(Asked()))
        panel.update(snapshot)
        said = shown(panel.root) + getattr(panel.root, "text", "")
        for sentence in ("interlock is whole", "Nothing is held", "No request waits", "0 bypasses"):
            assert sentence not in said, make
        assert make is HeaderPanel or "Not known: there is no picture of now." in said


def test_a_bypass_that_is_gone_is_not_ended_in_the_place_of_another() -> None:
    asked = Asked()
    panel = BypassPanel(desk(asked))
    picture = told(3)
    for number, cell in ((60, 7), (61, 8)):
        picture = fold_event(picture, bypass_event(cell, "travel", number))
    panel.update(snapshot_of(picture))
    assert panel.chosen.value == "cell 7, travel"
    _click(panel.release)
    picture = fold_event(picture, bypass_event(7, "travel", 62, active=False))
    panel.update(snapshot_of(picture))
    _click(panel.form.confirm)
    assert asked.wishes == ()
    assert "does not stand any more" in shown(panel.root)


@pytest.mark.parametrize(
    ("person", "may"),
    [
        (Person("anna", Role.OPERATOR), {"release", "reject"}),
        (BERT, {"ask", "release", "open", "approve", "reject"}),
        (CARLA, {"ask", "release", "open", "approve", "reject"}),
        (Person("nobody", Role.VIEWER), set()),
    ],
)
def test_what_a_role_may_not_ask_its_buttons_do_not_offer(person: Person, may: set[str]) -> None:
    picture = fold_event(told(3), bypass_event(7, "travel", 60))
    picture = fold_event(picture, request_event(request_of(), 0, 61))
    bypass, limits = BypassPanel(desk(Asked(), person)), LimitsPanel(desk(Asked(), person))
    for panel in (bypass, limits):
        panel.update(snapshot_of(picture))
    buttons = {
        "ask": bypass.ask, "release": bypass.release, "open": limits.open,
        "approve": limits.approve, "reject": limits.reject,
    }  # fmt: skip
    assert {name for name, button in buttons.items() if not button.disabled} == may


@pytest.mark.contract(10)
def test_a_limit_of_the_whole_line_is_one_request_that_another_person_approves() -> None:
    asked = Asked()
    panel = LimitsPanel(desk(asked))
    panel.update(snapshot_of(told(3)))
    _click(panel.open)
    panel.limit.value, panel.value.value = "high", "250,5"
    panel.form.reason.value = "less dust"
    assert "the plant file has 300" in panel.value.title
    _click(panel.form.confirm)
    commands = sent(asked.wishes[0])
    assert [one.section for one in commands] == [0, 1]
    assert len({one.command_id for one in commands}) == 1
    assert {(one.cell, one.limit, one.value) for one in commands} == {(0, "high", 250.5)}

    request = request_of()
    picture = told(3)
    for section in (0, 1):
        picture = fold_event(picture, request_event(request, section, 60 + section))
    (waiting,) = waiting_limits(snapshot_of(picture))
    assert (waiting.sections, waiting.digest) == ((0, 1), request.digest)
    answers = Asked()
    other = LimitsPanel(desk(answers, CARLA))
    other.update(snapshot_of(picture))
    assert request.digest[:12] in shown(other.root)
    _click(other.approve)
    other.form.reason.value = "agreed"
    assert other.form.confirm.label == "Approve alumina feed rate: upper bound 250"
    _click(other.form.confirm)
    approvals = sent(answers.wishes[0], CARLA)
    assert [one.section for one in approvals] == [0, 1]
    for one in approvals:
        assert check_approval(request, one.digest, one.issued_by, one.role, NOW_NS - 1) is None
    answers.say(Sent(approvals))
    for number, one in enumerate(approvals):
        picture = fold_event(picture, answer(one, 70 + number))
    other.update(snapshot_of(picture))
    assert "Section 0: Approved; it is in force.<br>Section 1: Approved" in shown(other.root)


@pytest.mark.contract(10)
def test_an_approval_is_of_what_was_shown_whatever_comes_after() -> None:
    asked = Asked()
    panel = LimitsPanel(desk(asked, CARLA))
    first, second = request_of(250.0), request_of(120.0)
    picture = fold_event(told(3), request_event(first, 0, 60))
    panel.update(snapshot_of(picture))
    _click(panel.approve)
    panel.form.reason.value = "agreed"
    panel.update(snapshot_of(fold_event(told(3), request_event(second, 0, 61))))
    assert "250" in panel.form.confirm.label
    _click(panel.form.confirm)
    (wish,) = asked.wishes
    assert wish.digest == first.digest
    refusal = check_approval(second, wish.digest, "carla", "manager", NOW_NS - 1)
    assert refusal is not None


def test_a_limit_that_is_no_number_is_not_asked_for() -> None:
    asked = Asked()
    panel = LimitsPanel(desk(asked))
    panel.update(snapshot_of(told(3)))
    _click(panel.open)
    panel.value.value = "little"
    _click(panel.form.confirm)
    assert asked.wishes == ()
    assert "is not a number" in shown(panel.root)


def switched(asked: Asked, picture: Picture, place: str = LINE) -> SwitchPanel:
    panel = SwitchPanel(desk(asked))
    panel.update(snapshot_of(picture))
    panel.place.value = place
    panel.update(snapshot_of(picture))
    _click(panel.buttons[Choice(CommandKind.SET_MODE, Mode.MANUAL)])
    panel.form.reason.value = "anode change"
    return panel


def test_the_whole_line_is_asked_section_by_section_and_each_answers() -> None:
    asked = Asked()
    picture = told(3)
    panel = switched(asked, picture)
    assert panel.form.confirm.label == "Put all 24 cells in MANUAL"
    _click(panel.form.confirm)
    _click(panel.form.confirm)
    (wish,) = asked.wishes
    commands = sent(wish)
    assert [(one.section, one.cell, one.mode) for one in commands] == [
        (0, WHOLE_SECTION, Mode.MANUAL),
        (1, WHOLE_SECTION, Mode.MANUAL),
    ]
    asked.say(Sent(commands))
    picture = fold_event(picture, answer(commands[0], 70))
    picture = fold_event(picture, answer(commands[1], 71, refused="3 of 12 cells: tripped"))
    panel.update(snapshot_of(picture))
    assert "Section 0: The guard obeyed; of 12 cells" in shown(panel.root)
    assert "3 of 12 cells: tripped" in shown(panel.root)
    picture = fold_event(picture, answer(commands[1], 72))
    panel.update(snapshot_of(picture))
    assert "3 of 12 cells: tripped. The guard obeyed; of 12 cells" in shown(panel.root)
    panel.update(snapshot_of(picture, after_s=30.0))
    assert "No answer" not in shown(panel.root)


def test_a_section_that_was_not_reached_or_is_silent_is_named() -> None:
    asked = Asked()
    panel = switched(asked, told(3))
    _click(panel.form.confirm)
    commands = sent(asked.wishes[0])
    asked.say(Sent(commands[:1], {1: "No answer from Kafka."}))
    panel.update(snapshot_of(told(3), after_s=30.0))
    assert "No answer of the guard was seen" in shown(panel.root)
    assert "Section 1: No answer from Kafka." in shown(panel.root)


def test_one_section_alone_is_switched() -> None:
    asked = Asked()
    panel = switched(asked, told(3), "section 1")
    assert panel.form.confirm.label == "Put all cells of section 1 in MANUAL"
    panel.place.value = LINE  # what was meant stays meant
    _click(panel.form.confirm)
    assert asked.wishes[0].sections == (1,)


def test_a_command_for_a_section_is_pending_at_each_of_its_cells() -> None:
    wish = Wish(CommandKind.SET_MODE, WHOLE_SECTION, "x", mode=Mode.MANUAL, sections=(0, 1))
    commands = sent(wish)
    picture = told(3)
    for command in commands:
        picture = fold_command(picture, command)
    assert picture.line.repeated == told(3).line.repeated
    panel = ModePanel(desk_of(cell=6))
    panel.update(snapshot_of(picture))
    assert "bert asked for MANUAL" in shown(panel.root)
    picture = fold_event(picture, answer(commands[0], 70))
    panel.update(snapshot_of(picture))
    assert "bert asked for MANUAL" not in shown(panel.root)


def test_an_answer_is_found_however_many_cells_changed_after_it() -> None:
    asked = Asked()
    picture = told(3)
    panel = switched(asked, picture)
    _click(panel.form.confirm)
    commands = sent(asked.wishes[0])
    asked.say(Sent(commands))
    picture = fold_event(picture, answer(commands[0], 70))
    for number in range(300):
        at_ns = ISSUED_NS + SECOND_NS + number
        picture = fold_event(picture, make_mode_event(14, Mode.MANUAL, at_ns, number=100 + number))
    picture = fold_event(picture, answer(commands[1], 71))
    panel.update(snapshot_of(picture))
    assert shown(panel.root).count("The guard obeyed") == 2
    assert len(picture.line.answers) < ANSWERS_LENGTH


def test_an_answer_that_was_seen_is_known_when_the_picture_has_lost_it() -> None:
    asked = Asked()
    picture = told(3)
    panel = switched(asked, picture)
    _click(panel.form.confirm)
    commands = sent(asked.wishes[0])
    asked.say(Sent(commands))
    picture = fold_event(picture, answer(commands[0], 70, refused="3 of 12 cells: tripped"))
    panel.update(snapshot_of(picture))
    for number in range(ANSWERS_LENGTH):
        other = struct_replace(commands[0], command_id=f"of-others-{number}")
        picture = fold_event(picture, answer(other, 1000 + number))
    picture = fold_event(picture, answer(commands[1], 71))
    assert commands[0].section not in {
        kept.section
        for kept in picture.line.answers
        if kept.details["command_id"] == commands[0].command_id
    }
    panel.update(snapshot_of(picture))
    panel.update(snapshot_of(picture, after_s=30.0))
    assert "3 of 12 cells: tripped" in shown(panel.root)
    assert "Section 1: The guard obeyed" in shown(panel.root)
    assert "No answer" not in shown(panel.root)


@pytest.mark.parametrize("sections", [(), (7,), (-1,)])
def test_sections_that_the_line_has_not_are_refused(sections: tuple[int, ...]) -> None:
    wish = Wish(CommandKind.SWITCH_OFF, WHOLE_SECTION, "x", sections=sections)
    made = make_commands(LAYOUT, BERT, wish, NOW_NS)
    assert isinstance(made, Refused)
    assert "Say which sections" in made.sentence


def test_what_is_held_by_hand_is_listed_with_its_owner() -> None:
    picture = fold_event(told(3), override_event(BEAM_LIMITS.name, NOW_NS, 51))
    panel = HeldPanel(desk_of())
    panel.update(snapshot_of(told(3)))
    assert "Nothing is held by hand" in panel.root.text
    panel.update(snapshot_of(picture))
    assert all(word in panel.root.text for word in ("Cell 6", "beam position", "210 mm", "ann"))
