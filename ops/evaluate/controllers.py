"""Who moves the cells: the local control of the two baselines, and what every controller is.

Whoever moves a cell, its anode effects are treated by local control, as a pot controller does.
"""

from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from control.baseline import (
    LEGACY,
    TUNED,
    BaselineSettings,
    init_baseline,
    scale_baseline,
    step_baseline,
)
from control.limits import SetpointLimits
from ops.evaluate.line import CURRENT, NOISE, SCAN_S, VOLTAGE, Orders, Scans
from ops.evaluate.options import ControllerName
from ops.plantfile import PlantFile
from physics.design import PlantDesign
from physics.signals import SETPOINTS

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]
FEED_SETPOINT, BEAM_SETPOINT = SETPOINTS
SETTINGS: Final = {ControllerName.TUNED: TUNED, ControllerName.LEGACY: LEGACY}


class LineController(Protocol):
    """Moves the cells of a line, block by block."""

    def step(self, scans: Scans) -> Orders:
        """Take in a block of scans and say what is to be in force until the next.

        Args:
            scans: what the instruments have shown.
        """

    @property
    def setpoints(self) -> Mapping[str, F64]:
        """What the controller itself would have in force, (C,), without treatment of anode
        effects: what the hard bounds hold for."""

    @property
    def estimated(self) -> Mapping[str, F64]:
        """What it believes of what no instrument shows, by the names of the truth, (C,)."""

    @property
    def counts(self) -> Mapping[str, int]:
        """What else became of its decisions, by a word for each."""


class LocalControl:
    """The local control of a line: feeds, regulates and treats anode effects.

    Args:
        settings: tuning, for this line.
        limits: by setpoint name.
        start: in force at plant time 0.
        current_ka: nominal; the newest measured one takes its place.
    """

    def __init__(
        self,
        settings: BaselineSettings,
        limits: Mapping[str, SetpointLimits],
        start: Orders,
        current_ka: float,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._state = init_baseline(settings, start.beam_mm, 0.0)
        self._current_ka = current_ka
        self._feed = start.feed_kg_per_h

    @property
    def in_treatment(self) -> Flags:
        """Cells whose anode effect is being treated, (C,)."""
        return self._state.in_anode_effect

    def watch(self, scans: Scans) -> None:
        """Take in a block of scans."""
        for t_s, value in zip(scans.t_plant_s, scans.value, strict=True):
            current_ka = float(value[0, CURRENT])
            if np.isfinite(current_ka):
                self._current_ka = current_ka  # a sample that is missing changes nothing
            self._state, self._feed, _ = step_baseline(
                self._state,
                self._settings,
                float(t_s),
                value[:, VOLTAGE],
                self._current_ka,
                SCAN_S,
                value[:, NOISE],
            )

    def wanted(self) -> dict[str, F64]:
        """What local control would have in force without treatment, within the limits, (C,)."""
        wanted = {FEED_SETPOINT: self._feed, BEAM_SETPOINT: self._state.beam_mm}
        return {
            name: np.clip(value, self._limits[name].low, self._limits[name].high)
            for name, value in wanted.items()
        }

    def treat(self, feed_kg_per_h: F64, beam_mm: F64) -> tuple[F64, F64]:
        """Return feed and beam with the treatment of anode effects in the place of what is asked.

        Args:
            feed_kg_per_h: asked, (C,).
            beam_mm: asked, (C,).
        """
        treated = self.in_treatment
        dropped_mm = beam_mm - self._settings.anode_effect_drop_mm
        return (
            np.where(treated, self._feed, feed_kg_per_h),
            np.where(treated, dropped_mm, beam_mm),
        )


class Baseline:
    """Local control in charge of all cells.

    Args:
        name: which of the two.
        plant: of the line.
        start: in force at plant time 0.
        alf3_base_kg_per_day: AlF3 that replaces what is lost in the mean.
    """

    def __init__(
        self, name: ControllerName, plant: PlantFile, start: Orders, alf3_base_kg_per_day: float
    ) -> None:
        limits = {row.name: row for row in plant.setpoints}
        settings = scale_baseline(SETTINGS[name], plant.design)
        self._local = LocalControl(settings, limits, start, plant.line.current_ka)
        # The plant's own routine corrects by every report; the cautious line feeds the base rate.
        is_corrected = name is ControllerName.TUNED
        alf3 = np.nan if is_corrected else alf3_base_kg_per_day
        self._alf3 = np.full(len(start.beam_mm), alf3)

    def step(self, scans: Scans) -> Orders:
        """As `LineController` says."""
        self._local.watch(scans)
        wanted = self.setpoints
        feed, beam = self._local.treat(wanted[FEED_SETPOINT], wanted[BEAM_SETPOINT])
        return Orders(feed, beam, self._alf3)

    @property
    def setpoints(self) -> dict[str, F64]:
        """As `LineController` says; in treatment the feed of before is no setpoint."""
        return self._local.wanted()

    @property
    def estimated(self) -> dict[str, F64]:
        """Nothing: local control goes by resistance alone."""
        return {}

    @property
    def counts(self) -> dict[str, int]:
        """Nothing: local control always has an answer."""
        return {}


def start_voltage_v(name: ControllerName, design: PlantDesign) -> float:
    """Return the voltage at which the cells of a controller have stood until the start, so that
    each begins near its own operating point: for local control, that of its setpoint."""
    settings = scale_baseline(SETTINGS.get(name, TUNED), design)
    return (
        settings.counter_voltage_v
        + settings.resistance_setpoint_uohm * design.line.current_ka / 1e3
    )
