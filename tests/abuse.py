"""What hostile clients do to a server, and a client beside them that only wants to log its metrics."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import statistics
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness import API, ARTIFACTS, SCRIPTS, Answer, Server, clean_environment, wait_until

MEGABYTE = 1_000_000
JSON = {"Content-Type": "application/json"}
SPANS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", "x-mlflow-experiment-id": "0"}
# In place of a status: the connection broke before an answer came.
CUT = 0
IDLE, SLOW = 2000, 500
FILES = 20_000
# zlib's windows, which say in what the deflated bytes are wrapped.
GZIP, ZLIB = 31, 15


class Neighbour:
    """Logs metrics to a run and reads it, one call after the other, in a process of its own."""

    def __init__(self, server: Server, run: str):
        line = [sys.executable, str(SCRIPTS / "neighbour.py"), str(server.port), run]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(line, stdin=pipe, stdout=pipe, text=True, env=clean_environment())
        self.milliseconds: list[float] = []

    def __enter__(self) -> Neighbour:
        return self

    def __exit__(self, *_) -> None:
        out, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0
        said = json.loads(out)
        self.milliseconds = said["milliseconds"]
        assert said["refused"] == [], "somebody else's abuse made a call fail"

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def slow(self) -> float:
        """Of twenty calls, one takes longer."""
        return sorted(self.milliseconds)[int(len(self.milliseconds) * 0.95)]


class Crowd:
    """Clients that make one kind of request again and again, each of which has to end in a certain way."""

    def __init__(self, clients: int, request: Callable[[], int | Answer], expected: Iterable[int]):
        self.request, self.expected = request, set(expected)
        self.statuses: Counter[int] = Counter()
        self.surprises: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(clients)]

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self.request()
            except (OSError, http.client.HTTPException):
                answer = CUT
            except Exception as surprise:  # noqa: BLE001
                self.surprises.append(repr(surprise))
                return
            status = answer.status if isinstance(answer, Answer) else answer
            self.statuses[status] += 1
            if status not in self.expected | {CUT}:
                self.surprises.append(f"{status}: {getattr(answer, 'body', b'')[:300]!r}")
                return
            if isinstance(answer, Answer) and status >= 400:
                assert_is_clear(answer)

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=120)
        assert not any(thread.is_alive() for thread in self._threads)
        assert self.surprises == []
        assert set(self.statuses) & self.expected, self.statuses


def assert_is_clear(answer: Answer) -> None:
    """A refusal says in JSON what was wrong."""
    answer.assert_error(answer.status)
    assert len(answer.message) > 20, answer.body
    if answer.status == 429:
        assert answer.headers["retry-after"] == "1"


@dataclass(frozen=True)
class Scene:
    """A server with a run, a large file and a folder of many files."""

    server: Server
    run: str

    @classmethod
    def on(cls, server: Server) -> Scene:
        run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        server.put("large.bin", bytes(10 * MEGABYTE))
        # Past the server, which would flush each of them.
        for number in range(FILES):
            path = server.artifacts / "many" / str(number % 100) / f"{number}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return cls(server, run)

    def post(self, target: str, body, headers=None, **options) -> Answer:
        return self.server.request("POST", target, body, headers or JSON, timeout=60, **options)


def zeros(megabytes: int, *, window: int) -> bytes:
    """So many zeros, packed."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    block = bytes(MEGABYTE)
    return b"".join(packer.compress(block) for _ in range(megabytes)) + packer.flush()


def first_status(received: bytes) -> int:
    return int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/1.1 ") else CUT


# Connections that are held


@contextlib.contextmanager
def idle_connections(scene: Scene) -> Iterator[None]:
    with contextlib.ExitStack() as held:
        idle = [held.enter_context(scene.server.raw()) for _ in range(IDLE)]
        for connection in idle:
            connection.head("GET", "/health")
        assert all(connection.answer().body == b"OK" for connection in idle)
        yield


@contextlib.contextmanager
def slow_writers(scene: Scene) -> Iterator[None]:
    """Half of them upload a file, half send a message; each sends a byte a second."""
    over = threading.Event()

    def drip() -> None:
        while not over.wait(1.0):
            for connection in slow:
                connection.send(b" ")

    with contextlib.ExitStack() as held:
        slow = [held.enter_context(scene.server.raw()) for _ in range(SLOW)]
        for number, connection in enumerate(slow):
            if number % 2:
                connection.head("PUT", f"{ARTIFACTS}/slow/{number}", Content_Length=10_000)
            else:
                connection.head("POST", f"{API}/runs/create", Content_Type="application/json", Content_Length=10_000)
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield
        over.set()
        thread.join()
        assert scene.server.names("slow") == []
    wait_until(lambda: not scene.server.pending(), 20, "what slow clients began stays")


# Requests without end


def huge_headers(scene: Scene) -> Crowd:
    lines = [
        "X: " + "x" * 2 * MEGABYTE,
        "\r\n".join(f"X-{number}: y" for number in range(20_000)),
        # Somewhat more than a connection reads at once beyond its buffer.
        "X: " + "x" * 80_000,
    ]
    heads = itertools.cycle([f"GET /health HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n".encode() for line in lines])

    def request() -> int:
        with scene.server.raw() as connection:
            with contextlib.suppress(OSError):
                connection.send(next(heads))
            return first_status(connection.read_all())

    return Crowd(4, request, {431})


def large_json(scene: Scene) -> Crowd:
    """Every other one does not say how large it is."""
    piece = b" " * MEGABYTE
    whole, is_chunked = piece * 100, itertools.cycle([False, True])

    def request() -> Answer:
        target = f"{API}/runs/log-batch"
        if next(is_chunked):
            return scene.post(target, [piece] * 100, chunked=True)
        return scene.post(target, whole)

    return Crowd(4, request, {413, 429})


def deep_json(scene: Scene) -> Crowd:
    bodies = itertools.cycle(["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
    return Crowd(4, lambda: scene.post(f"{API}/runs/log-batch", next(bodies)), {400})


def endless_batches(scene: Scene) -> Crowd:
    def batch(size: int) -> bytes:
        params = ",".join(f'{{"key":"k{number}","value":"v"}}' for number in range(size))
        return f'{{"run_id":"{scene.run}","params":[{params}]}}'.encode()

    # The first is refused for its values before any is made, the second for its length when all are there.
    bodies = itertools.cycle([batch(1_000_000), batch(400_000)])
    return Crowd(4, lambda: scene.post(f"{API}/runs/log-batch", next(bodies)), {400, 413, 429})


def endless_listings(scene: Scene) -> Crowd:
    target = f"{ARTIFACTS}?path=many&recursive=true&max_results=1000000000"
    return Crowd(4, lambda: scene.server.get(target), {200, 400})


def endless_ranges(scene: Scene) -> Crowd:
    many = ["0-"] * 5000, [f"{number * 2}-{number * 2}" for number in range(2500)], ["-1"] * 20_000
    headers = itertools.cycle([{"Range": "bytes=" + ",".join(ranges)} for ranges in many])

    def request() -> int | Answer:
        answer = scene.server.fetch("large.bin", next(headers))
        # The last ones are no longer a header, which is refused before there is a request.
        return answer if answer.status == 416 else answer.status

    return Crowd(4, request, {416, 431})


def swelling_spans(scene: Scene) -> Crowd:
    bomb = zeros(300, window=GZIP)
    assert len(bomb) < MEGABYTE
    return Crowd(8, lambda: scene.post("/v1/traces", bomb, SPANS), {413, 429})


def bodies_of_single_bytes(scene: Scene) -> Crowd:
    """Each byte is a chunk of its own."""
    body = b"1\r\n \r\n" * 500_000 + b"0\r\n\r\n"

    def request() -> Answer:
        with scene.server.raw(timeout=60) as connection:
            connection.head("POST", f"{API}/runs/create", Content_Type="application/json", Transfer_Encoding="chunked")
            return connection.send(body).answer()

    return Crowd(4, request, {400})


ABUSES: dict[str, Callable[[Scene], contextlib.AbstractContextManager]] = {
    "2,000 idle connections": idle_connections,
    "500 slow writers": slow_writers,
    "huge headers": huge_headers,
    "JSON of 100 MB": large_json,
    "deep JSON": deep_json,
    "batches of a million keys": endless_batches,
    "endless listings": endless_listings,
    "thousands of ranges": endless_ranges,
    "spans that swell": swelling_spans,
    "bodies of single bytes": bodies_of_single_bytes,
}


def forget_peak(server: Server) -> None:
    """From now on, `peak_rss` is that of what follows (proc(5), clear_refs)."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")


def neighbour_of(scene: Scene, seconds: float) -> Neighbour:
    """A client that was there for so long."""
    with Neighbour(scene.server, scene.run) as neighbour:
        time.sleep(seconds)
    return neighbour
