"""What `potline cell --set NAME=NUMBER` may set: the names, and how words become numbers.

Light on purpose: the help of the command is made of this table.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ops.mistakes import ConfigurationError, Mistake, nearest, shown
from physics.design import PlantDesign

_ORIGIN: Final = "--set"
_MOST_ADDITIVES_WT_PCT: Final = 50.0  # as [cell.bath] allows: beyond, it is no cryolite bath
# Haupin's laws hold for working cells; industry runs at 0.7 to 1.1 A/cm2.
_DENSITY_LOW_A_PER_CM2: Final = 0.1  # design value
_DENSITY_HIGH_A_PER_CM2: Final = 1.5  # design value


@dataclass(frozen=True, slots=True)
class CellInput:
    """One quantity that may be set.

    Attributes:
        name: as written after --set.
        field: of `physics.operating_point.OperatingInputs`.
        unit: of the number.
        low, high: range in which the formulas hold, both included.
        meaning: what it is, in words.
    """

    name: str
    field: str
    unit: str
    low: float
    high: float
    meaning: str


# Composition: Solheim et al. 1996. Temperature, gap and current: design values.
CELL_INPUTS: Final = (
    CellInput("alumina_pct", "alumina_wt_pct", "wt%", 0.5, 15.0, "dissolved alumina"),
    CellInput("acd_cm", "acd_cm", "cm", 1.5, 10.0, "anode-cathode distance"),
    CellInput("bath_temperature_c", "bath_temperature_c", "degC", 900.0, 1050.0, "temperature"),
    CellInput("current_ka", "current_ka", "kA", 1.0, 1000.0, "cell current"),
    CellInput("excess_alf3_pct", "excess_alf3_wt_pct", "wt%", 0.0, 20.0, "AlF3 beyond cryolite"),
    CellInput("caf2_pct", "caf2_wt_pct", "wt%", 0.0, 20.0, "CaF2"),
    CellInput("mgf2_pct", "mgf2_wt_pct", "wt%", 0.0, 5.0, "MgF2"),
    CellInput("lif_pct", "lif_wt_pct", "wt%", 0.0, 20.0, "LiF"),
)
_BY_NAME: Final = {known.name: known for known in CELL_INPUTS}


def describe_inputs() -> str:
    """Return the names with unit and range, as the help of --set lists them."""
    return ", ".join(
        f"{known.name} ({known.meaning}, {known.low:g} to {known.high:g} {known.unit})"
        for known in CELL_INPUTS
    )


def read_overrides(words: Sequence[str]) -> dict[str, float]:
    """Turn NAME=NUMBER words into numbers by name.

    Args:
        words: as a person wrote them.

    Returns:
        Value by the name of a `CellInput`.

    Raises:
        ConfigurationError: every word that cannot be used, with what is allowed.
    """
    values: dict[str, float] = {}
    mistakes: list[Mistake] = []
    for word in words:
        name, equals, text = (part.strip() for part in word.partition("="))
        known = _BY_NAME.get(name)
        if not equals:
            remedy = "must be NAME=NUMBER. Remedy: write it as in --set alumina_pct=3.5."
            mistakes.append(Mistake(word, "", remedy, _ORIGIN))
        elif known is None:
            mistakes.append(Mistake(name, text, nearest(name, list(_BY_NAME)), _ORIGIN))
        elif name in values:
            remedy = f"is set twice, before to {values[name]:g}. Remedy: keep one of them."
            mistakes.append(Mistake(name, text, remedy, _ORIGIN))
        else:
            value = _number(text)
            if math.isnan(value):
                mistakes.append(Mistake(name, shown(text), _not_a_number(known, text), _ORIGIN))
            elif known.low <= value <= known.high:
                values[name] = value
            else:
                remedy = f"is out of the range of the formulas. {_allowed(known)}"
                mistakes.append(Mistake(name, text, remedy, _ORIGIN))
    if mistakes:
        raise ConfigurationError(mistakes)
    return values


def check_inputs(values: Mapping[str, float], design: PlantDesign, saturation_pct: float) -> None:
    """Refuse what no cell of this design can do, though each number by itself is in range.

    Args:
        values: of all inputs, by name.
        design: for the area that carries the current.
        saturation_pct: alumina that this bath can dissolve, wt%.

    Raises:
        ConfigurationError: everything that does not go together.
    """
    found = list(_impossible(values, design, saturation_pct))
    if found:
        raise ConfigurationError(found)


def _impossible(
    values: Mapping[str, float], design: PlantDesign, saturation_pct: float
) -> Iterator[Mistake]:
    additives = sum(values[name] for name in _BY_NAME if name.endswith("_pct"))
    if additives >= _MOST_ADDITIVES_WT_PCT:
        remedy = (
            f"with alumina and the other additives makes {additives:g} wt%, which leaves no "
            f"cryolite bath. Remedy: stay below {_MOST_ADDITIVES_WT_PCT:g} wt% in all."
        )
        yield Mistake("excess_alf3_pct", f"{values['excess_alf3_pct']:g}", remedy, _ORIGIN)
    elif values["alumina_pct"] > saturation_pct:
        remedy = (
            f"is more than this bath dissolves at {values['bath_temperature_c']:g} degC. "
            f"Remedy: at most {saturation_pct:.2f} wt%."
        )
        yield Mistake("alumina_pct", f"{values['alumina_pct']:g}", remedy, _ORIGIN)
    area_cm2 = design.cell.electrodes.anode_area_cm2 * design.cell.electrodes.fanning_factor
    density = values["current_ka"] * 1e3 / area_cm2
    if not _DENSITY_LOW_A_PER_CM2 <= density <= _DENSITY_HIGH_A_PER_CM2:
        low, high = (
            limit * area_cm2 / 1e3 for limit in (_DENSITY_LOW_A_PER_CM2, _DENSITY_HIGH_A_PER_CM2)
        )
        remedy = (
            f"is {density:.3g} A/cm2 at the anodes of this cell. "
            f"Remedy: {low:.4g} to {high:.4g} kA, which are {_DENSITY_LOW_A_PER_CM2:g} to "
            f"{_DENSITY_HIGH_A_PER_CM2:g} A/cm2."
        )
        yield Mistake("current_ka", f"{values['current_ka']:g}", remedy, _ORIGIN)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _not_a_number(known: CellInput, text: str) -> str:
    with_point = text.replace(",", ".")
    if math.isnan(_number(with_point)):
        return f"is not a number. {_allowed(known)}"
    return f"is not a number. Did you mean {with_point}?"


def _allowed(known: CellInput) -> str:
    return f"Remedy: {known.meaning} in {known.unit}, {known.low:g} to {known.high:g}."
