"""What the simulated line is, remembers, is asked and shows: the records of `physics.plant`."""

from typing import NamedTuple

from jax import Array
from jax.typing import ArrayLike

from physics.cell import CellState
from physics.parameters import CellParameters


class PlantParameters(NamedTuple):
    """What stays the same while the line runs; scalars or (C,)."""

    cell: CellParameters  # every field (C,)
    line_current_ka: Array
    feed_highest_kg_per_h: Array
    shot_kg: Array
    beam_speed_mm_per_s: Array
    beam_resolution_mm: Array
    beam_backlash_mm: Array
    temperature_bias_c: Array  # (C,)
    disturbances: dict[str, Array]  # the figures of `Disturbances`, by name


class PlantState(NamedTuple):
    """What the line remembers; (C,) unless noted."""

    t_s: Array  # scalar: plant time since the start
    cell: CellState
    crust_kg: Array
    feed_due_kg: Array  # demanded, not yet a whole shot
    feed_rate_kg_per_h: Array  # in force
    fed_kg: Array  # running total of what the feeder says it dropped
    arrived_kg: Array  # running total of what reached the bath or its crust
    used_kg: Array  # running total of what electrolysis consumed
    beam_mm: Array
    anode_mm: Array  # where the anodes are, behind the backlash of the beam
    fault_until_s: Array
    anode_effect: Array  # bool
    anode_effect_since_s: Array
    anode_effect_v: Array
    alf3_wander_wt_pct: Array
    line_current_ka: Array  # scalar
    keys: Array  # (C,) keys
    line_key: Array  # scalar key


class PlantInputs(NamedTuple):
    """What the control system asks of the cells, each (C,); what is not finite changes nothing."""

    feed_rate_kg_per_h: ArrayLike
    beam_target_mm: ArrayLike


class PlantTruth(NamedTuple):
    """What no instrument shows, for validation and logging; (C,)."""

    alumina_wt_pct: Array
    undissolved_alumina_kg: Array
    sludge_kg: Array
    crust_kg: Array
    bath_temperature_c: Array
    liquidus_c: Array
    superheat_c: Array
    ledge_cm: Array
    acd_cm: Array
    cell_voltage_v: Array
    resistance_uohm: Array
    line_current_ka: Array
    current_efficiency: Array
    energy_kwh_per_kg: Array
    feed_share: Array  # of a commanded shot that leaves the feeder now
    anode_effect: Array  # bool
    arrived_kg: Array
    used_kg: Array


class PlantOutputs(NamedTuple):
    """What one scan shows.

    Attributes:
        measured: by the names of `physics.signals`; (C,), the line's current a scalar.
        truth: what no instrument shows.
        feed_rate_kg_per_h: feed demand in force, (C,).
    """

    measured: dict[str, Array]
    truth: PlantTruth
    feed_rate_kg_per_h: Array
