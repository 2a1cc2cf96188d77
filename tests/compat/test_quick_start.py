"""The quick start and the fluent API, through the stock client of this environment."""

from __future__ import annotations

import json
import os
import sqlite3

import numpy
import pandas
import pytest

from harness import API, run_script, tree, use_client

HTTP_ROOT = "http://127.0.0.1:$PORT/api/2.0/mlflow-artifacts/artifacts/experiments"
QUICK_START = ["--serve-artifacts", "--artifacts-destination", "./mlartifacts", "--gunicorn-opts", "--log-level debug"]


def check_quick_start(server, printed: str, folder: str, uri: str) -> dict:
    """What the example prints and what it leaves on disk."""
    result = json.loads(printed.strip().splitlines()[-1])
    first, second = result["runs"]
    assert result["artifact_uri"] == f"{uri}/0/{first}/artifacts"
    assert result["downloaded"] == {"a.txt": "0", "dir/b.txt": "1"}
    assert result["listed"] == [["a.txt", False, 1], ["dir", True, None]]
    assert result["listed_dir"] == [["dir/b.txt", False, 1]]
    base = f"{folder}/0" if folder else "0"
    assert tree(server.artifacts) == {
        f"{base}/{run}/artifacts/{name}": text
        for run in (first, second)
        for name, text in (("a.txt", b"0"), ("dir/b.txt", b"1"))
    }
    return result


def test_the_quick_start_as_typed_in_2021(own_server, tmp_path):
    server = own_server(*QUICK_START, "--default-artifact-root", HTTP_ROOT)
    printed = run_script("quick_start.py", cwd=tmp_path, environment={"MLFLOW_TRACKING_URI": server.url})
    uri = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/experiments"
    result = check_quick_start(server, printed, "experiments", uri)
    run = result["runs"][0]
    moment = r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\] \[DEBUG\] "
    path = f"/api/2.0/mlflow-artifacts/artifacts/experiments/0/{run}/artifacts"
    for request in (
        "POST /api/2.0/mlflow/runs/create",
        "GET /api/2.0/mlflow/runs/get",
        f"PUT {path}/a.txt",
        f"PUT {path}/dir/b.txt",
        "POST /api/2.0/mlflow/runs/update",
        "GET /api/2.0/mlflow-artifacts/artifacts",
    ):
        server.log_line(f"{moment}{request}( |$)")
    assert server.stop() == 0
    assert sorted(os.listdir(server.artifacts)) == ["experiments"]


def test_the_quick_start_without_any_flag(own_server, tmp_path):
    server = own_server()
    printed = run_script("quick_start.py", cwd=tmp_path, environment={"MLFLOW_TRACKING_URI": server.url})
    check_quick_start(server, printed, "", "mlflow-artifacts:")
    assert server.stop() == 0
    assert sorted(os.listdir(server.artifacts)) == ["0"]
    assert sorted(path.name for path in server.root.iterdir() if "-" not in path.name) == ["mlartifacts", "mlflow.db"]


def test_the_quick_start_below_a_static_prefix(own_server, tmp_path):
    server = own_server("--static-prefix", "/team/ml", prefix="/team/ml")
    printed = run_script("quick_start.py", cwd=tmp_path, environment={"MLFLOW_TRACKING_URI": server.url})
    check_quick_start(server, printed, "", "mlflow-artifacts:")


@pytest.fixture(params=["default root", "http root"])
def mlflow(request, own_server, monkeypatch):
    """The fluent API against a server with each kind of artifact root."""
    arguments = ["--default-artifact-root", HTTP_ROOT] if request.param == "http root" else []
    server = own_server(*arguments)
    module = use_client(monkeypatch, server.url)
    module.server = server
    yield module
    while module.active_run():
        module.end_run()
    del module.server


def test_what_a_run_logs_can_be_read_back(mlflow):
    with mlflow.start_run(run_name="first", description="what it is", tags={"given": "at start"}) as active:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": 0.1, "name": "größe", "long": "x" * 6000})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"accuracy": 0.5, "nothing": 0.0, "negative": -1e-300}, step=2)
        mlflow.log_metric("not a number", float("nan"))
        mlflow.log_metric("infinite", float("inf"))
        mlflow.set_tag("team", "blue")
        mlflow.set_tags({"stage": "trial", "note": "a\nb"})
        mlflow.delete_tag("stage")
    run = mlflow.get_run(active.info.run_id)
    assert (run.info.run_name, run.info.status, run.info.lifecycle_stage) == ("first", "FINISHED", "active")
    assert run.info.end_time >= run.info.start_time > 1_600_000_000_000
    assert run.data.params == {"depth": "3", "rate": "0.1", "name": "größe", "long": "x" * 6000}
    metrics = dict(run.data.metrics)
    assert numpy.isnan(metrics.pop("not a number"))
    assert metrics.pop("infinite") > 1e308
    assert metrics == {"loss": 0.2, "accuracy": 0.5, "nothing": 0.0, "negative": -1e-300}
    own_tags = {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")}
    assert own_tags == {"given": "at start", "team": "blue", "note": "a\nb"}
    assert run.data.tags["mlflow.note.content"] == "what it is"
    history = mlflow.MlflowClient().get_metric_history(active.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(step, 1 / (step + 1)) for step in range(5)]


def test_a_run_that_fails_is_marked_as_failed(mlflow):
    with pytest.raises(ZeroDivisionError), mlflow.start_run() as active:
        mlflow.log_param("a", 1 / 0)
    assert mlflow.get_run(active.info.run_id).info.status == "FAILED"


def test_runs_can_be_nested_resumed_and_renamed(mlflow):
    with mlflow.start_run() as parent, mlflow.start_run(nested=True, run_name="child") as child:
        pass
    assert mlflow.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == parent.info.run_id
    with mlflow.start_run(run_id=parent.info.run_id):
        mlflow.log_param("later", "yes")
    assert mlflow.get_run(parent.info.run_id).data.params == {"later": "yes"}
    mlflow.MlflowClient().update_run(child.info.run_id, status="KILLED", name="renamed")
    renamed = mlflow.get_run(child.info.run_id)
    assert (renamed.info.run_name, renamed.info.status) == ("renamed", "KILLED")
    assert renamed.data.tags["mlflow.runName"] == "renamed"


def test_every_kind_of_artifact_goes_up_and_comes_back(mlflow, tmp_path):
    (tmp_path / "up" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "up" / "deep" / "er" / "big.bin").write_bytes(b"x" * 3_000_000)
    (tmp_path / "up" / "empty").write_bytes(b"")
    (tmp_path / "up" / "a b+ü.txt").write_text("odd name")
    with mlflow.start_run() as active:
        mlflow.log_text("hello", "notes/a.txt")
        mlflow.log_dict({"k": [1, 2]}, "d/x.json")
        mlflow.log_dict({"k": [1, 2]}, "d/x.yaml")
        mlflow.log_image(numpy.zeros((4, 4, 3), dtype=numpy.uint8), "picture.png")
        mlflow.log_image(numpy.ones((4, 4, 3), dtype=numpy.uint8), key="seen", step=3)
        mlflow.log_table({"question": ["q1"], "answer": ["a1"]}, "table.json")
        mlflow.log_table(pandas.DataFrame({"question": ["q2"], "answer": ["a2"]}), "table.json")
        mlflow.log_artifact(str(tmp_path / "up" / "empty"), "single")
        mlflow.log_artifacts(str(tmp_path / "up"), "tree")
    run_id = active.info.run_id
    client = mlflow.MlflowClient()
    listed = {entry.path: (entry.is_dir, entry.file_size) for entry in client.list_artifacts(run_id)}
    assert set(listed) == {"notes", "d", "images", "picture.png", "table.json", "single", "tree"}
    assert listed["notes"] == (True, None)
    assert [entry.path for entry in client.list_artifacts(run_id, "tree")] == [
        "tree/a b+ü.txt",
        "tree/deep",
        "tree/empty",
    ]
    assert [entry.path for entry in mlflow.artifacts.list_artifacts(run_id=run_id, artifact_path="tree/deep")] == [
        "tree/deep/er"
    ]
    assert len(client.list_artifacts(run_id, "images")) == 2
    table = mlflow.artifacts.load_dict(f"runs:/{run_id}/table.json")
    assert table == {"columns": ["question", "answer"], "data": [["q1", "a1"], ["q2", "a2"]]}
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes/a.txt") == "hello"
    assert mlflow.artifacts.load_dict(f"runs:/{run_id}/d/x.json") == {"k": [1, 2]}
    assert mlflow.artifacts.load_image(f"runs:/{run_id}/picture.png").size == (4, 4)
    down = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="tree", dst_path=str(tmp_path / "down"))
    assert tree(tmp_path / "down" / "tree") == tree(tmp_path / "up")
    assert os.path.realpath(down) == str(tmp_path / "down" / "tree")


def test_artifacts_can_be_downloaded_by_run_by_runs_uri_and_by_artifact_uri(mlflow, tmp_path):
    with mlflow.start_run() as active:
        mlflow.log_text("0", "a.txt")
        mlflow.log_text("1", "dir/b.txt")
    run_id = active.info.run_id
    uri = mlflow.get_run(run_id).info.artifact_uri
    whole = {"a.txt": b"0", "dir/b.txt": b"1"}
    ways = {
        "run": {"run_id": run_id, "artifact_path": ""},
        "runs": {"artifact_uri": f"runs:/{run_id}/"},
        "artifact": {"artifact_uri": uri},
    }
    for name, arguments in ways.items():
        folder = mlflow.artifacts.download_artifacts(**arguments, dst_path=str(tmp_path / name))
        found = {key.removeprefix("artifacts/"): value for key, value in tree(tmp_path / name).items()}
        assert found == whole, (name, folder)
    for arguments in (
        {"run_id": run_id, "artifact_path": "dir/b.txt"},
        {"artifact_uri": f"runs:/{run_id}/dir/b.txt"},
        {"artifact_uri": f"{uri}/dir/b.txt"},
    ):
        with open(mlflow.artifacts.download_artifacts(**arguments, dst_path=str(tmp_path))) as file:
            assert file.read() == "1"


def test_a_missing_artifact_fails_at_once(mlflow, tmp_path):
    with mlflow.start_run() as active:
        pass
    with pytest.raises(mlflow.MlflowException, match=r"none\.txt"):
        mlflow.artifacts.download_artifacts(run_id=active.info.run_id, artifact_path="none.txt", dst_path=str(tmp_path))


def test_inputs_of_a_run_are_kept(mlflow):
    data = mlflow.data.from_numpy(numpy.arange(6), targets=numpy.arange(6), name="six", source="here")
    with mlflow.start_run() as active:
        mlflow.log_input(data, context="training", tags={"shard": "1"})
        mlflow.log_input(data, context="training")
    [entry] = mlflow.get_run(active.info.run_id).inputs.dataset_inputs
    assert (entry.dataset.name, entry.dataset.digest) == ("six", data.digest)
    assert {tag.key: tag.value for tag in entry.tags}["mlflow.data.context"] == "training"
    assert json.loads(entry.dataset.profile) == json.loads(data.to_dict()["profile"])


def test_runs_are_found_without_a_filter(mlflow):
    runs = []
    for number in range(3):
        with mlflow.start_run() as active:
            mlflow.log_metric("m", number)
            mlflow.log_param("p", number)
        runs.append(active.info.run_id)
    table = mlflow.search_runs()
    assert sorted(table["run_id"]) == sorted(runs)
    assert sorted(table["metrics.m"]) == [0.0, 1.0, 2.0]
    assert sorted(table["params.p"]) == ["0", "1", "2"]
    as_list = mlflow.search_runs(output_format="list", max_results=2)
    assert len(as_list) == 2
    page = mlflow.MlflowClient().search_runs([as_list[0].info.experiment_id], max_results=2)
    rest = mlflow.MlflowClient().search_runs([as_list[0].info.experiment_id], max_results=2, page_token=page.token)
    assert sorted(run.info.run_id for run in [*page, *rest]) == sorted(runs)
    assert len(mlflow.search_runs(search_all_experiments=False, experiment_ids=["0"])) == 0


def test_a_deleted_run_is_out_of_sight_until_it_is_restored(mlflow):
    with mlflow.start_run() as active:
        mlflow.log_text("x", "a.txt")
    run_id, client = active.info.run_id, mlflow.MlflowClient()
    mlflow.delete_run(run_id)
    assert mlflow.get_run(run_id).info.lifecycle_stage == "deleted"
    assert len(mlflow.search_runs()) == 0
    with pytest.raises(mlflow.MlflowException, match=r"must be in the 'active' state\. Current state is deleted"):
        client.log_param(run_id, "late", 1)
    client.restore_run(run_id)
    assert mlflow.get_run(run_id).info.lifecycle_stage == "active"
    assert list(mlflow.search_runs()["run_id"]) == [run_id]
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/a.txt") == "x"


def test_experiments_are_made_once_and_found_again(mlflow):
    client = mlflow.MlflowClient()
    made = mlflow.set_experiment("one name")
    assert mlflow.set_experiment("one name").experiment_id == made.experiment_id
    identifier = mlflow.create_experiment("with tags", tags={"a": "b"})
    found = mlflow.get_experiment(identifier)
    assert (found.name, found.tags, found.lifecycle_stage) == ("with tags", {"a": "b"}, "active")
    assert found.artifact_location.endswith(f"/{identifier}")
    assert client.get_experiment_by_name("with tags").experiment_id == identifier
    assert client.get_experiment_by_name("none") is None
    assert client.get_experiment("0").name == "Default"
    with pytest.raises(mlflow.MlflowException, match="already exists"):
        mlflow.create_experiment("one name")


def test_an_error_reaches_the_user_with_its_code_and_text(mlflow):
    with pytest.raises(mlflow.MlflowException, match="Run with id=nope not found") as caught:
        mlflow.get_run("nope")
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with mlflow.start_run():
        mlflow.log_param("p", "x")
        with pytest.raises(mlflow.MlflowException, match="Changing param values is not allowed"):
            mlflow.log_param("p", "y")


def test_a_large_file_falls_back_to_a_plain_upload_when_multipart_is_forced(mlflow, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", "6000000")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", "5242880")
    data = os.urandom(7_000_000)
    (tmp_path / "big.bin").write_bytes(data)
    with mlflow.start_run() as active:
        mlflow.log_artifact(str(tmp_path / "big.bin"))
    down = mlflow.artifacts.download_artifacts(
        run_id=active.info.run_id, artifact_path="big.bin", dst_path=str(tmp_path / "down")
    )
    with open(down, "rb") as file:
        assert file.read() == data
    assert server_paths(mlflow.server, "mpu/create")


def server_paths(server, text: str) -> list[str]:
    server.log_line(text)
    return [line for line in server.log.splitlines() if text in line]


def test_many_metrics_and_params_in_one_call(mlflow):
    with mlflow.start_run() as active:
        mlflow.log_metrics({f"m{number}": float(number) for number in range(1000)})
        mlflow.log_params({f"p{number}": number for number in range(100)})
        mlflow.set_tags({f"t{number}": str(number) for number in range(100)})
    run = mlflow.get_run(active.info.run_id)
    assert run.data.metrics == {f"m{number}": float(number) for number in range(1000)}
    assert run.data.params == {f"p{number}": str(number) for number in range(100)}
    assert {key: value for key, value in run.data.tags.items() if key.startswith("t")} == {
        f"t{number}": str(number) for number in range(100)
    }


def test_everything_survives_a_restart(own_server, monkeypatch, tmp_path):
    server = own_server(root=tmp_path)
    mlflow = use_client(monkeypatch, server.url)
    with mlflow.start_run() as active:
        mlflow.log_metric("m", 1.5)
        mlflow.log_text("x", "a.txt")
    server.kill()
    again = own_server(root=tmp_path)
    mlflow.set_tracking_uri(again.url)
    assert mlflow.get_run(active.info.run_id).data.metrics == {"m": 1.5}
    assert mlflow.artifacts.load_text(f"runs:/{active.info.run_id}/a.txt") == "x"


@pytest.mark.xdist_group("reference")
def test_the_reference_can_read_what_was_written_here(own_server, start_reference, monkeypatch, tmp_path):
    root = tmp_path / "shared"
    root.mkdir()
    server = own_server(root=root)
    mlflow = use_client(monkeypatch, server.url)
    with mlflow.start_run(run_name="handed over") as active:
        mlflow.log_params({"p": "v", "empty": ""})
        mlflow.log_metrics({"m": 0.25, "nan": float("nan")}, step=7)
        mlflow.log_metric("m", 0.5, step=8)
        mlflow.set_tag("t", "ü")
        mlflow.log_text("hello", "dir/a b.txt")
        mlflow.log_input(mlflow.data.from_numpy(numpy.arange(3), name="three"), context="eval")
    with mlflow.start_run() as other:
        pass
    mlflow.delete_run(other.info.run_id)
    ours = mlflow.get_run(active.info.run_id)
    experiment = mlflow.get_experiment(ours.info.experiment_id)
    history = mlflow.MlflowClient().get_metric_history(active.info.run_id, "m")
    assert server.stop() == 0
    with sqlite3.connect(root / "mlflow.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []

    reference = start_reference(root, "--backend-store-uri", "sqlite:///mlflow.db")
    mlflow.set_tracking_uri(reference.url)
    theirs = mlflow.get_run(active.info.run_id)
    assert comparable(theirs) == comparable(ours)
    assert dict(mlflow.get_experiment(ours.info.experiment_id)) == dict(experiment)
    again = mlflow.MlflowClient().get_metric_history(active.info.run_id, "m")
    assert [dict(point) for point in again] == [dict(point) for point in history]
    assert mlflow.get_run(other.info.run_id).info.lifecycle_stage == "deleted"
    assert [entry.path for entry in mlflow.artifacts.list_artifacts(run_id=active.info.run_id)] == ["dir"]
    assert mlflow.artifacts.load_text(f"runs:/{active.info.run_id}/dir/a b.txt") == "hello"
    with mlflow.start_run(run_id=active.info.run_id):
        mlflow.log_metric("after", 1)
    with mlflow.start_run() as new:
        mlflow.log_text("new", "dir/new.txt")
    reference.stop()

    back = own_server(root=root)
    mlflow.set_tracking_uri(back.url)
    assert mlflow.get_run(active.info.run_id).data.metrics["after"] == 1
    assert mlflow.artifacts.load_text(f"runs:/{new.info.run_id}/dir/new.txt") == "new"
    assert back.api("/runs/get", run_id=other.info.run_id).status == 200
    assert back.get(f"{API}/experiments/get?experiment_id=0").json()["experiment"]["name"] == "Default"


def comparable(run) -> str:
    """A run as text; NaN equals NaN there."""
    data = run.to_dictionary()
    data["data"]["metrics"] = sorted((key, repr(value)) for key, value in data["data"]["metrics"].items())
    return json.dumps(data, sort_keys=True)
