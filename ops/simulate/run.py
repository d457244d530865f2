"""One run of a simulation: a seed, a schedule of faults, and what came of it."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from control.modes import Rearm
from ops.entry import nothing_logged
from ops.plantfile import PlantFile
from ops.simulate.faults import BY_NAME, FAULTS
from ops.simulate.invariants import Violation
from ops.simulate.world import SPEED, World

STORM_S: Final = 40.0  # wall time with faults
_CALM_BEFORE_S: Final = 5.0
_CALM_AFTER_S: Final = 15.0  # with the others, a plant hour at this speed
_MEAN_FAULT_EVERY_S: Final = 2.5


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A fault and when it comes, s of wall time."""

    at_s: float
    name: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of one seed.

    Attributes:
        faults: how often each was injected.
        plant_hours: simulated.
        writes: setpoints sent; `accepted`: taken by cells.
        followed_at_end: cells that follow the guard when all is calm again.
    """

    seed: int
    violations: tuple[Violation, ...]
    faults: Counter[str]
    plant_hours: float
    writes: int
    accepted: int
    followed_at_end: int
    schedule: tuple[Scheduled, ...] = field(repr=False, default=())


def make_schedule(seed: int) -> tuple[Scheduled, ...]:
    """Return the faults of a seed, in the order of their times."""
    draw = random.Random(f"schedule {seed}")
    # A few kinds a run, so that each gets its chance to meet others of its kind.
    kinds = draw.sample([fault.__name__ for fault in FAULTS], k=draw.randint(2, 8))
    schedule: list[Scheduled] = []
    at_s = _CALM_BEFORE_S
    while True:
        at_s += draw.expovariate(1.0 / _MEAN_FAULT_EVERY_S)
        if at_s >= _CALM_BEFORE_S + STORM_S:
            return tuple(schedule)
        schedule.append(Scheduled(at_s, draw.choice(kinds)))


def run_seed(
    plant: PlantFile, seed: int, schedule: tuple[Scheduled, ...] | None = None
) -> RunResult:
    """Run one seed.

    Args:
        plant: limits, mapping and periods; four cells of it.
        seed: of all that is random.
        schedule: in the place of the seed's own, to find out which fault matters.
    """
    with nothing_logged():  # everything fails here, and says so
        return _run(plant, seed, make_schedule(seed) if schedule is None else schedule)


def _run(plant: PlantFile, seed: int, schedule: tuple[Scheduled, ...]) -> RunResult:
    draw = random.Random(f"world {seed}")
    world = World(plant, seed, draw.choice((Rearm.AUTOMATIC, Rearm.AUTOMATIC, Rearm.OPERATOR)))
    injected: Counter[str] = Counter()
    for fault in schedule:
        world.clockwork.run_until(fault.at_s)
        BY_NAME[fault.name](world, random.Random(f"{seed} {fault.at_s}"))
        injected[fault.name] += 1
    world.clockwork.run_until(_CALM_BEFORE_S + STORM_S + _CALM_AFTER_S)
    world.close_audits()
    world.judge.end()
    for process in world.clockwork.all_processes:
        for error in process.failures():
            text = f"{process.name}: {type(error).__name__}: {error}"
            world.judge.note("no process fails by itself", text)
    followed = sum(world.scada.is_remote(cell) for cell in world.cells) if world.scada else 0
    plant_hours = SPEED * world.clockwork.now_s / 3600.0
    for process in list(world.clockwork.processes):
        world.clockwork.kill(process)
    return RunResult(
        seed=seed,
        violations=tuple(world.judge.violations),
        faults=injected,
        plant_hours=plant_hours,
        writes=world.judge.writes,
        accepted=world.judge.accepted,
        followed_at_end=followed,
        schedule=schedule,
    )
