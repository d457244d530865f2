"""What is kept of messages and samples that are turned away: the reason, the value, the bytes."""

from enum import StrEnum
from typing import Final

import numpy as np

from stream.frames import Origin, RejectFrame, SampleFrame

_MOST_KEPT_BYTES: Final = 4_000_000  # of a message turned away whole
_MOST_ATTACHED_BYTES: Final = 1_000_000  # of a message of which single samples were turned away


class Reason(StrEnum):
    """Why a sample or a message was turned away."""

    MALFORMED = "malformed"  # the message is not a frame
    UNKNOWN_SECTION = "unknown section"
    UNKNOWN_CELL = "unknown cell"
    UNKNOWN_SIGNAL = "unknown signal"
    DUPLICATE = "duplicate"  # this (session, sequence) has been seen in another message
    OUT_OF_ORDER = "out of order"  # older than what has been seen
    MISSING = "missing"  # the plant has no value
    BAD_STATUS = "bad status"  # the plant says that the value is bad
    NOT_FINITE = "not finite"
    OUT_OF_RANGE = "out of physical range"
    FUTURE = "time in the future"  # of its source, its gateway session or its plant
    TOO_OLD = "too old"  # a laboratory's sample from before what the estimate remembers
    TOO_MANY = "too many bad samples"  # to be told apart
    STALE = "source time stands still"
    FROZEN = "frozen"


def reject_message(
    payload: bytes,
    origin: Origin,
    reason: str,
    detail: str,
    now_ns: int,
    *,
    section: int = -1,
    points: int = 0,
) -> RejectFrame:
    """Return the reject for a message turned away whole, with its bytes (the first 4 MB of them,
    so that the reject itself is never too large to be sent).

    Args:
        section: where the message said so.
        points: samples in the message; 0 where it could not be read.
    """
    return RejectFrame(
        section=section,
        origin=origin,
        t_rejected_ns=now_ns,
        points=points,
        reason=(reason,),
        detail=(detail,),
        cell=np.array([-1], dtype=np.int32),
        signal=("",),
        value=np.array([np.nan]),
        source_time_ns=np.array([0], dtype=np.int64),
        original=(payload[:_MOST_KEPT_BYTES],),
    )


class Rejects:
    """Collects the rejected samples of one frame."""

    def __init__(self, frame: SampleFrame, origin: Origin) -> None:
        self.frame = frame
        self.origin = origin
        self.reasons: list[str] = []
        self.details: list[str] = []
        self.index: list[np.ndarray] = []

    def add(self, mask: np.ndarray, reason: Reason, detail: str = "") -> None:
        """Reject the samples in `mask` (S, C, K)."""
        index = np.argwhere(mask)
        self.index.append(index)
        self.reasons += [reason] * len(index)
        self.details += [detail] * len(index)

    def frame_of(self, payload: bytes, now_ns: int) -> RejectFrame | None:
        """Return the reject frame, or None where nothing was rejected.

        The message itself is attached to the first sample, once, unless it is so large that the
        reject could not be sent; it stands in `samples` at its origin in either case.
        """
        if not self.reasons:
            return None
        index = np.concatenate(self.index)
        scan, cell, signal = index.T
        frame = self.frame
        attached = payload if len(payload) <= _MOST_ATTACHED_BYTES else None
        return RejectFrame(
            section=frame.section,
            origin=self.origin,
            t_rejected_ns=now_ns,
            points=len(index),
            reason=tuple(self.reasons),
            detail=tuple(self.details),
            cell=np.asarray(frame.cells, dtype=np.int32)[cell],
            signal=tuple(frame.signals[k] for k in signal),
            value=frame.value[scan, cell, signal],
            source_time_ns=frame.source_time_ns[scan, cell, signal],
            original=(attached, *(None,) * (len(index) - 1)),
        )
