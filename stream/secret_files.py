"""Files that only their owner may read: keys, passwords, and what nobody may forge."""

import os
from pathlib import Path

OWNER_ONLY = 0o600


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read, not even for a moment, in the place of any other.

    It is there as a whole or not at all, over a crash too.

    Raises:
        OSError: it cannot be written.
    """
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
