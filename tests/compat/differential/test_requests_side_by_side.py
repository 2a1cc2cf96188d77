"""How requests are read: content types, bodies, queries, spellings, twins; beside the reference."""

from __future__ import annotations

import pytest

from pairs import FAILS, NOT_STORED, Call, Difference, case, get, post, raw

CREATE = "experiments/create"
TYPES = {
    "none": None,
    "of a form": "application/x-www-form-urlencoded",
    "of a text": "text/plain",
    "with a charset": "application/json; charset=utf-8",
    "in capitals": "Application/JSON",
    "with a blank": "application/json ;x",
    "of JSON lines": "application/jsonlines",
    "empty": "",
}
MALFORMED = {
    "cut": '{"name": "$name"',
    "with a comma too many": '{"name": "$name",}',
    "with single quotes": "{'name': '$name'}",
    "of words": "hello",
    "with a comment": '{"name": "$name"} // x',
    "with two values": '{"name": "$name"}{}',
}
ODD = {
    "empty": "",
    "null": "null",
    "an empty object": "{}",
    "a text with JSON": '"{\\"name\\": \\"$name\\"}"',
    "a key twice": '{"name": "$name x", "name": "$name"}',
    "blanks around": ' \n {"name": "$name"} \n ',
    "an escaped surrogate pair": '{"name": "$name \\ud83d\\ude80"}',
    "deep": '{"name": "$name", "x": ' + "[" * 100 + "]" * 100 + "}",
}
BODIES = [
    *(case(f"content type {what}", raw(CREATE, '{"name": "$name"}', kind)) for what, kind in TYPES.items()),
    *(case(f"body {what}", raw(CREATE, body)) for what, body in ODD.items()),
    *(case(f"malformed body {what}", raw(CREATE, body).in_other_words()) for what, body in MALFORMED.items()),
    case("body a list", raw(CREATE, "[]").differs(FAILS)),
    case("body a number", raw(CREATE, "5").differs(FAILS)),
    case("query of a POST", Call("POST", CREATE, {}, {"name": "$name"})),
    case("query and body of a POST", Call("POST", CREATE, {"name": "$name"}, {"name": "other"})),
    case("body of a GET", Call("GET", "experiments/get", {"experiment_id": "0"})),
    case("body and query of a GET", Call("GET", "experiments/get", {"experiment_id": "0"}, {"experiment_id": "999"})),
    case("body of a GET with another query", Call("GET", "experiments/get", {"experiment_id": "0"}, {"x": "y"})),
    case("a value twice in a query", get("experiments/get", experiment_id=["0", "999"])),
    case("camel case in a query", get("experiments/get", experimentId="0")),
    case(
        "camel case in a body",
        post("experiments/delete", experimentId="$experiment").differs(
            Difference(
                "required fields in camelCase, and `run_uuid` where only `run_id` is declared",
                (400, "INVALID_PARAMETER_VALUE"),
                (200, None),
            )
        ),
    ),
    case("body with a byte order mark", raw(CREATE, '\ufeff{"name": "$name"}').differs(NOT_STORED)),
    case("both spellings", post("runs/log-metric", run_id="$run", runId="$run", key="a", value=1, timestamp=1)),
    case(
        "both spellings below",
        post(
            "runs/log-batch",
            run_id="$run",
            metrics=[{"key": "a", "value": 1, "timestamp": 1, "model_id": "x", "modelId": "y"}],
        ),
    ),
    case("NaN as a literal in an unknown field", raw(CREATE, '{"x": NaN, "name": "$name"}').differs(NOT_STORED)),
]
METHODS = [
    case(f"{method} {path}", Call(method, path).in_other_words())
    for path in ("experiments/create", "experiments/get", "runs/search", "runs/get", "metrics/get-history")
    for method in ("GET", "PUT", "DELETE", "PATCH", "POST")
    if (method, path)
    not in {
        ("GET", "experiments/get"),
        ("GET", "runs/get"),
        ("GET", "metrics/get-history"),
        ("POST", "experiments/create"),
        ("POST", "runs/search"),
    }
]
TWINS = [
    case(
        "create",
        Call("POST", "/ajax-api/2.0/mlflow/experiments/create", {"name": "$name"}).kept("new"),
        get("/ajax-api/2.0/mlflow/experiments/get", experiment_id="$new"),
    ),
    case(
        "update",
        Call("POST", "/ajax-api/2.0/mlflow/experiments/update", {"experiment_id": "$experiment", "new_name": "$name"}),
        get("/ajax-api/2.0/mlflow/experiments/get-by-name", experiment_name="$name"),
    ),
    case(
        "delete and restore",
        *(
            Call("POST", f"/ajax-api/2.0/mlflow/experiments/{verb}", {"experiment_id": "$experiment"})
            for verb in ("delete", "restore", "restore")
        ),
    ),
    case(
        "experiment tags",
        *(
            Call(
                "POST",
                f"/ajax-api/2.0/mlflow/experiments/{verb}-experiment-tag",
                {"experiment_id": "$experiment", "key": "a"},
            )
            for verb in ("set", "delete", "delete")
        ),
    ),
    case(
        "a run",
        Call("POST", "/ajax-api/2.0/mlflow/runs/create", {"experiment_id": "$experiment", "run_name": "x"}).kept("new"),
        *(
            Call("POST", f"/ajax-api/2.0/mlflow/runs/{verb}", {"run_id": "$new"} | message)
            for verb, message in {
                "set-tag": {"key": "a", "value": "b"},
                "delete-tag": {"key": "a"},
                "log-parameter": {"key": "a", "value": "b"},
                "log-metric": {"key": "a", "value": 1, "timestamp": 1},
                "log-batch": {"tags": [{"key": "c", "value": "d"}]},
                "log-inputs": {"datasets": []},
                "outputs": {"models": []},
                "update": {"status": "FINISHED", "end_time": 5},
                "delete": {},
                "restore": {},
            }.items()
        ),
        get("/ajax-api/2.0/mlflow/runs/get", run_id="$new"),
        get("/ajax-api/2.0/mlflow/metrics/get-history", run_id="$new", metric_key="a"),
        get("/ajax-api/2.0/mlflow/artifacts/list", run_id="$new"),
    ),
    case(
        "a refusal",
        Call(
            "POST", "/ajax-api/2.0/mlflow/runs/log-metric", {"run_id": "$run", "key": "a*b", "value": 1, "timestamp": 1}
        ),
    ),
    case("version 3.0", get("/api/3.0/mlflow/experiments/get", experiment_id="0").in_other_words()),
    case("a slash at the end", get("experiments/get/", experiment_id="0").in_other_words()),
    case("an unknown path", get("experiments/nope").in_other_words()),
]


@pytest.mark.parametrize("tried", BODIES, ids=str)
def test_bodies(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", METHODS, ids=str)
def test_methods(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", TWINS, ids=str)
def test_twins(pair, tried):
    pair.run(tried)
