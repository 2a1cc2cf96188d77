"""Many threads that log at once, also while the server or its database dies: what was acknowledged is there, once."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from databases import kinds
from harness import Server, together, wait_until
from ports import free_port
from postgres import Cluster
from reference import Reference

THREADS = 20
RUNS = 200
# Acknowledged points before something is killed, and after it is back.
BEFORE, AFTER = 300, 200
HEAL_SECONDS = 30.0

ON_POSTGRES = pytest.mark.xdist_group("logging postgres")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Cluster]:
    """A cluster that may be stopped and killed: nobody else uses it."""
    with Cluster() as running:
        yield running


@pytest.fixture(params=kinds("logging"))
def database(request) -> str | None:
    """The URI of an empty database, or None for the default one in the server's folder."""
    return None if request.param == "sqlite" else request.getfixturevalue("postgres").create_database()


@pytest.fixture
def start(own_server, tmp_path) -> Callable[..., Server]:
    """Starts mlferry on a database; each server with the same folder."""

    def start(database: str | None, **options) -> Server:
        arguments = () if database is None else ("--backend-store-uri", database)
        return own_server(*arguments, root=tmp_path, **options)

    return start


class Loggers:
    """Threads that log points, each with a key of its own, and remember what was acknowledged."""

    def __init__(self, servers: list[Server | Reference], runs: list[str], threads: int = THREADS):
        self.runs = runs
        self.acknowledged: Counter[tuple[str, str, int]] = Counter()
        self.refusals: Counter[tuple[int, str]] = Counter()
        self.surprises: list[str] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._log, args=(servers[number % len(servers)], number), daemon=True)
            for number in range(threads)
        ]

    def _log(self, server: Server | Reference, number: int) -> None:
        step = 0
        while not self._stop.is_set():
            run, step = self.runs[(number + step * THREADS) % len(self.runs)], step + 1
            try:
                self._log_point(server, run, number, step)
            except (OSError, http.client.HTTPException):
                # Nobody listens while a killed server is not back yet.
                time.sleep(0.02)
            except Exception as surprise:  # noqa: BLE001
                self.surprises.append(repr(surprise))
                return

    def _log_point(self, server: Server | Reference, run: str, number: int, step: int) -> None:
        point = {"key": f"m{number}", "value": step / 3, "timestamp": step, "step": step}
        if step % 3:
            answer = server.api("/runs/log-metric", {"run_id": run} | point)
        else:
            shared = {"key": "shared", "value": number, "timestamp": step, "step": step}
            answer = server.api("/runs/log-batch", {"run_id": run, "metrics": [point, shared]})
        with self._lock:
            if answer.status == 200:
                self.acknowledged[run, point["key"], step] += 1
            else:
                self.refusals[answer.status, answer.json()["error_code"]] += 1
                self._stop.wait(0.05)

    def start(self) -> Loggers:
        for thread in self._threads:
            thread.start()
        return self

    def wait_for(self, more: int) -> None:
        """Waits until so many more points are acknowledged."""
        goal = self.acknowledged.total() + more
        wait_until(lambda: self.surprises or self.acknowledged.total() >= goal, 120, f"{more} points more")

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=90)
        assert not any(thread.is_alive() for thread in self._threads)
        assert self.surprises == []

    def check(self, server: Server | Reference) -> None:
        """All that was acknowledged is there, nothing is there twice, and the latest value is the last step's."""
        assert self.acknowledged.total() == len(self.acknowledged)
        keys: dict[str, set[str]] = {run: set() for run in self.runs}
        for run, key, _ in self.acknowledged:
            keys[run].add(key)
        for run, logged in keys.items():
            metrics = server.api("/runs/get", run_id=run).json()["run"]["data"].get("metrics", [])
            latest = {metric["key"]: metric["step"] for metric in metrics}
            for key in logged:
                history = server.api("/metrics/get-history", run_id=run, metric_key=key).json()["metrics"]
                steps = [point["step"] for point in history]
                assert len(steps) == len(set(steps)), f"{key} of {run} holds a point twice"
                assert all(point["value"] == point["step"] / 3 for point in history)
                lost = {step for of, name, step in self.acknowledged if (of, name) == (run, key)} - set(steps)
                assert not lost, f"{len(lost)} acknowledged points of {key} of {run} are lost: {sorted(lost)[:10]}"
                assert latest[key] == max(steps)


def create_runs(server: Server | Reference, count: int) -> list[str]:
    return [
        server.api("/runs/create", {"experiment_id": "0", "run_name": f"run {number}"}).json()["run"]["info"]["run_id"]
        for number in range(count)
    ]


@pytest.mark.parametrize("runs", [1, RUNS], ids=["one run", "200 runs"])
def test_every_acknowledged_point_is_there_and_none_twice(start, database, runs):
    server = start(database)
    loggers = Loggers([server], create_runs(server, runs)).start()
    loggers.wait_for(2000)
    loggers.stop()
    assert not loggers.refusals
    loggers.check(server)


def test_a_refused_neighbour_fails_nobody_else(start, database):
    server = start(database)
    run = create_runs(server, 1)[0]
    server.api("/runs/log-parameter", {"run_id": run, "key": "p", "value": "first"})
    refusals: Counter[tuple[int, str]] = Counter()
    loggers = Loggers([server], [run]).start()

    def change(number: int) -> None:
        for _ in range(30):
            message = {"run_id": run, "params": [{"key": f"new{number}", "value": "x"}, {"key": "p", "value": "other"}]}
            answer = server.api("/runs/log-batch", message)
            refusals[answer.status, answer.json()["error_code"]] += 1

    changers = [threading.Thread(target=change, args=(number,)) for number in range(5)]
    for thread in changers:
        thread.start()
    for thread in changers:
        thread.join()
    loggers.stop()
    assert refusals == {(400, "INVALID_PARAMETER_VALUE"): 150}
    assert not loggers.refusals
    loggers.check(server)
    data = server.api("/runs/get", run_id=run).json()["run"]["data"]
    assert data["params"] == [{"key": "p", "value": "first"}]


@pytest.mark.parametrize("runs", [1, RUNS], ids=["one run", "200 runs"])
def test_a_kill_loses_nothing_that_was_acknowledged(start, database, runs):
    port = free_port()
    server = start(database, port=port)
    loggers = Loggers([server], create_runs(server, runs)).start()
    for _ in range(2):
        loggers.wait_for(BEFORE)
        server.kill()
        server = start(database, port=port)
    loggers.wait_for(AFTER)
    loggers.stop()
    assert not loggers.refusals
    loggers.check(server)


@ON_POSTGRES
@pytest.mark.parametrize("immediate", [True, False], ids=["crash", "restart"])
def test_a_restart_of_postgresql_loses_nothing_and_heals(start, postgres, immediate):
    server = start(postgres.create_database())
    loggers = Loggers([server], create_runs(server, RUNS)).start()
    for _ in range(2):
        loggers.wait_for(BEFORE)
        postgres.restart(immediate=immediate)
        wait_until(lambda: server.api("/runs/get", run_id=loggers.runs[0]).status == 200, HEAL_SECONDS, "not healed")
    loggers.wait_for(AFTER)
    loggers.stop()
    assert set(loggers.refusals) <= {(503, "TEMPORARILY_UNAVAILABLE")}
    loggers.check(server)


@ON_POSTGRES
def test_without_postgresql_the_answer_is_503_until_it_is_back(own_server, postgres):
    server = own_server("--backend-store-uri", postgres.create_database(), "--db-acquire-timeout", "1s")
    run = create_runs(server, 1)[0]
    point = {"run_id": run, "key": "m", "value": 1, "timestamp": 1}
    postgres.stop(immediate=True)
    try:
        for call in (
            lambda: server.api("/runs/log-metric", point),
            lambda: server.api("/runs/get", run_id=run),
            lambda: server.api("/runs/create", {"experiment_id": "0"}),
            lambda: server.api("/experiments/search", max_results=5),
        ):
            started = time.monotonic()
            answer = call().assert_error(503, "TEMPORARILY_UNAVAILABLE")
            assert time.monotonic() - started < 10
            assert "postgres@" not in answer.message
        assert server.get("/health").status == 200
    finally:
        postgres.start()
    wait_until(lambda: server.api("/runs/log-metric", point).status == 200, HEAL_SECONDS, "not healed")
    assert len(server.api("/metrics/get-history", run_id=run, metric_key="m").json()["metrics"]) == 1
    # What was refused was not done behind the caller's back.
    assert len(server.api("/runs/search", {"experiment_ids": ["0"]}).json()["runs"]) == 1


@ON_POSTGRES
def test_runs_are_not_made_twice_when_postgresql_restarts(start, postgres):
    server = start(postgres.create_database())
    made: dict[str, str] = {}
    stop = threading.Event()

    def create(number: int) -> None:
        step = 0
        while not stop.is_set():
            step += 1
            name = f"{number} {step}"
            answer = server.api("/runs/create", {"experiment_id": "0", "run_name": name})
            assert answer.status in {200, 503}, answer.body
            if answer.status == 200:
                made[name] = answer.json()["run"]["info"]["run_id"]

    threads = [threading.Thread(target=create, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for goal in (100, 400):
        wait_until(lambda: len(made) >= goal, 60, "runs are made")  # noqa: B023
        postgres.restart(immediate=True)
    wait_until(lambda: len(made) >= 700, 60, "runs are made")
    stop.set()
    for thread in threads:
        thread.join()
    found = server.api("/runs/search", {"experiment_ids": ["0"], "max_results": 50000}).json()["runs"]
    names = Counter(run["info"]["run_name"] for run in found)
    assert max(names.values()) == 1, names.most_common(3)
    assert {run["info"]["run_id"] for run in found} >= set(made.values())


@ON_POSTGRES
def test_two_servers_share_one_postgresql_database(start, own_server, postgres):
    database = postgres.create_database()
    servers = [start(database), own_server("--backend-store-uri", database)]
    runs = create_runs(servers[0], 5)
    loggers = Loggers(servers, runs).start()
    answers = [servers[number % 2].api("/experiments/create", {"name": "the same"}) for number in range(4)]
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]
    loggers.wait_for(1500)
    loggers.stop()
    assert not loggers.refusals
    for server in servers:
        loggers.check(server)


@ON_POSTGRES
def test_two_servers_hear_of_the_same_traces_at_once(start, own_server, postgres):
    """Each has one span of every trace; whoever comes second adds it to what the first has made."""
    database = postgres.create_database()
    servers = [start(database), own_server("--backend-store-uri", database)]
    rounds = [[f"{number:024x}{index:08x}" for index in range(8)] for number in range(1, 31)]
    for traces in rounds:
        answers = together(*[partial(export, server, traces, number) for number, server in enumerate(servers)])
        assert [answer.status for answer in answers] == [200, 200], answers
    for trace in itertools.chain(*rounds):
        found = servers[0].get(f"/api/3.0/mlflow/traces/get?trace_id=tr-{trace}").json()["trace"]
        assert sorted(span["name"] for span in found["spans"]) == ["root", "step"]
        assert found["trace_info"]["state"] == "OK"
        assert found["trace_info"]["tags"]["mlflow.artifactLocation"].endswith(f"/traces/tr-{trace}/artifacts")


def export(server: Server, traces: list[str], number: int):
    """Sends one span of each trace: the root, or else what is below it."""
    told = {"startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000"}
    told |= {"spanId": f"{number + 1:016x}", "status": {"code": 1}}
    told |= {"name": "step", "parentSpanId": f"{1:016x}"} if number else {"name": "root"}
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": trace} | told for trace in traces]}]}]}
    return server.post("/v1/traces", document, {"x-mlflow-experiment-id": "0"})


def test_a_server_may_work_beside_the_reference(start, database, start_reference, tmp_path):
    server = start(database)
    uri = f"sqlite:///{tmp_path}/mlflow.db" if database is None else database.sqlalchemy
    folder = tmp_path / "reference"
    folder.mkdir()
    reference = start_reference(folder, "--backend-store-uri", uri)
    loggers = Loggers([server, reference], create_runs(server, 3), threads=6).start()
    loggers.wait_for(250)
    loggers.stop()
    assert not loggers.refusals
    loggers.check(server)
    loggers.check(reference)
