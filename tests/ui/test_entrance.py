"""How browsers reach the control room: by which names, over a proxy, and who is told of logins."""

import time
from pathlib import Path

import pytest

from tests.ui.conftest import until
from tests.ui.logins import Visitor, make_people, token_in
from tests.ui.test_login import is_let_in, session_of
from tests.ui.test_server import health, serving
from ui.door import EVERYBODY, NO_ACCOUNTS, everybody_at, listening_fault
from ui.origins import (
    OriginError,
    allowed_origins,
    checked_host,
    read_origin,
    read_origins,
)
from ui.roles import Person


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return make_people(tmp_path)


@pytest.mark.parametrize(
    ("words", "scheme", "port", "allowed"),
    [
        # What browsers send of a usual port is the name alone, which Bokeh takes for port 80.
        ("ControlRoom.Example", "http", 5006, "controlroom.example:5006"),
        ("controlroom.example", "https", 443, "controlroom.example:80"),
        ("controlroom.example", "http", 80, "controlroom.example:80"),
        ("controlroom.example", "http", 443, "controlroom.example:443"),
        ("controlroom.example", "https", 80, "controlroom.example:80"),
        ("https://Potline.Example", "http", 5006, "potline.example:80"),
        ("https://potline.example:443", "http", 5006, "potline.example:80"),
        ("https://potline.example:8443", "http", 5006, "potline.example:8443"),
        ("http://potline.example", "https", 5006, "potline.example:80"),
    ],
)
def test_a_name_is_allowed_as_browsers_send_it(
    words: str, scheme: str, port: int, allowed: str
) -> None:
    assert allowed_origins([read_origin(words)], scheme, port) == [allowed]


@pytest.mark.parametrize(
    "words",
    [
        "*", "a b", "ftp://potline.example", "https://", "https://potline.example/page", "[::1]",
        "https://[::1]:5006", "https://potline.example:0", "https://potline.example:70000",
        "https://anna@potline.example", "potline.example:5006", "-x", "https://potline.example:x",
    ],
)  # fmt: skip
def test_what_is_no_name_and_no_origin_is_refused(words: str) -> None:
    with pytest.raises(OriginError, match="Remedy: write it like"):
        read_origin(words)


@pytest.mark.parametrize("host", ["::1", "::", "[::1]", "fe80::1"])
def test_a_host_of_ipv6_is_refused_with_a_sentence(host: str) -> None:
    with pytest.raises(OriginError, match="of IPv6, and the control room listens at IPv4"):
        checked_host(host)


@pytest.mark.parametrize("host", ["", "a b", "127.0.0.1:5006", "http://here"])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(OriginError, match="is no name and no address"):
        checked_host(host)


def test_passwords_cross_no_network_in_the_clear_behind_a_proxy_either() -> None:
    for words in ("controlroom.example", "http://controlroom.example:8080", "http://10.1.2.3"):
        fault = listening_fault("127.0.0.1", True, False, read_origins(words))
        assert "in the clear. Remedy: write https://" in fault
        assert listening_fault("127.0.0.1", False, False, read_origins(words)) == ""
    for words in ("https://controlroom.example", "localhost", "http://127.0.0.1:8080", ""):
        assert listening_fault("127.0.0.1", True, False, read_origins(words)) == ""
    assert listening_fault("0.0.0.0", True, True, read_origins("controlroom.example")) == ""
    assert "0.0.0.0" in listening_fault("0.0.0.0", True, False, read_origins("https://x.example"))


@pytest.mark.parametrize(
    ("host", "names", "person"),
    [
        ("127.0.0.1", "", EVERYBODY),
        ("127.0.0.1", "localhost, http://localhost:8080", EVERYBODY),
        ("127.0.0.1", "https://controlroom.example", NO_ACCOUNTS),
        ("127.0.0.1", "controlroom.example", NO_ACCOUNTS),
        ("0.0.0.0", "localhost", NO_ACCOUNTS),
    ],
)
def test_without_accounts_nobody_gives_commands_through_a_proxy(
    host: str, names: str, person: Person
) -> None:
    assert everybody_at(host, read_origins(names)) == person


async def test_a_page_from_a_proxy_with_tls_gets_its_channel_and_a_secure_cookie(
    database: str, people: Path
) -> None:
    names = read_origins("https://potline.example")
    async with serving(database, people=people, names=names, session_grace_s=30.0) as address:
        anna = Visitor(address)
        assert (await anna.log_in("anna")).code == 303
        assert all("Secure" in cookie for cookie in anna.set)
        assert any(name.startswith("__Host-") for name in anna.cookies)
        page = (await anna.get("/")).body.decode()
        own = address.rstrip("/")
        for origin in ("https://potline.example", "https://POTLINE.example", own):
            assert await is_let_in(address, session_of(page), anna.cookies, origin), origin
        for origin in (
            "https://potline.example:8443",
            "https://evil.example",
            "https://potline.example.evil.example",
            "null",
        ):
            assert not await is_let_in(address, session_of(page), anna.cookies, origin), origin


async def test_who_logs_in_is_told_on_this_machine_only(database: str, people: Path) -> None:
    async with serving(database, people=people) as address:
        assert "logins" in (await health(address))[1]
    names = read_origins("https://potline.example")
    async with serving(database, people=people, names=names) as address:
        code, body = await health(address)
        assert code == 503
        assert "logins" not in body, "a proxy of this machine asks for others"
        assert set(body) == {"status", "reason", "screens", "data_age_s"}


async def test_over_tls_a_browser_is_told_to_forget_what_it_was_told_to_keep(
    database: str, people: Path
) -> None:
    names = read_origins("https://potline.example")
    async with serving(database, people=people, names=names) as address:
        anna = Visitor(address)
        await anna.log_in("anna")
        (name,) = [one for one in anna.cookies if not one.endswith("-form")]
        page = (await anna.get("/")).body.decode()
        await anna.post("/logout", _xsrf=token_in(page))
        (gone,) = [one for one in anna.set if one.startswith(f'{name}=""')]
        # Browsers take nothing for a name with __Host- but with Secure and the path.
        assert all(word in gone for word in ("Secure", "Path=/", "HttpOnly", "SameSite=Strict"))
        assert name not in anna.cookies


@pytest.mark.contract(10)
async def test_a_page_that_nobody_asked_for_renews_no_login(database: str, people: Path) -> None:
    async with serving(database, people=people, idle_s=3.0) as address:
        anna = Visitor(address)
        await anna.log_in("anna")

        async def is_over() -> bool:  # as a page loads itself afresh, again and again
            return await anna.who() == "View only"

        await until(is_over)
        _, body = await health(address)
        assert body["logins"]["idle"] == 1  # type: ignore[index]


@pytest.mark.contract(10)
async def test_a_page_that_somebody_asked_for_renews_a_login(database: str, people: Path) -> None:
    async with serving(database, people=people, idle_s=3.0) as address:
        anna = Visitor(address)
        await anna.log_in("anna")
        end_s = time.monotonic() + 6.0
        while time.monotonic() < end_s:
            assert (await anna.get("/", **{"Sec-Fetch-User": "?1"})).code == 200
        assert await anna.who() == "anna, operator"
