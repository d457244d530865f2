"""The files of an audit, for whoever reads them: one a day, those of days gone by packed."""

import gzip
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

from stream.audit.chain import LONGEST_LINE, AuditLineError, AuditRecord, from_line
from stream.audit.verify import PlacedLine, read_records

PACKED: Final = ".gz"
_TAIL_BYTES: Final = 4 * 1024 * 1024
_NAME: Final = re.compile(r"audit-(\d{4}-\d{2}-\d{2})\.jsonl(\.gz)?")


class AuditError(OSError):
    """The audit cannot be written or read; the message says where, why, and the remedy."""


def audit_files(folder: Path) -> list[Path]:
    """Return the files of an audit, one a day, oldest first."""
    by_day: dict[str, Path] = {}
    # A plain file comes first; where its packed copy lies beside it, the packing was cut short.
    for path in sorted(folder.glob("audit-*.jsonl*")):
        if match := _NAME.fullmatch(path.name):
            by_day.setdefault(match[1], path)
    return [by_day[day] for day in sorted(by_day)]


def day_of(path: Path) -> date:
    """Return the day (UTC) of an audit's file.

    Raises:
        ValueError: it is no file of an audit.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path.name} is no file of an audit")
    return date.fromisoformat(match[1])


def read_lines(paths: Sequence[Path]) -> Iterator[PlacedLine]:
    """Give every line of these files, one after the other, with its place.

    Raises:
        AuditError: a file cannot be read.
    """
    for path in paths:
        try:
            with _open(path) as file:
                for number, line in enumerate(file, start=1):
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


def file_name(t_ns: int) -> str:
    """Return the name of the file of the day (UTC) of a moment."""
    return f"audit-{datetime.fromtimestamp(t_ns / 1e9, UTC):%Y-%m-%d}.jsonl"


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


def last_seq(path: Path) -> int:
    """Return the number of the last record in a file.

    Raises:
        AuditError: its last line is none.
    """
    try:
        return from_line(last_line(path) or b"").record.seq
    except AuditLineError as exc:
        raise AuditError(f"the last line of {path} is no audit line: {exc}") from exc


def _open(path: Path) -> BinaryIO:
    if path.suffix == PACKED:
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")
