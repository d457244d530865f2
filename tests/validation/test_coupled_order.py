"""The coupled fields converge at their order: a stack without freezing, finer and finer.

No solution is known in closed form, so each answer is compared with that of twice as fine steps or
boxes: the differences fall by 2 to the power of the order (Richardson).
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from physics.fields.coupled_run import CoupledRun, begin_run
from physics.fields.coupled_step import Tolerances, step_coupled
from physics.fields.coupling import CoupledSetting, Drives
from physics.fields.electrodes import ElectrodeFaces
from physics.fields.heat import compute_temperature_c
from tests.physics.fields.small_cell import STACK, make_drives, make_small_cell

SPAN_S = 1200.0
COLUMN = replace(STACK, anode_x=1)
# so that heat comes further than a box within the span
SOLID_W_PER_M_K, BATH_W_PER_M_K = 600.0, 1500.0
CONTACT_OHM_M2 = 1e-9  # so little that it heats nothing
START_C = 965.0
# far below what matters, so that what a stage leaves unsolved does not show
TIGHT = Tolerances(jnp.asarray(1e-4), jnp.asarray(1e-4))


def _drives(share: Array) -> Drives:
    """Drives that all move, smoothly; `share` of the span from 0 to 1."""
    wave = jnp.sin(2.0 * share)
    nominal = make_drives(ambient_temperature_c=START_C)
    return nominal._replace(
        line_current_ka=nominal.line_current_ka * (1.0 + 0.05 * wave),
        acd_cm=nominal.acd_cm + 0.3 * wave,
        feed_kg_per_s=nominal.feed_kg_per_s * (1.0 + wave),
        ambient_temperature_c=nominal.ambient_temperature_c + 10.0 * wave,
    )


@jax.jit
def _march(setting: CoupledSetting, run: CoupledRun, steps: Array) -> CoupledRun:
    def advance(number: Array, now: CoupledRun) -> CoupledRun:
        begin, end = _drives(number / steps), _drives((number + 1.0) / steps)
        step = step_coupled(setting, now.state, begin, end, SPAN_S / steps, TIGHT)
        return now._replace(state=step.state)

    return jax.lax.fori_loop(0, steps, advance, run)


def _make_column(refine: int) -> CoupledSetting:
    setting = make_small_cell(replace(COLUMN, refine=refine))
    heat, potential = setting.heat, setting.potential
    width = heat.grid.width_z_m
    each = jnp.where(heat.can_freeze, BATH_W_PER_M_K, SOLID_W_PER_M_K)
    area = heat.grid.width_x_m[:, None, None] * heat.grid.width_y_m[None, :, None]
    # a contact leads to its box's centre: carbon of half a box is in series with it
    carbon = (
        0.5
        * width[None, None, :]
        / jnp.where(potential.solid_s_per_m > 0.0, potential.solid_s_per_m, 1.0)
    )
    leads = area / (CONTACT_OHM_M2 + carbon)

    def share(faces: ElectrodeFaces) -> ElectrodeFaces:
        before, behind = (
            half / each.ravel()[box]
            for half, box in (
                (faces.from_half_cm, faces.from_box),
                (faces.to_half_cm, faces.to_box),
            )
        )
        return faces._replace(from_heat_share=behind / (before + behind))

    return setting._replace(
        heat=heat._replace(conductivity_w_per_m_k=each, liquid_conductivity_w_per_m_k=each),
        potential=potential._replace(
            anode=share(potential.anode),
            cathode=share(potential.cathode),
            top_contact_s=jnp.where(potential.top_contact_s > 0.0, leads, 0.0),
            bottom_contact_s=jnp.where(potential.bottom_contact_s > 0.0, leads, 0.0),
        ),
    )


@jax.jit
def _begin(setting: CoupledSetting) -> CoupledRun:
    # all at one temperature, that of the surroundings too: nothing begins with a jump
    temperature = jnp.full(setting.heat.grid.shape, START_C)
    return begin_run(setting, temperature, 3.0, 13.0, _drives(jnp.zeros(())))


def _observe(setting: CoupledSetting, run: CoupledRun) -> dict[str, np.ndarray]:
    """Temperature, alumina and potential, averaged over the coarsest boxes."""
    state = run.state
    temperature = compute_temperature_c(setting.heat, state.heat)
    volume = setting.transport.volume_m3
    nx, _, nz = COLUMN.anode_x, 1, setting.heat.grid.shape[2]
    coarse_z = STACK.brick_z + STACK.cathode_z + STACK.metal_z + STACK.gap_z + STACK.top_z

    def join(field: Array, z: int) -> np.ndarray:
        each = np.asarray(field).reshape(nx, field.shape[0] // nx, z, field.shape[2] // z)
        return each.mean(axis=(1, 3))

    assert nz % coarse_z == 0
    return {
        "temperature": join(temperature, coarse_z),
        "alumina": join(state.solutes.dissolved_kg / volume, STACK.gap_z),
        "potential": join(state.potential.potential_v, coarse_z),
        "voltage": np.asarray(state.cell_voltage_v),
    }


def _order(coarse: np.ndarray, middle: np.ndarray, fine: np.ndarray) -> float:
    return float(np.log2(np.abs(coarse - middle).max() / np.abs(middle - fine).max()))


@pytest.mark.slow
def test_second_order_in_time_and_one_compilation(compilations: list[str]) -> None:
    setting = _make_column(1)
    run = _begin(setting)
    answers = [_observe(setting, _march(setting, run, jnp.asarray(8)))]
    compilations.clear()
    answers += [_observe(setting, _march(setting, run, jnp.asarray(n))) for n in (16, 32)]
    assert not compilations
    for name in answers[0]:
        order = _order(*(answer[name] for answer in answers))
        assert order > 1.9, (name, order)


@pytest.mark.slow
def test_second_order_in_space() -> None:
    answers = []
    for refine in (1, 2, 4):
        setting = _make_column(refine)
        answers.append(_observe(setting, _march(setting, _begin(setting), jnp.asarray(6))))
    for name in answers[0]:
        order = _order(*(answer[name] for answer in answers))
        assert order > 1.9, (name, order)
