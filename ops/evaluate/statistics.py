"""Means and changes over the seeds, with their 95 % intervals.

Seeds are paired: the same faults and operations befell every controller. What is compared is a
ratio of means, because a baseline may have seeds without a single anode effect, of which no ratio
can be made. Its interval is that of the ratio estimator (Cochran, Sampling Techniques, 3rd ed.,
6.3): Student's t on what each seed adds beyond the common ratio.
"""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % interval; low and high are None where one seed tells of no spread, all
    three where there is nothing to compare with."""

    mean: float | None
    low: float | None
    high: float | None

    def as_dict(self) -> dict[str, float | None]:
        """Return the three by name."""
        return asdict(self)


def interval_of(values: F64) -> Interval:
    """Return the mean over seeds with Student's t interval.

    Args:
        values: (S,), one for each seed.
    """
    mean = float(np.mean(values))
    half = _half(values)
    return Interval(mean, *((None, None) if half is None else (mean - half, mean + half)))


def change_pct(ours: F64, theirs: F64) -> Interval:
    """Return by how many per cent ours differs from theirs.

    Args:
        ours: (S,), one for each seed.
        theirs: (S,), of the same seeds in the same order.
    """
    base = float(np.mean(theirs))
    if base == 0.0:
        return Interval(None, None, None)
    ratio = float(np.mean(ours)) / base
    half = _half((ours - ratio * theirs) / abs(base))
    mean = 100.0 * (ratio - 1.0)
    if half is None:
        return Interval(mean, None, None)
    return Interval(mean, mean - 100.0 * half, mean + 100.0 * half)


def difference(ours: F64, theirs: F64) -> Interval:
    """Return the paired difference over seeds, ours less theirs, with Student's t interval.

    Args:
        ours: (S,), one for each seed.
        theirs: (S,), of the same seeds in the same order.
    """
    return interval_of(ours - theirs)


def _half(values: F64) -> float | None:
    """Half the width of the 95 % interval of the mean."""
    count = len(values)
    if count < 2:
        return None
    error = float(np.std(values, ddof=1)) / np.sqrt(count)
    return float(stats.t.ppf(0.975, count - 1) * error)
