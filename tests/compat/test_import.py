"""`mlferry import`: what the stock client wrote to a file store is read back from a database."""

from __future__ import annotations

import math
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
    ViewType,
)

from harness import Server, binary, clean_environment, run_binary
from postgres import execute

LARGEST = sys.float_info.max
# Without it, a server refuses to start beside a file store.
DATABASE = ("--backend-store-uri", "sqlite:///mlflow.db")


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Iterator[Path]:
    """A file store with something of every kind, deleted or not."""
    root = tmp_path_factory.mktemp("files") / "mlruns"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        client = MlflowClient(f"file://{root}")
        first = client.create_experiment("first ünïcode", tags={"a": "b", "x/y": "z"})
        fill(client, client.create_run(first, tags={"deep/er": "1"}, run_name="run: 'one'").info.run_id)
        client.delete_run(client.create_run(first).info.run_id)
        client.create_run("0", run_name="null")
        second = client.create_experiment("123", artifact_location="s3://bucket/x")
        client.create_run(second)
        client.delete_experiment(second)
        yield root


def fill(client: MlflowClient, run: str) -> None:
    """Logs something of every kind to a run."""
    metrics = [Metric("loss/train", 1 / (step + 1), 1_700_000_000_000 + step, step) for step in range(300)]
    client.log_batch(run, metrics, [Param("p/q", "v\n ß '\"\\")], [RunTag("t", "x" * 5000)])
    odd = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1, 0.1]
    client.log_batch(run, [Metric("odd", value, 5, 0) for value in odd] + [Metric("odd", 1.0, 4, -3)])
    client.log_param(run, "empty", "")
    dataset = Dataset("d", "g", "s", '{"uri": "x: y"}', None, '{"rows": 3, "text": "' + "long " * 50 + '"}')
    client.log_inputs(run, [DatasetInput(dataset, [InputTag("mlflow.data.context", "train")])])
    experiment = client.get_run(run).info.experiment_id
    model = client.create_logged_model(experiment, "model", run, tags={"k": "v"}, params={"p": "2"}, model_type="t")
    client.log_metric(run, "of model", 2.5, step=1, timestamp=8, model_id=model.model_id)
    client.log_inputs(run, models=[LoggedModelInput(model.model_id)])
    client.log_outputs(run, [LoggedModelOutput(model.model_id, 4)])
    client.set_terminated(run, "FAILED")


@pytest.fixture
def files(original, tmp_path) -> Path:
    """A copy that a test may spoil; its artifact locations stay those of the original."""
    return shutil.copytree(original, tmp_path / "mlruns")


def bring_in(folder: Path, *arguments: str, code: int = 0, source: str = "mlruns") -> subprocess.CompletedProcess:
    done = run_binary("import", f"./{source}", *arguments, cwd=folder, seconds=60)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def storable(value: float) -> str:
    """A value as databases keep it, comparable even when it is NaN."""
    return repr(max(-LARGEST, min(LARGEST, value)) + 0.0) if not math.isnan(value) else "nan"


def everything(client: MlflowClient) -> dict[str, object]:
    """All that a client reads, without ids of experiments, which may change."""
    found: dict[str, object] = {}
    experiments = client.search_experiments(view_type=ViewType.ALL)
    names = {experiment.experiment_id: experiment.name for experiment in experiments}
    for experiment in experiments:
        kept = {name: getattr(experiment, name) for name in ("artifact_location", "lifecycle_stage", "tags")}
        found[experiment.name] = kept | {"times": (experiment.creation_time, experiment.last_update_time)}
        for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL):
            found[run.info.run_id] = run_of(client, run.info.run_id, names)
        if experiment.lifecycle_stage == "active":
            for model in client.search_logged_models([experiment.experiment_id]):
                record = model.to_dictionary() | {"experiment_id": names[model.experiment_id]}
                record.pop("metrics")
                # Over HTTP, what is absent arrives as an empty text.
                record["status_message"] = record["status_message"] or None
                found[model.model_id] = record | {"values": [(m.key, m.value, m.step) for m in model.metrics]}
    return found


def run_of(client: MlflowClient, run_id: str, names: dict[str, str]) -> dict:
    run = client.get_run(run_id)
    info = dict(run.info) | {"experiment_id": names[run.info.experiment_id]}
    # Which of several values is the latest depends on their order in the file when one of them is NaN.
    metrics = {key: storable(value) for key, value in run.data.metrics.items() if key != "odd"}
    history = {
        key: sorted({(m.timestamp, m.step, storable(m.value)) for m in client.get_metric_history(run_id, key)})
        for key in run.data.metrics
    }
    inputs = [(dict(item.dataset), {tag.key: tag.value for tag in item.tags}) for item in run.inputs.dataset_inputs]
    links = [item.model_id for item in run.inputs.model_inputs]
    links += [(item.model_id, item.step) for item in (run.outputs.model_outputs if run.outputs else [])]
    return {
        "info": info,
        "params": run.data.params,
        "tags": run.data.tags,
        "metrics": metrics,
        "history": history,
        "inputs": inputs,
        "links": links,
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_the_client_reads_the_same_before_and_after(request, original, tmp_path, kind):
    uri = "sqlite:///mlflow.db" if kind == "sqlite" else request.getfixturevalue("postgres").create_database()
    said = run_binary("import", str(original), "--backend-store-uri", uri, cwd=tmp_path, seconds=60)
    assert said.returncode == 0, said.stderr
    with Server("--backend-store-uri", uri, root=tmp_path) as server:
        imported = everything(MlflowClient(server.url))
        # What the database numbers next does not collide with what came in.
        assert server.api("/experiments/create", {"name": "next"}).status == 200
    assert imported == everything(MlflowClient(f"file://{original}"))
    if kind == "postgres":
        # The ids of file stores are larger than the column.
        assert said.stdout.count("in the database.\n") == 2
        assert execute(uri, "select count(*) from experiments where experiment_id < 100") == [(4,)]


def rows(database: Path, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple]]:
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    try:
        names = [
            name
            for (name,) in connection.execute(
                "select name from sqlite_master where type = 'table' and name not glob 'mlferry_*'"
            )
        ]
        return {
            name: sorted(
                (
                    tuple(row[key] for key in row.keys() if key not in without)  # noqa: SIM118
                    for row in connection.execute(f"select * from {name}")
                ),
                key=repr,
            )
            for name in names
        }
    finally:
        connection.close()


def test_the_database_has_the_rows_that_the_reference_s_migration_writes(files, tmp_path):
    # The reference's migration stops at a value that was logged twice.
    for metric in files.glob("*/*/metrics/odd"):
        lines = metric.read_text().splitlines(True)
        metric.write_text("".join(dict.fromkeys(lines)))
    bring_in(tmp_path)
    line = [sys.executable, "-m", "mlflow", "migrate-filestore", "--source", str(files)]
    line += ["--target", f"sqlite:///{tmp_path}/theirs.db"]
    done = subprocess.run(line, env=clean_environment(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    chosen_freely = ("input_uuid", "dataset_uuid", "source_id")
    ours = rows(tmp_path / "mlflow.db", without=chosen_freely)
    theirs = rows(tmp_path / "theirs.db", without=chosen_freely)
    for table in ours:
        assert ours[table] == theirs[table], table


def test_it_may_be_repeated_and_changes_nothing(files, tmp_path):
    assert "Imported 4 runs; 0 were there already." in bring_in(tmp_path).stdout
    before = rows(tmp_path / "mlflow.db")
    said = bring_in(tmp_path).stdout
    assert "Imported 0 runs; 4 were there already." in said
    assert rows(tmp_path / "mlflow.db") == before


def test_it_goes_on_with_what_was_added_since(files, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    bring_in(tmp_path)
    MlflowClient(f"file://{files}").create_run("0")
    assert "Imported 1 runs; 4 were there already." in bring_in(tmp_path).stdout


def write_runs(root: Path, count: int) -> None:
    """Runs of a time when metrics had no steps and ids were called otherwise."""
    (root / "7").mkdir(parents=True)
    (root / "7" / "meta.yaml").write_text(f"artifact_location: {root}/7\nexperiment_id: 7\nname: old\n")
    for number in range(count):
        run = root / "7" / f"{number:032x}"
        for name in ("metrics/deep", "params", "tags", "artifacts"):
            (run / name).mkdir(parents=True)
        meta = f"artifact_uri: {run}/artifacts\nend_time: 6\nentry_point_name: main\nexperiment_id: 7\nname: ''\n"
        meta += f"run_uuid: {run.name}\nsource_name: s\nsource_type: 3\nsource_version: 12e4\nstart_time: 5\n"
        (run / "meta.yaml").write_text(meta + "status: 3\ntags: []\nuser_id: me\n")
        (run / "metrics/deep/m").write_text("".join(f"{second} 0.{second}\n" for second in range(1, 200)))
        (run / "params/p").write_text("1")
        (run / "tags/mlflow.runName").write_text("named by a tag")


def test_runs_of_old_clients_are_read(tmp_path):
    write_runs(tmp_path / "mlruns", 1)
    bring_in(tmp_path)
    found = rows(tmp_path / "mlflow.db")
    (run,) = found["runs"]
    assert run[2:6] == ("PROJECT", "s", "main", "me")
    assert (run[9], run[12]) == ("12e4", 7)
    assert len(found["metrics"]) == 199
    with Server(*DATABASE, root=tmp_path) as server:
        run = server.api("/runs/get", run_id="0" * 32).json()["run"]
        (metric,) = run["data"]["metrics"]
        assert (metric["key"], metric["value"], metric["step"]) == ("deep/m", 0.199, 0)
        assert run["info"]["experiment_id"] == "7"
        assert server.api("/experiments/create", {"name": "next"}).json()["experiment_id"] == "8"


def test_a_kill_in_the_middle_is_healed_by_the_next_run(tmp_path):
    runs = 300
    write_runs(tmp_path / "mlruns", runs)
    for delay in range(0, 400, 40):
        victim = subprocess.Popen(
            [binary(), "import", "./mlruns"],
            cwd=tmp_path,
            env=clean_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay / 1000)
        victim.kill()
        victim.wait()
        if (tmp_path / "mlflow.db").exists():
            found = rows(tmp_path / "mlflow.db")
            # Each run is there wholly or not at all.
            assert len(found.get("metrics", [])) == 199 * len(found.get("runs", []))
    bring_in(tmp_path)
    found = rows(tmp_path / "mlflow.db")
    assert [len(found[table]) for table in ("runs", "params", "tags", "latest_metrics")] == [runs] * 4
    assert len(found["metrics"]) == 199 * runs
    assert len(found["experiments"]) == 2


def test_what_is_malformed_is_named_and_the_rest_comes_in(files, tmp_path):
    (run,) = [path.parent.parent for path in files.glob("*/*/metrics/odd")]
    (run / "metrics" / "odd").write_text("1 2 3\nnonsense\n4 5 6\n")
    (run / "metrics" / "empty").write_text("")
    (run / "params" / "latin").write_bytes(b"\xff")
    (run / "params" / "long").write_text("x" * 8001)
    (run / "tags" / ("k" * 251)).write_text("x")
    broken = run.parent / ("b" * 32)
    (broken / "metrics").mkdir(parents=True)
    (broken / "params").mkdir()
    moved = shutil.copytree(run, run.parent / ("c" * 32))
    yaml = run.parent / ("d" * 32)
    yaml.mkdir()
    (yaml / "meta.yaml").write_text("status: [")
    (files / "99").mkdir()
    said = bring_in(tmp_path, code=1)
    for path, reason in [
        (run / "metrics/odd", "line 2: it does not read 'timestamp value step'"),
        (run / "metrics/empty", "the metric has no value"),
        (run / "params/latin", "stream did not contain valid UTF-8"),
        (run / "params/long", "the value is longer than 8000 characters"),
        (run / "tags" / ("k" * 251), "the key is longer than 250 characters"),
        (broken, "it has no meta.yaml: runs have one"),
        (moved / "meta.yaml", f"the id '{run.name}' is not the name of its folder"),
        (files / "99", "it has no meta.yaml: experiments have one"),
    ]:
        assert f"./{path.relative_to(tmp_path)}: {reason}" in said.stderr
    assert f"./{(yaml / 'meta.yaml').relative_to(tmp_path)}: " in said.stderr
    assert said.stderr.splitlines()[-1].startswith("Error: 9 things are left out and 0 differ")
    found = rows(tmp_path / "mlflow.db")
    assert len(found["runs"]) == 4
    assert sum(row[0] == "odd" for row in found["metrics"]) == 2


def test_what_the_database_refuses_is_named_and_the_rest_comes_in(postgres, tmp_path):
    write_runs(tmp_path / "mlruns", 3)
    run = tmp_path / "mlruns" / "7" / f"{1:032x}"
    meta = (run / "meta.yaml").read_text().replace(f"artifact_uri: {run}", "artifact_uri: /" + "x" * 200)
    (run / "meta.yaml").write_text(meta)
    said = bring_in(tmp_path, "--backend-store-uri", postgres.create_database(), code=1)
    assert f"./{run.relative_to(tmp_path)}: A value is too long or too large for the database" in said.stderr
    assert "1 things are left out and 0 differ" in said.stderr
    assert "Imported 2 runs; 0 were there already." in said.stdout


def test_what_is_missing_in_the_database_is_named(files, tmp_path):
    bring_in(tmp_path)
    with sqlite3.connect(tmp_path / "mlflow.db") as connection:
        (run,) = connection.execute("select run_uuid from params where key = 'p/q'").fetchone()
        connection.execute("delete from params where key = 'p/q'")
    connection.close()
    said = bring_in(tmp_path, code=1)
    assert f"run {run}: params 2 in the file store, 1 in the database" in said.stderr
    assert "0 things are left out and 1 differ" in said.stderr


def test_a_dry_run_counts_and_makes_nothing(files, tmp_path):
    said = bring_in(tmp_path, "--dry-run").stdout
    counts = {line[:14].strip(): int(line[14:]) for line in said.splitlines()[1:]}
    assert counts == {
        "experiments": 3,
        "runs": 4,
        "logged models": 1,
        # Of seven odd values, two are the same, and so is each infinity as any other one.
        "metric points": 300 + 7 + 2,
        "params": 3,
        "tags": 2 + 6 + 1,
        "datasets": 2,
        "model links": 2,
    }
    assert [path.name for path in tmp_path.iterdir()] == ["mlruns"]


def test_experiments_join_those_with_their_names_and_leave_taken_ids(tmp_path):
    write_runs(tmp_path / "mlruns", 1)
    write_runs(tmp_path / "other", 0)
    (tmp_path / "other" / "7" / "meta.yaml").write_text("experiment_id: '7'\nname: another\n")
    with Server(*DATABASE, root=tmp_path) as server:
        own = server.api("/experiments/create", {"name": "old"}).json()["experiment_id"]
        run = server.api("/runs/create", {"experiment_id": own}).json()["run"]["info"]["run_id"]
        # A server may run meanwhile.
        said = bring_in(tmp_path).stdout
        assert f"Experiment 7 'old' joins experiment {own} of the database, which has the same name." in said
        found = server.api("/runs/search", {"experiment_ids": [own]}).json()["runs"]
        assert {run["info"]["run_id"] for run in found} == {run, "0" * 32}
        taken = [server.api("/experiments/create", {"name": str(n)}).json()["experiment_id"] for n in range(6)]
        assert taken[-1] == "7"
        said = bring_in(tmp_path, source="other").stdout
        assert "Experiment 7 'another' is experiment 8 in the database." in said


def test_the_default_experiment_with_runs_keeps_its_place(files, tmp_path):
    with Server(*DATABASE, root=tmp_path) as server:
        run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        bring_in(tmp_path)
        experiment = server.api("/experiments/get", experiment_id="0").json()["experiment"]
        assert experiment["artifact_location"] == "mlflow-artifacts:/0"
        found = server.api("/runs/search", {"experiment_ids": ["0"]}).json()["runs"]
        assert len(found) == 2
        assert run in {run["info"]["run_id"] for run in found}


def test_traces_and_registered_models_are_counted_and_stay(files, tmp_path):
    (files / "0" / "traces" / "tr-1").mkdir(parents=True)
    (files / "models" / "m").mkdir(parents=True)
    said = bring_in(tmp_path).stderr
    assert "1 traces stay behind" in said
    assert "1 registered models stay behind" in said


def test_artifacts_stay_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    client = MlflowClient(f"file://{tmp_path}/mlruns")
    run = client.create_run("0").info
    client.log_text(run.run_id, "kept", "deep/a.txt")
    bring_in(tmp_path)
    with Server(*DATABASE, "--default-artifact-root", "./mlruns", root=tmp_path) as server:
        assert server.api("/runs/get", run_id=run.run_id).json()["run"]["info"]["artifact_uri"] == run.artifact_uri
        listed = server.api("/artifacts/list", run_id=run.run_id, path="deep").json()["files"]
        assert [(file["path"], file["file_size"]) for file in listed] == [("deep/a.txt", 4)]
        assert server.get(f"/get-artifact?run_id={run.run_id}&path=deep/a.txt").text == "kept"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "Missing argument 'FOLDER'."),
        (["s3://x"], 2, "'s3://x' is no local folder."),
        (["./absent"], 1, "Cannot read './absent': No such file or directory"),
        (["."], 1, "There are no experiments in '.'."),
        (["./mlruns", "--backend-store-uri", "sqlite://"], 1, "A database in memory would be gone at once."),
        (["./mlruns", "--backend-store-uri", "./mlruns"], 1, "is a file store"),
    ],
)
def test_what_cannot_be_imported_is_told(files, tmp_path, arguments, code, message):
    done = run_binary("import", *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mlruns"]


def test_the_variable_names_the_database_and_nothing_is_drawn_without_a_terminal(files, tmp_path):
    environment = {"MLFLOW_BACKEND_STORE_URI": "sqlite:///named.db"}
    done = run_binary("import", f"file://{files}", cwd=tmp_path, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "named.db").is_file()
    assert "\x1b" not in done.stdout
