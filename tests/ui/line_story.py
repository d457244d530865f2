"""A line that tells a story: the frames and records of a running potline, made without one.

Each call makes what one second of wall time would bring at 60 times the speed of the plant: a frame
of four scans, an estimate, and every second call proposals with their moves. Some cells are made
unlike the others on purpose.
"""

from dataclasses import dataclass

import numpy as np

from control.events import EVENTS, Priority
from control.modes import Mode
from physics.signals import SIGNALS
from stream.frames import EstimateFrame, Origin, Quality, RejectFrame, SampleFrame
from stream.records import Event, Move, MoveState, Proposal

SCANS = 4
FEED = "alumina_feed_rate_kg_per_h"
BEAM = "beam_position_mm"
T_PLANT_0_S = 1_780_000_000.0
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class LineStory:
    """Makes the messages of one section.

    Attributes:
        lean, hot, dead: cells with little alumina, much superheat, no samples of their own.
    """

    section: int
    cells: tuple[int, ...]
    session: int = 1
    lean: frozenset[int] = frozenset()
    hot: frozenset[int] = frozenset()
    dead: frozenset[int] = frozenset()
    seed: int = 7

    def _mask(self, some: frozenset[int]) -> np.ndarray:
        return np.isin(self.cells, list(some))

    def _truth(self, step: int) -> dict[str, np.ndarray]:
        cell = np.asarray(self.cells, dtype=float)
        phase = 2 * np.pi * (step / 110.0 + cell * 0.618)
        alumina = 2.75 + 0.38 * np.sin(phase) + 0.1 * np.sin(cell * 7.0)
        alumina = np.where(self._mask(self.lean), 1.78 + 0.05 * np.sin(phase), alumina)
        superheat = 7.2 + 0.9 * np.sin(phase * 0.31 + 1.0) + 0.5 * np.cos(cell * 3.0)
        superheat = np.where(self._mask(self.hot), 15.6, superheat)
        acd = 4.08 + 0.05 * np.sin(phase * 0.5) + 0.06 * np.cos(cell * 5.0)
        voltage = 4.19 + 0.16 / np.maximum(alumina - 1.55, 0.15) * 0.35 + 0.36 * (acd - 4.1)
        feed = 180.0 * np.where(np.sin(phase + 1.4) > 0, 1.25, 0.78)
        return {
            "alumina": alumina,
            "superheat": superheat,
            "acd": acd,
            "voltage": voltage,
            "temperature": 948.5 + superheat,
            "feed": feed,
            "beam": 200.0 + 6.0 * np.sin(phase * 0.2) + 2.0 * np.cos(cell),
        }

    def plant_time_s(self, step: int) -> float:
        """Plant time of the newest scan of a step."""
        return T_PLANT_0_S + 60.0 * step

    def accepted(self, step: int, now_ns: int, offset: int | None = None) -> SampleFrame:
        """Return the accepted frame of a step."""
        noise = np.random.default_rng([self.seed, self.section, step])
        count = len(self.cells)
        truth = self._truth(step)
        columns = {
            "cell_voltage_v": (truth["voltage"], 0.012),
            "bath_temperature_c": (truth["temperature"], 1.5),
            "alumina_fed_kg": (step * 3.0 + np.zeros(count), 0.0),
            "beam_position_mm": (truth["beam"], 0.05),
            "voltage_noise_mv": (18.0 + 5.0 * np.sin(np.asarray(self.cells)), 2.0),
            "line_current_ka": (np.full(count, 300.2), 0.0),
        }
        value = np.empty((SCANS, count, len(SIGNALS)))
        for k, name in enumerate(SIGNALS):
            mean, sd = columns[name]
            value[:, :, k] = mean + sd * noise.standard_normal((SCANS, count))
        quality = np.zeros(value.shape, dtype=np.uint8)
        own = np.array([name != "line_current_ka" for name in SIGNALS])  # that one all cells share
        quality[:, self._mask(self.dead)[:, None] & own] = Quality.REJECTED
        value[quality == Quality.REJECTED] = np.nan
        source = now_ns - (np.linspace(0.9, 0.15, SCANS) * SECOND_NS).astype(np.int64)
        return SampleFrame(
            section=self.section,
            session=self.session,
            sequence=step,
            cells=self.cells,
            signals=SIGNALS,
            t_plant_s=self.plant_time_s(step) + np.arange(SCANS) * 15.0 - 45.0,
            value=value,
            quality=quality,
            source_time_ns=np.broadcast_to(source[:, None, None], value.shape).copy(),
            t_received_ns=now_ns - SECOND_NS // 10,
            t_accepted_ns=now_ns - SECOND_NS // 20,
            origin=Origin("samples", 0, step if offset is None else offset),
        )

    def estimate(self, step: int, now_ns: int) -> EstimateFrame:
        """Return the estimate of a step."""
        truth = self._truth(step)
        count = len(self.cells)
        values = {
            "alumina_wt_pct": truth["alumina"],
            "alumina_wt_pct_sd": 0.09 + 0.03 * np.cos(np.asarray(self.cells)),
            "superheat_c": truth["superheat"],
            "superheat_c_sd": np.full(count, 0.6),
            "acd_cm": truth["acd"],
            "acd_cm_sd": np.full(count, 0.06),
            "bath_temperature_c": truth["temperature"],
            "bath_temperature_c_sd": np.full(count, 0.5),
            "cell_voltage_v": truth["voltage"],
            "alumina_feed_rate_kg_per_h": truth["feed"] * 0.985,
            "current_efficiency": np.full(count, 0.943),
            "energy_kwh_per_kg": 2.97998 * truth["voltage"] / 0.943,
        }
        return EstimateFrame(
            section=self.section,
            session=self.session,
            sequence=step,
            cells=self.cells,
            values=values,
            t_plant_s=self.plant_time_s(step),
            t_source_ns=now_ns - int(0.15 * SECOND_NS),
            t_received_ns=now_ns - SECOND_NS // 10,
            t_accepted_ns=now_ns - SECOND_NS // 20,
            t_estimated_ns=now_ns,
            frames_applied=step + 1,
            frames_skipped=0,
            frames_missing=0,
            origin=Origin("samples", 0, step),
        )

    def proposal(self, step: int, cell: int, now_ns: int) -> Proposal:
        """Return what the controller would do with a cell."""
        at = self.cells.index(cell)
        truth = self._truth(step)
        return Proposal(
            proposal_id=f"{self.section}/{self.session}/{step}/{cell}",
            section=self.section,
            cell=cell,
            session=self.session,
            sequence=step,
            setpoints={FEED: float(truth["feed"][at]), BEAM: float(truth["beam"][at])},
            proposed_by="mpc",
            solver_status="solved",
            fallback=None,
            solve_ms=1.4,
            reason=(
                f"feed {truth['feed'][at]:.0f} kg/h brings alumina to 2.6 wt% within the hour; "
                "the beam goes down 0.2 mm, superheat 7.1 °C allows it"
            ),
            figures={},
            t_plant_s=self.plant_time_s(step),
            t_source_ns=now_ns - SECOND_NS // 5,
            t_received_ns=now_ns - SECOND_NS // 6,
            t_estimated_ns=now_ns - SECOND_NS // 10,
            t_decided_ns=now_ns,
            expires_ns=now_ns + 5 * SECOND_NS,
        )

    def moves(self, proposal: Proposal, mode: Mode, now_ns: int) -> list[Move]:
        """Return the moves of a proposal: intent and result in AUTO, held otherwise."""
        states = [MoveState.INTENT, MoveState.VERIFIED] if mode is Mode.AUTO else [MoveState.HELD]
        return [
            self._move(proposal, setpoint, state, mode, now_ns)
            for setpoint in proposal.setpoints
            for state in states
        ]

    def _move(
        self, proposal: Proposal, setpoint: str, state: MoveState, mode: Mode, now_ns: int
    ) -> Move:
        asked = proposal.setpoints[setpoint]
        applied = None if state is MoveState.HELD else round(asked, 1)
        is_done = state is MoveState.VERIFIED
        return Move(
            move_id=f"{proposal.proposal_id}/{setpoint}",
            proposal_id=proposal.proposal_id,
            section=self.section,
            cell=proposal.cell,
            setpoint=setpoint,
            state=state,
            mode=mode,
            asked=asked,
            applied=applied,
            previous=round(asked - 0.2, 1),
            readback=applied if is_done else None,
            reasons=[f"the cell is in {mode}"] if state is MoveState.HELD else [],
            attempts=1 if is_done else 0,
            t_plant_s=proposal.t_plant_s,
            t_source_ns=proposal.t_source_ns,
            t_received_ns=proposal.t_received_ns,
            t_estimated_ns=proposal.t_estimated_ns,
            t_decided_ns=proposal.t_decided_ns,
            t_permitted_ns=now_ns,
            t_written_ns=now_ns + SECOND_NS // 50 if is_done else None,
            t_verified_ns=now_ns + SECOND_NS // 8 if is_done else None,
        )


def make_event(
    name: str,
    now_ns: int,
    *,
    number: int = 0,
    active: bool = False,
    section: int | None = 0,
    cell: int | None = None,
    **details: str | float | int | None,
) -> Event:
    """Return an event of the table with its sentence filled in."""
    kind = EVENTS[name]
    known = {"section": section, "cell": cell} | details
    return Event(
        event_id=f"story-{now_ns}-{number}",
        name=name,
        priority=Priority(kind.priority),
        active=active,
        section=section,
        cell=cell,
        sentence=kind.sentence.format(**known),
        advice=kind.advice,
        origin="guard",
        details=details,
        t_event_ns=now_ns,
    )


def make_mode_event(
    cell: int, mode: Mode, now_ns: int, *, previous: Mode = Mode.AUTO, number: int = 0
) -> Event:
    """Return the event of a change of mode."""
    return make_event(
        "mode_changed",
        now_ns,
        number=number,
        cell=cell,
        previous=previous.value,
        mode=mode.value,
        who="operator",
        reason="anode change",
    )


def make_rejects(offset: int, now_ns: int, cells: tuple[int, ...] = (5,)) -> RejectFrame:
    """Return samples turned away because they are not finite, and one unreadable message."""
    count = len(cells)
    return RejectFrame(
        section=0,
        origin=Origin("samples", 0, offset),
        t_rejected_ns=now_ns,
        points=count,
        reason=("not finite",) * count + ("malformed",),
        detail=("",) * count + ("not an Arrow stream: Expected IPC message",),
        cell=np.array([*cells, -1], dtype=np.int32),
        signal=("bath_temperature_c",) * count + ("",),
        value=np.full(count + 1, np.nan),
        source_time_ns=np.full(count + 1, now_ns - SECOND_NS),
        original=(None,) * count + (b'{"cell": 17, "volt<script>alert(1)</script>": 4.2}\x00\xff',),
    )
