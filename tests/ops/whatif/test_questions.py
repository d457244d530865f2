"""What may be asked of `potline whatif`: words, limits, where a cell starts."""

from dataclasses import replace

import numpy as np
import pytest

from ops.mistakes import ConfigurationError, OperationError
from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT
from ops.whatif.inputs import OVERRIDES, STATES, read_words
from ops.whatif.start import Start, nominal_start, running_start, set_states
from ops.whatif.wanted import Wanted, resolve
from physics.design import nominal_feed_kg_per_h
from physics.estimator_tuning import EstimatorTuning, make_setting
from physics.filter_model import ESTIMATED
from physics.signals import SETPOINTS
from tests.ops.whatif.frames import make_estimate

PLANT = load_plant(DEFAULT_PLANT)
SETTING = make_setting(
    PLANT.design, {row.name: row.noise_sd for row in PLANT.signals}, EstimatorTuning()
)
START = nominal_start(PLANT, SETTING)
FEED, BEAM = SETPOINTS


def asked(*words: str, start: Start = START, by_hand: bool = False) -> Wanted:
    return resolve(read_words(words, OVERRIDES, "--override"), start, PLANT, by_hand)


def mistakes_of(*words: str, by_hand: bool = False) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        asked(*words, by_hand=by_hand)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_a_share_of_feed_is_of_what_the_cell_uses() -> None:
    wanted = asked("feed=0.8")
    assert wanted.setpoints == {FEED: pytest.approx(0.8 * nominal_feed_kg_per_h(PLANT.design))}


def test_a_sign_means_a_change_from_now() -> None:
    moved = replace(START, beam_mm=150.0, current_ka=290.0)
    wanted = asked("beam_mm=+2", "current_ka=-5", "excess_alf3_pct=+0.5", start=moved)
    assert wanted.setpoints == {BEAM: 152.0}
    assert wanted.current_ka == 285.0
    assert wanted.alf3_shift_wt_pct == pytest.approx(0.5)


def test_a_gap_is_reached_by_the_beam() -> None:
    (beam_mm,) = asked("acd_cm=4.321").setpoints.values()
    assert beam_mm - START.beam_mm == pytest.approx(10.0 * (4.321 - START.state("acd_cm")))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("fed=0.8", "unknown name. Did you mean feed?"),
        ("feed", "must be NAME=NUMBER"),
        ("feed=much", "is not a number. Remedy: alumina feed as a share"),
        ("feed=nan", "is not a number"),
        ("feed=-1", "out of the range of the formulas"),
        ("feed=0.1", "beyond the hard bounds of alumina_feed_rate_kg_per_h, 90 to 360 kg/h"),
        ("feed_kg_per_h=370", "Remedy: feed_kg_per_h from 90 to 360 kg/h; or --by-hand"),
        ("acd_cm=-3", "makes acd_cm 1.121 cm, where the formulas do not hold"),
        ("current_ka=330", "Remedy: 270 to 315 kA"),
    ],
)
def test_what_cannot_be_played_is_explained(word: str, said: str) -> None:
    sentences = mistakes_of(word)
    assert any(said in sentence for sentence in sentences), sentences


def test_one_setpoint_is_moved_once() -> None:
    (sentence,) = mistakes_of("feed=0.8", "feed_kg_per_h=140")
    assert "moves the same setpoint as feed" in sentence


def test_the_hand_of_a_person_reaches_past_the_bounds_but_not_past_the_formulas() -> None:
    assert asked("feed=0", by_hand=True).setpoints == {FEED: 0.0}
    assert "formulas" in mistakes_of("acd_cm=-3", by_hand=True)[0]


def test_given_states_stand_for_the_estimated_and_are_named() -> None:
    given = read_words(["alumina_pct=3.1", "beam_mm=180"], STATES, "--set")
    start = set_states(START, given)
    assert start.state("alumina_wt_pct") == 3.1
    assert start.beam_mm == 180.0
    assert start.state("acd_cm") == START.state("acd_cm")
    assert "alumina_pct=3.1" in start.origin


def test_a_running_cell_starts_as_it_is_estimated() -> None:
    frame = make_estimate(SETTING, (16, 17, 18), alumina_wt_pct=(2.0, 2.7, 3.0))
    start = running_start(frame, 17, "kafka://here:9092")
    assert start.is_running
    assert start.state("alumina_wt_pct") == 2.7
    at = ESTIMATED.index("alumina_wt_pct")
    assert start.factor[at, at] == frame.values["alumina_wt_pct_sd"][1]
    assert "kafka://here:9092" in start.origin


@pytest.mark.parametrize("name", ["line_current_ka", BEAM, "alumina_wt_pct_sd"])
def test_a_cell_that_is_not_measured_is_not_played(name: str) -> None:
    frame = make_estimate(SETTING, (16, 17, 18))
    frame.values[name][1] = np.nan
    with pytest.raises(OperationError, match=f"has no {name}.*--nominal"):
        running_start(frame, 17, "kafka://here:9092")


def test_a_cell_in_an_anode_effect_is_not_played() -> None:
    frame = make_estimate(SETTING, (17,))
    frame.values["anode_effect"][0] = 1.0
    with pytest.raises(OperationError, match="anode effect"):
        running_start(frame, 17, "kafka://here:9092")
