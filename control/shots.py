"""Feed in shots: a rate that is a whole number of them in a step, what is left over carried on.

A feeder drops whole shots. A rate between two whole numbers of shots to a step is made of both: one
is kept until what it has fed too little or too much comes to a shot, then the other. So the mean is
what was wanted, what is owed never exceeds a shot, and the setpoint changes rarely.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

_WHOLE_WITHIN: Final = 1e-3  # of a shot
_ROUNDING: Final = 1e-9  # of a shot


@dataclass(frozen=True, slots=True)
class Shots:
    """A feeder's shots, to a step of the plan.

    Attributes:
        shot_kg: one shot; NaN where it is not known, and rates are not rounded.
        step_s: in which a rate is a whole number of shots.
    """

    shot_kg: float
    step_s: float

    @property
    def kg_per_h(self) -> float:
        """The rate that is one shot a step."""
        return self.shot_kg * 3600.0 / self.step_s

    def owed_kg(
        self, owed_kg: float, wanted_kg_per_h: float, fed_kg_per_h: float, elapsed_s: float
    ) -> float:
        """Return what is owed after some time at one rate while another was wanted, at most a shot
        either way.
        """
        owed_kg += (wanted_kg_per_h - fed_kg_per_h) * elapsed_s / 3600.0
        if not math.isfinite(owed_kg):
            return 0.0
        return float(np.clip(owed_kg, -self.shot_kg, self.shot_kg))

    def round_rate(
        self,
        wanted_kg_per_h: float,
        present_kg_per_h: float,
        owed_kg: float,
        low_kg_per_h: float,
        high_kg_per_h: float,
    ) -> float:
        """Return the rate to set.

        Args:
            wanted_kg_per_h: what the plan asks for.
            present_kg_per_h: in force; kept if it is whole and what is wanted and owed together
                differs by less than a shot from it.
            owed_kg: what has been wanted and not been fed.
            low_kg_per_h, high_kg_per_h: bounds; where no whole number lies between them, the wanted
                rate is returned as it is.
        """
        if not math.isfinite(self.shot_kg):
            return wanted_kg_per_h
        least = math.ceil(low_kg_per_h / self.kg_per_h - _ROUNDING)
        most = math.floor(high_kg_per_h / self.kg_per_h + _ROUNDING)
        if least > most:
            return wanted_kg_per_h
        due = wanted_kg_per_h / self.kg_per_h + owed_kg / self.shot_kg
        present = round(present_kg_per_h / self.kg_per_h)
        is_whole = abs(present_kg_per_h / self.kg_per_h - present) < _WHOLE_WITHIN
        is_kept = is_whole and least <= present <= most and abs(due - present) < 1.0
        return float(np.clip(present if is_kept else round(due), least, most)) * self.kg_per_h
