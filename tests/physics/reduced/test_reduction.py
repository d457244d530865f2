"""A reduced cell is learnt from trajectories of another one, whose truth is known."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from physics.design import PlantDesign
from physics.parameters import CellParameters, make_parameters
from physics.reduced.basis import Basis
from physics.reduced.field_cell import (
    BATH,
    FieldCell,
    Shown,
    count_states,
    decode_ledge_m,
    decode_temperature_c,
    heat_features,
    show,
)
from physics.reduced.inference import Operators
from physics.reduced.reduction import (
    Sizes,
    choose_sizes,
    count_rounds,
    fit_field_cell,
    make_bases,
)
from physics.reduced.refit import refit_rates
from physics.reduced.replay import Errors, encode, measure_each, replay, step_cells
from physics.reduced.snapshots import PlanRanges, Samples, plan_lines, plan_sines

pytestmark = pytest.mark.slow  # 30 s of compiling

EVERY_S = 300.0
ROUNDS = (5, 10)  # of the fit to replays: here the rates alone are right already
SAMPLES = 200
ROWS, BOXES, LEDGE_MODES, FIELD_MODES = 3, 12, 1, 3
LOSS = 0.007
RANGES = PlanRanges(
    line_current_ka=jnp.asarray([285.0, 315.0]),
    acd_cm=jnp.asarray([3.9, 4.8]),
    alumina_wt_pct=jnp.asarray([174.0, 182.0]),  # here the feed, kg/h: about what is consumed
    alf3_kg_per_h=jnp.asarray([0.0, 2.5]),
    ambient_temperature_c=jnp.asarray([15.0, 45.0]),
)


class Learnt(NamedTuple):
    """What the tests share: a truth, what it did, and what was learnt from it."""

    truth: FieldCell
    trained: list[Samples]
    unseen: list[Samples]
    cell: FieldCell
    sizes: Sizes
    errors: Errors
    rounds_told: int
    rounds_said: int


@pytest.fixture(scope="module")
def learnt(reference: PlantDesign) -> Learnt:
    parameters = make_parameters(reference)
    truth = make_truth(parameters)
    run = jax.jit(observe)
    t_s = jnp.arange(SAMPLES) * EVERY_S
    trained = [
        run(truth, plan_lines(jax.random.key(seed), RANGES, t_s, 7200.0)) for seed in range(4)
    ]
    unseen = [run(truth, plan_sines(jax.random.key(seed), RANGES, t_s)) for seed in (10, 11)]
    candidates = [Sizes(FIELD_MODES, LEDGE_MODES, ridge) for ridge in (1e2, 1e-9)]
    told: list[None] = []
    cell, sizes, errors = choose_sizes(
        parameters,
        LOSS,
        jnp.ones(BOXES),
        trained,
        EVERY_S,
        candidates,
        folds=2,
        rounds=ROUNDS,
        told=lambda: told.append(None),
    )
    said = count_rounds(candidates, 2, ROUNDS)
    return Learnt(truth, trained, unseen, cell, sizes, errors, len(told), said)


def test_progress_ends_where_it_was_said_to(learnt: Learnt) -> None:
    assert learnt.rounds_told == learnt.rounds_said == 3 * max(ROUNDS)


def test_unseen_shapes_of_the_drives_are_followed(learnt: Learnt) -> None:
    errors = measure_each(learnt.cell, learnt.unseen, EVERY_S)
    assert float(errors.field.max()) < 1e-3
    assert float(errors.bath_temperature_c.max()) < 0.1
    assert float(errors.ledge_mm.max()) < 0.3
    assert float(errors.alumina_wt_pct.max()) < 0.01
    assert float(errors.voltage_mv.max()) < 1.0


def test_the_size_that_errs_least_is_chosen_and_its_error_told(learnt: Learnt) -> None:
    assert learnt.sizes.ridge == 1e-9
    assert learnt.sizes.rounds in ROUNDS
    worst = jnp.full(len(Errors._fields), -jnp.inf)
    for fold in range(2):
        trained, held_out = learnt.trained[1 - fold :: 2], learnt.trained[fold::2]
        bases = make_bases(jnp.ones(BOXES), trained, FIELD_MODES, LEDGE_MODES)
        cell = fit_field_cell(learnt.cell.parameters, LOSS, bases, trained, EVERY_S, learnt.sizes)
        cell = refit_rates(cell, trained, EVERY_S, [learnt.sizes.rounds])[0]
        errors = jnp.stack(list(measure_each(cell, held_out, EVERY_S)))
        worst = jnp.maximum(worst, errors.max(axis=1))
    np.testing.assert_allclose(np.array(learnt.errors), worst, rtol=1e-6)


def test_rates_that_pile_up_errors_are_fitted_to_replays(learnt: Learnt) -> None:
    drawn = jax.random.normal(jax.random.key(3), learnt.cell.operators.weight.shape)
    off = with_weights(learnt.cell, learnt.cell.operators.weight + 0.1 * drawn)
    before = measure_each(off, learnt.trained, EVERY_S)
    few, fitted = refit_rates(off, learnt.trained, EVERY_S, [3, 60])
    after = measure_each(fitted, learnt.trained, EVERY_S)
    between = measure_each(few, learnt.trained, EVERY_S)
    assert float(after.ledge_mm.max()) < float(between.ledge_mm.max())
    assert float(before.ledge_mm.max()) > 0.3
    for name in ("bath_temperature_c", "ledge_mm"):
        assert float(getattr(after, name).max()) < 0.3 * float(getattr(before, name).max()), name


def test_rates_that_run_away_stay_as_they_were(learnt: Learnt) -> None:
    wild = with_weights(learnt.cell, 1e6 * learnt.cell.operators.weight)
    for kept in refit_rates(wild, learnt.trained, EVERY_S, [1, 2]):
        np.testing.assert_array_equal(kept.operators.weight, wild.operators.weight)


def test_a_line_of_cells_goes_as_each_cell_alone(learnt: Learnt) -> None:
    drives, start = learnt.trained[0].drives[:10], encode_first(learnt)
    every_s = jnp.asarray(EVERY_S)
    warmer = start.at[BATH].add(2.0)
    states = jnp.stack([start, warmer])
    before, after = jnp.stack([drives[0]] * 2), jnp.stack([drives[1]] * 2)
    together = step_cells(learnt.cell, states, before, after, every_s)
    for number, alone in enumerate((start, warmer)):
        later = replay(learnt.cell, alone, drives, every_s)[1]
        np.testing.assert_allclose(together[number], later, rtol=1e-12, atol=1e-12)


def test_alumina_and_alf3_are_kept_to_rounding(learnt: Learnt) -> None:
    cell, samples = learnt.cell, learnt.trained[0]
    still = samples.drives[0].at[0].set(0.0)  # no current: nothing is consumed
    drives = jnp.broadcast_to(still[None], (10, 5))
    start = encode_first(learnt)
    end = replay(cell, start, drives, jnp.asarray(EVERY_S))[-1]
    hours = 9 * EVERY_S / 3600.0
    fed_kg, alf3_kg = float(still[2]) * hours, float(still[3]) * hours
    assert float(end[:3].sum() - start[:3].sum()) == pytest.approx(fed_kg, rel=1e-9)
    assert float(end[3] - start[3]) == pytest.approx(alf3_kg - LOSS * fed_kg, rel=1e-9)


def test_what_is_in_the_voltage_is_shown(learnt: Learnt) -> None:
    start = encode_first(learnt)
    drives = learnt.trained[0].drives[0]
    wider = drives.at[1].add(0.1)
    before, after = show(learnt.cell, start, drives), show(learnt.cell, start, wider)
    # some 30 mV a millimetre
    assert 0.02 < float(after.cell_voltage_v - before.cell_voltage_v) < 0.06


@pytest.mark.parametrize(
    ("candidates", "folds", "what"),
    [([], 2, "one candidate"), ([Sizes(1, 1, 1.0)], 5, "4 trajectories cannot")],
)
def test_what_leaves_nothing_to_choose_is_refused(
    learnt: Learnt, candidates: list[Sizes], folds: int, what: str
) -> None:
    parameters, weight = learnt.cell.parameters, jnp.ones(BOXES)
    with pytest.raises(ValueError, match=what):
        choose_sizes(parameters, LOSS, weight, learnt.trained, EVERY_S, candidates, folds)


def test_too_many_modes_are_refused(learnt: Learnt) -> None:
    with pytest.raises(ValueError, match="fewer modes"):
        make_bases(jnp.ones(BOXES), learnt.trained, BOXES + 1, LEDGE_MODES)
    bases = make_bases(jnp.ones(BOXES), learnt.trained, FIELD_MODES, LEDGE_MODES)
    sizes = Sizes(FIELD_MODES + 1, LEDGE_MODES, 1e-6)
    with pytest.raises(ValueError, match="with more modes"):
        fit_field_cell(learnt.cell.parameters, LOSS, bases, learnt.trained, EVERY_S, sizes)


def make_truth(parameters: CellParameters) -> FieldCell:
    """A cell whose bath warms with heat, whose ledge goes with superheat, whose field follows."""
    modes = np.linalg.qr(np.random.default_rng(0).normal(size=(BOXES, FIELD_MODES)))[0]
    blank = FieldCell(
        parameters=parameters,
        temperature=Basis(
            jnp.linspace(100.0, 950.0, BOXES),
            jnp.asarray(modes) * np.sqrt(BOXES),
            jnp.full(BOXES, 1.0 / BOXES),
            jnp.full(FIELD_MODES, 1.0 / FIELD_MODES),
            jnp.zeros(()),
        ),
        ledge=Basis(
            jnp.full(ROWS, 0.1),
            jnp.ones((ROWS, 1)),
            jnp.full(ROWS, 1 / ROWS),
            jnp.ones(1),
            jnp.zeros(()),
        ),
        operators=Operators(*([jnp.zeros(0)] * 4)),
        bath_kg=jnp.asarray([[5500.0, -20000.0], [5600.0, -21000.0]]),
        voltage_v=jnp.zeros(0),
        alf3_loss_kg_per_kg=jnp.asarray(LOSS),
    )
    learnt = count_states(blank) - BATH
    nothing = Shown(*([jnp.ones(())] * len(Shown._fields)))
    count = heat_features(jnp.zeros(learnt), nothing, jnp.zeros(5)).shape[0]
    weight = np.zeros((count, learnt))
    one, bath, ledge, field = 0, 1, 2, 3
    superheat, heat, ambient, thin = (place + learnt for place in (1, 2, 3, 6))
    weight[one, 0], weight[bath, 0], weight[heat, 0] = 955.0 / 7200, -1 / 7200, 2e-3
    weight[ledge, 1], weight[superheat, 1], weight[thin, 1] = -1 / 4e4, -1e-7, 6e-7
    weight[ambient, 2], weight[one, 2] = 1e-4, -3e-3
    for number in range(FIELD_MODES):
        weight[field + number, 2 + number] = -1 / (3600.0 * (number + 1.0))
        weight[superheat, 2 + number] += 1e-3
    ones = jnp.ones(count)
    return blank._replace(
        operators=Operators(jnp.asarray(weight), 0.0 * ones, ones, jnp.ones(learnt)),
        voltage_v=jnp.zeros(20),
    )


def observe(truth: FieldCell, plan: Array) -> Samples:
    """What a truth does from a given state on."""
    masses = jnp.asarray([150.0, 15.0, 2.0, 720.0])
    start = jnp.concatenate([masses, jnp.asarray([960.0]), jnp.zeros(LEDGE_MODES + FIELD_MODES)])
    states = replay(truth, start, plan, jnp.asarray(EVERY_S))
    shown = jax.vmap(show, in_axes=(None, 0, 0))(truth, states, plan)
    return Samples(
        drives=plan,
        masses_kg=states[:, :BATH],
        alumina_wt_pct=shown.alumina_wt_pct,
        excess_alf3_wt_pct=shown.excess_alf3_wt_pct,
        bath_temperature_c=shown.bath_temperature_c,
        cell_voltage_v=shown.cell_voltage_v,
        ledge_m=jax.vmap(decode_ledge_m, in_axes=(None, 0))(truth, states),
        temperature_c=jax.vmap(decode_temperature_c, in_axes=(None, 0))(truth, states),
        status=jnp.zeros(len(plan), dtype=int),
    )


def with_weights(cell: FieldCell, weight: Array) -> FieldCell:
    """The cell with other weights of its rates."""
    return cell._replace(operators=cell.operators._replace(weight=weight))


def encode_first(learnt: Learnt) -> Array:
    """The reduced state at the first sample of the first trajectory."""
    first = jax.tree.map(lambda column: column[:1], learnt.trained[0])
    return encode(learnt.cell, first)[0]
