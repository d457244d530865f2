"""Fronts to test with: a real server whose source is in the hands of the test."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asyncua import Client, ua

from control.events import EVENTS
from control.modes import ModePolicy
from opcua.certificates import application_uri, make_certificates
from opcua.front.nodes import FRONT_URI, LINE
from opcua.front.server import FrontSettings, Source
from opcua.security import Policy, client_security, secure_client
from ops.plantfile import PlantFile
from stream.accounts import PEOPLE_FILE, Role, keep_person
from stream.asking import Answer, NotSentError, Outcome
from stream.guarding import GuardState, encode_state
from stream.line_view import LineView, fold_event, fold_state, init_view
from stream.records import Command, Event, Move, SetpointRequest
from stream.request_book import RequestBook
from tests.opcua.lines import PATIENCE_S
from tests.opcua.peer_security import authority

CELLS = {0: (1, 2), 1: (3,)}
POLICY = ModePolicy()
PASSWORD = "a long enough word"
PEOPLE = {
    "olga": Role.OPERATOR,
    "emil": Role.ENGINEER,
    "erna": Role.ENGINEER,
    "mona": Role.SUPERVISOR,
    "vera": Role.OBSERVER,
    "hal": Role.OPTIMISER,
}
TYPES = {int: ua.VariantType.UInt16, float: ua.VariantType.Double, str: ua.VariantType.String}


@dataclass
class Line:
    """A line that is known as far as a test says, and a guard that answers as it says."""

    view: LineView = field(default_factory=lambda: init_view(CELLS, POLICY))
    is_following: bool = True
    answer: Answer = field(default_factory=lambda: Answer(Outcome.OBEYED))
    asked: list[Command] = field(default_factory=list)
    waited_s: float = 0.0
    told: int = 0
    events: list[Event] = field(default_factory=list)
    book: RequestBook = field(default_factory=RequestBook)
    requested: list[SetpointRequest] = field(default_factory=list)
    refuses: set[int] = field(default_factory=set)  # sections to which nothing can be sent
    moves: Callable[[SetpointRequest], list[Move]] = lambda _: []  # what comes of a request

    def know(self, section: int, state: GuardState, at_ns: int) -> None:
        """Let the guard's state of a section be known."""
        self.view = fold_state(self.view, section, encode_state(state), at_ns)

    async def ask(self, commands: Sequence[Command], within_s: float) -> Answer:
        """Answer as the test says."""
        self.asked += commands
        self.waited_s = within_s
        return self.answer

    async def request(self, request: SetpointRequest) -> None:
        """Take a request, and let known what the test says comes of it."""
        if request.section in self.refuses:
            raise NotSentError("no answer from Kafka")
        self.requested.append(request)
        for move in self.moves(request):
            self.book.take(move)

    async def report(
        self, name: str, *, section: int | None, cell: int | None, **details: Any
    ) -> None:
        """Put on record what is done about an alarm, and let it be known."""
        self.tell(name, active=False, section=section, cell=cell, **details)

    def tell(
        self,
        name: str,
        *,
        active: bool,
        section: int | None = None,
        cell: int | None = None,
        **details: Any,
    ) -> Event:
        """Let an event be known, as its process would tell it."""
        kind, at_ns = EVENTS[name], time.time_ns()
        self.told += 1
        event = Event(
            event_id=f"guard-{at_ns}-{self.told + 1}",
            name=name,
            priority=kind.priority,
            active=active,
            section=section,
            cell=cell,
            sentence=kind.sentence.format(section=section, cell=cell, **details),
            advice=kind.advice,
            origin="guard",
            details=details,
            t_event_ns=at_ns,
        )
        self.view = fold_event(self.view, event)
        self.events.append(event)
        return event

    @property
    def source(self) -> Source:
        """What a front is made with."""
        return Source(
            lambda: self.view,
            lambda: self.is_following,
            self.ask,
            self.report,
            self.book,
            self.request,
        )


def front_settings(plant: PlantFile, endpoint: str, **changes: Any) -> FrontSettings:
    """Three cells in two sections."""
    settings = FrontSettings(endpoint, CELLS, plant.signals, plant.setpoints, silence_s=360.0)
    return replace(settings, **changes)


def make_people(folder: Path) -> None:
    """Make certificates, one of them for a program called `hmi`, and accounts."""
    make_certificates(folder, ["localhost", "127.0.0.1"], key_bits=2048, applications=["hmi"])
    for name, role in PEOPLE.items():
        keep_person(folder / PEOPLE_FILE, name, role, PASSWORD)


def hmi_security(folder: Path, user: str) -> dict[str, Any]:
    """What the other stack's client needs to come as a person."""
    return {
        "policy": "Aes256_Sha256_RsaPss",
        "certificate": str(folder / "hmi" / "certificate.pem"),
        "key": str(folder / "hmi" / "key.pem"),
        "uri": application_uri("hmi"),
        **authority(folder),
        "user": user,
        "password": PASSWORD,
    }


@dataclass
class Visitor:
    """Somebody's connection to a front."""

    client: Client
    namespace: int

    def node_id(self, name: str) -> ua.NodeId:
        """Return a node id of the front's namespace."""
        return ua.NodeId(name, self.namespace)

    async def read(self, name: str) -> ua.DataValue:
        """Return what a node shows, whatever its status."""
        node = self.client.get_node(self.node_id(name))
        return await node.read_data_value(raise_on_bad_status=False)

    async def call(self, method: str, *arguments: Any) -> ua.CallMethodResult:
        """Call a method of the line; whole numbers are cells."""
        variants = [
            one if isinstance(one, ua.Variant) else ua.Variant(one, TYPES[type(one)])
            for one in arguments
        ]
        request = ua.CallMethodRequest(
            ObjectId=self.node_id(LINE),
            MethodId=self.node_id(f"{LINE}/{method}"),
            InputArguments=variants,
        )
        (result,) = await self.client.uaclient.call([request])
        return result


@asynccontextmanager
async def visit(
    endpoint: str, folder: Path | None = None, user: str = ""
) -> AsyncIterator[Visitor]:
    """Connect: plain without a folder, else as a person with the program `hmi`."""
    client = Client(endpoint, timeout=20.0)
    if folder is not None:
        (folder / "hmi" / "password").write_text(PASSWORD)
        security = client_security(folder, "hmi", Policy.AES256)
        pinned = folder / "front" / "certificate.pem"
        await secure_client(client, replace(security, user=user, server_certificate=pinned))
    async with client:
        yield Visitor(client, await client.get_namespace_index(FRONT_URI))


async def shows(visitor: Visitor, name: str, is_so: Callable[[ua.DataValue], bool]) -> None:
    """Wait until a node shows what is meant."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so(await visitor.read(name)):  # noqa: ASYNC110 - remote
            await asyncio.sleep(0.02)


class Heard:
    """What comes to a subscription."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[Any] = asyncio.Queue()

    def event_notification(self, event: Any) -> None:
        """Take an event."""
        self.events.put_nowait(event)

    async def until(self, name: str) -> Any:
        """Wait for the next event of a condition."""
        async with asyncio.timeout(20.0):
            while True:
                event = await self.events.get()
                if getattr(event, "ConditionName", None) == name:
                    return event


async def listen(visitor: Visitor) -> Heard:
    """Subscribe to all alarms; those that there are come at once."""
    heard = Heard()
    subscription = await visitor.client.create_subscription(100, heard)
    kind = visitor.client.get_node(ua.ObjectIds.AlarmConditionType)
    await subscription.subscribe_alarms_and_conditions(evtypes=kind)
    conditions = visitor.client.get_node(ua.ObjectIds.ConditionType)
    refresh = ua.NodeId(ua.ObjectIds.ConditionType_ConditionRefresh)
    number = ua.Variant(subscription.subscription_id, ua.VariantType.UInt32)
    await conditions.call_method(refresh, number)
    return heard
