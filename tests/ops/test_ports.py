"""Ports: free ones are found, taken ones are seen."""

import socket

from ops.ports import free_port, is_free, is_open


def test_a_listening_port_is_open_and_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert is_open("127.0.0.1", port)
        assert not is_free(port)
    assert not is_open("127.0.0.1", port)


def test_a_free_port_can_be_had_and_is_no_port_of_outgoing_connections() -> None:
    port = free_port()
    assert port < 32_768
    assert is_free(port)
    with socket.create_server(("127.0.0.1", port)):
        assert free_port() != port
