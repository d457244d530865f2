"""What a line is judged by, against figures worked out by hand."""

import pytest

from control.kpis import FACTORS, Production, compute_kpis

ALUMINIUM_KG_PER_KAH = 0.335573  # Faraday


def _day(
    volts: float = 4.2, effects: float = 0.0, minutes: float = 0.0, days: float = 1.0
) -> Production:
    """A cell of 300 kA and 94.5 % efficiency for some days."""
    return Production(
        pot_days=days,
        metal_kg=0.945 * ALUMINIUM_KG_PER_KAH * 7200.0 * days,
        energy_kwh=volts * 7200.0 * days,
        charge_kah=7200.0 * days,
        anode_effects=effects * days,
        anode_effect_minutes=minutes * days,
    )


def test_energy_efficiency_and_throughput_of_the_reference_cell() -> None:
    found = compute_kpis(_day(), ALUMINIUM_KG_PER_KAH)
    assert found["current_efficiency"] == pytest.approx(0.945)
    assert found["energy_kwh_per_kg"] == pytest.approx(2.97998 * 4.2 / 0.945, rel=1e-4)  # 13.244
    assert found["throughput_kg_per_pot_day"] == pytest.approx(2283.2, abs=0.1)


def test_process_gases_are_those_of_the_carbon() -> None:
    # 0.42043 kg of carbon for a kilogram, 97.6 % of it carbon, 44/12 of that carbon dioxide
    found = compute_kpis(_day(), ALUMINIUM_KG_PER_KAH)
    assert found["ghg_process_t_per_t"] == pytest.approx(0.42043 * 0.976 * 3.66667, rel=1e-4)


def test_perfluorocarbons_follow_the_slope() -> None:
    # 0.2 anode effects a day of 2 minutes: 0.0572 kg of CF4, 0.00692 kg of C2F6 for a tonne
    found = compute_kpis(_day(effects=0.2, minutes=0.4), ALUMINIUM_KG_PER_KAH)
    assert found["anode_effects_per_pot_day"] == pytest.approx(0.2)
    assert found["anode_effect_minutes_per_pot_day"] == pytest.approx(0.4)
    by_hand = (0.0572 * 7390.0 + 0.0572 * 0.121 * 12200.0) / 1000.0
    assert found["ghg_pfc_t_per_t"] == pytest.approx(by_hand, rel=1e-6)
    assert by_hand == pytest.approx(0.507, abs=1e-3)


def test_the_sum_takes_each_part_once_and_the_grid_that_is_asked_for() -> None:
    found = compute_kpis(_day(effects=0.2, minutes=0.4), ALUMINIUM_KG_PER_KAH)
    energy = float(found["energy_kwh_per_kg"])
    assert found["ghg_electricity_t_per_t"] == pytest.approx(energy / 0.98 * 0.481)
    rest = found["ghg_process_t_per_t"] + found["ghg_pfc_t_per_t"]
    assert found["ghg_t_per_t"] == pytest.approx(rest + energy / 0.98 * 0.481)
    assert found["ghg_norway_t_per_t"] == pytest.approx(rest + energy / 0.98 * 0.030)
    assert found["ghg_china_t_per_t"] == pytest.approx(rest + energy / 0.98 * 0.582)


def test_figures_do_not_depend_on_how_long_was_counted() -> None:
    short = compute_kpis(_day(4.3, 0.1, 0.3), ALUMINIUM_KG_PER_KAH)
    long = compute_kpis(_day(4.3, 0.1, 0.3, days=30.0), ALUMINIUM_KG_PER_KAH)
    for name, value in short.items():
        assert long[name] == pytest.approx(value), name


def test_every_factor_has_a_unit_and_a_source() -> None:
    assert all(row.unit and row.source and row.value > 0.0 for row in FACTORS)
