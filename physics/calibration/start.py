"""Where a fit begins: states that agree with what was measured as each window began."""

import jax
import jax.numpy as jnp
from jax import Array

from physics.calibration.history import TEMPERATURE, VOLTAGE
from physics.calibration.windows import STATES, Problem, Windows
from physics.voltage import compute_voltage_parts

_LOOK_BINS = 6  # design value: half an hour at the beginning of a window


@jax.jit
def guess_starts(problem: Problem) -> Array:
    """States for the beginning of every window: temperature as measured, gap by the voltage.

    Args:
        problem: of the fit.

    Returns:
        (K, N) from nominal, in `state_sd`; what nothing was measured for is nominal.
    """
    at_t, at_acd = STATES.index("bath_temperature_c"), STATES.index("acd_cm")
    alumina = problem.start[STATES.index("alumina_wt_pct")]

    def one(window: Windows) -> Array:
        look = slice(0, _LOOK_BINS)
        is_read = window.weight[look] > 0.0
        counts = jnp.maximum(is_read.sum(0), 1)
        shown = jnp.where(is_read, window.measured[look], 0.0).sum(0) / counts
        temperature_c = jnp.where(
            is_read[:, TEMPERATURE].any(), shown[TEMPERATURE], problem.start[at_t]
        )

        def voltage(acd_cm: Array) -> Array:
            parts = compute_voltage_parts(
                problem.parameters, window.current_ka[look].mean(), alumina, temperature_c, acd_cm
            )
            return parts.total()

        at_nominal, slope = jax.value_and_grad(voltage)(problem.start[at_acd])
        gap_cm = problem.start[at_acd] + jnp.where(
            is_read[:, VOLTAGE].any(), (shown[VOLTAGE] - at_nominal) / slope, 0.0
        )
        start = problem.start.at[at_t].set(temperature_c).at[at_acd].set(gap_cm)
        return (start - problem.start) / problem.state_sd

    starts: Array = jax.vmap(one)(problem.windows)
    return starts
