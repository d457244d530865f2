"""What a what-if says: a sentence for everything that a person should know before committing."""

from typing import Final

import numpy as np

from control.whatif import Crossing, Passage
from ops.whatif.inputs import ALF3, CURRENT
from ops.whatif.run import CourseName, WhatIf

TITLES: Final = {
    CourseName.HOLD: "left alone",
    CourseName.OVERRIDE: "override",
    CourseName.MPC: "MPC",
}
QUANTITIES: Final = (  # quantity, words, unit, digits
    ("alumina_wt_pct", "alumina", "wt%", 2),
    ("superheat_c", "superheat", "degC", 1),
    ("bath_temperature_c", "bath temperature", "degC", 1),
    ("ledge_cm", "ledge", "cm", 1),
    ("acd_cm", "ACD", "cm", 2),
    ("cell_voltage_v", "voltage", "V", 3),
    ("voltage_noise_mv", "noise", "mV", 0),
)
_SHOWN_AS: Final = {name: (unit, digits) for name, _, unit, digits in QUANTITIES}
_SETPOINT_WORDS: Final = {
    "alumina_feed_rate_kg_per_h": ("Feed", "kg/h", 1),
    "beam_position_mm": ("Beam", "mm", 1),
}


def duration(hours: float) -> str:
    """Return hours as a person says them."""
    minutes = round(60.0 * hours)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def interlock_sentences(found: WhatIf) -> list[str]:
    """Return what the interlock makes of every overridden setpoint."""
    sentences = [_passage(found, name, passage) for name, passage in sorted(found.passages.items())]
    if CURRENT in found.given:
        sentences.append(
            f"Line current {found.start.current_ka:g} to {found.wanted.current_ka:g} kA: set at "
            "the rectifier for all cells; no setpoint that the interlock of a cell guards."
        )
    if ALF3 in found.given:
        sentences.append(
            f"AlF3 {found.wanted.alf3_shift_wt_pct:+.2f} wt%: played as dissolved at once; an "
            "addition at the plant takes one to three days. No setpoint of the interlock."
        )
    return sentences


def _passage(found: WhatIf, name: str, passage: Passage) -> str:
    word, unit, digits = _SETPOINT_WORDS[name]
    wanted = found.wanted.setpoints[name]
    sentence = f"{word} {wanted:.{digits}f} {unit}: "
    first = passage.first
    if first.applied is None:
        return sentence + f"the interlock would hold it: {'; '.join(first.reasons)}."
    if not first.reasons:
        return sentence + "the interlock permits it at once."
    sentence += f"the interlock limits it ({first.reasons[0]})"
    if found.is_by_hand:
        return sentence + "; played by hand, at once."
    if passage.arrived is None:
        reached = passage.values[-1]
        return (
            sentence + f"; after {duration(found.hours[-1])} it is at {reached:.{digits}f} {unit}."
        )
    there = passage.arrived * found.period_s / 3600.0
    return (
        sentence + f"; asked for every {found.period_s:g} s, it is there after {duration(there)}."
    )


def course_sentences(found: WhatIf, name: CourseName) -> list[str]:
    """Return which bounds a course crosses, and when; one sentence where it crosses none."""
    course = found.courses[name]
    sentences = [_crossing(crossing) for crossing in course.crossings]
    if course.anode_effect_h is not None:
        sentences.append(
            f"ANODE EFFECT after {duration(course.anode_effect_h)}: the course ends there."
        )
    return sentences or ["No bound is crossed."]


def _crossing(crossing: Crossing) -> str:
    words = crossing.bound.words
    begins = (
        "from the start" if crossing.begins_h == 0.0 else f"after {duration(crossing.begins_h)}"
    )
    unit, digits = _SHOWN_AS[crossing.bound.quantity]
    worst = f"{crossing.worst:.{digits}f} {unit}"
    farthest = "lowest" if crossing.bound.sign < 0 else "highest"
    if crossing.ends_h is None:
        how_long = "to the end"
    else:
        how_long = f"last after {duration(crossing.ends_h)}, {duration(crossing.hours)} in all"
    return f"{words[:1].upper()}{words[1:]} {begins}, {how_long} ({farthest} {worst})."


def risk_sentence(found: WhatIf) -> str:
    """Return the probability of an anode effect of the courses that nobody steers."""
    hours = duration(found.hours[-1])
    hold, override = (
        100.0 * found.courses[name].probability[-1]
        for name in (CourseName.HOLD, CourseName.OVERRIDE)
    )
    return (
        f"Anode effect within {hours}, if nobody acts on what is seen meanwhile: {override:.0f} % "
        f"with the override, {hold:.0f} % left alone, by how unsure the estimate is. The MPC acts: "
        "its risk is told by potline evaluate, not by this."
    )


def energy_sentence(found: WhatIf) -> str:
    """Return the energy of the override beside the others."""
    override = found.courses[CourseName.OVERRIDE]
    parts = []
    for name in (CourseName.HOLD, CourseName.MPC):
        other = found.courses[name]
        change = override.energy_kwh_per_kg - other.energy_kwh_per_kg
        parts.append(f"{change:+.2f} against {TITLES[name]} ({other.energy_kwh_per_kg:.2f})")
    until = "" if override.anode_effect_h is None else " until the anode effect"
    return (
        f"Energy of the override{until}: {override.energy_kwh_per_kg:.2f} kWh/kg DC, "
        f"{', '.join(parts)}."
    )


def verdict(found: WhatIf) -> str:
    """Return the whole in one sentence."""
    override = found.courses[CourseName.OVERRIDE]
    hold = found.courses[CourseName.HOLD]
    given = ", ".join(str(one) for one in found.given.values())
    if override.anode_effect_h is not None:
        return f"{given} leads to an anode effect after {duration(override.anode_effect_h)}."
    mine = {crossing.bound.words for crossing in override.crossings}
    anyway = {crossing.bound.words for crossing in hold.crossings}
    new = len(mine - anyway)
    extra = 100.0 * float(override.probability[-1] - hold.probability[-1])
    risk = f"anode-effect risk {extra:+.0f} percentage points"
    if new:
        bounds = f"{new} bound{'s' * (new > 1)}"
        return f"{given} crosses {bounds} that the cell left alone would not; {risk}."
    if mine:
        return f"{given} crosses no bound that the cell left alone would not; {risk}."
    return f"{given} keeps every bound for {duration(found.hours[-1])}; {risk}."


def sparkline(values: np.ndarray, low: float, high: float, width: int) -> str:
    """Return values as a row of blocks between `low` and `high`; nothing where there are none."""
    blocks = "▁▂▃▄▅▆▇█"
    at = np.linspace(0, len(values) - 1, width).round().astype(int)
    span = max(high - low, 1e-12)
    marks = []
    for value in values[at]:
        if not np.isfinite(value):
            marks.append(" ")
            continue
        marks.append(blocks[int(np.clip((value - low) / span * len(blocks), 0, len(blocks) - 1))])
    return "".join(marks)
