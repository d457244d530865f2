"""Tells clients of every alarm that has changed, and keeps what a refresh tells again."""

from typing import Any, Final

from asyncua import Server

from opcua.front.conditions import condition_event
from stream.alarm_list import Alarm, AlarmList

_Told = tuple[Any, ...]
_NOT_TOLD: Final[_Told] = ()


class AlarmTeller:
    """Tells the changes from one look at the alarms to the next."""

    def __init__(self, server: Server, namespace: int) -> None:
        """Make one that has told nothing; the namespace is ours at the server."""
        self._server = server
        self._namespace = namespace
        self._told: dict[str, _Told] = {}

    async def tell(self, alarms: AlarmList, now_ns: int) -> None:
        """Tell what has changed; the library keeps what is retained, for ConditionRefresh."""
        for subject, alarm in alarms.alarms.items():
            told = _told(alarm)
            before = self._told.get(subject, _NOT_TOLD)
            if told == before:
                continue
            self._told[subject] = told
            if before is _NOT_TOLD and not alarm.state.is_retained:
                continue  # it was over before anybody could have seen it here
            again_s = alarms.retelling.after_s(alarm.event.priority, alarm.state.is_acknowledged)
            event = condition_event(alarm, self._namespace, now_ns, again_s)
            await self._server.iserver.subscription_service.trigger_event(event)
        for subject in self._told.keys() - alarms.alarms.keys():
            del self._told[subject]


def _told(alarm: Alarm) -> _Told:
    return (alarm.state, alarm.event.event_id, alarm.who, alarm.comment)
