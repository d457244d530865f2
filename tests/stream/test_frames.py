"""Frames survive the wire exactly, and what is no frame is refused with its reason."""

from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream import frame_codec
from stream.frame_codec import (
    FrameError,
    decode_estimates,
    decode_rejects,
    decode_samples,
    encode_estimates,
    encode_rejects,
    encode_samples,
)
from stream.frames import EstimateFrame, Quality, RejectFrame
from tests.stream.frame_cases import CELLS, NOW_NS, make_frame, origin


def assert_same(left: object, right: object) -> None:
    for field in fields(left):  # type: ignore[arg-type]
        a, b = getattr(left, field.name), getattr(right, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        elif isinstance(a, dict):
            assert a.keys() == b.keys()
            for key in a:
                np.testing.assert_array_equal(a[key], b[key], err_msg=key)
        else:
            assert a == b, field.name


@given(
    scans=st.integers(1, 8),
    cells=st.integers(1, 60),
    seed=st.integers(0, 2**32 - 1),
    with_origin=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_samples_come_back_as_they_were_sent(
    scans: int, cells: int, seed: int, with_origin: bool
) -> None:
    rng = np.random.default_rng(seed)
    frame = make_frame(scans=scans, cells=tuple(range(1, cells + 1)))
    value = frame.value.copy()
    value[rng.random(value.shape) < 0.1] = np.nan
    value[rng.random(value.shape) < 0.1] = np.inf
    frame = replace(
        frame,
        value=value,
        quality=rng.integers(0, 5, value.shape, dtype=np.uint8),
        scans_missed=3,
        t_accepted_ns=17,
        origin=origin(5) if with_origin else None,
    )
    assert_same(frame, decode_samples(encode_samples(frame)))


def test_points_and_usable_points() -> None:
    frame = make_frame(scans=2)
    quality = frame.quality.copy()
    quality[0, 0, 0] = Quality.REJECTED
    quality[1, 1, 1] = Quality.UNCERTAIN
    frame = replace(frame, quality=quality)
    assert frame.points == 12
    assert frame.usable_points == 11
    assert frame.newest_source_time_ns == NOW_NS


def test_rejects_come_back_with_original_bytes() -> None:
    rejects = RejectFrame(
        section=-1,
        origin=origin(9),
        t_rejected_ns=NOW_NS,
        points=0,
        reason=("malformed", "frozen"),
        detail=("not an Arrow stream", ""),
        cell=np.array([-1, 2], dtype=np.int32),
        signal=("", "cell_voltage_v"),
        value=np.array([np.nan, 4.2]),
        source_time_ns=np.array([0, NOW_NS]),
        original=(b"\x00{not arrow", None),
    )
    assert_same(rejects, decode_rejects(encode_rejects(rejects)))


def test_estimates_come_back() -> None:
    estimate = EstimateFrame(
        section=1,
        session=2,
        sequence=3,
        cells=CELLS,
        values={"alumina_wt_pct": np.array([2.5, 2.6, 2.7]), "acd_cm": np.array([4.1, 4.2, 4.3])},
        t_plant_s=1e9 + 1 / 3,
        t_source_ns=1,
        t_received_ns=2,
        t_accepted_ns=3,
        t_estimated_ns=4,
        frames_applied=5,
        frames_skipped=6,
        frames_missing=7,
        origin=origin(8),
    )
    back = decode_estimates(encode_estimates(estimate))
    assert_same(estimate, back)
    assert back.order == (2, 3)


def repacked(change: dict[str, pa.Array | None], header: dict[str, str] | None = None) -> bytes:
    """An honest frame with columns replaced (None: dropped) or header fields changed."""
    with pa.ipc.open_stream(encode_samples(make_frame())) as reader:
        batch = reader.read_next_batch()
    columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names)} | change
    metadata = {k.decode(): v.decode() for k, v in batch.schema.metadata.items()} | (header or {})
    kept = {name: column for name, column in columns.items() if column is not None}
    schema = pa.schema([(n, c.type) for n, c in kept.items()], metadata=metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(kept.values()), schema=schema))
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "not an Arrow stream"),
        (b'{"section": 1}', "not an Arrow stream"),
        (repacked({}, {"schema_version": "2"}), "schema version 2"),
        (repacked({}, {"kind": "estimates"}), "kind 'estimates'"),
        (repacked({}, {"section": "one"}), "'one', not a whole number"),
        (repacked({}, {"scans": "5"}), "do not make 5 scans"),
        (repacked({}, {"scans": "0"}), "do not make 0 scans"),
        (repacked({}, {"signals": ""}), "signals are ''"),
        (repacked({}, {"signals": "a,a"}), "signals are 'a,a'"),
        (repacked({"cell_voltage_v": None}), "'cell_voltage_v' is missing"),
        (repacked({"cell_voltage_v": pa.array(["4.2"] * 6)}), "is string, not double"),
        (
            repacked({"cell_voltage_v": pa.array([4.2, None, 4.2, 4.2, 4.2, 4.2])}),
            "'cell_voltage_v' has 1 nulls",
        ),
        (repacked({"cell": pa.array([1, 2, 3, 1, 2, 4], pa.int32())}), "the same cells"),
        (repacked({"cell": pa.array([1, 2, 2, 1, 2, 2], pa.int32())}), "each once"),
        (repacked({"t_plant_s": pa.array([np.nan] * 6)}), "not finite"),
        (repacked({"t_plant_s": pa.array([1.0, 1, 2, 3, 3, 3])}), "more than one plant time"),
        (repacked({"t_plant_s": pa.array([2.0, 2, 2, 1, 1, 1])}), "do not rise"),
    ],
)
def test_what_is_no_frame_is_refused_with_its_reason(payload: bytes, message: str) -> None:
    with pytest.raises(FrameError, match=message.replace("(", r"\(")):
        decode_samples(payload)


def test_a_frame_without_a_header_field_is_refused() -> None:
    with pytest.raises(FrameError, match="no 'origin_partition'"):
        decode_estimates(encode_as_estimates({"t_plant_s": "1.0"}))
    with pytest.raises(FrameError, match="no plant time"):
        decode_estimates(encode_as_estimates({}))


def encode_as_estimates(header: dict[str, object]) -> bytes:
    names = ("section", "session", "sequence", "t_source_ns", "t_received_ns", "t_accepted_ns")
    names += ("t_estimated_ns", "frames_applied", "frames_skipped", "frames_missing")
    full: dict[str, object] = dict.fromkeys(names, 1) | header
    return frame_codec._pack({"cell": pa.array([1], pa.int32())}, "estimates", full)


def test_an_oversized_message_is_refused_unread() -> None:
    with pytest.raises(FrameError, match="at most 8000000"):
        decode_samples(b"\0" * 8_000_001)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_and_nothing_else_happens(payload: bytes) -> None:
    with pytest.raises(FrameError):
        decode_samples(payload)


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_damaged_frame_is_refused_or_still_a_frame(position: int, byte: int) -> None:
    payload = bytearray(encode_samples(make_frame()))
    payload[position % len(payload)] = byte
    try:
        frame = decode_samples(bytes(payload))
    except FrameError:
        return
    assert frame.points == int(np.prod(frame.shape))
