"""Object stores and other destinations that the tests start for themselves, on free ports and in temporary folders.

A `Store` is one running server. A `Place` is a destination in it that no other test uses; what lies there can be looked
at and changed without mlferry. `Stores` starts each store when a test first asks for it, and ends all of them.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable

from harness import Server
from stores.azurite import Azurite
from stores.base import Place, Store, Stored
from stores.folders import Folder, Peer, ReferencePeer
from stores.ftp import Ftp
from stores.gcs import FakeGcs
from stores.s3 import Garage
from stores.sftp import Sftp
from stores.webhdfs import WebHdfs

__all__ = ["EVERY_DESTINATION", "OBJECT_STORES", "PRESIGNING", "Place", "Store", "Stored", "Stores", "is_compiled_in"]

KINDS: dict[str, Callable[[], Store]] = {
    "local": Folder,
    "garage": Garage,
    "azurite": Azurite,
    "gcs": FakeGcs,
    "sftp": Sftp,
    "ftp": Ftp,
    "hdfs": WebHdfs,
    "peer": Peer,
    "reference": ReferencePeer,
}
EVERY_DESTINATION = list(KINDS)
OBJECT_STORES = ["garage", "azurite", "gcs"]
# One store of each kind on which clients may be handed signed URLs.
PRESIGNING = ["garage", "azurite", "gcs"]


class Stores(contextlib.ExitStack):
    """The stores of one worker."""

    def __init__(self) -> None:
        super().__init__()
        self._running: dict[str, Store] = {}

    def __getitem__(self, name: str) -> Store:
        if name not in self._running:
            self._running[name] = self.enter_context(KINDS[name]())
        return self._running[name]


# What a binary may have been built without.
OPTIONAL = {"sftp", "ftp", "hdfs"}


@functools.cache
def is_compiled_in(store: Store) -> bool:
    """Whether the binary under test can reach this kind of store."""
    if store.name not in OPTIONAL:
        return True
    server = Server(place=store.place())
    try:
        server.start()
        return True
    except AssertionError:
        if re.search(r"not available|built without|not (built|compiled)", server.log):
            return False
        raise
    finally:
        server.close()
