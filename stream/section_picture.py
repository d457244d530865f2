"""What the guard saw last of a section, rebuilt from the stream after a restart. Pure steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from control.interlock_state import Order
from stream.frames import EstimateFrame, Quality, SampleFrame
from stream.records import Proposal

ANODE_EFFECT_V: Final = 8.0  # Wong et al. 2019
_TREATMENT_S: Final = 900.0  # plant time; design value: local treatment is over by then
_CURRENT: Final = "line_current_ka"
_UNSETTLED: Final = "unsettled"  # of SolverStatus, whose module would bring the solver along


@dataclass(frozen=True, slots=True)
class SectionPicture:
    """What was measured last in a section: raw, screened samples, never the model.

    Attributes:
        t_plant_s: of the newest scan; 0 before the first.
        order: (session, sequence) of the newest frame of samples; `estimate_order`: of estimates.
        newest_source_ns: cell -> source time of its newest usable voltage, never later than the
            frame came, here or to the gateway.
        newest_estimate_ns: source time of the newest sample behind an estimate.
        decided_plant_s, decided_ns: plant and wall time of the newest decision; of the first
            estimate before that.
        anode_effect_plant_s: cell -> plant time of its newest sample in an anode effect.
        line_current_ka: the higher one of the last two frames, so that one wrong sample says
            nothing; None before the second. `current_source_ns`: source time of the newest.
        newest_current_ka: of the newest frame alone.
        ahead_s: by how much the newest frame was dated later than it came.
        estimated: cells with an estimate.
        unplanned: cell -> how the solver ended, where the newest decision asks for nothing because
            it has no plan. A cell that must settle first is none of them: that ends by itself.
    """

    t_plant_s: float = 0.0
    newest_source_ns: Mapping[int, int] = field(default_factory=dict)
    anode_effect_plant_s: Mapping[int, float] = field(default_factory=dict)
    estimated: frozenset[int] = frozenset()
    newest_estimate_ns: int = 0
    decided_plant_s: float | None = None
    decided_ns: int = 0
    unplanned: Mapping[int, str] = field(default_factory=dict)
    line_current_ka: float | None = None
    newest_current_ka: float | None = None
    ahead_s: float = 0.0
    current_source_ns: int = 0
    order: Order | None = None
    estimate_order: Order | None = None

    def source_ns(self, cell: int) -> int:
        """Return the source time of a cell's newest sample; 0 where none came yet."""
        return self.newest_source_ns.get(cell, 0)

    def age_s(self, now_ns: int) -> float:
        """Return the age of the newest sample of the section; infinite where none came yet."""
        newest_ns = max(self.newest_source_ns.values(), default=0)
        return (now_ns - newest_ns) / 1e9 if newest_ns else float("inf")

    def estimate_age_s(self, now_ns: int) -> float:
        """Return the age of the newest estimate; infinite where none came yet."""
        newest_ns = self.newest_estimate_ns
        return (now_ns - newest_ns) / 1e9 if newest_ns else float("inf")

    def undecided_for_s(self) -> float:
        """Return the plant time since the newest decision; 0 before the first estimate."""
        return 0.0 if self.decided_plant_s is None else self.t_plant_s - self.decided_plant_s

    def is_in_anode_effect(self, cell: int) -> bool:
        """Whether the measured voltage says so, or said so until a short while ago: when it is
        back, local treatment still has the beam down."""
        last_s = self.anode_effect_plant_s.get(cell)
        return last_s is not None and 0.0 <= self.t_plant_s - last_s <= _TREATMENT_S


def see_samples(
    picture: SectionPicture, frame: SampleFrame, came_ns: int | None = None
) -> SectionPicture:
    """Return the picture with an accepted frame added; one that is not newer changes nothing.

    Args:
        came_ns: when the frame came here. No sample is newer than that, nor than its coming to the
            gateway: one that is dated later is of a clock that is wrong, and would look fresh when
            it is old, or is read again.
    """
    if picture.order is not None and frame.order <= picture.order:
        return picture
    usable = frame.quality <= Quality.UNCERTAIN
    voltage = frame.signals.index("cell_voltage_v")
    # The voltage alone: what all cells share is always fresh, and tells nothing of a cell.
    newest = np.where(usable, frame.source_time_ns, 0)[:, :, voltage].max(axis=0)
    sources = dict(picture.newest_source_ns)
    anode_effects = dict(picture.anode_effect_plant_s)
    newest_ns = int(newest.max(initial=0))
    ahead_s, latest_ns = 0.0, newest_ns
    if came_ns is not None:
        ahead_s = max(newest_ns - came_ns, 0) / 1e9
        latest_ns = min(came_ns, frame.t_received_ns)
    for i, cell in enumerate(frame.cells):
        sources[cell] = max(sources.get(cell, 0), min(int(newest[i]), latest_ns))
        high = usable[:, i, voltage] & (frame.value[:, i, voltage] > ANODE_EFFECT_V)
        if high.any():
            anode_effects[cell] = float(frame.t_plant_s[high][-1])
    return replace(
        picture,
        t_plant_s=float(frame.t_plant_s[-1]),
        order=frame.order,
        ahead_s=ahead_s,
        newest_source_ns=sources,
        anode_effect_plant_s=anode_effects,
        **_current_of(frame, usable, picture, latest_ns),
    )


def _current_of(
    frame: SampleFrame, usable: NDArray[np.bool_], picture: SectionPicture, latest_ns: int
) -> dict[str, Any]:
    """Return what a frame says of the line current, the same for all cells; nothing where it has no
    usable one."""
    if _CURRENT not in frame.signals:
        return {}
    at = frame.signals.index(_CURRENT)
    good = usable[:, :, at]
    if not good.any():
        return {}
    newest_ka = float(np.median(frame.value[:, :, at][good]))
    before_ka = picture.newest_current_ka
    return {
        "line_current_ka": None if before_ka is None else max(before_ka, newest_ka),
        "newest_current_ka": newest_ka,
        "current_source_ns": min(int(frame.source_time_ns[:, :, at][good].max()), latest_ns),
    }


def see_estimates(picture: SectionPicture, frame: EstimateFrame) -> SectionPicture:
    """Return the picture that knows which cells are being estimated: those with finite figures.

    A frame that is not newer than the last one changes nothing.
    """
    if picture.estimate_order is not None and frame.order <= picture.estimate_order:
        return picture
    finite = np.logical_and.reduce([np.isfinite(column) for column in frame.values.values()])
    estimated = frozenset(
        cell for cell, is_finite in zip(frame.cells, finite, strict=True) if is_finite
    )
    decided_s = picture.decided_plant_s
    if decided_s is None:
        decided_s = frame.t_plant_s
    elif frame.t_estimated_ns >= picture.decided_ns:
        decided_s = min(decided_s, frame.t_plant_s)  # the plant's clock may have been put back
    return replace(
        picture,
        estimated=estimated,
        estimate_order=frame.order,
        # A frame without one usable sample has no source time: what was known stays known.
        newest_estimate_ns=max(picture.newest_estimate_ns, frame.t_source_ns),
        decided_plant_s=decided_s,
        decided_ns=picture.decided_ns or frame.t_estimated_ns,
    )


def see_decision(picture: SectionPicture, proposal: Proposal) -> SectionPicture:
    """Return the picture that knows of a decision; an older one says nothing of the time."""
    unplanned = {cell: why for cell, why in picture.unplanned.items() if cell != proposal.cell}
    if not proposal.setpoints and proposal.solver_status != _UNSETTLED:
        unplanned[proposal.cell] = proposal.solver_status
    picture = replace(picture, unplanned=unplanned)
    if proposal.t_decided_ns < picture.decided_ns:
        return picture
    return replace(picture, decided_plant_s=proposal.t_plant_s, decided_ns=proposal.t_decided_ns)
