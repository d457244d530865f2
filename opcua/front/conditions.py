"""Alarms as OPC UA shows them: a condition of type AlarmConditionType, told as an event.

The conditions are no nodes, as OPC 10000-9 allows: a client names a condition by its id, which
comes with the event, and calls the methods of the types with it.
"""

from typing import Final

from asyncua import ua
from asyncua.common.event_objects import AlarmCondition

from control.alarms import SEVERITY
from opcua.front.nodes import CELL, LINE
from opcua.scans import to_datetime
from stream.alarm import Alarm, place_of

_CONDITION: Final = "Alarm/"
_BETWEEN: Final = "~"  # the occurrence, and when this was told; no event's id has it
_NO_CLASS: Final = ua.NodeId(ua.ObjectIds.BaseConditionClassType)
_SHELVING: Final = {
    "Unshelved": ua.ObjectIds.ShelvedStateMachineType_Unshelved,
    "TimedShelved": ua.ObjectIds.ShelvedStateMachineType_TimedShelved,
    "OneShotShelved": ua.ObjectIds.ShelvedStateMachineType_OneShotShelved,
}
_LEAST_SEVERITY: Final = 1
_MOST_TIMES: Final = 2**15 - 1  # that an Int16 holds


def condition_id(subject: str, namespace: int) -> ua.NodeId:
    """Return the id of the condition that an alarm is."""
    return ua.NodeId(f"{_CONDITION}{subject}", namespace)


def subject_in(node_id: ua.NodeId, namespace: int) -> str:
    """Return the alarm that a condition id names; "" where it is none of ours."""
    name = node_id.Identifier
    if node_id.NamespaceIndex != namespace or not isinstance(name, str):
        return ""
    return name.removeprefix(_CONDITION) if name.startswith(_CONDITION) else ""


def occurrence_in(event_id: bytes) -> str:
    """Return the occurrence that an event id names, whichever telling of it was seen."""
    return event_id.decode("utf-8", "replace").rpartition(_BETWEEN)[0]


def condition_event(
    alarm: Alarm, namespace: int, now_ns: int, again_s: float | None = None
) -> AlarmCondition:
    """Return what is told of an alarm now.

    Args:
        alarm: as it stands.
        namespace: index of ours at the server.
        now_ns: wall time.
        again_s: so long after it was told it is told again, while it lasts; None: never.
    """
    state, kind = alarm.state, ua.VariantType
    cell = alarm.event.cell
    source = LINE if cell is None else CELL.format(cell=cell)
    event_id = f"{state.event_id}{_BETWEEN}{now_ns}".encode()
    severity = SEVERITY.get(alarm.event.priority, _LEAST_SEVERITY)
    event = AlarmCondition(ua.NodeId(source, namespace), alarm.event.sentence, severity)
    event.EventId = event_id
    event.SourceName = place_of(alarm)
    event.Time = event.ReceiveTime = to_datetime(now_ns)
    event.ConditionName = alarm.event.name
    event.ConditionClassId = _NO_CLASS
    event.ConditionClassName = ua.LocalizedText("BaseConditionClassType")
    event.BranchId = ua.NodeId()
    event.Retain = state.is_retained
    event.Comment = ua.LocalizedText(alarm.comment)
    event.ClientUserId = alarm.who
    event.Quality = ua.StatusCode(ua.StatusCodes.Good)
    event.LastSeverity = severity
    event.SuppressedOrShelved = state.is_quiet
    event.add_property("NodeId", condition_id(alarm.subject, namespace), kind.NodeId)
    _two_states(event, "EnabledState", True, "Enabled", "Disabled")
    _two_states(event, "ActiveState", state.is_active, "Active", "Inactive")
    _two_states(event, "AckedState", state.is_acknowledged, "Acknowledged", "Unacknowledged")
    _two_states(event, "ConfirmedState", state.is_confirmed, "Confirmed", "Unconfirmed")
    _two_states(event, "SuppressedState", state.is_suppressed, "Suppressed", "Unsuppressed")
    _two_states(event, "OutOfServiceState", state.is_out_of_service, "Out of Service", "In Service")
    event.add_variable("ReAlarmRepeatCount", min(state.times_repeated, _MOST_TIMES), kind.Int16)
    if again_s is not None:
        event.add_property("ReAlarmTime", 1e3 * again_s, kind.Double)
    effective = ua.LocalizedText(state.standing.value)
    event.add_property("ActiveState/EffectiveDisplayName", effective, kind.LocalizedText)
    shelving = "Unshelved"
    if state.shelf is not None:
        shelving = "OneShotShelved" if state.shelf.is_one_shot else "TimedShelved"
        left_ms = max(0.0, (state.shelf.until_ns - now_ns) / 1e6)
        event.add_property("ShelvingState/UnshelveTime", left_ms, kind.Double)
    word, state_id = ua.LocalizedText(shelving), ua.NodeId(_SHELVING[shelving])
    event.add_variable("ShelvingState/CurrentState", word, kind.LocalizedText)
    event.add_property("ShelvingState/CurrentState/Id", state_id, kind.NodeId)
    return event


def _two_states(event: AlarmCondition, name: str, is_so: bool, yes: str, no: str) -> None:
    """Put a variable of type TwoStateVariableType into an event: its word, and its Id."""
    word = ua.LocalizedText(yes if is_so else no)
    event.add_variable(name, word, ua.VariantType.LocalizedText)
    event.add_property(f"{name}/Id", is_so, ua.VariantType.Boolean)
