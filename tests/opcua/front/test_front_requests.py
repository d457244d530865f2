"""RequestSetpoints before a real guard: what an optimiser from outside asks is written, or held."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua

from opcua.front.server import Front
from ops.front import followed_front
from ops.ports import free_port
from stream.audit.entries import INTENT, RESULT
from tests.opcua.front.fronts import Visitor, hmi_security, shows, visit
from tests.opcua.front.guarded import calm_line, guarded_front, shared_line  # noqa: F401
from tests.opcua.node_peer import require_node, run_client
from tests.stream.guard_cases import (
    _PARTITIONS,
    AUTOMATIC,
    FEED,
    GuardedLine,
    until,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
KIND = ua.VariantType


async def ask(visitor: Visitor, request_id: str, values: dict[int, float]) -> Any:
    """Ask for feed rates, as good for half a minute."""
    return await visitor.call(
        "RequestSetpoints",
        ua.Variant(request_id, KIND.String),
        ua.Variant(datetime.now(UTC) + timedelta(seconds=30.0), KIND.DateTime),
        ua.Variant(list(values), KIND.UInt16),
        ua.Variant(FEED, KIND.String),
        ua.Variant(list(values.values()), KIND.Double),
        ua.Variant("trial", KIND.String),
    )


def names(result: ua.CallMethodResult) -> list[str]:
    return [one.name for one in result.OutputArguments[1].Value]


@pytest.mark.contract(5, 6)
async def test_what_is_asked_is_written_in_the_name_of_the_account_and_once(
    line: GuardedLine, front: Front, folder: Path
) -> None:
    endpoint = front.settings.endpoint
    async with line.guard() as life, visit(endpoint, folder, "hal") as hal:
        await life.ready()
        wanted = {2: line.feed(2) + 2.0, 3: line.feed(3) + 3.0}  # of two sections
        result = await ask(hal, "first", wanted)
        assert result.StatusCode.is_good(), result.OutputArguments[0]
        assert names(result) == ["Good", "Good"], result.OutputArguments[3]
        assert result.OutputArguments[2].Value == pytest.approx(list(wanted.values()))
        for cell, value in wanted.items():
            assert line.feed(cell) == pytest.approx(value, abs=0.05)
        await shows(hal, "C002.Moves.AluminaFeedRate.AskedBy", lambda one: one.Value.Value == "hal")

        # Another front, which knows of it by `moves` alone.
        other = replace(front.settings, endpoint=f"opc.tcp://127.0.0.1:{free_port()}/front")
        async with followed_front(other, line.connection, _PARTITIONS, AUTOMATIC) as again:
            await until(again._source.is_following)
            async with visit(other.endpoint, folder, "hal") as same:
                repeated = await ask(same, "first", wanted)
                assert names(repeated) == ["Good", "Good"]
                changed = await ask(same, "first", {2: 100.0})
                assert changed.InputArgumentResults[0].name == "BadEntryExists"
    rows = [row for row in line.audited() if row.request_id.startswith("hal:first/2/")]
    assert [row.action for row in rows] == [INTENT, RESULT]
    assert {(row.actor, row.role) for row in rows} == {("hal", "optimiser")}


@pytest.mark.contract(10)
async def test_what_a_person_holds_is_held_against_it_too(
    line: GuardedLine, front: Front, folder: Path
) -> None:
    endpoint = front.settings.endpoint
    async with (
        line.guard() as life,
        visit(endpoint, folder, "olga") as olga,
        visit(endpoint, folder, "hal") as hal,
    ):
        await life.ready()
        held = await olga.call("ApplyOverride", 1, FEED, 200.0, 600.0, "tapping")
        assert held.StatusCode.is_good(), held.OutputArguments
        result = await ask(hal, "against", {1: 150.0, 2: line.feed(2)})
        assert result.StatusCode.is_good(), "each cell has a result of its own"
        assert names(result) == ["BadRequestNotAllowed", "Good"], result.OutputArguments[3]
        assert "olga holds it at 200: tapping" in result.OutputArguments[3].Value[0]
        await until(lambda: line.feed(1) == pytest.approx(200.0, abs=0.05))


async def test_another_stack_asks_for_setpoints(
    line: GuardedLine, front: Front, folder: Path, tmp_path: Path
) -> None:
    node = require_node()
    # The start of another stack may take a busy machine for seconds, and samples with it.
    async with line.guard(max_input_age_s=30.0) as life:
        await life.ready()
        wanted = line.feed(4) + 2.0

        def inputs(value: float | str) -> list[dict[str, Any]]:
            return [
                {"type": "String", "value": "other stack"},
                {
                    "type": "DateTime",
                    "value": (datetime.now(UTC) + timedelta(seconds=45)).isoformat(),
                },
                {"type": "UInt16", "value": [4], "array": True},
                {"type": "String", "value": FEED},
                {"type": "Double", "value": [value], "array": True},
                {"type": "String", "value": "trial"},
            ]

        call = {"object": "Line", "method": "Line/RequestSetpoints"}
        answer = await run_client(
            node,
            front.settings.endpoint,
            tmp_path,
            {
                "namespace": "urn:potline:front:1",
                "security": hmi_security(folder, "hal"),
                "call": [
                    {**call, "inputs": inputs(wanted)},
                    {**call, "inputs": inputs("NaN")},
                ],
            },
        )
        done, unsound = answer["called"]
        assert done["status"] == "Good"
        sentence, results, applied, sentences = done["outputs"]
        assert sentence in ("", None)
        assert results == ["Good"], sentences
        assert line.feed(4) == pytest.approx(wanted, abs=0.05)
    assert applied == pytest.approx([wanted])
    assert sentences == ["trial"]
    assert unsound["status"] == "BadInvalidArgument"
    assert unsound["outputs"][1] == ["BadOutOfRange"]
