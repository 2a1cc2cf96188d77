"""docs/compatibility.md against the routes of the installed reference, and against what mlferry answers."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from harness import REPOSITORY, clean_environment, use_client

TESTS = REPOSITORY / "tests"
PREFIX = re.compile(r"^/(ajax-)?api(?=/)")
JSON = {"Content-Type": "application/json"}
# Ends the sentence of a route that is left out; the reference has a 501 of its own for stores without direct URLs.
LEFT_OUT = " not part of this version of mlferry."
STATES = {"works", "partly", "not"}


@dataclass(frozen=True)
class Row:
    group: str
    patterns: tuple[str, ...]
    state: str
    tests: tuple[str, ...]

    def has(self, path: str) -> bool:
        return any(fnmatch.fnmatchcase(PREFIX.sub("", path), pattern) for pattern in self.patterns)


def quoted(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def rows() -> list[Row]:
    lines = (REPOSITORY / "docs" / "compatibility.md").read_text().splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][1:]
    return [Row(group, quoted(paths), state, quoted(tests)) for group, paths, state, tests in table]


@pytest.fixture(scope="module")
def routes(tmp_path_factory) -> list[tuple[str, str]]:
    """Method and path of every route of the reference."""
    folder = tmp_path_factory.mktemp("routes")
    environment = clean_environment(
        _MLFLOW_SERVER_FILE_STORE=f"sqlite:///{folder}/mlflow.db", MLFLOW_DISABLE_TELEMETRY="true"
    )
    script = [sys.executable, str(TESTS / "scripts" / "reference_routes.py")]
    done = subprocess.run(script, cwd=folder, env=environment, capture_output=True, timeout=240, check=True)
    found = [(method, path) for method, path in json.loads(done.stdout.splitlines()[-1])]
    assert len(found) > 400
    return found


def row_of(path: str) -> Row:
    found = next((row for row in rows() if row.has(path)), None)
    assert found, f"docs/compatibility.md has no line for {path}"
    return found


def test_every_route_has_a_line_and_every_line_a_route(routes):
    used = {row_of(path) for _, path in routes}
    assert [row.group for row in rows() if row not in used] == []


def test_lines_name_tests_that_exist():
    known = {path.name for path in TESTS.rglob("test_*.py")}
    for row in rows():
        assert row.state in STATES, row
        assert set(row.tests) <= known, row
        assert bool(row.tests) == (row.state != "not"), row


def is_answered(server, method: str, path: str) -> bool:
    """Whether there is more to a route than that it is left out, or unknown."""
    target = re.sub(r"{[^}]*}", "x", path)
    answer = server.request(method, target, "{}" if method != "GET" else None, JSON)
    if answer.status < 400:
        return True
    assert answer.status != 500, (method, path, answer.body)
    error = answer.json()
    if error["message"].endswith(LEFT_OUT):
        assert (answer.status, error["error_code"]) == (501, "NOT_IMPLEMENTED")
        return False
    # The page's missing files have the same code.
    return answer.status != 405 and not error["message"].startswith("There is no endpoint")


def test_mlferry_answers_what_the_table_says(own_server, routes):
    server = own_server()
    answered: dict[Row, set[bool]] = {}
    wrong = []
    for method, path in routes:
        row = row_of(path)
        is_there = is_answered(server, method, path)
        answered.setdefault(row, set()).add(is_there)
        if (row.state == "works" and not is_there) or (row.state == "not" and is_there):
            wrong.append(f"{row.group}: {method} {path}")
    wrong += [
        f"{row.group}: all or nothing" for row, found in answered.items() if row.state == "partly" and len(found) < 2
    ]
    assert wrong == []


def test_the_page_hears_that_nothing_is_set_up(server):
    def ask(path: str, method: str = "GET") -> dict:
        answer = server.request(method, f"/ajax-api/{path}", "{}" if method == "POST" else None, JSON)
        assert answer.status == 200, answer.body
        return answer.json()

    assert ask("2.0/mlflow/gateway-proxy?gateway_path=api/2.0/endpoints/") == {"endpoints": []}
    assert ask("3.0/mlflow/ui-telemetry")["disable_ui_telemetry"] is True
    assert ask("3.0/mlflow/ui-telemetry", "POST") == {"status": "disabled"}
    assert ask("3.0/mlflow/assistant/config")["providers"] == {}
    assert ask("3.0/mlflow/assistant/providers")["providers"] == []


def test_the_stock_client_hears_at_once_what_is_left_out(server, monkeypatch):
    use_client(monkeypatch, server.url)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "7")
    from mlflow import MlflowClient, MlflowException

    began = time.monotonic()
    with pytest.raises(MlflowException, match="Workspaces are not part of this version of mlferry") as refused:
        MlflowClient().list_workspaces()
    assert refused.value.error_code == "NOT_IMPLEMENTED"
    assert time.monotonic() - began < 5
