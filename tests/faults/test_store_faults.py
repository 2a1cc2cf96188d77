"""A store that fails now and then: every call ends well or says so, and never with a wrong byte."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import random
import time
from collections import Counter

import pytest

from fault_proxy import FaultProxy, Faults
from harness import ARTIFACTS, pattern, run_binary, together, wait_until

pytestmark = pytest.mark.xdist_group("destination garage")

OBJECTS = 1000
THREADS = 8
# Every tenth call of the store fails, most objects take one call, and without retries as many would fail.
SHARE = 0.1
SUCCEED = 0.97
BROKEN = "broken"
# What may be answered when the store failed; a client repeats it.
TRY_AGAIN = {500, 502, 503, 504, BROKEN}


def sizes() -> list[int]:
    """Mostly small ones, some of a few megabytes, and a few of several parts."""
    chosen = random.Random(4)
    some = [chosen.randrange(1_000_000, 6_000_000) for _ in range(30)]
    large = [chosen.randrange(18_000_000, 40_000_000) for _ in range(8)]
    small = [chosen.choice([0, 1, 1000, 10_000, 100_000]) for _ in range(OBJECTS - len(some) - len(large))]
    every = small + some + large
    chosen.shuffle(every)
    return every


@pytest.fixture
def garage(stores):
    return stores["garage"]


@pytest.fixture
def proxy(garage):
    with FaultProxy(garage.port) as running:
        yield running


@pytest.fixture
def behind(garage, proxy, own_server):
    """A server that reaches its store through the proxy."""

    def start(*arguments: str):
        place = garage.place()
        place.environment = garage.server_environment(proxy.url)
        return own_server(*arguments, place=place)

    return start


def outcome(call) -> int | str:
    """The status, or that the connection broke."""
    try:
        return call().status
    except (OSError, http.client.HTTPException):
        return BROKEN


def side_by_side(calls) -> list:
    """Makes the calls in THREADS threads; returns their results in order."""
    results: list = [None] * len(calls)
    waiting = iter(range(len(calls)))

    def work() -> None:
        for index in waiting:
            results[index] = calls[index]()

    together(*[work] * THREADS)
    return results


@pytest.mark.parametrize("seed", [1])
def test_a_thousand_objects_arrive_whole_or_not_at_all(behind, proxy, seed):
    server = behind()
    every = sizes()
    paths = [f"d{number % 13}/f{number:04}.bin" for number in range(OBJECTS)]
    digests = {
        path: hashlib.sha256(pattern(size, seed=number)).digest()
        for number, (path, size) in enumerate(zip(paths, every, strict=True))
    }
    proxy.faults = Faults(seed, SHARE)

    def put(number: int):
        data = pattern(every[number], seed=number)
        return outcome(lambda: server.put(paths[number], data, timeout=120))

    uploads = side_by_side([lambda number=number: put(number) for number in range(OBJECTS)])
    stored = {path for path, status in zip(paths, uploads, strict=True) if status == 200}
    assert set(uploads) <= {200, *TRY_AGAIN}, Counter(uploads)
    assert len(stored) >= SUCCEED * OBJECTS, Counter(uploads)

    def get(path: str):
        got = []

        def fetch():
            got.append(server.request("GET", f"{ARTIFACTS}/{path}", timeout=120))
            return got[0]

        status = outcome(fetch)
        assert status != 200 or hashlib.sha256(got[0].body).digest() == digests[path], f"wrong bytes in {path}"
        return status

    downloads = side_by_side([lambda path=path: get(path) for path in sorted(stored)])
    assert set(downloads) <= {200, *TRY_AGAIN}, Counter(downloads)
    assert downloads.count(200) >= SUCCEED * len(stored), Counter(downloads)
    assert set(proxy.injected) == set(proxy.faults.kinds)

    proxy.faults = None
    # What failed may be there or not, for the store may have heard of it; but what is there is whole.
    there = server.stored()
    assert stored <= set(there)
    wrong = [path for path, data in there.items() if hashlib.sha256(data).digest() != digests[path]]
    assert wrong == []
    assert server.names(recursive="true") == sorted(there)
    assert_sweep_leaves_nothing(server)


def assert_sweep_leaves_nothing(server) -> None:
    """Ends the server first: an upload of a client that left may still be under way."""
    server.stop()
    options = ["--older-than", "0s", server.place.uri]
    done = run_binary("artifacts", "sweep", *options, cwd=server.root, environment=server.place.environment, seconds=60)
    assert done.returncode == 0, done.stderr
    assert server.pending() == []


@pytest.mark.parametrize("kind", ["500", "503", "reset", "lost"])
def test_a_store_that_always_fails_is_an_error_that_the_client_may_repeat(behind, proxy, kind):
    server = behind()
    server.put("there.bin", b"x")
    proxy.faults = Faults(1, 1.0, (kind,))
    begun = time.monotonic()
    calls = (
        lambda: server.request("PUT", f"{ARTIFACTS}/a.bin", b"x", timeout=120),
        lambda: server.request("GET", f"{ARTIFACTS}/there.bin", timeout=120),
        lambda: server.request("GET", f"{ARTIFACTS}?path=", timeout=120),
        lambda: server.request("DELETE", f"{ARTIFACTS}/there.bin", timeout=120),
    )
    for answer in side_by_side(calls):
        assert answer.status in {500, 502, 503, 504}, answer.body
        answer.assert_error(answer.status)
    assert time.monotonic() - begun < 100
    proxy.faults = None
    assert server.put("a.bin", b"y").status == 200
    assert server.fetch("a.bin").body == b"y"


@pytest.mark.parametrize("kind", ["reset", "cut", "lost"])
def test_a_deletion_is_repeated_when_its_connection_breaks(behind, proxy, kind):
    server = behind()
    for name in ("d/a.bin", "d/e/b.bin"):
        server.put(name, b"x")
    broken = []

    def break_the_first(request):
        if not broken and (request.method == "DELETE" or request.target.endswith("?delete")):
            broken.append(request)
            request.fault = kind

    proxy.before = break_the_first
    assert server.delete("d").status == 200
    assert len(broken) == 1
    assert server.stored() == {}


def test_a_download_that_breaks_in_the_middle_is_continued_or_broken_off(behind, proxy):
    server = behind()
    data = pattern(20_000_000)
    server.put("a.bin", data)
    proxy.faults = Faults(3, 0.5, ("truncated",))
    whole = 0
    for _ in range(20):
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = server.fetch("a.bin")
            if answer.status == 200:
                assert answer.body == data
                whole += 1
            else:
                assert answer.status in TRY_AGAIN
    assert proxy.injected["truncated"] >= 3
    assert whole >= 10


def test_an_upload_whose_parts_the_store_refuses_leaves_nothing(behind, proxy):
    server = behind()
    data = pattern(40_000_000)
    with server.raw(timeout=120) as upload:
        upload.head("PUT", f"{ARTIFACTS}/a.bin", Content_Length=len(data)).send(data[:20_000_000])
        wait_until(server.pending, 20, "no part is at the store")
        proxy.faults = Faults(1, 1.0, ("503",))
        with contextlib.suppress(OSError):
            upload.send(data[20_000_000:])
        assert outcome(lambda: upload.answer("PUT")) in TRY_AGAIN
    proxy.faults = None
    assert server.stored() == {}
    assert_sweep_leaves_nothing(server)


def test_a_kill_in_the_middle_leaves_what_the_sweep_finds(behind, garage):
    server = behind()
    data = pattern(40_000_000)
    upload = server.raw().head("PUT", f"{ARTIFACTS}/a.bin", Content_Length=len(data)).send(data[:-1])
    wait_until(server.pending, 20, "no part is at the store")
    server.kill()
    upload.close()
    assert server.stored() == {}
    assert server.pending() == ["a.bin"]
    server.place.environment = garage.server_environment()
    options = ["artifacts", "sweep", "--older-than", "0s", server.place.uri]
    done = run_binary(*options, cwd=server.root, environment=server.place.environment)
    assert done.returncode == 0, done.stderr
    assert server.pending() == []
