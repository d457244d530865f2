"""A line to decide for: cells that follow the reduced model, and estimates with an error."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from control.mpc import CellController
from ops.plantfile import PlantFile
from physics.design import nominal_feed_kg_per_h
from physics.reduced import model as reduced
from physics.signals import SETPOINTS
from stream.decide import DecideSettings, DecideState, decide_section
from stream.frames import EstimateFrame, Origin
from stream.models import make_lineariser
from stream.records import Proposal

F64 = NDArray[np.float64]
FEED, BEAM = SETPOINTS
SPREAD = np.array([0.35, 3.0, 0.25, 0.0, 1.0, 0.3, 0.05, 0.0])  # of cells, in the order of STATES
SUPERHEAT_C, SUPERHEAT_SPREAD_C = 6.2, 1.5  # which the bath temperature follows
ERROR = np.array([0.08, 1.0, 0.02, 0.3, 0.2, 0.05, 0.02, 0.0])  # of their estimates
NOISE_MV = 12.0


@dataclass
class Line:
    """Cells of a line in closed loop, decided section by section as the loop does.

    Attributes:
        plant: with all its sections.
        period_s: plant time between decisions.
        states: (C, N), in the order of `reduced.STATES`.
        feed, beam: setpoints in force, (C,).
    """

    plant: PlantFile
    period_s: float
    seed: int = 1
    states: F64 = field(init=False)
    feed: F64 = field(init=False)
    beam: F64 = field(init=False)

    def __post_init__(self) -> None:
        design, cells = self.plant.design, self.plant.line.cell_count
        self._rng = np.random.default_rng(self.seed)
        nominal = reduced.make_nominal_state(design)
        self.states = nominal + SPREAD * self._rng.standard_normal((cells, len(nominal)))
        self.beam = self.states[:, reduced.BEAM].copy()
        self.feed = np.full(cells, nominal_feed_kg_per_h(design))
        per_section = self.plant.line.cells_per_section
        self.sections = [
            tuple(range(first + 1, min(first + per_section, cells) + 1))
            for first in range(0, cells, per_section)
        ]
        self.controller = CellController(
            self.plant.control, {row.name: row for row in self.plant.setpoints}
        )
        self.linearise = make_lineariser(design, self.plant.control)
        self._settings = DecideSettings(self.period_s, 1e3, 5.0, 5.0, len(self.sections))
        self._decided = [DecideState() for _ in self.sections]
        self._number = 0
        parameters = reduced.make_reduced_parameters(design)

        def follow(x: jax.Array, u: jax.Array) -> jax.Array:
            return reduced.step_state(parameters, x, u, design.line.current_ka, self.period_s)

        superheat_c = np.asarray(
            jax.vmap(lambda x: reduced.outputs(parameters, x, design.line.current_ka))(
                jnp.asarray(self.states)
            )
        )[:, reduced.OUTPUTS.index("superheat_c")]
        drawn_c = SUPERHEAT_C + SUPERHEAT_SPREAD_C * self._rng.standard_normal(cells)
        self.states[:, reduced.TEMPERATURE] += drawn_c - superheat_c
        self._follow = jax.jit(jax.vmap(follow))
        self._show = jax.jit(
            jax.vmap(lambda x: reduced.outputs(parameters, x, design.line.current_ka))
        )

    def estimate(self, error: float = 1.0) -> list[EstimateFrame]:
        """Return an estimate of every section, wrong by so many standard deviations."""
        believed = self.states + error * ERROR * self._rng.standard_normal(self.states.shape)
        shown = dict(
            zip(reduced.OUTPUTS, np.asarray(self._show(jnp.asarray(believed))).T, strict=True)
        )
        columns = dict(zip(reduced.STATES, believed.T, strict=True)) | shown
        whole = np.ones(len(believed))
        columns |= {
            FEED: self.feed,
            BEAM: self.beam,
            "line_current_ka": whole * self.plant.line.current_ka,
            "added_resistance_uohm": 0.0 * whole,
            "alumina_wt_pct_sd": ERROR[reduced.ALUMINA] * whole,
            "acd_cm_sd": ERROR[reduced.ACD] * whole,
            "voltage_noise_mv": NOISE_MV * whole,
        }
        return [self._frame(number, cells, columns) for number, cells in enumerate(self.sections)]

    def _frame(self, number: int, cells: tuple[int, ...], columns: dict[str, F64]) -> EstimateFrame:
        rows = np.array(cells) - 1
        return EstimateFrame(
            section=number,
            session=1,
            sequence=self._number,
            cells=cells,
            values={name: column[rows] for name, column in columns.items()},
            t_plant_s=self._number * self.period_s,
            t_source_ns=0,
            t_received_ns=0,
            t_accepted_ns=0,
            t_estimated_ns=0,
            frames_applied=self._number + 3,
            frames_skipped=0,
            frames_missing=0,
            origin=Origin("samples", number, self._number),
        )

    def decide(self, estimates: list[EstimateFrame]) -> list[Proposal]:
        """Linearise and solve for every cell, section after section."""
        proposals: list[Proposal] = []
        for number, estimate in enumerate(estimates):
            self._decided[number], made, _ = decide_section(
                self.controller,
                self.linearise,
                self._settings,
                self._decided[number],
                estimate,
                lambda: 0,
                lambda: 0.0,
            )
            proposals += made
        return proposals

    def follow(self, proposals: list[Proposal]) -> None:
        """Carry out what is proposed, and let a period pass."""
        for proposal in proposals:
            self.feed[proposal.cell - 1] = proposal.setpoints.get(
                FEED, self.feed[proposal.cell - 1]
            )
            self.beam[proposal.cell - 1] = proposal.setpoints.get(
                BEAM, self.beam[proposal.cell - 1]
            )
        moved = np.column_stack([self.feed, self.beam])
        self.states = np.asarray(self._follow(jnp.asarray(self.states), jnp.asarray(moved)))
        self._number += 1
