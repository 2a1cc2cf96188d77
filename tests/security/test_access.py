"""Every route of a server with users, called by everybody: nobody does more than the route table says."""

from __future__ import annotations

import pytest

from accounts import ADMIN, PASSWORD, basic
from harness import API, ARTIFACTS, REPOSITORY
from server_routes import Line, access_table
from things import LADDER, MAKES, NEEDED, SHOWS_WHAT_MAY_BE_SEEN, TRACES, things_in, walk

# One server for all, and its tests in this order: the walk at the end deletes what there is.
pytestmark = pytest.mark.xdist_group("users")


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    with things_in(tmp_path_factory.mktemp("access")) as things:
        yield things


def expected(line: Line, name: str | None) -> bool | None:
    """Whether somebody may call a line, or nothing where it depends on what is asked."""
    path = line.own_path
    if line.access == "anyone":
        return True
    if name is None:
        return False
    if name == ADMIN or path in SHOWS_WHAT_MAY_BE_SEEN or path in MAKES:
        return True
    if line.access == "operate":
        return False
    if line.access == "signed-in":
        is_about_users = "/users" in path or "/roles" in path or path == "/signup"
        return None if is_about_users else True
    return LADDER.index(name) >= LADDER.index(NEEDED[line.access])


def test_the_page_of_the_documentation_is_that_of_the_route_table():
    text = (REPOSITORY / "docs" / "access.md").read_text()
    assert access_table() in text, f"docs/access.md is out of date; its table is now\n{access_table()}"


@pytest.mark.parametrize(
    "place",
    [
        "2/x/artifacts/a",
        "models/x",
        "0{}/x",
        "+{}/x",
        "{}%2f..%2f2/x",
        "workspaces/default/{}/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_place_that_is_of_no_experiment_is_nobody_s(things, place, method):
    target = f"{ARTIFACTS}/{place.format(things.experiment)}"
    answer = things.accounts.server.request(method, target, b"x", basic("manager"))
    assert answer.status == 403, answer.body


def test_no_file_of_others_is_reached_through_what_one_may_make(things):
    """By sources of model versions, locations of experiments, and traces that say where their files are."""
    accounts, secret = things.accounts, f"mlflow-artifacts:/{things.file()}"
    stranger = "stranger"
    mine = accounts.must(stranger, "POST", f"{API}/experiments/create", {"name": "mine"})["experiment_id"]
    run = accounts.must(stranger, "POST", f"{API}/runs/create", {"experiment_id": mine})["run"]["info"]["run_id"]
    accounts.must(stranger, "POST", f"{API}/registered-models/create", {"name": "my model"})
    for version in [
        {"source": secret},
        {"source": secret, "run_id": run},
        {"source": secret, "run_id": things.run},
        {"source": f"runs:/{things.run}/secret.txt", "run_id": things.run},
        {"source": f"models:/{things.model}/1"},
        {"source": f"models:/{things.logged_model}", "model_id": things.logged_model},
        {"source": "s3://bucket/secret.txt"},
        {"source": "s3://bucket/secret.txt", "run_id": run},
    ]:
        answer = accounts.send(stranger, "POST", f"{API}/model-versions/create", {"name": "my model"} | version)
        assert answer.status in (400, 403, 404), f"{version} → {answer.status} {answer.body[:300]!r}"
    message = {"name": "another", "artifact_location": f"mlflow-artifacts:/{things.experiment}"}
    assert accounts.send(stranger, "POST", f"{API}/experiments/create", message).status == 403
    trace = "tr-" + "b" * 32
    info = things.trace_info(trace)
    info["trace_location"]["mlflow_experiment"]["experiment_id"] = mine
    info["tags"] = {"mlflow.artifactLocation": secret.removesuffix("/secret.txt")}
    accounts.must(stranger, "POST", f"/api{TRACES}", {"trace": {"trace_info": info}})
    answer = accounts.send(stranger, "GET", "/ajax-api/3.0/mlflow/get-trace-artifact", request_id=trace)
    assert b"secret" not in answer.body


def test_nobody_takes_a_trace_or_a_name_from_others(things):
    accounts = things.accounts
    mine = accounts.must("stranger", "POST", f"{API}/experiments/create", {"name": "mine, too"})["experiment_id"]
    trace = "tr-" + "c" * 32
    accounts.must(ADMIN, "POST", f"/api{TRACES}", {"trace": {"trace_info": things.trace_info(trace)}})
    info = things.trace_info(trace)
    info["trace_location"]["mlflow_experiment"]["experiment_id"] = mine
    answer = accounts.send("stranger", "POST", f"/api{TRACES}", {"trace": {"trace_info": info}})
    assert answer.status == 403, answer.body
    # A name that is free again is its next owner's alone.
    accounts.must("editor", "POST", f"{API}/registered-models/create", {"name": "left"})
    accounts.must("editor", "DELETE", f"{API}/registered-models/delete", {"name": "left"})
    accounts.must("stranger", "POST", f"{API}/registered-models/create", {"name": "left"})
    assert accounts.send("editor", "GET", f"{API}/registered-models/get", name="left").status == 403


def test_an_experiment_in_a_query_and_one_in_a_body_are_not_mistaken(things):
    """What is judged is what the handler reads."""
    accounts = things.accounts
    mine = accounts.must("stranger", "POST", f"{API}/experiments/create", {"name": "mine again"})["experiment_id"]
    target = f"{API}/experiments/update?experiment_id={mine}"
    message = {"experiment_id": things.experiment, "new_name": "stolen"}
    assert accounts.send("stranger", "POST", target, message).status == 403
    message = {"experimentId": things.experiment, "experiment_id": mine, "new_name": "stolen"}
    assert accounts.send("stranger", "POST", f"{API}/experiments/update", message).status == 400
    body = f'{{"experiment_id": "{mine}", "experiment_id": "{things.experiment}", "new_name": "stolen"}}'
    headers = basic("stranger") | {"Content-Type": "application/json"}
    answer = accounts.server.request("POST", f"{API}/experiments/update", body, headers)
    assert answer.status == 403, answer.body


def test_who_guesses_is_not_heard(things):
    server = things.accounts.server
    things.accounts.add("guessed")
    assert server.get(f"{API}/users/current", basic("guessed", PASSWORD)).status == 200
    statuses = [server.get(f"{API}/users/current", basic("guessed", f"guess {n}")).status for n in range(11)]
    assert statuses == [401] * 10 + [429]
    pause = server.get(f"{API}/users/current", basic("guessed", "another guess"))
    assert (pause.status, 1 <= int(pause.headers["retry-after"]) <= 60) == (429, True)
    # Whoever is signed in goes on.
    assert server.get(f"{API}/users/current", basic("guessed", PASSWORD)).status == 200


@pytest.mark.parametrize(
    "value",
    ["", "Basic", "Basic ", "Basic !", "Digest x", "Basic YWRtaW4=", "Basic OnBhc3N3b3Jk", "Basic " + "A" * 9000],
)
def test_who_does_not_say_who_it_is_is_asked(things, value):
    answer = things.accounts.server.get("/", {"Authorization": value})
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="mlflow"')


# Lines that need less or more than their access says, as in the reference: assessments are deleted by who may change
# the experiment, and a download by a URL is a question that is sent as a change.
OTHER = {
    ("DELETE", f"{TRACES}/{{trace_id}}/assessments/{{assessment_id}}"): "editor",
}


def test_nobody_does_more_than_the_route_table_says(things):
    """From those who may do least to those who may do most, so that nobody ends what others need."""
    failures = []
    for name in [None, *LADDER, ADMIN]:
        for line in walk():
            wanted = expected(line, name)
            path = line.own_path
            if (line.method, path) in OTHER and name in LADDER:
                wanted = LADDER.index(name) >= LADDER.index(OTHER[line.method, path])
            if wanted is None:
                continue
            if wanted and name in LADDER[:-1] and line.access == "delete":
                continue
            answer = things.call(name, line)
            is_let_in = answer.status not in (401, 403)
            if is_let_in != wanted or (answer.status >= 500 and answer.status not in (501, 503)):
                failures.append(f"{name}: {line} ({line.access}) → {answer.status} {answer.body[:150]!r}")
            if not wanted and answer.status == (401 if name is None else 403):
                text = "You are not authenticated." if name is None else "Permission denied"
                assert answer.text.startswith(text), answer.body
    assert failures == []
