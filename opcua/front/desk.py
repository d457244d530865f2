"""What becomes of a call: a command to the guard, and the guard's answer as the call's result."""

import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from asyncua import ua

from opcua.front.gate import Caller, Gate
from opcua.front.methods import Fault, Method, Wish, read_call
from stream.asking import Answer, Outcome
from stream.line_view import LineView
from stream.records import WHOLE_SECTION, Command, CommandKind

# Shorter than the four seconds that a client of this library waits; and what is not taken in this
# time is void, so that nothing is obeyed long after somebody was told that it may be.
ANSWER_WITHIN_S: Final = 3.0
_STATUS: Final = {
    Outcome.OBEYED: ua.StatusCodes.Good,
    Outcome.REFUSED: ua.StatusCodes.BadRequestNotAllowed,
    Outcome.UNANSWERED: ua.StatusCodes.BadTimeout,
    Outcome.NOT_SENT: ua.StatusCodes.BadCommunicationError,
}
_OF_A_REQUEST: Final = frozenset({CommandKind.APPROVE_LIMIT, CommandKind.REJECT_LIMIT})

Ask = Callable[[Sequence[Command], float], Awaitable[Answer]]
"""Sends commands to the guard and returns what became of them, within so many seconds."""


class MethodDesk:
    """Takes calls of the front's methods."""

    def __init__(
        self,
        setpoints: frozenset[str],
        answer_within_s: float,
        gate: Gate,
        view: Callable[[], LineView],
        ask: Ask,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Make one.

        Args:
            setpoints: of the plant file.
            answer_within_s: wall time that the guard has.
            gate: lets callers in.
            view: what is known of the line now.
            ask: of the guard.
        """
        self._setpoints = setpoints
        self._answer_within_s = answer_within_s
        self._gate = gate
        self._view = view
        self._ask = ask
        self._clock_ns = clock_ns

    async def call(
        self, method: Method, arguments: Sequence[ua.Variant], user: object
    ) -> ua.CallMethodResult:
        """Return the result of a call, whatever came."""
        caller = self._gate.enter(user)
        if isinstance(caller, Fault):
            return _fault_result(caller)
        try:
            return await self._call(method, arguments, caller)
        finally:
            self._gate.leave(caller)

    async def _call(
        self, method: Method, arguments: Sequence[ua.Variant], caller: Caller
    ) -> ua.CallMethodResult:
        view = self._view()
        cells = frozenset(cell for section in view.sections.values() for cell in section.cells)
        wish = read_call(method, arguments, cells, self._setpoints)
        if isinstance(wish, Fault):
            return _fault_result(self._gate.refuse(caller, wish))
        now_ns, within_s = self._clock_ns(), self._answer_within_s
        expires_ns = now_ns + int(within_s * 1e9)
        commands = make_commands(wish, caller, view, str(uuid.uuid4()), now_ns, expires_ns)
        if not commands:
            fault = Fault(ua.StatusCodes.BadNotFound, f"No request {wish.subject!r} waits.")
            return _fault_result(self._gate.refuse(caller, fault))
        answer = await self._ask(commands, within_s)
        status = _STATUS[answer.outcome]
        return _result(status, answer.sentence, commands[0].command_id)


def make_commands(
    wish: Wish, caller: Caller, view: LineView, command_id: str, now_ns: int, expires_ns: int
) -> list[Command]:
    """Return what the guard is asked: a command for each section that is concerned, all with one
    id, so that a limit of a whole line is one request."""
    if wish.kind in _OF_A_REQUEST:
        sections = [
            number
            for number, section in view.sections.items()
            if section.state is not None and wish.subject in section.state.requests
        ]
    elif wish.cell != WHOLE_SECTION:
        sections = [
            number for number, section in view.sections.items() if wish.cell in section.cells
        ]
    else:
        sections = list(view.sections)
    return [
        Command(
            command_id=command_id,
            kind=wish.kind,
            section=section,
            cell=wish.cell,
            issued_by=caller.name,
            role=caller.role,
            reason=wish.reason,
            t_issued_ns=now_ns,
            expires_ns=expires_ns,
            mode=wish.mode,
            setpoint=wish.setpoint,
            value=wish.value,
            duration_s=wish.duration_s,
            check=wish.check,
            limit=wish.limit,
            subject=wish.subject,
            digest=wish.digest,
        )
        for section in sections
    ]


def _fault_result(fault: Fault) -> ua.CallMethodResult:
    result = _result(fault.code, fault.sentence, "")
    result.InputArgumentResults = [ua.StatusCode(code) for code in fault.arguments]
    return result


def _result(code: int, sentence: str, command_id: str) -> ua.CallMethodResult:
    return ua.CallMethodResult(
        StatusCode=ua.StatusCode(code),
        OutputArguments=[
            ua.Variant(sentence, ua.VariantType.String),
            ua.Variant(command_id, ua.VariantType.String),
        ],
    )
