"""Limits of names, values, counts and numbers: under them, at them, and over them, the same on both databases."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass

import pytest

from databases import kinds, options_of
from harness import Server

LONG = "'{}' exceeds the maximum length of {} characters"
BATCH = (
    "A batch logging request can contain at most {0} {2}. Got {1} {2}. "
    "Please split up {2} across multiple requests and try again."
)
NUMBERS = itertools.count()


@pytest.fixture(scope="module", params=kinds("limits"))
def limited(request):
    """A server on each database."""
    with Server(*options_of(request)) as running:
        yield running


@pytest.fixture(scope="module")
def run_id(limited) -> str:
    return limited.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]


@dataclass(frozen=True)
class Limit:
    """What may be so long: `message` makes a request that holds a thing of a given size."""

    name: str
    most: int
    path: str
    message: object
    words: str

    def __str__(self) -> str:
        return self.name


def text(length: int, letter: str = "x") -> str:
    """A text of this length that no other request uses, in letters of more than one byte."""
    return f"{next(NUMBERS):06}".ljust(length, letter)[:length]


def of_run(**more):
    return lambda run: {"run_id": run} | more


def dataset(size: int, name: str | None, **more) -> dict:
    fields = {"name": text(20), "digest": "d", "source_type": "s", "source": "s"}
    return {"dataset": fields | ({name: text(size)} if name else {})} | more


def input_tag(key: str, value: str) -> list[dict]:
    return [{"key": key, "value": value}]


def points(count: int) -> list[dict]:
    return [{"key": "m", "value": n, "timestamp": n} for n in range(count)]


def pairs(count: int) -> list[dict]:
    return [{"key": text(20), "value": ""} for _ in range(count)]


EXPERIMENT, RUN, INPUTS = "/experiments/create", "/runs/create", "/runs/log-inputs"
LIMITS = [
    Limit("experiment name", 256, EXPERIMENT, lambda n, _: {"name": text(n, "ü")}, LONG.format("name", 256)),
    Limit("experiment name, far", 500, EXPERIMENT, lambda n, _: {"name": text(n)}, LONG.format("name", 500)),
    Limit(
        "new experiment name",
        256,
        "/experiments/update",
        lambda n, _: {"experiment_id": "0", "new_name": text(n)},
        LONG.format("name", 256),
    ),
    Limit(
        "artifact location",
        256,
        EXPERIMENT,
        lambda n, _: {"name": text(20), "artifact_location": "s3://b/".ljust(n, "x")},
        LONG.format("artifact_location", 256),
    ),
    Limit(
        "tag key of a new experiment",
        250,
        EXPERIMENT,
        lambda n, _: {"name": text(20), "tags": input_tag("k" * n, "")},
        LONG.format("key", 250),
    ),
    Limit(
        "key of an experiment tag",
        250,
        "/experiments/set-experiment-tag",
        lambda n, _: {"experiment_id": "0", "key": "k" * n, "value": ""},
        LONG.format("key", 250),
    ),
    Limit(
        "value of an experiment tag",
        20_000,
        "/experiments/set-experiment-tag",
        lambda n, _: {"experiment_id": "0", "key": "k", "value": "é" * n},
        LONG.format("value", 20_000),
    ),
    Limit(
        "custom views of a new experiment",
        50,
        EXPERIMENT,
        lambda n, _: {
            "name": text(20),
            "tags": [{"key": f"mlflow.customView.view.v1.{number}", "value": ""} for number in range(n)],
        },
        "Unable to create another custom view; the maximum number of custom views per experiment is 50. "
        "Delete an existing custom view before creating a new one.",
    ),
    Limit("run name", 250, RUN, lambda n, _: {"experiment_id": "0", "run_name": "ü" * n}, LONG.format("run_name", 250)),
    Limit("user", 256, RUN, lambda n, _: {"experiment_id": "0", "user_id": "u" * n}, LONG.format("user_id", 256)),
    Limit(
        "tag key of a new run",
        250,
        RUN,
        lambda n, _: {"experiment_id": "0", "tags": input_tag("k" * n, "")},
        LONG.format("tags[0].key", 250),
    ),
    Limit(
        "new run name",
        250,
        "/runs/update",
        lambda n, run: {"run_id": run, "run_name": "x" * n},
        LONG.format("run_name", 250),
    ),
    Limit(
        "run name in a tag",
        250,
        "/runs/set-tag",
        lambda n, run: {"run_id": run, "key": "mlflow.runName", "value": "x" * n},
        LONG.format("value", 250),
    ),
    Limit(
        "metric name",
        250,
        "/runs/log-metric",
        lambda n, run: {"run_id": run, "key": "m" * n, "value": 1, "timestamp": 1},
        LONG.format("Metric name", 250),
    ),
    Limit(
        "param key",
        250,
        "/runs/log-parameter",
        lambda n, run: {"run_id": run, "key": "p" * n, "value": ""},
        LONG.format("Param key", 250),
    ),
    Limit("tag key", 250, "/runs/set-tag", lambda n, run: {"run_id": run, "key": "k" * n}, LONG.format("key", 250)),
    Limit(
        "tag key in a batch",
        250,
        "/runs/log-batch",
        lambda n, run: {"run_id": run, "tags": input_tag("k" * n, "")},
        LONG.format("tags[0].key", 250),
    ),
    Limit(
        "metrics",
        1000,
        "/runs/log-batch",
        lambda n, run: {"run_id": run, "metrics": points(n)},
        BATCH.format(1000, 1001, "metrics"),
    ),
    Limit(
        "params",
        100,
        "/runs/log-batch",
        lambda n, run: {"run_id": run, "params": pairs(n)},
        BATCH.format(100, 101, "params"),
    ),
    Limit(
        "tags",
        100,
        "/runs/log-batch",
        lambda n, run: {"run_id": run, "tags": pairs(n)},
        BATCH.format(100, 101, "tags"),
    ),
    Limit(
        "a batch",
        1000,
        "/runs/log-batch",
        lambda n, run: {"run_id": run, "metrics": points(n - 2), "params": pairs(1), "tags": pairs(1)},
        BATCH.format(1000, 1001, "metrics, params, and tags"),
    ),
    *(
        Limit(
            f"dataset {name}",
            most,
            INPUTS,
            lambda n, run, name=name: {"run_id": run, "datasets": [dataset(n, name)]},
            LONG.format(name, most),
        )
        for name, most in {
            "name": 500,
            "digest": 36,
            "source_type": 36,
            "source": 65_535,
            "schema": 1_048_575,
            "profile": 16_777_215,
        }.items()
    ),
    Limit(
        "key of an input tag",
        255,
        INPUTS,
        lambda n, run: {"run_id": run, "datasets": [dataset(0, None, tags=input_tag("k" * n, ""))]},
        LONG.format("key", 255),
    ),
    Limit(
        "value of an input tag",
        500,
        INPUTS,
        lambda n, run: {"run_id": run, "datasets": [dataset(0, None, tags=input_tag("k", "v" * n))]},
        LONG.format("value", 500),
    ),
    Limit(
        "datasets",
        1000,
        INPUTS,
        lambda n, run: {"run_id": run, "datasets": [dataset(0, None) for _ in range(n)]},
        BATCH.format(1000, 1001, "datasets"),
    ),
    Limit(
        "model id in inputs",
        36,
        INPUTS,
        lambda n, run: {"run_id": run, "models": [{"model_id": text(n)}]},
        LONG.format("model_id", 36),
    ),
    Limit(
        "model id in outputs",
        36,
        "/runs/outputs",
        lambda n, run: {"run_id": run, "models": [{"model_id": text(n), "step": 0}]},
        LONG.format("model_id", 36),
    ),
    Limit(
        "dataset name of a metric",
        500,
        "/runs/log-metric",
        lambda n, run: {
            "run_id": run,
            "key": "d",
            "value": 1,
            "timestamp": 1,
            "dataset_name": "d" * n,
            "dataset_digest": "g",
        },
        LONG.format("dataset_name", 500),
    ),
    Limit(
        "dataset digest of a metric",
        36,
        "/runs/log-metric",
        lambda n, run: {
            "run_id": run,
            "key": "d",
            "value": 1,
            "timestamp": 1,
            "dataset_name": "d",
            "dataset_digest": "g" * n,
        },
        LONG.format("dataset_digest", 36),
    ),
    Limit(
        "runs in a page",
        50_000,
        "/runs/search",
        lambda n, _: {"experiment_ids": ["999"], "max_results": n},
        "Invalid value 50001 for parameter 'max_results' supplied:  Hint: Value was of type 'int'. "
        "See the API docs for more information about request parameters.",
    ),
    Limit(
        "experiments in a page",
        50_000,
        "/experiments/search",
        lambda n, _: {"max_results": n},
        "Invalid value 50001 for parameter 'max_results' supplied. It must be at most 50000",
    ),
]


@pytest.mark.parametrize("limit", LIMITS, ids=str)
def test_under_at_and_over_a_limit(limited, run_id, limit):
    for size in (limit.most - 1, limit.most):
        answer = limited.api(limit.path, limit.message(size, run_id))
        # The reference's own limit of 500 lies behind the width of the column.
        if limit.name == "experiment name, far":
            answer.assert_error(400, "INVALID_PARAMETER_VALUE", LONG.format("name", 256))
        else:
            assert answer.status == 200, answer.body[:300]
    over = limited.api(limit.path, limit.message(limit.most + 1, run_id))
    over.assert_error(400, "INVALID_PARAMETER_VALUE", limit.words)


def test_the_49th_and_50th_custom_view_are_set_and_the_51st_is_not(limited):
    def set_view(number: int, value: str = ""):
        key = f"mlflow.customView.view.v1.{number}"
        message = {"experiment_id": experiment, "key": key, "value": value}
        return limited.api("/experiments/set-experiment-tag", message)

    views = [{"key": f"mlflow.customView.view.v1.{number}", "value": ""} for number in range(48)]
    experiment = limited.api("/experiments/create", {"name": text(20), "tags": views}).json()["experiment_id"]
    assert [set_view(number).status for number in (48, 49)] == [200, 200]
    set_view(50).assert_error(
        400,
        "INVALID_PARAMETER_VALUE",
        f"Unable to create another custom view for experiment {experiment}; the maximum number of custom views per "
        "experiment is 50. Delete an existing custom view before creating a new one.",
    )
    assert set_view(49, "changed").status == 200
    other = {"experiment_id": experiment, "key": "other", "value": ""}
    assert limited.api("/experiments/set-experiment-tag", other).status == 200
    deleted = {"experiment_id": experiment, "key": "mlflow.customView.view.v1.0"}
    assert limited.api("/experiments/delete-experiment-tag", deleted).status == 200
    assert set_view(50).status == 200


def test_long_values_of_params_and_tags_are_cut(limited, run_id):
    for number, (length, kept) in enumerate(((5999, 5999), (6000, 6000), (6001, 6000))):
        message = {"run_id": run_id, "key": f"cut{number}", "value": "é" * length}
        assert limited.api("/runs/log-parameter", message).status == 200
        params = limited.api("/runs/get", run_id=run_id).json()["run"]["data"]["params"]
        assert {param["key"]: len(param["value"]) for param in params}[f"cut{number}"] == kept
    for length, kept in ((7999, 7999), (8000, 8000), (8001, 8000)):
        message = {"run_id": run_id, "key": "cut", "value": "é" * length}
        assert limited.api("/runs/set-tag", message).status == 200
        tags = limited.api("/runs/get", run_id=run_id).json()["run"]["data"]["tags"]
        assert {tag["key"]: len(tag["value"]) for tag in tags}["cut"] == kept


@pytest.mark.parametrize("spelling", ["false", "FALSE", "0"])
def test_long_values_are_refused_where_the_operator_wants_it(own_server, spelling):
    server = own_server(environment={"MLFLOW_TRUNCATE_LONG_VALUES": spelling})
    run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    for path, message, words in (
        ("/runs/log-parameter", {"key": "p", "value": "x" * 6001}, LONG.format("Param value", 6000)),
        ("/runs/set-tag", {"key": "t", "value": "x" * 8001}, LONG.format("value", 8000)),
        ("/runs/log-batch", {"params": input_tag("p", "x" * 6001)}, LONG.format("Param value", 6000)),
        ("/runs/log-batch", {"tags": input_tag("t", "x" * 8001)}, LONG.format("tags[0].value", 8000)),
    ):
        refused = server.api(path, {"run_id": run} | message)
        refused.assert_error(400, "INVALID_PARAMETER_VALUE", words)
    for path, message in (
        ("/runs/log-parameter", {"key": "p", "value": "x" * 6000}),
        ("/runs/set-tag", {"key": "t", "value": "x" * 8000}),
    ):
        assert server.api(path, {"run_id": run} | message).status == 200


def test_another_word_for_long_values_stops_the_start(own_server):
    with pytest.raises(AssertionError, match="MLFLOW_TRUNCATE_LONG_VALUES is 'maybe'"):
        own_server(environment={"MLFLOW_TRUNCATE_LONG_VALUES": "maybe"})


IDS = [
    ("2147483647", "2147483647"),
    ("2147483648", "2147483648"),
    ("9223372036854775807", "9223372036854775807"),
    ("9223372036854775808", "9223372036854775808"),
    ("99999999999999999999999", "99999999999999999999999"),
    ("-99999999999999999999999", "-99999999999999999999999"),
    ("+0099999999999999999999", "99999999999999999999"),
]


@pytest.mark.parametrize(("given", "shown"), IDS)
def test_no_experiment_has_an_id_of_more_than_32_or_64_bits(limited, given, shown):
    words = f"No Experiment with id={shown} exists"
    limited.api("/experiments/get", experiment_id=given).assert_error(404, "RESOURCE_DOES_NOT_EXIST", words)
    for path, more in (
        ("/experiments/update", {"new_name": "x"}),
        ("/experiments/delete", {}),
        ("/experiments/restore", {}),
        ("/experiments/set-experiment-tag", {"key": "k", "value": "v"}),
        ("/experiments/delete-experiment-tag", {"key": "k"}),
        ("/runs/create", {}),
    ):
        answer = limited.api(path, {"experiment_id": given} | more)
        answer.assert_error(404, "RESOURCE_DOES_NOT_EXIST", words)
    found = limited.api("/runs/search", {"experiment_ids": [given]})
    assert (found.status, found.json()) == (200, {})
    found = limited.api("/logged-models/search", {"experiment_ids": [given]})
    assert (found.status, found.json()) == (200, {})


@pytest.mark.parametrize("value", ["9223372036854775808", 9223372036854775808, 1e300, "-9223372036854775809", 1.5])
def test_integers_beyond_64_bits_are_refused(limited, run_id, value):
    for path, message in (
        ("/runs/log-metric", {"run_id": run_id, "key": "i", "value": 1, "timestamp": 1, "step": value}),
        ("/runs/log-metric", {"run_id": run_id, "key": "i", "value": 1, "timestamp": value}),
        ("/runs/create", {"experiment_id": "0", "start_time": value}),
        ("/runs/update", {"run_id": run_id, "end_time": value}),
        ("/runs/outputs", {"run_id": run_id, "models": [{"model_id": "m", "step": value}]}),
    ):
        limited.api(path, message).assert_error(400, "INVALID_PARAMETER_VALUE")


def test_the_ends_of_64_bits_are_kept(limited, run_id):
    for step in (-(2**63), 2**63 - 1):
        message = {"run_id": run_id, "key": "ends", "value": 1, "timestamp": 2**63 - 1, "step": step}
        assert limited.api("/runs/log-metric", message).status == 200
    metrics = limited.api("/metrics/get-history", run_id=run_id, metric_key="ends").json()["metrics"]
    assert {(metric["step"], metric["timestamp"]) for metric in metrics} == {
        (-(2**63), 2**63 - 1),
        (2**63 - 1, 2**63 - 1),
    }


def test_texts_that_a_database_cannot_keep_are_refused(limited, run_id):
    for path, message in (
        ("/experiments/create", {"name": "a\0b"}),
        ("/experiments/create", {"name": text(20), "artifact_location": "s3://b/\0"}),
        ("/experiments/set-experiment-tag", {"experiment_id": "0", "key": "k", "value": "\0"}),
        ("/experiments/delete-experiment-tag", {"experiment_id": "0", "key": "\0"}),
        ("/runs/create", {"experiment_id": "0", "run_name": "\0"}),
        ("/runs/create", {"experiment_id": "0", "user_id": "\0"}),
        ("/runs/create", {"experiment_id": "0", "tags": input_tag("\0", "")}),
        ("/runs/set-tag", {"run_id": run_id, "key": "k", "value": "\0"}),
        ("/runs/log-parameter", {"run_id": run_id, "key": "k", "value": "\0"}),
        ("/runs/log-metric", {"run_id": run_id, "key": "\0", "value": 1, "timestamp": 1}),
        ("/runs/log-inputs", {"run_id": run_id, "datasets": [dataset(0, None, tags=input_tag("k", "\0"))]}),
        ("/runs/outputs", {"run_id": run_id, "models": [{"model_id": "\0"}]}),
        ("/runs/log-model", {"run_id": run_id, "model_json": "\0"}),
        ("/runs/search", {"experiment_ids": ["0"], "filter": "params.a = '\0'"}),
    ):
        limited.api(path, message).assert_error(400, "INVALID_PARAMETER_VALUE")
    limited.api("/runs/get", run_id="a\0").assert_error(400, "INVALID_PARAMETER_VALUE")
    limited.get("/get-artifact?run_id=a%00b&path=x").assert_error(400, "INVALID_PARAMETER_VALUE")
    half = json.dumps({"run_id": run_id, "key": "k", "value": "\ud800"})
    answer = limited.request("POST", "/api/2.0/mlflow/runs/set-tag", half, {"Content-Type": "application/json"})
    answer.assert_error(400, "INVALID_PARAMETER_VALUE")


def test_a_run_whose_artifact_uri_is_too_wide_is_refused(limited):
    """A run's URI is its experiment's location and 43 characters."""
    for length, status in ((156, 200), (157, 200), (158, 400)):
        message = {"name": text(20), "artifact_location": "s3://b/".ljust(length, "x")}
        experiment = limited.api("/experiments/create", message).json()["experiment_id"]
        run = limited.api("/runs/create", {"experiment_id": experiment})
        assert run.status == status, run.body
    run.assert_error(400, "INVALID_PARAMETER_VALUE")
    assert "which has 201 characters; the database keeps 200" in run.message


def test_a_long_root_of_the_operator_is_fine_on_sqlite(own_server):
    root = "s3://bucket/" + "x" * 300
    server = own_server("--default-artifact-root", root, "--no-serve-artifacts")
    experiment = server.api("/experiments/create", {"name": "long"}).json()["experiment_id"]
    run = server.api("/runs/create", {"experiment_id": experiment})
    assert run.json()["run"]["info"]["artifact_uri"].startswith(f"{root}/{experiment}/")


@pytest.mark.xdist_group("limits postgres")
def test_a_long_root_is_told_of_on_postgres(own_server, postgres):
    uri = str(postgres.create_database())
    root = "s3://bucket/".ljust(158, "x")
    server = own_server("--backend-store-uri", uri, "--default-artifact-root", root, "--no-serve-artifacts")
    refused = server.api("/runs/create", {"experiment_id": "0"})
    refused.assert_error(400, "INVALID_PARAMETER_VALUE")
    assert "the database keeps 200" in refused.message
    server.stop()
    root = "s3://bucket/".ljust(255, "x")
    server = own_server("--backend-store-uri", uri, "--default-artifact-root", root, "--no-serve-artifacts")
    refused = server.api("/experiments/create", {"name": "long"})
    refused.assert_error(400, "INVALID_PARAMETER_VALUE")
    assert "which has 257 characters; the database keeps 256" in refused.message
    assert server.api("/experiments/get-by-name", experiment_name="long").status == 404
