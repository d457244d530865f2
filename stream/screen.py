"""Agent `samples` -> `accepted` and `rejects`: turns away what may not be believed."""

from collections.abc import Mapping
from typing import Final

import msgspec

from stream.app import Message, SectionTable, Worker, add_agent, section_key
from stream.edges import Edge, Edges
from stream.frame_codec import FrameError, decode_samples, encode_rejects, encode_samples
from stream.frames import RejectFrame, SampleFrame
from stream.rejects import Reason, reject_message
from stream.screen_state import ScreenState, decode_state, encode_state
from stream.screening import Screen
from stream.topics import ACCEPTED, REJECTS, SAMPLES, TABLES

_TABLE: Final = next(table for table in TABLES if table.owner == "screen")
_REJECTS_END_AFTER_NS: Final = 30_000_000_000


def add_screen(worker: Worker, screens: Mapping[int, Screen]) -> None:
    """Add the agent to `worker`.

    Args:
        screens: the rules of each section.
    """
    table = SectionTable[ScreenState](
        worker,
        _TABLE,
        encode_state,
        lambda section, payload: decode_state(
            payload, len(screens[section].cells), len(screens[section].limits)
        ),
        lambda section: screens[section].initial_state(),
    )
    edges = Edges(_REJECTS_END_AFTER_NS)

    async def turn_away(rejects: RejectFrame, message: Message) -> None:
        await worker.outbox.send(
            REJECTS.name, section_key(rejects.section), encode_rejects(rejects), message.partition
        )

    async def refuse(
        message: Message, reason: Reason, detail: str, section: int, points: int
    ) -> None:
        now_ns = worker.clock_ns()
        rejects = reject_message(
            message.value, message.origin, reason, detail, now_ns, section=section, points=points
        )
        await turn_away(rejects, message)
        await worker.note_readable(message.topic, False, detail)

    recalled: set[int] = set()

    def look(section: int, state: ScreenState, rejects: RejectFrame | None) -> Edge | None:
        now_ns = worker.monotonic_ns()
        if section not in recalled:  # an event that a life before began must end in this one
            recalled.add(section)
            if state.is_rejecting:
                edges.recall(section, now_ns)
        return edges.update(section, rejects is not None, now_ns)

    async def handle(message: Message) -> None:
        try:
            frame: SampleFrame = decode_samples(message.value)
        except FrameError as exc:
            await refuse(message, Reason.MALFORMED, str(exc), -1, 0)
            return
        screen = screens.get(frame.section)
        if screen is None:
            detail = f"section {frame.section}; the plant has {sorted(screens)}"
            await refuse(message, Reason.UNKNOWN_SECTION, detail, frame.section, frame.points)
            return
        await worker.note_readable(message.topic, True)
        now_ns = worker.clock_ns()
        state = table.get(frame.section)
        following, screened = screen.step(state, frame, message.value, message.origin, now_ns)
        if screened.rejects is not None:
            await turn_away(screened.rejects, message)
        if screened.accepted is not None:
            await worker.outbox.send(
                ACCEPTED.name,
                section_key(frame.section),
                encode_samples(screened.accepted),
                message.partition,
            )
        edge = look(frame.section, state, screened.rejects)
        if edge is not None:
            reason = screened.rejects.reason[0] if screened.rejects is not None else "none"
            await worker.outbox.report(
                "sample_rejected", active=edge is Edge.BEGAN, section=frame.section, reason=reason
            )
        if following is not state or edge is not None:
            told = msgspec.structs.replace(following, is_rejecting=edges.holds(frame.section))
            await table.put(frame.section, told)

    add_agent(worker, "screen", SAMPLES, handle)
