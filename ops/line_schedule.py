"""Prices and limits of power from a file, the line from a plant file, and the current between."""

import csv
from pathlib import Path
from typing import Any, Final, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from control.line_current import LineLimits, LineNature, LineSchedule, schedule_current
from ops.mistakes import ConfigurationError, Mistake
from physics.design import PlantDesign
from physics.operating_point import compute_operating_point, make_operating_inputs
from physics.parameters import make_parameters

F64 = NDArray[np.float64]
PRICE: Final = "price_per_mwh"
LIMIT: Final = "limit_mw"
_BARS: Final = " ▁▂▃▄▅▆▇█"
_MOST_HOURS: Final = 24 * 14


class Market(NamedTuple):
    """Power in every hour to come: its price, and the most that may be taken; (H,)."""

    price_per_mwh: F64
    limit_mw: F64


def read_market(path: Path) -> Market:
    """Read a CSV file with a row an hour: `price_per_mwh` and, where there is one, `limit_mw`.

    Raises:
        ConfigurationError: all rows that are wrong, with their lines.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise _mistake(
            "file", str(path), f"cannot be read ({error}). Name a CSV file", path
        ) from error
    if not rows or PRICE not in rows[0]:
        raise _mistake(PRICE, "", f"no such column: begin the file with {PRICE},{LIMIT}", path)
    if len(rows) > _MOST_HOURS:
        raise _mistake("hours", str(len(rows)), f"give at most {_MOST_HOURS}", path)
    mistakes: list[Mistake] = []
    columns: dict[str, list[float]] = {PRICE: [], LIMIT: []}
    for line, row in enumerate(rows, start=2):
        for name, column in columns.items():
            word = (row.get(name) or "").strip()
            if name == LIMIT and not word:
                column.append(np.inf)
                continue
            try:
                value = float(word)
            except ValueError:
                value = np.nan
            if not (np.isfinite(value) and value >= 0.0):
                mistakes.append(
                    Mistake(name, word or "nothing", "give a number of 0 or more", f"{path}:{line}")
                )
            column.append(value)
    if mistakes:
        raise ConfigurationError(mistakes)
    return Market(np.array(columns[PRICE]), np.array(columns[LIMIT]))


def make_nature(design: PlantDesign, cells: int) -> LineNature:
    """Return what a line of so many nominal cells makes and takes.

    Its voltage is a straight line in current, through the nominal point with the slope there.
    """
    parameters, inputs = make_parameters(design), make_operating_inputs(design)
    nominal_ka = design.line.current_ka
    step_ka = 0.001 * nominal_ka
    at = [
        compute_operating_point(
            parameters, inputs._replace(current_ka=jnp.asarray(nominal_ka + change))
        )
        for change in (-step_ka, 0.0, step_ka)
    ]
    volts = [float(point.cell_voltage_v) for point in at]
    resistance_uohm = 1e3 * (volts[2] - volts[0]) / (2.0 * step_ka)
    return LineNature(
        cells=cells,
        counter_voltage_v=volts[1] - 1e-3 * resistance_uohm * nominal_ka,
        resistance_uohm=resistance_uohm,
        metal_kg_per_ka_h=3600.0 * float(at[1].metal_kg_per_s) / nominal_ka,
        nominal_ka=nominal_ka,
    )


def plan_current(
    design: PlantDesign, cells: int, market: Market, target_t: float | None, now_ka: float | None
) -> tuple[LineNature, float, LineSchedule]:
    """Schedule the current of a line.

    Args:
        design: of the plant file.
        cells: running.
        market: price and limit of every hour.
        target_t: metal over all hours; what the nominal current makes where left out.
        now_ka: current in force; nominal where left out.

    Returns:
        The line, the target in t, and the schedule.
    """
    nature, line = make_nature(design, cells), design.line
    hours = len(market.price_per_mwh)
    if target_t is None:
        target_t = float(np.sum(nature.metal_t(np.full(hours, line.current_ka))))
    limits = LineLimits(line.current_low_ka, line.current_high_ka)
    now_ka = line.current_ka if now_ka is None else now_ka
    return nature, target_t, schedule_current(nature, limits, now_ka, target_t, *market)


def as_json_object(target_t: float, market: Market, plan: LineSchedule) -> dict[str, Any]:
    """Return the schedule for a script; numbers that are not finite are None."""
    hours = [
        {
            "hour": hour + 1,
            "price_per_mwh": float(market.price_per_mwh[hour]),
            "limit_mw": _finite(market.limit_mw[hour]),
            "current_ka": float(plan.current_ka[hour]),
            "power_mw": float(plan.power_mw[hour]),
            "metal_t": float(plan.metal_t[hour]),
            "limit_worth_per_mw": float(plan.power_limit_worth[hour]),
        }
        for hour in range(len(plan.current_ka))
    ]
    return {
        "status": plan.status.name.lower(),
        "reason": plan.reason,
        "target_t": target_t,
        "metal_t": float(np.sum(plan.metal_t)),
        "cost": _finite(plan.cost),
        "flat_cost": _finite(plan.flat_cost),
        "metal_price_per_t": _finite(plan.metal_price_per_t),
        "hours": hours,
    }


def print_schedule(console: Console, market: Market, plan: LineSchedule) -> None:
    """Print the sentence, a line of bars for price and current, and a row an hour."""
    console.print(plan.reason, soft_wrap=True)
    if not plan.status.has_schedule:
        return
    console.print(f"price   {_bars(market.price_per_mwh)}")
    console.print(f"current {_bars(plan.current_ka)}")
    table = Table(box=None, pad_edge=False)
    for head in ("hour", "price per MWh", "kA", "MW", "limit, MW", "one MW more saves", "metal, t"):
        table.add_column(head, justify="right")
    for hour in range(len(plan.current_ka)):
        limit = market.limit_mw[hour]
        worth = plan.power_limit_worth[hour]
        table.add_row(
            f"{hour + 1}",
            f"{market.price_per_mwh[hour]:.2f}",
            f"{plan.current_ka[hour]:.1f}",
            f"{plan.power_mw[hour]:.1f}",
            f"{limit:.1f}" if np.isfinite(limit) else "",
            f"{worth:.2f}" if worth > 0.005 else "",
            f"{plan.metal_t[hour]:.2f}",
        )
    console.print(table)
    console.print(
        f"The last tonne costs {plan.metal_price_per_t:.0f}. "
        "Nothing is written: the current is set by the rectifier's operator."
    )


def _bars(values: F64) -> str:
    low, high = float(np.min(values)), float(np.max(values))
    if high - low < 1e-9:
        return _BARS[4] * len(values)
    share = (values - low) / (high - low)
    return "".join(_BARS[1 + round(float(s) * (len(_BARS) - 2))] for s in share)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _mistake(key: str, found: str, remedy: str, path: Path) -> ConfigurationError:
    return ConfigurationError([Mistake(key, found, remedy, str(path))])
