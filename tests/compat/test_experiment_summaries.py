"""What the page's list of experiments tells of each: how many runs, when the last one went on, what the files weigh."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from databases import kinds, options_of
from harness import Server

OWN = "/ajax-api/3.0/mlferry/experiments"


@pytest.fixture(scope="module", params=kinds("summaries"))
def server(request) -> Iterator[Server]:
    """A server on each database."""
    with Server(*options_of(request)) as running:
        yield running


def new_experiment(server: Server, **fields: str) -> str:
    name = f"summarized {time.monotonic_ns()}"
    return server.api("/experiments/create", {"name": name} | fields).json()["experiment_id"]


def new_run(server: Server, experiment: str, start_time: int) -> dict:
    message = {"experiment_id": experiment, "start_time": start_time}
    return server.api("/runs/create", message).json()["run"]["info"]


def test_runs_are_counted_but_for_deleted_ones(server):
    busy, empty = new_experiment(server), new_experiment(server)
    runs = [new_run(server, busy, start_time)["run_id"] for start_time in (1000, 3000, 2000)]
    server.api("/runs/update", {"run_id": runs[2], "status": "FINISHED", "end_time": 5000})
    new_gone = new_run(server, busy, 9000)["run_id"]
    server.api("/runs/delete", {"run_id": new_gone})
    told = server.get(f"{OWN}/summaries?experiment_ids={busy}&experiment_ids={empty}").json()
    assert told == {"experiments": [{"experiment_id": busy, "runs": 3, "last_activity_time": 5000}]}


def test_an_experiment_weighs_what_its_files_do(server):
    experiment = new_experiment(server)
    for size in (3, 4000):
        root = new_run(server, experiment, 1)["artifact_uri"].removeprefix("mlflow-artifacts:/")
        assert server.put(f"{root}/a/b.bin", bytes(size)).status == 200
    told = server.get(f"{OWN}/weight?experiment_id={experiment}").json()
    assert told == {"files": 2, "bytes": 4003, "is_complete": True}


@pytest.mark.parametrize("target", ["summaries", "summaries?experiment_ids=x", "weight", "weight?experiment_id=x"])
def test_what_names_no_experiment_is_refused(server, target):
    server.get(f"{OWN}/{target}").assert_error(400, "INVALID_PARAMETER_VALUE")


def test_an_experiment_that_is_not_there_weighs_nothing(server):
    server.get(f"{OWN}/weight?experiment_id=999999999").assert_error(404, "RESOURCE_DOES_NOT_EXIST")
