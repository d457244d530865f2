"""Two runs on one machine never choose the same port."""

import socket

from ops.ports import free_port
from ops.reservation import Reservation


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
