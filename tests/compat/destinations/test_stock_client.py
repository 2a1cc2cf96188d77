"""The stock client against a server whose artifacts are in each kind of destination."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import run_binary, run_script, tree, use_client


@pytest.fixture
def mlflow(server, monkeypatch):
    module = use_client(monkeypatch, server.url)
    yield module
    while module.active_run():
        module.end_run()


@pytest.fixture
def logged(tmp_path) -> Path:
    """Files of several sizes and depths to log."""
    folder = tmp_path / "up"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "big.bin").write_bytes(b"x" * 20_000_000)
    (folder / "deep" / "model.tar.gz").write_bytes(b"\x1f\x8b not really")
    (folder / "empty").write_bytes(b"")
    (folder / "a b+ü.txt").write_text("odd name")
    return folder


def test_the_quick_start(own_server, tmp_path):
    server = own_server()
    printed = run_script("quick_start.py", cwd=tmp_path, environment={"MLFLOW_TRACKING_URI": server.url})
    result = json.loads(printed.strip().splitlines()[-1])
    assert result["artifact_uri"] == f"mlflow-artifacts:/0/{result['runs'][0]}/artifacts"
    assert result["downloaded"] == {"a.txt": "0", "dir/b.txt": "1"}
    assert result["listed"] == [["a.txt", False, 1], ["dir", True, None]]
    assert result["listed_dir"] == [["dir/b.txt", False, 1]]
    assert server.stored() == {
        f"0/{run}/artifacts/{name}": text
        for run in result["runs"]
        for name, text in (("a.txt", b"0"), ("dir/b.txt", b"1"))
    }
    assert server.stop() == 0


def test_what_is_logged_is_listed_and_comes_back(mlflow, logged, tmp_path):
    with mlflow.start_run() as active:
        mlflow.log_artifacts(str(logged), "tree")
        mlflow.log_dict({"k": [1, 2]}, "d/x.json")
    client, run_id = mlflow.MlflowClient(), active.info.run_id
    assert [(entry.path, entry.is_dir) for entry in client.list_artifacts(run_id)] == [("d", True), ("tree", True)]
    found = {entry.path: entry.file_size for entry in client.list_artifacts(run_id, "tree")}
    assert found == {"tree/a b+ü.txt": 8, "tree/deep": None, "tree/empty": None}
    mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="tree", dst_path=str(tmp_path / "down"))
    assert tree(tmp_path / "down" / "tree") == tree(logged)
    assert mlflow.artifacts.load_dict(f"runs:/{run_id}/d/x.json") == {"k": [1, 2]}


def test_what_the_client_deletes_is_gone_and_nothing_else(mlflow, server, logged):
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with mlflow.start_run() as active:
        mlflow.log_artifacts(str(logged))
        mlflow.log_text("kept", "deeper.txt")
    repository = get_artifact_repository(active.info.artifact_uri)
    repository.delete_artifacts("deep")
    repository.delete_artifacts("never there")
    folder = active.info.artifact_uri.removeprefix("mlflow-artifacts:/")
    assert list(server.stored(folder)) == sorted(["a b+ü.txt", "deeper.txt", "empty"])
    repository.delete_artifacts()
    assert server.stored(folder) == {}


def test_a_missing_artifact_fails_at_once(mlflow, tmp_path):
    with mlflow.start_run() as active:
        pass
    with pytest.raises(mlflow.MlflowException, match=r"none\.txt"):
        mlflow.artifacts.download_artifacts(run_id=active.info.run_id, artifact_path="none.txt", dst_path=str(tmp_path))


def test_gc_removes_what_deleted_runs_left(own_server, monkeypatch):
    server = own_server()
    mlflow = use_client(monkeypatch, server.url)
    runs = []
    for _ in range(2):
        with mlflow.start_run() as active:
            mlflow.log_text("x" * 1000, "a.txt")
            mlflow.log_text("x" * 1000, "deep/er/b.txt")
        runs.append(active.info)
    mlflow.delete_run(runs[0].run_id)
    options = ["--artifacts-destination", server.place.uri]
    done = run_binary("gc", *options, cwd=server.root, environment=server.place.environment, seconds=60)
    assert done.returncode == 0, done.stderr
    assert f"Run with ID {runs[0].run_id} has been permanently deleted, with 2 files of 1.9 KiB." in done.stdout
    kept = f"{runs[1].experiment_id}/{runs[1].run_id}/artifacts"
    assert list(server.stored()) == [f"{kept}/a.txt", f"{kept}/deep/er/b.txt"]
