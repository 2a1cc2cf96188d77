"""Hostile names on every route that takes the name of a file: none leads out of where it belongs."""

from __future__ import annotations

import pytest

from attack_surface import WAYS, Way
from harness import Answer
from spellings import Spelling, harmless, refused
from targets import EVERY_WAY, Target


def is_refusal(way: Way, answer: Answer) -> bool:
    """Whether an answer is a clear no: 4xx with words in JSON."""
    if way.method == "HEAD":
        return answer.status == 400
    if way.route == "/graphql":
        told = answer.json()
        return bool(told.get("errors")) and not (told.get("data") or {}).get("mlflowListArtifacts")
    statuses = {400, 404} if way.base == "page" else {400}
    is_json = answer.headers["content-type"] == "application/json"
    return answer.status in statuses and is_json and {"error_code", "message"} <= set(answer.json())


def described(way: Way, twin: str, spelling: Spelling, answer: Answer) -> str:
    return f"{way.method} {twin}{way.route} {spelling} → {answer.status} {answer.body[:100]!r}"


def twins_and_spellings(attacked: Target, way: Way, spellings: list[Spelling]):
    """All spellings on the first path; on those that share its handler one of each kind."""
    for index, twin in enumerate(way.twins):
        is_first = index == 0 and not attacked.server.prefix
        for spelling in spellings:
            if is_first or spelling.how in {"plain", "2 layers"}:
                yield twin, spelling


@pytest.mark.parametrize("way", EVERY_WAY)
def test_no_name_leads_out(attacked, way):
    spellings = refused(attacked.relative_targets(way), attacked.absolute_target)
    failures = []
    for twin, spelling in twins_and_spellings(attacked, way, spellings):
        answer = attacked.attack(way, twin, spelling)
        is_fine = answer.status < 500 or answer.status == 501 if way.takes_last_name else is_refusal(way, answer)
        if attacked.tells(answer) or not is_fine:
            failures.append(described(way, twin, spelling, answer))
    assert len(spellings) > 200
    assert failures == []
    attacked.assert_unharmed()


@pytest.mark.parametrize("way", EVERY_WAY)
def test_a_name_that_another_system_would_take_for_a_way_out_is_a_name_or_refused(attacked, way):
    failures = []
    for twin, spelling in twins_and_spellings(attacked, way, harmless(attacked.relative_targets(way)[0])):
        answer = attacked.attack(way, twin, spelling)
        if attacked.tells(answer) or (answer.status >= 500 and answer.status != 501):
            failures.append(described(way, twin, spelling, answer))
    assert failures == []
    attacked.assert_unharmed()


def test_what_is_attacked_works_for_those_who_ask_for_it(attacked):
    """The routes lead to files: what is refused above is refused for its name."""
    spelling = Spelling("inside/a.txt", "plain", "inside/a.txt", '"inside/a.txt"')
    listed = Spelling("inside", "plain", "inside", '"inside"')
    failures = []
    for way in WAYS:
        is_there = way.base != "root" or attacked.name != "folder"
        if not is_there or way.base in {"page", "trace"} or "multipart" in way.name:
            continue
        is_folder = way.name.startswith("list") or "archive" in way.name
        for twin in way.twins:
            answer = attacked.attack(way, twin, listed if is_folder else spelling)
            is_signed = "presigned" in way.name and not attacked.place
            expected = {400, 501} if is_signed else {200}
            if way.method == "DELETE":
                attacked.write("inside/a.txt", b"inside")
            if answer.status not in expected or (way.route == "/graphql" and answer.json().get("errors")):
                failures.append(described(way, twin, spelling, answer))
    assert failures == []


def test_ids_of_what_owns_files_are_no_paths_either(attacked):
    prefix = attacked.server.prefix
    up = "../" * (attacked.depths["run"] + 1)
    names = [up.rstrip("/"), "..%2f..", "%2e%2e", "%2fetc", "x%00", "x%0d%0aX-Injected:%201", "' OR '1'='1", "*", "%25"]
    failures = []
    for name in names:
        sent = name.replace(" ", "%20").replace("'", "%27")
        in_path = sent.replace("/", "%2f")
        for target in (
            f"/get-artifact?run_id={sent}&path=canary.txt",
            f"/get-artifact?run_id={sent}&path=canary.txt&archive=zip",
            f"/model-versions/get-artifact?name={sent}&version=1&path=canary.txt",
            f"/model-versions/get-artifact?name=registered&version={sent}&path=canary.txt",
            f"/ajax-api/2.0/mlflow/logged-models/{in_path}/artifacts/files?artifact_file_path=canary.txt",
            f"/api/2.0/mlflow/logged-models/{in_path}/artifacts/directories?artifact_directory_path=",
            f"/ajax-api/3.0/mlflow/get-trace-artifact?request_id={sent}",
            f"/api/2.0/mlflow/artifacts/list?run_id={sent}&path=",
        ):
            answer = attacked.wire.send("GET", prefix + target)
            if not 400 <= answer.status < 500 or attacked.tells(answer) or "x-injected" in answer.headers:
                failures.append(f"{target} → {answer.status} {answer.body[:100]!r}")
    assert failures == []
