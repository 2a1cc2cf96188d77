"""A long run under a mixed load, with faults now and then: nothing is lost, and nothing grows.

`MLFERRY_TEST_SOAK_MINUTES` (`make soak MINUTES=60`) says how long; without it, a few seconds show that it works.
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import ARTIFACTS, Server, pattern
from ledger import Load
from postgres import Cluster

WRITERS, READERS = 4, 2
MINUTES = float(os.environ.get("MLFERRY_TEST_SOAK_MINUTES", "0.3"))
# Between two faults, and between two looks at the process.
FAULT_SECONDS, LOOK_SECONDS = 5.0, 1.0
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Look:
    """What the process has."""

    rss: int
    descriptors: int
    threads: int

    @classmethod
    def at(cls, server: Server) -> Look:
        descriptors = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
        return cls(server.rss(), descriptors, server.status_kb("Threads"))


class Soak:
    """Writers with a ledger, readers, and whoever breaks things."""

    def __init__(self, server: Server, faults: list[Callable[[], None]]):
        self.server, self.faults = server, faults
        self.random = random.Random(1)
        self.load = Load(server, WRITERS, [self._read] * READERS)
        self.looks: list[Look] = []
        self.injected = self.reads = 0

    def run(self) -> None:
        with self.load:
            end, next_fault = time.monotonic() + 60 * MINUTES, time.monotonic() + FAULT_SECONDS / 2
            while time.monotonic() < end and not self.load.surprises:
                time.sleep(LOOK_SECONDS)
                self.looks.append(Look.at(self.server))
                if time.monotonic() >= next_fault:
                    self.random.choice(self.faults)()
                    self.injected += 1
                    next_fault = time.monotonic() + FAULT_SECONDS

    def _read(self, server: Server, stop: threading.Event) -> None:
        while not stop.is_set():
            for target in (
                "/api/2.0/mlflow/experiments/search?max_results=100",
                "/api/2.0/mlflow/registered-models/search",
                "/metrics",
                f"{ARTIFACTS}?recursive=true&max_results=100",
            ):
                # While a database restarts, it says so.
                assert server.get(target).status in {200, 503, 504}
                self.reads += 1

    def is_flat(self, what: str, slack: float) -> None:
        """The last quarter has no more than the second one, by the median, but for some slack."""
        values = [getattr(look, what) for look in self.looks]
        quarter = max(1, len(values) // 4)
        before, after = statistics.median(values[quarter : 2 * quarter]), statistics.median(values[-quarter:])
        assert after <= before + slack, f"{what} grew from {before} to {after}"

    def report(self, name: str) -> str:
        load = self.load
        last, most = self.looks[-1], max(look.rss for look in self.looks)
        return (
            f"{name}: {MINUTES} minutes, {load.acknowledged} changes, {load.refusals.total()} refused, "
            f"{self.reads} reads, {load.bytes} bytes uploaded, {self.injected} faults; "
            f"at the end {last.rss // MEGABYTE} MB (at most {most // MEGABYTE}), "
            f"{last.descriptors} descriptors, {last.threads} threads"
        )


def break_off_an_upload(server: Server) -> None:
    """A client that goes away in the middle."""
    with contextlib.suppress(OSError), server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/broken/off.bin", Content_Length=10 * MEGABYTE).send(pattern(3 * MEGABYTE))
        upload.reset()


@contextlib.contextmanager
def on_sqlite(tmp_path: Path) -> Iterator[tuple[Server, list]]:
    with Server(root=tmp_path) as server:
        yield server, [lambda: break_off_an_upload(server)]


@contextlib.contextmanager
def on_postgresql(tmp_path: Path) -> Iterator[tuple[Server, list]]:
    with Cluster() as cluster, Server("--backend-store-uri", cluster.create_database(), root=tmp_path) as server:
        crash = lambda: cluster.restart(immediate=True)  # noqa: E731
        yield server, [lambda: break_off_an_upload(server), cluster.restart, crash]


@pytest.mark.parametrize("place", [on_sqlite, on_postgresql], ids=["sqlite", "postgres"])
def test_a_long_run_loses_nothing_and_grows_nothing(tmp_path, place, capsys):
    with place(tmp_path) as (server, faults):
        soak = Soak(server, faults)
        soak.run()
        with capsys.disabled():
            print(f"\n{soak.report(place.__name__)}")
        # Allocators keep some of what they had.
        soak.is_flat("rss", slack=30 * MEGABYTE)
        soak.is_flat("descriptors", slack=20)
        soak.is_flat("threads", slack=4)
        assert server.stop() == 0
