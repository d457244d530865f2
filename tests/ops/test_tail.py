"""Tail: every message of every topic as lines that a person can read, and as JSON."""

import json
from dataclasses import replace

import msgspec
import pytest

from control.modes import Mode
from ops.tail import message_json, message_lines, time_text
from stream.frame_codec import encode_estimates, encode_rejects, encode_samples
from stream.frames import Origin
from stream.records import (
    AuditCheckpoint,
    Command,
    CommandKind,
    ModelRecord,
    MoveState,
    SetpointRequest,
    encode,
)
from stream.rejects import reject_message
from stream.topics import (
    ACCEPTED,
    CHECKPOINTS,
    COMMANDS,
    ESTIMATES,
    EVENTS,
    LABORATORY,
    MODELS,
    MOVES,
    PROPOSALS,
    REJECTS,
    REQUESTS,
    SAMPLES,
    TOPICS,
    Topic,
)
from tests.ops.records import (
    START_NS,
    accepted_frame,
    estimate_frame,
    event,
    move,
    proposal,
    reject_frame,
    sample_frame,
)
from tests.stream.laboratory_cases import make_report

COMMAND = Command(
    command_id="c1",
    kind=CommandKind.SET_MODE,
    section=0,
    cell=2,
    mode=Mode.MANUAL,
    issued_by="anna",
    role="operator",
    reason="anode change",
    t_issued_ns=START_NS,
    expires_ns=START_NS + 1,
)
REQUEST = SetpointRequest(
    request_id="r-1",
    section=0,
    setpoint="beam_position_mm",
    values={1: 201.0, 3: 202.5},
    issued_by="hal",
    role="optimiser",
    reason="trial",
    t_issued_ns=START_NS,
    expires_ns=START_NS + 1,
)
MODEL = ModelRecord(
    model_id="reduced-1",
    kind="reduced",
    plant_name="reference-300ka",
    plant_hash="abc",
    parameters={},
    t_created_ns=START_NS,
)
MESSAGES: list[tuple[Topic, bytes, list[str]]] = [
    (SAMPLES, encode_samples(sample_frame(7, missed=2)), ["frame 7", "2 scans missed", "cell   3"]),
    (
        ACCEPTED,
        encode_samples(accepted_frame(sample_frame(1, scans=1), 1, rejected=1)),
        ["cell_voltage_v=nanx", "line_current_ka=4.2 "],
    ),
    (REJECTS, encode_rejects(reject_frame(3, 30)), ["samples/0@3", "not finite", "and 10 more"]),
    (
        REJECTS,
        encode_rejects(
            reject_message(b"{oops", Origin("samples", 1, 2), "malformed", "no frame", START_NS)
        ),
        ["malformed: 5 bytes b'{oops' no frame"],
    ),
    (ESTIMATES, encode_estimates(estimate_frame(4, 4, 5)), ["5 applied", "alumina_percent=2.5"]),
    (PROPOSALS, encode(proposal(1)), ["cell 1 mpc solved 12 ms: beam_position_mm 200"]),
    (
        MOVES,
        encode(move(1, MoveState.VERIFIED)),
        ["AUTO beam_position_mm verified", "reads back 2"],
    ),
    (MOVES, encode(move(1, MoveState.HELD, reasons=["stale"])), ["held", "applied -", "(stale)"]),
    (COMMANDS, encode(COMMAND), ["cell 2 set_mode MANUAL by anna (operator): anode change"]),
    (
        REQUESTS,
        encode(REQUEST),
        ["section 0 beam_position_mm 1: 201, 3: 202.5 by hal (optimiser): trial"],
    ),
    (
        LABORATORY,
        encode(make_report(7, 4000.0, alumina_wt_pct=None)),
        ["cell 7 drawn at plant time 4000 s, by the test: excess AlF3 12.0 wt%, bath 957 degC"],
    ),
    (EVENTS, encode(event("move_held", cell=1)), ["low move_held from guard"]),
    (MODELS, encode(MODEL), ["reduced reduced-1 of reference-300ka abc"]),
    (
        CHECKPOINTS,
        encode(AuditCheckpoint(chain="ab12", seq=40, seal="f" * 64, t_utc_ns=START_NS)),
        ["chain ab12 record 40 ffffffffffffffff"],
    ),
]


@pytest.mark.parametrize(("topic", "payload", "expected"), MESSAGES)
def test_messages_can_be_read(topic: Topic, payload: bytes, expected: list[str]) -> None:
    """Each kind of message says what matters in it."""
    text = "\n".join(message_lines(topic, payload)) + " "
    for part in expected:
        assert part in text


@pytest.mark.parametrize(("topic", "payload", "expected"), MESSAGES)
def test_messages_are_one_line_of_json(topic: Topic, payload: bytes, expected: list[str]) -> None:
    """For scripts: a single object, arrays as lists, NaN as null."""
    assert expected
    (line,) = message_json(topic, payload)
    assert isinstance(json.loads(line), dict)
    assert "NaN" not in line


@pytest.mark.parametrize("topic", TOPICS)
def test_bytes_that_are_no_message_are_shown_as_such(topic: Topic) -> None:
    """Tail is what one looks with when something is wrong: it must not fail on it."""
    (line,) = message_lines(topic, b"\xff\x00 rubbish", cell=5)
    assert line.startswith("unreadable: ")
    assert "rubbish" in line
    (text,) = message_json(topic, b"\xff\x00")
    assert msgspec.json.decode(text)["bytes_base64"] == "/wA="


def test_one_cell_can_be_picked_out() -> None:
    """A frame is cut down to the cell; records of others are no lines at all."""
    lines = message_lines(SAMPLES, encode_samples(sample_frame(1)), cell=2)
    assert len(lines) == 2
    assert "cell   2" in lines[1]
    assert message_lines(SAMPLES, encode_samples(sample_frame(1)), cell=9) == []
    assert message_lines(MOVES, encode(move(1, MoveState.HELD, cell=3)), cell=2) == []
    assert len(message_json(MOVES, encode(move(1, MoveState.HELD, cell=3)), cell=3)) == 1
    assert message_lines(EVENTS, encode(event("samples_missing", frames=1)), cell=1) == []


def test_a_rejected_sample_is_shown_rather_than_the_message_that_comes_with_it() -> None:
    rejects = replace(reject_frame(3, 2), original=(b"the whole message", None))
    first, second = list(message_lines(REJECTS, encode_rejects(rejects)))[1:]
    assert first == second == "  not finite: cell 1 cell_voltage_v=nan"


def test_times_are_utc_to_the_millisecond() -> None:
    """And never, where there is none."""
    assert time_text(1_500_000_000) == "00:00:01.500"
    assert time_text(0) == "-"
