"""What watches a server: `/ready`, the metrics at `/metrics`, and the traces that it sends."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fault_proxy import FaultProxy, Faults
from harness import ARTIFACTS, REPOSITORY, Server, entries, exchange, pattern, run_binary, wait_until
from otlp import Collector
from ports import free_port
from postgres import Cluster

ROUTE = f"{ARTIFACTS}/{{*artifact_path}}"
OK = {"status": "ok"}
# A part may take two seconds to answer, and what it said may count for five.
CHANGE_SECONDS = 30


def readiness(server: Server) -> tuple[int, dict]:
    answer = server.get("/ready")
    assert answer.headers["content-type"] == "application/json"
    return answer.status, answer.json()


def wait_for_status(server: Server, status: int) -> dict:
    def told():
        found, report = readiness(server)
        return report if found == status else None

    return wait_until(told, CHANGE_SECONDS, f"/ready does not answer {status}")


class Metrics:
    """All samples of a scrape, by name and labels."""

    def __init__(self, server: Server):
        answer = server.get("/metrics")
        assert answer.status == 200, answer.body
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.families = {family.name: family for family in text_string_to_metric_families(answer.text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name that have these labels."""
        return sum(
            sample.value for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str) -> list[dict[str, str]]:
        return [sample.labels for sample in self.samples if sample.name == name]


def proxied(store) -> FaultProxy:
    return FaultProxy(int(store.endpoint.rsplit(":", 1)[1]))


@pytest.fixture
def behind_proxy(stores, own_server) -> Iterator[tuple[Server, FaultProxy]]:
    """A server with a cache whose store can be made to fail."""
    store = stores["garage"]
    with proxied(store) as proxy, contextlib.ExitStack() as closing:
        folder = closing.enter_context(temporary_folder())
        options = ["--artifact-cache", str(folder), "--artifact-cache-size", "64M"]
        yield own_server(*options, place=store.place(), environment=store.server_environment(proxy.url)), proxy


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mlferry-cache-") as folder:
        yield Path(folder)


# Ready


def test_a_server_is_ready_when_its_parts_answer(server):
    assert readiness(server) == (200, {"status": "ready", "database": OK, "artifacts": OK})
    assert server.request("HEAD", "/ready").status == 200
    assert server.get("/ready").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--artifacts-only"], {"artifacts": OK}),
        (["--no-serve-artifacts"], {"database": OK}),
        (["--artifacts-only", "--no-serve-artifacts"], {}),
        (["--backend-store-uri", "sqlite://"], {"database": OK, "artifacts": OK}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_only_the_parts_of_its_mode_are_asked(own_server, options, parts):
    server = own_server(*options)
    assert readiness(server) == (200, {"status": "ready"} | parts)
    assert Metrics(server)("mlferry_build_info") == 1


@pytest.mark.parametrize("target", ["/ready", "/metrics"])
def test_what_watches_may_use_any_name_for_the_server(server, target):
    assert server.get(target, {"Host": "rebound.example.com"}).status == 200
    assert server.request("POST", target).status == 405


def test_they_live_below_the_prefix(own_server):
    server = own_server("--static-prefix", "/team/ml", prefix="/team/ml")
    assert readiness(server)[0] == 200
    server.get("/version")
    # The names of routes don't depend on where the operator put them.
    assert Metrics(server)("mlferry_http_requests_total", route="/version") == 1
    for target in ("/ready", "/metrics"):
        assert server.get(target, {"Host": "rebound.example.com"}).status == 200
        assert exchange(server.port, "GET", target).status == 404


@pytest.fixture
def own_postgres() -> Iterator[Cluster]:
    """A cluster that may be stopped, since nobody else uses it."""
    with Cluster() as running:
        yield running


def test_a_database_that_is_down_and_comes_back(own_postgres, own_server):
    uri = own_postgres.create_database().replace("postgres@", "postgres:hunter2@")
    server = own_server("--backend-store-uri", uri, "--db-acquire-timeout", "3s")
    assert readiness(server)[0] == 200
    own_postgres.stop()
    try:
        report = wait_for_status(server, 503)
        assert report["status"] == "not ready"
        assert report["artifacts"] == OK
        assert report["database"]["status"] == "failed"
        assert report["database"]["reason"]
        assert "hunter2" not in json.dumps(report)
        # It is alive all the same.
        assert server.get("/health").status == 200
    finally:
        own_postgres.start()
    assert wait_for_status(server, 200)["database"] == OK
    server.log_line("not ready: the database does not answer")
    server.log_line("the database answers again")
    assert "hunter2" not in server.log


@pytest.mark.xdist_group("destination garage")
@pytest.mark.parametrize("kind", ["reset", "503", "stall"])
def test_a_store_that_fails_and_recovers(behind_proxy, kind):
    server, proxy = behind_proxy
    assert readiness(server)[0] == 200
    proxy.faults = Faults(seed=1, share=1.0, kinds=(kind,), stall_seconds=10)
    report = wait_for_status(server, 503)
    assert report["database"] == OK
    assert report["artifacts"]["status"] == "failed"
    assert report["artifacts"]["reason"]
    assert server.get("/health").status == 200
    proxy.faults = None
    assert wait_for_status(server, 200)["artifacts"] == OK


@pytest.mark.xdist_group("destination garage")
def test_many_probes_ask_a_store_once(behind_proxy):
    server, proxy = behind_proxy
    proxy.forget()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: readiness(server)[0], range(100)))
    assert answers == [200] * 100
    # One, or two where these took longer than an answer counts.
    assert len(proxy.requests) <= 2


def test_a_folder_that_is_gone_and_comes_back(own_server):
    server = own_server()
    server.put("a.txt", b"x")
    away = server.artifacts.rename(server.root / "away")
    report = wait_for_status(server, 503)
    assert (report["artifacts"]["status"], report["database"]) == ("failed", OK)
    away.rename(server.artifacts)
    wait_for_status(server, 200)


# Metrics


def test_requests_are_counted_by_route_method_and_status(own_server):
    server = own_server()
    server.put("deep/a.txt", b"x" * 1000)
    for _ in range(3):
        assert server.fetch("deep/a.txt").status == 200
    assert server.fetch("deep/none.txt").status == 404
    assert server.head("deep/a.txt").status == 200
    run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    server.api("/runs/get", run_id=run)
    metrics = Metrics(server)

    def requests(**labels: str) -> float:
        return metrics("mlferry_http_requests_total", **labels)

    assert requests(route=ROUTE, method="GET", status="200") == 3
    assert requests(route=ROUTE, method="GET", status="404") == 1
    assert requests(route=ROUTE, method="PUT") == 1
    assert requests(route=ROUTE, method="HEAD", status="200") == 1
    assert requests(route="/api/2.0/mlflow/runs/create", method="POST", status="200") == 1
    assert metrics("mlferry_http_request_duration_seconds_count", route=ROUTE, method="GET") == 4
    assert 0 < metrics("mlferry_http_request_duration_seconds_sum", route=ROUTE, method="GET") < 60
    assert metrics("mlferry_http_request_bytes_total", route=ROUTE) == 1000
    assert metrics("mlferry_http_response_bytes_total", route=ROUTE) >= 3000
    # The scrape itself is under way.
    assert metrics("mlferry_http_requests_in_flight") == 1


def test_the_names_of_the_reference_are_there_with_its_labels(own_server):
    server = own_server()
    server.api("/runs/create", {"experiment_id": "0"})
    server.api("/runs/get", run_id="0" * 32)
    metrics = Metrics(server)
    assert metrics("mlflow_http_request_total", method="POST", status="200") == 1
    assert metrics("mlflow_http_request_total", method="GET", status="404") == 1
    # It leaves its own probes out.
    assert metrics("mlflow_http_request_total") == 2
    name = "mlflow_http_request_duration_seconds"
    assert metrics(f"{name}_count", method="POST", status="200", mlflow_version="3.17.2") == 1
    assert {frozenset(labels) for labels in metrics.labels(f"{name}_bucket")} == {
        frozenset({"method", "status", "mlflow_version", "le"})
    }
    assert {frozenset(labels) for labels in metrics.labels("mlflow_http_request_total")} == {
        frozenset({"method", "status"})
    }


def test_clients_can_not_make_up_series(own_server):
    server = own_server()

    def series() -> set[frozenset]:
        return {
            frozenset((sample.labels | {"": sample.name}).items())
            for sample in Metrics(server).samples
            if "http" in sample.name
        }

    def noise(number: int) -> None:
        server.get(f"/{number}")
        server.get(f"/api/2.0/mlflow/{number}?x={number}")
        server.fetch(f"{number}/none.txt")
        server.request(f"MADEUP{number}", "/version")
        server.request(f"MADEUP{number}", f"/{number}")
        server.get("/api/2.0/mlflow/runs/get", {"Host": f"h{number}.example.com"})

    noise(0)
    series()
    before = series()
    for number in range(1, 20):
        noise(number)
    assert series() == before
    metrics = Metrics(server)
    assert metrics("mlferry_http_requests_total", route="unmatched", method="GET", status="404") == 40
    assert metrics("mlferry_http_requests_total", method="other") == 40


def test_an_upload_is_in_flight_until_it_is_stored(own_server):
    server = own_server()

    def in_flight() -> tuple[float, float]:
        metrics = Metrics(server)
        return metrics("mlferry_uploads_in_flight"), metrics("mlferry_http_requests_in_flight")

    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/slow.bin", Content_Length=10).send(b"12345")
        wait_until(lambda: in_flight() == (1, 2), 10, "the upload is not in flight")
        # What has come is counted before the rest comes.
        wait_until(
            lambda: Metrics(server)("mlferry_http_request_bytes_total", route=ROUTE) == 5, 10, "no bytes came in"
        )
        upload.send(b"67890")
        assert upload.answer("PUT").status == 200
    with server.raw() as broken:
        broken.head("PUT", f"{ARTIFACTS}/broken.bin", Content_Length=10).send(b"12345")
        wait_until(lambda: in_flight()[0] == 1, 10, "the upload is not in flight")
    wait_until(lambda: in_flight() == (0, 1), 10, "the uploads are still in flight")
    metrics = Metrics(server)
    assert metrics("mlferry_uploads_total", outcome="stored") == 1
    assert metrics("mlferry_uploads_total", outcome="failed") == 1


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_commits_are_counted_with_the_changes_in_them(request, own_server, kind):
    database = request.getfixturevalue("postgres").create_database() if kind == "postgres" else "sqlite:///x.db"
    server = own_server("--backend-store-uri", database)
    before = Metrics(server)
    run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]

    def log(number: int) -> int:
        metric = {"run_id": run, "key": f"k{number}", "value": 1, "timestamp": number}
        return server.api("/runs/log-metric", metric).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(log, range(100))) == {200}
    after = Metrics(server)

    def more(name: str) -> float:
        return after(f"mlferry_database_commit_changes_{name}") - before(f"mlferry_database_commit_changes_{name}")

    assert more("sum") == 101
    assert 1 <= more("count") <= 101
    largest = [float(labels["le"]) for labels in after.labels("mlferry_database_commit_changes_bucket")]
    assert sorted(largest) == largest
    assert after("mlferry_database_connections_max") == (10 if kind == "postgres" else 5)
    connections = after("mlferry_database_connections")
    assert 1 <= connections <= after("mlferry_database_connections_max")
    assert after("mlferry_database_connections", state="used") <= connections
    for name in ("waiting", "queued_changes", "retries_total"):
        assert after(f"mlferry_database_{name}") == 0, name


@pytest.mark.xdist_group("destination garage")
def test_requests_to_a_store_and_blocks_of_the_cache_are_counted(behind_proxy):
    server, proxy = behind_proxy
    size = 3 * 512 * 1024
    server.put("a.bin", pattern(size))

    def store(metrics: Metrics, **labels: str) -> float:
        return metrics("mlferry_artifact_store_requests_total", store="s3", **labels)

    before = Metrics(server)
    proxy.forget()
    for _ in range(3):
        assert server.fetch("a.bin").body == pattern(size)
    after = Metrics(server)
    methods = [request.method for request in proxy.requests]
    for method in ("GET", "HEAD"):
        more = store(after, method=method, outcome="ok") - store(before, method=method, outcome="ok")
        assert more == methods.count(method) > 0
    assert after("mlferry_artifact_cache_misses_total") == 3
    assert after("mlferry_artifact_cache_hits_total") == 6
    assert after("mlferry_artifact_cache_miss_bytes_total") == size
    assert after("mlferry_artifact_cache_hit_bytes_total") == 2 * size
    assert 0 < after("mlferry_artifact_cache_capacity_bytes") <= 64 << 20
    assert store(after, outcome="retryable") == 0
    # A store that fails is asked again.
    proxy.faults = Faults(seed=3, share=0.5, kinds=("503", "reset"))
    for number in range(5):
        server.put(f"{number}.bin", b"x", timeout=120)
    proxy.faults = None
    assert store(Metrics(server), outcome="retryable") == sum(proxy.injected.values()) > 0


def test_the_process_and_the_build_are_told(own_server):
    server = own_server()
    metrics = Metrics(server)
    [build] = metrics.labels("mlferry_build_info")
    assert build["mlflow_version"] == "3.17.2"
    assert re.fullmatch(r"\d+\.\d+\.\d+", build["version"])
    rss = metrics("process_resident_memory_bytes")
    assert 0.5 < rss / server.rss() < 2
    assert metrics("process_threads") == pytest.approx(server.status_kb("Threads"), abs=8)
    assert 3 < metrics("process_open_fds") < metrics("process_max_fds")
    boot = int(re.search(r"^btime (\d+)", Path("/proc/stat").read_text(), re.MULTILINE)[1])
    assert boot < metrics("process_start_time_seconds")
    assert metrics("process_cpu_seconds_total") > 0


def test_the_references_flag_for_metrics_is_taken(own_server):
    server = own_server("--expose-prometheus", "metrics")
    assert Metrics(server)("mlferry_build_info") == 1
    server.log_line("--expose-prometheus: metrics are always at /metrics; the folder 'metrics' is not needed")
    assert "metrics" not in entries(server.root)


# The dashboard

DASHBOARD = REPOSITORY / "deploy" / "grafana" / "mlferry.json"
# What PromQL itself knows.
WORDS = {"by", "le", "on", "or", "and", "without", "ignoring", "group_left"}


def panels_of(board: dict) -> Iterator[dict]:
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", [])


def names_in(expression: str) -> set[str]:
    """The metrics that a query asks for."""
    plain = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(by|without|on)\s*\([^)]*\)', " ", expression)
    plain = re.sub(r"\b[a-zA-Z_]\w*\s*\(", "(", plain)
    return set(re.findall(r"[a-zA-Z_:][\w:]*", plain)) - WORDS


@pytest.mark.xdist_group("destination garage")
def test_the_dashboard_asks_for_what_a_server_has(behind_proxy):
    server, _ = behind_proxy
    server.put("a.bin", b"x" * 1000)
    server.fetch("a.bin")
    server.api("/runs/create", {"experiment_id": "0"})
    exported = {sample.name: sample for sample in Metrics(server).samples}
    board = json.loads(DASHBOARD.read_text())
    panels = [panel for panel in panels_of(board) if panel["type"] != "row"]
    asked = set()
    for panel in panels:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            names = names_in(target["expr"])
            assert names, target["expr"]
            assert names <= set(exported), target["expr"]
            asked |= names
    for name in asked:
        assert name.startswith(("mlferry_", "process_")), name
    # Nothing that is measured is forgotten.
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    assert {name for name in families if name.startswith("mlferry_")} - shown == set()


def test_the_dashboard_can_be_imported():
    board = json.loads(DASHBOARD.read_text())
    assert board["id"] is None
    assert board["schemaVersion"] >= 39
    [source] = [variable for variable in board["templating"]["list"] if variable["type"] == "datasource"]
    assert (source["name"], source["query"]) == ("datasource", "prometheus")
    identifiers = [panel["id"] for panel in panels_of(board)]
    assert len(set(identifiers)) == len(identifiers)
    for panel in panels_of(board):
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24


# Traces


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running


@pytest.fixture
def traced(collector, own_server):
    return own_server(environment=collector.environment)


SERVER, CLIENT = 2, 3


def test_a_request_is_a_span_with_the_conventions_names(collector, traced):
    answer = traced.request("PUT", f"{ARTIFACTS}/a.txt", b"x" * 1000, {"User-Agent": "tests/1"})
    span, _ = collector.wait_for(answer.headers["x-request-id"])
    assert (span.name, span.kind, span.parent, span.status) == (f"PUT {ROUTE}", SERVER, "", 0)
    assert span.attributes == {
        "http.request.method": "PUT",
        "http.route": ROUTE,
        "http.response.status_code": 200,
        "http.request.body.size": 1000,
        "http.response.body.size": 0,
        "url.scheme": "http",
        "url.path": f"{ARTIFACTS}/a.txt",
        "server.address": "127.0.0.1",
        "server.port": traced.port,
        "user_agent.original": "tests/1",
        "request.id": answer.headers["x-request-id"],
    }
    assert span.resource["service.name"] == "mlferry"
    missing, _ = collector.wait_for(traced.get("/none?token=hunter2").headers["x-request-id"])
    assert (missing.name, missing.attributes["http.response.status_code"]) == ("GET", 404)
    assert "hunter2" not in str(collector.spans)


def test_the_trace_of_a_client_goes_on(collector, traced):
    trace, parent = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    answer = traced.get("/version", {"traceparent": f"00-{trace}-{parent}-01"})
    span, _ = collector.wait_for(answer.headers["x-request-id"])
    assert (span.trace, span.parent) == (trace, parent)
    # A client that samples nothing is not overruled.
    traced.get("/version", {"traceparent": f"00-{'a' * 32}-{parent}-00"})
    for wrong in ("", "nonsense", f"00-{'0' * 32}-{parent}-01"):
        answer = traced.get("/version", {"traceparent": wrong})
        span, _ = collector.wait_for(answer.headers["x-request-id"])
        assert span.parent == ""
    assert all(span.trace != "a" * 32 for span in collector.spans)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_statements_and_commits_are_spans_of_their_request(request, collector, own_server, kind):
    database = request.getfixturevalue("postgres").create_database() if kind == "postgres" else "sqlite:///x.db"
    server = own_server("--backend-store-uri", database, environment=collector.environment)
    answer = server.api("/runs/create", {"experiment_id": "0", "run_name": "hunter2"})
    root, others = collector.wait_for(answer.headers["x-request-id"])
    [operation] = [span for span in others if span.parent == root.identifier]
    inner = [span for span in others if span.parent == operation.identifier]
    assert {span.name for span in inner} >= {"SELECT", "INSERT", "COMMIT"}
    product = {"sqlite": "sqlite", "postgres": "postgresql"}[kind]
    assert {(span.kind, span.attributes["db.system.name"]) for span in inner} == {(CLIENT, product)}
    [commit] = [span for span in inner if span.name == "COMMIT"]
    assert commit.attributes["mlferry.commit.changes"] == 1
    # Values are nobody's business.
    assert "hunter2" not in str(others)


def test_a_commit_of_many_changes_is_linked_with_all_of_them(collector, traced):
    run = traced.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]

    def log(number: int) -> None:
        metric = {"run_id": run, "key": f"k{number}", "value": 1, "timestamp": number}
        assert traced.api("/runs/log-metric", metric).status == 200

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(log, range(200)))
    commits = Metrics(traced)("mlferry_database_commit_changes_count")

    def spans() -> list:
        return [span for span in collector.spans if span.name == "COMMIT"]

    wait_until(lambda: len(spans()) == commits, 15, "some commits are missing")
    for span in spans():
        assert len(span.links) == span.attributes["mlferry.commit.changes"] - 1


@pytest.mark.xdist_group("destination garage")
def test_requests_to_a_store_are_spans_without_signatures(stores, collector, own_server):
    place = stores["garage"].place()
    server = own_server(place=place, environment=place.environment | collector.environment)
    root, others = collector.wait_for(server.put("a.txt", b"x").headers["x-request-id"])
    [put] = [span for span in others if span.name == "PUT"]
    assert (put.kind, put.parent) == (CLIENT, root.identifier)
    assert put.attributes["artifact.store"] == "s3"
    assert put.attributes["http.response.status_code"] == 200
    assert put.attributes["url.path"].endswith("/a.txt")
    assert "Signature" not in str(others)


def test_a_failure_of_the_server_is_an_error(collector, own_server):
    server = own_server("--no-serve-artifacts", environment=collector.environment)
    span, _ = collector.wait_for(server.fetch("a.txt").headers["x-request-id"])
    assert (span.attributes["http.response.status_code"], span.status) == (503, 2)


def test_the_variables_of_opentelemetry_hold(collector, own_server):
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/somewhere/else",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20hunter2,x-team=ml",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "tracking",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.name=other",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    server = own_server(environment=environment)
    span, _ = collector.wait_for(server.get("/version").headers["x-request-id"])
    assert span.resource["service.name"] == "tracking"
    assert span.resource["deployment.environment.name"] == "test"
    path, headers = collector.requests[0]
    assert path == "/somewhere/else"
    assert (headers["authorization"], headers["x-team"]) == ("Bearer hunter2", "ml")
    assert "hunter2" not in server.log


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_TRACES_SAMPLER": "always_off"},
        {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.0"},
    ],
    ids=lambda variables: " ".join(variables),
)
def test_nothing_is_sent_that_nobody_wants(collector, own_server, variables):
    server = own_server(environment=collector.environment | variables)
    server.api("/runs/create", {"experiment_id": "0"})
    # A stop sends what is left.
    assert server.stop() == 0
    assert collector.requests == []


def test_probes_are_not_traced(collector, traced):
    for target in ("/health", "/ready", "/metrics"):
        traced.get(target)
    traced.get("/version")
    assert traced.stop() == 0
    assert {span.name for span in collector.spans} == {"GET /version"}


def test_the_last_spans_are_sent_at_the_stop(collector, own_server):
    hour = {"OTEL_BSP_SCHEDULE_DELAY": "3600000"}
    server = own_server(environment=collector.environment | hour)
    answer = server.get("/version")
    assert collector.requests == []
    assert server.stop() == 0
    collector.wait_for(answer.headers["x-request-id"])


def test_a_server_whose_collector_is_itself_does_not_trace_that(own_server):
    port = free_port()
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_BSP_SCHEDULE_DELAY": "20"}
    server = own_server(environment=environment, port=port)
    server.get("/version")

    def received() -> float:
        return Metrics(server)("mlferry_http_requests_total", method="POST", route="/v1/traces")

    wait_until(lambda: received() > 0, 15, "nothing was sent")
    # Another span, so that another call shows that the first one led to none.
    before = received()
    server.get("/version")
    wait_until(lambda: received() > before, 15, "nothing was sent")
    assert received() == before + 1 <= 2


def test_a_collector_that_comes_back_gets_spans_again(collector, traced):
    collector.is_failing = True
    traced.get("/version")
    traced.log_line("traces can't be sent")
    collector.is_failing = False
    collector.wait_for(traced.get("/version").headers["x-request-id"])
    traced.log_line("traces are sent again")


def test_without_its_collector_a_server_works_and_stops(own_server):
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    server = own_server(environment=environment)
    for _ in range(20):
        assert server.get("/version").status == 200
    server.log_line("traces can't be sent", seconds=30)
    assert server.stop() == 0
    # Once, and not for every batch.
    assert len([line for line in server.log.splitlines() if "[INFO]" not in line]) == 1


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"]),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, ["OTEL_TRACES_EXPORTER", "zipkin"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://not a host"}, ["OTEL_EXPORTER_OTLP_ENDPOINT", "not a host"]),
    ],
    ids=lambda value: "",
)
def test_what_can_not_be_traced_so_stops_the_start(tmp_path, variables, words):
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"} | variables
    done = run_binary("server", "--port", str(free_port()), cwd=tmp_path, environment=environment)
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    for word in words:
        assert word in last
