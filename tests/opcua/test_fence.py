"""The plant's half of one writer, as a rule and on a real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from asyncua import ua
from asyncua.crypto.permission_rules import UserRole

from opcua.accounts import PlantUser
from opcua.fence import Fence
from opcua.line_control import LineControl
from opcua.link import Link, open_link
from opcua.nodes import NAMESPACE_URI, CellMode
from opcua.scada import Scada, open_scada
from ops.plantfile import PlantFile
from stream.accounts import Role
from tests.opcua.lines import scada_settings

FEED_TARGET = "L1.C001.SP.AluminaFeedRate.Target"
BEAT, TOKEN, MODE = "L1.Comm.HbOptimiser", "L1.Comm.WriterToken", "L1.C001.ModeTarget"
UINT32 = ua.VariantType.UInt32


def test_only_a_newer_token_is_taken_and_only_its_holder_admitted() -> None:
    first, second = object(), object()
    assert Fence().admits(first)
    fence = Fence(5, first)
    assert fence.admits(first)
    assert not fence.admits(second)
    assert [fence.may_take(token) for token in (0, 4, 5, 6)] == [False, False, False, True]


class Session:
    """A client's session that writes by name."""

    def __init__(self, link: Link, namespace: int) -> None:
        self._link = link
        self._namespace = namespace

    async def write(self, *items: tuple[str, ua.Variant]) -> list[str]:
        """Write in one request; the names of the statuses."""
        nodes = [(ua.NodeId(name, self._namespace), value) for name, value in items]
        return [status.name for status in await self._link.write(nodes)]

    async def take(self, token: int) -> str:
        """Write a token."""
        return (await self.write((TOKEN, ua.Variant(token, UINT32))))[0]

    async def token(self) -> object:
        """What the node of the token holds."""
        return (await self._link.read([ua.NodeId(TOKEN, self._namespace)]))[0].Value.Value


@asynccontextmanager
async def session(scada: Scada) -> AsyncIterator[Session]:
    """A session with the server."""
    link = await open_link(scada.settings.endpoint)
    try:
        yield Session(link, await scada.server.get_namespace_index(NAMESPACE_URI))
    finally:
        await link.close()


ALL = (
    (BEAT, ua.Variant(7, UINT32)),
    (MODE, ua.Variant(int(CellMode.REMOTE_CASCADE), ua.VariantType.Int32)),
    (FEED_TARGET, ua.Variant(170.0, ua.VariantType.Double)),
)
LOCAL = ua.DataValue(ua.Variant(int(CellMode.AUTO), ua.VariantType.Int32))
FEED = ua.DataValue(ua.Variant(170.0, ua.VariantType.Double))
REFUSED = ["BadUserAccessDenied"] * len(ALL)
TAKEN = ["Good"] * len(ALL)


@pytest.mark.contract(14)
async def test_the_plant_takes_writes_of_the_newest_tokens_session_only(
    plant: PlantFile, endpoint: str
) -> None:
    async with (
        open_scada(scada_settings(plant, endpoint)) as scada,
        session(scada) as old,
        session(scada) as new,
    ):
        control: LineControl = scada.control
        assert await new.write(*ALL) == TAKEN  # before the first token, whoever comes
        assert await old.take(3) == "Good"
        assert await old.write(*ALL) == TAKEN
        assert await new.write(*ALL) == REFUSED
        assert [await new.take(token) for token in (0, 2, 3)] == ["BadOutOfRange"] * 3
        assert await old.token() == 3
        assert await new.take(4) == "Good"
        assert await new.token() == 4
        control.watchdog = type(control.watchdog)(control.watchdog.timeout_s)
        assert await old.write(*ALL) == REFUSED
        assert control.watchdog.counter is None, "a refused heartbeat counts for nothing"
        assert await new.write(*ALL) == TAKEN
        assert control.watchdog.counter == 7
        assert scada.writes.fenced_off == 2 * len(ALL)


async def test_an_operator_with_an_account_takes_a_cell_whoever_writes(
    plant: PlantFile, endpoint: str
) -> None:
    async with open_scada(scada_settings(plant, endpoint)) as scada, session(scada) as guard:
        assert await guard.take(1) == "Good"
        namespace = await scada.server.get_namespace_index(NAMESPACE_URI)
        request = ua.WriteParameters(
            NodesToWrite=[
                ua.WriteValue(ua.NodeId(name, namespace), ua.AttributeIds.Value, Value=value)
                for name, value in ((MODE, LOCAL), (FEED_TARGET, FEED))
            ]
        )
        names = {}
        for role in (Role.OPERATOR, Role.OPTIMISER):
            user = PlantUser(role=UserRole.User, name="somebody", plant_role=role)
            statuses = await scada.writes.write(request, user)
            names[role] = [status.name for status in statuses]
        assert names[Role.OPERATOR] == ["Good", "BadUserAccessDenied"]
        assert names[Role.OPTIMISER] == ["BadUserAccessDenied"] * 2


@pytest.mark.contract(14)
async def test_a_session_that_ended_leaves_its_token_to_nobody(
    plant: PlantFile, endpoint: str
) -> None:
    async with open_scada(scada_settings(plant, endpoint)) as scada:
        async with session(scada) as first:
            assert await first.take(1) == "Good"
        async with session(scada) as second:
            assert await second.write(*ALL) == REFUSED
            assert await second.take(1) == "BadOutOfRange"
            assert await second.take(2) == "Good"
            assert await second.write(*ALL) == TAKEN
