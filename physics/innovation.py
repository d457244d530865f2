"""Whether the filter is as uncertain as it says: running statistics of its innovations."""

from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array

CHI_SQUARE_95: Final = (3.841458820694124, 5.991464547107979)  # of 1 and 2 degrees of freedom
_LEAST_NOISE: Final = 0.25  # design value: half of the standard deviation that was said
_MOST_NOISE: Final = 4.0  # design value: twice it
_MOST_SQUARE: Final = 9.0  # design value: an outlier is no noise
_MEMORY_SCANS: Final = 400.0  # design value: the share within is then known to about 1 %


class Consistency(NamedTuple):
    """Statistics over lately scans; scalars.

    Attributes:
        scans: how many, up to a limit; older ones count for less and less from there on.
        nis: mean of the normalised innovation squared for each value (1 expected).
        within_95: share of scans whose sum was within its 95 % limit.
    """

    scans: Array
    nis: Array
    within_95: Array


def count_scan(before: Consistency, normalised: Array) -> Consistency:
    """Count the innovations of one scan.

    Args:
        before: statistics so far.
        normalised: (2,) innovations in standard deviations, one after the other; NaN where none.

    Returns:
        The statistics after; the same where nothing was measured.

    Source:
        Bar-Shalom, Li, Kirubarajan 2001, section 5.4: the normalised innovation squared of a
        consistent filter is chi-square, with as many degrees of freedom as there were values.
    """
    seen = jnp.isfinite(normalised)
    values = jnp.sum(jnp.where(seen, 1.0, 0.0))
    squared = jnp.sum(jnp.where(seen, normalised, 0.0) ** 2)
    limit = jnp.array(CHI_SQUARE_95)[jnp.where(values > 1.0, 1, 0)]
    is_counted = values > 0.0
    scans = jnp.minimum(before.scans + 1.0, _MEMORY_SCANS)
    within = jnp.where(squared <= limit, 1.0, 0.0)
    mean = squared / jnp.maximum(values, 1.0)
    old_nis = jnp.where(before.scans > 0.0, before.nis, 0.0)
    old_within = jnp.where(before.scans > 0.0, before.within_95, 0.0)
    return Consistency(
        scans=jnp.where(is_counted, scans, before.scans),
        nis=jnp.where(is_counted, old_nis + (mean - old_nis) / scans, before.nis),
        within_95=jnp.where(
            is_counted, old_within + (within - old_within) / scans, before.within_95
        ),
    )


def learn_noise(noise: Array, normalised: Array) -> Array:
    """Learn how noisy an instrument is by what it says, from what is usual of its kind.

    Args:
        noise: variance of its noise over what had been said, so far.
        normalised: innovation in standard deviations; NaN where there was none.

    Returns:
        The same after.

    Source:
        Covariance matching, Mehra 1972 (DOI 10.1109/TAC.1972.1100100), where what the filter does
        not know of the quantity is small beside the noise of its measurement.
    """
    squared = jnp.minimum(normalised**2, _MOST_SQUARE)
    after = noise * (1.0 + (squared - 1.0) / _MEMORY_SCANS)
    return jnp.where(jnp.isfinite(normalised), jnp.clip(after, _LEAST_NOISE, _MOST_NOISE), noise)
