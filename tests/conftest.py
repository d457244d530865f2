"""What tests of every room may ask for: a real Kafka and a real Redis, one of each a session."""

import gc
import logging
from collections import Counter
from collections.abc import AsyncIterator
from itertools import chain

import pytest
import pytest_asyncio
from hypothesis import Phase, settings

from ops.broker import Broker, prepare_broker
from ops.compute import prepare_jax
from ops.ports import free_port
from ops.redis_server import RedisServer, prepare_redis
from tests.contract import CONTRACT, OPEN

logging.getLogger("asyncua").setLevel(logging.WARNING)
_QUICK_BETWEEN = 2

# How long an example takes is the machine's business, not the code's.
settings.register_profile("potline", deadline=None)
settings.load_profile("potline")
# Where it only counts that a search fails, not by which shortest example: tests/prove_interlock.py.
settings.register_profile(
    "unshortened", deadline=None, phases=(Phase.explicit, Phase.generate), print_blob=False
)

# Before a test compiles anything: tests compile as the product does, and share what is compiled.
prepare_jax()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests early, so that no process of several is left with one at the end,
    and some quick files after each, so that whole lines seldom run side by side."""
    files: dict[object, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    slow = [file for file in files.values() if any(map(is_slow, file))]
    quick = [file for file in files.values() if not any(map(is_slow, file))]
    ordered: list[list[pytest.Item]] = []
    for number, file in enumerate(slow):
        ordered += [file, *quick[number * _QUICK_BETWEEN : (number + 1) * _QUICK_BETWEEN]]
    ordered += quick[len(slow) * _QUICK_BETWEEN :]
    items[:] = chain.from_iterable(ordered)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what needs its machine for itself, and let the report of a test say which line of the
    edge's contract it holds."""
    if "shared_line" in getattr(item, "fixturenames", ()):
        item.add_marker("realtime")
    for marker in item.iter_markers("contract"):
        item.user_properties += [("contract", line) for line in marker.args]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the contract of the edge as a table, with the tests of each line that were run."""
    outcomes: dict[int, Counter[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            for name, line in getattr(report, "user_properties", ()):
                if name == "contract":
                    outcomes.setdefault(line, Counter())[outcome] += 1
    if not outcomes:
        return
    terminalreporter.section("contract of the edge")
    for line, sentence in CONTRACT.items():
        counts = outcomes.get(line, Counter())
        words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "not run"
        terminalreporter.write_line(f"{line:3}  {words:20}  {sentence}")
        if line in OPEN:
            terminalreporter.write_line(f"{'':5}{'':20}  open: {OPEN[line]}")


def is_slow(item: pytest.Item) -> bool:
    """Whether a test is marked as slow."""
    return item.get_closest_marker("slow") is not None


@pytest.fixture(scope="module", autouse=True)
def what_files_before_left_is_set_aside() -> None:
    """Spare the garbage collector what was compiled so far: a pass over all of it takes seconds,
    and a guard under test that hears nothing for two seconds holds its moves, as it should."""
    gc.collect()
    gc.freeze()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Address of a running Apache Kafka without topics, `kafka://127.0.0.1:port`."""
    folder = tmp_path_factory.mktemp("kafka")
    async with Broker(await prepare_broker(folder, port=free_port())) as broker:
        yield broker.address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Address of a running, empty Redis, `redis://127.0.0.1:port/0`."""
    folder = tmp_path_factory.mktemp("redis")
    async with RedisServer(prepare_redis(folder, port=free_port())) as server:
        yield server.address
