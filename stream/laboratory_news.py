"""What became of a laboratory's reports, told: events, and what is turned away to `rejects`."""

from collections.abc import Sequence
from typing import Final

from stream.app import Worker, section_key
from stream.edges import Edge, Edges
from stream.frame_codec import encode_rejects
from stream.frames import Origin, SampleFrame
from stream.laboratory import Refusal, Refused, analysis_in_words
from stream.records import encode
from stream.rejects import reject_message
from stream.sampling import Sampled
from stream.topics import LABORATORY, REJECTS

_REFUSALS_END_AFTER_NS: Final = 30_000_000_000


class LaboratoryNews:
    """Tells for a worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._edges = Edges(_REFUSALS_END_AFTER_NS)

    async def tell(self, frame: SampleFrame, sampled: Sequence[Sampled]) -> None:
        """Tell what the filter made of the reports that waited for a frame."""
        for one in sampled:
            report, refusal = one.waiting.report, one.refusal
            if refusal is not None:
                await self.turn_back(Refused(one.waiting, refusal))
                continue
            age_h = (float(frame.t_plant_s[-1]) - report.t_drawn_plant_s) / 3600.0
            await self._worker.outbox.report(
                "laboratory_taken_in",
                section=frame.section,
                cell=report.cell,
                age_h=round(age_h, 1),
                found=analysis_in_words(report, one.beyond),
            )

    async def turn_back(self, refused: Refused) -> None:
        """Turn a report away that had been read."""
        one = refused.waiting
        origin = Origin(LABORATORY.name, one.partition, one.offset)
        await self.turn_away(encode(one.report), origin, one.report.section, refused.refusal)

    async def turn_away(
        self, payload: bytes, origin: Origin, section: int, refusal: Refusal
    ) -> None:
        """Keep a message with the rejects, and say so when that begins.

        Args:
            section: of the plant; -1 where it has no such section.
        """
        now_ns = self._worker.clock_ns()
        rejects = reject_message(
            payload, origin, refusal.reason, refusal.detail, now_ns, section=section
        )
        await self._worker.outbox.send(
            REJECTS.name, section_key(section), encode_rejects(rejects), origin.partition
        )
        # A fact, told again after a while: reports come too seldom to say when it has ended.
        seen_ns = self._worker.monotonic_ns()
        self._edges.update(section, False, seen_ns)
        if self._edges.update(section, True, seen_ns) is Edge.BEGAN:
            await self._worker.outbox.report(
                "laboratory_refused", section=section, reason=f"{refusal.reason}, {refusal.detail}"
            )
