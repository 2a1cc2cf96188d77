"""Which datasets the runs of experiments use, and what for."""

from __future__ import annotations

import json
import uuid

import pytest

PATH = "/ajax-api/2.0/mlflow/experiments/search-datasets"


def search(server, *experiments: str):
    body = json.dumps({"experiment_ids": list(experiments)})
    return server.request("POST", PATH, body, {"Content-Type": "application/json"})


@pytest.fixture
def experiment(server) -> str:
    return server.api("/experiments/create", {"name": uuid.uuid4().hex}).json()["experiment_id"]


def use(server, experiment: str, name: str, context: str | None = None) -> str:
    run = server.api("/runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
    tags = [{"key": "mlflow.data.context", "value": context}] if context else []
    dataset = {"name": name, "digest": "1", "source_type": "local", "source": "x"}
    message = {"run_id": run, "datasets": [{"dataset": dataset, "tags": tags}]}
    assert server.api("/runs/log-inputs", message).status == 200
    return run


def test_a_dataset_comes_once_for_each_context(server, experiment):
    assert search(server, experiment).json() == {}
    for context in ("train", "eval", "train"):
        use(server, experiment, "b", context)
    use(server, experiment, "a")
    deleted = use(server, experiment, "c")
    assert server.api("/runs/delete", {"run_id": deleted}).status == 200

    def summary(name: str, **context) -> dict:
        return {"experiment_id": experiment, "name": name, "digest": "1"} | context

    found = search(server, experiment, experiment, "99999999999999999999")
    assert found.json()["dataset_summaries"] == [
        summary("a"),
        summary("b", context="eval"),
        summary("b", context="train"),
        summary("c"),
    ]


def test_at_most_1000_datasets_are_told_of(server, experiment):
    run = server.api("/runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
    for start in (0, 500, 1000):
        datasets = [
            {"dataset": {"name": f"d{number}", "digest": "1", "source_type": "s", "source": "x"}}
            for number in range(start, start + 500)
        ]
        assert server.api("/runs/log-inputs", {"run_id": run, "datasets": datasets}).status == 200
    assert len(search(server, experiment).json()["dataset_summaries"]) == 1000


def test_a_search_names_1_to_20_experiments(server):
    for count in (19, 20):
        assert search(server, *["987654"] * count).json() == {}
    words = "SearchDatasets request cannot specify more than 20 experiment_ids. Received 21 experiment_ids."
    search(server, *["1"] * 21).assert_error(400, "INVALID_PARAMETER_VALUE", words)
    words = "SearchDatasets request must specify at least one experiment_id."
    search(server).assert_error(400, "INVALID_PARAMETER_VALUE", words)
    words = "Invalid experiment ID 'abc'. Experiment ID must be a valid integer."
    search(server, "abc").assert_error(400, "INVALID_PARAMETER_VALUE", words)
    assert server.api("/experiments/search-datasets", {"experiment_ids": ["0"]}).status == 404
