"""What is shown of a cell: names, units, decimals, where each figure comes from, what is normal.

A column of the live picture is named by its kind and the name that the records use:
`measured.cell_voltage_v`, `estimate.alumina_wt_pct`, `applied.beam_position_mm`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ui.picture import F64


@dataclass(frozen=True, slots=True)
class Quantity:
    """One thing that people look at.

    Attributes:
        measured, estimated, setpoint: the signal, estimate column and setpoint that show it.
        low, high: the normal band; from the line's median where `is_relative`.
        fade: how far outside the band the warning colour is at its strongest.
        is_relative: a cell is compared with the median of the line, not with fixed figures.
        smallest_span: a trend is never stretched beyond this, so that noise looks like noise.
    """

    name: str
    title: str
    short: str
    unit: str
    decimals: int
    low: float
    high: float
    fade: float
    smallest_span: float
    measured: str | None = None
    estimated: str | None = None
    setpoint: str | None = None
    is_relative: bool = False

    @property
    def column(self) -> str:
        """The column that stands for the quantity where one figure must: the measurement if there
        is one; what the plant holds, of what nobody measures or estimates."""
        if self.measured is not None:
            return f"measured.{self.measured}"
        if self.estimated is None:
            return f"applied.{self.setpoint}"
        return f"estimate.{self.estimated}"

    @property
    def sd_column(self) -> str:
        """The column of the estimate's standard deviation."""
        return f"estimate.{self.estimated}_sd"

    def text(self, value: float) -> str:
        """Return the figure as people read it; a dash where there is none."""
        return f"{value:.{self.decimals}f}" if np.isfinite(value) else "–"


# Bands are design values for a 300 kA line; `fitted` replaces them by those of the plant file.
QUANTITIES: Final = (
    Quantity(
        "alumina",
        "Alumina in bath",
        "Alumina",
        "wt%",
        2,
        low=2.0,
        high=4.0,
        fade=0.5,
        smallest_span=1.0,
        estimated="alumina_wt_pct",
    ),
    Quantity(
        "superheat",
        "Superheat",
        "Superheat",
        "°C",
        1,
        low=5.0,
        high=14.0,
        fade=4.0,
        smallest_span=6.0,
        estimated="superheat_c",
    ),
    Quantity(
        "voltage",
        "Cell voltage",
        "Voltage",
        "V",
        3,
        low=-0.12,
        high=0.12,
        fade=0.4,
        smallest_span=0.2,
        measured="cell_voltage_v",
        estimated="cell_voltage_v",
        is_relative=True,
    ),
    Quantity(
        "acd",
        "Anode–cathode distance",
        "ACD",
        "cm",
        2,
        low=-0.3,
        high=0.3,
        fade=0.5,
        smallest_span=0.4,
        estimated="acd_cm",
        is_relative=True,
    ),
    Quantity(
        "temperature",
        "Bath temperature",
        "Bath temp.",
        "°C",
        1,
        low=930.0,
        high=990.0,
        fade=15.0,
        smallest_span=12.0,
        measured="bath_temperature_c",
        estimated="bath_temperature_c",
    ),
    Quantity(
        "feed",
        "Alumina feed",
        "Feed",
        "kg/h",
        0,
        low=90.0,
        high=300.0,
        fade=60.0,
        smallest_span=80.0,
        estimated="alumina_feed_rate_kg_per_h",
        setpoint="alumina_feed_rate_kg_per_h",
    ),
    Quantity(
        "beam",
        "Anode beam position",
        "Beam",
        "mm",
        1,
        low=20.0,
        high=380.0,
        fade=20.0,
        smallest_span=4.0,
        measured="beam_position_mm",
        setpoint="beam_position_mm",
    ),
    Quantity(
        "alf3",
        "AlF3 addition",
        "AlF3",
        "kg/day",
        1,
        low=0.0,
        high=100.0,
        fade=20.0,
        smallest_span=10.0,
        setpoint="alf3_addition_kg_per_day",
    ),
    Quantity(
        "noise",
        "Voltage noise",
        "Noise",
        "mV",
        0,
        low=0.0,
        high=60.0,
        fade=60.0,
        smallest_span=40.0,
        measured="voltage_noise_mv",
    ),
)

MAP_QUANTITIES: Final = ("alumina", "superheat", "voltage", "acd")
TREND_QUANTITIES: Final = ("alumina", "voltage", "superheat", "feed", "temperature", "beam")


def trend_columns(quantities: tuple[Quantity, ...] = QUANTITIES) -> tuple[str, ...]:
    """Return every column that a trend may show, in a fixed order."""
    columns: dict[str, None] = {}
    for quantity in quantities:
        if quantity.measured is not None:
            columns[f"measured.{quantity.measured}"] = None
        if quantity.estimated is not None:
            columns[f"estimate.{quantity.estimated}"] = None
            columns[quantity.sd_column] = None
        if quantity.setpoint is not None:
            columns[f"asked.{quantity.setpoint}"] = None
            columns[f"applied.{quantity.setpoint}"] = None
    return tuple(columns)


def fitted(
    bands: Mapping[str, tuple[float, float]], quantities: tuple[Quantity, ...] = QUANTITIES
) -> tuple[Quantity, ...]:
    """Return the quantities with the normal bands of a plant.

    Args:
        bands: (low, high) by the name of a quantity, a signal, an estimate column or a setpoint,
            looked up in that order; relative quantities keep theirs.
    """

    def fit(quantity: Quantity) -> Quantity:
        if quantity.is_relative:
            return quantity
        for name in (quantity.name, quantity.measured, quantity.estimated, quantity.setpoint):
            if name is not None and name in bands:
                low, high = bands[name]
                return replace(quantity, low=low, high=high)
        return quantity

    return tuple(fit(quantity) for quantity in quantities)


def deviation(quantity: Quantity, value: F64) -> F64:
    """Return how far each cell is outside the normal band.

    Args:
        value: (N,) of the quantity, NaN where unknown.

    Returns:
        (N,) in -1..1: 0 inside the band, -1 or 1 where it is left by `fade` or more; NaN stays.
    """
    low, high = band(quantity, value)
    below = np.minimum(value - low, 0.0)
    above = np.maximum(value - high, 0.0)
    return np.clip((below + above) / quantity.fade, -1.0, 1.0)


def band(quantity: Quantity, value: F64) -> tuple[float, float]:
    """Return the normal band in the unit of the quantity.

    Args:
        value: (N,) of all cells, for the median of a relative quantity.
    """
    if not quantity.is_relative:
        return quantity.low, quantity.high
    known = value[np.isfinite(value)]
    centre = float(np.median(known)) if known.size else float("nan")
    return centre + quantity.low, centre + quantity.high
