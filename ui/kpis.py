"""The figures of the line as a whole, for the header of every page."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np

from control.events import Priority
from control.modes import Mode
from ui.picture import F64
from ui.snapshot import Snapshot

QUANTILES: Final = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class LineKpis:
    """Line figures; NaN where nothing is known.

    Attributes:
        power_mw: of the cells whose voltage is known, `power_cells` of them.
        energy_kwh_per_kg: mean of the cells' estimates.
        modes: cells per mode; None counts those of which nobody has said.
        overrides, bypasses: that stand.
        are_modes_old: they are what the guard said last, not what is.
        alarms: active events per priority, but for those that are kept quiet.
        are_alarms_known: else these, overrides and bypasses are only those that are known already.
    """

    current_ka: float
    power_mw: float
    power_cells: int
    mean_voltage_v: float
    energy_kwh_per_kg: float
    current_efficiency_pct: float
    modes: dict[Mode | None, int]
    are_modes_old: bool
    alarms: dict[Priority, int]
    stale_cells: int
    data_age_s: float
    overrides: int
    bypasses: int
    are_alarms_known: bool


def line_kpis(snapshot: Snapshot) -> LineKpis:
    """Return the line figures of a snapshot; stale cells count for nothing."""
    voltage = snapshot.fresh("measured.cell_voltage_v")
    current_ka = _median(snapshot.fresh("measured.line_current_ka"))
    known = voltage[np.isfinite(voltage)]
    names = Counter(event.name for event in snapshot.line.active.values())
    return LineKpis(
        current_ka=current_ka,
        power_mw=float(known.sum()) * current_ka / 1000.0 if known.size else float("nan"),
        power_cells=int(known.size),
        mean_voltage_v=_mean(voltage),
        energy_kwh_per_kg=_mean(snapshot.fresh("estimate.energy_kwh_per_kg")),
        current_efficiency_pct=100.0 * _mean(snapshot.fresh("estimate.current_efficiency")),
        modes=dict(Counter(snapshot.modes)),
        are_modes_old=bool(snapshot.is_mode_old.any()),
        alarms=dict(Counter(alarm.event.priority for alarm in snapshot.told)),
        stale_cells=int(snapshot.is_stale.sum()),
        data_age_s=snapshot.data_age_s,
        overrides=names["override_active"],
        bypasses=names["bypass_active"],
        are_alarms_known=snapshot.are_alarms_known,
    )


def quantiles_ms(latencies: tuple[float, ...]) -> tuple[float, ...]:
    """Return the `QUANTILES` of latencies; NaN where there are none."""
    if not latencies:
        return (float("nan"),) * len(QUANTILES)
    return tuple(float(q) for q in np.percentile(latencies, QUANTILES))


def _mean(values: F64) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _median(values: F64) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
