"""What would come of an override: what the interlock makes of it, which bounds it crosses, when.

Pure: courses come in as arrays, and the interlock that is asked is the one that guards the plant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from control.interlock import (
    OPTIMISER_ROLE,
    InterlockLimits,
    Request,
    SectionState,
    Situation,
    Verdict,
    permit,
)
from control.interlock_state import SetpointState
from control.modes import Mode
from control.objective import ControlObjective

Floats = NDArray[np.float64]

THIN_LEDGE_CM: Final = 3.0  # design value: less is no protection of the side wall
_AUTO_FOR_S: Final = 3600.0  # the cell counts as long in AUTO: its first write has been
_SECOND_NS: Final = 1_000_000_000


class Gate:
    """The interlock as a cell meets it that has been in AUTO for an hour, all else being well.

    What the cell has travelled before is not known here and counts as nothing.

    Args:
        limits: of the plant file.
        cell: its number.
        t_plant_s: plant time of the start.
    """

    def __init__(self, limits: InterlockLimits, cell: int, t_plant_s: float) -> None:
        self._limits, self._cell = limits, cell
        self._since_s = t_plant_s - _AUTO_FOR_S
        begun = SetpointState(moved_plant_s=self._since_s, written_stay=0)
        self._state = SectionState()
        for name in limits.setpoints:
            self._state = self._state.remember(cell, name, begun)
        self._asked = 0

    def ask(self, setpoint: str, value: float, readback: float, t_plant_s: float) -> Verdict:
        """Return what the interlock says to a value, and remember the move that it allows."""
        self._asked += 1
        now_ns = self._asked * _SECOND_NS
        request = Request(
            cell=self._cell,
            setpoint=setpoint,
            value=value,
            role=OPTIMISER_ROLE,
            order=(1, self._asked),
            expires_ns=now_ns + _SECOND_NS,
            t_source_ns=now_ns,
        )
        situation = Situation(
            now_ns=now_ns,
            now_plant_s=t_plant_s,
            cells=frozenset({self._cell}),
            mode=Mode.AUTO,
            auto_since_plant_s=self._since_s,
            newest_source_ns=now_ns,
            readback=readback,
            has_plant_heartbeat=True,
            is_in_anode_effect=False,
            scan=self._asked,
        )
        verdict, self._state = permit(request, situation, self._limits, self._state)
        return verdict


@dataclass(frozen=True, slots=True)
class Passage:
    """How a wanted value of a setpoint gets through the interlock.

    Attributes:
        first: what the interlock says to the whole of it at once.
        values: in force in each control period, (K,).
        arrived: number of the period in which the value is reached; None if it is not.
    """

    first: Verdict
    values: Floats
    arrived: int | None


def find_passage(
    gate: Gate,
    setpoint: str,
    wanted: float,
    standing: float,
    t_plant_s: Floats,
    resolution: float,
) -> Passage:
    """Ask for the same value at the start of each control period until it stands.

    Args:
        gate: the interlock.
        setpoint: its name.
        wanted: value asked for.
        standing: value in force before.
        t_plant_s: (K,) starts of the control periods.
        resolution: of the actuator: nearer than that is there.
    """
    values = np.empty(len(t_plant_s))
    verdicts: list[Verdict] = []
    arrived: int | None = None
    for period, now_s in enumerate(t_plant_s):
        if arrived is None:
            verdicts.append(gate.ask(setpoint, wanted, standing, float(now_s)))
            applied = verdicts[-1].applied
            standing = standing if applied is None else applied
            if abs(standing - wanted) < 0.5 * resolution:
                arrived = period
        values[period] = standing
    return Passage(verdicts[0], values, arrived)


@dataclass(frozen=True, slots=True)
class Bound:
    """One side of what a quantity should keep; `sign` is -1 for a low bound and +1 for a high."""

    quantity: str
    value: float
    sign: int
    words: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """A bound that a course crosses.

    Attributes:
        begins_h: after the start; 0 where it is crossed from the start.
        ends_h: when the course is last beyond it; None where it ends beyond it.
        worst: the value farthest beyond.
        hours: for how long it is beyond.
    """

    bound: Bound
    begins_h: float
    ends_h: float | None
    worst: float
    hours: float


def list_bounds(objective: ControlObjective) -> tuple[Bound, ...]:
    """Return what is watched: the controller's soft bounds, its noise limit, and the ledge."""
    bounds = []
    for name, quantity, word, unit in (
        ("alumina", "alumina_wt_pct", "alumina", "wt%"),
        ("superheat", "superheat_c", "superheat", "degC"),
        ("acd", "acd_cm", "ACD", "cm"),
    ):
        low, high = objective.bounds(name)
        bounds.append(Bound(quantity, low, -1, f"{word} below its low bound of {low:g} {unit}"))
        bounds.append(Bound(quantity, high, 1, f"{word} above its high bound of {high:g} {unit}"))
    noise = objective.noise_limit_mv
    bounds.append(Bound("voltage_noise_mv", noise, 1, f"noise above its limit of {noise:g} mV"))
    thin = THIN_LEDGE_CM
    bounds.append(Bound("ledge_cm", thin, -1, f"ledge thinner than {thin:g} cm"))
    return tuple(bounds)


def find_crossings(
    hours: Floats, course: Mapping[str, Floats], bounds: Sequence[Bound]
) -> tuple[Crossing, ...]:
    """Return the bounds that a course crosses, in the order in which it does.

    Args:
        hours: (T,) after the start, evenly spaced.
        course: by quantity, (T,).
        bounds: to be watched.
    """
    found = []
    for bound in bounds:
        beyond = bound.sign * (course[bound.quantity] - bound.value)
        is_beyond = beyond > 0.0
        if not is_beyond.any():
            continue
        at = np.flatnonzero(is_beyond)
        found.append(
            Crossing(
                bound=bound,
                begins_h=float(hours[at[0]]),
                ends_h=None if is_beyond[-1] else float(hours[at[-1]]),
                worst=float(course[bound.quantity][np.argmax(beyond)]),
                hours=float(np.mean(is_beyond) * (hours[-1] - hours[0])),
            )
        )
    return tuple(sorted(found, key=lambda crossing: crossing.begins_h))
