"""The controller's first reduced model: a lumped nominal cell, and its linearisation.

Discrete form. The inputs of a step are those of `physics.signals.SETPOINTS`, held over the step:

    feed rate [kg/h]            enters the bath at this rate times `feeder_efficiency`
    beam position [mm]          jumps at the beginning of the step; the gap follows by its change,
                                acd += (input - beam_position_mm) / 10, and the state
                                `beam_position_mm` remembers it for the next step

Sludge is left out: it gives back what it takes. Two slow states keep the others honest.
`excess_alf3_wt_pct` moves the liquidus, which a cell's temperature tells; taken as known, its error
would pass for alumina (0.3 wt% of AlF3 for 0.2 wt% of alumina). `feeder_efficiency` is the share of
the commanded feed that arrives. Both return slowly to nominal where nothing is known.
"""

from functools import lru_cache
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from physics.cell import CellOutputs, CellState, compute_derivative, compute_outputs
from physics.design import PlantDesign, nominal_feed_kg_per_h
from physics.parameters import CellParameters, make_parameters

F64 = NDArray[np.float64]

STATES: Final = (
    "alumina_wt_pct",
    "undissolved_alumina_kg",
    "acd_cm",
    "bath_temperature_c",
    "ledge_cm",
    "excess_alf3_wt_pct",
    "feeder_efficiency",
    "beam_position_mm",
)
OUTPUTS: Final = (
    "cell_voltage_v",
    "resistance_uohm",
    "superheat_c",
    "current_efficiency",
    "energy_kwh_per_kg",
)
ALUMINA, UNDISSOLVED, ACD, TEMPERATURE, LEDGE, ALF3, FEEDER, BEAM = range(len(STATES))
LINEARISE_SUBSTEPS: Final = 8
_CHEMISTRY_RETURN_S: Final = 5.0 * 86400.0  # design value: daily AlF3 additions
_FEEDER_RETURN_S: Final = 4.0 * 3600.0  # design value: feeder faults last one to two hours


class LinearModel(NamedTuple):
    """One step of every cell as x' = A x + B u + c and y = rows x + offset.

    Attributes:
        A: (C, N, N), states in the order of `STATES`.
        B: (C, N, 2), inputs in the order of `physics.signals.SETPOINTS`: kg/h and mm.
        c: (C, N).
        output_rows: (C, P, N), outputs in the order of `OUTPUTS`.
        output_offset: (C, P).
    """

    A: F64
    B: F64
    c: F64
    output_rows: F64
    output_offset: F64


@lru_cache(maxsize=16)
def make_reduced_parameters(design: PlantDesign) -> CellParameters:
    """The nominal parameters of a design, without sludge."""
    return make_parameters(design)._replace(settling_per_s=jnp.zeros(()))


def make_nominal_state(design: PlantDesign) -> F64:
    """The state of a cell at its nominal operating point, (N,)."""
    nominal, feed = design.cell.nominal, design.cell.feed
    feed_kg_per_s = nominal_feed_kg_per_h(design) / 3600.0
    return np.array(
        [
            nominal.alumina_wt_pct,
            feed.undissolved_fraction * feed_kg_per_s / feed.dissolution_per_s,
            nominal.acd_cm,
            nominal.bath_temperature_c,
            nominal.ledge_cm,
            design.cell.bath.excess_alf3_wt_pct,
            1.0,
            design.cell.gap.beam_start_mm,
        ]
    )


def derivative(
    parameters: CellParameters,
    x: Array,
    feed_kg_per_h: ArrayLike,
    current_ka: ArrayLike,
    extra_voltage_v: ArrayLike = 0.0,
) -> Array:
    """Rate of change of the state of one cell.

    Args:
        parameters: nominal.
        x: (N,).
        feed_kg_per_h: commanded, scalar.
        current_ka: scalar.
        extra_voltage_v: across the bath in an anode effect, scalar.

    Returns:
        (N,) per second.
    """
    feed_kg_per_s = x[FEEDER] * jnp.asarray(feed_kg_per_h) / 3600.0
    rates = compute_derivative(
        _of_bath(parameters, x), _unpack(x), current_ka, feed_kg_per_s, extra_voltage_v
    )
    return jnp.stack(
        [
            rates.alumina_wt_pct,
            rates.undissolved_alumina_kg,
            rates.acd_cm,
            rates.bath_temperature_c,
            rates.ledge_cm,
            (parameters.excess_alf3_wt_pct - x[ALF3]) / _CHEMISTRY_RETURN_S,
            (1.0 - x[FEEDER]) / _FEEDER_RETURN_S,
            jnp.zeros_like(x[BEAM]),
        ]
    )


def advance(
    parameters: CellParameters,
    x: Array,
    feed_kg_per_h: ArrayLike,
    current_ka: ArrayLike,
    dt_s: ArrayLike,
    extra_voltage_v: ArrayLike = 0.0,
) -> Array:
    """Move the state of one cell (N,) on by one midpoint step of `dt_s`, with the beam at rest."""
    h = jnp.asarray(dt_s)
    half = x + 0.5 * h * derivative(parameters, x, feed_kg_per_h, current_ka, extra_voltage_v)
    return x + h * derivative(parameters, half, feed_kg_per_h, current_ka, extra_voltage_v)


def step_state(
    parameters: CellParameters,
    x: Array,
    u: Array,
    current_ka: ArrayLike,
    dt_s: ArrayLike,
    substeps: int = LINEARISE_SUBSTEPS,
) -> Array:
    """Move one cell on by a step in which both inputs are held.

    Args:
        parameters: nominal.
        x: (N,) before.
        u: (2,) feed rate in kg/h and beam position in mm.
        current_ka: scalar.
        dt_s: scalar; a substep should stay below 300 s, which the dissolution rate limits.
        substeps: fixed number of midpoint steps.

    Returns:
        (N,) after.
    """
    moved = x.at[ACD].add((u[1] - x[BEAM]) / 10.0).at[BEAM].set(u[1])
    h = jnp.asarray(dt_s) / substeps
    after: Array = jax.lax.fori_loop(
        0, substeps, lambda _, before: advance(parameters, before, u[0], current_ka, h), moved
    )
    return after


def evaluate(parameters: CellParameters, x: Array, current_ka: ArrayLike) -> CellOutputs:
    """Everything one cell shows at a state (N,), with no feed falling."""
    return compute_outputs(_of_bath(parameters, x), _unpack(x), current_ka, 0.0)


def outputs(parameters: CellParameters, x: Array, current_ka: ArrayLike) -> Array:
    """What the controller weighs at a state of one cell.

    Args:
        parameters: nominal.
        x: (N,).
        current_ka: scalar.

    Returns:
        (P,) in the order of `OUTPUTS`.
    """
    shown = evaluate(parameters, x, current_ka)
    return jnp.stack([getattr(shown, name) for name in OUTPUTS])


def linearise(
    design: PlantDesign,
    mean: ArrayLike,
    feed_kg_per_h: ArrayLike,
    current_ka: ArrayLike,
    dt_s: float,
) -> LinearModel:
    """Linearise one step of every cell about its estimate, its present feed and its present beam.

    Args:
        design: of the plant.
        mean: (C, N) estimates.
        feed_kg_per_h: (C,) about which to linearise.
        current_ka: (C,).
        dt_s: length of the step; changing it does not recompile, another C does.

    Returns:
        The matrices as NumPy arrays; a cell whose state is not finite gets matrices that are not.
    """
    model = _linearise(
        make_reduced_parameters(design),
        jnp.asarray(mean, dtype=float),
        jnp.asarray(feed_kg_per_h, dtype=float),
        jnp.asarray(current_ka, dtype=float),
        jnp.asarray(dt_s, dtype=float),
    )
    return LinearModel(*(np.asarray(part) for part in model))


@jax.jit
def _linearise(
    parameters: CellParameters, mean: Array, feed_kg_per_h: Array, current_ka: Array, dt_s: Array
) -> tuple[Array, ...]:
    def linearise_one(x: Array, feed: Array, current: Array) -> tuple[Array, ...]:
        u = jnp.stack([feed, x[BEAM]])

        def step(x: Array, u: Array) -> tuple[Array, Array]:
            after = step_state(parameters, x, u, current, dt_s)
            return after, after

        (A, B), after = jax.jacfwd(step, argnums=(0, 1), has_aux=True)(x, u)

        def show(x: Array) -> tuple[Array, Array]:
            shown = outputs(parameters, x, current)
            return shown, shown

        rows, shown = jax.jacfwd(show, has_aux=True)(x)
        return A, B, after - A @ x - B @ u, rows, shown - rows @ x

    return jax.vmap(linearise_one)(mean, feed_kg_per_h, current_ka)


def _of_bath(parameters: CellParameters, x: Array) -> CellParameters:
    return parameters._replace(excess_alf3_wt_pct=x[ALF3])


def _unpack(x: Array) -> CellState:
    return CellState(
        alumina_wt_pct=x[ALUMINA],
        undissolved_alumina_kg=x[UNDISSOLVED],
        sludge_kg=jnp.zeros_like(x[ALUMINA]),
        bath_temperature_c=x[TEMPERATURE],
        ledge_cm=x[LEDGE],
        acd_cm=x[ACD],
    )
