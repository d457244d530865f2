"""Who watches a simulation sees every rule that is broken, and nothing where none is."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_entry

from ops.simulate.invariants import Judge, Sending
from stream.audit.chain import AuditEntry
from stream.audit.entries import COMMAND, HANDOVER, INTENT, OBEYED, RESULT
from tests.control.cases import BEAM, FEED, SETPOINT_LIMITS

GOOD = Sending(
    cell=7,
    setpoint=FEED,
    value=180.0,
    stay=3,
    is_permitted=True,
    stands=(180.0,),
    plant_s=1000.0,
    sample_age_s=0.5,
)


def judge() -> Judge:
    return Judge(SETPOINT_LIMITS, longest_age_s=9.0, slack_plant_s=0.0, now_s=lambda: 100.0)


def announced(value: float, request_id: str = "a") -> AuditEntry:
    return AuditEntry(
        action=INTENT,
        actor="optimiser",
        target=f"C007/{FEED}",
        applied=value,
        request_id=request_id,
    )


def rules(*sendings: Sending) -> list[str]:
    """Rules that are broken by these, sent one after the other, each announced and answered."""
    one = judge()
    for number, sending in enumerate(sendings):
        one.see_entries([announced(sending.value, str(number))])
        one.see_sending(sending)
        one.see_entries([AuditEntry(action=RESULT, actor="x", request_id=str(number))])
    one.end()
    return [violation.rule for violation in one.violations]


@pytest.mark.parametrize(
    ("sendings", "broken"),
    [
        ((GOOD,), []),
        ((GOOD, replace(GOOD, value=200.0, plant_s=1060.0)), []),
        ((replace(GOOD, value=float("inf")),), ["finite"]),
        ((replace(GOOD, value=301.0, stands=(301.0,)),), ["in bounds"]),
        ((replace(GOOD, is_permitted=False),), ["permitted in that mode"]),
        ((replace(GOOD, sample_age_s=9.1),), ["fresh"]),
        ((replace(GOOD, value=185.0),), ["no bump"]),
        ((GOOD, replace(GOOD, value=295.0, plant_s=9000.0)), ["within a step"]),
        ((GOOD, replace(GOOD, value=200.0, plant_s=1001.0)), ["within rate"] * 2),
        ((GOOD, replace(GOOD, value=200.0, plant_s=1001.0, stay=4)), ["no bump"]),
    ],
)
def test_a_rule_that_is_broken_is_named(sendings: tuple[Sending, ...], broken: list[str]) -> None:
    assert rules(*sendings) == broken


def test_moves_that_are_each_within_the_slack_are_seen_together() -> None:
    one = Judge(SETPOINT_LIMITS, 9.0, slack_plant_s=540.0, now_s=lambda: 100.0)
    at_mm = 200.0
    for number in range(12):
        one.see_entries([replace_entry(announced(at_mm, str(number)), target=f"C007/{BEAM}")])
        one.see_sending(
            replace(
                GOOD, setpoint=BEAM, value=at_mm, stands=(at_mm - 0.9,), plant_s=1000.0 + number
            )
            if number
            else replace(GOOD, setpoint=BEAM, value=at_mm, stands=(at_mm,))
        )
        at_mm += 0.9
    assert {violation.rule for violation in one.violations} == {"within rate"}
    assert "since the stay began" in one.violations[0].sentence


def test_a_cell_that_a_person_took_or_that_was_never_asked_for_is_seen() -> None:
    one = judge()
    said = AuditEntry(
        action=COMMAND, actor="anna", target="C007", asked="set_mode MANUAL", result=OBEYED
    )
    one.see_entries([said, announced(180.0)])
    one.see_sending(GOOD)
    one.see_remote_asked(7)
    one.see_entries([AuditEntry(action=HANDOVER, actor="guard", target="C007", asked="remote")])
    one.see_remote_asked(7)
    assert [violation.rule for violation in one.violations] == [
        "permitted in that mode",
        "an intent first",
    ]


def test_a_write_without_an_intent_and_an_intent_without_a_result_are_seen() -> None:
    one = judge()
    one.see_sending(GOOD)
    assert [violation.rule for violation in one.violations] == ["an intent first"]
    clock = iter([0.0, 20.0, 20.0])
    late = Judge(SETPOINT_LIMITS, 9.0, 0.0, lambda: next(clock))
    late.see_entries([announced(180.0)])
    late.end()
    assert [violation.rule for violation in late.violations] == ["a result after"]


def test_a_result_without_an_intent_and_one_that_was_announced_twice_are_seen() -> None:
    one = judge()
    one.see_entries([AuditEntry(action=RESULT, actor="x", request_id="b")])
    one.see_entries([announced(1.0), announced(1.0)])
    assert [violation.rule for violation in one.violations] == [
        "an intent first",
        "one intent a write",
    ]


def test_what_a_person_said_last_counts_and_not_which_guard_obeyed_last() -> None:
    one = judge()
    manual = AuditEntry(
        action=COMMAND, actor="anna", target="C007", asked="set_mode MANUAL", result=OBEYED,
        request_id="first",
    )  # fmt: skip
    auto = replace_entry(manual, asked="set_mode AUTO", request_id="second")
    one.see_entries([manual, auto, manual, announced(180.0)])  # a guard that was stopped obeys late
    one.see_sending(GOOD)
    assert one.violations == []
    one.see_entries([replace_entry(manual, request_id="third")])
    one.see_sending(GOOD)
    assert [violation.rule for violation in one.violations] == ["permitted in that mode"]


@pytest.mark.contract(14)
def test_a_write_that_is_taken_without_the_newest_token_is_seen() -> None:
    one, old, new = judge(), object(), object()
    one.see_taken(old, FEED, 180.0)  # nobody has a token yet
    one.see_token(old)
    one.see_taken(old, FEED, 180.0)
    one.see_token(new)
    one.see_taken(new, FEED, 180.0)
    assert one.violations == []
    one.see_taken(old, FEED, 185.0)
    assert [violation.rule for violation in one.violations] == ["one writer"]
    one.see_server()
    one.see_taken(old, FEED, 185.0)
    assert len(one.violations) == 1


def test_silence_and_old_writes_are_seen() -> None:
    one = judge()
    one.see_silence(7, "the guard", 3.4, 3.5)
    one.see_stale(7, FEED, 3.9, 4.0)
    assert one.violations == []
    one.see_silence(7, "the guard", 3.6, 3.5)
    one.see_stale(7, FEED, 4.1, 4.0)
    assert [violation.rule for violation in one.violations] == [
        "silence ends in shed",
        "no stale write",
    ]
