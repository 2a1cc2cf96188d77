"""Modes, the static prefix, and the routes that tell about the server."""

from __future__ import annotations

import pytest

from harness import AJAX_ARTIFACTS, ARTIFACTS, Server, entries, exchange

ARTIFACTS_ONLY = (
    "Endpoint: {} disabled due to the mlflow server running in `--artifacts-only` mode. To enable tracking server "
    "functionality, run `mlflow server` without `--artifacts-only`"
)
NOT_SERVED = "Artifact serving is disabled. Run `mlflow server` with `--serve-artifacts` to enable."
NOT_SERVED_ROUTE = (
    "Endpoint: {} disabled due to the mlflow server running with `--no-serve-artifacts`. To enable artifacts server "
    "functionality, run `mlflow server` with `--serve-artifacts`"
)
SERVER_INFO = {
    "store_type": "SqlStore",
    "workspaces_enabled": False,
    "trace_archival_enabled": False,
    "multipart_uploads_enabled": False,
    "multipart_downloads_enabled": False,
}
TRACKING_CALLS = [
    ("POST", "/api/2.0/mlflow/runs/create", {"experiment_id": "0"}),
    ("GET", "/api/2.0/mlflow/runs/get", None),
    ("POST", "/api/2.0/mlflow/runs/log-batch", {}),
    ("POST", "/ajax-api/2.0/mlflow/runs/search", {}),
    ("POST", "/api/2.0/mlflow/experiments/create", {"name": "x"}),
    ("GET", "/api/2.0/mlflow/experiments/get", None),
    ("GET", "/api/2.0/mlflow/metrics/get-history", None),
    ("GET", "/api/2.0/mlflow/artifacts/list", None),
    ("GET", "/get-artifact", None),
    ("GET", "/model-versions/get-artifact", None),
    ("POST", "/ajax-api/2.0/mlflow/upload-artifact", {}),
]


def call(server, method: str, target: str, message):
    return server.get(target) if message is None else server.post(target, message)


@pytest.fixture(scope="module")
def artifacts_only():
    with Server("--artifacts-only") as running:
        yield running


@pytest.fixture(scope="module")
def no_artifacts():
    with Server("--no-serve-artifacts") as running:
        yield running


@pytest.fixture(scope="module")
def prefixed():
    with Server("--static-prefix", "/team/ml", prefix="/team/ml") as running:
        yield running


# Artifacts only


@pytest.mark.parametrize(("method", "target", "message"), TRACKING_CALLS)
def test_artifacts_only_disables_tracking_with_the_text_of_the_reference(artifacts_only, method, target, message):
    answer = call(artifacts_only, method, target, message)
    assert answer.status == 503
    assert ARTIFACTS_ONLY.format(target) in answer.message


def test_artifacts_only_serves_artifacts(artifacts_only, folder):
    server = artifacts_only
    assert server.put(f"{folder}/a.txt", b"x").status == 200
    assert server.names(folder) == ["a.txt"]
    assert server.fetch(f"{folder}/a.txt").body == b"x"
    assert server.head(f"{folder}/a.txt").status == 200
    assert server.delete(f"{folder}/a.txt").json() == {}
    message = {"path": "f", "num_parts": 1}
    server.post(f"/api/2.0/mlflow-artifacts/mpu/create/{folder}", message).assert_error(501)


def test_artifacts_only_keeps_the_probes_alive_and_opens_no_database(artifacts_only):
    server = artifacts_only
    assert server.get("/health").text == "OK"
    assert server.get("/version").text == "3.17.2"
    for prefix in ("api", "ajax-api"):
        answer = server.get(f"/{prefix}/3.0/mlflow/server-info")
        assert answer.status == 200
        assert set(SERVER_INFO) <= set(answer.json())
    call(server, *TRACKING_CALLS[0])
    assert [name for name in entries(server.root) if not name.startswith("mlartifacts")] == []


def test_an_unknown_path_is_404_in_every_mode(artifacts_only, no_artifacts):
    for server in (artifacts_only, no_artifacts):
        server.get("/api/2.0/mlflow/none").assert_error(404, "ENDPOINT_NOT_FOUND")


# No artifacts


@pytest.mark.parametrize("prefix", [ARTIFACTS, AJAX_ARTIFACTS])
def test_no_serve_artifacts_disables_upload_and_download(no_artifacts, prefix):
    for path in ("a.txt", "..%2fa"):
        for method in ("PUT", "GET"):
            answer = no_artifacts.request(method, f"{prefix}/{path}", b"x" if method == "PUT" else None)
            assert answer.status == 503
            assert NOT_SERVED in answer.message


@pytest.mark.parametrize("prefix", ["/api/2.0", "/ajax-api/2.0"])
@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "artifacts", "artifacts"),
        ("GET", "artifacts?path=x", "artifacts"),
        ("DELETE", "artifacts/x", "artifacts/<path:artifact_path>"),
        ("POST", "mpu/create/x", "mpu/create/<path:artifact_path>"),
        ("POST", "mpu/complete/x", "mpu/complete/<path:artifact_path>"),
        ("POST", "mpu/abort/x", "mpu/abort/<path:artifact_path>"),
        ("GET", "presigned/x", "presigned/<path:artifact_path>"),
    ],
)
def test_no_serve_artifacts_disables_the_rest_with_its_own_text(no_artifacts, prefix, method, path, route):
    headers = {"Content-Type": "application/json"} if method == "POST" else None
    body = b'{"path":"x","upload_id":"u","parts":[]}' if method == "POST" else None
    answer = no_artifacts.request(method, f"{prefix}/mlflow-artifacts/{path}", body, headers)
    assert answer.status == 503
    assert NOT_SERVED_ROUTE.format(f"{prefix}/mlflow-artifacts/{route}") in answer.message


def test_head_of_an_artifact_is_503_too(no_artifacts):
    assert no_artifacts.head("a.txt").status == 503


def test_without_artifacts_tracking_works_and_experiments_are_local(no_artifacts):
    experiment = no_artifacts.api("/experiments/get", experiment_id="0").json()["experiment"]
    assert experiment["artifact_location"] == f"{no_artifacts.root}/mlruns/0"
    run = no_artifacts.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]
    assert run["artifact_uri"] == f"{no_artifacts.root}/mlruns/0/{run['run_id']}/artifacts"
    assert not no_artifacts.artifacts.exists()


def test_both_modes_together_leave_the_probes_only(own_server):
    server = own_server("--artifacts-only", "--no-serve-artifacts")
    assert server.put("a.txt", b"x").status == 503
    assert server.listing().status == 503
    assert call(server, *TRACKING_CALLS[0]).status == 503
    assert server.get("/health").text == "OK"
    assert entries(server.root) == []


# The static prefix


def test_everything_lives_below_the_prefix(prefixed, folder):
    server = prefixed
    assert server.put(f"{folder}/a.txt", b"hello").status == 200
    assert server.put(f"{folder}/chunked.bin", [b"x" * 1000] * 3, chunked=True).status == 200
    assert server.fetch(f"{folder}/a.txt").body == b"hello"
    assert server.fetch(f"{folder}/chunked.bin").body == b"x" * 3000
    assert server.names(folder) == ["a.txt", "chunked.bin"]
    assert server.get("/health").text == "OK"
    assert server.get("/version").text == "3.17.2"
    assert server.get("/api/3.0/mlflow/server-info").status == 200
    run_id = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    assert server.api("/artifacts/list", run_id=run_id).status == 200
    assert server.get(f"/get-artifact?run_id={run_id}&path=none").status == 404
    assert server.delete(folder).json() == {}


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", f"{ARTIFACTS}/a.txt"),
        ("GET", f"{ARTIFACTS}/a.txt"),
        ("HEAD", f"{ARTIFACTS}/a.txt"),
        ("DELETE", f"{ARTIFACTS}/a.txt"),
        ("GET", ARTIFACTS),
        ("PUT", f"{AJAX_ARTIFACTS}/a.txt"),
        ("GET", f"{AJAX_ARTIFACTS}/a.txt"),
        ("GET", "/health"),
        ("GET", "/version"),
        ("GET", "/api/3.0/mlflow/server-info"),
        ("POST", "/api/2.0/mlflow/runs/create"),
        ("GET", "/get-artifact?run_id=x&path=y"),
        ("GET", "/team/mlx/health"),
        ("GET", "/team/ml/team/ml/health"),
        ("GET", "/team/ml/../../health"),
    ],
)
def test_nothing_lives_outside_the_prefix(prefixed, method, target):
    prefixed.put("a.txt", b"kept")
    assert exchange(prefixed.port, method, target, b"x" if method == "PUT" else None).status == 404
    assert prefixed.fetch("a.txt").body == b"kept"


# Server info and probes


@pytest.mark.parametrize("prefix", ["api", "ajax-api"])
def test_server_info_tells_what_the_client_looks_for(server, prefix):
    answer = server.get(f"/{prefix}/3.0/mlflow/server-info")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    info = answer.json()
    assert {key: info.get(key) for key in SERVER_INFO} == SERVER_INFO
    for told in (
        info["presigned_upload_run_id_supported"],
        info["presigned_upload_model_id_supported"],
        info["features_enabled"]["gateway"],
    ):
        assert isinstance(told, bool)


def test_server_info_exists_in_version_3_only(server):
    for target in (
        "/api/2.0/mlflow/server-info",
        "/api/3.0/mlflow/server-features",
        "/ajax-api/2.0/mlflow/server-info",
    ):
        assert server.get(target).status == 404


def test_health_and_version(server):
    for method in ("GET", "HEAD"):
        health = server.request(method, "/health")
        assert (health.status, health.body) == (200, b"OK" if method == "GET" else b"")
        assert health.headers["content-type"].startswith("text/")
        version = server.request(method, "/version")
        assert (version.status, version.body) == (200, b"3.17.2" if method == "GET" else b"")
    assert server.get("/health/").status == 404


def test_http_1_0_and_odd_requests_are_answered(server):
    with server.raw(timeout=10) as connection:
        connection.send("GET /health HTTP/1.0\r\n\r\n")
        assert connection.read_all().startswith(b"HTTP/1.")
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        with server.raw(timeout=10) as connection:
            connection.send(nonsense + b"\r\n\r\n")
            connection.read_all()
    assert server.get("/health").status == 200
