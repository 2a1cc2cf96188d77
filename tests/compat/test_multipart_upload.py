"""Uploads in parts and downloads by signed URLs, past the server: the stock client, and beside the reference."""

from __future__ import annotations

import hashlib
import json
import urllib.parse
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

from fault_proxy import FaultProxy
from harness import pattern, use_client
from stores import azurite
from stores.s3 import BUCKET

ROUTES = "/api/2.0/mlflow-artifacts"
PART = 10 * 1024 * 1024
SIZE = 60 * 1024 * 1024
# What S3 asks for in every part but the last.
MINIMUM = 5 * 1024 * 1024


@pytest.fixture
def past(store, own_server, monkeypatch):
    """A server that tells clients of the store, at an address whose requests are counted, and a client of it."""
    with FaultProxy(int(store.endpoint.rsplit(":", 1)[1])) as proxy:
        server = own_server("--presigned-urls", "on", "--presigned-endpoint", proxy.url, place=store.place())
        mlflow = use_client(monkeypatch, server.url)
        yield server, proxy, mlflow
        while mlflow.active_run():
            mlflow.end_run()


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.bin"
    path.write_bytes(pattern(SIZE))
    return path


def digest(path: Path | str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# The stock client


def test_a_large_file_goes_up_in_parts_and_comes_down_past_the_server(past, large, monkeypatch, tmp_path):
    server, proxy, mlflow = past
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(PART))
    with mlflow.start_run() as active:
        mlflow.log_artifact(str(large), "models")
    assert [request.method for request in proxy.requests] == ["PUT"] * (SIZE // PART)
    assert {request.length for request in proxy.requests} == {PART}
    assert server.pending() == []
    run = f"{active.info.experiment_id}/{active.info.run_id}/artifacts"
    assert hashlib.sha256(server.place.read(f"{run}/models/large.bin")).hexdigest() == digest(large)
    proxy.forget()
    uri = f"runs:/{active.info.run_id}/models/large.bin"
    found = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(tmp_path))
    assert digest(found) == digest(large)
    assert {request.method for request in proxy.requests} == {"GET"}


def test_what_the_server_tells_is_enough_for_the_client(past, large, monkeypatch, tmp_path):
    """No variable of the client's but the smaller limits."""
    _, proxy, mlflow = past
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(PART))
    path = tmp_path / "a b+ü.bin"
    path.write_bytes(pattern(2 * PART + 1))
    with mlflow.start_run() as active:
        mlflow.log_artifact(str(path))
        mlflow.log_text("small", "small.txt")
    assert [request.method for request in proxy.requests] == ["PUT"] * 3
    run_id = active.info.run_id
    mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="", dst_path=str(tmp_path / "down"))
    assert digest(tmp_path / "down" / path.name) == digest(path)
    assert (tmp_path / "down" / "small.txt").read_text() == "small"
    assert [request.method for request in proxy.requests].count("GET") >= 2


def test_a_multipart_upload_works_without_being_told_of(store, own_server, monkeypatch, tmp_path):
    server = own_server(place=store.place())
    mlflow = use_client(monkeypatch, server.url)
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(PART))
    path = tmp_path / "a.bin"
    path.write_bytes(pattern(PART + 1))
    with mlflow.start_run() as active:
        mlflow.log_artifact(str(path))
    run = f"{active.info.experiment_id}/{active.info.run_id}/artifacts"
    assert server.stored(run) == {"a.bin": path.read_bytes()}


# What the server tells


@pytest.mark.parametrize(
    ("options", "told"), [([], False), (["--presigned-urls", "off"], False), (["--presigned-urls", "on"], True)]
)
def test_server_info_tells_of_the_store_when_the_operator_says_so(store, own_server, options, told):
    server = own_server(*options, place=store.place())
    for prefix in ("/api/3.0", "/ajax-api/3.0"):
        info = server.get(f"{prefix}/mlflow/server-info").json()
        assert (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]) == (told, told)


def test_server_info_never_tells_of_a_folder(own_server):
    info = own_server("--presigned-urls", "on").get("/api/3.0/mlflow/server-info").json()
    assert (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]) == (False, False)


# The wire


@pytest.fixture
def both(store, reference_on, own_server):
    reference, place = reference_on(store)
    return own_server(place=place), reference


def post(server, target: str, message: dict):
    headers = {"Content-Type": "application/json"}
    return server.request("POST", ROUTES + urllib.parse.quote(target), json.dumps(message), headers)


def shape(url: str) -> tuple:
    """What two URLs of one kind have in common: path and names of the query, but nothing of the moment."""
    parsed = urllib.parse.urlparse(url)
    fields = urllib.parse.parse_qs(parsed.query, keep_blank_values=True)
    constant = {
        *("partNumber", "comp", "sr", "x-id", "X-Amz-Expires", "X-Amz-SignedHeaders"),
        *("X-Goog-Expires", "X-Goog-SignedHeaders"),
    }
    # Ours is good from a moment ago, in case the store's clock is behind.
    fields.pop("st", None)
    return urllib.parse.unquote(parsed.path), {name: fields[name] if name in constant else "" for name in fields}


def test_create_answers_as_the_reference_does(both):
    answers = [post(one, "/mpu/create/d/e f", {"path": "/home/x/a+ü.bin", "num_parts": 3}) for one in both]
    ours, theirs = (answer.json() for answer in answers)
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].headers["content-type"] == "application/json"
    assert set(ours) == set(theirs)
    assert [set(one) for one in ours["credentials"]] == [set(one) for one in theirs["credentials"]]
    assert [one["part_number"] for one in ours["credentials"]] == [1, 2, 3]
    for one, other in zip(ours["credentials"], theirs["credentials"], strict=True):
        assert shape(one["url"]) == shape(other["url"])
    for one, answer in zip(both, (ours, theirs), strict=True):
        done = post(one, "/mpu/abort/d/e f", {"path": "a+ü.bin", "upload_id": answer.get("upload_id", "")})
        assert (done.status, done.json()) == (200, {})
    assert both[0].pending() == []


def test_create_without_a_number_of_parts_names_none(both):
    for number in ({}, {"num_parts": 0}):
        answers = [post(one, "/mpu/create/d", {"path": "a.bin"} | number).json() for one in both]
        assert [set(answer) for answer in answers] == [set(answers[1])] * 2
        assert "credentials" not in answers[0]
        for one, answer in zip(both, answers, strict=True):
            post(one, "/mpu/abort/d", {"path": "a.bin", "upload_id": answer.get("upload_id", "")})


def upload(server, folder: str, name: str, parts: list[bytes], finish: str = "complete"):
    """A multipart upload as the client makes it."""
    begun = post(server, f"/mpu/create/{folder}", {"path": name, "num_parts": len(parts)}).json()
    sent = []
    for one, data in zip(begun["credentials"], parts, strict=True):
        answer = requests.put(one["url"], data=data, headers=one.get("headers"), timeout=60)
        assert answer.ok, answer.text
        sent.append(
            {"part_number": one["part_number"], "etag": answer.headers.get("ETag", ""), "url": one["url"]},
        )
    message = {"path": name, "upload_id": begun.get("upload_id", "")}
    return post(server, f"/mpu/{finish}/{folder}", message | ({"parts": sent} if finish == "complete" else {}))


UNSIGNED = "Multipart {} is not supported for the current artifact repository"


@pytest.mark.xdist_group("destination azurite")
def test_a_store_whose_credentials_sign_nothing_is_answered_like_a_folder(stores, own_server):
    store = stores["azurite"]
    place = store.place()
    kinds, rights = ResourceTypes.from_string("sco"), AccountSasPermissions.from_string("rwdlac")
    until = datetime.now(UTC) + timedelta(hours=1)
    signature = generate_account_sas(azurite.ACCOUNT, azurite.KEY, kinds, rights, until)
    fields = {"AccountName": azurite.ACCOUNT, "BlobEndpoint": f"{store.endpoint}/{azurite.ACCOUNT}"}
    fields |= {"DefaultEndpointsProtocol": "http", "SharedAccessSignature": signature}
    connection = ";".join(f"{name}={value}" for name, value in fields.items())
    place.environment = {"AZURE_STORAGE_CONNECTION_STRING": connection}
    server = own_server("--presigned-urls", "on", place=place)
    server.put("d/a.txt", b"x")
    info = server.get("/api/3.0/mlflow/server-info").json()
    assert (info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]) == (False, False)
    for path in ("d/a.txt", "d/none"):
        server.get(f"{ROUTES}/presigned/{path}").assert_error(501, "NOT_IMPLEMENTED", UNSIGNED.format("download"))
    for step in ("create", "complete", "abort"):
        answer = post(server, f"/mpu/{step}/d", {"path": "b.bin", "num_parts": 2, "upload_id": "u", "parts": []})
        answer.assert_error(501, "NOT_IMPLEMENTED", UNSIGNED.format("upload"))
    assert server.fetch("d/a.txt").body == b"x"


def test_a_name_that_can_not_be_signed_is_answered_as_by_a_store_that_signs_nothing(own_server):
    """An identity signs for Azure, but not such names; so nobody is asked, and there is nobody who could be."""
    nobody = {name: "nobody" for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")}
    options = ["--artifacts-destination", "wasbs://box@account.blob.core.windows.net/x", "--no-destination-check"]
    server = own_server(*options, environment=nobody | {"AZURE_AUTHORITY_HOST": "http://127.0.0.1:1"})
    for name in ("a b.bin", "ü.bin", "a+b"):
        answer = post(server, "/mpu/create/d", {"path": name, "num_parts": 2})
        answer.assert_error(501, "NOT_IMPLEMENTED", UNSIGNED.format("upload"))


def test_complete_makes_the_object(store, own_server):
    server = own_server(place=store.place())
    parts = [pattern(MINIMUM), b"the end"]
    done = upload(server, "d/e f", "a+ü.bin", parts)
    assert (done.status, done.json()) == (200, {})
    assert server.fetch("d/e%20f/a%2B%C3%BC.bin").body == b"".join(parts)
    assert server.pending() == []


def test_abort_leaves_nothing(store, own_server):
    server = own_server(place=store.place())
    done = upload(server, "d", "a.bin", [pattern(MINIMUM), b"the end"], finish="abort")
    assert (done.status, done.json()) == (200, {})
    assert server.stored() == {}
    # Azure has no way to forget what was sent.
    assert store.name == "azurite" or server.pending() == []


def test_an_upload_without_parts_replaces_nothing(store, own_server):
    server = own_server(place=store.place())
    server.put("d/a.bin", b"kept")
    begun = post(server, "/mpu/create/d", {"path": "a.bin", "num_parts": 1}).json()
    message = {"path": "a.bin", "upload_id": begun.get("upload_id", "")}
    post(server, "/mpu/complete/d", message | {"parts": []}).assert_error(400)
    assert server.fetch("d/a.bin").body == b"kept"
    post(server, "/mpu/abort/d", message)


def test_two_uploads_of_one_path_and_one_through_the_server_are_not_mixed(store, own_server):
    server = own_server(place=store.place())
    bodies = [pattern(MINIMUM, seed=1), pattern(MINIMUM, seed=2)]
    begun = [post(server, "/mpu/create/d", {"path": "a.bin", "num_parts": 1}).json() for _ in bodies]
    sent = []
    for one, data in zip(begun, bodies, strict=True):
        url = one["credentials"][0]["url"]
        answer = requests.put(url, data=data, timeout=60)
        assert answer.ok, answer.text
        sent.append({"part_number": 1, "etag": answer.headers.get("ETag", ""), "url": url})
    message = {"path": "a.bin", "upload_id": begun[0].get("upload_id", ""), "parts": sent[:1]}
    assert post(server, "/mpu/complete/d", message).status == 200
    assert server.fetch("d/a.bin").body == bodies[0]
    # Of the second one, a part is still there.
    whole = pattern(20_000_000)
    assert server.put("d/a.bin", whole).status == 200
    assert server.fetch("d/a.bin").body == whole


# Azure knows no uploads, only blocks.
@pytest.mark.not_on("azurite")
def test_an_upload_that_nobody_began_cannot_be_completed(store, own_server):
    server = own_server(place=store.place())
    part = {"part_number": 1, "etag": '"x"', "url": "http://x"}
    message = {"path": "a.bin", "upload_id": "nobody-began-it"}
    answer = post(server, "/mpu/complete/d", message | {"parts": [part]})
    assert 400 <= answer.status < 500
    answer.assert_error(answer.status)
    # Given up already, for all that anybody can tell.
    assert post(server, "/mpu/abort/d", message).status in {200, 400}


# Downloads


@pytest.mark.not_on("azurite", "gcs")
def test_a_signed_download_is_answered_as_by_the_reference(both):
    both[0].put("d/a%20b.txt", b"hello")
    ours, theirs = (one.request("GET", f"{ROUTES}/presigned/d/a%20b.txt").json() for one in both)
    assert set(ours) == set(theirs)
    assert (ours["headers"], ours["file_size"]) == (theirs["headers"], theirs["file_size"])
    assert shape(ours["url"]) == shape(theirs["url"])
    missing = [one.request("GET", f"{ROUTES}/presigned/d/none") for one in both]
    # Ours says what was not found.
    assert [answer.status for answer in missing] == [404, 404]
    assert missing[0].message == "No such artifact: 'd/none'"


def test_a_signed_download_serves_the_object_and_its_ranges(store, own_server):
    server = own_server(place=store.place())
    data = pattern(100_000)
    server.put("d/a%20b%2B%C3%BC.csv", data)
    given = server.get(f"{ROUTES}/presigned/d/a%20b%2B%C3%BC.csv").json()
    assert given["file_size"] == len(data)
    answer = requests.get(given["url"], headers=given["headers"], timeout=60)
    assert answer.content == data
    assert answer.headers["Content-Disposition"].startswith("attachment; filename")
    part = requests.get(given["url"], headers=given["headers"] | {"Range": "bytes=5-9"}, timeout=60)
    assert (part.status_code, part.content) == (206, data[5:10])
    assert requests.put(given["url"], data=b"x", timeout=60).status_code >= 400


def test_a_signed_download_has_a_name_that_any_store_can_send(store, own_server):
    server = own_server(place=store.place())
    server.put("d/%E6%97%A5%E6%9C%AC.txt", b"x")
    given = server.get(f"{ROUTES}/presigned/d/%E6%97%A5%E6%9C%AC.txt").json()
    answer = requests.get(given["url"], headers=given["headers"], timeout=60)
    expected = "attachment; filename=.txt; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt"
    assert (answer.content, answer.headers["Content-Disposition"]) == (b"x", expected)


def test_a_signed_download_of_nothing_or_of_a_folder_is_an_error(store, own_server):
    server = own_server(place=store.place())
    server.put("d/a.txt", b"x")
    server.get(f"{ROUTES}/presigned/none").assert_error(404, "RESOURCE_DOES_NOT_EXIST")
    answer = server.get(f"{ROUTES}/presigned/d")
    assert answer.status in {400, 404}


# Runs whose root is the store itself


@pytest.fixture
def direct(both):
    """A run in a root on the store, on each server; mlferry first."""
    runs = []
    for one in both:
        location = f"{both[0].place.uri}/direct"
        name = f"direct {uuid.uuid4().hex}"
        experiment = one.api("/experiments/create", {"name": name, "artifact_location": location})
        run = one.api("/runs/create", {"experiment_id": experiment.json()["experiment_id"]}).json()["run"]["info"]
        runs.append(run["run_id"])
    return runs


@pytest.mark.not_on("azurite", "gcs")
def test_signed_urls_of_a_run_with_a_root_of_its_own(both, direct):
    answers = []
    for one, run in zip(both, direct, strict=True):
        message = {"run_id": run, "path": "d/a b.json"}
        up = one.api("/artifacts/presigned-upload-url", message)
        assert up.status == 200, up.body
        put = requests.put(up.json()["presigned_url"], data=b"{}", headers=up.json()["headers"], timeout=60)
        assert put.ok, put.text
        down = one.api("/artifacts/presigned-download-url", message)
        assert down.status == 200, down.body
        assert requests.get(down.json()["presigned_url"], timeout=60).content == b"{}"
        answers.append([{key: value for key, value in one.json().items() if "url" not in key} for one in (up, down)])
        assert both[0].place.look(f"direct/{run}/artifacts/d/a b.json").content_type == "application/json"
    assert answers[0] == answers[1]


@pytest.mark.not_on("azurite", "gcs")
def test_what_the_operator_says_of_uploads_is_asked_of_clients(store, own_server):
    place = store.place()
    extra = {"CacheControl": "no-store", "Metadata": {"team": "x"}}
    server = own_server(place=place, environment={"MLFLOW_S3_UPLOAD_EXTRA_ARGS": json.dumps(extra)})
    made = server.api("/experiments/create", {"name": "direct", "artifact_location": f"{place.uri}/direct"})
    run = server.api("/runs/create", {"experiment_id": made.json()["experiment_id"]}).json()["run"]["info"]["run_id"]
    given = server.api("/artifacts/presigned-upload-url", {"run_id": run, "path": "a.txt"}).json()
    assert given["headers"] == {"Content-Type": "text/plain", "cache-control": "no-store", "x-amz-meta-team": "x"}
    refused = requests.put(given["presigned_url"], data=b"x", headers={"Content-Type": "text/plain"}, timeout=60)
    assert refused.status_code >= 400
    assert requests.put(given["presigned_url"], data=b"x", headers=given["headers"], timeout=60).ok
    head = place.client.head_object(Bucket=BUCKET, Key=place.key(f"direct/{run}/artifacts/a.txt"))
    assert (head["Metadata"], head["CacheControl"]) == ({"team": "x"}, "no-store")


@pytest.mark.not_on("azurite", "gcs")
@pytest.mark.parametrize(
    ("route", "message"),
    [
        ("upload", {"path": "a"}),
        ("upload", {"run_id": "$RUN", "model_id": "m-x", "path": "a"}),
        ("upload", {"run_id": "nope", "path": "a"}),
        ("upload", {"run_id": "$RUN"}),
        ("upload", {"run_id": "$RUN", "path": "../a"}),
        ("download", {"run_id": "$RUN", "path": "none"}),
        ("download", {"run_id": "$RUN", "path": "a", "expiration": 0}),
        ("download", {"run_id": "$RUN", "path": "a", "expiration": 604801}),
        ("download", {"run_id": "nope", "path": "a"}),
    ],
)
def test_what_cannot_be_signed_is_refused_as_by_the_reference(both, direct, route, message):
    answers = []
    for one, run in zip(both, direct, strict=True):
        named = {key: run if value == "$RUN" else value for key, value in message.items()}
        answer = one.api(f"/artifacts/presigned-{route}-url", named)
        answers.append((answer.status, answer.message.replace(run, "$RUN")))
    if message.get("path") == "none":
        # Ours says what was not found.
        assert answers == [(404, "No such artifact: 'none'"), (404, "Not Found")]
    else:
        assert answers[0] == answers[1]
