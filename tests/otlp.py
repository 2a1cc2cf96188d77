"""A collector of OpenTelemetry's traces: it takes what a server sends, and decodes it."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from harness import wait_until


@dataclass
class Span:
    name: str
    kind: int
    trace: str
    identifier: str
    parent: str
    status: int
    attributes: dict[str, object]
    links: list[str]
    resource: dict[str, object]


class Collector:
    """Listens at `url`; `spans` are those that came, and `requests` the path and headers of each call."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        # Whether it refuses what comes.
        self.is_failing = False
        self.requests: list[tuple[str, dict[str, str]]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.is_failing:
                    self.send_error(400)
                    return
                collector.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                collector.spans.extend(spans_of(ExportTraceServiceRequest.FromString(body)))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a server needs to send its spans here, soon after they ended."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def wait_for(self, request: str) -> tuple[Span, list[Span]]:
        """The span of the request with this id, and all others of its trace, once it has ended."""

        def find() -> Span | None:
            return next((span for span in self.spans if span.attributes.get("request.id") == request), None)

        found = wait_until(find, 15, f"no span of the request {request}")
        return found, [span for span in self.spans if span.trace == found.trace and span is not found]

    def __enter__(self) -> Collector:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


def spans_of(message: ExportTraceServiceRequest):
    for group in message.resource_spans:
        resource = values(group.resource.attributes)
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Span(
                    name=span.name,
                    kind=span.kind,
                    trace=span.trace_id.hex(),
                    identifier=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    status=span.status.code,
                    attributes=values(span.attributes),
                    links=[link.span_id.hex() for link in span.links],
                    resource=resource,
                )


def values(attributes) -> dict[str, object]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def export_of_one_span() -> bytes:
    """What an exporter sends: one span of a trace that is new."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = os.urandom(16), os.urandom(8)
    span.name, span.start_time_unix_nano, span.end_time_unix_nano = "one", 1, 2
    return request.SerializeToString()
