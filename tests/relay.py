"""Stands between a server and its database or store, passes bytes on, and cuts or holds all of them at a stroke."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

PIECE = 1 << 16
# A close that is a reset: what lies on the other side's wire is lost.
RESET = struct.pack("ii", 1, 0)


class Relay:
    """A port that leads to another one of this machine."""

    def __init__(self, upstream: int):
        self.upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        self._is_closed = False
        self._may_pass = threading.Event()
        self._may_pass.set()
        # Connections that were cut while they were in use.
        self.broken = 0

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._is_closed = True
        # A thread that waits in accept() does not notice that its socket was closed.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._may_pass.set()
        self._break_all()

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """All connections are reset, and so are new ones: the other side is gone."""
        self._is_cut = True
        self.broken += self._break_all()
        try:
            yield
        finally:
            self._is_cut = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nothing passes, and nobody is told: the network between them is gone."""
        self._may_pass.clear()
        try:
            yield
        finally:
            self._may_pass.set()

    def _break_all(self) -> int:
        """Wakes the threads of all connections, which close them; returns how many these were."""
        with self._lock:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    one.shutdown(socket.SHUT_RDWR)
            return len(self._open) // 2

    def _accept(self) -> None:
        while not self._is_closed:
            with contextlib.suppress(OSError):
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            if self._is_cut:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            with socket.create_connection(("127.0.0.1", self.upstream)) as far:
                pair = (near, far)
                with self._lock:
                    self._open.update(pair)
                back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
                back.start()
                self._pass(near, far)
                back.join()
                with self._lock:
                    self._open.difference_update(pair)

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while piece := one.recv(PIECE):
                self._may_pass.wait()
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)
