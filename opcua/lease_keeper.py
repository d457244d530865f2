"""Makes this guard the one writer of a line where the line is free, and knows when it is not."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from opcua.lease import Lease
from opcua.plant_picture import PlantPicture
from opcua.resolve import ResolvedNodes
from opcua.wire_values import WireValueError, wire_value
from opcua.write_batch import WRITE_TIMEOUT_S, LivePlant
from stream.edge import Claim, ClaimBook

_log = logging.getLogger(__name__)
_BOOK_TAKES_S: Final = 2.0  # a disk that hangs must not keep the connection from being used


class LeaseKeeper:
    """The lease of one guard, over all its sessions."""

    def __init__(
        self, free_after_s: float, book: ClaimBook, monotonic_s: Callable[[], float]
    ) -> None:
        """Begin without a lease.

        Args:
            free_after_s: standstill of a writer's heartbeat after which its line is free.
            book: where claims outlive a guard.
            monotonic_s: a clock that nobody sets.
        """
        self._lease = Lease(free_after_s)
        self._book = book
        self._monotonic_s = monotonic_s
        self._has_warned = False
        self.other_writer = ""  # why nothing may be written; "" where it may

    def begin(self, nodes: ResolvedNodes, address: str) -> None:
        """A session begins, which has no token of its own yet."""
        self._lease = self._lease.begin()
        if nodes.writer_token is None and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "%s has no token of the writer (opcua.writer_token in the plant file), so the "
                "plant cannot refuse a second guard on another machine. Let one guard run.",
                address,
            )

    def see(self, picture: PlantPicture, asked_s: float) -> None:
        """Take in what the plant shows of who writes, as it was asked at a monotonic time."""
        signs = picture.lease
        if signs is None:
            return
        was_held = self._lease.is_held
        self._lease = self._lease.see(signs, asked_s, self._monotonic_s())
        if was_held and not self._lease.is_held:
            self._tell(self._why_not_free())

    async def take_if_free(self, live: LivePlant, *, may_take_over: bool) -> None:
        """Write a newer token where the line is free; else say why not.

        Args:
            live: the connection; it was looked at before.
            may_take_over: whether our own heartbeat would run.

        Raises:
            LinkError: no answer in time, or the connection broke; the token may have been taken.
        """
        node = live.nodes.writer_token
        if node is None or self._lease.is_held:
            return
        if not self._lease.is_free(None, may_take_over=may_take_over):
            recorded = await self._recall()
            if not self._lease.is_free(recorded, may_take_over=may_take_over):
                self._tell(self._why_not_free())
                return
        taken = self._lease.take()
        try:
            token = wire_value(node.variant_type, taken.token)
        except WireValueError as exc:
            self._tell(f"no token is left ({exc}); set the node of the token back at the plant")
            return
        status = (await live.link.write([(node.node_ids[0], token)], WRITE_TIMEOUT_S))[0]
        if not status.is_good():
            # Somebody was faster, or the plant does not let us: the next look tells.
            self._tell(f"the plant refused token {taken.token}: {status.name}")
            return
        self._lease = taken
        self.other_writer = ""
        _log.info("The one writer at %s now, by token %d.", live.link.address, taken.token)
        if taken.claim is not None:
            await self._note(taken.claim, live.link.address)

    async def _recall(self) -> Claim | None:
        try:
            async with asyncio.timeout(_BOOK_TAKES_S):
                return await self._book.recall()
        except TimeoutError:
            return None

    async def _note(self, claim: Claim, address: str) -> None:
        try:
            async with asyncio.timeout(_BOOK_TAKES_S):
                await self._book.note(claim, address)
        except TimeoutError:
            _log.warning("The claim to be the plant's one writer is not kept: the disk hangs.")

    def _why_not_free(self) -> str:
        return (
            f"another writer has token {self._lease.token}; it is left alone until its heartbeat "
            f"has stood still for {self._lease.free_after_s:g} s and there is something to write"
        )

    def _tell(self, reason: str) -> None:
        if reason != self.other_writer:
            _log.warning("Nothing is written to the plant: %s.", reason)
        self.other_writer = reason
