"""Two runs on one machine never choose the same port."""

import re
import socket
from pathlib import Path

import pytest
from rich.console import Console

from ops.assembly import port_of
from ops.mistakes import OperationError
from ops.ports import free_port
from ops.reservation import Reservation
from ops.servers import launch_servers
from ops.settings import load_settings


def test_a_port_promised_to_one_run_is_not_given_to_another() -> None:
    """Though nothing listens on it yet; given back, it may be chosen again."""
    usual = free_port()
    one, other = Reservation(), Reservation()
    try:
        assert one.choose(usual) == usual
        assert other.choose(usual) != usual
        one.release()
        assert other.choose(usual) == usual
    finally:
        one.release()
        other.release()


async def test_two_runs_made_ready_together_have_ports_of_their_own(tmp_path: Path) -> None:
    """Kafka, its controller and Redis of one, before any of them listens, are not the other's."""
    settings = load_settings(environment={"POTLINE_SETTINGS": ""})
    chosen: list[int] = []
    with Reservation() as one, Reservation() as other:
        for name, reservation in (("one", one), ("other", other)):
            launches = await launch_servers(
                settings, tmp_path / name, reservation, "test", Console(quiet=True)
            )
            chosen += [port_of(launch.address) for launch in launches.values()]
            properties = (tmp_path / name / "broker" / "server.properties").read_text()
            chosen += [
                int(number) for number in re.findall(r"CONTROLLER://127.0.0.1:(\d+)", properties)
            ]
    assert len(chosen) == 6
    assert len(set(chosen)) == 6


def test_a_port_asked_for_that_another_run_has_is_refused() -> None:
    port = free_port()
    with Reservation() as one, Reservation() as other:
        assert one.choose_for("Kafka", port, 9092) == port
        with pytest.raises(OperationError, match=rf"Port {port} is taken.*Kafka.*Remedy"):
            other.choose_for("Kafka", port, 9092)


def test_a_port_that_is_taken_is_not_chosen() -> None:
    """Another one is; and any will do where none is wanted."""
    reservation = Reservation()
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            taken = server.getsockname()[1]
            chosen = reservation.choose(taken)
            assert chosen not in {taken, 0}
        assert reservation.choose(0) > 0
    finally:
        reservation.release()
