"""What boxes are: firm, open, bare. Between steps they are sorted anew, and keep their heat.

    open -> firm    it is frozen through
    firm -> open    the bath that it touches melts it, or its neighbours keep it above the liquidus
    open -> bare    nothing is frozen in it, and it would melt what froze
    bare -> open    what is firm beside it takes more than it gives

Within a step boxes stay what they are, so that a front may leave its box: what it froze or melted
too much is passed on to the next. Bath that its neighbours keep below its liquidus, with nothing
firm beside it, freezes by itself.

A step of an implicit method overshoots a little where a box was far from its neighbours. What is
beyond the liquidus by that alone goes back by itself: to open or to freeze for it would put the box
far off again, and so on for ever.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.front import (
    THINNEST_SHARE,
    FrontFaces,
    find_front_faces,
    gather_at_firm,
    gather_at_open,
    of_firm,
    of_open,
    on_lower,
    on_upper,
)
from physics.fields.grid import compute_volumes_m3
from physics.fields.heat import HeatSetting, HeatState, count_latent, find_open
from physics.fields.heat_balance import Ways, compute_ways, find_fronts
from physics.fields.stencil import Faces, lower_side, upper_side

# Design value: heat beyond the liquidus that melts or freezes more of a box counts by itself. A
# step overshoots by 21 % at most of what a box was off: by as much only from some 200 K.
_MOST_OVERSHOT_SHARE: Final = 0.1
# Design value: of loose ice, see front.py, less is melted at once: its bath has 0.3 K less.
_CRUMB_SHARE: Final = 1e-3
# What passed its surplus on is frozen through but for rounding.
_THROUGH_SHARE: Final = 1.0 - 1e-9


class _Passage(NamedTuple):
    """On the faces across one axis, how much of what left its box goes that way."""

    back: Array  # to the firm box of a front's face
    rising: Array  # to the box beyond
    falling: Array  # to the box before


def make_heat_state(
    setting: HeatSetting, temperature_c: ArrayLike, liquidus_c: ArrayLike
) -> HeatState:
    """Boxes of given temperatures: bath below its liquidus is frozen.

    Args:
        setting: of the domain.
        temperature_c: (nx, ny, nz), or of all.
        liquidus_c: (nx, ny, nz), or of all.

    Returns:
        The state.
    """
    shape = setting.grid.shape
    temperature = jnp.broadcast_to(jnp.asarray(temperature_c, dtype=float), shape)
    liquidus = jnp.broadcast_to(jnp.asarray(liquidus_c, dtype=float), shape)
    frozen = setting.can_freeze & (temperature < liquidus)
    capacity = jnp.where(
        setting.can_freeze & ~frozen,
        setting.liquid_heat_capacity_j_per_m3_k,
        setting.heat_capacity_j_per_m3_k,
    )
    return judge_boxes(
        setting,
        HeatState(
            sensible_j_per_m3=capacity * (temperature - setting.reference_c),
            ice_sensible_j_per_m3=jnp.zeros(shape),
            frozen_share=jnp.where(frozen, 1.0, 0.0),
            is_firm=setting.is_wall | frozen,
            is_bare=jnp.zeros(shape, dtype=bool),
            temperature_c=temperature,
            ice_c=liquidus,
        ),
        liquidus,
    )


def sort_boxes(setting: HeatSetting, state: HeatState, liquidus_c: Array) -> HeatState:
    """Say anew what boxes are, of what a step left in them.

    Args:
        setting: of the domain.
        state: at a step's end, frozen shares below 0 and above 1 included.
        liquidus_c: (nx, ny, nz), at that time.

    Returns:
        The state; every box holds the same heat as before.
    """
    passed = _pass_on(setting, _nucleate(setting, state, liquidus_c), liquidus_c)
    closed = _measure(setting, _close(setting, passed), liquidus_c)
    return judge_boxes(setting, closed, liquidus_c)


def _nucleate(setting: HeatSetting, state: HeatState, liquidus_c: Array) -> HeatState:
    """Let bath below its liquidus freeze by itself, where no front is near that would take it."""
    is_open = find_open(setting, state)
    ways = compute_ways(setting, state, find_fronts(setting, state))
    faces = ways.fronts.faces
    latent = jnp.where(setting.can_freeze, count_latent(setting, liquidus_c), 1.0)
    above = liquidus_c - setting.reference_c
    liquid = setting.liquid_heat_capacity_j_per_m3_k * above  # of liquid at its liquidus
    cold = liquid - state.sensible_j_per_m3
    is_kept = _sum_given(state, liquidus_c, ways) < 0.0
    is_cold = (cold > _MOST_OVERSHOT_SHARE * latent) | ((cold > 0.0) & is_kept)
    freezes = is_open & ~faces.is_front & (state.frozen_share == 0.0) & is_cold
    share = jnp.where(freezes, cold / latent, 0.0)
    return state._replace(
        sensible_j_per_m3=jnp.where(freezes, (1.0 - share) * liquid, state.sensible_j_per_m3),
        ice_sensible_j_per_m3=state.ice_sensible_j_per_m3
        + share * setting.heat_capacity_j_per_m3_k * above,
        frozen_share=state.frozen_share + share,
    )


def _pass_on(setting: HeatSetting, state: HeatState, liquidus_c: Array) -> HeatState:
    """Let a front that went further than its box go on in the next: what melted too much melts the
    firm bath behind, what froze too much freezes the open bath ahead."""
    is_open = find_open(setting, state)
    ways = compute_ways(setting, state, find_fronts(setting, state))
    faces, excess = ways.fronts.faces, _find_excess(setting, state, liquidus_c, ways)
    volume, share = compute_volumes_m3(setting.grid), state.frozen_share
    above = liquidus_c - setting.reference_c
    of_ice = setting.heat_capacity_j_per_m3_k * above  # at its liquidus
    of_liquid = setting.liquid_heat_capacity_j_per_m3_k * above
    passages = []  # area times what lies behind or ahead, that can take it
    for axis in range(3):
        area = faces.area_m2[axis]
        can_melt = of_firm(faces, axis, setting.can_freeze) & (excess[axis] < 0.0)
        both = lower_side(is_open, axis) & upper_side(is_open, axis)
        # a face across the box from a firm one
        rising = lower_side(on_upper(jnp.where(faces.firm_before[axis], area, 0.0), axis), axis)
        falling = upper_side(on_lower(jnp.where(faces.firm_beyond[axis], area, 0.0), axis), axis)
        passages.append(
            _Passage(
                jnp.where(can_melt, area * of_firm(faces, axis, volume), 0.0),
                jnp.where(both, rising * upper_side(volume, axis), 0.0),
                jnp.where(both, falling * lower_side(volume, axis), 0.0),
            )
        )
    behind, ahead = _gather_at_givers(faces, passages)
    lack = jnp.where(is_open & (behind > 0.0), jnp.maximum(-share, 0.0), 0.0)
    surplus = jnp.where(is_open & (ahead > 0.0), jnp.maximum(share - 1.0, 0.0), 0.0)
    per_behind = volume * lack / jnp.where(behind > 0.0, behind, 1.0)
    per_ahead = volume * surplus / jnp.where(ahead > 0.0, ahead, 1.0)
    offered_to_melt, offered_to_freeze = _gather_at_takers(faces, passages, per_behind, per_ahead)
    # a thin box takes no more than it holds: the ice of three would cool it by 1000 K
    melts = _find_share(volume * share, offered_to_melt)
    freezes = _find_share(volume * (1.0 - share), offered_to_freeze)
    taken = [
        _Passage(
            back * of_firm(faces, axis, melts),
            rising * upper_side(freezes, axis),
            falling * lower_side(freezes, axis),
        )
        for axis, (back, rising, falling) in enumerate(passages)
    ]
    melted, frozen = (
        sum_ / volume for sum_ in _gather_at_takers(faces, taken, per_behind, per_ahead)
    )
    by_behind, by_ahead = _gather_at_givers(faces, taken)
    lack = lack * _find_share(by_behind, behind)
    surplus = surplus * _find_share(by_ahead, ahead)
    opens = melted > 0.0
    heat, ice = state.sensible_j_per_m3, state.ice_sensible_j_per_m3
    # of a firm box that opens all heat is that of ice, but for what melts at the liquidus
    ice = jnp.where(opens, heat - melted * of_ice, ice)
    heat = jnp.where(opens, melted * of_liquid, heat)
    gone = surplus - lack + melted - frozen
    return state._replace(
        sensible_j_per_m3=heat + (surplus - lack - frozen) * of_liquid,
        ice_sensible_j_per_m3=ice - (surplus - lack - frozen) * of_ice,
        frozen_share=share - gone,
        is_firm=state.is_firm & ~opens,
        temperature_c=jnp.where(opens, liquidus_c, state.temperature_c),
        ice_c=jnp.where(opens, state.temperature_c, state.ice_c),
    )


def _gather_at_givers(faces: FrontFaces, passages: list[_Passage]) -> tuple[Array, Array]:
    """Sum up at open boxes what leads behind, and what leads ahead."""
    behind, ahead = jnp.zeros_like(faces.total_m2), jnp.zeros_like(faces.total_m2)
    for axis, (back, rising, falling) in enumerate(passages):
        behind = behind + gather_at_open(faces, axis, back)
        ahead = ahead + on_lower(rising, axis) + on_upper(falling, axis)
    return behind, ahead


def _gather_at_takers(
    faces: FrontFaces, passages: list[_Passage], per_behind: Array, per_ahead: Array
) -> tuple[Array, Array]:
    """What firm boxes are to melt, and open ones to freeze, m3, of so much per passage."""
    melting, freezing = jnp.zeros_like(per_behind), jnp.zeros_like(per_ahead)
    for axis, (back, rising, falling) in enumerate(passages):
        melting = melting + gather_at_firm(faces, axis, back * of_open(faces, axis, per_behind))
        freezing = freezing + on_upper(rising * lower_side(per_ahead, axis), axis)
        freezing = freezing + on_lower(falling * upper_side(per_ahead, axis), axis)
    return melting, freezing


def _find_share(part: Array, whole: Array) -> Array:
    return jnp.clip(part / jnp.where(whole > 0.0, whole, 1.0), 0.0, 1.0)


def _close(setting: HeatSetting, state: HeatState) -> HeatState:
    """Let frozen shares be shares, and boxes that are frozen through be firm."""
    is_open, share = find_open(setting, state), state.frozen_share
    heat, of_ice = state.sensible_j_per_m3, state.ice_sensible_j_per_m3
    is_loose = ~find_front_faces(setting.grid, state.is_firm, is_open, share).is_front
    over = is_open & (share >= _THROUGH_SHARE)
    under = is_open & (share <= jnp.where(is_loose, _CRUMB_SHARE, 0.0))
    # what could not be passed on cools the ice, or warms the bath
    surplus = jnp.where(over, share - 1.0, 0.0) * setting.latent_heat_j_per_m3
    lack = jnp.where(under, -share, 0.0) * setting.latent_heat_j_per_m3
    together = heat + of_ice - surplus + lack
    return state._replace(
        sensible_j_per_m3=jnp.where(over | under, together, heat),
        ice_sensible_j_per_m3=jnp.where(over | under, 0.0, of_ice),
        frozen_share=jnp.where(over, 1.0, jnp.where(under, 0.0, share)),
        is_firm=state.is_firm | over,
    )


def _measure(setting: HeatSetting, state: HeatState, liquidus_c: Array) -> HeatState:
    """Temperatures of what boxes hold; where there is next to nothing, those of the last stage."""
    is_open, share = find_open(setting, state), state.frozen_share
    solid = setting.heat_capacity_j_per_m3_k
    liquid = jnp.maximum(1.0 - share, THINNEST_SHARE) * setting.liquid_heat_capacity_j_per_m3_k
    of_box = setting.reference_c + state.sensible_j_per_m3 / jnp.where(is_open, liquid, solid)
    of_ice = setting.reference_c + state.ice_sensible_j_per_m3 / (
        jnp.maximum(share, THINNEST_SHARE) * solid
    )
    few = is_open & (1.0 - share < THINNEST_SHARE)
    return state._replace(
        temperature_c=jnp.where(few, state.temperature_c, of_box),
        ice_c=jnp.where(
            is_open & (share >= THINNEST_SHARE),
            of_ice,
            jnp.where(is_open & (share > 0.0), state.ice_c, liquidus_c),
        ),
    )


def judge_boxes(setting: HeatSetting, state: HeatState, liquidus_c: Array) -> HeatState:
    """Open what melts, and find what is bare."""
    ways = compute_ways(setting, state, find_fronts(setting, state))
    warm = setting.heat_capacity_j_per_m3_k * (state.temperature_c - liquidus_c)
    is_kept = _sum_given(state, liquidus_c, ways) > 0.0
    is_warm = (warm > _MOST_OVERSHOT_SHARE * count_latent(setting, liquidus_c)) | (
        (warm > 0.0) & is_kept
    )
    melts = (
        setting.can_freeze
        & state.is_firm
        & ~setting.is_wall
        & (is_warm | (_sum_exposed(setting, state, liquidus_c, gather_at_firm) < 0.0))
    )
    state = state._replace(
        sensible_j_per_m3=jnp.where(melts, 0.0, state.sensible_j_per_m3),
        ice_sensible_j_per_m3=jnp.where(
            melts, state.sensible_j_per_m3, state.ice_sensible_j_per_m3
        ),
        is_firm=state.is_firm & ~melts,
        temperature_c=jnp.where(melts, liquidus_c, state.temperature_c),
        ice_c=jnp.where(melts, state.temperature_c, state.ice_c),
    )
    is_open = find_open(setting, state)
    net = _sum_exposed(setting, state, liquidus_c, gather_at_open)
    return state._replace(is_bare=is_open & (state.frozen_share <= 0.0) & (net < 0.0))


def _find_excess(setting: HeatSetting, state: HeatState, liquidus_c: Array, ways: Ways) -> Faces:
    """What would freeze on a firm box with nothing frozen on it, W: what it takes from the
    liquidus, less what the bath gives; below 0 it melts."""
    faces, found = ways.fronts.faces, []
    for axis in range(3):
        liquidus = of_open(faces, axis, liquidus_c)
        behind = setting.film_m2_k_per_w[axis] + of_firm(faces, axis, ways.half[axis])
        ahead = setting.front_film_m2_k_per_w + of_open(faces, axis, ways.half[axis])
        taken = (liquidus - of_firm(faces, axis, state.temperature_c)) / behind
        given = (of_open(faces, axis, state.temperature_c) - liquidus) / ahead
        found.append(faces.area_m2[axis] * (taken - given))
    return Faces(*found)


def _sum_given(state: HeatState, liquidus_c: Array, ways: Ways) -> Array:
    """What neighbours would give to a box at its liquidus, W."""
    faces, total = ways.fronts.faces, jnp.zeros_like(state.temperature_c)
    for axis in range(3):
        g = ways.conductance[axis]
        to_lower = upper_side(state.temperature_c, axis) - lower_side(liquidus_c, axis)
        to_upper = lower_side(state.temperature_c, axis) - upper_side(liquidus_c, axis)
        total = total + on_lower(g * to_lower, axis) + on_upper(g * to_upper, axis)
        of_ice = of_open(faces, axis, state.ice_c) - of_firm(faces, axis, liquidus_c)
        total = total + gather_at_firm(faces, axis, ways.links.firm_to_ice[axis] * of_ice)
    return total


def _sum_exposed(
    setting: HeatSetting,
    state: HeatState,
    liquidus_c: Array,
    gather: Callable[[FrontFaces, int, Array], Array],
) -> Array:
    """Sum of `_find_excess` where nothing is frozen on a firm box, W, of firm or of open boxes."""
    ways = compute_ways(setting, state, find_fronts(setting, state))
    excess = _find_excess(setting, state, liquidus_c, ways)
    total = jnp.zeros_like(state.temperature_c)
    for axis in range(3):
        is_exposed = of_open(ways.fronts.faces, axis, state.frozen_share) <= 0.0
        total = total + gather(ways.fronts.faces, axis, jnp.where(is_exposed, excess[axis], 0.0))
    return total
