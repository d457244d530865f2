"""One value from several sensors that measure the same, and which of them are lost. Pure.

Channels are ranked, cell by cell. What counts is the middle one, or the two in the middle: their
average where they agree within the tolerance, else the worse of them, the one nearer to an end of
the normal range. So of three it is the median, of two the average or the worse, of one that one.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from control.channel_faults import F64, U8, ChannelRule, Fault, Mask

_FULL_TRUST: Final = 2  # channels that agree


class Trust(IntEnum):
    """What a voted value may be used for."""

    GOOD = 0  # two or more sound channels agree on it
    DEGRADED = 1  # usable, but nothing of equal worth confirms it
    NONE = 2  # there is no value


@dataclass(frozen=True, slots=True)
class Vote:
    """What came of one vote over N channels and C cells.

    Attributes:
        value: (C,); NaN exactly where the trust is NONE.
        trust: (C,) of `Trust`.
        fault: (N, C) of `Fault`; beside what was known before the vote, who deviates.
        is_used: (N, C), the channels that were ranked.
    """

    value: F64
    trust: U8
    fault: U8
    is_used: Mask


def vote(value: F64, fault: U8, rule: ChannelRule) -> Vote:
    """Return one value a cell.

    Sound channels are ranked; where a cell has none, those that the plant calls uncertain. A
    channel deviates when it is further from the value than the tolerance, and all do that were
    ranked where the two in the middle disagree: nobody can tell then who is right. The worse of
    two is nearer to an end of the normal range by more than the tolerance; where neither is, noise
    would choose between them, and there is no value.

    Args:
        value: (N, C).
        fault: (N, C) of `Fault`, as found before the vote.
        rule: of the signal.
    """
    tolerance = rule.tolerance
    fault = np.where(np.isfinite(value) | (fault > Fault.UNCERTAIN), fault, Fault.NOT_FINITE)
    sound = fault == Fault.NONE
    stand_in = (fault == Fault.UNCERTAIN) & ~sound.any(axis=0)
    used = sound | stand_in
    candidates = np.where(used, value, np.nan)
    ranked = np.sort(candidates, axis=0)  # NaN last
    count = used.sum(axis=0)
    cells = np.arange(value.shape[1])
    low = ranked[np.maximum(count - 1, 0) // 2, cells]
    high = ranked[count // 2, cells]
    agree = high - low <= tolerance
    voted = np.where(agree, np.minimum(low + 0.5 * (high - low), high), _worse(low, high, rule))
    is_near = np.abs(candidates - voted) <= tolerance
    deviates = sound & ~(agree & is_near)
    is_whole = agree & sound.any(axis=0) & (is_near.sum(axis=0) >= _FULL_TRUST)
    trust = np.where(is_whole, Trust.GOOD, np.where(np.isnan(voted), Trust.NONE, Trust.DEGRADED))
    return Vote(
        value=voted,
        trust=trust.astype(np.uint8),
        fault=np.where(deviates, Fault.DEVIATES, fault).astype(np.uint8),
        is_used=used,
    )


def _worse(low: F64, high: F64, rule: ChannelRule) -> F64:
    """Return which of two values has the smaller margin to the normal range's nearer end; NaN where
    the margins differ by no more than the tolerance."""
    margin_low = np.minimum(low - rule.normal_low, rule.normal_high - low)
    margin_high = np.minimum(high - rule.normal_low, rule.normal_high - high)
    worse = np.where(margin_high < margin_low, high, low)
    return np.where(np.abs(margin_high - margin_low) > rule.tolerance, worse, np.nan)
