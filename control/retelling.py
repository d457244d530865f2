"""When an alarm that lasts is told again, so that one that nobody took up is not forgotten."""

from dataclasses import dataclass

from control.events import Priority


@dataclass(frozen=True, slots=True)
class Retelling:
    """How long after people were told of an alarm they are told again; None: never.

    Defaults are design values: what is urgent twice within the half hour that it can wait for, what
    is not urgent never.

    Attributes:
        high_s, medium_s, low_s: while it is active and nobody has acknowledged it.
        acknowledged_s: while it is active and somebody has, of whatever priority.

    Raises:
        ValueError: a time that is not positive.
    """

    high_s: float | None = 600.0
    medium_s: float | None = 1800.0
    low_s: float | None = None
    acknowledged_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("high_s", "medium_s", "low_s", "acknowledged_s"):
            after_s = getattr(self, name)
            if after_s is not None and not 0.0 < after_s < float("inf"):  # NaN too
                raise ValueError(
                    f"{name} is {after_s:g}: an alarm is told again after more than 0 s. "
                    "Remedy: give it a longer time, or None for never"
                )

    def after_s(self, priority: Priority, is_acknowledged: bool) -> float | None:
        """Return when an active alarm is told again, after it was told; None: never."""
        if is_acknowledged:
            return self.acknowledged_s
        return {
            Priority.HIGH: self.high_s,
            Priority.MEDIUM: self.medium_s,
            Priority.LOW: self.low_s,
        }.get(priority)


NEVER_AGAIN = Retelling(None, None, None, None)
