"""The process `ui`: a Bokeh server with one application per page, and `/healthz`."""

import asyncio
import gc
import json
import logging
import math
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.server.server import Server
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler, StaticFileHandler

from control.limits import SetpointLimits
from stream.accounts import AccountError
from stream.kafka import KafkaConnection
from ui.collector import Collector
from ui.commands import CommandDesk
from ui.door import EVERYBODY, IDLE_AFTER_MIN, Door, Visit, listening_fault
from ui.layout import LineLayout
from ui.login_pages import Entrance, EntranceAuth, LoginPage, LogoutPage
from ui.logins import Logins
from ui.origins import Origin, allowed_origins, is_loopback, is_proxied, read_origin
from ui.page import THEME_FOLDER, OpenPage
from ui.pages import PAGES, Page
from ui.people import People
from ui.quantities import QUANTITIES, Quantity, trend_columns
from ui.roles import Person
from ui.snapshot import SILENCE_S
from ui.treating import AlarmDesk

_log: Final = logging.getLogger(__name__)
_HEALTHY_LOOK_S: Final = 5.0


@dataclass(frozen=True)
class ScreenSettings:
    """What the screens need.

    Attributes:
        host, port: where to listen; another free port is taken if `port` is in use.
        partitions: of the topic `commands`.
        max_age_s: wall time after which a value is stale.
        silence_s: wall time after which silence of decisions and of the guard is bad news.
        setpoints: of the plant file, for what people set by hand.
        person: in whose name commands are given where people have no accounts.
        people: file of people's accounts; None: they have none.
        idle_s: without a command and a page opened, after which a login ends.
        certificate_file, key_file: of the server, PEM; None: plain HTTP.
        pages: normally the whole table.
        names: further ones under which browsers may reach the server: by itself, or, as whole
            origins, by a proxy.
        look_interval_s: how often the picture is read.
        session_grace_s: how long a page without a browser is kept, in case it comes back.
    """

    host: str
    port: int
    redis_address: str
    kafka: KafkaConnection
    layout: LineLayout
    partitions: int
    max_age_s: float = 5.0
    silence_s: float = SILENCE_S
    quantities: tuple[Quantity, ...] = QUANTITIES
    setpoints: tuple[SetpointLimits, ...] = ()
    person: Person = EVERYBODY
    people: Path | None = None
    idle_s: float = IDLE_AFTER_MIN * 60.0
    certificate_file: Path | None = None
    key_file: Path | None = None
    pages: tuple[Page, ...] = PAGES
    names: tuple[Origin, ...] = ()
    look_interval_s: float = 0.5
    session_grace_s: float = 10.0

    @property
    def scheme(self) -> str:
        """By which the server itself answers."""
        return "http" if self.certificate_file is None else "https"


class _Health(RequestHandler):
    """Says whether the screens get news: 200 if so, 503 with the reason if not.

    Who logs in is told on this machine only, and only where no proxy asks in others' stead.
    """

    def initialize(self, collector: Collector, door: Door, is_proxied: bool) -> None:
        self._collector = collector
        self._door = door
        self._is_proxied = is_proxied

    def get(self) -> None:
        snapshot = self._collector.snapshot
        look_age_s = (time.time_ns() - snapshot.now_ns) / 1e9
        reason = snapshot.link
        if look_age_s > _HEALTHY_LOOK_S:
            reason = f"The server has not looked at Redis for {look_age_s:.0f} s."
        self.set_status(503 if reason else 200)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        data_age_s = snapshot.data_age_s
        told: dict[str, object] = {
            "status": "ill" if reason else "well",
            "reason": reason,
            "screens": self._collector.listeners,
            "data_age_s": data_age_s if math.isfinite(data_age_s) else None,
        }
        if not self._is_proxied and is_loopback(str(self.request.remote_ip)):
            told["logins"] = self._door.figures()
        self.finish(json.dumps(told))


def _applications(
    settings: ScreenSettings,
    collector: Collector,
    command_desk: CommandDesk,
    alarm_desk: AlarmDesk,
    auth: EntranceAuth,
) -> dict[str, Application]:
    columns = trend_columns(settings.quantities)

    def open_page(page: Page, document: Document) -> None:
        session: Any = document.session_context
        request = session.request
        arguments: dict[str, list[bytes]] = request.arguments
        visit: Visit = request.visit
        if visit.is_made:
            visit.use()
        auth.own(session.id, visit)
        document.on_session_destroyed(lambda gone: auth.disown(gone.id))
        OpenPage(
            document,
            page,
            layout=settings.layout,
            quantities=settings.quantities,
            columns=columns,
            setpoints=settings.setpoints,
            visit=visit,
            collector=collector,
            command_desk=command_desk,
            alarm_desk=alarm_desk,
            query={name: values[-1].decode(errors="replace") for name, values in arguments.items()},
        )

    return {
        page.route: Application(FunctionHandler(partial(open_page, page)))
        for page in settings.pages
    }


def free_port(host: str, wanted: int) -> int:
    """Return `wanted` if it can be listened at, else another free port."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as exc:
                _log.warning("Port %d of %s is taken (%s); taking another.", port, host, exc)
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"No port of {host} can be listened at. Remedy: set ui.host to a local address.")


def _listen(
    settings: ScreenSettings,
    collector: Collector,
    command_desk: CommandDesk,
    alarm_desk: AlarmDesk,
    door: Door,
    people: People | None,
) -> Server:
    port = free_port(settings.host, settings.port)
    names = {read_origin(settings.host), *settings.names}
    if settings.host in {"127.0.0.1", "localhost"}:
        names |= {read_origin("127.0.0.1"), read_origin("localhost")}
    # A proxy that has TLS is the browser's server: what it is sent must not leave TLS either.
    is_secure = settings.scheme == "https" or any(name.scheme == "https" for name in names)
    entrance = Entrance(
        door=door,
        people=people,
        # Browsers keep cookies by host, whatever the port: two control rooms must not share one.
        cookie=f"{'__Host-' if is_secure else ''}potline-login-{port}",
        is_secure=is_secure,
        routes=frozenset(page.route for page in settings.pages),
        plant=settings.layout.name,
    )
    auth = EntranceAuth(entrance)
    pages = [("/login", LoginPage), ("/logout", LogoutPage)] if door.has_accounts else []
    return Server(
        _applications(settings, collector, command_desk, alarm_desk, auth),
        io_loop=IOLoop.current(),
        address=settings.host,
        port=port,
        allow_websocket_origin=allowed_origins(names, settings.scheme, port),
        extra_patterns=[
            (
                r"/healthz",
                _Health,
                {
                    "collector": collector,
                    "door": door,
                    "is_proxied": is_proxied(settings.host, settings.names),
                },
            ),
            (r"/theme/(.*)", StaticFileHandler, {"path": str(THEME_FOLDER)}),
            *((route, page, {"entrance": entrance}) for route, page in pages),
        ],
        unused_session_lifetime_milliseconds=round(settings.session_grace_s * 1000),
        check_unused_sessions_milliseconds=round(settings.session_grace_s * 300),
        # What people do is in the journal; the figures of sessions are in /healthz.
        stats_log_frequency_milliseconds=3_600_000,
        auth_provider=auth,
        # Bokeh would write what a page was asked with into the page, cookies too.
        include_headers=[],
        include_cookies=[],
        cookie_secret=secrets.token_hex(32),
        xsrf_cookies=True,
        xsrf_cookie_name=f"{entrance.cookie}-form",
        xsrf_cookie_kwargs={"httponly": True, "samesite": "Strict", "secure": is_secure},
        ssl_certfile=None if settings.certificate_file is None else str(settings.certificate_file),
        ssl_keyfile=None if settings.key_file is None else str(settings.key_file),
    )


def _open_door(settings: ScreenSettings) -> tuple[Door, People | None]:
    has_tls = settings.certificate_file is not None
    has_people = settings.people is not None
    if fault := listening_fault(settings.host, has_people, has_tls, settings.names):
        raise AccountError(fault)
    if settings.people is None:
        return Door(settings.person), None
    people = People(settings.people)
    return Door(settings.person, Logins(people, settings.idle_s)), people


async def run_ui(
    settings: ScreenSettings, stop: asyncio.Event, announce: Callable[[str], None] = print
) -> None:
    """Serve the control room until `stop` is set.

    Args:
        announce: told the address once pages can be opened.

    Raises:
        OSError: nothing can be listened at on the host.
        AccountError: the accounts cannot be used, or passwords would cross a network in the clear.
    """
    door, people = _open_door(settings)
    collector = Collector(
        settings.redis_address,
        settings.layout,
        settings.look_interval_s,
        settings.max_age_s,
        settings.silence_s,
    )
    command_desk = CommandDesk(settings.kafka, settings.layout, settings.partitions)
    alarm_desk = AlarmDesk(settings.kafka)
    server = _listen(settings, collector, command_desk, alarm_desk, door, people)
    looking = asyncio.create_task(collector.run(stop))
    stopping = asyncio.create_task(stop.wait())
    # Bokeh collects all garbage twice for each screen that closes, and every other screen waits for
    # it: 0.1 s with what is loaded by now, next to nothing where that need not be looked through.
    gc.collect()
    gc.freeze()
    try:
        server.start()
        announce(f"{settings.scheme}://{settings.host}:{server.port}/")
        await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            looking.result()  # it never ends by itself: say why it did
    finally:
        looking.cancel()
        stopping.cancel()
        await asyncio.gather(looking, stopping, return_exceptions=True)
        server.unlisten()
        server.stop()
        await asyncio.gather(command_desk.close(), alarm_desk.close())
        door.close()
        gc.unfreeze()
