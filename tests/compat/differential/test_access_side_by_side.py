"""Users of the reference's `basic-auth` app and of mlferry: one database, which goes from one to the other."""

from __future__ import annotations

import json
import re

import pytest

from accounts import ADMIN, PASSWORD, PERMISSIONS, USERS, environment, send
from harness import API, Server
from reference import Reference

pytestmark = pytest.mark.xdist_group("users side by side")

GET, POST, PATCH, DELETE = "GET", "POST", "PATCH", "DELETE"
USERS_OF_ALL = ["reader", "editor", "manager", "stranger"]
ID = re.compile(r"\b[0-9a-f]{32}\b")
# What the reference's driver says, and of which ours has only the beginning.
DRIVER = re.compile(r" Error: .*", re.DOTALL)


class Both:
    """The two servers; what one of them calls its experiment or run is known to the other by another id."""

    def __init__(self, reference: Reference, ours: Server):
        self.servers = {"reference": reference, "mlferry": ours}
        self.ids: dict[str, dict[str, str]] = {"reference": {}, "mlferry": {}}

    def ask(self, name: str | None, method: str, target: str, message: dict | None = None, **query) -> dict:
        """What both answer, with names in the place of ids."""
        return {
            which: self.shown(which, send(server, name, method, *self.with_ids(which, target, message, query)))
            for which, server in self.servers.items()
        }

    def with_ids(self, which: str, target: str, message: dict | None, query: dict) -> tuple:
        def put(value):
            text = json.dumps(value)
            for word, id in self.ids[which].items():
                text = text.replace(f"${word}", id)
            return json.loads(text)

        if query:
            target += "?" + "&".join(f"{key}={value}" for key, value in query.items())
        return put(target), None if message is None else put(message)

    def shown(self, which: str, answer) -> tuple[int, object]:
        text = answer.text
        for word, id in sorted(self.ids[which].items(), key=lambda item: -len(item[1])):
            text = re.sub(rf"\b{re.escape(id)}\b", f"${word}", text)
        text = ID.sub("<id>", text)
        if not answer.headers.get("content-type", "").startswith("application/json"):
            return answer.status, text
        shown = json.loads(text)
        if answer.status >= 400:
            return answer.status, (shown["error_code"], DRIVER.sub("", shown["message"]))
        return answer.status, shown

    def make(self, word: str, key: str, *call) -> None:
        """Lets both make something, whose id is `$word` from now on."""
        name, method, target, message = call
        for which, server in self.servers.items():
            answer = send(server, name, method, *self.with_ids(which, target, message, {}))
            assert answer.status == 200, f"{which}: {answer.body[:500]!r}"
            made = answer.json()
            for part in key.split("."):
                made = made[part]
            self.ids[which][word] = str(made)

    def assert_same(self, name: str | None, *call, **query) -> None:
        answers = self.ask(name, *call, **query)
        assert answers["mlferry"] == answers["reference"], f"{name} {call} {query}"

    def assert_same_status(self, name: str | None, *call, **query) -> None:
        answers = self.ask(name, *call, **query)
        statuses = {which: answer[0] for which, answer in answers.items()}
        assert statuses["mlferry"] == statuses["reference"], f"{name} {call} {query} → {answers}"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    theirs, mine = tmp_path_factory.mktemp("reference-users"), tmp_path_factory.mktemp("users")
    variables = environment(theirs) | {"MLFLOW_FLASK_SERVER_SECRET_KEY": "secret"}
    # The reference gets a database that mlferry made.
    with Server("--app-name", "basic-auth", root=theirs, environment=variables) as first:
        made = send(first, ADMIN, POST, f"{USERS}/create", {"username": "early", "password": PASSWORD})
        assert made.status == 200, made.body
    reference = Reference(theirs, "--app-name", "basic-auth", environment=variables)
    try:
        with Server("--app-name", "basic-auth", root=mine, environment=environment(mine)) as ours:
            reference.wait()
            pair = Both(reference, ours)
            prepare(pair)
            yield pair
    finally:
        reference.stop()


def test_the_database_goes_from_one_to_the_other_and_back(both, own_server):
    reference = both.servers["reference"]
    assert send(reference, "early", GET, f"{USERS}/current").json()["user"]["username"] == "early"
    # And mlferry one that the reference wrote to.
    ours = own_server("--app-name", "basic-auth", environment=environment(reference.root))
    for name in ["early", *USERS_OF_ALL]:
        assert send(ours, name, GET, f"{USERS}/current").json()["user"]["username"] == name


def prepare(both: Both) -> None:
    for name in USERS_OF_ALL:
        both.make(name, "user.id", ADMIN, POST, f"{USERS}/create", {"username": name, "password": PASSWORD})
    both.make("experiment", "experiment_id", ADMIN, POST, f"{API}/experiments/create", {"name": "theirs"})
    both.make("run", "run.info.run_id", ADMIN, POST, f"{API}/runs/create", {"experiment_id": "$experiment"})
    both.make("model", "registered_model.name", ADMIN, POST, f"{API}/registered-models/create", {"name": "model"})
    for name, permission in [("reader", "READ"), ("editor", "EDIT"), ("manager", "MANAGE")]:
        for kind, id in [("experiment", "$experiment"), ("registered_model", "model")]:
            message = {"username": name, "resource_type": kind, "resource_id": id, "permission": permission}
            both.assert_same(ADMIN, POST, f"{PERMISSIONS}/grant", message)
