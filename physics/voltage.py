"""Cell voltage as a sum of parts, after Haupin (1995, DOI 10.1007/978-3-319-48156-2_21)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.design import FARADAY_C_PER_MOL
from physics.parameters import CellParameters
from physics.properties import (
    ZERO_CELSIUS_K,
    compute_bath_ratio,
    compute_conductivity_s_per_cm,
    compute_saturation_wt_pct,
)

GAS_CONSTANT_J_PER_MOL_K = 8.314462618
BACK_EMF_V = 1.65  # Banta, Dai, Biedler 2003: the constant of the pseudo-resistance
_BUBBLE_CLEARANCE_WT_PCT = 0.01  # the coverage formula has a pole below the anode-effect alumina
_BUBBLE_ROUNDING_WT_PCT = 0.02  # width over which that limit is rounded, so slopes stay defined
_HIGHEST_COVERAGE = 0.98  # design value: keeps a gas layer from reading as infinite resistance
_HIGHEST_SATURATION = 0.99  # design value: the activity formula is used below saturation
_LIMITING_SHARE = 0.98  # design value: of the limiting current; the law goes on straight beyond
_LEAST_LIMITING_A_PER_CM2 = 1e-3  # design value: the regression turns negative in a bare cold bath
LEAST_ALUMINA_WT_PCT = 0.2  # design value: the laws of the anode are not used below
_CATHODE_A_PER_CM2 = 0.257  # Haupin 1995: the cathode's overvoltage sets in here
_CATHODE_SHARPNESS = 4.0  # design value: 2e-5 V from the logarithm at 0.58 A/cm2


class VoltageParts(NamedTuple):
    """The parts of the cell voltage, V, each (C,) or scalar; they add up to the cell voltage."""

    reversible_v: Array
    anode_reaction_v: Array
    anode_concentration_v: Array
    cathode_concentration_v: Array
    bath_v: Array
    bubble_v: Array
    anode_ohmic_v: Array
    cathode_ohmic_v: Array
    external_ohmic_v: Array

    def total(self) -> Array:
        """Cell voltage, V."""
        return sum(self, start=jnp.zeros(()))


def compute_reversible_v(
    parameters: CellParameters, temperature_k: Array, relative_saturation: Array
) -> Array:
    """Reversible potential with carbon anodes.

    Args:
        parameters: standard potential and its slope.
        temperature_k: bath temperature, K.
        relative_saturation: dissolved alumina over saturation, 0.1 to 1.

    Returns:
        Potential, V. Source: Haupin 1995.
    """
    s = jnp.clip(relative_saturation, 0.05, _HIGHEST_SATURATION)
    activity = -0.03791 * s + 2.364 * s**2 - 2.194 * s**3 + 0.8686 * s**4
    nernst_v = GAS_CONSTANT_J_PER_MOL_K * temperature_k / (12.0 * FARADAY_C_PER_MOL)
    return (
        parameters.standard_potential_v
        - parameters.standard_potential_slope_v_per_k * temperature_k
        - 2.0 * nernst_v * jnp.log(jnp.maximum(activity, 1e-4))
    )


def invert_butler_volmer(current_ratio: ArrayLike, scale_v: ArrayLike) -> Array:
    """Overvoltage of a symmetric electrode reaction that carries a current.

    Args:
        current_ratio: current density over exchange current density.
        scale_v: RT / (alpha n F), V.

    Returns:
        Overvoltage, V: the solution of ratio = 2 sinh(overvoltage / scale).
    """
    return jnp.asarray(scale_v) * jnp.arcsinh(jnp.asarray(current_ratio) / 2.0)


def compute_anode_overvoltage_v(
    temperature_k: ArrayLike, current_density: ArrayLike, alumina_wt_pct: ArrayLike
) -> Array:
    """Reaction overvoltage of the anode.

    Haupin gives the Tafel line T/12533 ln(i/i_r). The symmetric Butler-Volmer law of the same slope
    is that line at working current density (to 1e-5 V) and goes to zero with the current.

    Args:
        temperature_k: bath temperature, K.
        current_density: A per cm2 of anode.
        alumina_wt_pct: dissolved alumina.

    Returns:
        Overvoltage, V.
    """
    exchange = 0.0029 * jnp.asarray(alumina_wt_pct) ** 0.56
    return invert_butler_volmer(
        jnp.asarray(current_density) / exchange, jnp.asarray(temperature_k) / 12533.0
    )


def compute_limiting_current_density(
    temperature_k: Array, one_anode_area_cm2: Array, alumina_wt_pct: Array
) -> Array:
    """Current density at which alumina transport to the anode gives out, A/cm2.

    Source: Grjotheim and Welch 1988, chapter 5, equation 13.
    """
    density = (
        (5.5 + 0.018 * (temperature_k - 1323.0))
        * one_anode_area_cm2**-0.1
        * (jnp.sqrt(alumina_wt_pct) - 0.4)
    )
    return jnp.maximum(density, _LEAST_LIMITING_A_PER_CM2)


def compute_anode_concentration_v(
    temperature_k: Array, current_density: Array, limiting_density: Array
) -> Array:
    """Concentration overvoltage of the anode, RT/2F ln(limiting / (limiting - i)).

    Above 98 % of the limiting current it goes on along its tangent: it has no pole, rises with the
    current everywhere, and so has an inverse.

    Args:
        temperature_k: bath temperature, K.
        current_density: A/cm2; below 0 where current returns into the anode.
        limiting_density: where alumina transport gives out, A/cm2.

    Returns:
        Overvoltage, V. Source: Haupin 1995; the tangent is a design choice.
    """
    share = current_density / limiting_density
    within = jnp.minimum(share, _LIMITING_SHARE)
    beyond = (share - within) / (1.0 - _LIMITING_SHARE)
    return _compute_thermal_v(temperature_k) / 2.0 * (beyond - jnp.log1p(-within))


def compute_critical_current_density(
    nominal_density: ArrayLike,
    bath_ratio: Array,
    alumina_wt_pct: Array,
    anode_effect_alumina_wt_pct: Array,
) -> Array:
    """Current density at which the anode effect sets in.

    Args:
        nominal_density: A/cm2, critical at the anode-effect alumina: what the plant has seen.
        bath_ratio: NaF/AlF3 by weight.
        alumina_wt_pct: dissolved alumina.
        anode_effect_alumina_wt_pct: where the anode effect sets in at nominal current.

    Returns:
        A/cm2.

    Source:
        Haupin 1995, equation 19; its factors of temperature and anode area drop out of the
        calibration.
    """
    molar = 2.0 * bath_ratio
    linear = 1.443 - 1.985 * molar + 1.131 * molar**2
    square = 0.4122 - 0.2037 * molar
    w, effect = alumina_wt_pct, anode_effect_alumina_wt_pct
    scale = jnp.asarray(nominal_density)
    return scale * (linear * w + square * w**2) / (linear * effect + square * effect**2)


def compute_cathode_concentration_v(
    temperature_k: Array, current_density: Array, bath_ratio: Array
) -> Array:
    """Concentration overvoltage of the cathode, RT/1.5F (1.375 - 0.25 BR) ln(i/0.257).

    The logarithm gives energy back below 0.257 A/cm2. Here asinh(x^n / 2) / n with x = i/0.257
    takes its place: the same at working current, never against the current, 0 without one.

    Args:
        temperature_k: bath temperature, K.
        current_density: A/cm2 of cathode.
        bath_ratio: NaF/AlF3 by weight.

    Returns:
        Overvoltage, V. Source: Haupin 1995; the regular form is a design choice.
    """
    x = current_density / _CATHODE_A_PER_CM2
    power = x * jnp.abs(x) ** (_CATHODE_SHARPNESS - 1.0)
    factor = _compute_thermal_v(temperature_k) / 1.5 * (1.375 - 0.25 * bath_ratio)
    return factor * jnp.arcsinh(power / 2.0) / _CATHODE_SHARPNESS


def compute_bubble_thickness_cm(current_density: Array) -> Array:
    """Thickness of the gas layer under an anode, cm, by its current density in A/cm2.

    Source: Haupin 1995.
    """
    return (0.5517 + current_density) / (1.0 + 2.167 * current_density)


def compute_bubble_coverage(
    current_density: Array,
    bath_ratio: Array,
    alumina_wt_pct: Array,
    anode_effect_alumina_wt_pct: Array,
) -> Array:
    """Share of the anode's underside that gas covers.

    It rises steeply towards the anode-effect alumina, and with it the cell voltage. Haupin's
    formula has a pole just below; alumina is held a little above it, with a rounded corner.

    Args:
        current_density: A/cm2.
        bath_ratio: NaF/AlF3 by weight.
        alumina_wt_pct: dissolved alumina.
        anode_effect_alumina_wt_pct: where the anode effect sets in.

    Returns:
        Coverage, 0 to 1. Source: Haupin 1995.
    """
    i = current_density
    above = alumina_wt_pct - anode_effect_alumina_wt_pct - _BUBBLE_CLEARANCE_WT_PCT
    margin = _BUBBLE_CLEARANCE_WT_PCT + _BUBBLE_ROUNDING_WT_PCT * jax.nn.softplus(
        above / _BUBBLE_ROUNDING_WT_PCT
    )
    coverage = 0.9 * (
        0.509
        + 0.1823 * i
        - 0.1723 * i**2
        + 0.05504 * i**3
        + (0.4322 - 0.3781 * bath_ratio) / (1.0 + 1.637 * bath_ratio)
        + (0.431 - 0.1437 * margin) / (1.0 + 7.353 * margin)
    )
    return jnp.clip(coverage, 0.0, _HIGHEST_COVERAGE)


def compute_voltage_parts(
    parameters: CellParameters,
    current_ka: ArrayLike,
    alumina_wt_pct: ArrayLike,
    temperature_c: ArrayLike,
    acd_cm: ArrayLike,
) -> VoltageParts:
    """Break the cell voltage into its parts.

    Args:
        parameters: of the cell.
        current_ka: cell current, kA, above 0.
        alumina_wt_pct: dissolved alumina, above 0.
        temperature_c: bath temperature, degC.
        acd_cm: anode-cathode distance, cm.

    Returns:
        The parts, V (REF-300 at nominal: 4.2000 V together).

    Source:
        Haupin 1995; the bubble layer is taken off the conducting gap, and the critical current
        density is that of Grjotheim and Welch.
    """
    w = jnp.maximum(jnp.asarray(alumina_wt_pct), LEAST_ALUMINA_WT_PCT)
    current_a = jnp.asarray(current_ka) * 1e3
    temperature_k = jnp.asarray(temperature_c) + ZERO_CELSIUS_K
    additives = (
        parameters.excess_alf3_wt_pct,
        parameters.caf2_wt_pct,
        parameters.mgf2_wt_pct,
        parameters.lif_wt_pct,
    )
    area_cm2 = parameters.anode_area_cm2 * parameters.fanning_factor
    anode_density = current_a / area_cm2
    cathode_density = current_a / parameters.cathode_area_cm2
    ratio = compute_bath_ratio(w, *additives)
    conductivity = parameters.conductivity_factor * compute_conductivity_s_per_cm(
        temperature_c, w, *additives
    )
    saturation = compute_saturation_wt_pct(temperature_c, *additives)

    limiting = compute_limiting_current_density(temperature_k, parameters.one_anode_area_cm2, w)
    bubble_cm = compute_bubble_thickness_cm(anode_density)
    coverage = compute_bubble_coverage(
        anode_density, ratio, w, parameters.anode_effect_alumina_wt_pct
    )
    ohms_per_cm = 1.0 / (conductivity * area_cm2)
    return VoltageParts(
        reversible_v=compute_reversible_v(parameters, temperature_k, w / saturation),
        anode_reaction_v=compute_anode_overvoltage_v(temperature_k, anode_density, w),
        anode_concentration_v=compute_anode_concentration_v(temperature_k, anode_density, limiting),
        cathode_concentration_v=compute_cathode_concentration_v(
            temperature_k, cathode_density, ratio
        ),
        bath_v=current_a * ohms_per_cm * (jnp.asarray(acd_cm) - bubble_cm),
        bubble_v=current_a * ohms_per_cm * bubble_cm * coverage / (1.0 - coverage),
        anode_ohmic_v=current_a * parameters.anode_resistance_uohm * 1e-6,
        cathode_ohmic_v=current_a * parameters.cathode_resistance_uohm * 1e-6,
        external_ohmic_v=current_a * parameters.external_resistance_uohm * 1e-6,
    )


def compute_resistance_uohm(cell_voltage_v: ArrayLike, current_ka: ArrayLike) -> Array:
    """Pseudo-resistance: cell voltage less the back EMF of 1.65 V, over the current, micro-ohm.

    Source: Banta, Dai, Biedler 2003.
    """
    return (jnp.asarray(cell_voltage_v) - BACK_EMF_V) / jnp.asarray(current_ka) * 1e3


def compute_noise_mv(parameters: CellParameters, acd_cm: ArrayLike) -> Array:
    """Standard deviation of the cell voltage: a floor from bubbles, growing when the gap is short.

    Args:
        parameters: floor, onset distance and the distance over which it doubles.
        acd_cm: anode-cathode distance, cm.

    Returns:
        Noise, mV. Design value: no published law; below the onset it grows with the square.
    """
    short = jnp.maximum(parameters.noise_onset_acd_cm - jnp.asarray(acd_cm), 0.0)
    return parameters.noise_floor_mv * (1.0 + (short / parameters.noise_doubling_cm) ** 2)


def _compute_thermal_v(temperature_k: Array) -> Array:
    return GAS_CONSTANT_J_PER_MOL_K * temperature_k / FARADAY_C_PER_MOL
