"""What screening remembers of a section between frames, and the same as bytes for a table."""

from typing import Final

import msgspec
import numpy as np

STATE_VERSION: Final = 2


class ScreenState(msgspec.Struct, frozen=True, kw_only=True):
    """What screening remembers of a section between frames.

    Arrays are (C, K) in the order of the section's cells and the plant's signals, as bytes.
    """

    version: int
    session: int
    sequence: int
    offset: int  # of the newest message applied
    t_plant_s: float
    is_rejecting: bool = False  # whether it has been told that samples are being rejected
    source_time_ns: bytes  # int64, newest seen
    value: bytes  # float64, newest accepted
    unchanged_since_s: bytes  # float64, plant time at which `value` was first seen


def init_screen_state(cells: int, signals: int) -> ScreenState:
    """Return the state of a section that has seen nothing."""
    return ScreenState(
        version=STATE_VERSION,
        session=-1,
        sequence=-1,
        offset=-1,
        t_plant_s=-np.inf,
        source_time_ns=np.zeros((cells, signals), dtype=np.int64).tobytes(),
        value=np.full((cells, signals), np.nan).tobytes(),
        unchanged_since_s=np.full((cells, signals), -np.inf).tobytes(),
    )


def encode_state(state: ScreenState) -> bytes:
    """Return the state as MessagePack."""
    return msgspec.msgpack.encode(state)


def decode_state(payload: bytes, cells: int, signals: int) -> ScreenState:
    """Return the state in `payload`.

    Raises:
        ValueError: it is not a state of this version and size.
    """
    state = msgspec.msgpack.decode(payload, type=ScreenState)
    if state.version != STATE_VERSION or len(state.value) != cells * signals * 8:
        raise ValueError(
            f"screening state of version {state.version} with {len(state.value) // 8} samples; "
            f"wanted version {STATE_VERSION} with {cells * signals}"
        )
    return state
