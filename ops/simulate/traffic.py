"""What comes to the guard in a simulation: samples, estimates, proposals good and bad, people."""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from control.limits import SetpointLimits
from control.modes import Mode
from ops.simulate.broker import SimBroker
from ops.simulate.clockwork import Process
from ops.simulate.scada import SimScada
from stream.frame_codec import encode_estimates, encode_samples
from stream.frames import EstimateFrame, Origin, SampleFrame
from stream.records import Command, CommandKind, Proposal, encode
from stream.topics import ACCEPTED, COMMANDS, ESTIMATES, PROPOSALS

FRAME_EVERY_S: Final = 1.0
_SIGNALS: Final = ("cell_voltage_v", "line_current_ka")
_CURRENT_KA: Final = 300.0
_VALID_S: Final = 5.0
_NS: Final = 1e9


@dataclass
class Traffic:
    """The gateway's and the loop's part, each in a process of its own.

    Attributes:
        speed: plant seconds per second.
        period_s: plant time between decisions.
        find_server: the plant that lives now.
        on_frame: told of the section and the true time of the samples of every frame that is sent.
        anode_effects: cell -> true time until which it has one.
        dead_sensors: cells whose voltage keeps its old source time.
        dead_until_s: true time until which the line has no current.
    """

    broker: SimBroker
    random: random.Random
    sections: Mapping[int, tuple[int, ...]]
    setpoints: tuple[SetpointLimits, ...]
    speed: float
    period_s: float
    find_server: Callable[[], SimScada | None]
    on_frame: Callable[[int, float], None]
    anode_effects: dict[int, float] = field(default_factory=dict)
    dead_sensors: dict[int, float] = field(default_factory=dict)
    sequence: int = 0
    session: int = 1
    commands: int = 0
    dead_until_s: float = 0.0
    _stuck_ns: dict[int, int] = field(default_factory=dict)  # source times of dead sensors

    def plant_s(self, process: Process) -> float:
        """Return the plant time now."""
        return 1e6 + self.speed * process.monotonic_s()

    async def run_gateway(self, process: Process) -> None:
        """Send what the plant shows, again and again; nothing while it does not answer."""
        while True:
            server = self.find_server()
            now_s = process.monotonic_s()
            if server is not None and server.process.frozen_until_s <= now_s:
                for section, cells in self.sections.items():
                    sampled_s = process.monotonic_s()  # the broker may have been waited for
                    frame = self._frame(process, server, section, cells)
                    # Before: a gateway that is killed meanwhile may have sent it all the same.
                    self.on_frame(section, sampled_s)
                    await self.broker.send(process, ACCEPTED.name, b"", encode_samples(frame))
            await asyncio.sleep(FRAME_EVERY_S)

    async def run_loop(self, process: Process) -> None:
        """Estimate and decide, again and again."""
        next_decision_s = 0.0
        while True:
            for section, cells in self.sections.items():
                estimates = self._estimates(process, section, cells)
                await self.broker.send(process, ESTIMATES.name, b"", encode_estimates(estimates))
            if self.plant_s(process) >= next_decision_s:
                next_decision_s = self.plant_s(process) + self.period_s
                for section, cells in self.sections.items():
                    for cell in cells:
                        proposal = self._proposal(process, section, cell)
                        await self.broker.send(process, PROPOSALS.name, b"", encode(proposal))
            await asyncio.sleep(FRAME_EVERY_S)

    async def command(
        self, process: Process, section: int, cell: int, mode: Mode, role: str
    ) -> None:
        """Ask for a mode as a person would."""
        await self.order(process, CommandKind.SET_MODE, section, cell, role, mode=mode)

    @property
    def next_id(self) -> str:
        """Name of the command that is given next."""
        return f"command-{self.commands + 1}"

    async def order(
        self,
        process: Process,
        kind: CommandKind,
        section: int,
        cell: int,
        role: str,
        who: str = "somebody",
        **wish: Any,
    ) -> None:
        """Ask for anything as a person would; `next_id` says how it will be called."""
        command_id = self.next_id
        self.commands += 1
        now_ns = process.clock_ns()
        command = Command(
            command_id=command_id,
            kind=kind,
            section=section,
            cell=cell,
            issued_by=who,
            role=role,
            reason="simulated",
            t_issued_ns=now_ns,
            expires_ns=now_ns + int(30 * _NS),
            **wish,
        )
        await self.broker.send(process, COMMANDS.name, b"", encode(command))

    def _frame(
        self, process: Process, server: SimScada, section: int, cells: tuple[int, ...]
    ) -> SampleFrame:
        self.sequence += 1
        now_s = process.monotonic_s()
        now_ns = server.process.clock_ns()
        value = np.full((1, len(cells), 2), _CURRENT_KA)
        if self.dead_until_s > now_s:
            value[:, :, 1] = 0.0
        source_ns = np.full(value.shape, now_ns, dtype=np.int64)
        for at, cell in enumerate(cells):
            is_high = self.anode_effects.get(cell, 0.0) > now_s
            value[0, at, 0] = 30.0 if is_high else 4.2 + 0.01 * self.random.random()
            dead_s = self.dead_sensors.get(cell)
            if dead_s is None:
                self._stuck_ns.pop(cell, None)
            else:  # it stays where it was, however the server's clock is set meanwhile
                died_ns = now_ns - round((now_s - dead_s) * _NS)
                source_ns[0, at, 0] = self._stuck_ns.setdefault(cell, died_ns)
        return SampleFrame(
            section=section,
            session=self.session,
            sequence=self.sequence,
            cells=cells,
            signals=_SIGNALS,
            t_plant_s=np.array([self.plant_s(process)]),
            value=value,
            quality=np.zeros(value.shape, dtype=np.uint8),
            source_time_ns=source_ns,
            t_received_ns=process.clock_ns(),
            origin=Origin("samples", 0, self.sequence),
        )

    def _estimates(self, process: Process, section: int, cells: tuple[int, ...]) -> EstimateFrame:
        self.sequence += 1
        now_ns = process.clock_ns()
        return EstimateFrame(
            section=section,
            session=self.session,
            sequence=self.sequence,
            cells=cells,
            values={"alumina_wt_pct": np.full(len(cells), 2.6)},
            t_plant_s=self.plant_s(process),
            t_source_ns=now_ns,
            t_received_ns=now_ns,
            t_accepted_ns=now_ns,
            t_estimated_ns=now_ns,
            frames_applied=1,
            frames_skipped=0,
            frames_missing=0,
            origin=Origin("samples", 0, self.sequence),
        )

    def _proposal(self, process: Process, section: int, cell: int) -> Proposal:
        self.sequence += 1
        now_ns, server, draw = process.clock_ns(), self.find_server(), self.random
        wanted = {}
        for row in self.setpoints:
            at = row.low if server is None else server.accepted(cell, row.name)
            wanted[row.name] = self._wish(row, at)
        # Now and then a decision that is old, from the future, or about to expire.
        old_s = draw.choice((0.1, 0.1, 0.1, 0.1, 0.1, 4.0, 20.0, -10.0))
        return Proposal(
            proposal_id=f"{section}-{self.session}-{self.sequence}-{cell}",
            section=section if draw.random() > 0.01 else 77,
            cell=cell,
            session=self.session,
            sequence=self.sequence if draw.random() > 0.02 else 0,
            setpoints=wanted if draw.random() > 0.03 else {},
            proposed_by="mpc",
            solver_status="solved",
            fallback=None,
            solve_ms=1.0,
            reason="",
            figures={},
            t_plant_s=self.plant_s(process),
            t_source_ns=now_ns - int(old_s * _NS),
            t_received_ns=now_ns,
            t_estimated_ns=now_ns,
            t_decided_ns=now_ns,
            expires_ns=now_ns + int(draw.choice((_VALID_S, _VALID_S, _VALID_S, 0.02)) * _NS),
        )

    def _wish(self, row: SetpointLimits, at: float) -> float:
        """Return a value that may be sensible, too far, out of bounds, or no number."""
        draw, span = self.random, row.high - row.low
        kind = draw.random()
        if kind < 0.6:
            return at + draw.uniform(-1.0, 1.0) * row.max_step
        if kind < 0.8:
            return draw.uniform(row.low - 0.2 * span, row.high + 0.2 * span)
        if kind < 0.97:
            return draw.choice((row.low, row.high))
        return draw.choice((float("nan"), float("inf"), float("-inf"), 1e30, -1e30, at))
