"""Many seeds, all cores: which rule broke under which seed, and how little it takes to break it."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from ops.plantfile import load_plant
from ops.pool import Bar, count_cores, run_tasks, tell
from ops.simulate.faults import FAULTS
from ops.simulate.run import RunResult, Scheduled, make_schedule, run_seed

CELLS: Final = 4
_SEEDS_A_TASK: Final = 10
_MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Seeds that one process runs one after the other."""

    plant_file: Path
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """What came of all seeds."""

    results: tuple[RunResult, ...]

    @property
    def broken(self) -> list[RunResult]:
        """Runs with violations."""
        return [result for result in self.results if result.violations]

    def summary(self) -> dict[str, Any]:
        """Return the figures, as `--json` prints them."""
        faults: Counter[str] = Counter({fault.__name__: 0 for fault in FAULTS})
        rules: Counter[str] = Counter()
        for result in self.results:
            faults.update(result.faults)
            rules.update(violation.rule for violation in result.violations)
        return {
            "seeds": len(self.results),
            "plant_hours": round(sum(result.plant_hours for result in self.results), 2),
            "violations": rules.total(),
            "violations_by_rule": dict(rules),
            "seeds_with_violations": [result.seed for result in self.broken],
            "setpoints_sent": sum(result.writes for result in self.results),
            "setpoints_taken": sum(result.accepted for result in self.results),
            "faults_injected": dict(sorted(faults.items())),
        }


def search(
    plant_file: Path, first: int, seeds: int, processes: int | None, console: Console
) -> Search:
    """Run seeds from `first` on, with a progress bar on the console."""
    numbers = range(first, first + seeds)
    batches = [
        Batch(plant_file, tuple(numbers[begin : begin + _SEEDS_A_TASK]))
        for begin in range(0, seeds, _SEEDS_A_TASK)
    ]
    bar = Bar("simulating faults", float(seeds), "seeds")
    found = run_tasks(run_batch, batches, processes or count_cores(), bar, console)
    return Search(tuple(result for batch in found for result in batch))


def run_batch(batch: Batch) -> list[RunResult]:
    """Run the seeds of a batch; says by `ops.pool.tell` how far it is."""
    plant = load_plant(batch.plant_file, CELLS)
    results = []
    for seed in batch.seeds:
        results.append(run_seed(plant, seed))
        tell(1.0)
    return results


def shorten(plant_file: Path, seed: int) -> RunResult:
    """Return a run of this seed with as few faults as still break a rule, left out one by one."""
    plant = load_plant(plant_file, CELLS)
    schedule = make_schedule(seed)
    shortest = run_seed(plant, seed, schedule)
    at = 0
    while shortest.violations and at < len(schedule):
        fewer: tuple[Scheduled, ...] = (*schedule[:at], *schedule[at + 1 :])
        result = run_seed(plant, seed, fewer)
        if result.violations:
            schedule, shortest = fewer, result
        else:
            at += 1
    return shortest


def search_lines(found: Search) -> list[str]:
    """Return what came of it, a sentence a line."""
    summary = found.summary()
    lines = [
        f"{summary['seeds']:,} seeds, {summary['plant_hours']:,.0f} plant hours, "
        f"{sum(summary['faults_injected'].values()):,} faults of {len(FAULTS)} kinds; "
        f"{summary['setpoints_sent']:,} setpoints sent, {summary['setpoints_taken']:,} taken.",
        f"{summary['violations']:,} violations.",
    ]
    for result in found.broken[:_MOST_SHOWN]:
        violation = result.violations[0]
        lines.append(
            f"seed {result.seed}: {violation.rule} at {violation.at_s:.1f} s: {violation.sentence}"
        )
    if found.broken:
        seed = found.broken[0].seed
        lines.append(f"Run one again: potline simulate-faults --replay {seed}")
    return lines


def run_lines(result: RunResult) -> list[str]:
    """Return one run in detail."""
    lines = [
        f"seed {result.seed}: {result.plant_hours:.2f} plant hours, {result.writes:,} setpoints "
        f"sent, {result.accepted:,} taken, {len(result.violations)} violations"
    ]
    lines += [f"  {fault.at_s:7.2f} s  {fault.name}" for fault in result.schedule]
    lines += [
        f"  {one.at_s:7.2f} s  BROKEN: {one.rule}: {one.sentence}"
        for one in result.violations[:_MOST_SHOWN]
    ]
    return lines
