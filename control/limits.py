"""What a setpoint may be: absolute, per step, per hour, per window.

One row per setpoint of the plant file, read once; the controller plans inside these limits and the
interlock checks against the same.
"""

from dataclasses import dataclass
from enum import StrEnum


class OutOfLimit(StrEnum):
    """What the interlock does with a finite value outside a limit."""

    CLAMP = "clamp"  # move as far as the limit allows
    REJECT = "reject"  # no move


@dataclass(frozen=True, slots=True)
class SetpointLimits:
    """Limits of one setpoint, all in the unit of its name.

    Attributes:
        low, high: hard bounds; never crossed, never bypassed.
        max_step: largest difference between a move and the plant's read-back.
        max_rate_per_h: largest rate of change, per hour of plant time.
        max_travel: largest sum of absolute changes within `travel_window_h` of plant time.
        resolution: the smallest difference that the actuator can make; the bumpless test uses it.
        readback_tolerance: how far the read-back may be from the written value.
        out_of_limit: what happens to a finite value outside `low..high`, a step, rate or travel.
    """

    name: str
    unit: str
    low: float
    high: float
    max_step: float
    max_rate_per_h: float
    max_travel: float
    travel_window_h: float
    resolution: float
    readback_tolerance: float
    out_of_limit: OutOfLimit = OutOfLimit.CLAMP


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """What holds for the line and for the inputs of every decision.

    Attributes:
        max_input_age_s: wall time after which the newest accepted sample of a cell is stale.
        max_cells_per_scan: most cells that may be moved by more than their resolution at once.
        shed_after_s: silence of the plant's heartbeat (or of the samples) that sheds the cells.
        readback_deadline_s: how long the plant may take to show a written value.
        proposal_validity_s: wall time after which a proposal that was not written is dropped.
        trip_below_ka: a line current below this trips every cell; 0: none does.
        shed_line_at_cells: so many cells that do not take what is written shed the whole line.
    """

    max_input_age_s: float
    max_cells_per_scan: int
    shed_after_s: float
    readback_deadline_s: float
    proposal_validity_s: float
    shed_line_at_cells: int = 5
    trip_below_ka: float = 0.0
