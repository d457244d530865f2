"""What must hold whatever fails: checked by who sees everything, and independent of the guard.

Nothing here is taken from `control.interlock`: the rules are said once more, from the plant's side.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from control.limits import SetpointLimits
from ops.simulate.narrowed import Narrowed
from ops.simulate.people import People
from ops.simulate.trips import TripBook
from ops.simulate.wishes import Wishes
from stream.audit.chain import AuditEntry
from stream.audit.entries import COMMAND, HANDOVER, INTENT, LAPSE, OBEYED, RESULT

_ANSWER_WITHIN_S: Final = 10.0
_PEOPLE: Final = ("operator", "engineer", "manager")


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken: which, when, and how."""

    rule: str
    at_s: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Sending:
    """A setpoint at the moment in which a guard sends it.

    Attributes:
        stay: which stay in AUTO it belongs to, as the guard has it.
        section: of the cell.
        is_permitted: whether that guard has the cell in AUTO; `is_held`: in HOLD.
        audit: that the guard keeps; `guard`: its name; `began_s`: when its life began.
        stands: what the cell has accepted, and what the plant has shown of it lately.
        plant_s: plant time now.
        sample_age_s: true age of the newest sample of the cell that had been sent to the guard.
    """

    cell: int
    setpoint: str
    value: float
    stay: int
    is_permitted: bool
    stands: tuple[float, ...]
    plant_s: float
    sample_age_s: float
    section: int = 0
    is_held: bool = False
    audit: object = None
    guard: str = ""
    began_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that the audit announces, and whether a person set it by hand."""

    at_s: float
    target: str
    value: float
    is_by_hand: bool


@dataclass
class Judge:
    """Takes in what happens and keeps the violations.

    Attributes:
        longest_age_s: of a sample at a write, with all that a write may take.
        slack_plant_s: plant time by which two moments may seem further apart than they are: the
            guard's picture of time is as old as its newest sample, and writes are under way.
    """

    limits: dict[str, SetpointLimits]
    longest_age_s: float
    slack_plant_s: float
    now_s: Callable[[], float]
    violations: list[Violation] = field(default_factory=list)
    writes: int = 0
    accepted: int = 0
    _intents: dict[str, Intent] = field(default_factory=dict)
    _last: dict[tuple[int, str], Sending] = field(default_factory=dict)
    _begun: dict[tuple[int, str], tuple[float, float]] = field(default_factory=dict)
    _obeyed: set[str] = field(default_factory=set)  # commands
    # (audit, cell) -> "remote" or "local", on record
    _handed: dict[tuple[object, int], str] = field(default_factory=dict)
    wishes: Wishes = field(default_factory=Wishes)
    _people: dict[object, People] = field(default_factory=dict)  # by audit
    _trips: dict[object, TripBook] = field(default_factory=dict)  # by audit
    _narrowed: dict[object, Narrowed] = field(default_factory=dict)  # by audit
    _limit_requests: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    _travels: dict[tuple[int, str], list[tuple[float, float]]] = field(default_factory=dict)
    is_shared: bool = False  # guards on two machines keep their state in one table
    _writer: object = None  # the session that wrote the newest token to the server that lives now

    def note(self, rule: str, sentence: str) -> None:
        """Keep a violation."""
        self.violations.append(Violation(rule, self.now_s(), sentence))

    def see_entries(self, entries: Iterable[AuditEntry], audit: object = None) -> None:
        """Take in what became durable together in an audit; guards on two machines have one
        each."""
        entries = list(entries)
        for target in self._trips.setdefault(audit, TripBook()).see(entries):
            self.note("a trip is never lost", f"{target} left TRIPPED, and nobody had reset it")
        for sentence in self._narrowed_of(audit).see(entries):
            self.note("two people change a limit", sentence)
        for entry in entries:
            if entry.action == INTENT and isinstance(entry.applied, int | float):
                if entry.request_id in self._intents:
                    self.note("one intent a write", f"{entry.request_id} was announced twice")
                by_hand = entry.role in _PEOPLE
                self._intents[entry.request_id] = Intent(
                    self.now_s(), entry.target, entry.applied, by_hand
                )
                if by_hand:  # only now is it known to be durable, too
                    self._people_of(audit).hold(entry.target, entry.request_id)
            elif entry.action == RESULT and self._intents.pop(entry.request_id, None) is None:
                self.note("an intent first", f"{entry.request_id} has a result without an intent")
            elif entry.action == COMMAND and entry.result == OBEYED:
                # A guard that was stopped obeys late what another obeyed in its place: what people
                # have said since then is newer.
                if entry.request_id in self._obeyed:
                    continue
                self._obeyed.add(entry.request_id)
                if not entry.target.startswith("S"):
                    self._see_command(entry, audit)
            elif entry.action == LAPSE and not entry.target.startswith("S"):
                self._people_of(audit).end(
                    _cell_of(entry.target), str(entry.asked), entry.request_id
                )
            elif entry.action == HANDOVER:
                for target in entry.target.split():
                    self._handed[audit, _cell_of(target)] = str(entry.asked)

    def _people_of(self, audit: object) -> People:
        return self._people.setdefault(audit, People())

    def _bypassed(self, cell: int) -> set[str]:
        """Return the checks left out for a cell, by whichever guard put that on record: two that
        keep their state in one table have it in common."""
        return set().union(*(people.bypassed(cell) for people in self._people.values()))

    def _see_command(self, entry: AuditEntry, audit: object) -> None:
        """Take in what a person asked for and a guard obeyed."""
        cell = _cell_of(entry.target)
        kind, _, rest = str(entry.asked).partition(" ")
        if not self.wishes.see(cell, kind, rest, entry.request_id, audit):
            self._people_of(audit).see(cell, kind, rest, entry.request_id, self.now_s())

    def see_told(self, command_id: str) -> None:
        """Take in that people were told of a command that was obeyed."""
        self.wishes.see_told(command_id, self.now_s())
        for narrowed in self._narrowed.values():
            narrowed.see_told(command_id)

    def see_untripped(self, guard: str, cells: Iterable[int]) -> None:
        """Judge a guard that was there when the plant tripped, and has cells that did not."""
        for cell in cells:
            self.note("a trip is never lost", f"{guard} has not tripped cell {cell}")

    def see_server(self) -> None:
        """Take in that a server has begun, at which there is no token yet."""
        self._writer = None

    def see_token(self, session: object) -> None:
        """Take in that a session has become the one writer."""
        self._writer = session

    def see_taken(self, session: object, what: str, value: float) -> None:
        """Judge a write that the plant has taken from a session."""
        if self._writer is not None and session is not self._writer:
            self.note("one writer", f"{what} = {value:g} was taken without the newest token")

    def see_remote_asked(self, cell: int, audit: object = None) -> None:
        """Judge that the plant is asked to let a cell follow, by whoever keeps that audit."""
        if self._handed.get((audit, cell)) != "remote":
            self.note("an intent first", f"cell {cell} is asked for, and that is not on record")

    def see_sending(self, sending: Sending) -> None:
        """Judge a setpoint that a guard sends."""
        self.writes += 1
        row = self._limits_of(sending)
        what = f"{sending.setpoint} of cell {sending.cell} = {sending.value:g}"
        if not math.isfinite(sending.value):
            self.note("finite", what)
            return
        if not row.low - 1e-9 <= sending.value <= row.high + 1e-9:
            self.note("in bounds", f"{what}, not within {row.low:g} to {row.high:g}")
        by_hand = self._is_by_hand(sending)
        if not (sending.is_permitted or (by_hand and sending.is_held)):
            self.note("permitted in that mode", f"{what}, and the cell is not in AUTO")
        for sentence in self.wishes.against(
            sending.cell, sending.audit, sending.guard, sending.began_s
        ):
            self.note("permitted in that mode", f"{what}, and {sentence}")
        if f"C{sending.cell:03d}" in self._trips.setdefault(sending.audit, TripBook()).tripped:
            self.note("a trip is never lost", f"{what}, it has tripped and nobody has reset that")
        if sending.sample_age_s > self.longest_age_s and not by_hand:
            self.note("fresh", f"{what}, its newest sample is {sending.sample_age_s:.1f} s old")
        if not self._announced(sending):
            self.note("an intent first", f"{what} has no intent on record")
        if by_hand:  # at once, and from there the optimiser goes on
            self._begun[sending.cell, sending.setpoint] = (sending.plant_s, 0.0)
        else:
            self._check_people_first(sending, what)
            self._check_rate(sending, row, what)
        self._check_window(sending, row, what, is_by_hand=by_hand)
        self._last[sending.cell, sending.setpoint] = sending

    def see_silence(self, cell: int, what: str, for_s: float, at_most_s: float) -> None:
        """Judge a cell that follows a guard although something it needs is silent."""
        if for_s > at_most_s:
            self.note(
                "silence ends in shed",
                f"cell {cell} follows although {what} has been silent for {for_s:.1f} s",
            )

    def see_stale(self, cell: int, setpoint: str, late_s: float, at_most_s: float) -> None:
        """Judge a setpoint that a cell has taken, by how long it was under way."""
        self.accepted += 1
        if late_s > at_most_s:
            self.note(
                "no stale write",
                f"cell {cell} took a {setpoint} that had been sent {late_s:.1f} s before",
            )

    def end(self) -> None:
        """Judge what is left when all is quiet."""
        for name, intent in self._intents.items():
            if self.now_s() - intent.at_s > _ANSWER_WITHIN_S:
                self.note("a result after", f"{name} of {intent.target} never got a result")

    def _limits_of(self, sending: Sending) -> SetpointLimits:
        """Return the limits in force. Where two guards have their orders in one table, the later
        counts, and nobody says which that is: then those of the plant file."""
        row = self.limits[sending.setpoint]
        if self.is_shared:
            return row
        return self._narrowed_of(sending.audit).limits_of(sending.section, row)

    def _bounds_of(self, sending: Sending) -> tuple[float, float]:
        """Return the narrowest hard bounds that any guard may hold whose orders count."""
        row = self.limits[sending.setpoint]
        books = self._narrowed.values() if self.is_shared else (self._narrowed_of(sending.audit),)
        bounds = [book.bounds_of(sending.section, row) for book in books]
        lows, highs = zip((row.low, row.high), *bounds, strict=True)
        return max(lows), min(highs)

    def _narrowed_of(self, audit: object) -> Narrowed:
        return self._narrowed.setdefault(audit, Narrowed(self._limit_requests))

    def _announced(self, sending: Sending) -> list[Intent]:
        target = f"C{sending.cell:03d}/{sending.setpoint}"
        intents = self._intents.values()
        return [one for one in intents if (one.target, one.value) == (target, sending.value)]

    def _is_by_hand(self, sending: Sending) -> bool:
        return any(intent.is_by_hand for intent in self._announced(sending))

    def _check_people_first(self, sending: Sending, what: str) -> None:
        # Of two guards at one broker the later state counts, and the other's orders are forgotten:
        # a stand-by needs a broker of its own (decision 23).
        if self.is_shared:
            return
        people, now_s = self._people_of(sending.audit), self.now_s()
        if people.holds(sending.cell, sending.setpoint, now_s):
            self.note("people first", f"{what}, and a person holds it")

    def _check_rate(self, sending: Sending, row: SetpointLimits, what: str) -> None:
        """The first write of a stay is the read-back; later ones are within step and rate."""
        last = self._last.get((sending.cell, sending.setpoint))
        near = row.readback_tolerance + row.resolution
        step = min(abs(sending.value - stands) for stands in sending.stands)
        # What stands beyond bounds that people have made narrower is taken back to them.
        low, high = self._bounds_of(sending)
        is_within = all(low <= stands <= high for stands in sending.stands)
        is_first = last is None or last.stay != sending.stay
        if is_first and is_within and step > near:
            self.note("no bump", f"{what} is the first of its stay, the cell stood elsewhere")
        bypassed = self._bypassed(sending.cell)
        if step > row.max_step + near and "step" not in bypassed:
            self.note("within a step", f"{what}, {step:g} from what stands")
        if last is not None and not is_first:
            room = row.max_rate_per_h * (
                (sending.plant_s - last.plant_s + self.slack_plant_s) / 3600.0
            )
            moved = abs(sending.value - last.value)
            # From the last value, or from where the plant was found to stand since.
            if moved > room + near and step > room + near and "rate" not in bypassed:
                self.note("within rate", f"{what}, {moved:g} in so short a time")
        self._check_travel(sending, row, what, is_first, step)

    def _check_travel(
        self, sending: Sending, row: SetpointLimits, what: str, is_first: bool, step: float
    ) -> None:
        """All moves of a stay together are within what its rate allows since it began: over minutes
        the slack is small beside that. A value that the cell never took is no way that it went:
        `step` is from what stands."""
        place = (sending.cell, sending.setpoint)
        last = self._last.get(place)
        if is_first or last is None:
            self._begun[place] = (sending.plant_s, 0.0)
            return
        begun_s, travelled = self._begun[place]
        # What the plant shows within the tolerance is taken for the last value.
        moved = min(abs(sending.value - last.value), step)
        travelled += max(0.0, moved - row.readback_tolerance)
        self._begun[place] = (begun_s, travelled)
        allowed = row.max_rate_per_h * (sending.plant_s - begun_s + self.slack_plant_s) / 3600.0
        if "rate" in self._bypassed(sending.cell):
            self._begun[place] = (sending.plant_s, 0.0)  # it counts anew when that is over
        elif travelled > allowed + row.readback_tolerance:
            self.note("within rate", f"{what}, {travelled:g} since the stay began")

    def _check_window(
        self, sending: Sending, row: SetpointLimits, what: str, *, is_by_hand: bool
    ) -> None:
        """All moves of the window, of whatever stay, are within what a setpoint may travel in it.
        What a person sets by hand is no part of that, nor is a move under a bypass."""
        place = (sending.cell, sending.setpoint)
        kept = self._travels.setdefault(place, [])
        since_s = sending.plant_s - row.travel_window_h * 3600.0 + self.slack_plant_s
        kept[:] = [one for one in kept if one[0] > since_s]
        last = self._last.get(place)
        is_again = last is not None and (last.value, last.stay) == (sending.value, sending.stay)
        moved = min(abs(sending.value - stands) for stands in sending.stands)
        if is_by_hand or is_again or "travel" in self._bypassed(sending.cell):
            return
        if moved <= row.readback_tolerance + row.resolution:
            return
        kept.append((sending.plant_s, moved - row.readback_tolerance))
        travelled = sum(one for _, one in kept)
        if travelled > row.max_travel + row.readback_tolerance + row.resolution:
            self.note("within the travel", f"{what}, {travelled:g} in its window")


def _cell_of(target: str) -> int:
    """Return the cell in `C017`, or in `C017/setpoint`."""
    return int(target.partition("/")[0].removeprefix("C"))
