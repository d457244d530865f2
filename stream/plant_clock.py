"""What the guard makes of how far the clock of the plant's server is from its own. Pure.

A clock that is behind makes fresh samples look old, one that is ahead makes old ones look fresh;
and which of the two clocks is wrong cannot be known here.
"""

from dataclasses import dataclass, replace
from typing import Final

from stream.edge import ClockOffset

APART: Final = "scada_clock_apart"
DRIFTS: Final = "scada_clock_drift"
MEASURED: Final = "scada_clock_measured"
CLOCK_EVENTS: Final = frozenset({APART, DRIFTS, MEASURED})
_APART_S: Final = 1.0
_DRIFTS_S: Final = 0.1
_GIVEN_UP_AFTER_S: Final = 60.0  # of a connection over which nothing can be measured
_WORTH_TELLING_S: Final = 0.02
_MOST_SHOWN_MS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class PlantClock:
    """What is known of the plant's clock.

    Attributes:
        offset: measured last; None before the first.
        is_apart: whether cells must be shed for it; `drifts`: whether people should look.
        told: the offset that people were told last of.
        unknown_since_s: monotonic time since which a connected server has not been measured.
        is_given_up: that has been so for long: this server does not say what time it has.
    """

    offset: ClockOffset | None = None
    is_apart: bool = False
    drifts: bool = False
    told: ClockOffset | None = None
    unknown_since_s: float | None = None
    is_given_up: bool = False

    def see(
        self, offset: ClockOffset | None, now_s: float = 0.0, *, is_connected: bool = True
    ) -> "PlantClock":
        """Return what is known after a measurement.

        What its error may explain changes nothing, and neither does one that was not had: what
        stood goes on until it is surely over. But a server that has been exchanged for one that
        puts no time on its answers would leave the cells shed for ever: after a minute it is as if
        it had never been measured.

        Args:
            offset: None where there was none.
            now_s: monotonic.
            is_connected: whether there could have been one.
        """
        if offset is None and not is_connected:
            return replace(self, unknown_since_s=None)
        if offset is None:
            since_s = now_s if self.unknown_since_s is None else self.unknown_since_s
            if now_s - since_s <= _GIVEN_UP_AFTER_S:
                return replace(self, unknown_since_s=since_s)
            return PlantClock(unknown_since_s=since_s, is_given_up=True)
        is_apart = _goes_on(offset, _APART_S, self.is_apart)
        is_off = _goes_on(offset, _DRIFTS_S, self.drifts or self.is_apart)
        return replace(
            self,
            offset=offset,
            is_apart=is_apart,
            drifts=is_off and not is_apart,
            unknown_since_s=None,
            is_given_up=False,
        )

    @property
    def is_news(self) -> bool:
        """Whether people should be told of the figure: the first, or one that is surely another."""
        if self.offset is None or self.told is None:
            return self.offset is not None
        unsure_s = self.offset.error_s + self.told.error_s
        moved_s = abs(self.offset.offset_s - self.told.offset_s)
        return moved_s > max(unsure_s, _WORTH_TELLING_S)

    def tell(self) -> "PlantClock":
        """Return the same, once people were told."""
        return replace(self, told=self.offset)

    @property
    def details(self) -> dict[str, str | float]:
        """The figures of an event; zero before the first measurement."""
        offset = self.offset or ClockOffset(0.0, 0.0)
        offset_ms = _in_ms(offset.offset_s)
        return {
            "offset_ms": offset_ms,
            "error_ms": _in_ms(offset.error_s),
            "apart_ms": abs(offset_ms),
            "side": "behind" if offset_ms < 0 else "ahead of",
        }


def _goes_on(offset: ClockOffset, limit_s: float, stood: bool) -> bool:
    return not offset.is_surely_within(limit_s) if stood else offset.is_surely_beyond(limit_s)


def _in_ms(seconds: float) -> int:
    return max(-_MOST_SHOWN_MS, min(_MOST_SHOWN_MS, round(1e3 * seconds)))
