"""Another server as the destination: what is special of it. The rest is in `destinations/`."""

from __future__ import annotations

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from downloads import CONTENT_TYPES
from fault_proxy import FaultProxy, Faults
from harness import ARTIFACTS, Server, pattern, quoted, run_binary
from ports import free_port
from stores.folders import FolderPlace

EITHER = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"destination {name}"), id=name) for name in ("peer", "reference")
]


@pytest.fixture(params=EITHER)
def other(request, stores):
    """A server of either make."""
    return stores[request.param]


class Recorder(ThreadingHTTPServer):
    """A server that holds nothing, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answering)
        self.seen: list[tuple[str, str, str | None]] = []
        # Where files are to be asked for instead, and with which status it says so.
        self.redirection: tuple[int, str] | None = None
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def place(self, credentials: str = "", **environment: str) -> FolderPlace:
        place = FolderPlace(f"http://{credentials}127.0.0.1:{self.server_port}{ARTIFACTS}/root", None)
        place.environment = environment
        return place


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization")))
        if self.server.redirection and "?" not in self.path:
            status, location = self.server.redirection
            self.send_response(status)
            self.send_header("Location", location)
        else:
            self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_PUT = do_DELETE = answer

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def recorder():
    with Recorder() as running:
        yield running
        running.shutdown()


# Credentials


@pytest.mark.parametrize(
    ("credentials", "environment", "expected"),
    [
        ("", {}, None),
        ("", {"MLFLOW_TRACKING_USERNAME": "me", "MLFLOW_TRACKING_PASSWORD": "s:crt"}, "Basic me:s:crt"),
        ("", {"MLFLOW_TRACKING_TOKEN": "t0ken"}, "Bearer t0ken"),
        ("you:p%40ss@", {"MLFLOW_TRACKING_TOKEN": "t0ken"}, "Basic you:p@ss"),
    ],
    ids=["none", "a user", "a token", "in the URI"],
)
def test_credentials_are_sent_with_every_request_and_never_shown(
    recorder, own_server, credentials, environment, expected
):
    server = own_server("--artifacts-only", place=recorder.place(credentials, **environment))
    assert server.put("a.txt", b"x").status == 200
    assert server.listing("d").status == 200
    assert server.delete("a.txt").status == 200
    assert {method for method, _, _ in recorder.seen} == {"GET", "PUT", "DELETE"}
    if expected and expected.startswith("Basic "):
        expected = f"Basic {base64.b64encode(expected.removeprefix('Basic ').encode()).decode()}"
    assert {authorization for _, _, authorization in recorder.seen} == {expected}
    assert not any(secret in server.log for secret in ("s:crt", "p%40ss", "p@ss", "t0ken"))


# What is asked for


def test_no_request_deletes_the_root_there_or_another_file(recorder, own_server):
    server = own_server("--artifacts-only", place=recorder.place())
    for path in ("", ".", "%20", "%2e", "x%2541", "a%3F", "a%3B", "d/a%253F"):
        server.delete(path).assert_error(400)
    assert not any(method == "DELETE" for method, _, _ in recorder.seen)


def test_a_small_file_and_a_deletion_cost_one_request_each(recorder, own_server):
    server = own_server("--artifacts-only", place=recorder.place())
    recorder.seen.clear()
    server.put("d/a%20b.txt", b"x" * 100_000)
    server.delete("d")
    assert [(method, path) for method, path, _ in recorder.seen] == [
        ("PUT", f"{ARTIFACTS}/root/d/a%20b.txt"),
        ("DELETE", f"{ARTIFACTS}/root/d"),
    ]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_refused_and_said(recorder, own_server, status):
    server = own_server("--artifacts-only", "--no-destination-check", place=recorder.place())
    recorder.redirection = (status, "https://me:s3cret@127.0.0.1/login?token=s3cret")
    for answer in (server.put("a.txt", b"x"), server.put("b.bin", pattern(20_000_000)), server.fetch("a.txt")):
        assert answer.status == 400
        assert "leads to 'https://127.0.0.1/login'" in answer.message
        assert "s3cret" not in answer.message


@pytest.mark.parametrize("name", ["x%41y", "a?", "a;", "100%25"], ids=ascii)
@pytest.mark.xdist_group("destination reference")
def test_a_name_that_the_reference_would_change_is_refused(stores, own_server, name):
    server = own_server(place=stores["reference"].place())
    server.put("kept.txt", b"kept")
    for answer in (
        server.put(quoted(f"d/{name}"), b"x"),
        server.fetch(quoted(f"d/{name}")),
        server.head(quoted(f"d/{name}")),
        server.delete(quoted(f"d/{name}")),
    ):
        assert answer.status == 400
    assert "'t" in server.put(quoted(f"d/{name}"), b"x").message
    assert server.stored() == {"kept.txt": b"kept"}


# Uploads that break


def test_failures_on_the_way_are_repeated(stores, own_server):
    peer = stores["peer"]
    with FaultProxy(peer.server.port) as proxy:
        place = peer.place()
        place.uri = place.uri.replace(peer.server.url, proxy.url)
        server = own_server(place=place)
        proxy.faults = Faults(seed=7, share=0.2, kinds=("500", "503", "reset", "cut", "lost"))
        for number in range(40):
            data = pattern(1000 * number, seed=number)
            assert server.put(f"d/{number}", data).status == 200
            assert server.fetch(f"d/{number}").body == data
        assert len(server.names("d")) == 40
        assert server.delete("d").status == 200
        assert proxy.injected.total() > 5
    assert server.stored() == {}


# The reference whose own artifacts are in a bucket


@pytest.fixture
def behind_the_reference(stores, reference_on, own_server):
    garage = stores["garage"]
    reference, bucket = reference_on(garage)
    place = FolderPlace(f"{reference.url}{ARTIFACTS}/behind", None)
    server = own_server("--artifacts-only", place=place)
    return server, bucket


@pytest.mark.xdist_group("destination reference")
def test_a_tree_is_gone_through_once_where_there_are_no_pages(stores, own_server, tmp_path):
    place = stores["reference"].place()
    (place.root / "d").mkdir(parents=True)
    # More than a page has.
    for number in range(10_100):
        (place.root / "d" / f"{number:05}").touch()
    port = int(re.search(r":(\d+)/", place.uri)[1])
    with FaultProxy(port) as proxy:
        place.uri = place.uri.replace(f":{port}/", f":{proxy.port}/")
        done = run_binary("artifacts", "ls", "--recursive", place.uri, cwd=tmp_path, seconds=120)
        assert (done.returncode, len(done.stdout.splitlines())) == (0, 10_100), done.stderr
        assert len([request for request in proxy.requests if "path=" in request.target]) <= 4
        server = own_server(place=place)
        proxy.forget()
        with server.raw(timeout=120) as reader:
            reader.head("GET", f"{ARTIFACTS}/d?archive=tar")
            # The first files have come.
            assert len(reader.socket.recv(1000)) > 0
        assert len([request for request in proxy.requests if "path=" in request.target]) <= 2


@pytest.mark.xdist_group("destination garage")
def test_answers_without_a_length_are_understood(behind_the_reference, folder):
    server, bucket = behind_the_reference
    data = pattern(3_000_000)
    for name, content in (("big.bin", data), ("empty", b""), ("d/b.txt", b"22")):
        assert server.put(f"{folder}/{name}", content).status == 200
    assert bucket.read(f"behind/{folder}/big.bin") == data
    answer = server.fetch(f"{folder}/big.bin")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, data, "3000000")
    assert server.head(f"{folder}/big.bin").headers["content-length"] == "3000000"
    assert (server.fetch(f"{folder}/empty").status, server.fetch(f"{folder}/empty").body) == (200, b"")
    assert "etag" not in answer.headers
    for value, (start, end) in {"0-4": (0, 5), "1000000-1999999": (10**6, 2 * 10**6), "-7": (-7, None)}.items():
        part = server.fetch(f"{folder}/big.bin", {"Range": f"bytes={value}"})
        assert (part.status, part.body) == (206, data[start:end]), value
    assert server.fetch(f"{folder}/big.bin", {"Range": "bytes=3000000-"}).status == 416


@pytest.mark.xdist_group("destination garage")
def test_what_is_missing_or_a_folder_there_is_told_apart(behind_the_reference, folder):
    server, _ = behind_the_reference
    server.put(f"{folder}/d/a.txt", b"x")
    server.fetch(f"{folder}/none").assert_error(404, "RESOURCE_DOES_NOT_EXIST", f"No such artifact: '{folder}/none'")
    text = f"Artifact path refers to a directory, not a file: '{folder}/d'"
    server.fetch(f"{folder}/d").assert_error(400, "INVALID_PARAMETER_VALUE", text)
    assert (server.head(f"{folder}/none").status, server.head(f"{folder}/d").status) == (404, 400)
    assert server.names(folder, recursive="true") == ["d/a.txt"]
    assert server.delete(folder).status == 200
    assert server.names(folder) == []


# Start


def test_a_server_whose_destination_is_itself_says_so_and_does_not_start(tmp_path):
    port = str(free_port())
    options = ["--artifacts-destination", f"http://127.0.0.1:{port}{ARTIFACTS}", "--port", port]
    done = run_binary("server", *options, cwd=tmp_path, seconds=60)
    assert done.returncode == 1
    assert "names this very server" in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("kind", ["nobody", "no such route", "no port"])
def test_a_destination_that_is_no_server_is_said_in_one_line(tmp_path, stores, kind):
    path = f"/elsewhere{ARTIFACTS}" if kind == "no such route" else ARTIFACTS
    port = {"nobody": free_port(), "no port": 99999}.get(kind) or stores["peer"].server.port
    uri = f"http://me:s3cret@127.0.0.1:{port}{path}"
    options = ["--artifacts-destination", uri, "--port", str(free_port())]
    done = run_binary("server", *options, cwd=tmp_path, seconds=60)
    assert done.returncode == 1
    *_, last = done.stderr.strip().splitlines()
    assert f"127.0.0.1:{port}{path}" in last
    assert "s3cret" not in done.stderr


def test_without_the_check_it_starts_and_finds_the_other_server_later(tmp_path):
    port = free_port()
    place = FolderPlace(f"http://127.0.0.1:{port}{ARTIFACTS}/x", None)
    with Server("--no-destination-check", place=place) as server:
        answer = server.put("a.txt", b"x", timeout=120)
        answer.assert_error(503, "TEMPORARILY_UNAVAILABLE")
        with Server("--artifacts-only", port=port) as later:
            assert server.put("x%2541y", b"x").status == 200
            assert server.names() == ["x%41y"]
            assert later.stored() == {"x/x%41y": b"x"}


# Runs whose root is on another server


def test_artifacts_of_runs_on_another_server_are_listed_and_read(other, own_server):
    root = other.place()
    server = own_server("--no-serve-artifacts", "--default-artifact-root", f"{root.uri}/experiments")
    run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]
    assert run["artifact_uri"] == f"{root.uri}/experiments/0/{run['run_id']}/artifacts"
    place = f"experiments/0/{run['run_id']}/artifacts"
    for name, data in {"d/a b.txt": b"hello", "d/empty": b"", "MLmodel": b"x"}.items():
        root.write(f"{place}/{name}", data)
    assert server.api("/artifacts/list", run_id=run["run_id"]).json() == {
        "root_uri": run["artifact_uri"],
        "files": [{"path": "MLmodel", "is_dir": False, "file_size": 1}, {"path": "d", "is_dir": True}],
    }
    assert server.api("/artifacts/list", run_id=run["run_id"], path="d").json()["files"] == [
        {"path": "d/a b.txt", "is_dir": False, "file_size": 5},
        {"path": "d/empty", "is_dir": False},
    ]
    answer = server.get(f"/get-artifact?run_id={run['run_id']}&path=d%2Fa%20b.txt")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"hello", "5")
    assert answer.headers["content-type"] == CONTENT_TYPES.get("a.txt", "text/plain")
    assert server.get(f"/get-artifact?run_id={run['run_id']}&path=none").status == 404
    assert server.get(f"/get-artifact?run_id={run['run_id']}&path=d").status == 400


def test_the_stock_client_logs_straight_to_the_other_server(other, own_server, monkeypatch):
    from harness import use_client

    root = other.place()
    server = own_server("--no-serve-artifacts", "--default-artifact-root", f"{root.uri}/experiments")
    mlflow = use_client(monkeypatch, server.url)
    with mlflow.start_run() as active:
        mlflow.log_dict({"k": 1}, "d/x.json")
    place = active.info.artifact_uri.removeprefix(f"{root.uri}/")
    assert json.loads(root.read(f"{place}/d/x.json")) == {"k": 1}
    listed = server.api("/artifacts/list", run_id=active.info.run_id, path="d").json()["files"]
    assert [entry["path"] for entry in listed] == ["d/x.json"]


def test_a_run_on_a_server_that_nobody_named_is_not_asked_for(recorder, own_server, stores):
    server = own_server("--default-artifact-root", "mlflow-artifacts:/", "--no-serve-artifacts")
    location = recorder.place().uri
    answer = server.api("/experiments/create", {"name": "elsewhere", "artifact_location": location})
    answer.assert_error(400)
    assert recorder.seen == []
