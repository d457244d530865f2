"""Distributions of durations in bounded memory: counts in logarithmic steps."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_LOWEST_MS: Final = 0.01
_DECADES: Final = 9  # up to 10^7 ms, close to three hours; what is longer counts as that
_STEPS_PER_DECADE: Final = 256
RELATIVE_ERROR: Final = 10 ** (1 / _STEPS_PER_DECADE) - 1  # 0.9 %: a quantile is never understated


class Distribution:
    """How often durations occurred, in milliseconds.

    A quantile is the upper edge of the step that it lies in: at most `RELATIVE_ERROR` above the
    true one, never below it. The largest value is exact.
    """

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(_DECADES * _STEPS_PER_DECADE + 1, dtype=np.int64)
        self.largest_ms = 0.0

    @property
    def count(self) -> int:
        """How many durations were added."""
        return int(self._counts.sum())

    def add(self, duration_ms: float, weight: int = 1) -> None:
        """Add one duration; a negative one (clocks that differ) counts as the shortest."""
        exponent = np.log10(max(duration_ms, _LOWEST_MS) / _LOWEST_MS)
        step = min(int(np.ceil(exponent * _STEPS_PER_DECADE)), len(self._counts) - 1)
        self._counts[step] += weight
        self.largest_ms = max(self.largest_ms, duration_ms)

    def quantile_ms(self, share: float) -> float | None:
        """Return the duration that a share of all did not exceed; None where there are none.

        Args:
            share: 0 to 1.
        """
        total = self.count
        if total == 0:
            return None
        wanted = max(1, int(np.ceil(share * total)))
        step = int(np.searchsorted(np.cumsum(self._counts), wanted))
        edge = _LOWEST_MS * 10 ** (step / _STEPS_PER_DECADE)
        return (
            float(min(edge, self.largest_ms)) if step < len(self._counts) - 1 else self.largest_ms
        )

    def summary(self) -> dict[str, float | int | None]:
        """Return count, p50, p95, p99 and the largest, in milliseconds."""
        return {
            "count": self.count,
            "p50": _rounded(self.quantile_ms(0.50)),
            "p95": _rounded(self.quantile_ms(0.95)),
            "p99": _rounded(self.quantile_ms(0.99)),
            "max": _rounded(self.largest_ms if self.count else None),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
