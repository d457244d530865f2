"""Tells clients of every alarm that has changed, and keeps what a refresh tells again."""

from typing import Any

from asyncua import Server

from opcua.front.conditions import condition_event
from stream.alarm import Alarm
from stream.alarm_list import AlarmList


class AlarmTeller:
    """Tells the changes from one look at the alarms to the next."""

    def __init__(self, server: Server, namespace: int) -> None:
        """Make one that has told nothing; the namespace is ours at the server."""
        self._server = server
        self._namespace = namespace
        self._told: dict[str, Alarm] = {}

    async def tell(self, alarms: AlarmList, now_ns: int) -> None:
        """Tell what has changed; the library keeps what is retained, for ConditionRefresh."""
        for subject, alarm in alarms.alarms.items():
            before = self._told.get(subject)
            if before is not None and _told(before) == _told(alarm):
                continue
            self._told[subject] = alarm
            if before is not None or alarm.state.is_retained:  # else it was over before it was seen
                await self._trigger(alarm, alarms, now_ns)
        for subject in self._told.keys() - alarms.alarms.keys():
            alarm = self._told.pop(subject)
            if alarm.state.is_retained:  # forgotten as one of too many: a refresh must not have it
                await self._trigger(alarm, alarms, now_ns, is_forgotten=True)

    async def _trigger(
        self, alarm: Alarm, alarms: AlarmList, now_ns: int, is_forgotten: bool = False
    ) -> None:
        again_s = alarms.retelling.after_s(alarm.event.priority, alarm.state.is_acknowledged)
        event = condition_event(alarm, self._namespace, now_ns, again_s)
        event.Retain = event.Retain and not is_forgotten
        await self._server.iserver.subscription_service.trigger_event(event)


def _told(alarm: Alarm) -> tuple[Any, ...]:
    return (alarm.state, alarm.event.event_id, alarm.who, alarm.comment)
