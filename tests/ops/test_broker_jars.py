"""Kafka's jars: fetched once, compared each time, from a Maven repository that the test serves."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from ops.broker_fetch import fetch_showing_progress
from ops.broker_jars import (
    LOCK_FILE,
    WANTED,
    FetchGivenUp,
    Jar,
    are_fetched,
    cache_folder,
    checked_classpath,
    fetch_jars,
    jars_folder,
    read_lock,
    resolve_lock,
    total_bytes,
)
from ops.mistakes import OperationError
from ops.ports import free_port

_POM = (
    "<project><modelVersion>4.0.0</modelVersion><groupId>{}</groupId><artifactId>{}</artifactId>"
    "<version>{}</version><dependencies>{}</dependencies></project>"
)
_POM_PART = "<{tag}><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></{tag}>"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Repository:
    """A Maven repository in a folder, served over HTTP."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = ThreadingHTTPServer(
            ("127.0.0.1", free_port()), partial(Quiet, directory=str(folder))
        )
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def publish(self, coordinate: str, content: bytes) -> Jar:
        group, artifact, version = coordinate.split(":")
        place = self.folder / group.replace(".", "/") / artifact / version
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{artifact}-{version}.jar").write_bytes(content)
        return Jar(hashlib.sha256(content).hexdigest(), len(content), coordinate)

    def describe(self, coordinate: str, needs: str = "") -> None:
        """Publish the POM of an artifact that needs at most one other."""
        group, artifact, version = coordinate.split(":")
        needed = _POM_PART.format(*needs.split(":"), tag="dependency") if needs else ""
        pom = _POM.format(group, artifact, version, needed)
        place = self.folder / group.replace(".", "/") / artifact / version
        (place / f"{artifact}-{version}.pom").write_text(pom)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    served = Repository(tmp_path / "maven")
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    thread.join()


@pytest.fixture
def jars(repository: Repository) -> tuple[Jar, ...]:
    return (
        repository.publish("org.one:core:1.0", b"first" * 4000),
        repository.publish("org.two:core:1.0", b"second" * 4000),
        repository.publish("org.two:extra:2.1", b"third"),
    )


def test_jars_are_fetched_once_and_need_no_network_again(
    tmp_path: Path, repository: Repository, jars: tuple[Jar, ...]
) -> None:
    cache = tmp_path / "cache"
    assert not are_fetched(jars, cache)
    come: list[int] = []
    paths = fetch_jars(jars, cache, come.append, repository=repository.address)
    assert [path.read_bytes()[:5] for path in paths] == [b"first", b"secon", b"third"]
    assert sum(come) == total_bytes(jars)
    assert are_fetched(jars, cache)
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert fetch_jars(jars, cache, repository=nowhere) == paths == checked_classpath(jars, cache)
    assert {path.name for path in cache.iterdir()} <= {jars_folder(jars, cache).name, "fetch.lock"}


def test_a_fetch_can_be_given_up(
    tmp_path: Path, repository: Repository, jars: tuple[Jar, ...]
) -> None:
    """From another thread; nothing is left, and the next one begins anew."""
    cache = tmp_path / "cache"
    given_up = threading.Event()

    def advance(count: int) -> None:
        if count:
            given_up.set()

    with pytest.raises(FetchGivenUp):
        fetch_jars(jars, cache, advance, repository=repository.address, given_up=given_up)
    assert {path.name for path in cache.iterdir()} <= {"fetch.lock"}
    fetch_jars(jars, cache, repository=repository.address)


def test_a_tampered_jar_is_refused_and_fetching_replaces_it(
    tmp_path: Path, repository: Repository, jars: tuple[Jar, ...]
) -> None:
    paths = fetch_jars(jars, tmp_path, repository=repository.address)
    right = paths[1].read_bytes()
    paths[1].write_bytes(right[:-1] + b"!")
    with pytest.raises(OperationError, match=r"org\.two\.core-1\.0\.jar.*potline broker fetch"):
        checked_classpath(jars, tmp_path)
    come: list[int] = []
    fetch_jars(jars, tmp_path, come.append, repository=repository.address)
    assert paths[1].read_bytes() == right
    assert sum(come) == total_bytes(jars)
    checked_classpath(jars, tmp_path)


def test_a_missing_jar_is_named(
    tmp_path: Path, repository: Repository, jars: tuple[Jar, ...]
) -> None:
    paths = fetch_jars(jars, tmp_path, repository=repository.address)
    paths[2].unlink()
    with pytest.raises(OperationError, match=r"extra-2\.1\.jar is missing"):
        checked_classpath(jars, tmp_path)


def test_a_repository_that_gives_another_file_is_not_believed(
    tmp_path: Path, repository: Repository, jars: tuple[Jar, ...]
) -> None:
    repository.publish("org.two:extra:2.1", b"malice")
    with pytest.raises(OperationError, match=r"org\.two:extra:2\.1 came as another file"):
        fetch_jars(jars, tmp_path, repository=repository.address)
    assert not are_fetched(jars, tmp_path)


def test_a_jar_that_is_nowhere_is_one_sentence(tmp_path: Path, repository: Repository) -> None:
    lost = Jar("0" * 64, 1, "org.three:gone:1.0")
    with pytest.raises(OperationError, match=r"org\.three:gone:1\.0 cannot be fetched.*Remedy"):
        fetch_jars([lost], tmp_path, repository=repository.address)
    assert not are_fetched([lost], tmp_path)


def test_two_that_fetch_at_once_take_turns(
    tmp_path: Path, repository: Repository, jars: tuple[Jar, ...]
) -> None:
    found: list[tuple[Path, ...]] = []

    def fetch() -> None:
        found.append(fetch_jars(jars, tmp_path, repository=repository.address))

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


@pytest.mark.parametrize("is_terminal", [True, False])
def test_fetching_shows_how_far_it_is(
    tmp_path: Path, repository: Repository, jars: tuple[Jar, ...], is_terminal: bool
) -> None:
    fetch_jars(jars, tmp_path, repository=repository.address)
    shown = StringIO()
    console = Console(file=shown, force_terminal=is_terminal, width=100)
    assert len(fetch_showing_progress(jars, console, tmp_path)) == 3
    assert "Fetching Apache Kafka" in shown.getvalue()


def test_the_lock_file_pins_what_is_wanted() -> None:
    jars = read_lock()
    coordinates = [jar.coordinate for jar in jars]
    assert set(WANTED) <= set(coordinates)
    assert len(set(coordinates)) == len({jar.file_name for jar in jars}) == len(jars)
    assert all(len(jar.sha256) == 64 and jar.size_bytes > 0 for jar in jars)


def test_a_lock_file_that_is_none_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "jars.lock"
    with pytest.raises(OperationError, match="cannot be read"):
        read_lock(broken)
    broken.write_text(LOCK_FILE.read_text() + "half a row\n")
    with pytest.raises(OperationError, match="potline broker lock"):
        read_lock(broken)


def test_the_cache_follows_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "potline" / "kafka"


def test_a_lock_pins_what_is_wanted_and_what_that_needs(
    tmp_path: Path, repository: Repository, jars: tuple[Jar, ...]
) -> None:
    repository.describe("org.one:core:1.0", needs="org.two:extra:2.1")
    repository.describe("org.two:extra:2.1")
    lock = tmp_path / "jars.lock"
    lock.write_text(resolve_lock(["org.one:core:1.0"], repository=repository.address))
    assert read_lock(lock) == (jars[0], jars[2])
    assert lock.read_text().startswith("#")
    with pytest.raises(OperationError, match=r"cannot be resolved.*Remedy"):
        resolve_lock(["org.one:core:9.9"], repository=repository.address)
