"""`mlferry openapi`, and what schemathesis makes of it: requests that fit the description or just do not.

Whatever they hold, the server does not fail, and answers with a status that the description names.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import hypothesis
import pytest
import schemathesis
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance

from accounts import ADMIN, basic, environment
from harness import run_binary
from server_routes import all_lines

# `make fuzz` gives it more.
SECONDS = float(os.environ.get("MLFERRY_TEST_API_SECONDS", "20"))
# Requests for each operation and kind of data in a round.
REQUESTS = 3
# Presigned URLs of a local destination.
MAY_BE_LEFT_OUT = 501


@pytest.fixture(scope="module")
def description() -> dict:
    done = run_binary("openapi", cwd=Path("/"))
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_description_has_each_route_and_nothing_else(description):
    described = {(method.upper(), path) for path, methods in description["paths"].items() for method in methods}
    assert described == {(line.method, line.path.replace("{*", "{")) for line in all_lines()}


def test_requests_of_all_kinds_get_an_answer_that_is_described(own_server, description, tmp_path):
    # Its operator may ask for everything, users included.
    server = own_server("--app-name", "basic-auth", environment=environment(tmp_path))
    # The twins of pages are the same routes, and what is left out is the same answer everywhere.
    paths = {
        path: methods
        for path, methods in description["paths"].items()
        if not path.startswith("/ajax-api/") and not is_left_out(methods)
    }
    schema = schemathesis.openapi.from_dict(description | {"paths": paths})
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 130
    deadline = time.monotonic() + SECONDS
    rounds = 0
    while rounds == 0 or time.monotonic() < deadline:
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                send(operation, mode, server, seed=rounds)
        rounds += 1
    assert server.process.poll() is None
    assert "panicked" not in server.log


def is_left_out(methods: dict) -> bool:
    return any("left out" in operation["tags"] for operation in methods.values())


def send(operation, mode: GenerationMode, server, seed: int) -> None:
    documented = {int(status) for status in operation.definition.raw["responses"]}

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=REQUESTS,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def each(case) -> None:
        answer = case.call(base_url=f"http://127.0.0.1:{server.port}", headers=basic(ADMIN), timeout=20)
        about = f"{case.as_curl_command()}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code < 500 or answer.status_code == MAY_BE_LEFT_OUT, about
        # A path that a name has made another one is refused before there is a route.
        assert answer.status_code in documented | {404, 405}, about
        if answer.status_code >= 400 and answer.headers.get("content-type") == ["application/json"]:
            assert re.fullmatch(r"[A-Z_]+", answer.json()["error_code"]), about
        if answer.status_code in documented:
            case.validate_response(answer, checks=[response_schema_conformance])

    try:
        each()
    except hypothesis.errors.Unsatisfiable:
        # Nothing can be wrong about a request that has no parts.
        assert mode is GenerationMode.NEGATIVE, operation.label
