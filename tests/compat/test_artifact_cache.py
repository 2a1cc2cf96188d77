"""`--artifact-cache`: what was downloaded from a store comes from the disk of the server the next time."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fault_proxy import FaultProxy, Faults
from harness import ARTIFACTS, Server, pattern, run_binary, together, wait_until
from ports import free_port
from stores.sink import download, in_front_of_sink

pytestmark = pytest.mark.xdist_group("destination garage")

MIB = 1 << 20
# The smallest one.
CACHE_MIB = 64


class Cached:
    """A server with a cache, and what passes between it and its store."""

    def __init__(self, store, own_server, folder: Path, proxy: FaultProxy, environment: dict[str, str] | None = None):
        self.folder, self.proxy = folder, proxy
        self.place = store.place()
        self._start = lambda: own_server(
            *("--artifact-cache", str(folder), "--artifact-cache-size", f"{CACHE_MIB}M"),
            place=self.place,
            environment=store.server_environment(proxy.url) | (environment or {}),
        )
        self.server: Server = self._start()

    def restart(self, end: Callable[[Server], object] = Server.stop) -> None:
        end(self.server)
        self.server = self._start()

    def fetch(self, name: str, data: bytes) -> list[str]:
        """Downloads an object that must be `data`, and returns the methods of the calls that it took."""
        self.proxy.forget()
        answer = self.server.fetch(name)
        assert answer.status == 200, answer.body
        assert answer.body == data
        return self.methods()

    def methods(self) -> list[str]:
        return [request.method for request in self.proxy.requests]

    def answered(self) -> int:
        """Bytes that the store was asked for."""
        return sum(request.answered for request in self.proxy.requests if request.method == "GET")

    def files(self) -> list[Path]:
        """What holds the blocks."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file() and path.name != "lock")


@pytest.fixture
def cached(stores, own_server, tmp_path) -> Iterator[Cached]:
    store = stores["garage"]
    with FaultProxy(int(store.endpoint.rsplit(":", 1)[1])) as proxy:
        yield Cached(store, own_server, tmp_path / "cache", proxy)


# What the store is asked


@pytest.mark.parametrize("size", [1, 10_000, 512 * 1024, 1_000_000, 20_000_000])
def test_the_second_download_only_asks_whether_the_object_is_the_same(cached, size):
    data = pattern(size)
    cached.place.write("a.bin", data)
    assert cached.fetch("a.bin", data) == ["HEAD", "GET"]
    assert cached.answered() == size
    for _ in range(3):
        assert cached.fetch("a.bin", data) == ["HEAD"]
    assert cached.server.head("a.bin").headers["content-length"] == str(size)


def test_an_empty_object_needs_no_cache(cached):
    cached.place.write("a.bin", b"")
    assert cached.fetch("a.bin", b"") == ["HEAD"]


def test_what_was_replaced_or_deleted_at_the_store_is_never_served_again(cached):
    for seed in range(3):
        data = pattern(1_000_000, seed)
        cached.place.write("a.bin", data)
        assert cached.fetch("a.bin", data) == ["HEAD", "GET"]
        assert cached.fetch("a.bin", data) == ["HEAD"]
    cached.server.put("a.bin", b"by this server")
    cached.fetch("a.bin", b"by this server")
    cached.place.client.delete_object(Bucket=cached.place.bucket, Key=cached.place.key("a.bin"))
    cached.server.fetch("a.bin").assert_error(404)


def test_two_objects_with_the_same_bytes_are_two(cached):
    data = pattern(1000)
    for name in ("a.bin", "b.bin"):
        cached.place.write(name, data)
        assert cached.fetch(name, data) == ["HEAD", "GET"]


def test_a_range_brings_the_blocks_that_it_needs_and_no_others(cached):
    data = pattern(10_000_000)
    cached.place.write("a.bin", data)
    for start, end in [(0, 10), (9_000_000, 10_000_000), (5_000_000, 5_000_001), (0, 10_000_000), (524_287, 524_289)]:
        for attempt in range(2):
            cached.proxy.forget()
            answer = cached.server.fetch("a.bin", {"Range": f"bytes={start}-{end - 1}"})
            assert (answer.status, answer.body) == (206, data[start:end])
            assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(data)}"
            if attempt == 0:
                assert cached.answered() <= end - start + 2 * 524_288
            else:
                assert cached.methods() == ["HEAD"]
    # Whole, after parts of it.
    assert cached.fetch("a.bin", data) == ["HEAD"]


def test_conditions_and_several_ranges_work_as_without_a_cache(cached):
    data = pattern(2_000_000)
    cached.place.write("a.bin", data)
    etag = cached.server.fetch("a.bin").headers["etag"]
    assert cached.server.fetch("a.bin", {"If-None-Match": etag}).status == 304
    assert cached.server.fetch("a.bin", {"If-Match": '"other"'}).status == 412
    stale = cached.server.fetch("a.bin", {"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (stale.status, stale.body) == (200, data)
    assert cached.server.fetch("a.bin", {"Range": "bytes=9000000-"}).status == 416


# Several at once


def test_downloads_of_one_object_at_the_same_time_fetch_it_once(cached):
    data = pattern(40 * MIB)
    # Objects of more than half the cache are not kept.
    names = {"large.bin": data[: 30 * MIB], "small.bin": data[:1000]}
    for name, content in names.items():
        cached.place.write(name, content)
        cached.proxy.forget()
        answers = together(*[lambda name=name: cached.server.fetch(name)] * 16)
        assert all(answer.status == 200 and answer.body == content for answer in answers)
        assert cached.methods().count("HEAD") == 16
        assert cached.answered() <= len(content) * 1.1 + MIB
        assert cached.methods().count("GET") <= 4


def test_a_slow_client_holds_nobody_up(cached):
    data = pattern(30 * MIB)
    cached.place.write("a.bin", data)
    with cached.server.raw() as slow:
        slow.head("GET", f"{ARTIFACTS}/a.bin", Connection="close")
        received = slow.socket.recv(1000)
        started = time.monotonic()
        assert cached.server.fetch("a.bin").body == data
        assert time.monotonic() - started < 20
        received += slow.read_all()
    assert received.partition(b"\r\n\r\n")[2] == data


def test_a_client_that_stalls_makes_others_ask_no_more_often(cached):
    data = pattern(30 * MIB)
    cached.place.write("a.bin", data)
    with cached.server.raw() as stalled:
        stalled.head("GET", f"{ARTIFACTS}/a.bin", Connection="close")
        stalled.socket.recv(1000)
        cached.proxy.forget()
        start, end = 15 * MIB, 25 * MIB
        answer = cached.server.fetch("a.bin", {"Range": f"bytes={start}-{end - 1}"})
        assert answer.body == data[start:end]
        assert cached.methods().count("GET") <= 3


def test_who_leaves_early_takes_nothing_from_others(cached):
    data = pattern(30 * MIB)
    cached.place.write("a.bin", data)

    def leave() -> None:
        with cached.server.raw() as connection:
            connection.head("GET", f"{ARTIFACTS}/a.bin")
            connection.socket.recv(100_000)
            connection.reset()

    answers = together(leave, leave, *[lambda: cached.server.fetch("a.bin").body == data] * 4, leave)
    assert [answer for answer in answers if answer is not None] == [True] * 4


def test_blocks_of_two_versions_are_never_put_together(cached):
    old, new = pattern(20_000_000, 1), pattern(20_000_000, 2)
    cached.place.write("a.bin", old)
    assert cached.server.fetch("a.bin", {"Range": "bytes=0-5000000"}).body == old[:5_000_001]
    # After its entity tag was asked for, and while what is there comes from the cache.
    cached.proxy.before = lambda request: request.method == "GET" and cached.place.write("a.bin", new)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        cached.server.fetch("a.bin")
    cached.proxy.before = lambda request: None
    assert cached.fetch("a.bin", new) == ["HEAD", "GET"]
    assert cached.fetch("a.bin", new) == ["HEAD"]


def test_nothing_wrong_comes_of_a_store_that_breaks(cached):
    kinds = ("500", "503", "reset", "truncated")
    for number in range(20):
        data = pattern(3_000_000, number)
        cached.place.write(f"{number}.bin", data)
        cached.proxy.faults = Faults(seed=number, share=0.4, kinds=kinds)
        with cached.server.raw(timeout=60) as connection:
            connection.head("GET", f"{ARTIFACTS}/{number}.bin", Connection="close")
            head, _, body = connection.read_all().partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 200 "):
            assert data.startswith(body)
        else:
            assert re.match(rb"HTTP/1.1 5\d\d ", head), head
        cached.proxy.faults = None
        cached.fetch(f"{number}.bin", data)
        assert cached.fetch(f"{number}.bin", data) == ["HEAD"]


# The disk


def used(folder: Path) -> int:
    """Bytes that a folder takes of its disk."""
    return int(
        subprocess.run(["du", "-s", "-B1", folder], check=True, capture_output=True, text=True).stdout.split()[0]
    )


def test_the_cache_keeps_its_size(cached):
    assert used(cached.folder) <= CACHE_MIB * MIB * 1.01
    contents = {f"{number}.bin": pattern(20_000_000, number) for number in range(12)}
    for name, data in contents.items():
        cached.place.write(name, data)
        cached.fetch(name, data)
        assert used(cached.folder) <= CACHE_MIB * MIB * 1.01
    # The last one is there, the first one was pushed out.
    assert cached.fetch("11.bin", contents["11.bin"]) == ["HEAD"]
    assert "GET" in cached.fetch("0.bin", contents["0.bin"])
    for name, data in contents.items():
        cached.fetch(name, data)


def test_an_object_that_would_push_out_all_others_is_not_kept(cached):
    small, large = pattern(1_000_000), pattern(40 * MIB)
    cached.place.write("small.bin", small)
    cached.place.write("large.bin", large)
    cached.fetch("small.bin", small)
    for _ in range(2):
        assert cached.fetch("large.bin", large) == ["HEAD", "GET"]
    assert cached.fetch("small.bin", small) == ["HEAD"]


def garble(path: Path) -> None:
    with path.open("r+b") as file:
        for offset in range(0, path.stat().st_size, 4096):
            file.seek(offset + 100)
            file.write(b"garbage")


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 3)


def overwrite(path: Path) -> None:
    path.write_bytes(b"\xff" * path.stat().st_size)


HARM = {
    "garbled": garble,
    "truncated": truncate,
    "emptied": lambda path: path.write_bytes(b""),
    "overwritten": overwrite,
    "deleted": Path.unlink,
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("is_running", [True, False], ids=["while it runs", "between runs"])
def test_a_harmed_cache_is_only_a_miss(cached, harm, is_running):
    # More than stays in memory.
    contents = {f"{number}.bin": pattern(size, number) for number, size in enumerate([25_000_000, 1000, 5_000_000])}
    for name, data in contents.items():
        cached.place.write(name, data)
        cached.fetch(name, data)
    time.sleep(1)
    if not is_running:
        cached.server.stop()
    for path in cached.files():
        HARM[harm](path)
    if not is_running:
        cached.restart()
    for _ in range(2):
        for name, data in contents.items():
            cached.fetch(name, data)
    # It works again.
    fresh = pattern(10_000_000, 99)
    cached.place.write("fresh.bin", fresh)
    cached.fetch("fresh.bin", fresh)
    assert cached.fetch("fresh.bin", fresh) == ["HEAD"]


# More than a download takes, and less than the 5 s for which the server waits for a disk that hangs.
WITHOUT_DISK_SECONDS = 3.5

# Between the server and the system: reads and writes of the cache's files wait as long as $HANG exists.
HANGING = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void wait_while_it_hangs(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return;
    path[length] = 0;
    while (strstr(path, "/blocks-") && access(getenv("HANG"), F_OK) == 0) usleep(10000);
}

#define AFTER(name, data) \
    ssize_t name(int fd, data bytes, size_t count, off64_t offset) { \
        wait_while_it_hangs(fd); \
        return ((ssize_t (*)(int, data, size_t, off64_t))dlsym(RTLD_NEXT, #name))(fd, bytes, count, offset); \
    }
AFTER(pread64, void *)
AFTER(pwrite64, const void *)
"""


@pytest.fixture
def hanging(stores, own_server, tmp_path) -> Iterator[tuple[Cached, Path]]:
    """A server with a cache whose disk hangs as long as a file exists."""
    (tmp_path / "hanging.c").write_text(HANGING)
    library, hang = tmp_path / "hanging.so", tmp_path / "hang"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "hanging.c", "-ldl"], check=True)
    store = stores["garage"]
    environment = {"LD_PRELOAD": str(library), "HANG": str(hang)}
    with FaultProxy(int(store.endpoint.rsplit(":", 1)[1])) as proxy:
        yield Cached(store, own_server, tmp_path / "cache", proxy, environment), hang
        # So that the server ends in time.
        hang.unlink(missing_ok=True)


def test_a_disk_that_hangs_holds_up_no_download(hanging):
    cached, hang = hanging
    contents = {f"{number}.bin": pattern(30 * MIB, number) for number in range(3)}
    for name, data in contents.items():
        cached.place.write(name, data)
    cached.fetch("0.bin", contents["0.bin"])
    assert cached.fetch("0.bin", contents["0.bin"]) == ["HEAD"]
    hang.touch()
    # What is not there is written to a disk that takes nothing, and nobody waits for that.
    for name in ("1.bin", "2.bin"):
        assert seconds_of(lambda name=name: cached.fetch(name, contents[name])) < WITHOUT_DISK_SECONDS
    # What is there is not read for long, and then comes from the store.
    assert "GET" in cached.fetch("0.bin", contents["0.bin"])
    cached.server.log_line("the disk of the artifact cache is slow")
    assert seconds_of(lambda: cached.fetch("0.bin", contents["0.bin"])) < WITHOUT_DISK_SECONDS
    hang.unlink()

    def is_kept() -> bool:
        # The disk is left alone for ten seconds.
        time.sleep(1)
        return cached.fetch("0.bin", contents["0.bin"]) == ["HEAD"]

    wait_until(is_kept, 40, "the disk is left alone still")


def seconds_of(call: Callable[[], object]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


def test_a_folder_that_is_removed_is_made_again_at_the_next_start(cached):
    data = pattern(5_000_000)
    cached.place.write("a.bin", data)
    cached.fetch("a.bin", data)
    shutil.rmtree(cached.folder)
    cached.fetch("a.bin", data)
    cached.restart()
    assert cached.fetch("a.bin", data) == ["HEAD", "GET"]
    assert cached.fetch("a.bin", data) == ["HEAD"]


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_a_restart_keeps_the_cache(cached, end):
    contents = {f"{number}.bin": pattern(size, number) for number, size in enumerate([25_000_000, 1000, 5_000_000])}
    for name, data in contents.items():
        cached.place.write(name, data)
        cached.fetch(name, data)
    if end is Server.kill:
        # Blocks are written behind.
        time.sleep(1)
    cached.restart(end)
    answered = 0
    for name, data in contents.items():
        asked = cached.fetch(name, data)
        answered += cached.answered()
        # What was not written yet may be lost, but not all of it.
        assert asked == ["HEAD"] or end is Server.kill
    assert answered < sum(map(len, contents.values()))


def test_others_can_not_look_into_it(cached):
    assert cached.folder.stat().st_mode & 0o077 == 0


# The start


def refusal(cached: Cached, folder: Path, *options: str) -> str:
    """The one line that a server says of a cache that it can't have."""
    line = ["server", "--artifacts-destination", cached.place.uri, "--port", str(free_port())]
    line += ["--artifact-cache", str(folder), *options]
    done = run_binary(*line, cwd=cached.folder.parent, environment=cached.place.environment)
    assert done.returncode == 1, done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_two_servers_do_not_share_a_cache(cached):
    line = refusal(cached, cached.folder, "--artifact-cache-size", f"{CACHE_MIB}M")
    assert f"the artifact cache {cached.folder} is in use by another server" in line


def test_a_folder_that_can_not_be_written_stops_the_start(cached, tmp_path):
    (tmp_path / "file").write_text("in the way")
    line = refusal(cached, tmp_path / "file" / "cache")
    assert f"cannot use the artifact cache {tmp_path}/file/cache" in line
    assert "Not a directory" in line


def test_a_disk_without_the_room_stops_the_start_and_stays_as_it_is(cached, tmp_path):
    line = refusal(cached, tmp_path / "huge", "--artifact-cache-size", "900T")
    assert "make --artifact-cache-size smaller" in line
    assert used(tmp_path / "huge") < MIB


def test_a_local_destination_has_no_cache(cached, tmp_path):
    done = run_binary("server", "--artifact-cache", str(tmp_path / "c"), cwd=tmp_path)
    assert done.returncode == 1
    assert "--artifact-cache would only keep a second copy" in done.stderr


# Memory


@pytest.fixture
def sink(own_server, tmp_path) -> Iterator[Server]:
    """A server with a cache whose store gives what it is asked for as quickly as it can."""
    options = ["--artifact-cache", str(tmp_path / "cache"), "--artifact-cache-size", "2G"]
    with in_front_of_sink(own_server, *options) as server:
        yield server


def test_memory_does_not_depend_on_the_size_of_what_is_cached(sink):
    idle = sink.rss()
    assert idle < 80 * MIB
    size = 512 * MIB
    for _ in range(2):
        assert download(sink, f"large-{size}") == size
    # With what the allocator keeps, it was 58 MB on a quiet machine and 87 MB beside other tests.
    assert sink.peak_rss() < idle + size / 4
    # Different ones at the same time.
    names = [f"{number}-{32 * MIB}" for number in range(32)]
    assert together(*[lambda name=name: download(sink, name) for name in names]) == [32 * MIB] * 32
    assert sink.peak_rss() < 250_000_000
