"""What a sample may look like: unit, physical range and age limits of every signal."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignalLimits:
    """One measured signal, as the plant file describes it; all figures in the unit of its name.

    Attributes:
        name: one of `physics.signals.SIGNALS`.
        physical_low, physical_high: the instrument cannot read outside these; a sample that does is
            rejected.
        normal_low, normal_high: the range of normal operation, for scaling displays.
        noise_sd: standard deviation of the measurement, for the estimator.
        max_age_s: wall time after which a value whose source time does not move is stale.
        frozen_after_s: plant time after which an exactly constant value is called frozen; 0 where a
            constant value is normal.
    """

    name: str
    unit: str
    physical_low: float
    physical_high: float
    normal_low: float
    normal_high: float
    noise_sd: float
    max_age_s: float
    frozen_after_s: float = 0.0
