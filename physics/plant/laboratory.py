"""Bath samples: taken once a day, reported hours later; and the AlF3 that is added by them."""

from typing import Final

import jax.numpy as jnp
from jax import Array

from physics.plant.bath import BathView
from physics.plant.outputs import LaboratoryReport
from physics.plant.parameters import PlantParameters
from physics.plant.state import LaboratoryState, PlantInputs
from physics.plant.streams import Readings

_KG_PER_DAY_AND_C: Final = 1.5  # design value
_KG_PER_DAY_AND_WT_PCT: Final = 4.0  # design value
_MOST_KG_PER_DAY: Final = 100.0  # design value


def handle_samples(
    parameters: PlantParameters,
    t_s: Array,
    temperature_c: Array,
    view: BathView,
    readings: Readings,
    laboratory: LaboratoryState,
) -> LaboratoryState:
    """Report what is due, then take the samples that are due.

    Args:
        parameters: of the line.
        t_s: plant time.
        temperature_c: of the bath, (C,).
        view: of the same baths.
        readings: random numbers.
        laboratory: before.

    Returns:
        The laboratory after.
    """
    world = parameters.disturbances
    before = laboratory
    ready = t_s >= before.due_s  # never where there is no sample
    takes = t_s >= before.next_sample_s
    delay_s = world["sample_delay_shortest_s"] + readings.sample_delay * (
        world["sample_delay_longest_s"] - world["sample_delay_shortest_s"]
    )
    composition = view.composition
    alf3 = composition.alf3_wt_pct + world["sample_alf3_sd_wt_pct"] * readings.sample_alf3
    alumina = composition.alumina_wt_pct + (
        world["sample_alumina_sd_wt_pct"] * readings.sample_alumina
    )
    measured_c = temperature_c + world["sample_temperature_sd_c"] * readings.sample_temperature

    def report(new: Array, old: Array) -> Array:
        return jnp.where(ready, new, old)

    return LaboratoryState(
        next_sample_s=jnp.where(takes, t_s + world["sample_s"], before.next_sample_s),
        due_s=jnp.where(takes, t_s + delay_s, jnp.where(ready, jnp.nan, before.due_s)),
        taken_s=jnp.where(takes, t_s, before.taken_s),
        temperature_c=jnp.where(takes, measured_c, before.temperature_c),
        alf3_wt_pct=jnp.where(takes, alf3, before.alf3_wt_pct),
        alumina_wt_pct=jnp.where(takes, jnp.maximum(alumina, 0.0), before.alumina_wt_pct),
        reported_taken_s=report(before.taken_s, before.reported_taken_s),
        reported_temperature_c=report(before.temperature_c, before.reported_temperature_c),
        reported_alf3_wt_pct=report(before.alf3_wt_pct, before.reported_alf3_wt_pct),
        reported_alumina_wt_pct=report(before.alumina_wt_pct, before.reported_alumina_wt_pct),
    )


def show_reports(laboratory: LaboratoryState) -> LaboratoryReport:
    """The newest report of each cell."""
    return LaboratoryReport(
        t_sampled_s=laboratory.reported_taken_s,
        bath_temperature_c=laboratory.reported_temperature_c,
        excess_alf3_wt_pct=laboratory.reported_alf3_wt_pct,
        alumina_wt_pct=laboratory.reported_alumina_wt_pct,
    )


def choose_alf3_kg_per_day(
    parameters: PlantParameters, inputs: PlantInputs, laboratory: LaboratoryState
) -> Array:
    """AlF3 addition: what is asked, else the routine's base with a correction by the newest report.

    Args:
        parameters: base rate and targets.
        inputs: what the control system asks.
        laboratory: reports.

    Returns:
        kg a day, (C,).
    """
    hot_c = laboratory.reported_temperature_c - parameters.built.nominal_temperature_c
    short_wt_pct = parameters.built.nominal_alf3_wt_pct - laboratory.reported_alf3_wt_pct
    correction = _KG_PER_DAY_AND_C * hot_c + _KG_PER_DAY_AND_WT_PCT * short_wt_pct
    routine = compute_alf3_base_kg_per_day(parameters) + jnp.where(
        jnp.isfinite(correction), correction, 0.0
    )
    asked = jnp.asarray(inputs.alf3_kg_per_day, dtype=routine.dtype)
    chosen = jnp.where(jnp.isfinite(asked), asked, routine)
    return jnp.clip(chosen, 0.0, _MOST_KG_PER_DAY)


def compute_alf3_base_kg_per_day(parameters: PlantParameters) -> Array:
    """What the AlF3 routine adds without corrections: the usual loss, kg a day, scalar."""
    return 24.0 * parameters.disturbances["alf3_loss_share"] * parameters.built.feed_kg_per_h
