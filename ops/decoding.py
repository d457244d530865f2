"""Which bytes are on which topic: one function that reads any message of the topic table."""

from collections.abc import Callable, Mapping
from typing import Final

from stream import topics
from stream.frame_codec import FrameError, decode_estimates, decode_rejects, decode_samples
from stream.frames import EstimateFrame, RejectFrame, SampleFrame
from stream.records import (
    AuditCheckpoint,
    Command,
    Event,
    LaboratoryReport,
    ModelRecord,
    Move,
    Proposal,
    Record,
    RecordError,
    SetpointRequest,
    decode,
)
from stream.topics import Topic

Message = SampleFrame | RejectFrame | EstimateFrame | Record
UNREADABLE: Final = (FrameError, RecordError)

_READERS: Final[Mapping[Topic, Callable[[bytes], Message]]] = {
    topics.SAMPLES: decode_samples,
    topics.ACCEPTED: decode_samples,
    topics.REJECTS: decode_rejects,
    topics.ESTIMATES: decode_estimates,
    topics.PROPOSALS: lambda payload: decode(payload, Proposal),
    topics.MOVES: lambda payload: decode(payload, Move),
    topics.COMMANDS: lambda payload: decode(payload, Command),
    topics.REQUESTS: lambda payload: decode(payload, SetpointRequest),
    topics.LABORATORY: lambda payload: decode(payload, LaboratoryReport),
    topics.EVENTS: lambda payload: decode(payload, Event),
    topics.DEAD_LETTERS: decode_rejects,
    topics.MODELS: lambda payload: decode(payload, ModelRecord),
    topics.CHECKPOINTS: lambda payload: decode(payload, AuditCheckpoint),
}


def read_message(topic: Topic, payload: bytes) -> Message:
    """Return what a message of `topic` says.

    Raises:
        FrameError: on a topic of frames, the bytes are none.
        RecordError: on a topic of records, the bytes are none.
    """
    return _READERS[topic](payload)
