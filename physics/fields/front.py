"""The front inside a box: what ice grows on, and how bath, front, ice and wall act on each other.

Boxes are firm (walls, wholly frozen bath) or open (bath that is not). Ice grows in open boxes on
their faces to firm ones:

    firm box -- half the ice -- its heat -- half the ice -- front at the liquidus -- film -- liquid

Ice is as thick as the frozen share of the box over the front's area. So all resistances between
wall and front add up to the ledge's thickness over its conductivity, wherever the front stands, and
the film lies at the front. Where an open box has firm neighbours on several sides, the front is one
flat face, tilted as its neighbours tell. Ice without a firm neighbour melts and freezes too, around
itself, and the less of it there is, the less of a front it has.

Where liquid touches what is firm and does not freeze on it, the film alone is between them.
"""

from typing import Final, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from physics.fields.grid import Grid, compute_areas_m2, compute_volumes_m3
from physics.fields.stencil import Faces, Halves, lower_side, upper_side

# Design value: thinner layers, in shares of a box, conduct and hold heat as one of this: they
# answer faster than anything that matters, 0.4 mm of a box of 20 mm within a second.
THINNEST_SHARE: Final = 0.02


# Design value: a front that lies across no axis by more than this is in a slot between firm boxes.
_LEAST_TILT: Final = 0.05

# Loose ice has no firm neighbour. Design values, of a box: less of it than the first has less of a
# front, in proportion, so that a step, however long, melts no more than is there; down to the
# second, as what has no front at all would never melt.
_FEW_LOOSE_SHARE: Final = 0.1
_LEAST_LOOSE_SHARE: Final = 1e-4


class FrontFaces(NamedTuple):
    """Where a firm box meets an open one."""

    firm_before: Faces  # bool: the box before the face is firm, the one beyond it open
    firm_beyond: Faces  # bool: the other way round
    area_m2: Faces  # of front on the face; 0 where it is none
    total_m2: Array  # (nx, ny, nz), of front in an open box
    is_front: Array  # (nx, ny, nz), bool: an open box with a firm neighbour


class FrontLinks(NamedTuple):
    """Conductances, W/K."""

    firm_to_ice: Faces  # from a firm box's centre to the middle of the ice
    firm_to_liquid: Faces  # through the film alone
    ice_to_front: Array  # (nx, ny, nz), of open boxes
    liquid_to_front: Array  # (nx, ny, nz)
    ice_depth_share: Array  # of the way between firm box and front, what grows with the ice
    liquid_depth_share: Array  # by how much more heat liquid gives to a front, by frozen share


def find_front_faces(grid: Grid, is_firm: Array, is_open: Array, frozen_share: Array) -> FrontFaces:
    """Find where ice can grow.

    Args:
        grid: (nx, ny, nz) boxes.
        is_firm: (nx, ny, nz), bool.
        is_open: (nx, ny, nz), bool.
        frozen_share: (nx, ny, nz), of open boxes.

    Returns:
        The faces. How the front of a box lies is told by its neighbours: across an axis it counts
        for as much as they differ in how far they are frozen. So a row of boxes that is a little
        behind the rows beside it has a front that is a little tilted, and no side that is bare.
    """
    areas = [jnp.broadcast_to(area, grid.shape) for area in compute_areas_m2(grid)]
    frozen = jnp.where(is_firm, 1.0, jnp.where(is_open, jnp.clip(frozen_share, 0.0, 1.0), 0.0))
    before, beyond, across, beside = [], [], [], []
    for axis in range(3):
        firm_before = lower_side(is_firm, axis) & upper_side(is_open, axis)
        firm_beyond = upper_side(is_firm, axis) & lower_side(is_open, axis)
        number = on_upper(firm_before.astype(float), axis) + on_lower(
            firm_beyond.astype(float), axis
        )
        # by how much a neighbour is more frozen; what cannot freeze, metal, is not frozen at all
        more = upper_side(frozen, axis) - lower_side(frozen, axis)
        before.append(firm_before)
        beyond.append(firm_beyond)
        across.append(areas[axis] * jnp.abs(on_lower(more, axis) + on_upper(more, axis)))
        beside.append(areas[axis] * number)
    own = jnp.sqrt(across[0] ** 2 + across[1] ** 2 + across[2] ** 2)
    all_beside = beside[0] + beside[1] + beside[2]
    is_front = is_open & (all_beside > 0.0)
    # across what is firm it does not lie: between two firm boxes both faces count, side by side
    tilts = [jnp.where(side > 0.0, part, 0.0) for side, part in zip(beside, across, strict=True)]
    is_slot = is_front & (tilts[0] + tilts[1] + tilts[2] <= _LEAST_TILT * all_beside)
    own = jnp.where(is_slot, all_beside, own)
    weights = [jnp.where(is_slot, side, part**2) for side, part in zip(beside, tilts, strict=True)]
    whole = weights[0] + weights[1] + weights[2]
    faces = []
    for axis in range(3):
        number = beside[axis] / areas[axis]
        per_face = (
            own * weights[axis] / (jnp.where(whole > 0.0, whole, 1.0) * jnp.maximum(number, 1.0))
        )
        faces.append(
            jnp.where(before[axis], upper_side(per_face, axis), 0.0)
            + jnp.where(beyond[axis], lower_side(per_face, axis), 0.0)
        )
    around = jnp.maximum(jnp.maximum(areas[0], areas[1]), areas[2])
    return FrontFaces(
        Faces(*before), Faces(*beyond), Faces(*faces), jnp.where(is_front, own, around), is_front
    )


def link_front(
    grid: Grid,
    faces: FrontFaces,
    has_ice: Array,
    frozen_share: Array,
    firm_half: Halves,
    contact_m2_k_per_w: Faces,
    frozen_conductivity: Array,
    liquid_conductivity: Array,
    film_m2_k_per_w: ArrayLike,
) -> FrontLinks:
    """Find how well heat passes at the front.

    Args:
        grid: (nx, ny, nz) boxes.
        faces: of `find_front_faces`.
        has_ice: (nx, ny, nz), whether there is a front in an open box.
        frozen_share: (nx, ny, nz).
        firm_half: m2 K/W, from a firm box's centre to its faces.
        contact_m2_k_per_w: of the faces themselves.
        frozen_conductivity: W/m/K, (nx, ny, nz), of ice.
        liquid_conductivity: W/m/K, (nx, ny, nz).
        film_m2_k_per_w: 1 over the heat transfer coefficient of bath to ledge.

    Returns:
        The links; 0 where there is none.
    """
    deep_m = compute_volumes_m3(grid) / faces.total_m2  # of a front that is through the box
    loose_share = jnp.clip(frozen_share, _LEAST_LOOSE_SHARE, _FEW_LOOSE_SHARE)
    wet_m2 = faces.total_m2 * jnp.where(faces.is_front, 1.0, loose_share / _FEW_LOOSE_SHARE)
    ice = deep_m * jnp.maximum(frozen_share, THINNEST_SHARE) / (2.0 * frozen_conductivity)
    # ice without a firm neighbour is all about its box
    liquid_share = jnp.where(faces.is_front, 1.0 - frozen_share, 0.0)
    liquid = deep_m * jnp.maximum(liquid_share, THINNEST_SHARE) / (2.0 * liquid_conductivity)
    to_bath = liquid + jnp.asarray(film_m2_k_per_w)
    to_ice, to_liquid = [], []
    reaching = jnp.zeros_like(ice)  # W/K, from all firm boxes to the front
    for axis in range(3):
        area = faces.area_m2[axis]
        behind = contact_m2_k_per_w[axis] + of_firm(faces, axis, firm_half[axis])
        iced = of_open(faces, axis, has_ice)
        ahead = of_open(faces, axis, ice)
        to_ice.append(jnp.where(iced, area / (behind + ahead), 0.0))
        bare = area / (behind + of_open(faces, axis, to_bath))
        to_liquid.append(jnp.where(iced, 0.0, bare))
        through = jnp.where(iced, area / (behind + 2.0 * ahead), 0.0)
        reaching = reaching + gather_at_open(faces, axis, through)
    ice_way = faces.total_m2 / jnp.where(reaching > 0.0, reaching, jnp.inf)
    return FrontLinks(
        firm_to_ice=Faces(*to_ice),
        firm_to_liquid=Faces(*to_liquid),
        ice_to_front=jnp.where(has_ice, faces.total_m2 / ice, 0.0),
        liquid_to_front=jnp.where(has_ice, wet_m2 / to_bath, 0.0),
        ice_depth_share=jnp.where(
            reaching > 0.0, deep_m / frozen_conductivity / jnp.maximum(ice_way, 1e-30), 0.0
        ),
        liquid_depth_share=jnp.where(
            faces.is_front,
            deep_m / (2.0 * liquid_conductivity) / to_bath,
            jnp.where(frozen_share < _FEW_LOOSE_SHARE, 1.0 / loose_share, 0.0),
        ),
    )


def gather_at_open(faces: FrontFaces, axis: int, values: Array) -> Array:
    """Sum up at open boxes what passes through their front faces across one axis."""
    return on_upper(jnp.where(faces.firm_before[axis], values, 0.0), axis) + on_lower(
        jnp.where(faces.firm_beyond[axis], values, 0.0), axis
    )


def gather_at_firm(faces: FrontFaces, axis: int, values: Array) -> Array:
    """Sum up at firm boxes what passes through their front faces across one axis."""
    return on_lower(jnp.where(faces.firm_before[axis], values, 0.0), axis) + on_upper(
        jnp.where(faces.firm_beyond[axis], values, 0.0), axis
    )


def of_firm(faces: FrontFaces, axis: int, field: Array) -> Array:
    """Value of the firm box of every front face across one axis."""
    before = faces.firm_before[axis]
    return jnp.where(before, lower_side(field, axis), upper_side(field, axis))


def of_open(faces: FrontFaces, axis: int, field: Array) -> Array:
    """Value of the open box of every front face across one axis."""
    before = faces.firm_before[axis]
    return jnp.where(before, upper_side(field, axis), lower_side(field, axis))


def on_lower(face: Array, axis: int) -> Array:
    """Values of faces on the boxes before them, 0 on the last."""
    return jnp.pad(face, [(0, 1) if a == axis else (0, 0) for a in range(3)])


def on_upper(face: Array, axis: int) -> Array:
    """Values of faces on the boxes beyond them, 0 on the first."""
    return jnp.pad(face, [(1, 0) if a == axis else (0, 0) for a in range(3)])
