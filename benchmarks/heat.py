"""How long an implicit heat step of a million boxes takes, against PyAMG and FiPy on one matrix.

    python benchmarks/heat.py [--boxes 100] [--device cpu|gpu] [--json]

A corner of a cell, 2 m by 2 m by 1.5 m: bath and metal that stir heat about, a carbon cathode, a
lining that insulates, a shell that loses heat to the air. The hot liquids stand in a cold lining, a
step of five minutes is taken. All three solvers get the same matrix, right side and start, and must
reach a relative residual of 1e-8, which is checked for each:

    potline   from conductivities to the solution, compiled before the clock starts
    PyAMG     setup and solve, Ruge-Stuben or smoothed aggregation, whichever is quicker
    FiPy      its own step (matrix and solve), conjugate gradients with or without Jacobi

Then multigrid's iterations as the boxes become finer, which ought to stay the same, and how near an
application of the operator comes to the speed of copying memory, measured in the same way. On two
cores: further ones are left out. Needs the extra `bench`: pip install 'potline[bench]'.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

os.environ["FIPY_SOLVERS"] = "scipy"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from rich.console import Console
from rich.table import Table
from scipy import sparse

from ops.compute import keep_memory, prepare_jax
from physics.fields.coarsening import plan_coarsening
from physics.fields.flat import apply_flat, compute_margin, hold, lay_faces_flat
from physics.fields.grid import Grid, compute_centres_m, compute_volumes_m3, make_equal_grid
from physics.fields.krylov import Solution
from physics.fields.solver import solve_stencil
from physics.fields.stencil import Stencil, compute_conductances, compute_diagonal

LENGTHS_M: Final = (2.0, 2.0, 1.5)
STEP_S: Final = 300.0
TOLERANCE: Final = 1e-8
AT_LEAST_S: Final = 5.0  # of runs that count
SIZES: Final = (64, 96, 128, 160)
HEAT_CAPACITY_J_PER_M3_K: Final = 2.5e6  # design value, about that of every material here
SHELL_W_PER_M2_K: Final = 25.0  # convection and radiation; design value
HOT_C: Final = 960.0
AIR_C: Final = 25.0
# design values: stirred liquids conduct many times better than still ones
CONDUCTIVITY_W_PER_M_K: Final = {
    "lining": 0.3,
    "cathode": 12.0,
    "metal": 80.0,
    "bath": 30.0,
    "anode": 5.0,
    "crust": 0.5,
    "ledge": 1.5,
}


class Step(NamedTuple):
    """A heat step: the materials, and what follows from them."""

    grid: Grid
    conductivity_w_per_m_k: Array
    temperature_c: Array


def make_step(boxes: int) -> Step:
    """A corner of a cell in boxes^3 boxes, hot liquids in a cold lining."""
    grid = make_equal_grid(LENGTHS_M, (boxes, boxes, boxes))
    x, y, z = np.meshgrid(*(np.asarray(c) for c in compute_centres_m(grid)), indexing="ij")
    conductivity = np.full(grid.shape, CONDUCTIVITY_W_PER_M_K["lining"])
    inside = (x < 1.75) & (y < 1.75)
    for material, below_m, above_m in (
        ("cathode", 0.35, 0.80),
        ("metal", 0.80, 1.00),
        ("bath", 1.00, 1.20),
        ("crust", 1.20, 1.50),
    ):
        layer = inside & (z >= below_m) & (z < above_m)
        conductivity[layer] = CONDUCTIVITY_W_PER_M_K[material]
    ledge = inside & (z >= 0.80) & (z < 1.20) & ((x > 1.60) | (y > 1.60))
    conductivity[ledge] = CONDUCTIVITY_W_PER_M_K["ledge"]
    anode = (z >= 1.05) & (x % 0.7 > 0.05) & (y % 0.7 > 0.05) & (x < 1.4) & (y < 1.4)
    conductivity[anode] = CONDUCTIVITY_W_PER_M_K["anode"]
    hot = inside & (z >= 0.80) & (z < 1.20)
    return Step(grid, jnp.asarray(conductivity), jnp.where(hot, HOT_C, AIR_C))


def compute_equations(step: Step) -> tuple[Stencil, Array]:
    """Operator and right side of the step; traced."""
    stored = HEAT_CAPACITY_J_PER_M3_K * compute_volumes_m3(step.grid) / STEP_S
    shell = jnp.zeros_like(stored)
    for axis, at in ((0, -1), (1, -1), (2, 0)):
        width = step.grid[axis][at]
        side = (slice(None),) * axis + (at,)
        half = 0.5 * width / step.conductivity_w_per_m_k[side]
        area = compute_volumes_m3(step.grid)[side] / width
        shell = shell.at[side].add(area / (1.0 / SHELL_W_PER_M2_K + half))
    conductances = compute_conductances(step.grid, step.conductivity_w_per_m_k)
    return Stencil(stored + shell, conductances), stored * step.temperature_c + shell * AIR_C


@partial(jax.jit, static_argnames="plan")
def solve_step(step: Step, plan: Any) -> Solution:
    """The step as potline takes it."""
    stencil, right = compute_equations(step)
    return solve_stencil(stencil, right, step.temperature_c, TOLERANCE, plan=plan)


def make_matrix(stencil: Stencil) -> sparse.csr_matrix:
    """The same operator as a matrix, of boxes counted along z first."""
    shape = stencil.loss.shape
    number = np.arange(stencil.loss.size).reshape(shape)
    diagonal = np.asarray(compute_diagonal(stencil)).ravel()
    matrix = sparse.diags(diagonal, format="csr")
    for axis, face in enumerate(stencil.conductance):
        count = shape[axis]
        here = np.take(number, np.arange(count - 1), axis).ravel()
        there = np.take(number, np.arange(1, count), axis).ravel()
        beside = sparse.coo_matrix((np.asarray(face).ravel(), (here, there)), shape=matrix.shape)
        matrix = matrix - beside - beside.T
    return sparse.csr_matrix(matrix)


def time_best(run: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Least seconds of so many runs, or of as many more as are begun in `AT_LEAST_S`, and what the
    last one gave: two runs of a third of a second tell more of the machine than of the solver."""
    best_s, result, first_s = float("inf"), None, time.perf_counter()
    while repeats > 0 or time.perf_counter() - first_s < AT_LEAST_S:
        began_s = time.perf_counter()
        result = run()
        best_s = min(best_s, time.perf_counter() - began_s)
        repeats -= 1
    return best_s, result


def check_residual(name: str, matrix: sparse.csr_matrix, right: np.ndarray, x: np.ndarray) -> None:
    """Hold a solver to the tolerance.

    Raises:
        RuntimeError: it did not reach it.
    """
    residual = float(np.linalg.norm(right - matrix @ x) / np.linalg.norm(right))
    if not residual <= 1.01 * TOLERANCE:
        raise RuntimeError(f"{name} stopped at a relative residual of {residual:.1e}")


def time_potline(step: Step, repeats: int) -> tuple[float, Solution]:
    """Seconds of the step."""
    plan = plan_coarsening(step.grid)
    jax.block_until_ready(solve_step(step, plan))
    return time_best(lambda: jax.block_until_ready(solve_step(step, plan)), repeats)


def time_pyamg(
    matrix: sparse.csr_matrix, right: np.ndarray, start: np.ndarray, repeats: int
) -> dict[str, float]:
    """Seconds of setup and solve, of both kinds of multigrid."""
    import pyamg

    seconds = {}
    for make in (pyamg.ruge_stuben_solver, pyamg.smoothed_aggregation_solver):

        def run(make: Callable[[Any], Any] = make) -> np.ndarray:
            return make(matrix).solve(right, x0=start, tol=TOLERANCE, accel="cg", maxiter=500)

        name = make.__name__.removesuffix("_solver")
        seconds[name], x = time_best(run, repeats)
        check_residual(f"PyAMG's {name}", matrix, right, x)
    return seconds


def time_fipy(
    step: Step, matrix: sparse.csr_matrix, right: np.ndarray, repeats: int
) -> dict[str, float]:
    """Seconds of FiPy's step and of its solver alone, by preconditioner; its matrix is ours.

    Raises:
        RuntimeError: its matrix is another one.
    """
    import fipy
    from fipy.solvers.scipy import JacobiPreconditioner, LinearCGSolver

    # FiPy counts boxes along x first
    def to_fipy(field: Array | np.ndarray) -> np.ndarray:
        return np.asarray(field).reshape(step.grid.shape).ravel(order="F")

    boxes = step.grid.shape
    widths = {f"d{name}": float(width[0]) for name, width in zip("xyz", step.grid, strict=True)}
    mesh = fipy.Grid3D(nx=boxes[0], ny=boxes[1], nz=boxes[2], **widths)
    volume = np.asarray(compute_volumes_m3(step.grid))
    stencil, _ = jax.jit(compute_equations)(step)
    shell = np.asarray(stencil.loss) / volume - HEAT_CAPACITY_J_PER_M3_K / STEP_S
    lost = fipy.CellVariable(mesh=mesh, value=to_fipy(shell))
    conductivity = fipy.CellVariable(mesh=mesh, value=to_fipy(step.conductivity_w_per_m_k))
    temperature = fipy.CellVariable(mesh=mesh, value=to_fipy(step.temperature_c))
    equation = fipy.TransientTerm(coeff=HEAT_CAPACITY_J_PER_M3_K) == (
        fipy.DiffusionTerm(coeff=conductivity.harmonicFaceValue)
        - fipy.ImplicitSourceTerm(coeff=lost)
        + lost * AIR_C
    )
    seconds = {}
    for name, preconditioner in (("cg", None), ("cg_jacobi", JacobiPreconditioner())):
        solver = LinearCGSolver(
            tolerance=TOLERANCE, criterion="RHS", iterations=5000, precon=preconditioner
        )

        def run(solver: LinearCGSolver = solver) -> np.ndarray:
            temperature.setValue(to_fipy(step.temperature_c))
            equation.solve(temperature, dt=STEP_S, solver=solver)
            return np.asarray(temperature.value)

        seconds[name], x = time_best(run, repeats)
        x = x.reshape(step.grid.shape, order="F").ravel()
        check_residual(f"FiPy's {name}", matrix, right, x)
    equation.cacheMatrix()
    equation.solve(temperature, dt=STEP_S, solver=solver)
    ours = to_fipy(np.arange(matrix.shape[0]))
    difference = abs(abs(equation.matrix.matrix) - abs(matrix[ours][:, ours])).max()
    if not difference <= 1e-9 * abs(matrix).max():
        raise RuntimeError(f"FiPy's matrix differs by {difference:.1e}: this compares two problems")
    return seconds


def time_scipy(
    matrix: sparse.csr_matrix, right: np.ndarray, start: np.ndarray, repeats: int
) -> float:
    """Seconds of SciPy's conjugate gradients with Jacobi alone: FiPy without making its matrix."""
    scale = 1.0 / matrix.diagonal()
    jacobi = sparse.linalg.LinearOperator(matrix.shape, lambda residual: scale * residual)

    def run() -> np.ndarray:
        x, _ = sparse.linalg.cg(matrix, right, start, rtol=TOLERANCE, maxiter=5000, M=jacobi)
        return x

    seconds, x = time_best(run, repeats)
    check_residual("SciPy", matrix, right, x)
    return seconds


def measure_bandwidth(step: Step, repeats: int) -> tuple[float, float]:
    """Bytes a second of an application of the operator, and of a copy; each a hundred in a row."""
    shape = step.grid.shape
    stencil, right = jax.jit(compute_equations)(step)
    diagonal = compute_diagonal(stencil).ravel()
    largest = jnp.max(diagonal)
    faces = lay_faces_flat(stencil.conductance, shape)
    margin = compute_margin(shape)

    @jax.jit
    def apply(diagonal: Array, faces: Any, row: Array) -> Array:
        def once(_: int, row: Array) -> Array:
            return hold(apply_flat(diagonal, faces, hold(jnp.pad(row, margin)), shape))

        return jax.lax.fori_loop(0, 100, once, row)

    @jax.jit
    def copy(row: Array) -> Array:
        return jax.lax.fori_loop(0, 100, lambda _, row: row * 0.5, row)

    # divided by its largest coefficient, so that a hundred applications stay finite
    arguments = jax.tree.map(lambda part: part / largest, (diagonal, faces))
    seconds = []
    for run in (partial(apply, *arguments, right.ravel()), partial(copy, right.ravel())):
        jax.block_until_ready(run())
        best_s, _ = time_best(lambda run=run: jax.block_until_ready(run()), repeats)
        seconds.append(best_s / 100)
    # read: diagonal, three faces, the field; written: its image
    return 6 * right.nbytes / seconds[0], 2 * right.nbytes / seconds[1]


def count_iterations(boxes: int) -> int:
    """Multigrid's iterations at boxes^3."""
    step = make_step(boxes)
    return int(solve_step(step, plan_coarsening(step.grid)).iterations)


def measure(boxes: int, repeats: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the benchmark and return its figures."""
    step = make_step(boxes)
    stencil, right = jax.jit(compute_equations)(step)
    matrix = make_matrix(stencil)
    flat_right, start = np.asarray(right).ravel(), np.asarray(step.temperature_c).ravel()
    say("potline")
    potline_s, solution = time_potline(step, repeats)
    check_residual("potline", matrix, flat_right, np.asarray(solution.field).ravel())
    say("PyAMG, both kinds")
    pyamg_s = time_pyamg(matrix, flat_right, start, repeats)
    say("SciPy")
    scipy_s = time_scipy(matrix, flat_right, start, repeats)
    say("FiPy, with and without a preconditioner")
    fipy_s = time_fipy(step, matrix, flat_right, repeats)
    say("memory")
    applied, copied = measure_bandwidth(step, 5)
    iterations = {}
    for size in SIZES:
        say(f"iterations at {size}^3")
        iterations[str(size)] = count_iterations(size)
    return {
        "device": jax.devices()[0].device_kind,
        "boxes": matrix.shape[0],
        "potline_s": potline_s,
        "potline_iterations": int(solution.iterations),
        "pyamg_s": pyamg_s,
        "fipy_s": fipy_s,
        "scipy_cg_s": scipy_s,
        "ratio_pyamg": min(pyamg_s.values()) / potline_s,
        "ratio_fipy": min(fipy_s.values()) / potline_s,
        "ratio_scipy_cg": scipy_s / potline_s,
        "iterations": iterations,
        "apply_gb_per_s": applied / 1e9,
        "copy_gb_per_s": copied / 1e9,
        "bandwidth_fraction": applied / copied,
    }


def choose_device(name: str) -> None:
    """Set JAX up as `potline solve` does, on the CPU or a GPU.

    Raises:
        SystemExit: there is no such device.
    """
    keep_memory()
    prepare_jax()
    try:
        jax.config.update("jax_default_device", jax.devices(name)[0])
    except RuntimeError:
        raise SystemExit(
            f"JAX finds no {name} here. Remedy: --device cpu, or install JAX for your GPU "
            "(https://docs.jax.dev/en/latest/installation.html)"
        ) from None


def main() -> None:
    """Parse arguments, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--boxes", type=int, default=100, help="along each axis (default 100)")
    parser.add_argument("--repeats", type=int, default=2, help="of each, or 5 s; best counts (2)")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu", help="potline's own")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    choose_device(arguments.device)
    console = Console(stderr=True)
    with console.status("materials ...") as status:
        figures = measure(
            arguments.boxes, arguments.repeats, lambda what: status.update(f"{what} ...")
        )
    if arguments.json:
        print(json.dumps(figures))
        return
    table = Table("figure", "value")
    for name, value in figures.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, number in parts:
            shown = f"{number:.3g}" if isinstance(number, float) else str(number)
            table.add_row(f"{name} {part}".strip(), shown)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
