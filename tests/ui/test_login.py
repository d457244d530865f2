"""Who is who in the control room: log in, log out, idle, changed, forged, over TLS."""

import json
from pathlib import Path

import pytest
from bokeh.document import Document
from bokeh.models import Div
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from control.modes import Mode
from opcua.certificates import make_certificates
from stream.accounts import PEOPLE_FILE, AccountError, Role, keep_person, read_accounts
from stream.records import CommandKind
from tests.ui.conftest import until
from tests.ui.logins import PASSWORD, Visitor, make_people, token_in
from tests.ui.test_panels import (
    COLUMNS,
    LAYOUT,
    SETPOINTS,
    _click,
    snapshot_of,
    take_turns,
    told,
)
from tests.ui.test_server import NO_KAFKA, health, serving
from ui.collector import Collector
from ui.commands import CommandDesk
from ui.door import EVERYBODY, Door, TooManyError, Visit, everybody_at, listening_fault
from ui.login_pages import safe_next
from ui.logins import MOST_LOGINS, Logins
from ui.page import OpenPage
from ui.pages import PAGES
from ui.people import People
from ui.quantities import QUANTITIES
from ui.roles import Role as UiRole
from ui.roles import refusal
from ui.treating import AlarmDesk


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return make_people(tmp_path)


def logins_of(path: Path, clock: Clock) -> Logins:
    return Logins(People(path), 900.0, clock)


def test_a_login_ends_when_nobody_asks_or_opens_anything(people: Path) -> None:
    clock = Clock()
    logins = logins_of(people, clock)
    key = logins.begin(read_accounts(people)["anna"])
    for _ in range(5):
        clock.now_s += 800.0
        assert logins.use(key).name == "anna"
    clock.now_s += 850.0
    assert logins.person(key).name == "anna"
    clock.now_s += 60.0  # to have been looked at is no sign that she is there
    person = logins.use(key)
    assert person.role is UiRole.VIEWER
    assert "ended after 15 min without a command" in refusal(person, CommandKind.SWITCH_OFF)
    assert (logins.made, logins.ended, logins.idle, logins.open) == (1, 1, 1, 0)


@pytest.mark.contract(10)
@pytest.mark.parametrize("change", ["role", "password", "gone", "broken", "no text"])
def test_a_login_ends_when_the_account_is_changed(people: Path, change: str) -> None:
    logins = logins_of(people, Clock())
    key = logins.begin(read_accounts(people)["bert"])
    assert logins.use(key).role is UiRole.ENGINEER
    if change == "role":
        keep_person(people, "bert", Role.OBSERVER, PASSWORD)
    elif change == "password":
        keep_person(people, "bert", Role.ENGINEER, "another long word")
    elif change == "gone":
        people.unlink()
    elif change == "broken":
        people.write_text("[[account]]\nname = 7")
    else:
        people.write_text(people.read_text().replace('application = ""', "application = 0"))
    person = logins.use(key)
    assert person.role is UiRole.VIEWER
    assert "account was changed" in refusal(person, CommandKind.REQUEST_BYPASS)
    people.unlink(missing_ok=True)
    make_people(people.parent)
    assert logins.use(key).role is UiRole.VIEWER, "what has ended stays so"


def test_who_is_logged_in_is_known_by_a_secret_alone(people: Path) -> None:
    logins = logins_of(people, Clock())
    accounts = read_accounts(people)
    first, second = logins.begin(accounts["anna"]), logins.begin(accounts["anna"])
    assert first != second
    logins.end(first)
    assert logins.person(first).role is UiRole.VIEWER
    assert logins.person(second).name == "anna"
    for guess in ("", "anna", second[:-1], f"{second} "):
        assert logins.person(guess).role is UiRole.VIEWER


def test_who_logs_in_again_and_again_ends_their_own_oldest_login_only(people: Path) -> None:
    clock = Clock()
    logins = logins_of(people, clock)
    accounts = read_accounts(people)
    bert = logins.begin(accounts["bert"])
    keys = []
    for _ in range(MOST_LOGINS + 1):
        clock.now_s += 1.0
        keys.append(logins.begin(accounts["anna"]))
    assert logins.person(bert).name == "bert", "nobody is put out by somebody else"
    assert [logins.is_open(key) for key in keys] == [False] + [True] * MOST_LOGINS
    assert "logged in 8 times since" in refusal(logins.person(keys[0]), CommandKind.SWITCH_OFF)
    logins.end(keys[-1])
    last = logins.begin(accounts["anna"])
    assert all(logins.is_open(key) for key in (*keys[1:-1], last)), "one that is over is no room"
    assert logins.open == MOST_LOGINS + 1


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        ("/orders", "/orders"),
        ("/cell?cell=7", "/cell?cell=7"),
        ("/cell?cell=7&next=//evil.example", "/cell?cell=7"),
        ("/cell?cell=../..", "/cell"),
        ("//evil.example/", "/"),
        ("https://evil.example/cell", "/"),
        ("\\\\evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/cell\r\nSet-Cookie: x=1", "/"),
        ("/nowhere", "/"),
        ("http://[", "/"),
        ("", "/"),
    ],
)
def test_a_login_leads_to_a_page_of_ours_only(target: str, leads: str) -> None:
    assert safe_next(target, frozenset({"/", "/cell", "/orders"})) == leads


def test_passwords_cross_no_network_in_the_clear() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.3.2.1"):
        assert listening_fault(host, True, False) == ""
        assert everybody_at(host) == EVERYBODY
    for host in ("0.0.0.0", "10.1.2.3", "scada.example", "::"):
        assert "Remedy: set ui.certificate_file" in listening_fault(host, True, False)
        assert listening_fault(host, True, True) == ""
        assert listening_fault(host, False, False) == ""
        person = everybody_at(host)
        assert "no accounts" in refusal(person, CommandKind.SET_MODE, Mode.MANUAL)


async def test_passwords_on_an_open_host_without_tls_are_refused(
    database: str, people: Path
) -> None:
    with pytest.raises(AccountError, match="in the clear"):
        async with serving(database, people=people, host="0.0.0.0"):
            pass


async def test_without_accounts_everybody_here_is_the_operator(database: str) -> None:
    async with serving(database) as address:
        visitor = Visitor(address)
        assert await visitor.who() == "Everybody here is the operator"
        assert (await visitor.get("/login")).code == 404
        assert visitor.set == []


@pytest.mark.contract(10)
async def test_people_log_in_and_out_and_all_else_is_a_view(database: str, people: Path) -> None:
    async with serving(database, people=people) as address:
        anna, other = Visitor(address), Visitor(address)
        assert await anna.who() == "View only"
        answer = await anna.log_in("anna", next_="/cell?cell=7")
        assert (answer.code, answer.headers["Location"]) == (303, "/cell?cell=7")
        (cookie,) = [one for one in anna.set if "-form" not in one]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
        assert await anna.who() == "anna, operator"
        assert await other.who() == "View only"
        page = (await anna.get("/")).body.decode()
        assert not any(value in page for name, value in anna.cookies.items() if "-form" not in name)
        _, body = await health(address)
        assert body["logins"] == {"open": 1, "made": 1, "ended": 0, "idle": 0, "refused": 0}
        answer = await anna.post("/logout", _xsrf=token_in(page), next="//evil.example")
        assert (answer.code, answer.headers["Location"]) == (303, "/")
        assert await anna.who() == "View only"
        _, body = await health(address)
        assert body["logins"] == {"open": 0, "made": 1, "ended": 1, "idle": 0, "refused": 0}


async def test_a_cookie_that_is_kept_after_the_logout_is_worth_nothing(
    database: str, people: Path
) -> None:
    async with serving(database, people=people) as address:
        anna = Visitor(address)
        await anna.log_in("anna")
        kept = dict(anna.cookies)
        page = (await anna.get("/")).body.decode()
        await anna.post("/logout", _xsrf=token_in(page))
        anna.cookies = kept
        assert await anna.who() == "View only"
        name = next(one for one in kept if "-form" not in one)
        for forged in ("x", kept[name][:-1] + "0", "2|1:0|10:1|0:|0:|" + "0" * 64):
            anna.cookies[name] = forged
            assert await anna.who() == "View only"


async def test_what_does_not_fit_is_refused_with_one_sentence(
    database: str, people: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tried = "my password by mistake"
    async with serving(database, people=people) as address:
        visitor = Visitor(address)
        bodies = set()
        for name, password in (
            ("anna", "wrong word here"),
            (tried, "wrong word here"),
            ("", ""),
            ("anna", "x" * 5000),
        ):
            answer = await visitor.log_in(name, password)
            assert answer.code == 401
            bodies.add(answer.body.decode().split('role="alert">')[1].split("<")[0])
        assert len(bodies) == 1, "nobody learns which names there are"
        _, body = await health(address)
        assert body["logins"]["refused"] == 4  # type: ignore[index,call-overload]
        assert await visitor.who() == "View only"
        assert "anna" in caplog.text
        assert tried not in caplog.text


async def test_who_is_tried_by_somebody_else_can_log_in(people: Path) -> None:
    door = Door(EVERYBODY, logins_of(people, Clock()))
    known = People(people)
    for number in range(7):
        assert await door.log_in(known, "anna", f"wrong word {number}", "10.0.0.66") is None
    assert await door.log_in(known, "anna", PASSWORD, "10.0.0.7") is not None
    door.close()


async def test_so_many_from_one_address_leave_room_for_another(people: Path) -> None:
    import asyncio

    door = Door(EVERYBODY, logins_of(people, Clock()))
    known = People(people)
    tried = [door.log_in(known, "bert", f"wrong word {n}", "10.0.0.66") for n in range(30)]
    mine = door.log_in(known, "anna", PASSWORD, "10.0.0.7")
    *others, key = await asyncio.gather(*tried, mine, return_exceptions=True)
    assert isinstance(key, str)
    turned_away = [one for one in others if isinstance(one, TooManyError)]
    assert len(turned_away) == 26
    assert [one for one in others if one not in turned_away] == [None] * 4
    assert await door.log_in(known, "bert", PASSWORD, "10.0.0.66") is not None
    door.close()


async def test_forms_of_other_sites_do_nothing(database: str, people: Path) -> None:
    async with serving(database, people=people) as address:
        anna = Visitor(address)
        for form in ({}, {"_xsrf": "x"}, {"_xsrf": ""}):
            answer = await anna.post("/login", name="anna", password=PASSWORD, **form)
            assert answer.code == 403
        await anna.log_in("anna")
        assert (await anna.post("/logout")).code == 403
        assert (await anna.get("/logout")).code == 405
        assert await anna.who() == "anna, operator"
        headers = (await anna.get("/")).headers
        assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"


async def test_screens_are_served_while_passwords_are_looked_at(
    database: str, people: Path
) -> None:
    import asyncio

    async with serving(database, people=people) as address:
        visitor = Visitor(address)
        form = token_in((await visitor.get("/login")).body.decode())
        many = [
            visitor.post("/login", _xsrf=form, name=name, password="wrong word here")
            for name in ("anna", "bert", "carla", "olga") * 4
        ]
        answers = await asyncio.gather(*many)
        assert {answer.code for answer in answers} <= {401, 503}
        assert (await visitor.get("/healthz")).code == 503  # of no picture: it answers


def session_of(page: str) -> str:
    import re

    found = re.search(r'"token":"([^"]+)"', page)
    assert found is not None
    return found.group(1)


async def is_let_in(
    address: str, token: str, cookies: dict[str, str], origin: str | None = None
) -> bool:
    """Whether a browser with those cookies gets the channel of a page that is from an origin."""
    headers = {"Origin": origin or address.rstrip("/")}
    if cookies:
        headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in cookies.items())
    request = HTTPRequest(address.replace("http", "ws") + "ws", headers=headers)
    try:
        channel = await websocket_connect(request, subprotocols=["bokeh", token])
        answer = await channel.read_message()
    except HTTPClientError:
        return False
    channel.close()
    return answer is not None


@pytest.mark.contract(10)
async def test_a_page_belongs_to_the_login_that_opened_it(database: str, people: Path) -> None:
    from bokeh.util.token import get_session_id

    async with serving(database, people=people, session_grace_s=30.0) as address:
        anna, thief = Visitor(address), Visitor(address)
        await anna.log_in("anna")
        token = session_of((await anna.get("/")).body.decode())
        session = get_session_id(token)
        assert (await thief.get(f"/?bokeh-session-id={session}")).code == 403
        assert (await thief.get("/", **{"Bokeh-Session-Id": session})).code == 403
        assert (await thief.get(f"/?bokeh-token={token}")).code == 403
        assert (await thief.get("/?bokeh-token=x")).code == 403
        assert not await is_let_in(address, token, {})
        await thief.log_in("bert")
        assert not await is_let_in(address, token, thief.cookies)
        assert await is_let_in(address, token, anna.cookies)


async def test_a_visit_asks_anew_who_it_is_of(people: Path) -> None:
    clock = Clock()
    door = Door(EVERYBODY, logins_of(people, clock))
    assert await door.log_in(People(people), "olga", "no", "here") is None
    key = await door.log_in(People(people), "olga", PASSWORD, "here")
    assert key is not None
    visit = Visit(door, key)
    assert visit.words == "olga, observer"
    assert "may look and ask for nothing" in refusal(visit.use(), CommandKind.SWITCH_OFF)
    door.log_out(key)
    assert visit.words == "View only"
    door.close()


async def test_over_tls_the_cookie_never_leaves_it(
    database: str, people: Path, tmp_path: Path
) -> None:
    made = tmp_path / "certs"
    make_certificates(made, ["127.0.0.1"], key_bits=2048)
    certificate = next(made.rglob("scada/certificate.pem"), None)
    assert certificate is not None
    options = {"certificate_file": certificate, "key_file": certificate.with_name("key.pem")}
    async with serving(database, people=people, host="127.0.0.1", **options) as address:
        assert address.startswith("https://")
        carla = Visitor(address, validate_cert=False)
        assert (await carla.log_in("carla")).code == 303
        assert all("Secure" in cookie for cookie in carla.set)
        assert any(name.startswith("__Host-") for name in carla.cookies)
        assert await carla.who() == "carla, manager"
        body = json.loads((await carla.get("/healthz")).body)
        assert body["logins"]["open"] == 1


def test_accounts_of_programs_are_for_the_front_alone(people: Path) -> None:
    keep_person(people, "hal", Role.OPTIMISER, PASSWORD)
    keep_person(people, "dora", Role.OPERATOR, PASSWORD, "urn:potline:hmi")
    assert set(read_accounts(people)) - set(People(people).accounts) == {"hal", "dora"}


def test_the_file_is_read_again_when_it_is_changed(people: Path) -> None:
    known = People(people)
    assert "dora" not in known.accounts
    keep_person(people, "dora", Role.OPERATOR, PASSWORD)
    assert "dora" in known.accounts
    with pytest.raises(AccountError, match="Remedy"):
        People(people.with_name("nothing") / PEOPLE_FILE)


async def test_a_login_that_is_idle_falls_back_to_the_view(database: str, people: Path) -> None:
    async with serving(database, people=people, idle_s=1.0) as address:
        anna = Visitor(address)
        assert (await anna.log_in("anna")).code == 303

        async def has_ended() -> bool:
            _, body = await health(address)
            return body["logins"]["idle"] == 1  # type: ignore[index,call-overload]

        await until(has_ended)
        assert await anna.who() == "View only"
        await anna.log_in("anna")
        assert await anna.who() == "anna, operator"


@pytest.mark.contract(10)
async def test_what_is_pressed_all_the_same_is_refused_where_the_command_is_made(
    people: Path,
) -> None:
    clock = Clock()
    door = Door(EVERYBODY, logins_of(people, clock))
    key = await door.log_in(People(people), "anna", PASSWORD, "here")
    assert key is not None
    collector = Collector("redis://127.0.0.1:1/0", LAYOUT, 0.5, 5.0)
    collector.show(snapshot_of(told(3)))
    desk = CommandDesk(NO_KAFKA, LAYOUT, 3)
    for visit, words in (
        (Visit(door, key), "ended after 15 min without a command"),
        (Visit(door, key), "ended after 15 min without a command"),
        (Visit(door), "View only: log in to give commands"),
    ):
        document = Document()
        page = next(page for page in PAGES if page.key == "cell")
        OpenPage(
            document, page, layout=LAYOUT, quantities=QUANTITIES, columns=COLUMNS,
            setpoints=SETPOINTS, visit=visit, collector=collector, command_desk=desk,
            alarm_desk=AlarmDesk(NO_KAFKA), query={},
        )  # fmt: skip
        clock.now_s += 1000.0
        (button,) = document.select({"name": "MANUAL"})
        (reason,) = document.select({"name": "reason"})
        (confirm,) = document.select({"name": "confirm"})
        button.disabled = confirm.disabled = False  # as any client can make them
        _click(button)
        reason.value = "tapping"
        _click(confirm)
        take_turns(document)
        said = " ".join(div.text for div in document.select({"type": Div}))
        assert words in said
    await desk.close()
    door.close()
