"""Fixtures shared by the compatibility and the fault tests."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from databases import kinds, options_of
from harness import Server, use_client
from pairs import Pair, start_pair
from postgres import Cluster
from reference import Reference
from searched import Searched
from stores import PRESIGNING, Place, Store, Stores


def pytest_collection_modifyitems(config, items) -> None:
    """Takes out the tests of destinations on which they have no meaning, which `not_on` names."""
    left_out = [item for item in items if destination_of(item) in excluded(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def destination_of(item) -> str | None:
    given = item.callspec.params if hasattr(item, "callspec") else {}
    return given.get("destination") or given.get("store") or given.get("attacked")


def excluded(item) -> set[str]:
    return {name for mark in item.iter_markers("not_on") for name in mark.args}


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


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.xdist_group(f"destination {name}"), id=name) for name in PRESIGNING]
)
def store(request, stores) -> Store:
    """An object store of each kind: S3, Azure Blob Storage, Google Cloud Storage."""
    return stores[request.param]


@pytest.fixture(scope="session")
def reference_on(tmp_path_factory) -> Iterator[Callable[[Store], tuple[Reference, Place]]]:
    """A reference server for each store that is asked for, and the place in which it keeps artifacts."""
    running: dict[str, tuple[Reference, Place]] = {}

    def start(store: Store) -> tuple[Reference, Place]:
        if store.name not in running:
            place = store.place()
            options = ["--artifacts-destination", place.uri]
            folder = tmp_path_factory.mktemp(f"reference-{store.name}")
            running[store.name] = Reference(folder, *options, environment=place.reference_environment), place
            running[store.name][0].wait()
        return running[store.name]

    yield start
    for reference, _ in running.values():
        reference.stop()


@pytest.fixture
def client(monkeypatch, server):
    """The stock fluent API, pointed at the shared server, with an experiment of its own."""
    return use_client(monkeypatch, server.url)


@pytest.fixture(scope="module", params=kinds("client"))
def tracking(request) -> Iterator[Server]:
    """A server on each kind of database, shared by the tests of a file."""
    with Server(*options_of(request)) as running:
        yield running


@pytest.fixture
def fluent(monkeypatch, tracking):
    """The stock fluent API with an experiment of its own, on a server on each kind of database."""
    return use_client(monkeypatch, tracking.url)


@pytest.fixture
def stock(fluent) -> MlflowClient:
    """The stock client for the same server."""
    return MlflowClient()


@pytest.fixture(scope="session", params=kinds("differential"))
def pair(request, tmp_path_factory) -> Iterator[Pair]:
    """The reference and mlferry side by side, on fresh databases of each kind."""
    cluster = request.getfixturevalue("postgres") if request.param == "postgres" else None
    with contextlib.ExitStack() as closing:
        yield start_pair(request.param, tmp_path_factory.mktemp(f"pair-{request.param}"), cluster, closing)


@pytest.fixture(scope="session")
def searched(pair) -> Searched:
    """The pair's common database, with runs and experiments to search through."""
    return Searched(pair)
