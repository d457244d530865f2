"""A guard to test with: the real one in this process, between a real Kafka and a simulated SCADA.

A module that imports the fixtures `shared_line` and `calm_line` has one line for all its tests, and
each test gives it guards that live as long as it likes.
"""

import asyncio
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from control.interlock import InterlockLimits
from control.modes import Mode, ModePolicy, ModeState, Rearm, Trigger, TriggerKind
from opcua.nodes import CellMode, WatchdogState
from opcua.scada import Scada, open_scada
from opcua.writer import Writer
from ops.broker import Broker, prepare_broker
from ops.guard import open_audit
from ops.plantfile import PlantFile, load_plant
from ops.ports import free_port
from stream.app import Worker, section_key
from stream.audit.chain import OPENED, AuditRecord
from stream.audit.claims import AuditedClaims, ClaimFile
from stream.audit.files import audit_files, read_lines
from stream.audit.keys import SEALING_FILE, read_sealing_keys
from stream.audit.verify import read_records, verify_chain
from stream.frame_codec import decode_rejects, encode_estimates, encode_samples
from stream.frames import EstimateFrame, Quality, RejectFrame
from stream.guard import Guard, make_guard_worker
from stream.guarding import encode_state, init_guard_state
from stream.kafka import KafkaConnection, create_topics, make_consumer, make_producer
from stream.mode_keeper import GuardSettings
from stream.records import (
    Command,
    CommandKind,
    Event,
    Move,
    MoveState,
    Proposal,
    SetpointRequest,
    decode,
    encode,
)
from stream.section_picture import SectionPicture
from stream.topics import (
    ACCEPTED,
    COMMANDS,
    ESTIMATES,
    EVENTS,
    MOVES,
    PROPOSALS,
    REJECTS,
    REQUESTS,
    TABLES,
    partition_of,
)
from tests.opcua.lines import scada_settings
from tests.opcua.proxy import Wire, wire_to
from tests.stream.frame_cases import SIGNALS, make_frame, origin

PLANT_FILE = Path(__file__).parents[2] / "plants" / "reference-300ka.toml"
FEED, BEAM = "alumina_feed_rate_kg_per_h", "beam_position_mm"
SECTIONS = {0: (1, 2), 1: (3, 4)}
CELLS = (1, 2, 3, 4)
AUTOMATIC = ModePolicy(initial_mode=Mode.AUTO, rearm=Rearm.AUTOMATIC)
BY_OPERATOR = ModePolicy(initial_mode=Mode.AUTO, rearm=Rearm.OPERATOR)
PATIENCE_S = 60.0
_PARTITIONS = 2
_SPEED = 120.0  # plant seconds per wall second: rates soon have room
_FRAME_EVERY_S = 0.1
_NS = 1_000_000_000
_SIGNALS = (*SIGNALS, "line_current_ka")
_TABLE = next(table for table in TABLES if table.owner == "guard")


@dataclass(slots=True)
class Clock:
    """The guard's clocks: a test may let time pass for both, or set the wall clock alone."""

    ahead_ns: int = 0
    passed_ns: int = 0

    def __call__(self) -> int:
        return time.time_ns() + self.ahead_ns

    def monotonic_ns(self) -> int:
        return time.monotonic_ns() + self.passed_ns

    def forward(self, seconds: float) -> None:
        self.set(seconds)
        self.passed_ns += int(seconds * _NS)

    def set(self, ahead_s: float) -> None:
        self.ahead_ns += int(ahead_s * _NS)


async def until(is_so: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    """Wait until something holds that nobody tells of."""
    async with asyncio.timeout(patience_s):
        while not is_so():  # noqa: ASYNC110 - the state belongs to another task without an event
            await asyncio.sleep(0.01)


@dataclass
class Log:
    """What the guard says, read back from Kafka."""

    moves: list[Move] = field(default_factory=list)
    moves_taken_ns: list[int] = field(default_factory=list)  # when Kafka was given each
    events: list[Event] = field(default_factory=list)
    rejects: list[RejectFrame] = field(default_factory=list)
    _consumer: AIOKafkaConsumer | None = None

    async def caught_up(self) -> None:
        """Wait until all that Kafka has been given by now is read."""
        await until(lambda: self._consumer is not None and bool(self._consumer.assignment()))
        consumer = self._consumer
        assert consumer is not None
        ends = await consumer.end_offsets(consumer.assignment())
        async with asyncio.timeout(PATIENCE_S):
            for partition, end in ends.items():
                while await consumer.position(partition) < end:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.01)

    async def clear(self) -> None:
        """Forget what was said until now."""
        await self.caught_up()
        for rows in (self.moves, self.moves_taken_ns, self.events, self.rejects):
            rows.clear()

    async def told(self, is_meant: Callable[[Event], bool]) -> Event:
        """Wait for an event; return the first that is meant."""
        await until(lambda: any(is_meant(event) for event in self.events))
        return next(event for event in self.events if is_meant(event))

    def states(self, proposal: Proposal, setpoint: str = FEED) -> list[MoveState]:
        """What became of one setpoint of a proposal, in order."""
        return [move.state for move in self.of(proposal, setpoint)]

    def of(self, proposal: Proposal, setpoint: str = FEED) -> list[Move]:
        """Records of one setpoint of a proposal, in order."""
        move_id = f"{proposal.proposal_id}/{setpoint}"
        return [move for move in self.moves if move.move_id == move_id]

    def named(self, name: str) -> list[Event]:
        """Events of one name, in order."""
        return [event for event in self.events if event.name == name]

    async def ended(self, proposal: Proposal) -> Move:
        """Wait until a proposal for the feed rate has come to its end; return the last record."""
        await until(lambda: any(state is not MoveState.INTENT for state in self.states(proposal)))
        return self.of(proposal)[-1]

    def of_request(self, request: SetpointRequest, cell: int) -> list[Move]:
        """Records of one cell of a request, in order."""
        move_id = f"{request.decision_id}/{cell}/{request.setpoint}"
        return [move for move in self.moves if move.move_id == move_id]

    async def answered(self, request: SetpointRequest, cell: int) -> Move:
        """Wait until a cell's part of a request has come to its end; return the last record."""
        await until(
            lambda: any(
                move.state is not MoveState.INTENT for move in self.of_request(request, cell)
            )
        )
        return self.of_request(request, cell)[-1]

    async def read(self, connection: KafkaConnection) -> None:
        """Read for ever."""
        consumer = make_consumer(
            connection, MOVES, EVENTS, REJECTS, client_id="test-log", from_beginning=True
        )
        await consumer.start()
        self._consumer = consumer
        try:
            async for message in consumer:
                payload = message.value or b""
                if message.topic == MOVES.name:
                    self.moves.append(decode(payload, Move))
                    self.moves_taken_ns.append(message.timestamp * 1_000_000)
                elif message.topic == EVENTS.name:
                    self.events.append(decode(payload, Event))
                else:
                    self.rejects.append(decode_rejects(payload))
        finally:
            await consumer.stop()


@dataclass
class Loop:
    """What the guard reads: samples and estimates of every section, until told to be silent."""

    producer: AIOKafkaProducer
    clock: Clock
    begin_ns: int
    silent: set[int] = field(default_factory=set)  # sections
    unestimated: set[int] = field(default_factory=set)  # cells
    anode_effects: set[int] = field(default_factory=set)  # cells
    without_voltage: set[int] = field(default_factory=set)  # cells
    current_ka: float = 300.0
    ahead_s: float = 0.0  # by which the plant's clock is ahead of the guard's
    _orders: "count[int]" = field(default_factory=lambda: count(1))

    def calm(self) -> None:
        """Let everything be as usual."""
        for some in (self.silent, self.unestimated, self.anode_effects, self.without_voltage):
            some.clear()
        self.ahead_s, self.current_ka = 0.0, 300.0

    @property
    def t_plant_s(self) -> float:
        """Plant time now."""
        return 1000.0 + _SPEED * (self.clock() - self.begin_ns) / _NS

    async def run(self) -> None:
        """Send for ever."""
        while True:
            for section, cells in SECTIONS.items():
                if section not in self.silent:
                    await self.send_samples(section, cells)
                    await self.send_estimates(section, cells)
            await asyncio.sleep(_FRAME_EVERY_S)

    async def send(self, topic: str, section: int, payload: bytes) -> None:
        """Send anything at all to the partition of a section."""
        await self.producer.send_and_wait(
            topic, payload, key=section_key(section), partition=partition_of(section, _PARTITIONS)
        )

    async def send_samples(self, section: int, cells: tuple[int, ...]) -> None:
        """Send one scan."""
        frame = make_frame(
            next(self._orders),
            section=section,
            scans=1,
            cells=cells,
            signals=_SIGNALS,
            t_plant_s=self.t_plant_s,
            now_ns=self.clock() + int(self.ahead_s * _NS),
        )
        value, quality = frame.value.copy(), np.full_like(frame.quality, Quality.GOOD)
        value[:, :, _SIGNALS.index("line_current_ka")] = self.current_ka
        voltage = _SIGNALS.index("cell_voltage_v")
        for i, cell in enumerate(cells):
            if cell in self.anode_effects:
                value[:, i, voltage] = 30.0
            if cell in self.without_voltage:
                value[:, i, voltage], quality[:, i, voltage] = np.nan, Quality.REJECTED
        frame = replace(frame, value=value, quality=quality)
        await self.send(ACCEPTED.name, section, encode_samples(frame))

    async def send_estimates(self, section: int, cells: tuple[int, ...]) -> None:
        """Send one estimate of each cell."""
        now_ns = self.clock()
        acd_cm = [np.nan if cell in self.unestimated else 4.2 for cell in cells]
        frame = EstimateFrame(
            section=section,
            session=1,
            sequence=next(self._orders),
            cells=cells,
            values={"alumina_wt_pct": np.full(len(cells), 2.6), "acd_cm": np.array(acd_cm)},
            t_plant_s=self.t_plant_s,
            t_source_ns=now_ns,
            t_received_ns=now_ns,
            t_accepted_ns=now_ns,
            t_estimated_ns=now_ns,
            frames_applied=1,
            frames_skipped=0,
            frames_missing=0,
            origin=origin(),
        )
        await self.send(ESTIMATES.name, section, encode_estimates(frame))

    async def propose(
        self,
        cell: int,
        feed: float | None,
        *,
        beam: float | None = None,
        age_s: float = 0.0,
        valid_s: float = 5.0,
    ) -> Proposal:
        """Propose setpoints for a cell.

        Args:
            feed: None for a decision without a plan.
            age_s: of the sample behind the decision.
            valid_s: from now to the expiry.
        """
        now_ns, section, sequence = self.clock(), (cell - 1) // 2, next(self._orders)
        t_source_ns = now_ns - int(age_s * _NS)
        proposal = Proposal(
            proposal_id=f"{section}-1-{sequence}-{cell}",
            section=section,
            cell=cell,
            session=1,
            sequence=sequence,
            setpoints={
                name: value for name, value in ((FEED, feed), (BEAM, beam)) if value is not None
            },
            proposed_by="mpc",
            solver_status="bad_input" if feed is None else "solved",
            fallback=None,
            solve_ms=1.0,
            reason="",
            figures={},
            t_plant_s=self.t_plant_s,
            t_source_ns=t_source_ns,
            t_received_ns=t_source_ns,
            t_estimated_ns=now_ns,
            t_decided_ns=now_ns,
            expires_ns=now_ns + int(valid_s * _NS),
        )
        await self.repeat(proposal)
        return proposal

    async def decide_for_ever(self, without_plan: set[int]) -> None:
        """Decide for all cells a few times a second; for some of them there is no plan."""
        while True:
            for cell in CELLS:
                await self.propose(cell, None if cell in without_plan else 180.0)
            await asyncio.sleep(4 * _FRAME_EVERY_S)

    async def repeat(self, proposal: Proposal) -> None:
        """Send a proposal as it is."""
        await self.send(PROPOSALS.name, proposal.section, encode(proposal))

    async def request(
        self,
        section: int,
        values: dict[int, float],
        *,
        request_id: str | None = None,
        who: str = "hal",
        valid_s: float = 30.0,
    ) -> SetpointRequest:
        """Ask for feed rates as the front does for an optimiser from outside."""
        now_ns = self.clock()
        request = SetpointRequest(
            request_id=request_id or f"request-{next(self._orders)}",
            section=section,
            setpoint=FEED,
            values=values,
            issued_by=who,
            role="optimiser",
            reason="trial",
            t_issued_ns=now_ns,
            expires_ns=now_ns + int(valid_s * _NS),
        )
        await self.send(REQUESTS.name, section, encode(request))
        return request

    async def command(
        self,
        cell: int,
        mode: Mode,
        *,
        role: str = "operator",
        section: int | None = None,
        valid_s: float = 30.0,
        command_id: str | None = None,
        reason: str = "test",
    ) -> str:
        """Ask for a mode as a person would; returns the command's id."""
        place = (cell - 1) // 2 if section is None else section
        return await self.order(
            CommandKind.SET_MODE,
            place,
            cell,
            role=role,
            valid_s=valid_s,
            command_id=command_id,
            reason=reason,
            mode=mode,
        )

    async def order(
        self,
        kind: CommandKind,
        section: int,
        cell: int,
        *,
        who: str = "anna",
        role: str = "operator",
        valid_s: float = 30.0,
        command_id: str | None = None,
        reason: str = "test",
        **wish: object,
    ) -> str:
        """Ask for anything as a person would; returns the command's id."""
        now_ns = self.clock()
        command = Command(
            command_id=command_id or f"command-{next(self._orders)}",
            kind=kind,
            section=section,
            cell=cell,
            issued_by=who,
            role=role,
            reason=reason,
            t_issued_ns=now_ns,
            expires_ns=now_ns + int(valid_s * _NS),
            **wish,  # type: ignore[arg-type]
        )
        await self.send(COMMANDS.name, section, encode(command))
        return command.command_id


@dataclass
class Life:
    """One life of the guard, from its start to its end."""

    worker: Worker
    guard: Guard
    writer: Writer
    loop: Loop
    is_heard: Callable[[], bool]  # whether the plant has seen a heartbeat of this life

    def mode_state(self, cell: int) -> ModeState:
        """The mode of a cell and why, as the guard keeps it."""
        return self.guard._keeper.state((cell - 1) // 2).mode_of(cell)

    def mode(self, cell: int) -> Mode:
        """The mode of a cell in force."""
        return self.mode_state(cell).mode

    def picture(self, section: int) -> SectionPicture:
        """What the guard saw last of a section."""
        return self.guard._keeper.pictures[section]

    def estimated(self, section: int) -> frozenset[int]:
        """The cells of a section that have an estimate."""
        return self.picture(section).estimated

    def sees_plant(self, cell: int) -> bool:
        """Whether the guard knows of the plant what AUTO needs."""
        view = self.guard._keeper.plant_view()
        has_readbacks = all((cell, name) in view.readbacks for name in (FEED, BEAM))
        return view.is_connected and view.has_heartbeat and has_readbacks

    def has_begun(self, cell: int) -> bool:
        """Whether both setpoints have had the first write of this stay in AUTO, the read-back."""
        state, since_s = self.guard._keeper.state((cell - 1) // 2), self.since_plant_s(cell)
        moved = [state.interlock.of(cell, name).moved_plant_s for name in (FEED, BEAM)]
        return all(at_s is not None and at_s >= since_s for at_s in moved)

    def since_plant_s(self, cell: int) -> float:
        """Since when the mode of a cell is in force."""
        return self.mode_state(cell).since_plant_s

    def has_room(self, cell: int, for_s: float = 60.0) -> bool:
        """Whether so much plant time has gone by since the last move that another may be a real
        one."""
        state = self.guard._keeper.state((cell - 1) // 2)
        moved_s = state.interlock.of(cell, FEED).moved_plant_s
        return moved_s is not None and self.picture((cell - 1) // 2).t_plant_s - moved_s > for_s

    def is_followed(self, cell: int) -> bool:
        """Whether the plant follows this guard."""
        view = self.guard._keeper.plant_view()
        is_remote = self.writer.is_remote(cell) is True and cell not in view.not_following
        return is_remote and self.is_heard()

    @asynccontextmanager
    async def no_flushing(self) -> AsyncIterator[None]:
        """Let nothing become durable for a while, as when the broker is away."""
        async with AsyncExitStack() as stack:
            for section in SECTIONS:
                lock = self.guard._keeper._table._flushing.setdefault(section, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield

    def change_mode(self, cell: int, mode: Mode) -> None:
        """Ask for a mode as a person, at once, without Kafka; the way to AUTO takes no time."""
        asked = Trigger(TriggerKind.SET_MODE, "test", mode, "anna", "operator")
        for trigger in (asked, Trigger(TriggerKind.WARMED)):
            self.guard._keeper.apply_at_once((cell - 1) // 2, {cell: trigger})

    async def modes(self, mode: Mode, *cells: int) -> None:
        """Wait until cells (all, if none is named) are in a mode; on the way to AUTO they get the
        decision that they need for it."""

        def is_done() -> bool:
            return all(self.mode(cell) is mode for cell in cells or CELLS)

        if mode is Mode.AUTO:
            await self._engaged(is_done, *cells)
        else:
            await until(is_done)

    async def _engaged(self, is_done: Callable[[], bool], *cells: int) -> None:
        """Wait for what comes once cells are in AUTO; one that is shed at the start, as on a busy
        machine, comes there again by the same way."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_done():
                await self.rehearse(*cells)
                with suppress(TimeoutError):
                    await until(is_done, 0.5)

    async def rehearse(self, *cells: int) -> None:
        """Propose to those cells (all, if none is named) that warm up what they have."""
        for cell in cells or CELLS:
            feed, beam = (self.writer.readback(cell, name) for name in (FEED, BEAM))
            if self.mode(cell) is Mode.WARM and feed is not None:
                await self.loop.propose(cell, feed, beam=beam)

    async def armed(self) -> None:
        """Put cells in AUTO as a person would who must re-arm them, until the plant follows: on a
        busy machine its watchdog may take them more than once while the guard starts."""

        def is_done() -> bool:
            return all(self.mode(cell) is Mode.AUTO and self.is_followed(cell) for cell in CELLS)

        async with asyncio.timeout(2 * PATIENCE_S):
            while not is_done():
                for cell in CELLS:
                    if self.mode(cell) is Mode.SHED and not self.mode_state(cell).sheds:
                        await self.loop.command(cell, Mode.AUTO)
                await self.rehearse()
                with suppress(TimeoutError):
                    await until(is_done, 1.0)

    async def ready(self, *cells: int) -> None:
        """Wait until cells (all, if none is named) are in AUTO and may move."""
        await self.modes(Mode.AUTO, *cells)
        chosen = cells or CELLS
        await self._engaged(lambda: all(self.is_followed(cell) for cell in chosen), *chosen)
        async with asyncio.timeout(PATIENCE_S):
            while not all(self.has_begun(cell) for cell in chosen):
                for cell in chosen:
                    feed, beam = (self.writer.readback(cell, name) for name in (FEED, BEAM))
                    if not self.has_begun(cell) and feed is not None:
                        await self.loop.propose(cell, feed, beam=beam)  # rehearsed, if it warms up
                with suppress(TimeoutError):  # it may have been held: then again
                    await until(lambda: all(self.has_begun(cell) for cell in chosen), 1.0)
        await until(lambda: all(self.has_room(cell) for cell in chosen))


@dataclass
class GuardedLine:
    """Everything around the guard, and the guards themselves."""

    folder: Path
    plant: PlantFile
    connection: KafkaConnection
    scada: Scada
    wire: Wire
    loop: Loop
    log: Log
    clock: Clock
    edge_clock: Clock
    lives: int = 0  # guards that live now
    plant_ahead_s: float = 0.0  # by which the clock of SCADA is ahead of the guard's

    def plant_ahead_ns(self) -> int:
        """By how much SCADA's clock is moved: it goes along when a test lets time pass."""
        return self.edge_clock.ahead_ns + int(self.plant_ahead_s * _NS)

    def follows(self, cell: int) -> bool:
        """Whether the plant really takes this cell's setpoints from outside."""
        return int(self.scada.control.modes[cell - 1]) == CellMode.REMOTE_CASCADE

    def feed(self, cell: int) -> float:
        """The feed rate in force at the plant."""
        return float(self.scada.control.accepted[FEED][cell - 1])

    def audited(self) -> list[AuditRecord]:
        """What stands in the audit since the newest guard opened it, its chain being sound."""
        lines = list(read_lines(audit_files(self.folder / "audit")))
        keys = read_sealing_keys(self.folder / "keys" / SEALING_FILE)
        assert verify_chain(lines, keys.by_id).faults == []
        records = list(read_records(lines))
        began = max(at for at, record in enumerate(records) if record.action == OPENED)
        return records[began:]

    @contextmanager
    def full_disk(self) -> Iterator[None]:
        """No file may grow beyond the audit's, which so cannot grow, as on a full disk; Kafka's
        are those of another process."""
        size = audit_files(self.folder / "audit")[-1].stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)

    @asynccontextmanager
    async def guard(
        self,
        policy: ModePolicy = AUTOMATIC,
        *,
        first_life: bool = True,
        control_period_s: float = 1e9,
        shed_after_s: float | None = None,
        shed_line_at_cells: int = 5,
        max_input_age_s: float | None = None,
    ) -> AsyncIterator[Life]:
        """Let a guard live.

        Args:
            policy: how cells start and come back.
            control_period_s: plant time; by default so long that no silence of decisions counts.
            shed_after_s: in the place of what the plant file says.
            shed_line_at_cells: likewise; by default more than there are.
            max_input_age_s: likewise.
            first_life: begin with cells that no guard has seen; else with what the last one left.
        """
        if first_life:
            await self._let_go()
        last_beat = self.scada.control.watchdog.counter

        def is_heard() -> bool:
            watchdog = self.scada.control.watchdog
            return watchdog.state is WatchdogState.ALIVE and watchdog.counter != last_beat

        if first_life:
            for section, cells in SECTIONS.items():
                fresh = encode_state(init_guard_state(cells, policy))
                await self.loop.send(_TABLE.changelog, section, fresh)
        worker = make_guard_worker(
            self.connection, _PARTITIONS, self.clock, self.clock.monotonic_ns
        )
        worker.app.conf.datadir = self.folder / "faust"
        patience = replace(self.plant.guard, shed_line_at_cells=shed_line_at_cells)
        if shed_after_s is not None:
            patience = replace(patience, shed_after_s=shed_after_s)
        if max_input_age_s is not None:
            patience = replace(patience, max_input_age_s=max_input_age_s)
        limits = InterlockLimits({row.name: row for row in self.plant.setpoints}, patience)
        audit = open_audit(self.folder / "audit", self.folder / "keys", 1, "abc123", worker)
        writer = Writer(
            self.wire.endpoint,
            self.plant.opcua,
            CELLS,
            self.plant.setpoints,
            readback_deadline_s=self.plant.guard.readback_deadline_s,
            watchdog_timeout_s=self.scada.settings.watchdog_timeout_s,
            claims=AuditedClaims(audit, ClaimFile(self.folder / "audit")),
            clock_ns=self.edge_clock,
        )
        guard = Guard(
            worker, writer, audit, GuardSettings(SECTIONS, limits, policy, control_period_s)
        )
        guard.attach()
        self.lives += 1
        async with writer:
            await worker.app.start()
            await worker.outbox.start()
            tasks = [asyncio.ensure_future(run()) for run in (*guard.background, audit.run)]
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await worker.recovered()
                yield Life(worker, guard, writer, self.loop, is_heard)
                for task in tasks:
                    assert not task.done(), f"ended by itself: {task}"
            finally:
                self.lives -= 1
                await _end(tasks)
                await worker.app.stop()
                await worker.outbox.stop()

    async def _let_go(self) -> None:
        """Wait until the plant has given up the guard before: cells that it still shows as remote
        look won to the next one, and are lost to the watchdog a moment later."""
        followed = (WatchdogState.ALIVE, WatchdogState.LATE)
        if not self.lives:
            with suppress(TimeoutError):  # another, which is none of ours, may go on
                patience_s = 2.0 * self.scada.settings.watchdog_timeout_s
                await until(lambda: self.scada.control.watchdog.state not in followed, patience_s)


async def _end(tasks: "list[asyncio.Future[None]]") -> None:
    """Cancel until all have ended: `wait_for`, which libraries use, may lose a cancellation before
    Python 3.12."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=2.0)
    for task in tasks:
        if not task.cancelled():
            task.result()


def quick_plant() -> PlantFile:
    """The reference plant with four cells, and a guard whose patience is short."""
    plant = load_plant(PLANT_FILE, len(CELLS))
    guard = replace(plant.guard, max_input_age_s=2.0, shed_after_s=2.0, readback_deadline_s=1.5)
    return replace(plant, guard=guard)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GuardedLine]:
    """A broker, a simulated line at the end of a wire, and a loop that sends."""
    folder = tmp_path_factory.mktemp("guarded")
    plant = quick_plant()
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}/potline"
    settings = scada_settings(plant, endpoint, watchdog_timeout_s=2.5)
    async with (
        Broker(await prepare_broker(folder, port=free_port())) as broker,
        open_scada(settings) as scada,
        wire_to(endpoint) as wire,
    ):
        connection = KafkaConnection(broker.address)
        await create_topics(connection, _PARTITIONS)
        producer = make_producer(connection, "test-loop")
        await producer.start()
        clock, log = Clock(), Log()
        loop = Loop(producer, clock, clock())
        tasks = [asyncio.ensure_future(log.read(connection)), asyncio.ensure_future(loop.run())]
        line = GuardedLine(
            folder, plant, connection, scada, wire, loop, log, clock, edge_clock=clock
        )
        wire.server_ahead_ns = line.plant_ahead_ns
        try:
            yield line
        finally:
            await _end(tasks)
            await producer.stop()


@pytest_asyncio.fixture(name="line", loop_scope="module")
async def calm_line(shared_line: GuardedLine) -> GuardedLine:
    """The line, calm, with nothing said yet."""
    shared_line.loop.calm()
    await shared_line.log.clear()
    shared_line.edge_clock = shared_line.clock
    shared_line.plant_ahead_s = 0.0
    return shared_line
