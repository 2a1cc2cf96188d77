"""The advanced example, deploy/compose.yaml: two servers, PostgreSQL, a store, and a client without credentials."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from test_modes import ARTIFACTS_ONLY, TRACKING_CALLS
from topology import (
    COMPOSE,
    DEPLOY,
    Topology,
    deploy_tool,
    environment,
    environment_files,
    outside_environment,
    services,
)

from harness import SCRIPTS
from ports import free_port

# One topology, whichever worker has it.
pytestmark = pytest.mark.xdist_group("compose topology")

CREDENTIALS = re.compile(r"ACCESS_KEY|SECRET|ROOT_PASSWORD")
QUICK_START_FILES = {"a.txt": b"0", "dir/b.txt": b"1"}


@pytest.fixture(scope="module")
def topology():
    with Topology() as running:
        running.artifacts = running.start("artifacts-server", name="artifacts-server")
        running.tracking = running.start("tracking-server", name="tracking-server")
        yield running
        for server in (running.tracking, running.artifacts):
            assert server.stop() == 0, server.log


@pytest.fixture(scope="module")
def quick_start(topology, tmp_path_factory) -> dict:
    """What the client's quick start prints."""
    environment = outside_environment(**topology.client_environment())
    assert not [name for name in environment if CREDENTIALS.search(name)]
    done = subprocess.run(
        [sys.executable, SCRIPTS / "quick_start.py"],
        cwd=tmp_path_factory.mktemp("client"),
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{topology.tracking.log}\n{topology.artifacts.log}"
    return json.loads(done.stdout.splitlines()[-1])


def test_the_quick_start_passes_without_credentials(topology, quick_start):
    [first, _] = quick_start["runs"]
    root = topology.here("http://artifacts-server:5500/api/2.0/mlflow-artifacts/artifacts/experiments")
    assert quick_start["artifact_uri"] == f"{root}/0/{first}/artifacts"
    assert quick_start["downloaded"] == {name: data.decode() for name, data in QUICK_START_FILES.items()}
    assert quick_start["listed"] == [["a.txt", False, 1], ["dir", True, None]]
    assert quick_start["listed_dir"] == [["dir/b.txt", False, 1]]


def test_the_objects_lie_in_the_bucket_where_the_example_has_them(topology, quick_start):
    assert topology.store.objects() == {
        f"experiments/0/{run}/artifacts/{name}": data
        for run in quick_start["runs"]
        for name, data in QUICK_START_FILES.items()
    }


def test_the_records_lie_in_postgresql(topology, quick_start):
    rows = topology.rows("select run_uuid, status from runs")
    assert sorted(rows) == sorted((run, "FINISHED") for run in quick_start["runs"])


def test_uploads_and_downloads_go_past_the_tracking_server(topology, quick_start):
    [run, _] = quick_start["runs"]
    answer = topology.tracking.fetch(f"experiments/0/{run}/artifacts/a.txt")
    assert answer.status == 503
    assert topology.artifacts.fetch(f"experiments/0/{run}/artifacts/a.txt").body == b"0"


@pytest.mark.parametrize(("method", "target", "message"), TRACKING_CALLS)
def test_the_artifact_server_refuses_tracking_calls(topology, method, target, message):
    server = topology.artifacts
    answer = server.get(target) if message is None else server.post(target, message)
    assert answer.status == 503
    assert answer.message == ARTIFACTS_ONLY.format(target)


def test_the_tracking_server_asks_the_artifact_server_for_what_its_page_shows(topology, quick_start):
    server, [run, _] = topology.tracking, quick_start["runs"]
    for prefix in ("/api/2.0", "/ajax-api/2.0"):
        files = server.get(f"{prefix}/mlflow/artifacts/list?run_id={run}").json()
        assert files["root_uri"].endswith(f"/experiments/0/{run}/artifacts")
        assert [(entry["path"], entry["is_dir"]) for entry in files["files"]] == [("a.txt", False), ("dir", True)]
        below = server.get(f"{prefix}/mlflow/artifacts/list?run_id={run}&path=dir").json()["files"]
        assert [(entry["path"], int(entry["file_size"])) for entry in below] == [("dir/b.txt", 1)]
    assert server.get(f"/get-artifact?run_id={run}&path=dir/b.txt").body == b"1"
    server.get(f"/get-artifact?run_id={run}&path=none.txt").assert_error(404)


def test_an_upload_from_the_page_reaches_the_store(topology, quick_start):
    [_, run] = quick_start["runs"]
    answer = topology.tracking.request(
        "POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=page/c.txt", b"from the page"
    )
    assert answer.status == 200, answer.body
    key = f"experiments/0/{run}/artifacts/page/c.txt"
    assert topology.store.objects()[key] == b"from the page"
    assert topology.artifacts.delete(key).status == 200


def test_an_artifact_server_that_is_gone_is_an_error_and_no_empty_list(topology):
    """The tracking server itself goes on."""
    places = topology.places | {"artifacts-server:5500": f"127.0.0.1:{free_port()}"}
    tracking = topology.start("tracking-server", places=places)
    experiment = tracking.api("/experiments/create", {"name": "elsewhere"}).json()["experiment_id"]
    run = tracking.api("/runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
    assert tracking.api("/artifacts/list", run_id=run).status >= 500
    assert tracking.api("/runs/get", run_id=run).status == 200


# The file itself


@pytest.mark.parametrize("store", ["rustfs", "minio", "garage"])
def test_only_the_artifact_server_has_the_credentials_of_the_store(store):
    holders = set()
    for name, service in services(store).items():
        given = environment(service) | service.get("environment", {})
        if any(CREDENTIALS.search(variable) for variable in given):
            holders.add(name)
    assert holders == {"artifacts-server", "bucket", "rustfs", "minio", "garage"}


@pytest.mark.parametrize("store", ["rustfs", "minio"])
def test_the_console_knows_the_user_of_the_example(store):
    service = services(store)[store]
    assert {"user", "password"} <= set(environment(service).values())
    assert "127.0.0.1:9001:9001" in service["ports"]


def test_every_environment_file_is_used():
    used = {
        file
        for store in ("rustfs", "minio", "garage")
        for s in services(store).values()
        for file in environment_files(s)
    }
    assert used == {f"env/{path.name}" for path in (DEPLOY / "env").iterdir()}


needs_compose = pytest.mark.skipif(
    not deploy_tool("docker-compose").exists(), reason="docker compose is not here: `make deploy-tools` installs it"
)


@needs_compose
@pytest.mark.parametrize("tracking", ["one", "replicas"])
@pytest.mark.parametrize("store", ["rustfs", "minio", "garage"])
def test_docker_compose_accepts_the_file(store, tracking):
    line = [deploy_tool("docker-compose"), "--file", COMPOSE, "config", "--format", "json"]
    settings = {"STORE": store, "TRACKING": tracking}
    done = subprocess.run(line, env=os.environ | settings, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    running = json.loads(done.stdout)["services"]
    expected = {"postgres", "artifacts-server", store}
    expected |= {"tracking-server"} if tracking == "one" else {"tracking-replica", "balancer"}
    expected |= set() if store == "garage" else {"bucket"}
    assert set(running) == expected
    for name in ("artifacts-server", *(n for n in running if n.startswith("tracking"))):
        assert running[name]["read_only"]
        assert running[name]["healthcheck"]["test"] == ["CMD", "/usr/bin/mlferry", "healthcheck"]
    if tracking == "replicas":
        assert running["tracking-replica"]["deploy"]["replicas"] == 3
