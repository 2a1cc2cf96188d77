"""A store that takes and gives as quickly as it can, and keeps nothing: what is left to be measured is the server."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator

from harness import ARTIFACTS, SCRIPTS, Server, clean_environment

PIECE = 1 << 20


@contextlib.contextmanager
def in_front_of_sink(start: Callable[..., Server], *options: str) -> Iterator[Server]:
    """A server whose store it is."""
    line = [sys.executable, str(SCRIPTS / "s3_sink.py")]
    with subprocess.Popen(line, env=clean_environment(), stdout=subprocess.PIPE, text=True) as sink:
        try:
            environment = {
                "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{int(sink.stdout.readline())}",
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_DEFAULT_REGION": "us-east-1",
            }
            destination = ("--artifacts-destination", "s3://bucket/x", "--no-destination-check")
            yield start(*destination, *options, environment=environment)
        finally:
            sink.kill()


def download(server: Server, name: str) -> int:
    """Downloads an object, of which nothing is kept here; returns how many bytes came. `name` ends with its size."""
    buffer = bytearray(PIECE)
    with server.raw(timeout=600) as connection:
        connection.head("GET", f"{ARTIFACTS}/{name}", Connection="close")
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.socket.recv(65536)
            assert piece, head
            head += piece
        status, _, begin = head.partition(b"\r\n\r\n")
        assert status.startswith(b"HTTP/1.1 200 "), status
        received = len(begin)
        while count := connection.socket.recv_into(buffer):
            received += count
    return received
