"""The plant's trip contact: a node that is not 0 while its own protection has tripped the line.

It is told by a subscription, which a pulse between two looks does not escape, and read with every
look, so that it is known at once on a new connection and whatever became of the subscription.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from asyncua import ua

from opcua.link import Link, LinkError
from stream.edge import TripSigns

_QUEUE: Final = 20  # changes in one publishing interval: a contact that bounces is one that trips


class TripContact:
    """What has been seen of it, over all connections."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        """Know of no contact.

        Args:
            monotonic_s: a clock that nobody sets.
        """
        self._monotonic_s = monotonic_s
        self._told_s = 0.0  # when there was news last
        self._ended = ""
        self.signs = TripSigns(stands=False)

    def begin(self, *, has_contact: bool) -> None:
        """Know of a new connection: until the first look nobody knows how the contact stands."""
        self._ended = ""
        self.signs = TripSigns(None if has_contact else False, self.signs.times_set)

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
            LinkError: the contact cannot be read, or its subscription has ended: a plant that does
                not say whether it has tripped is as good as lost.
        """
        if self._ended:
            raise LinkError(f"{address}: {self._ended}")
        is_set = _is_set(value)
        if is_set is None:
            self.signs = TripSigns(None, self.signs.times_set)
            raise LinkError(f"{address}: the trip contact, opcua.trip, cannot be read: {value!r}")
        # What was on its way when a change was told is older than that change.
        if is_set or asked_s >= self._told_s:
            self._note(is_set)

    def datachange_notification(self, _node: object, value: object, _data: object) -> None:
        """Take what the subscription tells (called by asyncua)."""
        is_set = _is_set(value)
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
