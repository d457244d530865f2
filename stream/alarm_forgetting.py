"""Which alarms the list forgets, so that it stays bounded whatever is told."""

from collections.abc import Iterable
from typing import Final

from control.alarms import Standing
from control.events import Priority
from stream.alarm import Alarm

FULL_AT: Final = 1_000
_NORMAL_KEPT: Final = 500
_RETURNED_KEPT: Final = 500  # design value: more than anybody acknowledges one by one
_ROOM: Final = 500
_URGENCY: Final = list(Priority)


def forget(
    alarms: dict[str, Alarm], changed: Iterable[str], *, is_of_now: bool, full_at: int
) -> int:
    """Forget what is over, and of many alarms those that matter least.

    What is normal again goes before what nobody has acknowledged, and of that what is not urgent
    before what is, the least recently changed first. What is active or put away is never forgotten.

    Args:
        alarms: the least recently changed first; changed in place.
        changed: subjects of those that may be over now.
        is_of_now: keep nothing that is over, see `stream.alarm_list.AlarmList`.
        full_at: of so many alarms none is looked for to be forgotten.

    Returns:
        What `full_at` is from now on: all are looked at once for many new ones.
    """
    for subject in changed if is_of_now else ():
        if subject in alarms and _is_over(alarms[subject]):
            del alarms[subject]
    if len(alarms) <= full_at:
        return full_at
    normal: list[str] = []
    returned: list[tuple[int, str]] = []
    for subject, alarm in alarms.items():
        if alarm.state.standing is Standing.NORMAL:
            normal.append(subject)
        elif alarm.state.standing is Standing.RETURNED:
            returned.append((-_URGENCY.index(alarm.event.priority), subject))
    returned.sort(key=lambda one: one[0])
    spare = [subject for _, subject in returned[: max(0, len(returned) - _RETURNED_KEPT)]]
    for subject in (*normal[: max(0, len(normal) - _NORMAL_KEPT)], *spare):
        del alarms[subject]
    return max(FULL_AT, len(alarms) + _ROOM)


def _is_over(alarm: Alarm) -> bool:
    """Whether nobody has to know of it now: what is gone and was not urgent is in the journal."""
    state = alarm.state
    if state.is_active or state.is_put_away:
        return False
    return state.is_acknowledged or alarm.event.priority is Priority.LOW
