"""Agents that lead through the interlock to the plant's edge, and to `moves`.

They read `accepted`, `estimates`, `proposals`, `commands` and `requests`.

The guard is the only way to a write. It judges every proposal against what was measured last and
the plant's own read-back (`stream.judging`), and so it does what optimisers from outside ask for
(`stream.request_desk`). It obeys people (`stream.command_desk`), puts an intent on record before it
writes and the result after (`stream.move_desk`, `stream.audit`), keeps the mode of every cell
(`stream.mode_keeper`), and takes cells to the safe side when something falls silent
(`stream.silence`).
"""

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from control.modes import Mode, ModeState, Trigger, TriggerKind
from stream.app import Message, Worker, add_agent, make_worker
from stream.audit.keeper import AuditTrail
from stream.command_desk import CommandDesk
from stream.edge import PlantEdge
from stream.frame_codec import decode_estimates, decode_samples
from stream.judging import judge_proposal, rehearse_proposal
from stream.kafka import KafkaConnection
from stream.mode_keeper import GuardSettings, ModeKeeper
from stream.move_desk import MoveDesk
from stream.records import Proposal, RecordError, decode
from stream.request_desk import RequestDesk
from stream.section_picture import see_decision, see_estimates, see_samples
from stream.silence import SilenceWatch
from stream.topics import ACCEPTED, COMMANDS, ESTIMATES, GUARD_APP, PROPOSALS, REQUESTS

_log = logging.getLogger(__name__)
_SCAN_NS: Final = 1_000_000_000  # the line-wide budget counts per second of wall time


def make_guard_worker(
    connection: KafkaConnection,
    partitions: int,
    clock_ns: Callable[[], int],
    monotonic_ns: Callable[[], int] = time.monotonic_ns,
) -> Worker:
    """Return the guard's worker with no agents yet.

    Its group begins at the earliest message: a command that a person gave while no guard ran must
    be obeyed. What is too old says so itself, by its expiry.
    """
    return make_worker(GUARD_APP, "guard", connection, partitions, clock_ns, monotonic_ns)


class Guard:
    """What comes in, and to whom it goes."""

    def __init__(
        self, worker: Worker, edge: PlantEdge, audit: AuditTrail, settings: GuardSettings
    ) -> None:
        self._worker = worker
        self._settings = settings
        self._began_ns = worker.clock_ns()
        self._passed_over: Counter[str] = Counter()  # what had expired before this life, by kind
        self._keeper = ModeKeeper(worker, edge, audit, settings)
        self._desk = MoveDesk(worker, edge, audit, self._keeper)
        self._commands = CommandDesk(
            worker, audit, settings, self._keeper, self._desk, self._is_of_before
        )
        self._requests = RequestDesk(worker, settings, self._keeper, self._desk, self._is_of_before)
        self._watch = SilenceWatch(worker, edge, audit, settings, self._keeper, self._desk)

    def attach(self) -> None:
        """Add the agents to the worker."""
        add_agent(self._worker, "guard-samples", ACCEPTED, self._on_accepted)
        add_agent(self._worker, "guard-estimates", ESTIMATES, self._on_estimates)
        add_agent(self._worker, "guard-proposals", PROPOSALS, self._on_proposal)
        add_agent(self._worker, "guard-commands", COMMANDS, self._commands.take)
        add_agent(self._worker, "guard-requests", REQUESTS, self._requests.take)

    @property
    def background(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """What runs beside the agents, for ever."""
        return (self._keeper.reports.run, self._desk.run, self._watch.run)

    def mode_of(self, cell: int) -> ModeState:
        """Return the mode of a cell and why.

        Raises:
            KeyError: not a cell of the plant.
        """
        section = self._keeper.section_of(cell)
        if section is None:
            raise KeyError(cell)
        return self._keeper.state(section).mode_of(cell)

    async def _on_accepted(self, message: Message) -> None:
        frame = decode_samples(message.value)
        pictures = self._keeper.pictures
        if frame.section in pictures:
            picture = see_samples(pictures[frame.section], frame, self._worker.clock_ns())
            await self._keeper.see(frame.section, picture)

    async def _on_estimates(self, message: Message) -> None:
        frame = decode_estimates(message.value)
        pictures = self._keeper.pictures
        if frame.section in pictures:
            before = pictures[frame.section]
            pictures[frame.section] = see_estimates(before, frame)
            if pictures[frame.section].estimated != before.estimated:
                await self._keeper.look_again(frame.section)

    async def _on_proposal(self, message: Message) -> None:
        try:
            proposal = decode(message.value, Proposal)
        except RecordError as exc:
            await self._worker.refuse(message, str(exc))
            return
        await self._worker.note_readable(message.topic, True)
        section = self._keeper.section_of(proposal.cell)
        if section is None or section != proposal.section:
            reason = f"cell {proposal.cell} is not of section {proposal.section}"
            await self._worker.refuse(message, reason)
            return
        pictures = self._keeper.pictures
        pictures[section] = see_decision(pictures[section], proposal)
        if self._is_of_before("proposals", proposal.expires_ns, self._began_ns):
            return
        now_ns = self._worker.clock_ns()
        # Their end is on record before anything that comes of it.
        self._keeper.orders.end_what_is_over(section, now_ns)
        scan, mode = now_ns // _SCAN_NS, self.mode_of(proposal.cell)
        seen = (
            proposal,
            pictures[section],
            self._keeper.plant_view(),
            self._settings.limits,
            now_ns,
        )
        state, is_warmed = self._keeper.state(section), False
        grounds = self._keeper.orders.grounds(state, proposal.cell, now_ns)
        if mode.mode is Mode.WARM:
            state, moves, is_warmed = rehearse_proposal(state, *seen, scan=scan)
        else:
            elsewhere = self._keeper.moved_elsewhere(section, scan)
            state, moves = judge_proposal(state, *seen, scan=scan, cells_moved_elsewhere=elsewhere)
        self._keeper.keep(section, state)
        for move in moves:
            may_write = partial(self._keeper.orders.may_write, move, grounds)
            await self._desk.take(move, proposal.expires_ns, grounds.stay, may_write)
        if is_warmed and self.mode_of(proposal.cell).stay == mode.stay:
            warmed = Trigger(TriggerKind.WARMED)
            await self._keeper.apply(section, self._keeper.state(section), {proposal.cell: warmed})

    def _is_of_before(self, kind: str, expires_ns: int, since_ns: int) -> bool:
        """Whether something had expired before that time; such a backlog is passed over and
        counted, for it would fill `moves` and `events` with what concerns nobody."""
        if expires_ns < since_ns:
            self._passed_over[kind] += 1
            return True
        if count := self._passed_over.pop(kind, 0):
            _log.info("%d %s were passed over: they had expired before this start", count, kind)
        return False
