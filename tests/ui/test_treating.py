"""What people do about alarms at the screens: on record, of what they saw, by who may."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from bokeh.models import Div

from ops.ports import free_port
from stream.active import subject_of
from stream.alarm_deeds import AlarmDeed
from stream.alarm_list import AlarmList, fold_alarms
from stream.kafka import KafkaConnection, make_consumer
from stream.records import Event, decode
from stream.topics import EVENTS
from tests.ui.line_story import SECOND_NS, make_event
from tests.ui.test_panels import _click, desk_of
from tests.ui.test_quiet import NOW_NS, deed, picture_of, snapshot_of
from ui.answers import Said
from ui.panel import Desk
from ui.panels.alarms import AlarmsPanel
from ui.panels.treat import TreatPanel
from ui.roles import Person, Role
from ui.snapshot import Snapshot
from ui.treating import AlarmDesk, Treatment, records_of

ANN = Person("ann", Role.OPERATOR)
BERT = Person("bert", Role.ENGINEER)
VIV = Person("viv", Role.VIEWER)
LATER_NS = NOW_NS + 60 * SECOND_NS


def held(cell: int, number: int, *, active: bool = True) -> Event:
    return make_event(
        "move_held", NOW_NS + number * SECOND_NS, number=number, active=active, section=0,
        cell=cell, setpoint="feed", reason="<b>",
    )  # fmt: skip


FIRST, SECOND = held(1, 1), held(2, 2)
SEEN = ((subject_of(FIRST), FIRST.event_id), (subject_of(SECOND), SECOND.event_id))


def list_of(*events: Event) -> AlarmList:
    alarms = AlarmList()
    for event in events:
        alarms = fold_alarms(alarms, event)
    return alarms


def test_of_what_was_on_the_screen_all_is_acknowledged_by_name() -> None:
    records, fault = records_of(
        list_of(FIRST, SECOND), ANN, Treatment(AlarmDeed.ACKNOWLEDGED, SEEN), LATER_NS
    )
    assert fault == ""
    assert [(one.section, one.cell, one.details["occurrence"]) for one in records] == [
        (0, 1, FIRST.event_id),
        (0, 2, SECOND.event_id),
    ]
    assert (records[0].details["who"], records[0].details["role"]) == ("ann", "operator")
    assert records[0].details["comment"] == "without comment"


def test_what_came_again_since_is_not_acknowledged_with_what_was_seen() -> None:
    again = held(1, 9)
    alarms = list_of(FIRST, SECOND, held(1, 8, active=False), again)
    records, fault = records_of(alarms, ANN, Treatment(AlarmDeed.ACKNOWLEDGED, SEEN), LATER_NS)
    assert [one.cell for one in records] == [2]
    assert fault == "Not done for 1 of 2: it has come again since; look at it once more."
    none, fault = records_of(list_of(), ANN, Treatment(AlarmDeed.ACKNOWLEDGED, SEEN[:1]), LATER_NS)
    assert (none, fault) == ((), "Not done: it is over, and was acknowledged.")


@pytest.mark.parametrize(
    ("person", "treatment", "words"),
    [
        (VIV, Treatment(AlarmDeed.ACKNOWLEDGED, SEEN), "viv (viewer) may only look"),
        (
            replace(VIV, note="View only: log in."),
            Treatment(AlarmDeed.ACKNOWLEDGED, SEEN),
            "log in",
        ),
        (ANN, Treatment(AlarmDeed.TAKEN_OUT, SEEN, "new lamp"), "of the role engineer or manager"),
        (ANN, Treatment(AlarmDeed.SHELVED, SEEN, " ", 900.0), "Say why"),
        (ANN, Treatment(AlarmDeed.ACKNOWLEDGED, SEEN, "a\nb"), "one short line"),
        (ANN, Treatment(AlarmDeed.ACKNOWLEDGED, SEEN, "a" * 201), "200 characters at most"),
        (ANN, Treatment(AlarmDeed.SHELVED, SEEN, "new lamp", 1e6), "Not done for 2 of 2"),
        (ANN, Treatment(AlarmDeed.UNSHELVED, SEEN), "Not done for 2 of 2"),
        (BERT, Treatment(AlarmDeed.PUT_BACK, SEEN), "Not done for 2 of 2"),
    ],
)
def test_what_may_not_be_is_refused_with_a_sentence(
    person: Person, treatment: Treatment, words: str
) -> None:
    records, fault = records_of(list_of(FIRST, SECOND), person, treatment, LATER_NS)
    assert records == ()
    assert words in fault


async def _treat(desk: AlarmDesk, person: Person, treatment: Treatment) -> Said:
    told: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
    desk.treat(person, list_of(FIRST, SECOND), treatment, told.set_result)
    return await asyncio.wait_for(told, 15.0)


async def test_what_was_done_is_on_record_and_changes_every_list_alike(
    topics: KafkaConnection,
) -> None:
    consumer = make_consumer(topics, EVENTS, client_id="test")
    desk = AlarmDesk(topics, lambda: LATER_NS)
    await consumer.start()
    try:
        await consumer.seek_to_end()
        said = await _treat(desk, ANN, Treatment(AlarmDeed.ACKNOWLEDGED, SEEN, "I see to it"))
        shelved = await _treat(desk, ANN, Treatment(AlarmDeed.SHELVED, SEEN[:1], "new lamp", 900.0))
        async with asyncio.timeout(10.0):
            events = [decode((await consumer.getone()).value, Event) for _ in range(3)]
    finally:
        await consumer.stop()
        await desk.close()
    assert said == Said("On record: 2 alarms acknowledged.")
    assert shelved == Said("On record: shelved.")
    alarms = list_of(FIRST, SECOND, *events).alarms
    assert [one.state.is_acknowledged for one in alarms.values()] == [True, True]
    assert {one.acknowledged.who for one in alarms.values()} == {"ann"}
    shelf = alarms[subject_of(FIRST)].state.shelf
    assert shelf is not None
    assert (shelf.owner, shelf.reason) == ("ann", "new lamp")
    assert shelf.until_ns == LATER_NS + 900 * SECOND_NS


async def test_without_kafka_the_person_is_told_soon_that_it_may_not_be_on_record() -> None:
    desk = AlarmDesk(KafkaConnection(f"kafka://127.0.0.1:{free_port()}"))
    async with asyncio.timeout(8.0):
        said = await _treat(desk, ANN, Treatment(AlarmDeed.ACKNOWLEDGED, SEEN))
    assert said.is_bad
    assert "may not be on record" in said.sentence
    await desk.close()


# -- the panel ------------------------------------------------------------------------------


@dataclass
class Treated:
    """Takes what a panel wants to do about alarms, and answers when told to."""

    treatments: list[Treatment] = field(default_factory=list)

    def treat(self, treatment: Treatment, done: object) -> None:
        self.treatments.append(treatment)
        self.done = done

    def say(self, said: Said) -> None:
        self.done(said)  # type: ignore[operator]

    def desk(self, person: Person = ANN) -> Desk:
        return replace(desk_of(), who=lambda: person, treat=self.treat)


def shown_of(*events: Event) -> Snapshot:
    return snapshot_of(picture_of(*events))


def may(panel: TreatPanel) -> set[str]:
    return {deed for deed, one in panel.buttons.items() if not one.disabled}


def words(panel: TreatPanel) -> str:
    return " ".join(div.text for div in panel.root.select({"type": Div}) if div.visible)


def test_one_line_of_the_list_is_acknowledged_for_all_its_cells() -> None:
    treated = Treated()
    panel = TreatPanel(treated.desk())
    panel.update(shown_of(FIRST, SECOND))
    assert may(panel) == set(), "nothing is chosen yet"
    (_, (key, label)) = panel.chosen.options
    assert "(2 cells)" in label
    panel.chosen.value = key
    assert may(panel) == {AlarmDeed.ACKNOWLEDGED, AlarmDeed.SHELVED}
    _click(panel.buttons[AlarmDeed.ACKNOWLEDGED])
    assert (panel.form.visible, panel.duration.visible) == (True, False)
    panel.update(shown_of(FIRST, SECOND, held(3, 3)))  # one more cell joins: it was not seen
    assert panel.chosen.value == key
    panel.comment.value = "I see to it"
    assert panel.confirm.label == "Acknowledge"
    _click(panel.confirm)
    _click(panel.confirm)
    (treatment,) = treated.treatments
    assert (treatment.deed, set(treatment.seen)) == (AlarmDeed.ACKNOWLEDGED, set(SEEN))
    assert treatment.comment == "I see to it"
    treated.say(Said("On record: 2 alarms acknowledged."))
    assert "On record: 2 alarms" in words(panel)
    assert (panel.form.visible, panel.comment.value) == (False, "")


def test_the_list_says_of_how_many_cells_it_was_acknowledged_and_by_whom() -> None:
    def shown(*deeds: Event) -> str:
        panel = AlarmsPanel(desk_of())
        panel.update(shown_of(FIRST, SECOND, *deeds))
        return str(panel.root.text)

    one, other = (deed("alarm_acknowledged", of, 90 + n) for n, of in enumerate((FIRST, SECOND)))
    somebody = deed("alarm_acknowledged", SECOND, 92, who="vera")
    assert "acknowledged" not in shown()
    assert "1 of 2 acknowledged." in shown(one)
    assert "acknowledged by emil: &lt;new&gt; sensor." in shown(one, other)
    assert "<i>acknowledged.</i>" in shown(one, somebody)


def test_what_could_not_be_done_is_said_and_the_words_are_kept() -> None:
    treated = Treated()
    panel = TreatPanel(treated.desk())
    panel.update(shown_of(FIRST))
    panel.chosen.value = subject_of(FIRST)
    _click(panel.buttons[AlarmDeed.SHELVED])
    panel.comment.value, panel.duration.value = "new lamp", "15 minutes"
    assert panel.confirm.label == "Shelve for 15 minutes"
    _click(panel.confirm)
    assert treated.treatments[0].duration_s == 900.0
    treated.say(Said("No answer from Kafka.", is_bad=True))
    assert 'class="status bad"' in words(panel)
    assert (panel.form.visible, panel.comment.value) == (True, "new lamp")
    _click(panel.cancel)
    assert not panel.form.visible
    assert panel.comment.value == "new lamp"


def test_what_is_put_away_can_be_taken_back_and_a_viewer_can_do_nothing() -> None:
    shelved = deed("alarm_shelved", FIRST, 90, duration_s=1800.0)
    out = deed("alarm_taken_out", FIRST, 91)
    for person, events, wanted in (
        (ANN, (FIRST, shelved), {AlarmDeed.ACKNOWLEDGED, AlarmDeed.UNSHELVED}),
        (ANN, (FIRST, out), {AlarmDeed.ACKNOWLEDGED, AlarmDeed.SHELVED}),
        (BERT, (FIRST, out), {AlarmDeed.ACKNOWLEDGED, AlarmDeed.SHELVED, AlarmDeed.PUT_BACK}),
        (BERT, (FIRST,), {AlarmDeed.ACKNOWLEDGED, AlarmDeed.SHELVED, AlarmDeed.TAKEN_OUT}),
        (VIV, (FIRST,), set()),
    ):
        panel = TreatPanel(Treated().desk(person))
        panel.update(shown_of(*events))
        panel.chosen.value = subject_of(FIRST)
        assert may(panel) == wanted


def test_an_alarm_that_ends_while_somebody_writes_stays_what_they_meant() -> None:
    treated = Treated()
    panel = TreatPanel(treated.desk())
    panel.update(shown_of(FIRST))
    panel.chosen.value = subject_of(FIRST)
    _click(panel.buttons[AlarmDeed.ACKNOWLEDGED])
    gone = deed("alarm_acknowledged", FIRST, 90)
    panel.update(shown_of(FIRST, gone, held(1, 95, active=False)))
    assert panel.chosen.value == subject_of(FIRST)
    _click(panel.confirm)
    assert treated.treatments[0].seen == SEEN[:1]
    treated.say(Said("Not done: it is over, and was acknowledged.", is_bad=True))
    _click(panel.cancel)
    panel.update(shown_of(FIRST, gone, held(1, 95, active=False)))
    assert (panel.chosen.value, panel.chosen.options) == ("", [("", "there is no alarm")])
