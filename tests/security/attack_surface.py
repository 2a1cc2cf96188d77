"""Every line of the server's route table, and on which of them a client names a file.

`test_routes.py` compares this with what `mlferry routes` prints: a route that is added without a line here fails.
"""

from __future__ import annotations

import itertools
import json
import re
import urllib.parse
from dataclasses import dataclass, field

from archives import tar_of
from spellings import Spelling

PROXY = "/2.0/mlflow-artifacts"
CALL = "/2.0/mlflow"
BOTH, AJAX, BARE = ("/api", "/ajax-api"), ("/ajax-api",), ("",)
# What an upload that should have been refused would leave behind.
PLANTED = b"planted by an attack"
LIST_IN_GRAPHQL = (
    "query List($data: MlflowListArtifactsInput!) { mlflowListArtifacts(input: $data) { files { path } } }"
)
# Stands in a message for the name, of which the spelling counts.
MARK = "@the name@"


@dataclass(frozen=True)
class Way:
    """One way to name a file: the line of the route table, and where in the request the name stands.

    `place` is `path` for the rest of the path, `query NAME`, or `json NAME`; what the path names then is harmless.
    `$run`, `$model`, `$version` and `$trace` stand for what the target under attack has. `base` is what names are
    relative to.
    """

    name: str
    method: str
    route: str
    place: str
    base: str = "root"
    query: dict[str, str] = field(default_factory=dict)
    message: dict | None = None
    body: bytes | None = None
    twins: tuple[str, ...] = BOTH
    # Of a client's own path, only the last name counts.
    takes_last_name: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def lines(self) -> set[tuple[str, str]]:
        """Method and path of the lines of the table; HEAD goes with GET."""
        return {("GET" if self.method == "HEAD" else self.method, twin + self.route) for twin in self.twins}


OF_PARTS = {
    "path": "part.bin",
    "num_parts": 1,
    "upload_id": "none",
    "parts": [{"part_number": 1, "etag": '"1"', "url": "http://localhost/?blockid=eA=="}],
}
FILES = f"{PROXY}/artifacts/{{*artifact_path}}"
MODEL = f"{CALL}/logged-models/{{model_id}}/artifacts"

WAYS = [
    Way("list", "GET", f"{PROXY}/artifacts", "query path"),
    Way("list all below", "GET", f"{PROXY}/artifacts", "query path", query={"recursive": "true"}),
    Way("download", "GET", FILES, "path"),
    Way("head", "HEAD", FILES, "path"),
    Way("upload", "PUT", FILES, "path", body=PLANTED),
    Way("delete", "DELETE", FILES, "path"),
    Way("download an archive", "GET", FILES, "path", query={"archive": "tar"}),
    Way("upload an archive", "PUT", FILES, "path", query={"extract": "tar"}, body=tar_of({"planted": PLANTED})),
    *(
        Way(f"{step} a multipart upload", "POST", f"{PROXY}/mpu/{step}/{{*artifact_path}}", "path", message=OF_PARTS)
        for step in ("create", "complete", "abort")
    ),
    *(
        Way(
            f"{step} a multipart upload by the client's path",
            "POST",
            f"{PROXY}/mpu/{step}/{{*artifact_path}}",
            "json path",
            message=OF_PARTS,
            takes_last_name=True,
        )
        for step in ("create", "complete", "abort")
    ),
    Way("presigned", "GET", f"{PROXY}/presigned/{{*artifact_path}}", "path"),
    Way("list a run", "GET", f"{CALL}/artifacts/list", "query path", "run", {"run_id": "$run"}),
    Way("get-artifact", "GET", "/get-artifact", "query path", "run", {"run_id": "$run"}, twins=BARE),
    Way("get-artifact by the old name", "GET", "/get-artifact", "query path", "run", {"run_uuid": "$run"}, twins=BARE),
    Way(
        "get-artifact, an archive",
        "GET",
        "/get-artifact",
        "query path",
        "run",
        {"run_id": "$run", "archive": "tar"},
        twins=BARE,
    ),
    Way(
        "model-versions/get-artifact",
        "GET",
        "/model-versions/get-artifact",
        "query path",
        "version",
        {"name": "$version", "version": "1"},
        twins=BARE,
    ),
    Way(
        "upload-artifact",
        "POST",
        f"{CALL}/upload-artifact",
        "query path",
        "run",
        {"run_uuid": "$run"},
        body=PLANTED,
        twins=AJAX,
    ),
    Way(
        "presigned-download-url",
        "POST",
        f"{CALL}/artifacts/presigned-download-url",
        "json path",
        "run",
        message={"run_id": "$run"},
    ),
    Way(
        "presigned-upload-url",
        "POST",
        f"{CALL}/artifacts/presigned-upload-url",
        "json path",
        "run",
        message={"run_id": "$run"},
    ),
    Way(
        "presigned-upload-url of a model",
        "POST",
        f"{CALL}/artifacts/presigned-upload-url",
        "json path",
        "model",
        message={"model_id": "$model"},
    ),
    Way("list a model", "GET", f"{MODEL}/directories", "query artifact_directory_path", "model"),
    Way("file of a model", "GET", f"{MODEL}/files", "query artifact_file_path", "model", twins=AJAX),
    *(
        Way(
            f"attachment of a trace, {version}",
            "GET",
            f"/{version}/mlflow/get-trace-artifact",
            "query path",
            "trace",
            {"request_id": "$trace"},
            twins=AJAX,
        )
        for version in ("2.0", "3.0")
    ),
    Way("file of the page", "GET", "/static-files/{*path}", "path", "page", twins=BARE),
    Way("list in GraphQL", "POST", "/graphql", "json path", "run", message={"runId": "$run"}, twins=BARE),
]

# The root itself, by a slash: nothing is named.
OF_ROOT = {(method, f"{twin}{PROXY}/artifacts/") for twin in BOTH for method in ("GET", "PUT", "DELETE")}

# Lines on which no name of a file goes in. What locations they take is tried in `test_locations.py`.
WITHOUT_FILES = """
/ /health /ready /version /metrics /v1/traces
{/api,/ajax-api}/3.0/mlflow/server-info
/ajax-api/2.0/mlflow/gateway-proxy
/ajax-api/3.0/mlflow/ui-telemetry
/ajax-api/3.0/mlflow/assistant/{config,providers}
*/2.0/mlflow/experiments/{create,get,get-by-name,search,update,delete,restore}
*/2.0/mlflow/experiments/{set-experiment-tag,delete-experiment-tag}
/ajax-api/2.0/mlflow/experiments/search-datasets
/ajax-api/3.0/mlferry/{caller,changes,experiments/summaries,experiments/weight}
*/2.0/mlflow/runs/{create,get,search,update,delete,restore,log-batch,log-metric,log-parameter,set-tag,delete-tag}
*/2.0/mlflow/runs/{log-inputs,outputs,log-model}
*/2.0/mlflow/metrics/{get-history,get-history-bulk-interval}
/ajax-api/2.0/mlflow/metrics/get-history-bulk
*/2.0/mlflow/logged-models
*/2.0/mlflow/logged-models/{search,:model_id}
*/2.0/mlflow/logged-models/:model_id/{params,tags,tags/:tag_key}
*/2.0/mlflow/registered-models/{create,get,search,rename,update,delete,get-latest-versions,set-tag,delete-tag,alias}
*/2.0/mlflow/model-versions/{create,get,search,update,transition-stage,delete,get-download-uri,set-tag,delete-tag}
*/2.0/mlflow/webhooks
*/2.0/mlflow/webhooks/{:webhook_id,:webhook_id/test}
*/{2.0,3.0}/mlflow/traces
*/3.0/mlflow/traces/{search,get,batchGet,batchGetInfos,metrics,calculate-filter-correlation,delete-traces}
*/3.0/mlflow/traces/{:trace_id,:trace_id/tags,:trace_id/assessments,:trace_id/assessments/:assessment_id}
*/2.0/mlflow/traces/{delete-traces,link-to-run,link-prompts,:request_id,:request_id/info,:request_id/tags}
*/3.0/mlflow/scorers/{register,list,versions,get,delete,online-configs,online-config}
*/3.0/mlflow/datasets/{create,search,:dataset_id,:dataset_id/tags,:dataset_id/tags/:key,:dataset_id/records}
*/3.0/mlflow/datasets/:dataset_id/{experiment-ids,add-experiments,remove-experiments}
"""


def without_files() -> set[str]:
    """The paths of `WITHOUT_FILES`, in the router's notation."""
    return {path for pattern in WITHOUT_FILES.split() for path in written_out(pattern)}


def written_out(pattern: str) -> list[str]:
    """`{a,b}` stands for `a` and `b`, `:name` for the router's `{name}`, and `*` for both prefixes."""
    pattern = pattern.replace("*/", "{/api,/ajax-api}/", 1)
    pieces = [piece.split(",") for piece in re.split(r"[{}]", pattern)]
    return [re.sub(r":(\w+)", r"{\1}", "".join(choice)) for choice in itertools.product(*pieces)]


def filled(value, ids: dict[str, str]):
    """The same with ids in place of `$run` and the like."""
    if isinstance(value, dict):
        return {key: filled(inner, ids) for key, inner in value.items()}
    return ids[value[1:]] if isinstance(value, str) and value.startswith("$") else value


def request(way: Way, twin: str, spelling: Spelling, ids: dict[str, str]) -> tuple[str, bytes | None, dict[str, str]]:
    """Target, body and headers of a request that names a file in this way and spelling."""
    kind, _, name = way.place.partition(" ")
    target, _, has_rest = (twin + way.route).partition("{*")
    target = target.replace("{model_id}", ids.get("model", ""))
    if has_rest:
        target += spelling.url if kind == "path" else "inside"
    query = [urllib.parse.urlencode(filled(way.query, ids))] if way.query else []
    if kind == "query":
        query.append(f"{name}={spelling.url}")
    if query:
        target += "?" + "&".join(query)
    if way.message is None:
        return target, way.body, {}
    message = json.dumps(filled(way.message, ids) | ({name: MARK} if kind == "json" else {}))
    message = message.replace(f'"{MARK}"', spelling.literal)
    if way.route == "/graphql":
        message = f'{{"query": {json.dumps(LIST_IN_GRAPHQL)}, "variables": {{"data": {message}}}}}'
    return target, message.encode(), {"Content-Type": "application/json"}
