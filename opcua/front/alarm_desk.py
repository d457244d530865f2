"""What people do about alarms: OPC UA's methods of conditions, each put on record as an event.

An alarm changes only when the record comes back by the topic `events`. So the list is what it will
be after a restart, and nobody is told that something is acknowledged that is not on record.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from asyncua import ua

from control.alarm_happenings import LONGEST_SHELF_S
from opcua.front.conditions import occurrence_in, subject_in
from opcua.front.gate import Caller, Gate
from opcua.front.methods import Fault
from opcua.front.session import Handler
from stream.alarm import Alarm
from stream.alarm_deeds import AlarmDeed, details_of, is_allowed, is_fit, refusal_of
from stream.alarm_list import AlarmList

_BYTES, _TEXT, _DOUBLE = (
    ua.VariantType.ByteString,
    ua.VariantType.LocalizedText,
    ua.VariantType.Double,
)
_ON_RECORD_WITHIN_S: Final = 3.0
_IDS: Final = ua.ObjectIds

Report = Callable[..., Awaitable[None]]
"""Puts an event on record (its name, section, cell, details) and returns when it is durable."""


@dataclass(frozen=True, slots=True)
class AlarmMethod:
    """A method of conditions.

    Attributes:
        deed: what it does.
        takes: types of its arguments.
        code: status where the state of the alarm does not allow it.
        is_one_shot: it ends with the occurrence.
        needs_reason: it is not done without a comment.
    """

    deed: AlarmDeed
    takes: tuple[ua.VariantType, ...]
    code: int
    is_one_shot: bool = False
    needs_reason: bool = False


_CODES: Final = ua.StatusCodes
_UNSHELVE: Final = AlarmMethod(AlarmDeed.UNSHELVED, (), _CODES.BadConditionNotShelved)
_ONE_SHOT: Final = AlarmMethod(
    AlarmDeed.SHELVED, (), _CODES.BadConditionAlreadyShelved, is_one_shot=True
)
_TIMED: Final = AlarmMethod(AlarmDeed.SHELVED, (_DOUBLE,), _CODES.BadConditionAlreadyShelved)
_TIMED_WITH_COMMENT: Final = AlarmMethod(
    AlarmDeed.SHELVED, (_DOUBLE, _TEXT), _CODES.BadConditionAlreadyShelved
)
_OUT: Final = AlarmMethod(AlarmDeed.TAKEN_OUT, (), _CODES.BadInvalidState, needs_reason=True)
_BACK: Final = AlarmMethod(AlarmDeed.PUT_BACK, (), _CODES.BadInvalidState)
ALARM_METHODS: Final[Mapping[int, AlarmMethod]] = {
    _IDS.AcknowledgeableConditionType_Acknowledge: AlarmMethod(
        AlarmDeed.ACKNOWLEDGED, (_BYTES, _TEXT), _CODES.BadConditionBranchAlreadyAcked
    ),
    _IDS.AcknowledgeableConditionType_Confirm: AlarmMethod(
        AlarmDeed.CONFIRMED, (_BYTES, _TEXT), _CODES.BadConditionBranchAlreadyConfirmed
    ),
    _IDS.ConditionType_AddComment: AlarmMethod(
        AlarmDeed.COMMENTED, (_BYTES, _TEXT), _CODES.BadInvalidState
    ),
    _IDS.AlarmConditionType_ShelvingState_TimedShelve: _TIMED,
    _IDS.AlarmConditionType_ShelvingState_TimedShelve2: _TIMED_WITH_COMMENT,
    _IDS.AlarmConditionType_ShelvingState_OneShotShelve: _ONE_SHOT,
    _IDS.AlarmConditionType_ShelvingState_Unshelve: _UNSHELVE,
    _IDS.AlarmConditionType_RemoveFromService: _OUT,
    _IDS.AlarmConditionType_RemoveFromService2: replace(_OUT, takes=(_TEXT,)),
    _IDS.AlarmConditionType_PlaceInService: _BACK,
    _IDS.AlarmConditionType_PlaceInService2: replace(_BACK, takes=(_TEXT,)),
    _IDS.ShelvedStateMachineType_TimedShelve: _TIMED,
    _IDS.ShelvedStateMachineType_OneShotShelve: _ONE_SHOT,
    _IDS.ShelvedStateMachineType_Unshelve: _UNSHELVE,
}


class AlarmDesk:
    """Takes calls of the methods of conditions."""

    def __init__(
        self,
        gate: Gate,
        alarms: Callable[[], AlarmList],
        report: Report,
        clock_ns: Callable[[], int],
    ) -> None:
        """Make one.

        Args:
            gate: lets callers in.
            alarms: as they are now.
            report: puts what is done on record.
            clock_ns: wall time.
        """
        self._gate = gate
        self._alarms = alarms
        self._report = report
        self._clock_ns = clock_ns

    def handlers(self, namespace: int) -> dict[ua.NodeId, Handler]:
        """Return what answers each method; the namespace is ours at the server."""
        return {
            ua.NodeId(int(number)): self._handler(method, namespace)
            for number, method in ALARM_METHODS.items()
        }

    def _handler(self, method: AlarmMethod, namespace: int) -> Handler:
        async def handle(request: ua.CallMethodRequest, user: object) -> ua.CallMethodResult:
            subject = subject_in(request.ObjectId, namespace)
            code = await self._call(method, subject, request.InputArguments or [], user)
            return ua.CallMethodResult(StatusCode=ua.StatusCode(code))

        return handle

    async def _call(
        self, method: AlarmMethod, subject: str, arguments: Sequence[ua.Variant], user: object
    ) -> int:
        caller = self._gate.enter(user)
        if isinstance(caller, Fault):
            return caller.code
        try:
            alarm = self._alarms().alarms.get(subject)
            if alarm is None:
                fault = Fault(_CODES.BadNodeIdUnknown, f"There is no alarm {subject!r}.")
                return self._gate.refuse(caller, fault).code
            details = self._judge(method, alarm, arguments, caller)
            if isinstance(details, Fault):
                return self._gate.refuse(caller, details).code
            section, cell = alarm.event.section, alarm.event.cell
            async with asyncio.timeout(_ON_RECORD_WITHIN_S):
                await self._report(method.deed, section=section, cell=cell, **details)
        except TimeoutError:
            return int(_CODES.BadTimeout)
        finally:
            self._gate.leave(caller)
        return int(_CODES.Good)

    def _judge(
        self, method: AlarmMethod, alarm: Alarm, arguments: Sequence[ua.Variant], caller: Caller
    ) -> dict[str, Any] | Fault:
        """Return the details of what is put on record, or why it is not done."""
        if not is_allowed(caller.role, method.deed):
            sentence = f"{method.deed}: {caller.name} is {caller.role}, who may not."
            return Fault(_CODES.BadUserAccessDenied, sentence)
        if len(arguments) != len(method.takes):
            few = len(arguments) < len(method.takes)
            code = _CODES.BadArgumentsMissing if few else _CODES.BadTooManyArguments
            return Fault(code, f"{method.deed}: {len(arguments)} arguments came.")
        given: dict[ua.VariantType, Any] = {}
        for kind, variant in zip(method.takes, arguments, strict=True):
            if variant.VariantType != kind or isinstance(variant.Value, list):
                return Fault(_CODES.BadInvalidArgument, f"{method.deed}: no single {kind.name}.")
            given[kind] = variant.Value
        text = given.get(_TEXT)
        said = ((text.Text if text is not None else None) or "").strip()
        if method.needs_reason and not said:
            # The method that takes no comment is known, so that a client is told why.
            return Fault(_CODES.BadArgumentsMissing, f"{method.deed}: a reason is missing.")
        if not is_fit(said):
            return Fault(_CODES.BadInvalidArgument, f"{method.deed}: a comment is one short line.")
        occurrence = occurrence_in(given.get(_BYTES) or b"") if _BYTES in given else ""
        if _BYTES in given and occurrence != alarm.state.event_id:
            return Fault(_CODES.BadEventIdUnknown, f"{method.deed}: of another occurrence.")
        seconds = given.get(_DOUBLE, LONGEST_SHELF_S * 1e3) / 1e3
        more: dict[str, float | int] = {}
        if method.deed == AlarmDeed.SHELVED:
            more = {"duration_s": seconds, "one_shot": int(method.is_one_shot)}
        details = details_of(
            alarm, who=caller.name, role=caller.role, comment=said, occurrence=occurrence, **more
        )
        refusal = refusal_of(alarm, method.deed, details, self._clock_ns())
        if refusal is None:
            return details
        is_long = method.deed == AlarmDeed.SHELVED and not 0.0 < seconds <= LONGEST_SHELF_S
        code = _CODES.BadShelvingTimeOutOfRange if is_long else method.code
        return Fault(code, f"{method.deed}: {'; '.join(refusal.reasons)}.")
