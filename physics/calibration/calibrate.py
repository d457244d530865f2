"""Fits the figures of a plant file to the history of one cell, and judges what it found."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from physics.calibration.figures import (
    FIGURES,
    TEMPERATURE_OFFSET_SD_C,
    Figure,
    make_prior_sd,
)
from physics.calibration.fit import (
    FitState,
    FitStatus,
    init_fit,
    measure_information,
    step_fit,
)
from physics.calibration.history import (
    CHANNEL_NAMES,
    SHORTEST_H,
    TEMPERATURE,
    VOLTAGE,
    History,
)
from physics.calibration.start import guess_starts
from physics.calibration.verdicts import FigureResult, judge_figures
from physics.calibration.windows import Problem, cut_windows, make_problem
from physics.design import PlantDesign

F64 = NDArray[np.float64]
Watch = Callable[[str, int, float], None]

_LEAST_SHARE_READ: Final = 0.5  # design value: of bins with voltage and temperature
_MANY_READINGS: Final = 30  # design value: from which on the scatter of a channel is looked at
_MOST_INFLATION: Final = 20.0  # design value: what fits worse than this tells nothing
# A fit goes on from the last, each with the noise so many times as large: the voltage near the
# anode effect is too steep to begin with as it is. The figures are held until the states agree.
_HELD_STAGES: Final = (10.0, 3.0, 1.0)
_FIRST_FREE: Final = 3.0
_MOST_JUDGEMENTS: Final = 4  # of the scatter; one is enough where the model is right
_AGREES: Final = 1.2  # design value: the scatter need not be known more closely


class Calibration(NamedTuple):
    """What a calibration found; B bins, channels in the order of `CHANNELS`.

    Attributes:
        status: how the fit ended. Where it did not converge, figures is empty.
        figures: what was fitted.
        temperature_offset_c, temperature_offset_sd_c: error of the thermocouple, and how sure.
        t_plant_s: (B,).
        measured: (B, channels), NaN where nothing was.
        sd: (B, channels) that the fit gave a measurement.
        before: (B, channels) by the figures of the plant file, with states fitted.
        fitted: (B, channels) by the fitted figures.
        states: (B, N) by the fitted figures, in the order of `STATES`.
        inflation: (channels,) by how much the scatter of the residuals, and their memory, made
            the fit take a channel for noisier than its sd.
        steps: of the method.
        hours: of history that were used.
        held_bins: bins that lacked an input, which was held.
    """

    status: FitStatus
    figures: tuple[FigureResult, ...]
    temperature_offset_c: float
    temperature_offset_sd_c: float
    t_plant_s: F64
    measured: F64
    sd: F64
    before: F64
    fitted: F64
    states: F64
    inflation: F64
    steps: int
    hours: float
    held_bins: int


def calibrate(
    design: PlantDesign,
    history: History,
    chosen: Sequence[Figure] = FIGURES,
    watch: Watch | None = None,
) -> Calibration:
    """Fit figures of one cell to its history.

    Args:
        design: the plant file's; gives the values before, and what is held.
        history: of the cell.
        chosen: figures to fit.
        watch: told of the stage, the steps in it and the cost, after every step.

    Returns:
        The calibration, whatever its status.
    """
    windows = cut_windows(history)
    is_read = np.asarray(windows.weight)[..., [VOLTAGE, TEMPERATURE]] > 0.0
    if (
        history.hours < SHORTEST_H
        or is_read.any((0, 1)).sum() < 2
        or (is_read[..., 0].mean() < _LEAST_SHARE_READ)
    ):
        return _nothing(FitStatus.TOO_LITTLE_HISTORY, history)
    problem = make_problem(design, windows, make_prior_sd(chosen))
    held = problem._replace(figure_sd=jnp.zeros_like(problem.figure_sd))

    steps = 0
    stretch = np.ones(len(CHANNEL_NAMES))

    def run(stage: str, of: Problem, state: FitState | None) -> FitState:
        """Fit with the noise `stretch` times as large, on from where a fit ended."""
        nonlocal steps
        weight = windows.weight / jnp.asarray(stretch)[None, None, :]
        stretched = of._replace(windows=windows._replace(weight=weight))
        if state is None:
            state = init_fit(stretched, jnp.zeros(len(FIGURES) + 1), guess_starts(of))
        elif state.status != FitStatus.NOT_FINITE:
            state = init_fit(stretched, state.common, state.starts)
        while int(state.status) == FitStatus.RUNNING:
            state = step_fit(stretched, state)
            steps += 1
            if watch is not None:
                watch(stage, int(state.steps), float(state.normal.cost))
        return state

    state: FitState | None = None
    for scale in _HELD_STAGES:
        stretch = np.full(len(CHANNEL_NAMES), scale)
        state = run("the states of the cell", held, state)
    assert state is not None
    before = state.normal.shown
    stretch = np.full(len(CHANNEL_NAMES), _FIRST_FREE)
    state = run("the figures", problem, state)
    for judgement in range(_MOST_JUDGEMENTS):
        if state.status == FitStatus.NOT_FINITE:
            break
        found = _judge_scatter(problem, state)
        agrees = judgement > 0 and (found < _AGREES * stretch).all()
        if agrees and state.status == FitStatus.CONVERGED:
            break
        stretch = found
        state = run("the figures, with the scatter as found", problem, state)
    if state.status != FitStatus.CONVERGED:
        return _nothing(FitStatus(int(state.status)), history)._replace(steps=steps)

    information = np.asarray(measure_information(state))
    fitted, states = state.normal.shown, state.normal.states
    common = np.asarray(state.common)
    bins = before.shape[0] * before.shape[1]
    offset_sd = np.sqrt(np.linalg.inv(information)[len(FIGURES), len(FIGURES)])
    return Calibration(
        status=FitStatus.CONVERGED,
        figures=judge_figures(design, chosen, common, information),
        temperature_offset_c=float(common[-1]) * TEMPERATURE_OFFSET_SD_C,
        temperature_offset_sd_c=float(offset_sd) * TEMPERATURE_OFFSET_SD_C,
        t_plant_s=history.t_plant_s[:bins],
        measured=history.measured[:bins],
        sd=history.sd[:bins] * stretch,
        before=np.asarray(before).reshape(bins, -1),
        fitted=np.asarray(fitted).reshape(bins, -1),
        states=np.asarray(states).reshape(bins, -1),
        inflation=stretch,
        steps=steps,
        hours=bins * history.step_s / 3600.0,
        held_bins=history.held_bins,
    )


def _judge_scatter(problem: Problem, state: FitState) -> F64:
    """By how much each channel is noisier than it was taken for.

    Residuals that remember each other count for less: with a correlation r from bin to bin, as
    many as (1 - r) / (1 + r) of them.
    """
    weight = np.asarray(problem.windows.weight)
    residual = (np.asarray(state.normal.shown) - np.asarray(problem.windows.measured)) * weight
    inflation = np.ones(len(CHANNEL_NAMES))
    for at in range(len(CHANNEL_NAMES)):
        is_read = weight[..., at].reshape(-1) > 0.0
        if is_read.sum() < _MANY_READINGS:
            continue
        series = residual[..., at].reshape(-1)
        spread = float(np.sqrt(np.mean(series[is_read] ** 2)))
        both = is_read[1:] & is_read[:-1]
        memory = 0.0
        if both.sum() >= _MANY_READINGS:
            memory = float(np.mean(series[1:][both] * series[:-1][both])) / max(spread**2, 1e-12)
        memory = float(np.clip(memory, 0.0, 0.99))
        inflation[at] = spread * np.sqrt((1.0 + memory) / (1.0 - memory))
    return np.clip(inflation, 1.0, _MOST_INFLATION)


def _nothing(status: FitStatus, history: History) -> Calibration:
    """A calibration that ended without figures."""
    blank = np.full_like(history.measured, np.nan)
    return Calibration(
        status=status,
        figures=(),
        temperature_offset_c=0.0,
        temperature_offset_sd_c=TEMPERATURE_OFFSET_SD_C,
        t_plant_s=history.t_plant_s,
        measured=history.measured,
        sd=history.sd,
        before=blank,
        fitted=blank,
        states=np.empty((len(blank), 0)),
        inflation=np.ones(len(CHANNEL_NAMES)),
        steps=0,
        hours=history.hours,
        held_bins=history.held_bins,
    )
