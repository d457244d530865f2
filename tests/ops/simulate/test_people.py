"""Whoever judges a guard knows what people hold, and until when."""

from ops.simulate.people import People

FEED = "alumina_feed_rate_kg_per_h"
ASKED = f"setpoint={FEED} value=230.0 duration_s=5.0"


def held() -> People:
    """Somebody has set the feed of cell 7 by hand at 100 s, for 5 s."""
    people = People()
    people.see(7, "apply_override", ASKED, "command-1", 100.0)
    assert not people.holds(7, FEED, 100.0), "nothing of it is about to be written yet"
    people.hold(f"C007/{FEED}", f"command-1/{FEED}")
    return people


def test_a_person_holds_a_setpoint_until_it_is_over_whoever_puts_that_on_record() -> None:
    people = held()
    assert people.holds(7, FEED, 104.9)
    assert not people.holds(8, FEED, 104.9)
    assert not people.holds(7, FEED, 105.0), (
        "a guard that ended while the disk was full says nothing"
    )


def test_a_person_holds_it_no_longer_once_it_was_released_or_has_ended() -> None:
    released, ended = held(), held()
    released.see(7, "release_override", f"setpoint={FEED}", "command-2", 101.0)
    ended.end(7, f"override_active {FEED}", "command-1")
    for people in (released, ended):
        assert not people.holds(7, FEED, 101.0)
        people.hold(f"C007/{FEED}", f"command-1/{FEED}")  # on record late
        assert not people.holds(7, FEED, 101.0)


def test_of_two_overrides_the_newer_says_until_when() -> None:
    people = held()
    people.see(7, "apply_override", ASKED, "command-2", 103.0)
    people.hold(f"C007/{FEED}", f"command-2/{FEED}")
    assert people.holds(7, FEED, 107.9)
    assert not people.holds(7, FEED, 108.0)
