"""Keeps the newest claim to a line beside the audit, whose lock says that its maker is gone."""

import asyncio
import logging
from pathlib import Path
from typing import Final, Protocol

import msgspec

from stream.audit.entries import claim_of
from stream.audit.files import AuditError
from stream.audit.keeper import AuditTrail
from stream.edge import Claim
from stream.secret_files import write_secret

_log = logging.getLogger(__name__)
CLAIM_FILE: Final = "writer-claim.json"


class ClaimStore(Protocol):
    """What outlives a guard."""

    async def read(self) -> Claim | None:
        """Return what was written last, or None.

        Raises:
            OSError: it cannot be read.
        """

    async def write(self, claim: Claim) -> None:
        """Keep a claim.

        Raises:
            OSError: it cannot be written.
        """


class ClaimFile:
    """A small file in the folder of the audit, replaced as a whole."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CLAIM_FILE

    async def read(self) -> Claim | None:
        """Return what was written last; None where there is no such file, or it holds none.

        Raises:
            OSError: it cannot be read.
        """
        try:
            return msgspec.json.decode(await asyncio.to_thread(self._path.read_bytes), type=Claim)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as exc:
            _log.warning("%s holds no claim and is passed over: %s", self._path, exc)
            return None

    async def write(self, claim: Claim) -> None:
        """Keep a claim.

        Raises:
            OSError: it cannot be written.
        """
        await asyncio.to_thread(write_secret, self._path, msgspec.json.encode(claim))


class AuditedClaims:
    """A `ClaimBook` that is good for as long as its guard has the audit to itself.

    A claim is kept by the guard that has the audit's lock, so whoever has that lock now knows that
    the one who made the claim has ended.
    """

    def __init__(self, audit: AuditTrail, store: ClaimStore) -> None:
        self._audit = audit
        self._store = store

    async def recall(self) -> Claim | None:
        """Return the claim of a guard that has ended; None where there is none, or it may live."""
        try:
            await self._audit.append([])
            return await self._store.read()
        except (AuditError, OSError) as exc:
            _log.debug("No claim of a guard before this one is known: %s", exc)
            return None

    async def note(self, claim: Claim, address: str) -> None:
        """Put a claim on record and keep it; where that fails, the next guard has to wait until our
        heartbeat has stood still, and that is all."""
        try:
            await self._audit.append([claim_of(claim, address)])
            await self._store.write(claim)
        except (AuditError, OSError) as exc:
            _log.warning("The claim to be the plant's one writer is not kept: %s", exc)
