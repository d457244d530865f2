"""What a full-order run puts on file: fields and series, each with its unit and its meaning."""

from typing import Final, NamedTuple


class Quantity(NamedTuple):
    """A column of a file, in words."""

    unit: str
    meaning: str


FIELDS: Final[dict[str, Quantity]] = {
    "temperature_c": Quantity("degC", "temperature of the box"),
    "liquid_share": Quantity("1", "share of the box that is liquid; 1 in boxes that never freeze"),
    "potential_v": Quantity("V", "against the collector bars; NaN in insulators"),
    "alumina_wt_pct": Quantity("wt%", "alumina dissolved in the liquid of the box; NaN outside"),
    "excess_alf3_wt_pct": Quantity("wt%", "excess AlF3 of the liquid of the box; NaN outside"),
}
SERIES: Final[dict[str, Quantity]] = {
    "t_s": Quantity("s", "time since the beginning"),
    "line_current_ka": Quantity("kA", "cell current"),
    "acd_cm": Quantity("cm", "anode-cathode distance"),
    "feed_kg_per_h": Quantity("kg/h", "alumina fed to the whole cell"),
    "alf3_kg_per_h": Quantity("kg/h", "AlF3 added to the whole cell"),
    "ambient_temperature_c": Quantity("degC", "temperature around the shell"),
    "cell_voltage_v": Quantity("V", "cell voltage"),
    "bath_temperature_c": Quantity("degC", "mean over the liquid bath"),
    "liquidus_c": Quantity("degC", "liquidus of the mean bath"),
    "ledge_mm": Quantity("mm", "mean thickness of the frozen ledge beside the bath"),
    "alumina_wt_pct": Quantity("wt%", "mean over the liquid bath"),
    "excess_alf3_wt_pct": Quantity("wt%", "mean over the liquid bath"),
    "undissolved_kg": Quantity(
        "kg", "alumina in the bath of the whole cell that has not dissolved"
    ),
    "sludge_kg": Quantity("kg", "alumina under the metal of the whole cell"),
    "current_efficiency": Quantity("1", "current efficiency"),
    "liquid_bath_kg": Quantity("kg", "bath of the whole cell that is not frozen"),
    "dissolved_kg": Quantity("kg", "alumina in solution, whole cell"),
    "excess_alf3_kg": Quantity("kg", "excess AlF3 in the liquid, whole cell"),
    "supplied_mj": Quantity("MJ", "heat put into the whole cell since the beginning"),
    "outside_mj": Quantity("MJ", "heat that left it through its outside since the beginning"),
    "stored_heat_mj": Quantity("MJ", "in the whole cell, above the reference of its enthalpy"),
    "above_critical_share": Quantity("1", "of the anodes' face, above its critical current"),
    "steps": Quantity("1", "time steps taken so far"),
    "rejected_steps": Quantity("1", "time steps taken again, smaller"),
}
