"""Archives as clients make and read them."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Iterator

from harness import Answer, Server

SENT = ["tar", "tar.zst", "zip"]
TAKEN = ["tar", "tar.gz", "tar.zst"]


def zstd(*options: str, data: bytes) -> bytes:
    assert shutil.which("zstd"), "there is no zstd program: `make zstd` installs it"
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True, check=True).stdout


def unpacked(data: bytes, kind: str) -> dict[str, bytes]:
    """The files of an archive in its order; it holds nothing else."""
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            assert all((info.external_attr >> 16) == 0o100644 for info in archive.infolist())
            return {info.filename: archive.read(info) for info in archive.infolist()}
    if kind == "tar.zst":
        data = zstd("-d", data=data)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        infos = archive.getmembers()
        assert all(info.isreg() and info.mode == 0o644 for info in infos)
        return {info.name: archive.extractfile(info).read() for info in infos}


def tar_of(files: dict[str, bytes], tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tar_format) as archive:
        for name, data in files.items():
            archive.addfile(file_info(name, data), io.BytesIO(data))
    return made.getvalue()


def file_info(name: str, data: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), 1_700_000_000
    return info


def compressed(data: bytes, kind: str) -> bytes:
    if kind == "tar.gz":
        return gzip.compress(data)
    return zstd(data=data) if kind == "tar.zst" else data


def send(server: Server, path: str, data, kind: str = "tar", headers=None, **options) -> Answer:
    return server.put(f"{path}?extract={kind}", data, headers, **options)


def slowly(*pieces: bytes) -> Iterator[bytes]:
    """Pieces of a body, each of which the server has taken before the next is sent."""
    for piece in pieces:
        yield piece
        time.sleep(0.1)
