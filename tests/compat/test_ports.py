"""The tests' own ports: whoever listens on one is alone there."""

from __future__ import annotations

import socket

from ports import first_chosen_by_the_system, free_port


def test_a_servers_port_is_none_that_the_system_gives_to_another_test():
    ports = [free_port() for _ in range(500)]
    assert len(set(ports)) == len(ports)
    assert max(ports) < first_chosen_by_the_system()
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        assert chosen.getsockname()[1] >= first_chosen_by_the_system()


def test_a_port_on_which_something_listens_is_passed_over():
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]
        assert all(free_port() != port for _ in range(500))
