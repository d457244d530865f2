"""The simulated line in blocks of scans, and what its instruments add in a stress test."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from ops.evaluate.options import Stress
from physics.calibration.figures import FIGURES
from physics.design import PlantDesign
from physics.hindsight import SAMPLED
from physics.plant import (
    Disturbances,
    PlantInputs,
    PlantParameters,
    PlantState,
    init_plant,
    step_plant,
)
from physics.plant.laboratory import show_reports
from physics.signals import SIGNALS

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]
SCAN_S: Final = 15.0  # design value: eight readings to a two-minute average of local control
SCANS: Final = 4  # to a block, which is how often local control acts: once a minute
BLOCK_S: Final = SCAN_S * SCANS
VOLTAGE, BATH, FED, BEAM, NOISE, CURRENT = range(len(SIGNALS))
_STREAM: Final = 0x4556414C  # "EVAL": keeps these random numbers apart from the plant's
_SHIFT_STREAM: Final = 1


class Orders(NamedTuple):
    """What the cells are asked for, each (C,); NaN AlF3 leaves it to the plant's routine."""

    feed_kg_per_h: F64
    beam_mm: F64
    alf3_kg_per_day: F64


class Reports(NamedTuple):
    """The newest report of a laboratory on each cell.

    Attributes:
        t_sampled_s: (C,) when the sample was drawn; NaN before the first report.
        value: (C, 3) in the order of `physics.hindsight.SAMPLED`.
    """

    t_sampled_s: F64
    value: F64


class Scans(NamedTuple):
    """A block of scans as controllers see it, and what the laboratory has reported until its end.

    Attributes:
        t_plant_s: (S,).
        value: (S, C, K) in the order of `physics.signals.SIGNALS`; NaN where a sample is missing.
        reports: newest of each cell.
    """

    t_plant_s: F64
    value: F64
    reports: Reports


class Truth(NamedTuple):
    """What a block was really like; the first four (S, C), the others (C,) at its end."""

    cell_voltage_v: F64
    line_current_ka: F64
    anode_effect: Flags
    feed_share: F64
    alumina_wt_pct: F64
    superheat_c: F64
    ledge_cm: F64
    acd_cm: F64
    bath_temperature_c: F64
    excess_alf3_wt_pct: F64
    current_efficiency: F64


_BY_SCAN: Final = 4


@dataclass(frozen=True, slots=True)
class Block:
    """What came of a minute: what was seen, what was true."""

    scans: Scans
    truth: Truth


class SimulatedLine:
    """One line of one seed. Faults, operations and noise are the same whoever controls it."""

    def __init__(
        self,
        design: PlantDesign,
        cells: int,
        seed: int,
        stress: Stress,
        start_voltage_v: float,
    ) -> None:
        """Build the line, each cell in its own steady state at a voltage.

        Args:
            design: of the plant file; the line is built after it, shifted as `stress` says.
            cells: C.
            seed: of everything random.
            stress: shift, noise and missing samples.
            start_voltage_v: at which the cells have stood until now.
        """
        built = shift_design(design, stress.shift_pct / 100.0, seed)
        self.parameters, self.state = init_plant(
            built, cells, seed, make_disturbances(stress), start_voltage_v
        )
        self._stress = stress
        self._numbers = np.random.default_rng([_STREAM, seed])
        self._floor_mv = design.cell.gap.noise_floor_mv

    @property
    def t_plant_s(self) -> float:
        """Plant time since the start."""
        return float(self.state.t_s)

    @property
    def made_kg(self) -> F64:
        """Running total of metal made, (C,)."""
        return np.asarray(self.state.metal.made_kg)

    @property
    def alf3_added_kg(self) -> F64:
        """Running total, (C,)."""
        return np.asarray(self.state.alf3_added_kg)

    def run(self, orders: Orders) -> Block:
        """Run one block with these orders in force."""
        inputs = PlantInputs(*(jnp.asarray(order) for order in orders))
        self.state, times, values, by_scan, at_end = _run_block(
            self.parameters, self.state, inputs, jnp.asarray(SCAN_S), SCANS
        )
        value = self._disturb(np.array(values))
        truth = Truth(*(np.asarray(part) for part in (*by_scan, *at_end)))
        return Block(Scans(np.asarray(times), value, self._reports()), truth)

    def _reports(self) -> Reports:
        shown = show_reports(self.state.laboratory)
        columns = [np.asarray(getattr(shown, name)) for name in SAMPLED]
        return Reports(np.asarray(shown.t_sampled_s), np.column_stack(columns))

    def _disturb(self, value: F64) -> F64:
        """Add noise to the voltage and leave samples out; what the line shares is left out for all
        cells at once."""
        scans, cells, signals = value.shape
        normal = self._numbers.standard_normal((scans, cells))
        lost = self._numbers.random((scans, cells, signals)) < self._stress.missing_pct / 100.0
        more = self._stress.noise_factor**2 - 1.0
        if more > 0.0:
            extra_mv = self._floor_mv * np.sqrt(more)
            value[..., VOLTAGE] += extra_mv / 1e3 * normal
            value[..., NOISE] = np.hypot(value[..., NOISE], extra_mv)
        lost[..., CURRENT] = lost[:, :1, CURRENT]
        return np.where(lost, np.nan, value)


def make_disturbances(stress: Stress) -> Disturbances:
    """Return the usual faults and operations, with instruments that are so much noisier."""
    usual, factor = Disturbances(), stress.noise_factor
    return replace(
        usual,
        current_noise_ka=usual.current_noise_ka * factor,
        temperature_noise_c=usual.temperature_noise_c * factor,
        temperature_drift_c=usual.temperature_drift_c * factor,
        noise_reading_share=usual.noise_reading_share * factor,
        sample_temperature_sd_c=usual.sample_temperature_sd_c * factor,
        sample_alf3_sd_wt_pct=usual.sample_alf3_sd_wt_pct * factor,
        sample_alumina_sd_wt_pct=usual.sample_alumina_sd_wt_pct * factor,
    )


def shift_design(design: PlantDesign, share: float, seed: int) -> PlantDesign:
    """Return a design whose uncertain figures are each higher or lower by a share.

    The figures are those that a calibration would fit; current efficiency, which a history tells to
    a per cent, is shifted in what it lacks to 1. Each goes up or down at random, the same
    way for a seed, so that over the seeds both ways come for all of them.

    Args:
        design: of the plant file.
        share: 0.1 for 10 %.
        seed: of the line.
    """
    if share == 0.0:
        return design
    signs = np.random.default_rng([_STREAM, seed, _SHIFT_STREAM]).choice([-1.0, 1.0], len(FIGURES))
    cell = design.cell
    for figure, sign in zip(FIGURES, signs, strict=True):
        table_name, _, name = figure.key.partition(".")
        table = getattr(cell, table_name)
        value = float(getattr(table, name))
        factor = 1.0 + share * float(sign)
        shifted = 1.0 - (1.0 - value) * factor if table_name == "efficiency" else value * factor
        cell = replace(cell, **{table_name: replace(table, **{name: shifted})})
    return replace(design, cell=cell)


@partial(jax.jit, static_argnums=4)
def _run_block(
    parameters: PlantParameters, state: PlantState, inputs: PlantInputs, scan_s: Array, scans: int
) -> tuple[PlantState, Array, Array, tuple[Array, ...], tuple[Array, ...]]:
    def scan(
        before: PlantState, _: None
    ) -> tuple[PlantState, tuple[Array, Array, tuple[Array, ...], tuple[Array, ...]]]:
        after, shown = step_plant(parameters, before, inputs, scan_s)
        cells = shown.truth.alumina_wt_pct.shape
        value = jnp.stack([jnp.broadcast_to(shown.measured[n], cells) for n in SIGNALS], axis=1)
        truth = tuple(getattr(shown.truth, name) for name in Truth._fields)
        return after, (after.t_s, value, truth[:_BY_SCAN], truth[_BY_SCAN:])

    state, (times, values, by_scan, at_end) = jax.lax.scan(scan, state, None, length=scans)
    last = tuple(part[-1] for part in at_end)
    return state, times, values, by_scan, last
