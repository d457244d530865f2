"""Who moves a cell, and how that changes. A state machine that knows nothing of I/O."""

from enum import StrEnum


class Mode(StrEnum):
    """Who moves a cell."""

    MANUAL = "MANUAL"  # operator or local control
    ADVISORY = "ADVISORY"  # moves proposed and shown, not written
    AUTO = "AUTO"  # moves written
    HOLD = "HOLD"  # last setpoints kept, reason shown
    SHED = "SHED"  # handed back to local control
    TRIPPED = "TRIPPED"  # latched; a person resets it
