"""Memory does not depend on the size or the number of artifacts under way."""

from __future__ import annotations

import threading

from harness import ARTIFACTS, IS_FULL_SIZE, Server, tree

UPLOADS = 64
# The full size is what the promise is about: 16 GiB, for which not every disk has the room or the speed.
SIZE = (256 if IS_FULL_SIZE else 16) * 1024 * 1024
# By itself far above the limit.
CHUNK = 256 * 1024 * 1024
RESIDENT_LIMIT = 100_000_000
# The issue sets no limit for downloads: this one only tells buffering from streaming.
READERS_LIMIT = 250_000_000
BLOCK = bytes(range(256)) * 4096


def stamp(number: int) -> bytes:
    return f"upload {number:03} ".encode() * 100


def test_64_large_uploads_at_once_stay_under_100_mb_resident(own_server):
    server = own_server()
    almost_done, finish = threading.Barrier(UPLOADS + 1, timeout=400), threading.Barrier(UPLOADS + 1, timeout=400)
    statuses: list[int] = [0] * UPLOADS

    def upload(number: int) -> None:
        with server.raw(timeout=400) as connection:
            connection.head("PUT", f"{ARTIFACTS}/big/{number:03}.bin", Content_Length=SIZE)
            connection.send(stamp(number))
            left = SIZE - 2 * len(stamp(number))
            while left:
                piece = memoryview(BLOCK)[: min(left, len(BLOCK))]
                connection.socket.sendall(piece)
                left -= len(piece)
            almost_done.wait()
            finish.wait()
            connection.send(stamp(number))
            statuses[number] = connection.answer("PUT").status

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(UPLOADS)]
    for thread in threads:
        thread.start()
    almost_done.wait()
    visible, resident = server.names("big"), server.peak_rss()
    finish.wait()
    for thread in threads:
        thread.join()

    assert statuses == [200] * UPLOADS
    assert visible == []
    assert resident < RESIDENT_LIMIT
    assert server.peak_rss() < RESIDENT_LIMIT
    for number in range(UPLOADS):
        path = server.artifacts / "big" / f"{number:03}.bin"
        assert path.stat().st_size == SIZE
        with path.open("rb") as file:
            assert file.read(len(stamp(number))) == stamp(number)
            assert file.read(len(BLOCK)) == BLOCK
            file.seek(-len(stamp(number)), 2)
            assert file.read() == stamp(number)
    assert server.delete("big").status == 200
    assert tree(server.artifacts) == {}


def test_one_huge_chunk_is_streamed(own_server):
    server = own_server()
    with server.raw(timeout=120) as connection:
        connection.head("PUT", f"{ARTIFACTS}/chunk.bin", Transfer_Encoding="chunked")
        connection.send(f"{CHUNK:x}\r\n")
        for _ in range(CHUNK // len(BLOCK)):
            connection.socket.sendall(BLOCK)
        connection.send("\r\n0\r\n\r\n")
        assert connection.answer("PUT").status == 200
    assert (server.artifacts / "chunk.bin").stat().st_size == CHUNK
    assert server.peak_rss() < RESIDENT_LIMIT


def test_readers_that_stall_in_large_downloads_cost_little_memory(own_server):
    server = own_server()
    server.put("warm-up", b"x")
    run_id = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    path = f"0/{run_id}/artifacts/big.bin"
    (server.artifacts / path).parent.mkdir(parents=True)
    with (server.artifacts / path).open("wb") as file:
        file.truncate(SIZE)
    readers = []
    for number in range(UPLOADS):
        target = f"{ARTIFACTS}/{path}" if number % 2 else f"/get-artifact?run_id={run_id}&path=big.bin"
        readers.append(server.raw().head("GET", target))
        assert readers[-1].socket.recv(100).startswith(b"HTTP/1.1 200 ")
    assert server.fetch("warm-up").body == b"x"
    assert server.peak_rss() < READERS_LIMIT
    for reader in readers:
        reader.close()


def test_a_listing_of_many_files_costs_little_memory(own_server):
    server = own_server()
    folder = server.artifacts / "many"
    folder.mkdir(parents=True)
    for number in range(20_000):
        (folder / f"{number:05}-{'x' * 40}.txt").touch()
    assert len(server.names("many")) == 20_000
    assert len(server.names("many", max_results="5")) == 5
    assert server.peak_rss() < RESIDENT_LIMIT


def test_memory_after_thousands_of_small_uploads_is_that_of_an_idle_server(own_server):
    server: Server = own_server()

    def upload(worker: int) -> None:
        with server.raw() as connection:
            for number in range(500):
                connection.head("PUT", f"{ARTIFACTS}/s/{worker}-{number}", Content_Length=1000).send(BLOCK[:1000])
                assert connection.answer("PUT").status == 200

    threads = [threading.Thread(target=upload, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.names("s")) == 2000
    assert server.rss() < 50_000_000
