"""Hands frames to the broker: a bounded buffer and one sender per section, so that order holds.

Nobody who adds a packet waits. When a buffer is full its oldest packet goes, and the scans in it
are counted in the next frame's `scans_missed`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from opcua.packing import Buffer, Packet, cut_frame
from stream.frames import SampleFrame

_log = logging.getLogger(__name__)
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0

Publish = Callable[[SampleFrame], Awaitable[None]]
"""Returns when the broker has the frame, however long that takes; an `OSError` means "not now"."""


class Publisher:
    """Sends every packet as one frame per section."""

    def __init__(
        self,
        sections: tuple[tuple[int, ...], ...],
        signals: tuple[str, ...],
        publish: Publish,
        buffer_packets: int,
    ) -> None:
        self._sections = sections
        self._signals = signals
        self._publish = publish
        self._buffers = [Buffer(buffer_packets) for _ in sections]
        self._filled = [asyncio.Event() for _ in sections]
        self._idle = asyncio.Event()
        self._idle.set()
        self.waiting = 0  # frames not yet taken by the broker
        self.frames = 0
        self.points = 0
        self.dropped_scans = 0  # summed over sections

    def note_missed(self, section: int, scans: int) -> None:
        """Let a section's next frame tell of scans that only this section did not get."""
        self._buffers[section].dropped_scans += scans

    def add(self, packet: Packet | None) -> None:
        """Queue a packet for every section."""
        if packet is None:
            return
        for buffer, filled in zip(self._buffers, self._filled, strict=True):
            length, lost = len(buffer), buffer.dropped_scans
            buffer.put(packet)
            self.dropped_scans += buffer.dropped_scans - lost
            self.waiting += len(buffer) - length
            filled.set()
        self._idle.clear()

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            Exception: whatever `publish` raises besides `OSError`: a bug.
        """
        async with asyncio.TaskGroup() as group:
            for index in range(len(self._sections)):
                group.create_task(self._send(index), name=f"publish section {index}")

    async def drain(self, timeout_s: float) -> None:
        """Return when nothing waits any more, or after `timeout_s`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()

    async def _send(self, index: int) -> None:
        """Publish one section's frames, one after the other, each until it is taken."""
        buffer, filled = self._buffers[index], self._filled[index]
        cells = self._sections[index]
        first = sum(map(len, self._sections[:index]))
        columns = range(first, first + len(cells))
        session, sequence = -1, 0
        while True:
            await filled.wait()
            filled.clear()
            while len(buffer):
                packet, dropped = buffer.take()
                sequence = sequence + 1 if packet.session == session else 0
                session = packet.session
                frame = cut_frame(packet, index, sequence, cells, columns, self._signals, dropped)
                await self._deliver(frame)
                self.frames += 1
                self.points += frame.points
                self.waiting -= 1
                if not self.waiting:
                    self._idle.set()

    async def _deliver(self, frame: SampleFrame) -> None:
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                await self._publish(frame)
            except OSError as exc:
                _log.warning(
                    "Frame %d of section %d not published (%s); again in %.1f s.",
                    frame.sequence,
                    frame.section,
                    exc,
                    wait_s,
                )
                await asyncio.sleep(wait_s)
                wait_s = min(2.0 * wait_s, _LONGEST_WAIT_S)
            else:
                return
