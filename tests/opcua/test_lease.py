"""Whether a guard may be the one writer, from what the plant shows."""

from dataclasses import replace

import pytest

from opcua.lease import Lease, LeaseSigns
from stream.edge import Claim

WATCHDOG_S = 3.0
BEGAN = "monday"
SIGNS = LeaseSigns(token=5, beat="17", server_began=BEGAN)


def seen(*looks: tuple[LeaseSigns, float], lease: Lease | None = None) -> Lease:
    """A lease after looks, each asked for at a time and answered at once."""
    lease = lease or Lease(WATCHDOG_S)
    for signs, at_s in looks:
        lease = lease.see(signs, at_s, at_s)
    return lease


def is_free(lease: Lease, recorded: Claim | None = None, *, may_take_over: bool = True) -> bool:
    """Whether the line may be claimed."""
    return lease.is_free(recorded, may_take_over=may_take_over)


def test_a_line_that_nobody_has_looked_at_is_not_free() -> None:
    assert not is_free(Lease(WATCHDOG_S))
    with pytest.raises(ValueError, match="look first"):
        Lease(WATCHDOG_S).take()


def test_a_line_without_a_token_is_free_at_once() -> None:
    assert is_free(seen((replace(SIGNS, token=0), 0.0)), may_take_over=False)


@pytest.mark.contract(14)
def test_a_line_is_free_when_the_heartbeat_stood_still_for_longer_than_the_watchdog_waits() -> None:
    assert not is_free(seen((SIGNS, 0.0)))
    assert not is_free(seen((SIGNS, 0.0), (SIGNS, 3.0)))
    assert is_free(seen((SIGNS, 0.0), (SIGNS, 3.1)))
    assert not is_free(seen((SIGNS, 0.0), (SIGNS, 3.1)), may_take_over=False)
    moved = replace(SIGNS, beat="18")
    assert not is_free(seen((SIGNS, 0.0), (moved, 2.0), (moved, 5.0)))
    assert not is_free(seen((SIGNS, 0.0), (replace(SIGNS, token=6), 2.0)))
    unknown = replace(SIGNS, beat=None)
    assert not is_free(seen((unknown, 0.0), (unknown, 100.0)))


@pytest.mark.contract(14)
def test_an_answer_that_waited_while_we_were_stopped_is_as_old_as_its_question() -> None:
    lease = seen((SIGNS, 0.0)).see(SIGNS, asked_s=0.2, now_s=60.0)
    assert not is_free(lease)
    late = Lease(WATCHDOG_S).see(SIGNS, asked_s=0.0, now_s=60.0)
    assert not is_free(late.see(SIGNS, asked_s=60.1, now_s=60.1))


def test_a_claim_is_good_as_long_as_nobody_took_the_line_in_the_same_life_of_the_server() -> None:
    lease = seen((SIGNS, 0.0)).take()
    assert lease.claim == Claim(6, BEGAN)
    assert lease.is_held
    again = replace(SIGNS, token=6)
    mine = lease.begin()
    assert not mine.is_held, "a session has no token of the one before"
    assert is_free(seen((again, 9.0), lease=mine), may_take_over=False)
    assert not is_free(seen((replace(again, token=7), 9.0), lease=mine))
    # The same number at a server that began anew is another writer's.
    assert not is_free(seen((replace(again, server_began="tuesday"), 9.0), lease=mine))
    silent = replace(again, server_began=None)
    assert not is_free(seen((silent, 9.0), lease=replace(mine, claim=Claim(6, None))))


def test_what_a_guard_before_this_one_left_is_as_good_as_a_claim_of_its_own() -> None:
    assert is_free(seen((SIGNS, 0.0)), Claim(5, BEGAN), may_take_over=False)
    assert not is_free(seen((SIGNS, 0.0)), Claim(4, BEGAN), may_take_over=False)


@pytest.mark.contract(14)
def test_a_newer_token_ends_a_lease_and_the_line_is_not_taken_back_from_the_living() -> None:
    held = seen((SIGNS, 0.0)).take()
    own = replace(SIGNS, token=6)
    assert seen((own, 1.0), (replace(own, beat="18"), 2.0), lease=held).is_held
    newer = replace(SIGNS, token=7, beat="1")
    lost = seen((newer, 3.0), lease=held)
    assert not lost.is_held
    assert not is_free(lost)
    lost = seen((replace(newer, beat="2"), 5.0), (replace(newer, beat="3"), 9.0), lease=lost)
    assert not is_free(lost)
    assert is_free(seen((replace(newer, beat="3"), 12.1), lease=lost))


def test_an_answer_from_before_our_token_does_not_end_our_lease() -> None:
    held = seen((SIGNS, 0.0)).take()
    assert held.see(SIGNS, asked_s=0.0, now_s=0.3).is_held
    assert not held.see(replace(SIGNS, token=0, server_began="tuesday"), 0.0, 0.3).is_held
