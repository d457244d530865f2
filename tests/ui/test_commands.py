"""Commands: who may give them, what they carry, where they go, what is said when they cannot go."""

import asyncio
import time

import pytest

from control.modes import Mode
from ops.ports import free_port
from stream.kafka import KafkaConnection, make_consumer
from stream.records import Command, CommandKind, decode
from stream.topics import COMMANDS, partition_of
from tests.ui.conftest import PARTITIONS
from ui.commands import VALIDITY_S, CommandDesk, Outcome, Refused, Sent, Wish, make_commands
from ui.layout import LineLayout
from ui.roles import RIGHTS, Person, Role, refusal

LAYOUT = LineLayout("REF", "aluminium", ((1, 2, 3), (4, 5)))
ANN = Person("ann", Role.OPERATOR)
VIV = Person("viv", Role.VIEWER)
NOW_NS = 1_790_000_000_000_000_000


def make_command(layout: LineLayout, person: Person, wish: Wish, now_ns: int) -> Command | Refused:
    made = make_commands(layout, person, wish, now_ns)
    return made if isinstance(made, Refused) else made[0]


def wish_of(cell: int, mode: Mode, reason: str) -> Wish:
    return Wish(kind=CommandKind.SET_MODE, cell=cell, reason=reason, mode=mode)


def test_an_override_carries_what_is_set_and_a_viewer_may_not_give_one() -> None:
    kind = CommandKind.APPLY_OVERRIDE
    wish = Wish(kind, 4, "tapping", setpoint="beam_position_mm", value=201.5, duration_s=900.0)
    command = make_command(LAYOUT, ANN, wish, NOW_NS)
    assert isinstance(command, Command)
    assert command.wish == ("apply_override setpoint=beam_position_mm value=201.5 duration_s=900.0")
    assert isinstance(make_command(LAYOUT, VIV, wish, NOW_NS), Refused)
    for denied in (CommandKind.REQUEST_BYPASS, CommandKind.APPROVE_LIMIT):
        assert isinstance(make_command(LAYOUT, ANN, Wish(denied, 4, "x"), NOW_NS), Refused)


def test_command_names_cell_section_person_and_expiry() -> None:
    command = make_command(LAYOUT, ANN, wish_of(4, Mode.MANUAL, "  tapping "), NOW_NS)
    assert isinstance(command, Command)
    assert (command.section, command.cell, command.mode) == (1, 4, Mode.MANUAL)
    assert (command.issued_by, command.role, command.reason) == ("ann", "operator", "tapping")
    assert command.expires_ns - command.t_issued_ns == int(VALIDITY_S * 1e9)


@pytest.mark.parametrize(
    ("person", "cell", "mode", "reason", "words"),
    [
        (VIV, 4, Mode.MANUAL, "tapping", "may not give commands"),
        (ANN, 9, Mode.MANUAL, "tapping", "no cell 9"),
        (ANN, 4, Mode.MANUAL, "   ", "Say why"),
        (ANN, 4, Mode.TRIPPED, "tapping", "TRIPPED cannot be asked for"),
    ],
)
def test_what_may_not_be_is_refused_with_a_sentence(
    person: Person, cell: int, mode: Mode, reason: str, words: str
) -> None:
    answer = make_command(LAYOUT, person, wish_of(cell, mode, reason), NOW_NS)
    assert isinstance(answer, Refused)
    assert words in answer.sentence


@pytest.mark.parametrize("role", list(Role))
def test_every_role_has_rights_and_no_role_may_ask_for_what_only_the_guard_sets(
    role: Role,
) -> None:
    assert not RIGHTS[role].modes & {Mode.HOLD, Mode.SHED, Mode.TRIPPED}
    assert refusal(Person("x", role), CommandKind.SET_MODE, Mode.SHED)


async def _ask(desk: CommandDesk, cell: int) -> Outcome:
    told: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    desk.ask(ANN, wish_of(cell, Mode.MANUAL, "tapping"), told.set_result)
    return await asyncio.wait_for(told, 15.0)


async def test_command_arrives_on_kafka_in_the_partition_of_its_section(
    topics: KafkaConnection,
) -> None:
    consumer = make_consumer(topics, COMMANDS, client_id="test")
    desk = CommandDesk(topics, LAYOUT, PARTITIONS)
    await consumer.start()
    try:
        await consumer.seek_to_end()
        outcome = await _ask(desk, 5)
        assert isinstance(outcome, Sent)
        message = await asyncio.wait_for(consumer.getone(), 10.0)
    finally:
        await consumer.stop()
        await desk.close()
    assert decode(message.value, Command) == outcome.commands[0]
    assert message.partition == partition_of(1, PARTITIONS)
    assert message.key == b"1"


async def test_without_kafka_the_person_is_told_soon_that_nothing_was_sent() -> None:
    nowhere = KafkaConnection(f"kafka://127.0.0.1:{free_port()}")
    desk = CommandDesk(nowhere, LAYOUT, PARTITIONS)
    began = time.monotonic()
    outcome = await _ask(desk, 5)
    await desk.close()
    assert isinstance(outcome, Refused)
    assert nowhere.address in outcome.sentence
    assert "may not have been sent" in outcome.sentence
    assert time.monotonic() - began < VALIDITY_S


async def test_a_refusal_needs_no_kafka() -> None:
    desk = CommandDesk(KafkaConnection("kafka://127.0.0.1:1"), LAYOUT, PARTITIONS)
    answers: list[Outcome] = []
    desk.ask(VIV, wish_of(5, Mode.MANUAL, "tapping"), answers.append)
    await desk.close()
    assert len(answers) == 1
    assert isinstance(answers[0], Refused)
