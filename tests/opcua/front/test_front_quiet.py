"""Alarms that are kept quiet at the front: by their cause, or out of service by people."""

from pathlib import Path
from typing import Any

from asyncua import ua

from control.alarms import Standing
from control.retelling import Retelling
from opcua.front.conditions import condition_id
from opcua.front.server import Front, open_front
from ops.plantfile import PlantFile
from ops.ports import free_port
from stream.active import subject_of
from stream.alarm import Alarm
from stream.line_view import fold_event, init_view
from stream.records import Event
from tests.opcua.front.fronts import (
    CELLS,
    POLICY,
    Line,
    Visitor,
    front_settings,
    listen,
    visit,
)
from tests.opcua.lines import until

IDS = ua.ObjectIds
OUT, OUT_WITH_REASON = (
    IDS.AlarmConditionType_RemoveFromService,
    IDS.AlarmConditionType_RemoveFromService2,
)
BACK, BACK_WITH_REASON = (
    IDS.AlarmConditionType_PlaceInService,
    IDS.AlarmConditionType_PlaceInService2,
)
SILENT: dict[str, Any] = {"active": True, "section": 0, "age_s": 30}


async def act(visitor: Visitor, method: int, of: Event, *comment: str) -> str:
    """Call a method of an alarm; returns the name of the status."""
    request = ua.CallMethodRequest(
        ObjectId=condition_id(subject_of(of), visitor.namespace),
        MethodId=ua.NodeId(method),
        InputArguments=[
            ua.Variant(ua.LocalizedText(one), ua.VariantType.LocalizedText) for one in comment
        ],
    )
    (result,) = await visitor.client.uaclient.call([request])
    return result.StatusCode.name


def alarm_of(line: Line, event: Event) -> Alarm:
    return line.view.alarms.alarms[subject_of(event)]


async def test_a_trip_of_240_cells_is_one_alarm_that_people_are_told_of(
    front: Front, endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "vera") as vera:
        heard = await listen(vera)
        line.tell("line_without_current", active=True, current_ka=0.0)
        for cell in range(1, 241):
            line.tell("cell_silent", cell=cell, **SILENT)
        seen = [await heard.until("line_without_current")]
        seen += [await heard.until("cell_silent") for _ in range(240)]
        told = [one.ConditionName for one in seen if not one.SuppressedOrShelved]
        assert told == ["line_without_current"]
        assert all(getattr(one, "SuppressedState/Id") for one in seen[1:])
        shown = getattr(seen[-1], "ActiveState/EffectiveDisplayName")
        assert (shown.Text, seen[-1].Retain) == (Standing.SUPPRESSED.value, True)
        # What is urgent and no consequence is told whatever else stands.
        line.tell("audit_unwritable", active=True, error="disk full")
        assert not (await heard.until("audit_unwritable")).SuppressedOrShelved


async def test_an_engineer_takes_an_alarm_out_of_service_with_a_reason_and_back(
    front: Front, endpoint: str, line: Line, folder: Path
) -> None:
    began = line.tell("cell_silent", cell=2, **SILENT)
    async with visit(endpoint, folder, "olga") as olga:
        assert await act(olga, OUT_WITH_REASON, began, "x") == "BadUserAccessDenied"
    async with visit(endpoint, folder, "emil") as emil:
        heard = await listen(emil)
        await heard.until("cell_silent")
        assert await act(emil, OUT, began) == "BadArgumentsMissing"
        assert await act(emil, OUT_WITH_REASON, began, " ") == "BadArgumentsMissing"
        assert await act(emil, OUT_WITH_REASON, began, "new\nsensor") == "BadInvalidArgument"
        assert await act(emil, BACK, began) == "BadInvalidState"
        assert len(line.events) == 1, "what is refused is not on record"
        assert await act(emil, OUT_WITH_REASON, began, "new sensor") == "Good"
        out = await heard.until("cell_silent")
        assert getattr(out, "OutOfServiceState/Id") is True
        assert (out.OutOfServiceState.Text, out.SuppressedOrShelved) == ("Out of Service", True)
        assert (out.ClientUserId, out.Comment.Text) == ("emil", "new sensor")
        assert await act(emil, OUT_WITH_REASON, began, "again") == "BadInvalidState"
        line.tell("cell_silent", cell=2, **SILENT | {"active": False})
        gone = await heard.until("cell_silent")
        assert (gone.Retain, getattr(gone, "ActiveState/Id")) == (True, False)
    async with visit(endpoint, folder, "mona") as mona:
        heard = await listen(mona)
        assert getattr(await heard.until("cell_silent"), "OutOfServiceState/Id") is True
        assert await act(mona, BACK_WITH_REASON, began, "calibrated") == "Good"
        back = await heard.until("cell_silent")
        assert (getattr(back, "OutOfServiceState/Id"), back.Retain) == (False, False)
    assert [one.sentence for one in line.events if one.name.startswith("alarm_")] == [
        "Cell 2: cell_silent taken out of service by emil: new sensor.",
        "Cell 2: cell_silent put back in service by mona: calibrated.",
    ]
    assert alarm_of(line, began).state.standing is Standing.NORMAL


async def test_what_is_out_of_service_stays_so_at_a_front_that_starts_again(
    front: Front, endpoint: str, line: Line, folder: Path, plant: PlantFile
) -> None:
    began = line.tell("cell_silent", cell=2, **SILENT)
    async with visit(endpoint, folder, "emil") as emil:
        assert await act(emil, OUT_WITH_REASON, began, "new sensor") == "Good"
    again, elsewhere = Line(), f"opc.tcp://127.0.0.1:{free_port()}/front"
    for one in line.events:
        again.view = fold_event(again.view, one)
    settings = front_settings(plant, elsewhere, certificates=folder)
    async with open_front(settings, again.source), visit(elsewhere, folder, "vera") as vera:
        shown = await (await listen(vera)).until("cell_silent")
        assert getattr(shown, "OutOfServiceState/Id") is True


async def test_nobody_suppresses_by_hand(
    front: Front, endpoint: str, line: Line, folder: Path
) -> None:
    began = line.tell("cell_silent", cell=2, **SILENT)
    async with visit(endpoint, folder, "mona") as mona:
        status = await act(mona, IDS.AlarmConditionType_Suppress, began)
        assert status.startswith("Bad")
        status = await act(mona, IDS.AlarmConditionType_Suppress2, began, "quiet")
        assert status.startswith("Bad")
    assert alarm_of(line, began).state.standing is Standing.UNACKNOWLEDGED
    assert len(line.events) == 1


async def test_what_lasts_is_told_again_and_counted(
    front: Front, endpoint: str, line: Line, folder: Path
) -> None:
    line.view = init_view(CELLS, POLICY, Retelling(high_s=1.0))
    async with visit(endpoint, folder, "vera") as vera:
        heard = await listen(vera)
        line.tell("cell_silent", cell=2, **SILENT)
        first = await heard.until("cell_silent")
        assert (first.ReAlarmRepeatCount, first.ReAlarmTime) == (0, 1000.0)
        counts = [(await heard.until("cell_silent")).ReAlarmRepeatCount for _ in range(2)]
        assert counts == sorted(set(counts))
        assert counts[0] >= 1
        line.tell("cell_unregulated", cell=1, active=True, section=0, age_s=9, reason="no plan")
        rare = await heard.until("cell_unregulated")
        assert (rare.ReAlarmRepeatCount, rare.ReAlarmTime) == (0, 1_800_000.0)


async def test_what_the_list_forgets_as_one_of_too_many_is_in_no_refresh_any_more(
    front: Front, line: Line
) -> None:
    """Else the server would keep for ever what came and went with ever new subjects."""
    details: dict[str, Any] = {
        "section": 0, "who": "emil", "limit": "high", "value": 4.0, "setpoint": "feed",
        "until": "10:00", "reason": "x",
    }  # fmt: skip
    retained = front.server.iserver.subscription_service._conditions
    for first, last in ((0, 900), (900, 1200)):
        for number in range(first, last):
            for active in (True, False):
                line.tell("approval_wanted", active=active, subject=f"r{number}", **details)
        await until(lambda: len(retained) == len(line.view.alarms.alarms))
    assert 500 <= len(retained) < 1000
