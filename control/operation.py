"""Operating points of a plant: what may be set, what must be kept, and which of many are best."""

from collections.abc import Mapping
from typing import Final

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from control.limits import SetpointLimits
from control.objective import ControlObjective
from control.rating import ALUMINA, BATCH, GAP, SWING, TARGETS, Rater
from control.whatif import THIN_LEDGE_CM
from physics.design import oxide_kg_per_h_and_ka
from physics.signals import SETPOINTS

F64 = NDArray[np.float64]

KEPT: Final = (
    "superheat_low",
    "superheat_high",
    "alumina_low",
    "alumina_high",
    "noise",
    "ledge",
    "feed_low",
    "feed_high",
)
GAP_SD_CM: Final = 0.08  # design value: of a settled estimate; lifts the floor of the gap
_WIDEST_SWING_WT_PCT: Final = 1.0  # design value
_KEPT_WITHIN: Final = 1e-3


class Operation:
    """What may be set at a plant, and what an operating point must keep.

    Args:
        rater: of the plant.
        objective: its soft bounds.
        limits: of its setpoints, by name.
        alf3_reach_wt_pct: how far from the plant file's excess AlF3 is studied.
    """

    def __init__(
        self,
        rater: Rater,
        objective: ControlObjective,
        limits: Mapping[str, SetpointLimits],
        alf3_reach_wt_pct: float = 1.0,
    ) -> None:
        self.rater, self.objective = rater, objective
        self._feed = limits[SETPOINTS[0]]
        cell = rater.design.cell
        alf3 = cell.bath.excess_alf3_wt_pct
        self.low = np.array(
            [
                objective.acd_floor_cm(GAP_SD_CM, 0.0),
                objective.alumina_low_wt_pct,
                0.0,
                max(alf3 - alf3_reach_wt_pct, 0.0),
            ]
        )
        self.high = np.array(
            [
                objective.acd_high_cm,
                objective.alumina_high_wt_pct,
                _WIDEST_SWING_WT_PCT,
                alf3 + alf3_reach_wt_pct,
            ]
        )
        self.nominal = np.array(
            [
                cell.nominal.acd_cm,
                objective.alumina_target_wt_pct,
                objective.alumina_swing_wt_pct,
                alf3,
            ]
        )
        self._judge = jax.jit(jax.vmap(lambda z: (rater.objectives(z), self.beyond(z))))

    def beyond(self, targets: Array) -> Array:
        """How far a point is beyond each of `KEPT`, (8,); not above 0 where it is kept.

        In degC, wt%, cm, tens of mV and hundreds of kg/h, so that all are of order 1.
        """
        objective, line = self.objective, self.rater.design.line
        steady = self.rater.steady(targets)
        alumina, swing = targets[ALUMINA], targets[SWING]
        use_kg_per_h = (
            oxide_kg_per_h_and_ka(self.rater.design.cell.metal)
            * line.current_ka
            * steady.current_efficiency
        )
        # A triangle goes up and down by twice its swing within a period.
        slope_wt_pct_per_h = 4.0 * swing / objective.alumina_swing_period_h
        swung_kg_per_h = slope_wt_pct_per_h * self.rater.design.cell.bath.mass_kg / 100.0
        straying = objective.certainty_factor * steady.deviate_wt_pct
        return jnp.stack(
            [
                objective.superheat_low_c - steady.superheat_c,
                steady.superheat_c - objective.superheat_high_c,
                objective.alumina_low_wt_pct - (alumina - swing),
                alumina + swing + straying - objective.alumina_high_wt_pct,
                (steady.voltage_noise_mv - objective.noise_limit_mv) / 10.0,
                THIN_LEDGE_CM - steady.ledge_cm,
                (self._feed.low - use_kg_per_h + swung_kg_per_h) / 100.0,
                (use_kg_per_h + swung_kg_per_h - self._feed.high) / 100.0,
            ]
        )

    def judge(self, targets: F64) -> tuple[F64, F64]:
        """Return the objectives, (n, 3), and how far each point is beyond its bounds, (n, 8)."""
        count = len(targets)
        padded = np.resize(targets, (-(-count // BATCH) * BATCH, len(TARGETS)))
        parts = [self._judge(jnp.asarray(part)) for part in np.split(padded, len(padded) // BATCH)]
        values, beyond = (np.concatenate([np.asarray(p[i]) for p in parts]) for i in (0, 1))
        return values[:count], beyond[:count]

    def is_kept(self, targets: F64) -> NDArray[np.bool_]:
        """Whether each point keeps every bound, (n,)."""
        _, beyond = self.judge(targets)
        return np.asarray(np.all(beyond <= _KEPT_WITHIN, axis=1))

    def present(self) -> F64:
        """Return the targets of the plant file, with the gap where its controller would have it:
        as small as superheat and the floor allow, (4,)."""
        gaps = np.linspace(self.low[GAP], self.high[GAP], 4 * BATCH)
        points = np.tile(self.nominal, (len(gaps), 1))
        points[:, GAP] = gaps
        _, beyond = self.judge(points)
        allowed = np.flatnonzero(beyond[:, KEPT.index("superheat_low")] <= _KEPT_WITHIN)
        return points[allowed[0]] if len(allowed) else self.nominal


def find_front(values: F64) -> NDArray[np.intp]:
    """Return the rows of `values`, (n, k), that no other row is at least as good as in everything
    and better in something; of equal rows the first."""
    kept = []
    for row, value in enumerate(values):
        no_worse = np.all(values <= value, axis=1)
        better = no_worse & np.any(values < value, axis=1)
        same_before = no_worse[:row] & np.all(values[:row] == value, axis=1)
        if not better.any() and not same_before.any():
            kept.append(row)
    return np.array(kept, dtype=np.intp)


def find_knee(values: F64) -> int:
    """Return the row of a front, (n, k), that is nearest to the best of everything, each objective
    counted in its range on the front."""
    low, high = values.min(axis=0), values.max(axis=0)
    scaled = (values - low) / np.maximum(high - low, 1e-12)
    return int(np.argmin(np.linalg.norm(scaled, axis=1)))
