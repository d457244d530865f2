"""From overrides as given to setpoints that are wanted, held against what the plant may do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ops.mistakes import ConfigurationError, Mistake
from ops.plantfile import PlantFile
from ops.whatif.inputs import ACD, ALF3, BEAM, CURRENT, FEED, FEED_RATE, OVERRIDES, Given
from ops.whatif.start import Start
from physics.design import nominal_feed_kg_per_h
from physics.signals import SETPOINTS

_FLAG: Final = "--override"
_FEED, _BEAM = SETPOINTS
_MM_PER_CM: Final = 10.0
_RANGE: Final = {one.name: one for one in OVERRIDES}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an override asks of a cell.

    Attributes:
        setpoints: wanted value of each setpoint that is overridden, by its name.
        current_ka: of the line.
        alf3_shift_wt_pct: how much richer in AlF3 the bath is from the start on.
    """

    setpoints: Mapping[str, float]
    current_ka: float
    alf3_shift_wt_pct: float


def resolve(given: Mapping[str, Given], start: Start, plant: PlantFile, is_by_hand: bool) -> Wanted:
    """Return what is wanted, as absolute values.

    Args:
        given: overrides by name.
        start: what a change is from.
        plant: for its limits.
        is_by_hand: whether a person at the plant does it, past the limits.

    Raises:
        ConfigurationError: everything that is beyond a hard bound, or beyond the formulas.
    """
    setpoints: dict[str, float] = {}
    if FEED in given:
        setpoints[_FEED] = given[FEED].value * nominal_feed_kg_per_h(plant.design)
    if FEED_RATE in given:
        setpoints[_FEED] = given[FEED_RATE].from_present(start.feed_kg_per_h)
    if BEAM in given:
        setpoints[_BEAM] = given[BEAM].from_present(start.beam_mm)
    if ACD in given:
        present_cm = start.state("acd_cm")
        rise_mm = _MM_PER_CM * (given[ACD].from_present(present_cm) - present_cm)
        setpoints[_BEAM] = start.beam_mm + rise_mm
    current_ka = start.current_ka
    if CURRENT in given:
        current_ka = given[CURRENT].from_present(current_ka)
    shift = 0.0
    if ALF3 in given:
        present = start.state("excess_alf3_wt_pct")
        shift = given[ALF3].from_present(present) - present
    mistakes = list(_beyond_formulas(given, setpoints, current_ka, shift, start))
    if not mistakes and not is_by_hand:
        mistakes = list(_beyond_bounds(given, setpoints, current_ka, start, plant))
    if mistakes:
        raise ConfigurationError(mistakes)
    return Wanted(setpoints, current_ka, shift)


def _beyond_formulas(
    given: Mapping[str, Given],
    setpoints: Mapping[str, float],
    current_ka: float,
    shift: float,
    start: Start,
) -> Iterator[Mistake]:
    values = {CURRENT: current_ka, ALF3: start.state("excess_alf3_wt_pct") + shift}
    if _FEED in setpoints:
        values[FEED_RATE] = setpoints[_FEED]
    if _BEAM in setpoints:
        values[BEAM] = setpoints[_BEAM]
        values[ACD] = start.state("acd_cm") + (setpoints[_BEAM] - start.beam_mm) / _MM_PER_CM
    for name, value in values.items():
        known = _RANGE[name]
        if not known.low <= value <= known.high:
            word = next((one for one in given.values() if one.name in _ALIKE[name]), None)
            if word is None:
                continue  # as estimated, and not asked for
            remedy = (
                f"makes {name} {value:.5g} {known.unit}, where the formulas do not hold. "
                f"Remedy: stay within {known.low:g} to {known.high:g} {known.unit}."
            )
            yield Mistake(word.name, str(word).partition("=")[2], remedy, _FLAG)


_ALIKE: Final = {
    FEED_RATE: (FEED, FEED_RATE),
    BEAM: (BEAM, ACD),
    ACD: (BEAM, ACD),
    ALF3: (ALF3,),
    CURRENT: (CURRENT,),
}


def _beyond_bounds(
    given: Mapping[str, Given],
    setpoints: Mapping[str, float],
    current_ka: float,
    start: Start,
    plant: PlantFile,
) -> Iterator[Mistake]:
    limits = {row.name: row for row in plant.setpoints}
    for setpoint, value in setpoints.items():
        row = limits[setpoint]
        if row.low <= value <= row.high:
            continue
        names = _ALIKE[FEED_RATE if setpoint == _FEED else BEAM]
        word = next(one for one in given.values() if one.name in names)
        low, high = (_as_given(word, bound, start, plant) for bound in (row.low, row.high))
        unit = _RANGE[word.name].unit
        remedy = (
            f"asks for {value:.5g} {row.unit}, beyond the hard bounds of {setpoint}, {row.low:g} "
            f"to {row.high:g} {row.unit}, which the interlock never lets through. Remedy: "
            f"{word.name} from {low:.4g} to {high:.4g} {unit}; or --by-hand, which plays what a "
            "person at the plant could do."
        )
        yield Mistake(word.name, str(word).partition("=")[2], remedy, _FLAG)
    line = plant.line
    if CURRENT in given and not line.current_low_ka <= current_ka <= line.current_high_ka:
        remedy = (
            f"makes {current_ka:.5g} kA, beyond what [line] allows. Remedy: "
            f"{line.current_low_ka:g} to {line.current_high_ka:g} kA; or --by-hand."
        )
        yield Mistake(CURRENT, str(given[CURRENT]).partition("=")[2], remedy, _FLAG)


def _as_given(word: Given, bound: float, start: Start, plant: PlantFile) -> float:
    """Return a bound of the setpoint in the unit of the word, absolute."""
    if word.name == FEED:
        return bound / nominal_feed_kg_per_h(plant.design)
    if word.name == ACD:
        return start.state("acd_cm") + (bound - start.beam_mm) / _MM_PER_CM
    return bound
