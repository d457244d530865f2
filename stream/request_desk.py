"""Takes what an optimiser from outside asks for: each request once, and only through the interlock.

Nothing here tells of our own loop: a request is no decision of it, so that a loop that has ended is
found silent however busy others are.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from control.interlock import OPTIMISER_ROLE
from stream.app import Message, Worker
from stream.mode_keeper import GuardSettings, ModeKeeper
from stream.move_desk import MoveDesk
from stream.records import OUR_OPTIMISER, MoveState, RecordError, SetpointRequest, decode
from stream.requesting import judge_request

_SCAN_NS: Final = 1_000_000_000
_LARGEST_REQUEST: Final = 50_000  # bytes; a section of a thousand cells is half of it
_LONGEST_REASON: Final = 1000  # characters; it is kept, told and shown again and again
_LONGEST_NAME: Final = 200
_CELLS_NAMED: Final = 5


class RequestDesk:
    """Takes requests from the topic of that name."""

    def __init__(
        self,
        worker: Worker,
        settings: GuardSettings,
        keeper: ModeKeeper,
        desk: MoveDesk,
        is_of_before: Callable[[str, int, int], bool],
    ) -> None:
        """Make one.

        Args:
            is_of_before: as of `stream.command_desk.CommandDesk`.
        """
        self._worker = worker
        self._settings = settings
        self._keeper = keeper
        self._desk = desk
        self._is_of_before = is_of_before
        self._began_ns = worker.clock_ns()

    async def take(self, message: Message) -> None:
        """Judge what is in a message, and hand on what comes of it."""
        if len(message.value) > _LARGEST_REQUEST:
            size = f"{len(message.value)} bytes, of {_LARGEST_REQUEST} at most"
            await self._worker.refuse(message, f"no request is so long: {size}")
            return
        try:
            request = decode(message.value, SetpointRequest)
        except RecordError as exc:
            await self._worker.refuse(message, str(exc))
            return
        if fault := self._unfit(request):
            await self._worker.refuse(message, fault)
            return
        await self._worker.note_readable(message.topic, True)
        if self._is_of_before("requests", request.expires_ns, self._began_ns):
            return
        if not self._keeper.state(request.section).has_judged(request.decision_id):
            await self._judge(request)

    def _unfit(self, request: SetpointRequest) -> str:
        """Return why a request cannot be of anybody who may ask; "" where it can."""
        cells = self._settings.cells.get(request.section, ())
        strange = [cell for cell in request.values if cell not in cells]
        if strange or not request.values:
            some = strange[:_CELLS_NAMED]
            return f"cells {some} are not of section {request.section}, or there are none"
        if not request.issued_by or request.issued_by == OUR_OPTIMISER:
            return f"nobody from outside is called {request.issued_by!r}"
        if request.role != OPTIMISER_ROLE:
            return f"the role {request.role[:_LONGEST_NAME]!r} requests no setpoints"
        if request.setpoint not in self._settings.limits.setpoints:
            return f"there is no setpoint {request.setpoint[:_LONGEST_NAME]!r}"
        names = (request.request_id, request.issued_by, request.role, request.setpoint)
        if max(map(len, names)) > _LONGEST_NAME or len(request.reason) > _LONGEST_REASON:
            return "a name or the reason is too long"
        return ""

    async def _judge(self, request: SetpointRequest) -> None:
        section, now_ns = request.section, self._worker.clock_ns()
        # Their end is on record before anything that comes of it.
        self._keeper.orders.end_what_is_over(section, now_ns)
        scan, before = now_ns // _SCAN_NS, self._keeper.state(section)
        state, moves = judge_request(
            before.remember_request(request.decision_id),
            request,
            self._keeper.pictures[section],
            self._keeper.plant_view(),
            self._settings.limits,
            now_ns,
            scan=scan,
            cells_moved_elsewhere=self._keeper.moved_elsewhere(section, scan),
        )
        self._keeper.keep(section, state)
        if any(move.state is MoveState.HELD for move in moves):
            # What was said to be held must not be judged anew in another life, and be written.
            await self._keeper.flush(section)
        orders = self._keeper.orders
        grounds = {cell: orders.grounds(before, cell, now_ns) for cell in request.values}
        await asyncio.gather(
            *(
                self._desk.take(
                    move,
                    request.expires_ns,
                    grounds[move.cell].stay,
                    partial(orders.may_write, move, grounds[move.cell]),
                )
                for move in moves
            )
        )
