"""The plant's own trips in a simulation: its contact, and who has to have heard of it."""

from typing import TYPE_CHECKING, Final

from ops.simulate.clockwork import Process

if TYPE_CHECKING:
    from ops.simulate.world import World

_TAKES_S: Final = 5.0  # for a guard that is well to hear of it, the slowest message included
_WELL_FOR_S: Final = 15.0  # without trouble, after which a guard has its connection back
_QUICK_S: Final = 0.05  # mean delay of a wire that is well
_RESET_WITHIN_S: Final = 35.0  # a command is valid for so long


class PlantTrips:
    """Sets and clears the contact, and sees that every guard that was well has tripped."""

    def __init__(self, world: "World") -> None:
        """Watch a world in which nothing has tripped."""
        self._world = world
        self._until_s = -1e9
        self.reset_s: dict[int, float] = {}  # cell -> when a person asked last for a reset

    @property
    def stands(self) -> bool:
        """Whether the contact is set."""
        return self._world.clockwork.now_s < self._until_s

    def trip(self, for_s: float) -> None:
        """Set the contact for a while; nothing where it is set."""
        if self.stands:
            return
        clockwork = self._world.clockwork
        self._until_s = clockwork.now_s + for_s
        clockwork.after(for_s, self._clear)
        if self._world.scada is not None:
            self._world.scada.trip(is_set=True)
            there = self._who_is_well(clockwork.now_s - _WELL_FOR_S)
            set_s = clockwork.now_s
            clockwork.after(_TAKES_S, lambda: self._check(there, set_s))

    def _clear(self) -> None:
        if self._world.scada is not None:
            self._world.scada.trip(is_set=False)

    def _check(self, there: set[Process], set_s: float) -> None:
        for process in there & self._who_is_well(set_s):
            guard = self._world.guards[process].guard
            untripped = [
                cell
                for cell in self._world.cells
                if guard.mode_of(cell).trip is None
                and self.reset_s.get(cell, -1e9) < set_s - _RESET_WITHIN_S
            ]
            self._world.judge.see_untripped(process.name, untripped)

    def _who_is_well(self, since_s: float) -> set[Process]:
        """Return the guards that have been able to hear the plant at all times since."""
        world, wire = self._world, self._world.wire
        if world.scada is None or world.scada_began_s > since_s:
            return set()
        server = world.scada.process
        troubles_s = (wire.cut_until_s, wire.deaf_until_s, server.frozen_until_s)
        if max(troubles_s) > since_s or wire.mean_delay_s > _QUICK_S:
            return set()
        return {
            process
            for process, one in world.guards.items()
            if one.began_s <= since_s and process.frozen_until_s <= since_s
        }
