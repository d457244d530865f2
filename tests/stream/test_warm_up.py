"""What is compiled before the first scan is what a scan needs: none waits for a compiler."""

from dataclasses import replace

import numpy as np

from physics.estimate_state import to_bytes
from stream.estimate import EstimateState, step_estimate, warm_up_scan
from stream.frames import Origin
from stream.models import warm_up_lineariser
from tests.stream.frame_cases import NOW_NS
from tests.stream.loop_cases import Brains, plant_frame

CELLS = 4  # as no other test has, so that nothing is there yet


def test_a_first_scan_compiles_nothing(brains: Brains, compilations: list[str]) -> None:
    plant = brains.plant
    warm_up_scan(brains.estimator, CELLS)
    warm_up_lineariser(plant.design, plant.control.step_s, CELLS)
    before = len(compilations)
    assert before > 0
    two = plant_frame(0, 0, 1000.0, NOW_NS)
    frame = replace(
        two,
        cells=tuple(range(1, CELLS + 1)),
        value=np.tile(two.value, (1, 2, 1)),
        quality=np.tile(two.quality, (1, 2, 1)),
        source_time_ns=np.tile(two.source_time_ns, (1, 2, 1)),
        origin=Origin("samples", 0, 0),
    )
    state = EstimateState(filter=to_bytes(brains.estimator.init(CELLS)))
    _, estimate = step_estimate(brains.estimator, state, frame)
    assert estimate is not None
    brains.linearise(estimate, np.tile([100.0, 0.0], (CELLS, 1)))
    assert len(compilations) == before
