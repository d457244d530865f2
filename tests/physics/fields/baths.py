"""A small bath of boxes for tests: half a slice of a cell with an anode in it."""

import jax.numpy as jnp
import numpy as np

from physics.alumina import AluminaConstants
from physics.fields.feeders import make_feeder_shares
from physics.fields.grid import make_grid
from physics.fields.transport import (
    TransportInputs,
    TransportSetting,
    make_transport_setting,
)

SHAPE = (6, 4, 4)
GRID = make_grid([0.3, 0.3, 0.3, 0.1, 0.06, 0.04], [0.5, 0.5, 0.5, 0.5], [0.02, 0.03, 0.06, 0.1])
CONSTANTS = AluminaConstants(*(jnp.asarray(x) for x in (0.6, 0.002, 2e-4, 5e-4)))


def make_bath_mask() -> np.ndarray:
    """All boxes are bath but those of the anode."""
    is_bath = np.ones(SHAPE, dtype=bool)
    is_bath[1:3, :, 2:] = False
    return is_bath


def make_bath() -> TransportSetting:
    return make_transport_setting(GRID, make_bath_mask(), CONSTANTS, 0.02)


def make_inputs(
    setting: TransportSetting,
    feed_kg_per_s: float = 0.0,
    use_kg_per_s: float = 0.0,
    alf3_kg_per_s: float = 0.0,
    frozen_share: float = 0.0,
) -> TransportInputs:
    """A feeder at the centre line, electrolysis under the anode, a ledge of equal share of the
    outer boxes, from the shell inwards."""
    drop = make_feeder_shares(GRID, make_bath_mask(), [[0.1, 0.7]], 0.3)[0]
    under = jnp.zeros(SHAPE).at[1:3, :, 0].set(setting.volume_m3[1:3, :, 0])
    ledge = jnp.clip(jnp.arange(6.0) - 5.0 + 3.0 * frozen_share, 0.0, 1.0)
    return TransportInputs(
        feed_kg_per_s=feed_kg_per_s * drop,
        consumption_kg_per_s=use_kg_per_s * under / under.sum(),
        alf3_kg_per_s=alf3_kg_per_s * drop,
        liquid_share=jnp.broadcast_to((1.0 - ledge)[:, None, None], SHAPE),
        saturation_wt_pct=jnp.asarray(8.0, dtype=float),
    )
