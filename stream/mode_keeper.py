"""Keeps the mode of every cell: in a table, at the plant, and known to people."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from control.interlock import InterlockLimits
from control.modes import Mode, ModePolicy, Refusal, Trigger, TriggerKind
from control.permissives import Permissives
from stream.app import SectionTable, Worker
from stream.audit.entries import command_of, handover_of, mode_change_of
from stream.audit.files import AuditError
from stream.audit.keeper import AuditTrail
from stream.edge import PlantEdge
from stream.guarding import (
    GuardState,
    ModeChange,
    PlantView,
    change_modes,
    decode_state,
    encode_state,
    init_guard_state,
    permissives_of,
    refusal_sentence,
)
from stream.handover import Finding, Handover
from stream.order_keeper import OrderKeeper
from stream.records import Command
from stream.reports import Reports
from stream.section_picture import SectionPicture
from stream.topics import TABLES

_TABLE: Final = next(table for table in TABLES if table.owner == "guard")
_VIEW_GOOD_FOR_NS: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What the guard is told at start.

    Attributes:
        cells: the cells of each section.
        limits: of the plant file.
        policy: how cells start and come back.
        control_period_s: plant time between decisions.
        late_after_s: wall time after which the plant or a section's samples are late, which is
            told and no more.
    """

    cells: Mapping[int, tuple[int, ...]]
    limits: InterlockLimits
    policy: ModePolicy
    control_period_s: float
    late_after_s: float = 1.6


class ModeKeeper:
    """State and picture of every section, and the one place where a mode changes."""

    def __init__(
        self, worker: Worker, edge: PlantEdge, audit: AuditTrail, settings: GuardSettings
    ) -> None:
        self._worker = worker
        self._edge = edge
        self._audit = audit
        self._settings = settings
        self._table = SectionTable[GuardState](
            worker,
            _TABLE,
            encode_state,
            lambda section, payload: decode_state(
                payload, settings.cells[section], settings.policy
            ),
            lambda section: init_guard_state(settings.cells[section], settings.policy),
        )
        self.handover = Handover(worker.monotonic_ns())
        self.reports = Reports(worker.outbox, self._table.flush)
        self.orders = OrderKeeper(
            self._table, audit, self.reports, settings.limits, worker.clock_ns
        )
        self.pictures = {section: SectionPicture() for section in settings.cells}
        self._has_recalled_trips = False
        self._handed: dict[int, bool] = {}  # cell -> what is on record as asked for last
        self._view: PlantView | None = None
        self._viewed_ns = 0
        self._section_of = {
            cell: section for section, cells in settings.cells.items() for cell in cells
        }

    def section_of(self, cell: int) -> int | None:
        """Return the section of a cell, or None for a cell that the plant does not have."""
        return self._section_of.get(cell)

    def state(self, section: int) -> GuardState:
        """Return the state of a section."""
        return self._table.get(section)

    def keep(self, section: int, state: GuardState) -> None:
        """Keep a state in memory; `flush` makes it durable."""
        self._table.keep(section, state)

    async def flush(self, section: int) -> None:
        """Return when what was kept of a section is durable."""
        await self._table.flush(section)

    def recall(self, section: int) -> None:
        """Put back into the picture what must not be forgotten over a restart."""
        kept = self.state(section).anode_effects
        picture = self.pictures[section]
        known = {int(cell): t_plant_s for cell, t_plant_s in kept.items()}
        self.orders.recall(section)
        self.pictures[section] = replace(
            picture, anode_effect_plant_s=known | dict(picture.anode_effect_plant_s)
        )

    def recall_trips(self) -> None:
        """Trip again what the guard's life before this one had tripped, where it ended before that
        was durable in its table: that it is on record is enough.

        To be called once something was appended to the audit, before anything is done on the
        strength of that.
        """
        left = self._audit.left_tripped
        if left is None or self._has_recalled_trips:
            return
        self._has_recalled_trips = True
        for section, cells in self._settings.cells.items():
            state = self.state(section)
            lost = [cell for cell in cells if cell in left and state.mode_of(cell).trip is None]
            trips = {cell: Trigger(TriggerKind.TRIP, left[cell]) for cell in lost}
            self.apply_at_once(section, trips)

    async def see(self, section: int, picture: SectionPicture) -> None:
        """Take a new picture of a section, keep what must not be forgotten, and look again."""
        self.pictures[section] = picture
        state = self.state(section)
        effects = {str(cell): at_s for cell, at_s in picture.anode_effect_plant_s.items()}
        if effects != state.anode_effects:
            self.keep(section, msgspec.structs.replace(state, anode_effects=effects))
            await self.flush(section)
        await self.look_again(section)

    def is_in_auto(self, cell: int) -> bool:
        """Whether a cell is in AUTO at this moment."""
        section = self.section_of(cell)
        return section is not None and self.state(section).mode_of(cell).mode is Mode.AUTO

    def moved_elsewhere(self, section: int, scan: int) -> int:
        """Return how many cells of other sections were moved in a scan."""
        return sum(
            len(self._table.get(other).interlock.moved_in(scan))
            for other in self._settings.cells
            if other != section
        )

    def plant_view(self) -> PlantView:
        """Return how the plant's edge stands now, looked up at most every 50 ms: the proposals of
        a whole line come within that, and the edge itself looks less often."""
        now_ns = self._worker.monotonic_ns()
        if self._view is None or now_ns - self._viewed_ns >= _VIEW_GOOD_FOR_NS:
            self._view, self._viewed_ns = self._look_at_plant(), now_ns
        return self._view

    def _look_at_plant(self) -> PlantView:
        edge, shed_after_s = self._edge, self._settings.limits.guard.shed_after_s
        readbacks = {
            (cell, name): value
            for cell in self._section_of
            for name in self._settings.limits.setpoints
            if (value := edge.readback(cell, name)) is not None
        }
        return PlantView(
            is_connected=edge.is_connected,
            has_heartbeat=edge.heartbeat_age_s() <= shed_after_s,
            readbacks=readbacks,
            not_following=frozenset(
                cell for cell in self._section_of if edge.is_remote(cell) is False
            ),
        )

    async def look_again(self, section: int) -> None:
        """Time has passed: a start may end, a shed cell may be re-armed."""
        await self.apply_to_all(section, Trigger(TriggerKind.SCAN))

    async def apply_to_all(self, section: int, trigger: Trigger) -> None:
        """Let one thing happen to every cell of a section."""
        triggers = dict.fromkeys(self._settings.cells[section], trigger)
        await self.apply(section, self.state(section), triggers)

    async def apply(
        self,
        section: int,
        state: GuardState,
        triggers: Mapping[int, Trigger],
        command: Command | None = None,
    ) -> dict[int, Refusal]:
        """Let something happen to cells of a section; tell the plant, store it, tell people.

        Args:
            state: the section's, possibly with something already added to it.
            triggers: cell -> what happened.
            command: the person's behind it, for the audit.

        Returns:
            Who was refused what.
        """
        before = self._table.get(section)
        changes, refusals = self._change(section, state, triggers)
        if command is not None:
            refusal = refusal_sentence(refusals, len(triggers))
            is_partly = len(refusals) < len(triggers)
            self._audit.put([command_of(command, refusal, is_partly=is_partly)])
        if changes:
            await self.tell_plant()
        if command is not None:
            # On record before it counts as obeyed, and so would not be looked at again; an audit
            # that cannot be written sheds the line, and is no reason to wait with that.
            with suppress(AuditError):
                await self._audit.append([])
        if self._table.get(section) is not before:
            await self._table.flush(section)
        for told in self._put(section, changes):
            await told.wait()
        return refusals

    def apply_at_once(self, section: int, triggers: Mapping[int, Trigger]) -> None:
        """Let something happen to cells of a section, without a wait for anything: `tell_plant` is
        the caller's, and what is to be stored and told is left to `reports`."""
        before = self._table.get(section)
        changes, _ = self._change(section, before, triggers)
        if not self._put(section, changes) and self._table.get(section) is not before:
            self.reports.put(None, section)

    def _change(
        self, section: int, state: GuardState, triggers: Mapping[int, Trigger]
    ) -> tuple[list[ModeChange], dict[int, Refusal]]:
        """Change modes in memory."""
        picture = self.pictures[section]
        permissives = {cell: self.permissives(cell) for cell in triggers}
        following, changes, refusals = change_modes(
            state, triggers, permissives, self._settings.policy, picture.t_plant_s
        )
        before = self._table.get(section)
        for cell in triggers:
            if following.mode_of(cell).is_remote and not before.mode_of(cell).is_remote:
                self.handover.enter(cell)
                self._handed.pop(cell, None)  # of this stay, nothing is on record yet
        if following is not before:
            self._table.keep(section, following)
        self._audit.put(
            [mode_change_of(change.cell, change.before, change.after) for change in changes]
        )
        return changes, refusals

    def permissives(self, cell: int) -> Permissives:
        """Return what holds for a cell at this moment.

        Raises:
            KeyError: not a cell of the plant.
        """
        picture, now_ns = self.pictures[self._section_of[cell]], self._worker.clock_ns()
        return permissives_of(cell, picture, self.plant_view(), self._settings.limits, now_ns)

    async def tell_plant(self) -> dict[int, Finding]:
        """Ask the plant to follow our setpoints for the cells that came to remote control, until it
        does, and for no other.

        Nothing is asked, and nothing found, while another guard writes to the plant.

        Returns:
            The cells that were taken from us, and by whom.
        """
        if self._edge.other_writer:
            return {}
        now_ns, taken = self._worker.monotonic_ns(), dict[int, Finding]()
        asked: dict[bool, set[int]] = {False: set(), True: set()}
        for section, cells in self._settings.cells.items():
            state = self._table.get(section)
            for cell in cells:
                wanted, shown = state.mode_of(cell).is_remote, self._edge.is_remote(cell)
                match finding := self.handover.look(cell, wanted, shown, now_ns):
                    case Finding.ASK_REMOTE | Finding.ASK_LOCAL:
                        asked[finding is Finding.ASK_REMOTE].add(cell)
                    case Finding.TAKEN_BY_PLANT | Finding.TAKEN_BY_PERSON:
                        taken[cell] = finding
        if asked[False]:  # never waits: it is the way to the safe side
            self._put_handover(asked[False], False)
            await self._edge.set_remote(asked[False], False)
        if asked[True]:
            self._put_handover(asked[True], True)
            try:
                await self._audit.append([])
            except AuditError:
                return taken  # what is not on record is not asked for
            self.recall_trips()
            # The disk took its time: a cell may have been handed back meanwhile.
            still = {cell for cell in asked[True] if self._is_remote_wanted(cell)}
            await self._edge.set_remote(still, True)
        return taken

    def _is_remote_wanted(self, cell: int) -> bool:
        return self._table.get(self._section_of[cell]).mode_of(cell).is_remote

    def _put_handover(self, cells: set[int], to_remote: bool) -> None:
        """Put on record what is asked of the plant; once, however often it is asked."""
        for cell in cells:
            if self._handed.get(cell) is to_remote:
                continue
            self._handed[cell] = to_remote
            self._audit.put([handover_of([cell], to_remote)])

    def _put(self, section: int, changes: Sequence[ModeChange]) -> list[asyncio.Event]:
        return [
            self.reports.put(
                "mode_changed",
                section,
                cell=change.cell,
                previous=change.before.mode.value,
                mode=change.after.mode.value,
                who=change.after.who or "guard",
                reason=change.after.reason,
            )
            for change in changes
        ]
