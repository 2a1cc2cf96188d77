"""Every test of this folder runs once for each kind of destination, on a server that keeps its artifacts there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from harness import Server
from stores import EVERY_DESTINATION, Store, is_compiled_in

DESTINATIONS = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"destination {name}"), id=name) for name in EVERY_DESTINATION
]


@pytest.fixture(scope="session", params=DESTINATIONS)
def destination(request, stores) -> Store:
    store = stores[request.param]
    if not is_compiled_in(store):
        pytest.skip(f"this binary was built without {request.param}")
    return store


@pytest.fixture(scope="session")
def server(destination) -> Iterator[Server]:
    """One server for each destination, shared by tests that stay in their own folder."""
    with Server(place=destination.place()) as running:
        yield running
        assert running.process.poll() is None, f"the shared server died:\n{running.log[-5000:]}"
        assert running.stop() == 0


@pytest.fixture
def own_server(destination) -> Iterator[Callable[..., Server]]:
    """Starts servers of this test's own, with destinations of their own."""
    with contextlib.ExitStack() as running:

        def start(*arguments: str, **options) -> Server:
            place = options.pop("place", None) or destination.place()
            return running.enter_context(Server(*arguments, place=place, **options))

        yield start
