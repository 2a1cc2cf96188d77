"""Traces with the stock client, and with an exporter of OpenTelemetry that knows nothing of MLflow."""

from __future__ import annotations

import asyncio
import json

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

from databases import kinds, options_of
from harness import Server, use_client


@pytest.fixture(params=kinds("client"))
def server(request, tmp_path):
    """A server on a database of each kind."""
    with Server(*options_of(request), root=tmp_path) as running:
        yield running


@pytest.fixture
def client(monkeypatch, server):
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    mlflow = use_client(monkeypatch, server.url)
    mlflow.tracing.reset()
    yield mlflow
    mlflow.tracing.reset()


def experiment_of(mlflow) -> str:
    return mlflow.tracking.fluent._get_experiment_id()


def found(mlflow, **search) -> list:
    return mlflow.search_traces(locations=[experiment_of(mlflow)], return_type="list", **search)


def test_nested_functions(client):
    @client.trace(span_type="TOOL")
    def double(x: int) -> int:
        return 2 * x

    @client.trace(name="outer", attributes={"größe": [1, 2]})
    def outer(x: int) -> dict:
        client.update_current_trace(tags={"kind": "nested"}, metadata={"mlflow.trace.session": "s-1"})
        return {"sum": double(x) + double(x + 1)}

    assert outer(3) == {"sum": 14}
    trace_id = client.get_last_active_trace_id()
    trace = client.get_trace(trace_id)
    root, first, second = trace.data.spans
    assert (root.name, root.inputs, root.outputs) == ("outer", {"x": 3}, {"sum": 14})
    assert root.get_attribute("größe") == [1, 2]
    assert [(span.span_type, span.parent_id, span.outputs) for span in (first, second)] == [
        ("TOOL", root.span_id, 6),
        ("TOOL", root.span_id, 8),
    ]
    assert trace.info.tags["kind"] == "nested"
    assert trace.info.tags["mlflow.traceName"] == "outer"
    assert trace.info.trace_metadata["mlflow.trace.session"] == "s-1"
    assert (trace.info.state.value, trace.info.request_preview) == ("OK", '{"x": 3}')
    (same,) = found(client, filter_string="metadata.`mlflow.trace.session` = 's-1'")
    assert same.to_dict() == trace.to_dict()
    assert not found(client, filter_string="trace.name = 'other'")


def test_asynchronous_functions(client):
    @client.trace
    async def wait(number: int) -> int:
        await asyncio.sleep(0.01)
        return number

    @client.trace
    async def together() -> list[int]:
        return list(await asyncio.gather(wait(1), wait(2), wait(3)))

    assert asyncio.run(together()) == [1, 2, 3]
    (trace,) = found(client)
    assert [span.name for span in trace.data.spans] == ["together", "wait", "wait", "wait"]
    assert sorted(span.outputs for span in trace.data.spans[1:]) == [1, 2, 3]


def test_a_failure(client):
    @client.trace
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    (trace,) = found(client, filter_string="status = 'ERROR'")
    (span,) = trace.data.spans
    assert span.status.status_code.value == "ERROR"
    assert [event.name for event in span.events] == ["exception"]


def test_traces_of_a_run_are_found_by_it(client):
    with client.start_run() as run, client.start_span("in a run"):
        pass
    with client.start_span("in none"):
        pass
    (trace,) = found(client, run_id=run.info.run_id)
    assert trace.data.spans[0].name == "in a run"
    assert len(found(client)) == 2


def test_tags_and_deletion(client):
    with client.start_span("root"):
        pass
    trace_id = client.get_last_active_trace_id()
    client.set_trace_tag(trace_id, "a", "b")
    assert client.get_trace(trace_id).info.tags["a"] == "b"
    client.delete_trace_tag(trace_id, "a")
    assert "a" not in client.get_trace(trace_id).info.tags
    stock = client.MlflowClient()
    assert stock.delete_traces(experiment_of(client), trace_ids=[trace_id]) == 1
    assert found(client) == []


def test_pages_of_traces(client):
    for number in range(5):
        with client.start_span(f"span {number}"):
            pass
    stock = client.MlflowClient()
    names, token = [], None
    while True:
        page = stock.search_traces(locations=[experiment_of(client)], max_results=2, page_token=token)
        names += [trace.data.spans[0].name for trace in page]
        token = page.token
        if not token:
            break
    assert names == [f"span {number}" for number in reversed(range(5))]


def test_an_exporter_of_opentelemetry(client, server):
    headers = {"x-mlflow-experiment-id": experiment_of(client)}
    exporter = OTLPSpanExporter(f"{server.url}/v1/traces", headers=headers, compression=Compression.Gzip)
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    attributes = {"items": 3, "input.value": "two apples"}
    with tracer.start_as_current_span("order", attributes=attributes), tracer.start_as_current_span("pay") as pay:
        pay.set_status(Status(StatusCode.ERROR, "no money"))
        pay.add_event("declined", {"code": 51})
    provider.shutdown()
    (trace,) = found(client, filter_string="tags.`service.name` = 'shop'")
    order, pay = trace.data.spans
    assert (order.name, order.inputs, order.get_attribute("items")) == ("order", "two apples", 3)
    assert (pay.parent_id, pay.status.description) == (order.span_id, "no money")
    assert pay.events[0].attributes == {"code": 51}
    assert trace.info.request_preview == '"two apples"'


def test_spans_in_files(client, server):
    """Traces of clients that upload their spans, as those of MLflow before 3.4 do."""
    with client.start_span("root") as span:
        span.set_inputs({"x": 1})
    trace = client.get_trace(client.get_last_active_trace_id())
    trace_id = f"tr-{'f' * 32}"
    info = trace.info.to_dict() | {"trace_id": trace_id, "execution_duration": "1s"}
    info = {key: value for key, value in info.items() if key not in {"tags", "execution_duration_ms"}}
    answer = server.request(
        "POST",
        "/api/3.0/mlflow/traces",
        json.dumps({"trace": {"trace_info": info}}),
        {"Content-Type": "application/json"},
    )
    assert answer.status == 200, answer.body
    stock = client.MlflowClient()._tracing_client
    stock._upload_trace_data(stock.get_trace_info(trace_id), trace.data)
    assert client.get_trace(trace_id).data.spans[0].inputs == {"x": 1}
    for version in ("2.0", "3.0"):
        answer = server.get(f"/ajax-api/{version}/mlflow/get-trace-artifact?request_id={trace_id}")
        assert answer.status == 200
        assert answer.json()["spans"][0]["name"] == "root"
