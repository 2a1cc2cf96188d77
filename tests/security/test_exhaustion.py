"""Requests that should cost the server everything, and cost it little.

Slow clients, floods of connections and endless headers are in `faults/test_slow_clients.py`, limits of single values in
`compat/test_limits.py`.
"""

from __future__ import annotations

import gzip
import json
import time
import zlib

import pytest

from abuse import GZIP, ZLIB, zeros
from archives import compressed, send, tar_of
from harness import ARTIFACTS, Server, pattern
from server_routes import table

JSON = {"Content-Type": "application/json"}
MEGABYTE = 1_000_000
# A request that is refused is refused soon, even by a debug build on a busy machine.
SOON = 10.0


@pytest.fixture(scope="module")
def server():
    """One whose memory nobody else fills."""
    with Server("--max-artifact-size", "1MB") as running:
        running.api("/runs/create", {"experiment_id": "0"})
        yield running
        assert running.process.poll() is None
        assert "panicked" not in running.log
        # The largest JSON body and what is made of it.
        assert running.peak_rss() < 500 * MEGABYTE


def timed(call):
    began = time.monotonic()
    answer = call()
    assert time.monotonic() - began < SOON
    return answer


NESTED = {
    "arrays": "[" * 100_000 + "]" * 100_000,
    "objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "open arrays": "[" * 100_000,
    "a value of arrays": '{"experiment_id": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "a tag of objects": '{"tags": [' + '{"key":' * 50_000 + "1" + "}" * 50_000 + "]}",
}


@pytest.mark.parametrize("what", NESTED)
def test_deep_json_is_refused_on_every_route(server, what):
    failures = []
    for line in table():
        if line.method not in {"POST", "PUT", "PATCH", "DELETE"} or "artifacts/" in line.path or "upload" in line.path:
            continue
        answer = timed(
            lambda line=line: server.request(
                line.method, line.target(), NESTED[what], JSON | {"x-mlflow-experiment-id": "0"}
            )
        )
        is_stub = line.path.endswith(("/gateway-proxy", "/ui-telemetry"))
        if not (400 <= answer.status < 500 or answer.status == 501 or is_stub):
            failures.append(f"{line} → {answer.status} {answer.body[:100]!r}")
    assert failures == []


def test_names_without_end_are_refused(server):
    """CVE-2024-6838."""
    long = "x" * MEGABYTE
    for path, message in {
        "/experiments/create": {"name": long},
        "/experiments/update": {"experiment_id": "0", "new_name": long},
        "/registered-models/create": {"name": long},
        "/runs/create": {"experiment_id": "0", "run_name": long},
        "/logged-models": {"experiment_id": "0", "name": long},
    }.items():
        answer = timed(lambda path=path, message=message: server.api(path, message))
        answer.assert_error(400, "INVALID_PARAMETER_VALUE")
        assert len(answer.body) < 10_000
    many = {f"k{number}": "v" for number in range(200_000)}
    answer = timed(lambda: server.api("/runs/create", {"experiment_id": "0"} | many))
    assert answer.status < 500


def test_a_question_in_graphql_asks_no_more_than_one_answers(server):
    """CVE-2025-0453: thousands of searches in one document."""
    search = 'mlflowSearchRuns(input: {experimentIds: ["0"]}) { runs { info { runId } } }'
    for query in (
        "{" + " ".join(f"a{number}: {search}" for number in range(5000)) + "}",
        "{" + search * 5000 + "}",
        "{ mlflowGetRun(input: {}) " + "{ run " * 5000 + "}" * 5001,
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        " ".join(f"query Q{number} {{ __typename }}" for number in range(5000)),
        "{ test(inputString: " + "[" * 100_000 + ") { output } }",
        "#" * 300_000,
    ):
        answer = timed(lambda query=query: server.post("/graphql", {"query": query}))
        assert answer.status in {200, 400, 413}
        if answer.status == 200:
            assert answer.json().get("errors"), query[:80]
            assert not answer.json().get("data")
    # Written out, it would be a thousand million fields; they are all one.
    spread = "".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }} " for n in range(30))
    query = "{ ...F0 } " + spread + "fragment F30 on Query { __typename }"
    assert timed(lambda: server.post("/graphql", {"query": query})).status in {200, 400}
    batch = [{"query": "{ __typename }"}] * 10_000
    timed(lambda: server.post("/graphql", batch)).assert_error(400)


FILTERS = [
    "(" * 100_000 + "metrics.a > 1" + ")" * 100_000,
    "metrics.a > 1" + " AND metrics.a > 1" * 20_000,
    "NOT " * 100_000 + "metrics.a > 1",
    "tags.a LIKE '" + "%a" * 30_000 + "'",
    "tags.a ILIKE '" + "_%" * 30_000 + "'",
    "attributes.run_id IN (" + ",".join(f"'{number}'" for number in range(50_000)) + ")",
    "tags.a = '" + "'" * 100_001,
    "tags.`" + "a" * 100_000 + "` = 'x'",
    "metrics.a > " + "9" * 100_000,
    "/*" * 100_000,
    "-" * 100_000,
    '"' * 100_001,
]


@pytest.mark.parametrize("number", range(len(FILTERS)))
def test_a_filter_without_end_is_refused_or_answered_soon(server, number):
    for path, more in {
        "/runs/search": {"experiment_ids": ["0"]},
        "/experiments/search": {"max_results": 10},
        "/logged-models/search": {"experiment_ids": ["0"]},
    }.items():
        answer = timed(lambda path=path, more=more: server.api(path, more | {"filter": FILTERS[number]}))
        assert answer.status < 500, (path, answer.body[:200])
    body = {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]}
    message = body | {"filter": FILTERS[number]}
    assert timed(lambda: server.post("/api/3.0/mlflow/traces/search", message)).status < 500
    orders = {"experiment_ids": ["0"], "order_by": ["metrics.a ASC"] * 20_000}
    assert timed(lambda: server.api("/runs/search", orders)).status < 500


SIZES = [-1, 0, 2**31, 2**53, 2**63, 2**64, 10**30, 1e308, "9" * 1000, "1e999"]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size)[:20])
def test_a_page_of_any_size_is_a_page(server, size):
    location = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
    for path, more in {
        "/api/2.0/mlflow/runs/search": {"experiment_ids": ["0"]},
        "/api/2.0/mlflow/experiments/search": {},
        "/api/2.0/mlflow/logged-models/search": {"experiment_ids": ["0"]},
        "/api/3.0/mlflow/traces/search": {"locations": [location]},
        "/api/3.0/mlflow/datasets/search": {},
    }.items():
        answer = timed(lambda path=path, more=more: server.post(path, more | {"max_results": size}))
        assert answer.status in {200, 400}, (path, answer.body)
    for target in (
        f"{ARTIFACTS}?max_results={size}&recursive=true",
        f"/api/2.0/mlflow/model-versions/search?max_results={size}",
        f"/api/2.0/mlflow/registered-models/search?max_results={size}",
        f"/api/2.0/mlflow/webhooks?max_results={size}",
        f"/api/2.0/mlflow/metrics/get-history?run_id=x&metric_key=m&max_results={size}",
        f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids=x&metric_key=m&max_results={size}",
    ):
        answer = timed(lambda target=target: server.get(target))
        assert 200 <= answer.status < 500, (target, answer.body)


@pytest.mark.parametrize("token", ["x" * 50_000, "%00", "e30=", "eyJvZmZzZXQiOjFlMzA4fQ==", "../../etc/passwd", "-1"])
def test_a_page_token_that_nobody_gave_is_refused(server, token):
    for answer in (
        server.get(f"{ARTIFACTS}?page_token={token}"),
        server.api("/runs/search", {"experiment_ids": ["0"], "page_token": token}),
        server.api("/experiments/search", {"max_results": 10, "page_token": token}),
        server.get(f"/api/2.0/mlflow/registered-models/search?page_token={token}"),
    ):
        # The longest one is no longer a target.
        if answer.status != 431:
            answer.assert_error(400)


def test_ranges_never_send_more_than_the_file(server):
    data = pattern(MEGABYTE)
    server.put("ranges.bin", data)
    for value in (
        "bytes=" + ",".join(["0-"] * 1000),
        "bytes=" + ",".join(["0-"] * 90),
        "bytes=" + ",".join(f"{number}-" for number in range(90)),
        "bytes=" + ",".join(f"-{number}" for number in range(1, 5000)),
        "bytes=" + ",".join(f"{number * 3}-{number * 3}" for number in range(6000)),
        "bytes=0-99999999999999999999999999",
        "bytes=99999999999999999999999999-",
        "bytes=" + "," * 10_000,
    ):
        answer = timed(lambda value=value: server.fetch("ranges.bin", {"Range": value}))
        assert answer.status in {200, 206, 400, 416, 431}, value[:50]
        assert len(answer.body) <= len(data) + 20_000


# What is small on the way, and large in memory


MANY = {
    "arrays": b"[]," * 20_000_000,
    "objects": b'{"":0},' * 8_000_000,
    "numbers": b"0," * 30_000_000,
}


@pytest.fixture
def fresh(own_server):
    """A server that has had nothing to remember."""
    server = own_server()
    yield server
    # The body itself, and once more where it was packed or is read in pieces.
    assert server.peak_rss() < 250 * MEGABYTE


@pytest.mark.parametrize("what", MANY)
def test_a_body_of_millions_of_values_is_refused_before_they_are_made(fresh, what):
    """Three gigabytes would become of each."""
    body = b'{"experiment_id": "0", "unknown": [' + MANY[what] + b"0]}"
    assert len(body) < 64 * 1024 * 1024
    answer = timed(lambda: fresh.request("POST", "/api/2.0/mlflow/runs/create", body, JSON))
    answer.assert_error(413)
    assert "more than the 2000000 values" in answer.message


def test_a_text_of_millions_of_values_is_refused_as_well(fresh):
    """Records are JSON within a text of the body."""
    body = b'{"records": "[' + MANY["arrays"] + b'0]"}'
    answer = timed(lambda: fresh.request("POST", "/api/3.0/mlflow/datasets/d-1/records", body, JSON))
    answer.assert_error(413)


def field(tag: int, content: bytes) -> bytes:
    """A field of a protobuf message."""
    length, encoded = len(content), b""
    while length > 127:
        encoded += bytes([length & 127 | 128])
        length >>= 7
    return bytes([tag << 3 | 2]) + encoded + bytes([length]) + content


def spans_with(attribute: bytes) -> bytes:
    span = (
        field(1, b"t" * 16) + field(2, b"s" * 8) + field(5, b"name") + field(9, field(1, b"key") + field(2, attribute))
    )
    return field(1, field(2, field(2, span)))


@pytest.mark.parametrize(
    "attribute",
    [field(5, field(1, b"") * 20_000_000), field(6, field(1, b"") * 20_000_000), field(1, MANY["arrays"])],
    ids=["a list", "a map", "a text"],
)
def test_spans_of_millions_of_values_are_refused_before_they_are_made(fresh, attribute):
    body = gzip.compress(spans_with(attribute), 1)
    assert len(body) < MEGABYTE
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", "x-mlflow-experiment-id": "0"}
    answer = timed(lambda: fresh.request("POST", "/v1/traces", body, headers))
    answer.assert_error(413)
    assert "more than the 2000000 values" in answer.message


def test_spans_of_a_hundred_thousand_values_are_stored(fresh):
    headers = {"Content-Type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}
    body = spans_with(field(5, field(1, field(1, b"text")) * 100_000))
    assert timed(lambda: fresh.request("POST", "/v1/traces", body, headers)).status == 200


# What is small when it comes, and large when it is unpacked


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("kind", ["application/x-protobuf", "application/json"])
def test_spans_that_swell_are_refused(server, encoding, kind):
    body = zeros(300, window=GZIP if encoding == "gzip" else ZLIB)
    assert len(body) < MEGABYTE
    headers = {"Content-Type": kind, "Content-Encoding": encoding, "x-mlflow-experiment-id": "0"}
    timed(lambda: server.request("POST", "/v1/traces", body, headers)).assert_error(413)
    # Packed twice, it is not what it should be.
    twice = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    assert timed(lambda: server.request("POST", "/v1/traces", twice, headers)).status == 400


def test_a_body_that_says_it_is_packed_is_not_unpacked_elsewhere(server):
    """Only spans may come packed: everywhere else, the bytes count as they are."""
    body = gzip.compress(json.dumps({"name": "packed"}).encode())
    headers = JSON | {"Content-Encoding": "gzip"}
    server.request("POST", "/api/2.0/mlflow/experiments/create", body, headers).assert_error(400)


@pytest.mark.parametrize("kind", ["tar.gz", "tar.zst"])
def test_an_archive_that_swells_is_refused(server, kind):
    data = compressed(tar_of({"small": b"1", "large": bytes(200 * MEGABYTE)}), kind)
    assert len(data) < MEGABYTE
    answer = timed(lambda: send(server, f"bomb-{kind}", data, kind))
    assert answer.status == 413
    assert "'large'" in answer.message
    assert server.names(f"bomb-{kind}") == ["small"]
    assert server.pending() == []


def test_an_archive_of_folders_within_folders_is_refused(server):
    deep = tar_of({"d/" * 5000 + "x": b"1"})
    send(server, "deep", deep).assert_error(400, "INVALID_PARAMETER_VALUE")
    assert server.names("deep") == []
