"""What becomes of a call of `RequestSetpoints`: requests to the guard, and a result of each cell.

The front judges nothing. It sends what is sound to the guard, whose interlock treats it as it does
our own optimiser's, and tells from `moves` what came of it.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from asyncua import ua

from opcua.front.gate import Caller, Gate
from opcua.front.methods import Fault
from opcua.front.setpoint_call import (
    SetpointFault,
    SetpointWish,
    argument_fault,
    expiry_fault,
    read_request,
)
from stream.accounts import Role
from stream.asking import NotSentError
from stream.records import MoveState, SetpointRequest, decision_id
from stream.request_book import Became, Entry, RequestBook, wait_for_all
from stream.requesting import LONGEST_VALIDITY_S

OPTIMISERS: Final[Mapping[Role, str]] = {Role.OPTIMISER: "optimiser"}
_CODES: Final = ua.StatusCodes
_OF_STATE: Final = {
    MoveState.VERIFIED: _CODES.Good,
    MoveState.HELD: _CODES.BadRequestNotAllowed,
    MoveState.FAILED: _CODES.BadDeviceFailure,
    MoveState.EXPIRED: _CODES.BadRequestTimeout,
}
_UNKNOWN: Final = (
    "Nothing is known of it yet: it may be written until it expires. Call again with the same "
    "RequestId; it will not be written twice."
)
_UNDER_WAY: Final = "It is permitted and under way. Call again with the same RequestId."
_NOT_SENT: Final = "The guard was not told of it. Call again with the same RequestId."

SendRequest = Callable[[SetpointRequest], Awaitable[None]]
"""Sends a request to the guard; raises NotSentError where Kafka does not take it."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one cell."""

    code: int
    applied: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What the desk of setpoints knows of the line, and whom it tells.

    Attributes:
        cells: of each section.
        setpoints: of the plant file.
        answer_within_s: wall time that the guard has.
        is_following: whether what came of a request would be known.
        book: of requests.
        send: to the guard.
    """

    cells: Mapping[int, tuple[int, ...]]
    setpoints: frozenset[str]
    answer_within_s: float
    is_following: Callable[[], bool]
    book: RequestBook
    send: SendRequest


class SetpointDesk:
    """Takes calls of RequestSetpoints."""

    def __init__(self, desk: Desk, gate: Gate, clock_ns: Callable[[], int] = time.time_ns) -> None:
        """Make one that lets optimisers in by a gate."""
        self._desk = desk
        self._gate = gate
        self._clock_ns = clock_ns
        self._issued_ns = 0
        self._section_of = {cell: number for number, own in desk.cells.items() for cell in own}

    async def call(self, arguments: Sequence[ua.Variant], user: object) -> ua.CallMethodResult:
        """Return the result of a call, whatever came."""
        caller = self._gate.enter(user, OPTIMISERS)
        if isinstance(caller, Fault):
            return _fault_result(caller)
        try:
            found = await self._call(arguments, caller)
        finally:
            self._gate.leave(caller)
        if isinstance(found, Fault):
            return _fault_result(self._gate.refuse(caller, found))
        return _result(_CODES.Good, "", found)

    async def _call(
        self, arguments: Sequence[ua.Variant], caller: Caller
    ) -> list[Result] | SetpointFault:
        deadline_s = asyncio.get_running_loop().time() + self._desk.answer_within_s
        wish = read_request(arguments, frozenset(self._section_of), self._desk.setpoints)
        if isinstance(wish, SetpointFault):
            return wish
        if not self._desk.is_following():
            sentence = "The front cannot see what the guard does: nothing was sent. Call again."
            return SetpointFault(_CODES.BadCommunicationError, sentence)
        decision = decision_id(caller.name, wish.request_id)
        known = self._desk.book.find(decision)
        if known is not None and not known.is_about(wish.asked):
            sentence = f"RequestId {wish.request_id!r} was used for something else."
            return argument_fault("request_id", _CODES.BadEntryExists, sentence)
        late = expiry_fault(wish, self._clock_ns(), LONGEST_VALIDITY_S)
        if known is None and late is not None:
            return late
        entry = self._desk.book.open(decision, wish.asked)
        if late is None:
            await self._send(entry, wish, caller, deadline_s)
        await wait_for_all(entry, deadline_s)
        return [self._result_of(entry, cell, wish) for cell in wish.asked.values]

    async def _send(
        self, entry: Entry, wish: SetpointWish, caller: Caller, deadline_s: float
    ) -> None:
        """Tell the guard of every section that has not been told; the same id twice is no harm."""
        self._issued_ns = max(self._clock_ns(), self._issued_ns + 1)  # no two are of one moment
        requests = []
        for section in sorted({self._section_of[cell] for cell in wish.asked.values} - entry.sent):
            values = {
                cell: value
                for cell, value in wish.asked.values.items()
                if self._section_of[cell] == section
            }
            requests.append(
                SetpointRequest(
                    request_id=wish.request_id,
                    section=section,
                    setpoint=wish.asked.setpoint,
                    values=values,
                    issued_by=caller.name,
                    role=caller.role,
                    reason=wish.reason,
                    t_issued_ns=self._issued_ns,
                    expires_ns=wish.expires_ns,
                )
            )
        entry.sent |= {request.section for request in requests}
        await asyncio.gather(*(self._send_one(entry, one, deadline_s) for one in requests))

    async def _send_one(self, entry: Entry, request: SetpointRequest, deadline_s: float) -> None:
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._desk.send(request)
        except NotSentError:
            entry.sent.discard(request.section)
        except TimeoutError:
            # It may have come, or come yet: what is sent again under the same id is judged once.
            entry.sent.discard(request.section)
            entry.doubted.add(request.section)

    def _result_of(self, entry: Entry, cell: int, wish: SetpointWish) -> Result:
        became = entry.became.get(cell)
        if became is not None:
            return result_of(became, wish.expires_ns)
        section = self._section_of[cell]
        if section not in entry.sent | entry.doubted:
            return Result(_CODES.BadCommunicationError, math.nan, _NOT_SENT)
        return Result(_CODES.BadTimeout, math.nan, _UNKNOWN)


def result_of(became: Became, expires_ns: int) -> Result:
    """Return what became of one cell, as OPC UA has it: GoodClamped where the interlock made it
    less than was asked for, BadRequestTimeout where its time was over before it was judged or
    sent."""
    if became.state is MoveState.INTENT:
        return Result(_CODES.BadTimeout, math.nan, _UNDER_WAY)
    code = _OF_STATE[became.state]
    if became.state is MoveState.HELD and became.judged_ns >= expires_ns:
        code = _CODES.BadRequestTimeout
    if became.state is not MoveState.VERIFIED or became.applied is None:
        return Result(code, math.nan, became.sentence)
    if became.applied != became.asked:
        code = _CODES.GoodClamped
    return Result(code, became.applied, became.sentence)


def _fault_result(fault: Fault) -> ua.CallMethodResult:
    """Return the result of a call of which nothing was sent: no cell of it is Good."""
    of_cells = fault.cells if isinstance(fault, SetpointFault) else ()
    results = [
        Result(_CODES.BadRequestNotAllowed if code == _CODES.Good else code, math.nan, "")
        for code in of_cells
    ]
    result = _result(fault.code, fault.sentence, results)
    result.InputArgumentResults = [ua.StatusCode(code) for code in fault.arguments]
    return result


def _result(code: int, sentence: str, results: Sequence[Result]) -> ua.CallMethodResult:
    statuses = [ua.StatusCode(one.code) for one in results]
    applied = [one.applied for one in results]
    sentences = [one.sentence for one in results]
    return ua.CallMethodResult(
        StatusCode=ua.StatusCode(code),
        OutputArguments=[
            ua.Variant(sentence, ua.VariantType.String),
            ua.Variant(statuses, ua.VariantType.StatusCode, is_array=True),
            ua.Variant(applied, ua.VariantType.Double, is_array=True),
            ua.Variant(sentences, ua.VariantType.String, is_array=True),
        ],
    )
