"""The voltage breakdown of the reference cell, and the anode kinetics, against computed figures."""

import jax
import pytest

from physics.design import FARADAY_C_PER_MOL, PlantDesign
from physics.parameters import make_parameters
from physics.voltage import (
    GAS_CONSTANT_J_PER_MOL_K,
    compute_resistance_uohm,
    compute_voltage_parts,
    invert_butler_volmer,
)

PARTS_V = {
    "reversible_v": 1.2212,
    "anode_reaction_v": 0.4946,
    "anode_concentration_v": 0.0292,
    "cathode_concentration_v": 0.0634,
    "bath_v": 1.3463,
    "bubble_v": 0.2303,
    "anode_ohmic_v": 0.290,
    "cathode_ohmic_v": 0.285,
    "external_ohmic_v": 0.240,
}


@pytest.mark.parametrize(("part", "expected_v"), PARTS_V.items())
def test_parts_at_nominal(reference: PlantDesign, part: str, expected_v: float) -> None:
    parts = compute_voltage_parts(make_parameters(reference), 300.0, 2.8, 956.0, 4.121)
    assert float(getattr(parts, part)) == pytest.approx(expected_v, abs=0.0003)


@pytest.mark.parametrize(
    ("alumina", "voltage_v", "resistance_uohm"),
    [
        (1.9, 4.5106, 9.535),
        (2.0, 4.3595, 9.032),
        (2.1, 4.2998, 8.833),
        (2.2, 4.2671, 8.724),
        (2.5, 4.2206, 8.569),
        (2.8, 4.2000, 8.500),
        (3.2, 4.1861, 8.454),
        (3.6, 4.1794, 8.431),
        (4.0, 4.1767, 8.422),
        (5.0, 4.1796, 8.432),
        (6.0, 4.1906, 8.469),
    ],
)
def test_curve_over_alumina(
    reference: PlantDesign, alumina: float, voltage_v: float, resistance_uohm: float
) -> None:
    total = compute_voltage_parts(make_parameters(reference), 300.0, alumina, 956.0, 4.121).total()
    assert float(total) == pytest.approx(voltage_v, abs=0.001)
    assert float(compute_resistance_uohm(total, 300.0)) == pytest.approx(resistance_uohm, abs=0.003)


def test_slopes_at_nominal(reference: PlantDesign) -> None:
    parameters = make_parameters(reference)

    def voltage(temperature_c: float, acd_cm: float) -> jax.Array:
        return compute_voltage_parts(parameters, 300.0, 2.8, temperature_c, acd_cm).total()

    per_c, per_cm = jax.grad(voltage, argnums=(0, 1))(956.0, 4.121)
    assert 1e3 * float(per_cm) / 10.0 == pytest.approx(37.1, abs=0.3)  # mV/mm
    assert 1e3 * float(per_c) == pytest.approx(-2.0, abs=0.3)  # mV/degC


@pytest.mark.parametrize(
    ("alumina", "mv_per_min"),
    [(2.0, 10.9), (2.1, 5.4), (2.2, 3.27), (2.4, 1.61), (2.8, 0.63), (3.5, 0.17)],
)
def test_slope_while_underfed(reference: PlantDesign, alumina: float, mv_per_min: float) -> None:
    parameters = make_parameters(reference)
    per_wt_pct = jax.grad(
        lambda w: compute_voltage_parts(parameters, 300.0, w, 956.0, 4.121).total()
    )(alumina)
    deficit_wt_pct_per_min = 0.3 * 2.57 / 60.0  # 70 % feed
    slope = -1e3 * float(per_wt_pct) * deficit_wt_pct_per_min
    assert slope == pytest.approx(mv_per_min, rel=0.03)


@pytest.mark.parametrize(
    ("overvoltage_v", "ratio"),
    [(0.001, 0.0094105), (0.01, 0.0941394), (0.1, 0.976157), (0.2, 2.172443), (0.4, 6.414968)],
)
def test_butler_volmer_at_960_c(overvoltage_v: float, ratio: float) -> None:
    scale_v = GAS_CONSTANT_J_PER_MOL_K * 1233.15 / (0.5 * FARADAY_C_PER_MOL)
    assert float(invert_butler_volmer(ratio, scale_v)) == pytest.approx(overvoltage_v, rel=2e-5)


def test_tafel_slope_of_haupins_anode() -> None:
    scale_v = 1233.15 / 12533.0
    decade = invert_butler_volmer(1e5, scale_v) - invert_butler_volmer(1e4, scale_v)
    assert 1e3 * float(decade) == pytest.approx(226.56, abs=0.01)
