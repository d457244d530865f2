"""What one scan of the simulated line shows."""

from typing import NamedTuple

from jax import Array


class PlantTruth(NamedTuple):
    """What no instrument shows, for validation and logging; (C,) unless noted."""

    alumina_wt_pct: Array
    undissolved_alumina_kg: Array
    sludge_kg: Array
    crust_kg: Array
    bath_temperature_c: Array
    liquidus_c: Array
    superheat_c: Array
    excess_alf3_wt_pct: Array
    bath_kg: Array
    ledge_cm: Array  # mean of both ledges, by area
    bath_ledge_cm: Array
    metal_ledge_cm: Array
    metal_kg: Array
    acd_cm: Array  # mean over the anodes, by current
    anode_current_ka: Array  # (C, A)
    cell_voltage_v: Array
    resistance_uohm: Array
    line_current_ka: Array
    current_efficiency: Array
    energy_kwh_per_kg: Array
    feed_share: Array  # of a commanded shot that leaves the feeder now
    anode_effect: Array  # bool
    anode_effect_alumina_wt_pct: Array  # at the present current density
    tapping: Array  # bool
    arrived_kg: Array
    used_kg: Array


class LaboratoryReport(NamedTuple):
    """The newest report of each cell, (C,); NaN before the first.

    Attributes:
        t_sampled_s: plant time since the start at which the sample was taken, hours ago.
        bath_temperature_c, excess_alf3_wt_pct, alumina_wt_pct: as measured then, with their errors.
    """

    t_sampled_s: Array
    bath_temperature_c: Array
    excess_alf3_wt_pct: Array
    alumina_wt_pct: Array


class PlantOutputs(NamedTuple):
    """What one scan shows.

    Attributes:
        measured: by the names of `physics.signals`; (C,), the line's current a scalar.
        truth: what no instrument shows.
        feed_rate_kg_per_h: feed demand in force, (C,).
        laboratory: newest reports.
    """

    measured: dict[str, Array]
    truth: PlantTruth
    feed_rate_kg_per_h: Array
    laboratory: LaboratoryReport
