"""Tokens as the stock client sends them and operators make them, and the audit log, which names them."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests import HTTPError

from accounts import ADMIN, PASSWORD, PERMISSIONS, TOKENS, Accounts, basic, bearer, command, environment, environment_of
from databases import kinds, uri_of
from harness import API, Server, run_binary, wait_until


@pytest.fixture(params=kinds("tokens"))
def accounts(request, tmp_path):
    variables = environment_of(tmp_path, uri_of(request, tmp_path))
    with Server("--app-name", "basic-auth", root=tmp_path, environment=variables) as server:
        yield Accounts(server)


@pytest.fixture
def become(monkeypatch, accounts):
    """Makes the clients of this test those of a token."""
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", accounts.server.url)

    def become(user: str, scope: str, **terms: object) -> MlflowClient:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", accounts.secret(user, scope, **terms))
        return MlflowClient(accounts.server.url)

    return become


def test_the_stock_client_works_with_a_token(accounts, become, tmp_path):
    accounts.add("alice")
    file = tmp_path / "notes.txt"
    file.write_text("by hand")
    client = become("alice", "WRITE")
    experiment = client.create_experiment("mine")
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "loss", 0.5)
    client.log_artifact(run, str(file))

    client = become("alice", "READ")
    assert client.get_run(run).data.metrics == {"loss": 0.5}
    assert mlflow.artifacts.load_text(f"runs:/{run}/notes.txt") == "by hand"
    for change in (lambda: client.log_metric(run, "loss", 0.4), lambda: client.log_artifact(run, str(file))):
        with pytest.raises((MlflowException, HTTPError), match="the token 't' is good for READ, which this is not"):
            change()

    client = become("alice", "ARTIFACTS", experiment_ids=[experiment])
    client.log_artifact(run, str(file), "again")
    assert mlflow.artifacts.load_text(f"runs:/{run}/again/notes.txt") == "by hand"
    assert [file.path for file in client.list_artifacts(run)] == ["again", "notes.txt"]
    with pytest.raises(MlflowException, match="is good for ARTIFACTS"):
        client.log_metric(run, "loss", 0.3)
    with pytest.raises(MlflowException, match="is good for ARTIFACTS"):
        client.search_runs([experiment])


def test_operators_make_tokens_at_the_command_line(accounts):
    folder, server = accounts.server.root, accounts.server
    accounts.add("bob")
    said = command(folder, "tokens", "create", "bob", "nightly", "--scope", "write", "--expires-in", "90d")
    assert said.startswith("Made the token ")
    token = bearer(said.splitlines()[1])
    assert server.get(f"{API}/users/current", token).json()["user"]["username"] == "bob"
    command(folder, "tokens", "create", ADMIN, "few", "--scope", "artifacts", "--experiment-ids", "0,7")
    [bobs, few] = [line.split("\t") for line in command(folder, "tokens", "list").splitlines()]
    assert (bobs[1:5], few[1:5]) == (["bob", "nightly", "write", "all"], [ADMIN, "few", "artifacts", "0,7"])
    assert (few[6], bobs[6] > bobs[5]) == ("never", True)
    assert command(folder, "tokens", "list", "--user", "bob").split("\t")[0] == bobs[0]
    assert command(folder, "tokens", "revoke", bobs[0]) == f"Revoked the token {bobs[0]}.\n"
    # Another process did it, which counts within a second.
    wait_until(lambda: server.get("/", token).status == 401, 10, "the token to end")
    assert [command(folder, "tokens", *words, code=1) for words in (["revoke", "x"], ["list", "--user", "carol"])] == [
        "Error: Token with id=x not found\n",
        "Error: User with username=carol not found\n",
    ]
    refusal = command(folder, "tokens", "create", "bob", "n", "--scope", "write", "--expires-in", "soon", code=1)
    assert "'soon' is no time" in refusal


def test_the_audit_log_tells_who_did_what_and_who_was_refused(tmp_path):
    path = tmp_path / "audit.log"
    options = ("--app-name", "basic-auth", "--audit-log", str(path))
    with Server(*options, root=tmp_path, environment=environment(tmp_path)) as server:
        accounts = Accounts(server)
        accounts.add("alice", "bob")
        token = accounts.token("alice", "WRITE")
        experiment = accounts.must(token, "POST", f"{API}/experiments/create", {"name": "hers"})["experiment_id"]
        accounts.must(token, "GET", f"{API}/experiments/get", experiment_id=experiment)
        assert accounts.send("bob", "GET", f"{API}/experiments/get", experiment_id=experiment).status == 403
        assert server.put(f"{experiment}/r/artifacts/a%20b", b"x", basic("alice")).status == 200
        answer = server.get("/", basic("alice", "wrong") | {"X-Request-Id": "r-1"})
        assert answer.status == 401
        grant = {"username": "bob", "resource_type": "experiment", "resource_id": experiment, "permission": "READ"}
        accounts.must("alice", "POST", f"{PERMISSIONS}/grant", grant)
        log = server.log
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    told = [
        (line.get("user"), "token" in line, line["method"], line["route"], line["resources"], line["status"])
        for line in lines
    ]
    users = f"{API}/users/create"
    assert told == [
        (ADMIN, False, "POST", users, [], 200),
        (ADMIN, False, "POST", users, [], 200),
        ("alice", False, "POST", f"{TOKENS}/create", [], 200),
        ("alice", True, "POST", f"{API}/experiments/create", ["new experiment", f"experiment {experiment}"], 200),
        ("bob", False, "GET", f"{API}/experiments/get", [f"experiment {experiment}"], 403),
        (
            "alice",
            False,
            "PUT",
            "/api/2.0/mlflow-artifacts/artifacts/{*artifact_path}",
            [f"artifacts {experiment}/r/artifacts/a b"],
            200,
        ),
        ("alice", False, "GET", "/", [], 401),
        ("alice", False, "POST", f"{PERMISSIONS}/grant", [f"experiment {experiment}"], 200),
    ]
    assert all(line["address"] == "127.0.0.1" and line["time"].endswith("Z") for line in lines)
    assert lines[-2]["request_id"] == "r-1"
    assert lines[0]["request_id"] in log
    assert PASSWORD not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640


def test_the_audit_log_tells_of_changes_that_a_stop_left_without_an_answer(tmp_path):
    path = tmp_path / "audit.log"
    options = ("--app-name", "basic-auth", "--audit-log", str(path), "--shutdown-grace", "1")

    def in_flight() -> float:
        lines = server.get("/metrics", basic(ADMIN)).body.decode().splitlines()
        name = "mlferry_http_requests_in_flight "
        # Beside the scrape itself.
        return float(next(line for line in lines if line.startswith(name)).split()[1]) - 1

    with Server(*options, root=tmp_path, environment=environment(tmp_path)) as server, server.raw() as client:
        with contextlib.closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as busy:
            busy.execute("BEGIN IMMEDIATE")
            body = b'{"name": "e"}'
            headers = {"Content-Type": "application/json", "Content-Length": len(body)} | basic(ADMIN)
            client.head("POST", f"{API}/experiments/create", **headers).send(body)
            wait_until(lambda: in_flight() == 1, 10, "the request does not come")
            server.send_signal()
            wait_until(path.read_text, 10, "nothing is told")
        server.wait()
    [line] = map(json.loads, path.read_text().splitlines())
    assert (line["user"], line["route"], line["status"]) == (ADMIN, f"{API}/experiments/create", None)


def test_the_audit_log_is_set_aside_when_it_is_large(tmp_path):
    path = tmp_path / "audit.log"
    options = ("--audit-log", str(path), "--audit-log-size", "64K", "--audit-log-files", "1", "--audit-log-reads")
    with Server("--app-name", "basic-auth", *options, root=tmp_path, environment=environment(tmp_path)) as server:
        for _ in range(1000):
            assert server.get(f"{API}/experiments/get?experiment_id=0", basic(ADMIN)).status == 200
    files = sorted(tmp_path.glob("audit.log*"))
    assert [file.name for file in files] == ["audit.log", "audit.log.1"]
    lines = [json.loads(line) for file in reversed(files) for line in file.read_text().splitlines()]
    assert {(line["user"], line["resources"][0]) for line in lines} == {(ADMIN, "experiment 0")}
    assert all(file.stat().st_size <= 64 * 1024 for file in files)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--audit-log", "a.log"], "without --app-name basic-auth there are none"),
        (["--app-name", "basic-auth", "--audit-log-reads"], "are of no use without --audit-log"),
        (
            ["--app-name", "basic-auth", "--audit-log", "a.log", "--audit-log-size", "1"],
            "'1' is not a size of at least",
        ),
        (["--app-name", "basic-auth", "--audit-log", "no/such/folder"], "cannot write the audit log no/such/folder"),
    ],
)
def test_an_audit_log_that_can_t_be_stops_the_start(tmp_path, options, message):
    done = run_binary("server", "--port", "1", *options, cwd=tmp_path)
    assert done.returncode != 0
    assert message in done.stderr
