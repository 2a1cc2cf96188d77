"""Objects that are replaced at the store while they are downloaded: what a client gets is of one version, or breaks."""

from __future__ import annotations

import http.client

import pytest

from fault_proxy import FaultProxy, Request
from harness import pattern

SIZE = 3_000_000
# The first and the second one are asked for one after the other.
RANGES = {"Range": f"bytes=0-99999,{SIZE - 100_000}-{SIZE - 1}"}
OLD, NEW = pattern(SIZE, seed=1), pattern(SIZE, seed=2)
BROKEN = (http.client.IncompleteRead, ConnectionError)


@pytest.fixture
def proxy(store):
    with FaultProxy(int(store.endpoint.rsplit(":", 1)[1])) as running:
        yield running


@pytest.fixture
def replaced(store, proxy, own_server):
    """A server whose store replaces `object` just before it answers the second question for its bytes."""
    place = store.place()
    place.environment = store.server_environment(proxy.url)
    server = own_server(place=place)
    place.write("object", OLD)
    gets: list[str] = []

    def replace(request: Request) -> None:
        if request.method == "GET" and "object" in request.target:
            gets.append(request.target)
            if len(gets) == 2:
                place.write("object", NEW)

    proxy.before = replace
    yield server
    assert len(gets) >= 2
    assert server.fetch("object").body == NEW


def test_several_ranges_are_of_one_version(replaced):
    with pytest.raises(BROKEN):
        replaced.fetch("object", RANGES)


# Elsewhere, the signature covers the header.
@pytest.mark.not_on("garage", "azurite")
def test_a_store_that_does_not_heed_conditions_is_checked(replaced, proxy):
    proxy.unheard = b"if-match"
    with pytest.raises(BROKEN):
        replaced.fetch("object", RANGES)


def test_a_download_that_broke_off_is_not_continued_with_another_version(replaced, proxy):
    replace = proxy.before

    def break_the_first(request: Request) -> None:
        replace(request)
        if request.method == "GET" and "object" in request.target:
            proxy.before, request.fault = replace, "truncated"

    proxy.before = break_the_first
    with pytest.raises(BROKEN):
        replaced.fetch("object")
