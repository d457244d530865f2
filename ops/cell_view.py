"""The operating point of a cell as a person or a script reads it: text, and one JSON object."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import jax
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops.cell_inputs import CELL_INPUTS, check_inputs
from physics.design import PlantDesign
from physics.operating_point import (
    OperatingInputs,
    OperatingPoint,
    compute_operating_point,
    make_operating_inputs,
)
from physics.parameters import make_parameters

# In the order of the fields of `physics.voltage.VoltageParts`: key in JSON, words in the text.
_VOLTAGE_PARTS: Final = (
    ("reversible", "reversible potential"),
    ("anode_reaction", "anode reaction overvoltage"),
    ("anode_concentration", "anode concentration overvoltage"),
    ("cathode_concentration", "cathode concentration overvoltage"),
    ("bath", "bath"),
    ("bubble", "bubble layer"),
    ("anode", "anodes"),
    ("cathode", "cathode"),
    ("external", "busbars"),
)
_ANODE_EFFECT_V: Final = "20 to 50 V"  # standard literature
_BAR_CELLS: Final = 24  # characters of the longest bar
_EVEN_HEAT_SHARE: Final = 0.02  # design value: of the heat loss, below which a cell counts as even


def compute_point(
    design: PlantDesign, overrides: Mapping[str, float]
) -> tuple[dict[str, float], OperatingPoint]:
    """Compute an operating point; what is not overridden is as the cell is designed.

    Args:
        design: line and cell.
        overrides: value by the name of a `CellInput`.

    Returns:
        All inputs by name, and what follows from them.

    Raises:
        ConfigurationError: the inputs do not go together.
    """
    inputs = make_operating_inputs(design)
    changed = {
        known.field: jax.numpy.asarray(overrides[known.name], dtype=float)
        for known in CELL_INPUTS
        if known.name in overrides
    }
    inputs = inputs._replace(**changed)
    point = jax.jit(compute_operating_point)(make_parameters(design), inputs)
    values = _by_name(inputs)
    check_inputs(values, design, float(point.saturation_wt_pct))
    return values, point


def as_json_object(values: Mapping[str, float], point: OperatingPoint) -> dict[str, Any]:
    """Return the point under the names that scripts use."""
    return {
        "voltage_v": float(point.cell_voltage_v),
        "breakdown_v": _breakdown_v(point),
        "liquidus_c": float(point.liquidus_c),
        "superheat_c": float(point.superheat_c),
        "bath_conductivity_s_per_cm": float(point.bath_conductivity_s_per_cm),
        "energy_kwh_per_kg": float(point.energy_kwh_per_kg),
        "current_efficiency": float(point.current_efficiency),
        "inputs": dict(values),
    }


def notes_on(values: Mapping[str, float], point: OperatingPoint) -> list[str]:
    """Return what a person should know before believing the point, each as a sentence."""
    notes = []
    margin = float(point.anode_effect_margin_wt_pct)
    if margin <= 0.0:
        limit = values["alumina_pct"] - margin
        notes.append(
            f"Alumina of {values['alumina_pct']:g} wt% is not above the anode effect at "
            f"{limit:g} wt%: a real cell would stand at {_ANODE_EFFECT_V}, not at the "
            f"{float(point.cell_voltage_v):.2f} V of the sum."
        )
    if float(point.superheat_c) <= 0.0:
        notes.append(
            f"The bath is {-float(point.superheat_c):.1f} degC below its liquidus: it freezes."
        )
    return notes


def print_point(
    console: Console,
    design: PlantDesign,
    overrides: Mapping[str, float],
    values: Mapping[str, float],
    point: OperatingPoint,
) -> None:
    """Print the point as tables, with what was changed and what to beware of.

    Args:
        console: where to.
        design: for the name of the plant.
        overrides: the inputs that are not as designed, by name.
        values: all inputs, by name.
        point: what follows from them.
    """
    console.print(f"[bold]{escape(design.name)}[/bold], one cell, steady")
    console.print()
    console.print(_inputs_table(values, overrides))
    console.print()
    console.print(_voltage_table(point, has_bars=console.encoding.startswith("utf")))
    console.print()
    console.print(_figures_table(design, point))
    for note in notes_on(values, point):
        console.print()
        console.print(f"[bold red]Beware:[/bold red] {note}", soft_wrap=True)


def _by_name(inputs: OperatingInputs) -> dict[str, float]:
    return {known.name: float(getattr(inputs, known.field)) for known in CELL_INPUTS}


def _breakdown_v(point: OperatingPoint) -> dict[str, float]:
    pairs = zip(_VOLTAGE_PARTS, point.voltage, strict=True)
    return {key: float(volts) for (key, _), volts in pairs}


def _table(headings: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place in (0, 3) else "right", no_wrap=True)
    return table


def _inputs_table(values: Mapping[str, float], overrides: Mapping[str, float]) -> Table:
    table = _table(["Given", "", "", ""])
    for known in CELL_INPUTS:
        origin = "set" if known.name in overrides else "[dim]as designed[/dim]"
        table.add_row(known.name, f"{values[known.name]:g}", known.unit, origin)
    return table


def _voltage_table(point: OperatingPoint, has_bars: bool) -> Table:
    table = _table(["Voltage", "V", "share", ""])
    total = float(point.cell_voltage_v)
    breakdown = _breakdown_v(point)
    largest = max(breakdown.values())
    for key, words in _VOLTAGE_PARTS:
        volts = breakdown[key]
        bar = "█" * round(_BAR_CELLS * max(volts, 0.0) / largest) if has_bars else ""
        table.add_row(words, f"{volts:.3f}", f"{100 * volts / total:.1f} %", f"[cyan]{bar}[/cyan]")
    table.add_row("[bold]cell[/bold]", f"[bold]{total:.3f}[/bold]", "100.0 %", "")
    return table


def _figures_table(design: PlantDesign, point: OperatingPoint) -> Table:
    limit = design.cell.bath.anode_effect_alumina_wt_pct
    rows = [
        ("liquidus", f"{float(point.liquidus_c):.1f}", "degC", ""),
        ("superheat", f"{float(point.superheat_c):.1f}", "degC", ""),
        ("bath conductivity", f"{float(point.bath_conductivity_s_per_cm):.3f}", "S/cm", ""),
        (
            "alumina above anode effect",
            f"{float(point.anode_effect_margin_wt_pct):.2f}",
            "wt%",
            f"which sets in at {limit:g} wt%",
        ),
        ("current efficiency", f"{100 * float(point.current_efficiency):.2f}", "%", ""),
        ("metal", f"{86400 * float(point.metal_kg_per_s):.0f}", "kg/day", ""),
        ("energy", f"{float(point.energy_kwh_per_kg):.2f}", "kWh/kg", "direct current"),
        (
            "heat loss",
            f"{float(point.heat_loss_w) / 1e3:.0f}",
            "kW",
            f"{100 * float(point.heat_loss_share):.0f} % of the power inside the cell",
        ),
        ("  top and bottom carry", f"{float(point.heat.top_and_bottom_w) / 1e3:.0f}", "kW", ""),
        *_side_rows(point),
    ]
    table = _table(["Follows", "", "", ""])
    for row in rows:
        table.add_row(*row)
    return table


def _side_rows(point: OperatingPoint) -> list[tuple[str, str, str, str]]:
    if float(point.superheat_c) <= 0.0:
        return [("  sides carry", "–", "kW", "nothing: the bath is below its liquidus")]
    left_kw = float(point.heat.net_w()) / 1e3
    return [
        ("  sides carry", f"{float(point.heat.side_w) / 1e3:.0f}", "kW", "at this superheat"),
        ("  left over", f"{left_kw:+.0f}", "kW", _tendency(left_kw, point)),
        ("steady ledge", f"{float(point.steady_ledge_cm):.1f}", "cm", "at this superheat"),
    ]


def _tendency(left_kw: float, point: OperatingPoint) -> str:
    if abs(left_kw) * 1e3 < _EVEN_HEAT_SHARE * float(point.heat_loss_w):
        return "even: the cell stays here"
    return "the cell would warm up" if left_kw > 0.0 else "the cell would cool down"
