"""`mlferry openapi`, and what schemathesis makes of it: requests that fit the description or just do not.

Whatever they hold, the server does not fail, and answers with a status and a body that the description has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode

from accounts import ADMIN, basic
from harness import IS_FULL_SIZE, Answer, run_binary
from server_routes import all_lines
from things import Things, things_in, walk

# How often each operation gets requests of each kind, and how many.
ROUNDS, REQUESTS = (10, 10) if IS_FULL_SIZE else (1, 3)
# Presigned URLs of a local destination.
MAY_BE_LEFT_OUT = 501


@pytest.fixture(scope="module")
def description() -> dict:
    done = run_binary("openapi", cwd=Path("/"))
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture
def things(tmp_path) -> Iterator[Things]:
    with things_in(tmp_path) as things:
        yield things


@dataclass(frozen=True)
class Described:
    """An operation of the description, with schemathesis' view of it."""

    method: str
    path: str
    raw: dict
    operation: object

    @property
    def statuses(self) -> set[int]:
        return {int(status) for status in self.raw["responses"]}

    @property
    def can_be_wrong(self) -> bool:
        """Whether a request may not fit: any text will do in a path and in headers."""
        return "requestBody" in self.raw or any(part["in"] == "query" for part in self.raw.get("parameters", []))

    def why_not_sent(self, paths: dict) -> str | None:
        """Why no requests are made of it; each reason stands here."""
        twin = paths.get(re.sub("^/ajax-api/", "/api/", self.path), {})
        if self.path.startswith("/ajax-api/") and self.method in twin:
            return "the twin of a route that is sent"
        if "left out" in self.raw["tags"]:
            return "the same answer for all that is left out, which test_routes.py looks at"
        if self.path == "/oidc/login":
            return "asks an identity provider, which compat/test_sign_on.py starts"
        if "text/event-stream" in self.raw["responses"].get("200", {}).get("content", {}):
            return "an answer without end"
        return None


@pytest.fixture(scope="module")
def described(description) -> dict[tuple[str, str], Described]:
    schema = schemathesis.openapi.from_dict(description)
    found = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        method = operation.method.lower()
        raw = description["paths"][operation.path][method]
        found[operation.method.upper(), operation.path] = Described(method, operation.path, raw, operation)
    return found


def shown(path: str) -> str:
    return path.replace("{*", "{")


def test_the_description_has_each_route_and_nothing_else(described):
    assert set(described) == {(line.method, shown(line.path)) for line in all_lines()}


def test_what_is_understood_is_answered_as_described(things, described, description):
    """The same requests as in test_access.py: of each line, one that it does not complain about."""
    looked_at, wrong = 0, []
    for line in walk():
        one = described[line.method, shown(line.path)]
        if one.why_not_sent(description["paths"]):
            continue
        answer = things.call(ADMIN, line)
        if answer.status not in one.statuses:
            wrong.append(f"{line}: {answer.status} {answer.body[:300]}")
        if answer.status == 200:
            looked_at += 1
            wrong += [f"{line}: {problem}" for problem in problems(one, answer)]
    assert not wrong, "\n".join(wrong)
    assert looked_at > 90


def problems(one: Described, answer: Answer) -> list[str]:
    """In what an answer is not as its description says."""
    documented = set(one.raw["responses"][str(answer.status)].get("content", {}))
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if documented and media_type not in documented and "application/octet-stream" not in documented:
        return [f"{media_type or 'nothing'} instead of {documented}"]
    if media_type != "application/json":
        return []
    headers = {name.lower(): [value] for name, value in answer.headers.items()}
    request = requests.Request(one.method, f"http://localhost{one.path}").prepare()
    try:
        one.operation.validate_response(
            schemathesis.Response(answer.status, headers, answer.body, request, elapsed=0.0, verify=False)
        )
    except FailureGroup as failures:
        return [f"{failure} in {answer.body[:500]}" for failure in failures.exceptions]
    return []


def test_requests_of_all_kinds_get_an_answer_that_is_described(things, described, description):
    server = things.accounts.server
    sent = [one for one in described.values() if not one.why_not_sent(description["paths"])]
    assert len(sent) > 160
    for seed in range(ROUNDS):
        # What deletes comes last, so that the others meet something.
        for one in sorted(sent, key=lambda one: one.method == "delete" or "delete" in one.path):
            send(one, GenerationMode.POSITIVE, things, seed)
            if one.can_be_wrong:
                send(one, GenerationMode.NEGATIVE, things, seed)
    assert server.process.poll() is None
    assert "panicked" not in server.log


def send(one: Described, mode: GenerationMode, things: Things, seed: int) -> None:
    ids = {
        "experiment_id": things.experiment,
        "run_id": things.run,
        "run_uuid": things.run,
        "model_id": things.logged_model,
        "trace_id": things.trace,
        "request_id": things.trace,
        "assessment_id": things.assessment,
    }

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=REQUESTS,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=one.operation.as_strategy(generation_mode=mode))
    def each(case) -> None:
        if mode is GenerationMode.POSITIVE:
            name_what_is_there(case, ids)
        server = things.accounts.server
        answer = case.call(base_url=f"http://127.0.0.1:{server.port}", headers=basic(ADMIN), timeout=20)
        is_good = answer.status_code < 500 or answer.status_code == MAY_BE_LEFT_OUT
        # A path that a name has made another one is refused before there is a route.
        is_good &= answer.status_code in one.statuses | {404, 405}
        assert is_good, f"{case.as_curl_command()}: {answer.status_code} {answer.text[:300]}"
        if answer.status_code in one.statuses:
            one.operation.validate_response(answer, case=case)

    each()


def name_what_is_there(case, ids: dict[str, str]) -> None:
    """Puts what there is into the places of ids, so that more is done than refused."""
    for part in (case.path_parameters, case.query, case.body):
        if isinstance(part, dict):
            part.update({name: id for name, id in ids.items() if name in part})
