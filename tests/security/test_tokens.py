"""Tokens: what they are good for, and that nobody does more with one, or without one."""

from __future__ import annotations

import sqlite3

import pytest

from accounts import ADMIN, TOKENS, USERS, bearer
from harness import API, wait_until
from things import LADDER, MAKES, NEEDED, SHOWS_WHAT_MAY_BE_SEEN, Things, things_in, walk

# One server for all, and the walks at the end.
pytestmark = pytest.mark.xdist_group("tokens")


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    with things_in(tmp_path_factory.mktemp("tokens")) as things:
        yield things


def status(things: Things, who: dict[str, str]) -> int:
    return things.accounts.server.get(f"{API}/experiments/get?experiment_id={things.experiment}", who).status


def test_a_token_ends_when_it_is_revoked(things):
    accounts = things.accounts
    made = accounts.must("reader", "POST", f"{TOKENS}/create", {"name": "nightly", "scope": "READ"})
    token = bearer(made["secret"])
    assert status(things, token) == 200
    listed = accounts.must("reader", "GET", f"{TOKENS}/list")["tokens"]
    assert made["token"] in listed
    assert made["token"].keys() == {"id", "name", "username", "scope", "creation_time"}
    accounts.must("reader", "DELETE", f"{TOKENS}/revoke", {"token_id": made["token"]["id"]})
    answer = things.accounts.server.get("/", token)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="mlflow", error="invalid_token"')
    again = accounts.send("reader", "DELETE", f"{TOKENS}/revoke", {"token_id": made["token"]["id"]})
    assert (again.status, again.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_token_ends_at_its_time(things):
    token = things.accounts.token("reader", "READ", lifetime_seconds=2)
    assert status(things, token) == 200
    wait_until(lambda: status(things, token) == 401, 10, "the token to end")


def test_a_token_ends_with_its_user_and_not_with_the_password(things):
    accounts = things.accounts
    accounts.add("leaver")
    accounts.grant("leaver", "experiment", things.experiment, "READ")
    token = accounts.token("leaver", "READ")
    changed = {"username": "leaver", "password": "another password"}
    accounts.must(ADMIN, "PATCH", f"{USERS}/update-password", changed)
    assert status(things, token) == 200
    accounts.must(ADMIN, "DELETE", f"{USERS}/delete", {"username": "leaver"})
    assert status(things, token) == 401
    # Not even somebody of the same name gets it back.
    accounts.add("leaver")
    assert status(things, token) == 401


def test_a_user_that_mlflow_deleted_leaves_no_token_to_the_next_one(things):
    accounts = things.accounts
    accounts.add("gone")
    token = accounts.token("gone", "READ")
    with sqlite3.connect(things.accounts.server.root / "basic_auth.db") as database:
        (number,) = database.execute("SELECT id FROM users WHERE username = 'gone'").fetchone()
        database.execute("UPDATE users SET username = 'next' WHERE id = ?", (number,))
    wait_until(lambda: accounts.server.get("/", token).status == 401, 10, "the token to end")


def test_what_is_granted_later_counts_for_tokens_too(things):
    accounts = things.accounts
    accounts.add("newcomer")
    token = accounts.token("newcomer", "READ")
    assert status(things, token) == 403
    accounts.grant("newcomer", "experiment", things.experiment, "READ")
    assert status(things, token) == 200


def test_secrets_are_nowhere_to_be_read(things):
    made = things.accounts.must("reader", "POST", f"{TOKENS}/create", {"name": "hidden", "scope": "READ"})
    secret = made["secret"].rpartition("_")[2]
    assert status(things, bearer(made["secret"])) == 200
    server = things.accounts.server
    kept = b"".join(path.read_bytes() for path in server.root.glob("basic_auth.db*"))
    assert made["token"]["id"].encode() in kept
    assert secret.encode() not in kept
    assert secret not in server.log


def test_nobody_sees_or_ends_the_tokens_of_others(things):
    accounts = things.accounts
    made = accounts.must("editor", "POST", f"{TOKENS}/create", {"name": "mine", "scope": "WRITE"})["token"]
    message = {"token_id": made["id"]}
    assert accounts.send("reader", "DELETE", f"{TOKENS}/revoke", message).status == 404
    assert accounts.send("reader", "GET", f"{TOKENS}/list", username="editor").status == 403
    for who in (None, "manager"):
        forged = {"name": "forged", "scope": "READ", "username": "editor"}
        assert accounts.send(who, "POST", f"{TOKENS}/create", forged).status == (403 if who else 401)
    assert made not in accounts.must("reader", "GET", f"{TOKENS}/list")["tokens"]
    assert made in accounts.must(ADMIN, "GET", f"{TOKENS}/list")["tokens"]
    accounts.must(ADMIN, "DELETE", f"{TOKENS}/revoke", message)


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        ({"scope": "ALL"}, "Invalid scope 'ALL'. Scopes are READ, WRITE, ARTIFACTS."),
        ({"experiment_ids": []}, "A token is for 1 to 1000 experiments; 0 were given."),
        ({"experiment_ids": ["1", "x"]}, "Invalid experiment ID 'x'"),
        ({"experiment_ids": ["99999999999999999999"]}, "No Experiment with id=99999999999999999999 exists"),
        ({"lifetime_seconds": 0}, "Invalid lifetime of 0 s."),
        ({"name": "\n"}, "Invalid name '\\n' of a token."),
    ],
)
def test_terms_that_make_no_sense_make_no_token(things, terms, text):
    answer = things.accounts.send("reader", "POST", f"{TOKENS}/create", {"name": "t", "scope": "READ"} | terms)
    assert answer.status in (400, 404), answer.body
    assert text in answer.json()["message"]


@pytest.mark.parametrize(
    "value",
    ["x", "mlferry_", f"mlferry_{'0' * 16}_{'0' * 64}", "mlferry_" + "é" * 90, "mlferry_" + "0" * 5000, "%00"],
)
def test_what_is_no_token_lets_nobody_in(things, value):
    answer = things.accounts.server.get("/", {"Authorization": f"Bearer {value}"})
    assert (answer.status, answer.text[:12]) == (401, "The token is")


def test_a_token_of_one_experiment_makes_nothing_elsewhere(things):
    accounts = things.accounts
    mine = accounts.must(ADMIN, "POST", f"{API}/experiments/create", {"name": "confined"})["experiment_id"]
    token = accounts.token(ADMIN, "WRITE", experiment_ids=[mine])
    run = accounts.must(token, "POST", f"{API}/runs/create", {"experiment_id": mine})["run"]["info"]["run_id"]
    accounts.must(token, "POST", f"{API}/runs/log-metric", {"run_id": run, "key": "m", "value": 1, "timestamp": 1})
    upload = accounts.server.put(f"{mine}/{run}/artifacts/a", b"a", token)
    assert upload.status == 200
    found = accounts.must(token, "POST", f"{API}/experiments/search", {"max_results": 10})
    assert [experiment["name"] for experiment in found["experiments"]] == ["confined"]
    found = accounts.must(token, "POST", f"{API}/runs/search", {"experiment_ids": [mine, things.experiment]})
    assert [found["info"]["run_id"] for found in found["runs"]] == [run]


def test_a_token_of_another_experiment_is_a_stranger_s_and_makes_nothing(things):
    """That of an operator, too: on the way through all routes."""
    accounts = things.accounts
    other = accounts.must(ADMIN, "POST", f"{API}/experiments/create", {"name": "another"})["experiment_id"]
    token = accounts.token(ADMIN, "WRITE", experiment_ids=[other])
    failures = []
    for line in walk():
        path = line.own_path
        is_open = line.access == "anyone" or path in SHOWS_WHAT_MAY_BE_SEEN
        if line.access == "signed-in" and "write" in line.scopes:
            # What is there for nobody, or tells of users.
            continue
        answer = things.call(token, line)
        if (answer.status != 403) != is_open or (path in MAKES and answer.status != 403):
            failures.append(f"{line} ({line.access}) → {answer.status} {answer.body[:150]!r}")
    assert failures == []


@pytest.mark.parametrize("scope", ["READ", "ARTIFACTS"])
@pytest.mark.parametrize("name", ["editor", ADMIN])
def test_a_token_does_what_its_user_does_within_its_scope(things, scope, name):
    token = things.accounts.token(name, scope)
    failures = []
    for line in walk():
        is_in_scope = scope.lower() in line.scopes.split(",")
        # What artifacts lose is lost for the next walk.
        if is_in_scope and line.access == "delete":
            continue
        answer = things.call(token, line)
        if not is_in_scope:
            is_right = answer.status == 403 and (scope in answer.text or name != ADMIN)
        elif line.access in NEEDED and name != ADMIN:
            is_right = (answer.status != 403) == (LADDER.index(name) >= LADDER.index(NEEDED[line.access]))
        else:
            is_right = name != ADMIN or answer.status not in (401, 403)
        if not is_right:
            failures.append(f"{line} ({line.access}, {line.scopes}) → {answer.status} {answer.body[:150]!r}")
    assert failures == []
