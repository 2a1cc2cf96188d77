"""Fixtures shared by the compatibility and the fault tests."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import Server, use_client
from pairs import Pair, start_pair
from postgres import Cluster
from reference import Reference
from searched import Searched
from stores import Stores


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server with the default settings, shared by tests that stay in their own folder."""
    with Server() as running:
        yield running
        assert running.process.poll() is None, f"the shared server died:\n{running.log[-5000:]}"
        assert running.stop() == 0


@pytest.fixture
def own_server() -> Iterator[Callable[..., Server]]:
    """Starts servers of this test's own; all of them are ended and removed afterwards."""
    with contextlib.ExitStack() as running:

        def start(*arguments: str, **options) -> Server:
            return running.enter_context(Server(*arguments, **options))

        yield start


@pytest.fixture
def folder() -> str:
    """A folder of the artifact tree that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def start_reference() -> Iterator[Callable[..., Reference]]:
    """Starts a reference server in a given folder."""
    with contextlib.ExitStack() as running:

        def start(root: Path, *arguments: str, **options) -> Reference:
            reference = Reference(root, *arguments, **options)
            running.callback(reference.stop)
            reference.wait()
            return reference

        yield start


@pytest.fixture(scope="session")
def reference(tmp_path_factory) -> Iterator[Reference]:
    """The reference with a local destination. Its users carry `xdist_group("reference")`."""
    running = Reference(tmp_path_factory.mktemp("reference"))
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL cluster of this worker, started when a test first asks for it."""
    with Cluster() as running:
        yield running


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    """The object stores of this worker, each started when a test first asks for it."""
    with Stores() as running:
        yield running


@pytest.fixture
def client(monkeypatch, server):
    """The stock fluent API, pointed at the shared server, with an experiment of its own."""
    return use_client(monkeypatch, server.url)


KINDS = [
    pytest.param(kind, marks=pytest.mark.xdist_group(f"differential {kind}"), id=kind)
    for kind in ("sqlite", "postgres")
]


@pytest.fixture(scope="session", params=KINDS)
def pair(request, tmp_path_factory) -> Iterator[Pair]:
    """The reference and mlferry side by side, on fresh databases of each kind."""
    cluster = request.getfixturevalue("postgres") if request.param == "postgres" else None
    with contextlib.ExitStack() as closing:
        yield start_pair(request.param, tmp_path_factory.mktemp(f"pair-{request.param}"), cluster, closing)


@pytest.fixture(scope="session")
def searched(pair) -> Searched:
    """The pair's common database, with runs and experiments to search through."""
    return Searched(pair)
