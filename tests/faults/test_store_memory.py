"""Memory depends neither on the size nor on the number of the artifacts that are under way to a store and from it."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator

import pytest

from harness import ARTIFACTS, IS_FULL_SIZE, together
from stores.sink import download, in_front_of_sink

CALLS = 32
# The full size is what the promise is about; both are many times the limit.
SIZE = (512 if IS_FULL_SIZE else 24) * 1024 * 1024
LIMIT = 250_000_000
BLOCK = bytes(range(256)) * 4096


@pytest.fixture
def server(own_server) -> Iterator:
    """One whose store takes and gives as quickly as it can, and keeps nothing."""
    with in_front_of_sink(own_server) as running:
        yield running


def send(connection, length: int) -> None:
    while length:
        piece = memoryview(BLOCK)[: min(length, len(BLOCK))]
        connection.socket.sendall(piece)
        length -= len(piece)


def upload(server, number: int, *, chunked: bool = False) -> int:
    with server.raw(timeout=600) as connection:
        target = f"{ARTIFACTS}/up/{number}"
        if chunked:
            connection.head("PUT", target, Transfer_Encoding="chunked")
            for _ in range(SIZE // len(BLOCK)):
                connection.send(b"%x\r\n" % len(BLOCK))
                connection.socket.sendall(BLOCK)
                connection.send("\r\n")
            connection.send("0\r\n\r\n")
        else:
            connection.head("PUT", target, Content_Length=SIZE)
            send(connection, SIZE)
        return connection.answer("PUT").status


def test_uploads_and_downloads_at_once_stay_under_250_mb_resident(server):
    calls = [lambda number=number: upload(server, number) for number in range(CALLS)]
    calls += [lambda number=number: download(server, f"down/{number}-{SIZE}") for number in range(CALLS)]
    assert together(*calls) == [200] * CALLS + [SIZE] * CALLS
    assert server.peak_rss() < LIMIT


def test_uploads_of_unknown_length_do_too(server):
    calls = [lambda number=number: upload(server, number, chunked=number % 2 == 0) for number in range(CALLS)]
    assert together(*calls) == [200] * CALLS
    assert server.peak_rss() < LIMIT


def test_readers_that_stall_cost_little(server):
    readers = []
    for number in range(64):
        readers.append(server.raw().head("GET", f"{ARTIFACTS}/down/{number}-{SIZE}"))
        assert readers[-1].socket.recv(100).startswith(b"HTTP/1.1 200 ")
    assert server.get("/health").status == 200
    assert server.peak_rss() < LIMIT
    for reader in readers:
        reader.close()


def test_uploads_that_stall_cost_little_and_are_in_nobody_s_way(server):
    uploads = []
    for number in range(64):
        uploads.append(server.raw(timeout=1).head("PUT", f"{ARTIFACTS}/up/{number}", Content_Length=SIZE))
        # The server may take no more than it has room for.
        with contextlib.suppress(TimeoutError):
            send(uploads[-1], 7 * 1024 * 1024)
    # More than an upload holds without room for a part of it.
    assert server.put("small", b"x" * 1_000_000, timeout=110).status == 200
    assert server.peak_rss() < LIMIT
    for one in uploads:
        one.close()


def test_what_no_part_can_hold_is_refused_before_it_comes(server):
    announced = 10**18
    with server.raw() as one:
        one.head("PUT", f"{ARTIFACTS}/up/0", Content_Length=announced)
        one.answer("PUT").assert_error(413)
    member = tarfile.TarInfo("a.bin")
    member.size = announced
    with server.raw() as one:
        one.head("PUT", f"{ARTIFACTS}/up?extract=tar", Transfer_Encoding="chunked")
        data = member.tobuf(tarfile.GNU_FORMAT) + BLOCK
        one.send(b"%x\r\n" % len(data)).send(data)
        one.answer("PUT").assert_error(413)
    assert server.peak_rss() < LIMIT
