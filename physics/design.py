"""What a line and its cells are built as: the figures of a plant file, as frozen dataclasses.

Field names are the keys of the tables [line] and [cell.*]; each carries its unit. Types are checked
where the file is read; here only what two figures say together.
"""

from dataclasses import dataclass
from typing import Final

from physics.geometry import GeometryDesign, LiningDesign, MaterialsDesign

FARADAY_C_PER_MOL: Final = 96485.33212  # CODATA 2018


@dataclass(frozen=True, slots=True)
class LineDesign:
    """The potline: how many cells, in which sections, at which current."""

    cell_count: int
    cells_per_section: int
    current_ka: float
    current_low_ka: float
    current_high_ka: float
    scan_period_s: float

    def __post_init__(self) -> None:
        if self.cell_count < 1 or self.cells_per_section < 1:
            raise ValueError(
                f"cell_count {self.cell_count} and cells_per_section {self.cells_per_section} "
                "must both be at least 1. Remedy: correct [line]"
            )
        if not 0.0 < self.current_low_ka <= self.current_ka <= self.current_high_ka:
            raise ValueError(
                f"current_ka {self.current_ka} lies outside {self.current_low_ka} to "
                f"{self.current_high_ka} kA. Remedy: correct current_ka or its limits in [line]"
            )
        if self.scan_period_s <= 0.0:
            raise ValueError(
                f"scan_period_s {self.scan_period_s} is not a period. Remedy: give seconds above 0"
            )


@dataclass(frozen=True, slots=True)
class MetalDesign:
    """The metal and its oxide as Faraday's law and the energy balance see them."""

    metal_molar_mass_kg_per_mol: float
    oxide_molar_mass_kg_per_mol: float
    charge_number: int
    atoms_per_oxide: int
    standard_potential_v: float
    standard_potential_slope_v_per_k: float
    enthalpy_fixed_v: float
    enthalpy_per_efficiency_v: float

    def __post_init__(self) -> None:
        metal_share = (
            self.atoms_per_oxide
            * self.metal_molar_mass_kg_per_mol
            / self.oxide_molar_mass_kg_per_mol
        )
        if not 0.0 < metal_share < 1.0:
            raise ValueError(
                f"{self.atoms_per_oxide} metal atoms of {self.metal_molar_mass_kg_per_mol} kg/mol "
                f"do not fit in an oxide of {self.oxide_molar_mass_kg_per_mol} kg/mol. "
                "Remedy: correct the molar masses in [cell.metal]"
            )


@dataclass(frozen=True, slots=True)
class ElectrodeDesign:
    """Electrode areas and the ohmic resistances outside the bath."""

    anode_count: int
    anode_area_cm2: float
    fanning_factor: float
    cathode_area_cm2: float
    anode_resistance_uohm: float
    cathode_resistance_uohm: float
    external_resistance_uohm: float


@dataclass(frozen=True, slots=True)
class BathDesign:
    """The bath: mass, composition in weight per cent, alumina at which the anode effect sets in.

    Attributes:
        conductivity_factor: of the plant's bath to the published regression; those differ by 5 %.
        alf3_loss_kg_per_kg_alumina: what soda in the alumina and fume take from the bath.
    """

    mass_kg: float
    excess_alf3_wt_pct: float
    caf2_wt_pct: float
    mgf2_wt_pct: float
    lif_wt_pct: float
    heat_capacity_j_per_kg_k: float
    anode_effect_alumina_wt_pct: float
    conductivity_factor: float = 1.0
    alf3_loss_kg_per_kg_alumina: float = 0.006

    def __post_init__(self) -> None:
        additives = self.excess_alf3_wt_pct + self.caf2_wt_pct + self.mgf2_wt_pct + self.lif_wt_pct
        if additives >= 50.0:
            raise ValueError(
                f"additives of {additives} wt% leave no cryolite bath. Remedy: correct [cell.bath]"
            )


@dataclass(frozen=True, slots=True)
class FeedDesign:
    """The feeder's shot and what becomes of alumina that falls into the bath."""

    shot_kg: float
    undissolved_fraction: float
    dissolution_per_s: float
    settling_per_s: float
    sludge_return_per_s: float
    cooling_c_per_wt_pct: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.undissolved_fraction < 1.0:
            raise ValueError(
                f"undissolved_fraction {self.undissolved_fraction} is no fraction below 1. "
                "Remedy: correct [cell.feed]"
            )


@dataclass(frozen=True, slots=True)
class HeatDesign:
    """The ways heat leaves the cell, and the frozen ledge on one of them."""

    ambient_temperature_c: float
    top_and_bottom_conductance_w_per_k: float
    ledge_area_m2: float
    bath_to_ledge_w_per_m2_k: float
    ledge_conductivity_w_per_m_k: float
    lining_resistance_m2_k_per_w: float
    ledge_density_kg_per_m3: float
    latent_heat_j_per_kg: float
    metal_mass_kg: float
    metal_heat_capacity_j_per_kg_k: float


@dataclass(frozen=True, slots=True)
class GapDesign:
    """The anode-cathode distance: its drift, the beam that sets it, the noise when it is short."""

    acd_drift_mm_per_h: float
    beam_start_mm: float
    beam_speed_mm_per_s: float
    beam_resolution_mm: float
    beam_backlash_mm: float
    noise_floor_mv: float
    noise_onset_acd_cm: float
    noise_doubling_cm: float


@dataclass(frozen=True, slots=True)
class EfficiencyDesign:
    """Coefficients of the current-efficiency regression and its reference point."""

    reference: float
    reference_temperature_c: float
    reference_alumina_wt_pct: float
    reference_excess_alf3_wt_pct: float
    reference_acd_cm: float
    per_c: float
    per_alumina_wt_pct: float
    per_excess_alf3_wt_pct: float
    acd_gain: float
    per_noise_uohm: float
    noise_free_uohm: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class NominalDesign:
    """The operating point the cell is built for."""

    cell_voltage_v: float
    current_efficiency: float
    acd_cm: float
    alumina_wt_pct: float
    bath_temperature_c: float
    ledge_cm: float


@dataclass(frozen=True, slots=True)
class CellDesign:
    """Everything of one cell, one group of figures for each physical idea."""

    metal: MetalDesign
    electrodes: ElectrodeDesign
    bath: BathDesign
    feed: FeedDesign
    heat: HeatDesign
    gap: GapDesign
    efficiency: EfficiencyDesign
    nominal: NominalDesign
    geometry: GeometryDesign
    lining: LiningDesign
    materials: MaterialsDesign

    def __post_init__(self) -> None:
        if self.nominal.alumina_wt_pct <= self.bath.anode_effect_alumina_wt_pct:
            raise ValueError(
                f"nominal alumina {self.nominal.alumina_wt_pct} wt% is not above the anode effect "
                f"at {self.bath.anode_effect_alumina_wt_pct} wt%. Remedy: correct "
                "[cell.nominal] or [cell.bath]"
            )


@dataclass(frozen=True, slots=True)
class PlantDesign:
    """A line and its cells: what the simulator, the estimator and the controller start from."""

    name: str
    metal: str
    line: LineDesign
    cell: CellDesign


def sections(line: LineDesign, cell_count: int | None = None) -> tuple[tuple[int, ...], ...]:
    """Split cells 1..N into the line's sections, in order; the last one may be shorter.

    Args:
        line: gives the cells per section, and N where `cell_count` is not given.
        cell_count: N, at least 1.

    Returns:
        One tuple of cell numbers for each section.

    Raises:
        ValueError: `cell_count` is below 1.
    """
    count = line.cell_count if cell_count is None else cell_count
    if count < 1:
        raise ValueError(f"a line of {count} cells has no section. Remedy: ask for 1 cell or more")
    size = line.cells_per_section
    return tuple(
        tuple(range(first, min(first + size, count + 1))) for first in range(1, count + 1, size)
    )


def oxide_kg_per_h_and_ka(metal: MetalDesign) -> float:
    """Oxide consumed at a current efficiency of 1, from Faraday's law.

    Returns:
        Kilograms of oxide per hour and kA of cell current.
    """
    electrons = metal.charge_number * metal.atoms_per_oxide
    return 3.6e6 * metal.oxide_molar_mass_kg_per_mol / (electrons * FARADAY_C_PER_MOL)


def nominal_feed_kg_per_h(design: PlantDesign) -> float:
    """Oxide that one cell consumes at nominal current and nominal current efficiency.

    Returns:
        Feed rate, kg/h (REF-300: 179.8).
    """
    cell = design.cell
    return (
        oxide_kg_per_h_and_ka(cell.metal) * cell.nominal.current_efficiency * design.line.current_ka
    )


def nominal_resistance_uohm(design: PlantDesign, back_emf_v: float = 1.65) -> float:
    """Pseudo-resistance of a cell at nominal voltage and current.

    Args:
        design: line and cell.
        back_emf_v: constant of the pseudo-resistance, V.

    Returns:
        Micro-ohm (REF-300: 8.50).
    """
    return (design.cell.nominal.cell_voltage_v - back_emf_v) / design.line.current_ka * 1e3
