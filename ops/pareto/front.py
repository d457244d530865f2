"""The front of a plant: points of both methods, what is present, and which one is picked."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from control.operation import Operation, find_front, find_knee
from control.rating import OBJECTIVES, Rated, Rater
from control.sweep import Sweep
from ops.mistakes import ConfigurationError, Mistake
from ops.pareto.search import search_front
from ops.plantfile import PlantFile


class Method(StrEnum):
    """How points are found."""

    SWEEP = "sweep"
    NSGA2 = "nsga2"


@dataclass(frozen=True, slots=True)
class ParetoOptions:
    """What is to be studied.

    Attributes:
        methods: whose points make the front.
        weights: the sweep's weights go in steps of one of so many.
        generations, seed: of the search.
        grid: whose electricity counts.
        alf3_reach_wt_pct: how far from the plant file's excess AlF3 is studied.
    """

    methods: tuple[Method, ...]
    weights: int = 8
    generations: int = 120
    seed: int = 1
    grid: str = "world"
    alf3_reach_wt_pct: float = 1.0


@dataclass(frozen=True, slots=True)
class Front:
    """What was found.

    Attributes:
        points: of the front, by energy; number 1 is the first.
        methods: which method found each.
        knee: row of the point nearest to the best of everything.
        present: one point: the plant file's targets, with the gap where its controller has it.
        nominal: one point: the plant file's targets and nominal gap.
        tried: how many points of each method keep every bound.
    """

    plant: PlantFile
    options: ParetoOptions
    operation: Operation
    points: Rated
    methods: tuple[Method, ...]
    knee: int
    present: Rated
    nominal: Rated
    tried: dict[Method, int]

    def best(self, objective: str) -> int:
        """Return the row that is best in one objective."""
        return int(np.argmin(self.points.figures[objective]))

    def pick(self, word: str) -> int:
        """Return the row that a person picks: knee, energy, gases, anode-effects or a number.

        Raises:
            ConfigurationError: no such point.
        """
        named = {
            "knee": self.knee,
            "energy": self.best(OBJECTIVES[0]),
            "gases": self.best(OBJECTIVES[1]),
            "anode-effects": self.best(OBJECTIVES[2]),
        }
        if word in named:
            return named[word]
        if word.isdigit() and 1 <= int(word) <= len(self.points):
            return int(word) - 1
        remedy = f"is no point of the front. Remedy: {', '.join(named)}, or 1 to {len(self.points)}"
        raise ConfigurationError([Mistake("pick", word, f"{remedy}.", "--pick")])


def values_of(rated: Rated) -> np.ndarray:
    """Return the objectives of points, (n, 3)."""
    return np.column_stack([rated.figures[name] for name in OBJECTIVES])


def find_plant_front(
    plant: PlantFile, options: ParetoOptions, watch: Callable[[Method, int, int], object]
) -> Front:
    """Find the front of a plant.

    Args:
        plant: of the line.
        options: what is to be studied.
        watch: told how far which method is.

    Raises:
        OperationError: pymoo is missing, or no point keeps every bound.
    """
    rater = Rater(plant.design, grid=options.grid)
    operation = Operation(
        rater,
        plant.control,
        {row.name: row for row in plant.setpoints},
        options.alf3_reach_wt_pct,
    )
    found, names, tried = [], [], {}
    for method in options.methods:

        def tell(done: int, total: int, method: Method = method) -> None:
            watch(method, done, total)

        if method is Method.SWEEP:
            points = Sweep(operation).run(options.weights, tell)
        else:
            points = search_front(operation, options.generations, options.seed, tell)
        points = points[operation.is_kept(points)]
        tried[method] = len(points)
        found.append(points)
        names += [method] * len(points)
    rated = rater.rate(np.vstack(found))
    rows = find_front(np.round(values_of(rated), 6))
    rows = rows[np.argsort(rated.figures[OBJECTIVES[0]][rows], kind="stable")]
    points_kept = rated.take(rows)
    return Front(
        plant=plant,
        options=options,
        operation=operation,
        points=points_kept,
        methods=tuple(names[row] for row in rows),
        knee=find_knee(values_of(points_kept)),
        present=rater.rate(operation.present()[None]),
        nominal=rater.rate(operation.nominal[None]),
        tried=tried,
    )
