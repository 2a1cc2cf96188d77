"""Clients that send or read slowly, or too much: they are cut, and they hold up nobody else."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass

import pytest

from harness import ARTIFACTS, ON_DISK_BYTES, RawConnection, Server, pattern, staging_entries, wait_until

HEADER_SECONDS = 60.0
BODY_SECONDS = 120.0

# All slow connections wait side by side, on one worker.
pytestmark = pytest.mark.xdist_group("slow clients")


@dataclass
class End:
    """After how long the server cut a connection, and what it said before."""

    seconds: float
    received: bytes


def wait_for_end(connection: RawConnection, limit: float, drip: bytes = b"") -> End:
    """Waits until the server cuts the connection; sends `drip` again and again meanwhile."""
    begun = time.monotonic()
    received = b""
    connection.socket.settimeout(0.5)
    while time.monotonic() - begun < limit:
        try:
            if drip:
                connection.send(drip)
            piece = connection.socket.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            piece = b""
        if not piece:
            return End(time.monotonic() - begun, received)
        received += piece
    return End(float("inf"), received)


class Slow:
    """One slow connection of each kind, each watched by a thread until the server cuts it."""

    def __init__(self, server: Server):
        self.server = server
        self.ends: dict[str, End] = {}
        self.threads: dict[str, threading.Thread] = {}
        put = f"PUT {ARTIFACTS}/slow/{{}} HTTP/1.1\r\nHost: localhost\r\n"
        half = put.format("half") + f"Content-Length: {ON_DISK_BYTES + 1}\r\n\r\n" + "x" * ON_DISK_BYTES
        chunked = put.format("chunked") + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
        self.watch("half a header", "GET /health HTTP/1.1\r\nHost: local", HEADER_SECONDS)
        self.watch("a header byte by byte", "GET /health HTTP/1.1\r\nX: ", HEADER_SECONDS, b"x")
        self.watch("a header line by line", "GET /health HTTP/1.1\r\n", HEADER_SECONDS, b"X: y\r\n")
        self.watch("nothing", "", HEADER_SECONDS)
        self.watch("half a body", half, BODY_SECONDS)
        message = "POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.watch("half a chunked body", chunked, BODY_SECONDS)
        self.watch("half a message", message + 'Content-Length: 99\r\n\r\n{"experiment', BODY_SECONDS)

    def watch(self, name: str, begin: str, limit: float, drip: bytes = b"") -> None:
        connection = self.server.raw().send(begin)

        def run() -> None:
            self.ends[name] = wait_for_end(connection, limit, drip)
            connection.close()

        self.threads[name] = threading.Thread(target=run)
        self.threads[name].start()

    def cut(self, name: str) -> End:
        self.threads[name].join()
        return self.ends[name]


@pytest.fixture(scope="module")
def slow():
    with Server() as server:
        waiting = Slow(server)
        yield waiting
        for thread in waiting.threads.values():
            thread.join()


def test_others_are_served_while_slow_clients_wait(slow):
    for number in range(50):
        assert slow.server.put(f"fast/{number}", b"x").status == 200
        assert slow.server.fetch(f"fast/{number}").body == b"x"


def test_a_slow_but_steady_upload_is_not_cut(slow):
    with slow.server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/steady.bin", Content_Length=24)
        for _ in range(24):
            upload.send(b"x")
            time.sleep(0.25)
        assert upload.answer("PUT").status == 200
    assert slow.server.fetch("steady.bin").body == b"x" * 24


def test_idle_connections_cost_no_thread_and_little_memory(own_server):
    server = own_server()
    for number in range(20):
        server.put(f"{number}", b"x")
    threads, resident = server.status_kb("Threads"), server.rss()
    idle = []
    for _ in range(400):
        connection = server.raw().head("GET", "/health")
        assert connection.answer().body == b"OK"
        idle.append(connection)
    assert server.status_kb("Threads") <= threads + 8
    assert server.rss() - resident < 400 * 64 * 1024
    for connection in idle[::40]:
        assert connection.head("GET", "/health").answer().body == b"OK"
    for connection in idle:
        connection.close()


def test_stalled_uploads_cost_no_thread_each(own_server):
    server = own_server("--workers", "1")
    uploads = [
        server.raw().head("PUT", f"{ARTIFACTS}/s/{number}", Content_Length=10).send(b"12345") for number in range(300)
    ]
    # An answer on each way in between shows that the server has read the heads.
    for number in range(20):
        assert server.put(f"{number}", b"x").status == 200
    assert server.status_kb("Threads") < 100
    begun = time.monotonic()
    assert server.put("other.txt", b"x").status == 200
    assert time.monotonic() - begun < 10
    for upload in uploads:
        upload.send(b"67890")
    assert [upload.answer("PUT").status for upload in uploads] == [200] * 300
    assert len(server.names("s")) == 300


def test_readers_that_never_read_hold_up_nobody(own_server):
    server = own_server("--workers", "1")
    server.put("big.bin", pattern(30_000_000))
    readers = [server.raw().head("GET", f"{ARTIFACTS}/big.bin") for _ in range(150)]
    for number in range(20):
        assert server.put(f"{number}", b"x").status == 200
        assert server.fetch(f"{number}").body == b"x"
    assert len(server.fetch("big.bin").body) == 30_000_000
    for reader in readers:
        reader.close()


@pytest.mark.parametrize(
    "head",
    [
        "X: " + "x" * 2_000_000 + "\r\n",
        "".join(f"X-{number}: y\r\n" for number in range(20_000)),
    ],
    ids=["one long header", "many headers"],
)
def test_headers_beyond_a_limit_are_refused(own_server, head):
    server = own_server()
    with server.raw() as connection:
        with contextlib.suppress(OSError):
            connection.send("GET /health HTTP/1.1\r\nHost: localhost\r\n" + head + "\r\n")
        answer = connection.read_all()
    assert answer == b"" or answer.split(b" ", 2)[1] in {b"431", b"400"}
    assert server.get("/health").status == 200
    assert server.peak_rss() < 50_000_000


def test_a_target_beyond_a_limit_is_refused(own_server):
    server = own_server()
    with server.raw() as connection:
        with contextlib.suppress(OSError):
            connection.head("GET", f"{ARTIFACTS}/" + "x" * 2_000_000)
        answer = connection.read_all()
    assert answer == b"" or answer.split(b" ", 2)[1] in {b"414", b"431", b"400"}
    assert server.get("/health").status == 200


def test_a_json_body_beyond_a_limit_is_refused(own_server):
    server = own_server()
    with server.raw(timeout=60) as connection:
        headers = {"Content_Type": "application/json", "Content_Length": 10**11}
        connection.head("POST", "/api/2.0/mlflow/runs/log-batch", **headers)
        connection.socket.settimeout(1)
        sent = 0
        # It may refuse at once, or after a limit; what it must not do is take gigabytes.
        with contextlib.suppress(OSError):
            while sent < 600_000_000:
                sent += connection.socket.send(b" " * 1_000_000)
    assert server.get("/health").status == 200
    assert server.peak_rss() < 400_000_000


def test_connections_that_come_and_go_leave_nothing_open(own_server):
    server = own_server()
    server.get("/health")
    before = len(list(open_files(server)))
    for number in range(300):
        connection = server.raw()
        if number % 3:
            connection.head("PUT", f"{ARTIFACTS}/x", Content_Length=100).send(b"1")
        connection.reset() if number % 2 else connection.close()
    wait_until(lambda: len(list(open_files(server))) <= before + 10, 20, "connections stay open")
    wait_until(lambda: not staging_entries(server.artifacts), 10, "staging files stay")


def open_files(server: Server):
    with contextlib.suppress(FileNotFoundError):
        yield from os.listdir(f"/proc/{server.pid}/fd")


@pytest.mark.parametrize("name", ["half a header", "a header byte by byte", "a header line by line", "nothing"])
def test_a_client_that_does_not_finish_its_header_is_cut(slow, name):
    assert slow.cut(name).seconds < HEADER_SECONDS


@pytest.mark.parametrize("name", ["half a body", "half a chunked body", "half a message"])
def test_a_client_that_stalls_in_its_body_is_told_and_cut_and_leaves_nothing(slow, name):
    end = slow.cut(name)
    assert end.seconds < BODY_SECONDS
    assert end.received.startswith(b"HTTP/1.1 408 "), end.received
    assert b'"message":"The request body stopped coming' in end.received
    wait_until(lambda: not staging_entries(slow.server.artifacts), 10, "the staging file stays")
    assert slow.server.names("slow") == []


@pytest.mark.parametrize("target", ["/health", "/version", "/", ARTIFACTS + "/none.txt"])
def test_an_answer_to_a_body_that_nobody_wants_breaks_no_connection(server, target):
    with server.raw() as connection:
        for _ in range(2):
            connection.head("GET", target, Content_Length=2)
            time.sleep(0.1)
            assert connection.send("{}").answer().status in (200, 404)
