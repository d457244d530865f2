"""What tests of logins share: people with passwords, and somebody at a browser without one."""

import re
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

from stream.accounts import PEOPLE_FILE, Role, keep_person

PASSWORD = "a long enough word"
PEOPLE = {
    "anna": Role.OPERATOR,
    "bert": Role.ENGINEER,
    "carla": Role.SUPERVISOR,
    "olga": Role.OBSERVER,
}


def make_people(folder: Path) -> Path:
    """Make accounts, and return their file."""
    for name, role in PEOPLE.items():
        keep_person(folder / PEOPLE_FILE, name, role, PASSWORD)
    return folder / PEOPLE_FILE


class Visitor:
    """Asks a control room as a browser does: keeps cookies, fills forms in, follows nothing."""

    def __init__(self, address: str, **options: object) -> None:
        self.address = address.rstrip("/")
        self.cookies: dict[str, str] = {}
        self.set: list[str] = []  # cookies as they were set last
        self._options = options

    async def get(self, path: str, **headers: str) -> HTTPResponse:
        return await self._fetch(path, headers=headers)

    async def post(self, path: str, **fields: str) -> HTTPResponse:
        from urllib.parse import urlencode

        return await self._fetch(path, method="POST", body=urlencode(fields))

    async def log_in(self, name: str, password: str = PASSWORD, next_: str = "/") -> HTTPResponse:
        form = token_in((await self.get("/login")).body.decode())
        return await self.post("/login", _xsrf=form, name=name, password=password, next=next_)

    async def who(self) -> str:
        """Who the page says that this is."""
        text = (await self.get("/")).body.decode()
        found = re.search(r'<b id="who">([^<]*)</b>', text)
        assert found is not None
        return found.group(1)

    async def _fetch(self, path: str, **more: object) -> HTTPResponse:
        headers = dict(more.pop("headers", {}))  # type: ignore[call-overload]
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        request = HTTPRequest(
            self.address + path,
            headers=headers,
            follow_redirects=False,
            **{**self._options, **more},  # type: ignore[arg-type]
        )
        answer = await AsyncHTTPClient().fetch(request, raise_error=False)
        self.set = answer.headers.get_list("Set-Cookie")
        for cookie in self.set:
            name, _, value = cookie.partition(";")[0].partition("=")
            if value and value != '""':
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        return answer


def token_in(page: str) -> str:
    """What a form on a page sends back."""
    found = re.search(r'name="_xsrf" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)
