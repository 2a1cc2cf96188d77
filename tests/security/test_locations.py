"""Locations and sources that clients write into the database: none makes the server read or write another folder.

What a location says is decided on when it is used, so the same is tried with locations that came into the database by
other ways: by the reference, by an older version, or by somebody who may write to it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import uuid
from urllib.parse import quote

import pytest

from attack_surface import PLANTED
from harness import Answer
from targets import Target, target

# A prefix of URLs changes nothing of what lies behind them.
pytestmark = pytest.mark.not_on("prefixed")

PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "hi"}]
ARTIFACT_ROUTE = "api/2.0/mlflow-artifacts/artifacts"


def locations(attacked: Target) -> list[str]:
    """Every way to write where the canary on the disk lies: in the folder that holds the destination."""
    real = str(attacked.folder)
    port = attacked.server.port
    return [
        real,
        f"{real}/",
        f"/.{real}",
        f"/{real}",
        f"file://{real}",
        f"file:{real}",
        f"FILE:{real}",
        f"File://{real}",
        f"file:///{real}",
        f"file://localhost{real}",
        f"file://127.0.0.1{real}",
        f"file://{real}?x=1",
        f"file://{real}#x",
        f"file://{quote(real, safe='').lower()}",
        f"/proc/self/root{real}",
        f"//proc/self/root{real}",
        "/proc/self/cwd",
        f"{real}/destination/..",
        f"{real}/destination/inside/../..",
        f"{real}/destination/%2e%2e",
        f"{real}/destination-sibling",
        f"file://{real}/destination/../destination-sibling",
        f"file:{real}/destination/..\\..",
        f":{real}",
        "..",
        ".",
        "../",
        "destination-sibling",
        "file:..",
        "file:destination-sibling",
        "file:\\..\\..\\x",
        "\\..\\..\\x",
        "C:\\",
        "mlflow-artifacts:/..",
        "mlflow-artifacts:/../destination-sibling",
        "mlflow-artifacts:/%2e%2e/destination-sibling",
        "mlflow-artifacts:/%252e%252e/destination-sibling",
        "mlflow-artifacts:/;/../../destination-sibling",
        "mlflow-artifacts:/inside;x/../../destination-sibling",
        "mlflow-artifacts:/#/../../destination-sibling",
        "mlflow-artifacts:/inside?/../../destination-sibling",
        "mlflow-artifacts://host/../destination-sibling",
        f"mlflow-artifacts:{real}",
        f"mlflow-artifacts:/{real}",
        f"http://localhost:{port}/{ARTIFACT_ROUTE}/../destination-sibling",
        f"http://localhost:{port}/{ARTIFACT_ROUTE}/%2e%2e/destination-sibling",
        f"http://localhost:{port}/{ARTIFACT_ROUTE}/{real}",
        f"http://localhost:{port}/get-artifact?path=",
        f"http:///#/../..{real}",
        f"http:///?/../..{real}",
        f"https:///;/../..{real}",
        f"http://{real}",
        f"dbfs:/../..{real}",
        f"dbfs:{real}",
        f"uc:{real}",
        f"url;?../..{real}",
        f"s3:{real}",
        f"s3:///..{real}",
        f"hf://..{real}",
        "runs:/../x",
        "runs:/",
        f"models:/..{real}",
        "x:y",
    ]


class Reader:
    """Asks a server for what lies at a location, by whatever has it."""

    def __init__(self, attacked: Target):
        self.attacked, self.failures = attacked, []

    def expect_nothing(self, location: str, what: str, method: str, path: str, message=None, body=None) -> None:
        if message is not None:
            body, headers = json.dumps(message).encode(), {"Content-Type": "application/json"}
        else:
            headers = {}
        answer = self.attacked.wire.send(method, self.attacked.server.prefix + path, body, headers)
        # A location may be odd and lead to a place within the destination, where nothing of this name is.
        if (
            self.attacked.tells(answer)
            or (answer.status >= 500 and answer.status != 501)
            or b"canary.txt" in listed(answer)
        ):
            self.failures.append(f"{location} by {what}: {answer.status} {answer.body[:200]!r}")

    def of_run(self, location: str, run: str) -> None:
        self.expect_nothing(location, "list", "GET", f"/api/2.0/mlflow/artifacts/list?run_id={run}")
        self.expect_nothing(location, "get", "GET", f"/get-artifact?run_id={run}&path=canary.txt")
        self.expect_nothing(location, "archive", "GET", f"/get-artifact?run_id={run}&path=&archive=tar")
        upload = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=planted.txt"
        self.expect_nothing(location, "upload", "POST", upload, body=PLANTED)
        for kind in ("download", "upload"):
            path = f"/api/2.0/mlflow/artifacts/presigned-{kind}-url"
            self.expect_nothing(location, f"presigned {kind}", "POST", path, {"run_id": run, "path": "canary.txt"})

    def of_model(self, location: str, model: str) -> None:
        base = f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts"
        self.expect_nothing(location, "files of a model", "GET", f"{base}/files?artifact_file_path=canary.txt")
        self.expect_nothing(location, "list of a model", "GET", f"{base}/directories?artifact_directory_path=")
        path = "/api/2.0/mlflow/artifacts/presigned-upload-url"
        self.expect_nothing(location, "presigned upload", "POST", path, {"model_id": model, "path": "planted.txt"})

    def of_version(self, location: str, name: str) -> None:
        path = f"/model-versions/get-artifact?name={name}&version=1&path="
        self.expect_nothing(location, "version", "GET", f"{path}canary.txt")
        self.expect_nothing(location, "version", "GET", f"{path}destination-sibling%2Fcanary.txt")

    def of_trace(self, location: str, trace: str) -> None:
        for more in ("", f"&path={uuid.UUID(int=0)}"):
            path = f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={trace}{more}"
            self.expect_nothing(location, "trace", "GET", path)

    def close(self) -> None:
        assert self.failures == []
        self.attacked.assert_unharmed()


def listed(answer: Answer) -> bytes:
    """The names in a listing; errors may repeat what they were asked for."""
    return answer.body if answer.status == 200 else b""


@pytest.fixture
def reader(attacked):
    """Asks the server under attack."""
    return Reader(attacked)


def test_no_location_of_an_experiment_leads_out(attacked, reader):
    server, made = attacked.server, 0
    for location in locations(attacked):
        message = {"name": uuid.uuid4().hex, "artifact_location": location}
        answer = server.api("/experiments/create", message)
        if answer.status != 200:
            answer.assert_error(400, "INVALID_PARAMETER_VALUE")
            continue
        made += 1
        experiment = answer.json()["experiment_id"]
        run = server.api("/runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]
        reader.of_run(location, run)
        model = server.api("/logged-models", {"experiment_id": experiment, "name": "m"}).json()["model"]["info"]
        reader.of_model(location, model["model_id"])
        name = uuid.uuid4().hex
        server.api("/registered-models/create", {"name": name})
        for source in (f"runs:/{run}", f"runs:/{run}/destination-sibling"):
            server.api("/model-versions/create", {"name": name, "source": source, "run_id": run})
        reader.of_version(location, name)
        reader.of_trace(location, started_trace(server, experiment))
    assert made > 0
    reader.close()


def started_trace(server, experiment: str, **tags: str) -> str:
    trace = f"tr-{uuid.uuid4().hex}"
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    info = {"trace_id": trace, "trace_location": place, "request_time": "2026-01-01T00:00:00Z", "state": "OK"}
    answer = server.post("/api/3.0/mlflow/traces", {"trace": {"trace_info": info | {"tags": tags}}})
    assert answer.status == 200, answer.body
    return trace


def test_no_source_of_a_model_version_leads_out(attacked, reader):
    server = attacked.server
    run = attacked.ids["run"]
    given = [
        {},
        {"tags": PROMPT},
        {"run_id": run},
        {"run_id": run, "tags": PROMPT},
        {"model_id": attacked.ids["model"]},
    ]
    refused = 0
    own = server.api("/runs/get", run_id=run).json()["run"]["info"]["artifact_uri"]
    for source in [*locations(attacked), f"{own}/../../../..", f"{own}/..%2f..%2f..%2f..", f"{own}-sibling"]:
        for more in given:
            name = uuid.uuid4().hex
            server.api("/registered-models/create", {"name": name})
            answer = server.api("/model-versions/create", {"name": name, "source": source} | more)
            if answer.status == 200:
                reader.of_version(f"{source} {more}", name)
                continue
            refused += 1
            assert 400 <= answer.status < 500, (source, answer.body)
            answer.assert_error(answer.status)
    assert refused > 100
    reader.close()


@pytest.mark.parametrize("tags", [[], PROMPT], ids=["model", "prompt"])
@pytest.mark.parametrize(
    "source",
    ["/etc/", "/etc/passwd", "file:///etc", "file:/etc/../etc", "file:etc/passwd", "//proc/self/root/etc", "../x"],
)
def test_a_local_source_is_refused_when_the_version_is_made(attacked, source, tags):
    server, name = attacked.server, uuid.uuid4().hex
    server.api("/registered-models/create", {"name": name})
    answer = server.api("/model-versions/create", {"name": name, "source": source, "tags": tags})
    answer.assert_error(400, "INVALID_PARAMETER_VALUE")
    server.api("/model-versions/get", name=name, version="1").assert_error(404)


def test_no_location_that_a_client_gives_a_trace_leads_out(attacked, reader):
    """A trace's spans and attachments are looked for where a tag says."""
    spans, attachment = attacked.folder / "traces.json", attacked.folder / "attachments" / str(uuid.UUID(int=0))
    attachment.parent.mkdir(exist_ok=True)
    for file in (spans, attachment):
        file.write_bytes(attacked.token)
    attacked.before = attacked.outside()
    server = attacked.server
    for location in locations(attacked):
        reader.of_trace(location, started_trace(server, "0", **{"mlflow.artifactLocation": location}))
        trace = started_trace(server, "0")
        message = {"key": "mlflow.artifactLocation", "value": location}
        for version in ("2.0", "3.0"):
            path = f"{server.prefix}/api/{version}/mlflow/traces/{trace}/tags"
            answer = attacked.wire.send(
                "PATCH", path, json.dumps(message).encode(), {"Content-Type": "application/json"}
            )
            assert answer.status < 500
        reader.of_trace(location, trace)
    reader.close()


# Locations that came into the database by other ways


@pytest.mark.parametrize("name", ["local", "folder"])
def test_a_location_that_somebody_wrote_into_the_database_leads_out_neither(stores, name):
    with target(name, stores) as attacked:
        reader = Reader(attacked)
        trace = started_trace(attacked.server, "0")
        for file in ("traces.json", f"attachments/{uuid.UUID(int=0)}"):
            (attacked.folder / file).parent.mkdir(exist_ok=True)
            (attacked.folder / file).write_bytes(attacked.token)
        attacked.before = attacked.outside()
        changed = 0
        for location in locations(attacked):
            with contextlib.closing(sqlite3.connect(attacked.server.database)) as database, database:
                for statement in (
                    "update experiments set artifact_location = ?",
                    "update runs set artifact_uri = ?",
                    "update logged_models set artifact_location = ?",
                    "update model_versions set source = ?, storage_location = ?",
                    "update trace_tags set value = ? where key = 'mlflow.artifactLocation'",
                ):
                    changed += database.execute(statement, (location,) * statement.count("?")).rowcount
            reader.of_run(location, attacked.ids["run"])
            reader.of_model(location, attacked.ids["model"])
            reader.of_version(location, attacked.ids["version"])
            reader.of_trace(location, trace)
        assert changed >= 5 * len(locations(attacked))
        reader.close()
