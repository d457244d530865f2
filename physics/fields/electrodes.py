"""Faces where current changes from electrons to ions: an overvoltage in series with two half-boxes.

Between the centres of the two boxes of such a face

    drop = reversible + resistance i + overvoltage(i)

with every term rising with the current density i. So each face has one current for each drop,
found by itself, and what the boxes see is only that current and its slope.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from physics.fields.grid import Grid
from physics.parameters import CellParameters
from physics.properties import ZERO_CELSIUS_K, compute_bath_ratio, compute_saturation_wt_pct
from physics.voltage import (
    LEAST_ALUMINA_WT_PCT,
    compute_anode_concentration_v,
    compute_anode_overvoltage_v,
    compute_bubble_coverage,
    compute_bubble_thickness_cm,
    compute_cathode_concentration_v,
    compute_limiting_current_density,
    compute_reversible_v,
)

MOST_HALVINGS = 60  # design value: a bisection alone reaches rounding


class ElectrodeFaces(NamedTuple):
    """Faces of one kind of electrode, in a list; current counts from one box to the other."""

    face: Array  # (m,), place among the inner faces across x, y and z, laid out one after another
    from_box: Array  # (m,), place in the ravelled field
    to_box: Array  # (m,)
    area_cm2: Array  # (m,)
    from_half_cm: Array  # (m,), from the box's centre to the face
    to_half_cm: Array  # (m,)
    from_heat_share: Array  # (m,), of the face's own heat: what goes into the box before it
    is_across_z: Array  # (m,), a level face; else an upright one
    is_underside: Array  # (m,), current goes down: under an anode, where gas gathers


def find_electrode_faces(
    grid: Grid,
    is_from: NDArray[np.bool_],
    is_to: NDArray[np.bool_],
    thermal_w_per_m_k: NDArray[np.float64] | None = None,
) -> ElectrodeFaces:
    """List the faces between two kinds of boxes; outside of any compiled code.

    Args:
        grid: (nx, ny, nz) boxes.
        is_from: (nx, ny, nz), boxes that current leaves: the anodes, or the bath.
        is_to: (nx, ny, nz), boxes that it enters: the bath, or the metal.
        thermal_w_per_m_k: (nx, ny, nz), how the boxes conduct the heat of a face away: each takes
            the more, the less it resists. None is in equal halves.

    Returns:
        The faces, ordered by their place.

    Raises:
        ValueError: a mask has another shape, a box is of both kinds, or there is no such face.
    """
    shape = grid.shape
    if is_from.shape != shape or is_to.shape != shape or bool(np.any(is_from & is_to)):
        raise ValueError(
            f"masks of {is_from.shape} and {is_to.shape} do not name two kinds of the "
            f"{shape} boxes. Remedy: give each box one material"
        )
    box = np.arange(np.prod(shape)).reshape(shape)
    widths_cm = [
        np.broadcast_to(
            100.0 * np.expand_dims(np.asarray(w), [a for a in range(3) if a != n]), shape
        )
        for n, w in enumerate(grid)
    ]
    columns: list[list[NDArray[np.generic]]] = []
    first = 0
    for axis in range(3):
        lower = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        upper = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        up = (is_from[lower] & is_to[upper]).ravel()
        down = (is_from[upper] & is_to[lower]).ravel()
        chosen = np.flatnonzero(up | down)
        goes_down = down[chosen]
        below, above = box[lower].ravel()[chosen], box[upper].ravel()[chosen]
        half_cm = 0.5 * widths_cm[axis].ravel()
        others = [widths_cm[a].ravel()[below] for a in range(3) if a != axis]
        source, sink = np.where(goes_down, above, below), np.where(goes_down, below, above)
        resists = np.ones_like(half_cm)
        if thermal_w_per_m_k is not None:
            resists = half_cm / thermal_w_per_m_k.ravel()
        columns.append(
            [
                first + chosen,
                source,
                sink,
                others[0] * others[1],
                half_cm[source],
                half_cm[sink],
                resists[sink] / (resists[source] + resists[sink]),
                np.full(chosen.shape, axis == 2),
                goes_down & (axis == 2),
            ]
        )
        first += up.size
    joined = [np.concatenate(parts) for parts in zip(*columns, strict=True)]
    if joined[0].size == 0:
        raise ValueError("no box of the one kind touches one of the other. Remedy: correct the map")
    places = [jnp.asarray(column, dtype=jnp.int32) for column in joined[:3]]
    return ElectrodeFaces(*places, *(jnp.asarray(column) for column in joined[3:]))


class Law(Protocol):
    """How an electrode answers to a current density, in A/cm2 of each face."""

    def compute_overvoltage_v(self, density: Array) -> Array:
        """Rises with the density, 0 without one; V."""
        ...


class AnodeParts(NamedTuple):
    """What an anode's face adds beside its reversible potential, V, each (m,)."""

    reaction_v: Array
    concentration_v: Array
    bath_v: Array  # of the bath that a layer of gas thinner than the thickest leaves free
    bubble_v: Array


class AnodeLaw(NamedTuple):
    """The bath at each face of the anodes, (m,)."""

    temperature_k: Array
    alumina_wt_pct: Array
    bath_ratio: Array
    bath_s_per_cm: Array
    limiting_density: Array
    effect_alumina_wt_pct: Array
    has_bubbles: Array

    def compute_parts(self, density: Array) -> AnodeParts:
        """Overvoltages and the gas layer's voltage at a current density, A/cm2.

        The gap of boxes leaves room for the thickest gas layer, that without a current; where gas
        lies thinner, the bath between is counted here, so that a current is never paid back.
        """
        size = jnp.abs(density)
        thickness_cm = compute_bubble_thickness_cm(size)
        thickest_cm = compute_bubble_thickness_cm(jnp.zeros_like(size))
        coverage = compute_bubble_coverage(
            size, self.bath_ratio, self.alumina_wt_pct, self.effect_alumina_wt_pct
        )
        layer = jnp.where(self.has_bubbles, density / self.bath_s_per_cm, 0.0)
        return AnodeParts(
            reaction_v=compute_anode_overvoltage_v(
                self.temperature_k, density, self.alumina_wt_pct
            ),
            concentration_v=compute_anode_concentration_v(
                self.temperature_k, density, self.limiting_density
            ),
            bath_v=layer * (thickest_cm - thickness_cm),
            bubble_v=layer * thickness_cm * coverage / (1.0 - coverage),
        )

    def compute_overvoltage_v(self, density: Array) -> Array:
        """All parts together, V."""
        parts = self.compute_parts(density)
        return parts.reaction_v + parts.concentration_v + parts.bath_v + parts.bubble_v


class CathodeLaw(NamedTuple):
    """The bath at each face of the metal, (m,)."""

    temperature_k: Array
    bath_ratio: Array

    def compute_overvoltage_v(self, density: Array) -> Array:
        """Concentration overvoltage, V."""
        return compute_cathode_concentration_v(self.temperature_k, density, self.bath_ratio)


def make_anode_law(
    parameters: CellParameters,
    faces: ElectrodeFaces,
    temperature_c: Array,
    alumina_wt_pct: Array,
    bath_s_per_m: Array,
) -> tuple[AnodeLaw, Array]:
    """Look at the bath beside the anodes.

    Args:
        parameters: of the cell.
        faces: from anodes to the bath, m of them.
        temperature_c: (nx, ny, nz), degC.
        alumina_wt_pct: (nx, ny, nz), dissolved.
        bath_s_per_m: (nx, ny, nz), conductivity of the bath, S/m.

    Returns:
        The law, and the reversible potential of each face, (m,), V.
    """
    c, w, conductivity = (
        field.ravel()[faces.to_box] for field in (temperature_c, alumina_wt_pct, bath_s_per_m)
    )
    w = jnp.maximum(w, LEAST_ALUMINA_WT_PCT)
    additives = list_additives(parameters)
    law = AnodeLaw(
        temperature_k=c + ZERO_CELSIUS_K,
        alumina_wt_pct=w,
        bath_ratio=compute_bath_ratio(w, *additives),
        bath_s_per_cm=conductivity / 100.0,
        limiting_density=compute_limiting_current_density(
            c + ZERO_CELSIUS_K, parameters.one_anode_area_cm2, w
        ),
        effect_alumina_wt_pct=jnp.broadcast_to(parameters.anode_effect_alumina_wt_pct, w.shape),
        has_bubbles=faces.is_underside,
    )
    saturation = compute_saturation_wt_pct(c, *additives)
    return law, compute_reversible_v(parameters, law.temperature_k, w / saturation)


def make_cathode_law(
    parameters: CellParameters, faces: ElectrodeFaces, temperature_c: Array, alumina_wt_pct: Array
) -> CathodeLaw:
    """Look at the bath above the metal; arguments as for the anodes."""
    c, w = (field.ravel()[faces.from_box] for field in (temperature_c, alumina_wt_pct))
    w = jnp.maximum(w, LEAST_ALUMINA_WT_PCT)
    return CathodeLaw(c + ZERO_CELSIUS_K, compute_bath_ratio(w, *list_additives(parameters)))


def list_additives(parameters: CellParameters) -> tuple[Array, Array, Array, Array]:
    """Excess AlF3, CaF2, MgF2 and LiF, wt%, in the order of the bath's properties."""
    return (
        parameters.excess_alf3_wt_pct,
        parameters.caf2_wt_pct,
        parameters.mgf2_wt_pct,
        parameters.lif_wt_pct,
    )


class FaceCurrent(NamedTuple):
    """What a drop drives through each face, (m,)."""

    density: Array  # A/cm2
    slope: Array  # its derivative by the drop, S/cm2, above 0


def find_current(
    compute_overvoltage_v: Callable[[Array], Array],
    drop_v: Array,
    resistance_ohm_cm2: Array,
    start: Array,
) -> FaceCurrent:
    """Find the current density that resistance and overvoltage together let through.

    Args:
        compute_overvoltage_v: of the density, each face for itself; rising, 0 at 0.
        drop_v: (m,), beyond the reversible potential, V.
        resistance_ohm_cm2: (m,), in series; above 0.
        start: (m,), first guess, A/cm2.

    Returns:
        Density and slope.

    Source:
        Newton's method, kept between bounds: a density lies between none and what the resistance
        alone would let through, and a step that leaves its bounds halves them instead.
    """
    alone = drop_v / resistance_ohm_cm2

    def weigh(density: Array) -> tuple[Array, Array]:
        value, slope = jax.jvp(compute_overvoltage_v, (density,), (jnp.ones_like(density),))
        return value + resistance_ohm_cm2 * density - drop_v, slope + resistance_ohm_cm2

    def goes_on(state: tuple[Array, Array, Array, Array, Array]) -> Array:
        _, _, _, is_found, round_ = state
        return ~jnp.all(is_found) & (round_ < MOST_HALVINGS)

    def step(
        state: tuple[Array, Array, Array, Array, Array],
    ) -> tuple[Array, Array, Array, Array, Array]:
        density, low, high, is_found, round_ = state
        value, slope = weigh(density)
        low = jnp.where(value < 0.0, density, low)
        high = jnp.where(value > 0.0, density, high)
        tried = density - value / slope
        inside = (tried >= low) & (tried <= high)
        moved = jnp.where(is_found, density, jnp.where(inside, tried, 0.5 * (low + high)))
        # the next step would be of the square of this one
        close = jnp.abs(moved - density) <= 1e-9 * jnp.abs(moved) + 1e-300
        return moved, low, high, is_found | close | (high <= low), round_ + 1

    low, high = jnp.minimum(alone, 0.0), jnp.maximum(alone, 0.0)
    first = (
        jnp.clip(start, low, high),
        low,
        high,
        ~jnp.isfinite(drop_v),
        jnp.asarray(0),
    )
    density = jax.lax.while_loop(goes_on, step, first)[0]
    density = jnp.where(jnp.isfinite(drop_v), density, jnp.nan)
    return FaceCurrent(density, 1.0 / weigh(density)[1])
