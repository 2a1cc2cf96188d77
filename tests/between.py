"""What stands between a server and its database or store: a port that leads to another one of this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self


class Between:
    """Listens, and serves each connection on a thread of its own; what `_open` holds is closed with it."""

    def __init__(self, upstream: int):
        self.upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._is_closed = True
        # A thread that waits in accept() does not notice that its socket was closed.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._break_all()

    def _break_all(self) -> None:
        """Wakes the threads of all connections, which close them."""
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    self._break(one)

    def _break(self, one: socket.socket) -> None:
        one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._is_closed:
            with contextlib.suppress(OSError):
                near, _ = self._listener.accept()
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        raise NotImplementedError
