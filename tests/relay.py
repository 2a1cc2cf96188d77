"""Stands between a server and its database or store, passes bytes on, and cuts or holds all of them at a stroke."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from between import Between

PIECE = 1 << 16
# A close that is a reset: what lies on the other side's wire is lost.
RESET = struct.pack("ii", 1, 0)


class Relay(Between):
    """Passes all bytes on as they come."""

    def __init__(self, upstream: int):
        super().__init__(upstream)
        self._is_cut = False
        self._may_pass = threading.Event()
        self._may_pass.set()
        # Connections that were cut while they were in use.
        self.broken = 0

    def __exit__(self, *failure) -> None:
        self._may_pass.set()
        super().__exit__(*failure)

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """All connections are reset, and so are new ones: the other side is gone."""
        self._is_cut = True
        with self._lock:
            self.broken += len(self._open) // 2
        self._break_all()
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

    def _break(self, one: socket.socket) -> None:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        super()._break(one)

    def _serve(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError):
            if self._is_cut:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            with socket.create_connection(("127.0.0.1", self.upstream)) as far:
                far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
            while piece := one.recv(PIECE):
                self._may_pass.wait()
                other.sendall(piece)
            other.shutdown(socket.SHUT_WR)
