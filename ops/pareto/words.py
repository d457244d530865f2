"""A front in words, as a table, as JSON, and as lines for a plant file."""

import csv
import io
from typing import Any, Final

from control.operation import GAP_SD_CM
from control.rating import ALF3, ALUMINA, GAP, OBJECTIVES, SWING, TARGETS, Rated
from ops.pareto.front import Front

COLUMNS: Final = (  # name, words, unit, digits
    ("energy_kwh_per_kg", "energy", "kWh/kg", 3),
    ("ghg_t_per_t", "greenhouse gases", "t CO2e/t", 3),
    ("ghg_process_t_per_t", "of it carbon burnt", "t CO2e/t", 3),
    ("ghg_pfc_t_per_t", "of it CF4 and C2F6", "t CO2e/t", 3),
    ("ghg_electricity_t_per_t", "of it electricity", "t CO2e/t", 3),
    ("anode_effects_per_pot_day", "anode effects", "per pot-day", 4),
    ("current_efficiency", "current efficiency", "", 4),
    ("cell_voltage_v", "voltage", "V", 3),
    ("superheat_c", "superheat", "degC", 2),
    ("bath_temperature_c", "bath temperature", "degC", 1),
    ("ledge_cm", "ledge", "cm", 1),
    ("voltage_noise_mv", "noise", "mV", 1),
    ("deviate_wt_pct", "alumina sd beside the swing", "wt%", 2),
)
TARGET_WORDS: Final = (
    ("gap", "cm", 2),
    ("alumina", "wt%", 2),
    ("swing", "wt%", 2),
    ("excess AlF3", "wt%", 2),
)

_WORTH_A_LINE_WT_PCT: Final = 0.05  # of AlF3; no laboratory tells less


def plant_lines(front: Front, row: int) -> str:
    """Return the lines that an engineer puts in the plant file for a point of the front."""
    gap, alumina, swing, alf3 = (float(x) for x in front.points.targets[row])
    objective = front.plant.control
    # The controller's floor is lifted by the doubt of its estimate: it comes to rest at the sum.
    lift_cm = objective.acd_floor_cm(GAP_SD_CM, 0.0) - objective.acd_low_cm
    figures = ", ".join(
        f"{front.points.figures[name][row]:.{digits}f} {unit}"
        for name, _, unit, digits in COLUMNS
        if name in OBJECTIVES
    )
    lines = [
        f"# Point {row + 1} of the front: {figures}.",
        "[control]",
        f"alumina_target_wt_pct = {alumina:.2f}",
        f"alumina_swing_wt_pct = {swing:.2f}",
        f"acd_low_cm = {gap - lift_cm:.2f}            # the gap comes to rest at {gap:.2f} cm",
    ]
    if abs(alf3 - front.plant.cell.bath.excess_alf3_wt_pct) >= _WORTH_A_LINE_WT_PCT:
        lines += [
            "",
            "[cell.bath]",
            f"excess_alf3_wt_pct = {alf3:.1f}    # the routine that adds AlF3 must hold it",
        ]
    return "\n".join(lines) + "\n"


def table_csv(front: Front) -> str:
    """Return the front as CSV, a row a point, with what is present at the end."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["point", "method", *TARGETS, *(name for name, *_ in COLUMNS)])
    for row, method in enumerate(front.methods):
        writer.writerow([row + 1, method.value, *_numbers(front.points, row)])
    writer.writerow(["present", "plant file", *_numbers(front.present, 0)])
    writer.writerow(["nominal", "plant file", *_numbers(front.nominal, 0)])
    return text.getvalue()


def _numbers(rated: Rated, row: int) -> list[str]:
    targets = [f"{x:.4f}" for x in rated.targets[row]]
    return [*targets, *(f"{rated.figures[name][row]:.5f}" for name, *_ in COLUMNS)]


def as_json_object(front: Front, picked: int) -> dict[str, Any]:
    """Return everything under the names that scripts use."""
    options = front.options
    return {
        "plant": front.plant.name,
        "grid": options.grid,
        "methods": [method.value for method in options.methods],
        "tried": {method.value: count for method, count in front.tried.items()},
        "seed": options.seed,
        "knee": front.knee + 1,
        "picked": picked + 1,
        "plant_lines": plant_lines(front, picked),
        "present": _point(front.present, 0),
        "nominal": _point(front.nominal, 0),
        "front": [
            {"point": row + 1, "method": method.value, **_point(front.points, row)}
            for row, method in enumerate(front.methods)
        ],
    }


def _point(rated: Rated, row: int) -> dict[str, Any]:
    return {
        "targets": {n: float(x) for n, x in zip(TARGETS, rated.targets[row], strict=True)},
        **{name: float(rated.figures[name][row]) for name, *_ in COLUMNS},
    }


def summary_sentences(front: Front) -> list[str]:
    """Return what the front says, in a few sentences."""
    points, present = front.points, front.present
    energy, gases, effects = (points.figures[name] for name in OBJECTIVES)
    knee = front.knee
    now = [float(present.figures[name][0]) for name in OBJECTIVES]
    targets = points.targets[knee]
    sentences = [
        f"The front goes from {energy.min():.2f} to {energy.max():.2f} kWh/kg, "
        f"{gases.min():.2f} to {gases.max():.2f} t CO2e/t and {effects.min():.3f} to "
        f"{effects.max():.3f} anode effects per pot-day: {len(points)} points.",
        f"Now, by the plant file: {now[0]:.2f} kWh/kg, {now[1]:.2f} t CO2e/t, {now[2]:.3f} anode "
        f"effects per pot-day, with the gap at {present.targets[0, GAP]:.2f} cm, where the "
        "controller has it for superheat and its floor.",
        f"Knee (point {knee + 1}): {energy[knee]:.2f} kWh/kg ({energy[knee] - now[0]:+.2f}), "
        f"{gases[knee]:.2f} t CO2e/t ({gases[knee] - now[1]:+.2f}), {effects[knee]:.3f} anode "
        f"effects per pot-day ({effects[knee] - now[2]:+.3f}), at {targets[GAP]:.2f} cm, "
        f"{targets[ALUMINA]:.2f} wt% of alumina swinging by {targets[SWING]:.2f}, "
        f"{targets[ALF3]:.1f} wt% of AlF3.",
    ]
    beyond = [
        f"{word} at its {'highest' if value > high - 1e-2 else 'lowest'}, {value:.2f} {unit}"
        for (word, unit, _), value, low, high in zip(
            TARGET_WORDS, targets, front.operation.low, front.operation.high, strict=True
        )
        if low < high and (value > high - 1e-2 or value < low + 1e-2)
    ]
    if beyond:
        sentences.append(
            f"At the knee {', '.join(beyond)}: the end of what was studied, and no best value of "
            "the cell."
        )
    highest = front.plant.cell.efficiency.high
    if points.figures["current_efficiency"][knee] > highest - 1e-6:
        sentences.append(
            "Current efficiency at the knee is the highest that its regression gives, "
            f"{highest:g}: take it for no promise."
        )
    return sentences


CAVEAT: Final = (
    "A steady cell of the reduced model, rated by design values: how alumina strays, how often "
    "feeders fail and how soon that is noticed (control/anode_effects.py). It ranks points; "
    "what a controller gets out of one is for potline evaluate."
)
