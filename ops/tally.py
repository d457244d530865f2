"""What a run amounted to: a fold over its Kafka messages into counts and latencies.

The same messages give the same tally in any order and however often each comes: a message counts
once by its place (topic, partition, offset), what it says counts once by its origin or id.
Memory is bounded: runs of offsets, logarithmic histograms, the newest 50,000 move ids.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

from control.modes import Mode
from ops.decoding import UNREADABLE, read_message
from ops.distribution import Distribution
from ops.offsets import OffsetSet
from ops.tally_moves import MovesTally, ProposalsTally
from ops.tally_samples import EstimatesTally, SamplesTally
from stream.frames import EstimateFrame, RejectFrame, SampleFrame
from stream.records import Event, Move, Proposal
from stream.topics import ACCEPTED, BY_NAME, DEAD_LETTERS, SAMPLES, TOPICS

READ_TOPICS = TOPICS


class Tally:
    """The counts of one run.

    Args:
        started_ns: wall time of the supervisor's start, UTC.
        first_offsets: (topic, partition) to the first offset that belongs to the run; 0 where not
            given.
    """

    def __init__(
        self, started_ns: int, first_offsets: Mapping[tuple[str, int], int] | None = None
    ) -> None:
        self._firsts = firsts = dict(first_offsets or {})
        self.samples = SamplesTally(
            started_ns,
            {part: offset for (topic, part), offset in firsts.items() if topic == SAMPLES.name},
        )
        self.estimates = EstimatesTally()
        self.proposals = ProposalsTally()
        self.moves = MovesTally(started_ns)
        self.events: Counter[str] = Counter()
        self.unreadable: Counter[str] = Counter()
        self.dead_letters = 0
        self._places: dict[tuple[str, int], OffsetSet] = defaultdict(OffsetSet)
        self._modes: dict[int, tuple[int, Mode]] = {}

    def add(self, topic_name: str, partition: int, offset: int, payload: bytes) -> None:
        """Count one message.

        Args:
            topic_name: one of `stream.topics`.
        """
        if offset < self._firsts.get((topic_name, partition), 0):
            return
        if not self._places[topic_name, partition].add(offset):
            return
        topic = BY_NAME[topic_name]
        try:
            message = read_message(topic, payload)
        except UNREADABLE:
            self.unreadable[topic_name] += 1
            return
        match message:
            case SampleFrame() if topic is ACCEPTED:
                if self.samples.add_accepted(message):
                    self.estimates.add_accepted(message)
            case SampleFrame():
                self.samples.add_published(message)
            case RejectFrame() if topic is DEAD_LETTERS:
                self.dead_letters += 1
            case RejectFrame():
                self.samples.add_rejected(message)
            case EstimateFrame() if self.samples.is_ours(message.origin):
                self.estimates.add_estimate(message)
            case Proposal():
                self.proposals.add(message)
            case Move():
                self.moves.add(message)
                self._note_mode(message.cell, message.t_permitted_ns, message.mode)
            case Event():
                self._add_event(message)
            case _:  # commands, and what stems from before the run: their number is enough
                pass

    def _add_event(self, event: Event) -> None:
        self.events[event.name] += 1
        mode = event.details.get("mode")
        if event.name == "mode_changed" and event.cell is not None and mode in list(Mode):
            self._note_mode(event.cell, event.t_event_ns, Mode(str(mode)))

    def _note_mode(self, cell: int, at_ns: int, mode: Mode) -> None:
        self._modes[cell] = max(self._modes.get(cell, (0, mode)), (at_ns, mode))

    @property
    def modes(self) -> Counter[Mode]:
        """How many cells are in which mode, as far as seen."""
        return Counter(mode for _, mode in self._modes.values())

    @property
    def is_settled(self) -> bool:
        """Whether everything published has been accounted for and no move is under way."""
        return self.samples.waiting <= 0 and self.moves.open == 0

    def seen(self, topic_name: str, partition: int) -> int:
        """Return the offset after the newest message seen of a partition; 0 for none."""
        places = self._places.get((topic_name, partition))
        return places.last + 1 if places is not None and len(places) else 0

    def messages(self, topic_name: str) -> int:
        """Return how many messages of a topic were seen."""
        return sum(len(places) for (name, _), places in self._places.items() if name == topic_name)

    def distributions(self) -> dict[str, Distribution]:
        """Return the latencies by their names in the report."""
        return {
            "source_to_accepted": self.samples.source_to_accepted,
            "source_to_estimated": self.estimates.source_to_estimated,
            "source_to_decided": self.proposals.source_to_decided,
            "source_to_written": self.moves.source_to_written,
            "source_to_verified": self.moves.source_to_verified,
        }

    def summary(self) -> dict[str, object]:
        """Return everything counted, under the names of the report."""
        return {
            "samples": self.samples.summary(),
            "estimates": self.estimates.summary(),
            "proposals": self.proposals.summary(),
            "moves": self.moves.summary(),
            "time_to_first_verified_move_s": self.moves.time_to_first_verified_s,
            "latency_ms": {
                **{name: spread.summary() for name, spread in self.distributions().items()},
                "source_to_written_p99_by_minute": self.moves.p99_by_minute(),
            },
            "solve_ms": self.proposals.solve.summary(),
            "modes": {str(mode): count for mode, count in sorted(self.modes.items())},
            "events": dict(sorted(self.events.items())),
            "commands": self.messages("commands"),
            "dead_letters": self.dead_letters,
            "unreadable_messages": dict(sorted(self.unreadable.items())),
            "messages": {topic.name: self.messages(topic.name) for topic in READ_TOPICS},
        }
