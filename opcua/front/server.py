"""The front: potline's own OPC UA server, in which the guard's state can be seen and asked for.

Nothing in it writes to the plant, and nobody writes to its nodes. A call becomes a command, which
the guard obeys or refuses; when the front ends, the line goes on.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from asyncua import Server, ua

from control.limits import SetpointLimits
from opcua.address_space import AddressSpace, build_address_space
from opcua.certificates import FRONT as SERVER_NAME
from opcua.front.alarm_desk import AlarmDesk, Report
from opcua.front.alarm_teller import AlarmTeller
from opcua.front.desk import ANSWER_WITHIN_S, Ask, MethodDesk
from opcua.front.gate import Gate
from opcua.front.method_items import Shown as ShownMethod
from opcua.front.method_items import method_id, method_items, method_rules
from opcua.front.methods import METHODS
from opcua.front.nodes import FRONT_TABLE, LINE, LINE_TYPE
from opcua.front.session import FrontServer, Handler
from opcua.front.setpoint_call import REQUEST_SETPOINTS
from opcua.front.setpoint_desk import Desk, SendRequest, SetpointDesk
from opcua.front.values import Place, Shown, show_line, show_section, trusts_in
from opcua.scans import to_datetime
from opcua.security import secure_server
from opcua.server_setup import prepare_server
from opcua.write_rules import Anonymous, RuledWrites
from stream.accounts import PEOPLE_FILE, PEOPLE_REMEDY
from stream.alarm_list import AlarmList, pass_time
from stream.line_view import LineView, SectionView, Trust
from stream.request_book import RequestBook
from stream.signals import SignalLimits

LOCAL: Final = "127.0.0.1"
_REFRESH_SEVERITY: Final = 1  # of the events around a refresh; also binds its methods
_LOOK_EVERY_S: Final = 0.25
_TURN: Final = 200  # nodes written before others may run
_Call = Callable[[Sequence[ua.Variant], object], Awaitable[ua.CallMethodResult]]
_SESSION_TIMEOUT_MS: Final = (5_000.0, 60_000.0)
_STATUS: Final = {
    Trust.GOOD: ua.StatusCode(ua.StatusCodes.Good),
    Trust.OLD: ua.StatusCode(ua.StatusCodes.UncertainLastUsableValue),
    Trust.NONE: ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData),
}


@dataclass(frozen=True, slots=True)
class FrontSettings:
    """What to show, and where.

    Attributes:
        endpoint: `opc.tcp://host:port/path`.
        cells: of each section.
        signals, setpoints: of the plant file.
        silence_s: wall time for which the guard may have nothing to say.
        certificates: folder as `potline certs` made it; None: plain connections, of observers.
        answer_within_s: wall time that the guard has for an answer.

    Raises:
        ValueError: connections would be plain, and others than this machine could make them.
    """

    endpoint: str
    cells: Mapping[int, tuple[int, ...]]
    signals: Sequence[SignalLimits]
    setpoints: Sequence[SetpointLimits]
    silence_s: float
    certificates: Path | None = None
    answer_within_s: float = ANSWER_WITHIN_S

    def __post_init__(self) -> None:
        if self.certificates is None and urlsplit(self.endpoint).hostname != LOCAL:
            raise ValueError(
                f"{self.endpoint} can be reached from elsewhere, and without certificates "
                f"everybody may look. Remedy: set front.certificates, or an endpoint on {LOCAL}"
            )


@dataclass(frozen=True, slots=True)
class Source:
    """Where the front has from what it shows, and whom it asks.

    Attributes:
        view: what is known of the line now.
        is_following: whether what is new would be known.
        ask: of the guard.
        report: puts on record what people do about alarms.
        requests: what became of those of optimisers from outside.
        request: tells the guard of one.
    """

    view: Callable[[], LineView]
    is_following: Callable[[], bool]
    ask: Ask
    report: Report
    requests: RequestBook
    request: SendRequest


class Front:
    """A running front; make it with `open_front`."""

    def __init__(
        self, settings: FrontSettings, server: Server, space: AddressSpace, source: Source
    ) -> None:
        self.settings = settings
        self.server = server
        self.gate = Gate()
        self._space = space
        self._source = source
        self._teller = AlarmTeller(server, space.namespace)
        self._written: dict[Place, tuple[Any, Trust]] = {}
        self._seen: dict[int, tuple[SectionView, Trust]] = {}
        self._types = {row.node_id: ua.VariantType[row.data_type] for row in FRONT_TABLE.rows}
        self._lists = frozenset(row.node_id for row in FRONT_TABLE.rows if row.is_list)
        self.running: asyncio.Task[None]  # ends only by failing

    async def run(self) -> None:
        """Show for ever."""
        while True:
            await self.show()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def show(self) -> None:
        """Show what has changed."""
        now_ns, view = time.time_ns(), self._source.view()
        await self._teller.tell(pass_time(view.alarms, now_ns), now_ns)
        is_following = self._source.is_following()
        trusts = trusts_in(view, now_ns, self.settings.silence_s, is_following)
        news = list(show_line(view, trusts, now_ns))
        now = to_datetime(now_ns)
        news.append((Place("Line.CallsRefused"), Shown(self.gate.refused, Trust.GOOD, now)))
        for number, section in view.sections.items():
            seen = (section, trusts[number])
            if self._seen.get(number) != seen:
                self._seen[number] = seen
                news += show_section(section, trusts[number], now_ns)
        written = 0
        for place, shown in news:
            written += await self._write(place, shown)
            if written >= _TURN:
                written = 0
                await asyncio.sleep(0)

    async def _write(self, place: Place, shown: Shown) -> bool:
        """Write a node if it shows something else now; returns whether it was."""
        pattern, kind = place.pattern, self._types.get(place.pattern)
        is_new = self._written.get(place) != (shown.value, shown.trust)
        if kind is None or not is_new:
            return False
        node_id = self._space.node_id(pattern, place.cell)
        if node_id not in self.server.iserver.aspace:
            return False  # a setpoint that this plant has not
        value = ua.DataValue(
            Value=ua.Variant(shown.value, kind, is_array=pattern in self._lists),
            StatusCode=_STATUS[shown.trust],
            SourceTimestamp=shown.at,
            ServerTimestamp=to_datetime(time.time_ns()),
        )
        await self.server.write_attribute_value(node_id, value)
        self._written[place] = (shown.value, shown.trust)
        return True


@asynccontextmanager
async def open_front(settings: FrontSettings, source: Source) -> AsyncIterator[Front]:
    """Start the front; it runs until the block is left.

    Raises:
        OSError: the endpoint's port is taken.
        CertificateError, AccountError: a file is missing or cannot be read.
    """
    iserver = FrontServer(Anonymous())
    iserver.bind_condition_methods = _REFRESH_SEVERITY
    server = await prepare_server(
        iserver, settings.endpoint, "potline front", "urn:potline:front", _SESSION_TIMEOUT_MS
    )
    if settings.certificates is not None:
        await secure_server(server, settings.certificates, SERVER_NAME, PEOPLE_FILE, PEOPLE_REMEDY)
    # Nobody writes here: there is no rule for any node.
    iserver.attribute_service = RuledWrites(iserver.aspace, {}, lambda _: None)
    cells = sum(len(own) for own in settings.cells.values())
    space = await build_address_space(
        server, cells, settings.signals, settings.setpoints, FRONT_TABLE
    )
    front = Front(settings, server, space, source)
    names, within_s = frozenset(row.name for row in settings.setpoints), settings.answer_within_s
    desk = MethodDesk(names, within_s, front.gate, source.view, source.ask)
    outside = SetpointDesk(
        Desk(settings.cells, names, within_s, source.is_following, source.requests, source.request),
        front.gate,
    )
    _add_methods(iserver, space)
    _answer_methods(iserver, desk, outside, space.namespace)

    def alarms() -> AlarmList:
        return pass_time(source.view().alarms, time.time_ns())

    alarm_desk = AlarmDesk(front.gate, alarms, source.report, time.time_ns)
    iserver.handlers |= alarm_desk.handlers(space.namespace)
    await front.show()
    async with server:
        front.running = asyncio.create_task(front.run(), name="front")
        try:
            yield front
        finally:
            front.running.cancel()
            await asyncio.gather(front.running, return_exceptions=True)


def _add_methods(iserver: FrontServer, space: AddressSpace) -> None:
    for place in (LINE_TYPE, LINE):
        for item in method_items(place, space.namespace):
            (result,) = iserver.node_mgt_service.add_nodes([item])
            result.StatusCode.check()
    for status in iserver.node_mgt_service.add_references(method_rules(LINE_TYPE, space.namespace)):
        status.check()


def _answer_methods(
    iserver: FrontServer, desk: MethodDesk, outside: SetpointDesk, namespace: int
) -> None:
    line = ua.NodeId(LINE, namespace)
    calls: dict[ShownMethod, _Call] = {method: partial(desk.call, method) for method in METHODS}
    calls[REQUEST_SETPOINTS] = outside.call
    for method, call in calls.items():
        # A client may name the method of the type just as well, with the line as its object.
        for place in (LINE, LINE_TYPE):
            iserver.handlers[method_id(place, method, namespace)] = _handler(call, line)


def _handler(call: _Call, line: ua.NodeId) -> Handler:
    async def handle(request: ua.CallMethodRequest, user: object) -> ua.CallMethodResult:
        if request.ObjectId != line:
            wrong = ua.StatusCode(ua.StatusCodes.BadMethodInvalid)
            return ua.CallMethodResult(StatusCode=wrong)
        return await call(request.InputArguments or [], user)

    return handle
