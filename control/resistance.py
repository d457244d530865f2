"""Pseudo-resistance of cells as local control sees it: timed averages, their level and their slope.

R = (V - counter voltage) / I (Banta, Dai & Biedler, Light Metals 2003); two-minute averages, and a
least-squares line through the last ten (Dupuis & Côté, CIM 2011). Arrays have one row per cell.
"""

from dataclasses import dataclass, fields, replace
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

WINDOW: Final = 10  # averages under the slope, twenty minutes of two-minute averages
LEVEL_WINDOW: Final = 5  # averages under the level, ten minutes
RUNNING_KA: Final = 1.0  # design value: below it the line stands, and a resistance means nothing
READABLE_V: Final = 100.0  # design value: beyond it, either way, no cell voltage


@dataclass(frozen=True, slots=True)
class PerCell:
    """State of many cells: arrays whose first axis is the cell, never written into."""

    def with_cells(self, cells: Flags, other: Self) -> Self:
        """Return this state with the marked cells, (C,), taken from `other`."""
        chosen = {}
        for field in fields(self):
            here, there = getattr(self, field.name), getattr(other, field.name)
            if isinstance(here, PerCell):
                chosen[field.name] = here.with_cells(cells, there)
            else:
                mask = cells[:, None] if here.ndim == 2 else cells
                chosen[field.name] = np.where(mask, there, here)
        return replace(self, **chosen)


@dataclass(frozen=True, slots=True)
class ResistanceAverages(PerCell):
    """The last averages of every cell and the one being made.

    Attributes:
        value_uohm, time_s: newest last, (C, WINDOW); `count` of them are filled, (C,).
        block_sum_uohm_s, block_time_sum_s2, block_s: the average being made, time-weighted, (C,).
    """

    value_uohm: Floats
    time_s: Floats
    count: Whole
    block_sum_uohm_s: Floats
    block_time_sum_s2: Floats
    block_s: Floats

    @property
    def level_uohm(self) -> Floats:
        """Mean of the last few averages, (C,)."""
        return np.asarray(self.value_uohm[:, -LEVEL_WINDOW:].mean(axis=1))

    @property
    def has_level(self) -> Flags:
        """Where the level stands on averages only, (C,)."""
        return np.asarray(self.count >= LEVEL_WINDOW)

    def slope(self) -> tuple[Floats, Flags]:
        """Return the least-squares slope in nOhm/min, (C,), and where it is valid, (C,)."""
        times = self.time_s - self.time_s.mean(axis=1, keepdims=True)
        spread = np.sum(times**2, axis=1)
        valid = (self.count >= WINDOW) & (spread > 0.0)
        rise = np.sum(times * self.value_uohm, axis=1)
        uohm_per_s = np.divide(rise, spread, out=np.zeros_like(rise), where=valid)
        return uohm_per_s * 60.0e3, valid

    def shifted(self, by_uohm: Floats) -> "ResistanceAverages":
        """Return the averages moved by a known step, (C,), such as that of a beam move."""
        return replace(self, value_uohm=self.value_uohm + by_uohm[:, None])


def init_averages(cells: int) -> ResistanceAverages:
    """Return the empty averages of so many cells."""
    return ResistanceAverages(
        value_uohm=np.zeros((cells, WINDOW)),
        time_s=np.zeros((cells, WINDOW)),
        count=np.zeros(cells, dtype=np.int64),
        block_sum_uohm_s=np.zeros(cells),
        block_time_sum_s2=np.zeros(cells),
        block_s=np.zeros(cells),
    )


def pseudo_resistance_uohm(
    voltage_v: Floats, current_ka: float, counter_voltage_v: float
) -> tuple[Floats, Flags]:
    """Return the pseudo-resistance in micro-ohm, (C,), and where it could be made, (C,)."""
    runs = bool(np.isfinite(current_ka)) and current_ka > RUNNING_KA
    usable = (np.abs(voltage_v) < READABLE_V) & runs
    above_v = np.where(usable, voltage_v - counter_voltage_v, 0.0)
    return above_v / (current_ka if runs else 1.0) * 1.0e3, usable


def add_sample(
    averages: ResistanceAverages,
    resistance_uohm: Floats,
    usable: Flags,
    t_plant_s: float,
    dt_s: float,
    average_s: float,
) -> tuple[ResistanceAverages, Flags]:
    """Add one scan, weighted by the time that it stands for.

    Args:
        averages: before the scan.
        resistance_uohm: of the scan, (C,); `usable`: where it counts, (C,).
        t_plant_s: plant time of the scan; `dt_s`: since the scan before.
        average_s: length of one average; a scan longer than that makes an average by itself.

    Returns:
        The averages, and which cells have a new one, (C,).
    """
    weight_s = np.where(usable, dt_s, 0.0)
    block_s = averages.block_s + weight_s
    block_sum = averages.block_sum_uohm_s + resistance_uohm * weight_s
    block_time = averages.block_time_sum_s2 + t_plant_s * weight_s
    complete = block_s >= average_s * (1.0 - 1e-9)
    length_s = np.where(complete, block_s, 1.0)

    def pushed(kept: Floats, total: Floats) -> Floats:
        moved = np.concatenate([kept[:, 1:], (total / length_s)[:, None]], axis=1)
        return np.where(complete[:, None], moved, kept)

    return (
        ResistanceAverages(
            value_uohm=pushed(averages.value_uohm, block_sum),
            time_s=pushed(averages.time_s, block_time),
            count=np.minimum(averages.count + complete, WINDOW),
            block_s=np.where(complete, 0.0, block_s),
            block_sum_uohm_s=np.where(complete, 0.0, block_sum),
            block_time_sum_s2=np.where(complete, 0.0, block_time),
        ),
        np.asarray(complete),
    )
