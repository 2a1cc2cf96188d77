"""Logged models, through the stock client of this environment, on both databases."""

from __future__ import annotations

import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus, Metric
from mlflow.exceptions import RestException
from sklearn.linear_model import LinearRegression

from databases import kinds, options_of
from harness import run_binary, tree, use_client


@pytest.fixture(params=kinds("client"))
def models(request, own_server):
    """A server on a database of each kind."""
    return own_server(*options_of(request))


@pytest.fixture
def client(models, monkeypatch):
    """The mlflow of this process, which uses the server."""
    return use_client(monkeypatch, models.url)


def test_a_model_is_initialised_and_finalised(client):
    model = client.initialize_logged_model("agent", params={"a": "1"}, tags={"t": "x"}, model_type="agent")
    assert model.status == LoggedModelStatus.PENDING
    assert model.artifact_location.endswith(f"/models/{model.model_id}/artifacts")
    client.log_model_params({f"p{number}": str(number) for number in range(250)}, model_id=model.model_id)
    client.set_logged_model_tags(model.model_id, {"t": "y", "u": "ü"})
    client.delete_logged_model_tag(model.model_id, "t")
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    found = client.get_logged_model(model.model_id)
    assert (found.name, found.model_type, found.status) == ("agent", "agent", LoggedModelStatus.READY)
    assert found.params == {"a": "1"} | {f"p{number}": str(number) for number in range(250)}
    assert found.tags["u"] == "ü"
    assert "t" not in found.tags


def test_an_external_model_is_ready_at_once(client):
    model = client.create_external_model("elsewhere", params={"path": "s3://x"})
    assert client.get_logged_model(model.model_id).status == LoggedModelStatus.READY


def test_more_params_than_one_request_takes(client, models):
    params = {f"p{number}": "v" * 300 for number in range(1200)}
    model = client.initialize_logged_model("many", params=params)
    assert MlflowClient(models.url).get_logged_model(model.model_id).params == params


def test_models_are_found_by_what_was_logged_of_them(client):
    with client.start_run() as run:
        made = [client.initialize_logged_model(f"m{number}", params={"lr": f"0.{number}"}) for number in range(4)]
        for number, model in enumerate(made):
            client.log_metric("acc", number / 10, step=1, model_id=model.model_id)
            client.set_logged_model_tags(model.model_id, {"half": "upper" if number > 1 else "lower"})
    experiment = [run.info.experiment_id]

    def names(**search) -> list[str]:
        return [model.name for model in client.search_logged_models(experiment, output_format="list", **search)]

    assert names(filter_string="params.lr = '0.2'") == ["m2"]
    assert names(filter_string="metrics.acc >= 0.1 AND tags.half = 'lower'") == ["m1"]
    by_metric = [{"field_name": "metrics.acc", "ascending": False}]
    assert names(order_by=by_metric) == ["m3", "m2", "m1", "m0"]
    assert names(order_by=by_metric, max_results=3) == ["m3", "m2", "m1"]
    found = client.search_logged_models(experiment, filter_string="name = 'm3'", output_format="list")[0]
    assert [(metric.key, metric.value, metric.run_id) for metric in found.metrics] == [("acc", 0.3, run.info.run_id)]
    assert found.source_run_id == run.info.run_id


def test_metrics_are_told_apart_by_dataset(client, models):
    stock = MlflowClient(models.url)
    experiment = stock.create_experiment("datasets")
    run = stock.create_run(experiment).info.run_id
    one, other = (stock.create_logged_model(experiment, name=name).model_id for name in ("one", "other"))
    for model, dataset, value in ((one, "a", 0.9), (one, "b", 0.1), (other, "a", 0.5)):
        stock.log_batch(
            run,
            [Metric("acc", value, 1, 0 if dataset == "a" else 1, model, dataset_name=dataset, dataset_digest="1")],
        )

    def names(**search) -> list[str]:
        return [model.name for model in stock.search_logged_models([experiment], **search)]

    on_a, on_b = ([{"dataset_name": name, "dataset_digest": "1"}] for name in "ab")
    assert names(filter_string="metrics.acc > 0.4", datasets=on_b) == []
    assert names(filter_string="metrics.acc > 0.6", datasets=on_a) == ["one"]
    assert names(datasets=on_b) == ["one"]
    order = {"field_name": "metrics.acc", "ascending": True}
    assert names(order_by=[order]) == ["one", "other"]
    assert names(order_by=[order | {"dataset_name": "a", "dataset_digest": "1"}]) == ["other", "one"]


def test_pages_of_models(models):
    stock = MlflowClient(models.url)
    made = {stock.create_logged_model("0").model_id for _ in range(7)}
    pages, token = [], None
    while token or not pages:
        page = stock.search_logged_models(["0"], max_results=3, page_token=token)
        pages.append([model.model_id for model in page])
        token = page.token
    assert [len(page) for page in pages] == [3, 3, 1]
    assert {model for page in pages for model in page} == made


def test_runs_use_and_make_models(models):
    stock = MlflowClient(models.url)
    run = stock.create_run("0").info.run_id
    used, made = (stock.create_logged_model("0").model_id for _ in range(2))
    stock.log_inputs(run, models=[LoggedModelInput(used)])
    stock.log_outputs(run, [LoggedModelOutput(made, 5)])
    found = stock.get_run(run)
    assert [model.model_id for model in found.inputs.model_inputs] == [used]
    assert [(model.model_id, model.step) for model in found.outputs.model_outputs] == [(made, 5)]
    outputs = stock.search_runs(["0"])[0].outputs.model_outputs
    assert [model.model_id for model in outputs] == [made]


def test_a_deleted_model_is_gone_and_then_collected(models):
    stock = MlflowClient(models.url)
    model = stock.create_logged_model("0", tags={"a": "1"}, params={"b": "2"}).model_id
    stock.log_model_artifact(model, __file__)
    assert [name.split("/")[2] for name in tree(models.artifacts)] == [model]
    stock.delete_logged_model(model)
    with pytest.raises(RestException, match="not found"):
        stock.get_logged_model(model)
    assert stock.search_logged_models(["0"]) == []
    assert models.api(f"/logged-models/{model}", allow_deleted="true").status == 200
    models.stop()
    uri = dict(zip(models.arguments, models.arguments[1:], strict=False)).get(
        "--backend-store-uri", "sqlite:///mlflow.db"
    )
    done = run_binary("gc", "--backend-store-uri", uri, cwd=models.root)
    assert done.returncode == 0, done.stderr
    assert tree(models.artifacts) == {}
    models.start()
    answer = models.api(f"/logged-models/{model}", allow_deleted="true")
    answer.assert_error(404, "RESOURCE_DOES_NOT_EXIST", f"Logged model with ID '{model}' not found.")


def test_a_model_is_logged_loaded_and_predicts(client):
    trained = LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])
    with client.start_run() as run:
        logged = client.sklearn.log_model(
            trained, name="line", input_example=[[2.0]], serialization_format="cloudpickle"
        )
        client.log_metric("error", 0.0, model_id=logged.model_id)
    model = client.get_logged_model(logged.model_id)
    assert model.status == LoggedModelStatus.READY
    assert {metric.key for metric in model.metrics} == {"error"}
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert [output.model_id for output in outputs] == [logged.model_id]
    for uri in (f"models:/{logged.model_id}", f"runs:/{run.info.run_id}/line"):
        loaded = client.pyfunc.load_model(uri)
        assert loaded.predict([[5.0]]) == pytest.approx([11.0])
    files = MlflowClient().list_logged_model_artifacts(logged.model_id)
    assert "MLmodel" in {file.path for file in files}


def test_the_files_of_a_model_as_the_web_page_asks_for_them(models):
    stock = MlflowClient(models.url)
    model = stock.create_logged_model("0").model_id
    root = f"/api/2.0/mlflow-artifacts/artifacts/0/models/{model}/artifacts"
    assert models.request("PUT", f"{root}/d/a.txt", b"0123456789").status == 200
    listed = models.api(f"/logged-models/{model}/artifacts/directories", artifact_directory_path="d").json()
    assert listed["files"] == [{"path": "d/a.txt", "is_dir": False, "file_size": 10}]
    assert listed["root_uri"] == f"mlflow-artifacts:/0/models/{model}/artifacts"
    target = f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files?artifact_file_path=d/a.txt"
    whole = models.get(target)
    assert (whole.status, whole.body) == (200, b"0123456789")
    assert whole.headers["content-disposition"] == "attachment; filename=a.txt"
    part = models.request("GET", target, None, {"Range": "bytes=2-4"})
    assert (part.status, part.body) == (206, b"234")
