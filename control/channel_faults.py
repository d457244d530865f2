"""What is wrong with one sensor of several that measure the same, before any are compared. Pure.

A *channel* is one such sensor, of all cells. What a single sensor is turned away for by screening
keeps a channel out of the vote (`control.voting`), or a sensor that is stuck would hide behind one
that is not.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.interlock_checks import FUTURE_TOLERANCE_NS

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Fault(IntEnum):
    """Why a channel is not relied on at one cell."""

    NONE = 0
    UNCERTAIN = 1  # the plant doubts it; it stands in where no better one is left
    DEVIATES = 2  # found by the vote alone
    NO_VALUE = 3
    BAD_STATUS = 4
    NOT_FINITE = 5
    OUT_OF_RANGE = 6
    AHEAD = 7
    LATE = 8
    STUCK = 9


FAULT_WORDS: Final[dict[Fault, str]] = {
    Fault.UNCERTAIN: "the plant calls it uncertain",
    Fault.DEVIATES: "too far from the other channels",
    Fault.NO_VALUE: "no value",
    Fault.BAD_STATUS: "the plant calls it bad",
    Fault.NOT_FINITE: "not a finite number",
    Fault.OUT_OF_RANGE: "outside the physical range",
    Fault.AHEAD: "dated ahead of the clock",
    Fault.LATE: "too old",
    Fault.STUCK: "stuck at one value",
}


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """How the channels of one signal are judged, in the signal's unit.

    Attributes:
        tolerance: how far apart honest channels may be.
        normal_low, normal_high: of two that disagree, the one nearer to an end is the worse.
        physical_low, physical_high: no instrument reads outside these.
        max_age_ns: how much older a value may be than the newest of its scan.
        frozen_after_s: plant time after which an exactly constant value is stuck; 0: never.
    """

    tolerance: float
    normal_low: float
    normal_high: float
    physical_low: float
    physical_high: float
    max_age_ns: int
    frozen_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Channels:
    """What the N channels of one signal say of C cells at one scan; all (N, C).

    Attributes:
        value: in the signal's unit; NaN where there is none.
        is_missing, is_bad, is_uncertain: what the source says of it.
        source_time_ns: wall-clock UTC.
    """

    value: F64
    is_missing: Mask
    is_bad: Mask
    is_uncertain: Mask
    source_time_ns: I64


@dataclass(frozen=True, slots=True)
class Stillness:
    """Since when each channel has said the same; all (N, C).

    Attributes:
        value: the last finite one.
        since_s: plant time at which it came.
    """

    value: F64
    since_s: F64


def init_stillness(channels: int, cells: int) -> Stillness:
    """Return the state before the first scan."""
    return Stillness(np.full((channels, cells), np.nan), np.zeros((channels, cells)))


def step_stillness(before: Stillness, value: F64, t_plant_s: float) -> Stillness:
    """Return the state after a scan.

    Args:
        before: the state.
        value: (N, C); one that is not finite changes nothing.
        t_plant_s: plant time of the scan; where the clock was set back, old times say nothing.
    """
    finite = np.isfinite(value)
    is_new = (finite & (value != before.value)) | (before.since_s > t_plant_s)
    return replace(
        before,
        value=np.where(finite, value, before.value),
        since_s=np.where(is_new, t_plant_s, before.since_s),
    )


def find_faults(
    channels: Channels,
    rule: ChannelRule,
    stillness: Stillness,
    *,
    t_plant_s: float,
    newest_ns: int,
    t_received_ns: int,
) -> U8:
    """Return what is wrong with each channel taken by itself.

    Args:
        channels: of one signal.
        rule: of the signal.
        stillness: with this scan in it.
        t_plant_s: plant time of the scan.
        newest_ns: newest source time of the scan that may be believed.
        t_received_ns: when the scan was had.

    Returns:
        (N, C) of `Fault`, the first that applies in the order in which screening looks.
    """
    value, time_ns = channels.value, channels.source_time_ns
    fault = np.zeros(value.shape, dtype=np.uint8)
    fault[channels.is_uncertain] = Fault.UNCERTAIN
    # The last to be set is the first that applies.
    if rule.frozen_after_s > 0.0:
        fault[t_plant_s - stillness.since_s > rule.frozen_after_s] = Fault.STUCK
    fault[newest_ns - time_ns > rule.max_age_ns] = Fault.LATE
    fault[time_ns > t_received_ns + FUTURE_TOLERANCE_NS] = Fault.AHEAD
    fault[(value < rule.physical_low) | (value > rule.physical_high)] = Fault.OUT_OF_RANGE
    fault[~np.isfinite(value)] = Fault.NOT_FINITE
    fault[channels.is_bad] = Fault.BAD_STATUS
    fault[channels.is_missing] = Fault.NO_VALUE
    return fault
