"""The tally: a fold whose result does not depend on the order and number of deliveries."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.modes import Mode
from ops.distribution import RELATIVE_ERROR, Distribution
from ops.offsets import OffsetSet
from ops.tally import Tally
from stream.frame_codec import encode_estimates, encode_rejects, encode_samples
from stream.records import MoveState, encode
from tests.ops.records import (
    SECOND_NS,
    START_NS,
    accepted_frame,
    estimate_frame,
    event,
    move,
    proposal,
    reject_frame,
    sample_frame,
)

POINTS = 12  # of one frame: 2 scans x 3 cells x 2 signals
Delivery = tuple[str, int, int, bytes]


def fold(deliveries: list[Delivery], **arguments: Any) -> dict[str, Any]:
    """Return the summary of a tally of these messages."""
    tally = Tally(START_NS, **arguments)
    for delivery in deliveries:
        tally.add(*delivery)
    return tally.summary()


def a_run(frames: int = 4) -> list[Delivery]:
    """Return the messages of a run in which all goes well, but for two rejected samples."""
    deliveries: list[Delivery] = []
    for n in range(frames):
        frame = sample_frame(n)
        rejected = 2 if n == 1 else 0
        deliveries += [
            ("samples", 0, n, encode_samples(frame)),
            ("accepted", 0, n, encode_samples(accepted_frame(frame, n, rejected=rejected))),
            ("estimates", 0, n, encode_estimates(estimate_frame(n, n, n + 1))),
            ("proposals", 0, n, encode(proposal(n, cell=n % 3 + 1))),
            ("moves", 0, 2 * n, encode(move(n, MoveState.INTENT, cell=n % 3 + 1))),
            ("moves", 0, 2 * n + 1, encode(move(n, MoveState.VERIFIED, cell=n % 3 + 1))),
        ]
    return [*deliveries, ("rejects", 0, 0, encode_rejects(reject_frame(1, 2)))]


def test_a_good_run_balances() -> None:
    """Everything published is accounted for, every move was checked, written and verified."""
    summary = fold(a_run())
    samples, moves = summary["samples"], summary["moves"]
    assert samples["published"] == 4 * POINTS
    assert samples["accepted"] == 4 * POINTS - 2
    assert samples["rejected"] == 2
    assert samples["lost"] == samples["duplicates"] == samples["repeated"] == 0
    assert samples["rejected_by_reason"] == {"not finite": 2}
    assert moves["intent"] == moves["written"] == moves["verified"] == 4
    assert moves["failed"] == moves["held"] == moves["open"] == moves["unchecked"] == 0
    assert moves["cells_verified"] == 3
    assert summary["time_to_first_verified_move_s"] == 0.6
    assert summary["latency_ms"]["source_to_written"]["p99"] == pytest.approx(400, rel=0.01)
    assert summary["latency_ms"]["source_to_verified"]["max"] == 600.0
    assert summary["latency_ms"]["source_to_decided"]["p50"] == pytest.approx(300, rel=0.01)
    assert summary["latency_ms"]["source_to_estimated"]["p95"] == pytest.approx(200, rel=0.01)
    assert summary["solve_ms"]["p99"] == pytest.approx(12, rel=0.01)
    estimates = summary["estimates"]
    assert estimates["frames_applied"] == 4
    assert estimates["applied_twice"] == estimates["unapplied"] == estimates["state_lost"] == 0


RUN = a_run()


@given(st.permutations(range(len(RUN))), st.lists(st.sampled_from(range(len(RUN))), max_size=30))
def test_any_order_and_any_repeats_give_the_same_tally(order: list[int], again: list[int]) -> None:
    """Delivered again and in any order, a message changes nothing."""
    shuffled = [RUN[index] for index in (*again, *order)]
    assert fold(shuffled) == fold(RUN)


@given(st.permutations(range(len(RUN))), st.integers(min_value=1, max_value=3))
def test_outputs_sent_again_are_counted_as_repeated_only(order: list[int], times: int) -> None:
    """A restarted worker sends what it had sent: new messages, the same facts."""
    copies = [
        (topic, partition, offset + 1000 * n, payload)
        for n in range(1, times + 1)
        for topic, partition, offset, payload in RUN
        if topic != "samples"
    ]
    plain, repeated = fold(RUN), fold([*[RUN[index] for index in order], *copies])
    assert repeated["samples"].pop("repeated") == times * 5
    assert repeated["estimates"].pop("repeated") == times * 4
    assert repeated["proposals"].pop("repeated") == times * 4
    for name in ("samples", "estimates", "proposals"):
        plain[name].pop("repeated")
    del plain["messages"], repeated["messages"]
    assert repeated == plain


def test_frames_that_never_arrived_are_lost() -> None:
    """A gap in the sequence and scans that the gateway missed cost their points."""
    deliveries = [
        ("samples", 0, 0, encode_samples(sample_frame(0))),
        ("accepted", 0, 0, encode_samples(accepted_frame(sample_frame(0), 0))),
        ("samples", 0, 1, encode_samples(sample_frame(2, missed=3))),
        ("accepted", 0, 1, encode_samples(accepted_frame(sample_frame(2), 1))),
    ]
    samples = fold(deliveries)["samples"]
    assert samples["published"] == samples["accepted"] == 2 * POINTS
    assert samples["scans_missed"] == 3
    assert samples["lost"] == POINTS + 3 * POINTS // 2


def test_a_frame_that_no_worker_dealt_with_is_lost() -> None:
    """Published, neither accepted nor rejected."""
    deliveries = [row for row in RUN if row[:3] != ("accepted", 0, 2)]
    summary = fold(deliveries)
    assert summary["samples"]["lost"] == POINTS
    assert summary["samples"]["frames"] == 4


def test_the_gateways_own_duplicates_are_told_apart() -> None:
    """The same frame twice on `samples` is rejected once as a duplicate: nothing is lost."""
    whole = reject_frame(4, 1, "duplicate")
    duplicate = encode_rejects(
        type(whole)(
            **{name: getattr(whole, name) for name in whole.__slots__ if name != "points"},
            points=POINTS,
        )
    )
    again = ("samples", 0, 4, encode_samples(sample_frame(3)))
    samples = fold([*RUN, again, ("rejects", 0, 9, duplicate)])["samples"]
    assert samples["duplicates"] == 1
    assert samples["lost"] == 0
    assert samples["rejected_by_reason"] == {"duplicate": POINTS, "not finite": 2}


def test_what_came_before_the_run_is_left_out() -> None:
    """At a broker that was there before, earlier frames and the outputs of them do not count."""
    deliveries = [row for row in RUN if row[0] != "samples" or row[2] >= 2]
    summary = fold(deliveries, first_offsets={("samples", 0): 2})
    assert summary["samples"]["published"] == summary["samples"]["accepted"] == 2 * POINTS
    assert summary["estimates"]["frames_applied"] == 2


def test_a_session_from_before_the_run_is_counted_from_where_it_is_met() -> None:
    """Frames that a gateway sent before the run started are not missing."""
    old = START_NS - SECOND_NS
    deliveries = [
        ("samples", 0, n, encode_samples(sample_frame(n, session=old))) for n in (100, 101)
    ]
    assert fold(deliveries)["samples"]["never_published"] == 0


def estimates_of(*applied: int, offsets: list[int] | None = None) -> dict[str, Any]:
    """Return the tally of accepted frames 0.. and estimates with these `frames_applied`."""
    places = offsets or list(range(len(applied)))
    deliveries: list[Delivery] = [
        ("accepted", 0, n, encode_samples(accepted_frame(sample_frame(n), n)))
        for n in range(max(places) + 1)
    ]
    deliveries += [
        ("estimates", 0, at, encode_estimates(estimate_frame(offset, offset, count)))
        for at, (offset, count) in enumerate(zip(places, applied, strict=True))
    ]
    estimates: dict[str, Any] = fold(deliveries)["estimates"]
    return estimates


@pytest.mark.parametrize(
    ("applied", "offsets", "twice", "lost", "unapplied"),
    [
        ((1, 2, 3, 4), None, 0, 0, 0),
        ((1, 2, 4, 5), None, 1, 0, 0),  # frame 2 went into the state twice
        ((1, 2, 2, 3), [0, 1, 1, 2], 0, 0, 0),  # the estimate of frame 1 was sent twice
        ((1, 2, 3, 4), [0, 1, 1, 2], 1, 0, 0),  # frame 1 was applied again on top
        ((1, 2, 3), [0, 1, 3], 0, 0, 1),  # frame 2 was never applied
        ((5, 6, 1, 2), None, 0, 1, 0),  # the state was gone after a restart
    ],
)
def test_frames_applied_are_audited(
    applied: tuple[int, ...], offsets: list[int] | None, twice: int, lost: int, unapplied: int
) -> None:
    """Applied twice, not applied, state lost: each is told from the others."""
    estimates = estimates_of(*applied, offsets=offsets)
    found = estimates["applied_twice"], estimates["state_lost"], estimates["unapplied"]
    assert found == (twice, lost, unapplied)


def test_the_audit_goes_on_after_settling() -> None:
    """Over thousands of frames the memory is bounded, and a double is still found on both sides."""
    tally = Tally(START_NS)
    for n in range(5000):
        tally.estimates.add_accepted(accepted_frame(sample_frame(n), n))
        applied = n + 1 + (n >= 10) + (n >= 4990)
        tally.estimates.add_estimate(estimate_frame(n, n, applied))
    assert tally.estimates.summary()["applied_twice"] == 2
    assert tally.estimates.summary()["frames_applied"] == 5000


@pytest.mark.parametrize(
    ("states", "counted"),
    [
        ([MoveState.INTENT], {"intent": 1, "open": 1}),
        ([MoveState.HELD], {"held": 1}),
        ([MoveState.INTENT, MoveState.FAILED], {"intent": 1, "written": 1, "failed": 1}),
        ([MoveState.INTENT, MoveState.EXPIRED], {"intent": 1, "expired": 1}),
        ([MoveState.VERIFIED], {"written": 1, "verified": 1, "unchecked": 1}),
        (
            [MoveState.INTENT, MoveState.FAILED, MoveState.VERIFIED],
            {"intent": 1, "written": 1, "verified": 1},
        ),
    ],
)
def test_a_move_counts_once_by_what_became_of_it(
    states: list[MoveState], counted: dict[str, int]
) -> None:
    """In whichever order its records come."""
    names = ("intent", "written", "verified", "failed", "expired", "held", "open", "unchecked")
    for ordered in (states, states[::-1]):
        rows = [("moves", 0, n, encode(move(1, state))) for n, state in enumerate(ordered)]
        moves = fold(rows)["moves"]
        assert {name: moves[name] for name in names} == dict.fromkeys(names, 0) | counted


def test_reasons_for_holding_are_counted_without_their_figures() -> None:
    """Two holds for the same reason are two of one kind."""
    rows = [
        ("moves", 0, n, encode(move(n, MoveState.HELD, reasons=[f"input is {n}.5 s old"])))
        for n in range(2)
    ]
    assert fold(rows)["moves"]["held_by_reason"] == {"input is # s old": 2}


def test_latency_is_told_by_minute() -> None:
    """The first and the last minute of a run can be compared."""
    rows = [("moves", 0, n, encode(move(n, MoveState.VERIFIED))) for n in (1, 30, 61, 130)]
    by_minute = fold(rows)["latency_ms"]["source_to_written_p99_by_minute"]
    assert list(by_minute) == ["0", "1", "2"]
    assert by_minute["0"] == pytest.approx(400, rel=0.01)


def test_how_soon_others_are_is_not_how_soon_the_loop_is() -> None:
    """A move that an optimiser from outside asked for is counted, and no latency."""
    other = msgspec.structs.replace(move(1, MoveState.VERIFIED), asked_by="hal")
    summary = fold([("moves", 0, 1, encode(other))])
    assert summary["moves"]["verified"] == 1
    assert summary["latency_ms"]["source_to_written"]["count"] == 0
    assert summary["time_to_first_verified_move_s"] is None


def test_modes_follow_moves_and_events() -> None:
    """The newest word on a cell counts, whichever topic it came on."""
    tally = Tally(START_NS)
    changed = event("mode_changed", cell=1, mode="MANUAL", previous="AUTO", who="x", reason="y")
    tally.add("events", 0, 0, encode(changed))
    tally.add("moves", 0, 0, encode(move(1, MoveState.INTENT, cell=1)))
    tally.add("moves", 0, 1, encode(move(1, MoveState.INTENT, cell=2)))
    assert tally.modes == {Mode.MANUAL: 1, Mode.AUTO: 1}
    assert tally.summary()["events"] == {"mode_changed": 1}


def test_unreadable_bytes_are_counted_by_topic() -> None:
    """Nothing on a topic can stop the tally."""
    rows = [("samples", 0, 0, b"\x00rubbish"), ("moves", 0, 0, b"{"), ("events", 0, 0, b"")]
    assert fold(rows)["unreadable_messages"] == {"events": 1, "moves": 1, "samples": 1}


def test_a_run_is_settled_when_nothing_is_under_way() -> None:
    """Neither samples without an answer nor a move without a result."""
    tally = Tally(START_NS)
    for delivery in RUN:
        tally.add(*delivery)
    assert tally.is_settled
    assert tally.seen("moves", 0) == 8
    tally.add("moves", 0, 8, encode(move(99, MoveState.INTENT)))
    assert not tally.is_settled


@given(st.lists(st.integers(min_value=0, max_value=60)), st.integers(0, 60), st.integers(0, 60))
def test_offsets_are_a_set(numbers: list[int], low: int, high: int) -> None:
    """Whatever is added in whatever order, it behaves as a set, in fewer places."""
    offsets, reference = OffsetSet(), set[int]()
    for number in numbers:
        assert offsets.add(number) == (number not in reference)
        reference.add(number)
    assert len(offsets) == len(reference)
    assert all((number in offsets) == (number in reference) for number in range(62))
    assert offsets.runs == sum(number - 1 not in reference for number in reference)
    assert offsets.between(low, high) == sum(low < number < high for number in reference)
    if reference:
        assert (offsets.first, offsets.last) == (min(reference), max(reference))


@given(
    st.lists(st.floats(min_value=0.02, max_value=9e6), min_size=1, max_size=200),
    st.sampled_from([0.5, 0.95, 0.99]),
)
def test_quantiles_are_never_understated_and_within_their_error(
    durations: list[float], share: float
) -> None:
    """Against the exact order statistic."""
    spread = Distribution()
    for duration in durations:
        spread.add(duration)
    exact = sorted(durations)[max(1, math.ceil(share * len(durations))) - 1]
    found = spread.quantile_ms(share)
    assert found is not None
    assert exact * (1 - 1e-9) <= found <= exact * (1 + RELATIVE_ERROR) * (1 + 1e-9)


def test_a_distribution_knows_its_edges() -> None:
    """Nothing yet, negative (clocks that differ), and longer than it can tell."""
    spread = Distribution()
    assert spread.quantile_ms(0.5) is None
    assert spread.summary()["max"] is None
    spread.add(-5.0)
    spread.add(1e9, weight=3)
    assert spread.count == 4
    assert spread.quantile_ms(0.99) == 1e9
    assert np.isclose(spread.quantile_ms(0.1) or 0, 0.01)
