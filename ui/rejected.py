"""What was turned away, counted: single samples, and messages refused whole.

A frame of rejects has a row for every rejected sample, or one row for a whole message, which stands
for as many samples as the message carried: none where it could not be read.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from stream.frames import RejectFrame
from ui.picture import EXAMPLES_LENGTH, RejectExample

_ORIGINAL_SHOWN: Final = 60  # bytes of an unreadable message that are shown


def count_rejects(
    samples: Mapping[str, int], messages: Mapping[str, int], frame: RejectFrame
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the counts by reason with a frame added.

    Args:
        samples: rejected samples by reason.
        messages: messages refused whole by reason.
    """
    more_samples, more_messages = Counter(samples), Counter(messages)
    single = sum(original is None for original in frame.original)
    for reason, original in zip(frame.reason, frame.original, strict=True):
        if original is None:
            more_samples[str(reason)] += 1
        else:
            more_messages[str(reason)] += 1
            more_samples[str(reason)] += frame.points - single
    return dict(+more_samples), dict(more_messages)


def examples_of(frame: RejectFrame) -> tuple[RejectExample, ...]:
    """Return the first rows of a frame as the health page shows them."""
    where = f"{frame.origin.topic}/{frame.origin.partition}/{frame.origin.offset}"
    return tuple(
        RejectExample(
            t_rejected_ns=frame.t_rejected_ns,
            section=frame.section,
            cell=int(frame.cell[i]),
            signal=frame.signal[i],
            value=float(frame.value[i]),
            reason=frame.reason[i],
            detail=frame.detail[i],
            where=where,
            original=_readable(frame.original[i]),
        )
        for i in range(min(len(frame.reason), EXAMPLES_LENGTH))
    )


def source_of(frame: RejectFrame, *, dead: bool) -> str:
    """Return what the offsets of such frames are counted by: where the message was, and for a dead
    letter the agent too, for several may fail on the same message."""
    where = f"{frame.origin.topic}/{frame.origin.partition}"
    if not dead:
        return where
    agent = frame.detail[0].partition(":")[0] if frame.detail else ""
    return f"dead {agent} {where}"


def _readable(original: bytes | None) -> str:
    if original is None:
        return ""
    shown = original[:_ORIGINAL_SHOWN]
    tail = "…" if len(original) > _ORIGINAL_SHOWN else ""
    return "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in shown) + tail
