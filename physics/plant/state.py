"""What the simulated line remembers and what it is asked."""

from typing import NamedTuple

from jax import Array
from jax.typing import ArrayLike


class BathState(NamedTuple):
    """Bath, metal pad and ledge of every cell; each (C,)."""

    bath_kg: Array  # all of the molten bath, alumina and AlF3 included
    alumina_kg: Array  # in solution
    alf3_kg: Array  # in excess over cryolite
    undissolved_kg: Array
    sludge_kg: Array
    bath_temperature_c: Array
    metal_temperature_c: Array
    bath_ledge_cm: Array  # beside the bath
    metal_ledge_cm: Array  # beside the metal


class AnodeState(NamedTuple):
    """The A anodes of every cell; (C, A) unless noted."""

    gap_cm: Array  # from the anode's underside to the metal
    frozen_share: Array  # of its underside that is under frozen bath
    set_s: Array  # plant time at which it was set
    cold_j: Array  # (C,) heat that new anodes have still to take
    next_pair: Array  # (C,) int: which pair is changed next
    next_change_s: Array  # (C,)


class FeederState(NamedTuple):
    """The alumina feeder of every cell; each (C,)."""

    due_kg: Array  # demanded, not yet a whole shot
    rate_kg_per_h: Array  # in force
    crust_kg: Array
    fault_until_s: Array
    fed_kg: Array  # running total of what the feeder says it dropped
    arrived_kg: Array  # running total of what reached the bath or its crust


class MetalState(NamedTuple):
    """The metal pad of every cell; each (C,)."""

    metal_kg: Array
    made_kg: Array  # running total
    tapped_kg: Array  # running total
    tap_left_kg: Array  # of a tapping in progress
    owed_mm: Array  # by which anodes have still to follow the metal down
    next_tap_s: Array


class NoiseState(NamedTuple):
    """What noise remembers, in units of its standard deviation but for the drift; each (C,)."""

    bubbles: Array
    roll: Array  # of the metal pad, and a quarter period away
    roll_quadrature: Array
    drift_c: Array  # of the thermocouple


class LaboratoryState(NamedTuple):
    """Samples of every cell, in the laboratory and reported; each (C,), NaN where there is none."""

    next_sample_s: Array
    due_s: Array  # when the sample in the laboratory will be reported
    taken_s: Array
    temperature_c: Array
    alf3_wt_pct: Array
    alumina_wt_pct: Array
    reported_taken_s: Array
    reported_temperature_c: Array
    reported_alf3_wt_pct: Array
    reported_alumina_wt_pct: Array


class LineState(NamedTuple):
    """The rectifier; scalars."""

    current_ka: Array
    cut_ka: Array  # by which the setpoint is cut back
    cut_until_s: Array


class PlantState(NamedTuple):
    """What the line remembers; (C,) unless noted."""

    t_s: Array  # scalar: plant time since the start
    bath: BathState
    anodes: AnodeState
    feeder: FeederState
    metal: MetalState
    noise: NoiseState
    laboratory: LaboratoryState
    line: LineState
    beam_mm: Array
    anode_mm: Array  # where the anodes are, behind the backlash of the beam
    alf3_kg_per_day: Array  # addition in force
    alf3_added_kg: Array  # running total
    alf3_lost_kg: Array  # running total
    used_kg: Array  # running total of alumina that electrolysis consumed
    anode_effect: Array  # bool
    anode_effect_since_s: Array
    anode_effect_v: Array
    keys: Array  # (1 + C,) keys, first that of the line


class PlantInputs(NamedTuple):
    """What the control system asks of the cells, each (C,); what is not finite changes nothing.

    Attributes:
        feed_rate_kg_per_h: alumina.
        beam_target_mm: absolute position.
        alf3_kg_per_day: AlF3 addition; where it is left out or not finite, the plant's own routine
            doses by the laboratory's reports.
    """

    feed_rate_kg_per_h: ArrayLike
    beam_target_mm: ArrayLike
    alf3_kg_per_day: ArrayLike = float("nan")


def make_inputs(state: PlantState) -> PlantInputs:
    """Ask for what is: the feed rate in force and the beam where it stands."""
    return PlantInputs(state.feeder.rate_kg_per_h, state.beam_mm)
