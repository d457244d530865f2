"""Put a reduced cell's file on record: what it is of, how far it errs, and its SHA-256."""

import time
from hashlib import sha256
from pathlib import Path

from aiokafka.errors import KafkaError

from ops.mistakes import OperationError
from ops.reduced_file import ReducedAbout, load_reduced
from stream.kafka import KafkaConnection, make_producer
from stream.records import LEARNT, ModelRecord, encode
from stream.topics import MODELS


def describe_reduced(path: Path, t_created_ns: int) -> ModelRecord:
    """What an auditor wants to know of a reduced cell's file.

    Args:
        path: of the file.
        t_created_ns: wall-clock UTC time of the record.

    Returns:
        The record; its model_id is the same for every file of one plant and grid.

    Raises:
        OperationError: the file cannot be read as a reduced cell.
    """
    about: ReducedAbout = load_reduced(path)[1]
    return ModelRecord(
        model_id=f"{LEARNT}/{about.plant_hash}/{about.grid}",
        kind=LEARNT,
        plant_name=about.plant_name,
        plant_hash=about.plant_hash,
        parameters={
            **about.sizes,
            "every_s": about.every_s,
            "hours": about.hours,
            "trained": float(about.trained),
            "folds": float(about.folds),
        },
        t_created_ns=t_created_ns,
        program=about.program,
        grid=about.grid,
        errors=about.errors,
        artefact_path=str(path.resolve()),
        artefact_sha256=sha256(path.read_bytes()).hexdigest(),
    )


async def publish_reduced(connection: KafkaConnection, path: Path) -> ModelRecord:
    """Send the record of a reduced cell's file to the compacted topic `models`.

    Args:
        connection: to Kafka, with the topics of the table.
        path: of the file.

    Returns:
        The record that was sent.

    Raises:
        OperationError: the file cannot be read, or Kafka does not take the record.
    """
    record = describe_reduced(path, time.time_ns())
    producer = make_producer(connection, "potline-reduce")
    try:
        await producer.start()
        await producer.send_and_wait(MODELS.name, encode(record), key=record.model_id.encode())
    except KafkaError as exc:
        raise OperationError(
            f"Kafka at {connection.address} does not take the record of {path} ({exc}). "
            "Remedy: start it, and potline reduce with --publish again; its trajectories are kept"
        ) from exc
    finally:
        await producer.stop()
    return record
