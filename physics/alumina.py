"""Alumina in three places: dissolved, undissolved in the bath, and as sludge under the metal."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.parameters import CellParameters

_SATURATION_BAND_WT_PCT = 0.5  # design value: dissolution slows within this much of saturation


class AluminaRates(NamedTuple):
    """How fast alumina moves between its places; scalars or (C,)."""

    dissolved_wt_pct_per_s: Array
    undissolved_kg_per_s: Array
    sludge_kg_per_s: Array
    dissolving_kg_per_s: Array  # into solution, which takes heat from the bath


def compute_alumina_rates(
    parameters: CellParameters,
    dissolved_wt_pct: ArrayLike,
    undissolved_kg: ArrayLike,
    sludge_kg: ArrayLike,
    saturation_wt_pct: ArrayLike,
    feed_kg_per_s: ArrayLike,
    oxide_use_kg_per_s: ArrayLike,
) -> AluminaRates:
    """Balance of the three reservoirs.

    A share of what is fed dissolves at once, the rest slowly; a little settles as sludge and comes
    back. Within half a per cent of saturation dissolution slows down and stops at it; below, the
    balance is the published one.

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

    Source:
        Illingworth's cell model (CellModel), dissolution; sludge is a design value.
    """
    dissolved, undissolved = jnp.asarray(dissolved_wt_pct), jnp.asarray(undissolved_kg)
    sludge, feed = jnp.asarray(sludge_kg), jnp.asarray(feed_kg_per_s)
    saturation = jnp.asarray(saturation_wt_pct)
    drive = jnp.clip((saturation - dissolved) / _SATURATION_BAND_WT_PCT, 0.0, 1.0)
    at_once = (1.0 - parameters.undissolved_fraction) * drive * feed
    slowly = parameters.dissolution_per_s * drive * undissolved
    settling = parameters.settling_per_s * undissolved
    returning = (
        parameters.sludge_return_per_s * sludge * jnp.clip(1.0 - dissolved / saturation, 0.0, 1.0)
    )
    dissolving = at_once + slowly
    net_kg_per_s = dissolving + returning - jnp.asarray(oxide_use_kg_per_s)
    return AluminaRates(
        dissolved_wt_pct_per_s=100.0 * net_kg_per_s / parameters.bath_mass_kg,
        undissolved_kg_per_s=feed - at_once - slowly - settling,
        sludge_kg_per_s=settling - returning,
        dissolving_kg_per_s=dissolving + returning,
    )
