"""Which cells stand tripped, in a small file beside the audit: a trip may be older than its end."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from stream.audit.chain import AuditEntry, AuditRecord
from stream.audit.entries import see_trips
from stream.secret_files import write_secret

_log = logging.getLogger(__name__)
TRIP_FILE: Final = "tripped.json"


class TripFile:
    """Kept by whoever writes the audit, in the same thread and after it."""

    def __init__(self, folder: Path) -> None:
        """Know of none in the folder of an audit."""
        self._path = folder / TRIP_FILE
        self._tripped: dict[int, str] = {}

    def recall(self, newest: Iterable[AuditRecord]) -> Mapping[int, str]:
        """Return the cells that were left tripped, and what caused it.

        Args:
            newest: the end of the audit, which is newer than the file where they differ.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=dict[int, str])
        except FileNotFoundError:
            kept = {}
        except msgspec.DecodeError as exc:
            _log.error("%s cannot be read and is passed over: %s", self._path, exc)
            kept = {}
        self._tripped = see_trips(kept, newest)
        return dict(self._tripped)

    def see(self, entries: Iterable[AuditEntry]) -> None:
        """Take in what has become durable in the audit.

        Raises:
            OSError: the file cannot be written.
        """
        tripped = see_trips(self._tripped, entries)
        if tripped != self._tripped:
            write_secret(self._path, msgspec.json.encode(tripped))
            self._tripped = tripped
