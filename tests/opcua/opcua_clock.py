"""Moves the times that a server puts on its answers, as if its clock had been set.

For plain connections: of an encrypted one nothing but the lengths can be read.
"""

import struct
from typing import Final

_HEAD: Final = 8  # what kind of message, and its length
_STAMP_AT: Final = 28  # after channel, token, sequence, request, and the type of the response
_TICKS_PER_S: Final = 10_000_000


class ClockSetter:
    """For one direction of one connection."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_amid = False  # a message of several chunks: only the first has the stamp

    def take(self, data: bytes, ahead_ns: int) -> bytes:
        """Return what of the bytes until now is whole messages, with their times moved."""
        self._rest += data
        passed = bytearray()
        while len(self._rest) >= _HEAD:
            kind, end = self._rest[:4], struct.unpack_from("<I", self._rest, 4)[0]
            if len(self._rest) < end:
                break
            message, self._rest = bytearray(self._rest[:end]), self._rest[end:]
            if kind[:3] == b"MSG":
                if ahead_ns and not self._is_amid:
                    (ticks,) = struct.unpack_from("<q", message, _STAMP_AT)
                    moved = ticks + ahead_ns * _TICKS_PER_S // 1_000_000_000
                    struct.pack_into("<q", message, _STAMP_AT, moved)
                self._is_amid = kind[3:] == b"C"
            passed += message
        return bytes(passed)
