"""A bath temperature that is measured once a shift counts once, however long it is shown."""

from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import pytest

from physics.estimate_state import to_bytes
from physics.signals import SIGNALS
from stream.estimate import EstimateState, find_new_baths, step_estimate
from stream.frames import Origin, SampleFrame
from tests.stream.frame_cases import NOW_NS, SECOND_NS
from tests.stream.loop_cases import Brains, plant_frame

BATH = SIGNALS.index("bath_temperature_c")
NOTHING = (np.full(2, np.nan), np.zeros(2, dtype=np.int64))


def frame_at(scan: int, bath_c: float, source_ns: int) -> SampleFrame:
    frame = plant_frame(0, scan, 1000.0 + 15.0 * scan, NOW_NS, bath_temperature_c=bath_c)
    source = frame.source_time_ns.copy()
    source[:, :, BATH] = source_ns
    return replace(frame, source_time_ns=source, origin=Origin("samples", 0, scan))


@pytest.mark.parametrize(
    ("bath_c", "source_ns", "is_new"),
    [
        (951.0, NOW_NS + SECOND_NS, True),
        (950.0, NOW_NS + SECOND_NS, False),  # the same reading with the time of this scan
        (951.0, NOW_NS, False),
        (950.0, NOW_NS, False),
        (np.nan, NOW_NS + SECOND_NS, False),
    ],
)
def test_a_reading_is_new_when_its_time_and_its_value_are(
    bath_c: float, source_ns: int, is_new: bool
) -> None:
    first, *taken = find_new_baths(frame_at(0, 950.0, NOW_NS), *NOTHING)
    assert first.tolist() == [[True, True]]
    missing = ("bath_temperature_c",) if np.isnan(bath_c) else ()
    later = plant_frame(0, 1, 1015.0, source_ns, missing=missing, bath_temperature_c=bath_c)
    again, *_ = find_new_baths(later, *taken)
    assert again.tolist() == [[is_new, is_new]]


def test_a_reading_that_is_shown_for_an_hour_is_taken_in_once(
    brains: Brains, compute: Executor
) -> None:
    def sd_after_an_hour(baths_c: np.ndarray) -> float:
        state = EstimateState(filter=to_bytes(brains.estimator.init(2)))
        for scan, bath_c in enumerate(baths_c):
            frame = frame_at(scan, bath_c, NOW_NS + scan * SECOND_NS)
            state, made = step_estimate(brains.estimator, state, frame)
        assert made is not None
        return float(made.values["bath_temperature_c_sd"][0])

    shown, lost, continuous = (
        compute.submit(sd_after_an_hour, baths_c).result()
        for baths_c in (
            np.full(240, 956.0),
            np.where(np.arange(240) < 1, 956.0, np.nan),
            956.0 + 0.1 * (np.arange(240) % 7),
        )
    )
    assert shown == pytest.approx(lost, rel=1e-9)
    assert shown > 1.3 * continuous
