"""What deciding for a line costs, against bare OSQP and against do-mpc with IPOPT.

    python benchmarks/mpc.py [--cells 240] [--steps 100] [--pairs 8] [--seed 1] [--json]

`line_*_ms`: every cell of a line in closed loop, linearised and solved section by section as the
loop does, once a control period; and the same for twice the cells. `ratio_osqp`: one cell's solve
from its numbers to its plan, against OSQP alone on the arrays of the same problems,
updated and warm-started alike; OSQP runs with our settings and with its own, and the faster counts.
`ratio_do_mpc`: linearisation and whole decision of one cell alone, against the same problem without
linearisation in do-mpc; IPOPT runs with its own tolerance and with a loose one, and the faster
counts. `objective_gap_pct`: how much worse our plan is than IPOPT's, both rated by the nonlinear
model, in per cent of the objective; `gain_kept_pct`: the same as a share of what IPOPT's plan gains
over holding the setpoints.
"""

import argparse
import dataclasses
import json
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import osqp
from _do_mpc import NonlinearCell
from _line import Line
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from control.cost import PlanCost
from control.instance import Instance, MoveLimits, make_instance
from control.outlook import Outlook, make_outlook
from control.prediction import ACD, ALUMINA, UNITS, Uncertainty, predict
from control.problem import CHECK_EVERY, RELAXATION, RHO, CellProblem
from ops.plantfile import PlantFile, load_plant
from ops.settings import DEFAULT_PLANT
from physics.precision import require_x64
from physics.reduced import model as reduced

F64 = NDArray[np.float64]
PERIOD_S = 120.0
WARM_UP = 3
TIME_LIMIT_S = 10.0
LOOSE = 1e-4  # of IPOPT; its own tolerance is 1e-8
KNOWN = Uncertainty(alumina_sd_wt_pct=0.08, acd_sd_cm=0.02, noise_mv=12.0)


def time_line(plant: PlantFile, cells: int, steps: int, seed: int, quiet: bool) -> F64:
    """Milliseconds of each decision of a whole line, warmed up."""
    line = Line(_of_size(plant, cells), PERIOD_S, seed)
    taken_ms = []
    for _ in track(range(WARM_UP + steps), f"{cells} cells", disable=quiet):
        estimates = line.estimate()
        began_s = perf_counter()
        proposals = line.decide(estimates)
        taken_ms.append(1e3 * (perf_counter() - began_s))
        line.follow(proposals)
    return np.array(taken_ms[WARM_UP:])


@dataclasses.dataclass(frozen=True)
class Problem:
    """One cell's problem in one period."""

    cell: int
    outlook: Outlook
    instance: Instance
    guess: F64


class Cells:
    """Single cells in closed loop: their problems, and what the nonlinear model makes of plans."""

    def __init__(self, plant: PlantFile, count: int, seed: int) -> None:
        self.line = Line(_of_size(plant, count), PERIOD_S, seed)
        self.objective = plant.control
        self.limits = MoveLimits.of(plant.control, {row.name: row for row in plant.setpoints})
        self.problem = CellProblem(plant.control)
        self._cost = PlanCost(plant.control)
        self._plans: dict[int, F64] = {}
        self._number = 0
        current_ka, design = plant.line.current_ka, plant.design
        parameters = reduced.make_reduced_parameters(design)
        step_s = plant.control.step_s

        def step(x: jax.Array, u: jax.Array) -> tuple[jax.Array, jax.Array]:
            after = reduced.step_state(parameters, x, u, current_ka, step_s)
            shown = reduced.outputs(parameters, after, current_ka)
            # in the order of `control.prediction.OUTPUTS`
            return after, jnp.stack(
                [
                    after[reduced.ALUMINA],
                    shown[reduced.OUTPUTS.index("superheat_c")],
                    after[reduced.ACD],
                    after[reduced.LEDGE],
                    shown[reduced.OUTPUTS.index("cell_voltage_v")],
                ]
            )

        self._roll = jax.jit(lambda x, inputs: jax.lax.scan(step, x, inputs)[1])

    def next_problems(self) -> list[Problem]:
        """Return the problem of every cell now, with a guess from its plan of before."""
        problems = []
        for estimate in self.line.estimate(error=0.0):
            applied = np.column_stack([self.line.feed, self.line.beam])[
                np.array(estimate.cells) - 1
            ]
            states, models = self.line.linearise(estimate, applied)
            for i, cell in enumerate(estimate.cells):
                step = self.limits.step
                prediction = predict(models[i], states[i], applied[i], step, self.objective)
                outlook = make_outlook(self.objective, models[i], prediction, applied[i], KNOWN)
                t_plant_s = estimate.t_plant_s
                instance = make_instance(self.objective, self.limits, cell, outlook, t_plant_s)
                plan = self._plans.get(cell, np.tile(applied[i], (len(instance.miss), 1)))
                guess = ((plan - applied[i]) / step).ravel()
                problems.append(Problem(cell, outlook, instance, guess))
        return problems

    def follow(self, plans: dict[int, F64]) -> None:
        """Make the first move of every plan, and let a period pass."""
        self._plans |= plans
        for cell, plan in plans.items():
            self.line.feed[cell - 1], self.line.beam[cell - 1] = plan[0]
        self.line.follow([])

    def plan_of(self, problem: Problem, moves: F64) -> F64:
        """Return the setpoints, (M, 2), of scaled moves."""
        inside = np.clip(moves, problem.instance.low, problem.instance.high).reshape(-1, 2)
        values: F64 = problem.outlook.applied + inside * self.limits.step
        return values

    def rate(self, problem: Problem, plan: F64) -> float:
        """Return the objective of a plan by the nonlinear model, with the gap from 0 on."""
        blocks = np.array(self.objective.move_blocks)
        inputs = np.repeat(plan, blocks, axis=0)
        path = self._roll(jnp.asarray(self.line.states[problem.cell - 1]), jnp.asarray(inputs))
        shown = np.asarray(path)[np.cumsum(blocks) - 1]
        outlook, linear = problem.outlook, problem.instance
        free = outlook.prediction.free[:, ALUMINA]
        # What is left of the problem when nothing can be changed any more.
        settled = dataclasses.replace(
            linear,
            gain=np.zeros_like(linear.gain),
            offset=((outlook.floors - shown) / UNITS).ravel(),
            miss=linear.miss + shown[:, ALUMINA] - free,
            risk=linear.risk - shown[:, ALUMINA] + free,
        )
        moves = ((plan - outlook.applied) / self.limits.step).ravel()
        energy = self.objective.energy_weight * float(blocks @ shown[:, ACD])
        return self._cost.of(settled, moves) + energy


def compare_with_osqp(
    plant: PlantFile, cells: int, steps: int, seed: int, quiet: bool
) -> dict[str, Any]:
    """Time our solve and OSQP's on the same problems, in turn."""
    ours, theirs = Cells(plant, cells, seed), ("our settings", "its own")
    solvers: dict[tuple[str, int], osqp.OSQP] = {}
    taken_s: dict[str, list[float]] = {name: [] for name in ("potline", *theirs)}
    for number in track(range(WARM_UP + steps), "OSQP", disable=quiet):
        plans = {}
        for turn, problem in enumerate(ours.next_problems()):
            arrays = ours.problem.program.arrays(problem.instance)
            start = ours.problem.program.start(problem.instance, problem.guess)
            spent = {}
            for name in np.roll(list(taken_s), turn):  # who comes first finds the caches cold
                if name == "potline":
                    began_s = perf_counter()
                    solution = ours.problem.solve(
                        problem.cell, problem.instance, problem.guess, TIME_LIMIT_S
                    )
                    spent[name] = perf_counter() - began_s
                else:
                    spent[name] = _time_osqp(solvers, (name, problem.cell), arrays, start, plant)
            if number >= WARM_UP:
                for name, seconds in spent.items():
                    taken_s[name].append(seconds)
            plans[problem.cell] = ours.plan_of(problem, solution.moves)
        ours.follow(plans)
    mean_ms = {name: 1e3 * float(np.mean(values)) for name, values in taken_s.items()}
    return {
        "solve_ms": mean_ms,
        "ratio_osqp": mean_ms["potline"] / min(mean_ms[name] for name in theirs),
    }


def _time_osqp(
    solvers: dict[tuple[str, int], osqp.OSQP],
    key: tuple[str, int],
    arrays: Any,
    start: F64,
    plant: PlantFile,
) -> float:
    objective = plant.control
    if key not in solvers:
        solvers[key] = osqp.OSQP()
        tuned = {
            "rho": RHO,
            "alpha": RELAXATION,
            "check_termination": CHECK_EVERY,
            "adaptive_rho": False,
            "scaling": 0,
        }
        solvers[key].setup(
            arrays.P,
            arrays.q,
            arrays.matrix,
            arrays.l,
            arrays.u,
            verbose=False,
            eps_abs=objective.tolerance,
            eps_rel=objective.tolerance,
            max_iter=objective.max_iterations,
            **(tuned if key[0] == "our settings" else {}),
        )
    solver = solvers[key]
    began_s = perf_counter()
    solver.update(l=arrays.l, u=arrays.u, Ax=arrays.Ax)
    solver.warm_start(x=start)
    result = solver.solve(raise_error=False)
    taken_s = perf_counter() - began_s
    if result.info.status != "solved":
        raise RuntimeError(f"OSQP with {key[0]}: {result.info.status}; this compares nothing")
    return taken_s


def compare_with_do_mpc(
    plant: PlantFile, pairs: int, steps: int, seed: int, quiet: bool
) -> dict[str, Any]:
    """Time and rate our decisions and IPOPT's for some cells, in turn."""
    tolerances = {"its own": None, f"{LOOSE:g}": LOOSE}
    ours_s: list[float] = []
    theirs_s: dict[str, list[float]] = {name: [] for name in tolerances}
    gaps, kept, failed = [], [], 0
    cells = Cells(plant, pairs, seed)
    peers = {
        name: [
            NonlinearCell(
                plant.design, plant.control, cells.limits, plant.line.current_ka, tolerance
            )
            for _ in range(pairs)
        ]
        for name, tolerance in tolerances.items()
    }
    alone = _time_alone(plant, pairs, steps, seed)
    ours_s += alone
    for number in track(range(1 + steps), "do-mpc", disable=quiet):
        plans = {}
        for problem in cells.next_problems():
            instance, outlook = problem.instance, problem.outlook
            solution = cells.problem.solve(problem.cell, instance, problem.guess, TIME_LIMIT_S)
            plan = cells.plan_of(problem, solution.moves)
            state = cells.line.states[problem.cell - 1]
            targets = outlook.prediction.free[:, ALUMINA] - instance.miss
            best = np.inf
            for name, machines in peers.items():
                peer = machines[problem.cell - 1]
                if number == 0:
                    peer.begin(state, outlook.applied)
                began_s = perf_counter()
                theirs, is_optimal = peer.solve(
                    state, outlook.applied, targets, outlook.floors[0], outlook.ceilings[0]
                )
                taken_s = perf_counter() - began_s
                failed += not is_optimal
                best = min(best, cells.rate(problem, theirs)) if is_optimal else best
                if number > 0:
                    theirs_s[name].append(taken_s)
            if np.isfinite(best):
                reached = cells.rate(problem, plan)
                held = cells.rate(problem, np.tile(outlook.applied, (len(plan), 1)))
                gaps.append(100.0 * (reached - best) / abs(best))
                kept.append(100.0 * (held - reached) / (held - best))
            plans[problem.cell] = plan
        cells.follow(plans)
    mean_ms = {name: 1e3 * float(np.mean(values)) for name, values in theirs_s.items()}
    potline_ms = 1e3 * float(np.mean(ours_s))
    return {
        "decision_ms": {"potline, one cell alone": potline_ms}
        | {f"do-mpc, tolerance {name}": value for name, value in mean_ms.items()},
        "ratio_do_mpc": min(mean_ms.values()) / potline_ms,
        "objective_gap_pct": float(np.mean(gaps)),
        "objective_gap_worst_pct": float(np.max(gaps)),
        "gain_kept_pct": float(np.median(kept)),
        "gain_kept_worst_pct": float(np.min(kept)),
        "do_mpc_failed": failed,
        "do_mpc_problems": len(gaps),
    }


def _time_alone(plant: PlantFile, cells: int, steps: int, seed: int) -> list[float]:
    """Seconds of linearising and deciding for one cell, sections of one cell each."""
    sole = dataclasses.replace(plant.line, cell_count=cells, cells_per_section=1)
    line = Line(dataclasses.replace(plant, line=sole), PERIOD_S, seed)
    taken_s = []
    for number in range(WARM_UP + steps):
        estimates = line.estimate(error=0.0)
        began_s = perf_counter()
        proposals = line.decide(estimates)
        if number >= WARM_UP:
            taken_s.append((perf_counter() - began_s) / cells)
        line.follow(proposals)
    return taken_s


def _of_size(plant: PlantFile, cells: int) -> PlantFile:
    return dataclasses.replace(plant, line=dataclasses.replace(plant.line, cell_count=cells))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=240, help="of the line (default 240)")
    parser.add_argument("--steps", type=int, default=100, help="decisions of a line (default 100)")
    parser.add_argument("--pairs", type=int, default=8, help="cells beside do-mpc (default 8)")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the cells; a new one is of cells nobody has seen"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    require_x64()
    quiet = arguments.json
    plant = load_plant(DEFAULT_PLANT)
    cells = arguments.cells
    line_ms = time_line(plant, cells, arguments.steps, arguments.seed, quiet)
    steps = max(arguments.steps // 2, 1)
    double_ms = time_line(plant, 2 * cells, steps, arguments.seed, quiet)
    figures: dict[str, Any] = {
        f"line_{cells}_ms": _percentiles(line_ms),
        f"line_{2 * cells}_ms": _percentiles(double_ms),
        f"line_{2 * cells}_within_2_s": float(np.mean(double_ms <= 2e3)),
        **compare_with_osqp(plant, 24, 20, arguments.seed, quiet),
        **compare_with_do_mpc(plant, arguments.pairs, 4, arguments.seed, quiet),
    }
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    table = Table("figure", "value")
    for name, value in figures.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, number in parts:
            table.add_row(f"{name} {part}".strip(), f"{number:.3g}")
    Console().print(table)


def _percentiles(taken_ms: F64) -> dict[str, float]:
    return {f"p{p}": float(np.percentile(taken_ms, p)) for p in (50, 99)}


if __name__ == "__main__":
    main()
