"""The plant's trip contact: a node that is not 0 while its own protection has tripped the line.

It is told by a subscription, which hears a pulse between two looks as far as the server samples it
so often, and read with every look, so that it is known at once on a new connection and whatever
became of the subscription. From then on nothing is written until the guard has tripped its cells.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from asyncua import ua

from opcua.link import Link, LinkError
from stream.edge import TripSigns

_QUEUE: Final = 20  # changes in one publishing interval: a contact that bounces is one that trips


class TripContact:
    """What has been seen of it, over all connections."""

    def __init__(self, monotonic_s: Callable[[], float], *, has_contact: bool) -> None:
        """Know nothing of it yet.

        Args:
            monotonic_s: a clock that nobody sets.
            has_contact: whether the plant file names one; a plant without has never tripped.
        """
        self._monotonic_s = monotonic_s
        self._has_contact = has_contact
        self._known = 0  # how many of the times that it was set the guard has acted on
        self._told_s = 0.0  # when there was news last
        self._ended = ""
        self.signs = TripSigns(stands=None if has_contact else False)

    @property
    def bars_writing(self) -> bool:
        """Whether nothing may be written: it is set or not known, or was, and the guard does not
        know yet."""
        return self.signs.stands is not False or self.signs.times_set > self._known

    def know(self, times_set: int) -> None:
        """Take in that the guard has acted on all that was set so often."""
        self._known = max(self._known, times_set)

    def begin(self) -> None:
        """Know of a new connection: until the first look nobody knows how the contact stands."""
        self._ended = ""
        if self._has_contact:
            self.signs = TripSigns(None, self.signs.times_set)

    def watch(self, link: Link, node_id: ua.NodeId) -> AbstractAsyncContextManager[None]:
        """Be told of every change while the block lasts; errors as of `Link.watch`."""
        return link.watch(node_id, self, _QUEUE)

    def look(self, address: str, value: object, asked_s: float) -> None:
        """Take what a look at the plant found.

        Args:
            address: of the plant, for the message.
            value: of the node; None where it has none that is good.
            asked_s: monotonic time at which the look began.

        Raises:
            LinkError: its subscription has ended; a new connection has a new one.
        """
        if self._ended:
            raise LinkError(f"{address}: {self._ended}")
        is_set = _is_set(value)
        if is_set is None:
            self.signs = TripSigns(None, self.signs.times_set)
        # What was on its way when a change was told is older than that change.
        elif is_set or asked_s >= self._told_s:
            self._note(is_set)

    def datachange_notification(self, _node: object, value: object, data: Any) -> None:
        """Take what the subscription tells (called by asyncua)."""
        status = data.monitored_item.Value.StatusCode
        is_set = None if status is not None and status.is_bad() else _is_set(value)
        if is_set is not None:  # what is bad is found by the next look
            self._told_s = self._monotonic_s()
            self._note(is_set)

    def status_change_notification(self, status: ua.StatusChangeNotification) -> None:
        """Take the end of the subscription (called by asyncua)."""
        self._ended = f"the server ended the subscription to the trip contact: {status.Status.name}"

    def _note(self, is_set: bool) -> None:
        is_new = is_set and self.signs.stands is not True
        self.signs = TripSigns(is_set, self.signs.times_set + is_new)


def _is_set(value: object) -> bool | None:
    """Whether a value of the node says that the line is tripped; None where it says nothing."""
    return value != 0 if isinstance(value, bool | int | float) and value == value else None
