"""How frames travel: one Arrow IPC stream with one record batch.

Samples have a row per (scan, cell) and three columns per signal (`name`, `name__quality`,
`name__source_time`), so that the lake can store the batch as it comes. The header (section,
session, sequence, ...) travels in the schema's metadata.

    FrameError (ValueError)   bytes that are no frame of this schema version; the message says why
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from stream.frames import EstimateFrame, Origin, RejectFrame, SampleFrame

SCHEMA_VERSION: Final = 1
# Frames are small: a pool of threads costs more than it saves, above all on cores that are busy.
_READ_OPTIONS: Final = pa.ipc.IpcReadOptions(use_threads=False)
_WRITE_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_MAX_FRAME_BYTES: Final = 8_000_000  # above the largest honest frame, below the broker's limit


class FrameError(ValueError):
    """The bytes are not a frame of this schema version; the message says why."""


def _pack(columns: dict[str, pa.Array], kind: str, header: dict[str, object]) -> bytes:
    metadata = {"kind": kind, "schema_version": str(SCHEMA_VERSION)}
    metadata |= {key: str(value) for key, value in header.items()}
    batch = pa.RecordBatch.from_arrays(
        list(columns.values()),
        schema=pa.schema(
            [(name, column.type) for name, column in columns.items()], metadata=metadata
        ),
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=_WRITE_OPTIONS) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def _unpack(payload: bytes, kind: str) -> tuple[pa.RecordBatch, dict[str, str]]:
    if len(payload) > _MAX_FRAME_BYTES:
        raise FrameError(f"message of {len(payload)} bytes; a frame has at most {_MAX_FRAME_BYTES}")
    try:
        with pa.ipc.open_stream(payload, options=_READ_OPTIONS) as reader:
            batch = reader.read_next_batch()
        batch.validate(full=True)
    except (pa.ArrowException, StopIteration, OSError, ValueError) as exc:
        raise FrameError(f"not an Arrow stream: {exc}") from exc
    raw = batch.schema.metadata or {}
    try:
        header = {key.decode(): value.decode() for key, value in raw.items()}
    except UnicodeDecodeError as exc:
        raise FrameError("the header is not text") from exc
    if header.get("schema_version") != str(SCHEMA_VERSION):
        raise FrameError(
            f"frame of schema version {header.get('schema_version', 'none')}; "
            f"this program reads version {SCHEMA_VERSION}"
        )
    if header.get("kind") != kind:
        raise FrameError(f"a frame of kind {header.get('kind', 'none')!r}, not {kind!r}")
    return batch, header


def _integer(header: dict[str, str], key: str) -> int:
    try:
        return int(header[key])
    except KeyError as exc:
        raise FrameError(f"the header has no {key!r}") from exc
    except ValueError as exc:
        raise FrameError(f"header {key!r} is {header[key]!r}, not a whole number") from exc


def _column(batch: pa.RecordBatch, name: str, dtype: pa.DataType) -> pa.Array:
    index = batch.schema.get_field_index(name)
    if index < 0:
        raise FrameError(f"column {name!r} is missing")
    column = batch.column(index)
    if column.type != dtype:
        raise FrameError(f"column {name!r} is {column.type}, not {dtype}")
    if column.null_count:
        raise FrameError(f"column {name!r} has {column.null_count} nulls")
    return column


def _origin_header(origin: Origin) -> dict[str, object]:
    return {
        "origin_topic": origin.topic,
        "origin_partition": origin.partition,
        "origin_offset": origin.offset,
    }


def _read_origin(header: dict[str, str]) -> Origin:
    return Origin(
        header.get("origin_topic", ""),
        _integer(header, "origin_partition"),
        _integer(header, "origin_offset"),
    )


def encode_samples(frame: SampleFrame) -> bytes:
    """Return the frame as one Arrow IPC stream."""
    scans, cells, _ = frame.shape
    columns: dict[str, pa.Array] = {
        "t_plant_s": pa.array(np.repeat(frame.t_plant_s, cells)),
        "cell": pa.array(np.tile(np.asarray(frame.cells, dtype=np.int32), scans)),
    }
    for k, name in enumerate(frame.signals):
        columns[name] = pa.array(frame.value[:, :, k].ravel())
        columns[f"{name}__quality"] = pa.array(frame.quality[:, :, k].ravel())
        columns[f"{name}__source_time"] = pa.array(frame.source_time_ns[:, :, k].ravel())
    header: dict[str, object] = {
        "section": frame.section,
        "session": frame.session,
        "sequence": frame.sequence,
        "scans": scans,
        "signals": ",".join(frame.signals),
        "t_received_ns": frame.t_received_ns,
        "scans_missed": frame.scans_missed,
        "scan_counter": frame.scan_counter,
        "t_accepted_ns": frame.t_accepted_ns,
    }
    if frame.origin is not None:
        header |= _origin_header(frame.origin)
    return _pack(columns, "samples", header)


def decode_samples(payload: bytes) -> SampleFrame:
    """Return the frame in `payload`.

    Raises:
        FrameError: not Arrow, another kind or version, a missing or wrongly typed column, a block
            that is not scan x cell, plant times that do not rise.
    """
    batch, header = _unpack(payload, "samples")
    scans = _integer(header, "scans")
    signals = tuple(name for name in header.get("signals", "").split(",") if name)
    if not signals or len(set(signals)) != len(signals):
        raise FrameError(f"the header's signals are {header.get('signals', '')!r}")
    rows = batch.num_rows
    if scans <= 0 or rows % scans:
        raise FrameError(f"{rows} rows do not make {scans} scans of all cells")
    count = rows // scans
    cell = _column(batch, "cell", pa.int32()).to_numpy().reshape(scans, count)
    if count == 0 or (cell != cell[0]).any() or len(np.unique(cell[0])) != count:
        raise FrameError("the rows are not scan by scan the same cells, each once")
    t_plant = _column(batch, "t_plant_s", pa.float64()).to_numpy().reshape(scans, count)
    if not np.isfinite(t_plant).all() or (t_plant != t_plant[:, :1]).any():
        raise FrameError("a scan has more than one plant time, or one that is not finite")
    t_plant_s = np.ascontiguousarray(t_plant[:, 0])
    if (np.diff(t_plant_s) <= 0).any():
        raise FrameError("plant times do not rise from scan to scan")
    value = np.empty((scans, count, len(signals)))
    quality = np.empty((scans, count, len(signals)), dtype=np.uint8)
    source = np.empty((scans, count, len(signals)), dtype=np.int64)
    for k, name in enumerate(signals):
        value[:, :, k] = _column(batch, name, pa.float64()).to_numpy().reshape(scans, count)
        quality[:, :, k] = (
            _column(batch, f"{name}__quality", pa.uint8()).to_numpy().reshape(scans, count)
        )
        source[:, :, k] = (
            _column(batch, f"{name}__source_time", pa.int64()).to_numpy().reshape(scans, count)
        )
    return SampleFrame(
        section=_integer(header, "section"),
        session=_integer(header, "session"),
        sequence=_integer(header, "sequence"),
        cells=tuple(int(number) for number in cell[0]),
        signals=signals,
        t_plant_s=t_plant_s,
        value=value,
        quality=quality,
        source_time_ns=source,
        t_received_ns=_integer(header, "t_received_ns"),
        scans_missed=_integer(header, "scans_missed"),
        scan_counter=_integer(header, "scan_counter") if "scan_counter" in header else -1,
        t_accepted_ns=_integer(header, "t_accepted_ns"),
        origin=_read_origin(header) if "origin_offset" in header else None,
    )


def encode_rejects(frame: RejectFrame) -> bytes:
    """Return the frame as one Arrow IPC stream."""
    columns = {
        "reason": pa.array(frame.reason, pa.string()),
        "detail": pa.array(frame.detail, pa.string()),
        "cell": pa.array(frame.cell, pa.int32()),
        "signal": pa.array(frame.signal, pa.string()),
        "value": pa.array(frame.value, pa.float64()),
        "source_time": pa.array(frame.source_time_ns, pa.int64()),
        "original": pa.array(frame.original, pa.binary()),
    }
    header: dict[str, object] = {
        "section": frame.section,
        "t_rejected_ns": frame.t_rejected_ns,
        "points": frame.points,
    }
    return _pack(columns, "rejects", header | _origin_header(frame.origin))


def decode_rejects(payload: bytes) -> RejectFrame:
    """Return the frame in `payload`.

    Raises:
        FrameError: as for `decode_samples`.
    """
    batch, header = _unpack(payload, "rejects")
    return RejectFrame(
        section=_integer(header, "section"),
        origin=_read_origin(header),
        t_rejected_ns=_integer(header, "t_rejected_ns"),
        points=_integer(header, "points"),
        reason=tuple(_column(batch, "reason", pa.string()).to_pylist()),
        detail=tuple(_column(batch, "detail", pa.string()).to_pylist()),
        cell=_column(batch, "cell", pa.int32()).to_numpy(),
        signal=tuple(_column(batch, "signal", pa.string()).to_pylist()),
        value=_column(batch, "value", pa.float64()).to_numpy(),
        source_time_ns=_column(batch, "source_time", pa.int64()).to_numpy(),
        original=tuple(batch.column(batch.schema.get_field_index("original")).to_pylist()),
    )


def encode_estimates(frame: EstimateFrame) -> bytes:
    """Return the frame as one Arrow IPC stream, a row per cell."""
    columns = {"cell": pa.array(np.asarray(frame.cells, dtype=np.int32))}
    columns |= {name: pa.array(np.asarray(column)) for name, column in frame.values.items()}
    header: dict[str, object] = {
        name: getattr(frame, name)
        for name in (
            "section",
            "session",
            "sequence",
            "t_source_ns",
            "t_received_ns",
            "t_accepted_ns",
            "t_estimated_ns",
            "frames_applied",
            "frames_skipped",
            "frames_missing",
        )
    }
    header["t_plant_s"] = repr(float(frame.t_plant_s))
    return _pack(columns, "estimates", header | _origin_header(frame.origin))


def decode_estimates(payload: bytes) -> EstimateFrame:
    """Return the frame in `payload`.

    Raises:
        FrameError: as for `decode_samples`.
    """
    batch, header = _unpack(payload, "estimates")
    names: Sequence[str] = [name for name in batch.schema.names if name != "cell"]
    try:
        t_plant_s = float(header["t_plant_s"])
    except (KeyError, ValueError) as exc:
        raise FrameError("the header has no plant time") from exc
    return EstimateFrame(
        section=_integer(header, "section"),
        session=_integer(header, "session"),
        sequence=_integer(header, "sequence"),
        cells=tuple(int(number) for number in _column(batch, "cell", pa.int32()).to_numpy()),
        values={name: _column(batch, name, pa.float64()).to_numpy() for name in names},
        t_plant_s=t_plant_s,
        t_source_ns=_integer(header, "t_source_ns"),
        t_received_ns=_integer(header, "t_received_ns"),
        t_accepted_ns=_integer(header, "t_accepted_ns"),
        t_estimated_ns=_integer(header, "t_estimated_ns"),
        frames_applied=_integer(header, "frames_applied"),
        frames_skipped=_integer(header, "frames_skipped"),
        frames_missing=_integer(header, "frames_missing"),
        origin=_read_origin(header),
    )
