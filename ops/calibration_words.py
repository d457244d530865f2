"""What a calibration found, in words, as JSON and as lines to paste into a plant file."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from physics.calibration.calibrate import Calibration
from physics.calibration.figures import FIGURES
from physics.calibration.history import CHANNELS
from physics.calibration.verdicts import TOLERANCE, FigureResult, Verdict

_SMALLEST, _LARGEST = 1e-4, 1e7  # beyond, numbers are written with an exponent
_MEANING: Final = {figure.key: figure.meaning for figure in FIGURES}


def digits(number: float, spread: float) -> str:
    """Return a number with as many digits as a spread of it leaves worth writing."""
    if not math.isfinite(number):
        return "-"
    if not math.isfinite(spread) or spread <= 0.0 or number == 0.0:
        return f"{number:.4g}"
    places = 1 - math.floor(math.log10(spread))  # two digits of the spread
    rounded = round(number, places)
    if not _SMALLEST <= abs(number) < _LARGEST:
        return f"{rounded:.{max(1, 1 + places + math.floor(math.log10(abs(number)))) - 1}e}"
    return f"{rounded:.{max(places, 0)}f}"


def summary_sentence(results: Sequence[FigureResult]) -> str:
    """Return how many figures the history told."""
    told = sum(result.verdict is Verdict.IDENTIFIED for result in results)
    narrowed = sum(result.verdict is Verdict.NARROWED for result in results)
    untold = len(results) - told - narrowed
    return (
        f"{told} of {len(results)} figures are identified to within {TOLERANCE:.0%}, "
        f"{narrowed} are narrowed only, {untold} cannot be identified from this history."
    )


def figure_sentence(result: FigureResult) -> str:
    """Return what the history says of a figure, and why it does not say more."""
    if result.verdict is Verdict.IDENTIFIED:
        change = result.value / result.before - 1.0
        return f"The history tells it to {result.history_share:.1%}: {change:+.1%} from before."
    if result.partners:
        names = [_MEANING.get(partner, partner) for partner in result.partners]
        why = f"it can be exchanged for {_listed(names)}"
    elif math.isinf(result.history_share):
        why = "nothing that was measured depends on it"
    else:
        why = "what was measured depends on it too little"
    if math.isinf(result.history_share):
        return f"The history says nothing of it: {why}."
    known = "" if result.verdict is Verdict.NARROWED else ", no better than it was known"
    return f"The history tells it to {result.history_share:.0%}{known}: {why}."


def result_json(calibration: Calibration, about: dict[str, Any]) -> dict[str, Any]:
    """Return all that a script may want of a calibration.

    Args:
        calibration: whatever its status.
        about: what to say of plant, cell and history beside it.
    """
    channels = {}
    for at, channel in enumerate(CHANNELS):
        measured = calibration.measured[:, at]
        is_read = np.isfinite(measured)
        if is_read.any():
            channels[channel.name] = {
                "readings": int(is_read.sum()),
                "residual_rms_before": _rms((calibration.before[:, at] - measured)[is_read]),
                "residual_rms_fitted": _rms((calibration.fitted[:, at] - measured)[is_read]),
                "noise_inflation": float(calibration.inflation[at]),
            }
    return about | {
        "status": calibration.status.name.lower(),
        "sentence": calibration.status.sentence,
        "hours": calibration.hours,
        "steps": calibration.steps,
        "held_bins": calibration.held_bins,
        "figures": {
            result.figure.key: {
                "meaning": result.figure.meaning,
                "before": result.before,
                "value": result.value,
                "low": result.low,
                "high": result.high,
                "history_share": _finite(result.history_share),
                "verdict": result.verdict.name.lower(),
                "partners": list(result.partners),
                "sentence": figure_sentence(result),
            }
            for result in calibration.figures
        },
        "temperature_offset_c": {
            "value": calibration.temperature_offset_c,
            "sd": calibration.temperature_offset_sd_c,
        },
        "channels": channels,
    }


def plant_lines(results: Sequence[FigureResult], heading: Sequence[str]) -> str:
    """Return the figures as tables of a plant file: what was identified as lines to paste, the rest
    as comments."""
    lines = [f"# {line}" for line in heading]
    tables: dict[str, list[FigureResult]] = {}
    for result in results:
        tables.setdefault(result.figure.key.partition(".")[0], []).append(result)
    for table, members in tables.items():
        has_lines = any(result.verdict is Verdict.IDENTIFIED for result in members)
        lines += ["", f"[cell.{table}]" if has_lines else f"# [cell.{table}]"]
        for result in members:
            name = result.figure.key.partition(".")[2]
            spread = result.high - result.low
            low, high = digits(result.low, spread), digits(result.high, spread)
            value = _toml_float(digits(result.value, spread))
            text = f"{name} = {value}  # 95 %: {low} to {high}; was {result.before:g}"
            is_identified = result.verdict is Verdict.IDENTIFIED
            lines.append(text if is_identified else f"# {result.verdict.words}: {text}")
    return "\n".join(lines) + "\n"


def _toml_float(text: str) -> str:
    return text if any(mark in text for mark in ".e") else f"{text}.0"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _rms(residual: Any) -> float | None:
    return _finite(float(np.sqrt(np.mean(residual**2))))


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
