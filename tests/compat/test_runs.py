"""Runs with their params, tags, inputs and artifacts: what the calls of the quick start send and get back."""

from __future__ import annotations

import re
import urllib.parse

import pytest

from harness import Server, pattern, tree

MISSING = "Missing value for required parameter '{}'. See the API docs for more information about request parameters."
UPLOAD = "/ajax-api/2.0/mlflow/upload-artifact"


@pytest.fixture
def run_id(server) -> str:
    return create(server)["info"]["run_id"]


def create(server, **fields) -> dict:
    answer = server.api("/runs/create", {"experiment_id": "0"} | fields)
    assert answer.status == 200, answer.body
    return answer.json()["run"]


def get(server, run_id: str) -> dict:
    answer = server.api("/runs/get", run_id=run_id)
    assert answer.status == 200, answer.body
    return answer.json()["run"]


def test_a_new_run_looks_as_in_the_reference(server):
    run = create(server, start_time=5, run_name="rr", user_id="u", tags=[{"key": "mlflow.user", "value": "bob"}])
    run_id = run["info"]["run_id"]
    assert re.fullmatch("[0-9a-f]{32}", run_id)
    info = {
        "run_uuid": run_id,
        "experiment_id": "0",
        "run_name": "rr",
        "user_id": "u",
        "status": "RUNNING",
        "start_time": 5,
        "artifact_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
        "lifecycle_stage": "active",
        "run_id": run_id,
    }
    tags = [{"key": "mlflow.user", "value": "bob"}, {"key": "mlflow.runName", "value": "rr"}]
    assert run == {"info": info, "data": {"tags": tags}, "inputs": {}}
    stored = get(server, run_id)
    assert stored["info"] == info
    assert sorted(tag["key"] for tag in stored["data"]["tags"]) == ["mlflow.runName", "mlflow.user"]
    assert (stored["inputs"], stored["outputs"]) == ({}, {})
    assert server.get(f"/ajax-api/2.0/mlflow/runs/get?run_id={run_id}").json()["run"]["info"] == info


def test_a_run_without_a_name_is_given_one(server):
    run = create(server)
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", run["info"]["run_name"])
    assert {"key": "mlflow.runName", "value": run["info"]["run_name"]} in run["data"]["tags"]


def test_a_run_can_be_got_by_its_old_name_of_the_id(server, run_id):
    assert server.api("/runs/get", run_uuid=run_id, run_id=run_id).json()["run"]["info"]["run_id"] == run_id


@pytest.mark.parametrize(
    ("message", "status", "code", "error"),
    [
        ({"experiment_id": "999"}, 404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=999 exists"),
        (
            {"experiment_id": "0", "start_time": "abc"},
            400,
            "INVALID_PARAMETER_VALUE",
            "Invalid value \"abc\" for parameter 'start_time' supplied:  Hint: Value was of type 'str'. "
            "See the API docs for more information about request parameters.",
        ),
        (
            {"experiment_id": "0", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
            400,
            "INVALID_PARAMETER_VALUE",
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            "(run_name='a', mlflow.runName='b').",
        ),
    ],
)
def test_an_invalid_run_is_refused_in_the_words_of_the_reference(server, message, status, code, error):
    server.api("/runs/create", message).assert_error(status, code, error)


@pytest.mark.parametrize("message", [{}, {"experiment_id": ""}])
def test_a_run_needs_an_experiment(server, message):
    server.api("/runs/create", message).assert_error(400)


def test_an_update_changes_status_end_and_name(server, run_id):
    message = {"run_id": run_id, "status": "FINISHED", "end_time": 77, "run_name": "new"}
    info = server.api("/runs/update", message).json()["run_info"]
    assert (info["status"], info["end_time"], info["run_name"]) == ("FINISHED", 77, "new")
    stored = get(server, run_id)
    assert stored["info"] == info
    assert {"key": "mlflow.runName", "value": "new"} in stored["data"]["tags"]


def test_params_are_written_once(server, run_id):
    first = {"run_id": run_id, "key": "p1", "value": "x"}
    for _ in range(2):
        assert server.api("/runs/log-parameter", first).json() == {}
    server.api("/runs/log-parameter", first | {"value": "y"}).assert_error(
        400,
        "INVALID_PARAMETER_VALUE",
        f"Changing param values is not allowed. Param with key='p1' was already logged with value='x' for "
        f"run ID='{run_id}'. Attempted logging new value 'y'.",
    )
    assert get(server, run_id)["data"]["params"] == [{"key": "p1", "value": "x"}]


def test_param_limits_are_those_of_the_reference(server, run_id):
    for key, size in (("k" * 250, 1), ("value", 6000)):
        message = {"run_id": run_id, "key": key, "value": "v" * size}
        assert server.api("/runs/log-parameter", message).status == 200
    server.api("/runs/log-parameter", {"run_id": run_id, "key": "k" * 251, "value": "x"}).assert_error(
        400, "INVALID_PARAMETER_VALUE", "'Param key' exceeds the maximum length of 250 characters"
    )
    for key in ("/a", ".", "../x", "a//b"):
        answer = server.api("/runs/log-parameter", {"run_id": run_id, "key": key, "value": "x"})
        answer.assert_error(400, "INVALID_PARAMETER_VALUE")
        assert "must not resolve to other names when treated as such" in answer.message


def test_the_type_of_a_value_is_checked(server, run_id):
    server.api("/runs/log-parameter", {"run_id": run_id, "key": "p", "value": 5}).assert_error(
        400,
        "INVALID_PARAMETER_VALUE",
        "Invalid value 5 for parameter 'value' supplied:  Hint: Value was of type 'int'. "
        "See the API docs for more information about request parameters.",
    )


def test_tags_can_be_set_replaced_and_deleted(server, run_id):
    for value in ("1", "2"):
        assert server.api("/runs/set-tag", {"run_id": run_id, "key": "t", "value": value}).json() == {}
    assert {"key": "t", "value": "2"} in get(server, run_id)["data"]["tags"]
    assert server.api("/runs/delete-tag", {"run_id": run_id, "key": "t"}).json() == {}
    assert "t" not in {tag["key"] for tag in get(server, run_id)["data"]["tags"]}
    server.api("/runs/delete-tag", {"run_id": run_id, "key": "t"}).assert_error(
        404, "RESOURCE_DOES_NOT_EXIST", f"No tag with name: t in run with id {run_id}"
    )
    server.api("/runs/set-tag", {"run_id": run_id, "key": "k" * 251, "value": "x"}).assert_error(
        400, "INVALID_PARAMETER_VALUE", "'key' exceeds the maximum length of 250 characters"
    )


def test_the_name_tag_and_the_name_stay_the_same(server, run_id):
    server.api("/runs/set-tag", {"run_id": run_id, "key": "mlflow.runName", "value": "by tag"})
    assert get(server, run_id)["info"]["run_name"] == "by tag"


# Batches


def test_a_batch_is_written_whole(server, run_id):
    message = {
        "run_id": run_id,
        "metrics": [{"key": "m", "value": 1.5, "timestamp": 3, "step": 4}, {"key": "n", "value": 2, "timestamp": 4}],
        "params": [{"key": "p", "value": "v"}, {"key": "q", "value": ""}],
        "tags": [{"key": "t", "value": ""}],
    }
    assert server.api("/runs/log-batch", message).json() == {}
    data = get(server, run_id)["data"]
    assert sorted(data["metrics"], key=lambda metric: metric["key"]) == [
        {"key": "m", "value": 1.5, "timestamp": 3, "step": 4},
        {"key": "n", "value": 2.0, "timestamp": 4, "step": 0},
    ]
    assert sorted(data["params"], key=lambda param: param["key"]) == message["params"]
    assert {"key": "t", "value": ""} in data["tags"]


def metrics(count: int) -> list[dict]:
    return [{"key": "m", "value": number, "timestamp": 1, "step": 0} for number in range(count)]


def pairs(count: int) -> list[dict]:
    return [{"key": f"p{number}", "value": "1"} for number in range(count)]


TOO_MANY = (
    "A batch logging request can contain at most {0} {1}. Got {2} {1}. "
    "Please split up {1} across multiple requests and try again."
)
RESOLVES = (
    "Invalid value \"../x\" for parameter '{}' supplied: Names may be treated as files in certain cases, and must not "
    "resolve to other names when treated as such. This name would resolve to '../x'"
)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"metrics": metrics(1001)}, TOO_MANY.format(1000, "metrics", 1001)),
        ({"params": pairs(101)}, TOO_MANY.format(100, "params", 101)),
        ({"tags": pairs(101)}, TOO_MANY.format(100, "tags", 101)),
        (
            {"metrics": metrics(901), "params": pairs(100)},
            TOO_MANY.format(1000, "metrics, params, and tags", 1001),
        ),
        (
            {"params": [{"key": "a1", "value": "1"}] * 2},
            "Duplicate parameter keys have been submitted: ['a1']. Please ensure the request contains only one param "
            "value per param key.",
        ),
        ({"metrics": [{"key": "a", "timestamp": 1}]}, MISSING.format("metrics[0].value")),
        ({"metrics": [{"value": 1, "timestamp": 1}]}, MISSING.format("metrics[0].key")),
        ({"metrics": [{"key": "a", "value": 1}]}, MISSING.format("metrics[0].timestamp")),
        ({"params": [{"value": "1"}]}, MISSING.format("params[0].key")),
        ({"tags": [{"value": "1"}]}, MISSING.format("tags[0].key")),
        (
            {"metrics": [{"key": "ok", "value": 1, "timestamp": 1}, {"key": "../x", "value": 1, "timestamp": 1}]},
            RESOLVES.format("metrics[1].name"),
        ),
        ({"params": [{"key": "../x", "value": "1"}]}, RESOLVES.format("params[0].key")),
        (
            {"tags": [{"key": "k" * 251, "value": "1"}]},
            "'tags[0].key' exceeds the maximum length of 250 characters",
        ),
    ],
)
def test_a_batch_beyond_a_limit_is_refused_whole(server, run_id, fields, error):
    before = get(server, run_id)
    server.api("/runs/log-batch", {"run_id": run_id} | fields).assert_error(400, "INVALID_PARAMETER_VALUE", error)
    assert get(server, run_id) == before


def test_a_batch_at_its_limits_is_accepted(server, run_id):
    message = {"run_id": run_id, "metrics": metrics(800), "params": pairs(100), "tags": pairs(100)}
    assert server.api("/runs/log-batch", message).status == 200
    assert len(get(server, run_id)["data"]["params"]) == 100


def test_a_batch_with_one_changed_param_writes_nothing(server, run_id):
    server.api("/runs/log-parameter", {"run_id": run_id, "key": "p1", "value": "x"})
    before = get(server, run_id)
    params = [{"key": "new", "value": "n"}, {"key": "p1", "value": "zz"}]
    answer = server.api("/runs/log-batch", {"run_id": run_id, "params": params, "tags": [{"key": "t", "value": "v"}]})
    answer.assert_error(
        400,
        "INVALID_PARAMETER_VALUE",
        "Changing param values is not allowed. Params were already logged='[{'key': 'p1', 'old_value': 'x', "
        f"'new_value': 'zz'}}]' for run ID='{run_id}'.",
    )
    assert get(server, run_id) == before


def test_a_batch_needs_a_run(server):
    server.api("/runs/log-batch", {}).assert_error(400, None, MISSING.format("run_id"))
    server.api("/runs/log-batch", {"run_id": "a b"}).assert_error(
        400, "INVALID_PARAMETER_VALUE", "Invalid value \"a b\" for parameter 'run_id' supplied."
    )


# Lifecycle and search


def test_a_deleted_run_accepts_nothing_until_it_is_restored(server, run_id):
    for _ in range(2):
        assert server.api("/runs/delete", {"run_id": run_id}).json() == {}
    assert get(server, run_id)["info"]["lifecycle_stage"] == "deleted"
    error = f"The run {run_id} must be in the 'active' state. Current state is deleted."
    for call, fields in (
        ("log-metric", {"key": "a", "value": 1, "timestamp": 1}),
        ("log-parameter", {"key": "a", "value": "1"}),
        ("set-tag", {"key": "a", "value": "1"}),
        ("update", {"status": "FINISHED"}),
        ("log-batch", {"tags": [{"key": "a", "value": "1"}]}),
    ):
        server.api(f"/runs/{call}", {"run_id": run_id} | fields).assert_error(400, "INVALID_PARAMETER_VALUE", error)
    assert server.api("/runs/restore", {"run_id": run_id}).json() == {}
    assert get(server, run_id)["info"]["lifecycle_stage"] == "active"
    assert server.api("/runs/set-tag", {"run_id": run_id, "key": "a", "value": "1"}).status == 200


def test_an_unknown_run_is_a_404_for_every_call(server):
    for call, fields in (
        ("update", {"status": "FINISHED"}),
        ("delete", {}),
        ("restore", {}),
        ("log-metric", {"key": "a", "value": 1, "timestamp": 1}),
        ("log-parameter", {"key": "a", "value": "1"}),
        ("set-tag", {"key": "a", "value": "1"}),
        ("log-inputs", {"datasets": []}),
    ):
        answer = server.api(f"/runs/{call}", {"run_id": "nope"} | fields)
        answer.assert_error(404, "RESOURCE_DOES_NOT_EXIST", "Run with id=nope not found")
    server.api("/runs/get", run_id="nope").assert_error(404, "RESOURCE_DOES_NOT_EXIST", "Run with id=nope not found")
    server.api("/runs/update", {"status": "FINISHED"}).assert_error(400, None, MISSING.format("run_id"))


def test_a_search_without_a_filter_returns_runs_in_pages(server, folder):
    experiment = server.api("/experiments/create", {"name": folder}).json()["experiment_id"]
    made = [create(server, experiment_id=experiment, start_time=number)["info"]["run_id"] for number in range(5)]
    server.api("/runs/log-parameter", {"run_id": made[0], "key": "p", "value": "v"})
    server.api("/runs/delete", {"run_id": made[4]})
    seen, token = [], None
    while True:
        message = {"experiment_ids": [experiment], "max_results": 2} | ({"page_token": token} if token else {})
        page = server.api("/runs/search", message).json()
        seen += [run["info"]["run_id"] for run in page["runs"]]
        token = page.get("next_page_token")
        if not token:
            break
        assert len(page["runs"]) == 2
    assert seen == [made[3], made[2], made[1], made[0]]
    last = server.api("/runs/search", {"experiment_ids": [experiment]}).json()["runs"][-1]
    assert last["data"]["params"] == [{"key": "p", "value": "v"}]
    assert server.api("/runs/search", {"experiment_ids": ["98765"]}).json() == {}


@pytest.mark.parametrize(
    ("view", "stages"),
    [("ACTIVE_ONLY", ["active"]), ("DELETED_ONLY", ["deleted"]), ("ALL", ["active", "deleted"])],
)
def test_a_search_sees_the_runs_of_its_view(server, folder, view, stages):
    experiment = server.api("/experiments/create", {"name": folder}).json()["experiment_id"]
    create(server, experiment_id=experiment)
    gone = create(server, experiment_id=experiment)["info"]["run_id"]
    server.api("/runs/delete", {"run_id": gone})
    found = server.api("/runs/search", {"experiment_ids": [experiment], "run_view_type": view}).json()["runs"]
    assert sorted(run["info"]["lifecycle_stage"] for run in found) == stages


def test_a_search_asks_for_at_most_50000_runs(server):
    server.api("/runs/search", {"experiment_ids": ["0"], "max_results": 50001}).assert_error(
        400,
        "INVALID_PARAMETER_VALUE",
        "Invalid value 50001 for parameter 'max_results' supplied:  Hint: Value was of type 'int'. "
        "See the API docs for more information about request parameters.",
    )


# Inputs


def test_inputs_are_kept_with_their_tags(server, run_id):
    dataset = {"name": "d", "digest": "g", "source_type": "s", "source": "so", "schema": "sc", "profile": "pr"}
    entry = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "train"}]}
    for _ in range(2):
        assert server.api("/runs/log-inputs", {"run_id": run_id, "datasets": [entry]}).json() == {}
    assert get(server, run_id)["inputs"] == {"dataset_inputs": [entry]}


@pytest.mark.parametrize(("field", "size"), [("name", 500), ("digest", 36)])
def test_input_limits_are_those_of_the_reference(server, run_id, field, size):
    dataset = {"name": "d", "digest": "g", "source_type": "s", "source": "s"}
    for length in (size, size + 1):
        message = {"run_id": run_id, "datasets": [{"dataset": dataset | {field: "x" * length}}]}
        answer = server.api("/runs/log-inputs", message)
        if length == size:
            assert answer.status == 200
        else:
            text = f"'{field}' exceeds the maximum length of {size} characters"
            answer.assert_error(400, "INVALID_PARAMETER_VALUE", text)


# Artifacts of a run

ROOTS = {
    "default": [],
    "http": ["--default-artifact-root", "http://127.0.0.1:$PORT/api/2.0/mlflow-artifacts/artifacts/experiments"],
    "sub": ["--default-artifact-root", "mlflow-artifacts:/sub/folder"],
}
BASES = {"default": "0", "http": "experiments/0", "sub": "sub/folder/0"}


@pytest.fixture(scope="module", params=ROOTS)
def rooted(request):
    with Server(*ROOTS[request.param]) as running:
        yield running, BASES[request.param]


def test_what_is_uploaded_for_a_run_is_listed_and_read_for_that_run(rooted):
    server, base = rooted
    run = create(server)["info"]
    run_id = run["run_id"]
    headers = {"Content-Type": "text/plain"}
    answer = server.request("POST", f"{UPLOAD}?run_uuid={run_id}&path=d/e.txt", b"hello", headers)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "application/json")
    server.put(f"{base}/{run_id}/artifacts/a.txt", b"1")
    server.put(f"{base}/{run_id}/artifacts/empty", b"")
    root = {"root_uri": run["artifact_uri"]}
    assert server.api("/artifacts/list", run_id=run_id).json() == root | {
        "files": [
            {"path": "a.txt", "is_dir": False, "file_size": 1},
            {"path": "d", "is_dir": True},
            {"path": "empty", "is_dir": False},
        ]
    }
    below = root | {"files": [{"path": "d/e.txt", "is_dir": False, "file_size": 5}]}
    for query in ({"path": "d"}, {"path": "d/"}, {"path": "d", "page_token": "ignored"}):
        assert server.api("/artifacts/list", run_id=run_id, **query).json() == below
    assert server.api("/artifacts/list", run_uuid=run_id, path="d").json() == below
    for path in ("none", "a.txt"):
        assert server.api("/artifacts/list", run_id=run_id, path=path).json() == root
    for name in ("run_id", "run_uuid"):
        got = server.get(f"/get-artifact?{name}={run_id}&path=d/e.txt")
        assert (got.status, got.body, got.headers["content-type"]) == (200, b"hello", "text/plain")
        assert got.headers["content-disposition"] == "attachment; filename=e.txt"
    assert tree(server.artifacts / base / run_id) == {
        "artifacts/a.txt": b"1",
        "artifacts/d/e.txt": b"hello",
        "artifacts/empty": b"",
    }


def test_get_artifact_errors_name_the_path_within_the_destination(rooted):
    server, base = rooted
    run_id = create(server)["info"]["run_id"]
    root = f"{base}/{run_id}/artifacts"
    server.put(f"{root}/m/a.txt", b"x")
    folder = f"Artifact path refers to a directory, not a file: '{root}/m'"
    server.get(f"/get-artifact?run_id={run_id}&path=m").assert_error(400, "INVALID_PARAMETER_VALUE", folder)
    server.get(f"/get-artifact?run_id={run_id}&path=nope").assert_error(
        404, "RESOURCE_DOES_NOT_EXIST", f"No such artifact: '{root}/nope'"
    )


def test_get_artifact_needs_a_run_and_a_path(server, run_id):
    server.get(f"/get-artifact?run_id={run_id}").assert_error(400)
    server.put(f"0/{run_id}/artifacts/a.txt", b"x")
    server.get(f"/get-artifact?run_id={run_id}&path=").assert_error(400)
    for query, name in (("path=a", "None"), ("run_id=nope&path=a", "nope")):
        server.get(f"/get-artifact?{query}").assert_error(
            404, "RESOURCE_DOES_NOT_EXIST", f"Run with id={name} not found"
        )
    answer = server.request("POST", f"/get-artifact?run_id={run_id}&path=a.txt")
    assert (answer.status, "GET" in answer.headers["allow"]) == (405, True)


def test_get_artifact_serves_ranges_conditions_and_head(server, run_id):
    data = pattern(100_000)
    server.put(f"0/{run_id}/artifacts/a.bin", data)
    target = f"/get-artifact?run_id={run_id}&path=a.bin"
    whole = server.get(target)
    assert whole.body == data
    part = server.get(target, {"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, data[10:20])
    assert server.get(target, {"If-None-Match": whole.headers["etag"]}).status == 304
    head = server.request("HEAD", target)
    assert (head.status, head.headers["content-length"], head.body) == (200, "100000", b"")


def test_the_listing_of_a_run_needs_a_run(server):
    server.api("/artifacts/list").assert_error(400, "INVALID_PARAMETER_VALUE")
    server.api("/artifacts/list", run_id="nope").assert_error(
        404, "RESOURCE_DOES_NOT_EXIST", "Run with id=nope not found"
    )


def test_upload_artifact_errors_are_those_of_the_reference(server, run_id):
    target = f"{UPLOAD}?run_uuid={run_id}"
    invalid = "INVALID_PARAMETER_VALUE"
    server.request("POST", f"{UPLOAD}?path=q", b"x").assert_error(400, invalid, "Request must specify run_uuid.")
    server.request("POST", target, b"x").assert_error(400, invalid, "Request must specify path.")
    server.request("POST", f"{target}&path=q").assert_error(400, invalid, "Request must specify data.")
    server.request("POST", f"{target}&path=dir/", b"x").assert_error(400, invalid)
    server.request("POST", f"{UPLOAD}?run_uuid=nope&path=q", b"x").assert_error(
        404, "RESOURCE_DOES_NOT_EXIST", "Run with id=nope not found"
    )
    assert server.request("POST", f"/api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=q", b"x").status == 404
    assert not (server.artifacts / "0" / run_id).exists()


def test_upload_artifact_takes_ten_mebibytes_and_no_more(server, run_id):
    target = f"{UPLOAD}?run_uuid={run_id}&path=big.bin"
    data = pattern(10 * 1024 * 1024)
    assert server.request("POST", target, data).status == 200
    server.request("POST", target, data + b"x").assert_error(
        400, "INVALID_PARAMETER_VALUE", "Artifact size is too large. Max size is 10MB."
    )
    assert server.fetch(f"0/{run_id}/artifacts/big.bin").body == data


def test_artifacts_of_versions_of_no_model(server):
    for query, status, code, error in (
        (
            {"name": "zz", "version": "1", "path": "x"},
            404,
            "RESOURCE_DOES_NOT_EXIST",
            "Model Version (name=zz, version=1)",
        ),
        ({"version": "1", "path": "x"}, 400, "INVALID_PARAMETER_VALUE", "Missing value for required parameter 'name'."),
        (
            {"name": "a", "version": "abc", "path": "x"},
            400,
            "INVALID_PARAMETER_VALUE",
            "Parameter 'version' must be an integer, got 'abc'.",
        ),
    ):
        answer = server.get(f"/model-versions/get-artifact?{urllib.parse.urlencode(query)}").assert_error(status, code)
        assert answer.message.startswith(error)


def test_a_run_may_be_made_with_more_tags_than_one_statement_takes(server):
    tags = [{"key": f"t{number}", "value": "x"} for number in range(11_000)]
    run = server.api("/runs/create", {"experiment_id": "0", "tags": tags}).json()["run"]
    assert len(run["data"]["tags"]) == 11_001
