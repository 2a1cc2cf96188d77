"""What a page is told as it comes: `GET /ajax-api/3.0/mlferry/changes`, server-sent events."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from databases import kinds, options_of
from harness import Server

CHANGES = "/ajax-api/3.0/mlferry/changes"


@pytest.fixture(scope="module", params=kinds("changes"))
def server(request) -> Iterator[Server]:
    """A server on each database."""
    with Server(*options_of(request)) as running:
        yield running


class Events:
    """The events of an answer that has no end."""

    def __init__(self, response: http.client.HTTPResponse):
        self.response = response

    def next(self) -> dict:
        """The data of the next event. Comments, which keep the connection, are blocks without one."""
        while True:
            fields = dict(line.split(": ", 1) for line in self.block() if not line.startswith(":"))
            if fields:
                assert fields["event"] == "changes"
                return json.loads(fields["data"])

    def block(self) -> Iterator[str]:
        while line := self.response.readline().decode().rstrip("\n"):
            yield line

    def rest(self) -> bytes:
        return self.response.read()


@contextlib.contextmanager
def watching(server: Server, **watched: list[str]) -> Iterator[Events]:
    connection = server.connection(30)
    connection.request("GET", f"{CHANGES}?{urlencode(watched, doseq=True)}")
    response = connection.getresponse()
    assert (response.status, response.headers["content-type"]) == (200, "text/event-stream")
    events = Events(response)
    assert events.next() == {"run_ids": [], "experiment_ids": []}
    yield events
    connection.close()


def new_run(server: Server, experiment: str) -> str:
    return server.api("/runs/create", {"experiment_id": experiment}).json()["run"]["info"]["run_id"]


def test_a_page_is_told_of_what_it_watches_and_of_nothing_else(server):
    ids = [
        server.api("/experiments/create", {"name": f"watched {time.monotonic_ns()}"}).json()["experiment_id"]
        for _ in range(2)
    ]
    run, other = (new_run(server, id) for id in ids)
    with watching(server, run_ids=[run], experiment_ids=[ids[0]]) as events:
        server.api("/runs/log-metric", {"run_id": other, "key": "loss", "value": 1, "timestamp": 1, "step": 1})
        server.api("/runs/log-metric", {"run_id": run, "key": "loss", "value": 1, "timestamp": 1, "step": 1})
        assert events.next() == {"run_ids": [run], "experiment_ids": [ids[0]]}
        server.api("/runs/update", {"run_id": run, "status": "FINISHED", "end_time": 5})
        assert events.next() == {"run_ids": [run], "experiment_ids": [ids[0]]}
        new_run(server, ids[0])
        assert events.next() == {"run_ids": [], "experiment_ids": [ids[0]]}


def test_a_server_that_stops_ends_what_has_no_end(own_server):
    server = own_server()
    run = new_run(server, "0")
    with watching(server, run_ids=[run]) as events:
        begun = time.monotonic()
        assert server.stop() == 0
        assert events.rest() == b""
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize("watched", [{}, {"run_ids": ["r"] * 101}, {"experiment_ids": ["x"]}], ids=str)
def test_what_can_not_be_watched_is_refused(server, watched):
    server.get(f"{CHANGES}?{urlencode(watched, doseq=True)}").assert_error(400, "INVALID_PARAMETER_VALUE")
