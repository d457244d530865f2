"""All of a simulation put together: processes that live, die and come again, and who watches."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from asyncua import ua

from control.interlock import InterlockLimits
from control.modes import Mode, ModePolicy, Rearm
from opcua.fence import LEASE, Fence
from opcua.link import Link, LinkError
from opcua.mapping import Mapping
from opcua.nodes import CellMode
from opcua.writer import Writer
from ops.plantfile import PlantFile
from ops.simulate.audit import SimAudit, SimDisk, close_intents
from ops.simulate.broker import SimApp, SimBroker, make_sim_worker
from ops.simulate.clockwork import Clockwork, Process
from ops.simulate.invariants import Judge, Sending
from ops.simulate.link import SimLink, Wire
from ops.simulate.plant_trips import PlantTrips
from ops.simulate.scada import Arrival, SimScada
from ops.simulate.traffic import Traffic
from stream.audit.claims import AuditedClaims
from stream.guard import Guard
from stream.mode_keeper import GuardSettings
from stream.records import Command, CommandKind, Event, decode
from stream.topics import COMMANDS, EVENTS, GUARD_APP

SPEED: Final = 60.0
SECTIONS: Final = {0: (1, 2), 1: (3, 4)}
_WATCHDOG_S: Final = 3.0
_CLOSING_TAKES_S: Final = 2.0  # for a guard that goes on, until what it had in hand is on record
_WATCH_EVERY_S: Final = 0.1
_SEEING_TAKES_S: Final = 2.0
_CLOCK_TOLERANCE_S: Final = 2.0  # how far ahead the interlock lets a clock be


@dataclass(frozen=True, slots=True)
class LivingGuard:
    """A guard, and when its life began."""

    guard: Guard
    began_s: float


class World:
    """A line of four cells, its SCADA, broker, gateway, loop, guard and people."""

    def __init__(
        self, plant: PlantFile, seed: int, rearm: Rearm, fence: Fence | None = None
    ) -> None:
        """Start everything.

        Args:
            plant: limits, mapping and periods.
            seed: of all that is random.
            rearm: who ends SHED.
            fence: with which every life of the server begins; None: one that holds.
        """
        self.random = random.Random(seed)
        self.plant = plant
        self.fence = fence or Fence()
        self.clockwork = clock = Clockwork()
        self.setpoints = plant.setpoints
        self.limits = {row.name: row for row in plant.setpoints}
        guard = plant.guard
        self.judge = Judge(
            self.limits,
            # The newest sample's age is judged before the write, which may wait its turn, be sent
            # again within the deadline for the read-back, and be under way.
            longest_age_s=guard.max_input_age_s + guard.readback_deadline_s + _CLOCK_TOLERANCE_S,
            slack_plant_s=SPEED * (guard.max_input_age_s + guard.readback_deadline_s),
            now_s=lambda: clock.now_s,
        )
        self.disk = SimDisk(clock, self.judge, random.Random(seed + 4))
        self.disk_elsewhere = SimDisk(clock, self.judge, random.Random(seed + 5))
        self.broker = SimBroker(
            clock,
            random.Random(seed + 1),
            on_append=self._note_message,
            on_deliver=self._note_delivered,
        )
        self.wire = Wire(clock, random.Random(seed + 2))
        self.policy = ModePolicy(initial_mode=Mode.AUTO, rearm=rearm)
        self.mapping: Mapping = plant.opcua
        self.start = {
            row.name: np.array([0.5 * (row.low + row.high)] * 4) for row in plant.setpoints
        }
        self.cells = [cell for cells in SECTIONS.values() for cell in cells]
        self.sampled_s = dict.fromkeys(SECTIONS, -1e9)
        self.scada: SimScada | None = None
        self.sessions = 0
        self.lives = 0
        self.guards: dict[Process, LivingGuard] = {}
        self.trips = PlantTrips(self)
        self.followed_s: dict[int, float] = {}  # cell -> since when it has been seen to follow
        self.at_next_send: tuple[str, Callable[[], None]] | None = None  # node's ending, and what
        self.traffic = Traffic(
            self.broker,
            random.Random(seed + 3),
            SECTIONS,
            self.setpoints,
            SPEED,
            plant.control.control_period_s,
            lambda: self.scada,
            self._note_frame,
        )
        self.gateway = self.start_gateway()
        self.loop = self.start_loop()
        self.people = clock.process("people")
        self.start_scada()
        self.start_guard()
        clock.after(_WATCH_EVERY_S, self._watch)
        self.people.start(self._rearm())

    # -- processes --------------------------------------------------------------------------

    def start_gateway(self) -> Process:
        """Start the gateway."""
        self.gateway = self.clockwork.process("gateway")
        self.traffic.session += 1
        self.gateway.start(self.traffic.run_gateway(self.gateway))
        return self.gateway

    def start_loop(self) -> Process:
        """Start the loop."""
        self.loop = self.clockwork.process("loop")
        self.loop.start(self.traffic.run_loop(self.loop))
        return self.loop

    def start_scada(self) -> None:
        """Start a life of the server; cells are where they were, on local control."""
        process = self.clockwork.process("scada")
        self.sessions += 1
        start = self.start if self.scada is None else self.scada.control.accepted_copy()
        self.scada = SimScada(
            self.clockwork, process, self.setpoints, 4, _WATCHDOG_S, start, self.sessions,
            self._note_accepted, self._note_taken, self.fence,
        )  # fmt: skip
        self.judge.see_server()
        self.scada_began_s = self.clockwork.now_s
        if self.trips.stands:
            self.scada.trip(is_set=True)
        process.start(self.scada.run())

    def kill_scada(self) -> None:
        """End the server at once; who asks it is told that the connection broke."""
        if self.scada is not None:
            self.start = self.scada.control.accepted_copy()
            self.clockwork.kill(self.scada.process)
            self.scada = None

    def start_guard(self, disk: SimDisk | None = None) -> Process:
        """Start a guard: another one if there is one already.

        Args:
            disk: of the machine on which it is started; None: that of the first.
        """
        disk = disk or self.disk
        self.judge.is_shared |= disk is not self.disk
        self.lives += 1
        process = self.clockwork.process(f"guard-{self.lives}")
        worker = make_sim_worker(GUARD_APP, self.broker, process)
        audit = SimAudit(disk, process)
        found: list[Guard] = []

        async def open_link(address: str) -> Link:
            link = SimLink(process, self.wire, lambda: self.scada, lambda *sent: note(link, *sent))
            if not link.is_whole or self.wire.is_deaf:
                raise LinkError(f"{address}: nobody answers")
            return link

        def note(link: SimLink, node_id: ua.NodeId, value: float) -> None:
            if link.is_told_of_trip and str(node_id.Identifier).endswith(".Target"):
                self.judge.note("nothing is sent to a line that has tripped", f"{node_id}")
            self._note_sending(process, found[0], disk, node_id, value)

        writer = Writer(
            "opc.tcp://plant",
            self.mapping,
            self.cells,
            self.setpoints,
            readback_deadline_s=self.plant.guard.readback_deadline_s,
            watchdog_timeout_s=_WATCHDOG_S,
            claims=AuditedClaims(audit, disk),
            clock_ns=process.clock_ns,
            monotonic_s=process.monotonic_s,
            opener=open_link,
        )
        settings = GuardSettings(
            SECTIONS,
            InterlockLimits(self.limits, self.plant.guard),
            self.policy,
            self.plant.control.control_period_s,
        )
        guard = Guard(worker, writer, audit, settings)
        found.append(guard)
        guard.attach()
        app: Any = worker.app
        assert isinstance(app, SimApp)

        async def run() -> None:
            await writer.start()
            for background in (*guard.background, audit.run, app.run):
                process.start(background())

        process.start(run())
        self.guards[process] = LivingGuard(guard, self.clockwork.now_s)
        return process

    def kill(self, process: Process) -> None:
        """End a process at once."""
        self.clockwork.kill(process)
        self.guards.pop(process, None)

    async def _rearm(self) -> None:
        """Let an operator put cells back in AUTO that do not follow, in time or too early."""
        while True:
            await asyncio.sleep(self.random.uniform(2.0, 8.0))
            for section, cells in SECTIONS.items():
                for cell in cells:
                    is_away = self.scada is None or not self.scada.is_remote(cell)
                    if not is_away or self.random.random() >= 0.7:
                        continue
                    if self.is_tripped(cell):
                        await self.reset_trip(section, cell, "operator")
                    else:
                        await self.traffic.command(
                            self.people, section, cell, Mode.AUTO, "operator"
                        )

    def is_tripped(self, cell: int) -> bool:
        """Whether a guard that lives shows a cell as tripped."""
        return any(one.guard.mode_of(cell).trip is not None for one in self.guards.values())

    async def reset_trip(self, section: int, cell: int, role: str) -> None:
        """Ask, as a person would, for the end of a trip."""
        self.trips.reset_s[cell] = self.clockwork.now_s
        await self.traffic.order(self.people, CommandKind.RESET_TRIP, section, cell, role)

    def close_audits(self) -> None:
        """Answer what the run is too short for: what waits for a disk that is still full or for a
        guard that is still stopped, and what the next guard on a machine would begin with, where
        none came after one that ended."""
        for disk in (self.disk, self.disk_elsewhere):
            now_s, owner = self.clockwork.now_s, disk.owner
            if owner is None:
                continue
            is_kept = now_s < max(disk.full_until_s, owner.frozen_until_s + _CLOSING_TAKES_S)
            if owner.is_dead or is_kept:
                self.judge.see_entries(close_intents(disk.entries), disk)

    # -- what is seen -----------------------------------------------------------------------

    def plant_s(self) -> float:
        """Plant time now."""
        return self.traffic.plant_s(self.people)

    def _note_frame(self, section: int, at_s: float) -> None:
        self.sampled_s[section] = at_s

    def _note_message(self, topic: str, value: bytes) -> None:
        if topic == EVENTS.name:
            event = decode(value, Event)
            if event.name == "command_obeyed":
                self.judge.see_told(str(event.details["command_id"]))

    def _note_delivered(self, process: str, topic: str, value: bytes) -> None:
        if topic == COMMANDS.name:
            self.judge.wishes.see_heard(process, decode(value, Command).command_id)

    def _note_accepted(self, arrival: Arrival, was: float) -> None:
        del was
        late_s = self.clockwork.now_s - arrival.sent_s
        self.judge.see_stale(
            arrival.cell, arrival.setpoint, late_s, self.plant.guard.readback_deadline_s
        )

    def _note_taken(self, session: object, what: str, value: float) -> None:
        if what == LEASE:
            self.judge.see_token(session)
        else:
            self.judge.see_taken(session, what, value)

    def _note_sending(
        self, process: Process, guard: Guard, disk: SimDisk, node_id: ua.NodeId, value: float
    ) -> None:
        name = str(node_id.Identifier)
        if process.is_dead or self.scada is None:
            return
        if name.endswith(".ModeTarget") and int(value) == CellMode.REMOTE_CASCADE:
            self.judge.see_remote_asked(self.scada.rule_of(name).cell, disk)
        if self.at_next_send is not None and name.endswith(self.at_next_send[0]):
            (_, happen), self.at_next_send = self.at_next_send, None
            happen()
        if not name.endswith(".Target"):
            return
        rule = self.scada.rule_of(name)
        section = next(number for number, cells in SECTIONS.items() if rule.cell in cells)
        state = guard.mode_of(rule.cell)
        dead_s = self.traffic.dead_sensors.get(rule.cell)
        sampled_s = self.sampled_s[section] if dead_s is None else dead_s
        self.judge.see_sending(
            Sending(
                cell=rule.cell,
                setpoint=rule.meaning,
                value=value,
                stay=state.stay,
                is_permitted=state.mode is Mode.AUTO,
                section=section,
                is_held=state.mode is Mode.HOLD,
                stands=self.scada.shown_lately(rule.cell, rule.meaning),
                plant_s=self.plant_s(),
                sample_age_s=self.clockwork.now_s - sampled_s,
                audit=disk,
                guard=process.name,
                began_s=self.guards[process].began_s,
            )
        )

    def _watch(self) -> None:
        """See that no cell follows what is silent."""
        self.clockwork.after(_WATCH_EVERY_S, self._watch)
        scada, now_s, guard = self.scada, self.clockwork.now_s, self.plant.guard
        # What the plant's own watchdog allows, and what the guard's look and its write may take.
        handing_back_s = _WATCHDOG_S + 3.0
        # A plant that was stopped itself needs as long before anything can be asked of it.
        if scada is None or scada.process.frozen_until_s + handing_back_s > now_s:
            return
        longest_s = guard.max_input_age_s + guard.shed_after_s + handing_back_s + _CLOCK_TOLERANCE_S
        for section, cells in SECTIONS.items():
            for cell in cells:
                if not scada.is_remote(cell):
                    self.followed_s.pop(cell, None)
                # A plant may let a cell follow that an earlier life had asked for as soon as it
                # hears a heartbeat: whoever beats has to see that first.
                elif now_s - self.followed_s.setdefault(cell, now_s) > _SEEING_TAKES_S:
                    heard_s = now_s - scada.heard_s
                    self.judge.see_silence(cell, "the guard", heard_s, _WATCHDOG_S + 0.5)
                    sampled_s = now_s - self.sampled_s[section]
                    self.judge.see_silence(cell, "its section", sampled_s, longest_s)
                    dead_s = self.traffic.dead_sensors.get(cell)
                    if dead_s is not None:
                        self.judge.see_silence(cell, "its sensor", now_s - dead_s, longest_s)
