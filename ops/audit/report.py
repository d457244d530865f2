"""`potline audit report`: a month, in sentences and as a page."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ops.audit.check import verdict_lines, verify_folder
from ops.audit.month import count_month
from ops.audit.page import month_page, month_sentences
from ops.mistakes import OperationError
from stream.audit.files import audit_files, day_of, read_lines
from stream.audit.verify import read_records

_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def report_month(
    folder: Path, keys: Path, month: str, page: Path | None, echo: Callable[[str], None]
) -> bool:
    """Print a month, and write its page where one is asked for.

    Args:
        folder: of the audit; `keys`: of its keys.
        month: `2026-11`; empty for the present one.
        page: file for the page.
        echo: takes a line.

    Returns:
        Whether the month's part of the chain is sound.

    Raises:
        OperationError: there is nothing of that month, or it cannot be read.
    """
    month = month or f"{datetime.now(UTC):%Y-%m}"
    if not _MONTH.fullmatch(month):
        raise OperationError(f"{month!r} is no month. Remedy: write it like 2026-11")
    files = [path for path in audit_files(folder) if f"{day_of(path):%Y-%m}" == month]
    if not files:
        there = sorted({f"{day_of(path):%Y-%m}" for path in audit_files(folder)})
        remedy = f"name one of {', '.join(there)}" if there else "name the folder of an audit"
        raise OperationError(f"nothing of {month} is kept in {folder}. Remedy: {remedy}")
    found = verify_folder(folder, keys, (), files)
    facts = count_month(read_records(read_lines(files)))
    verdict = verdict_lines(found, 0)
    for line in [f"Audit of {month}", *month_sentences(facts), *verdict]:
        echo(line)
    if page is not None:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(month_page(month, facts, verdict, found.is_sound), encoding="utf-8")
        echo(f"page: {page}")
    return found.is_sound
