"""Users, roles and permissions: the reference's `basic-auth` app and mlferry, asked the same by the same users."""

from __future__ import annotations

import json
import re

import pytest

from accounts import ADMIN, PASSWORD, PERMISSIONS, ROLES, USERS, environment, send
from harness import API, Server
from reference import Reference

pytestmark = pytest.mark.xdist_group("users side by side")

GET, POST, PUT, PATCH, DELETE = "GET", "POST", "PUT", "PATCH", "DELETE"
SCORERS = "/api/3.0/mlflow/scorers"
SERIALIZED = json.dumps({"instructions_judge_pydantic_data": {"model": "openai:/gpt-4.1-mini", "instructions": "x"}})
DATASETS = "/api/3.0/mlflow/datasets"
TRACES = "/api/3.0/mlflow/traces"
TRACE = "tr-" + "a" * 32
USERS_OF_ALL = ["reader", "editor", "manager", "stranger"]
ID = re.compile(r"\b[0-9a-f]{32}\b")
# What the reference's driver says, and of which ours has only the beginning.
DRIVER = re.compile(r" Error: .*", re.DOTALL)


class Both:
    """The two servers; what one of them calls its experiment or run is known to the other by another id."""

    def __init__(self, reference: Reference, ours: Server):
        self.servers = {"reference": reference, "mlferry": ours}
        self.ids: dict[str, dict[str, str]] = {"reference": {}, "mlferry": {}}

    def ask(self, name: str | None, /, method: str, target: str, message: dict | None = None, **query) -> dict:
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
        if not answer.headers.get("content-type", "").startswith("application/json"):
            return answer.status, self.named(which, answer.text)
        shown = self.named(which, json.loads(answer.text))
        if answer.status >= 400:
            return answer.status, (shown["error_code"], DRIVER.sub("", shown["message"]))
        return answer.status, shown

    def named(self, which: str, value: object) -> object:
        """The same without ids, which are numbers now and then, and may be those of several things."""
        if isinstance(value, dict):
            return {key: self.named(which, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.named(which, item) for item in value]
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            return value
        text = str(value)
        for id in sorted(self.ids[which].values(), key=len, reverse=True):
            text = re.sub(rf"\b{re.escape(id)}\b", "<id>", text)
        text = ID.sub("<id>", text)
        return value if text == str(value) else text

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

    def assert_same(self, name: str | None, /, *call, **query) -> None:
        answers = self.ask(name, *call, **query)
        assert answers["mlferry"] == answers["reference"], f"{name} {call} {query}"

    def assert_same_status(self, name: str | None, /, *call, **query) -> None:
        answers = self.ask(name, *call, **query)
        statuses = {which: answer[0] for which, answer in answers.items()}
        assert statuses["mlferry"] == statuses["reference"], f"{name} {call} {query} → {answers}"


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    theirs, mine = tmp_path_factory.mktemp("reference-users"), tmp_path_factory.mktemp("users")
    # Both remember passwords, which take long to hash.
    variables = environment(theirs, auth_cache_ttl_seconds=600) | {"MLFLOW_FLASK_SERVER_SECRET_KEY": "secret"}
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
    both.make(
        "logged",
        "model.info.model_id",
        ADMIN,
        POST,
        f"{API}/logged-models",
        {"experiment_id": "$experiment", "name": "m"},
    )
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$experiment"}}
    trace = {"trace_id": TRACE, "trace_location": location, "request_time": "2026-01-01T00:00:00Z", "state": "OK"}
    both.assert_same_status(ADMIN, POST, TRACES, {"trace": {"trace_info": trace}})
    scorer = {"experiment_id": "$experiment", "name": "judge", "serialized_scorer": SERIALIZED}
    both.assert_same_status(ADMIN, POST, f"{SCORERS}/register", scorer)
    dataset = {"name": "questions", "experiment_ids": ["$experiment"]}
    both.make("dataset", "dataset.dataset_id", ADMIN, POST, f"{DATASETS}/create", dataset)
    both.make("model", "registered_model.name", ADMIN, POST, f"{API}/registered-models/create", {"name": "model"})
    prompt = {"name": "prompt", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
    both.make("prompt", "registered_model.name", ADMIN, POST, f"{API}/registered-models/create", prompt)
    both.assert_same_status(ADMIN, POST, f"{API}/model-versions/create", {"name": "model", "source": "models:/$logged"})
    for name, permission in [("reader", "READ"), ("editor", "EDIT"), ("manager", "MANAGE")]:
        for kind, id in [
            ("experiment", "$experiment"),
            ("registered_model", "model"),
            ("prompt", "prompt"),
            ("scorer", "$experiment/judge"),
        ]:
            message = {"username": name, "resource_type": kind, "resource_id": id, "permission": permission}
            both.assert_same(ADMIN, POST, f"{PERMISSIONS}/grant", message)


EVERYBODY = [None, *USERS_OF_ALL, ADMIN]


@pytest.mark.parametrize("name", EVERYBODY)
def test_the_matrix_of_permissions_is_the_same(both, name):
    """From reading to changing; what deletes comes last, by whoever may."""
    experiment, run, model = {"experiment_id": "$experiment"}, {"run_id": "$run"}, {"name": "model"}
    version = model | {"version": "1"}
    scorer = experiment | {"name": "judge"}
    here = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": experiment}
    for call, query in [
        ((GET, f"{API}/experiments/get"), experiment),
        ((GET, f"{API}/experiments/get-by-name"), {"experiment_name": "theirs"}),
        ((GET, f"{API}/experiments/get"), {"experiment_id": "987654"}),
        ((GET, f"{API}/runs/get"), run),
        ((GET, f"{API}/runs/get"), {"run_id": "0" * 32}),
        ((GET, f"{API}/metrics/get-history"), run | {"metric_key": "m"}),
        ((GET, f"{API}/artifacts/list"), run),
        ((GET, f"{API}/registered-models/get"), model),
        ((GET, "/api/2.0/mlflow-artifacts/artifacts"), {"path": "$experiment/$run/artifacts"}),
        ((POST, f"{API}/experiments/set-experiment-tag", experiment | {"key": "k", "value": "v"}), {}),
        ((POST, f"{API}/experiments/update", experiment | {"new_name": "theirs"}), {}),
        ((POST, f"{API}/runs/create", experiment), {}),
        ((POST, f"{API}/runs/update", run | {"run_name": "r"}), {}),
        ((POST, f"{API}/runs/log-metric", run | {"key": "m", "value": 1, "timestamp": 1}), {}),
        ((POST, f"{API}/runs/log-batch", run), {}),
        ((POST, f"{API}/runs/set-tag", run | {"key": "k", "value": "v"}), {}),
        ((POST, f"{API}/registered-models/set-tag", model | {"key": "k", "value": "v"}), {}),
        ((PATCH, f"{API}/registered-models/update", model | {"description": "d"}), {}),
        ((GET, f"{API}/registered-models/get"), {"name": "prompt"}),
        ((GET, f"{API}/registered-models/get"), {"name": "none"}),
        ((GET, f"{API}/registered-models/get-latest-versions"), model),
        ((GET, f"{API}/registered-models/search"), {}),
        ((GET, f"{API}/model-versions/get"), version),
        ((GET, f"{API}/model-versions/get-download-uri"), version),
        ((GET, f"{API}/model-versions/search"), {}),
        ((POST, f"{API}/model-versions/set-tag", version | {"key": "k", "value": "v"}), {}),
        ((PATCH, f"{API}/model-versions/update", version | {"description": "d"}), {}),
        ((POST, f"{API}/registered-models/alias", version | {"alias": "a"}), {}),
        ((GET, f"{API}/registered-models/alias"), model | {"alias": "a"}),
        ((POST, f"{API}/registered-models/set-tag", {"name": "prompt", "key": "k", "value": "v"}), {}),
        ((GET, f"{API}/logged-models/$logged"), {}),
        ((POST, f"{API}/logged-models/search", {"experiment_ids": ["$experiment"]}), {}),
        ((PATCH, f"{API}/logged-models/$logged/tags", {"tags": [{"key": "k", "value": "v"}]}), {}),
        ((POST, f"{API}/logged-models", {"experiment_id": "$experiment", "name": "another"}), {}),
        ((GET, f"{TRACES}/{TRACE}"), {}),
        ((POST, f"{TRACES}/search", {"locations": [here], "max_results": 5}), {}),
        ((PATCH, f"{TRACES}/{TRACE}/tags", {"key": "k", "value": "v"}), {}),
        ((GET, f"{DATASETS}/$dataset"), {}),
        ((GET, f"{DATASETS}/d-none"), {}),
        ((GET, f"{DATASETS}/$dataset/records"), {}),
        ((GET, f"{DATASETS}/$dataset/experiment-ids"), {}),
        ((PATCH, f"{DATASETS}/$dataset/tags", {"tags": '{"k": "v"}'}), {}),
        ((POST, f"{DATASETS}/$dataset/records", {"records": '[{"inputs": {"q": "a"}}]'}), {}),
        ((POST, f"{DATASETS}/$dataset/add-experiments", {"experiment_ids": ["0"]}), {}),
        ((POST, f"{DATASETS}/search", {"experiment_ids": ["$experiment"]}), {}),
        ((POST, f"{DATASETS}/search", {}), {}),
        ((POST, f"{DATASETS}/create", {"name": f"of {name}"}), {}),
        ((GET, f"{SCORERS}/list"), experiment),
        ((GET, f"{SCORERS}/list"), {}),
        ((GET, f"{SCORERS}/get"), scorer),
        ((GET, f"{SCORERS}/versions"), scorer),
        ((POST, f"{SCORERS}/register", scorer | {"serialized_scorer": SERIALIZED}), {}),
        ((POST, f"{API}/runs/log-parameter", run | {"key": "p", "value": "v"}), {}),
        ((POST, f"{API}/runs/delete-tag", run | {"key": "k"}), {}),
        ((GET, f"{API}/experiments/search"), {"max_results": 10}),
        ((PUT, "/api/2.0/mlflow-artifacts/artifacts/$experiment/$run/artifacts/a.txt"), {}),
        ((GET, "/api/2.0/mlflow-artifacts/artifacts/$experiment/$run/artifacts/a.txt"), {}),
        ((POST, f"{API}/runs/search", {"experiment_ids": ["$experiment"], "filter": "tags.none = 'x'"}), {}),
        ((GET, f"{API}/users/get"), {"username": "reader"}),
        ((GET, f"{API}/users/current"), {}),
        ((GET, f"{API}/experiments/get"), {}),
    ]:
        both.assert_same_status(name, *call, **query)
    if name in (None, "stranger", "reader", "editor"):
        for target, message in [
            (f"{API}/experiments/delete", experiment),
            (f"{API}/runs/delete", run),
            (f"{API}/runs/restore", run),
        ]:
            both.assert_same(name, POST, target, message)
        both.assert_same(name, DELETE, f"{API}/registered-models/delete", model)
    else:
        both.assert_same(name, POST, f"{API}/runs/delete", run)
        both.assert_same(name, POST, f"{API}/runs/restore", run)


def test_users_are_made_and_changed_alike(both):
    def new(name: str, **more):
        return {"username": name, "password": PASSWORD} | more

    both.make("oscar", "user.id", ADMIN, POST, f"{USERS}/create", new("oscar"))
    for name, *call in [
        (ADMIN, POST, f"{USERS}/create", new("oscar")),
        (ADMIN, POST, f"{USERS}/create", new("peggy", password="short")),
        (ADMIN, POST, f"{USERS}/create", {"username": "peggy"}),
        ("reader", POST, f"{USERS}/create", new("peggy")),
        (None, POST, f"{USERS}/create", new("peggy")),
        (ADMIN, PATCH, f"{USERS}/update-admin", {"username": "oscar", "is_admin": True}),
        ("oscar", PATCH, f"{USERS}/update-admin", {"username": "oscar", "is_admin": False}),
        ("oscar", PATCH, f"{USERS}/update-admin", {"username": "oscar", "is_admin": True}),
        (ADMIN, PATCH, f"{USERS}/update-admin", {"username": "nobody", "is_admin": True}),
        ("oscar", PATCH, f"{USERS}/update-password", new("oscar", password="a new password")),
        ("oscar", PATCH, f"{USERS}/update-password", new("oscar", current_password="wrong password")),
        ("oscar", PATCH, f"{USERS}/update-password", new("oscar", current_password=PASSWORD)),
        ("oscar", PATCH, f"{USERS}/update-password", new("reader")),
        (ADMIN, PATCH, f"{USERS}/update-password", new("oscar", password="short")),
        (ADMIN, PATCH, f"{USERS}/update-password", new("nobody")),
        (ADMIN, DELETE, f"{USERS}/delete", {"username": ADMIN}),
        ("reader", DELETE, f"{USERS}/delete", {"username": "oscar"}),
        (ADMIN, DELETE, f"{USERS}/delete", {"username": "oscar"}),
        (ADMIN, DELETE, f"{USERS}/delete", {"username": "oscar"}),
        ("oscar", GET, f"{USERS}/current"),
    ]:
        both.assert_same(name, *call)
    both.assert_same(ADMIN, GET, f"{USERS}/get", username="reader")
    both.assert_same(ADMIN, GET, f"{USERS}/get", username="nobody")
    both.assert_same("reader", GET, f"{USERS}/get", username="reader")


def test_roles_are_made_and_changed_alike(both):
    role = {"name": "role", "workspace": "default", "description": "d"}
    both.make("role", "role.id", ADMIN, POST, f"{ROLES}/create", role)
    granted = {"role_id": "$role", "resource_type": "experiment", "resource_pattern": "*", "permission": "READ"}
    for call in [
        (POST, f"{ROLES}/create", role),
        (POST, f"{ROLES}/create", role | {"name": "__user_1__"}),
        (POST, f"{ROLES}/create", role | {"name": " "}),
        (PATCH, f"{ROLES}/update", {"role_id": "$role", "description": "other"}),
        (PATCH, f"{ROLES}/update", {"role_id": "$role"}),
        (POST, f"{ROLES}/permissions/add", granted | {"permission": "WRITE"}),
        (POST, f"{ROLES}/permissions/add", granted | {"resource_type": "run", "resource_pattern": "1"}),
        (POST, f"{ROLES}/permissions/add", granted | {"resource_type": "workspace"}),
        (POST, f"{ROLES}/permissions/add", granted | {"role_id": 987654}),
        (POST, f"{ROLES}/assign", {"username": "nobody", "role_id": "$role"}),
        (DELETE, f"{ROLES}/unassign", {"username": "stranger", "role_id": "$role"}),
    ]:
        both.assert_same(ADMIN, *call)
    both.make("granted", "role_permission.id", ADMIN, POST, f"{ROLES}/permissions/add", granted)
    both.make("assigned", "assignment.id", ADMIN, POST, f"{ROLES}/assign", {"username": "stranger", "role_id": "$role"})
    both.assert_same_status("stranger", GET, f"{API}/experiments/get", experiment_id="$experiment")
    for target in ["get", "permissions/list", "users/list"]:
        both.assert_same(ADMIN, GET, f"{ROLES}/{target}", role_id="$role")
    both.assert_same(ADMIN, POST, f"{ROLES}/permissions/add", granted)
    both.assert_same(ADMIN, POST, f"{ROLES}/assign", {"username": "stranger", "role_id": "$role"})
    for call in [
        (PATCH, f"{ROLES}/permissions/update", {"role_permission_id": "$granted", "permission": "DENY"}),
        (DELETE, f"{ROLES}/permissions/remove", {"role_permission_id": "$granted"}),
        (DELETE, f"{ROLES}/permissions/remove", {"role_permission_id": "$granted"}),
        (DELETE, f"{ROLES}/delete", {"role_id": "$role"}),
        (DELETE, f"{ROLES}/delete", {"role_id": "$role"}),
    ]:
        both.assert_same(ADMIN, *call)


@pytest.mark.parametrize("granted", ["READ", "USE", "EDIT", "MANAGE", "DENY"])
def test_grants_on_all_runs_outvote_those_on_the_experiment(both, granted):
    message = {"username": "manager", "resource_type": "run", "resource_id": "*"}
    both.assert_same(ADMIN, POST, f"{PERMISSIONS}/grant", message | {"permission": granted})
    both.assert_same(ADMIN, GET, f"{PERMISSIONS}/get", **message)
    for call in [
        (POST, f"{API}/runs/set-tag", {"run_id": "$run", "key": "k", "value": "v"}),
        (POST, f"{API}/runs/delete", {"run_id": "$run"}),
        (POST, f"{API}/runs/restore", {"run_id": "$run"}),
        (POST, f"{API}/runs/create", {"experiment_id": "$experiment"}),
        (POST, f"{API}/runs/search", {"experiment_ids": ["$experiment"], "filter": "tags.none = 'x'"}),
    ]:
        both.assert_same_status("manager", *call)
    both.assert_same_status("manager", GET, f"{API}/runs/get", run_id="$run")
    both.assert_same(ADMIN, POST, f"{PERMISSIONS}/revoke", message)
