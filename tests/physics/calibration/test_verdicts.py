"""What may be claimed of a figure, on information matrices made by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from physics.calibration.calibrate import calibrate
from physics.calibration.figures import FIGURES
from physics.calibration.fit import FitStatus
from physics.calibration.history import grid_history
from physics.calibration.verdicts import NORMAL_95, Verdict, judge_figures
from physics.calibration.windows import STATE_COUNT
from physics.design import PlantDesign
from tests.physics.calibration.test_history import minutes

SIZE = len(FIGURES) + 1 + STATE_COUNT
KEYS = [figure.key for figure in FIGURES]
MASS, ANODE, CATHODE = (
    KEYS.index(key)
    for key in (
        "bath.mass_kg",
        "electrodes.anode_resistance_uohm",
        "electrodes.cathode_resistance_uohm",
    )
)


def look_at(*directions: tuple[int, float]) -> NDArray[np.float64]:
    """What a measurement of a sum of unknowns tells, in units of the prior."""
    row = np.zeros(SIZE)
    for at, share in directions:
        row[at] = share
    return np.outer(row, row)


def test_what_is_measured_closely_is_identified(reference: PlantDesign) -> None:
    information = np.eye(SIZE) + look_at((MASS, 20.0))
    common = np.zeros(len(FIGURES) + 1)
    common[MASS] = 1.0
    result = judge_figures(reference, FIGURES, common, information)[MASS]
    sd = FIGURES[MASS].prior_sd / np.sqrt(1.0 + 20.0**2)
    assert result.verdict is Verdict.IDENTIFIED
    assert result.value == pytest.approx(7000.0 * np.exp(0.1))
    assert result.low == pytest.approx(result.value * np.exp(-NORMAL_95 * sd))
    assert result.high == pytest.approx(result.value * np.exp(NORMAL_95 * sd))
    assert result.history_share == pytest.approx(NORMAL_95 * FIGURES[MASS].prior_sd / 20.0)
    assert result.partners == ()


def test_what_is_measured_loosely_is_narrowed(reference: PlantDesign) -> None:
    information = np.eye(SIZE) + look_at((MASS, 2.0))
    result = judge_figures(reference, FIGURES, np.zeros(len(FIGURES) + 1), information)[MASS]
    assert result.verdict is Verdict.NARROWED


def test_two_figures_that_are_only_seen_together_name_each_other(reference: PlantDesign) -> None:
    information = np.eye(SIZE) + look_at((ANODE, 50.0), (CATHODE, 50.0))
    results = judge_figures(reference, FIGURES, np.zeros(len(FIGURES) + 1), information)
    for at, other in ((ANODE, CATHODE), (CATHODE, ANODE)):
        assert results[at].verdict is Verdict.NOT_IDENTIFIABLE
        assert results[at].partners == (FIGURES[other].key,)


def test_of_what_nothing_depends_on_the_prior_is_left(reference: PlantDesign) -> None:
    results = judge_figures(reference, FIGURES, np.zeros(len(FIGURES) + 1), np.eye(SIZE))
    for result in results:
        assert result.verdict is Verdict.NOT_IDENTIFIABLE
        assert result.history_share == np.inf
        assert result.partners == ()
        spread = NORMAL_95 * result.figure.prior_sd
        assert np.log(result.high / result.low) == pytest.approx(
            2.0 * spread if result.before > 0.0 else -2.0 * spread
        )


def test_only_what_was_chosen_is_judged(reference: PlantDesign) -> None:
    chosen = (FIGURES[MASS],)
    results = judge_figures(reference, chosen, np.zeros(len(FIGURES) + 1), np.eye(SIZE))
    assert [result.figure for result in results] == [FIGURES[MASS]]


def test_too_little_history_is_a_status(reference: PlantDesign) -> None:
    calibration = calibrate(reference, grid_history(minutes(), {}, 5.2))
    assert calibration.status is FitStatus.TOO_LITTLE_HISTORY
    assert calibration.figures == ()


def test_history_without_temperature_is_too_little(reference: PlantDesign) -> None:
    columns = minutes(24 * 60)
    columns["bath_temperature_c"][:] = np.nan
    calibration = calibrate(reference, grid_history(columns, {}, 5.2))
    assert calibration.status is FitStatus.TOO_LITTLE_HISTORY


def test_every_end_has_its_sentence() -> None:
    for word in (*FitStatus, *Verdict):
        text = word.sentence if isinstance(word, FitStatus) else word.words
        assert text
