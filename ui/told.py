"""What events tell of alarms, as the picture has it: the list, and what ended when it had begun."""

from collections.abc import Mapping

from stream.active import fold_active
from stream.alarm_list import AlarmList, fold_alarms
from stream.records import Event
from ui.picture import JOURNAL_LENGTH


def fold_told(
    alarms: AlarmList, ended: Mapping[str, int], event: Event
) -> tuple[AlarmList, dict[str, int]]:
    """Return both after an event.

    Args:
        alarms: of the line.
        ended: as in the picture, the oldest first; as many are kept as the journal has events.
        event: that tells.
    """
    _, began_ns = fold_active(alarms.active, event)
    known = dict(ended)
    if began_ns:
        known[event.event_id] = began_ns
    if len(known) > JOURNAL_LENGTH:
        del known[next(iter(known))]
    return fold_alarms(alarms, event), known
