"""Bath conductivity by two published laws; the reduced model takes a third.

Published regressions differ by about 5 %, in level and in how they see temperature and composition.
A simulated cell stands somewhere between two of them.
"""

import jax.numpy as jnp
from jax import Array

from physics.plant.bath import Composition
from physics.properties import ZERO_CELSIUS_K


def compute_hives_s_per_cm(temperature_c: Array, bath: Composition) -> Array:
    """Conductivity, S/cm, by Hives et al. 1996, DOI 10.1007/BF02915051 (2.152 at 3, 11, 5 wt% of
    alumina, AlF3 and CaF2, and 960 degC).
    """
    return jnp.exp(
        1.977
        - 0.0200 * bath.alumina_wt_pct
        - 0.0131 * bath.alf3_wt_pct
        - 0.0060 * bath.caf2_wt_pct
        - 0.0106 * bath.mgf2_wt_pct
        + 0.0121 * bath.lif_wt_pct
        - 1204.3 / (temperature_c + ZERO_CELSIUS_K)
    )


def compute_chrenkova_s_per_cm(temperature_c: Array, bath: Composition) -> Array:
    """Conductivity, S/cm, by Chrenkova et al., as used in an open cell model (github, HH_Cell);
    2.262 at 3, 11, 5 wt% of alumina, AlF3 and CaF2, and 960 degC.
    """
    t, w, alf3, lif = temperature_c, bath.alumina_wt_pct, bath.alf3_wt_pct, bath.lif_wt_pct
    return (
        -7.332
        + 1.742e-2 * t
        - 7.313e-6 * t**2
        - 1.866e-4 * alf3**2
        - 2.824e-5 * alf3 * t
        + 4.613e-2 * lif
        + 2.046e-4 * lif**2
        - 4.695e-5 * w * t
        + 2.462e-4 * alf3 * lif
        + 2.003e-3 * alf3 * w
        - 5.546e-5 * alf3 * lif * w
    )


def compute_conductivity_s_per_cm(law: Array, temperature_c: Array, bath: Composition) -> Array:
    """Conductivity of a cell that stands between both laws.

    Args:
        law: 0 for Hives, 1 for Chrenkova; (C,).
        temperature_c: of the bath, (C,).
        bath: composition, each (C,).

    Returns:
        S/cm, (C,).
    """
    hives = compute_hives_s_per_cm(temperature_c, bath)
    return hives + law * (compute_chrenkova_s_per_cm(temperature_c, bath) - hives)
