"""The genetic search for the front: NSGA-II of pymoo over the operating targets.

For where the front is not convex, which no weights reach. Source: Deb et al. 2002, DOI
10.1109/4235.996017; pymoo: Blank and Deb 2020, DOI 10.1109/ACCESS.2020.2990567.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from control.operation import KEPT, Operation
from control.rating import BATCH, OBJECTIVES, TARGETS
from ops.mistakes import OperationError

F64 = NDArray[np.float64]

POPULATION: Final = BATCH  # so that a generation is one call of the compiled cell
REMEDY: Final = "Remedy: pip install 'potline[study]', or --method sweep, which needs nothing more"


def has_pymoo() -> bool:
    """Whether pymoo is installed."""
    return find_spec("pymoo") is not None


def search_front(
    operation: Operation, generations: int, seed: int, watch: Callable[[int, int], object]
) -> F64:
    """Return the points of the front that the search finds, (n, 4).

    Args:
        operation: at the plant.
        generations: how many.
        seed: of the random numbers.
        watch: told how many of how many generations are done.

    Raises:
        OperationError: pymoo is not installed, or no point keeps every bound.
    """
    if not has_pymoo():
        raise OperationError(f"NSGA-II needs pymoo, which is not installed. {REMEDY}")
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.config import Config
    from pymoo.core.callback import Callback
    from pymoo.core.problem import Problem
    from pymoo.optimize import minimize

    Config.warnings["not_compiled"] = False

    class Cells(Problem):  # type: ignore[misc]  # pymoo has no types
        def __init__(self) -> None:
            super().__init__(
                n_var=len(TARGETS),
                n_obj=len(OBJECTIVES),
                n_ieq_constr=len(KEPT),
                xl=operation.low,
                xu=operation.high,
            )

        def _evaluate(self, x: F64, out: dict[str, Any], *_: Any, **__: Any) -> None:
            out["F"], out["G"] = operation.judge(x)

    class Watch(Callback):  # type: ignore[misc]
        def notify(self, algorithm: Any) -> None:
            watch(int(algorithm.n_gen), generations)

    found = minimize(
        Cells(),
        NSGA2(pop_size=POPULATION),
        ("n_gen", generations),
        seed=seed,
        callback=Watch(),
        verbose=False,
    )
    if found.X is None:
        raise OperationError(
            "no operating point of this plant keeps all bounds of [control]. Remedy: widen them, "
            "or see with potline cell what the cell can do"
        )
    return np.atleast_2d(np.asarray(found.X, dtype=np.float64))
