"""What the tables of a plant file must say about each other: one small function a rule.

A rule gets the tables that could be read, by name, and yields (key, value found, remedy).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from control.limits import GuardLimits, SetpointLimits
from opcua.mapping import Mapping as NodeMapping
from ops.mistakes import nearest
from physics.design import CellDesign, LineDesign
from physics.fields.layout import make_layout
from physics.signals import ALF3_SETPOINT, OPTIONAL_SETPOINTS, SETPOINTS, SIGNALS
from stream.signals import SignalLimits

SCHEMA_VERSION: Final = 1
MOST_CELLS: Final = 300

_AGREES_WITHIN: Final = 0.01  # of areas and masses with what the geometry holds

# The longest ending that a name has says its unit: `..._kg_per_h` before `..._h`.
_UNIT_OF_ENDING: Final = {
    "_kg_per_h": "kg/h",
    "_kg_per_day": "kg/day",
    "_ka": "kA",
    "_kg": "kg",
    "_mm": "mm",
    "_mv": "mV",
    "_v": "V",
    "_c": "degC",
}

Finding = tuple[str, str, str]
Rule = Callable[[Mapping[str, Any]], Iterator[Finding]]


def check_tables(tables: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield every breach of every rule whose tables could be read.

    Args:
        tables: name of a field of `PlantFile` to its value.
    """
    for needs, rule in _RULES:
        if all(need in tables for need in needs):
            yield from rule(tables)


def _known_version(tables: Mapping[str, Any]) -> Iterator[Finding]:
    version = tables["schema_version"]
    if version != SCHEMA_VERSION:
        yield "schema_version", str(version), f"this potline reads version {SCHEMA_VERSION}."


def _cells_in_range(tables: Mapping[str, Any]) -> Iterator[Finding]:
    line: LineDesign = tables["line"]
    if line.cell_count > MOST_CELLS:
        yield "line.cell_count", str(line.cell_count), f"must be 1 to {MOST_CELLS}."


def _signals_complete(tables: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _complete("signals", [row.name for row in tables["signals"]], SIGNALS)


def _setpoints_complete(tables: Mapping[str, Any]) -> Iterator[Finding]:
    names = [row.name for row in tables["setpoints"]]
    yield from _complete("setpoints", names, SETPOINTS, OPTIONAL_SETPOINTS)


def _mapping_complete(tables: Mapping[str, Any]) -> Iterator[Finding]:
    mapping: NodeMapping = tables["opcua"]
    yield from _complete("opcua.signals", [row.name for row in mapping.signals], SIGNALS)
    names = [row.name for row in mapping.setpoints]
    yield from _complete("opcua.setpoints", names, SETPOINTS, OPTIONAL_SETPOINTS)


def _tolerances_tell_apart(tables: Mapping[str, Any]) -> Iterator[Finding]:
    limits = {row.name: row for row in tables["signals"]}
    for row in tables["opcua"].signals:
        limit: SignalLimits | None = limits.get(row.name)
        if row.tolerance is None or limit is None:
            continue
        width = limit.normal_high - limit.normal_low
        if row.tolerance >= width > 0.0:
            yield (
                f"opcua.signals.{row.name}.tolerance",
                f"{row.tolerance:g}",
                f"is no less than the whole normal range of the signal, {width:g}, so that no "
                f"sensor would ever deviate. Remedy: give it in {limit.unit}, the signal's unit.",
            )


def _optional_mapped(tables: Mapping[str, Any]) -> Iterator[Finding]:
    limited = {row.name for row in tables["setpoints"]}
    mapped = {row.name for row in tables["opcua"].setpoints}
    for name in OPTIONAL_SETPOINTS:
        if (name in limited) != (name in mapped):
            there, missing = "setpoints", "opcua.setpoints"
            if name in mapped:
                there, missing = missing, there
            yield (
                f"{missing}.{name}",
                "",
                f"is missing, though [[{there}]] has it. Remedy: add a row with this name, or "
                f"leave out the other.",
            )


def _days_within_limits(tables: Mapping[str, Any]) -> Iterator[Finding]:
    day = tables["control"].day
    for row in tables["setpoints"]:
        if row.name == ALF3_SETPOINT and not (
            row.low <= day.alf3_low_kg_per_day and day.alf3_high_kg_per_day <= row.high
        ):
            yield (
                "control.day.alf3_high_kg_per_day",
                f"{day.alf3_low_kg_per_day:g} to {day.alf3_high_kg_per_day:g}",
                f"must lie within setpoints.{row.name}, {row.low:g} to {row.high:g}, or plans "
                "would count on what is not written.",
            )


def _complete(
    table: str, names: Sequence[str], wanted: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[Finding]:
    known = (*wanted, *optional)
    for name in dict.fromkeys(names):
        if name not in known:
            yield f"{table}.{name}", "", nearest(name, known)
        elif names.count(name) > 1:
            yield f"{table}.{name}", "", "stands more than once. Remedy: keep one of the rows."
    for name in wanted:
        if name not in names:
            yield f"{table}.{name}", "", "is missing. Remedy: add a row with this name."


def _units_as_named(tables: Mapping[str, Any]) -> Iterator[Finding]:
    for table in ("signals", "setpoints"):
        for row in tables.get(table, ()):
            unit = next((u for end, u in _UNIT_OF_ENDING.items() if row.name.endswith(end)), None)
            if unit is not None and row.unit != unit:
                yield (
                    f"{table}.{row.name}.unit",
                    repr(row.unit),
                    f"must be {unit!r}, as the name says. Remedy: give all figures of the row in "
                    f"{unit}; where the plant's node has another unit, set scale and offset in "
                    f"[[opcua.{table}]].",
                )


def _signal_ranges(tables: Mapping[str, Any]) -> Iterator[Finding]:
    for row in tables["signals"]:
        limits: SignalLimits = row
        key = f"signals.{limits.name}"
        yield from _ascending(key, limits, "physical_low", "physical_high")
        yield from _ascending(key, limits, "normal_low", "normal_high")
        if not limits.physical_low <= limits.normal_low or (
            not limits.normal_high <= limits.physical_high
        ):
            found = f"{limits.normal_low:g} to {limits.normal_high:g}"
            allowed = f"{limits.physical_low:g} to {limits.physical_high:g}"
            yield f"{key}.normal_low", found, f"must lie within the physical range {allowed}."
        yield from _positive(key, limits, "noise_sd", "max_age_s")
        if limits.frozen_after_s < 0.0:
            yield f"{key}.frozen_after_s", f"{limits.frozen_after_s:g}", "must be 0 or more."


def _setpoint_ranges(tables: Mapping[str, Any]) -> Iterator[Finding]:
    for row in tables["setpoints"]:
        limits: SetpointLimits = row
        key = f"setpoints.{limits.name}"
        yield from _ascending(key, limits, "low", "high")
        yield from _positive(
            key,
            limits,
            "max_step",
            "max_rate_per_h",
            "max_travel",
            "travel_window_h",
            "resolution",
            "readback_tolerance",
        )
        if limits.resolution > limits.max_step > 0.0:
            yield (
                f"{key}.resolution",
                f"{limits.resolution:g}",
                f"is more than max_step {limits.max_step:g}, so that no move is possible.",
            )


def _guard_ranges(tables: Mapping[str, Any]) -> Iterator[Finding]:
    guard, line = tables["guard"], tables["line"]
    positive = (name for name in GuardLimits.__slots__ if name != "trip_below_ka")
    yield from _positive("guard", guard, *positive)
    if not 0.0 <= guard.trip_below_ka < line.current_low_ka:
        yield (
            "guard.trip_below_ka",
            f"{guard.trip_below_ka:g}",
            f"must be below line.current_low_ka = {line.current_low_ka:g}; 0: nothing trips.",
        )


def _current_measurable(tables: Mapping[str, Any]) -> Iterator[Finding]:
    line: LineDesign = tables["line"]
    for row in tables["signals"]:
        if row.name == "line_current_ka" and not (
            row.physical_low <= line.current_low_ka and line.current_high_ka <= row.physical_high
        ):
            yield (
                "line.current_high_ka",
                f"{line.current_low_ka:g} to {line.current_high_ka:g}",
                f"the signal line_current_ka reads {row.physical_low:g} to {row.physical_high:g} "
                "only, so that good samples would be rejected.",
            )


def _geometry_fits(tables: Mapping[str, Any]) -> Iterator[Finding]:
    cell: CellDesign = tables["cell"]
    try:
        make_layout(cell)
    except ValueError as error:
        yield "cell.geometry", "", str(error) + "."
        return
    geometry, count = cell.geometry, cell.electrodes.anode_count
    ledge_m = cell.nominal.ledge_cm / 100.0
    room_m = min(geometry.side_channel_m, geometry.end_channel_m(count))
    if ledge_m >= room_m:
        yield (
            "cell.nominal.ledge_cm",
            f"{cell.nominal.ledge_cm:g}",
            f"does not fit beside the anodes: {100 * room_m:.1f} cm to the wall.",
        )
    anodes_m2 = count * geometry.anode_length_m * geometry.anode_width_m
    metal_kg = geometry.metal_area_m2 * geometry.metal_height_m
    metal_kg *= cell.materials.metal.density_kg_per_m3
    bath_kg = geometry.liquid_bath_m3(count, cell.nominal.acd_cm / 100.0, ledge_m)
    bath_kg *= cell.materials.bath_density_kg_per_m3
    yield from _agrees(
        "anode_width_m", anodes_m2, "m2 of anodes", cell.electrodes.anode_area_cm2 / 1e4
    )
    yield from _agrees(
        "toe_m", geometry.metal_area_m2, "m2 of metal", cell.electrodes.cathode_area_cm2 / 1e4
    )
    yield from _agrees("metal_height_m", metal_kg, "kg of metal", cell.heat.metal_mass_kg)
    yield from _agrees("bath_height_m", bath_kg, "kg of bath", cell.bath.mass_kg)


def _agrees(name: str, built: float, what: str, stated: float) -> Iterator[Finding]:
    if abs(built - stated) > _AGREES_WITHIN * stated:
        yield (
            f"cell.geometry.{name}",
            "",
            f"the geometry makes {built:.4g} {what}, the other tables say {stated:.4g}. "
            f"Remedy: correct one of them, so that they agree within {_AGREES_WITHIN:.0%}.",
        )


def _ascending(key: str, row: object, low: str, high: str) -> Iterator[Finding]:
    bottom, top = getattr(row, low), getattr(row, high)
    if not bottom < top:
        yield f"{key}.{low}", f"{bottom:g}", f"must be below {high} = {top:g}."


def _positive(key: str, row: object, *names: str) -> Iterator[Finding]:
    for name in names:
        value = getattr(row, name)
        if not value > 0:
            yield f"{key}.{name}", f"{value:g}", "must be above 0."


_RULES: Final[tuple[tuple[tuple[str, ...], Rule], ...]] = (
    (("schema_version",), _known_version),
    (("line",), _cells_in_range),
    (("signals",), _signals_complete),
    (("setpoints",), _setpoints_complete),
    (("opcua",), _mapping_complete),
    (("signals", "opcua"), _tolerances_tell_apart),
    (("setpoints", "opcua"), _optional_mapped),
    (("setpoints", "control"), _days_within_limits),
    ((), _units_as_named),
    (("signals",), _signal_ranges),
    (("setpoints",), _setpoint_ranges),
    (("guard", "line"), _guard_ranges),
    (("line", "signals"), _current_measurable),
    (("cell",), _geometry_fits),
)
