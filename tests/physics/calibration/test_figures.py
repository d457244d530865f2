"""The figures that can be fitted: each changes the equations as the same change of a plant file."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from physics.calibration.figures import (
    FIGURES,
    apply_figures,
    choose_figures,
    make_prior_sd,
    read_figure,
)
from physics.design import PlantDesign
from physics.parameters import make_parameters


@pytest.mark.parametrize("at", range(len(FIGURES)), ids=[figure.key for figure in FIGURES])
def test_a_figure_changes_what_the_same_figure_in_a_plant_file_changes(
    reference: PlantDesign, at: int
) -> None:
    table, _, name = FIGURES[at].key.partition(".")
    part = getattr(reference.cell, table)
    changed = replace(part, **{name: 1.02 * getattr(part, name)})
    wanted = make_parameters(replace(reference, cell=replace(reference.cell, **{table: changed})))
    log_ratio = jnp.zeros(len(FIGURES)).at[at].set(jnp.log(1.02))
    found = apply_figures(make_parameters(reference), log_ratio)
    for field in wanted._fields:
        np.testing.assert_allclose(
            getattr(found, field), getattr(wanted, field), rtol=1e-12, err_msg=field
        )
    assert read_figure(reference, FIGURES[at]) == getattr(part, name)


def test_figures_are_found_by_key_and_by_name_alone() -> None:
    chosen = choose_figures(["mass_kg", "gap.acd_drift_mm_per_h"])
    assert [figure.key for figure in chosen] == ["bath.mass_kg", "gap.acd_drift_mm_per_h"]
    assert choose_figures([]) == FIGURES
    held = make_prior_sd(chosen)
    assert np.count_nonzero(held) == 2


def test_a_misspelt_figure_is_named_with_the_likely_one() -> None:
    with pytest.raises(ValueError, match=r"'bath_mas_kg' .* Did you mean bath.mass_kg\?"):
        choose_figures(["bath_mas_kg"])
