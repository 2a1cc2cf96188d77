"""A port on which nobody should knock."""

from __future__ import annotations

import contextlib
import socket
import threading

# In the words of S3.
ERROR = b"<Error><Code>NoSuchBucket</Code><Message>There is none.</Message></Error>"
NOT_FOUND = (
    b"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
    % (len(ERROR), ERROR)
)


class Listener:
    """Takes connections on all addresses of this machine, answers 404, and keeps the first bytes of each."""

    def __init__(self) -> None:
        # One socket for both families, so that `[::1]` leads here, too.
        if socket.has_dualstack_ipv6():
            self.socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        else:
            self.socket = socket.create_server(("0.0.0.0", 0))
        self.port = self.socket.getsockname()[1]
        self.heard: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.settimeout(5)
            # What connects and says nothing was here, too.
            index = len(self.heard)
            self.heard.append(b"")
            self.heard[index] = connection.recv(65536)
            connection.sendall(NOT_FOUND)

    def as_s3(self) -> dict[str, str]:
        """What makes a server take it for S3, below a path."""
        return {
            "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{self.port}/base",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def targets(self) -> list[str]:
        """The targets of the requests that came."""
        return [head.split(b" ")[1].decode() for head in self.heard if head.count(b" ") >= 2]

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()
