"""The front before a real guard: what people ask by OPC UA is obeyed or refused, and shown."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from asyncua import ua

from control.alarms import Standing
from control.modes import Mode
from opcua.front.conditions import condition_id
from opcua.front.server import Front
from ops.front import followed_front
from ops.ports import free_port
from stream.active import subject_of
from stream.alarm import Alarm
from stream.orders import limits_in_force
from stream.records import Event
from tests.opcua.front.fronts import hmi_security, shows, visit
from tests.opcua.front.guarded import calm_line, guarded_front, shared_line  # noqa: F401
from tests.opcua.node_peer import require_node, run_client
from tests.stream.guard_cases import (
    _PARTITIONS,
    AUTOMATIC,
    FEED,
    SECTIONS,
    GuardedLine,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
UNANSWERED_AFTER_S = 2.0


async def test_what_is_asked_is_obeyed_and_shown(
    line: GuardedLine, front: Front, folder: Path
) -> None:
    endpoint = front.settings.endpoint
    async with line.guard() as life, visit(endpoint, folder, "olga") as olga:
        await life.ready()
        await shows(olga, "C001.Interlock.State", lambda one: one.Value.Value == "AUTO")
        held = await olga.call("ApplyOverride", 1, FEED, 200.0, 600.0, "tapping")
        assert held.StatusCode.is_good(), held.OutputArguments
        assert f"1/{FEED}" in life.guard._keeper.state(0).overrides
        await shows(olga, "C001.Interlock.Overrides", lambda one: len(one.Value.Value) == 1)
        await shows(
            olga, "C001.Moves.AluminaFeedRate.AskedBy", lambda one: one.Value.Value == "olga"
        )

        released = await olga.call("ReleaseOverride", 1, FEED)
        assert released.StatusCode.is_good(), released.OutputArguments
        again = await olga.call("ReleaseOverride", 1, FEED)
        assert again.StatusCode.name == "BadRequestNotAllowed"
        assert again.OutputArguments[0].Value == (
            "Cell 1: release_override by olga refused: there is no such override."
        )

        off = await olga.call("SwitchOff", 0, "storm")
        assert off.StatusCode.is_good(), off.OutputArguments
        assert {life.mode(cell) for cell in (1, 2, 3, 4)} == {Mode.OFF}
        await shows(olga, "Line.Modes.OFF", lambda one: one.Value.Value == 4)
        who = await olga.read("C003.Interlock.Who")
        assert who.Value.Value == "olga"
        # A bypass is an engineer's, which is for the guard to say.
        bypass = await olga.call("RequestBypass", 1, "step", 600.0, "new beam")
        assert "the role 'operator' may not bypass" in bypass.OutputArguments[0].Value
    issued = {entry.actor for entry in line.audited() if entry.action == "command"}
    assert issued == {"olga"}


@pytest.mark.contract(10)
async def test_two_people_together_change_a_limit(
    line: GuardedLine, front: Front, folder: Path
) -> None:
    endpoint = front.settings.endpoint
    async with (
        line.guard() as life,
        visit(endpoint, folder, "emil") as emil,
        visit(endpoint, folder, "erna") as erna,
    ):
        asked = await emil.call("RequestLimit", FEED, "high", 210.0, "crust")
        assert asked.StatusCode.is_good(), asked.OutputArguments
        request_id = asked.OutputArguments[1].Value
        await shows(erna, "Line.Requests.Id", lambda one: one.Value.Value == [request_id])
        (digest,) = (await erna.read("Line.Requests.Digest")).Value.Value

        alone = await emil.call("Approve", request_id, digest)
        assert alone.StatusCode.name == "BadRequestNotAllowed"
        assert "emil asked for it; somebody else has to approve it" in (
            alone.OutputArguments[0].Value
        )
        other = await erna.call("Approve", request_id, "0" * 64)
        assert other.StatusCode.name == "BadRequestNotAllowed"
        assert all(not life.guard._keeper.state(section).limits for section in SECTIONS)

        together = await erna.call("Approve", request_id, digest)
        assert together.StatusCode.is_good(), together.OutputArguments
        plant = life.guard._settings.limits
        for section in SECTIONS:
            in_force = limits_in_force(life.guard._keeper.state(section), plant)
            assert in_force.setpoints[FEED].high == 210.0 < plant.setpoints[FEED].high
        await shows(erna, "Line.Limits", lambda one: len(one.Value.Value) == 1)


async def test_a_command_without_a_guard_may_still_be_obeyed_and_is_not(
    line: GuardedLine,
    front: Front,
    folder: Path,
    shared_line: GuardedLine,  # noqa: F811
) -> None:
    impatient = replace(
        front.settings,
        endpoint=f"opc.tcp://127.0.0.1:{free_port()}/front",
        answer_within_s=UNANSWERED_AFTER_S,
    )
    async with (
        followed_front(impatient, line.connection, _PARTITIONS, AUTOMATIC) as alone,
        visit(alone.settings.endpoint, folder, "olga") as olga,
    ):
        result = await olga.call("SwitchOff", 1, "storm")
    assert result.StatusCode.name == "BadTimeout"
    assert "it may still obey switch_off" in result.OutputArguments[0].Value
    async with line.guard() as life:

        def is_meant(event: Event) -> bool:
            refused = event.name == "command_refused"
            command_id = result.OutputArguments[1].Value
            return refused and event.details["command_id"] == command_id

        refused = await line.log.told(is_meant)
        assert refused.details["reason"] == "it came too late"
        assert life.mode(1) is not Mode.OFF


@pytest.mark.slow
async def test_without_the_guard_what_is_shown_looks_old(
    line: GuardedLine, front: Front, folder: Path
) -> None:
    """A loop goes on deciding, and nobody answers."""
    async with visit(front.settings.endpoint, folder, "vera") as vera:
        name = "C001.Interlock.State"
        async with line.guard() as life:
            await life.ready()
            await shows(vera, name, lambda one: one.Value.Value == "AUTO")
            assert (await vera.read(name)).StatusCode.is_good()
        await line.loop.propose(1, 180.0)
        async with asyncio.timeout(60.0):
            while (await vera.read(name)).StatusCode.is_good():  # noqa: ASYNC110 - remote
                await asyncio.sleep(0.2)
        shown = await vera.read(name)
        assert shown.StatusCode.name == "UncertainLastUsableValue"
        assert shown.Value.Value == "AUTO"
        assert (await vera.read("C003.Interlock.State")).StatusCode.is_good(), "another section"
        line_wide = await vera.read("Line.Modes.AUTO")
        assert line_wide.StatusCode.name == "UncertainLastUsableValue"


async def test_what_people_did_about_an_alarm_stays_so_when_the_front_starts_again(
    line: GuardedLine, front: Front, folder: Path
) -> None:
    async with line.guard():
        async with visit(front.settings.endpoint, folder, "emil") as emil:
            left_out = await emil.call("RequestBypass", 4, "step", 600.0, "new beam")
            assert left_out.StatusCode.is_good(), left_out.OutputArguments
            began = await line.log.told(
                lambda event: event.name == "bypass_active" and event.cell == 4
            )
            name = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
            request = ua.CallMethodRequest(
                ObjectId=condition_id(subject_of(began), emil.namespace),
                MethodId=name,
                InputArguments=[
                    ua.Variant(f"{began.event_id}~0".encode(), ua.VariantType.ByteString),
                    ua.Variant(ua.LocalizedText("mine"), ua.VariantType.LocalizedText),
                ],
            )
            await until(lambda: subject_of(began) in alarms_of(front))
            (result,) = await emil.client.uaclient.call([request])
            assert result.StatusCode.is_good(), result.StatusCode
            await until(lambda: alarms_of(front)[subject_of(began)].state.is_acknowledged)
            request = ua.CallMethodRequest(
                ObjectId=condition_id(subject_of(began), emil.namespace),
                MethodId=ua.NodeId(ua.ObjectIds.AlarmConditionType_RemoveFromService2),
                InputArguments=[
                    ua.Variant(ua.LocalizedText("known"), ua.VariantType.LocalizedText)
                ],
            )
            (result,) = await emil.client.uaclient.call([request])
            assert result.StatusCode.is_good(), result.StatusCode
        told = await line.log.told(lambda event: event.name == "alarm_acknowledged")
        assert told.sentence == "Cell 4: bypass_active acknowledged by emil: mine."
        settings = replace(front.settings, endpoint=f"opc.tcp://127.0.0.1:{free_port()}/front")
        async with followed_front(settings, line.connection, _PARTITIONS, AUTOMATIC) as again:
            await until(lambda: subject_of(began) in alarms_of(again))
            alarm = alarms_of(again)[subject_of(began)]
            assert alarm.state.standing is Standing.OUT_OF_SERVICE
            assert alarm.state.is_acknowledged
            assert (alarm.who, alarm.comment) == ("emil", "known")


def alarms_of(front: Front) -> Mapping[str, Alarm]:
    return front._source.view().alarms.alarms


async def test_another_stack_reads_and_asks_too(
    line: GuardedLine, front: Front, folder: Path, tmp_path: Path
) -> None:
    node = require_node()
    cell = {"type": "UInt16", "value": 2}
    reason = {"type": "String", "value": "storm"}
    async with line.guard() as life:
        await life.ready()
        answer = await run_client(
            node,
            front.settings.endpoint,
            tmp_path,
            {
                "namespace": "urn:potline:front:1",
                "security": hmi_security(folder, "olga"),
                "call": [
                    {"object": "Line", "method": "Line/SwitchOff", "inputs": [cell, reason]},
                    {"object": "Line", "method": "Line/ResetTrip", "inputs": [cell, reason]},
                    {"object": "Line", "method": "Line/SwitchOff", "inputs": [cell]},
                ],
                "read": ["Line.Modes.OFF"],
            },
        )
        assert life.mode(2) is Mode.OFF
    off, reset, few = answer["called"]
    assert off["status"] == "Good"
    assert reset["status"] == "BadRequestNotAllowed"
    assert reset["outputs"][0] == ("Cell 2: reset_trip by olga refused: the cell is not tripped.")
    assert few["status"] == "BadArgumentsMissing"
    assert answer["read"]["Line.Modes.OFF"]["status"] == "Good"
