"""A recorded history on a regular grid: means over bins of some minutes, NaN where nothing was.

Columns are named as the signals are, and carry their units. What drives the model (current, feed,
beam) must be there throughout; what corrects it (`CHANNELS`) where it was measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

TIME: Final = "t_plant_s"
INPUTS: Final = ("line_current_ka", "alumina_fed_kg", "beam_position_mm")
LONGEST_HOLD_BINS: Final = 3  # design value: so long an input is taken to be as last measured
SHORTEST_H: Final = 12.0  # design value: less does not show the ledge answer


@dataclass(frozen=True, slots=True)
class Channel:
    """Something measured.

    Attributes:
        name: column, with its unit.
        reading_sd: noise of one reading; taken where the plant file gives none.
        bin_sd: what no number of readings in a bin averages out, the model's own error within it.
        meaning: for a reader.
    """

    name: str
    reading_sd: float
    bin_sd: float
    meaning: str


CHANNELS: Final = (  # noise: design values, in the order of laboratories and thermocouples
    Channel("cell_voltage_v", 0.010, 0.002, "cell voltage"),
    Channel("bath_temperature_c", 2.0, 0.3, "bath temperature"),
    Channel("alumina_wt_pct", 0.15, 0.05, "alumina by laboratory sample"),
    Channel("excess_alf3_wt_pct", 0.3, 0.05, "excess AlF3 by laboratory sample"),
    Channel("liquidus_c", 2.0, 0.5, "liquidus by probe"),
    Channel("ledge_cm", 0.5, 0.2, "ledge by probe"),
    Channel("acd_cm", 0.1, 0.03, "anode-cathode distance by gauge"),
    Channel("anode_drop_mv", 5.0, 1.0, "voltage drop of anodes"),
    Channel("cathode_drop_mv", 5.0, 1.0, "voltage drop of cathode"),
    Channel("external_drop_mv", 5.0, 1.0, "voltage drop of external busbar"),
)
CHANNEL_NAMES: Final = tuple(channel.name for channel in CHANNELS)
NEEDED_CHANNELS: Final = ("cell_voltage_v", "bath_temperature_c")
VOLTAGE: Final = CHANNEL_NAMES.index("cell_voltage_v")
TEMPERATURE: Final = CHANNEL_NAMES.index("bath_temperature_c")


class History(NamedTuple):
    """A history on a grid of T bins.

    Attributes:
        t_plant_s: (T,) middle of each bin.
        step_s: length of a bin.
        current_ka, feed_kg_per_h, beam_position_mm: (T,) mean over the bin.
        measured: (T, len(CHANNELS)) mean of what was read; NaN where nothing was. But for the
            voltage, a reading that equals the last is no new one.
        sd: (T, len(CHANNELS)) of it.
        is_effect: (T,) whether the bin saw an anode effect.
        held_bins: how many bins lacked an input, which was held.
    """

    t_plant_s: F64
    step_s: float
    current_ka: F64
    feed_kg_per_h: F64
    beam_position_mm: F64
    measured: F64
    sd: F64
    is_effect: NDArray[np.bool_]
    held_bins: int

    @property
    def hours(self) -> float:
        """Its length."""
        return len(self.t_plant_s) * self.step_s / 3600.0


def grid_history(
    columns: Mapping[str, F64],
    noise_sd: Mapping[str, float],
    effect_v: float,
    step_s: float = 300.0,
) -> History:
    """Put readings of one cell on a regular grid.

    Args:
        columns: by name, each (R,) in order of time; NaN where nothing was read.
        noise_sd: of one reading, by name; else that of `CHANNELS`.
        effect_v: cell voltage above which there is an anode effect.
        step_s: length of a bin; two dissolution steps must fit in it, see `physics.reduced.model`.

    Returns:
        The history; bins at its end that are not full are left out.

    Raises:
        ValueError: a column is missing, times do not rise, or an input is missing for long.
    """
    absent = [n for n in (TIME, *INPUTS, *NEEDED_CHANNELS) if n not in columns]
    if absent:
        raise ValueError(f"columns {absent} are missing. Remedy: give them, named so")
    t = np.asarray(columns[TIME], dtype=np.float64)
    if not np.isfinite(t).all() or (np.diff(t) <= 0.0).any():
        row = int(np.argmax(~np.isfinite(t) | (np.diff(t, prepend=-np.inf) <= 0.0)))
        raise ValueError(
            f"{TIME} does not rise at row {row} ({t[row]}). Remedy: sort the rows by time, one "
            "row for each time"
        )
    # A reading stands for the time around it, so that regular rows make full bins.
    typical_s = float(np.median(np.diff(t))) if len(t) > 1 else step_s
    begin_s = t[0] - typical_s / 2.0 if len(t) else 0.0
    count = int((t[-1] + typical_s / 2.0 - begin_s) / step_s + 1e-6) if len(t) else 0
    edges: F64 = np.float64(begin_s) + step_s * np.arange(count + 1, dtype=np.float64)
    place = np.floor((t - begin_s) / step_s).astype(np.int64)
    inside = place < count
    place = np.minimum(place, count)

    def average(name: str) -> tuple[F64, NDArray[np.int64]]:
        value = np.asarray(columns[name], dtype=np.float64)
        there = inside & np.isfinite(value)
        if name in CHANNEL_NAMES and name != "cell_voltage_v":
            there &= _is_new(value)
        number = np.bincount(place[there], minlength=count)[:count]
        total = np.bincount(place[there], value[there], minlength=count)[:count]
        with np.errstate(invalid="ignore"):
            return total / np.where(number > 0, number, np.nan), number

    current_ka, current_held = _hold(average("line_current_ka")[0], "line_current_ka", edges)
    beam_mm, beam_held = _hold(average("beam_position_mm")[0], "beam_position_mm", edges)
    feed_kg_per_h, feed_held = _feed_rate(columns, t, edges)
    measured = np.full((count, len(CHANNELS)), np.nan)
    sd = np.ones((count, len(CHANNELS)))
    for i, channel in enumerate(CHANNELS):
        if channel.name in columns:
            measured[:, i], number = average(channel.name)
            reading_sd = noise_sd.get(channel.name, channel.reading_sd)
            sd[:, i] = np.sqrt(reading_sd**2 / np.maximum(number, 1) + channel.bin_sd**2)
    voltage = np.asarray(columns["cell_voltage_v"], dtype=np.float64)
    is_effect = np.bincount(place[voltage > effect_v], minlength=count + 1)[:count] > 0
    return History(
        t_plant_s=0.5 * (edges[1:] + edges[:-1]),
        step_s=step_s,
        current_ka=current_ka,
        feed_kg_per_h=feed_kg_per_h,
        beam_position_mm=beam_mm,
        measured=measured,
        sd=sd,
        is_effect=is_effect,
        held_bins=int((current_held | beam_held | feed_held).sum()),
    )


def _is_new(value: F64) -> NDArray[np.bool_]:
    """Which readings differ from the last one: many a server shows a reading until the next."""
    at = np.flatnonzero(np.isfinite(value))
    is_new = np.zeros(len(value), dtype=bool)
    is_new[at[np.diff(value[at], prepend=np.nan) != 0.0]] = True
    return is_new


def _feed_rate(columns: Mapping[str, F64], t: F64, edges: F64) -> tuple[F64, NDArray[np.bool_]]:
    """Feed of each bin from the running total, kg/h, and which bins had no reading of it.

    A total that falls to less than half has been reset: what was fed between the two readings is
    taken to be what the new total says.
    """
    total = np.asarray(columns["alumina_fed_kg"], dtype=np.float64)
    there = np.isfinite(total)
    if there.sum() < 2:
        raise ValueError("alumina_fed_kg has no two readings. Remedy: give the running total")
    times, readings = t[there], total[there]
    is_reset = readings[1:] < 0.5 * readings[:-1]
    fed = np.concatenate([[0.0], np.cumsum(np.where(is_reset, readings[1:], np.diff(readings)))])
    rate = np.diff(np.interp(edges, times, fed)) / np.diff(edges) * 3600.0
    is_bare = np.histogram(times, edges)[0] == 0
    _refuse_long_gaps(is_bare, "alumina_fed_kg", edges)
    return rate, is_bare


def _hold(value: F64, name: str, edges: F64) -> tuple[F64, NDArray[np.bool_]]:
    """Take an input to be as last measured where bins lack it, for a short while."""
    is_bare = ~np.isfinite(value)
    _refuse_long_gaps(is_bare, name, edges)
    newest = np.maximum.accumulate(np.where(is_bare, -1, np.arange(len(value))))
    first = int(np.argmax(~is_bare)) if len(value) else 0
    return value[np.where(newest < 0, first, newest)] if len(value) else value, is_bare


def _refuse_long_gaps(is_bare: NDArray[np.bool_], name: str, edges: F64) -> None:
    run = 0
    for at, bare in enumerate(is_bare):
        run = run + 1 if bare else 0
        if run > LONGEST_HOLD_BINS:
            begin = edges[at + 1 - run]
            raise ValueError(
                f"{name} is missing from {begin:.0f} s on, for longer than "
                f"{LONGEST_HOLD_BINS * (edges[1] - edges[0]) / 60.0:.0f} min. "
                "Remedy: choose a stretch of the history without such a gap"
            )
