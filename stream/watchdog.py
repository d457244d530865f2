"""Whether a worker still works. A consumer that has stalled looks alive: its process runs and its
heartbeats reach Kafka, only nothing is processed. So health is progress: messages keep coming and
none has been done for too long means that the worker must end, and its supervisor start a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Place = tuple[str, int]  # topic, partition


@dataclass(slots=True)
class Progress:
    """How far the agents of a worker have come in each partition."""

    topics: set[str] = field(default_factory=set)
    done: dict[Place, int] = field(default_factory=dict)  # offset of the last one done

    def expect(self, topic: str) -> None:
        """An agent reads `topic`."""
        self.topics.add(topic)

    def note(self, topic: str, partition: int, offset: int) -> None:
        """An agent is done with this message."""
        self.done[topic, partition] = offset


@dataclass(frozen=True, slots=True)
class Look:
    """What the watchdog saw of one partition."""

    done: int | None
    end: int  # the offset that the next message will get
    stuck_since_s: float | None


def look(
    previous: Mapping[Place, Look], progress: Progress, ends: Mapping[Place, int], now_s: float
) -> dict[Place, Look]:
    """Return what is to be seen now. A partition is stuck from the look at which messages had come
    and none had been done, until one is done.

    Args:
        previous: what the last look returned.
        progress: of the agents.
        ends: the offset that the next message of each partition will get, from the broker.
        now_s: a monotonic clock.
    """
    seen: dict[Place, Look] = {}
    for place, end in ends.items():
        if place[0] not in progress.topics:
            continue
        done = progress.done.get(place)
        before = previous.get(place)
        stuck_since_s = None
        if before is not None and done == before.done:
            stuck_since_s = before.stuck_since_s
            if stuck_since_s is None and end > before.end:
                stuck_since_s = now_s
        seen[place] = Look(done, end, stuck_since_s)
    return seen


def stalled_for_s(seen: Mapping[Place, Look], now_s: float) -> float:
    """Return for how long the most stuck partition has been stuck; 0 where none is."""
    since = [row.stuck_since_s for row in seen.values() if row.stuck_since_s is not None]
    return now_s - min(since) if since else 0.0
