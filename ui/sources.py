"""The topics that the feed folds: each with how, and how far back a start reads it."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from stream.frame_codec import FrameError, decode_estimates, decode_rejects, decode_samples
from stream.records import Command, Event, Move, Proposal, RecordError, decode
from stream.topics import (
    ACCEPTED,
    COMMANDS,
    DEAD_LETTERS,
    ESTIMATES,
    EVENTS,
    MOVES,
    PROPOSALS,
    REJECTS,
    SAMPLES,
    Topic,
)
from ui.fold import (
    count_unreadable,
    fold_accepted,
    fold_command,
    fold_estimates,
    fold_event,
    fold_move,
    fold_proposal,
    fold_rejects,
    note_arrival,
)
from ui.picture import Picture
from ui.trend import FINE

_log: Final = logging.getLogger(__name__)
_HOUR_S: Final = 3600


class Arrival(Protocol):
    """A Kafka message, as far as it is folded; its time in ms."""

    topic: str
    value: bytes | None
    timestamp: int


class Record(Arrival, Protocol):
    """The same, with where it stands."""

    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Source:
    """A topic of the feed: how it is folded, or None where all that counts is that something came,
    and how far back a start reads it."""

    topic: Topic
    fold: Callable[[Picture, bytes], Picture] | None
    look_back_s: int


_TREND_S: Final = int(FINE.span_s) + 60
SOURCES: Final = (
    # What was accepted says nothing of the gateway: the loop may be what is silent.
    Source(SAMPLES, None, 60),
    Source(ACCEPTED, lambda p, b: fold_accepted(p, decode_samples(b)), _TREND_S),
    Source(ESTIMATES, lambda p, b: fold_estimates(p, decode_estimates(b)), _TREND_S),
    Source(PROPOSALS, lambda p, b: fold_proposal(p, decode(b, Proposal)), _TREND_S),
    Source(MOVES, lambda p, b: fold_move(p, decode(b, Move)), _TREND_S),
    Source(COMMANDS, lambda p, b: fold_command(p, decode(b, Command)), 60),
    # Events come on change only: a cell may be in MANUAL since yesterday. For alarms all that are
    # kept are read: `ui.past`.
    Source(EVENTS, lambda p, b: fold_event(p, decode(b, Event)), 24 * _HOUR_S),
    Source(REJECTS, lambda p, b: fold_rejects(p, decode_rejects(b)), _HOUR_S),
    Source(DEAD_LETTERS, lambda p, b: fold_rejects(p, decode_rejects(b), dead=True), 24 * _HOUR_S),
)
SOURCE_OF: Final[Mapping[str, Source]] = {source.topic.name: source for source in SOURCES}


def fold_message(picture: Picture, message: Arrival) -> Picture:
    """Return the picture after one message; one that cannot be read is counted."""
    topic, payload = message.topic, message.value
    fold = SOURCE_OF[topic].fold
    if fold is None:
        return note_arrival(picture, topic, message.timestamp * 1_000_000)
    if payload is None:
        return count_unreadable(picture)
    try:
        return fold(picture, payload)
    except (FrameError, RecordError) as exc:
        _log.debug("A message on %s could not be read: %s", topic, exc)
        return count_unreadable(picture)


def fold_messages(picture: Picture, messages: Iterable[Arrival]) -> Picture:
    """Return the picture after all `messages`, taken in the order in which Kafka got them."""
    for message in sorted(messages, key=lambda message: message.timestamp):
        picture = fold_message(picture, message)
    return picture
