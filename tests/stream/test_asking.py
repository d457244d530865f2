"""Asking the guard: what comes of several commands, and what is said where no answer comes."""

import asyncio
from collections.abc import Callable

import pytest

from control.events import EVENTS
from stream.asking import Answer, Asker, NotSentError, Outcome
from stream.records import Command, CommandKind, Event


def command(section: int, command_id: str = "c") -> Command:
    return Command(
        command_id=command_id,
        kind=CommandKind.SWITCH_OFF,
        section=section,
        cell=0,
        issued_by="olga",
        role="operator",
        reason="storm",
        t_issued_ns=0,
        expires_ns=1,
    )


def answer(name: str, section: int, command_id: str = "c") -> Event:
    return Event(
        event_id="guard-1-2",
        name=name,
        priority=EVENTS[name].priority,
        active=False,
        section=section,
        cell=None,
        sentence=f"Section {section}: no.",
        advice="",
        origin="guard",
        details={"command_id": command_id},
        t_event_ns=1,
    )


def answering(*answers: Event) -> Asker:
    """Who hears some answers as soon as the last section was asked."""
    sent: list[Command] = []

    async def send(asked: Command) -> None:
        sent.append(asked)
        if len(sent) == 2:
            for one in answers:
                asker.take(one)

    asker = Asker(send)
    return asker


TWO = [command(0), command(1)]


async def test_all_have_to_obey() -> None:
    asker = answering(answer("command_obeyed", 1), answer("command_obeyed", 0))
    assert await asker.ask(TWO, 5.0) == Answer(Outcome.OBEYED)


async def test_one_that_refuses_is_named() -> None:
    asker = answering(answer("command_obeyed", 0), answer("command_refused", 1))
    assert await asker.ask(TWO, 5.0) == Answer(Outcome.REFUSED, "Section 1: no.")


async def test_one_that_says_nothing_weighs_more_and_what_others_said_is_told_too() -> None:
    asker = answering(
        answer("command_refused", 0),
        answer("command_obeyed", 1, "another"),
        answer("mode_changed", 1),
    )
    got = await asker.ask(TWO, 0.05)
    assert got.outcome is Outcome.UNANSWERED
    assert got.sentence == (
        "Section 0: no. The guard has not answered for section 1: it may still obey switch_off. "
        "Look at the cell before you ask again."
    )


async def test_what_was_not_sent_is_said() -> None:
    async def send(asked: Command) -> None:
        raise NotSentError("No answer from Kafka.")

    assert await Asker(send).ask(TWO, 5.0) == Answer(Outcome.NOT_SENT, "No answer from Kafka.")


@pytest.mark.parametrize("after", ["answer", "silence"])
async def test_nothing_is_left_behind_and_late_answers_are_nobodys(after: str) -> None:
    answers = (answer("command_obeyed", 0), answer("command_obeyed", 1))
    asker = answering(*(answers if after == "answer" else ()))
    await asker.ask(TWO, 0.05)
    take: Callable[[Event], None] = asker.take
    for one in answers:
        take(one)
    assert asker._waiting == {}


async def test_who_is_cancelled_waits_no_more() -> None:
    asker = answering()
    asking = asyncio.ensure_future(asker.ask(TWO, 60.0))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert asker._waiting == {}
