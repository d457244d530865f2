"""A calibration in words and in lines for a plant file, on results made by hand."""

import tomllib
from dataclasses import replace

import numpy as np
import pytest

from ops.calibration_words import digits, figure_sentence, plant_lines, summary_sentence
from ops.plantfile import load_plant
from ops.settings import DEFAULT_PLANT
from physics.calibration.figures import choose_figures
from physics.calibration.verdicts import GAP, FigureResult, Verdict


def result(
    name: str, verdict: Verdict, share: float = 0.03, partners: tuple[str, ...] = ()
) -> FigureResult:
    (figure,) = choose_figures([name])
    return FigureResult(figure, 7000.0, 6310.0, 6120.0, 6510.0, share, verdict, partners)


IDENTIFIED = result("mass_kg", Verdict.IDENTIFIED)
NARROWED = result("dissolution_per_s", Verdict.NARROWED, 0.18, ("bath.mass_kg", GAP))
HIDDEN = result(
    "anode_resistance_uohm",
    Verdict.NOT_IDENTIFIABLE,
    0.46,
    ("electrodes.cathode_resistance_uohm",),
)
UNSEEN = result("latent_heat_j_per_kg", Verdict.NOT_IDENTIFIABLE, np.inf)


def test_each_verdict_says_how_closely_and_why_not_more() -> None:
    assert figure_sentence(IDENTIFIED) == "The history tells it to 3.0%: -9.9% from before."
    assert figure_sentence(NARROWED) == (
        "The history tells it to 18%: it can be exchanged for mass of the bath or gap at the start."
    )
    assert figure_sentence(HIDDEN) == (
        "The history tells it to 46%, no better than it was known: it can be exchanged for "
        "cathode resistance."
    )
    assert figure_sentence(UNSEEN) == (
        "The history says nothing of it: nothing that was measured depends on it."
    )
    alone = NARROWED._replace(partners=())
    assert figure_sentence(alone).endswith("what was measured depends on it too little.")


def test_the_summary_counts_verdicts() -> None:
    text = summary_sentence([IDENTIFIED, NARROWED, HIDDEN, UNSEEN])
    assert text.startswith("1 of 4 figures are identified to within 5%, 1 are narrowed only, 2 ")


@pytest.mark.parametrize(
    ("number", "spread", "text"),
    [
        (6308.2, 390.0, "6310"),
        (0.0020634, 0.0009, "0.00206"),
        (-0.12964, 0.04, "-0.130"),
        (522_512.0, 130_000.0, "520000"),
        (3.2123e-7, 2e-9, "3.212e-07"),
        (1.25, 0.0, "1.25"),
        (np.inf, 1.0, "-"),
    ],
)
def test_a_number_has_the_digits_that_its_interval_is_worth(
    number: float, spread: float, text: str
) -> None:
    assert digits(number, spread) == text


def test_only_what_was_identified_is_a_line_to_paste() -> None:
    text = plant_lines([IDENTIFIED, NARROWED, HIDDEN, UNSEEN], ["of cell 7"])
    assert text.startswith("# of cell 7\n")
    assert tomllib.loads(text) == {"cell": {"bath": {"mass_kg": 6310.0}}}
    for name in ("dissolution_per_s", "anode_resistance_uohm", "latent_heat_j_per_kg"):
        assert f"{name} = " in text


def test_a_fitted_conductivity_has_its_place_in_a_plant_file() -> None:
    plant = load_plant(DEFAULT_PLANT)
    assert plant.cell.bath.conductivity_factor == 1.0
    assert replace(plant.cell.bath, conductivity_factor=1.05).conductivity_factor == 1.05
