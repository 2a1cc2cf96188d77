"""`mlferry gc` beside `mlflow gc`: what is removed for good, what is kept, and what is said."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import Folder, Server, binary, clean_environment, run_binary


class Lab(Folder):
    """A database and its artifacts, with some of everything deleted and some not."""

    def __init__(self, root: Path):
        self.root = root
        root.mkdir()
        with Server(root=root) as server:
            self.server = server
            keep, drop = (self.experiment(name) for name in ("keep", "drop"))
            self.kept = [self.run(keep), self.run("0")]
            self.dropped = [self.run(keep)]
            self.of_dropped = [self.run(drop), self.run(drop)]
            for run in self.dropped:
                server.api("/runs/delete", {"run_id": run})
            server.api("/experiments/delete", {"experiment_id": drop})
            self.keep, self.drop = keep, drop

    def experiment(self, name: str) -> str:
        tags = [{"key": "t", "value": "v"}]
        return self.server.api("/experiments/create", {"name": name, "tags": tags}).json()["experiment_id"]

    def run(self, experiment: str) -> str:
        server = self.server
        run = server.api("/runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
        dataset = {"name": "d", "digest": "g", "source_type": "s", "source": "x"}
        batch = {
            "run_id": run,
            "metrics": [{"key": "m", "value": step, "timestamp": step, "step": step} for step in range(50)],
            "params": [{"key": "p", "value": "1"}],
            "tags": [{"key": "t", "value": "1"}],
        }
        assert server.api("/runs/log-batch", batch).status == 200
        inputs = {"run_id": run, "datasets": [{"tags": [{"key": "k", "value": "v"}], "dataset": dataset}]}
        assert server.api("/runs/log-inputs", inputs).status == 200
        for name in ("a.txt", "deep/er/b.bin"):
            assert server.put(f"{experiment}/{run}/artifacts/{name}", b"x" * 1000).status == 200
        return run

    def gc(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        done = run_binary("gc", *arguments, cwd=self.root, seconds=60)
        assert done.returncode == code, (done.stdout, done.stderr)
        return done

    def rows(self) -> dict[str, list[tuple]]:
        connection = sqlite3.connect(self.root / "mlflow.db")
        try:
            names = connection.execute(
                "select name from sqlite_master where type = 'table' and name not glob 'mlferry_*'"
            ).fetchall()
            return {name: sorted(connection.execute(f"select * from {name}"), key=repr) for (name,) in names}
        finally:
            connection.close()

    def ids(self) -> set[str]:
        return {row[0] for row in self.rows()["runs"]}

    def folders(self) -> set[str]:
        """The folders that have runs, and those without anything."""
        artifacts = self.root / "mlartifacts"
        return {str(path.relative_to(artifacts)) for path in artifacts.glob("*/*") if path.parent.name.isdigit()}


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    return Lab(tmp_path_factory.mktemp("gc") / "lab")


@pytest.fixture
def own(lab, tmp_path) -> Lab:
    return lab.copy(tmp_path / "own")


def test_what_is_deleted_goes_with_rows_and_files(own):
    said = own.gc().stdout
    assert own.ids() == set(own.kept)
    assert own.folders() == {f"{own.keep}/{own.kept[0]}", f"0/{own.kept[1]}"}
    # Not even the empty folder of the experiment stays.
    assert not (own.root / "mlartifacts" / own.drop).exists()
    for run in own.dropped + own.of_dropped:
        assert f"Run with ID {run} has been permanently deleted, with 2 files of 1.9 KiB." in said
    assert f"Experiment with ID {own.drop} has been permanently deleted." in said
    assert said.endswith("Removed 3 runs, 0 logged models, 1 experiments, 6 files of 5.8 KiB.\n")
    for table, rows in own.rows().items():
        text = repr(rows)
        assert not any(run in text for run in own.dropped + own.of_dropped), table


def test_the_same_rows_remain_as_after_the_reference_s_gc(lab, tmp_path):
    ours, theirs = lab.copy(tmp_path / "ours"), lab.copy(tmp_path / "theirs")
    ours.gc()
    line = [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", "sqlite:///mlflow.db"]
    line += ["--artifacts-destination", str(theirs.root / "mlartifacts"), "--tracking-uri", "sqlite:///mlflow.db"]
    # The reference reaches proxied artifacts over HTTP only.
    with Server(
        "--backend-store-uri", "sqlite://", "--artifacts-destination", str(theirs.root / "mlartifacts")
    ) as proxy:
        line[-1] = proxy.url
        done = subprocess.run(
            line, cwd=theirs.root, env=clean_environment(), capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    left, expected = ours.rows(), theirs.rows()
    # The reference leaves the links of runs that are gone.
    live = {row[0] for row in expected["runs"]}
    expected["inputs"] = [row for row in expected["inputs"] if row[4] in live]
    links = {row[0] for row in expected["inputs"]}
    expected["input_tags"] = [row for row in expected["input_tags"] if row[0] in links]
    assert left == expected
    assert ours.folders() == {folder for folder in theirs.folders() if folder.partition("/")[2] in live}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_scorers_and_what_they_judge_go_with_their_experiment(kind, request, tmp_path):
    uri = "sqlite:///mlflow.db" if kind == "sqlite" else str(request.getfixturevalue("postgres").create_database())
    (tmp_path / "own").mkdir()
    with Server("--backend-store-uri", uri, root=tmp_path / "own") as server:
        experiment = server.api("/experiments/create", {"name": "drop"}).json()["experiment_id"]
        scorer = {"experiment_id": experiment, "name": "judge"}
        for method, path, more in (
            ("POST", "register", {"serialized_scorer": "{}"}),
            ("PUT", "online-config", {"sample_rate": 0, "filter_string": "status = 'OK'"}),
        ):
            body = json.dumps(scorer | more)
            target = f"/api/3.0/mlflow/scorers/{path}"
            assert server.request(method, target, body, {"Content-Type": "application/json"}).status == 200
        server.api("/experiments/delete", {"experiment_id": experiment})
    done = run_binary("gc", "--backend-store-uri", uri, cwd=tmp_path / "own", seconds=60)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert f"Experiment with ID {experiment} has been permanently deleted." in done.stdout


def test_a_dry_run_tells_and_changes_nothing(own):
    before = own.rows(), own.folders()
    said = own.gc("--dry-run").stdout
    assert "would be deleted, with 2 files of 1.9 KiB." in said
    assert said.endswith("Would remove 3 runs, 0 logged models, 1 experiments, 6 files of 5.8 KiB.\n")
    assert (own.rows(), own.folders()) == before


def test_it_may_be_repeated_and_finds_nothing(own):
    own.gc()
    before = own.rows()
    assert own.gc().stdout == "Removed 0 runs, 0 logged models, 0 experiments, 0 files of 0 B.\n"
    assert own.rows() == before


def test_named_runs_go_and_nothing_else(own):
    own.gc("--run-ids", own.of_dropped[0])
    assert own.ids() == {*own.kept, *own.dropped, own.of_dropped[1]}


def test_a_named_experiment_goes_with_its_runs(own):
    own.gc("--experiment-ids", own.drop)
    assert own.ids() == {*own.kept, *own.dropped}


@pytest.mark.parametrize("kind", ["run", "experiment"])
def test_what_is_not_deleted_is_refused(own, kind):
    name = own.kept[0] if kind == "run" else own.keep
    before = own.rows(), own.folders()
    said = own.gc(f"--{kind}-ids", name, code=1).stderr
    assert f"{kind.title()} {name} is not in `deleted` lifecycle stage." in said
    assert (own.rows(), own.folders()) == before


def test_what_is_absent_is_refused(own):
    assert "Run with id=nope not found" in own.gc("--run-ids", "nope", code=1).stderr
    assert "No Experiment with id=99 exists" in own.gc("--experiment-ids", "99", code=1).stderr
    assert "Logged model with ID 'm-x' not found." in own.gc("--logged-model-ids", "m-x", code=1).stderr


def test_the_age_counts(own):
    before = own.rows()
    assert own.gc("--older-than", "1d2h").stdout.startswith("Removed 0 runs")
    said = own.gc("--older-than", "1d", "--run-ids", own.dropped[0], code=1).stderr
    assert "is not older than the required age" in said
    assert own.rows() == before
    own.gc("--older-than", "0s")
    assert own.ids() == set(own.kept)


@pytest.mark.parametrize("age", ["", "5", "1w", "1h1d"])
def test_an_age_that_is_none_is_refused(own, age):
    assert "--older-than" in own.gc("--older-than", age, code=2).stderr


def test_without_the_destination_nothing_is_lost(own):
    before = own.rows()
    said = own.gc("--artifacts-destination", "./elsewhere", code=1)
    assert f"Run with ID {own.dropped[0]} is kept: its artifacts are proxied" in said.stderr
    assert f"Experiment with ID {own.drop} is kept: Experiment {own.drop} still has runs." in said.stderr
    assert own.rows() == before
    assert not (own.root / "elsewhere").exists()


def test_artifacts_elsewhere_are_never_touched(own):
    connection = sqlite3.connect(own.root / "mlflow.db")
    outside = own.root / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    uris = [str(outside), "mlflow-artifacts:/", "dbfs:/x"]
    with connection:
        for run, uri in zip(own.dropped + own.of_dropped, uris, strict=True):
            connection.execute("update runs set artifact_uri = ? where run_uuid = ?", (uri, run))
    connection.close()
    said = own.gc(code=1).stderr
    assert said.count("is kept: The artifact location") == 3
    assert (outside / "precious").exists()
    assert own.ids() == {*own.kept, *own.dropped, *own.of_dropped}
    assert len(own.folders()) == 5


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    done = run_binary("gc", "--backend-store-uri", "sqlite:///absent.db", cwd=tmp_path)
    assert done.returncode == 1
    assert "has no tables of MLflow" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_workspaces_are_refused(own):
    assert "this database has one workspace" in own.gc("--all-workspaces", code=1).stderr


def test_a_kill_in_the_middle_is_healed_by_the_next_run(own):
    for delay in range(0, 50, 5):
        victim = start_gc(own)
        time.sleep(delay / 1000)
        victim.kill()
        victim.wait()
    own.gc()
    assert own.ids() == set(own.kept)
    assert own.folders() == {f"{own.keep}/{own.kept[0]}", f"0/{own.kept[1]}"}


def start_gc(lab: Lab) -> subprocess.Popen:
    return subprocess.Popen(
        [binary(), "gc"], cwd=lab.root, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
