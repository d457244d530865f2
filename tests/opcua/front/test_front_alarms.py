"""Alarms at the front: another stack's client sees them, and acts on them; all of it on record."""

from pathlib import Path
from typing import Any

from asyncua import ua

from control.alarms import Standing
from opcua.front.conditions import condition_id
from opcua.front.server import Front
from stream.active import subject_of
from stream.alarm_list import AlarmList, fold_alarms
from tests.opcua.front.fronts import (
    Line,
    hmi_security,
    listen,
    visit,
)
from tests.opcua.node_peer import require_node, run_alarms

SILENT: dict[str, Any] = {"active": True, "section": 0, "cell": 2, "age_s": 30}


async def test_another_stack_acknowledges_confirms_and_shelves_an_alarm(
    front: Front, endpoint: str, line: Line, folder: Path, tmp_path: Path
) -> None:
    node = require_node()
    event = line.tell("cell_silent", **SILENT)
    asked = {"security": hmi_security(folder, "olga"), "condition": "cell_silent"}
    answer = await run_alarms(node, endpoint, tmp_path, asked)
    first = answer["first"]
    assert first["EventId"].startswith(f"{event.event_id}~")
    assert first["EventType"] == "ns=0;i=2915"
    assert (first["SourceName"], first["Severity"]) == ("Cell 2", 850)
    assert first["Message"] == "Cell 2: no usable voltage for 30 s."
    assert (first["ActiveState"], first["ActiveState.Id"], first["Retain"]) == (
        "Active",
        True,
        True,
    )
    assert first["ShelvingState.CurrentState"] == "Unshelved"
    assert answer["statuses"] == {
        "wrong": "BadEventIdUnknown",
        "acknowledge": "Good",
        "again": "BadConditionBranchAlreadyAcked",
        "confirm": "Good",
        "shelve": "Good",
        "too long": "BadShelvingTimeOutOfRange",
        "unshelve": "Good",
    }
    acknowledged = answer["acknowledged"]
    assert (acknowledged["Comment"], acknowledged["ClientUserId"]) == ("seen", "olga")
    assert acknowledged["EventId"] != first["EventId"]
    assert answer["confirmed"]["ConfirmedState.Id"] is True
    assert answer["shelved"]["Comment"] == "tapping"

    deeds = line.events[1:]
    assert [one.name for one in deeds] == [
        "alarm_acknowledged",
        "alarm_confirmed",
        "alarm_shelved",
        "alarm_unshelved",
    ]
    assert deeds[0].sentence == "Cell 2: cell_silent acknowledged by olga: seen."
    assert {one.details["who"] for one in deeds} == {"olga"}
    # A front that starts again reads the same events, and knows the same.
    again = AlarmList()
    for one in line.events:
        again = fold_alarms(again, one)
    assert again.alarms == line.view.alarms.alarms
    assert again.alarms[subject_of(event)].state.standing is Standing.ACKNOWLEDGED


async def test_an_observer_sees_alarms_and_does_nothing_about_them(
    front: Front, endpoint: str, line: Line, folder: Path, tmp_path: Path
) -> None:
    node = require_node()
    line.tell("cell_silent", **SILENT)
    asked = {"security": hmi_security(folder, "vera"), "condition": "cell_silent"}
    answer = await run_alarms(node, endpoint, tmp_path, asked)
    assert answer["statuses"]["acknowledge"] == "BadUserAccessDenied"
    assert len(line.events) == 1


async def test_a_newer_occurrence_is_not_acknowledged_with_an_older_one(
    front: Front, endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "olga") as olga:
        heard = await listen(olga)
        first = line.tell("cell_silent", **SILENT)
        seen = await heard.until("cell_silent")
        line.tell("cell_silent", **SILENT | {"active": False})
        gone = await heard.until("cell_silent")
        assert (getattr(gone, "ActiveState/Id"), gone.Retain) == (False, True)
        line.tell("cell_silent", **SILENT)
        await heard.until("cell_silent")
        request = ua.CallMethodRequest(
            ObjectId=condition_id(subject_of(first), olga.namespace),
            MethodId=ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge),
            InputArguments=[
                ua.Variant(seen.EventId, ua.VariantType.ByteString),
                ua.Variant(ua.LocalizedText("seen"), ua.VariantType.LocalizedText),
            ],
        )
        (result,) = await olga.client.uaclient.call([request])
        assert result.StatusCode.name == "BadEventIdUnknown"
    (alarm,) = line.view.alarms.alarms.values()
    assert alarm.state.standing is Standing.UNACKNOWLEDGED


async def test_what_concerns_the_line_is_one_alarm_and_journals_are_none(
    front: Front, endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "vera") as vera:
        heard = await listen(vera)
        for cell in (1, 2, 3):
            line.tell(
                "mode_changed",
                active=False,
                section=0,
                cell=cell,
                previous="AUTO",
                mode="TRIPPED",
                who="guard",
                reason="x",
            )
        line.tell("line_without_current", active=True, current_ka=0.0)
        event = await heard.until("line_without_current")
        assert (event.SourceName, event.Severity) == ("Line", 850)
    assert [one.event.name for one in line.view.alarms.alarms.values()] == ["line_without_current"]
