"""Estimates of a section as a running system would have them."""

import numpy as np

from physics.estimator_tuning import FilterSetting
from physics.filter_model import ESTIMATED
from physics.signals import SETPOINTS
from stream.frames import EstimateFrame, Origin


def make_estimate(
    setting: FilterSetting,
    cells: tuple[int, ...],
    *,
    section: int = 0,
    sequence: int = 5,
    **states: tuple[float, ...],
) -> EstimateFrame:
    """Cells at their nominal state but for `states`, one value a cell; all of them measured."""
    count = len(cells)
    sd = np.sqrt(np.sum(np.asarray(setting.start_factor) ** 2, axis=1))
    values = {
        name: np.full(count, float(mean))
        for name, mean in zip(ESTIMATED, setting.start_mean, strict=True)
    }
    values |= {
        f"{name}_sd": np.full(count, float(one)) for name, one in zip(ESTIMATED, sd, strict=True)
    }
    values |= {
        SETPOINTS[0]: np.full(count, float(setting.feed_kg_per_h)),
        SETPOINTS[1]: np.full(count, 200.0),
        "line_current_ka": np.full(count, float(setting.line_current_ka)),
        "anode_effect": np.zeros(count),
    }
    values |= {name: np.array(column) for name, column in states.items()}
    return EstimateFrame(
        section=section,
        session=1,
        sequence=sequence,
        cells=cells,
        values=values,
        t_plant_s=7200.0,
        t_source_ns=1,
        t_received_ns=1,
        t_accepted_ns=1,
        t_estimated_ns=1,
        frames_applied=sequence + 1,
        frames_skipped=0,
        frames_missing=0,
        origin=Origin("samples", 0, sequence),
    )
