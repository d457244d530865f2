"""Designs: sections, nominal figures, and what two figures must say together."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physics.design import (
    LineDesign,
    PlantDesign,
    nominal_feed_kg_per_h,
    nominal_resistance_uohm,
    oxide_kg_per_h_and_ka,
    sections,
)

LINE = LineDesign(24, 24, 300.0, 270.0, 315.0, 1.0)


def test_a_line_splits_into_sections_in_order() -> None:
    assert sections(LINE) == (tuple(range(1, 25)),)
    assert sections(LINE, 50) == (
        tuple(range(1, 25)),
        tuple(range(25, 49)),
        (49, 50),
    )


@given(st.integers(1, 300), st.integers(1, 60))
def test_every_cell_is_in_one_section(cell_count: int, size: int) -> None:
    split = sections(replace(LINE, cells_per_section=size), cell_count)
    assert [cell for section in split for cell in section] == list(range(1, cell_count + 1))
    assert all(len(section) == size for section in split[:-1])


def test_no_section_without_a_cell() -> None:
    with pytest.raises(ValueError, match="0 cells"):
        sections(LINE, 0)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("cell_count", 0, "cell_count 0"),
        ("cells_per_section", 0, "cells_per_section 0"),
        ("current_ka", 400.0, "400.0"),
        ("current_low_ka", 0.0, "0.0"),
        ("scan_period_s", 0.0, "scan_period_s"),
    ],
)
def test_a_line_that_cannot_be_is_refused_by_name(field: str, value: float, named: str) -> None:
    with pytest.raises(ValueError, match=f"{named}.*Remedy"):
        replace(LINE, **{field: value})


def test_a_cell_that_cannot_be_is_refused_with_a_remedy(reference: PlantDesign) -> None:
    cell = reference.cell
    with pytest.raises(ValueError, match=r"molar masses"):
        replace(cell.metal, oxide_molar_mass_kg_per_mol=0.05)
    with pytest.raises(ValueError, match=r"leave no cryolite"):
        replace(cell.bath, caf2_wt_pct=60.0)
    with pytest.raises(ValueError, match=r"undissolved_fraction 1.0"):
        replace(cell.feed, undissolved_fraction=1.0)
    with pytest.raises(ValueError, match=r"not above the anode effect"):
        replace(cell, nominal=replace(cell.nominal, alumina_wt_pct=1.5))


def test_nominal_figures(reference: PlantDesign, metalx: PlantDesign) -> None:
    assert nominal_feed_kg_per_h(reference) == pytest.approx(179.75, abs=0.01)
    assert nominal_resistance_uohm(reference) == pytest.approx(8.50)
    assert nominal_resistance_uohm(metalx) == pytest.approx(22.917, abs=0.001)


def test_the_metal_is_data(reference: PlantDesign, metalx: PlantDesign) -> None:
    aluminium, other = reference.cell.metal, metalx.cell.metal
    share = other.oxide_molar_mass_kg_per_mol / aluminium.oxide_molar_mass_kg_per_mol
    assert oxide_kg_per_h_and_ka(other) == pytest.approx(share * oxide_kg_per_h_and_ka(aluminium))
    assert metalx.line.current_low_ka == 100.0
    assert metalx.line.current_high_ka == 130.0
    assert 4.0 <= metalx.cell.nominal.cell_voltage_v <= 5.0
