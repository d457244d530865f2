"""The way in and out of the control room's web server: who a request is from, /login, /logout."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from bokeh.server.auth_provider import AuthProvider
from bokeh.util.token import get_session_id
from jinja2 import Environment, FileSystemLoader
from tornado.web import HTTPError, RequestHandler

from ui.door import Door, TooManyError, Visit
from ui.people import People

_TEMPLATE: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "theme"), autoescape=True
).get_template("login.html")
_WRONG: Final = (
    "Name and password do not fit, or there were too many tries. Wait a few seconds and try again."
)
_BUSY: Final = "Too many people log in at this moment. Wait a few seconds and try again."


@dataclass(frozen=True)
class Entrance:
    """What the pages of logins share.

    Attributes:
        door: lets people in.
        people: who has an account; None where nobody has.
        cookie: name of the one that keeps a login.
        is_secure: whether browsers come over TLS.
        routes: of the pages to which a login may lead.
        plant: name of it.
    """

    door: Door
    people: People | None
    cookie: str
    is_secure: bool
    routes: frozenset[str]
    plant: str

    def key_of(self, handler: RequestHandler) -> str:
        """Return the secret of the login that a request comes with, standing or not."""
        kept = handler.get_signed_cookie(self.cookie)
        return "" if kept is None else kept.decode(errors="replace")

    def keep(self, handler: RequestHandler, key: str) -> None:
        """Let the browser keep a login until it is closed."""
        handler.set_signed_cookie(self.cookie, key, expires_days=None, **self._attributes)

    def forget(self, handler: RequestHandler) -> None:
        """Let the browser forget a login. It takes that only with what the cookie was set with."""
        handler.clear_cookie(self.cookie, **self._attributes)

    @property
    def _attributes(self) -> dict[str, Any]:
        return {
            "path": "/",
            "httponly": True,
            "samesite": "Strict",
            "secure": self.is_secure,
        }


class EntranceAuth(AuthProvider):
    """Tells Bokeh's server who a request is from: everybody may look, so nobody is turned away.

    What is turned away is a page of somebody else: a session belongs to the login that it was
    opened with, whoever knows its id.
    """

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._keys: dict[str, str] = {}  # by session of a page
        super().__init__()

    @property
    def get_user(self) -> Callable[[Any], Any]:
        return self._visit_of

    @property
    def login_url(self) -> str:
        return "/login"

    def own(self, session_id: str, visit: Visit) -> None:
        """Know whose a page is."""
        if visit.key:
            self._keys[session_id] = visit.key

    def disown(self, session_id: str) -> None:
        """Know that a page is gone."""
        self._keys.pop(session_id, None)

    def _visit_of(self, handler: Any) -> Visit:
        entrance = self._entrance
        key = entrance.key_of(handler) if entrance.door.has_accounts else ""
        for session_id in _sessions_named(handler):
            if self._keys.get(session_id, key) != key:
                raise HTTPError(403, "a page of somebody else was asked for")
        is_page = "Upgrade" not in handler.request.headers
        if is_page:
            # Nobody is to be led to press a button of a page that is shown inside another.
            handler.set_header("Content-Security-Policy", "frame-ancestors 'none'")
            handler.set_header("Cache-Control", "no-store")
        xsrf = ""
        if is_page and entrance.door.has_accounts:
            xsrf = handler.xsrf_token.decode()
        visit = Visit(entrance.door, key, xsrf, is_page and _is_made(handler.request.headers))
        handler.request.visit = visit
        return visit


def _is_made(headers: Mapping[str, str]) -> bool:
    """Whether somebody asked for a page: a browser says so of a link, an address, a reload by hand,
    and not of a page that loads itself afresh."""
    return headers.get("Sec-Fetch-User") == "?1"


def _sessions_named(handler: Any) -> list[str]:
    """Return the ids of sessions that a request names, in any of the ways that Bokeh reads."""
    named = [*handler.get_arguments("bokeh-session-id")]
    headers = handler.request.headers
    named += headers.get_list("Bokeh-Session-Id")
    tokens = [*handler.get_arguments("bokeh-token")]
    tokens += [part.strip() for part in headers.get("Sec-WebSocket-Protocol", "").split(",")[1:]]
    for token in tokens:
        try:
            named.append(str(get_session_id(token)))
        except (ValueError, KeyError, TypeError) as exc:
            raise HTTPError(403, "a token of no session") from exc
    return named


def safe_next(target: str, routes: frozenset[str]) -> str:
    """Return where a login leads: one of our pages, whatever was asked for.

    Args:
        target: as it came.
        routes: of our pages.
    """
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or parts.path not in routes:
        return "/"
    cell = parse_qs(parts.query).get("cell", [""])[-1]
    is_cell = cell.isascii() and cell.isdigit() and len(cell) < 6
    return f"{parts.path}?cell={cell}" if is_cell else parts.path


class _EntrancePage(RequestHandler):
    """What both have in common."""

    def initialize(self, entrance: Entrance) -> None:
        self._entrance = entrance

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
            "frame-ancestors 'none'; base-uri 'none'",
        )
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        """Say what went wrong in one sentence, in the place of the library's page."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        stale = "This form has been open for too long. Go back, load the page again and try again."
        self.finish(stale if status_code == 403 else f"That did not work ({status_code}).")


class LoginPage(_EntrancePage):
    """Asks for name and password."""

    def get(self) -> None:
        self._show("")

    async def post(self) -> None:
        entrance = self._entrance
        assert entrance.people is not None
        name = self.get_body_argument("name", "").strip()
        password = self.get_body_argument("password", "", strip=False)
        try:
            key = await entrance.door.log_in(
                entrance.people, name, password, str(self.request.remote_ip)
            )
        except TooManyError:
            self.set_status(503)
            self._show(_BUSY)
            return
        if key is None:
            self.set_status(401)
            self._show(_WRONG)
            return
        entrance.door.log_out(entrance.key_of(self))
        entrance.keep(self, key)
        self.redirect(self._next(), status=303)

    def _next(self) -> str:
        return safe_next(self.get_argument("next", "/"), self._entrance.routes)

    def _show(self, complaint: str) -> None:
        self.finish(
            _TEMPLATE.render(
                plant=self._entrance.plant,
                complaint=complaint,
                next=self._next(),
                xsrf=self.xsrf_token.decode(),
            )
        )


class LogoutPage(_EntrancePage):
    """Ends a login; only ever by a form of ours."""

    def post(self) -> None:
        self._entrance.door.log_out(self._entrance.key_of(self))
        self._entrance.forget(self)
        target = self.get_argument("next", "/")
        self.redirect(safe_next(target, self._entrance.routes), status=303)
