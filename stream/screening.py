"""Which samples may be believed: the rules that every frame passes before anything rests on it.

Nothing is repaired. A sample either passes as it is or is turned away with its reason and its
value, and the number of samples that pass and are turned away is the number that came.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import msgspec
import numpy as np

from control.interlock_checks import FUTURE_TOLERANCE_NS
from stream.frames import F64, I64, Origin, Quality, RejectFrame, SampleFrame
from stream.signals import SignalLimits

_STATE_VERSION: Final = 1
_MOST_KEPT_BYTES: Final = 4_000_000


class Reason(StrEnum):
    """Why a sample or a message was turned away."""

    MALFORMED = "malformed"  # the message is not a frame
    UNKNOWN_SECTION = "unknown section"
    UNKNOWN_CELL = "unknown cell"
    UNKNOWN_SIGNAL = "unknown signal"
    DUPLICATE = "duplicate"  # this (session, sequence) has been seen in another message
    OUT_OF_ORDER = "out of order"  # older than what has been seen
    MISSING = "missing"  # the plant has no value
    BAD_STATUS = "bad status"  # the plant says that the value is bad
    NOT_FINITE = "not finite"
    OUT_OF_RANGE = "out of physical range"
    FUTURE = "source time in the future"
    STALE = "source time stands still"
    FROZEN = "frozen"


class ScreenState(msgspec.Struct, frozen=True, kw_only=True):
    """What screening remembers of a section between frames.

    Arrays are (C, K) in the order of the section's cells and the plant's signals, as bytes.
    """

    version: int
    session: int
    sequence: int
    offset: int  # of the newest message applied
    t_plant_s: float
    source_time_ns: bytes  # int64, newest seen
    value: bytes  # float64, newest accepted
    unchanged_since_s: bytes  # float64, plant time at which `value` was first seen


@dataclass(frozen=True, slots=True)
class Screened:
    """What came of one message. Both parts are None for a message that was applied before."""

    accepted: SampleFrame | None
    rejects: RejectFrame | None


def init_screen_state(cells: int, signals: int) -> ScreenState:
    """Return the state of a section that has seen nothing."""
    return ScreenState(
        version=_STATE_VERSION,
        session=-1,
        sequence=-1,
        offset=-1,
        t_plant_s=-np.inf,
        source_time_ns=np.zeros((cells, signals), dtype=np.int64).tobytes(),
        value=np.full((cells, signals), np.nan).tobytes(),
        unchanged_since_s=np.full((cells, signals), -np.inf).tobytes(),
    )


def encode_state(state: ScreenState) -> bytes:
    """Return the state as MessagePack."""
    return msgspec.msgpack.encode(state)


def decode_state(payload: bytes, cells: int, signals: int) -> ScreenState:
    """Return the state in `payload`.

    Raises:
        ValueError: it is not a state of this version and size.
    """
    state = msgspec.msgpack.decode(payload, type=ScreenState)
    if state.version != _STATE_VERSION or len(state.value) != cells * signals * 8:
        raise ValueError(
            f"screening state of version {state.version} with {len(state.value) // 8} samples; "
            f"wanted version {_STATE_VERSION} with {cells * signals}"
        )
    return state


def reject_message(
    payload: bytes,
    origin: Origin,
    reason: str,
    detail: str,
    now_ns: int,
    *,
    section: int = -1,
    points: int = 0,
) -> RejectFrame:
    """Return the reject for a message turned away whole, with its bytes (the first 4 MB of them,
    so that the reject itself is never too large to be sent).

    Args:
        section: where the message said so.
        points: samples in the message; 0 where it could not be read.
    """
    return RejectFrame(
        section=section,
        origin=origin,
        t_rejected_ns=now_ns,
        points=points,
        reason=(reason,),
        detail=(detail,),
        cell=np.array([-1], dtype=np.int32),
        signal=("",),
        value=np.array([np.nan]),
        source_time_ns=np.array([0], dtype=np.int64),
        original=(payload[:_MOST_KEPT_BYTES],),
    )


class _Rejects:
    """Collects the rejected samples of one frame."""

    def __init__(self, frame: SampleFrame, origin: Origin) -> None:
        self.frame = frame
        self.origin = origin
        self.reasons: list[str] = []
        self.details: list[str] = []
        self.index: list[np.ndarray] = []

    def add(self, mask: np.ndarray, reason: Reason, detail: str = "") -> None:
        """Reject the samples in `mask` (S, C, K)."""
        index = np.argwhere(mask)
        self.index.append(index)
        self.reasons += [reason] * len(index)
        self.details += [detail] * len(index)

    def frame_of(self, now_ns: int) -> RejectFrame | None:
        """Return the reject frame, or None where nothing was rejected."""
        if not self.reasons:
            return None
        index = np.concatenate(self.index)
        scan, cell, signal = index.T
        frame = self.frame
        return RejectFrame(
            section=frame.section,
            origin=self.origin,
            t_rejected_ns=now_ns,
            points=len(index),
            reason=tuple(self.reasons),
            detail=tuple(self.details),
            cell=np.asarray(frame.cells, dtype=np.int32)[cell],
            signal=tuple(frame.signals[k] for k in signal),
            value=frame.value[scan, cell, signal],
            source_time_ns=frame.source_time_ns[scan, cell, signal],
            original=(None,) * len(index),
        )


@dataclass(frozen=True, slots=True)
class Screen:
    """The rules for one section.

    Attributes:
        cells: the section's cells, in the order that every accepted frame has.
        limits: one row per signal, in the order that every accepted frame has.
    """

    section: int
    cells: tuple[int, ...]
    limits: tuple[SignalLimits, ...]

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals, in order."""
        return tuple(row.name for row in self.limits)

    def initial_state(self) -> ScreenState:
        """Return the state before the first frame."""
        return init_screen_state(len(self.cells), len(self.limits))

    def step(
        self, state: ScreenState, frame: SampleFrame, payload: bytes, origin: Origin, now_ns: int
    ) -> tuple[ScreenState, Screened]:
        """Screen one frame.

        Args:
            state: of this section.
            frame: as decoded from `payload`.
            origin: the message that it came in.
            now_ns: wall time.

        Returns:
            The next state, and the accepted and rejected samples. Samples of the accepted frame
            are in the order of `cells` and `signals`; a rejected one is NaN with quality REJECTED,
            a cell or signal that did not come is NaN with quality MISSING.
        """
        if origin.offset <= state.offset:
            return state, Screened(None, None)
        order = (state.session, state.sequence)
        if frame.order <= order or (
            frame.session == state.session and frame.t_plant_s[0] <= state.t_plant_s
        ):
            reason = Reason.DUPLICATE if frame.order == order else Reason.OUT_OF_ORDER
        elif frame.session > now_ns + FUTURE_TOLERANCE_NS:
            reason = Reason.FUTURE  # it would shut out every honest frame until then
        else:
            reason = None
        if reason is not None:
            turned_away = reject_message(
                payload,
                origin,
                reason,
                f"session {frame.session}, sequence {frame.sequence}, "
                f"after {state.session}, {state.sequence}",
                now_ns,
                section=frame.section,
                points=frame.points,
            )
            state = msgspec.structs.replace(state, offset=origin.offset)
            return state, Screened(None, turned_away)
        rejects = _Rejects(frame, origin)
        aligned, keep = self._align(frame, rejects)
        state, accepted = self._judge(state, aligned, keep, rejects, origin, now_ns)
        return state, Screened(accepted, rejects.frame_of(now_ns))

    def _align(
        self, frame: SampleFrame, rejects: _Rejects
    ) -> tuple[SampleFrame, tuple[np.ndarray, np.ndarray]]:
        """Put cells and signals in the plant's order; turn away those that it does not have."""
        cell_at = {number: i for i, number in enumerate(self.cells)}
        signal_at = {name: k for k, name in enumerate(self.signals)}
        known_cell = np.array([number in cell_at for number in frame.cells])
        known_signal = np.array([name in signal_at for name in frame.signals])
        shape = frame.shape
        stranger = np.broadcast_to(~known_cell[None, :, None], shape)
        rejects.add(stranger, Reason.UNKNOWN_CELL)
        rejects.add(
            np.broadcast_to(~known_signal[None, None, :], shape) & ~stranger, Reason.UNKNOWN_SIGNAL
        )
        from_cell, from_signal = np.flatnonzero(known_cell), np.flatnonzero(known_signal)
        to_cell = np.array([cell_at[frame.cells[i]] for i in from_cell], dtype=np.intp)
        to_signal = np.array([signal_at[frame.signals[k]] for k in from_signal], dtype=np.intp)
        wanted = (shape[0], len(self.cells), len(self.limits))
        value = np.full(wanted, np.nan)
        quality = np.full(wanted, Quality.MISSING, dtype=np.uint8)
        source = np.zeros(wanted, dtype=np.int64)
        if len(from_cell) and len(from_signal):
            take = np.ix_(np.arange(shape[0]), from_cell, from_signal)
            put = np.ix_(np.arange(shape[0]), to_cell, to_signal)
            value[put] = frame.value[take]
            quality[put] = frame.quality[take]
            source[put] = frame.source_time_ns[take]
        aligned = replace(
            frame,
            cells=self.cells,
            signals=self.signals,
            value=value,
            quality=quality,
            source_time_ns=source,
        )
        # Rejects name samples by their place in the frame as it came: remember the way back.
        back_cell = np.full(len(self.cells), -1, dtype=np.intp)
        back_cell[to_cell] = from_cell
        back_signal = np.full(len(self.limits), -1, dtype=np.intp)
        back_signal[to_signal] = from_signal
        return aligned, (back_cell, back_signal)

    def _judge(
        self,
        state: ScreenState,
        frame: SampleFrame,
        back: tuple[np.ndarray, np.ndarray],
        rejects: _Rejects,
        origin: Origin,
        now_ns: int,
    ) -> tuple[ScreenState, SampleFrame]:
        """Turn away single samples, scan by scan where the order of scans matters."""
        scans, cells, signals = frame.shape
        back_cell, back_signal = back
        came = np.broadcast_to(
            (back_cell >= 0)[None, :, None] & (back_signal >= 0)[None, None, :], frame.shape
        )
        low = np.array([row.physical_low for row in self.limits])
        high = np.array([row.physical_high for row in self.limits])
        frozen_after = np.array([row.frozen_after_s for row in self.limits])
        open_ = came.copy()  # not judged yet

        def turn_away(mask: np.ndarray, reason: Reason) -> None:
            hit = mask & open_
            if not hit.any():
                return
            original = np.zeros(rejects.frame.shape, dtype=bool)
            scan, cell, signal = np.nonzero(hit)
            original[scan, back_cell[cell], back_signal[signal]] = True
            rejects.add(original, reason)
            open_[hit] = False

        value = frame.value
        finite = np.isfinite(value)
        turn_away(frame.quality == Quality.MISSING, Reason.MISSING)
        turn_away(frame.quality >= Quality.BAD, Reason.BAD_STATUS)
        turn_away(~finite, Reason.NOT_FINITE)
        safe = np.where(finite, value, low)
        turn_away((safe < low) | (safe > high), Reason.OUT_OF_RANGE)
        turn_away(frame.source_time_ns > now_ns + FUTURE_TOLERANCE_NS, Reason.FUTURE)
        # Against the newest of its own scan, so that a frame that waited for Kafka is not stale.
        newest_of_scan = np.where(open_, frame.source_time_ns, 0).max(axis=(1, 2), keepdims=True)
        max_age_ns = np.array([int(row.max_age_s * 1e9) for row in self.limits])
        turn_away(newest_of_scan - frame.source_time_ns > max_age_ns, Reason.STALE)

        newest = _array(state.source_time_ns, np.int64, cells, signals)
        last = _array(state.value, np.float64, cells, signals)
        since = _array(state.unchanged_since_s, np.float64, cells, signals)
        if frame.session != state.session and frame.t_plant_s[0] <= state.t_plant_s:
            # The plant's clock was set back, which is why a session began: old times say nothing.
            newest = np.zeros_like(newest)
            since = np.minimum(since, frame.t_plant_s[0])
        late = np.zeros(frame.shape, dtype=bool)
        frozen = np.zeros(frame.shape, dtype=bool)
        for s in range(scans):
            usable = open_[s]
            late[s] = usable & (frame.source_time_ns[s] < newest)
            usable = usable & ~late[s]
            newest = np.where(usable, frame.source_time_ns[s], newest)
            changed = usable & (value[s] != last)
            since = np.where(changed, frame.t_plant_s[s], since)
            last = np.where(usable, value[s], last)
            frozen[s] = usable & (frozen_after > 0) & (frame.t_plant_s[s] - since > frozen_after)
        turn_away(late, Reason.OUT_OF_ORDER)
        turn_away(frozen, Reason.FROZEN)

        quality = np.where(open_, frame.quality, np.where(came, Quality.REJECTED, Quality.MISSING))
        accepted = replace(
            frame,
            value=np.where(open_, value, np.nan),
            quality=quality.astype(np.uint8),
            t_accepted_ns=now_ns,
            origin=origin,
        )
        following = ScreenState(
            version=_STATE_VERSION,
            session=frame.session,
            sequence=frame.sequence,
            offset=origin.offset,
            t_plant_s=float(frame.t_plant_s[-1]),
            source_time_ns=newest.tobytes(),
            value=last.tobytes(),
            unchanged_since_s=since.tobytes(),
        )
        return following, accepted


def _array(payload: bytes, dtype: type, cells: int, signals: int) -> F64 | I64:
    return np.frombuffer(payload, dtype=dtype).reshape(cells, signals)
