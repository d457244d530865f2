"""What the interlock is told of a cell at the moment of judgement, as pure steps."""

from control.interlock import InterlockLimits, SectionState, Situation
from control.interlock_state import SetpointState, put_back
from control.modes import Mode
from stream.guarding import GuardState, PlantView
from stream.orders import override_sentence
from stream.section_picture import SectionPicture


def situation_of(
    state: GuardState,
    cell: int,
    setpoint: str,
    picture: SectionPicture,
    plant: PlantView,
    now_ns: int,
    scan: int,
) -> Situation:
    """Return what is measured of a cell now; a cell without a mode is nobody's to move."""
    mode = state.modes.get(str(cell))
    return Situation(
        now_ns=now_ns,
        now_plant_s=picture.t_plant_s,
        cells=frozenset(int(number) for number in state.modes),
        mode=mode.mode if mode else Mode.MANUAL,
        auto_since_plant_s=min(mode.since_plant_s, picture.t_plant_s) if mode else 0.0,
        newest_source_ns=picture.source_ns(cell),
        readback=plant.readbacks.get((cell, setpoint)),
        has_plant_heartbeat=plant.is_connected and plant.has_heartbeat,
        is_in_anode_effect=picture.is_in_anode_effect(cell),
        scan=scan,
        is_followed=cell not in plant.not_following,
        stay=mode.stay if mode else 0,
        override=override_sentence(state, cell, setpoint, now_ns),
    )


def put_clock_back(
    interlock: SectionState,
    cell: int,
    setpoint: str,
    picture: SectionPicture,
    limits: InterlockLimits,
) -> SectionState:
    """Take it in when the plant's clock was put back, as a simulator does that begins anew: a
    sample that is newer than the one at the last move shows an earlier plant time. An old sample,
    as a restart of the guard reads again, shows nothing of the kind.

    What counts then is the read-back, which is the next write; travel goes on counting.
    """
    remembered, limit = interlock.of(cell, setpoint), limits.setpoints.get(setpoint)
    if (
        limit is None
        or remembered.moved_plant_s is None
        or remembered.moved_plant_s <= picture.t_plant_s
        or remembered.moved_source_ns >= picture.source_ns(cell)
    ):
        return interlock
    window_s = limit.travel_window_h * 3600.0
    begun = SetpointState(
        order=remembered.order,
        outside_order=remembered.outside_order,
        applied=remembered.applied,
        travels=put_back(remembered.travels, picture.t_plant_s, window_s),
    )
    return interlock.remember(cell, setpoint, begun)
