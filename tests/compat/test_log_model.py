"""The list of models in a run's tag, as clients before MLflow 3 write it; and presigned URLs."""

from __future__ import annotations

import json

import pytest

TAG = "mlflow.log-model.history"
MODEL = {
    "artifact_path": "m",
    "flavors": {"sklearn": {"pickled_model": "x", "config": {"a": 1}}, "python_function": {"env": "y"}},
    "run_id": "r",
    "utc_time_created": "2026-01-01 00:00:00.000000",
}


@pytest.fixture
def run_id(server) -> str:
    return server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]


def log(server, run: str, model: dict | str):
    model = model if isinstance(model, str) else json.dumps(model)
    return server.api("/runs/log-model", {"run_id": run, "model_json": model})


def history(server, run: str):
    tags = server.api("/runs/get", run_id=run).json()["run"]["data"]["tags"]
    return next((json.loads(tag["value"]) for tag in tags if tag["key"] == TAG), None)


def test_models_are_listed_in_the_order_in_which_they_came(server, run_id):
    assert log(server, run_id, MODEL).json() == {}
    assert log(server, run_id, MODEL | {"artifact_path": "n", "model_uuid": "u"}).status == 200
    flavors = {"sklearn": {"pickled_model": "x"}, "python_function": {"env": "y"}}
    entry = {
        "run_id": "r",
        "artifact_path": "m",
        "utc_time_created": "2026-01-01 00:00:00.000000",
        "model_uuid": None,
        "flavors": flavors,
    }
    assert history(server, run_id) == [entry, entry | {"artifact_path": "n", "model_uuid": "u"}]
    assert list(history(server, run_id)[0]["flavors"]) == ["sklearn", "python_function"]


def test_a_list_that_outgrows_its_tag_is_refused_and_stays_whole(server, run_id):
    assert log(server, run_id, MODEL).status == 200
    tags = server.api("/runs/get", run_id=run_id).json()["run"]["data"]["tags"]
    length = next(len(tag["value"]) for tag in tags if tag["key"] == TAG)
    # Another entry has the same length, and two characters divide them.
    room = 8000 - length - length + 2 - 2
    too_long = MODEL | {"artifact_path": "m" + "x" * (room + 1)}
    words = f"'{TAG}' exceeds the maximum length of 8000 characters"
    log(server, run_id, too_long).assert_error(400, "INVALID_PARAMETER_VALUE", words)
    assert len(history(server, run_id)) == 1
    assert log(server, run_id, MODEL | {"artifact_path": "m" + "x" * room}).status == 200
    assert len(history(server, run_id)) == 2


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("{", "Malformed model info. \n { \n is not a valid JSON."),
        ("[]", "Malformed model info. \n [] \n is not a JSON object."),
        (
            {"artifact_path": "m", "flavors": {}, "run_id": "x"},
            "Model json is missing mandatory fields: {'utc_time_created'}",
        ),
    ],
)
def test_what_is_no_model_is_refused(server, run_id, model, words):
    log(server, run_id, model).assert_error(400, "INVALID_PARAMETER_VALUE", words)
    assert history(server, run_id) is None


def test_runs_that_take_no_model(server, run_id):
    log(server, "nope", MODEL).assert_error(404, "RESOURCE_DOES_NOT_EXIST", "Run with id=nope not found")
    assert server.api("/runs/set-tag", {"run_id": run_id, "key": TAG, "value": "{}"}).status == 200
    log(server, run_id, MODEL).assert_error(400, "INVALID_PARAMETER_VALUE")
    assert server.api("/runs/delete", {"run_id": run_id}).status == 200
    words = f"The run {run_id} must be in the 'active' state. Current state is deleted."
    log(server, run_id, MODEL).assert_error(400, "INVALID_PARAMETER_VALUE", words)


DOWNLOAD, UPLOAD = "/artifacts/presigned-download-url", "/artifacts/presigned-upload-url"


@pytest.mark.parametrize("path", [DOWNLOAD, UPLOAD])
def test_presigned_urls_are_not_for_proxied_artifacts(server, run_id, path):
    answer = server.api(path, {"run_id": run_id, "path": "a"})
    answer.assert_error(400, "INVALID_PARAMETER_VALUE")
    assert "(artifact URI scheme: mlflow-artifacts)" in answer.message
    server.api(path, {"run_id": run_id, "path": "../a"}).assert_error(400, "INVALID_PARAMETER_VALUE", "Invalid path")
    answer = server.api(path, {"run_id": "nope", "path": "a"})
    answer.assert_error(404, "RESOURCE_DOES_NOT_EXIST", "Run with id=nope not found")


def test_presigned_urls_are_not_for_folders(own_server, tmp_path):
    server = own_server("--default-artifact-root", str(tmp_path), "--no-serve-artifacts")
    run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    for path, kind in ((DOWNLOAD, "download"), (UPLOAD, "upload")):
        words = f"Presigned {kind} is not supported for the current artifact repository"
        server.api(path, {"run_id": run, "path": "a"}).assert_error(501, "NOT_IMPLEMENTED", words)


def test_a_presigned_download_is_good_for_a_second_to_a_week(server, run_id):
    for seconds in (0, -1, 604_801):
        answer = server.api(DOWNLOAD, {"run_id": run_id, "path": "a", "expiration": seconds})
        words = f"expiration must be between 1 and 604800 seconds (got {seconds})."
        answer.assert_error(400, "INVALID_PARAMETER_VALUE", words)


def test_a_presigned_upload_is_for_a_run_or_a_model(server, run_id):
    words = "Exactly one of run_id and model_id must be provided."
    for owner in ({}, {"run_id": run_id, "model_id": "m"}, {"run_id": "", "model_id": ""}):
        server.api(UPLOAD, owner | {"path": "a"}).assert_error(400, "INVALID_PARAMETER_VALUE", words)
    answer = server.api(UPLOAD, {"model_id": "m-nope", "path": "a"})
    answer.assert_error(404, "RESOURCE_DOES_NOT_EXIST", "Logged model with ID 'm-nope' not found.")


def test_the_server_says_that_it_knows_presigned_uploads(server):
    info = server.get("/api/3.0/mlflow/server-info").json()
    assert info["presigned_upload_run_id_supported"] is True
    assert info["presigned_upload_model_id_supported"] is True
