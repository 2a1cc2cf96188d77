"""Experiments: what the calls of the quick start send and get back."""

from __future__ import annotations

import time

import pytest

MISSING = "Missing value for required parameter '{}'. See the API docs for more information about request parameters."
WRONG_TYPE = (
    "Invalid value {} for parameter '{}' supplied:  Hint: Value was of type '{}'. "
    "See the API docs for more information about request parameters."
)


def create(server, name: str, **fields) -> str:
    answer = server.api("/experiments/create", {"name": name} | fields)
    assert answer.status == 200, answer.body
    assert list(answer.json()) == ["experiment_id"]
    return answer.json()["experiment_id"]


def test_a_new_experiment_can_be_got_by_id_and_by_name(server, folder):
    before = int(time.time() * 1000)
    identifier = create(server, folder, tags=[{"key": "a", "value": "b"}])
    assert identifier.isdigit()
    experiment = server.api("/experiments/get", experiment_id=identifier).json()["experiment"]
    created = experiment["creation_time"]
    assert before <= created <= int(time.time() * 1000)
    assert experiment == {
        "experiment_id": identifier,
        "name": folder,
        "artifact_location": f"mlflow-artifacts:/{identifier}",
        "lifecycle_stage": "active",
        "last_update_time": created,
        "creation_time": created,
        "tags": [{"key": "a", "value": "b"}],
        "workspace": "default",
    }
    assert server.api("/experiments/get-by-name", experiment_name=folder).json()["experiment"] == experiment
    assert server.get(f"/ajax-api/2.0/mlflow/experiments/get?experiment_id={identifier}").json() == {
        "experiment": experiment
    }


def test_a_fresh_server_has_the_default_experiment(own_server):
    server = own_server()
    experiment = server.api("/experiments/get", experiment_id="0").json()["experiment"]
    assert (experiment["name"], experiment["artifact_location"]) == ("Default", "mlflow-artifacts:/0")
    assert create(server, "first") == "1"
    assert create(server, "second") == "2"


@pytest.mark.parametrize(
    ("root", "location"),
    [
        (
            "http://127.0.0.1:$PORT/api/2.0/mlflow-artifacts/artifacts/experiments",
            "http://127.0.0.1:$PORT/api/2.0/mlflow-artifacts/artifacts/experiments/{}",
        ),
        ("mlflow-artifacts:/", "mlflow-artifacts:/{}"),
        ("mlflow-artifacts:/sub", "mlflow-artifacts:/sub/{}"),
        ("s3://bucket/p?x=1", "s3://bucket/p/{}?x=1"),
        ("/srv/elsewhere", "/srv/elsewhere/{}"),
        ("./relative", "$ROOT/relative/{}"),
    ],
)
def test_the_location_of_an_experiment_is_the_root_and_its_id(own_server, root, location):
    server = own_server("--default-artifact-root", root)
    location = location.replace("$PORT", str(server.port)).replace("$ROOT", str(server.root))
    for identifier in ("0", create(server, "new")):
        experiment = server.api("/experiments/get", experiment_id=identifier).json()["experiment"]
        assert experiment["artifact_location"] == location.format(identifier)
    run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]
    base, _, query = location.format("0").partition("?")
    expected = f"{base}/{run['run_id']}/artifacts" + (f"?{query}" if query else "")
    assert run["artifact_uri"] == expected


def test_an_experiment_keeps_the_location_it_was_made_with(own_server, tmp_path):
    first = own_server(root=tmp_path)
    identifier = create(first, "kept")
    assert first.stop() == 0
    second = own_server("--default-artifact-root", "mlflow-artifacts:/other", root=tmp_path)
    kept = second.api("/experiments/get", experiment_id=identifier).json()["experiment"]
    assert kept["artifact_location"] == f"mlflow-artifacts:/{identifier}"
    newer = create(second, "newer")
    location = second.api("/experiments/get", experiment_id=newer).json()["experiment"]["artifact_location"]
    assert location == f"mlflow-artifacts:/other/{newer}"


def test_a_given_artifact_location_is_kept(server, folder):
    identifier = create(server, folder, artifact_location="mlflow-artifacts:/custom/place")
    experiment = server.api("/experiments/get", experiment_id=identifier).json()["experiment"]
    assert experiment["artifact_location"] == "mlflow-artifacts:/custom/place"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, MISSING.format("name")),
        ({"name": ""}, MISSING.format("name")),
        ({"name": 5}, WRONG_TYPE.format("5", "name", "int")),
        ({"name": "x" * 501}, "'name' exceeds the maximum length of 500 characters"),
        ({"name": "t", "tags": {"key": "a"}}, WRONG_TYPE.format('{"key":"a"}', "tags", "dict")),
        (
            {"name": "al", "artifact_location": "runs:/x"},
            "Artifact location cannot be a runs:/ URI. Given: 'runs:/x'",
        ),
    ],
)
def test_an_invalid_experiment_is_refused_in_the_words_of_the_reference(server, message, error):
    server.api("/experiments/create", message).assert_error(400, "INVALID_PARAMETER_VALUE", error)


def test_a_name_can_be_used_once(server, folder):
    create(server, folder)
    answer = server.api("/experiments/create", {"name": folder}).assert_error(400, "RESOURCE_ALREADY_EXISTS")
    assert answer.message.startswith(f"Experiment(name={folder}) already exists.")


def test_names_in_any_script_are_kept(server, folder):
    name = f"{folder} größe 日本 😀 a/b?c=d&e"
    identifier = create(server, name)
    assert (
        server.api("/experiments/get-by-name", experiment_name=name).json()["experiment"]
        == (server.api("/experiments/get", experiment_id=identifier).json()["experiment"])
    )
    assert server.api("/experiments/get", experiment_id=identifier).json()["experiment"]["name"] == name


def test_an_unknown_experiment_is_a_404(server):
    unknown = "RESOURCE_DOES_NOT_EXIST"
    server.api("/experiments/get", experiment_id="987654").assert_error(
        404, unknown, "No Experiment with id=987654 exists"
    )
    server.api("/experiments/get", experiment_id="-1").assert_error(404, unknown, "No Experiment with id=-1 exists")
    server.api("/experiments/get-by-name", experiment_name="nope").assert_error(
        404, unknown, "Could not find experiment with name 'nope'"
    )


def test_a_request_that_names_no_experiment_is_a_400(server):
    server.api("/experiments/get").assert_error(400, None, MISSING.format("experiment_id"))
    server.api("/experiments/get-by-name").assert_error(400, None, MISSING.format("experiment_name"))
    server.api("/experiments/get", experiment_id="abc").assert_error(
        400, "INVALID_PARAMETER_VALUE", "Invalid experiment ID 'abc'. Experiment ID must be a valid integer."
    )
    server.api("/experiments/get", experiment_id="9" * 23).assert_error(404, "RESOURCE_DOES_NOT_EXIST")


def test_errors_carry_the_four_keys_of_the_reference(server):
    answer = server.api("/experiments/get", experiment_id="987654")
    assert list(answer.json()) == ["error_code", "message", "sqlstate", "error_class"]
    assert answer.json()["sqlstate"] == "KAM00"
    assert answer.json()["error_class"] == "RESOURCE_NOT_FOUND"


def test_a_post_needs_json(server):
    target = "/api/2.0/mlflow/experiments/create"
    server.request("POST", target, b'{"name":"x"}').assert_error(
        400, "INVALID_PARAMETER_VALUE", "Bad Request. Content-Type header is missing."
    )
    for other in ("text/plain", "application/x-www-form-urlencoded"):
        server.request("POST", target, b'{"name":"x"}', {"Content-Type": other}).assert_error(
            400, "INVALID_PARAMETER_VALUE", "Bad Request. Content-Type must be one of ['application/json']."
        )
    server.request("POST", target, b'{"name":', {"Content-Type": "application/json"}).assert_error(
        400, "INVALID_PARAMETER_VALUE"
    )


def test_a_charset_after_the_media_type_is_fine(server, folder):
    body = f'{{"name": "{folder}"}}'
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert server.request("POST", "/api/2.0/mlflow/experiments/create", body, headers).status == 200


def test_json_that_is_no_object_is_a_400_and_not_a_crash(server):
    headers = {"Content-Type": "application/json"}
    for body in (b"[1,2]", b"5", b'"text"', b"null", b"\xff\xfe", b"[" * 100_000):
        answer = server.request("POST", "/api/2.0/mlflow/experiments/create", body, headers)
        assert answer.status == 400, body[:20]


def test_a_wrong_method_is_a_405_with_allow(server):
    answer = server.get("/api/2.0/mlflow/experiments/create")
    assert (answer.status, "POST" in answer.headers["allow"]) == (405, True)
    answer = server.api("/experiments/get-by-name", {"experiment_name": "x"})
    assert (answer.status, "GET" in answer.headers["allow"]) == (405, True)


def test_experiments_are_on_disk_when_the_answer_arrives(own_server, tmp_path):
    server = own_server(root=tmp_path)
    names = [f"experiment {number}" for number in range(20)]
    for name in names:
        create(server, name)
    server.kill()
    again = own_server(root=tmp_path)
    for name in names:
        assert again.api("/experiments/get-by-name", experiment_name=name).status == 200
