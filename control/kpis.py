"""What a line is judged by: energy, efficiency, throughput, anode effects and greenhouse gases.

Everything follows from totals over a time, so that the figures of several cells or days are those
of their sums. Greenhouse gases are those of carbon that burns, of anode effects, and of the
electricity; each factor stands in a table with its unit and source.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor of the greenhouse-gas account, as a reader must see it."""

    name: str
    value: float
    unit: str
    source: str


CARBON: Final = Factor(
    "carbon burnt by a cell of efficiency 1",
    0.33387 * 1.19,
    "kg C/kg Al",
    "stoichiometry, 0.33387; and 19 % beyond it, standard literature: 0.42 kg/kg at 94.5 %",
)
CARBON_PURITY: Final = Factor(
    "carbon in the anode",
    0.976,
    "share",
    "40 CFR 98 Table F-2: 2.0 % sulphur, 0.4 % ash",
)
CO2_PER_CARBON: Final = Factor("CO2 from carbon", 44.0 / 12.0, "kg CO2/kg C", "stoichiometry")
PFC_SLOPE: Final = Factor(
    "CF4 slope, centre-worked prebake",
    0.143,
    "kg CF4/t Al per anode-effect minute per cell and day",
    "IPCC 2006 Tier 2, standard literature, give or take 6 %",
)
PFC_RATIO: Final = Factor(
    "C2F6 beside CF4", 0.121, "kg/kg", "IPCC 2006 Tier 2, standard literature"
)
GWP_CF4: Final = Factor("CF4 as CO2", 7390.0, "kg CO2e/kg", "IPCC AR4, by 40 CFR 98 Table A-1")
GWP_C2F6: Final = Factor("C2F6 as CO2", 12200.0, "kg CO2e/kg", "IPCC AR4, by 40 CFR 98 Table A-1")
RECTIFIER: Final = Factor(
    "direct from alternating current",
    0.98,
    "share",
    "standard literature, 0.97 to 0.985; auxiliaries are left out",
)
GRIDS: Final = (
    Factor("world", 0.481, "kg CO2e/kWh", "Our World in Data, Ember, 2023"),
    Factor("Norway", 0.030, "kg CO2e/kWh", "Our World in Data, Ember, 2023"),
    Factor("China", 0.582, "kg CO2e/kWh", "Our World in Data, Ember, 2023"),
)
FACTORS: Final = (
    CARBON,
    CARBON_PURITY,
    CO2_PER_CARBON,
    PFC_SLOPE,
    PFC_RATIO,
    GWP_CF4,
    GWP_C2F6,
    RECTIFIER,
    *GRIDS,
)
KG_PER_T: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Production:
    """Totals over some pot-days.

    Attributes:
        pot_days: cells times days.
        metal_kg: made, not tapped.
        energy_kwh: direct current, anode effects included.
        charge_kah: current times time, summed over the cells.
        anode_effects: that began; `anode_effect_minutes`: that they lasted.
    """

    pot_days: float
    metal_kg: float
    energy_kwh: float
    charge_kah: float
    anode_effects: float
    anode_effect_minutes: float


def compute_kpis(production: Production, metal_kg_per_kah: float) -> dict[str, float]:
    """Return the figures that a line is judged by.

    Args:
        production: totals; metal and pot-days above 0.
        metal_kg_per_kah: by Faraday's law; aluminium: 0.335573.

    Returns:
        By name: `energy_kwh_per_kg` (direct current), `current_efficiency`,
        `throughput_kg_per_pot_day`, `anode_effects_per_pot_day`,
        `anode_effect_minutes_per_pot_day`, greenhouse gases in t CO2e/t `ghg_process_t_per_t`,
        `ghg_pfc_t_per_t`, `ghg_electricity_t_per_t` and their sum `ghg_t_per_t` (electricity of the
        world), and the sum `ghg_<grid>_t_per_t` for the other grids.

    Source:
        IPCC 2006 vol. 3 ch. 4 (process CO2; slope method for perfluorocarbons). Anode effects below
        the alarm voltage emit too and are not counted by it.
    """
    energy = production.energy_kwh / production.metal_kg
    efficiency = production.metal_kg / (metal_kg_per_kah * production.charge_kah)
    minutes = production.anode_effect_minutes / production.pot_days
    process = CARBON.value / efficiency * CARBON_PURITY.value * CO2_PER_CARBON.value
    cf4_kg_per_t = PFC_SLOPE.value * minutes
    pfc = cf4_kg_per_t * (GWP_CF4.value + PFC_RATIO.value * GWP_C2F6.value) / KG_PER_T
    electricity = {grid.name: energy / RECTIFIER.value * grid.value for grid in GRIDS}
    home = GRIDS[0].name
    return {
        "energy_kwh_per_kg": energy,
        "current_efficiency": efficiency,
        "throughput_kg_per_pot_day": production.metal_kg / production.pot_days,
        "anode_effects_per_pot_day": production.anode_effects / production.pot_days,
        "anode_effect_minutes_per_pot_day": minutes,
        "ghg_process_t_per_t": process,
        "ghg_pfc_t_per_t": pfc,
        "ghg_electricity_t_per_t": electricity[home],
        "ghg_t_per_t": process + pfc + electricity[home],
        **{
            f"ghg_{name.lower()}_t_per_t": process + pfc + figure
            for name, figure in electricity.items()
            if name != home
        },
    }
