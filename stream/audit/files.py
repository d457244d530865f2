"""The files of an audit, for whoever reads them: one a day, those of days gone by packed.

A name is `audit-<number of the first record>-<day>.jsonl`, so that the order of names is that of
the chain, also where somebody has set the clock.
"""

import gzip
import os
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

from stream.audit.chain import LONGEST_LINE, AuditRecord
from stream.audit.verify import PlacedLine, read_records

PACKED: Final = ".gz"
_TAIL_BYTES: Final = 4 * 1024 * 1024
_NAME: Final = re.compile(r"audit-(\d{12})-(\d{4}-\d{2}-\d{2})\.jsonl(\.gz)?")


class AuditError(OSError):
    """The audit cannot be written or read; the message says where, why, and the remedy."""


def audit_files(folder: Path) -> list[Path]:
    """Return the files of an audit, one a day, oldest first."""
    by_first: dict[str, Path] = {}
    # A plain file comes first; where its packed copy lies beside it, the packing was cut short.
    for path in sorted(folder.glob("audit-*.jsonl*")):
        if match := _NAME.fullmatch(path.name):
            by_first.setdefault(match[1], path)
    return [by_first[first] for first in sorted(by_first)]


def first_seq(path: Path) -> int:
    """Return the number of the first record of a file.

    Raises:
        ValueError: it is no file of an audit.
    """
    return int(_match(path)[1])


def day_of(path: Path) -> date:
    """Return the day (UTC) of an audit's file.

    Raises:
        ValueError: it is no file of an audit.
    """
    return date.fromisoformat(_match(path)[2])


def read_lines(paths: Sequence[Path]) -> Iterator[PlacedLine]:
    """Give every line of these files, one after the other, with its place.

    Half a line at the very end is left out: it is being written, or was when its writer crashed.

    Raises:
        AuditError: a file cannot be read.
    """
    for path in paths:
        try:
            with _open(path) as file:
                for number, line in enumerate(file, start=1):
                    if path == paths[-1] and not line.endswith(b"\n"):
                        return
                    yield PlacedLine(f"{path.name}, line {number}", line)
        except (OSError, EOFError, zlib.error) as exc:
            raise AuditError(f"{path} cannot be read: {exc}") from exc


def newest_records(folder: Path) -> list[AuditRecord]:
    """Return the records at the end of the two newest files, some thousands; without a check of
    their seals.

    Raises:
        OSError: a file cannot be read.
    """
    records: list[AuditRecord] = []
    for path in audit_files(folder)[-2:]:
        if path.suffix == PACKED:
            continue
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = [PlacedLine(path.name, line) for line in file.read().splitlines(keepends=True)]
        records += read_records(lines)
    return records


def pack_finished(folder: Path) -> list[Path]:
    """Pack the files of days that are over, all but the newest; return the packed ones.

    Raises:
        AuditError: one cannot be packed; it stays as it is.
    """
    packed = []
    for path in audit_files(folder)[:-1]:
        if path.suffix == PACKED:
            continue
        to = path.with_name(path.name + PACKED)
        unfinished = to.with_suffix(".unfinished")
        try:
            with path.open("rb") as plain, open_secret(unfinished) as file:
                with gzip.open(file, "wb") as packing:
                    shutil.copyfileobj(plain, packing)
                os.fsync(file.fileno())
            unfinished.replace(to)
            path.unlink()
        except OSError as exc:
            raise AuditError(f"{path} cannot be packed: {exc}") from exc
        packed.append(to)
    return packed


def open_secret(path: Path) -> BinaryIO:
    """Open a file for writing that nobody else can read, begun anew where it was there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "wb")


def file_name(seq: int, t_ns: int) -> str:
    """Return the name of a file by its first record and the day (UTC) of a moment."""
    return f"audit-{seq:012d}-{datetime.fromtimestamp(t_ns / 1e9, UTC):%Y-%m-%d}.jsonl"


def last_line(path: Path) -> bytes | None:
    """Return the last whole line of a file; None where it has none."""
    if path.suffix == PACKED:
        last = None
        for line in read_lines([path]):
            last = line.content
        return last
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LONGEST_LINE))
        lines = file.read().splitlines(keepends=True)
    return lines[-1] if lines else None


def _match(path: Path) -> re.Match[str]:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name} is no file of an audit")
    return match


def _open(path: Path) -> BinaryIO:
    if path.suffix == PACKED:
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")
