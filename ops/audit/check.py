"""Verifies an audit on disk, beside checkpoints that were kept elsewhere, and says it in words."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

from ops.mistakes import OperationError
from stream.audit.files import AuditError, audit_files, read_lines
from stream.audit.keys import (
    PUBLIC_FILE,
    SEALING_FILE,
    AuditKeyError,
    read_public_key,
    read_sealing_keys,
)
from stream.audit.verify import PlacedLine, Verification, verify_chain
from stream.records import AuditCheckpoint

_MOST_LISTED: Final = 20


def verify_folder(
    folder: Path,
    keys: Path,
    checkpoints: Iterable[AuditCheckpoint],
    files: list[Path] | None = None,
    known_chains: Iterable[str] = (),
) -> Verification:
    """Verify an audit, with a progress bar on a terminal.

    Args:
        folder: of the audit.
        keys: folder of its keys.
        checkpoints: to compare with; none where none were kept.
        files: only these, a part of the chain.
        known_chains: that were begun with the same keys and are kept elsewhere.

    Raises:
        OperationError: there is no audit, or it or its keys cannot be read.
    """
    paths = audit_files(folder) if files is None else files
    if not paths:
        raise OperationError(
            f"there is no audit in {folder}. Remedy: name the folder that has audit-….jsonl in it"
        )
    try:
        sealing = read_sealing_keys(keys / SEALING_FILE)
        known = list(checkpoints)
        public = read_public_key(keys / PUBLIC_FILE) if known else None
        return verify_chain(
            _with_progress(paths),
            sealing.by_id,
            known,
            public,
            known_chains=known_chains,
            is_part=files is not None,
        )
    except (AuditError, AuditKeyError) as exc:
        raise OperationError(str(exc)) from exc


def verdict_lines(verification: Verification, checkpoints: int) -> list[str]:
    """Return what came of it, a sentence a line."""
    lines = [
        f"{verification.records:,} records, {verification.first_seq:,} to "
        f"{verification.last_seq:,}; {verification.checkpoints} of {checkpoints} checkpoints "
        "compared"
    ]
    if verification.unsigned:
        lines.append(
            f"{verification.unsigned} checkpoints are not signed with this key, but for other "
            "audits or by nobody: they prove nothing and were passed over."
        )
    shown = verification.faults[:_MOST_LISTED]
    lines += [f"{fault.finding.value}: {fault.place}: {fault.sentence}" for fault in shown]
    if (more := verification.fault_count - len(shown)) > 0:
        lines.append(f"and {more:,} more")
    if verification.is_sound:
        lines.append("Sound: every record is as it was sealed, and none is missing between them.")
        if not verification.checkpoints:
            lines.append(
                "Without checkpoints nobody can tell whether records are missing at the end: "
                "`potline audit verify` with --kafka or --checkpoints."
            )
    else:
        lines.append("NOT SOUND. Keep the folder as evidence; nothing was changed in it.")
    return lines


def result_json(verification: Verification, checkpoints: int) -> dict[str, Any]:
    """Return the same for programs."""
    return {
        "is_sound": verification.is_sound,
        "records": verification.records,
        "first_seq": verification.first_seq,
        "last_seq": verification.last_seq,
        "checkpoints": checkpoints,
        "checkpoints_compared": verification.checkpoints,
        "checkpoints_unsigned": verification.unsigned,
        "fault_count": verification.fault_count,
        "faults": [
            {"finding": fault.finding.value, "place": fault.place, "sentence": fault.sentence}
            for fault in verification.faults
        ],
    }


def _with_progress(paths: list[Path]) -> Iterator[PlacedLine]:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verifying", total=len(paths))
        for path in paths:
            yield from read_lines([path])
            progress.advance(task)
