"""Versions of registered models with the stock client, on both databases: where they come from and what they are."""

from __future__ import annotations

import threading
import uuid

import mlflow
import pytest
from mlflow import MlflowClient, MlflowException
from sklearn.linear_model import LinearRegression

from harness import use_client


@pytest.fixture
def name() -> str:
    return f"model-{uuid.uuid4().hex}"


@pytest.fixture
def run_id(fluent) -> str:
    """A run with a model's files."""
    with fluent.start_run() as run:
        fluent.log_text("flavors: {}", "model/MLmodel")
        return run.info.run_id


def test_registering_a_run_s_model(tracking, stock, name, run_id):
    first = mlflow.register_model(f"runs:/{run_id}/model", name, tags={"a": "b"})
    assert (first.name, first.version, first.run_id, first.status) == (name, "1", run_id, "READY")
    second = mlflow.register_model(f"runs:/{run_id}/model", name)
    assert second.version == "2"
    uri = stock.get_model_version_download_uri(name, "1")
    assert uri == stock.get_run(run_id).info.artifact_uri + "/model"
    assert stock.get_model_version(name, "1").tags == {"a": "b"}
    path = mlflow.artifacts.download_artifacts(f"models:/{name}/1")
    with open(f"{path}/MLmodel") as file:
        assert file.read().startswith("flavors")
    found = stock.search_model_versions(f"run_id = '{run_id}'", order_by=["version_number ASC"])
    assert [version.version for version in found] == ["1", "2"]
    answer = tracking.get(f"/model-versions/get-artifact?name={name}&version=1&path=MLmodel")
    assert answer.body.startswith(b"flavors")


def test_a_model_that_is_registered_as_it_is_logged_predicts_by_its_alias(fluent, stock, name):
    for slope in (2.0, 3.0):
        trained = LinearRegression().fit([[0.0], [1.0]], [1.0, 1.0 + slope])
        with fluent.start_run():
            fluent.sklearn.log_model(
                trained, name="line", registered_model_name=name, serialization_format="cloudpickle"
            )
    stock.set_registered_model_alias(name, "champion", "1")
    assert fluent.pyfunc.load_model(f"models:/{name}@champion").predict([[5.0]]) == pytest.approx([11.0])
    stock.set_registered_model_alias(name, "champion", "2")
    assert fluent.pyfunc.load_model(f"models:/{name}@champion").predict([[5.0]]) == pytest.approx([16.0])
    assert fluent.pyfunc.load_model(f"models:/{name}/1").predict([[5.0]]) == pytest.approx([11.0])


def test_copies(tracking, stock, name, run_id):
    mlflow.register_model(f"runs:/{run_id}/model", name)
    stock.set_registered_model_alias(name, "champion", "1")
    copy = stock.copy_model_version(f"models:/{name}/1", f"{name}-copy")
    assert (copy.source, copy.run_id) == (f"models:/{name}/1", run_id)
    second = stock.copy_model_version(f"models:/{name}-copy/1", f"{name}-copy")
    assert (second.version, second.source) == ("2", f"models:/{name}-copy/1")
    uris = {stock.get_model_version_download_uri(f"{name}-copy", number) for number in "12"}
    assert uris == {stock.get_model_version_download_uri(name, "1")}
    # What is gone can't be copied, and takes its copies' files with it no more.
    stock.delete_model_version(name, "1")
    with pytest.raises(MlflowException, match="not found"):
        stock.create_model_version(f"{name}-copy", f"models:/{name}/1")
    answer = tracking.get(f"/model-versions/get-artifact?name={name}-copy&version=2&path=MLmodel")
    assert answer.body.startswith(b"flavors")


def test_files_of_a_run_by_its_id(tracking, stock, name, run_id):
    stock.create_registered_model(name)
    for source in (f"runs:/{run_id}", f"runs:/{run_id}/model"):
        stock.create_model_version(name, source, run_id)
    stock.create_model_version(name, f"models:/{name}/2")
    for number, path in (("1", "model/MLmodel"), ("2", "MLmodel"), ("3", "MLmodel")):
        query = f"name={name}&version={number}"
        assert tracking.get(f"/model-versions/get-artifact?{query}&path={path}").body.startswith(b"flavors")
        tracking.get(f"/model-versions/get-artifact?{query}&path=none").assert_error(404)
        tracking.get(f"/model-versions/get-artifact?{query}&path=..%2Fx").assert_error(400)
        tracking.get(f"/model-versions/get-artifact?{query}").assert_error(400)
    with pytest.raises(MlflowException, match="an absolute path must be provided"):
        stock.create_model_version(name, f"runs:/{run_id}/../../x", run_id)


def test_local_sources_belong_to_their_run(tmp_path, own_server, monkeypatch, name):
    root = tmp_path / "artifacts"
    server = own_server("--no-serve-artifacts", "--default-artifact-root", str(root), root=tmp_path)
    fluent = use_client(monkeypatch, server.url)
    stock = MlflowClient()
    with fluent.start_run() as run:
        fluent.log_text("x", "model/MLmodel")
    uri = run.info.artifact_uri
    assert uri.startswith(str(root))
    stock.create_registered_model(name)
    for source in (f"{uri}/model", f"file://{uri}/model", uri, f"{uri}/a/../model", f"{uri}/mo%64el"):
        stock.create_model_version(name, source, run.info.run_id)
    for source in (f"{uri}/../x", f"{uri}-2/model", str(root), "model", "/etc", f"{uri}/..%2f..", "file:///etc"):
        with pytest.raises(MlflowException, match="To use a local path as a model version source"):
            stock.create_model_version(name, source, run.info.run_id)
    for source in (uri, "/etc", "model"):
        with pytest.raises(MlflowException, match="the run_id request parameter has to be specified"):
            stock.create_model_version(name, source)
    answer = server.get(f"/model-versions/get-artifact?name={name}&version=1&path=MLmodel")
    assert answer.body == b"x"
    # Named strangely, it is not read, be it in the run's folder.
    server.get(f"/model-versions/get-artifact?name={name}&version=4&path=MLmodel").assert_error(400)


PATTERN = "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX"


def test_an_operator_says_how_sources_look(own_server, name):
    server = own_server(environment={PATTERN: "^(s3|gs)://good/"})
    server.api("/registered-models/create", {"name": name})
    for source, status in (("s3://good/x", 200), ("s3://bad/x", 400), ("x s3://good/", 400), ("dummy-source", 400)):
        answer = server.api("/model-versions/create", {"name": name, "source": source})
        assert answer.status == status, source
        assert status == 200 or answer.json()["message"] == f"Invalid model version source: '{source}'."


def test_a_pattern_that_is_not_understood_stops_the_start(own_server):
    with pytest.raises(AssertionError, match="no regular expression that mlferry knows"):
        own_server(environment={PATTERN: "^(?!bad)"})


def test_stages(stock, name):
    stock.create_registered_model(name)
    for _ in range(3):
        stock.create_model_version(name, "s3://bucket/x")
    stock.transition_model_version_stage(name, "1", "Production")
    moved = stock.transition_model_version_stage(name, "2", "production", archive_existing_versions=True)
    assert moved.current_stage == "Production"
    assert stock.get_model_version(name, "1").current_stage == "Archived"
    latest = {version.current_stage: version.version for version in stock.get_latest_versions(name)}
    assert latest == {"None": "3", "Production": "2", "Archived": "1"}
    assert [version.version for version in stock.get_latest_versions(name, ["Production"])] == ["2"]


def test_tags_and_descriptions(stock, name):
    stock.create_registered_model(name)
    stock.create_model_version(name, "s3://bucket/x", description="a", run_link="http://x")
    stock.set_model_version_tag(name, "1", "a", "ü")
    stock.set_model_version_tag(name, "1", "b", "x")
    stock.delete_model_version_tag(name, "1", "b")
    updated = stock.update_model_version(name, "1", "b")
    assert (updated.description, updated.tags, updated.run_link) == ("b", {"a": "ü"}, "http://x")


def test_numbers_are_not_given_again(stock, name):
    stock.create_registered_model(name)
    stock.create_model_version(name, "s3://bucket/x")
    stock.delete_model_version(name, "1")
    assert stock.create_model_version(name, "s3://bucket/x").version == "2"
    with pytest.raises(MlflowException, match="not found"):
        stock.get_model_version(name, "1")


def test_versions_made_at_once_have_numbers_of_their_own(tracking, stock, name):
    stock.create_registered_model(name)
    numbers = []

    def make() -> None:
        for _ in range(10):
            answer = tracking.api("/model-versions/create", {"name": name, "source": "s3://bucket/x"})
            numbers.append(int(answer.json()["model_version"]["version"]))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 41))
    assert len(stock.search_model_versions(f"name = '{name}'")) == 40


def test_the_run_of_a_version_may_go(stock, name, run_id):
    mlflow.register_model(f"runs:/{run_id}/model", name)
    stock.delete_run(run_id)
    assert stock.get_model_version(name, "1").run_id == run_id
    assert stock.get_registered_model(name).latest_versions[0].run_id == run_id
