"""When the filter doubts itself: voltages that belie it, and states that no cell can be in."""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.estimator_tuning import FilterSetting
from physics.filter_model import HEAT, RESISTANCE, THINNEST_LEDGE_CM
from physics.kalman import Belief, Innovation, begin_anew, variances
from physics.reduced.model import ACD, ALUMINA, FEEDER

_BELOW_ANODE_EFFECT_WT_PCT: Final = 0.1  # design value: a cell without anode effect has more
_MISFIT_SD: Final = 10.0  # design value: far beyond what the filter takes for an outlier
_MISFIT_SCANS: Final = 5.0  # design value: more than a disturbed reading lasts
_VOLTAGE_LEAN_S: Final = 120.0  # design value: longer than noise remembers
_VOLTAGE_LEAN: Final = 1.5  # design value: in standard deviations of an innovation
_TEMPERATURE_LEAN_S: Final = 600.0  # design value: a bath that cools by 10 degC/h shows it by then
_TEMPERATURE_LEAN: Final = 0.8  # design value: likewise
_CHANCE_SD: Final = 5.0  # design value: as many of the mean's own, where scans are few
_MOST_STEP_UOHM: Final = 0.4  # design value: new anodes raise it by 0.1 to 0.3 uohm
_MISFIT_UOHM: Final = 1.0  # design value: beyond it is no step, see `doubt_gap`
_STEP_SD: Final = 2.5  # design value: noise is beyond it once in eighty scans
_TREATED_WT_PCT: Final = 0.35  # design value: about half of what a treatment feeds
_TREATED_FEEDER: Final = 0.3  # design value: about half of what a fault takes
_MOST_LEAN_SD: Final = 6.0  # design value: one wrong reading is no step


def doubt_gap(
    setting: FilterSetting, belief: Belief, innovation: Innovation, misfit_scans: Array
) -> tuple[Belief, Array, Array]:
    """Begin the gap anew where voltage after voltage is far from what the belief allows.

    The gap alone is moved from outside (a beam that is raised while the anodes stay, anodes that
    slip), and it is what voltage tells most of. The rest is kept as likely, but no surer than at
    the start: it may have been bent to fit.

    Args:
        setting: of the filter.
        belief: after the voltage.
        innovation: of the voltage; NaN where there was none.
        misfit_scans: before, see below.

    Returns:
        The belief, how many scans in a row were misfits (below 0: so many are excused yet), and
        whether the gap began anew.
    """
    seen = jnp.isfinite(innovation.normalised)
    is_misfit = jnp.abs(innovation.normalised) > _MISFIT_SD
    otherwise = jnp.minimum(misfit_scans + 1.0, 0.0)
    scans = jnp.where(seen, jnp.where(is_misfit, misfit_scans + 1.0, otherwise), misfit_scans)
    misled = scans >= _MISFIT_SCANS
    anew = begin_anew(
        belief, belief.mean.at[ACD].set(setting.start_mean[ACD]), setting.start_factor
    )
    kept = choose(misled, anew, belief)
    return kept, jnp.where(misled, 0.0, scans), misled


class Lean(NamedTuple):
    """Means of normalised innovations over lately minutes; scalars."""

    of_voltage: Array
    of_temperature: Array


def doubt_disturbances(
    setting: FilterSetting,
    lean: Lean,
    voltage: Innovation,
    temperature: Innovation,
    is_out: Array,
    is_moved: Array,
    current_ka: Array,
    dt_s: Array,
) -> tuple[Lean, Array]:
    """Notice that innovations lean to one side, as after a step that no state foresees.

    Anodes that are changed, or a metal pad that is tapped, make a step of tens of millivolts within
    a scan or two, and cold anodes take 100 kW and more from one minute to the next. Alumina moves
    neither so fast; yet it would be made to explain the step, as it is the least known. So the
    resistance, or the heat, is let free to follow it; while the beam moves it is the gap, since a
    beam may be raised without its anodes.

    Args:
        setting: of the filter.
        lean: before.
        voltage: innovation; NaN where there was none.
        temperature: likewise.
        is_out: whether an anode effect burns, whose heat is known by a few per cent only.
        is_moved: whether the beam has moved since the scan before.
        current_ka: scalar.
        dt_s: since the scan before.

    Returns:
        The lean after, and the variance (N,) that the states gain with the next scan.
    """
    of_voltage, stepped = _lean_on(lean.of_voltage, voltage, dt_s, _VOLTAGE_LEAN_S, _VOLTAGE_LEAN)
    of_temperature, chilled = _lean_on(
        lean.of_temperature, temperature, dt_s, _TEMPERATURE_LEAN_S, _TEMPERATURE_LEAN
    )
    step_uohm = jnp.abs(1e3 * voltage.residual / current_ka)
    stepped = stepped & (step_uohm < _MISFIT_UOHM)
    step_uohm = jnp.where(stepped & ~is_moved, jnp.minimum(step_uohm, _MOST_STEP_UOHM), 0.0)
    start_acd_cm2 = jnp.sum(setting.start_factor[ACD] ** 2)
    step_kw = jnp.where(chilled | stepped | is_out, setting.heat_step_kw, 0.0)
    gained = jnp.zeros_like(setting.start_mean).at[RESISTANCE].set(step_uohm**2)
    gained = gained.at[ACD].set(jnp.where(stepped & is_moved, start_acd_cm2, 0.0))
    return Lean(of_voltage, of_temperature), gained.at[HEAT].set(step_kw**2)


def doubt_treatment(setting: FilterSetting, has_ended: Array) -> Array:
    """The variance (N,) that the states gain where an anode effect has ended.

    How much its treatment fed is known roughly, and whether a feeder that was at fault is still so
    is not known: who treats a cell looks at its feeders.

    Args:
        setting: of the filter.
        has_ended: scalar, bool.
    """
    gained = jnp.zeros_like(setting.start_mean)
    gained = gained.at[ALUMINA].set(_TREATED_WT_PCT**2).at[FEEDER].set(_TREATED_FEEDER**2)
    return jnp.where(has_ended, gained, 0.0)


def _lean_on(
    before: Array, innovation: Innovation, dt_s: Array, lean_s: float, limit: float
) -> tuple[Array, Array]:
    """The mean after one more innovation, and whether it is too far to one side (then it is 0)."""
    seen = jnp.isfinite(innovation.normalised)
    weight = 1.0 - jnp.exp(-dt_s / lean_s)
    told = jnp.clip(innovation.normalised, -_MOST_LEAN_SD, _MOST_LEAN_SD)
    after = jnp.where(seen, before + weight * (told - before), before)
    by_chance = _CHANCE_SD * jnp.sqrt(weight / (2.0 - weight))
    leans = seen & (jnp.abs(after) > jnp.maximum(limit, by_chance))
    return jnp.where(leans, 0.0, after), leans


def keep_sane(setting: FilterSetting, belief: Belief) -> tuple[Belief, Array]:
    """Hold the mean where the equations mean something; begin anew where it is not finite.

    A state that is held back is at least that wrong: its variance grows by as much, up to that of
    the start. What it shares with other states it goes on sharing, so that the factor stays one.

    Args:
        setting: of the filter.
        belief: before.

    Returns:
        The belief and whether it had to begin anew.
    """
    lowest_alumina = setting.model.cell.anode_effect_alumina_wt_pct - _BELOW_ANODE_EFFECT_WT_PCT
    low = jnp.array([0.0, 0.0, 1.5, 800.0, THINNEST_LEDGE_CM, 0.0, 0.1, -0.6, -500.0])
    low = low.at[ALUMINA].set(lowest_alumina)
    high = jnp.array([9.0, 1e3, 9.0, 1100.0, 60.0, 20.0, 1.5, 0.6, 500.0])
    finite = jnp.all(jnp.array([jnp.all(jnp.isfinite(part)) for part in belief]))
    held = jnp.clip(belief.mean, low, high)
    variance = variances(belief)
    most = jnp.maximum(jnp.sum(setting.start_factor**2, axis=1), variance)
    wider = jnp.minimum(variance + (belief.mean - held) ** 2, most)
    wider = jnp.sqrt(jnp.where(variance > 0.0, wider / variance, 1.0))
    count = held.shape[0]
    factor = belief.factor.at[:count].multiply(wider[:, None])
    return (
        choose(
            finite,
            belief._replace(mean=held, factor=factor),
            begin_anew(belief, setting.start_mean, setting.start_factor),
        ),
        ~finite,
    )


def may_be_step(voltage: Innovation, current_ka: Array) -> Array:
    """Whether a voltage is so odd that it had better wait for those after it.

    The first voltages of a step would be explained by what is least known, which near the minimum
    of the voltage is alumina, before it is noticed that innovations lean. Alumina is in no hurry:
    of what is held back nothing is lost but a scan or two. A step beyond what anodes or a tapping
    make is no such step; see `doubt_gap`.

    Args:
        voltage: innovation; NaN where there was none.
        current_ka: scalar.
    """
    step_uohm = jnp.abs(1e3 * voltage.residual / current_ka)
    return (jnp.abs(voltage.normalised) > _STEP_SD) & (step_uohm < _MISFIT_UOHM)


def choose(condition: Array, this: Belief, other: Belief) -> Belief:
    """One of two beliefs, by a scalar condition."""
    chosen: Belief = jax.tree.map(lambda *pair: jnp.where(condition, *pair), this, other)
    return chosen
