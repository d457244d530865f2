"""The front's server: what it shows, how old, to whom, and what it takes from whom."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from asyncua import ua

from control.bypasses import Bypass
from control.limit_changes import LimitRequest
from control.modes import Mode
from control.overrides import Override
from opcua.front.nodes import FRONT_TABLE
from opcua.front.server import Front, open_front
from opcua.object_types import declarations
from ops.plantfile import PlantFile
from ops.ports import free_port
from stream.accounts import AccountError
from stream.asking import Answer, Outcome
from stream.guarding import GuardState, init_guard_state
from stream.records import CommandKind
from tests.opcua.front.fronts import (
    CELLS,
    POLICY,
    Line,
    Visitor,
    front_settings,
    shows,
    visit,
)

FEED = "alumina_feed_rate_kg_per_h"


def state(section: int) -> GuardState:
    return init_guard_state(CELLS[section], POLICY)


@pytest_asyncio.fixture(name="line")
async def _line() -> Line:
    """A line of which both sections are known."""
    line = Line()
    for section in CELLS:
        line.know(section, state(section), time.time_ns())
    return line


@pytest_asyncio.fixture(name="front")
async def _front(plant: PlantFile, endpoint: str, line: Line) -> AsyncIterator[Front]:
    """A plain front, of observers."""
    async with open_front(front_settings(plant, endpoint), line.source) as front:
        yield front


@pytest_asyncio.fixture(name="guarded")
async def _guarded(
    plant: PlantFile, endpoint: str, line: Line, folder: Path
) -> AsyncIterator[Front]:
    """An encrypted front, of people with accounts."""
    settings = front_settings(plant, endpoint, certificates=folder)
    async with open_front(settings, line.source) as front:
        yield front


def status(value: ua.DataValue) -> str:
    return str(value.StatusCode.name)


async def test_what_was_never_read_is_bad_and_what_is_old_is_uncertain(
    plant: PlantFile, endpoint: str
) -> None:
    line = Line()
    async with open_front(front_settings(plant, endpoint), line.source), visit(endpoint) as visitor:
        name = "C001.Interlock.State"
        assert status(await visitor.read(name)) == "BadWaitingForInitialData"
        line.know(0, state(0), time.time_ns())
        await shows(visitor, name, lambda value: value.Value.Value == "ADVISORY")
        assert status(await visitor.read(name)) == "Good"
        assert status(await visitor.read("C003.Interlock.State")) == "BadWaitingForInitialData"
        assert status(await visitor.read("Line.Modes.ADVISORY")) == "BadWaitingForInitialData"
        line.know(1, state(1), time.time_ns() - 400 * 10**9)
        await shows(visitor, "Line.Modes.ADVISORY", lambda value: value.Value.Value == 3)
        assert status(await visitor.read("C003.Interlock.State")) == "UncertainLastUsableValue"
        line.is_following = False
        await shows(visitor, name, lambda one: status(one) == "UncertainLastUsableValue")
        assert (await visitor.read(name)).Value.Value == "ADVISORY"


@pytest.mark.contract(12)
async def test_the_line_shows_how_far_the_clock_of_scada_is_from_ours(
    front: Front, line: Line, endpoint: str
) -> None:
    del front
    name = "Line.Comm.ClockOffset"
    async with visit(endpoint) as visitor:
        assert status(await visitor.read(name)) == "BadWaitingForInitialData"
        told = line.tell(
            "scada_clock_measured",
            active=False,
            offset_ms=-42,
            error_ms=17,
            apart_ms=42,
            side="behind",
        )
        assert told.sentence.startswith("The clock of SCADA is 42 ms behind the guard's")
        await shows(visitor, name, lambda one: one.Value.Value == -42.0)
        assert status(await visitor.read(name)) == "Good"
        line.is_following = False
        await shows(visitor, name, lambda one: status(one) == "UncertainLastUsableValue")


async def test_a_cell_shows_who_moves_it_and_what_stands_against(
    front: Front, endpoint: str, line: Line
) -> None:
    now_ns = time.time_ns()
    until_ns = now_ns + 3600 * 10**9
    own = state(0)
    cell = msgspec.structs.replace(
        own.mode_of(2),
        wanted=Mode.AUTO,
        trip="line_without_current",
        later_trips=("cell_silent",),
        holds=("samples_stale",),
        sheds=("scada_lost", "cell_silent"),
        reason="line_without_current",
        who="olga",
    )
    override = Override("o", 2, FEED, 180.0, "olga", "operator", "tapping", now_ns, until_ns)
    bypass = Bypass("b", 2, "step", "emil", "engineer", "new beam", now_ns, until_ns)
    request = LimitRequest("r", FEED, "high", 250.0, "emil", "engineer", "crust", until_ns)
    line.know(
        0,
        msgspec.structs.replace(
            own,
            modes=own.modes | {"2": cell},
            overrides={f"2/{FEED}": override},
            bypasses={"2/step": bypass},
            requests={"r": request},
            limits={f"{FEED}/max_step": 5.0},
        ),
        now_ns,
    )
    async with visit(endpoint) as visitor:
        await shows(visitor, "C002.Interlock.State", lambda one: one.Value.Value == "TRIPPED")
        shown = {}
        for name in ("Wanted", "FirstOut", "LaterTrips", "Holds", "Sheds", "Who", "Bypass"):
            shown[name] = (await visitor.read(f"C002.Interlock.{name}")).Value.Value
        assert shown == {
            "Wanted": "AUTO",
            "FirstOut": "line_without_current",
            "LaterTrips": ["cell_silent"],
            "Holds": ["samples_stale"],
            "Sheds": ["scada_lost", "cell_silent"],
            "Who": "olga",
            "Bypass": ["step"],
        }
        (held,) = (await visitor.read("Line.Overrides")).Value.Value
        assert held.startswith(f"Cell 2: {FEED} at 180, by olga until ")
        assert (await visitor.read("Line.Modes.TRIPPED")).Value.Value == 1
        assert (await visitor.read("Line.Requests.Digest")).Value.Value == [request.digest]
        assert (await visitor.read("Line.Limits")).Value.Value == [f"max_step of {FEED} is 5"]
        # No move of it was ever seen.
        moved = await visitor.read("C002.Moves.AluminaFeedRate.State")
        assert status(moved) == "BadWaitingForInitialData"


async def test_nobody_writes_and_observers_ask_for_nothing(
    front: Front, endpoint: str, line: Line
) -> None:
    async with visit(endpoint) as visitor:
        node = visitor.client.get_node(visitor.node_id("C001.Interlock.State"))
        with pytest.raises(ua.UaStatusCodeError, match="BadNotWritable"):
            await node.write_value("AUTO")
        with pytest.raises(ua.UaStatusCodeError, match="BadUserAccessDenied"):
            await visitor.client.nodes.objects.add_object(visitor.namespace, "intruder")
        result = await visitor.call("SwitchOff", 1, "x")
        assert result.StatusCode.name == "BadUserAccessDenied"
        assert result.OutputArguments[0].Value == "anonymous is Observer, who may ask nothing."
        await shows(visitor, "Line.CallsRefused", lambda one: one.Value.Value == 1)
    assert line.asked == []


async def test_types_declare_what_instances_have(front: Front, endpoint: str) -> None:
    async with visit(endpoint) as visitor:
        places = {"ControlledLineType": "Line", "ControlledCellType": "Line/Cells/C002"}
        for one in declarations(FRONT_TABLE):
            declared = visitor.client.get_node(visitor.node_id("/".join(one.path)))
            assert (await declared.read_browse_name()).Name == one.path[-1]
        for kind, place in places.items():
            instance = visitor.client.get_node(visitor.node_id(place))
            assert await instance.read_type_definition() == visitor.node_id(kind)


@pytest.mark.parametrize(
    ("endpoint_", "is_fine"),
    [("opc.tcp://127.0.0.1:4841", True), ("opc.tcp://0.0.0.0:4841", False)],
)
def test_plain_connections_are_for_this_machine_only(
    plant: PlantFile, endpoint_: str, is_fine: bool
) -> None:
    if is_fine:
        front_settings(plant, endpoint_)
    else:
        with pytest.raises(ValueError, match=r"Remedy: set front\.certificates"):
            front_settings(plant, endpoint_)


async def test_a_front_without_people_does_not_start(
    plant: PlantFile, folder: Path, tmp_path: Path
) -> None:
    for name in ("front", "trusted"):
        (tmp_path / name).symlink_to(folder / name)
    settings = front_settings(plant, f"opc.tcp://127.0.0.1:{free_port()}", certificates=tmp_path)
    with pytest.raises(AccountError, match="potline people"):
        async with open_front(settings, Line().source):
            pass


async def test_a_person_asks_in_their_own_name(
    guarded: Front, endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "olga") as visitor:
        result = await visitor.call("ApplyOverride", 2, FEED, 180.0, 600.0, "tapping")
    assert result.StatusCode.is_good()
    (command,) = line.asked
    assert [one.Value for one in result.OutputArguments] == ["", command.command_id]
    assert (command.kind, command.section, command.cell) == (CommandKind.APPLY_OVERRIDE, 0, 2)
    assert (command.issued_by, command.role, command.reason) == ("olga", "operator", "tapping")
    assert (command.setpoint, command.value, command.duration_s) == (FEED, 180.0, 600.0)
    assert command.expires_ns - command.t_issued_ns == 3 * 10**9


async def test_two_sessions_are_never_taken_for_each_other(
    guarded: Front, endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "olga") as olga, visit(endpoint, folder, "mona") as mona:

        async def ask(who: Visitor, reason: str) -> None:
            assert (await who.call("SwitchOff", 1, reason)).StatusCode.is_good()

        await asyncio.gather(*(ask(who, name) for name, who in _often(olga=olga, mona=mona)))
    assert len(line.asked) == 8
    assert all(command.issued_by == command.reason for command in line.asked)


def _often(**visitors: Visitor) -> list[tuple[str, Visitor]]:
    return [one for _ in range(4) for one in visitors.items()]


async def test_the_whole_line_is_every_section_with_one_id(
    guarded: Front, endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "emil") as visitor:
        await visitor.call("SwitchOff", 0, "storm")
        await visitor.call("RequestLimit", FEED, "high", 250.0, "crust")
    off, limit = line.asked[:2], line.asked[2:]
    for commands in (off, limit):
        assert [command.section for command in commands] == [0, 1]
        assert {command.cell for command in commands} == {0}
        assert len({command.command_id for command in commands}) == 1


@pytest.mark.parametrize(
    ("outcome", "wanted"),
    [
        (Outcome.REFUSED, "BadRequestNotAllowed"),
        (Outcome.UNANSWERED, "BadTimeout"),
        (Outcome.NOT_SENT, "BadCommunicationError"),
    ],
)
async def test_what_is_not_obeyed_has_a_status_and_a_sentence(
    guarded: Front, endpoint: str, line: Line, folder: Path, outcome: Outcome, wanted: str
) -> None:
    line.answer = Answer(outcome, "Cell 1: set_mode by olga refused: no samples.")
    async with visit(endpoint, folder, "olga") as visitor:
        result = await visitor.call("SetMode", 1, "AUTO", "start")
    assert result.StatusCode.name == wanted
    assert result.OutputArguments[0].Value == line.answer.sentence


async def test_a_request_that_nobody_made_cannot_be_approved(
    guarded: Front, endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "emil") as visitor:
        result = await visitor.call("Approve", "r", "abc")
    assert result.StatusCode.name == "BadNotFound"
    assert line.asked == []


async def test_an_unsound_argument_never_comes_to_the_guard(
    guarded: Front, endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "olga") as visitor:
        result = await visitor.call("ApplyOverride", 2, FEED, float("nan"), 600.0, "tapping")
        assert result.StatusCode.name == "BadInvalidArgument"
        names = [one.name for one in result.InputArgumentResults]
        assert names == ["Good", "Good", "BadOutOfRange", "Good", "Good"]
        few = await visitor.call("SwitchOff")
        assert few.StatusCode.name == "BadArgumentsMissing"
    assert line.asked == []


@pytest.mark.parametrize("user", ["nobody", "hmi", "guard"])
async def test_who_has_no_account_does_not_come_in(
    guarded: Front, endpoint: str, folder: Path, user: str
) -> None:
    async def come() -> None:
        async with visit(endpoint, folder, user):
            pass

    refused: Awaitable[None] = come()
    with pytest.raises(ua.UaError):
        await refused
