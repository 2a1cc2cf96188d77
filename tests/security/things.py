"""One of each kind of thing in a server with users, and for each line of the route table a request about them."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from accounts import ADMIN, Accounts, basic, environment, headers_of
from harness import API, Answer, Server
from otlp import export_of_one_span
from server_routes import Line, all_lines

# Each may do what the one before may do, and more.
LADDER = ["stranger", "reader", "editor", "manager"]
CALL = "/2.0/mlflow"
TRACES = "/3.0/mlflow/traces"
# Who of them may call lines, by the access of these.
NEEDED = {"read": "reader", "edit": "editor", "delete": "manager"}
# What answers everybody who is signed in with what they may see, and nothing else.
SHOWS_WHAT_MAY_BE_SEEN = {f"{CALL}/{name}/search" for name in ("experiments", "runs", "registered-models")} | {
    f"{CALL}/model-versions/search",
    f"{CALL}/logged-models/search",
    "/graphql",
}
# What everybody who is signed in may make.
MAKES = {f"{CALL}/experiments/create", f"{CALL}/registered-models/create"}
SCORERS = "/api/3.0/mlflow/scorers"
# What these do can't be undone, so that they come last; the last one ends all others.
LAST = [
    "/3.0/mlflow/scorers/delete",
    "/3.0/mlflow/datasets/{dataset_id}",
    f"{TRACES}/{{trace_id}}/assessments/{{assessment_id}}",
    f"{TRACES}/delete-traces",
    f"{CALL}/traces/delete-traces",
    f"{CALL}/logged-models/{{model_id}}",
    f"{CALL}/model-versions/delete",
    f"{CALL}/registered-models/delete",
    f"{CALL}/runs/delete",
    f"{CALL}/experiments/delete",
]


# With an identity provider, which does not answer, so that there are the lines that lead to it.
WITH_USERS = (
    *("--app-name", "basic-auth", "--oidc-issuer", "http://127.0.0.1:9", "--oidc-client-id", "mlferry"),
    *("--oidc-redirect-url", "http://127.0.0.1/oidc/callback"),
)


def walk() -> list[Line]:
    """All lines, those last that end what others need, and the one that ends all grants once."""
    place = {path: number for number, path in enumerate(LAST, 1)}

    def key(line: Line) -> int:
        is_final = line.access == "delete" or line.path.endswith("delete-traces")
        return place.get(line.own_path, 0) if is_final else 0

    return sorted((line for line in all_lines() if not (is_of_root(line) or is_done(line))), key=key)


def is_done(line: Line) -> bool:
    """The twin of what can be done only once: then nobody has a grant on it any more."""
    return (line.method, line.path) in [
        ("DELETE", "/ajax-api/2.0/mlflow/registered-models/delete"),
        ("DELETE", "/ajax-api/3.0/mlflow/datasets/{dataset_id}"),
        ("DELETE", "/ajax-api/3.0/mlflow/scorers/delete"),
    ]


def is_of_root(line: Line) -> bool:
    """The root of the destination by a slash, which is refused whoever asks."""
    return line.path.endswith("/artifacts/")


@contextlib.contextmanager
def things_in(folder: Path) -> Iterator[Things]:
    """A server with users in a folder, and one of each kind of thing."""
    with Server(*WITH_USERS, root=folder, environment=environment(folder)) as server:
        things = Things(Accounts(server))
        things.make()
        yield things


@dataclass
class Things:
    """One of each kind, which belong together, and the users who may do different things with them."""

    accounts: Accounts
    experiment: str = ""
    run: str = ""
    logged_model: str = ""
    trace: str = ""
    assessment: str = ""
    dataset: str = ""
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
        must(ADMIN, "POST", f"{SCORERS}/register", self.scorer())
        message = {"name": "questions", "experiment_ids": [experiment]}
        made = must(ADMIN, "POST", "/api/3.0/mlflow/datasets/create", message)
        self.dataset = made["dataset"]["dataset_id"]
        must(ADMIN, "POST", f"{API}/registered-models/create", {"name": self.model})
        must(ADMIN, "POST", f"{API}/model-versions/create", self.version())
        upload = self.accounts.server.put(self.file(), b"secret", basic(ADMIN))
        assert upload.status == 200, upload.body
        self.accounts.add(*LADDER)
        for name, permission in [("reader", "READ"), ("editor", "EDIT"), ("manager", "MANAGE")]:
            self.accounts.grant(name, "experiment", experiment, permission)
            self.accounts.grant(name, "registered_model", self.model, permission)
            self.accounts.grant(name, "scorer", f"{experiment}/a%2Fjudge", permission)

    def file(self) -> str:
        return f"{self.experiment}/{self.run}/artifacts/secret.txt"

    def judgement(self) -> dict:
        return {"assessment_name": "good", "feedback": {"value": True}, "source": {"source_type": "HUMAN"}}

    def scorer(self) -> dict:
        serialized = json.dumps(
            {"instructions_judge_pydantic_data": {"model": "openai:/gpt-4.1-mini", "instructions": "x"}}
        )
        return {"experiment_id": self.experiment, "name": "a/judge", "serialized_scorer": serialized}

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
        path = line.own_path
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
                return {"name": f"{line.path.replace('/', ' ')} {time.monotonic_ns()}"}
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
            case _ if path.startswith("/3.0/mlflow/scorers/"):
                return self.scorer() | {"sample_rate": 0.5, "scorer_ids": ["x"]}
            case "/3.0/mlflow/datasets/create":
                return {"name": f"{time.monotonic_ns()}", "experiment_ids": [self.experiment]}
            case "/3.0/mlflow/datasets/{dataset_id}/tags":
                return {"tags": '{"k": "v"}'}
            case "/3.0/mlflow/datasets/{dataset_id}/records" if line.method != "GET":
                return {"records": '[{"inputs": {"q": "a"}}]', "dataset_record_ids": ["x"]}
            case "/3.0/mlflow/datasets/{dataset_id}/remove-experiments":
                # It stays in its own, for what comes next.
                return {"experiment_ids": ["987654"]}
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
            "{dataset_id}": self.dataset,
            "{key}": "k",
        }
        target = line.path
        for place, id in ids.items():
            target = target.replace(place, id)
        return replace(line, path=target).target()

    def call(self, who: str | dict[str, str] | None, line: Line) -> Answer:
        target, message = self.target(line), self.message(line)
        if line.path == "/v1/traces":
            headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": self.experiment}
            body = export_of_one_span()
            return self.accounts.server.request("POST", target, body, headers | headers_of(who))
        if line.path.endswith("/mlferry/changes"):
            return self.beginning(who, f"{target}?experiment_ids={self.experiment}")
        if line.path.endswith("/upload-artifact"):
            target = f"{target}?run_uuid={self.run}&path=secret.txt"
        if line.method == "GET":
            return self.accounts.send(who, "GET", target, **message)
        return self.accounts.send(who, line.method, target, message)

    def beginning(self, who: str | dict[str, str] | None, target: str) -> Answer:
        """A refusal, or what stands before the body of an answer that has no end."""
        connection = self.accounts.server.connection(30)
        with contextlib.closing(connection):
            connection.request("GET", target, headers=headers_of(who))
            response = connection.getresponse()
            return Answer(response.status, response.headers, b"" if response.status == 200 else response.read())
