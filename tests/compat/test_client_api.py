"""The stock client on both databases: fluent API, MlflowClient, autologging with scikit-learn, and search to pandas."""

from __future__ import annotations

import math
import uuid

import mlflow.data
import numpy
import pandas
import pytest
from mlflow import MlflowClient, MlflowException
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV


@pytest.fixture
def experiment_id(stock) -> str:
    return stock.create_experiment(f"experiment {uuid.uuid4().hex}")


def test_fluent_logging(fluent, stock):
    with fluent.start_run(run_name="outer", tags={"a": "1"}, description="# note") as outer:
        fluent.log_param("lr", 0.1)
        fluent.log_params({"depth": 3, "name": "größe"})
        fluent.log_metric("loss", 0.5)
        fluent.log_metrics({"loss": 0.25, "acc": 0.75}, step=1)
        fluent.set_tag("b", 2)
        fluent.set_tags({"c": "x y", "mlflow.custom": "yes"})
        fluent.log_text("hello", "notes/a.txt")
        fluent.log_dict({"a": [1]}, "d.json")
        with fluent.start_run(nested=True, run_name="inner") as inner:
            fluent.log_metric("inner", 1)
    run = fluent.get_run(outer.info.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "outer"
    assert run.data.params == {"lr": "0.1", "depth": "3", "name": "größe"}
    assert run.data.metrics == {"loss": 0.25, "acc": 0.75}
    assert run.data.tags.items() >= {"a": "1", "b": "2", "c": "x y", "mlflow.note.content": "# note"}.items()
    assert fluent.get_run(inner.info.run_id).data.tags["mlflow.parentRunId"] == outer.info.run_id
    assert [point.value for point in stock.get_metric_history(outer.info.run_id, "loss")] == [0.5, 0.25]
    assert fluent.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == "hello"
    assert fluent.artifacts.load_dict(f"{run.info.artifact_uri}/d.json") == {"a": [1]}
    assert fluent.last_active_run().info.run_id == outer.info.run_id


def test_a_failed_run_and_a_resumed_one(fluent):
    with pytest.raises(ZeroDivisionError), fluent.start_run() as run:
        raise ZeroDivisionError
    assert fluent.get_run(run.info.run_id).info.status == "FAILED"
    with fluent.start_run(run_id=run.info.run_id):
        fluent.log_metric("again", 1)
    assert fluent.get_run(run.info.run_id).info.status == "FINISHED"
    fluent.delete_run(run.info.run_id)
    assert fluent.get_run(run.info.run_id).info.lifecycle_stage == "deleted"


def test_fluent_experiments(fluent):
    name = f"fluent {uuid.uuid4().hex}"
    experiment_id = fluent.create_experiment(name, tags={"team": "x"})
    fluent.set_experiment_tag("other", "current")
    assert fluent.get_experiment_by_name(name).experiment_id == experiment_id
    assert fluent.get_experiment(experiment_id).tags == {"team": "x"}
    assert fluent.set_experiment(name).experiment_id == experiment_id
    fluent.set_experiment_tags({"a": "1", "b": "2"})
    assert fluent.get_experiment(experiment_id).tags == {"team": "x", "a": "1", "b": "2"}
    fluent.delete_experiment_tag("a")
    found = fluent.search_experiments(filter_string=f"name = '{name}' AND tags.team = 'x'")
    assert [experiment.experiment_id for experiment in found] == [experiment_id]
    fluent.delete_experiment(experiment_id)
    assert fluent.get_experiment(experiment_id).lifecycle_stage == "deleted"
    with pytest.raises(MlflowException, match="deleted experiment"):
        fluent.set_experiment(name)


def test_experiments_by_client(stock, experiment_id):
    stock.set_experiment_tag(experiment_id, "a", "1")
    stock.rename_experiment(experiment_id, f"renamed {experiment_id}")
    experiment = stock.get_experiment(experiment_id)
    assert (experiment.name, experiment.tags) == (f"renamed {experiment_id}", {"a": "1"})
    assert experiment.last_update_time >= experiment.creation_time
    stock.delete_experiment_tag(experiment_id, "a")
    stock.delete_experiment(experiment_id)
    deleted = stock.search_experiments(ViewType.DELETED_ONLY)
    assert experiment_id in {experiment.experiment_id for experiment in deleted}
    stock.restore_experiment(experiment_id)
    assert stock.get_experiment(experiment_id).lifecycle_stage == "active"
    assert stock.get_experiment_by_name("nothing like it") is None
    with pytest.raises(MlflowException, match="already exists"):
        stock.create_experiment(f"renamed {experiment_id}")


def test_runs_by_client(stock, experiment_id):
    run = stock.create_run(experiment_id, start_time=5, tags={"t": "1"}, run_name="r")
    run_id = run.info.run_id
    stock.log_metric(run_id, "m", 1.5, timestamp=10, step=3)
    stock.log_param(run_id, "p", "v")
    stock.set_tag(run_id, "t", "2")
    stock.set_tag(run_id, "gone", "x")
    stock.delete_tag(run_id, "gone")
    stock.update_run(run_id, status="SCHEDULED", name="renamed")
    stock.log_batch(run_id, [Metric("n", 2.0, 1, 0)], [Param("q", "w")], [RunTag("u", "z")])
    stock.set_terminated(run_id, "KILLED", end_time=99)
    run = stock.get_run(run_id)
    assert (run.info.start_time, run.info.end_time, run.info.status, run.info.run_name) == (5, 99, "KILLED", "renamed")
    assert (run.data.metrics, run.data.params) == ({"m": 1.5, "n": 2.0}, {"p": "v", "q": "w"})
    assert run.data.tags == {"t": "2", "u": "z", "mlflow.runName": "renamed"}
    assert RunStatus.is_terminated(RunStatus.from_string(run.info.status))
    stock.delete_run(run_id)
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        stock.log_metric(run_id, "m", 2)
    stock.restore_run(run_id)
    with pytest.raises(MlflowException, match="Changing param values is not allowed"):
        stock.log_param(run_id, "p", "other")
    with pytest.raises(MlflowException, match="not found"):
        stock.get_run("0" * 32)


def test_batches_larger_than_a_request_are_split_by_the_client(fluent):
    with fluent.start_run() as run:
        fluent.log_params({f"p{number}": number for number in range(250)})
        fluent.log_metrics({f"m{number}": number for number in range(2500)})
        fluent.set_tags({f"t{number}": number for number in range(250)})
    data = fluent.get_run(run.info.run_id).data
    assert (len(data.params), len(data.metrics)) == (250, 2500)
    assert sum(key.startswith("t") for key in data.tags) == 250


def test_a_long_history_is_read_in_pages(stock, experiment_id):
    run_id = stock.create_run(experiment_id).info.run_id
    for start in range(0, 27_000, 1000):
        stock.log_batch(run_id, [Metric("m", step / 3, step, step) for step in range(start, start + 1000)])
    history = stock.get_metric_history(run_id, "m")
    assert [(point.value, point.step) for point in history] == [(step / 3, step) for step in range(27_000)]


def test_odd_numbers(stock, experiment_id):
    run_id = stock.create_run(experiment_id).info.run_id
    values = {"nan": math.nan, "inf": math.inf, "minus": -math.inf, "small": 5e-324, "numpy": numpy.float32(0.5)}
    for key, value in values.items():
        stock.log_metric(run_id, key, value)
    metrics = stock.get_run(run_id).data.metrics
    largest = 1.7976931348623157e308
    assert math.isnan(metrics.pop("nan"))
    assert metrics == {"inf": largest, "minus": -largest, "small": 5e-324, "numpy": 0.5}


def test_asynchronous_logging(fluent):
    with fluent.start_run() as run:
        futures = [fluent.log_metric("m", step, step=step, synchronous=False) for step in range(50)]
        fluent.log_params({"a": 1}, synchronous=False).wait()
        for future in futures:
            future.wait()
    assert len(MlflowClient().get_metric_history(run.info.run_id, "m")) == 50
    assert fluent.get_run(run.info.run_id).data.params == {"a": "1"}


def test_datasets(fluent):
    frame = pandas.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, None]})
    dataset = mlflow.data.from_pandas(frame, source="data.csv", name="frame")
    array = mlflow.data.from_numpy(numpy.zeros((3, 2)), name="array")
    with fluent.start_run() as run:
        fluent.log_input(dataset, context="training", tags={"x": "y"})
        fluent.log_input(array, context="eval")
        fluent.log_input(dataset, context="training")
    inputs = {entry.dataset.name: entry for entry in fluent.get_run(run.info.run_id).inputs.dataset_inputs}
    assert set(inputs) == {"frame", "array"}
    assert {tag.key: tag.value for tag in inputs["frame"].tags}["mlflow.data.context"] == "training"
    logged = inputs["frame"].dataset
    assert logged.digest == dataset.digest
    assert logged.source_type == "local"
    assert '"num_rows": 3' in logged.profile


def test_autologging_with_scikit_learn(fluent):
    fluent.sklearn.autolog(log_models=False)
    try:
        features, classes = load_iris(return_X_y=True, as_frame=True)
        with fluent.start_run() as run:
            model = LogisticRegression(max_iter=200, C=0.5).fit(features, classes)
            model.score(features, classes)
        data = fluent.get_run(run.info.run_id).data
        assert data.params.items() >= {"C": "0.5", "max_iter": "200", "solver": "lbfgs"}.items()
        assert data.metrics["training_accuracy_score"] > 0.9
        assert data.metrics["LogisticRegression_score_features"] > 0.9
        assert data.tags["estimator_name"] == "LogisticRegression"
        inputs = fluent.get_run(run.info.run_id).inputs.dataset_inputs
        assert [tag.value for entry in inputs for tag in entry.tags if tag.key == "mlflow.data.context"] == ["train"]
        names = {file.path for file in MlflowClient().list_artifacts(run.info.run_id)}
        assert "training_confusion_matrix.png" in names

        with fluent.start_run() as parent:
            GridSearchCV(LogisticRegression(max_iter=300), {"C": [0.1, 1.0, 10.0]}, cv=2).fit(features, classes)
        children = fluent.search_runs(filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
        assert sorted(children["params.C"]) == ["0.1", "1.0", "10.0"]
        assert "best_C" in fluent.get_run(parent.info.run_id).data.params
    finally:
        fluent.sklearn.autolog(disable=True)


@pytest.fixture
def logged(fluent) -> str:
    """Thirty runs in an experiment: the i-th has `m` = i, and every third a tag and a param."""
    experiment = fluent.set_experiment(f"searched {uuid.uuid4().hex}")
    for number in range(30):
        with fluent.start_run(run_name=f"run {number:02}"):
            fluent.log_metric("m", number)
            if number % 3 == 0:
                fluent.log_param("third", str(number))
                fluent.set_tag("kind", "ä'b" if number % 2 else 'quoted "x"')
    return experiment.experiment_id


def test_search_to_pandas(fluent, logged):
    frame = fluent.search_runs([logged], order_by=["metrics.m ASC"])
    assert list(frame["metrics.m"]) == [float(number) for number in range(30)]
    assert frame["params.third"].notna().sum() == 10
    assert list(frame["tags.mlflow.runName"]) == [f"run {number:02}" for number in range(30)]
    assert (frame["status"] == "FINISHED").all()
    assert str(frame["start_time"].dtype).startswith("datetime64")
    filtered = fluent.search_runs([logged], "metrics.m >= 10 and params.third LIKE '1%'", order_by=["metrics.m DESC"])
    assert list(filtered["metrics.m"]) == [18.0, 15.0, 12.0]
    tagged = fluent.search_runs([logged], 'tags.kind = "ä\'b"', output_format="list")
    assert {run.data.metrics["m"] % 6 for run in tagged} == {3.0}
    named = fluent.search_runs(search_all_experiments=True, filter_string="attributes.run_name = 'run 07'")
    assert 7.0 in set(named["metrics.m"])
    assert len(fluent.search_runs([logged], max_results=7)) == 7
    assert fluent.search_runs([logged], "params.nothing = 'x'").empty


def test_search_in_pages(stock, logged):
    seen, token = [], None
    while True:
        page = stock.search_runs([logged], order_by=["metrics.m DESC"], max_results=8, page_token=token)
        seen += [run.data.metrics["m"] for run in page]
        token = page.token
        if not token:
            break
    assert seen == [float(number) for number in reversed(range(30))]
    with pytest.raises(MlflowException, match="Invalid"):
        stock.search_runs([logged], "metrics.m >")


def test_search_of_experiments(stock):
    prefix = uuid.uuid4().hex
    for number in range(12):
        stock.create_experiment(f"{prefix} {number:02}", tags={"even": str(number % 2 == 0)})
    mine = f"name LIKE '{prefix}%'"
    found = stock.search_experiments(filter_string=f"{mine} AND tags.even = 'True'", order_by=["name DESC"])
    assert [experiment.name[-2:] for experiment in found] == ["10", "08", "06", "04", "02", "00"]
    page = stock.search_experiments(filter_string=mine, max_results=5, order_by=["name ASC"])
    rest = stock.search_experiments(filter_string=mine, max_results=50, order_by=["name ASC"], page_token=page.token)
    assert [experiment.name[-2:] for experiment in [*page, *rest]] == [f"{number:02}" for number in range(12)]
