"""Published operating points, on figures fixed before looking: hits within 5 %, and plain misses.

Nothing here is fitted to what it is compared with. A miss stands as a strict `xfail` with its
figure: it ends the day that the model, not a parameter, is better.

Sources: Haupin's cell as worked by Entner (peter-entner.com, CellVolt); Qatalum HAL275; Dupuis
(300 kA shells); Illingworth's open cell model (github, CellModel: NoteBooks/Vcell);
Dyna/Marc (genisim).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import pytest
from jax import Array

from physics.design import PlantDesign
from physics.efficiency import compute_oxide_use_kg_per_s
from physics.operating_point import (
    OperatingInputs,
    OperatingPoint,
    compute_operating_point,
    make_operating_inputs,
)
from physics.parameters import CellParameters, make_parameters

WITHIN = 0.05
ACD_FIXED_CM = 4.2  # Haupin's example; Dyna/Marc's demonstration cell has 4.18
DYNA_MARC_ALUMINA_WT_PCT = 2.275  # middle of its 2.2 to 2.35

ENTNER_HEAT_SHARE = 377.0 / 786.0  # of the power inside a cell that is not described further

Compute = Callable[[CellParameters, OperatingInputs], OperatingPoint]


@pytest.fixture(scope="module")
def compute() -> Compute:
    return jax.jit(compute_operating_point)


def inputs_of(design: PlantDesign, **changes: float) -> OperatingInputs:
    changed = {name: jnp.asarray(value, dtype=float) for name, value in changes.items()}
    return make_operating_inputs(design)._replace(**changed)


def with_figures(parameters: CellParameters, **changes: float) -> CellParameters:
    return parameters._replace(**{name: jnp.asarray(x, dtype=float) for name, x in changes.items()})


# Faraday


def test_a_day_of_metal(reference: PlantDesign, compute: Compute) -> None:
    cell = with_figures(make_parameters(reference), efficiency_low=0.93, efficiency_high=0.93)
    point = compute(cell, inputs_of(reference, current_ka=175.0))
    assert 86400 * float(point.metal_kg_per_s) == pytest.approx(1312.0, rel=0.002)  # Iceland
    power_kw = 175.0 * float(point.cell_voltage_v)
    kwh = float(point.energy_kwh_per_kg) * float(point.metal_kg_per_s) * 3600.0
    assert kwh == pytest.approx(power_kw, rel=1e-12)


def test_the_published_best_energy_is_a_low_voltage(
    reference: PlantDesign, compute: Compute
) -> None:
    for efficiency, volts in ((0.94, 3.77), (0.95, 3.81)):
        cell = with_figures(
            make_parameters(reference), efficiency_low=efficiency, efficiency_high=efficiency
        )
        point = compute(cell, inputs_of(reference))
        per_volt = float(point.energy_kwh_per_kg) / float(point.cell_voltage_v)
        assert 11.94 / per_volt == pytest.approx(volts, abs=0.005)  # Dupuis: 265 kA, 11.94 kWh/kg


# Haupin's cell, 307.44 kA


@pytest.fixture(scope="module")
def haupin(reference: PlantDesign, compute: Compute) -> OperatingPoint:
    """His figures; what he does not give (cathode, efficiency) is the reference cell's."""
    anode_area_cm2, ohmic_v, current_ka = 36 * 8540.0, 0.815, 307.44
    designed = reference.cell.electrodes
    external_v = 54.0 / 840.0 * 4.2  # Entner: 54 of 840 kW are busbar, at a voltage near 4.2 V
    cell = with_figures(
        make_parameters(reference),
        anode_area_cm2=anode_area_cm2,
        one_anode_area_cm2=8540.0,
        fanning_factor=1.0,
        cathode_area_cm2=anode_area_cm2 * designed.cathode_area_cm2 / designed.anode_area_cm2,
        anode_resistance_uohm=(ohmic_v - external_v) / current_ka * 1e3 / 2.0,
        cathode_resistance_uohm=(ohmic_v - external_v) / current_ka * 1e3 / 2.0,
        external_resistance_uohm=external_v / current_ka * 1e3,
    )
    inputs = inputs_of(
        reference,
        current_ka=current_ka,
        alumina_wt_pct=3.0,
        bath_temperature_c=969.4,
        acd_cm=4.2,
        excess_alf3_wt_pct=10.0,
        caf2_wt_pct=6.5,
        mgf2_wt_pct=0.3,
    )
    return compute(cell, inputs)


def test_haupins_liquidus_and_superheat(haupin: OperatingPoint) -> None:
    assert float(haupin.liquidus_c) == pytest.approx(959.4, abs=0.05)
    assert float(haupin.superheat_c) == pytest.approx(10.0, abs=0.05)


@pytest.mark.xfail(
    strict=True,
    reason="0.536: at 1.0 A/cm2 Haupin's cell stands at 4.59 V here, while Entner's balance is of "
    "another cell, of 840 kW; near 4.2 V the share agrees, see the 300 kA cell below",
)
def test_entners_heat_split_in_haupins_cell(haupin: OperatingPoint) -> None:
    assert float(haupin.heat_loss_share) == pytest.approx(ENTNER_HEAT_SHARE, rel=WITHIN)


# 300 kA


def test_300_ka_with_a_gap_fixed_beforehand(reference: PlantDesign, compute: Compute) -> None:
    point = compute(make_parameters(reference), inputs_of(reference, acd_cm=ACD_FIXED_CM))
    assert float(point.cell_voltage_v) == pytest.approx(4.20, rel=WITHIN)  # Qatalum
    assert 12.6 <= float(point.energy_kwh_per_kg) <= 13.9
    assert 422e3 <= float(point.heat_loss_w) <= 712e3  # Dupuis
    assert float(point.heat_loss_share) == pytest.approx(ENTNER_HEAT_SHARE, rel=WITHIN)


# Illingworth's cell, 126 kA


@pytest.fixture(scope="module")
def illingworth(
    reference: PlantDesign, compute: Compute
) -> Callable[[float], tuple[OperatingPoint, float]]:
    """The point at an alumina content, and the voltage that the bubble layer takes off the gap."""
    cell = with_figures(
        make_parameters(reference),
        anode_area_cm2=104652.0,
        one_anode_area_cm2=104652.0 / 20,
        fanning_factor=1.1382,
        cathode_area_cm2=115348.0,
        anode_resistance_uohm=3.02,
        cathode_resistance_uohm=2.15,
        external_resistance_uohm=2.01,
        anode_effect_alumina_wt_pct=1.8,
    )

    def at(alumina_wt_pct: float) -> tuple[OperatingPoint, float]:
        inputs = inputs_of(
            reference,
            current_ka=126.0,
            alumina_wt_pct=alumina_wt_pct,
            bath_temperature_c=963.0,
            acd_cm=2.9,
            excess_alf3_wt_pct=12.0,
            caf2_wt_pct=4.1,
            mgf2_wt_pct=0.25,
            lif_wt_pct=0.0,
        )
        point = compute(cell, inputs)
        wider = compute(cell, inputs._replace(acd_cm=jnp.asarray(3.9, dtype=float)))
        per_cm = wider.voltage.bath_v - point.voltage.bath_v
        return point, float(2.9 * per_cm - point.voltage.bath_v)

    return at


ILLINGWORTH_V = {2.0: 4.68280, 2.5: 4.50842, 3.0: 4.47251, 3.5: 4.45845, 4.0: 4.45315, 5.0: 4.45530}

bubble_convention = pytest.mark.xfail(
    strict=True,
    reason="5.2 to 5.5 % low from 2.5 wt% up: he leaves the bubble layer in the conducting gap, "
    "which this model takes off; with his convention the same figures agree, see below",
)


@pytest.mark.parametrize(
    "alumina_wt_pct",
    [
        2.0,
        *(pytest.param(alumina, marks=bubble_convention) for alumina in (2.5, 3.0, 3.5, 4.0, 5.0)),
    ],
)
def test_illingworths_voltage(
    illingworth: Callable[[float], tuple[OperatingPoint, float]], alumina_wt_pct: float
) -> None:
    point, _ = illingworth(alumina_wt_pct)
    assert float(point.cell_voltage_v) == pytest.approx(ILLINGWORTH_V[alumina_wt_pct], rel=WITHIN)


@pytest.mark.parametrize("alumina_wt_pct", list(ILLINGWORTH_V))
def test_illingworths_voltage_with_the_bubble_layer_left_in_the_gap(
    illingworth: Callable[[float], tuple[OperatingPoint, float]], alumina_wt_pct: float
) -> None:
    point, layer_v = illingworth(alumina_wt_pct)
    his_v = float(point.cell_voltage_v) + layer_v
    assert his_v == pytest.approx(ILLINGWORTH_V[alumina_wt_pct], rel=0.01)


# Dyna/Marc's demonstration cell: compared with the reference cell, as its current is not published


@pytest.mark.parametrize(
    ("acd_cm", "volts"),
    [
        (4.0, 4.071),
        (4.18, 4.1199),
        pytest.param(
            5.0,
            4.346,
            marks=pytest.mark.xfail(
                strict=True, reason="5.4 % high, because of the slope over the gap, see below"
            ),
        ),
    ],
)
def test_dyna_marcs_voltage(
    reference: PlantDesign, compute: Compute, acd_cm: float, volts: float
) -> None:
    inputs = inputs_of(reference, acd_cm=acd_cm, alumina_wt_pct=DYNA_MARC_ALUMINA_WT_PCT)
    point = compute(make_parameters(reference), inputs)
    assert float(point.cell_voltage_v) == pytest.approx(volts, rel=WITHIN)


@pytest.mark.xfail(
    strict=True,
    reason="37 mV/mm, 35 % more than the 27.5 published: the slope is i/kappa of the reference "
    "cell, 0.8 A/cm2 without fanning; 27.5 would need 0.6 A/cm2 in the gap, and neither "
    "current density nor fanning of that cell is known",
)
def test_dyna_marcs_slope_over_the_gap(reference: PlantDesign, compute: Compute) -> None:
    volts = [
        float(compute(make_parameters(reference), inputs_of(reference, acd_cm=acd)).cell_voltage_v)
        for acd in (4.0, 5.0)
    ]
    assert (volts[1] - volts[0]) * 1e3 / 10.0 == pytest.approx(27.5, rel=WITHIN)


# Dyna/Marc's slope without feed, between 2.2 and 2.4 wt%: published for a cell of unknown bath mass


@pytest.fixture(scope="module")
def find_slope(reference: PlantDesign) -> Callable[[float], float]:
    """Rise of the voltage in mV/min where nothing is fed, at an alumina content."""
    parameters, inputs = make_parameters(reference), inputs_of(reference)

    @jax.jit
    def slope_mv_per_min(alumina: Array) -> Array:
        def volts(alumina: Array) -> tuple[Array, OperatingPoint]:
            point = compute_operating_point(parameters, inputs._replace(alumina_wt_pct=alumina))
            return point.cell_voltage_v, point

        per_wt_pct, point = jax.grad(volts, has_aux=True)(alumina)
        used = compute_oxide_use_kg_per_s(parameters, inputs.current_ka, point.current_efficiency)
        falling_wt_pct_per_min = 60.0 * 100.0 * used / parameters.bath_mass_kg
        return -1e3 * per_wt_pct * falling_wt_pct_per_min

    return lambda alumina: float(slope_mv_per_min(jnp.asarray(alumina, dtype=float)))


@pytest.mark.parametrize("alumina_wt_pct", [2.2, 2.4])
def test_slope_of_the_voltage_without_feed_is_of_the_published_order(
    find_slope: Callable[[float], float], alumina_wt_pct: float
) -> None:
    half_a_decade = 10.0**0.5
    assert 1.0 / half_a_decade <= find_slope(alumina_wt_pct) <= 5.0 * half_a_decade


@pytest.mark.xfail(
    strict=True,
    reason="11.0 to 5.4 mV/min from 2.2 to 2.4 wt%: alumina falls by 2.6 wt%/h in 7000 kg of bath, "
    "and Haupin's coverage is steep within 0.6 wt% of the anode effect; the bath mass of "
    "the published cell is not known",
)
@pytest.mark.parametrize("alumina_wt_pct", [2.2, 2.4])
def test_slope_of_the_voltage_without_feed(
    find_slope: Callable[[float], float], alumina_wt_pct: float
) -> None:
    assert 1.0 <= find_slope(alumina_wt_pct) <= 5.0
