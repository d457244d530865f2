"""The five tables are the architecture: the documents, the code and the tables say the same."""

import importlib
from pathlib import Path

import pytest

from control.events import EVENTS
from ops.processes import PROCESSES
from stream.topics import BY_NAME, TABLES, TOPICS
from ui.pages import PAGES

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("physics", "control", "stream", "opcua", "ui", "ops")


def rows_under(heading: str) -> dict[str, list[str]]:
    """The table under a heading of ARCHITECTURE.md: first cell -> the others."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = text.split(f"### {heading}", 1)[1].split("\n#", 1)[0]
    rows: dict[str, list[str]] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            rows[cells[0].strip("`")] = cells[1:]
    return rows


def source_of(*rooms: str) -> str:
    """All code of some rooms, but for the table of events itself."""
    files = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    return "\n".join(path.read_text() for path in files if path.name != "events.py")


def test_the_topics_are_those_of_the_document() -> None:
    rows = rows_under("Topics")
    assert list(rows) == [topic.name for topic in TOPICS]
    for name, (_, producers, readers) in rows.items():
        assert producers == BY_NAME[name].producer, name
        listed = {reader.strip() for reader in readers.split(",")} - {"–"}
        assert listed == set(BY_NAME[name].consumers) - {"report"}, name


def test_the_processes_are_those_of_the_document() -> None:
    assert list(rows_under("Processes")) == [process.name for process in PROCESSES]


def test_the_pages_are_those_of_the_document() -> None:
    assert list(rows_under("Pages")) == [page.route for page in PAGES]


def test_every_event_is_in_the_document_and_is_raised_somewhere() -> None:
    assert list(rows_under("Events")) == list(EVENTS)
    source = source_of(*ROOMS)
    unused = [name for name in EVENTS if f'"{name}"' not in source]
    assert unused == []


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.name)
def test_every_event_tells_what_to_do_where_something_can_be_done(event) -> None:
    assert event.sentence.endswith(".")
    needs_advice = event.consequence.value != "journal"
    assert bool(event.advice) == needs_advice


def test_every_table_has_an_owner_among_the_agents() -> None:
    files = {path.stem for path in (ROOT / "stream").glob("*.py")}
    assert {table.owner for table in TABLES} <= files
    assert len({table.changelog for table in TABLES}) == len(TABLES)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_ours_and_not_a_package_of_the_same_name(room: str) -> None:
    module = importlib.import_module(room)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().is_relative_to(ROOT)
