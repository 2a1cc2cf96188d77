"""`mlferry backup` and `mlferry restore`: copies that are whole while servers write, and come back so or not at all."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from harness import Folder, Server, binary, clean_environment, entries, quoted, run_binary, tree, wait_until

SECONDS = 120.0

# Names that a list of checksums has to quote, or that a careless program takes for something else.
NAMES = ["plain.txt", "a b/c  d.bin", "back\\slash", "日本/ü", "-n", "artifacts/artifacts.sha256", "lock", "empty"]


def run(*arguments: str, cwd: Path, code: int = 0, **options) -> subprocess.CompletedProcess:
    done = run_binary(*arguments, cwd=cwd, seconds=SECONDS, **options)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


class Lab(Folder):
    """A folder with a database and artifacts, and a backup of both."""

    def __init__(self, root: Path):
        self.root = root
        root.mkdir()
        with Server(root=root) as server:
            self.run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
            metric = {"run_id": self.run, "key": "m", "value": 0.1, "timestamp": 1}
            assert server.api("/runs/log-metric", metric).status == 200
            for name in NAMES:
                body = b"" if name == "empty" else name.encode() * 1000
                assert server.put(f"0/{self.run}/artifacts/{quoted(name)}", body).status == 200
            self.said = run("backup", "backup", "--artifacts", cwd=root).stdout
            assert server.stop() == 0

    @property
    def backup(self) -> Path:
        return self.root / "backup"

    def restore(self, *arguments: str, cwd: Path, **options) -> subprocess.CompletedProcess:
        return run("restore", str(self.backup), *arguments, cwd=cwd, **options)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    return Lab(tmp_path_factory.mktemp("backup") / "lab")


@pytest.fixture
def own(lab, tmp_path) -> Lab:
    return lab.copy(tmp_path / "own")


@pytest.fixture
def place(tmp_path) -> Path:
    """Where something is restored."""
    place = tmp_path / "place"
    place.mkdir()
    return place


def rows(database: Path) -> dict[str, list[tuple]]:
    connection = sqlite3.connect(database)
    try:
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {name: sorted(connection.execute(f"select * from {name}"), key=repr) for (name,) in names}
    finally:
        connection.close()


def test_a_backup_says_what_is_in_it(lab):
    assert {path.name for path in lab.backup.iterdir()} == {
        "manifest.json",
        "mlflow.db",
        "artifacts",
        "artifacts.sha256",
    }
    manifest = json.loads((lab.backup / "manifest.json").read_text())
    database = (lab.backup / "mlflow.db").read_bytes()
    assert manifest["database"]["bytes"] == len(database)
    assert manifest["database"]["sha256"] == hashlib.sha256(database).hexdigest()
    assert manifest["database"]["revision"] == "dc11669786a5"
    assert manifest["database"]["rows"]["runs"] == 1
    files = tree(lab.backup / "artifacts")
    assert files == tree(lab.root / "mlartifacts")
    assert (manifest["artifacts"]["files"], manifest["artifacts"]["bytes"]) == (
        len(NAMES),
        sum(len(body) for body in files.values()),
    )
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", manifest["time"])
    # Backups hold secrets.
    assert lab.backup.stat().st_mode & 0o777 == 0o700
    assert f"Copied {len(NAMES)} artifacts of" in lab.said


def test_files_are_copies_and_not_links(lab):
    for path in (lab.backup / "artifacts").rglob("*"):
        assert path.is_dir() or path.stat().st_nlink == 1, path


def test_the_list_is_one_that_sha256sum_reads(lab):
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "artifacts.sha256"],
        cwd=lab.backup,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)


def test_what_is_restored_is_what_was_there(lab, place):
    said = lab.restore(cwd=place).stdout
    assert f"Restored {len(NAMES)} artifacts of" in said
    assert rows(place / "mlflow.db") == rows(lab.root / "mlflow.db")
    assert tree(place / "mlartifacts") == tree(lab.root / "mlartifacts")
    assert {path.name for path in place.iterdir()} == {"mlflow.db", "mlartifacts"}
    with Server(root=place) as server:
        assert server.fetch(f"0/{lab.run}/artifacts/{quoted(NAMES[1])}").body == NAMES[1].encode() * 1000
        info = server.api("/runs/get", run_id=lab.run).json()["run"]
        assert info["data"]["metrics"][0]["value"] == 0.1


def test_the_reference_opens_what_is_restored(lab, place, start_reference):
    lab.restore(cwd=place)
    reference = start_reference(
        place, "--backend-store-uri", "sqlite:///mlflow.db", "--artifacts-destination", "./mlartifacts"
    )
    client = MlflowClient(reference.url)
    assert client.get_run(lab.run).data.metrics == {"m": 0.1}
    local = client.download_artifacts(lab.run, "plain.txt", str(place))
    assert Path(local).read_bytes() == b"plain.txt" * 1000


class Writers:
    """Threads that log runs with artifacts, and note what was acknowledged."""

    def __init__(self, server: Server):
        self.server = server
        self.acknowledged: list[str] = []
        self.stopped = threading.Event()
        self.failed: list = []
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(4)]

    def write(self, number: int) -> None:
        for turn in itertools.count():
            if self.stopped.is_set():
                return
            server = self.server
            run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
            stored = server.put(f"0/{run}/artifacts/{number}.bin", self.body(run)).status
            metrics = [{"key": "m", "value": turn, "timestamp": 1, "step": step} for step in range(20)]
            batch = {"run_id": run, "metrics": metrics, "params": [{"key": "file", "value": f"{number}.bin"}]}
            if (stored, server.api("/runs/log-batch", batch).status) != (200, 200):
                self.failed.append(run)
            self.acknowledged.append(run)

    @staticmethod
    def body(run: str) -> bytes:
        return run.encode() * 500

    def __enter__(self) -> Writers:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        assert not self.failed, self.failed


def test_what_was_acknowledged_before_a_backup_began_is_in_it(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    with Server(root=root) as server, Writers(server) as writers:
        ledgers = []
        for number in range(3):
            wanted = 30 * (number + 1)
            wait_until(lambda wanted=wanted: len(writers.acknowledged) >= wanted, 60, "the writers are slow")
            ledgers.append(list(writers.acknowledged))
            run("backup", str(tmp_path / f"backup{number}"), "--artifacts", cwd=root)
    for number, ledger in enumerate(ledgers):
        place = tmp_path / f"place{number}"
        place.mkdir()
        run("restore", str(tmp_path / f"backup{number}"), cwd=place)
        connection = sqlite3.connect(place / "mlflow.db")
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert connection.execute("pragma foreign_key_check").fetchall() == []
        found = dict(connection.execute("select run_uuid, value from params where key = 'file'"))
        counts = dict(connection.execute("select run_uuid, count(*) from metrics group by 1"))
        connection.close()
        assert set(ledger) <= set(found)
        # All that is in the database is whole, what was written later included.
        assert counts == dict.fromkeys(found, 20)
        for one, name in found.items():
            assert (place / "mlartifacts" / "0" / one / "artifacts" / name).read_bytes() == Writers.body(one)
        report = run("doctor", "--format", "json", cwd=place)
        levels = {found["level"] for found in json.loads(report.stdout)["findings"] if found["group"] != "machine"}
        assert levels <= {"ok", "warning"}


def test_writers_do_not_wait_for_a_backup(tmp_path):
    """A database that takes a while to copy holds up nobody for that long."""
    root = tmp_path / "root"
    root.mkdir()
    with Server(root=root) as server:
        server.stop()
    connection = sqlite3.connect(root / "mlflow.db")
    connection.executescript(
        "create table ballast (x); with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)"
        " insert into ballast select randomblob(8000) from n"
    )
    connection.close()
    with Server(root=root) as server:
        one = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        copying = subprocess.Popen([binary(), "backup", "b"], cwd=root, env=clean_environment(), stdout=subprocess.PIPE)
        longest, during = 0.0, 0
        while copying.poll() is None:
            start = time.monotonic()
            metric = {"run_id": one, "key": "m", "value": 1, "timestamp": during}
            assert server.api("/runs/log-metric", metric).status == 200
            longest, during = max(longest, time.monotonic() - start), during + 1
        copying.communicate()
        assert copying.returncode == 0
        assert during > 10
        assert longest < 5


def test_without_artifacts_only_the_database_is_copied_and_restored(own, place):
    shutil.rmtree(own.backup)
    run("backup", "backup", cwd=own.root)
    assert {path.name for path in own.backup.iterdir()} == {"manifest.json", "mlflow.db"}
    (place / "mlartifacts").mkdir()
    (place / "mlartifacts" / "mine").write_text("x")
    own.restore(cwd=place)
    assert tree(place / "mlartifacts") == {"mine": b"x"}


def test_a_database_can_be_restored_alone(lab, place):
    lab.restore("--database-only", cwd=place)
    assert {path.name for path in place.iterdir()} == {"mlflow.db"}


def test_nothing_is_replaced_unless_that_is_asked_for(lab, place):
    for name, content in (("mlflow.db", b"x"), ("mlflow.db-wal", b"x"), ("mlartifacts/precious", b"x")):
        path = place / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        before = tree(place)
        said = lab.restore(cwd=place, code=1).stderr
        assert "--force" in said
        assert tree(place) == before
        path.unlink()
    # A folder that is empty is nothing.
    lab.restore(cwd=place)
    assert {path.name for path in place.iterdir()} == {"mlflow.db", "mlartifacts"}


def test_what_is_replaced_is_kept_beside(lab, own):
    with Server(root=own.root) as server:
        server.api("/runs/create", {"experiment_id": "0"})
        server.put("0/later.txt", b"later")
        server.stop()
    before = rows(own.root / "mlflow.db")
    said = lab.restore("--force", cwd=own.root).stdout
    kept = re.findall(r"What was there before is in '(.*)'\.", said)
    assert len(kept) == 2
    artifacts, database = (Path(path) for path in kept)
    assert rows(database) == before
    assert (artifacts / "0" / "later.txt").read_bytes() == b"later"
    assert rows(own.root / "mlflow.db") == rows(lab.root / "mlflow.db")
    assert tree(own.root / "mlartifacts") == tree(lab.root / "mlartifacts")


def test_what_is_no_database_is_replaced_with_all_that_lies_beside_it(lab, place):
    for name in ("mlflow.db", "mlflow.db-wal", "mlflow.db-journal"):
        (place / name).write_bytes(b"what once was a database, and is none any more" * 100)
    lab.restore("--force", "--database-only", cwd=place)
    assert rows(place / "mlflow.db") == rows(lab.root / "mlflow.db")
    assert not (place / "mlflow.db-wal").exists()
    assert len([path for path in place.iterdir() if ".before-" in path.name]) == 3


def test_what_an_earlier_database_left_is_not_taken_for_the_restored_one_s(lab, place):
    (place / "mlflow.db-wal").write_bytes(b"of another database")
    lab.restore("--force", "--database-only", cwd=place)
    assert rows(place / "mlflow.db") == rows(lab.root / "mlflow.db")
    assert [path.read_bytes() for path in place.glob("mlflow.db-wal*")] == [b"of another database"]


def test_a_database_that_a_server_has_open_is_not_replaced(lab, own):
    with Server(root=own.root) as server:
        before = tree(own.root / "mlartifacts")
        said = lab.restore("--force", cwd=own.root, code=1).stderr
        assert "is in use: stop the servers" in said
        assert tree(own.root / "mlartifacts") == before
        assert server.api("/runs/get", run_id=own.run).status == 200


def flip(path: Path, at: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda backup: flip(backup / "mlflow.db"), "mlflow.db' is not what was backed up"),
        (lambda backup: (backup / "mlflow.db").unlink(), "cannot copy"),
        (lambda backup: (backup / "manifest.json").unlink(), "is no backup"),
        (lambda backup: flip(backup / "manifest.json", 0), "is not as `mlferry backup` writes it"),
        (lambda backup: flip(next((backup / "artifacts").rglob("plain.txt"))), "cannot restore the artifact"),
        (lambda backup: next((backup / "artifacts").rglob("plain.txt")).unlink(), "cannot restore the artifact"),
        (lambda backup: flip(backup / "artifacts.sha256", 0), "artifacts.sha256' is not what was backed up"),
    ],
)
def test_a_damaged_backup_leaves_nothing(own, place, damage, words):
    damage(own.backup)
    said = own.restore(cwd=place, code=1).stderr
    assert words in said
    assert entries(place) == []
    # Nor does it harm what is there.
    before = tree(own.root / "mlartifacts"), rows(own.root / "mlflow.db")
    own.restore("--force", cwd=own.root, code=1)
    assert (tree(own.root / "mlartifacts"), rows(own.root / "mlflow.db")) == before


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_who_is_stopped_leaves_nothing(own, place, command):
    folder = own.root / "mlartifacts" / "many"
    folder.mkdir()
    for number in range(1500):
        (folder / str(number)).write_bytes(b"x" * 1000)
    if command == "restore":
        run("backup", "big", "--artifacts", cwd=own.root)
        line, where = ["restore", str(own.root / "big")], place
    else:
        line, where = ["backup", str(place / "big"), "--artifacts"], own.root
    working = subprocess.Popen(
        [binary(), *line], cwd=where, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: len(list(place.glob(".*.mlferry-*/**/many/*"))) > 10, 60, "nothing is staged")
    working.send_signal(signal.SIGTERM)
    _, said = working.communicate(timeout=30)
    assert working.returncode == 1
    assert "terminated; nothing is left of what was begun" in said
    assert entries(place) == []


def test_a_backup_replaces_nothing_and_is_not_within_what_it_copies(own):
    (own.root / "there").mkdir()
    assert "is there already" in run("backup", "there", cwd=own.root, code=1).stderr
    said = run("backup", "mlartifacts/backup", "--artifacts", cwd=own.root, code=1).stderr
    assert "would be within the artifacts" in said
    assert "is there already" in run("backup", "backup", cwd=own.root, code=1).stderr
    assert entries(own.root / "there") == []


def test_what_is_not_there_is_not_backed_up(tmp_path):
    said = run("backup", "b", cwd=tmp_path, code=1).stderr
    assert "has no tables of MLflow: check its name" in said
    assert entries(tmp_path) == []


def test_artifacts_that_are_not_there_are_told(own):
    said = run("backup", "b", "--artifacts", "--artifacts-destination", "./typo", cwd=own.root, code=1).stderr
    assert "cannot find './typo'" in said
    assert not (own.root / "b").exists()


def test_other_databases_and_destinations_have_their_own_tools(own):
    uri = ("--backend-store-uri", "postgresql://me:secret@db/mlflow")
    said = run("backup", "b", *uri, cwd=own.root, code=1).stderr
    assert "pg_dump --format=custom --file=mlflow.dump 'postgresql://me@db/mlflow'" in said
    said = run("restore", "backup", *uri, cwd=own.root, code=1).stderr
    assert "pg_restore --clean --if-exists --no-owner --dbname='postgresql://me@db/mlflow' mlflow.dump" in said
    remote = ("--artifacts-destination", "s3://bucket/x")
    for line in (("backup", "b", "--artifacts"), ("restore", "backup", "--force")):
        said = run(*line, *remote, cwd=own.root, code=1).stderr
        assert "use the versioning or the replication of the store" in said
    assert not (own.root / "b").exists()


def test_a_database_of_an_older_release_can_be_backed_up_before_it_is_upgraded(own, place):
    connection = sqlite3.connect(own.root / "mlflow.db")
    with connection:
        connection.execute("update alembic_version set version_num = 'old'")
        connection.execute("drop table logged_models")
    connection.close()
    run("backup", "old", cwd=own.root)
    run("restore", str(own.root / "old"), cwd=place)
    assert rows(place / "mlflow.db") == rows(own.root / "mlflow.db")
