"""Makes a reduced cell of what the full-order cell did.

Bases from snapshots, then three fits by least squares: the bath that alumina and AlF3 are dissolved
in, the voltage that the lumped formula lacks, the rates of temperature and ledge. How many modes
and how much penalty: what errs least in cross-validation. From there the rates are fitted to whole
replays (physics.reduced.refit).
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.parameters import CellParameters
from physics.reduced.basis import Basis, keep_leading, make_basis
from physics.reduced.field_cell import (
    ALF3,
    BATH,
    DISSOLVED,
    DRIVES,
    FieldCell,
    Shown,
    count_states,
    heat_features,
    ledge_of,
    show,
    voltage_features,
)
from physics.reduced.inference import Operators, fit_operators, integrate_features
from physics.reduced.refit import ROUNDS, refit_rates
from physics.reduced.replay import BARS, Errors, encode, measure_each
from physics.reduced.snapshots import Samples

_VOLTAGE_RIDGE: Final = 1e-8
_BASIS_SNAPSHOTS: Final = 600  # enough for tens of modes; more cost time and find the same


class Sizes(NamedTuple):
    """What is chosen by measured error."""

    field_modes: int
    ledge_modes: int
    ridge: float
    rounds: int = 0  # of the fit to whole replays


class Bases(NamedTuple):
    """Of what varies in space."""

    temperature: Basis
    ledge: Basis


def make_bases(
    weight: Array, trajectories: Sequence[Samples], field_modes: int, ledge_modes: int
) -> Bases:
    """Bases of the temperature field and of the ledge.

    Args:
        weight: (N,) volumes of the boxes.
        trajectories: whose samples are taken, not all of them.
        field_modes: of temperature.
        ledge_modes: of the ledge.

    Returns:
        The bases.

    Raises:
        ValueError: more modes than the samples give.
    """
    every = max(1, sum(len(run.drives) for run in trajectories) // _BASIS_SNAPSHOTS)
    fields, ledges = (
        jnp.concatenate([getattr(run, name)[::every] for run in trajectories])
        for name in ("temperature_c", "ledge_m")
    )
    rows = ledges.shape[1]
    return Bases(
        make_basis(fields, weight / weight.sum(), field_modes),
        make_basis(ledges, jnp.full(rows, 1.0 / rows), ledge_modes),
    )


def fit_field_cell(
    parameters: CellParameters,
    alf3_loss_kg_per_kg: float,
    bases: Bases,
    trajectories: Sequence[Samples],
    every_s: float,
    sizes: Sizes,
) -> FieldCell:
    """Fit a reduced cell.

    Args:
        parameters: of the design, as the full-order cell took them.
        alf3_loss_kg_per_kg: AlF3 lost for each kg of alumina fed.
        bases: with as many modes as the sizes ask for, or more.
        trajectories: to learn from.
        every_s: between samples.
        sizes: modes and penalty.

    Returns:
        The reduced cell.
    """
    cell = _make_blank(
        parameters,
        alf3_loss_kg_per_kg,
        keep_leading(bases.temperature, sizes.field_modes),
        keep_leading(bases.ledge, sizes.ledge_modes),
    )
    # one trajectory after the other: their number shall not have anything compiled anew
    states = [encode(cell, run) for run in trajectories]
    cell = cell._replace(bath_kg=_fit_bath(cell, states, trajectories))
    rows = [_make_rows(cell, of, run.drives) for of, run in zip(states, trajectories, strict=True)]
    lacking_v = [
        run.cell_voltage_v - found[0] for run, found in zip(trajectories, rows, strict=True)
    ]
    cell = cell._replace(
        voltage_v=_fit(
            jnp.concatenate([found[1] for found in rows]),
            jnp.concatenate(lacking_v),
            _VOLTAGE_RIDGE,
        )
    )
    return cell._replace(operators=_fit_rates(cell, states, trajectories, every_s, sizes.ridge))


def choose_sizes(
    parameters: CellParameters,
    alf3_loss_kg_per_kg: float,
    weight: Array,
    trajectories: Sequence[Samples],
    every_s: float,
    candidates: Sequence[Sizes],
    folds: int,
    rounds: Sequence[int] = ROUNDS,
    told: Callable[[], None] | None = None,
) -> tuple[FieldCell, Sizes, Errors]:
    """Choose sizes by cross-validation, then fit the cell to everything.

    Every trajectory is held out once and judged by the worst of its errors, each as a share of
    what is tolerated; chosen is the least root mean square of these over all trajectories, so that
    the one that reaches furthest does not decide alone. For each pair of modes the penalty is
    chosen with rates fitted by least squares; the pair, and how many rounds to fit to replays, with
    what is left after these.

    Args:
        parameters: as in `fit_field_cell`.
        alf3_loss_kg_per_kg: see there.
        weight: (N,) volumes of the boxes.
        trajectories: to learn from, all of one length.
        every_s: between samples.
        candidates: sizes to try.
        folds: so often a part is held out; 2 to the number of trajectories.
        rounds: of the fit to whole replays, to choose from; rising.
        told: called after each round of a fit to replays, as often as `count_rounds` says.

    Returns:
        The cell, its sizes, and the worst of each error on trajectories held out.

    Raises:
        ValueError: no candidates, or folds that do not fit.
    """
    if not candidates:
        raise ValueError("there are no sizes to choose from. Remedy: give one candidate or more")
    if not 2 <= folds <= len(trajectories):
        raise ValueError(
            f"{len(trajectories)} trajectories cannot be held out in {folds} parts. Remedy: 2 "
            "parts or more, and a trajectory for each"
        )
    most = [max(sizes[place] for sizes in candidates) for place in range(2)]
    parts = [
        (
            [run for place, run in enumerate(trajectories) if place % folds != fold],
            trajectories[fold::folds],
        )
        for fold in range(folds)
    ]
    learnt: list[list[FieldCell]] = [[] for _ in candidates]
    found: list[list[Errors]] = [[] for _ in candidates]
    for rest, held_out in parts:
        bases = make_bases(weight, rest, int(most[0]), int(most[1]))
        for place, sizes in enumerate(candidates):
            cell = fit_field_cell(parameters, alf3_loss_kg_per_kg, bases, rest, every_s, sizes)
            learnt[place].append(cell)
            found[place].append(measure_each(cell, held_out, every_s))
    finalists: dict[tuple[int, int], int] = {}
    for place in sorted(range(len(candidates)), key=lambda at: _judge(_join(found[at]))):
        finalists.setdefault(candidates[place][:2], place)
    judged: dict[Sizes, list[Errors]] = {}
    for place in finalists.values():
        for cell, (rest, held_out) in zip(learnt[place], parts, strict=True):
            refitted = refit_rates(cell, rest, every_s, rounds, told)
            for count, after in zip(rounds, refitted, strict=True):
                tried = judged.setdefault(candidates[place]._replace(rounds=count), [])
                tried.append(measure_each(after, held_out, every_s))
    best = min(judged, key=lambda sizes: _judge(_join(judged[sizes])))
    bases = make_bases(weight, trajectories, best.field_modes, best.ledge_modes)
    cell = fit_field_cell(parameters, alf3_loss_kg_per_kg, bases, trajectories, every_s, best)
    cell = refit_rates(cell, trajectories, every_s, [best.rounds], told)[0]
    if told is not None:
        for _ in range(max(rounds) - best.rounds):
            told()
    return (
        cell,
        best,
        Errors(*(jnp.max(errors) for errors in _join(judged[best]))),
    )


def count_rounds(candidates: Sequence[Sizes], folds: int, rounds: Sequence[int] = ROUNDS) -> int:
    """How many rounds of fitting to replays `choose_sizes` tells of; they take most of its time."""
    return max(rounds) * (folds * len({sizes[:2] for sizes in candidates}) + 1)


def _join(parts: Sequence[Errors]) -> Errors:
    return Errors(*(jnp.concatenate(errors) for errors in zip(*parts, strict=True)))


def _judge(errors: Errors) -> float:
    """Root mean square over trajectories of the worst share of what is tolerated."""
    shares = jnp.stack([getattr(errors, name) / bar for name, bar in BARS.items()])
    worst = shares.max(axis=0)
    return float(jnp.sqrt(jnp.mean(jnp.where(jnp.isfinite(worst), worst, jnp.inf) ** 2)))


@jax.jit
def _make_rows(cell: FieldCell, states: Array, drives: Array) -> tuple[Array, Array, Array]:
    """Voltage (S,) as it is with what is learnt so far; features (S, G) and (S, F)."""

    def one(state: Array, drives: Array) -> tuple[Array, Array, Array]:
        seen = show(cell, state, drives)
        return (
            seen.cell_voltage_v,
            voltage_features(cell, state, drives, seen.alumina_wt_pct),
            heat_features(state[BATH:], seen, drives),
        )

    return jax.vmap(one)(states, drives)


def _fit_bath(cell: FieldCell, states: Sequence[Array], trajectories: Sequence[Samples]) -> Array:
    """The bath that alumina and AlF3 are dissolved in, see `FieldCell.bath_kg`."""
    ledges = jnp.concatenate([ledge_of(cell, of) for of in states])
    rows = jnp.concatenate([jnp.ones((len(ledges), 1)), ledges], axis=1)

    def fit_one(mass: int, shares: Sequence[Array]) -> Array:
        masses = [run.masses_kg[:, mass] for run in trajectories]
        return _fit(rows, 100.0 * jnp.concatenate(masses) / jnp.concatenate(shares), 1e-12)

    return jnp.stack(
        [
            fit_one(DISSOLVED, [run.alumina_wt_pct for run in trajectories]),
            fit_one(ALF3, [run.excess_alf3_wt_pct for run in trajectories]),
        ]
    )


def _fit_rates(
    cell: FieldCell,
    states: Sequence[Array],
    trajectories: Sequence[Samples],
    every_s: float,
    ridge: float,
) -> Operators:
    integrals, changes = [], []
    for of, run in zip(states, trajectories, strict=True):
        rows = _make_rows(cell, of, run.drives)[2]
        integrals.append(integrate_features(rows, jnp.full(len(rows) - 1, every_s)))
        changes.append(jnp.diff(of[:, BATH:], axis=0))
    together = jnp.concatenate(integrals)
    return fit_operators(
        together, jnp.concatenate(changes), jnp.full(len(together), every_s), ridge
    )


def _make_blank(
    parameters: CellParameters, alf3_loss_kg_per_kg: float, temperature: Basis, ledge: Basis
) -> FieldCell:
    """A reduced cell that has learnt nothing yet, with arrays of the right shapes."""
    modes = int(ledge.modes.shape[1])
    blank = FieldCell(
        parameters=parameters,
        temperature=temperature,
        ledge=ledge,
        operators=Operators(*([jnp.zeros(0)] * len(Operators._fields))),
        bath_kg=jnp.ones((2, 1 + modes)),
        voltage_v=jnp.zeros(0),
        alf3_loss_kg_per_kg=jnp.asarray(alf3_loss_kg_per_kg),
    )
    learnt = count_states(blank) - BATH
    state, drives, one = jnp.zeros(BATH + learnt), jnp.ones(len(DRIVES)), jnp.ones(())
    voltage_count = jax.eval_shape(voltage_features, blank, state, drives, one).shape[0]
    seen = Shown(*([one] * len(Shown._fields)))
    heat = jax.eval_shape(lambda: heat_features(state[BATH:], seen, drives)).shape[0]
    return blank._replace(
        voltage_v=jnp.zeros(voltage_count),
        operators=Operators(
            jnp.zeros((heat, learnt)), jnp.zeros(heat), jnp.ones(heat), jnp.zeros(learnt)
        ),
    )


def _fit(rows: Array, aims: Array, ridge: float) -> Array:
    """Weights of columns by least squares, with a penalty on what is scaled to order one."""
    scale = jnp.sqrt((rows**2).mean(axis=0))
    scale = jnp.where(scale > 0.0, scale, 1.0)
    scaled = rows / scale[None, :]
    squares = scaled.T @ scaled / len(rows) + ridge * jnp.eye(rows.shape[1])
    weights: Array = jnp.linalg.solve(squares, scaled.T @ aims / len(rows))
    return weights / scale
