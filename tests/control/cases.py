"""What the tests of this room start from: limits, a quiet situation, and a cell that is linear."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from control.interlock import (
    OPTIMISER_ROLE,
    InterlockLimits,
    Request,
    SectionState,
    Situation,
)
from control.interlock_state import SetpointState
from control.limits import GuardLimits, OutOfLimit, SetpointLimits
from control.modes import Mode
from control.prediction import CellModel

FEED = "alumina_feed_rate_kg_per_h"
BEAM = "beam_position_mm"
SECOND_NS = 1_000_000_000
NOW_NS = 1_750_000_000 * SECOND_NS
NOW_PLANT_S = 50_000.0
HOUR_S = 3600.0

FEED_LIMITS = SetpointLimits(
    name=FEED,
    unit="kg/h",
    low=90.0,
    high=300.0,
    max_step=110.0,
    max_rate_per_h=6000.0,
    max_travel=1500.0,
    travel_window_h=6.0,
    resolution=0.1,
    readback_tolerance=0.5,
)
BEAM_LIMITS = SetpointLimits(
    name=BEAM,
    unit="mm",
    low=20.0,
    high=380.0,
    max_step=1.0,
    max_rate_per_h=12.0,
    max_travel=30.0,
    travel_window_h=24.0,
    resolution=0.1,
    readback_tolerance=0.2,
)
GUARD = GuardLimits(
    max_input_age_s=5.0,
    max_cells_per_scan=3,
    shed_after_s=3.0,
    readback_deadline_s=4.0,
    proposal_validity_s=5.0,
)
SETPOINT_LIMITS = {FEED: FEED_LIMITS, BEAM: BEAM_LIMITS}
LIMITS = InterlockLimits(SETPOINT_LIMITS, GUARD)


def written_at(t_plant_s: float, **others: Any) -> SetpointState:
    """A setpoint whose last move was judged at that plant time and came to the plant, in stay 0."""
    return SetpointState(moved_plant_s=t_plant_s, written_stay=0, **others)


EMPTY = SectionState()
# Cell 7 has had its first write, which is the read-back, when it entered AUTO an hour ago.
BEGUN = EMPTY.remember(7, FEED, written_at(NOW_PLANT_S - HOUR_S)).remember(
    7, BEAM, written_at(NOW_PLANT_S - HOUR_S)
)


def rejecting(limits: InterlockLimits = LIMITS) -> InterlockLimits:
    """Return the limits with the policy that holds instead of clamping."""
    rows = {
        name: replace(row, out_of_limit=OutOfLimit.REJECT) for name, row in limits.setpoints.items()
    }
    return replace(limits, setpoints=rows)


def make_request(value: object = 200.0, setpoint: str = FEED, **changes: object) -> Request:
    """Return a request that passes in `make_situation()`, changed as asked."""
    request = Request(
        cell=7,
        setpoint=setpoint,
        value=value,
        role=OPTIMISER_ROLE,
        order=(1, 10),
        expires_ns=NOW_NS + 5 * SECOND_NS,
        t_source_ns=NOW_NS - SECOND_NS,
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def make_situation(**changes: object) -> Situation:
    """Return a quiet cell in AUTO for an hour, with a feed read-back of 180, changed as asked."""
    situation = Situation(
        now_ns=NOW_NS,
        now_plant_s=NOW_PLANT_S,
        cells=frozenset(range(1, 25)),
        mode=Mode.AUTO,
        auto_since_plant_s=NOW_PLANT_S - HOUR_S,
        newest_source_ns=NOW_NS - SECOND_NS,
        readback=180.0,
        has_plant_heartbeat=True,
        is_in_anode_effect=False,
        scan=5,
    )
    return replace(situation, **changes)  # type: ignore[arg-type]


STATES = ("alumina_wt_pct", "undissolved_alumina_kg", "acd_cm", "superheat_c", "beam_position_mm")
NOMINAL_FEED_KG_PER_H = 179.8
BATH_KG_PER_WT_PCT = 70.0
DISSOLUTION_PER_H = 7.2


def make_model(step_s: float) -> CellModel:
    """Return a linear cell of round numbers, exact for inputs held over the step.

    Alumina is fed (40 % at once, the rest dissolving) and consumed, the ACD follows the beam and
    shrinks by 0.15 mm/h, the superheat follows the ACD within two hours, and the
    ledge the superheat at once.
    """
    rates = np.zeros((8, 8))
    rates[0, 1] = DISSOLUTION_PER_H / BATH_KG_PER_WT_PCT
    rates[0, 5] = 0.4 / BATH_KG_PER_WT_PCT
    rates[0, 7] = -NOMINAL_FEED_KG_PER_H / BATH_KG_PER_WT_PCT
    rates[1, 1] = -DISSOLUTION_PER_H
    rates[1, 5] = 0.6
    rates[2, 7] = -0.015
    rates[3, 2], rates[3, 3], rates[3, 7] = 1.4, -0.5, 0.5 * (6.2 - 2.8 * 4.12)
    whole = _exponential(rates * step_s / HOUR_S)
    A, B, c = whole[:5, :5].copy(), whole[:5, 5:7].copy(), whole[:5, 7].copy()
    jump = np.eye(5)
    jump[2, 4] = -0.1
    jump[4, 4] = 0.0
    beam = np.array([0.0, 0.0, 0.1, 0.0, 1.0])
    B[:, 1] = A @ beam
    A = A @ jump
    C = np.zeros((5, 5))
    C[0, 0] = C[1, 3] = C[2, 2] = 1.0
    C[3, 3] = -2.0
    C[4, 0], C[4, 2] = -0.1, 0.371
    d = np.array([0.0, 0.0, 0.0, 12.8 + 2.0 * 6.2, 4.2 + 0.28 - 0.371 * 4.12])
    return CellModel(
        A=A,
        B=B,
        c=c,
        C=C,
        d=d,
        kwh_per_kg_and_v=2.98 / 0.945,
        critical_alumina_wt_pct=1.8,
        nominal_feed_kg_per_h=NOMINAL_FEED_KG_PER_H,
    )


def make_state(
    alumina_wt_pct: float = 2.6, acd_cm: float = 4.12, superheat_c: float = 6.2
) -> NDArray[np.float64]:
    """Return the state of that cell with its beam at 200 mm."""
    undissolved_kg = 0.6 * NOMINAL_FEED_KG_PER_H / DISSOLUTION_PER_H
    return np.array([alumina_wt_pct, undissolved_kg, acd_cm, superheat_c, 200.0])


def _exponential(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrix exponential by scaling, Taylor series and squaring."""
    scaled = matrix / 2.0**10
    term = total = np.eye(len(matrix))
    for order in range(1, 12):
        term = term @ scaled / order
        total = total + term
    for _ in range(10):
        total = total @ total
    return total
