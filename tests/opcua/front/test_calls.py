"""Calls of the front's methods: what is sound, who may call, how often."""

import math
from dataclasses import dataclass

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from control.modes import Mode
from opcua.accounts import PlantUser
from opcua.front.gate import Caller, Gate
from opcua.front.methods import METHODS, Fault, Method, Wish, read_call
from opcua.front.setpoint_call import SetpointFault, read_request
from stream.accounts import Role
from stream.records import CommandKind

CELLS, FEED = frozenset({1, 2, 3}), "alumina_feed_rate_kg_per_h"
BY_NAME = {method.name: method for method in METHODS}
UINT16, DOUBLE, STRING = ua.VariantType.UInt16, ua.VariantType.Double, ua.VariantType.String
CODES = ua.StatusCodes


def read(name: str, *arguments: ua.Variant) -> Wish | Fault:
    return read_call(BY_NAME[name], arguments, CELLS, frozenset({FEED}))


def override(**changes: ua.Variant) -> Wish | Fault:
    """An override with some arguments in the place of sound ones."""
    sound = {
        "cell": ua.Variant(2, UINT16),
        "setpoint": ua.Variant(FEED, STRING),
        "value": ua.Variant(180.0, DOUBLE),
        "duration": ua.Variant(60.0, DOUBLE),
        "reason": ua.Variant("tapping", STRING),
    }
    return read("ApplyOverride", *(sound | changes).values())


def test_every_command_that_people_have_has_a_method() -> None:
    assert {method.kind for method in METHODS} == set(CommandKind)


def test_a_sound_call_is_a_wish() -> None:
    assert override() == Wish(
        CommandKind.APPLY_OVERRIDE, 2, "tapping", setpoint=FEED, value=180.0, duration_s=60.0
    )
    mode = (ua.Variant(0, UINT16), ua.Variant("AUTO", STRING), ua.Variant("start", STRING))
    assert read("SetMode", *mode) == Wish(CommandKind.SET_MODE, 0, "start", Mode.AUTO)


@pytest.mark.parametrize(
    ("changes", "code", "sentence"),
    [
        ({"cell": ua.Variant(4, UINT16)}, CODES.BadOutOfRange, "The line has no cell 4."),
        ({"cell": ua.Variant(0, UINT16)}, CODES.BadOutOfRange, "The line has no cell 0."),
        (
            {"cell": ua.Variant(2, ua.VariantType.Int32)},
            CODES.BadTypeMismatch,
            "Cell is a Int32, and a single UInt16 is taken.",
        ),
        ({"cell": ua.Variant([2], UINT16)}, CODES.BadTypeMismatch, "a single UInt16"),
        ({"setpoint": ua.Variant("x", STRING)}, CODES.BadOutOfRange, f"there are {FEED}"),
        ({"value": ua.Variant(math.nan, DOUBLE)}, CODES.BadOutOfRange, "no finite number"),
        ({"value": ua.Variant(math.inf, DOUBLE)}, CODES.BadOutOfRange, "no finite number"),
        ({"value": ua.Variant("180", STRING)}, CODES.BadTypeMismatch, "a single Double"),
        ({"duration": ua.Variant(-1.0, DOUBLE)}, CODES.BadOutOfRange, "more than 0 s"),
        ({"reason": ua.Variant(None, STRING)}, CODES.BadOutOfRange, "Reason is empty"),
        ({"reason": ua.Variant("  ", STRING)}, CODES.BadOutOfRange, "Reason is empty"),
        ({"reason": ua.Variant("x" * 201, STRING)}, CODES.BadOutOfRange, "at most 200"),
        ({"reason": ua.Variant("a\nb", STRING)}, CODES.BadOutOfRange, "one line"),
    ],
)
def test_an_unsound_argument_is_named(
    changes: dict[str, ua.Variant], code: int, sentence: str
) -> None:
    fault = override(**changes)
    assert isinstance(fault, Fault)
    assert fault.code == CODES.BadInvalidArgument
    assert sentence in fault.sentence
    at = ["cell", "setpoint", "value", "duration", "reason"].index(next(iter(changes)))
    assert fault.arguments == tuple(code if i == at else CODES.Good for i in range(5))


def test_the_number_of_arguments_is_checked() -> None:
    few, many = read("SwitchOff"), read("Approve", *[ua.Variant("x", STRING)] * 3)
    assert isinstance(few, Fault)
    assert isinstance(many, Fault)
    assert few.code == CODES.BadArgumentsMissing
    assert few.sentence == "SwitchOff takes 2 arguments (Cell, Reason), 0 came."
    assert many.code == CODES.BadTooManyArguments


@pytest.mark.parametrize("mode", ["TRIPPED", "OFF", "auto"])
def test_a_mode_that_the_guard_sets_by_itself_cannot_be_asked_for(mode: str) -> None:
    asked = (ua.Variant(1, UINT16), ua.Variant(mode, STRING), ua.Variant("x", STRING))
    fault = read("SetMode", *asked)
    assert isinstance(fault, Fault)
    assert "MANUAL, ADVISORY or AUTO can" in fault.sentence


_anything = st.one_of(
    st.builds(ua.Variant, st.integers(0, 65_535), st.just(UINT16)),
    st.builds(ua.Variant, st.floats(), st.just(DOUBLE)),
    st.builds(ua.Variant, st.none() | st.text(), st.just(STRING)),
    st.builds(ua.Variant, st.lists(st.text()), st.just(STRING)),
    st.just(ua.Variant(None, ua.VariantType.Null)),
    st.builds(ua.Variant, st.booleans(), st.just(ua.VariantType.Boolean)),
)


@given(st.lists(_anything, min_size=5, max_size=7))
def test_whatever_an_optimiser_sends_is_a_wish_or_a_fault(arguments: list[ua.Variant]) -> None:
    found = read_request(arguments, CELLS, frozenset({FEED}))
    assert isinstance(found, SetpointFault)
    assert found.sentence


@given(st.sampled_from(METHODS), st.lists(_anything, max_size=6))
def test_whatever_comes_is_a_wish_or_a_fault(method: Method, arguments: list[ua.Variant]) -> None:
    found = read_call(method, arguments, CELLS, frozenset({FEED}))
    if isinstance(found, Wish):
        assert found.cell in CELLS | {0}
        assert found.setpoint in ("", FEED)
        assert all(one is None or math.isfinite(one) for one in (found.value, found.duration_s))
    else:
        assert found.sentence


@dataclass
class Clock:
    """A clock that only a test moves."""

    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def user(role: Role, name: str = "anna") -> PlantUser:
    return PlantUser(name=name, plant_role=role)


@pytest.mark.parametrize(
    ("role", "known_as"),
    [
        (Role.OPERATOR, "operator"),
        (Role.ENGINEER, "engineer"),
        (Role.SUPERVISOR, "manager"),
    ],
)
def test_a_role_is_what_the_guard_calls_it(role: Role, known_as: str) -> None:
    assert Gate().enter(user(role)) == Caller("anna", known_as)


@pytest.mark.parametrize("who", [None, user(Role.OBSERVER), user(Role.OPTIMISER)])
def test_others_may_ask_nothing_and_are_counted(who: PlantUser | None) -> None:
    gate = Gate()
    fault = gate.enter(who)
    assert isinstance(fault, Fault)
    assert fault.code == CODES.BadUserAccessDenied
    assert gate.refused == 1


def test_who_calls_too_often_waits_and_others_do_not(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    gate = Gate(clock)

    def call(name: str) -> bool:
        caller = gate.enter(user(Role.OPERATOR, name))
        if isinstance(caller, Caller):
            gate.leave(caller)
        return isinstance(caller, Caller)

    assert [call("anna") for _ in range(12)] == [True] * 10 + [False] * 2
    assert call("bert")
    clock.now_s = 1.0
    assert [call("anna"), call("anna")] == [True, False]
    assert gate.refused == 3
    assert len(caplog.records) == 1, "a flood of calls is no flood of lines"
    clock.now_s = 62.0
    assert [call("anna") for _ in range(11)] == [True] * 10 + [False]
    assert "refused: 4" in caplog.records[-1].message


def test_only_a_few_calls_of_one_account_wait_for_the_guard() -> None:
    gate = Gate()
    callers = [gate.enter(user(Role.OPERATOR)) for _ in range(5)]
    assert [isinstance(one, Caller) for one in callers] == [True] * 4 + [False]
    assert isinstance(callers[0], Caller)
    gate.leave(callers[0])
    assert isinstance(gate.enter(user(Role.OPERATOR)), Caller)
