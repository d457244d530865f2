"""The optimisation problem of a cell as a quadratic program: written in CVXPY, compiled once.

All cells share one compiled form; what differs from cell to cell and from decision to decision is a
parameter (disciplined parametrised programming: Agrawal et al. 2019, arXiv 1910.12430). Compiling
yields a map from parameters to the arrays of the program, and, transposed, from the multipliers of
its rows to what the optimum costs per unit of each parameter.
"""

from dataclasses import dataclass
from typing import Any, Final

import cvxpy as cp
import numpy as np
import scipy.sparse as sp
from cvxpy.atoms.quad_form import quad_form
from numpy.typing import NDArray

from control.instance import Instance
from control.objective import ControlObjective
from control.prediction import ACD, ALUMINA, COUNT

Floats = NDArray[np.float64]
_LARGEST: Final = 1e20  # OSQP takes 1e30 for infinite; nothing of a cell is near
_SIDES: Final = ("offset", "room", "miss", "risk", "low", "high", "change")


@dataclass(frozen=True, slots=True)
class Arrays:
    """Minimise x' P x / 2 + q' x with l <= A x <= u: what OSQP takes.

    Attributes:
        P: upper triangle, (V, V); q: (V,). The same for every instance.
        structure: of A, (R, V), the same for every instance; `Ax`: its entries.
        l, u: (R,).
        equal: how many rows are equations; they are the first.
    """

    P: sp.csc_matrix
    q: Floats
    structure: sp.csc_matrix
    Ax: Floats
    l: Floats  # noqa: E741
    u: Floats
    equal: int

    @property
    def matrix(self) -> sp.csc_matrix:
        """A itself."""
        return sp.csc_matrix((self.Ax, self.structure.indices, self.structure.indptr))

    @property
    def is_usable(self) -> bool:
        """Whether OSQP can take these numbers: a NaN it iterates on, an infinite one it refuses in
        an update without a word, and then solves the problem of the time before. Only a side that
        asks for nothing may be infinite.
        """
        equal = self.l[: self.equal]
        with np.errstate(over="ignore"):
            squares = self.Ax @ self.Ax, equal @ equal
        return all(square < _LARGEST**2 for square in squares) and bool(self.l.max() < _LARGEST)


class CellProgram:
    """The compiled problem; its methods turn numbers into arrays and a point back into moves.

    Args:
        objective: weights and blocks.
    """

    def __init__(self, objective: ControlObjective) -> None:
        count = len(objective.move_blocks)
        points = count * COUNT
        self._moves = cp.Variable(count * 2, name="moves")
        self._outputs = cp.Variable(points, name="outputs")
        self._slack = cp.Variable(points, name="slack")
        self._miss_left = cp.Variable(count, name="miss_left")
        self._lean = cp.Variable(count, name="lean")
        self._change = cp.Variable(count * 2, name="change")
        self._gain = cp.Parameter((points, count * 2), name="gain")
        sizes = (points, points, count, count, count * 2, count * 2, count * 2)
        self._sides = {
            name: cp.Parameter(size, name=name) for name, size in zip(_SIDES, sizes, strict=True)
        }
        self._program = _compile(self._write(objective))
        columns = self._program.var_id_to_col
        self._at = {
            variable.name(): slice(columns[variable.id], columns[variable.id] + variable.size)
            for variable in (
                self._moves,
                self._outputs,
                self._slack,
                self._miss_left,
                self._lean,
                self._change,
            )
        }
        self._equal = int(self._program.cone_dims.zero)
        self._map_parameters()

    def _write(self, objective: ControlObjective) -> cp.Problem:
        blocks = np.array(objective.move_blocks, dtype=np.float64)
        count = len(blocks)
        offset, room, miss, risk, low, high, change = (self._sides[name] for name in _SIDES)
        weights = np.tile([objective.feed_move_weight, objective.beam_move_weight], count)
        slack_weights = objective.bound_weight * np.repeat(blocks, COUNT)
        cost = (
            quad_form(self._miss_left, np.diag(objective.alumina_weight * blocks))
            + quad_form(self._lean, np.diag(objective.risk_weight * blocks))
            + objective.energy_weight * (blocks @ self._outputs[ACD::COUNT])
            + quad_form(self._change, np.diag(weights))
            + slack_weights @ self._slack
            + quad_form(self._slack, np.diag(slack_weights))
        )
        alumina = self._outputs[ALUMINA::COUNT]
        before = np.eye(count * 2, k=-2)
        constraints = [
            self._outputs == self._gain @ self._moves,
            self._miss_left == alumina + miss,
            self._change == self._moves - before @ self._moves,
            self._lean + alumina - risk >= 0.0,  # at no cost where alumina is above the level
            self._slack >= 0.0,
            self._outputs - offset + self._slack >= 0.0,
            offset + room - self._outputs + self._slack >= 0.0,
            self._moves - low >= 0.0,
            high - self._moves >= 0.0,
            change - self._change >= 0.0,
            change + self._change >= 0.0,
        ]
        return cp.Problem(cp.Minimize(cost), constraints)

    def _map_parameters(self) -> None:
        """Find out once where each parameter stands in the arrays: all of them act linearly, and
        the objective has none. CVXPY's own way takes four times as long as a solve, each time.
        """
        sides = self._sides.values()
        zeros = {p.id: np.zeros(p.size) for p in (self._gain, *sides)}
        quadratic, self._linear, self._matrix, self._side = self._apply(zeros)
        self._quadratic = sp.csc_matrix(sp.triu(quadratic, format="csc"))
        # Each entry of the gain stands at one place, so that its number finds it.
        numbers = np.arange(1.0, self._gain.size + 1.0)
        coded = self._apply(zeros | {self._gain.id: numbers})[2].data - self._matrix.data
        self._gain_at = np.flatnonzero(coded)
        at = np.abs(coded[self._gain_at]).astype(np.intp) - 1  # column by column, as CVXPY counts
        columns, rows = np.divmod(at, self._gain.shape[0])
        self._gain_from = rows * self._gain.shape[1] + columns
        self._gain_sign = np.sign(coded[self._gain_at])
        effects = [
            self._apply(zeros | {parameter.id: one})[3] - self._side
            for parameter in sides
            for one in np.eye(parameter.size)
        ]
        self._free = np.full(len(self._side), np.inf)
        self._side_map = sp.csr_matrix(np.column_stack(effects))
        self._side_map_back = sp.csr_matrix(self._side_map.T)
        ends = np.cumsum([0] + [parameter.size for parameter in sides])
        self._side_parts = {
            name: slice(first, last)
            for name, first, last in zip(_SIDES, ends[:-1], ends[1:], strict=True)
        }

    def _apply(self, values: dict[int, Floats]) -> tuple[Any, Floats, sp.csc_matrix, Floats]:
        quadratic, linear, _, matrix, side = self._program.apply_parameters(
            values, keep_zeros=True, quad_obj=True
        )
        return quadratic, linear, sp.csc_matrix(matrix), side

    def arrays(self, instance: Instance) -> Arrays:
        """Return the program of these numbers."""
        data = self._matrix.data.copy()
        # Nothing else stands where a gain does.
        data[self._gain_at] = self._gain_sign * instance.gain.ravel()[self._gain_from]
        sides = np.concatenate([getattr(instance, name) for name in _SIDES])
        low = -self._side - self._side_map @ sides
        high = self._free.copy()
        high[: self._equal] = low[: self._equal]
        return Arrays(self._quadratic, self._linear, self._matrix, data, low, high, self._equal)

    def slopes(self, multipliers: Floats) -> dict[str, Floats]:
        """Return what the optimum costs more per unit of each side of an `Instance`.

        The optimum changes with the lower side of a row by minus OSQP's multiplier of that row;
        where the optimum has a kink, that is one of its slopes.

        Args:
            multipliers: OSQP's, (R,).
        """
        slopes = self._side_map_back @ multipliers
        return {name: slopes[part] for name, part in self._side_parts.items()}

    def start(self, instance: Instance, guess: Floats) -> Floats:
        """Return a full point of the program, (V,), from a guess of the moves, (M * 2,)."""
        outputs = instance.gain @ guess
        below = instance.offset - outputs
        alumina = outputs[ALUMINA::COUNT]
        start = np.empty(self._program.x.size)
        start[self._at["moves"]] = guess
        start[self._at["outputs"]] = outputs
        start[self._at["slack"]] = np.maximum(np.maximum(below, -below - instance.room), 0.0)
        start[self._at["miss_left"]] = alumina + instance.miss
        start[self._at["lean"]] = np.maximum(instance.risk - alumina, 0.0)
        change = start[self._at["change"]]
        change[:] = guess
        change[2:] -= guess[:-2]
        return start

    def moves(self, point: Any) -> Floats:
        """Return the scaled moves, (M * 2,), of a point, (V,)."""
        return np.array(point[self._at["moves"]], dtype=np.float64)

    def slack(self, point: Any) -> Floats:
        """Return how far soft bounds are missed, (P * Q,), at a point, (V,)."""
        return np.array(point[self._at["slack"]], dtype=np.float64)


def _compile(problem: cp.Problem) -> Any:
    for parameter in problem.parameters():
        parameter.value = np.zeros(parameter.shape)
    data, _, _ = problem.get_problem_data(cp.OSQP)
    return data[cp.settings.PARAM_PROB]
