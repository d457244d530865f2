"""The control room in a real browser: every route, a command from a click, LINK LOST.

Skipped with its reason where there is no Chromium with its driver.
"""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from control.modes import Mode
from ops.ports import free_port
from stream.frame_codec import encode_estimates, encode_samples
from stream.kafka import KafkaConnection, make_consumer, make_producer
from stream.records import WHOLE_SECTION, Command, Event, decode, encode
from stream.topics import COMMANDS
from tests.ui.conftest import PARTITIONS
from tests.ui.line_story import SECOND_NS, LineStory, make_event, make_mode_event
from tests.ui.logins import PASSWORD, make_people
from ui.feed import run_feed
from ui.layout import LineLayout
from ui.pages import PAGES
from ui.quantities import trend_columns
from ui.server import ScreenSettings, run_ui

CELLS = tuple(range(201, 213))
LAYOUT = LineLayout("REF", "aluminium", (CELLS,))
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None,
        reason="no chromium with chromedriver on the PATH: the pages were not tried in a browser",
    ),
]


class RunningLine:
    """Feed, screens and a story on Kafka, in a thread of their own; obeys commands like a guard."""

    def __init__(
        self,
        kafka: KafkaConnection,
        redis_address: str,
        people: Path | None = None,
        told: tuple[Event, ...] = (),
    ) -> None:
        self._kafka = kafka
        self._people = people
        self._told = told
        self._redis_address = redis_address
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._stop_screens = asyncio.Event()
        self._may_serve = asyncio.Event()
        self._may_serve.set()
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}/"
        self.commands: list[Command] = []
        self._modes = dict.fromkeys(CELLS, Mode.AUTO)

    def start(self) -> None:
        self._thread.start()
        assert self._is_up.wait(30.0)

    def stop(self) -> None:
        for event in (self._stop, self._stop_screens, self._may_serve):
            self._loop.call_soon_threadsafe(event.set)
        self._thread.join(30.0)
        assert not self._thread.is_alive()
        self._loop.close()

    def end_screens(self) -> None:
        self._loop.call_soon_threadsafe(self._may_serve.clear)
        self._loop.call_soon_threadsafe(self._stop_screens.set)

    def restart_screens(self) -> None:
        self._loop.call_soon_threadsafe(self._may_serve.set)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(
                run_feed(
                    self._kafka, self._redis_address, LAYOUT.sections, trend_columns(), self._stop
                )
            )
            group.create_task(self._screens())
            group.create_task(self._tell())
            group.create_task(self._obey())

    async def _screens(self) -> None:
        settings = ScreenSettings(
            host="127.0.0.1",
            port=self._port,
            redis_address=self._redis_address,
            kafka=self._kafka,
            layout=LAYOUT,
            partitions=PARTITIONS,
            people=self._people,
        )
        while not self._stop.is_set():
            await run_ui(settings, self._stop_screens, lambda _address: self._is_up.set())
            await self._may_serve.wait()
            self._stop_screens.clear()

    async def _tell(self) -> None:
        story = LineStory(0, CELLS, session=time.time_ns(), lean=frozenset({205}))
        producer = make_producer(self._kafka, "story")
        await producer.start()
        step = 0
        while not self._stop.is_set():
            now_ns = time.time_ns()
            accepted = encode_samples(story.accepted(step, now_ns))
            for topic in ("samples", "accepted"):
                await producer.send(topic, accepted)
            await producer.send("estimates", encode_estimates(story.estimate(step, now_ns)))
            for cell in CELLS:
                proposal = story.proposal(step, cell, now_ns)
                await producer.send("proposals", encode(proposal))
                for move in story.moves(proposal, self._modes[cell], now_ns):
                    await producer.send("moves", encode(move), partition=0)
            step += 1
            await asyncio.sleep(0.5)
        await producer.stop()

    async def _obey(self) -> None:
        consumer = make_consumer(self._kafka, COMMANDS, client_id="guard")
        producer = make_producer(self._kafka, "guard")
        await consumer.start()
        await producer.start()
        await consumer.seek_to_end()
        for event in self._told:
            await producer.send_and_wait("events", encode(event))
        while not self._stop.is_set():
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                for message in batch:
                    command = decode(message.value, Command)
                    self.commands.append(command)
                    now_ns = time.time_ns()
                    changed = self._change(command, now_ns)
                    answer = make_event(
                        "command_obeyed", now_ns, number=2, cell=command.cell, place="",
                        kind=command.kind.value, who=command.issued_by,
                        command_id=command.command_id,
                    )  # fmt: skip
                    for event in (*changed, answer):
                        await producer.send_and_wait("events", encode(event))
        await consumer.stop()
        await producer.stop()

    def _change(self, command: Command, now_ns: int) -> list[Event]:
        mode = command.mode
        if mode is None:
            return []
        cells = CELLS if command.cell == WHOLE_SECTION else (command.cell,)
        self._modes.update(dict.fromkeys(cells, mode))
        return [
            make_mode_event(cell, mode, now_ns, number=10 + at) for at, cell in enumerate(cells)
        ]


@pytest.fixture
def line(topics: KafkaConnection, database: str) -> Iterator[RunningLine]:
    running = RunningLine(topics, database)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def guarded(topics: KafkaConnection, database: str, tmp_path: Path) -> Iterator[RunningLine]:
    """A line whose control room asks people who they are."""
    running = RunningLine(topics, database, make_people(tmp_path))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1600,1143",
        f"--user-data-dir={tmp_path / 'profile'}",
    ):
        options.add_argument(flag)
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.get("about:blank")
    driver.get_log("performance")  # its own first page is not ours
    yield driver
    driver.quit()


_FIND = """
const hits = [];
const look = (root) => {
  for (const element of root.querySelectorAll("*")) {
    if (element.matches(arguments[0])) hits.push(element);
    if (element.shadowRoot) look(element.shadowRoot);
  }
};
look(document);
return hits;
"""


def find(browser: webdriver.Chrome, selector: str) -> list[WebElement]:
    """Elements anywhere, also in the shadow trees of Bokeh's panels."""
    found: list[WebElement] = browser.execute_script(
        _FIND.replace("arguments[0]", "wanted").replace(
            "const hits", "const wanted = arguments[0]; const hits", 1
        ),
        selector,
    )
    return found


def words(browser: webdriver.Chrome) -> str:
    script = """
    const texts = [];
    const look = (root) => {
      for (const element of root.children) {
        if (element.shadowRoot) look(element.shadowRoot);
        if (element.children.length === 0 || element.tagName === "P") texts.push(element.innerText);
        look(element);
      }
    };
    look(document.body);
    return texts.join(" ");
    """
    return str(browser.execute_script(script))


def wait(condition: Callable[[], Any], limit_s: float = 20.0) -> Any:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {limit_s} s")


def wall_time(browser: webdriver.Chrome) -> str:
    """What the clock of the page says; empty before it runs."""
    return browser.find_element("id", "wall-time").text.strip("–")


def button(browser: webdriver.Chrome, label: str) -> WebElement | None:
    return next((b for b in find(browser, "button") if b.text.startswith(label)), None)


def is_enabled(browser: webdriver.Chrome, label: str) -> bool | None:
    """Whether a button can be pressed; None where there is none just now: Bokeh makes it anew when
    it changes."""
    try:
        found = button(browser, label)
        return None if found is None else found.is_enabled()
    except StaleElementReferenceException:
        return None


def press(browser: webdriver.Chrome, label: str) -> None:
    """Press a button once it is there and can be pressed."""

    def is_pressed() -> bool:
        try:
            found = button(browser, label)
            if found is None or not found.is_enabled():
                return False
            found.click()
        except StaleElementReferenceException:
            return False
        return True

    wait(is_pressed)


def complaints(browser: webdriver.Chrome) -> list[str]:
    """What the browser's console complained of, and every request that failed."""
    bad = [e["message"] for e in browser.get_log("browser") if e["level"] == "SEVERE"]
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.loadingFailed":
            bad.append(str(message["params"]))
        if message["method"] == "Network.responseReceived":
            response = message["params"]["response"]
            if response["status"] >= 400:
                bad.append(f"{response['status']} {response['url']}")
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith(("http://127.0.0.1", "data:", "blob:", "chrome:")):
                bad.append(f"asked elsewhere: {url}")
    return bad


def test_every_route_shows_live_figures_without_a_complaint(
    line: RunningLine, browser: webdriver.Chrome
) -> None:
    for page in PAGES:
        browser.get(line.address + page.route.lstrip("/"))
        wait(lambda: "kWh/kg" in words(browser))
        first = wait(lambda: wall_time(browser))
        wait(lambda first=first: wall_time(browser) != first)
        assert find(browser, ".fault") == []
        assert complaints(browser) == []


def test_page_does_not_scroll_sideways_on_desk_tablet_or_telephone(
    line: RunningLine, browser: webdriver.Chrome
) -> None:
    for width in (1600, 1280, 820, 420):  # a window of Chromium itself is not made that narrow
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
        )
        for page in PAGES:
            browser.get(line.address + page.route.lstrip("/"))
            wait(lambda: "kWh/kg" in words(browser))
            too_wide = browser.execute_script(
                "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert too_wide <= 0, (page.route, width, too_wide)


def test_trends_follow_until_moved_and_again_when_a_span_is_chosen(
    line: RunningLine, browser: webdriver.Chrome
) -> None:
    standing = "The trends stand still"
    browser.get(f"{line.address}cell?cell=207")
    wait(lambda: "kWh/kg" in words(browser))
    first = wait(lambda: wall_time(browser))
    wait(lambda: wall_time(browser) != first)
    assert standing not in words(browser)
    press(browser, "earlier")
    wait(lambda: standing in words(browser))
    press(browser, "4 h")
    wait(lambda: standing not in words(browser))
    assert complaints(browser) == []


@pytest.fixture
def alarmed(topics: KafkaConnection, database: str) -> Iterator[RunningLine]:
    """A line with alarms, of which two cells have the same."""
    now_ns = time.time_ns()
    held = {"setpoint": "alumina feed", "reason": "no fresh samples of the cell"}
    told = tuple(
        make_event(
            name, now_ns + number, number=80 + number, active=True, section=0, cell=cell, **details
        )
        for number, (name, cell, details) in enumerate(
            [
                ("move_held", 204, held),
                ("move_held", 206, held),
                ("cell_silent", 209, {"age_s": 12.0}),
            ]
        )
    )
    running = RunningLine(topics, database, told=told)
    running.start()
    yield running
    running.stop()


def test_an_alarm_is_acknowledged_for_all_cells_of_its_line_and_says_by_whom(
    alarmed: RunningLine, browser: webdriver.Chrome
) -> None:
    browser.get(f"{alarmed.address}events")
    wait(lambda: "The same for 2 cells: 204, 206" in words(browser))

    def choose() -> bool:
        try:
            for one in find(browser, "select"):
                choice = Select(one)
                labels = [option.text for option in choice.options]
                label = next((text for text in labels if "(2 cells)" in text), None)
                if label is not None and one.is_enabled():
                    choice.select_by_visible_text(label)
                    return True
        except StaleElementReferenceException:
            pass
        return False

    wait(choose)
    press(browser, "Acknowledge")
    comment = wait(lambda: [f for f in find(browser, "input.bk-input") if f.is_displayed()])[-1]
    comment.send_keys("the sensors are being changed", Keys.TAB)
    wait(lambda: len([b for b in find(browser, "button") if b.text == "Acknowledge"]) == 2)
    confirm = [b for b in find(browser, "button") if b.text == "Acknowledge"][-1]
    confirm.click()
    wait(lambda: "On record: 2 alarms acknowledged." in words(browser))
    wait(lambda: "move_held acknowledged by" in words(browser))  # the journal, from the record
    wait(lambda: "acknowledged by operator: the sensors are being changed." in words(browser))
    assert complaints(browser) == []


def test_a_click_puts_a_cell_in_manual(line: RunningLine, browser: webdriver.Chrome) -> None:
    browser.get(f"{line.address}cell?cell=207")
    wait(lambda: is_enabled(browser, "AUTO") is False)
    press(browser, "MANUAL")
    reason = wait(lambda: [f for f in find(browser, "input.bk-input") if f.is_displayed()])[-1]
    reason.send_keys("anode change", Keys.TAB)
    press(browser, "Put cell 207")
    command = wait(lambda: line.commands)[0]
    assert (command.cell, command.mode, command.reason) == (207, Mode.MANUAL, "anode change")
    assert command.expires_ns > time.time_ns() - 20 * SECOND_NS
    wait(lambda: "The guard obeyed; it has cell 207 in MANUAL" in words(browser))
    wait(lambda: is_enabled(browser, "MANUAL") is False)
    wait(lambda: is_enabled(browser, "AUTO"))
    assert complaints(browser) == []


@pytest.mark.contract(10)
def test_who_logs_in_may_switch_the_line_and_who_does_not_may_look(
    guarded: RunningLine, browser: webdriver.Chrome
) -> None:
    browser.get(f"{guarded.address}orders")
    wait(lambda: "kWh/kg" in words(browser))
    wait(lambda: is_enabled(browser, "MANUAL") is False)
    assert browser.find_element("id", "who").text == "View only"
    browser.find_element("id", "log-in").click()
    for name, value in (("name", "anna"), ("password", PASSWORD)):
        browser.find_element("name", name).send_keys(value)
    browser.find_element("css selector", ".login button").click()
    wait(lambda: "kWh/kg" in words(browser))
    assert browser.current_url.startswith(f"{guarded.address}orders")
    assert browser.find_element("id", "who").text == "anna, operator"
    press(browser, "MANUAL")
    reason = wait(lambda: [f for f in find(browser, "input.bk-input") if f.is_displayed()])[-1]
    reason.send_keys("anode change", Keys.TAB)
    press(browser, f"Put all {len(CELLS)} cells in MANUAL")
    command = wait(lambda: guarded.commands)[0]
    assert (command.cell, command.issued_by, command.role) == (WHOLE_SECTION, "anna", "operator")
    wait(lambda: f"of {len(CELLS)} cells it has {len(CELLS)} in MANUAL" in words(browser))
    assert is_enabled(browser, "Ask for a bypass") is False, "an operator may not"
    browser.find_element("css selector", "#log-out button").click()
    wait(lambda: browser.find_element("id", "who").text == "View only")
    wait(lambda: is_enabled(browser, "ADVISORY") is False)
    assert complaints(browser) == []


def pages_asked_for(browser: webdriver.Chrome) -> list[str]:
    """Of each page that was loaded since last asked: what the browser said of who wanted it."""
    pages: list[str] = []
    said: dict[str, str] = {}
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        params = message["params"]
        if message["method"] == "Network.requestWillBeSent" and params.get("type") == "Document":
            pages.append(params["requestId"])
        if message["method"] == "Network.requestWillBeSentExtraInfo":
            headers = {name.lower(): value for name, value in params["headers"].items()}
            said[params["requestId"]] = headers.get("sec-fetch-user", "")
    return [said[page] for page in pages]


@pytest.mark.contract(10)
def test_a_browser_says_whether_somebody_wanted_a_page_or_it_loads_itself_afresh(
    guarded: RunningLine, browser: webdriver.Chrome
) -> None:
    browser.get(guarded.address)
    wait(lambda: "kWh/kg" in words(browser))
    pages_asked_for(browser)
    browser.find_element("css selector", 'nav a[href="/orders"]').click()
    wait(lambda: "kWh/kg" in words(browser))
    assert pages_asked_for(browser) == ["?1"]
    browser.refresh()
    wait(lambda: "kWh/kg" in words(browser))
    assert pages_asked_for(browser) == ["?1"]
    # Some seconds after the last click the page hears nothing any more, and helps itself.
    browser.execute_script(
        "window.isOld = true; setTimeout(() => window.Bokeh.documents.splice(0), 6000)"
    )
    wait(lambda: browser.execute_script("return window.isOld === undefined"), 40.0)
    wait(lambda: "kWh/kg" in words(browser))
    assert pages_asked_for(browser) == [""]


def test_a_click_on_a_square_of_the_map_chooses_the_cell(
    line: RunningLine, browser: webdriver.Chrome
) -> None:
    browser.get(line.address)
    wait(lambda: "Cell 201" in words(browser))
    canvas = wait(lambda: find(browser, "section.map .bk-Figure") or find(browser, ".bk-Figure"))[0]
    webdriver.ActionChains(browser).move_to_element_with_offset(
        canvas, -canvas.size["width"] // 2 + canvas.size["width"] // 4, -canvas.size["height"] // 4
    ).click().perform()
    wait(lambda: "Cell 202" in words(browser))


def test_link_lost_is_said_by_the_browser_itself_and_it_recovers(
    line: RunningLine, browser: webdriver.Chrome
) -> None:
    browser.get(line.address)
    wait(lambda: "kWh/kg" in words(browser))
    banner = browser.find_element("id", "link-lost")
    assert not banner.is_displayed()
    line.end_screens()
    wait(banner.is_displayed)
    assert "LINK LOST" in banner.text
    assert "Everything below is old" in banner.text
    line.restart_screens()
    # Asked in one go: the page loads afresh, and what was found a moment ago is of the old one.
    gone = "return document.getElementById('link-lost')?.hidden ?? false"
    wait(lambda: browser.execute_script(gone), 40.0)
    wait(lambda: "kWh/kg" in words(browser))
