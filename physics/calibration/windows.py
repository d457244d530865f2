"""A history cut into windows, and what the reduced model says in each of them.

Multiple shooting: every window starts from a state of its own, which is an unknown. That a window
ends where the next begins is only asked for within what cells wander by themselves, so that crust
that holds alumina back, or anodes that slip, do not pass for wrong figures.
"""

from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from physics.calibration.figures import TEMPERATURE_OFFSET_SD_C, apply_figures
from physics.calibration.history import TEMPERATURE, VOLTAGE, History
from physics.design import PlantDesign
from physics.parameters import CellParameters
from physics.precision import strengthen
from physics.reduced.model import (
    ACD,
    ALF3,
    ALUMINA,
    BEAM,
    FEEDER,
    LEDGE,
    UNDISSOLVED,
    advance,
    evaluate,
    make_nominal_state,
    make_reduced_parameters,
)
from physics.reduced.model import STATES as MODEL_STATES
from physics.reduced.model import TEMPERATURE as BATH_TEMPERATURE

STATES: Final = tuple(name for i, name in enumerate(MODEL_STATES) if i != BEAM)
STATE_COUNT: Final = len(STATES)
WINDOW_H: Final = 1.0  # design value: a drift is told from wandering only between windows
_MOVE_CM: Final = 0.005  # design value: a smaller rise of the beam is noise of its reading
_EFFECT_UNREST: Final = 30.0  # design value: leaves a state next to free after an anode effect


class Windows(NamedTuple):
    """K windows of M bins; what was measured, and its weight, in the order of `CHANNELS`.

    Attributes:
        step_s: (K,) length of a bin.
        current_ka, feed_kg_per_h: (K, M).
        rise_cm: (K, M) by how much the beam has risen since the bin before.
        measured: (K, M, channels), 0 where nothing was.
        weight: (K, M, channels) one over its sd, 0 where nothing was.
        effect_v: (K, M) cell voltage in an anode effect, else 0; it heats the bath.
        unrest: (K,) how many times as far as usual a cell may wander from this window to the next.
    """

    step_s: Array
    current_ka: Array
    feed_kg_per_h: Array
    rise_cm: Array
    measured: Array
    weight: Array
    effect_v: Array
    unrest: Array


class Problem(NamedTuple):
    """All that a fit is about; traced, so that fits of one length share a compilation.

    Attributes:
        parameters: of the plant file.
        figure_sd: (P,) prior sd of the log ratios; 0 holds a figure.
        offset_sd_c: prior sd of the thermocouple's error.
        start: (N,) the nominal state.
        state_sd: (N,) prior sd of the first state about it.
        jump_share: (K - 1, N) by how much a state may wander from each window to the next, over
            `state_sd`.
        windows: of the history.
    """

    parameters: CellParameters
    figure_sd: Array
    offset_sd_c: Array
    start: Array
    state_sd: Array
    jump_share: Array
    windows: Windows


def cut_windows(history: History, window_h: float = WINDOW_H) -> Windows:
    """Cut a history into whole windows; bins after the last one are left out.

    Args:
        history: of one cell.
        window_h: length of a window.

    Returns:
        The windows; none where the history is shorter than one.
    """
    length = max(round(window_h * 3600.0 / history.step_s), 1)
    count = len(history.t_plant_s) // length

    def cut(column: np.ndarray) -> Array:
        kept = column[: count * length]
        return jnp.asarray(kept.reshape(count, length, *column.shape[1:]), dtype=float)

    # An anode effect stirs the bath, is fed against and melts the ledge: it drives the heat, but
    # the window of it and the next say nothing of the figures.
    effects = history.is_effect[: count * length].reshape(count, length).max(axis=1, initial=False)
    is_restless = effects | np.concatenate([[False], effects[:-1]])[:count]
    is_read = np.isfinite(history.measured)
    is_read[: count * length] &= ~np.repeat(is_restless, length)[:, None]
    voltage = np.nan_to_num(history.measured[:, VOLTAGE])
    rise_mm = np.diff(history.beam_position_mm, prepend=history.beam_position_mm[:1])
    return strengthen(
        Windows(
            step_s=jnp.full((count,), history.step_s, dtype=float),
            current_ka=cut(history.current_ka),
            feed_kg_per_h=cut(history.feed_kg_per_h),
            rise_cm=cut(rise_mm / 10.0),
            measured=cut(np.where(is_read, history.measured, 0.0)),
            weight=cut(np.where(is_read, 1.0 / history.sd, 0.0)),
            effect_v=cut(np.where(history.is_effect, voltage, 0.0)),
            unrest=jnp.where(jnp.asarray(is_restless), _EFFECT_UNREST, 1.0),
        )
    )


def make_problem(
    design: PlantDesign,
    windows: Windows,
    figure_sd: np.ndarray,
    window_h: float = WINDOW_H,
) -> Problem:
    """Put a fit together.

    Args:
        design: the plant file's.
        windows: of the history.
        figure_sd: (P,) from `make_prior_sd`.
        window_h: length of a window.

    Returns:
        The problem.
    """
    start = make_nominal_state(design)
    spread = {  # design values: how far a cell may be from nominal when the history begins
        ALUMINA: 0.5,
        UNDISSOLVED: 0.5 * start[UNDISSOLVED],
        ACD: 0.5,
        BATH_TEMPERATURE: 8.0,
        LEDGE: 0.4 * design.cell.nominal.ledge_cm,
        ALF3: 0.8,
        FEEDER: 0.05,
    }
    wander = {  # design values, per square root of an hour: what the model knows nothing of
        ALUMINA: 0.02,
        UNDISSOLVED: 0.05 * start[UNDISSOLVED],
        ACD: 0.01,
        BATH_TEMPERATURE: 0.3,
        LEDGE: 0.05,
        ALF3: 0.03,
        FEEDER: 0.01,
    }
    order = [i for i in range(len(MODEL_STATES)) if i != BEAM]
    state_sd = np.array([spread[i] for i in order])
    jump = np.array([wander[i] for i in order]) * np.sqrt(window_h)
    share = (jump / state_sd)[None, :] * np.asarray(windows.unrest)[:-1, None]
    # Anodes follow a beam but for its play: how much of that a move has used up is not known.
    play_cm = design.cell.gap.beam_backlash_mm / 10.0 / np.sqrt(12.0)
    moves = (np.abs(np.asarray(windows.rise_cm)) > _MOVE_CM).sum(axis=1)
    slip_cm = play_cm * np.sqrt(moves[:-1] + moves[1:])
    at_acd = STATES.index("acd_cm")
    share[:, at_acd] = np.hypot(share[:, at_acd], slip_cm / state_sd[at_acd])
    return strengthen(
        Problem(
            parameters=make_reduced_parameters(design),
            figure_sd=jnp.asarray(figure_sd),
            offset_sd_c=jnp.asarray(TEMPERATURE_OFFSET_SD_C),
            start=jnp.asarray(start[order]),
            state_sd=jnp.asarray(state_sd),
            jump_share=jnp.asarray(share),
            windows=windows,
        )
    )


def follow_window(
    parameters: CellParameters, start: Array, window: Windows
) -> tuple[Array, Array, Array]:
    """Run the reduced model through one window.

    Args:
        parameters: of the cell.
        start: (N,) state when it begins, in the order of `STATES`.
        window: of (M,) bins.

    Returns:
        What the channels show in the middle of each bin (M, channels), the state there (M, N) and
        the state when the window ends (N,).
    """

    half_s = 0.5 * window.step_s

    def step(x: Array, half: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        current_ka, feed_kg_per_h, rise_cm, effect_v = half
        moved = x.at[ACD].add(rise_cm)
        shown = _show(parameters, moved, current_ka)
        extra_v = jnp.where(effect_v > 0.0, effect_v - shown[VOLTAGE], 0.0)
        after = advance(parameters, moved, feed_kg_per_h, current_ka, half_s, extra_v)
        return after, (shown, moved[:STATE_COUNT])

    # Two steps a bin, the beam moving at the first; what is shown at the second is its middle.
    rise_cm = jnp.stack([window.rise_cm, jnp.zeros_like(window.rise_cm)], axis=1).reshape(-1)
    current_ka, feed_kg_per_h, effect_v = (
        jnp.repeat(column, 2)
        for column in (window.current_ka, window.feed_kg_per_h, window.effect_v)
    )
    x = jnp.concatenate([start, jnp.zeros(1)])
    halves = (current_ka, feed_kg_per_h, rise_cm, effect_v)
    end, (shown, states) = jax.lax.scan(step, x, halves)
    return shown[1::2], states[1::2], end[:STATE_COUNT]


def follow_unknowns(
    problem: Problem, common: Array, start: Array, window: Windows
) -> tuple[Array, Array, Array]:
    """Run one window from the scaled unknowns of a fit.

    Args:
        problem: gives the scales.
        common: (P + 1,) figures and the thermocouple's error, in prior sd.
        start: (N,) state when the window begins, from nominal, in `state_sd`.
        window: of (M,) bins.

    Returns:
        As `follow_window`, but the end in the units of `start`.
    """
    parameters = apply_figures(problem.parameters, common[:-1] * problem.figure_sd)
    shown, states, end = follow_window(parameters, problem.start + problem.state_sd * start, window)
    shown = shown.at[:, TEMPERATURE].add(common[-1] * problem.offset_sd_c)
    return shown, states, (end - problem.start) / problem.state_sd


def _show(parameters: CellParameters, x: Array, current_ka: Array) -> Array:
    """What the channels of `CHANNELS` read at a state."""
    outputs = evaluate(parameters, x, current_ka)
    return jnp.stack(
        [
            outputs.cell_voltage_v,
            x[BATH_TEMPERATURE],
            x[ALUMINA],
            x[ALF3],
            outputs.liquidus_c,
            x[LEDGE],
            x[ACD],
            1e3 * outputs.voltage.anode_ohmic_v,
            1e3 * outputs.voltage.cathode_ohmic_v,
            1e3 * outputs.voltage.external_ohmic_v,
        ]
    )
