"""Three replicas on one database and one bucket behind nginx: one is killed, one is stopped, one is added, and what
was acknowledged stays."""

from __future__ import annotations

import hashlib
import http.client
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from balancer import PROGRAM, Balancer
from topology import Topology

from harness import API, ARTIFACTS, exchange, pattern, wait_until

pytestmark = pytest.mark.xdist_group("replicas")

WRITERS = 6
# Requests that are answered between two events: enough that every kind of them meets each event.
BETWEEN = 150
SIZES = [10, 70_000, 3_000_000]


@dataclass
class Failure:
    number: str
    method: str
    target: str
    status: int
    body: bytes
    begun: float
    ended: float


@dataclass
class Ledger:
    """What was acknowledged, and what failed."""

    runs: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[int]] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    answered: int = 0
    failures: list[Failure] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Load:
    """Writers that go on until they are told to stop, each with runs of its own."""

    def __init__(self, port: int):
        self.port = port
        self.ledger = Ledger()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        self.broken: list[BaseException] = []

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def wait_for(self, requests: int) -> None:
        """Until so many more were answered."""
        goal = self.ledger.answered + requests
        wait_until(lambda: self.ledger.answered >= goal or self.broken, 120, "the load does not move on")
        assert not self.broken, self.broken

    def _send(self, method: str, target: str, body: bytes, number: str, headers=None) -> dict | None:
        """One request; the answer if it was acknowledged."""
        begun = time.monotonic()
        headers = {"X-Number": number} | (headers or {})
        answer = exchange(self.port, method, target, body, headers, timeout=120)
        ledger = self.ledger
        with ledger.lock:
            ledger.answered += 1
            if answer.status == 200:
                return answer.json() if answer.body else {}
            ended = time.monotonic()
            ledger.failures.append(Failure(number, method, target, answer.status, answer.body, begun, ended))
            return None

    def _post(self, path: str, message: dict, number: str) -> dict | None:
        return self._send(
            "POST", API + path, json.dumps(message).encode(), number, {"Content-Type": "application/json"}
        )

    def _write(self, writer: int) -> None:
        numbers = (f"{writer}-{count}" for count in itertools.count())
        try:
            while not self.over.is_set():
                self._write_run(writer, numbers)
        except (OSError, http.client.HTTPException, AssertionError, KeyError, ValueError) as error:
            self.broken.append(error)

    def _write_run(self, writer: int, numbers) -> None:
        number = next(numbers)
        name = f"run {number}"
        made = self._post("/runs/create", {"experiment_id": "0", "run_name": name}, number)
        if made is None:
            return
        run = made["run"]["info"]["run_id"]
        self.ledger.runs[run] = name
        for step in range(4):
            message = {"run_id": run, "key": "m", "value": step, "timestamp": 1, "step": step}
            if self._post("/runs/log-metric", message, next(numbers)) is not None:
                self.ledger.metrics.setdefault(run, []).append(step)
            size = SIZES[(writer + step) % len(SIZES)]
            data = pattern(size, seed=int(run[:8], 16) + step)
            path = f"experiments/0/{run}/artifacts/{step}.bin"
            if self._send("PUT", f"{ARTIFACTS}/{path}", data, next(numbers)) is not None:
                self.ledger.artifacts[path] = hashlib.sha256(data).hexdigest()
        # What was just acknowledged is there for every replica.
        if self.ledger.metrics.get(run):
            answer = exchange(self.port, "GET", f"{API}/runs/get?run_id={run}", headers={"X-Number": next(numbers)})
            seen = {metric["key"]: metric["value"] for metric in answer.json()["run"]["data"].get("metrics", [])}
            # A later one may have been written by the replica that was killed before it could say so.
            assert seen["m"] >= max(self.ledger.metrics[run]), (run, seen)


@pytest.fixture(scope="module")
def topology():
    assert Path(PROGRAM).exists(), "nginx is not here: `make bench-tools` installs it"
    with Topology() as running:
        yield running


def start_replica(topology: Topology):
    """A server of the tracking servers' database that serves the bucket itself, too."""
    return topology.start("tracking-server", "artifacts-server", command=["server", "--serve-artifacts"])


def test_nothing_acknowledged_is_lost_while_replicas_come_and_go(topology):
    killed, stopped, steady = (start_replica(topology) for _ in range(3))
    with Balancer([killed.port, stopped.port, steady.port]) as balancer, Load(balancer.port) as load:
        load.wait_for(BETWEEN)
        before = time.monotonic()
        killed.kill()
        kill = (before, time.monotonic())
        load.wait_for(BETWEEN)
        # As an operator stops it, who does not tell the balancer.
        assert stopped.stop() == 0
        load.wait_for(BETWEEN)
        added = start_replica(topology)
        balancer.use([steady.port, added.port])
        load.wait_for(BETWEEN)
        # And once more, from among those that are left.
        assert steady.stop() == 0
        load.wait_for(BETWEEN)
        load.__exit__()
        assert not load.broken, load.broken
        check_failures(load.ledger.failures, balancer, killed, kill)
        check_replicas_worked(balancer, [killed, stopped, steady, added])
        check_everything_is_there(load.ledger, added)


def check_failures(failures: list[Failure], balancer: Balancer, killed, kill: tuple[float, float]) -> None:
    """Only what was on the killed replica when it died may have failed, and of that only what must not be repeated."""
    handled = balancer.handled()
    for failure in failures:
        what = handled.get(failure.number)
        assert failure.status == 502, (failure, what)
        assert failure.method == "POST", (failure, what)
        assert what.asked[-1] == f"127.0.0.1:{killed.port}", (failure, what, balancer.errors)
        # It died at some moment between the two.
        assert failure.begun <= kill[1], (failure, what)
        assert kill[0] <= failure.ended, (failure, what)
    # No more of them than writers were there.
    assert len(failures) <= WRITERS


def check_replicas_worked(balancer: Balancer, replicas: list) -> None:
    """Each of them had a part in it, or the test has shown nothing."""
    last = [what.asked[-1] for what in balancer.handled().values() if what.status == 200]
    for replica in replicas:
        assert last.count(f"127.0.0.1:{replica.port}") > 10, (replica.port, last)


def check_everything_is_there(ledger: Ledger, server) -> None:
    assert ledger.runs
    assert ledger.artifacts
    for run, name in ledger.runs.items():
        told = server.api("/runs/get", run_id=run).json()["run"]["info"]
        assert told["run_name"] == name
    for run, steps in ledger.metrics.items():
        history = server.api("/metrics/get-history", run_id=run, metric_key="m").json()["metrics"]
        missing = set(steps) - {point.get("step", 0) for point in history}
        assert not missing, (run, steps, history)
    for path, digest in ledger.artifacts.items():
        assert hashlib.sha256(server.fetch(path).body).hexdigest() == digest, path
