"""What a setpoint shows of the writes to it."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from asyncua import Server, ua
from asyncua.crypto.permission_rules import User, UserRole

from control.limits import SetpointLimits
from opcua.accounts import PlantUser
from opcua.line_control import MODE, limit_states
from opcua.nodes import LimitState
from opcua.write_log import WriteLog
from opcua.write_rules import Attempt, RuledWrites, WriteRule
from stream.accounts import Role

FEED = "alumina_feed_rate_kg_per_h"
RULE = WriteRule(FEED, ua.VariantType.Double, 2, 90.0, 360.0)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = "L1.C{cell:03d}.SP.AluminaFeedRate."
LIMITS = SetpointLimits(FEED, "kg/h", 90.0, 360.0, 50.0, 1e6, 1e6, 1.0, 0.1, 0.5)


def _told(log: WriteLog) -> dict[str, object]:
    return {one.pattern.removeprefix(SHOWN): one.value for one in log.news()}


def test_a_write_that_stands_names_its_writer_and_clears_the_reason() -> None:
    log = WriteLog()
    log.take(Attempt(RULE, None, "guard", NOW, "BadOutOfRange: nan is outside 90 to 360"))
    log.take(Attempt(RULE, 180.0, "guard", NOW))
    assert _told(log) == {"LastWriter": "guard", "LastWriteTime": NOW, "RejectReason": ""}
    assert log.news() == [], "it is told once"


def test_a_refused_write_leaves_the_writer() -> None:
    log = WriteLog()
    log.take(Attempt(RULE, None, "gateway", NOW, "BadUserAccessDenied: gateway is Observer"))
    assert _told(log) == {"RejectReason": "BadUserAccessDenied: gateway is Observer"}


def test_only_setpoints_have_a_log() -> None:
    log = WriteLog()
    log.take(Attempt(WriteRule(MODE, ua.VariantType.Int32, 1), 6, "guard", NOW))
    assert log.news() == []


def test_there_is_never_more_to_show_than_there_are_nodes() -> None:
    log = WriteLog()
    for value in range(10_000):
        log.take(Attempt(RULE, float(value), "guard", NOW))
    assert len(log.news()) == 3


OPTIMISER = PlantUser(role=UserRole.User, name="guard", plant_role=Role.OPTIMISER)
READER = PlantUser(role=UserRole.User, name="gateway", plant_role=Role.OBSERVER)


@pytest.mark.parametrize(
    ("user", "value", "who", "refusal"),
    [
        (OPTIMISER, ua.Variant(180.0, ua.VariantType.Double), "guard", ""),
        (User(role=UserRole.User), ua.Variant(180.0, ua.VariantType.Double), "anonymous", ""),
        (
            READER,
            ua.Variant(180.0, ua.VariantType.Double),
            "gateway",
            "BadUserAccessDenied: gateway is Observer, who does not write this node",
        ),
        (
            OPTIMISER,
            ua.Variant(math.nan, ua.VariantType.Double),
            "guard",
            "BadOutOfRange: nan is outside 90 to 360",
        ),
        (
            OPTIMISER,
            ua.Variant(360.0000001, ua.VariantType.Double),
            "guard",
            "BadOutOfRange: 360.0000001 is outside 90 to 360",
        ),
        (
            OPTIMISER,
            ua.Variant(180, ua.VariantType.Int32),
            "guard",
            "BadTypeMismatch: Int32 came, and a Double is taken",
        ),
    ],
)
async def test_the_server_says_who_wrote_and_why_it_refused(
    user: User, value: ua.Variant, who: str, refusal: str
) -> None:
    server = Server()
    await server.init()
    target = await server.nodes.objects.add_variable(ua.NodeId("T", 2), "T", 100.0)
    await target.set_writable()
    seen: list[Attempt] = []
    service = RuledWrites(server.iserver.aspace, {target.nodeid: RULE}, seen.append)
    item = ua.WriteValue(target.nodeid, ua.AttributeIds.Value, Value=ua.DataValue(value))
    (status,) = await service.write(ua.WriteParameters([item]), user)
    (attempt,) = seen
    assert (attempt.who, attempt.refusal) == (who, refusal)
    assert attempt.value == (None if refusal else 180.0)
    assert status.is_good() is (refusal == "")
    assert await target.read_value() == (100.0 if refusal else 180.0)


def test_a_value_at_a_limit_is_told_as_such() -> None:
    values = np.array([90.0, 90.06, 180.0, 359.94, 360.0])
    assert limit_states(values, LIMITS).tolist() == [
        LimitState.LOW,
        LimitState.NONE,
        LimitState.NONE,
        LimitState.NONE,
        LimitState.HIGH,
    ]
    assert limit_states(np.array([359.96, 90.04]), LIMITS).tolist() == [2, 1]
