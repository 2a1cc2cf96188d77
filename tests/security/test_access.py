"""Every route of a server with users, called by everybody: nobody does more than the route table says."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import pytest

from accounts import ADMIN, PASSWORD, Accounts, basic, environment
from harness import API, ARTIFACTS, REPOSITORY, Server
from otlp import export_of_one_span
from server_routes import Line, access_table, all_lines

# One server for all, and its tests in this order: the walk at the end deletes what there is.
pytestmark = pytest.mark.xdist_group("users")

# Each may do what the one before may do, and more.
LADDER = ["stranger", "reader", "editor", "manager"]
NEEDED = {"read": "reader", "edit": "editor", "delete": "manager"}
CALL = "/2.0/mlflow"
TRACES = "/3.0/mlflow/traces"
# What answers everybody who is signed in with what they may see, and nothing else.
SHOWS_WHAT_MAY_BE_SEEN = {f"{CALL}/{name}/search" for name in ("experiments", "runs", "registered-models")} | {
    f"{CALL}/model-versions/search",
    f"{CALL}/logged-models/search",
    "/graphql",
}
# What everybody who is signed in may make.
MAKES = {f"{CALL}/experiments/create", f"{CALL}/registered-models/create"}
# What these do can't be undone, so that they come last; the last one ends all others.
LAST = [
    f"{TRACES}/{{trace_id}}/assessments/{{assessment_id}}",
    f"{TRACES}/delete-traces",
    f"{CALL}/traces/delete-traces",
    f"{CALL}/logged-models/{{model_id}}",
    f"{CALL}/model-versions/delete",
    f"{CALL}/registered-models/delete",
    f"{CALL}/runs/delete",
    f"{CALL}/experiments/delete",
]


@dataclass
class Things:
    """One of each kind, which belong together, and the users who may do different things with them."""

    accounts: Accounts
    experiment: str = ""
    run: str = ""
    logged_model: str = ""
    trace: str = ""
    assessment: str = ""
    model: str = "the model"

    def make(self) -> None:
        must = self.accounts.must
        experiment = must(ADMIN, "POST", f"{API}/experiments/create", {"name": "theirs"})["experiment_id"]
        self.experiment = experiment
        run = must(ADMIN, "POST", f"{API}/runs/create", {"experiment_id": experiment})["run"]
        self.run = run["info"]["run_id"]
        made = must(ADMIN, "POST", f"{API}/logged-models", {"experiment_id": experiment, "name": "m"})
        self.logged_model = made["model"]["info"]["model_id"]
        self.trace = "tr-" + "a" * 32
        must(ADMIN, "POST", f"/api{TRACES}", {"trace": {"trace_info": self.trace_info(self.trace)}})
        message = {"assessment": self.judgement()}
        made = must(ADMIN, "POST", f"/api{TRACES}/{self.trace}/assessments", message)
        self.assessment = made["assessment"]["assessment_id"]
        must(ADMIN, "POST", f"{API}/registered-models/create", {"name": self.model})
        must(ADMIN, "POST", f"{API}/model-versions/create", self.version())
        upload = self.accounts.server.put(self.file(), b"secret", basic(ADMIN))
        assert upload.status == 200, upload.body
        self.accounts.add(*LADDER)
        for name, permission in [("reader", "READ"), ("editor", "EDIT"), ("manager", "MANAGE")]:
            self.accounts.grant(name, "experiment", experiment, permission)
            self.accounts.grant(name, "registered_model", self.model, permission)

    def file(self) -> str:
        return f"{self.experiment}/{self.run}/artifacts/secret.txt"

    def judgement(self) -> dict:
        return {"assessment_name": "good", "feedback": {"value": True}, "source": {"source_type": "HUMAN"}}

    def version(self) -> dict:
        return {"name": self.model, "source": f"runs:/{self.run}/model", "run_id": self.run}

    def trace_info(self, id: str) -> dict:
        return {
            "trace_id": id,
            "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": self.experiment}},
            "request_time": "2026-01-01T00:00:00Z",
            "state": "OK",
        }

    def message(self, line: Line) -> dict:
        """A message that a line reads without complaint, and that names what is there."""
        path = line.path.removeprefix("/ajax-api").removeprefix("/api")
        one = {
            "experiment_id": self.experiment,
            "experiment_name": "theirs",
            "experiment_ids": [self.experiment],
            "run_id": self.run,
            "run_uuid": self.run,
            "key": "k",
            "value": "v",
            "metric_key": "m",
            "timestamp": 1,
            "path": "secret.txt",
            "version": "1",
            "alias": "best",
            "stage": "Staging",
            "name": self.model,
            "request_id": self.trace,
            "trace_id": self.trace,
            "max_results": 5,
        }
        match path:
            case "/2.0/mlflow/experiments/create" | "/2.0/mlflow/registered-models/create":
                return {"name": f"{line.method} {line.path} {time.monotonic_ns()}"}
            case "/2.0/mlflow/experiments/update":
                return one | {"new_name": "theirs"}
            case "/2.0/mlflow/registered-models/rename":
                return one | {"new_name": self.model}
            case "/2.0/mlflow/model-versions/create":
                return self.version()
            case "/2.0/mlflow/logged-models":
                return {"experiment_id": self.experiment, "name": "m", "source_run_id": self.run}
            case "/2.0/mlflow/logged-models/{model_id}" if line.method == "PATCH":
                return {"model_id": self.logged_model, "status": "LOGGED_MODEL_READY"}
            case "/2.0/mlflow/logged-models/{model_id}/tags" | "/2.0/mlflow/logged-models/{model_id}/params":
                return {"model_id": self.logged_model, "tags": [], "params": []}
            case "/2.0/mlflow/artifacts/presigned-upload-url":
                return {"run_id": self.run, "path": "secret.txt"}
            case "/2.0/mlflow/runs/outputs" | "/2.0/mlflow/runs/log-inputs":
                return {"run_id": self.run, "models": [{"model_id": self.logged_model, "step": 1}]}
            case "/2.0/mlflow/runs/log-model":
                model = {"artifact_path": "m", "run_id": self.run, "flavors": {}, "utc_time_created": "2026-01-01"}
                return {"run_id": self.run, "model_json": json.dumps(model)}
            case "/2.0/mlflow/runs/log-metric":
                return {"run_id": self.run, "key": "m", "value": 1, "timestamp": 1}
            case "/2.0/mlflow/runs/log-batch":
                metric = {"key": "m", "value": 1, "timestamp": 1, "model_id": self.logged_model}
                return {"run_id": self.run, "metrics": [metric]}
            case "/2.0/mlflow/metrics/get-history-bulk-interval":
                return {"run_ids": [self.run], "metric_key": "m"}
            case "/3.0/mlflow/traces":
                return {"trace": {"trace_info": self.trace_info(f"tr-{time.monotonic_ns():032x}")}}
            case "/2.0/mlflow/traces" if line.method == "POST":
                return {"experiment_id": self.experiment, "timestamp_ms": 1}
            case "/2.0/mlflow/traces/{request_id}":
                return {"request_id": self.trace, "timestamp_ms": 1, "status": "OK"}
            case "/3.0/mlflow/traces/search":
                place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": self.experiment}}
                return {"locations": [place]}
            case "/3.0/mlflow/traces/metrics":
                aggregations = [{"aggregation_type": "COUNT"}]
                named = {"view_type": "TRACES", "metric_name": "trace_count", "aggregations": aggregations}
                return {"experiment_ids": [self.experiment], **named}
            case "/3.0/mlflow/traces/calculate-filter-correlation":
                filters = {"filter_string1": "trace.status = 'OK'", "filter_string2": "trace.status = 'ERROR'"}
                return {"experiment_ids": [self.experiment], **filters}
            case "/3.0/mlflow/traces/batchGet" | "/3.0/mlflow/traces/batchGetInfos":
                return {"trace_ids": [self.trace]}
            case "/3.0/mlflow/traces/delete-traces" | "/2.0/mlflow/traces/delete-traces":
                return {"experiment_id": self.experiment, "request_ids": [self.trace]}
            case "/2.0/mlflow/traces/link-to-run":
                return {"run_id": self.run, "trace_ids": [self.trace]}
            case "/2.0/mlflow/traces/link-prompts":
                return {"trace_id": self.trace, "prompt_versions": [{"name": "p", "version": "1"}]}
            case "/3.0/mlflow/traces/{trace_id}/assessments":
                return {"assessment": self.judgement()}
            case "/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}" if line.method == "PATCH":
                named = {"assessment_id": self.assessment, "trace_id": self.trace, "assessment_name": "good"}
                return {"assessment": named, "update_mask": "assessmentName"}
            case "/graphql":
                question = 'query Q { mlflowGetExperiment(input: {experimentId: "%s"}) { experiment { name } } }'
                return {"query": question % self.experiment}
            case "/2.0/mlflow-artifacts/artifacts":
                return {"path": self.file().rpartition("/")[0]}
            case _ if "/mpu/" in path:
                return {"path": "secret.txt", "num_parts": 1, "upload_id": "x", "parts": []}
        return one

    def target(self, line: Line) -> str:
        ids = {
            "{*artifact_path}": self.file(),
            "{model_id}": self.logged_model,
            "{trace_id}": self.trace,
            "{request_id}": self.trace,
            "{assessment_id}": self.assessment,
            "{tag_key}": "k",
        }
        target = line.path
        for place, id in ids.items():
            target = target.replace(place, id)
        return Line(line.access, line.method, target).target()

    def call(self, name: str | None, line: Line):
        target, message = self.target(line), self.message(line)
        if line.path == "/v1/traces":
            headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": self.experiment}
            body = export_of_one_span()
            return self.accounts.server.request("POST", target, body, headers | (basic(name) if name else {}))
        if line.path.endswith("/upload-artifact"):
            target = f"{target}?run_uuid={self.run}&path=secret.txt"
        if line.method == "GET":
            return self.accounts.send(name, "GET", target, **message)
        return self.accounts.send(name, line.method, target, message)


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    with Server("--app-name", "basic-auth", root=folder, environment=environment(folder)) as server:
        things = Things(Accounts(server))
        things.make()
        yield things


def walk() -> list[Line]:
    """All lines, those last that end what others need, and the one that ends all grants once."""
    place = {path: number for number, path in enumerate(LAST, 1)}

    def key(line: Line) -> int:
        is_final = line.access == "delete" or line.path.endswith("delete-traces")
        return place.get(line.path.removeprefix("/ajax-api").removeprefix("/api"), 0) if is_final else 0

    return sorted((line for line in all_lines() if not (is_of_root(line) or is_done(line))), key=key)


def is_done(line: Line) -> bool:
    """The twin of what can be done only once: then nobody has a grant on the model any more."""
    return line.path == "/ajax-api/2.0/mlflow/registered-models/delete"


def is_of_root(line: Line) -> bool:
    """The root of the destination by a slash, which is refused whoever asks."""
    return line.path.endswith("/artifacts/")


def expected(line: Line, name: str | None) -> bool | None:
    """Whether somebody may call a line, or nothing where it depends on what is asked."""
    path = line.path.removeprefix("/ajax-api").removeprefix("/api")
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
    ["", "Basic", "Basic ", "Basic !", "Bearer x", "Basic YWRtaW4=", "Basic OnBhc3N3b3Jk", "Basic " + "A" * 9000],
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
            path = line.path.removeprefix("/ajax-api").removeprefix("/api")
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
