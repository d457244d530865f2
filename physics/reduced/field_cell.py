"""A cell in tens of numbers, learnt from its full-order fields.

    masses of the bath   dissolved, undissolved and settled alumina, excess AlF3: balances, exact
    bath temperature     \
    ledge                 > rates learnt (physics.reduced.inference) from features that are physics:
    temperature field    /  heat released after Haupin and Faraday, liquidus of the composition

Ledge and temperature field are coordinates on bases of snapshots (physics.reduced.basis). What is
known as a formula is computed; learnt is only how heat spreads and freezes.
"""

from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array

from physics.alumina import AluminaRates, compute_alumina_rates
from physics.efficiency import compute_efficiency, compute_oxide_use_kg_per_s
from physics.heat import compute_heat_parts
from physics.parameters import CellParameters
from physics.properties import compute_liquidus_c, compute_saturation_wt_pct
from physics.reduced.basis import Basis, reconstruct
from physics.reduced.inference import Operators, compute_rates, make_products
from physics.voltage import compute_noise_mv, compute_voltage_parts

DRIVES: Final = (
    "line_current_ka",
    "acd_cm",
    "feed_kg_per_h",
    "alf3_kg_per_h",
    "ambient_temperature_c",
)
MASSES: Final = ("dissolved_kg", "undissolved_kg", "sludge_kg", "excess_alf3_kg")
DISSOLVED, UNDISSOLVED, SLUDGE, ALF3 = range(len(MASSES))
BATH: Final = len(MASSES)  # place of the bath temperature in a state; ledge and field follow
_LEDGE_M: Final = 0.1  # scale of its thickness
_THINNEST_M: Final = 0.02  # design value: below it the inverse of the thickness stays
_PRODUCT_MODES: Final = 3  # design value: so many coordinates of the field enter products


class FieldCell(NamedTuple):
    """What the reduced cell is made of; one artefact, the same for every cell of a design."""

    parameters: CellParameters
    temperature: Basis  # of the temperature field, (N,) boxes, R modes
    ledge: Basis  # of the ledge's thickness along the side, (M,), K modes; m
    operators: Operators  # of bath temperature, ledge and field
    bath_kg: Array  # (2, 1 + K) that alumina and AlF3 are dissolved in: at the mean ledge, and for
    # each coordinate of the ledge
    voltage_v: Array  # (G,) what the lumped voltage lacks, for each of `voltage_features`
    alf3_loss_kg_per_kg: Array  # AlF3 lost for each kg of alumina fed


class Shown(NamedTuple):
    """What a reduced cell shows at a state and drives; scalars."""

    bath_kg: Array  # that alumina is dissolved in
    alumina_wt_pct: Array
    excess_alf3_wt_pct: Array
    bath_temperature_c: Array
    liquidus_c: Array
    superheat_c: Array
    current_efficiency: Array
    cell_voltage_v: Array
    heat_w: Array  # released in the bath, less what reaction and dissolution take
    ledge_m: Array  # mean over the side


def count_states(cell: FieldCell) -> int:
    """How many numbers a state has."""
    return BATH + 1 + int(cell.ledge.modes.shape[1]) + int(cell.temperature.modes.shape[1])


def show(cell: FieldCell, state: Array, drives: Array) -> Shown:
    """Everything that follows from a state (X,) and the drives (5,) of one cell."""
    ledge = ledge_of(cell, state)
    bath_kg, alf3_bath_kg = cell.bath_kg[:, 0] + cell.bath_kg[:, 1:] @ ledge
    alumina = 100.0 * state[DISSOLVED] / bath_kg
    alf3 = 100.0 * state[ALF3] / alf3_bath_kg
    own = cell.parameters._replace(excess_alf3_wt_pct=alf3)
    temperature_c, current_ka, acd_cm = state[BATH], drives[0], drives[1]
    additives = (alf3, own.caf2_wt_pct, own.mgf2_wt_pct, own.lif_wt_pct)
    liquidus_c = compute_liquidus_c(alumina, *additives)
    parts = compute_voltage_parts(own, current_ka, alumina, temperature_c, acd_cm)
    lacking_v = voltage_features(cell, state, drives, alumina) @ cell.voltage_v
    voltage_v = parts.total() + lacking_v
    noise_mv = compute_noise_mv(own, acd_cm)
    efficiency = compute_efficiency(own, temperature_c, alumina, acd_cm, noise_mv, current_ka)
    exchange = _alumina_rates(own, state, drives, alumina, temperature_c, efficiency)
    heat = compute_heat_parts(
        own,
        current_ka,
        voltage_v - parts.external_ohmic_v,
        efficiency,
        exchange.dissolving_kg_per_s,
        temperature_c,
        temperature_c - liquidus_c,
    )
    return Shown(
        bath_kg=bath_kg,
        alumina_wt_pct=alumina,
        excess_alf3_wt_pct=alf3,
        bath_temperature_c=temperature_c,
        liquidus_c=liquidus_c,
        superheat_c=temperature_c - liquidus_c,
        current_efficiency=efficiency,
        cell_voltage_v=voltage_v,
        heat_w=heat.internal_w - heat.reaction_w - heat.dissolution_w,
        ledge_m=reconstruct(cell.ledge, ledge).mean(),
    )


def compute_state_rates(cell: FieldCell, state: Array, drives: Array) -> Array:
    """Rates of change (X,) per second of one cell's state (X,) under drives (5,)."""
    seen = show(cell, state, drives)
    own = cell.parameters._replace(excess_alf3_wt_pct=seen.excess_alf3_wt_pct)
    rates = _alumina_rates(
        own,
        state,
        drives,
        seen.alumina_wt_pct,
        seen.bath_temperature_c,
        seen.current_efficiency,
    )
    feed_kg_per_s = drives[2] / 3600.0
    masses = jnp.stack(
        [
            0.01 * own.bath_mass_kg * rates.dissolved_wt_pct_per_s,
            rates.undissolved_kg_per_s,
            rates.sludge_kg_per_s,
            drives[3] / 3600.0 - cell.alf3_loss_kg_per_kg * feed_kg_per_s,
        ]
    )
    features = heat_features(state[BATH:], seen, drives)
    return jnp.concatenate([masses, compute_rates(cell.operators, features)])


def heat_features(heat_state: Array, seen: Shown, drives: Array) -> Array:
    """What the rates of bath temperature, ledge and field are a weighted sum of.

    Args:
        heat_state: (1 + K + R,) bath temperature, ledge, field.
        seen: at that state.
        drives: (5,).

    Returns:
        (F,): one, the state, superheat, heat, ambient, current and gap; and the inverse of the
        ledge's thickness with its square, for heat leaves through a ledge as through a resistance.
        No products: they fit the samples better, and run away in hours (docs/decisions/0012).
    """
    thin = _LEDGE_M / jnp.maximum(seen.ledge_m, _THINNEST_M)
    few = (seen.superheat_c, seen.heat_w * 1e-6, drives[4], drives[0], drives[1], thin, thin**2)
    return jnp.concatenate([jnp.ones(1), heat_state, jnp.stack(few)])


def voltage_features(cell: FieldCell, state: Array, drives: Array, alumina_wt_pct: Array) -> Array:
    """What the difference between the fields' voltage and the lumped one is a weighted sum of."""
    own = cell.parameters
    current = drives[0] / 300.0
    gap_cm = drives[1] - own.efficiency_reference_acd_cm
    lean = 1.0 / jnp.maximum(alumina_wt_pct, 0.5)
    feed = drives[2] / 180.0
    field = state[BATH + 1 + int(cell.ledge.modes.shape[1]) :][:_PRODUCT_MODES]
    few = jnp.stack([current, gap_cm, lean, feed, 0.01 * (state[BATH] - 950.0)])
    return jnp.concatenate([jnp.ones(1), few, ledge_of(cell, state), field, make_products(few[:4])])


def advance(cell: FieldCell, state: Array, before: Array, after: Array, dt_s: Array) -> Array:
    """Move one cell's state (X,) on by dt, drives (5,) on a straight line from before to after.

    Source: the classical Runge-Kutta method of fourth order. In 300 s at once the reference cell
    errs over 72 h as in three steps, to the fourth digit: what goes fastest takes some minutes.
    """
    middle = 0.5 * (before + after)
    k1 = compute_state_rates(cell, state, before)
    k2 = compute_state_rates(cell, state + 0.5 * dt_s * k1, middle)
    k3 = compute_state_rates(cell, state + 0.5 * dt_s * k2, middle)
    k4 = compute_state_rates(cell, state + dt_s * k3, after)
    return state + dt_s / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)


def decode_temperature_c(cell: FieldCell, state: Array) -> Array:
    """The temperature field (N,) of a state (X,)."""
    return reconstruct(cell.temperature, state[BATH + 1 + int(cell.ledge.modes.shape[1]) :])


def decode_ledge_m(cell: FieldCell, state: Array) -> Array:
    """The ledge's thickness along the side (M,) of a state (X,)."""
    return reconstruct(cell.ledge, ledge_of(cell, state))


def ledge_of(cell: FieldCell, state: Array) -> Array:
    """Coordinates (..., K) of the ledge in states (..., X)."""
    return state[..., BATH + 1 : BATH + 1 + int(cell.ledge.modes.shape[1])]


def _alumina_rates(
    own: CellParameters,
    state: Array,
    drives: Array,
    alumina_wt_pct: Array,
    temperature_c: Array,
    efficiency: Array,
) -> AluminaRates:
    additives = (own.excess_alf3_wt_pct, own.caf2_wt_pct, own.mgf2_wt_pct, own.lif_wt_pct)
    return compute_alumina_rates(
        own,
        alumina_wt_pct,
        state[UNDISSOLVED],
        state[SLUDGE],
        compute_saturation_wt_pct(temperature_c, *additives),
        drives[2] / 3600.0,
        compute_oxide_use_kg_per_s(own, drives[0], efficiency),
    )
