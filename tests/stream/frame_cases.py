"""Frames to test with: honest ones, made from a few numbers."""

from collections.abc import Mapping

import numpy as np

from stream.frames import F64, EstimateFrame, Origin, SampleFrame
from stream.signals import SignalLimits

NOW_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000
CELLS = (1, 2, 3)
LIMITS = (
    SignalLimits("cell_voltage_v", "V", 0.0, 60.0, 3.5, 5.5, 0.01, 5.0, 900.0),
    SignalLimits("bath_temperature_c", "degC", 800.0, 1100.0, 930.0, 990.0, 2.0, 5.0),
)
SIGNALS = tuple(row.name for row in LIMITS)


def make_frame(
    sequence: int = 0,
    *,
    session: int = 1,
    section: int = 0,
    scans: int = 2,
    cells: tuple[int, ...] = CELLS,
    signals: tuple[str, ...] = SIGNALS,
    t_plant_s: float | None = None,
    now_ns: int = NOW_NS,
) -> SampleFrame:
    """A frame of distinct, plausible samples, one plant second apart."""
    shape = (scans, len(cells), len(signals))
    start_s = 100.0 + sequence * scans if t_plant_s is None else t_plant_s
    value = np.empty(shape)
    for k, name in enumerate(signals):
        level = {"cell_voltage_v": 4.2, "bath_temperature_c": 956.0}.get(name, 1.0)
        wiggle = np.sin(np.arange(shape[0] * shape[1]) + sequence).reshape(shape[:2])
        value[:, :, k] = level + 0.01 * wiggle
    source = np.full(shape, now_ns, dtype=np.int64)
    source -= (SECOND_NS * np.arange(scans)[::-1])[:, None, None]
    return SampleFrame(
        section=section,
        session=session,
        sequence=sequence,
        cells=cells,
        signals=signals,
        t_plant_s=start_s + np.arange(scans),
        value=value,
        quality=np.zeros(shape, dtype=np.uint8),
        source_time_ns=source,
        t_received_ns=now_ns,
    )


def make_estimate_frame(
    values: Mapping[str, F64],
    *,
    section: int = 0,
    cells: tuple[int, ...] = CELLS,
    sequence: int = 0,
    frames_applied: int = 3,
    t_plant_s: float = 101.0,
    t_source_ns: int = NOW_NS,
) -> EstimateFrame:
    """Estimates of a section with only these columns, made as soon as the samples had come."""
    return EstimateFrame(
        section=section,
        session=1,
        sequence=sequence,
        cells=cells,
        values=dict(values),
        t_plant_s=t_plant_s,
        t_source_ns=t_source_ns,
        t_received_ns=NOW_NS,
        t_accepted_ns=NOW_NS,
        t_estimated_ns=NOW_NS,
        frames_applied=frames_applied,
        frames_skipped=0,
        frames_missing=0,
        origin=origin(),
    )


def origin(offset: int = 0) -> Origin:
    """A message on `samples`."""
    return Origin("samples", 0, offset)
