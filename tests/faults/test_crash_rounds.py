"""The server is killed at random moments, again and again: what was acknowledged is there, and nothing by half.

`MLFERRY_TEST_ROUNDS` (`make crash ROUNDS=200`) says how often; a few rounds belong to every run of the tests.
"""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from harness import Server, staging_entries
from ledger import Writer
from postgres import Cluster

WRITERS = 6
SEED = int(os.environ.get("MLFERRY_TEST_SEED", str(random.randrange(1_000_000))))


def rounds(few: int, share: int = 1) -> int:
    """How often, or one in `share` times as often where a round takes longer."""
    given = os.environ.get("MLFERRY_TEST_ROUNDS")
    return few if given is None else max(1, int(given) // share)


@contextlib.contextmanager
def telling_the_seed():
    """An error says by which variable the same rounds come again."""
    try:
        yield
    except Exception as error:
        error.add_note(f"MLFERRY_TEST_SEED={SEED}")
        raise


class Driver:
    """Starts a server round after round, kills it while it works, and checks what it kept."""

    def __init__(self, start: Callable[[], Server], seed: int):
        self.start = start
        self.random = random.Random(seed)
        self.kills = 0
        with start() as server:
            self.writers = [Writer(server, number, seed) for number in range(WRITERS)]
            assert server.stop() == 0

    def round(self) -> None:
        with self.start() as server:
            for writer in self.writers:
                writer.check(server)
            stop = threading.Event()
            threads = [
                threading.Thread(target=writer.work, args=(server, stop), daemon=True) for writer in self.writers
            ]
            for thread in threads:
                thread.start()
            time.sleep(self.random.uniform(0.02, 0.7))
            server.kill()
            self.kills += 1
            stop.set()
            for thread in threads:
                thread.join(timeout=60)
            assert not any(thread.is_alive() for thread in threads)
            assert "panicked" not in server.log, server.log[-5000:]

    def finish(self) -> None:
        with self.start() as server:
            for writer in self.writers:
                writer.check(server)
            assert server.stop() == 0

    def report(self, name: str) -> str:
        counts = sum((writer.counts for writer in self.writers), Counter())
        size = sum(writer.bytes for writer in self.writers)
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
        acknowledged = f"{counts.total()} changes acknowledged ({kinds}), {size} bytes uploaded"
        return f"{name}: seed {SEED}, {self.kills} kills, {acknowledged}"


@telling_the_seed()
def test_kills_lose_nothing_on_sqlite_and_a_disk(tmp_path, start_reference, capsys):
    driver = Driver(lambda: Server(root=tmp_path), SEED)
    for _ in range(rounds(20)):
        driver.round()
    driver.finish()
    assert staging_entries(tmp_path / "mlartifacts") == []
    with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    reference = start_reference(tmp_path, "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db")
    for writer in driver.writers:
        assert writer.runs(reference) == writer.state.runs
    with capsys.disabled():
        print(f"\n{driver.report('SQLite and a local folder')}")


@pytest.mark.xdist_group("destination garage")
@telling_the_seed()
def test_kills_lose_nothing_on_postgresql_and_an_object_store(stores, capsys):
    place = stores["garage"].place()
    with Cluster() as cluster:
        uri = cluster.create_database()
        driver = Driver(lambda: Server("--backend-store-uri", uri, place=place), SEED)
        for _ in range(rounds(4, share=4)):
            driver.round()
        driver.finish()
        assert place.names() == sorted(path for writer in driver.writers for path in writer.state.files)
    with capsys.disabled():
        print(f"\n{driver.report('PostgreSQL and Garage')}")
