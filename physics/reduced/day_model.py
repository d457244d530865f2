"""A cell over days: heat, ledge and bath chemistry, with alumina taken as held where it is wanted.

What happens within an hour is settled here: alumina stands at its target, as much dissolves as is
used, and what the beam does is a gap. Left are three states and two inputs held over a step:

    gap [cm]                    brings heat through the bath's resistance
    AlF3 addition [kg/day]      makes the bath more acid, against what soda and fume take

A ledge that grows is cryolite and leaves the rest of the bath more acid by as much.

A degree of superheat that the heat balance errs by is 3 cm of ledge and 4 wt% of AlF3, a week's
addition. So of the ledge only changes are believed: under what is in force it is taken to stand, at
the temperature to which bath and metal settle within the hour.
"""

from functools import lru_cache, partial
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from physics.cell import CellOutputs, CellState, compute_derivative, compute_outputs
from physics.design import PlantDesign
from physics.parameters import CellParameters
from physics.reduced.model import F64, make_reduced_parameters

DAY_STATES: Final = ("bath_temperature_c", "ledge_cm", "excess_alf3_wt_pct")
DAY_INPUTS: Final = ("acd_cm", "alf3_addition_kg_per_day")
DAY_OUTPUTS: Final = (
    "superheat_c",
    "ledge_cm",
    "excess_alf3_wt_pct",
    "bath_temperature_c",
    "energy_kwh_per_kg",
    "cell_voltage_v",
)
TEMPERATURE, LEDGE, ALF3 = range(len(DAY_STATES))
_SUBSTEP_S: Final = 300.0  # bath and metal warm within a quarter of an hour
_NEWTON_STEPS: Final = 4
_SECONDS_PER_DAY: Final = 86400.0


class DayBeliefs(NamedTuple):
    """What is taken as given over the days, each (C,).

    Attributes:
        alumina_wt_pct: where alumina is held.
        line_current_ka: above 0.
        added_resistance_uohm, added_heat_kw: what the estimator found beside the model.
    """

    alumina_wt_pct: ArrayLike
    line_current_ka: ArrayLike
    added_resistance_uohm: ArrayLike
    added_heat_kw: ArrayLike


class DayModel(NamedTuple):
    """One step of every cell, x' = A x + B u + c, and y = C x + D u + d at the end of it.

    Attributes:
        state: (n, 3) the state to begin from, its temperature settled.
        A: (n, 3, 3); B: (n, 3, 2); c: (n, 3).
        C: (n, 6, 3); D: (n, 6, 2); d: (n, 6), outputs in the order of `DAY_OUTPUTS`.
    """

    state: F64
    A: F64
    B: F64
    c: F64
    C: F64
    D: F64
    d: F64


class DayParameters(NamedTuple):
    """Of the cell, and of the exchange of its bath with ledge and hall; scalars."""

    cell: CellParameters
    bath_share_per_cm: Array
    alf3_loss_share: Array


@lru_cache(maxsize=16)
def make_day_parameters(design: PlantDesign) -> DayParameters:
    """The numbers of a design."""
    heat, bath = design.cell.heat, design.cell.bath
    ledge_kg_per_cm = heat.ledge_density_kg_per_m3 * heat.ledge_area_m2 / 100.0
    return DayParameters(
        make_reduced_parameters(design),
        jnp.asarray(ledge_kg_per_cm / bath.mass_kg),
        jnp.asarray(bath.alf3_loss_kg_per_kg_alumina),
    )


def day_derivative(
    parameters: DayParameters,
    x: Array,
    u: Array,
    beliefs: DayBeliefs,
    standing_cm_per_s: ArrayLike = 0.0,
) -> Array:
    """Rate of change of the state of one cell.

    Args:
        parameters: nominal.
        x: (3,) in the order of `DAY_STATES`.
        u: (2,) in the order of `DAY_INPUTS`.
        beliefs: scalars.
        standing_cm_per_s: growth of the ledge that is not believed.

    Returns:
        (3,) per second.
    """
    own, state, shown = _settle(parameters, x, u, beliefs)
    current_ka = beliefs.line_current_ka
    rates = compute_derivative(own, state, current_ka, shown.oxide_use_kg_per_s)
    growth_cm_per_s = rates.ledge_cm - standing_cm_per_s
    warmer_c_per_s = 1e3 * jnp.asarray(beliefs.added_heat_kw) / own.heat_capacity_j_per_k
    lost_kg_per_s = parameters.alf3_loss_share * shown.oxide_use_kg_per_s
    gained_kg_per_s = u[1] / _SECONDS_PER_DAY - lost_kg_per_s
    alf3_wt_pct_per_s = (
        100.0 * gained_kg_per_s / own.bath_mass_kg
        + parameters.bath_share_per_cm * growth_cm_per_s * x[ALF3]
    )
    return jnp.stack(
        [rates.bath_temperature_c + warmer_c_per_s, growth_cm_per_s, alf3_wt_pct_per_s]
    )


def step_day(
    parameters: DayParameters,
    x: Array,
    u: Array,
    beliefs: DayBeliefs,
    dt_s: ArrayLike,
    steps: int,
    standing_cm_per_s: ArrayLike = 0.0,
) -> Array:
    """Move one cell on by `dt_s` in midpoint steps, with both inputs held.

    Args:
        parameters: nominal.
        x: (3,) before.
        u: (2,).
        beliefs: scalars.
        dt_s: scalar.
        steps: how many midpoint steps; each should stay below 600 s.
        standing_cm_per_s: growth of the ledge that is not believed.

    Returns:
        (3,) after.
    """
    h = jnp.asarray(dt_s) / steps

    def rate(x: Array) -> Array:
        return day_derivative(parameters, x, u, beliefs, standing_cm_per_s)

    def advance(_: int, before: Array) -> Array:
        half = before + 0.5 * h * rate(before)
        return before + h * rate(half)

    after: Array = jax.lax.fori_loop(0, steps, advance, x)
    return after


def show_day(parameters: DayParameters, x: Array, u: Array, beliefs: DayBeliefs) -> Array:
    """Outputs of one cell, (6,), in the order of `DAY_OUTPUTS`."""
    _, _, shown = _settle(parameters, x, u, beliefs)
    return jnp.stack(
        [
            shown.superheat_c,
            x[LEDGE],
            x[ALF3],
            x[TEMPERATURE],
            shown.energy_kwh_per_kg,
            shown.cell_voltage_v,
        ]
    )


def linearise_day(
    design: PlantDesign, state: ArrayLike, inputs: ArrayLike, beliefs: DayBeliefs, dt_s: float
) -> DayModel:
    """Linearise one step of every cell about its state and its inputs in force.

    Args:
        design: of the plant.
        state: (C, 3).
        inputs: (C, 2).
        beliefs: each (C,).
        dt_s: length of a step.

    Returns:
        The matrices; a cell whose numbers are not finite gets matrices that are not.
    """
    model = _linearise(
        make_day_parameters(design),
        jnp.asarray(state, dtype=float),
        jnp.asarray(inputs, dtype=float),
        DayBeliefs(*(jnp.asarray(part, dtype=float) for part in beliefs)),
        jnp.asarray(dt_s, dtype=float),
        max(1, round(dt_s / _SUBSTEP_S)),
    )
    return DayModel(*(np.asarray(part) for part in model))


def _settle_temperature(
    parameters: DayParameters, x: Array, u: Array, beliefs: DayBeliefs
) -> Array:
    """The state at the temperature where bath and metal neither warm nor cool, by Newton's method:
    the heat balance is nearly linear in it."""

    def warming(temperature_c: Array) -> Array:
        at = x.at[TEMPERATURE].set(temperature_c)
        rate: Array = day_derivative(parameters, at, u, beliefs)[TEMPERATURE]
        return rate

    def improve(_: int, temperature_c: Array) -> Array:
        rate, slope = jax.value_and_grad(warming)(temperature_c)
        improved: Array = temperature_c - rate / slope
        return improved

    settled: Array = jax.lax.fori_loop(0, _NEWTON_STEPS, improve, x[TEMPERATURE])
    return x.at[TEMPERATURE].set(settled)


def _settle(
    parameters: DayParameters, x: Array, u: Array, beliefs: DayBeliefs
) -> tuple[CellParameters, CellState, CellOutputs]:
    """The cell with its alumina settled: as much on its way into solution as is used."""
    own = parameters.cell._replace(
        excess_alf3_wt_pct=x[ALF3],
        anode_resistance_uohm=parameters.cell.anode_resistance_uohm + beliefs.added_resistance_uohm,
    )
    alumina = jnp.asarray(beliefs.alumina_wt_pct)
    state = CellState(
        alumina_wt_pct=alumina,
        undissolved_alumina_kg=jnp.zeros_like(alumina),
        sludge_kg=jnp.zeros_like(alumina),
        bath_temperature_c=x[TEMPERATURE],
        ledge_cm=x[LEDGE],
        acd_cm=u[0],
    )
    shown = compute_outputs(own, state, beliefs.line_current_ka, 0.0)
    waiting_kg = own.undissolved_fraction * shown.oxide_use_kg_per_s / own.dissolution_per_s
    return own, state._replace(undissolved_alumina_kg=waiting_kg), shown


def _linearise_one(
    parameters: DayParameters, x: Array, u: Array, beliefs: DayBeliefs, dt_s: Array, steps: int
) -> tuple[Array, ...]:
    x = _settle_temperature(parameters, x, u, beliefs)
    standing_cm_per_s = day_derivative(parameters, x, u, beliefs)[LEDGE]

    def step(x: Array, u: Array) -> tuple[Array, Array]:
        after = step_day(parameters, x, u, beliefs, dt_s, steps, standing_cm_per_s)
        return after, after

    (A, B), after = jax.jacfwd(step, argnums=(0, 1), has_aux=True)(x, u)

    def show(x: Array, u: Array) -> tuple[Array, Array]:
        shown = show_day(parameters, x, u, beliefs)
        return shown, shown

    (C, D), shown = jax.jacfwd(show, argnums=(0, 1), has_aux=True)(after, u)
    return x, A, B, after - A @ x - B @ u, C, D, shown - C @ after - D @ u


@partial(jax.jit, static_argnums=5)
def _linearise(
    parameters: DayParameters,
    state: Array,
    inputs: Array,
    beliefs: DayBeliefs,
    dt_s: Array,
    steps: int,
) -> tuple[Array, ...]:
    def one(x: Array, u: Array, of_cell: DayBeliefs) -> tuple[Array, ...]:
        return _linearise_one(parameters, x, u, of_cell, dt_s, steps)

    return jax.vmap(one)(state, inputs, beliefs)
