"""A ledger of what a server acknowledged, kept by writers of which each owns what it writes.

A writer makes one change after the other and notes each that was answered. When the server dies, one change is in
doubt: it happened wholly or not at all. So there are two states that the server may show afterwards, and whatever else
it shows is a loss, or half of a change.
"""

from __future__ import annotations

import hashlib
import http.client
import random
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from harness import Answer, Server, pattern, quoted, wait_until
from reference import Reference

# What goes on until it is told to stop.
Work = Callable[[Server, threading.Event], None]

RUNS = 4
FILES = 12
VERSIONS = 8
# Points of a batch, each of another metric.
BATCH = 8
SIZES = (0, 700, 60_000, 1_500_000)


@dataclass
class State:
    """What a writer owns: runs by name, files by path with their hash, versions of its model."""

    runs: dict[str, dict] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)

    def fork(self) -> State:
        """A state that may be changed without changing this one, but for what is within its runs."""
        return State(dict(self.runs), dict(self.files), dict(self.versions), dict(self.aliases))

    def own_run(self, name: str) -> dict:
        """A run that may be changed, too, but for the lists of its points."""
        run = self.runs[name]
        self.runs[name] = run | {part: dict(run[part]) for part in ("points", "params", "tags")}
        return self.runs[name]


class Loss(AssertionError):
    """The server shows neither what was there before the change in doubt nor what it makes."""


class Writer:
    """Owns an experiment, a folder of artifacts and a registered model."""

    def __init__(self, server: Server, number: int, seed: int):
        self.name = f"writer-{number}"
        self.random = random.Random(f"{seed} {number}")
        self.state = State()
        self.in_doubt: State | None = None
        # Changes that were acknowledged, by their kind, and others by the status of their answer.
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[int] = Counter()
        self.bytes = 0
        self.made = 0
        answer = expect(server.api("/experiments/create", {"name": self.name}))
        self.experiment = answer.json()["experiment_id"]
        expect(server.api("/registered-models/create", {"name": self.name}))
        self.ids: dict[str, str] = {}

    # Changes

    def work(self, server: Server, stop: threading.Event) -> None:
        """Makes changes until the server is gone or nobody wants more."""
        while not stop.is_set():
            try:
                self.change(server)
            except (OSError, http.client.HTTPException):
                # The change stays in doubt.
                return

    def change(self, server: Server) -> None:
        changes = [
            self._log_batch,
            self._log_metric,
            self._upload,
            self._end_run,
            self._delete,
            self._version,
            self._alias,
        ]
        change = self.random.choices(changes, weights=[4, 4, 6, 1, 1, 1, 1])[0]
        if not self.state.runs or (len(self.state.runs) < RUNS and self.random.random() < 0.1):
            change = self._create_run
        after = self.state.fork()
        call = change(after)
        if call is None:
            return
        self.in_doubt = after
        answer = call(server)
        if answer.status >= 500:
            # It was not acknowledged, and may have happened all the same.
            self.refusals[answer.status] += 1
            wait_until(lambda: server.get("/ready").status == 200, 60, "the server is not ready again")
            self.check(server)
            return
        expect(answer)
        self.counts[change.__name__.strip("_")] += 1
        self.state, self.in_doubt = after, None

    def _new(self, word: str) -> str:
        self.made += 1
        return f"{word}-{self.made}"

    def _any_run(self) -> str:
        return self.random.choice(sorted(self.state.runs))

    def _create_run(self, after: State):
        name = self._new("run")
        after.runs[name] = {"status": "RUNNING", "points": {}, "params": {}, "tags": {}}

        def call(server: Server) -> Answer:
            message = {"experiment_id": self.experiment, "run_name": name, "start_time": self.made}
            answer = server.api("/runs/create", message)
            if answer.status == 200:
                self.ids[name] = answer.json()["run"]["info"]["run_id"]
            return answer

        return call

    def _log_metric(self, after: State):
        name = self._any_run()
        step = self._log(after.own_run(name), "loss")
        point = {"key": "loss", "value": step / 4, "timestamp": step, "step": step}
        return lambda server: server.api("/runs/log-metric", {"run_id": self.ids[name]} | point)

    def _log(self, run: dict, key: str) -> int:
        self.made += 1
        run["points"][key] = [*run["points"].get(key, []), self.made]
        return self.made

    def _log_batch(self, after: State):
        name = self._any_run()
        run = after.own_run(name)
        steps = [(f"m{index}", self._log(run, f"m{index}")) for index in range(BATCH)]
        points = [{"key": key, "value": step / 4, "timestamp": step, "step": step} for key, step in steps]
        message = {"run_id": self.ids[name], "metrics": points}
        if self.random.random() < 0.5:
            key, value = self._new("param"), str(self.made)
            run["params"][key] = value
            run["tags"]["last"] = value
            message |= {"params": [{"key": key, "value": value}], "tags": [{"key": "last", "value": value}]}
        return lambda server: server.api("/runs/log-batch", message)

    def _end_run(self, after: State):
        name = self._any_run()
        status = "FINISHED" if after.runs[name]["status"] != "FINISHED" else "FAILED"
        after.own_run(name)["status"] = status
        return lambda server: server.api("/runs/update", {"run_id": self.ids[name], "status": status})

    def _upload(self, after: State):
        number = self.random.randrange(FILES)
        path = f"{self.name}/d{number % 3}/f{number}.bin"
        self.made += 1
        body = pattern(self.random.choice(SIZES) + self.made, seed=self.made)
        after.files[path] = digest(body)

        def call(server: Server) -> Answer:
            answer = server.put(path, body)
            self.bytes += len(body) if answer.status == 200 else 0
            return answer

        return call

    def _delete(self, after: State):
        if not after.files:
            return None
        path = self.random.choice(sorted(after.files))
        del after.files[path]
        return lambda server: server.delete(path)

    def _version(self, after: State):
        if len(after.versions) == VERSIONS:
            return None
        number, value = str(len(after.versions) + 1), self._new("tag")
        after.versions[number] = {"made": value}
        message = {"name": self.name, "source": "s3://elsewhere/model", "tags": [{"key": "made", "value": value}]}
        return lambda server: server.api("/model-versions/create", message)

    def _alias(self, after: State):
        if not after.versions:
            return None
        alias, version = self.random.choice(["best", "next"]), self.random.choice(sorted(after.versions))
        after.aliases[alias] = version
        message = {"name": self.name, "alias": alias, "version": version}
        return lambda server: server.api("/registered-models/alias", message)

    # What is there

    def check(self, server: Server) -> None:
        """Compares what the server shows with the ledger, and goes on from there."""
        found = self.look(server)
        allowed = [self.state] + ([self.in_doubt] if self.in_doubt else [])
        if found not in allowed:
            raise Loss(
                f"{self.name}: {differences(found, self.state)}; in doubt was {differences(found, self.in_doubt)}"
            )
        self.state, self.in_doubt = found, None

    def look(self, server: Server) -> State:
        return State(self.runs(server), self._files(server), *self._model(server))

    def runs(self, server: Server | Reference) -> dict[str, dict]:
        search = {"experiment_ids": [self.experiment], "max_results": 1000}
        found = {}
        for run in expect(server.api("/runs/search", search)).json().get("runs", []):
            info, data = run["info"], run["data"]
            self.ids[info["run_name"]] = info["run_id"]
            tags = {tag["key"]: tag["value"] for tag in data.get("tags", [])}
            latest = {metric["key"]: metric["step"] for metric in data.get("metrics", [])}
            points = {key: self._history(server, info["run_id"], key) for key in latest}
            for key, steps in points.items():
                assert latest[key] == max(steps), f"the latest value of {key} is not that of the last step"
            found[info["run_name"]] = {
                "status": info["status"],
                "points": points,
                "params": {param["key"]: param["value"] for param in data.get("params", [])},
                "tags": {"last": tags["last"]} if "last" in tags else {},
            }
        return found

    def _history(self, server: Server | Reference, run: str, key: str) -> list[int]:
        history = expect(server.api("/metrics/get-history", run_id=run, metric_key=key)).json()["metrics"]
        assert all(point["value"] == point["step"] / 4 for point in history)
        return [point["step"] for point in history]

    def _files(self, server: Server) -> dict[str, str]:
        names = server.names(self.name, recursive="true") if self.state.files or self.in_doubt else []
        paths = [f"{self.name}/{name}" for name in names]
        return {path: digest(expect(server.fetch(quoted(path))).body) for path in paths}

    def _model(self, server: Server) -> tuple[dict[str, dict], dict[str, str]]:
        filter_ = urllib.parse.quote(f"name = '{self.name}'")
        answer = expect(server.get(f"/api/2.0/mlflow/model-versions/search?filter={filter_}")).json()
        versions = {
            version["version"]: {tag["key"]: tag["value"] for tag in version.get("tags", [])}
            for version in answer.get("model_versions", [])
        }
        model = expect(server.api("/registered-models/get", name=self.name)).json()["registered_model"]
        return versions, {alias["alias"]: alias["version"] for alias in model.get("aliases", [])}


class Load:
    """Writers that work side by side as long as it is entered, with others beside; then their ledgers are checked."""

    def __init__(self, server: Server, writers: int, others: Sequence[Work] = ()):
        self.server = server
        self.writers = [Writer(server, number, 1) for number in range(writers)]
        self.surprises: list[str] = []
        self._stop = threading.Event()
        work = [*(writer.work for writer in self.writers), *others]
        self._threads = [threading.Thread(target=self._guard, args=(each,), daemon=True) for each in work]

    def _guard(self, work: Work) -> None:
        try:
            work(self.server, self._stop)
            if not self._stop.is_set():
                self.surprises.append(f"{work} ended:\n{self.server.log[-2000:]}")
        except Exception as surprise:  # noqa: BLE001
            self.surprises.append(f"{work}: {surprise!r}")

    @property
    def acknowledged(self) -> int:
        return sum(writer.counts.total() for writer in self.writers)

    @property
    def bytes(self) -> int:
        """Uploaded, of files that were acknowledged."""
        return sum(writer.bytes for writer in self.writers)

    @property
    def refusals(self) -> Counter[int]:
        return sum((writer.refusals for writer in self.writers), Counter())

    def wait_for(self, more: int) -> None:
        """Waits until so many more changes are acknowledged."""
        goal = self.acknowledged + more
        wait_until(lambda: self.surprises or self.acknowledged >= goal, 90, f"{more} changes more")
        assert self.surprises == []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=90)
        if failure[0] is not None:
            return
        assert not any(thread.is_alive() for thread in self._threads)
        assert self.surprises == []
        for writer in self.writers:
            writer.check(self.server)
        assert "panicked" not in self.server.log

    def report(self, name: str) -> str:
        refused = ", ".join(f"{status} {count}" for status, count in sorted(self.refusals.items()))
        acknowledged = f"{self.acknowledged} changes acknowledged, {self.bytes} bytes uploaded"
        return f"{name}: {acknowledged}; refused: {refused or 'none'}"


def expect(answer: Answer) -> Answer:
    assert answer.status == 200, f"{answer.status}: {answer.body[:500]!r}"
    return answer


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def differences(found: State, expected: State | None) -> str:
    """The first parts in which two states differ."""
    if expected is None:
        return "nothing"
    parts = []
    for name in ("runs", "files", "versions", "aliases"):
        one, other = getattr(found, name), getattr(expected, name)
        keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
        parts += [f"{name} {key}: found {short(one.get(key))}, expected {short(other.get(key))}" for key in keys[:2]]
    return "; ".join(parts) or "nothing"


def short(value) -> str:
    text = repr(value)
    return text if len(text) < 400 else f"{text[:400]}…"
