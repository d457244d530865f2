"""Counts of control facts: what became of every move, and how long the loop took."""

import re
from collections import Counter, OrderedDict
from enum import IntFlag
from typing import Final

from control.modes import Mode
from ops.distribution import Distribution
from stream.records import Move, MoveState, Proposal

_KEPT_IDS: Final = 50_000  # a repeat of something older than these is taken for new
_KEPT_MINUTES: Final = 60
_MINUTE_NS: Final = 60_000_000_000
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")  # reasons are counted without their figures


class _Seen(IntFlag):
    """What has been seen of one move; a result counts by the best one."""

    INTENT = 1
    VERIFIED = 2
    FAILED = 4
    EXPIRED = 8
    HELD = 16
    REACHED_PLANT = 32
    REHEARSED = 64  # judged while its cell warmed up, where nothing is written


_NOTHING: Final = _Seen(0)
_FLAG: Final = {
    MoveState.INTENT: _Seen.INTENT,
    MoveState.VERIFIED: _Seen.VERIFIED,
    MoveState.FAILED: _Seen.FAILED,
    MoveState.EXPIRED: _Seen.EXPIRED,
    MoveState.HELD: _Seen.HELD,
}
_RESULTS: Final = _Seen.VERIFIED | _Seen.FAILED | _Seen.EXPIRED | _Seen.HELD


class MovesTally:
    """Moves by what became of them, each counted once, and their latencies."""

    def __init__(self, started_ns: int) -> None:
        self._started_ns = started_ns
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._count: Counter[_Seen] = Counter()
        self._minutes: dict[int, Distribution] = {}
        self._held_because: Counter[str] = Counter()
        self.cells_verified: set[int] = set()
        self.first_verified_ns: int | None = None
        self.source_to_written = Distribution()
        self.source_to_verified = Distribution()

    def add(self, move: Move) -> None:
        """Count one record of a move."""
        before = self._seen.pop(move.move_id, _NOTHING)
        is_rehearsed = move.state is MoveState.HELD and move.mode is Mode.WARM
        after = before | (_Seen.REHEARSED if is_rehearsed else _FLAG[move.state])
        if move.t_written_ns is not None:
            after |= _Seen.REACHED_PLANT
            if not before & _Seen.REACHED_PLANT and not move.is_from_outside:
                self._note_written(move.t_source_ns, move.t_written_ns)
        if move.state is MoveState.VERIFIED and not before & _Seen.VERIFIED:
            self._note_verified(move)
        if after & _Seen.HELD and not before & _Seen.HELD:
            self._held_because.update(_NUMBER.sub("#", reason) for reason in move.reasons[:1])
        self._count[before] -= bool(before)
        self._count[after] += 1
        self._seen[move.move_id] = after
        if len(self._seen) > _KEPT_IDS:
            self._seen.popitem(last=False)

    def _note_written(self, source_ns: int, written_ns: int) -> None:
        latency_ms = (written_ns - source_ns) / 1e6
        self.source_to_written.add(latency_ms)
        minute = max(0, written_ns - self._started_ns) // _MINUTE_NS
        self._minutes.setdefault(minute, Distribution()).add(latency_ms)
        if len(self._minutes) > _KEPT_MINUTES:
            del self._minutes[sorted(self._minutes)[1]]  # the first stays, to compare with

    def _note_verified(self, move: Move) -> None:
        self.cells_verified.add(move.cell)
        if move.t_verified_ns is None or move.is_from_outside:
            return  # how soon others are is not how soon the loop is
        self.source_to_verified.add((move.t_verified_ns - move.t_source_ns) / 1e6)
        first = self.first_verified_ns
        self.first_verified_ns = (
            move.t_verified_ns if first is None else min(first, move.t_verified_ns)
        )

    def _those(self, wanted: _Seen, unless: _Seen = _NOTHING) -> int:
        return sum(
            count for seen, count in self._count.items() if seen & wanted and not seen & unless
        )

    @property
    def open(self) -> int:
        """Moves that were permitted and of which no result has come."""
        return self._those(_Seen.INTENT, _RESULTS)

    @property
    def verified(self) -> int:
        """Moves that the plant has shown to have taken."""
        return self._those(_Seen.VERIFIED)

    @property
    def time_to_first_verified_s(self) -> float | None:
        """Seconds from the start to the first verified move."""
        if self.first_verified_ns is None:
            return None
        return round((self.first_verified_ns - self._started_ns) / 1e9, 3)

    def summary(self) -> dict[str, object]:
        """Return the counts under the names of the report."""
        better = _Seen.VERIFIED
        return {
            "intent": self._those(_Seen.INTENT),
            "written": self._those(_Seen.REACHED_PLANT),
            "verified": self.verified,
            "failed": self._those(_Seen.FAILED, better),
            "expired": self._those(_Seen.EXPIRED, better | _Seen.FAILED),
            "held": self._those(_Seen.HELD, better | _Seen.FAILED | _Seen.EXPIRED),
            "rehearsed": self._those(_Seen.REHEARSED),
            "open": self.open,
            "unchecked": self._those(_Seen.REACHED_PLANT, _Seen.INTENT),
            "cells_verified": len(self.cells_verified),
            "held_by_reason": dict(self._held_because.most_common(20)),
        }

    def p99_by_minute(self) -> dict[str, float | None]:
        """Return the 99th percentile of source to written for each minute, in milliseconds."""
        return {
            str(minute): self._minutes[minute].summary()["p99"] for minute in sorted(self._minutes)
        }


class ProposalsTally:
    """Proposals, and how long the controller thought about them."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._by: Counter[str] = Counter()
        self._status: Counter[str] = Counter()
        self.count = 0
        self.repeated = 0
        self.solve = Distribution()
        self.source_to_decided = Distribution()

    def add(self, proposal: Proposal) -> None:
        """Count one proposal."""
        if proposal.proposal_id in self._seen:
            self.repeated += 1
            return
        self._seen[proposal.proposal_id] = None
        if len(self._seen) > _KEPT_IDS:
            self._seen.popitem(last=False)
        self.count += 1
        self._by[proposal.proposed_by] += 1
        self._status[proposal.solver_status] += 1
        self.solve.add(proposal.solve_ms)
        self.source_to_decided.add((proposal.t_decided_ns - proposal.t_source_ns) / 1e6)

    def summary(self) -> dict[str, object]:
        """Return the counts under the names of the report."""
        return {
            "count": self.count,
            "repeated": self.repeated,
            "by": dict(sorted(self._by.items())),
            "by_status": dict(self._status.most_common(20)),
        }
