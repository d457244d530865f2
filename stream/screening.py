"""Which samples may be believed: the rules that every frame passes before anything rests on it.

Nothing is repaired. A sample either passes as it is or is turned away with its reason and its
value, and the number of samples that pass and are turned away is the number that came.
"""

from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from control.interlock_checks import FUTURE_TOLERANCE_NS
from stream.frames import F64, I64, Origin, Quality, RejectFrame, SampleFrame
from stream.rejects import Reason, Rejects, reject_message
from stream.screen_state import STATE_VERSION, ScreenState, init_screen_state
from stream.signals import SignalLimits

_MOST_SAMPLES_APART: Final = 50_000  # rejected one by one: about 4 MB, twice an honest frame's all
_PLANT_RATE: Final = 1000.0  # no plant lives faster than this by the wall; simulators: 600 times
_PLANT_LEAP_S: Final = 3600.0  # on top of it, for a plant clock that is put right


@dataclass(frozen=True, slots=True)
class Screened:
    """What came of one message. Both parts are None for a message that was applied before."""

    accepted: SampleFrame | None
    rejects: RejectFrame | None


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
        turned_away = self._turn_away_whole(state, frame, payload, origin, now_ns)
        if turned_away is None:
            rejects = Rejects(frame, origin)
            aligned, keep = self._align(frame, rejects)
            following, accepted = self._judge(state, aligned, keep, rejects, origin, now_ns)
            if len(rejects.reasons) <= _MOST_SAMPLES_APART:
                return following, Screened(accepted, rejects.frame_of(payload, now_ns))
            turned_away = reject_message(
                payload,
                origin,
                Reason.TOO_MANY,
                f"{len(rejects.reasons)} of {frame.points}, first {rejects.reasons[0]}",
                now_ns,
                section=frame.section,
                points=frame.points,
            )
        return msgspec.structs.replace(state, offset=origin.offset), Screened(None, turned_away)

    def _turn_away_whole(
        self, state: ScreenState, frame: SampleFrame, payload: bytes, origin: Origin, now_ns: int
    ) -> RejectFrame | None:
        """Return the reject of a frame that is out of its turn; None where it is in order."""
        order = (state.session, state.sequence)
        if frame.order <= order or (
            frame.session == state.session and frame.t_plant_s[0] <= state.t_plant_s
        ):
            reason = Reason.DUPLICATE if frame.order == order else Reason.OUT_OF_ORDER
        elif frame.session > now_ns + FUTURE_TOLERANCE_NS or self._leaps(state, frame, now_ns):
            reason = Reason.FUTURE  # it would shut out every honest frame until then
        else:
            return None
        return reject_message(
            payload,
            origin,
            reason,
            f"session {frame.session}, sequence {frame.sequence}, plant time "
            f"{frame.t_plant_s[0]:.0f} to {frame.t_plant_s[-1]:.0f} s, after {state.session}, "
            f"{state.sequence}, {state.t_plant_s:.0f} s",
            now_ns,
            section=frame.section,
            points=frame.points,
        )

    def _leaps(self, state: ScreenState, frame: SampleFrame, now_ns: int) -> bool:
        """Whether the plant time of a frame is further on than any plant can have come.

        Within a session of the gateway plant time goes on from the frame before; how much wall time
        that is, is known from the newest source time that was believed. A session may begin at any
        plant time (another plant, a clock put back), but its first frame has to hang together.
        """
        if frame.session != state.session:
            before_s = frame.t_plant_s[0]
            elapsed_ns = int(np.ptp(frame.source_time_ns)) if frame.points else 0
        else:
            before_s = state.t_plant_s
            newest = np.frombuffer(state.source_time_ns, dtype=np.int64)
            elapsed_ns = max(now_ns - int(newest.max(initial=0)), 0)
        most_s = _PLANT_LEAP_S + _PLANT_RATE * elapsed_ns / 1e9
        return bool(frame.t_plant_s[-1] - before_s > most_s)

    def _align(
        self, frame: SampleFrame, rejects: Rejects
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
        rejects: Rejects,
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
            version=STATE_VERSION,
            session=frame.session,
            sequence=frame.sequence,
            offset=origin.offset,
            t_plant_s=float(frame.t_plant_s[-1]),
            is_rejecting=state.is_rejecting,
            source_time_ns=newest.tobytes(),
            value=last.tobytes(),
            unchanged_since_s=since.tobytes(),
        )
        return following, accepted


def _array(payload: bytes, dtype: type, cells: int, signals: int) -> F64 | I64:
    return np.frombuffer(payload, dtype=dtype).reshape(cells, signals)
