"""What is kept of a run: minute by minute while it lasts, then as totals, shares and counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.kpis import Production
from control.limits import SetpointLimits
from ops.evaluate.controllers import LineController
from ops.evaluate.line import BLOCK_S, NOISE, SCAN_S, SCANS, Block, SimulatedLine
from ops.evaluate.options import ControllerName
from physics.signals import SETPOINTS

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Followed once a minute; name, what it is, unit, edges of its histogram.
FOLLOWED: Final = {
    "alumina_wt_pct": ("alumina in the bath", "wt%", np.linspace(1.0, 6.0, 101)),
    "superheat_c": ("superheat", "°C", np.linspace(0.0, 20.0, 101)),
    "ledge_cm": ("ledge", "cm", np.linspace(0.0, 25.0, 101)),
    "acd_cm": ("anode-cathode distance", "cm", np.linspace(3.0, 6.0, 101)),
    "bath_temperature_c": ("bath temperature", "°C", np.linspace(930.0, 990.0, 121)),
    "excess_alf3_wt_pct": ("excess AlF3", "wt%", np.linspace(6.0, 18.0, 121)),
    "current_efficiency": ("current efficiency", "", np.linspace(0.88, 0.98, 101)),
    "cell_voltage_v": ("cell voltage", "V", np.linspace(3.5, 5.5, 101)),
    "noise_mv": ("voltage noise", "mV", np.linspace(0.0, 60.0, 61)),
}
# What a controller should keep outside anode effects; design values.
SOFT_BOUNDS: Final = {
    "alumina_wt_pct": (2.0, 5.0),
    "superheat_c": (5.0, 14.0),
    "ledge_cm": (3.0, np.inf),
    "cell_voltage_v": (3.9, 4.5),
}
# An estimate that is so far off is on another branch than its cell; design values.
ASTRAY: Final = {
    "alumina_wt_pct": 1.0,
    "acd_cm": 0.3,
    "superheat_c": 2.0,
    "ledge_cm": 4.0,
    "bath_temperature_c": 5.0,
}
FAULT_MEMORY_S: Final = 3.0 * 3600.0  # design value: an anode effect this long after a feeder's
_EXAMPLE_EVERY: Final = 5  # minutes between the points of the one cell that is drawn
_DAY_S: Final = 86400.0
_EPSILON: Final = 1e-6
_FEED_CHANGE_KG_PER_H: Final = 5.0  # design value: less only follows the line's current


@dataclass(frozen=True, slots=True)
class EstimateError:
    """Estimate less truth over cells and minutes outside anode effects.

    Attributes:
        mean, sd: of it.
        astray_share: of pot time in which it is further off than `ASTRAY` says.
    """

    mean: float
    sd: float
    astray_share: float


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What one controller did with one seed, after the burn-in.

    Attributes:
        start_voltage_v: at which its cells had stood until plant time 0.
        production: totals of the line.
        daily_kwh_per_kg: of each whole day.
        anode_effects_after_faults: those within three hours of a feeder fault of that cell.
        mean, sd: of what is followed, over cells and minutes outside anode effects.
        histogram: of the same, counts between the edges in `FOLLOWED`.
        outside_share: of pot time beyond the soft bounds, anode effects left out.
        hard_violations: setpoints outside their hard bounds, and, of the MPC, beyond step, rate or
            travel.
        beam_moves_per_pot_day, beam_travel_mm_per_pot_day, feed_changes_per_pot_day,
        feed_travel_kg_per_h_per_pot_day: of the setpoints.
        alf3_kg_per_pot_day: added.
        estimate_error: of what the controller estimates, by name.
        counts: what the controller counted.
        hourly: means of the line for each hour, burn-in included.
        example: one cell every five minutes, burn-in included.
    """

    controller: ControllerName
    seed: int
    start_voltage_v: float
    production: Production
    daily_kwh_per_kg: F64
    anode_effects_after_faults: int
    mean: dict[str, float]
    sd: dict[str, float]
    histogram: dict[str, I64]
    outside_share: dict[str, float]
    hard_violations: int
    beam_moves_per_pot_day: float
    beam_travel_mm_per_pot_day: float
    feed_changes_per_pot_day: float
    feed_travel_kg_per_h_per_pot_day: float
    alf3_kg_per_pot_day: float
    estimate_error: dict[str, EstimateError]
    counts: dict[str, int]
    hourly: dict[str, F64]
    example: dict[str, F64]


class Recorder:
    """Takes in a run block by block.

    Args:
        blocks: how many will come; `burn_in`: how many of them do not count.
        cells: C.
    """

    def __init__(self, blocks: int, burn_in: int, cells: int) -> None:
        self._burn_in = burn_in
        self._at = 0
        self._series = {name: np.zeros((blocks, cells)) for name in FOLLOWED}
        self._setpoints = {name: np.zeros((blocks, cells)) for name in SETPOINTS}
        self._anode_effect = np.zeros((blocks, SCANS, cells), dtype=bool)
        self._in_fault = np.zeros((blocks, cells), dtype=bool)
        self._error = {name: np.full((blocks, cells), np.nan) for name in ASTRAY}
        self._kwh = np.zeros((blocks, cells))
        self._kah = np.zeros((blocks, cells))
        self._made_kg = np.zeros((blocks + 1, cells))
        self._alf3_kg = np.zeros((blocks + 1, cells))

    def add(self, block: Block, controller: LineController, line: SimulatedLine) -> None:
        """Take in what came of a block, and what its controller made of it."""
        at, truth = self._at, block.truth
        for name, series in self._series.items():
            if name not in ("cell_voltage_v", "noise_mv"):
                series[at] = getattr(truth, name)
        self._series["cell_voltage_v"][at] = truth.cell_voltage_v.mean(axis=0)
        self._series["noise_mv"][at] = block.scans.value[-1, :, NOISE]
        for name, values in controller.setpoints.items():
            self._setpoints[name][at] = values
        for name, values in controller.estimated.items():
            self._error[name][at] = values - getattr(truth, name)
        self._anode_effect[at] = truth.anode_effect
        self._in_fault[at] = truth.feed_share[-1] < 1.0
        self._kwh[at] = (truth.cell_voltage_v * truth.line_current_ka).sum(axis=0) * SCAN_S / 3600.0
        self._kah[at] = truth.line_current_ka.sum(axis=0) * SCAN_S / 3600.0
        self._made_kg[at + 1] = line.made_kg
        self._alf3_kg[at + 1] = line.alf3_added_kg
        self._at += 1

    def finish(
        self,
        controller: ControllerName,
        seed: int,
        start_voltage_v: float,
        limits: Mapping[str, SetpointLimits],
        counts: Mapping[str, int],
    ) -> RunRecord:
        """Return what is kept.

        Args:
            controller: who moved the cells.
            seed: of the line.
            start_voltage_v: at which the cells had stood.
            limits: hard ones of the plant file, by setpoint.
            counts: of the controller.
        """
        first = self._burn_in
        cells = self._kwh.shape[1]
        pot_days = (self._at - first) * cells * BLOCK_S / _DAY_S
        onsets, flags = self._onsets()
        calm = np.logical_not(self._anode_effect[first:].any(axis=1))
        kept = {name: series[first:][calm] for name, series in self._series.items()}
        kept = {name: values[np.isfinite(values)] for name, values in kept.items()}
        counted = {name: values[first:] for name, values in self._setpoints.items()}
        feed, beam = (np.abs(np.diff(counted[name], axis=0)) for name in SETPOINTS)
        is_guarded = controller is ControllerName.MPC
        return RunRecord(
            controller=controller,
            seed=seed,
            start_voltage_v=start_voltage_v,
            production=Production(
                pot_days=pot_days,
                metal_kg=float(np.sum(self._made_kg[-1] - self._made_kg[first])),
                energy_kwh=float(np.sum(self._kwh[first:])),
                charge_kah=float(np.sum(self._kah[first:])),
                anode_effects=float(onsets.sum()),
                anode_effect_minutes=float(flags.sum() * SCAN_S / 60.0),
            ),
            daily_kwh_per_kg=self._daily(),
            anode_effects_after_faults=int((onsets & self._fault_lately()).sum()),
            mean={name: float(values.mean()) for name, values in kept.items()},
            sd={name: float(values.std()) for name, values in kept.items()},
            histogram={
                name: np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
                for name, values in kept.items()
                for edges in (FOLLOWED[name][2],)
            },
            outside_share={
                name: float(np.mean((kept[name] < low) | (kept[name] > high)))
                for name, (low, high) in SOFT_BOUNDS.items()
            },
            hard_violations=sum(
                count_violations(self._setpoints[name], limits[name], is_guarded)
                for name in SETPOINTS
            ),
            beam_moves_per_pot_day=float((beam > _EPSILON).sum() / pot_days),
            beam_travel_mm_per_pot_day=float(beam.sum() / pot_days),
            feed_changes_per_pot_day=float((feed > _FEED_CHANGE_KG_PER_H).sum() / pot_days),
            feed_travel_kg_per_h_per_pot_day=float(feed.sum() / pot_days),
            alf3_kg_per_pot_day=float(np.sum(self._alf3_kg[-1] - self._alf3_kg[first]) / pot_days),
            estimate_error=self._errors(calm),
            counts=dict(counts),
            hourly=self._hourly(),
            example={
                **{name: series[::_EXAMPLE_EVERY, 0] for name, series in self._series.items()},
                **{name: values[::_EXAMPLE_EVERY, 0] for name, values in self._setpoints.items()},
            },
        )

    def _onsets(self) -> tuple[Flags, Flags]:
        """Beginnings of anode effects in each block, (B, C), and the scans in one, (B * S, C);
        without the burn-in."""
        flags = self._anode_effect.reshape(-1, self._anode_effect.shape[2])
        before = np.concatenate([np.zeros_like(flags[:1]), flags[:-1]])
        begins = (flags & ~before).reshape(self._anode_effect.shape)
        return begins.sum(axis=1)[self._burn_in :], flags[self._burn_in * SCANS :]

    def _fault_lately(self) -> Flags:
        memory = round(FAULT_MEMORY_S / BLOCK_S)
        total = np.cumsum(self._in_fault, axis=0)
        before = np.concatenate([np.zeros_like(total[:memory]), total])[: len(total)]
        return np.asarray((total > before)[self._burn_in :])

    def _errors(self, calm: Flags) -> dict[str, EstimateError]:
        found = {}
        for name, series in self._error.items():
            values = series[self._burn_in :][calm]
            values = values[np.isfinite(values)]
            if len(values):
                astray = float(np.mean(np.abs(values) > ASTRAY[name]))
                found[name] = EstimateError(float(values.mean()), float(values.std()), astray)
        return found

    def _daily(self) -> F64:
        day = round(_DAY_S / BLOCK_S)
        starts = range(self._burn_in, self._at - day + 1, day)
        return np.array(
            [
                self._kwh[start : start + day].sum()
                / (self._made_kg[start + day] - self._made_kg[start]).sum()
                for start in starts
            ]
        )

    def _hourly(self) -> dict[str, F64]:
        hour = round(3600.0 / BLOCK_S)
        hours = self._at // hour
        calm = np.where(self._anode_effect.any(axis=1), np.nan, 1.0)

        def mean(values: F64) -> F64:
            grouped = (values * calm)[: hours * hour].reshape(hours, -1)
            return np.asarray(np.nanmean(grouped, axis=1))

        return {name: mean(series) for name, series in self._series.items()}


def count_violations(setpoints: F64, limits: SetpointLimits, is_guarded: bool) -> int:
    """Count setpoints that should never have been in force.

    Args:
        setpoints: (B, C), one row a block.
        limits: of the setpoint.
        is_guarded: whether step, rate and travel bind too, as they do for what the interlock lets
            through; a rate counts since the last change.

    Returns:
        How many of the blocks and cells are beyond a limit.
    """
    slack = 0.5 * limits.resolution + _EPSILON  # the plant rounds what is written
    beyond = (setpoints < limits.low - slack) | (setpoints > limits.high + slack)
    if not is_guarded:
        return int(beyond.sum())
    change = np.abs(np.diff(setpoints, axis=0))
    moved = change > _EPSILON
    beyond[1:] |= change > limits.max_step + slack
    rows = np.arange(1, len(setpoints))[:, None]
    last = np.maximum.accumulate(np.where(moved, rows, 0), axis=0)
    before = np.concatenate([np.zeros_like(last[:1]), last[:-1]])
    room = limits.max_rate_per_h * (rows - before) * BLOCK_S / 3600.0
    beyond[1:] |= moved & (change > room + slack)
    window = round(limits.travel_window_h * 3600.0 / BLOCK_S)
    total = np.cumsum(change, axis=0)
    earlier = np.concatenate([np.zeros((window, total.shape[1])), total])[: len(total)]
    # Rounding to the resolution may add to every change of the window.
    moves = np.cumsum(moved, axis=0)
    moves_before = np.concatenate([np.zeros((window, moves.shape[1])), moves])[: len(moves)]
    travel_room = limits.max_travel + (moves - moves_before) * slack
    beyond[1:] |= total - earlier > travel_room
    return int(beyond.sum())
