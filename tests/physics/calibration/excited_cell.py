"""Cells whose figures are known, shaken enough that a history can tell them.

The recorded cells run at steps of twenty seconds where the fit takes 150, wander in ways that the
fit does not know, and are read with noise.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from physics.calibration.figures import FIGURES, apply_figures
from physics.calibration.history import CHANNEL_NAMES
from physics.cell import CellOutputs
from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.parameters import CellParameters
from physics.reduced.model import (
    ACD,
    ALF3,
    ALUMINA,
    BEAM,
    FEEDER,
    LEDGE,
    TEMPERATURE,
    advance,
    evaluate,
    make_nominal_state,
    make_reduced_parameters,
)

F64 = NDArray[np.float64]
STEP_S = 20.0
ROW_S = 60.0
_STEPS_A_ROW = round(ROW_S / STEP_S)
# Of one row: the mean of a minute's scans.
NOISE_SD = {"cell_voltage_v": 0.002, "bath_temperature_c": 0.3}


class Shaking(NamedTuple):
    """What is done to a cell, (R,) rows a minute apart."""

    current_ka: Array
    feed_share: Array  # of nominal demand
    beam_mm: Array


def make_shaking(design: PlantDesign, hours: int) -> Shaking:
    """Steps of the line current and the beam, and swings of the feed, of several periods."""
    minute = np.arange(hours * 60)
    hour = minute / 60.0
    current = design.line.current_ka * (1.0 + 0.04 * np.sign(np.sin(2.0 * np.pi * hour / 26.0)))
    current += design.line.current_ka * 0.015 * np.sign(np.sin(2.0 * np.pi * hour / 7.0))
    swing = np.where(np.sin(2.0 * np.pi * hour / 5.0) > 0.0, 1.35, 0.65)
    swing += np.where(np.sin(2.0 * np.pi * hour / 17.0) > 0.0, 0.05, -0.05)
    slow_mm = -design.cell.gap.acd_drift_mm_per_h * np.floor(hour / 2.0) * 2.0
    steps_mm = 1.5 * np.sign(np.sin(2.0 * np.pi * hour / 11.0)) + 0.8 * np.sign(
        np.sin(2.0 * np.pi * hour / 3.0)
    )
    beam_mm = design.cell.gap.beam_start_mm + slow_mm + steps_mm
    return Shaking(*(jnp.asarray(x) for x in (current, swing, beam_mm)))


def record_cells(
    design: PlantDesign, log_ratios: Array, keys: Array, shaking: Shaking
) -> list[dict[str, F64]]:
    """Run cells with given figures and record what a plant would: columns by name, for each.

    Args:
        design: the plant file's.
        log_ratios: (C, P) of the true figures to the plant file's.
        keys: (C,) of the noise.
        shaking: common to them.

    Returns:
        For each cell its columns: signals every minute, and rows of laboratory samples, ledge
        probes, gauge and drop measurements, NaN where none was taken.
    """
    demand = nominal_feed_kg_per_h(design)
    nominal = jnp.asarray(make_nominal_state(design))
    shown, feed = _run(
        make_reduced_parameters(design), nominal, jnp.asarray(demand), log_ratios, keys, shaking
    )
    return [
        _read(
            {name: np.asarray(column[c]) for name, column in shown.items()},
            np.asarray(feed[c]),
            shaking,
            np.random.default_rng(np.asarray(jax.random.key_data(keys[c]))),
        )
        for c in range(len(log_ratios))
    ]


def draw_ratios(seed: int, size: float) -> F64:
    """Figures that are off by `size`, up or down; the current efficiency by a tenth of it."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], len(FIGURES))
    share = np.array([0.1 if f.field == "efficiency_reference" else 1.0 for f in FIGURES])
    return np.log(1.0 + signs * size * share)


@jax.jit
def _run(
    parameters: CellParameters,
    nominal: Array,
    demand_kg_per_h: Array,
    log_ratios: Array,
    keys: Array,
    shaking: Shaking,
) -> tuple[dict[str, Array], Array]:
    def one(log_ratio: Array, key: Array) -> tuple[dict[str, Array], Array]:
        truth = apply_figures(parameters, log_ratio)
        start_key, wander_key = jax.random.split(key)
        start = nominal + jax.random.normal(start_key, nominal.shape) * jnp.asarray(
            [0.2, 5.0, 0.1, 2.0, 1.0, 0.2, 0.01, 0.0]
        )
        wander = jax.random.normal(wander_key, (len(shaking.current_ka), 3))

        def row(x: Array, now: tuple[Array, ...]) -> tuple[Array, tuple[dict[str, Array], Array]]:
            current_ka, share, beam_mm, pushes = now
            moved = x.at[ACD].add((beam_mm - x[BEAM]) / 10.0).at[BEAM].set(beam_mm)
            # A regulator keeps alumina clear of the anode effect, as a plant's does; this one
            # knows it exactly.
            lean = truth.anode_effect_alumina_wt_pct + 1.0 - x[ALUMINA]
            feed = demand_kg_per_h * (share + 0.6 * jnp.clip(lean, -1.0, 1.0))
            after = jax.lax.fori_loop(
                0,
                _STEPS_A_ROW,
                lambda _, y: advance(truth, y, feed, current_ka, STEP_S),
                moved,
            )
            after = after.at[jnp.asarray([ACD, ALF3, FEEDER])].add(
                pushes * jnp.asarray([0.004, 0.01, 0.004]) * jnp.sqrt(ROW_S / 3600.0)
            )
            return after, (_show(evaluate(truth, after, current_ka), after), feed)

        _, shown = jax.lax.scan(row, start, (*shaking, wander))
        return shown

    return jax.vmap(one)(log_ratios, keys)


def _show(outputs: CellOutputs, x: Array) -> dict[str, Array]:
    return {
        "cell_voltage_v": outputs.cell_voltage_v,
        "bath_temperature_c": x[TEMPERATURE],
        "alumina_wt_pct": x[ALUMINA],
        "excess_alf3_wt_pct": x[ALF3],
        "liquidus_c": outputs.liquidus_c,
        "ledge_cm": x[LEDGE],
        "acd_cm": x[ACD],
        "anode_drop_mv": 1e3 * outputs.voltage.anode_ohmic_v,
        "cathode_drop_mv": 1e3 * outputs.voltage.cathode_ohmic_v,
        "external_drop_mv": 1e3 * outputs.voltage.external_ohmic_v,
    }


_READINGS = {  # sd and hours between two
    **{name: (sd, 0.0) for name, sd in NOISE_SD.items()},
    "alumina_wt_pct": (0.15, 4.0),
    "excess_alf3_wt_pct": (0.3, 8.0),
    "liquidus_c": (2.0, 8.0),
    "ledge_cm": (0.5, 8.0),
    "acd_cm": (0.1, 8.0),
    "anode_drop_mv": (5.0, 8.0),
    "cathode_drop_mv": (5.0, 8.0),
    "external_drop_mv": (5.0, 8.0),
}


def _read(
    shown: dict[str, F64], feed_kg_per_h: F64, shaking: Shaking, random: np.random.Generator
) -> dict[str, F64]:
    rows = len(feed_kg_per_h)
    minute = np.arange(1, rows + 1)
    columns = {
        "t_plant_s": minute * ROW_S,
        "line_current_ka": np.asarray(shaking.current_ka) + random.normal(0.0, 0.05, rows),
        "alumina_fed_kg": np.cumsum(feed_kg_per_h) / 60.0,
        "beam_position_mm": np.asarray(shaking.beam_mm),
    }
    for name in CHANNEL_NAMES:
        sd, every_h = _READINGS[name]
        reading = shown[name] + random.normal(0.0, sd, rows)
        is_taken = (minute % round(every_h * 60) == 97) if every_h else np.ones(rows, dtype=bool)
        columns[name] = np.where(is_taken, reading, np.nan)
    return columns
