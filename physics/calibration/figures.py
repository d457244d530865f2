"""The figures of a plant file that a history may tell, and how sure one is of them beforehand.

A figure is fitted as the logarithm of its ratio to the value in the plant file, in units of its
prior sd, so that every unknown is near 0 and of size 1. A figure that is to be held has sd 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from physics.design import PlantDesign
from physics.parameters import CellParameters

TEMPERATURE_OFFSET_SD_C: Final = 0.7  # design value: what a thermocouple is wrong by


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that may be fitted.

    Attributes:
        key: table below [cell] and name in the plant file.
        field: of `CellParameters` that is scaled with it.
        prior_sd: of the logarithm of its ratio to the plant file's value; a design value.
        meaning: for a reader of the report.
    """

    key: str
    field: str
    prior_sd: float
    meaning: str


FIGURES: Final = (
    Figure("bath.conductivity_factor", "conductivity_factor", 0.10, "conductivity of the bath"),
    Figure("bath.mass_kg", "bath_mass_kg", 0.10, "mass of the bath"),
    Figure(
        "bath.anode_effect_alumina_wt_pct",
        "anode_effect_alumina_wt_pct",
        0.10,
        "alumina at which the anode effect sets in",
    ),
    Figure("electrodes.anode_resistance_uohm", "anode_resistance_uohm", 0.10, "anode resistance"),
    Figure(
        "electrodes.cathode_resistance_uohm", "cathode_resistance_uohm", 0.10, "cathode resistance"
    ),
    Figure(
        "electrodes.external_resistance_uohm",
        "external_resistance_uohm",
        0.10,
        "resistance of the external busbar",
    ),
    Figure(
        "feed.undissolved_fraction",
        "undissolved_fraction",
        0.10,
        "share of a shot that does not dissolve at once",
    ),
    Figure("feed.dissolution_per_s", "dissolution_per_s", 0.20, "rate at which that dissolves"),
    Figure(
        "feed.cooling_c_per_wt_pct", "cooling_c_per_wt_pct", 0.10, "cooling by dissolving alumina"
    ),
    Figure(
        "heat.top_and_bottom_conductance_w_per_k",
        "top_and_bottom_conductance_w_per_k",
        0.10,
        "heat loss through top and bottom",
    ),
    Figure(
        "heat.bath_to_ledge_w_per_m2_k",
        "bath_to_ledge_w_per_m2_k",
        0.20,
        "heat transfer from bath to ledge",
    ),
    Figure(
        "heat.ledge_conductivity_w_per_m_k",
        "ledge_conductivity_w_per_m_k",
        0.20,
        "heat conductivity of the ledge",
    ),
    Figure(
        "heat.lining_resistance_m2_k_per_w",
        "lining_resistance_m2_k_per_w",
        0.20,
        "heat resistance of the side lining",
    ),
    Figure("heat.latent_heat_j_per_kg", "ledge_heat_j_per_m3", 0.10, "latent heat of the ledge"),
    Figure("heat.metal_mass_kg", "heat_capacity_j_per_k", 0.15, "metal pad that warms with it"),
    Figure("gap.acd_drift_mm_per_h", "acd_drift_cm_per_s_and_ka", 0.30, "drift of the gap at rest"),
    Figure("efficiency.reference", "efficiency_reference", 0.01, "current efficiency"),
)
BATH_MASS: Final = next(i for i, f in enumerate(FIGURES) if f.field == "bath_mass_kg")
METAL_MASS: Final = next(i for i, f in enumerate(FIGURES) if f.field == "heat_capacity_j_per_k")


def choose_figures(names: Sequence[str]) -> tuple[Figure, ...]:
    """Look figures up by key, or by the part after its table.

    Args:
        names: as a person gives them; none means all.

    Returns:
        The figures in the order of the table.

    Raises:
        ValueError: a name that no figure has.
    """
    found: set[str] = set()
    for name in names:
        keys = [f.key for f in FIGURES if name in (f.key, f.key.partition(".")[2])]
        if not keys:
            known = [f.key for f in FIGURES]
            short = [key.partition(".")[2] for key in known]
            close = get_close_matches(name, [*known, *short], n=1, cutoff=0.5)
            hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(known)}."
            raise ValueError(f"{name!r} is no figure that can be fitted. {hint}")
        found.update(keys)
    return tuple(f for f in FIGURES if not names or f.key in found)


def read_figure(design: PlantDesign, figure: Figure) -> float:
    """The value of a figure in a design."""
    table, _, name = figure.key.partition(".")
    return float(getattr(getattr(design.cell, table), name))


def make_prior_sd(chosen: Sequence[Figure]) -> NDArray[np.float64]:
    """The prior sd of every figure of the table, (P,); 0 for those that are held."""
    return np.array([f.prior_sd if f in chosen else 0.0 for f in FIGURES])


def apply_figures(parameters: CellParameters, log_ratio: Array) -> CellParameters:
    """Change the figures of a cell.

    Bath and metal share the heat capacity, so that a heavier bath is also a slower one.

    Args:
        parameters: of the plant file, scalars.
        log_ratio: (P,) logarithm of each figure's ratio to the plant file's, in their order.

    Returns:
        The changed parameters.
    """
    ratio = jnp.exp(log_ratio)
    changed = {f.field: getattr(parameters, f.field) * ratio[i] for i, f in enumerate(FIGURES)}
    bath_heat = parameters.bath_mass_kg * parameters.bath_heat_capacity_j_per_kg_k
    metal_heat = parameters.heat_capacity_j_per_k - bath_heat
    changed["heat_capacity_j_per_k"] = bath_heat * ratio[BATH_MASS] + metal_heat * ratio[METAL_MASS]
    return parameters._replace(**changed)
