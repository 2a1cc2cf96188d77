"""The way to the database or to the store breaks under load: nothing acknowledged is lost, and all goes on after."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from harness import IS_FULL_SIZE
from ledger import Load
from postgres import Cluster, DatabaseUri
from relay import Relay

# Each time the way is cut and held once.
ROUNDS = 25 if IS_FULL_SIZE else 2
WRITERS, CHANGES = 6, 60
# What a client repeats.
TRY_AGAIN = {500, 502, 503, 504}

ON_AZURITE = pytest.mark.xdist_group("destination azurite")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


def endure(server, relay: Relay, name: str, capsys) -> Load:
    """Cuts and holds the way again and again while writers keep their ledgers."""
    chance = random.Random(1)
    with Load(server, WRITERS) as load:
        for _ in range(ROUNDS):
            for fault in (relay.cut, relay.held):
                load.wait_for(CHANGES)
                with fault():
                    time.sleep(chance.uniform(0.2, 1.0))
        load.wait_for(CHANGES)
    assert relay.broken, "nobody was cut"
    with capsys.disabled():
        print(f"\n{load.report(name)}; {2 * ROUNDS} faults, {relay.broken} connections cut")
    return load


def test_a_database_that_is_cut_off_loses_nothing(own_server, cluster, tmp_path, capsys):
    database = cluster.create_database()
    with Relay(cluster.port) as relay:
        through = DatabaseUri(f"postgresql://postgres@127.0.0.1:{relay.port}/{database.name}")
        server = own_server("--backend-store-uri", through, root=tmp_path)
        load = endure(server, relay, "PostgreSQL behind a wire that is cut", capsys)
        assert set(load.refusals) <= {503}


@ON_AZURITE
def test_a_store_that_is_cut_off_loses_nothing(own_server, stores, tmp_path, capsys):
    store = stores["azurite"]
    place = store.place()
    with Relay(store.port) as relay:
        place.environment = store.server_environment(relay.url)
        server = own_server(place=place, root=tmp_path)
        load = endure(server, relay, "Azurite behind a wire that is cut", capsys)
        assert set(load.refusals) <= TRY_AGAIN
        assert place.names() == sorted(path for writer in load.writers for path in writer.state.files)
