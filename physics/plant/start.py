"""Where a simulated line begins: each cell near its own steady state, somewhere in its rounds."""

from functools import partial
from typing import Final, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from physics.design import PlantDesign
from physics.efficiency import compute_oxide_use_kg_per_s
from physics.ledge import compute_steady_ledge_cm
from physics.plant.anodes import (
    COLD_S,
    FROZEN_MELT_S,
    LIFE_S,
    compute_anode_heat_v,
    compute_pair_heat_j,
)
from physics.plant.bath import BathView, move_alumina
from physics.plant.disturbances import Disturbances
from physics.plant.heat import compute_exchange_w_per_k, compute_heat_flows
from physics.plant.laboratory import compute_alf3_base_kg_per_day
from physics.plant.nature import NATURE_NORMALS, draw_cells
from physics.plant.parameters import (
    BuiltLine,
    PlantParameters,
    list_disturbances,
    make_built_line,
)
from physics.plant.state import (
    AnodeState,
    BathState,
    FeederState,
    LaboratoryState,
    LineState,
    MetalState,
    NoiseState,
    PlantState,
)
from physics.plant.streams import draw_numbers, make_keys
from physics.plant.view import CellView, view_parts
from physics.precision import strengthen

_FROZEN_SHARE: Final = 0.6  # design value: of a new anode, as for changes while the line runs
_ROUNDS: Final = 60  # of the fixed-point iteration; it gains a digit in two or three
_DAMPING: Final = 0.7  # of each round
_VOLTS_SHARE_PER_CM: Final = 0.09  # of the cell voltage for a cm of gap, about
_LEAST_SUPERHEAT_C: Final = 0.5  # design value: colder cells would freeze through
_ALUMINA_SPREAD_WT_PCT: Final = 0.6  # design value: range of the first alumina
_VOLTAGE_SPREAD_V: Final = 0.04  # design value: range of the first voltage
_BEAM_SPREAD_MM: Final = 40.0  # design value: range of the first beam position


class Phases(NamedTuple):
    """Where a cell begins, as numbers between 0 and 1; each (C,)."""

    alumina: Array
    voltage: Array
    beam: Array
    shot: Array
    anodes: Array  # of the time between two changes
    tap: Array  # of the time between two tappings
    sample: Array


def init_plant(
    design: PlantDesign,
    cell_count: int,
    seed: int,
    disturbances: Disturbances | None = None,
    cell_voltage_v: float | None = None,
) -> tuple[PlantParameters, PlantState]:
    """Build a line of cells that differ, each near its own steady state.

    Args:
        design: what the cells were built as.
        cell_count: C, 1 or more.
        seed: of all random numbers.
        disturbances: spread, faults, operations and noise; the defaults where none are given.
        cell_voltage_v: at which the line has stood until now; nominal where none is given. A line
            that is started at another voltage than it is then held at takes weeks to settle: its
            ledge melts into the bath and thins its AlF3.

    Returns:
        Parameters and the state at plant time 0.

    Raises:
        ValueError: `cell_count` is below 1, or a voltage is not between 0.8 and 1.5 times nominal.
    """
    if cell_count < 1:
        raise ValueError(f"a line of {cell_count} cells cannot run. Remedy: ask for 1 or more")
    nominal_v = design.cell.nominal.cell_voltage_v
    held_v = nominal_v if cell_voltage_v is None else cell_voltage_v
    if not 0.8 * nominal_v <= held_v <= 1.5 * nominal_v:
        raise ValueError(
            f"a line does not stand at {held_v} V a cell. Remedy: give cell_voltage_v near the "
            f"design's {nominal_v} V"
        )
    built = make_built_line(design)._replace(start_voltage_v=jnp.asarray(held_v, dtype=float))
    world = list_disturbances(disturbances if disturbances is not None else Disturbances())
    begun: tuple[PlantParameters, PlantState] = _begin(built, world, jnp.asarray(seed), cell_count)
    return strengthen(begun)


@partial(jax.jit, static_argnames="cell_count")
def _begin(
    built: BuiltLine, world: dict[str, Array], seed: Array, cell_count: int
) -> tuple[PlantParameters, PlantState]:
    anodes = built.anode_share.shape[0]
    noises = len(NoiseState._fields)
    normals = NATURE_NORMALS + anodes + noises
    keys, numbers = draw_numbers(make_keys(seed, cell_count), normals, len(Phases._fields))
    of_cells = numbers[:, 1:]
    cell, nature = draw_cells(built, world, of_cells[:NATURE_NORMALS])
    parameters = PlantParameters(built, cell, nature, world)
    noise = NoiseState(*of_cells[normals - noises : normals])
    phases = Phases(*of_cells[normals:])
    anodes_at_start, bath = _settle(
        parameters,
        _start_anodes(parameters, of_cells[NATURE_NORMALS : normals - noises].T, phases.anodes),
        built.nominal_alumina_wt_pct + _ALUMINA_SPREAD_WT_PCT * (phases.alumina - 0.5),
        built.start_voltage_v + _VOLTAGE_SPREAD_V * (phases.voltage - 0.5),
    )
    zeros = jnp.zeros(cell_count)
    unknown = jnp.full(cell_count, jnp.nan)
    beam_mm = jnp.round(built.beam_start_mm + _BEAM_SPREAD_MM * (phases.beam - 0.5), 1)
    state = PlantState(
        t_s=jnp.zeros(()),
        bath=bath,
        anodes=anodes_at_start,
        feeder=FeederState(
            due_kg=built.shot_kg * phases.shot,
            rate_kg_per_h=built.feed_kg_per_h + zeros,
            crust_kg=zeros,
            fault_until_s=zeros - 1.0,
            fed_kg=zeros,
            arrived_kg=zeros,
        ),
        metal=_start_metal(parameters, phases.tap),
        noise=noise._replace(drift_c=world["temperature_drift_c"] * noise.drift_c),
        laboratory=LaboratoryState(world["sample_s"] * phases.sample, *([unknown] * 9)),
        line=LineState(
            current_ka=built.line_current_ka, cut_ka=jnp.zeros(()), cut_until_s=jnp.zeros(())
        ),
        beam_mm=beam_mm,
        anode_mm=beam_mm,
        alf3_kg_per_day=compute_alf3_base_kg_per_day(parameters) + zeros,
        alf3_added_kg=zeros,
        alf3_lost_kg=zeros,
        used_kg=zeros,
        anode_effect=jnp.zeros(cell_count, dtype=bool),
        anode_effect_since_s=zeros,
        anode_effect_v=zeros,
        keys=keys,
    )
    return parameters, state


def _start_anodes(parameters: PlantParameters, normal: Array, phase: Array) -> AnodeState:
    """Anodes of all ages, the pair that is changed next the oldest."""
    world = parameters.disturbances
    cells, count = normal.shape
    pairs = max(count // 2, 1)
    changes = jnp.isfinite(world["anode_life_s"])
    between_s = jnp.where(changes, world["anode_life_s"], LIFE_S) / pairs
    pair = (jnp.arange(count) // 2 % pairs)[None, :]
    # Pair 0 is next; the last one was set `phase` of the interval ago.
    since_s = between_s * phase
    age_s = between_s * (pairs - 1 - pair) + since_s[:, None]
    frozen_share = jnp.where(changes, _FROZEN_SHARE, 0.0) * jnp.exp(-age_s / FROZEN_MELT_S)
    return AnodeState(
        gap_cm=parameters.built.nominal_acd_cm + world["gap_spread_cm"] * normal,
        frozen_share=frozen_share,
        set_s=-age_s,
        cold_j=compute_pair_heat_j(parameters) * jnp.exp(-since_s / COLD_S),
        next_pair=jnp.zeros(cells, dtype=int),
        next_change_s=jnp.where(changes, between_s - since_s, jnp.inf),
    )


def _start_metal(parameters: PlantParameters, phase: Array) -> MetalState:
    """A pad that is so far between two tappings."""
    zeros = jnp.zeros_like(phase)
    tap_s, low_kg = parameters.disturbances["tap_s"], parameters.nature.metal_low_kg
    gathered_kg = 2.0 * phase * (parameters.built.metal_kg - low_kg)
    is_tapped = jnp.isfinite(tap_s)
    left_s = jnp.where(is_tapped, tap_s, 0.0) * (1.0 - phase)
    return MetalState(
        metal_kg=low_kg + gathered_kg,
        made_kg=zeros,
        tapped_kg=zeros,
        tap_left_kg=zeros,
        owed_mm=zeros,
        next_tap_s=jnp.where(is_tapped, left_s, jnp.inf),
    )


def _settle(
    parameters: PlantParameters,
    anodes: AnodeState,
    alumina_wt_pct: Array,
    cell_voltage_v: Array,
) -> tuple[AnodeState, BathState]:
    """Gap, temperatures and ledges at which a cell stands still at the given voltage."""
    cell, nature = parameters.cell, parameters.nature
    current_ka = parameters.built.line_current_ka
    zeros = jnp.zeros_like(cell_voltage_v)
    temperature_c = parameters.built.nominal_temperature_c + zeros
    steady_cold_j = 1e3 * current_ka * compute_anode_heat_v(parameters) * COLD_S + zeros
    first = BathState(
        bath_kg=cell.bath_mass_kg,
        alumina_kg=alumina_wt_pct * cell.bath_mass_kg / 100.0,
        alf3_kg=cell.excess_alf3_wt_pct * cell.bath_mass_kg / 100.0,
        undissolved_kg=zeros,
        sludge_kg=zeros,
        bath_temperature_c=temperature_c,
        metal_temperature_c=temperature_c,
        bath_ledge_cm=zeros + 10.0,
        metal_ledge_cm=zeros + 10.0,
    )
    loss_w_per_k = (
        nature.bath_film_w_per_m2_k * nature.bath_ledge_m2
        + nature.metal_film_w_per_m2_k * nature.metal_ledge_m2
        + nature.top_w_per_k
        + nature.bottom_w_per_k
    )

    def look(anodes: AnodeState, bath: BathState) -> CellView:
        return view_parts(parameters, jnp.zeros(()), current_ka, bath, anodes, zeros, zeros > 0.0)

    def approach(
        _: Array, guess: tuple[AnodeState, BathState, CellView]
    ) -> tuple[AnodeState, BathState, CellView]:
        anodes, bath = guess[:2]
        view = look(anodes, bath)
        use_kg_per_s = compute_oxide_use_kg_per_s(cell, current_ka, view.efficiency)
        heat = compute_heat_flows(
            parameters,
            current_ka,
            bath,
            view.bath,
            view.electric,
            view.efficiency,
            use_kg_per_s,
            steady_cold_j,
        )
        warmer_c = _DAMPING * (heat.bath_w + heat.metal_w) / loss_w_per_k
        nearer_c = heat.metal_w / compute_exchange_w_per_k(parameters)
        missing_v = cell_voltage_v - view.electric.cell_voltage_v
        wider_cm = _DAMPING * missing_v / (_VOLTS_SHARE_PER_CM * cell_voltage_v)
        return (
            anodes._replace(gap_cm=anodes.gap_cm + wider_cm[:, None]),
            bath._replace(
                bath_temperature_c=bath.bath_temperature_c + warmer_c,
                metal_temperature_c=bath.metal_temperature_c + warmer_c + nearer_c,
            ),
            view,
        )

    empty = jax.tree.map(
        lambda shaped: jnp.zeros(shaped.shape, shaped.dtype), jax.eval_shape(look, anodes, first)
    )
    settled: tuple[AnodeState, BathState, CellView] = jax.lax.fori_loop(
        0, _ROUNDS, approach, (anodes, first, empty)
    )
    still_anodes, still_bath, view = settled
    use_kg_per_s = compute_oxide_use_kg_per_s(cell, current_ka, view.efficiency)
    return still_anodes, _add_reservoirs(parameters, still_bath, view.bath, use_kg_per_s)


def _add_reservoirs(
    parameters: PlantParameters, bath: BathState, view: BathView, use_kg_per_s: Array
) -> BathState:
    """Ledges that neither grow nor melt, and what waits and lies when as much is fed as used."""
    cell, nature = parameters.cell, parameters.nature

    def steady_cm(film_w_per_m2_k: Array, temperature_c: Array) -> Array:
        behind = cell._replace(bath_to_ledge_w_per_m2_k=film_w_per_m2_k)
        superheat_c = jnp.maximum(temperature_c - view.liquidus_c, _LEAST_SUPERHEAT_C)
        return jnp.clip(compute_steady_ledge_cm(behind, superheat_c, view.liquidus_c), 2.0, 30.0)

    one_kg = jnp.ones_like(use_kg_per_s)
    of_one = move_alumina(
        parameters,
        bath._replace(undissolved_kg=one_kg, sludge_kg=one_kg),
        view,
        use_kg_per_s,
        one_kg < 0.0,
        jnp.ones(()),
    )
    undissolved_kg = (use_kg_per_s - of_one.at_once_kg) / (of_one.slowly_kg + of_one.settling_kg)
    return bath._replace(
        undissolved_kg=undissolved_kg,
        sludge_kg=undissolved_kg * of_one.settling_kg / of_one.returning_kg,
        bath_ledge_cm=steady_cm(nature.bath_film_w_per_m2_k, bath.bath_temperature_c),
        metal_ledge_cm=steady_cm(nature.metal_film_w_per_m2_k, bath.metal_temperature_c),
    )
