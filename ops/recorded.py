"""A history out of what a run has put on Kafka: the accepted samples of one cell."""

import contextlib
from collections.abc import Callable
from typing import Final

import numpy as np
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from numpy.typing import NDArray

from ops.follow import end_consumer
from ops.mistakes import OperationError
from stream.frame_codec import FrameError, decode_samples
from stream.frames import Quality, SampleFrame
from stream.kafka import KafkaConnection, KafkaUnreachableError, make_consumer
from stream.topics import ACCEPTED

F64 = NDArray[np.float64]

_POLL_MS: Final = 200
_STEP_S: Final = 10.0  # a history of days needs no scan by scan: means of so long, plant time


class CellRecorder:
    """Collects one cell's readings out of accepted frames, as means over some seconds.

    The newest session counts: plant time may begin anew with each.
    """

    def __init__(self, cell: int, step_s: float = _STEP_S) -> None:
        self._cell, self._step_s = cell, step_s
        self._session = -1
        self._newest_s = -np.inf
        self._signals: tuple[str, ...] = ()
        self._total: dict[int, list[F64]] = {}
        self.cells: set[int] = set()

    def add(self, frame: SampleFrame) -> None:
        """Take a frame in; one of an older session, or seen before, changes nothing."""
        self.cells.update(frame.cells)
        if self._cell not in frame.cells or frame.session < self._session:
            return
        if frame.session > self._session:
            self._session, self._newest_s, self._total = frame.session, -np.inf, {}
            self._signals = frame.signals
        at = frame.cells.index(self._cell)
        is_usable = frame.quality[:, at] <= Quality.UNCERTAIN
        value = np.where(is_usable, frame.value[:, at], np.nan)
        for scan, t_s in enumerate(frame.t_plant_s):
            if t_s > self._newest_s:
                self._newest_s = float(t_s)
                self._total.setdefault(int(t_s // self._step_s), []).append(value[scan])

    def columns(self) -> dict[str, F64]:
        """Return the columns that `ops.history` names; a running total is its last reading."""
        places = sorted(self._total)
        rows = np.full((len(places), len(self._signals)), np.nan)
        for row, place in enumerate(places):
            readings = np.array(self._total[place])
            for at, name in enumerate(self._signals):
                there = readings[np.isfinite(readings[:, at]), at]
                if len(there):
                    rows[row, at] = there[-1] if name == "alumina_fed_kg" else there.mean()
        t_plant_s = (np.array(places, dtype=np.float64) + 0.5) * self._step_s
        return {"t_plant_s": t_plant_s} | {
            name: rows[:, at].copy() for at, name in enumerate(self._signals)
        }


async def read_recorded(
    connection: KafkaConnection, partitions: int, cell: int, watch: Callable[[int, int], None]
) -> dict[str, F64]:
    """Read all that `accepted` holds now of one cell.

    Args:
        connection: to Kafka.
        partitions: of every topic.
        cell: its number.
        watch: told how many messages were read, of how many.

    Returns:
        Columns by name.

    Raises:
        KafkaUnreachableError: no broker answers.
        OperationError: the topic has nothing of the cell.
    """
    consumer = make_consumer(connection, client_id="potline-calibrate", from_beginning=True)
    recorder = CellRecorder(cell)
    places = [TopicPartition(ACCEPTED.name, number) for number in range(partitions)]
    consumer.assign(places)
    try:
        await consumer.start()
        ends = await consumer.end_offsets(places)
        begins = await consumer.beginning_offsets(places)
        total = sum(ends.values()) - sum(begins.values())
        read = 0
        while any([await consumer.position(place) < ends[place] for place in places]):
            for messages in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                for message in messages:
                    read += 1
                    # What is no frame is told of on `dead-letters`.
                    with contextlib.suppress(FrameError):
                        recorder.add(decode_samples(message.value or b""))
            watch(read, total)
    except (KafkaError, OSError) as exc:
        raise KafkaUnreachableError(
            f"{ACCEPTED.name} at {connection.address} cannot be read: {exc}. "
            "Remedy: start the run or the broker, or name another with --kafka."
        ) from exc
    finally:
        await end_consumer(consumer)
    columns = recorder.columns()
    if not len(columns["t_plant_s"]):
        known = ", ".join(map(str, sorted(recorder.cells)[:20])) or "none"
        raise OperationError(
            f"{ACCEPTED.name} at {connection.address} has nothing of cell {cell}. "
            f"Cells there: {known}."
        )
    return columns
