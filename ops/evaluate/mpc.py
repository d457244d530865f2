"""The optimiser in charge, as the processes run it: estimate, decide, guard; no broker between.

The steps are those of `stream`, called one after the other: what they remember, decide and refuse
is what they would in a running line. Wall time goes with plant time, sixty times slower.
"""

from collections import Counter
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from control.baseline import TUNED, scale_baseline
from control.day_desk import DayDesk, usual_alf3_kg_per_day
from control.day_plan import DayPlanner
from control.interlock import InterlockLimits
from control.modes import Mode, ModePolicy, Stage, init_mode
from control.mpc import CellController
from ops.evaluate.controllers import BEAM_SETPOINT, FEED_SETPOINT, LocalControl
from ops.evaluate.line import Orders, Reports, Scans
from ops.plantfile import PlantFile
from physics.design import sections
from physics.estimate_state import from_bytes, to_bytes
from physics.estimator import Estimator
from physics.lab_sample import SampleStatus
from physics.signals import SETPOINTS, SIGNALS
from stream.decide import DecideSettings, DecideState, Linearise, decide_section, is_due
from stream.estimate import EstimateState, step_estimate
from stream.frames import EstimateFrame, Origin, Quality, SampleFrame
from stream.guarding import GuardState, PlantView
from stream.judging import judge_proposal, note_written
from stream.models import make_lineariser
from stream.records import MoveState
from stream.sampling import LABORATORY_SD
from stream.section_picture import SectionPicture, see_estimates, see_samples

F64 = NDArray[np.float64]
_SPEED: Final = 60.0  # plant seconds to a second of wall time
_EPOCH_NS: Final = 1_700_000_000_000_000_000
_SESSION: Final = 1
ESTIMATED: Final = ("alumina_wt_pct", "acd_cm", "superheat_c", "ledge_cm", "bath_temperature_c")
_FRAME_BLOCKS: Final = 2  # minutes to a frame, as at sixty times with a frame every two seconds
_DEADLINE_S: Final = 10.0  # of the loop's settings; never reached, and no result depends on it


def wall_ns(t_plant_s: float) -> int:
    """Return the wall time at which that plant time is."""
    return _EPOCH_NS + int(t_plant_s / _SPEED * 1e9)


class MpcController:
    """Estimator, optimiser and guard of every section of a line, and local control beside them.

    Args:
        plant: that all of them know.
        start: in force at plant time 0.
    """

    def __init__(self, plant: PlantFile, start: Orders) -> None:
        limits = {row.name: row for row in plant.setpoints}
        tuning = scale_baseline(TUNED, plant.design)
        self._local = LocalControl(tuning, limits, start, plant.line.current_ka)
        self._accepted = {
            FEED_SETPOINT: np.array(start.feed_kg_per_h),
            BEAM_SETPOINT: np.array(start.beam_mm),
        }
        self._alf3 = np.full(len(start.beam_mm), usual_alf3_kg_per_day(plant.design))
        numbers = sections(plant.line, len(start.beam_mm))
        brain = _Brain(plant, len(numbers))
        self._sections = [_Section(brain, number, cells) for number, cells in enumerate(numbers)]
        self._waiting: list[Scans] = []

    def step(self, scans: Scans) -> Orders:
        """As `LineController` says."""
        self._local.watch(scans)
        self._waiting.append(scans)
        if len(self._waiting) == _FRAME_BLOCKS:
            whole = Scans(
                np.concatenate([part.t_plant_s for part in self._waiting]),
                np.concatenate([part.value for part in self._waiting]),
                scans.reports,
            )
            self._waiting = []
            for section in self._sections:
                section.step(whole, self._accepted, self._alf3)
        feed, beam = self._local.treat(self._accepted[FEED_SETPOINT], self._accepted[BEAM_SETPOINT])
        return Orders(feed, beam, self._alf3)

    @property
    def setpoints(self) -> dict[str, F64]:
        """As `LineController` says."""
        return {name: values.copy() for name, values in self._accepted.items()}

    @property
    def counts(self) -> Counter[str]:
        """Decisions by who proposed them and how the solver ended; moves by what became of them."""
        return sum((section.counts for section in self._sections), Counter())

    @property
    def estimated(self) -> dict[str, F64]:
        """As `LineController` says; nothing before the first frame."""
        frames = [part.estimate for part in self._sections]
        if any(frame is None for frame in frames):
            return {}
        return {
            name: np.concatenate([frame.values[name] for frame in frames if frame is not None])
            for name in ESTIMATED
        }


class _Brain:
    """What all sections share: the compiled filter and optimiser, and the limits."""

    def __init__(self, plant: PlantFile, section_count: int) -> None:
        self.estimator = Estimator(plant.design, {row.name: row.noise_sd for row in plant.signals})
        setpoints = {row.name: row for row in plant.setpoints}
        self.controller = CellController(plant.control, setpoints)
        self.linearise: Linearise = make_lineariser(plant.design, plant.control)
        self.limits = InterlockLimits(setpoints, plant.guard)
        self.planner = DayPlanner(plant.control)
        self.design = plant.design
        self.resolution = {row.name: row.resolution for row in plant.setpoints}
        self.settings = DecideSettings(
            control_period_s=plant.control.control_period_s,
            deadline_s=_DEADLINE_S,
            max_estimate_age_s=plant.guard.max_input_age_s,
            validity_s=plant.guard.proposal_validity_s,
            sections=section_count,
        )


class _Section:
    """One section in AUTO since plant time 0."""

    def __init__(self, brain: _Brain, number: int, cells: tuple[int, ...]) -> None:
        self._brain = brain
        self._number = number
        self._cells = cells
        self._columns = np.array(cells) - 1
        self._sequence = 0
        self._estimate = EstimateState(filter=to_bytes(brain.estimator.init(len(cells))))
        self._decide = DecideState()
        begun = msgspec.structs.replace(
            init_mode(ModePolicy(initial_mode=Mode.AUTO), 0.0), stage=Stage.ON
        )
        self._guard = GuardState(modes={str(cell): begun for cell in cells})
        self._picture = SectionPicture()
        self._days = DayDesk(brain.planner, brain.design)
        self._reported_s = np.full(len(cells), -np.inf)
        self.estimate: EstimateFrame | None = None
        self.counts: Counter[str] = Counter()

    def step(self, scans: Scans, accepted: dict[str, F64], alf3_kg_per_day: F64) -> None:
        """Take in a frame; where a decision is due, put what is permitted into `accepted`, and new
        AlF3 additions into `alf3_kg_per_day`."""
        brain = self._brain
        frame = self._frame(scans)
        now_ns = wall_ns(float(scans.t_plant_s[-1]))
        self._picture = see_samples(self._picture, frame)
        self._take_reports(scans.reports)
        self._estimate, estimate = step_estimate(brain.estimator, self._estimate, frame)
        assert estimate is not None, "every frame is new"
        self.estimate = estimate
        self._picture = see_estimates(self._picture, estimate)
        if not is_due(brain.settings, self._decide, estimate, now_ns):
            return
        plans = self._days.plan_due(self._cells, estimate.t_plant_s, estimate.values)
        for cell, plan in plans.items():
            self.counts[f"day plan: {plan.status.name.lower()}"] += 1
            alf3_kg_per_day[cell - 1] = plan.alf3_kg_per_day
        self._decide, proposals, _ = decide_section(
            brain.controller,
            brain.linearise,
            brain.settings,
            self._decide,
            estimate,
            lambda: now_ns,
            lambda: 0.0,
            np.array([self._days.of(cell).acd_floor_cm for cell in self._cells]),
        )
        for proposal in proposals:
            at = proposal.cell - 1
            self.counts[f"decision {proposal.proposed_by}: {proposal.solver_status}"] += 1
            view = PlantView(
                is_connected=True,
                has_heartbeat=True,
                readbacks={(proposal.cell, name): float(accepted[name][at]) for name in SETPOINTS},
            )
            self._guard, moves = judge_proposal(
                self._guard,
                proposal,
                self._picture,
                view,
                brain.limits,
                now_ns,
                scan=self._sequence,
                cells_moved_elsewhere=0,
            )
            for move in moves:
                self.counts[f"move {move.state.value}"] += 1
                if move.state is MoveState.INTENT and move.applied is not None:
                    self._guard = note_written(
                        self._guard, move, self._guard.mode_of(move.cell).stay
                    )
                    step = brain.resolution[move.setpoint]
                    accepted[move.setpoint][at] = round(move.applied / step) * step

    def _take_reports(self, reports: Reports) -> None:
        """Let the filter take in what the laboratory has reported since the frame before."""
        drawn_s = reports.t_sampled_s[self._columns]
        new = np.flatnonzero(np.isfinite(drawn_s) & (drawn_s > self._reported_s))
        if not len(new):
            return
        state, outcome = self._brain.estimator.take_sample(
            from_bytes(self._estimate.filter),
            new,
            drawn_s[new],
            reports.value[self._columns][new],
            LABORATORY_SD,
        )
        self._reported_s[new] = drawn_s[new]
        self._estimate = msgspec.structs.replace(self._estimate, filter=to_bytes(state))
        for status in np.asarray(outcome.status):
            self.counts[f"sample {SampleStatus(int(status)).name.lower()}"] += 1

    def _frame(self, scans: Scans) -> SampleFrame:
        value = scans.value[:, self._columns]
        came = np.isfinite(value)
        times = np.array([wall_ns(float(t_s)) for t_s in scans.t_plant_s], dtype=np.int64)
        frame = SampleFrame(
            section=self._number,
            session=_SESSION,
            sequence=self._sequence,
            cells=self._cells,
            signals=SIGNALS,
            t_plant_s=scans.t_plant_s,
            value=value,
            quality=np.where(came, Quality.GOOD, Quality.MISSING).astype(np.uint8),
            source_time_ns=np.where(came, times[:, None, None], 0),
            t_received_ns=int(times[-1]),
            t_accepted_ns=int(times[-1]),
            origin=Origin("samples", 0, self._sequence),
        )
        self._sequence += 1
        return frame
