"""The jars of Apache Kafka: which ones, fetched once, and never run unless they are those.

`broker_jars.lock` names each by Maven coordinate, size and SHA-256. They lie in the user's cache,
in a folder named after the lock file's own hash, so that two versions never mix.

Errors::

    OperationError    they cannot be fetched, or are not the ones of the lock file
    FetchGivenUp      nobody waits for them any more
"""

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ops.mistakes import OperationError

WANTED: Final = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    "org.slf4j:slf4j-simple:1.7.36",  # without a binding Kafka logs nothing at all
)
LOCK_FILE: Final = Path(__file__).with_name("broker_jars.lock")
_ATTEMPTS: Final = 3
_PARALLEL: Final = 4
_TIMEOUT_S: Final = 4  # for a byte; a stop waits for up to two of them
_LOOK_AGAIN_S: Final = 0.2
_WITHOUT_NETWORK: Final = (
    "Remedy: run `potline broker fetch` once where there is a network, "
    "or set kafka.address to a Kafka of your own."
)
_LOCK_HEADER: Final = """\
# Every jar that the embedded Apache Kafka runs on: SHA-256, bytes, Maven coordinate.
# Written by `potline broker lock`; checked at every start.
"""

Advance = Callable[[int], None]  # told of every so many bytes that have come


class FetchGivenUp(BaseException):
    """Nobody waits for the jars any more; no error, so that no `except` on the way keeps it."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar: what it is called at Maven, and what it must be."""

    sha256: str
    size_bytes: int
    coordinate: str  # group:artifact:version

    @property
    def file_name(self) -> str:
        """Its name in the cache; the group is part of it, since two may share the rest."""
        group, artifact, version = self.coordinate.split(":")
        return f"{group}.{artifact}-{version}.jar"


def read_lock(lock_file: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """Return the jars of the lock file.

    Raises:
        OperationError: it cannot be read.
    """
    try:
        lines = lock_file.read_text(encoding="utf-8").splitlines()
        rows = [line.split() for line in lines if line and not line.startswith("#")]
        return tuple(Jar(sha256, int(size), coordinate) for sha256, size, coordinate in rows)
    except (OSError, ValueError) as exc:
        raise OperationError(
            f"The list of Kafka's jars, {lock_file}, cannot be read: {exc}. "
            "Remedy: install potline again, or write it anew with `potline broker lock`."
        ) from exc


def cache_folder() -> Path:
    """Return the folder in the user's cache below which jars lie (XDG_CACHE_HOME counts)."""
    import platformdirs

    return platformdirs.user_cache_path("potline") / "kafka"


def jars_folder(jars: Sequence[Jar], cache: Path | None = None) -> Path:
    """Return where exactly these jars lie, or will."""
    digest = hashlib.sha256("".join(jar.sha256 for jar in jars).encode()).hexdigest()
    return (cache or cache_folder()) / digest[:16]


def total_bytes(jars: Sequence[Jar]) -> int:
    """Return the size of all of them together."""
    return sum(jar.size_bytes for jar in jars)


def are_fetched(jars: Sequence[Jar], cache: Path | None = None) -> bool:
    """Return whether the jars have been fetched; `checked_classpath` says whether rightly."""
    return jars_folder(jars, cache).is_dir()


def checked_classpath(jars: Sequence[Jar], cache: Path | None = None) -> tuple[Path, ...]:
    """Return the path of every jar, having compared each with the lock file (about 0.1 s).

    Raises:
        OperationError: one is missing or is another file.
    """
    folder = jars_folder(jars, cache)
    for jar in jars:
        path = folder / jar.file_name
        if not path.is_file():
            raise OperationError(
                f"Kafka's jar {path} is missing. Remedy: run `potline broker fetch`."
            )
        if not _is_right(path, jar):
            raise OperationError(
                f"Kafka's jar {path} is not the one of the lock file: it was changed or damaged, "
                "and is not run. Remedy: `potline broker fetch` replaces it."
            )
    return tuple(folder / jar.file_name for jar in jars)


def fetch_jars(
    jars: Sequence[Jar],
    cache: Path | None = None,
    advance: Advance | None = None,
    *,
    repository: str | None = None,
    given_up: threading.Event | None = None,
) -> tuple[Path, ...]:
    """Fetch what is missing or wrong; jars that are right stay, and two callers take turns.

    Args:
        jars: what `read_lock` says.
        cache: None for the user's.
        advance: told of the bytes of every chunk, of kept jars too.
        repository: address of a Maven repository; None for Maven Central.
        given_up: ends it, from another thread, once set.

    Returns:
        The path of every jar, checked.

    Raises:
        OperationError: the repository cannot be reached, or gives another file.
        FetchGivenUp: it was given up; what had come is thrown away.
    """
    folder = jars_folder(jars, cache)
    folder.parent.mkdir(parents=True, exist_ok=True)
    given_up = given_up or threading.Event()

    def tell(count: int) -> None:
        if given_up.is_set():
            raise FetchGivenUp
        if advance is not None:
            advance(count)

    with _only_one(folder.parent / "fetch.lock", tell):
        wrong = [jar for jar in jars if not _is_right(folder / jar.file_name, jar)]
        right = [jar for jar in jars if jar not in wrong]
        tell(total_bytes(right))
        if wrong:
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as temporary:
                fetched = Path(temporary) / "jars"
                fetched.mkdir()
                for jar in right:
                    shutil.copy2(folder / jar.file_name, fetched)
                source = _Source(repository, Path(temporary) / "repository")
                _fetch_all(wrong, fetched, source, tell, given_up)
                if folder.exists():
                    folder.rename(Path(temporary) / "replaced")
                fetched.rename(folder)
    return checked_classpath(jars, cache)


def resolve_lock(wanted: Sequence[str] = WANTED, *, repository: str | None = None) -> str:
    """Resolve which jars `wanted` stand on, fetch them and return a lock file's text.

    Args:
        wanted: Maven coordinates, group:artifact:version.
        repository: address of a Maven repository; None for Maven Central.

    Raises:
        OperationError: the repository cannot be reached, or lacks one of them.
    """
    import requests
    from jgo.maven import Dependency, MavenContext

    with tempfile.TemporaryDirectory(prefix="potline-jars-") as temporary:
        source = _Source(repository, Path(temporary))
        maven = MavenContext(
            repo_cache=source.local_copy, remote_repos=source.remote, timeout=_TIMEOUT_S
        )
        try:
            inputs = [Dependency(_artifact(maven, coordinate)) for coordinate in wanted]
            direct, indirect = maven.resolver.resolve(inputs)
            rows = []
            for dependency in (*direct, *indirect):
                if dependency.classifier:
                    raise OperationError(f"{dependency} has a classifier, which no lock row holds.")
                path = dependency.artifact.resolve()
                coordinate = ":".join(
                    (dependency.groupId, dependency.artifactId, dependency.version)
                )
                rows.append(f"{_sha256(path)} {path.stat().st_size:>8} {coordinate}")
        except (requests.RequestException, RuntimeError) as exc:
            raise OperationError(
                f"Kafka's jars cannot be resolved: {exc}. {_WITHOUT_NETWORK}"
            ) from exc
    return _LOCK_HEADER + "\n".join(sorted(rows, key=lambda row: row.split()[2])) + "\n"


def _artifact(maven: Any, coordinate: str) -> Any:
    group, artifact, version = coordinate.split(":")
    return maven.project(group, artifact).at_version(version).artifact()


@dataclass(frozen=True, slots=True)
class _Source:
    address: str | None
    local_copy: Path

    @property
    def remote(self) -> dict[str, str] | None:
        return None if self.address is None else {"repository": self.address}


@contextmanager
def _only_one(lock_file: Path, tell: Advance) -> Iterator[None]:
    """Wait until no other process fetches, and keep the others waiting."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file)
    while not lock.is_locked:
        tell(0)
        with suppress(Timeout):
            lock.acquire(timeout=_LOOK_AGAIN_S)
    try:
        yield
    finally:
        lock.release()


def _fetch_all(
    jars: Sequence[Jar],
    folder: Path,
    source: _Source,
    tell: Advance,
    given_up: threading.Event,
) -> None:
    with ThreadPoolExecutor(_PARALLEL) as pool:
        fetches = [pool.submit(_fetch, jar, folder, source, tell) for jar in jars]
        try:
            for fetch in as_completed(fetches):
                fetch.result()
        except BaseException:  # Ctrl-C too: those under way end with their next bytes
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(jar: Jar, folder: Path, source: _Source, tell: Advance) -> None:
    """Fetch one jar into `folder`; what is not the locked file is thrown away.

    Raises:
        OperationError: it could not be had in `_ATTEMPTS` attempts.
    """
    import requests
    from jgo.maven import MavenContext, PythonResolver

    come = 0

    @contextmanager
    def follow(_name: str, _size: int) -> Iterator[Advance]:
        def advance(count: int) -> None:
            nonlocal come
            come += count
            tell(count)

        yield advance

    fault = ""
    for attempt in range(_ATTEMPTS):
        maven = MavenContext(
            resolver=PythonResolver(progress_callback=follow),
            repo_cache=source.local_copy / str(attempt),
            remote_repos=source.remote,
            timeout=_TIMEOUT_S,
        )
        try:
            path = _artifact(maven, jar.coordinate).resolve()
        except (requests.RequestException, RuntimeError) as exc:
            fault = (
                f"cannot be fetched from {source.address or 'Maven Central'} ({type(exc).__name__})"
            )
        else:
            if _is_right(path, jar):
                path.replace(folder / jar.file_name)
                tell(jar.size_bytes - come)
                return
            fault = f"came as another file (SHA-256 {_sha256(path)}, the lock says {jar.sha256})"
        tell(-come)
        come = 0
    raise OperationError(f"Kafka's jar {jar.coordinate} {fault}. {_WITHOUT_NETWORK}")


def _is_right(path: Path, jar: Jar) -> bool:
    try:
        return os.stat(path).st_size == jar.size_bytes and _sha256(path) == jar.sha256
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
