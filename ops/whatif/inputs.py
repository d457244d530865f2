"""What `potline whatif` may be told: overrides and states, and how words become numbers.

Light on purpose: the help of the command is made of these tables.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ops.mistakes import ConfigurationError, Mistake, nearest, shown


@dataclass(frozen=True, slots=True)
class Input:
    """One quantity that may be given.

    Attributes:
        low, high: of an absolute value: what the twin's formulas hold for, both included.
        may_be_relative: whether +NUMBER and -NUMBER mean a change from the present value.
    """

    name: str
    unit: str
    low: float
    high: float
    meaning: str
    may_be_relative: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """A number as given: absolute, or a change."""

    name: str
    value: float
    is_relative: bool

    def from_present(self, present: float) -> float:
        """Return the absolute value that is meant."""
        return present + self.value if self.is_relative else self.value

    def __str__(self) -> str:
        return f"{self.name}={self.value:{'+' if self.is_relative else ''}g}"


FEED, FEED_RATE, BEAM, ACD, ALF3, CURRENT = (
    "feed",
    "feed_kg_per_h",
    "beam_mm",
    "acd_cm",
    "excess_alf3_pct",
    "current_ka",
)
OVERRIDES: Final = (
    Input(FEED, "of nominal", 0.0, 4.0, "alumina feed as a share of what the cell uses"),
    Input(FEED_RATE, "kg/h", 0.0, 1000.0, "alumina feed", True),
    Input(BEAM, "mm", 0.0, 1000.0, "position of the anode beam", True),
    Input(ACD, "cm", 2.0, 10.0, "anode-cathode distance, by the beam", True),
    Input(ALF3, "wt%", 0.0, 20.0, "AlF3 beyond cryolite, once it has dissolved", True),
    Input(CURRENT, "kA", 1.0, 1000.0, "line current", True),
)
STATES: Final = (
    Input("alumina_pct", "wt%", 0.5, 15.0, "dissolved alumina"),
    Input("undissolved_kg", "kg", 0.0, 500.0, "alumina not dissolved yet"),
    Input(ACD, "cm", 2.0, 10.0, "anode-cathode distance"),
    Input("bath_temperature_c", "degC", 900.0, 1050.0, "temperature of the bath"),
    Input("ledge_cm", "cm", 0.1, 40.0, "thickness of the ledge"),
    Input(ALF3, "wt%", 0.0, 20.0, "AlF3 beyond cryolite"),
    Input("feeder_efficiency", "share", 0.0, 1.5, "of the feed that arrives"),
    Input(FEED_RATE, "kg/h", 0.0, 1000.0, "feed in force"),
    Input(BEAM, "mm", 0.0, 1000.0, "beam in force"),
    Input(CURRENT, "kA", 1.0, 1000.0, "line current"),
)
_ONE_WAY: Final = ((FEED, FEED_RATE), (BEAM, ACD))  # two names for the same setpoint


def describe(known: Sequence[Input]) -> str:
    """Return names with meaning and unit, as the help lists them."""
    return ", ".join(f"{one.name} ({one.meaning}, {one.unit})" for one in known)


def read_words(words: Sequence[str], known: Sequence[Input], flag: str) -> dict[str, Given]:
    """Turn NAME=NUMBER words into numbers by name.

    Args:
        words: as a person wrote them.
        known: what may be given.
        flag: that they were written after.

    Raises:
        ConfigurationError: every word that cannot be used, with what is allowed.
    """
    by_name = {one.name: one for one in known}
    found: dict[str, Given] = {}
    mistakes: list[Mistake] = []
    for word in words:
        name, equals, text = (part.strip() for part in word.partition("="))
        one = by_name.get(name)
        if not equals:
            remedy = f"must be NAME=NUMBER. Remedy: write it as in {flag} {known[0].name}=0.8."
            mistakes.append(Mistake(word, "", remedy, flag))
        elif one is None:
            mistakes.append(Mistake(name, text, nearest(name, list(by_name)), flag))
        elif name in found:
            remedy = f"is given twice, before as {found[name]}. Remedy: keep one of them."
            mistakes.append(Mistake(name, text, remedy, flag))
        else:
            given, remedy = _read(one, text)
            if given is None:
                mistakes.append(Mistake(name, shown(text), remedy, flag))
            else:
                found[name] = given
    if flag == "--override":
        for first, second in _ONE_WAY:
            if first in found and second in found:
                remedy = f"moves the same setpoint as {first}. Remedy: keep one of them."
                mistakes.append(Mistake(second, f"{found[second].value:g}", remedy, flag))
    if mistakes:
        raise ConfigurationError(mistakes)
    return found


def _read(one: Input, text: str) -> tuple[Given | None, str]:
    allowed = f"Remedy: {one.meaning}, {one.low:g} to {one.high:g} {one.unit}"
    allowed += ", or a change as +1 or -1." if one.may_be_relative else "."
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        return None, f"is not a number. {allowed}"
    is_relative = one.may_be_relative and text[:1] in "+-"
    if not is_relative and not one.low <= value <= one.high:
        return None, f"is out of the range of the formulas. {allowed}"
    return Given(one.name, value, is_relative), ""
