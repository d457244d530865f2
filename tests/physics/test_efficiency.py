"""Current efficiency: the signs that are known, and its limits."""

import pytest

from physics.efficiency import compute_efficiency
from physics.parameters import make_parameters
from tests.physics.plants import load_design

PARAMETERS = make_parameters(load_design("reference-300ka.toml"))
REFERENCE = {"temperature_c": 960.0, "alumina_wt_pct": 2.5, "acd_cm": 4.2, "noise_mv": 10.0}


def efficiency(**changes: float) -> float:
    return float(compute_efficiency(PARAMETERS, **(REFERENCE | changes), current_ka=300.0))


def test_at_the_reference_point_only_the_chemistry_counts() -> None:
    assert efficiency() == pytest.approx(0.945 + 0.003 * 2.0)


@pytest.mark.parametrize(
    ("change", "gain"),
    [
        ({"temperature_c": 970.0}, -0.018),
        ({"alumina_wt_pct": 3.5}, -0.004),
        ({"acd_cm": 3.2}, -0.0076),
        ({"noise_mv": 120.0}, -0.002),
        ({"noise_mv": 60.0}, 0.0),
    ],
)
def test_each_term_pulls_its_way(change: dict[str, float], gain: float) -> None:
    assert efficiency(**change) - efficiency() == pytest.approx(gain, abs=1e-4)


def test_it_stays_within_its_limits() -> None:
    assert efficiency(temperature_c=1200.0) == 0.80
    assert efficiency(temperature_c=900.0) == 0.97
