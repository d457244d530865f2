"""The topic table: every Kafka topic of potline, who writes it, who reads it, how long it stays.

Topics are created from this table before any worker starts: a Faust worker whose topic is missing
joins its group, ignores the topic and stays deaf for good.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_MIB: Final = 1024 * 1024


class Shape(StrEnum):
    """How a message is packed."""

    FRAME = "frame"  # Arrow, `stream.frames`
    RECORD = "record"  # JSON, `stream.records`


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        key: what the message key holds.
        compacted: keep the newest message of each key for ever, instead of all for `retention_ms`.
        retention_bytes: bound per partition, so that a forgotten demo cannot fill a disk.
        rate: what to expect, for the reader.
    """

    name: str
    shape: Shape
    record: str  # the class in `stream.frames` or `stream.records`
    key: str
    producer: str
    consumers: tuple[str, ...]
    rate: str
    retention_ms: int = _DAY_MS
    retention_bytes: int = 256 * _MIB
    compacted: bool = False


SAMPLES: Final = Topic(
    name="samples",
    shape=Shape.FRAME,
    record="SampleFrame",
    key="section",
    producer="gateway",
    consumers=("loop", "feed", "report"),
    rate="1 message/s per section",
)
ACCEPTED: Final = Topic(
    name="accepted",
    shape=Shape.FRAME,
    record="SampleFrame",
    key="section",
    producer="loop",
    consumers=("loop", "guard", "feed", "report"),
    rate="1 message/s per section",
)
REJECTS: Final = Topic(
    name="rejects",
    shape=Shape.FRAME,
    record="RejectFrame",
    key="section",
    producer="loop, guard",
    consumers=("feed", "report"),
    rate="none when all is well",
    retention_ms=7 * _DAY_MS,
)
ESTIMATES: Final = Topic(
    name="estimates",
    shape=Shape.FRAME,
    record="EstimateFrame",
    key="section",
    producer="loop",
    consumers=("loop", "guard", "feed", "report"),
    rate="1 message/s per section",
)
PROPOSALS: Final = Topic(
    name="proposals",
    shape=Shape.RECORD,
    record="Proposal",
    key="section",
    producer="loop",
    consumers=("guard", "feed", "front", "report"),
    rate="1 per cell and control period",
)
MOVES: Final = Topic(
    name="moves",
    shape=Shape.RECORD,
    record="Move",
    key="section",
    producer="guard",
    consumers=("feed", "front", "report"),
    rate="2 per proposed setpoint (intent, result), 1 if held",
    retention_ms=30 * _DAY_MS,
)
COMMANDS: Final = Topic(
    name="commands",
    shape=Shape.RECORD,
    record="Command",
    key="section",
    producer="ui, front",
    consumers=("guard", "feed"),
    rate="when a person acts",
    retention_ms=30 * _DAY_MS,
)
REQUESTS: Final = Topic(
    name="requests",
    shape=Shape.RECORD,
    record="SetpointRequest",
    key="section",
    producer="front",
    consumers=("guard", "report"),
    rate="1 per section, scan and setpoint, where another optimiser asks",
)
LABORATORY: Final = Topic(
    name="laboratory",
    shape=Shape.RECORD,
    record="LaboratoryReport",
    key="section",
    producer="gateway, laboratory",
    consumers=("loop", "report"),
    rate="1 per cell and day",
    retention_ms=30 * _DAY_MS,
)
EVENTS: Final = Topic(
    name="events",
    shape=Shape.RECORD,
    record="Event",
    key="name",
    producer="gateway, loop, guard, front, supervisor",
    consumers=("feed", "front", "report"),
    rate="on change only",
    retention_ms=30 * _DAY_MS,
)
DEAD_LETTERS: Final = Topic(
    name="dead-letters",
    shape=Shape.FRAME,
    record="RejectFrame",
    key="topic",
    producer="loop, guard",
    consumers=("feed", "report"),
    rate="none: each one is a bug",
    retention_ms=30 * _DAY_MS,
)
MODELS: Final = Topic(
    name="models",
    shape=Shape.RECORD,
    record="ModelRecord",
    key="model_id",
    producer="loop, reduce",
    consumers=("report",),
    rate="1 per start",
    compacted=True,
)
CHECKPOINTS: Final = Topic(
    name="audit-checkpoints",
    shape=Shape.RECORD,
    record="AuditCheckpoint",
    key="chain",
    producer="guard",
    consumers=(),
    rate="1 per minute with a record, or per 1,000 records",
    retention_ms=731 * _DAY_MS,
)

TOPICS: Final = (
    SAMPLES,
    ACCEPTED,
    REJECTS,
    ESTIMATES,
    PROPOSALS,
    MOVES,
    COMMANDS,
    REQUESTS,
    LABORATORY,
    EVENTS,
    DEAD_LETTERS,
    MODELS,
    CHECKPOINTS,
)
BY_NAME: Final = {topic.name: topic for topic in TOPICS}


@dataclass(frozen=True, slots=True)
class Table:
    """A Faust table's changelog: a compacted topic, partitioned like the agent's source."""

    name: str
    app: str
    owner: str  # the agent
    holds: str

    @property
    def changelog(self) -> str:
        """Name of the changelog topic, as Faust makes it."""
        return f"{self.app}-{self.name}-changelog"


LOOP_APP: Final = "potline-loop"
GUARD_APP: Final = "potline-guard"

TABLES: Final = (
    Table("screen-state", LOOP_APP, "screen", "last order, last time and frozen-value counters"),
    Table(
        "estimate-state",
        LOOP_APP,
        "estimate",
        "filter state, last order applied, samples of the laboratory",
    ),
    Table("decide-state", LOOP_APP, "decide", "last decision time, previous plan of each cell"),
    Table("guard-state", GUARD_APP, "guard", "mode and interlock state of each cell"),
)


def partition_of(section: int, partitions: int) -> int:
    """Return the partition of a section: fixed, so that order and state stay together."""
    return section % partitions
