"""The shape of a cell and what it is built of: [cell.geometry], [cell.lining], [cell.materials].

A cell is a cavity of carbon and brick with metal at its bottom, bath on the metal and two rows of
anodes in the bath. It is symmetric about its centre line and about its middle. Beside the metal the
frozen ledge ends in a toe; how that melts is not known, so that it has a thickness of its own.
"""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class GeometryDesign:
    """Lengths inside the lining. Across the cell lie two anodes and three channels."""

    cavity_length_m: float
    cavity_width_m: float
    anode_length_m: float  # across the cell
    anode_width_m: float  # along it
    anode_height_m: float
    anode_gap_m: float  # between neighbours of a row
    centre_channel_m: float  # between the rows
    metal_height_m: float
    bath_height_m: float  # from the metal to the crust
    toe_m: float  # thickness of the ledge beside the metal
    anode_cover_m: float  # crust on top of the anodes
    feeders_along_m: tuple[float, ...]  # in the centre channel, from the middle of the cell

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float) and value <= 0.0:
                raise ValueError(f"{field.name} {value} is no length. Remedy: give metres above 0")
        if self.side_channel_m <= 0.0:
            raise ValueError(
                f"two anodes of {self.anode_length_m} m and a channel of {self.centre_channel_m} m "
                f"do not fit in a cavity {self.cavity_width_m} m wide. "
                "Remedy: correct [cell.geometry]"
            )
        if 2.0 * self.toe_m >= min(self.cavity_width_m, self.cavity_length_m):
            raise ValueError(
                f"toes of {self.toe_m} m leave no metal between them. "
                "Remedy: correct toe_m in [cell.geometry]"
            )
        along = sorted(self.feeders_along_m)
        is_symmetric = all(
            abs(low + high) < 1e-6 for low, high in zip(along, reversed(along), strict=True)
        )
        if not along or not is_symmetric or along[-1] >= 0.5 * self.cavity_length_m:
            raise ValueError(
                f"feeders at {along} m from the middle are not symmetric about it or not over the "
                f"cavity of {self.cavity_length_m} m. Remedy: correct feeders_along_m"
            )

    @property
    def side_channel_m(self) -> float:
        """From the anodes to the side wall."""
        taken_m = 2.0 * self.anode_length_m + self.centre_channel_m
        return 0.5 * (self.cavity_width_m - taken_m)

    @property
    def metal_area_m2(self) -> float:
        """Of the metal between the toes, seen from above."""
        toes_m = 2.0 * self.toe_m
        return (self.cavity_length_m - toes_m) * (self.cavity_width_m - toes_m)

    def end_channel_m(self, anode_count: int) -> float:
        """From the last anode of a row to the end wall."""
        in_a_row = anode_count / 2
        taken_m = in_a_row * self.anode_width_m + (in_a_row - 1.0) * self.anode_gap_m
        return 0.5 * (self.cavity_length_m - taken_m)

    def liquid_bath_m3(self, anode_count: int, acd_m: float, ledge_m: float) -> float:
        """Volume of liquid bath inside a ledge of one thickness all round."""
        ledges_m = 2.0 * ledge_m
        inside_m2 = (self.cavity_length_m - ledges_m) * (self.cavity_width_m - ledges_m)
        anodes_m2 = anode_count * self.anode_length_m * self.anode_width_m
        return inside_m2 * self.bath_height_m - anodes_m2 * (self.bath_height_m - acd_m)


@dataclass(frozen=True, slots=True)
class LiningDesign:
    """The layers around the cavity, the contacts of the current, and the outer surface."""

    side_wall_m: float  # beside bath and metal; below and above them it is refractory
    cathode_block_m: float
    refractory_m: float  # under the blocks
    insulation_m: float  # under the refractory
    shell_m: float
    convection_w_per_m2_k: float  # of shell and crust to the hall
    emissivity: float
    anode_contact_uohm_m2: float  # carbon to rod, over the top of the anode
    cathode_contact_uohm_m2: float  # block to collector bar, over the bottom of the block

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value <= 0.0:
                raise ValueError(f"{field.name} {value} must be above 0. Remedy: correct it")
        if self.emissivity > 1.0:
            raise ValueError(
                f"emissivity {self.emissivity} is above that of a black body. Remedy: 0 to 1"
            )


@dataclass(frozen=True, slots=True)
class MaterialDesign:
    """One material. Its heat conductivity is k (1 + rise (T - T0)), T0 that of the table above."""

    conductivity_w_per_m_k: float
    density_kg_per_m3: float
    heat_capacity_j_per_kg_k: float
    conductivity_rise_per_k: float = 0.0
    electrical_conductivity_s_per_m: float = 0.0  # 0: carries no current

    def __post_init__(self) -> None:
        for name in ("conductivity_w_per_m_k", "density_kg_per_m3", "heat_capacity_j_per_kg_k"):
            if getattr(self, name) <= 0.0:
                raise ValueError(
                    f"{name} {getattr(self, name)} must be above 0. Remedy: correct it"
                )
        if self.electrical_conductivity_s_per_m < 0.0:
            raise ValueError(
                f"electrical_conductivity_s_per_m {self.electrical_conductivity_s_per_m} is below "
                "0. Remedy: 0 for what carries no current"
            )


@dataclass(frozen=True, slots=True)
class MaterialsDesign:
    """What a cell is built of and filled with, beside what [cell.bath] and [cell.heat] say."""

    conductivity_at_c: float  # T0
    bath_density_kg_per_m3: float
    bath_mixing_m2_per_s: float  # eddy diffusivity of the stirred bath, for heat and for species
    metal_mixing_m2_per_s: float  # eddy diffusivity of the stirred metal, for heat
    ledge_heat_capacity_j_per_kg_k: float
    metal: MaterialDesign
    anode: MaterialDesign
    anode_cover: MaterialDesign  # crust with the stubs that pass through it
    crust: MaterialDesign
    cathode: MaterialDesign
    side_wall: MaterialDesign
    refractory: MaterialDesign
    insulation: MaterialDesign
    shell: MaterialDesign

    def __post_init__(self) -> None:
        for name in (
            "bath_density_kg_per_m3",
            "bath_mixing_m2_per_s",
            "metal_mixing_m2_per_s",
            "ledge_heat_capacity_j_per_kg_k",
        ):
            if getattr(self, name) <= 0.0:
                raise ValueError(
                    f"{name} {getattr(self, name)} must be above 0. Remedy: correct it"
                )
