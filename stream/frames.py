"""Bulk facts packed: blocks of samples, rejects and estimates, one per section and interval.

A *frame* is a block (scan x cell x signal) of values with their quality and source time; how it
travels is the business of `stream.frame_codec`. `(session, sequence)` orders the frames of a
section: a session is one life of the gateway (its start in nanoseconds), the sequence counts from 0
within it.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


class Quality(IntEnum):
    """Condensed OPC UA status of one sample (the two severity bits), plus what screening found."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2
    MISSING = 3  # the source had no value for this cell and scan
    REJECTED = 4  # screened out; the value is NaN here and kept in `rejects`


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a derived frame came from: the one message on the first topic that caused it."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class SampleFrame:
    """A block of samples of one section.

    Attributes:
        cells: (C,) cell numbers, 1-based.
        signals: K names.
        t_plant_s: (S,) plant time of each scan, seconds.
        value: (S, C, K) in the unit of each signal's name; NaN where there is none.
        quality: (S, C, K) of `Quality`.
        source_time_ns: (S, C, K) wall-clock UTC, nanoseconds.
        t_received_ns: when the gateway had the newest scan.
        scans_missed: scans that the gateway knows it did not get since its last frame.
        scan_counter: the plant's own number of the newest scan; -1 where it does not count.
        t_accepted_ns: when screening let it through; 0 before that.
        origin: the `samples` message that an accepted frame came from.
    """

    section: int
    session: int
    sequence: int
    cells: tuple[int, ...]
    signals: tuple[str, ...]
    t_plant_s: F64
    value: F64
    quality: U8
    source_time_ns: I64
    t_received_ns: int
    scans_missed: int = 0
    scan_counter: int = -1
    t_accepted_ns: int = 0
    origin: Origin | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(scans, cells, signals)."""
        return len(self.t_plant_s), len(self.cells), len(self.signals)

    @property
    def points(self) -> int:
        """How many samples the frame carries."""
        return int(np.prod(self.shape))

    @property
    def usable_points(self) -> int:
        """How many samples carry a value that the plant vouches for: in an accepted frame, all that
        passed screening."""
        return int((self.quality <= Quality.UNCERTAIN).sum())

    @property
    def order(self) -> tuple[int, int]:
        """What frames of one section are ordered by."""
        return self.session, self.sequence

    @property
    def newest_source_time_ns(self) -> int:
        """Source time of the newest sample."""
        return int(self.source_time_ns.max()) if self.source_time_ns.size else 0


@dataclass(frozen=True, slots=True)
class RejectFrame:
    """Samples (or a whole message) that were turned away, each with its reason and what it was.

    One row per rejected sample; `original` of the first is the message that they came in, unless it
    is too large to be sent with them. A message that is turned away whole is one row with its
    bytes, and one that could not be read at all has `points` 0.
    """

    section: int  # -1 where the message did not say
    origin: Origin
    t_rejected_ns: int
    points: int  # samples of the origin message that this frame accounts for
    reason: tuple[str, ...]
    detail: tuple[str, ...]
    cell: NDArray[np.int32]  # -1 where it does not apply
    signal: tuple[str, ...]  # "" where it does not apply
    value: F64
    source_time_ns: I64
    original: tuple[bytes | None, ...]


@dataclass(frozen=True, slots=True)
class EstimateFrame:
    """The estimated state of all cells of a section after one accepted frame.

    Attributes:
        values: column name -> (C,) array; states, their standard deviations (`<name>_sd`) and what
            follows from them (superheat, predicted voltage, innovation).
        frames_applied: how many frames this section's state has absorbed since it was first made.
        frames_skipped: frames seen again and not applied.
        frames_missing: frames never seen, by the gaps in their sequence.
    """

    section: int
    session: int
    sequence: int
    cells: tuple[int, ...]
    values: dict[str, F64]
    t_plant_s: float
    t_source_ns: int
    t_received_ns: int
    t_accepted_ns: int
    t_estimated_ns: int
    frames_applied: int
    frames_skipped: int
    frames_missing: int
    origin: Origin

    @property
    def order(self) -> tuple[int, int]:
        """What frames of one section are ordered by."""
        return self.session, self.sequence
