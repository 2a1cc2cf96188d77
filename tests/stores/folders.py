"""Destinations whose files can be seen on disk: a folder, and other servers that keep theirs in one."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path

from harness import ARTIFACTS, Server, staging_entries, tree
from reference import Reference
from stores.base import Place, Store, Stored


class FolderPlace(Place):
    def __init__(self, uri: str, root: Path, staged_in: Path | None = None):
        self.uri, self.root, self.staged_in = uri, root, staged_in or root
        self.environment, self.reference_environment = {}, {}

    def files(self, folder: str = "") -> dict[str, bytes]:
        return tree(self.root / folder)

    def names(self, folder: str = "") -> list[str]:
        return list(self.files(folder))

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def write(
        self, name: str, data: bytes, content_type: str | None = None, content_encoding: str | None = None
    ) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_bytes(data)

    def look(self, name: str) -> Stored:
        return Stored((self.root / name).stat().st_size, None, None)

    def beside(self, suffix: str) -> FolderPlace:
        place = FolderPlace(self.uri + suffix, self.root.with_name(self.root.name + suffix))
        place.environment = self.environment
        return place

    def pending(self) -> list[str]:
        return staging_entries(self.staged_in)


class Folder(Store):
    name = "local"

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="mlferry-local-"))

    def place(self) -> FolderPlace:
        root = self.root / f"t{uuid.uuid4().hex[:12]}"
        return FolderPlace(str(root), root)

    def __exit__(self, *_) -> None:
        shutil.rmtree(self.root, ignore_errors=True)


class Peer(Store):
    """A second mlferry, to which the one under test is a client."""

    name = "peer"

    def __enter__(self) -> Peer:
        self.server = Server("--artifacts-only").__enter__()
        return self

    def place(self) -> FolderPlace:
        prefix = f"t{uuid.uuid4().hex[:12]}"
        root = self.server.artifacts
        return FolderPlace(f"{self.server.url}{ARTIFACTS}/{prefix}", root / prefix, staged_in=root)

    def __exit__(self, *_) -> None:
        self.server.close()


class ReferencePeer(Store):
    """The same with the reference."""

    name = "reference"

    def __enter__(self) -> ReferencePeer:
        self.root = Path(tempfile.mkdtemp(prefix="mlferry-peer-"))
        (self.root / "server").mkdir()
        self.server = Reference(self.root / "server", "--artifacts-only")
        try:
            self.server.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def place(self) -> FolderPlace:
        prefix = f"t{uuid.uuid4().hex[:12]}"
        return FolderPlace(f"{self.server.url}{ARTIFACTS}/{prefix}", self.root / "server" / "mlartifacts" / prefix)

    def __exit__(self, *_) -> None:
        self.server.stop()
        shutil.rmtree(self.root, ignore_errors=True)
