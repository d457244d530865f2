"""Who watches a simulation sees every rule that is broken, and nothing where none is."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_entry

from control.modes import Mode
from ops.simulate.invariants import Judge, Sending
from stream.audit.chain import AuditEntry
from stream.audit.entries import COMMAND, HANDOVER, INTENT, MODE, OBEYED, RESULT
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


def test_a_value_by_hand_that_the_cell_never_took_is_no_way_that_it_went() -> None:
    one = judge()
    by_hand = replace_entry(announced(120.0, "b"), role="operator")
    release = AuditEntry(
        action=COMMAND, actor="anna", target="C007", asked=f"release_override setpoint={FEED}",
        result=OBEYED,
    )  # fmt: skip
    for entry, at_s in (
        (announced(180.0, "a"), 0.0),
        (by_hand, 10.0),
        (announced(180.0, "c"), 11.0),
    ):
        one.see_entries([entry])
        assert isinstance(entry.applied, float)
        one.see_sending(replace(GOOD, value=entry.applied, plant_s=1000.0 + at_s))
        one.see_entries([AuditEntry(action=RESULT, actor="x", request_id=entry.request_id)])
        one.see_entries([replace_entry(release, request_id=f"r{entry.request_id}")])
    assert one.violations == []


def test_a_cell_that_a_person_took_or_that_was_never_asked_for_is_seen() -> None:
    one = judge()
    said = AuditEntry(
        action=COMMAND, actor="anna", target="C007", asked="set_mode MANUAL", result=OBEYED,
        request_id="command-1",
    )  # fmt: skip
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
        request_id="command-1",
    )  # fmt: skip
    auto = replace_entry(manual, asked="set_mode AUTO", request_id="command-2")
    one.see_entries([manual, auto, manual, announced(180.0)])  # a guard that was stopped obeys late
    one.see_sending(GOOD)
    assert one.violations == []
    one.see_entries([replace_entry(manual, request_id="command-3")])
    one.see_sending(GOOD)
    assert [violation.rule for violation in one.violations] == ["permitted in that mode"]


def test_what_was_obeyed_while_a_disk_was_full_is_older_than_what_was_said_since() -> None:
    one = judge()
    manual = AuditEntry(
        action=COMMAND, actor="anna", target="C007", asked="set_mode MANUAL", result=OBEYED,
        request_id="command-18",
    )  # fmt: skip
    auto = replace_entry(manual, asked="set_mode AUTO", request_id="command-24")
    one.see_entries([auto], "there")
    one.see_entries([manual, announced(180.0)], "here")
    one.see_sending(GOOD)
    assert one.violations == []


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


def mode_entry(before: Mode, after: Mode) -> AuditEntry:
    return AuditEntry(
        action=MODE, actor="guard", target="C007", old=before.value, applied=after.value
    )


RESET = AuditEntry(action=COMMAND, actor="anna", target="C007", asked="reset_trip", result=OBEYED)


@pytest.mark.parametrize(
    ("batches", "broken"),
    [
        ([[mode_entry(Mode.AUTO, Mode.TRIPPED)]], 1),  # and the write that follows
        ([[mode_entry(Mode.AUTO, Mode.TRIPPED), mode_entry(Mode.TRIPPED, Mode.AUTO)]], 2),
        ([[mode_entry(Mode.AUTO, Mode.TRIPPED)], [mode_entry(Mode.TRIPPED, Mode.AUTO), RESET]], 0),
        (
            [
                [mode_entry(Mode.AUTO, Mode.TRIPPED)],
                [
                    mode_entry(Mode.TRIPPED, Mode.MANUAL),
                    RESET,
                    mode_entry(Mode.MANUAL, Mode.TRIPPED),
                ],
            ],
            1,  # the write alone: what was kept back by a full disk comes together
        ),
        ([[RESET], [mode_entry(Mode.AUTO, Mode.TRIPPED)]], 1),
        (
            [
                [mode_entry(Mode.AUTO, Mode.TRIPPED)],
                [replace_entry(RESET, result="refused: not over yet")],
            ],
            1,
        ),
    ],
)
def test_a_trip_that_nobody_reset_is_not_over(batches: list[list[AuditEntry]], broken: int) -> None:
    one = judge()
    for batch in batches:
        one.see_entries(batch)
    one.see_entries([announced(180.0)])
    one.see_sending(GOOD)
    assert [violation.rule for violation in one.violations] == ["a trip is never lost"] * broken


def test_a_guard_that_did_not_hear_of_the_plant_s_trip_is_named() -> None:
    one = judge()
    one.see_untripped("guard-2", [])
    one.see_untripped("guard-2", [3])
    assert [violation.sentence for violation in one.violations] == [
        "guard-2 has not tripped cell 3"
    ]


def limit_entries(value: float, approver: str = "bo") -> list[AuditEntry]:
    """A change of the upper bound of the feed in section 0, asked for by anna."""
    asked = f"request_limit setpoint={FEED} limit=high value={value}"
    return [
        AuditEntry(
            action=COMMAND, actor="anna", target="S000", asked=asked, result=OBEYED, request_id="r"
        ),
        AuditEntry(
            action=COMMAND,
            actor=approver,
            target="S000",
            asked="approve_limit subject=r digest=d",
            result=OBEYED,
            request_id="a-limit",
        ),
    ]


def sent_under(one: Judge, value: float, request_id: str) -> list[str]:
    """Rules that a value breaks."""
    seen = len(one.violations)
    one.see_entries([announced(value, request_id)])
    one.see_sending(replace(GOOD, value=value, stands=(value,)))
    return [violation.rule for violation in one.violations[seen:]]


def test_a_narrower_limit_counts_once_people_were_told_of_it() -> None:
    one = judge()
    one.see_entries(limit_entries(170.0))
    assert sent_under(one, 180.0, "1") == []
    one.see_told("something else")
    assert sent_under(one, 180.0, "2") == []
    one.see_told("a-limit")
    assert sent_under(one, 180.0, "3") == ["in bounds"]
    one.see_entries(limit_entries(300.0))
    assert sent_under(one, 180.0, "4") == [], "one that is on its way may count already"


@pytest.mark.parametrize("is_told", [True, False])
def test_a_cell_beyond_bounds_that_were_made_narrower_is_taken_back_without_a_bump(
    *, is_told: bool
) -> None:
    one = judge()
    one.see_entries(limit_entries(170.0), "there")
    if is_told:
        one.see_told("a-limit")
    one.see_entries([announced(170.0, "1")])
    back = replace(GOOD, value=170.0, stands=(180.0,))
    one.is_shared = True  # one table: the orders of the other guard may be what counts
    one.see_sending(back)
    assert not one.violations
    one = judge()
    one.see_entries([*limit_entries(170.0), announced(160.0, "2")])
    one.see_sending(replace(back, value=160.0, stands=(169.0,)))
    assert [violation.rule for violation in one.violations] == ["no bump"], "it stood within them"


def test_a_limit_that_one_person_changed_alone_is_seen() -> None:
    one = judge()
    one.see_entries(limit_entries(170.0, approver=" Anna"))
    assert [violation.rule for violation in one.violations] == ["two people change a limit"]


def test_a_change_that_another_machine_s_guard_was_asked_for_has_two_people_too() -> None:
    one = judge()
    request, approval = limit_entries(170.0)
    one.see_entries([request], "here")
    one.see_entries([approval], "there")
    assert not one.violations


def test_more_travel_than_a_window_has_is_seen_over_stays() -> None:
    one = judge()
    row = SETPOINT_LIMITS[FEED]
    per_move = 0.9 * row.max_step
    at, moves, value = 1000.0, 0, 180.0
    while not one.violations:
        moves += 1
        value += per_move if moves % 2 else -per_move
        at += 3600.0 * per_move / row.max_rate_per_h + 1.0
        before = value - per_move if moves % 2 else value + per_move
        one.see_entries([announced(value, str(moves))])
        one.see_sending(replace(GOOD, value=value, stands=(before,), plant_s=at, stay=3 + moves))
        one.violations = [one_ for one_ in one.violations if one_.rule != "no bump"]
        assert moves * per_move < 2.0 * row.max_travel
    assert {violation.rule for violation in one.violations} == {"within the travel"}
    assert moves * per_move > row.max_travel
