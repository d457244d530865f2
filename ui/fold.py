"""Record by record to the next live picture: `(picture, record) -> picture`.

Delivery is at least once and may go back in time after a restart. A record that the picture has
seen, or that is older than what it shows, changes nothing but the count of repeats.
"""

from typing import Final

import numpy as np
from msgspec.structs import replace

from control.modes import Mode
from stream.active import process_of
from stream.asking import OBEYED, REFUSED
from stream.frames import EstimateFrame, Quality, RejectFrame, SampleFrame
from stream.records import Command, CommandKind, Event, Move, MoveState, Proposal
from ui.picture import (
    ANSWERS_LENGTH,
    EXAMPLES_LENGTH,
    F64,
    GUARD,
    JOURNAL_LENGTH,
    LATENCY_LENGTH,
    LinePicture,
    Picture,
    SectionPicture,
    asked_of,
    column_of,
    times_of,
)
from ui.rejected import count_rejects, examples_of, source_of
from ui.told import fold_told
from ui.trend import extend_trend

_ESTIMATE_OVERDUE_NS: Final = 3_000_000_000  # trends go on without estimates after this
_STEP: Final = {MoveState.HELD: 0, MoveState.INTENT: 0}  # the others come after these


def fold_accepted(picture: Picture, frame: SampleFrame) -> Picture:
    """Take in accepted samples: the newest believed value of every cell and signal."""
    section = _section(picture, frame.section, frame.cells)
    if section is None:
        return _count(picture, strange=1)
    if frame.order <= section.accepted_order:
        return _count(picture, repeated=1)
    usable = np.less_equal(frame.quality, Quality.UNCERTAIN)
    scans = frame.shape[0]
    newest = scans - 1 - np.argmax(usable[::-1], axis=0)  # (C, K), where there is any
    known = np.asarray(usable.any(axis=0))
    rows, columns = np.indices(newest.shape)
    value = frame.value[newest, rows, columns]
    newest_ns = np.where(usable, frame.source_time_ns, 0).max(axis=0, initial=0)  # (C, K)
    values, times = dict(section.values), dict(section.times_ns)
    for k, name in enumerate(frame.signals):
        column = f"measured.{name}"
        values[column] = np.where(known[:, k], value[:, k], column_of(section, column))
        times[column] = np.maximum(times_of(section, column), newest_ns[:, k])
    following = replace(
        section,
        values=values,
        times_ns=times,
        accepted_order=frame.order,
        t_first_ns=section.t_first_ns or frame.t_accepted_ns,
        t_plant_s=float(frame.t_plant_s[-1]),
    )
    line = replace(picture.line, points_accepted=picture.line.points_accepted + frame.usable_points)
    line = _seen(line, "accepted", frame.t_accepted_ns)
    if newest_ns.max(initial=0):
        line = _timed(line, "accepted", int(newest_ns.max()), frame.t_accepted_ns)
    picture = _with(picture, line, following)
    estimated_ns = max(following.t_estimated_ns, following.t_first_ns)
    if frame.t_accepted_ns - estimated_ns > _ESTIMATE_OVERDUE_NS:
        picture = extend_trend(picture, following, frame.t_accepted_ns, frame.session)
    return picture


def fold_estimates(picture: Picture, frame: EstimateFrame) -> Picture:
    """Take in the estimated state of a section."""
    section = _section(picture, frame.section, frame.cells)
    if section is None:
        return _count(picture, strange=1)
    if frame.order <= section.estimate_order:
        return _count(picture, repeated=1)
    values = section.values | {f"estimate.{name}": v for name, v in frame.values.items()}
    following = replace(
        section,
        values=values,
        estimate_order=frame.order,
        t_plant_s=frame.t_plant_s,
        t_estimated_ns=frame.t_estimated_ns,
        t_estimate_source_ns=frame.t_source_ns or frame.t_estimated_ns,
        frames_applied=frame.frames_applied,
        frames_skipped=frame.frames_skipped,
        frames_missing=frame.frames_missing,
    )
    line = _seen(picture.line, "estimates", frame.t_estimated_ns)
    if frame.t_source_ns:
        line = _timed(line, "estimated", frame.t_source_ns, frame.t_estimated_ns)
    picture = _with(picture, line, following)
    return extend_trend(picture, following, frame.t_estimated_ns, frame.session)


def fold_proposal(picture: Picture, proposal: Proposal) -> Picture:
    """Take in what the controller would do, and why."""
    section, at = _cell(picture, proposal.section, proposal.cell)
    if section is None:
        return _count(picture, strange=1)
    values = dict(section.values)
    for name, wanted in proposal.setpoints.items():
        values[f"asked.{name}"] = _put(section, f"asked.{name}", at, wanted)
    following = replace(
        section,
        values=values,
        reasons=_swap(section.reasons, at, proposal.reason),
        solver=_swap(section.solver, at, proposal.fallback or proposal.proposed_by),
        t_unanswered_ns=_unanswered_ns(picture.line, section, at, proposal),
    )
    line = replace(
        picture.line,
        proposals=picture.line.proposals + 1,
        fallbacks=picture.line.fallbacks + (proposal.fallback is not None),
        solve_ms=(*picture.line.solve_ms, proposal.solve_ms)[-LATENCY_LENGTH:],
    )
    line = _seen(line, "proposals", proposal.t_decided_ns)
    line = _timed(line, "decided", proposal.t_source_ns, proposal.t_decided_ns)
    return _with(picture, line, following)


def fold_move(picture: Picture, move: Move) -> Picture:
    """Take in how far a move has come: asked, applied, and the mode of its cell."""
    section, at = _cell(picture, move.section, move.cell)
    if section is None:
        return _count(picture, strange=1)
    key = f"{at}/{move.setpoint}"
    known = section.moves.get(key)
    if known is not None and _step_of(move) <= _step_of(known):
        return _count(picture, repeated=1)
    values = dict(section.values)
    figures: dict[str, float | None] = {"asked": move.asked}
    if move.state is MoveState.VERIFIED:
        figures["applied"] = move.applied
    elif move.readback is not None:
        figures["applied"] = move.readback  # what the plant holds
    elif move.previous is not None:
        figures["applied"] = move.previous
    for kind, figure in figures.items():
        if figure is not None:
            column = f"{kind}.{move.setpoint}"
            values[column] = _put(section, column, at, figure)
    unanswered_ns = section.t_unanswered_ns
    # What is asked for from outside answers no decision of our own loop.
    is_answer = not move.is_from_outside and move.t_decided_ns >= unanswered_ns
    following = replace(
        section,
        values=values,
        moves=section.moves | {key: move},
        t_unanswered_ns=0 if is_answer else unanswered_ns,
    )
    following = _mode(following, at, move.mode, move.t_permitted_ns)
    line = replace(picture.line, moves=_add(picture.line.moves, move.state, 1))
    newest = max(move.t_permitted_ns, move.t_written_ns or 0, move.t_verified_ns or 0)
    line = _seen(_seen(line, "moves", newest), GUARD, newest)
    if move.state is MoveState.VERIFIED and not move.is_from_outside:
        for stage, time_ns in (("written", move.t_written_ns), ("verified", move.t_verified_ns)):
            if time_ns is not None:
                line = _timed(line, stage, move.t_source_ns, time_ns)
    return _with(picture, line, following)


def fold_event(picture: Picture, event: Event) -> Picture:
    """Take in an event: the journal, the alarms, the mode of a cell."""
    line = picture.line
    if any(kept.event_id == event.event_id for kept in line.journal):
        return _count(picture, repeated=1)
    # A restart reads events of several partitions: keep the newest last whatever the order.
    journal = tuple(sorted((*line.journal, event), key=lambda kept: kept.t_event_ns))
    journal = journal[-JOURNAL_LENGTH:]
    line = replace(line, journal=journal)
    if not line.is_reading_events:
        alarms, ended = fold_told(line.alarms, line.ended, event)
        line = replace(line, alarms=alarms, ended=ended)
    if event.name in (OBEYED, REFUSED):
        line = replace(line, answers=(*line.answers, event)[-ANSWERS_LENGTH:])
    line = _seen(line, "events", event.t_event_ns)
    if process_of(event.origin) == GUARD:
        line = _seen(line, GUARD, event.t_event_ns)
    picture = replace(picture, line=line)
    if event.name != "mode_changed" or event.section is None or event.cell is None:
        return picture
    section, at = _cell(picture, event.section, event.cell)
    word = event.details.get("mode")
    if section is None or word not in set(Mode):
        return picture
    return _with(picture, picture.line, _mode(section, at, Mode(word), event.t_event_ns))


_OF_MODES: Final = frozenset(
    {
        CommandKind.SET_MODE,
        CommandKind.SWITCH_OFF,
        CommandKind.SWITCH_ON,
        CommandKind.RESET_TRIP,
    }
)


def fold_command(picture: Picture, command: Command) -> Picture:
    """Take in what mode a person asked for, so that every screen shows it as pending."""
    if command.kind not in _OF_MODES:
        return picture  # what came of it is told by events
    key = asked_of(command.section, command.cell)
    known = picture.line.commands.get(key)
    if known is not None and known.t_issued_ns >= command.t_issued_ns:
        return _count(picture, repeated=1)
    line = replace(picture.line, commands=picture.line.commands | {key: command})
    return replace(picture, line=_seen(line, "commands", command.t_issued_ns))


def fold_rejects(picture: Picture, frame: RejectFrame, *, dead: bool = False) -> Picture:
    """Take in what was turned away, by reason, with the newest examples.

    Args:
        dead: the frame is a dead letter: a message on which an agent failed.
    """
    line = picture.line
    source = source_of(frame, dead=dead)
    if frame.origin.offset <= line.reject_order.get(source, -1):
        return _count(picture, repeated=1)
    if not dead:
        samples, messages = count_rejects(line.rejected, line.refused, frame)
        line = replace(line, rejected=samples, refused=messages)
    line = replace(
        line,
        dead_letters=line.dead_letters + dead,
        examples=(*line.examples, *examples_of(frame))[-EXAMPLES_LENGTH:],
        reject_order=line.reject_order | {source: frame.origin.offset},
    )
    name = "dead-letters" if dead else "rejects"
    return replace(picture, line=_seen(line, name, frame.t_rejected_ns))


def count_unreadable(picture: Picture) -> Picture:
    """Count a message of which not even the form could be read."""
    return _count(picture, unreadable=1)


def note_arrival(picture: Picture, topic: str, time_ns: int) -> Picture:
    """Note that something came on a topic, whatever it was."""
    return replace(picture, line=_seen(picture.line, topic, time_ns))


def _section(picture: Picture, number: int, cells: tuple[int, ...]) -> SectionPicture | None:
    if not 0 <= number < len(picture.sections):
        return None
    section = picture.sections[number]
    return section if section.cells == cells else None


def _cell(picture: Picture, number: int, cell: int) -> tuple[SectionPicture | None, int]:
    if not 0 <= number < len(picture.sections) or cell not in picture.sections[number].cells:
        return None, -1
    section = picture.sections[number]
    return section, section.cells.index(cell)


def _put(section: SectionPicture, column: str, at: int, figure: float) -> F64:
    following = column_of(section, column).copy()
    following[at] = figure
    return following


def _swap(texts: tuple[str, ...], at: int, text: str) -> tuple[str, ...]:
    return (*texts[:at], text, *texts[at + 1 :])


def _add(counts: dict[str, int], key: str, number: int) -> dict[str, int]:
    return counts | {str(key): counts.get(str(key), 0) + number}


def _count(
    picture: Picture, *, repeated: int = 0, strange: int = 0, unreadable: int = 0
) -> Picture:
    line = picture.line
    line = replace(
        line,
        repeated=line.repeated + repeated,
        strange=line.strange + strange,
        unreadable=line.unreadable + unreadable,
    )
    return replace(picture, line=line)


def _seen(line: LinePicture, topic: str, time_ns: int) -> LinePicture:
    if time_ns <= line.newest_ns.get(topic, 0):
        return line
    return replace(line, newest_ns=line.newest_ns | {topic: time_ns})


def _timed(line: LinePicture, stage: str, from_ns: int, to_ns: int) -> LinePicture:
    kept = (*line.latency_ms.get(stage, ()), (to_ns - from_ns) / 1e6)[-LATENCY_LENGTH:]
    return replace(line, latency_ms=line.latency_ms | {stage: kept})


def _unanswered_ns(line: LinePicture, section: SectionPicture, at: int, proposal: Proposal) -> int:
    known_ns = section.t_unanswered_ns
    # The oldest counts; any word of the guard since then begins the wait anew.
    is_waiting = known_ns > 0 and known_ns >= line.newest_ns.get(GUARD, 0)
    return known_ns if is_waiting or _is_answered(section, at, proposal) else proposal.t_decided_ns


def _is_answered(section: SectionPicture, at: int, proposal: Proposal) -> bool:
    """Whether the guard has said what becomes of a proposal, or has nothing to say of it: each of
    its setpoints gives a move, held or written, and the same proposal sent twice gives none."""
    moves = (section.moves.get(f"{at}/{setpoint}") for setpoint in proposal.setpoints)
    return all(move is not None and move.proposal_id == proposal.proposal_id for move in moves)


def _step_of(move: Move) -> tuple[int, int]:
    # By when it was judged: what is decided later, by another, may have been judged before.
    return move.t_permitted_ns, _STEP.get(move.state, 1)


def _mode(section: SectionPicture, at: int, mode: Mode, time_ns: int) -> SectionPicture:
    if time_ns < section.mode_times_ns[at]:
        return section
    times = section.mode_times_ns
    return replace(
        section,
        modes=(*section.modes[:at], mode, *section.modes[at + 1 :]),
        mode_times_ns=(*times[:at], time_ns, *times[at + 1 :]),
    )


def _with(picture: Picture, line: LinePicture, section: SectionPicture) -> Picture:
    sections = list(picture.sections)
    sections[section.section] = section
    return replace(picture, line=line, sections=tuple(sections))
