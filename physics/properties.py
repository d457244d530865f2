"""Bath properties by composition and temperature: liquidus, conductivity, solubility, ratios.

Compositions are weight per cent of the bath; `alf3` is the excess over cryolite.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

ZERO_CELSIUS_K = 273.15


def compute_liquidus_c(
    alumina_wt_pct: ArrayLike,
    alf3_wt_pct: ArrayLike,
    caf2_wt_pct: ArrayLike,
    mgf2_wt_pct: ArrayLike,
    lif_wt_pct: ArrayLike,
) -> Array:
    """Temperature at which the bath begins to freeze.

    Args:
        alumina_wt_pct: dissolved alumina, up to saturation.
        alf3_wt_pct: excess AlF3, below 20.
        caf2_wt_pct: below 20.
        mgf2_wt_pct: below 5.
        lif_wt_pct: below 20.

    Returns:
        Liquidus temperature, degC, in the common shape of the arguments.

    Source:
        Solheim et al. 1996, DOI 10.1007/BF02915602.
    """
    w = jnp.asarray(alumina_wt_pct)
    alf3, caf2 = jnp.asarray(alf3_wt_pct), jnp.asarray(caf2_wt_pct)
    lif, mgf2 = jnp.asarray(lif_wt_pct), jnp.asarray(mgf2_wt_pct)
    alumina_term = 7.93 * w / (1.0 + 0.0936 * w - 0.0017 * w**2 - 0.0023 * alf3 * w)
    return (
        1011.0
        + 0.50 * alf3
        - 0.13 * alf3**2.2
        - 3.45 * caf2 / (1.0 + 0.0173 * caf2)
        + 0.124 * caf2 * alf3
        - 0.00542 * (caf2 * alf3) ** 1.5
        - alumina_term
        - 8.90 * lif / (1.0 + 0.0047 * lif + 0.0010 * alf3**2)
        - 3.95 * mgf2
    )


def compute_saturation_wt_pct(
    temperature_c: ArrayLike,
    alf3_wt_pct: ArrayLike,
    caf2_wt_pct: ArrayLike,
    mgf2_wt_pct: ArrayLike,
    lif_wt_pct: ArrayLike,
) -> Array:
    """Alumina that the bath can hold in solution.

    Args:
        temperature_c: bath temperature, degC.
        alf3_wt_pct: excess AlF3.
        caf2_wt_pct: CaF2.
        mgf2_wt_pct: MgF2.
        lif_wt_pct: LiF.

    Returns:
        Saturation, wt%, in the common shape of the arguments.

    Source:
        Skybakmoen, Solheim, Sterten 1997, DOI 10.1007/s11663-997-0129-9.
    """
    temperature, alf3 = jnp.asarray(temperature_c), jnp.asarray(alf3_wt_pct)
    caf2, mgf2, lif = jnp.asarray(caf2_wt_pct), jnp.asarray(mgf2_wt_pct), jnp.asarray(lif_wt_pct)
    factor = (
        11.9
        - 0.062 * alf3
        - 0.0031 * alf3**2
        - 0.50 * lif
        - 0.20 * caf2
        - 0.30 * mgf2
        + 42.0 * alf3 * lif / (2000.0 + alf3 * lif)
    )
    exponent = 4.8 - 0.048 * alf3 + 2.2 * lif**1.5 / (10.0 + lif + 0.001 * alf3**3)
    return factor * (temperature / 1000.0) ** exponent


def compute_bath_ratio(
    alumina_wt_pct: ArrayLike,
    alf3_wt_pct: ArrayLike,
    caf2_wt_pct: ArrayLike,
    mgf2_wt_pct: ArrayLike,
    lif_wt_pct: ArrayLike,
) -> Array:
    """Weight ratio NaF/AlF3 of the bath; the molar (cryolite) ratio is twice this.

    Args:
        alumina_wt_pct: dissolved alumina.
        alf3_wt_pct: excess AlF3.
        caf2_wt_pct: CaF2.
        mgf2_wt_pct: MgF2.
        lif_wt_pct: LiF.

    Returns:
        Bath ratio, dimensionless (REF-300: 1.0624).

    Source:
        Cryolite Na3AlF6 with excess AlF3, as in Haupin 1995, DOI 10.1007/978-3-319-48156-2_21.
    """
    cryolite_and_alf3 = (
        100.0
        - jnp.asarray(alumina_wt_pct)
        - jnp.asarray(caf2_wt_pct)
        - jnp.asarray(mgf2_wt_pct)
        - jnp.asarray(lif_wt_pct)
    )
    excess = jnp.asarray(alf3_wt_pct) / cryolite_and_alf3
    return (1.0 - excess) / (2.0 / 3.0 + excess)


def compute_conductivity_s_per_cm(
    temperature_c: ArrayLike,
    alumina_wt_pct: ArrayLike,
    alf3_wt_pct: ArrayLike,
    caf2_wt_pct: ArrayLike,
    mgf2_wt_pct: ArrayLike,
    lif_wt_pct: ArrayLike,
) -> Array:
    """Electrical conductivity of the bath without bubbles, by the regression of Wang et al.

    Published regressions differ by about 5 %; the simulated line takes two others, see
    `physics.plant.conductivity`.

    Args:
        temperature_c: bath temperature, degC.
        alumina_wt_pct: dissolved alumina.
        alf3_wt_pct: excess AlF3.
        caf2_wt_pct: CaF2.
        mgf2_wt_pct: MgF2.
        lif_wt_pct: LiF.

    Returns:
        Conductivity, S/cm (REF-300: 2.1547).

    Source:
        Wang et al., as used in the open cell model of Illingworth (github, CellModel).
    """
    w, alf3 = jnp.asarray(alumina_wt_pct), jnp.asarray(alf3_wt_pct)
    caf2, mgf2, lif = jnp.asarray(caf2_wt_pct), jnp.asarray(mgf2_wt_pct), jnp.asarray(lif_wt_pct)
    naf = 0.6 * (100.0 - alf3 - w - caf2 - lif - mgf2)
    ratio = 0.5 * (naf / 41.99 + lif / 25.94 - mgf2 / 62.31) / ((alf3 + 2.0 * naf / 3.0) / 83.98)
    return jnp.exp(
        1.9362
        + 0.3092 * ratio
        - 0.004132 * caf2
        - 0.01755 * w
        + 0.008123 * lif
        - 0.00398 * mgf2
        - 1751.1 / (jnp.asarray(temperature_c) + ZERO_CELSIUS_K)
    )
