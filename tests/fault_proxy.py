"""Stands between a server and its store, counts what passes, and breaks some of it.

It speaks HTTP/1.1 with bodies of a known length or in chunks, and changes nothing that it does not break: signatures
that cover the Host header stay right, as long as the store takes the name that it was called by.
"""

from __future__ import annotations

import contextlib
import random
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from between import Between

PIECE = 1 << 17
ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>This was the proxy.</Message></Error>"


@dataclass
class Request:
    method: str
    target: str
    length: int
    # Bytes of the body that the store announced.
    answered: int = 0
    # How this one breaks, as in `Faults`.
    fault: str | None = None


@dataclass
class Faults:
    """Which share of the requests breaks, and how: one of `kinds`, all equally often.

    `500` and `503` answer instead of the store, `reset` breaks off before the store hears of the request, `cut` while
    the body goes up, `lost` after the store has carried it out, `truncated` in the middle of the answer's body, and
    `stall` holds everything back for `stall_seconds` and goes on.
    """

    seed: int
    share: float
    kinds: tuple[str, ...] = ("500", "503", "reset", "cut", "lost", "truncated", "stall")
    stall_seconds: float = 1.0
    _random: random.Random = field(init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def next(self) -> str | None:
        with self._lock:
            return self._random.choice(self.kinds) if self._random.random() < self.share else None


class FaultProxy(Between):
    def __init__(self, upstream: int, faults: Faults | None = None):
        super().__init__(upstream)
        self.faults = faults
        self.requests: list[Request] = []
        self.injected: Counter[str] = Counter()
        # Is called with each request before the store hears of it, and may say how it breaks.
        self.before: Callable[[Request], object] = lambda request: None
        # A header that never reaches the store, as if it did not know it.
        self.unheard = b""
        # The most requests that were under way at one moment.
        self.most_at_once = 0
        self._at_once = 0

    def forget(self) -> None:
        """Counts from here on."""
        with self._lock:
            self.requests.clear()
            self.most_at_once = self._at_once

    @contextlib.contextmanager
    def _counted(self, request: Request) -> Iterator[None]:
        with self._lock:
            self.requests.append(request)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    @contextlib.contextmanager
    def _kept(self, one: socket.socket) -> Iterator[_Wire]:
        """A socket that is closed with the proxy, at the latest."""
        with self._lock:
            self._open.add(one)
        try:
            yield _Wire(one)
        finally:
            with self._lock:
                self._open.discard(one)
            one.close()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, _Broken), self._kept(client) as near:
            upstream = socket.create_connection(("127.0.0.1", self.upstream), timeout=120)
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._kept(upstream) as far:
                while head := near.head():
                    self._exchange(near, far, head)

    def _exchange(self, near: _Wire, far: _Wire, head: bytes) -> None:
        method, target = head.split(b" ", 2)[:2]
        request = Request(method.decode(), target.decode(), max(length_of(head), 0))
        self.before(request)
        fault = request.fault or (self.faults.next() if self.faults else None)
        if fault:
            with self._lock:
                self.injected[fault] += 1
        with self._counted(request):
            if re.search(rb"\r\nexpect: *100-continue", head, re.IGNORECASE):
                near.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                head = re.sub(rb"\r\nexpect: *100-continue", b"", head, flags=re.IGNORECASE)
            if self.unheard:
                head = re.sub(rb"\r\n%s:[^\r]*" % self.unheard, b"", head, flags=re.IGNORECASE)
            if fault in {"500", "503"}:
                near.drop(body_of(head))
                near.send(error(fault, request.method))
                return
            if fault == "reset":
                near.reset()
            if fault == "stall":
                time.sleep(self.faults.stall_seconds)
            far.send(head)
            near.copy(far, body_of(head), at_most=request.length // 2 if fault == "cut" else None)
            if fault == "cut":
                far.reset_quietly()
                near.reset()
            self._answer(near, far, request, fault)

    def _answer(self, near: _Wire, far: _Wire, request: Request, fault: str | None) -> None:
        head = far.head()
        while head.startswith(b"HTTP/1.1 100"):
            head = far.head()
        if not head:
            raise _Broken
        status = int(head.split(b" ", 2)[1])
        has_body = request.method != "HEAD" and status not in {204, 304}
        body = body_of(head, is_answer=True) if has_body else 0
        request.answered = max(body, 0)
        if fault == "lost":
            far.drop(body)
            near.reset()
        near.send(head)
        if fault == "truncated" and body:
            far.copy(near, body, at_most=max(body, 0) // 2)
            near.reset()
        far.copy(near, body)
        if body == TO_THE_END:
            raise _Broken


class _Broken(Exception):
    """This connection is over."""


CHUNKED, TO_THE_END = -1, -2


def length_of(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


def body_of(head: bytes, *, is_answer: bool = False) -> int:
    """How long the body is, or how its end is found."""
    if re.search(rb"\r\ntransfer-encoding: *chunked", head, re.IGNORECASE):
        return CHUNKED
    if is_answer and not re.search(rb"\r\ncontent-length:", head, re.IGNORECASE):
        return TO_THE_END
    return length_of(head)


def error(status: str, method: str) -> bytes:
    code, reason = {
        "500": ("InternalError", "Internal Server Error"),
        "503": ("SlowDown", "Slow Down"),
    }[status]
    body = ERROR.format(code).encode()
    head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + (b"" if method == "HEAD" else body)


class _Wire:
    """One side of an exchange, read through a buffer."""

    def __init__(self, connection: socket.socket):
        self.socket = connection
        self.buffer = b""

    def head(self) -> bytes:
        """A request's or an answer's first line and headers; empty at the end of the connection."""
        while b"\r\n\r\n" not in self.buffer:
            piece = self.socket.recv(PIECE)
            if not piece:
                return b""
            self.buffer += piece
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def read(self, at_most: int) -> bytes:
        if self.buffer:
            piece, self.buffer = self.buffer[:at_most], self.buffer[at_most:]
            return piece
        return self.socket.recv(min(at_most, PIECE))

    def line(self) -> bytes:
        while b"\r\n" not in self.buffer:
            piece = self.socket.recv(PIECE)
            if not piece:
                raise _Broken
            self.buffer += piece
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line + b"\r\n"

    def pieces(self, body: int) -> Iterator[bytes]:
        if body == CHUNKED:
            while True:
                line = self.line()
                yield line
                size = int(line.split(b";")[0], 16)
                yield from self.pieces(size + 2 if size else 0)
                if size == 0:
                    while (line := self.line()) != b"\r\n":
                        yield line
                    yield line
                    return
        while body:
            piece = self.read(body if body > 0 else PIECE)
            if not piece:
                if body == TO_THE_END:
                    return
                raise _Broken
            body -= len(piece) if body > 0 else 0
            yield piece

    def copy(self, to: _Wire, body: int, at_most: int | None = None) -> None:
        passed = 0
        for piece in self.pieces(body):
            if at_most is not None and passed + len(piece) > at_most:
                to.send(piece[: at_most - passed])
                return
            to.send(piece)
            passed += len(piece)

    def drop(self, body: int) -> None:
        for _ in self.pieces(body):
            pass

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reset_quietly(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def reset(self) -> None:
        """Breaks off: what lies on the other side's wire is lost."""
        self.reset_quietly()
        self.socket.close()
        raise _Broken
