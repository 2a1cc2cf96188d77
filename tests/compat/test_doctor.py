"""`mlferry doctor`: what it finds in healthy and in spoilt databases and destinations, and what it mends."""

from __future__ import annotations

import hashlib
import http.server
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from harness import ON_DISK_BYTES, Folder, Server, binary, clean_environment, run_binary, tree, wait_until
from postgres import execute

SECONDS = 90.0


class Report:
    """What `mlferry doctor --format json` said, and its exit code."""

    def __init__(self, done: subprocess.CompletedProcess):
        self.code = done.returncode
        assert done.stdout, done.stderr
        told = json.loads(done.stdout)
        self.status = told["status"]
        self.findings = {finding["check"]: finding for finding in told["findings"]}
        assert len(self.findings) == len(told["findings"]), "a check has one finding"

    def at(self, level: str) -> set[str]:
        return {name for name, finding in self.findings.items() if finding["level"] == level}

    def assert_healthy(self) -> None:
        assert (self.code, self.status) == (0, "ok"), self.findings
        # How much room a disk has is no matter of the database.
        others = {name: found for name, found in self.findings.items() if found["group"] != "machine"}
        assert {found["level"] for found in others.values()} == {"ok"}, others


def doctor(root: Path, *arguments: str, environment=None) -> Report:
    line = ["doctor", "--format", "json", *arguments]
    return Report(run_binary(*line, cwd=root, environment=environment, seconds=SECONDS))


class Lab(Folder):
    """A database and its artifacts, with something of each kind that has files."""

    def __init__(self, root: Path):
        self.root = root
        root.mkdir()
        with Server(root=root) as server:
            self.experiment = server.api("/experiments/create", {"name": "e"}).json()["experiment_id"]
            run = server.api("/runs/create", {"experiment_id": self.experiment}).json()["run"]["info"]
            self.run = run["run_id"]
            metrics = [{"key": "m", "value": step, "timestamp": step, "step": step} for step in range(5)]
            assert server.api("/runs/log-batch", {"run_id": self.run, "metrics": metrics}).status == 200
            assert server.put(f"{self.experiment}/{self.run}/artifacts/a.txt", b"a").status == 200
            model = {"experiment_id": self.experiment, "name": "m", "source_run_id": self.run}
            self.model = server.api("/logged-models", model).json()["model"]["info"]["model_id"]
            self.model_folder = f"{self.experiment}/models/{self.model}"
            assert server.put(f"{self.model_folder}/artifacts/MLmodel", b"x").status == 200
            ready = {"model_id": self.model, "status": "LOGGED_MODEL_READY"}
            done = server.request(
                "PATCH",
                f"/api/2.0/mlflow/logged-models/{self.model}",
                json.dumps(ready),
                {"Content-Type": "application/json"},
            )
            assert done.status == 200, done.body
            assert server.api("/registered-models/create", {"name": "r"}).status == 200
            version = {"name": "r", "source": f"models:/{self.model}", "model_id": self.model}
            assert server.api("/model-versions/create", version).status == 200
            assert server.stop() == 0

    def spoil(self, sql: str) -> None:
        connection = sqlite3.connect(self.root / "mlflow.db")
        connection.executescript(f"pragma foreign_keys = off; pragma ignore_check_constraints = on; {sql}")
        connection.close()

    def value(self, question: str):
        connection = sqlite3.connect(self.root / "mlflow.db")
        try:
            return connection.execute(question).fetchone()[0]
        finally:
            connection.close()

    @property
    def artifacts(self) -> Path:
        return self.root / "mlartifacts"


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[Lab]:
    return Lab(tmp_path_factory.mktemp("doctor") / "lab")


@pytest.fixture
def own(lab, tmp_path) -> Lab:
    return lab.copy(tmp_path / "own")


def test_a_healthy_database_has_no_findings_and_stays_as_it_is(own):
    database = own.root / "mlflow.db"
    before = hashlib.sha256(database.read_bytes()).hexdigest(), tree(own.artifacts)
    doctor(own.root).assert_healthy()
    doctor(own.root, "--deep", "--fix").assert_healthy()
    assert (hashlib.sha256(database.read_bytes()).hexdigest(), tree(own.artifacts)) == before
    assert {path.name for path in own.root.iterdir()} == {"mlflow.db", "mlartifacts"}


def test_people_are_told_in_lines(own):
    done = run_binary("doctor", cwd=own.root, seconds=SECONDS)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("\n0 problems, 0 warnings.\n"), done.stdout
    for title in ("This machine", "Database", "Records", "Artifact destination", "Artifacts of records"):
        assert f"{title}\n  ok " in done.stdout
    own.spoil("insert into params (key, value, run_uuid) values ('a', '1', 'gone')")
    done = run_binary("doctor", cwd=own.root, seconds=SECONDS)
    assert done.returncode == 1
    assert "  PROBLEM  1 params name a run that is not there\n             gone\n           → " in done.stdout


def test_a_server_may_run_meanwhile(own):
    with Server(root=own.root) as server:
        upload = server.raw().head("PUT", "/api/2.0/mlflow-artifacts/artifacts/9/x", Content_Length=ON_DISK_BYTES * 2)
        upload.send(b"x" * ON_DISK_BYTES)
        wait_until(server.pending, 10, "the upload is not staged")
        doctor(own.root, "--fix").assert_healthy()
        # What is on its way is not the dead's.
        upload.send(b"x" * ON_DISK_BYTES)
        assert upload.answer().status == 200
        upload.close()


def test_a_healthy_database_of_the_reference_has_no_findings(start_reference, tmp_path):
    root = tmp_path / "reference"
    root.mkdir()
    reference = start_reference(root, "--backend-store-uri", "sqlite:///mlflow.db")
    script = """
import mlflow, sys
from mlflow.models import infer_signature
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("e")
with mlflow.start_run() as run:
    mlflow.log_metrics({"a": 1.0, "b": float("nan")}, step=1)
    mlflow.log_metrics({"a": 0.5, "b": float("inf")}, step=2)
    mlflow.log_param("p", 1)
    mlflow.set_tag("t", 1)
    mlflow.log_text("hello", "deep/er.txt")
    class Model(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input):
            return model_input
    signature = infer_signature([1.0], [1.0])
    info = mlflow.pyfunc.log_model(name="m", python_model=Model(), signature=signature, pip_requirements=[])
    version = mlflow.register_model(f"models:/{info.model_id}", "r")
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("r", "champion", version.version)
with mlflow.start_span("s") as span:
    span.set_inputs({"x": 1})
mlflow.flush_trace_async_logging()
other = mlflow.MlflowClient().create_experiment("gone")
mlflow.MlflowClient().create_run(other)
mlflow.MlflowClient().delete_experiment(other)
"""
    run_python(script, reference.url, cwd=tmp_path)
    doctor(root).assert_healthy()
    reference.stop()
    doctor(root, "--deep").assert_healthy()


def run_python(script: str, *arguments: str, cwd: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd,
        env=clean_environment(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1"),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("sql", "check", "level"),
    [
        ("insert into tags (key, value, run_uuid) values ('a', '1', 'gone')", "orphans.tags", "problem"),
        ("update runs set experiment_id = 99", "orphans.runs", "problem"),
        ("update runs set status = 'DREAMING'", "runs.status", "problem"),
        ("update runs set status = 'DREAMING'", "database.constraints", "problem"),
        ("update runs set lifecycle_stage = 'deleted'", "runs.deleted_time", "warning"),
        ("delete from latest_metrics", "latest_metrics.outdated", "problem"),
        ("update latest_metrics set value = 99, step = 99", "latest_metrics.unknown", "warning"),
        ("insert into registered_model_aliases values ('a', 9, 'r', 'default')", "aliases.version", "problem"),
        ("delete from registered_models", "orphans.model_versions", "problem"),
        (
            "insert into inputs values ('1', 'DATASET', 'gone', 'RUN', 'gone', 0)",
            "links.to_runs",
            "warning",
        ),
        ("drop index index_params_run_uuid", "database.schema", "problem"),
        ("update alembic_version set version_num = 'abc'", "database.schema", "problem"),
        ("update runs set artifact_uri = '/etc/x'", "runs.location", "warning"),
    ],
)
def test_each_finding_is_told_with_its_level(own, sql, check, level):
    own.spoil(sql)
    report = doctor(own.root)
    finding = report.findings[check]
    assert finding["level"] == level
    assert finding["advice"]
    if check != "database.schema":
        assert finding["count"] == 1
    problems = report.at("problem")
    assert report.code == (1 if problems else 0), report.findings
    assert not report.at("unchecked")


def test_damage_is_told(own):
    own.spoil(
        "create table big (x); with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)"
        " insert into big select randomblob(900) from n"
    )
    database = own.root / "mlflow.db"
    content = bytearray(database.read_bytes())
    content[-200_000:] = b"\x5a" * 200_000
    database.write_bytes(content)
    report = doctor(own.root)
    assert report.code == 1
    finding = report.findings["database.file"]
    assert (finding["level"], finding["count"] > 0) == ("problem", True)
    database.write_bytes(b"\x5a" * 100_000)
    assert doctor(own.root).code == 2


def test_latest_metrics_are_mended_when_asked(own):
    own.spoil("delete from latest_metrics")
    assert doctor(own.root).code == 1
    report = doctor(own.root, "--fix")
    assert report.code == 0
    assert report.findings["latest_metrics.outdated"]["fixed"] == "1 latest values were taken from the histories."
    assert own.value("select step from latest_metrics where key = 'm'") == 4
    doctor(own.root).assert_healthy()


def test_a_fix_deletes_no_rows_and_no_artifacts(own):
    own.spoil("insert into params (key, value, run_uuid) values ('a', '1', 'gone')")
    (own.artifacts / own.experiment / "stray").mkdir()
    (own.artifacts / own.experiment / "stray" / "file").write_text("precious")
    before = tree(own.artifacts)
    report = doctor(own.root, "--fix")
    assert report.at("problem") == {"orphans.params"}
    assert own.value("select count(*) from params where run_uuid = 'gone'") == 1
    assert tree(own.artifacts) == before


def test_files_that_are_gone_are_missed(own):
    shutil.rmtree(own.artifacts / own.model_folder)
    report = doctor(own.root)
    assert report.at("problem") == {"logged_models.missing", "model_versions.missing"}
    assert report.code == 1
    assert own.model in report.findings["logged_models.missing"]["examples"][0]
    assert report.findings["model_versions.missing"]["examples"][0].startswith("r/1 at ")


def test_passwords_of_places_are_not_told(own):
    own.spoil("update logged_models set artifact_location = 'ftp://me:secret@127.0.0.1:9/x'")
    done = run_binary("doctor", cwd=own.root, seconds=SECONDS)
    assert f"{own.model} at ftp://me:***@127.0.0.1:9/x" in done.stdout
    assert "secret" not in done.stdout + done.stderr


def test_a_model_that_is_not_ready_needs_no_files(own):
    shutil.rmtree(own.artifacts / own.model_folder)
    own.spoil("update logged_models set status = 1; delete from model_versions")
    doctor(own.root).assert_healthy()


def test_folders_of_nobody_are_told(own):
    experiment = own.artifacts / own.experiment
    strays = [experiment / "stray", experiment / "models" / "m-stray", experiment / "traces" / "tr-stray"]
    for stray in strays:
        stray.mkdir(parents=True)
        (stray / "file").write_text("x")
    (experiment / "a file of the experiment").write_text("x")
    report = doctor(own.root)
    assert report.at("warning") == {"artifacts.unowned"}
    assert report.code == 0
    expected = [f"mlflow-artifacts:/{path.relative_to(own.artifacts)}" for path in strays]
    assert report.findings["artifacts.unowned"]["examples"] == expected


def test_an_experiment_below_another_owns_its_folder(own):
    own.spoil(
        "update experiments set artifact_location = 'mlflow-artifacts:/' where experiment_id = 0;"
        f"update runs set artifact_uri = 'mlflow-artifacts:/{own.experiment}/moved/artifacts'"
    )
    folder = own.artifacts / own.experiment
    (folder / own.run).rename(folder / "moved")
    doctor(own.root).assert_healthy()


def test_uploads_of_killed_servers_are_swept_when_asked(own):
    with Server(root=own.root) as server:
        upload = server.raw().head("PUT", "/api/2.0/mlflow-artifacts/artifacts/9/x", Content_Length=ON_DISK_BYTES * 2)
        upload.send(b"x" * ON_DISK_BYTES)
        wait_until(server.pending, 10, "the upload is not staged")
        server.kill()
        upload.close()
        report = doctor(own.root)
        assert report.at("warning") == {"destination.staging"}
        assert report.findings["destination.staging"]["count"] == 1
        assert server.pending()
        assert doctor(own.root, "--fix").findings["destination.staging"]["fixed"] == "They were removed."
        assert not server.pending()
    doctor(own.root).assert_healthy()


def test_what_can_t_be_checked_is_no_problem_but_another_code(own, tmp_path):
    absent = doctor(own.root, "--backend-store-uri", "sqlite:///absent.db")
    assert (absent.code, absent.at("unchecked")) == (2, {"database.open"})
    assert not (own.root / "absent.db").exists()
    silent = doctor(
        own.root,
        *("--artifacts-destination", "s3://bucket/x"),
        environment={
            "MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_REGION": "x",
        },
    )
    assert (silent.code, silent.at("unchecked")) == (2, {"destination.answer"})
    done = run_binary("doctor", "--backend-store-uri", "sqlite://", cwd=tmp_path)
    assert done.returncode == 2
    assert "is in the memory of its server" in done.stderr


class Bucket(http.server.BaseHTTPRequestHandler):
    """As much of S3 as tells of unfinished uploads: one of two days ago, and one of a minute ago."""

    protocol_version = "HTTP/1.1"
    aborted: ClassVar[list[str]] = []
    # By how many seconds its clock is fast.
    fast = 0

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query, keep_blank_values=True)
        if "uploads" not in query:
            return self.answer(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        now = datetime.now(tz=UTC)
        uploads = {"old": now - timedelta(days=2), "young": now - timedelta(minutes=1)}
        listed = "".join(
            f"<Upload><Key>x/{name}</Key><UploadId>id-{name}</UploadId><Initiated>{begun:%Y-%m-%dT%H:%M:%S.000Z}</Initiated></Upload>"
            for name, begun in uploads.items()
            if f"/bucket/x/{name}?uploadId=id-{name}" not in self.aborted
        )
        return self.answer(200, f"<ListMultipartUploadsResult>{listed}</ListMultipartUploadsResult>")

    def do_DELETE(self):
        self.aborted.append(self.path)
        self.answer(204, "")

    def answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.fast)

    def log_message(self, *_):
        pass


@pytest.fixture
def bucket() -> Iterator[dict[str, str]]:
    """What leads to a bucket."""
    Bucket.aborted.clear()
    Bucket.fast = 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.shutdown()
    server.server_close()


def test_old_uploads_in_a_store_are_given_up_when_asked(bucket, tmp_path):
    with Server(root=tmp_path) as server:
        server.stop()
    flags = ("--artifacts-destination", "s3://bucket/x")
    found = doctor(tmp_path, *flags, environment=bucket).findings["destination.uploads"]
    assert (found["level"], found["count"], found["examples"]) == ("warning", 1, ["x/old"])
    assert Bucket.aborted == []
    found = doctor(tmp_path, *flags, "--fix", environment=bucket).findings["destination.uploads"]
    assert found["fixed"] == "They were given up."
    assert Bucket.aborted == ["/bucket/x/old?uploadId=id-old"]
    report = doctor(tmp_path, *flags, environment=bucket)
    report.assert_healthy()
    assert report.findings["destination.clock"]["what"] == "its clock agrees with ours"


def test_a_store_with_another_time_is_told(bucket, tmp_path):
    with Server(root=tmp_path) as server:
        server.stop()
    Bucket.fast = 600
    found = doctor(tmp_path, "--artifacts-destination", "s3://bucket/x", environment=bucket).findings
    assert found["destination.clock"]["level"] == "warning"
    assert re.fullmatch(r"its clock differs from ours by (59\d|600) s", found["destination.clock"]["what"])


def test_a_destination_that_is_not_there_is_not_made(own):
    report = doctor(own.root, "--artifacts-destination", "./elsewhere")
    assert report.at("warning") == {"destination.absent"}
    assert report.code == 0
    assert not (own.root / "elsewhere").exists()


def test_the_server_s_variables_say_where(own, tmp_path):
    environment = {
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{own.root}/mlflow.db",
        "MLFLOW_ARTIFACTS_DESTINATION": str(own.artifacts),
    }
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    doctor(elsewhere, environment=environment).assert_healthy()
    assert list(elsewhere.iterdir()) == []


def test_artifacts_that_are_not_proxied_are_looked_at_below_their_root(tmp_path):
    root = tmp_path / "direct"
    root.mkdir()
    flags = ("--no-serve-artifacts", "--default-artifact-root", str(root / "mlruns"))
    with Server(*flags, root=root) as server:
        run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        server.stop()
    files = root / "mlruns" / "0" / run / "artifacts"
    files.mkdir(parents=True)
    (files / "a.txt").write_text("x")
    (root / "mlruns" / "0" / "stray").mkdir()
    report = doctor(root, *flags[1:])
    assert report.at("warning") == {"artifacts.unowned"}
    assert report.findings["artifacts.unowned"]["examples"] == [f"{root}/mlruns/0/stray"]
    # Without the flag, nobody gets there.
    assert doctor(root).at("warning") == {"runs.location"}


def test_postgresql_is_examined_as_well(postgres, tmp_path):
    uri = postgres.create_database()
    with Server("--backend-store-uri", str(uri), root=tmp_path) as server:
        run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        metric = {"run_id": run, "key": "m", "value": 1, "timestamp": 1}
        assert server.api("/runs/log-metric", metric).status == 200
        report = doctor(tmp_path, "--backend-store-uri", str(uri))
        report.assert_healthy()
        assert report.findings["database.clock"]["level"] == "ok"
        execute(uri, "delete from latest_metrics")
        report = doctor(tmp_path, "--backend-store-uri", str(uri), "--fix")
        assert "fixed" in report.findings["latest_metrics.outdated"]
        latest = server.api("/runs/get", run_id=run).json()["run"]["data"]["metrics"]
        assert [metric["value"] for metric in latest] == [1]


def test_memory_stays_small_with_many_rows(own):
    """Ids, folders and rows are looked at page by page."""
    own.spoil(
        f"""insert into metrics (key, value, timestamp, run_uuid, step, is_nan)
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
        select 'm', i, i, '{own.run}', i + 10, 0 from n;
        insert into params (key, value, run_uuid)
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 200000)
        select 'p' || i, '1', 'gone' || i from n;"""
    )
    line = [binary(), "doctor", "--format", "json"]
    timed = ["/usr/bin/env", "python3", "-c", MEASURE, *line]
    done = subprocess.run(timed, cwd=own.root, env=clean_environment(), capture_output=True, text=True, check=False)
    peak_kib = int(done.stderr.strip().splitlines()[-1])
    findings = Report(done).findings
    assert findings["orphans.params"]["count"] == 200_000
    assert len(findings["orphans.params"]["examples"]) == 5
    assert findings["latest_metrics.outdated"]["count"] == 1
    assert peak_kib < 120 * 1024


# Runs a command, and writes the most memory that it had to stderr.
MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
