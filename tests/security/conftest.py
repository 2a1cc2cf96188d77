"""Servers that the tests of this folder attack, each shared by all attacks on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from targets import Target, target

TARGETS = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"target {name}"), id=name)
    for name in ("local", "prefixed", "folder", "garage")
]


@pytest.fixture(scope="session", params=TARGETS)
def attacked(request, stores) -> Iterator[Target]:
    """A server with canaries around its destination."""
    with target(request.param, stores) as attacked:
        yield attacked
        attacked.assert_unharmed()
        assert attacked.server.process.poll() is None
