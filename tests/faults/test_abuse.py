"""Clients that take what they can get: they are refused in plain words, memory stays bounded, and others go on.

How much longer others wait meanwhile is printed, and fails nothing: it says as much of the machine. `make abuse` goes
on for longer, on which figures can be built.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator

import pytest

from abuse import ABUSES, API, MEGABYTE, Neighbour, Scene, assert_is_clear, forget_peak, neighbour_of
from harness import ARTIFACTS, IS_FULL_SIZE, RawConnection, Server, wait_until

SECONDS = 15.0 if IS_FULL_SIZE else 1.0
# What all bodies together may take, and what is made of them; the server itself takes less than the rest.
RESIDENT_LIMIT = 900 * MEGABYTE
MOST = 40
# What is refused beyond the limit of connections.
TARGET = f"{API}/experiments/get?experiment_id=0"

# The figures of one server, which nobody disturbs.
pytestmark = pytest.mark.xdist_group("abuse")


@pytest.fixture(scope="module", autouse=True)
def many_descriptors() -> None:
    """This process holds thousands of connections as well."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with Server() as server:
        yield Scene.on(server)
        assert server.process.poll() is None
        assert "panicked" not in server.log


@pytest.fixture(scope="module")
def quiet(scene) -> Neighbour:
    """How long a client waits while nobody else is there."""
    return neighbour_of(scene, SECONDS)


@pytest.mark.parametrize("name", ABUSES)
def test_abuse_is_refused_in_bounded_memory_beside_others(scene, quiet, name, capsys):
    forget_peak(scene.server)
    with ABUSES[name](scene) as crowd:
        beside = neighbour_of(scene, SECONDS)
    peak, statuses = scene.server.peak_rss(), getattr(crowd, "statuses", {})
    assert peak < RESIDENT_LIMIT
    with capsys.disabled():
        counts = ", ".join(f"{status or 'cut'} {count}" for status, count in sorted(statuses.items()))
        print(
            f"\n{name}: {counts or 'held'}; peak {peak // MEGABYTE} MB; others wait {beside.median:.1f} ms "
            f"({beside.median / quiet.median:.1f} times the quiet {quiet.median:.1f} ms), "
            f"at most {beside.slow:.1f} ms in 95 % of calls ({beside.slow / quiet.slow:.1f} times)"
        )


def enter(server: Server, held: contextlib.ExitStack) -> RawConnection:
    """Connects within the limit; somebody who has just left may count for a moment."""
    for _ in range(50):
        connection = held.enter_context(server.raw())
        answer = connection.head("GET", "/health").answer()
        assert answer.status == 200
        if answer.headers["connection"] != "close":
            return connection
    raise AssertionError("all places are taken")


def wait_for_places(server: Server) -> None:
    """The server has noticed that those who were connected have left."""
    wait_until(lambda: server.get(TARGET).status == 200, 10, "the places do not become free")


def test_connections_beyond_the_limit_are_told_to_come_back(own_server):
    server = own_server("--max-connections", str(MOST))
    with contextlib.ExitStack() as held:
        inside = [enter(server, held) for _ in range(MOST)]
        for _ in range(3):
            refused = server.get(TARGET)
            assert refused.status == 429
            assert_is_clear(refused)
            assert "--max-connections" in refused.message
            assert refused.headers["connection"] == "close"
            assert server.put("beyond.bin", bytes(5 * MEGABYTE)).status == 429
        # Who looks after the server is heard, and who was there before is served.
        assert [server.get(probe).status for probe in ("/health", "/ready", "/metrics")] == [200] * 3
        for connection in inside:
            assert connection.head("GET", TARGET).answer().status == 200
        # Not even a refusal is had without end: the others wait, and are answered when there is room.
        beyond = [held.enter_context(server.raw()) for _ in range(300)]
        assert len(beyond) == 300
        assert inside[0].head("GET", TARGET).answer().status == 200
    wait_for_places(server)
    assert server.names() == []


def test_few_descriptors_are_kept_for_those_who_are_connected(own_server):
    limit = ("sh", "-c", 'ulimit -n 200 && exec "$0" "$@"')
    server = own_server(wrapper=limit)
    assert "Only 68 connections are taken at once, since 200 files may be open" in server.log
    with contextlib.ExitStack() as held:
        inside = [enter(server, held) for _ in range(68)]
        assert server.get(TARGET).status == 429
        for number, connection in enumerate(inside):
            connection.head("PUT", f"{ARTIFACTS}/{number}", Content_Length=2 * MEGABYTE).send(bytes(MEGABYTE))
        for connection in inside:
            assert connection.send(bytes(MEGABYTE)).answer("PUT").status == 200
    wait_for_places(server)
    assert len(server.names()) == 68


def test_all_bodies_together_find_no_more_room_than_there_is(own_server):
    server = own_server()
    size, head, tail = 60 * MEGABYTE, b'{"experiment_id": "0", "unknown": "', b'"}'

    def send(connection: RawConnection) -> RawConnection:
        connection.head("POST", f"{API}/runs/create", Content_Type="application/json", Content_Length=size)
        return connection.send(head).send(b"x" * (size - len(head) - len(tail)))

    with contextlib.ExitStack() as held:
        # Each is complete but for its end. Eight fit.
        waiting = [send(held.enter_context(server.raw(timeout=60))) for _ in range(8)]
        wait_until(lambda: server.rss() > 8 * size, 30, "the bodies are not there")
        with server.raw(timeout=60) as one_more:
            refused = send(one_more).send(tail).answer()
        assert refused.status == 429
        assert_is_clear(refused)
        # What is small needs no room.
        assert server.api("/runs/create", {"experiment_id": "0"}).status == 200
        for connection in waiting[:4]:
            assert connection.send(tail).answer().status == 200
        with server.raw(timeout=60) as one_more:
            assert send(one_more).send(tail).answer().status == 200
    # Four left without an end: their room is free again.
    with contextlib.ExitStack() as held:
        again = [send(held.enter_context(server.raw(timeout=60))) for _ in range(8)]
        assert [connection.send(tail).answer().status for connection in again] == [200] * 8
    assert server.peak_rss() < RESIDENT_LIMIT
