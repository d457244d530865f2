"""One call runs every cell of the line for a while, in substeps of at most five seconds."""

from functools import partial
from typing import Final

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.efficiency import compute_metal_kg_per_s, compute_oxide_use_kg_per_s
from physics.plant.anode_effect import follow_anode_effect
from physics.plant.anodes import (
    burn_anodes,
    change_anodes,
    compute_frozen_kg,
)
from physics.plant.bath import (
    compute_alf3_loss_kg,
    move_alumina,
    view_bath,
)
from physics.plant.beam import move_beam
from physics.plant.disturbances import SECONDS_PER_DAY, SECONDS_PER_HOUR
from physics.plant.feeding import drop_shots
from physics.plant.heat import compute_heat_flows, compute_ledge_kg, grow_ledges, warm
from physics.plant.laboratory import choose_alf3_kg_per_day
from physics.plant.metal import tap_metal
from physics.plant.outputs import PlantOutputs
from physics.plant.parameters import PlantParameters
from physics.plant.rectifier import move_line_current
from physics.plant.scan import take_scan
from physics.plant.state import BathState, PlantInputs, PlantState
from physics.plant.streams import draw
from physics.plant.view import CellView, view_cells

_LONGEST_SUBSTEP_S: Final = 5.0


@jax.jit
def step_plant(
    parameters: PlantParameters, state: PlantState, inputs: PlantInputs, dt_s: ArrayLike
) -> tuple[PlantState, PlantOutputs]:
    """Run the line for a while and take one scan at its end.

    Args:
        parameters: of the line.
        state: before.
        inputs: in force all the while.
        dt_s: plant time to run, s, above 0; changing it does not recompile.

    Returns:
        The state after, and the scan.
    """
    duration_s = jnp.asarray(dt_s, dtype=state.t_s.dtype)
    count = jnp.maximum(jnp.ceil(duration_s / _LONGEST_SUBSTEP_S - 1e-9), 1.0)
    move = partial(_move_on, parameters, inputs, duration_s / count)

    # Every round looks at the cells and moves them on; one more only looks, for the scan.
    def go_round(number: Array, before: tuple[PlantState, CellView]) -> tuple[PlantState, CellView]:
        now = before[0]
        view = view_cells(parameters, now)
        after: PlantState = jax.lax.cond(number < count, move, lambda same, _: same, now, view)
        return after, view

    empty = jax.tree.map(
        lambda shaped: jnp.zeros(shaped.shape, shaped.dtype),
        jax.eval_shape(view_cells, parameters, state),
    )
    rounds = count.astype(int) + 1
    state, view = jax.lax.fori_loop(0, rounds, go_round, (state, empty))
    return take_scan(parameters, duration_s, state, view)


def _move_on(
    parameters: PlantParameters,
    inputs: PlantInputs,
    dt_s: Array,
    state: PlantState,
    view: CellView,
) -> PlantState:
    """Run for one substep from a state and what was seen of it."""
    keys, of_line, drawn = draw(state.keys)
    state, raised_cm = move_beam(parameters, inputs, dt_s, state)
    feeder, feed_kg = drop_shots(
        parameters, inputs, state.t_s, dt_s, drawn, state.anode_effect, state.feeder
    )
    made_kg = dt_s * compute_metal_kg_per_s(parameters.cell, state.line.current_ka, view.efficiency)
    metal, rise_cm, crew_cm = tap_metal(
        parameters, state.t_s, dt_s, drawn, ~state.anode_effect, made_kg, state.metal
    )
    wander = parameters.disturbances["acd_wander_cm_per_root_h"]
    wander_cm = wander * jnp.sqrt(dt_s / SECONDS_PER_HOUR) * drawn.gap
    anodes = burn_anodes(
        parameters,
        state.anodes,
        view.electric.anode_current_ka,
        rise_cm,
        raised_cm + crew_cm + wander_cm,
        dt_s,
    )
    may_change = ~state.anode_effect & ~view.tapping
    anodes = change_anodes(parameters, state.t_s, drawn, may_change, anodes)
    frozen_kg = compute_frozen_kg(parameters, anodes) - compute_frozen_kg(parameters, state.anodes)
    alf3_kg_per_day = choose_alf3_kg_per_day(parameters, inputs, state.laboratory)
    state = state._replace(alf3_kg_per_day=alf3_kg_per_day)
    state = _move_bath(parameters, dt_s, view, feed_kg, frozen_kg, state)
    state = state._replace(
        keys=keys,
        t_s=state.t_s + dt_s,
        line=move_line_current(parameters, state.t_s, dt_s, of_line, state.line),
        feeder=feeder,
        metal=metal,
        anodes=anodes,
    )
    alumina_wt_pct = view_bath(parameters, state.bath).composition.alumina_wt_pct
    return follow_anode_effect(
        parameters, drawn, alumina_wt_pct, view.electric.anode_effect_alumina_wt_pct, state
    )


def _move_bath(
    parameters: PlantParameters,
    dt_s: Array,
    view: CellView,
    feed_kg: Array,
    frozen_kg: Array,
    state: PlantState,
) -> PlantState:
    """Masses and temperatures of bath, metal and ledge after a substep."""
    bath, current_ka = state.bath, state.line.current_ka
    flows = move_alumina(parameters, bath, view.bath, feed_kg, state.anode_effect, dt_s)
    use_kg = dt_s * compute_oxide_use_kg_per_s(parameters.cell, current_ka, view.efficiency)
    use_kg = jnp.minimum(use_kg, 0.5 * bath.alumina_kg)
    heat = compute_heat_flows(
        parameters,
        current_ka,
        bath,
        view.bath,
        view.electric,
        view.efficiency,
        flows.dissolving_kg() / dt_s,
        state.anodes.cold_j,
    )
    bath_c, metal_c = warm(parameters, bath, heat, dt_s)
    bath_ledge_cm, metal_ledge_cm = grow_ledges(parameters, bath, view.bath, dt_s)
    freezing_kg = frozen_kg + (
        compute_ledge_kg(parameters, bath_ledge_cm, metal_ledge_cm)
        - compute_ledge_kg(parameters, bath.bath_ledge_cm, bath.metal_ledge_cm)
    )
    alumina_kg = flows.dissolving_kg() - use_kg
    added_kg = dt_s / SECONDS_PER_DAY * state.alf3_kg_per_day
    lost_kg = jnp.minimum(
        compute_alf3_loss_kg(parameters, bath, view.bath, feed_kg), 0.5 * bath.alf3_kg
    )
    after = BathState(
        bath_kg=bath.bath_kg - freezing_kg + alumina_kg + added_kg - lost_kg,
        alumina_kg=bath.alumina_kg + alumina_kg,
        alf3_kg=bath.alf3_kg + added_kg - lost_kg,
        undissolved_kg=bath.undissolved_kg
        + feed_kg
        - flows.at_once_kg
        - flows.slowly_kg
        - flows.settling_kg,
        sludge_kg=bath.sludge_kg + flows.settling_kg - flows.returning_kg,
        bath_temperature_c=bath_c,
        metal_temperature_c=metal_c,
        bath_ledge_cm=bath_ledge_cm,
        metal_ledge_cm=metal_ledge_cm,
    )
    return state._replace(
        bath=after,
        used_kg=state.used_kg + use_kg,
        alf3_added_kg=state.alf3_added_kg + added_kg,
        alf3_lost_kg=state.alf3_lost_kg + lost_kg,
    )
