"""RequestSetpoints at a front: what is sound, what is sent, and what a caller is told."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from asyncua import ua

from control.modes import Mode
from opcua.front.server import Front, open_front
from opcua.front.setpoint_call import (
    SetpointFault,
    SetpointWish,
    expiry_fault,
    read_request,
)
from opcua.scans import to_ns
from ops.plantfile import load_plant
from ops.ports import free_port
from stream.records import Move, MoveState, SetpointRequest
from stream.request_book import Asked, RequestBook
from tests.opcua.conftest import PLANTS
from tests.opcua.front.fronts import Line, Visitor, front_settings, visit

shared_loop = pytest.mark.asyncio(loop_scope="module")
FEED = "alumina_feed_rate_kg_per_h"
CELLS = frozenset({1, 2, 3})
NOW = datetime(2026, 12, 1, tzinfo=UTC)
CODES, KIND = ua.StatusCodes, ua.VariantType
_NUMBERS = count(100)
FIELDS = ("request_id", "expires", "cells", "setpoint", "values", "reason")


def arguments(**changes: ua.Variant) -> list[ua.Variant]:
    """Sound arguments, with some in the place of others."""
    sound = {
        "request_id": ua.Variant("r-1", KIND.String),
        "expires": ua.Variant(NOW + timedelta(seconds=5), KIND.DateTime),
        "cells": ua.Variant([1, 3], KIND.UInt16),
        "setpoint": ua.Variant(FEED, KIND.String),
        "values": ua.Variant([180.0, 182.0], KIND.Double),
        "reason": ua.Variant("trial", KIND.String),
    }
    return list((sound | changes).values())


def read(**changes: ua.Variant) -> SetpointWish | SetpointFault:
    return read_request(arguments(**changes), CELLS, frozenset({FEED}))


def test_a_sound_call_is_a_wish() -> None:
    expires_ns = to_ns(NOW + timedelta(seconds=5))
    asked = Asked(FEED, {1: 180.0, 3: 182.0})
    assert read() == SetpointWish("r-1", expires_ns, asked, "trial")


@pytest.mark.parametrize(
    ("changes", "field", "code", "sentence"),
    [
        ({"request_id": ua.Variant("", KIND.String)}, "request_id", CODES.BadOutOfRange, "1 to"),
        (
            {"request_id": ua.Variant(7, KIND.Int32)},
            "request_id",
            CODES.BadTypeMismatch,
            "RequestId has to be String.",
        ),
        ({"expires": ua.Variant(None, KIND.DateTime)}, "expires", CODES.BadTypeMismatch, "empty"),
        ({"setpoint": ua.Variant("x", KIND.String)}, "setpoint", CODES.BadOutOfRange, "there are"),
        ({"cells": ua.Variant([], KIND.UInt16)}, "cells", CODES.BadNothingToDo, "is empty"),
        (
            {"cells": ua.Variant(1, KIND.UInt16)},
            "cells",
            CODES.BadTypeMismatch,
            "CellIds has to be a list of UInt16.",
        ),
        (
            {"cells": ua.Variant([1, 2, 3, 1], KIND.UInt16)},
            "cells",
            CODES.BadTooManyOperations,
            "names 4 cells, and the line has 3",
        ),
        ({"cells": ua.Variant([1], KIND.UInt16)}, "values", CODES.BadOutOfRange, "one for each"),
        ({"cells": ua.Variant([1, 9], KIND.UInt16)}, "cells", CODES.BadOutOfRange, "no cell 9"),
        ({"cells": ua.Variant([3, 3], KIND.UInt16)}, "cells", CODES.BadEntryExists, "named twice"),
        (
            {"values": ua.Variant([180.0, math.nan], KIND.Double)},
            "values",
            CODES.BadOutOfRange,
            "The value of cell 3, nan, is no finite number.",
        ),
        (
            {"values": ua.Variant([math.inf, 180.0], KIND.Double)},
            "values",
            CODES.BadOutOfRange,
            "cell 1, inf",
        ),
        ({"values": ua.Variant([180, 1], KIND.Int32)}, "values", CODES.BadTypeMismatch, "Double"),
        ({"reason": ua.Variant("a\nb", KIND.String)}, "reason", CODES.BadOutOfRange, "one line"),
    ],
)
def test_an_unsound_argument_is_named(
    changes: dict[str, ua.Variant], field: str, code: int, sentence: str
) -> None:
    fault = read(**changes)
    assert isinstance(fault, SetpointFault)
    assert fault.code == CODES.BadInvalidArgument
    assert sentence in fault.sentence
    assert fault.arguments == tuple(code if one == field else CODES.Good for one in FIELDS)


def test_each_cell_has_a_status_of_its_own() -> None:
    fault = read(
        cells=ua.Variant([2, 9, 1], KIND.UInt16),
        values=ua.Variant([1.0, 1.0, math.nan], KIND.Double),
    )
    assert isinstance(fault, SetpointFault)
    assert fault.cells == (CODES.Good, CODES.BadOutOfRange, CODES.BadOutOfRange)


@pytest.mark.parametrize(("count", "code"), [(2, "Missing"), (7, "TooMany")])
def test_the_number_of_arguments_is_checked(count: int, code: str) -> None:
    fault = read_request((arguments() * 2)[:count], CELLS, frozenset({FEED}))
    assert isinstance(fault, SetpointFault)
    assert code in ua.StatusCode(fault.code).name


@pytest.mark.contract(15)
@pytest.mark.parametrize(
    ("seconds", "said"), [(-1.0, "was 1.0 s ago"), (0.0, "ago"), (61.0, "60 s at most"), (60.0, "")]
)
def test_a_request_is_good_for_a_scan_and_no_longer(seconds: float, said: str) -> None:
    wish = read(expires=ua.Variant(NOW + timedelta(seconds=seconds), KIND.DateTime))
    assert isinstance(wish, SetpointWish)
    fault = expiry_fault(wish, to_ns(NOW), 60.0)
    assert (fault is None) == (said == "")
    assert fault is None or said in fault.sentence


def moves_of(request: SetpointRequest, **changes: Any) -> list[Move]:
    """What the guard says when it does what was asked."""
    sound = Move(
        move_id="",
        proposal_id="",
        section=request.section,
        cell=0,
        setpoint=request.setpoint,
        state=MoveState.VERIFIED,
        mode=Mode.AUTO,
        asked=0.0,
        applied=0.0,
        previous=179.0,
        readback=0.0,
        reasons=[request.reason],
        attempts=1,
        t_plant_s=0.0,
        t_source_ns=request.t_issued_ns,
        t_received_ns=request.t_issued_ns,
        t_estimated_ns=request.t_issued_ns,
        t_decided_ns=request.t_issued_ns,
        t_permitted_ns=request.t_issued_ns,
        t_written_ns=None,
        t_verified_ns=None,
        asked_by=request.issued_by,
        role=request.role,
    )
    return [
        msgspec.structs.replace(
            sound,
            **{
                "move_id": f"{request.decision_id}/{cell}/{request.setpoint}",
                "proposal_id": f"{request.decision_id}/{cell}",
                "cell": cell,
                "asked": value,
                "applied": value,
            }
            | changes,
        )
        for cell, value in request.values.items()
    ]


@pytest_asyncio.fixture(name="running", scope="module", loop_scope="module")
async def _running(folder: Path) -> AsyncIterator[tuple[Front, Line]]:
    """One front for all tests, and the line that it shows."""
    plant, line = load_plant(PLANTS / "reference-300ka.toml", 3), Line()
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/front"
    settings = front_settings(plant, endpoint, certificates=folder, answer_within_s=0.5)
    async with open_front(settings, line.source) as front:
        yield front, line


@pytest.fixture(name="line")
def _line(running: tuple[Front, Line]) -> Line:
    """A line whose guard does what it is asked, and callers who have not called yet."""
    front, line = running
    line.moves, line.is_following = moves_of, True
    line.requested.clear()
    line.refuses.clear()
    front.gate._accounts.clear()
    return line


@pytest.fixture(name="endpoint")
def _endpoint(running: tuple[Front, Line]) -> str:
    return running[0].settings.endpoint


async def ask(
    visitor: Visitor, request_id: str = "", seconds: float = 5.0, **changes: ua.Variant
) -> Any:
    """Ask for what is good for so long, under an id that is new unless it is given."""
    own = {
        "request_id": ua.Variant(request_id or f"r-{next(_NUMBERS)}", KIND.String),
        "expires": ua.Variant(datetime.now(UTC) + timedelta(seconds=seconds), KIND.DateTime),
    }
    return await visitor.call("RequestSetpoints", *arguments(**{**own, **changes}))


def names(result: ua.CallMethodResult) -> list[str]:
    return [one.name for one in result.OutputArguments[1].Value]


@shared_loop
async def test_what_is_asked_goes_to_each_section_and_is_answered_by_cell(
    endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "hal") as hal:
        result = await ask(hal)
    assert result.StatusCode.is_good()
    assert names(result) == ["Good", "Good"]
    assert [one.Value for one in result.OutputArguments[2:]] == [[180.0, 182.0], ["trial"] * 2]
    assert [(one.section, one.values) for one in line.requested] == [
        (0, {1: 180.0}),
        (1, {3: 182.0}),
    ]
    (first, second) = line.requested
    assert (first.issued_by, first.role, first.reason) == ("hal", "optimiser", "trial")
    assert first.request_id == second.request_id
    assert first.t_issued_ns == second.t_issued_ns
    assert 4.0e9 < first.expires_ns - first.t_issued_ns <= 5.0e9
    assert line.asked == []


@pytest.mark.parametrize(
    ("changes", "wanted", "applied"),
    [
        ({"applied": 181.0}, "GoodClamped", 181.0),
        ({"state": MoveState.HELD, "applied": None}, "BadRequestNotAllowed", math.nan),
        ({"state": MoveState.FAILED}, "BadDeviceFailure", math.nan),
        ({"state": MoveState.EXPIRED}, "BadRequestTimeout", math.nan),
        ({"state": MoveState.HELD, "t_permitted_ns": 2**62}, "BadRequestTimeout", math.nan),
        ({"state": MoveState.INTENT}, "BadTimeout", math.nan),
    ],
)
@shared_loop
async def test_a_cell_has_what_became_of_it(
    endpoint: str,
    line: Line,
    folder: Path,
    changes: dict[str, Any],
    wanted: str,
    applied: float,
) -> None:
    line.moves = lambda request: moves_of(request, **(changes if request.section else {}))
    async with visit(endpoint, folder, "hal") as hal:
        result = await ask(hal)
    assert result.StatusCode.is_good(), "each cell has a status of its own"
    assert names(result) == ["Good", wanted]
    assert result.OutputArguments[2].Value == pytest.approx([180.0, applied], nan_ok=True)
    assert result.OutputArguments[3].Value[1]


@pytest.mark.contract(15)
@shared_loop
async def test_a_request_that_comes_again_is_answered_and_not_sent(
    endpoint: str, line: Line, folder: Path
) -> None:
    """Also when it has expired since, and when only `moves` tell of it."""
    async with visit(endpoint, folder, "hal") as hal:
        assert names(await ask(hal, "once")) == ["Good", "Good"]
        assert names(await ask(hal, "once", seconds=-1.0)) == ["Good", "Good"]
        other = await ask(hal, "once", values=ua.Variant([180.0, 183.0], KIND.Double))
        assert other.StatusCode.name == "BadInvalidArgument"
        assert other.InputArgumentResults[0].name == "BadEntryExists"
        assert "'once' was used for something else" in other.OutputArguments[0].Value
        assert len(line.requested) == 2
        told = SetpointRequest(
            request_id="r-0",
            section=0,
            setpoint=FEED,
            values={1: 180.0},
            issued_by="hal",
            role="optimiser",
            reason="trial",
            t_issued_ns=1,
            expires_ns=2,
        )
        for move in moves_of(told):
            line.book.take(move)
        one = {"cells": ua.Variant([1], KIND.UInt16)}
        again = await ask(hal, "r-0", **one, values=ua.Variant([180.0], KIND.Double))
        assert names(again) == ["Good"]
        different = await ask(hal, "r-0", **one, values=ua.Variant([181.0], KIND.Double))
        assert different.StatusCode.name == "BadInvalidArgument"
    assert len(line.requested) == 2


@shared_loop
async def test_two_calls_of_one_request_are_sent_once(
    endpoint: str, line: Line, folder: Path
) -> None:
    line.moves = lambda _: []
    async with visit(endpoint, folder, "hal") as hal, visit(endpoint, folder, "hal") as twin:
        calls = asyncio.gather(ask(hal, "both"), ask(twin, "both"))
        while len(line.requested) < 2:  # noqa: ASYNC110 - the other side's
            await asyncio.sleep(0.01)
        for request in list(line.requested):
            for move in moves_of(request):
                line.book.take(move)
        assert [names(result) for result in await calls] == [["Good", "Good"]] * 2
    assert len(line.requested) == 2


@shared_loop
async def test_what_could_not_be_sent_is_sent_by_the_next_call(
    endpoint: str, line: Line, folder: Path
) -> None:
    line.refuses.add(1)
    async with visit(endpoint, folder, "hal") as hal:
        assert names(await ask(hal, "partly")) == ["Good", "BadCommunicationError"]
        line.refuses.clear()
        assert names(await ask(hal, "partly")) == ["Good", "Good"]
    assert [request.section for request in line.requested] == [0, 1]


@shared_loop
async def test_nothing_is_sent_where_nobody_would_know_what_came_of_it(
    endpoint: str, line: Line, folder: Path
) -> None:
    line.is_following = False
    async with visit(endpoint, folder, "hal") as hal:
        result = await ask(hal)
    assert result.StatusCode.name == "BadCommunicationError"
    assert line.requested == []


@shared_loop
async def test_without_an_answer_the_caller_is_told_to_look_again(
    endpoint: str, line: Line, folder: Path
) -> None:
    line.moves = lambda _: []
    began = time.monotonic()
    async with visit(endpoint, folder, "hal") as hal:
        result = await ask(hal)
    assert names(result) == ["BadTimeout", "BadTimeout"]
    assert "Call again with the same RequestId" in result.OutputArguments[3].Value[0]
    assert time.monotonic() - began >= 0.5


@shared_loop
async def test_an_unsound_call_sends_nothing_and_no_cell_of_it_is_good(
    endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "hal") as hal:
        result = await ask(hal, values=ua.Variant([180.0, math.nan], KIND.Double))
        assert result.StatusCode.name == "BadInvalidArgument"
        assert [one.name for one in result.InputArgumentResults] == [
            "Good",
            "Good",
            "Good",
            "Good",
            "BadOutOfRange",
            "Good",
        ]
        assert names(result) == ["BadRequestNotAllowed", "BadOutOfRange"]
        late = await ask(hal, seconds=-1.0)
        assert late.InputArgumentResults[1].name == "BadOutOfRange"
        far = await ask(hal, seconds=120.0)
        assert far.StatusCode.name == "BadInvalidArgument"
    assert line.requested == []


@pytest.mark.parametrize("user", ["olga", "emil", "mona", "vera"])
@shared_loop
async def test_people_cannot_ask_for_an_optimiser(
    endpoint: str, line: Line, folder: Path, user: str
) -> None:
    async with visit(endpoint, folder, user) as visitor:
        result = await ask(visitor)
    assert result.StatusCode.name == "BadUserAccessDenied"
    assert line.requested == []


@shared_loop
async def test_an_optimiser_can_ask_for_nothing_that_is_people_s(
    endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "hal") as hal:
        for method, own in (
            ("SwitchOff", (1, "storm")),
            ("ApplyOverride", (1, FEED, 180.0, 60.0, "x")),
        ):
            result = await hal.call(method, *own)
            assert result.StatusCode.name == "BadUserAccessDenied"
            assert result.OutputArguments[0].Value == "hal is Optimiser, who may not ask for this."
    assert line.asked == []


@shared_loop
async def test_an_optimiser_that_asks_too_often_waits(
    endpoint: str, line: Line, folder: Path
) -> None:
    async with visit(endpoint, folder, "hal") as hal:
        results = [await ask(hal) for _ in range(14)]
    assert "BadTooManyOperations" in {one.StatusCode.name for one in results}
    assert len(line.requested) == 2 * sum(one.StatusCode.is_good() for one in results)


@shared_loop
async def test_the_nodes_say_what_is_a_list(endpoint: str, folder: Path) -> None:
    async with visit(endpoint, folder, "vera") as vera:
        place = "Line/RequestSetpoints/InputArguments"
        shown = await vera.client.get_node(vera.node_id(place)).read_value()
    assert [(one.Name, one.ValueRank) for one in shown] == [
        ("RequestId", -1),
        ("ExpiresAt", -1),
        ("CellIds", 1),
        ("Tag", -1),
        ("Values", 1),
        ("Reason", -1),
    ]


def test_the_book_forgets_the_oldest_first() -> None:
    book = RequestBook(most_cells=4)
    for number in range(5):
        book.open(f"hal:{number}", Asked(FEED, {1: 180.0, 2: 181.0}))
    assert [book.find(f"hal:{number}") is not None for number in range(5)] == [
        False,
        False,
        False,
        True,
        True,
    ]
