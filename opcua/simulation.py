"""The simulated line without its server: the cells, and the local control of each.

Local control runs for every cell at every scan. It moves those that are on AUTO, and treats anode
effects in every mode, as a pot controller does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from control.baseline import (
    TUNED,
    BaselineSettings,
    adopt,
    init_baseline,
    scale_baseline,
    step_baseline,
)
from control.limits import SetpointLimits
from opcua.nodes import CellMode
from opcua.watchdog import Modes
from physics.design import PlantDesign
from physics.plant import PlantInputs, init_plant, make_inputs, step_plant
from physics.precision import require_x64
from physics.signals import ALF3_SETPOINT, ANALYSED, CELL_SIGNALS, SETPOINTS

F64 = NDArray[np.float64]
FEED, BEAM = SETPOINTS


@dataclass(frozen=True, slots=True)
class LineScan:
    """What the instruments show at the end of a step.

    Attributes:
        cells: signal name to (C,).
        anode_effect: cells under treatment, (C,) bool.
        working: setpoint name to what is in force from now on, (C,).
        wanted: setpoint name to what local control asks for, without treatment, (C,).
        is_local: cells that local control moved in this step, (C,) bool.
        drawn_plant_s: plant time of the sample that the laboratory reported last, (C,); NaN before
            the first; `analysed`: what it found in it, by name to (C,).
    """

    t_plant_s: float
    cells: dict[str, F64]
    line_current_ka: float
    anode_effect: NDArray[np.bool_]
    wanted: dict[str, F64]
    working: dict[str, F64]
    is_local: NDArray[np.bool_]
    drawn_plant_s: F64
    analysed: dict[str, F64]


class LineSimulation:
    """The cells and their local control. Not for two threads at once."""

    def __init__(
        self,
        design: PlantDesign,
        setpoints: tuple[SetpointLimits, ...],
        cells: int,
        seed: int,
        t_plant_s: float,
        settings: BaselineSettings | None = None,
    ) -> None:
        """Build the line at plant time `t_plant_s`.

        Args:
            design: of the plant file.
            setpoints: limits of the plant file; local control keeps them too.
            cells: number of cells, C.
            seed: of all random numbers.
            t_plant_s: plant time at the start, s.
            settings: tuning of the local control; scaled to the line where left out.
        """
        require_x64()
        self._limits = {row.name: row for row in setpoints}
        self._settings = settings or scale_baseline(TUNED, design)
        self._parameters, self._state = init_plant(design, cells, seed)
        self._t_plant_s = self._began_plant_s = t_plant_s
        now = make_inputs(self._state)
        feed = np.asarray(now.feed_rate_kg_per_h, dtype=np.float64)
        beam = np.asarray(now.beam_target_mm, dtype=np.float64)
        self._local = init_baseline(self._settings, beam, t_plant_s)
        self._was_local = np.ones(cells, dtype=bool)
        self._current_ka = float(design.line.current_ka)
        self._working = {FEED: feed, BEAM: beam}
        if ALF3_SETPOINT in self._limits:
            dose = np.asarray(self._state.alf3_kg_per_day, dtype=np.float64)
            self._working[ALF3_SETPOINT] = self.bounded(ALF3_SETPOINT, dose)
        self.start = dict(self._working)

    def bounded(self, name: str, values: F64) -> F64:
        """Return setpoints within the limits of the plant file."""
        limits = self._limits[name]
        return np.clip(values, limits.low, limits.high)

    def step(self, t_plant_s: float, accepted: dict[str, F64], modes: Modes) -> LineScan:
        """Run the line to `t_plant_s` and take a scan.

        Args:
            t_plant_s: plant time of the scan, later than that of the last.
            accepted: setpoint name to the value that each cell has accepted, (C,).
            modes: `CellMode` of each cell, (C,).
        """
        dt_s = t_plant_s - self._t_plant_s
        is_local = modes == CellMode.AUTO
        entering = is_local & ~self._was_local
        if entering.any():
            self._local = adopt(
                self._local,
                self._settings,
                entering,
                accepted[FEED],
                accepted[BEAM],
                self._current_ka,
                self._t_plant_s,
            )
        self._was_local = is_local
        treated = self._local.in_anode_effect
        working = {
            name: np.where(treated, self._working[name], accepted[name]) for name in SETPOINTS
        }
        # A cell on local control, or a plant without the setpoint, doses by its own routine.
        routine = np.full(len(is_local), np.nan)
        dose = np.where(is_local, np.nan, accepted.get(ALF3_SETPOINT, routine))
        inputs = PlantInputs(working[FEED], working[BEAM], dose)
        self._state, outputs = step_plant(self._parameters, self._state, inputs, dt_s)
        self._t_plant_s = t_plant_s
        cells = {
            name: np.asarray(outputs.measured[name], dtype=np.float64) for name in CELL_SIGNALS
        }
        self._current_ka = float(outputs.measured["line_current_ka"])
        self._local, feed, beam = step_baseline(
            self._local,
            self._settings,
            t_plant_s,
            cells["cell_voltage_v"],
            self._current_ka,
            dt_s,
            cells["voltage_noise_mv"],
        )
        treated = self._local.in_anode_effect
        wanted = {
            FEED: self.bounded(FEED, np.where(treated, accepted[FEED], feed)),
            BEAM: self.bounded(BEAM, self._local.beam_mm),
        }
        dropped_mm = np.where(is_local, beam, accepted[BEAM] - self._settings.anode_effect_drop_mm)
        self._working = {
            FEED: np.where(treated, feed, np.where(is_local, wanted[FEED], accepted[FEED])),
            BEAM: np.where(treated, dropped_mm, np.where(is_local, wanted[BEAM], accepted[BEAM])),
        }
        if ALF3_SETPOINT in self._limits:
            dosed = np.asarray(self._state.alf3_kg_per_day, dtype=np.float64)
            wanted[ALF3_SETPOINT] = self._working[ALF3_SETPOINT] = self.bounded(
                ALF3_SETPOINT, dosed
            )
        return LineScan(
            t_plant_s,
            cells,
            self._current_ka,
            treated,
            wanted,
            dict(self._working),
            is_local,
            self._began_plant_s + np.asarray(outputs.laboratory.t_sampled_s, dtype=np.float64),
            {
                name: np.asarray(getattr(outputs.laboratory, name), dtype=np.float64)
                for name in ANALYSED
            },
        )
