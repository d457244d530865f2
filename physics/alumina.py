"""Alumina in three places: dissolved, undissolved in the bath, and as sludge under the metal."""

from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.parameters import CellParameters

# design value: dissolution slows within this much of saturation
SATURATION_BAND_WT_PCT: Final = 0.5


class AluminaConstants(NamedTuple):
    """How alumina moves between its places; scalars, (C,) or one for each box."""

    undissolved_fraction: Array  # of what is fed, that does not dissolve at once
    dissolution_per_s: Array
    settling_per_s: Array
    sludge_return_per_s: Array


class AluminaExchange(NamedTuple):
    """What passes between the three places; shaped as what they hold."""

    dissolving_kg_per_s: Array  # fed or undissolved alumina into solution
    settling_kg_per_s: Array
    returning_kg_per_s: Array  # sludge into solution


class AluminaRates(NamedTuple):
    """How fast alumina moves between its places; scalars or (C,)."""

    dissolved_wt_pct_per_s: Array
    undissolved_kg_per_s: Array
    sludge_kg_per_s: Array
    dissolving_kg_per_s: Array  # into solution, which takes heat from the bath


def take_alumina_constants(parameters: CellParameters) -> AluminaConstants:
    """The constants of alumina among a cell's parameters."""
    return AluminaConstants(*(getattr(parameters, name) for name in AluminaConstants._fields))


def compute_alumina_exchange(
    constants: AluminaConstants,
    dissolved_wt_pct: ArrayLike,
    undissolved_kg: ArrayLike,
    sludge_kg: ArrayLike,
    saturation_wt_pct: ArrayLike,
    feed_kg_per_s: ArrayLike,
) -> AluminaExchange:
    """What passes between the three places, in a whole bath or in each box of one.

    A share of what is fed dissolves at once, the rest slowly; a little settles as sludge and comes
    back. Within half a per cent of saturation dissolution slows down and stops at it; below, the
    balance is the published one.

    Args:
        constants: fractions and rate constants.
        dissolved_wt_pct: alumina in solution.
        undissolved_kg: lumps and rafts in the bath.
        sludge_kg: within reach of the bath.
        saturation_wt_pct: what the bath can hold.
        feed_kg_per_s: alumina falling into the bath.

    Returns:
        The exchange.

    Source:
        Illingworth's cell model (CellModel), dissolution; sludge is a design value.
    """
    dissolved, undissolved = jnp.asarray(dissolved_wt_pct), jnp.asarray(undissolved_kg)
    sludge, feed = jnp.asarray(sludge_kg), jnp.asarray(feed_kg_per_s)
    saturation = jnp.asarray(saturation_wt_pct)
    drive = jnp.clip((saturation - dissolved) / SATURATION_BAND_WT_PCT, 0.0, 1.0)
    at_once = (1.0 - constants.undissolved_fraction) * drive * feed
    slowly = constants.dissolution_per_s * drive * undissolved
    return AluminaExchange(
        dissolving_kg_per_s=at_once + slowly,
        settling_kg_per_s=constants.settling_per_s * undissolved,
        returning_kg_per_s=constants.sludge_return_per_s
        * sludge
        * jnp.clip(1.0 - dissolved / saturation, 0.0, 1.0),
    )


def compute_alumina_rates(
    parameters: CellParameters,
    dissolved_wt_pct: ArrayLike,
    undissolved_kg: ArrayLike,
    sludge_kg: ArrayLike,
    saturation_wt_pct: ArrayLike,
    feed_kg_per_s: ArrayLike,
    oxide_use_kg_per_s: ArrayLike,
) -> AluminaRates:
    """Balance of the three reservoirs of a well-stirred bath.

    Args:
        parameters: fractions and rate constants.
        dissolved_wt_pct: alumina in solution.
        undissolved_kg: lumps and rafts in the bath.
        sludge_kg: under the metal.
        saturation_wt_pct: what the bath can hold.
        feed_kg_per_s: alumina falling into the bath.
        oxide_use_kg_per_s: alumina electrolysed.

    Returns:
        The rates.
    """
    exchange = compute_alumina_exchange(
        take_alumina_constants(parameters),
        dissolved_wt_pct,
        undissolved_kg,
        sludge_kg,
        saturation_wt_pct,
        feed_kg_per_s,
    )
    dissolving, settling, returning = exchange
    net_kg_per_s = dissolving + returning - jnp.asarray(oxide_use_kg_per_s)
    return AluminaRates(
        dissolved_wt_pct_per_s=100.0 * net_kg_per_s / parameters.bath_mass_kg,
        undissolved_kg_per_s=jnp.asarray(feed_kg_per_s) - dissolving - settling,
        sludge_kg_per_s=settling - returning,
        dissolving_kg_per_s=dissolving + returning,
    )
