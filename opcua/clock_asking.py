"""Asks the plant's server for the time, again and again, and knows how far its clock is from ours.

The time is that which the server puts on its answer, not the value of a node: what it answers with
may be a second old where it refreshes its clock once a second (decision 29).
"""

import logging
from collections.abc import Callable

from opcua.clock_offset import Exchange, OffsetWindow
from opcua.link import Link, LinkError
from opcua.scans import to_ns
from stream.edge import ClockOffset

_log = logging.getLogger(__name__)


class ClockAsking:
    """The newest exchanges with the server of one session."""

    def __init__(self, clock_ns: Callable[[], int], monotonic_s: Callable[[], float]) -> None:
        """Begin without any.

        Args:
            clock_ns: our wall clock, UTC nanoseconds; `monotonic_s`: one that nobody sets.
        """
        self._clock_ns = clock_ns
        self._monotonic_s = monotonic_s
        self._window = OffsetWindow()
        self._has_warned = False

    def begin(self) -> None:
        """A session begins, maybe with another server: nothing is known of its clock."""
        self._window = OffsetWindow()

    async def ask(self, link: Link) -> None:
        """Ask once; without an answer nothing is measured, and that is all."""
        asked_s, asked_ns = self._monotonic_s(), self._clock_ns()
        try:
            answered = await link.ask_time()
        except LinkError as exc:
            _log.debug("%s", exc)
            return
        heard_ns, heard_s = self._clock_ns(), self._monotonic_s()
        if answered is not None:
            exchange = Exchange(asked_ns, heard_ns, asked_s, heard_s, to_ns(answered))
            self._window = self._window.see(exchange)
        elif not self._has_warned:
            self._has_warned = True
            _log.warning(
                "%s puts no time on its answers: how far its clock is from ours is not known.",
                link.address,
            )

    def offset(self) -> ClockOffset | None:
        """Return how far the server's clock is ahead of ours; None while that is not known."""
        return self._window.offset(self._monotonic_s())
