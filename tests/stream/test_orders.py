"""What stands of what people ordered, as pure steps on the state of a section."""

import msgspec
import pytest

from control.interlock import InterlockLimits
from control.modes import Mode, ModePolicy, Refusal, Stage
from stream.guarding import GuardState, init_guard_state
from stream.order_news import standing_orders
from stream.orders import (
    Obeyed,
    confirm_override,
    drop_overrides,
    lapse_orders,
    limits_in_force,
    obey_order,
)
from stream.records import WHOLE_SECTION, Command, CommandKind
from tests.control.cases import FEED, LIMITS, NOW_NS, SECOND_NS

CELLS = (7, 8)


def section(**cell: object) -> GuardState:
    """Two cells in AUTO; of the first, some fields are others."""
    state = init_guard_state(CELLS, ModePolicy(initial_mode=Mode.AUTO))
    modes = {
        name: msgspec.structs.replace(mode, stage=Stage.ON) for name, mode in state.modes.items()
    }
    modes["7"] = msgspec.structs.replace(modes["7"], **cell)
    return msgspec.structs.replace(state, modes=modes)


def command(kind: CommandKind, cell: int = 7, role: str = "engineer", **wish: object) -> Command:
    return Command(
        command_id=str(wish.pop("command_id", "c1")),
        kind=kind,
        section=0,
        cell=cell,
        issued_by=str(wish.pop("who", "carla")),
        role=role,
        reason="test",
        t_issued_ns=NOW_NS,
        expires_ns=NOW_NS + 10 * SECOND_NS,
        **wish,  # type: ignore[arg-type]
    )


def obeyed(state: GuardState, asked: Command, limits: InterlockLimits = LIMITS) -> Obeyed:
    outcome = obey_order(state, asked, limits, NOW_NS)
    assert isinstance(outcome, Obeyed), outcome
    return outcome


def overridden(value: float = 200.0, state: GuardState | None = None) -> GuardState:
    wish = {"setpoint": FEED, "value": value, "duration_s": 60.0}
    asked = command(CommandKind.APPLY_OVERRIDE, **wish)
    return obeyed(section() if state is None else state, asked).state


def bypassed() -> GuardState:
    asked = command(CommandKind.REQUEST_BYPASS, check="step", duration_s=60.0)
    return obeyed(section(), asked).state


def narrowed(state: GuardState, high: float) -> Obeyed:
    """Let two people change the upper bound of the feed."""
    wish = {"setpoint": FEED, "limit": "high", "value": high, "command_id": "r1"}
    waiting = obeyed(state, command(CommandKind.REQUEST_LIMIT, WHOLE_SECTION, **wish)).state
    digest = waiting.requests["r1"].digest
    answer = command(
        CommandKind.APPROVE_LIMIT, WHOLE_SECTION, who="dora", subject="r1", digest=digest
    )
    return obeyed(waiting, answer)


def test_an_override_that_the_plant_has_not_taken_ends() -> None:
    state = overridden()
    confirmed = confirm_override(state, "c1")
    assert [one.is_written for one in confirmed.overrides.values()] == [True]
    assert confirm_override(state, "c2") is state
    kept, told = drop_overrides(confirmed, lambda one: not one.is_written)
    assert (kept, told) == (confirmed, ())
    dropped, told = drop_overrides(state, lambda one: not one.is_written)
    assert dropped.overrides == {}
    assert [(one.name, one.active, one.cell) for one in told] == [("override_active", False, 7)]


@pytest.mark.contract(11)
@pytest.mark.parametrize("change", [{"trip": "busbar"}, {"is_off": True}])
def test_a_bypass_ends_when_its_cell_trips_or_is_switched_off(change: dict) -> None:
    state = bypassed()
    assert lapse_orders(state, NOW_NS) == (state, ())
    stopped = msgspec.structs.replace(state, modes=section(**change).modes)
    after, told = lapse_orders(stopped, NOW_NS)
    assert after.bypasses == {}
    assert [one.name for one in told] == ["bypass_active"]


def test_a_clock_that_is_set_back_does_not_make_orders_longer() -> None:
    after, _ = lapse_orders(bypassed(), NOW_NS - 3600 * SECOND_NS)
    assert after.bypasses == {}


@pytest.mark.contract(10)
def test_an_override_beyond_a_limit_that_is_narrowed_ends_and_the_change_is_shown() -> None:
    outcome = narrowed(overridden(280.0), 250.0)
    assert outcome.state.overrides == {}
    assert limits_in_force(outcome.state, LIMITS).setpoints[FEED].high == 250.0
    told = [(one.name, one.active) for one in outcome.told]
    assert told == [
        ("approval_wanted", False),
        ("limits_changed", False),
        ("limit_narrowed", True),
        ("override_active", False),
    ]
    assert "limit_narrowed" in [one.name for one in standing_orders(outcome.state)]
    back = narrowed(outcome.state, LIMITS.setpoints[FEED].high)
    assert back.state.limits == {}
    assert ("limit_narrowed", False) in [(one.name, one.active) for one in back.told]


def test_a_limit_that_leaves_nothing_is_refused() -> None:
    state = narrowed(section(), 150.0).state
    wish = {"setpoint": FEED, "limit": "low", "value": 160.0}
    asked = command(CommandKind.REQUEST_LIMIT, WHOLE_SECTION, **wish)
    refusal = obey_order(state, asked, LIMITS, NOW_NS)
    assert isinstance(refusal, Refusal)
    assert "nothing would be permitted" in refusal.reasons[0]


def test_only_so_many_requests_wait() -> None:
    state, refusal = section(), None
    for number in range(30):
        wish = {"setpoint": FEED, "limit": "high", "value": 250.0, "command_id": f"r{number}"}
        outcome = obey_order(
            state, command(CommandKind.REQUEST_LIMIT, WHOLE_SECTION, **wish), LIMITS, NOW_NS
        )
        if isinstance(outcome, Refusal):
            refusal = outcome
            break
        state = outcome.state
    assert refusal is not None
    assert "no more may" in refusal.reasons[0]


@pytest.mark.parametrize(
    ("kind", "wish"),
    [
        (CommandKind.RELEASE_BYPASS, {"check": "step"}),
        (CommandKind.REJECT_LIMIT, {"subject": "r1"}),
        (CommandKind.RELEASE_OVERRIDE, {"setpoint": FEED}),
    ],
)
def test_a_stranger_ends_nothing(kind: CommandKind, wish: dict) -> None:
    state = overridden(state=bypassed())
    refusal = obey_order(state, command(kind, role="viewer", **wish), LIMITS, NOW_NS)
    assert isinstance(refusal, Refusal)
    assert "viewer" in refusal.reasons[0]
