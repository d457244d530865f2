"""Control records read back as they were written; anything else is refused by name."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.modes import Mode
from stream.records import Command, CommandKind, RecordError, decode, encode

COMMAND = Command(
    command_id="c-1",
    kind=CommandKind.SET_MODE,
    section=0,
    cell=17,
    mode=Mode.MANUAL,
    issued_by="operator",
    role="operator",
    reason="anode change",
    t_issued_ns=1,
    expires_ns=2,
)


def test_a_record_comes_back() -> None:
    assert decode(encode(COMMAND), Command) == COMMAND


def test_a_person_can_read_it() -> None:
    text = encode(COMMAND).decode()
    assert text.startswith('{"schema_version":1,')
    assert '"mode":"MANUAL"' in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 2}, "schema version 2"),
        ({"schema_version": 2, "extra": 1, "mode": {"is": "a table now"}}, "schema version 2"),
        ({"schema_version": "two"}, r"Expected `int`.*schema_version"),
        ({"cell": "17"}, r"Expected `int`.*cell"),
        ({"mode": "SLEEPING"}, "Invalid enum value"),
        ({"extra": 1}, "unknown field `extra`"),
        ({"reason": None}, r"Expected `str`.*reason"),
    ],
)
def test_a_wrong_record_is_refused_by_field(change: dict, message: str) -> None:
    payload = msgspec.json.encode(msgspec.to_builtins(COMMAND) | change)
    with pytest.raises(RecordError, match=message):
        decode(payload, Command)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(RecordError):
        decode(payload, Command)
