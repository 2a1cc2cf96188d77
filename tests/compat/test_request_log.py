"""The request log on stderr: one line a request, readable as gunicorn's or as JSON, without secrets."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from harness import ARTIFACTS, binary, clean_environment, exchange, is_healthy, wait_until
from ports import free_port

MOMENT = r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[\d+\] "


def lines_with(server, text: str) -> list[str]:
    server.log_line(re.escape(text))
    return [line for line in server.log.splitlines() if text in line]


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        ([], "INFO"),
        (["--gunicorn-opts", "--log-level debug"], "DEBUG"),
        (["--gunicorn-opts", "--log-level=debug --timeout 5"], "DEBUG"),
        (["--uvicorn-opts", "--log-level debug"], "DEBUG"),
        (["--log-level", "debug"], "DEBUG"),
        (["--dev"], "DEBUG"),
        (["--gunicorn-opts", "--log-level info"], "INFO"),
    ],
)
def test_a_request_is_one_line_in_the_shape_of_the_seed(own_server, arguments, level):
    server = own_server(*arguments)
    server.put("0/a1b2c3d4/artifacts/a.txt", b"x")
    line = server.log_line(f"{MOMENT}\\[{level}\\] PUT {ARTIFACTS}/0/a1b2c3d4/artifacts/a.txt( |$)")
    assert f"[{server.pid}]" in line
    server.post("/api/2.0/mlflow/runs/create", {"experiment_id": "0"})
    server.log_line(f"{MOMENT}\\[{level}\\] POST /api/2.0/mlflow/runs/create( |$)")
    assert len(lines_with(server, "a1b2c3d4")) == 1


def test_a_line_holds_status_bytes_duration_and_the_request_id(own_server):
    server = own_server()
    put = server.put("up.bin", b"x" * 54_321)
    get = server.fetch("up.bin")
    missing = server.fetch("missing.bin")
    for answer, method, path, status in (
        (put, "PUT", "up.bin", 200),
        (get, "GET", "up.bin", 200),
        (missing, "GET", "missing.bin", 404),
    ):
        [line] = lines_with(server, answer.headers["x-request-id"])
        assert re.search(f"{method} {ARTIFACTS}/{path} ", line)
        assert re.search(rf"\b{status}\b", line)
        assert ("54321" in line) == (path == "up.bin")
        assert re.search(r"\d\.\d+", line.split(path, 1)[1]), "no duration"


@pytest.mark.parametrize("level", ["warning", "error", "critical"])
def test_a_higher_level_leaves_requests_out(own_server, level):
    server = own_server("--gunicorn-opts", f"--log-level {level}")
    server.put("a.txt", b"x")
    server.fetch("none.txt")
    assert server.stop() == 0
    assert "a.txt" not in server.log
    assert "none.txt" not in server.log


@pytest.mark.parametrize(
    "arguments", [[], ["--log-level", "debug"], ["--log-level", "trace"], ["--log-format", "json"]]
)
def test_no_value_of_a_query_and_no_credential_is_logged(own_server, arguments):
    server = own_server(*arguments)
    server.get(f"{ARTIFACTS}?path=hunter2&token=hunter2")
    server.get("/get-artifact?run_id=hunter2&path=hunter2")
    server.get("/api/2.0/none?password=hunter2")
    credentials = {"Authorization": "Bearer hunter2", "Cookie": "session=hunter2", "X-Api-Key": "hunter2"}
    server.request("PUT", f"{ARTIFACTS}/marker.txt", b"hunter2", credentials)
    server.log_line("marker")
    assert "hunter2" not in server.log


def test_json_lines_are_json_with_the_same_content(own_server):
    server = own_server("--log-format", "json")
    answer = server.put("up.bin", b"x" * 54_321)
    identifier = answer.headers["x-request-id"]
    [line] = lines_with(server, identifier)
    for each in server.log.splitlines():
        json.loads(each)
    values = list(flat(json.loads(line)))
    text = " ".join(str(value) for value in values)
    for part in ("PUT", f"{ARTIFACTS}/up.bin", "200", "54321", identifier):
        assert part in text, part


def flat(value):
    """Every scalar of a JSON value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from flat(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from flat(inner)
    else:
        yield value


@pytest.mark.parametrize("arguments", [[], ["--log-format", "json"]])
def test_a_request_cannot_write_lines_of_its_own(own_server, arguments):
    server = own_server(*arguments)
    server.fetch("x%0a[2021-11-05%2019:13:34%20+0900]%20[1]%20[INFO]%20forged")
    server.get("/api/2.0/%0aforged")
    server.get("/api/2.0/forged", {"X-Request-Id": "a" * 500})
    server.put("last.txt", b"x")
    server.log_line("last.txt")
    assert not re.search(r"^(\[2021-11-05 19:13:34 \+0900\]|forged)", server.log, re.MULTILINE)
    assert "a" * 500 not in server.log


def test_a_failed_upload_is_logged_too(own_server):
    server = own_server()
    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/broken.bin", Content_Length=100).send(b"12345")
    line = server.log_line("PUT .*broken.bin")
    assert line.split("broken.bin", 1)[1].split()[0] != "200"


def test_stdout_stays_empty(tmp_path):
    port = free_port()
    line = [binary(), "server", "--port", str(port)]
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen(line, cwd=tmp_path, env=clean_environment(), stdout=out, stderr=err)
    try:
        wait_until(lambda: is_healthy(port), 15, "does not start")
        exchange(port, "PUT", f"{ARTIFACTS}/a.txt", b"x")
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert (tmp_path / "out").read_bytes() == b""
    assert b"a.txt" in (tmp_path / "err").read_bytes()
