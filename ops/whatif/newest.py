"""The newest estimate of a cell that a running system has put on Kafka."""

import contextlib
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from ops.follow import end_consumer
from ops.mistakes import OperationError
from stream.frame_codec import FrameError, decode_estimates
from stream.frames import EstimateFrame
from stream.kafka import KafkaConnection, KafkaUnreachableError, make_consumer
from stream.topics import ESTIMATES

_POLL_MS: Final = 200
_LOOK_BACK: Final = 100  # messages of a partition, which several sections may share


async def read_newest_estimate(
    connection: KafkaConnection, partitions: int, cell: int
) -> EstimateFrame:
    """Read the newest estimate of the section that a cell is in.

    Args:
        connection: to Kafka.
        partitions: of every topic.
        cell: its number.

    Raises:
        KafkaUnreachableError: no broker answers.
        OperationError: there is no estimate of the cell.
    """
    consumer = make_consumer(connection, client_id="potline-whatif")
    places = [TopicPartition(ESTIMATES.name, number) for number in range(partitions)]
    consumer.assign(places)
    newest: EstimateFrame | None = None
    known: set[int] = set()
    try:
        await consumer.start()
        ends = await consumer.end_offsets(places)
        begins = await consumer.beginning_offsets(places)
        for place in places:
            consumer.seek(place, max(begins[place], ends[place] - _LOOK_BACK))
        while any([await consumer.position(place) < ends[place] for place in places]):
            for messages in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                for message in messages:
                    # What is no frame is told of on `dead-letters`.
                    with contextlib.suppress(FrameError):
                        frame = decode_estimates(message.value or b"")
                        known.update(frame.cells)
                        if cell in frame.cells and (newest is None or frame.order > newest.order):
                            newest = frame
    except (KafkaError, OSError) as exc:
        raise KafkaUnreachableError(
            f"{ESTIMATES.name} at {connection.address} cannot be read: {exc}. Remedy: start the "
            "run, name another with --kafka, or play from the plant file with --nominal"
        ) from exc
    finally:
        await end_consumer(consumer)
    if newest is None:
        there = ", ".join(map(str, sorted(known)[:20])) or "none"
        raise OperationError(
            f"{ESTIMATES.name} at {connection.address} has no estimate of cell {cell}; cells "
            f"there: {there}. Remedy: name one of them, or play from the plant file with --nominal"
        )
    return newest
