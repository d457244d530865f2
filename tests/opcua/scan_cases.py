"""Scans to test with."""

import numpy as np

from opcua.scans import Scan

START_NS = 1_800_000_000_000_000_000


def make_scan(
    number: int, *, counter: int | None = None, t_plant_s: float | None = None, gap_s: float = 0.25
) -> Scan:
    """Scan `number` of two cells and one signal, `gap_s` of wall time after the one before."""
    t_ns = START_NS + round(number * gap_s * 1e9)
    return Scan(
        t_plant_s=float(number) if t_plant_s is None else t_plant_s,
        counter=counter,
        value=np.full((2, 1), float(number)),
        quality=np.zeros((2, 1), dtype=np.uint8),
        source_time_ns=np.full((2, 1), t_ns, dtype=np.int64),
        t_received_ns=t_ns,
    )
