"""An S3 store that forgets what it is given and makes up what it is asked for, as quickly as Python can.

An object has the size that its uploads had, or the one that its name ends in (`…-1000`); its bytes are those of
`BLOCK`, over and over. Prints its port, and then nothing.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import urllib.parse

BLOCK = bytes(range(256)) * 4096
HEADERS = 'ETag: "sink"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n'
XML = "Content-Type: application/xml\r\n"


def number(pattern: bytes, head: bytes) -> int | None:
    found = re.search(pattern, head, re.IGNORECASE)
    return int(found[1]) if found else None


class Exchange:
    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.buffer = bytearray(1 << 20)
        self.left = b""

    def serve(self) -> None:
        with contextlib.suppress(OSError), self.connection:
            while head := self.head():
                self.answer(head)

    def head(self) -> bytes:
        data = self.left
        while b"\r\n\r\n" not in data:
            piece = self.connection.recv(1 << 16)
            if not piece:
                return b""
            data += piece
        head, _, self.left = data.partition(b"\r\n\r\n")
        return head

    def answer(self, head: bytes) -> None:
        method, target = head.decode("latin-1").split(" ", 2)[:2]
        if re.search(rb"\r\nexpect: *100-continue", head, re.IGNORECASE):
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.drop(number(rb"\r\ncontent-length: *(\d+)", head) or 0)
        path, _, query = target.partition("?")
        fields = urllib.parse.parse_qs(query, keep_blank_values=True)
        size = number(rb"-(\d+)$", path.encode())
        if method in {"GET", "HEAD"} and size is not None:
            self.send_object(method, head, size)
        elif method == "POST" and "uploads" in fields:
            self.send("<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
        elif method == "POST" and "uploadId" in fields:
            self.send('<CompleteMultipartUploadResult><ETag>"sink"</ETag></CompleteMultipartUploadResult>')
        elif method == "POST":
            self.send("<DeleteResult></DeleteResult>")
        elif method == "GET":
            self.send("<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>0</KeyCount></ListBucketResult>")
        elif method == "DELETE":
            self.connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            self.connection.sendall(f"HTTP/1.1 200 OK\r\n{HEADERS}Content-Length: 0\r\n\r\n".encode())

    def drop(self, length: int) -> None:
        length -= len(self.left)
        assert length >= 0, "nobody sends two requests at once"
        self.left = b""
        view = memoryview(self.buffer)
        while length:
            length -= self.connection.recv_into(view[: min(length, len(view))]) or length

    def send(self, body: str) -> None:
        self.connection.sendall(f"HTTP/1.1 200 OK\r\n{XML}Content-Length: {len(body)}\r\n\r\n{body}".encode())

    def send_object(self, method: str, head: bytes, size: int) -> None:
        found = re.search(rb"\r\nrange: *bytes=(\d*)-(\d*)", head, re.IGNORECASE)
        start, end, status, span = 0, size, "200 OK", ""
        if found:
            start, end = int(found[1]), min(int(found[2] or size), size - 1) + 1
            status, span = "206 Partial Content", f"Content-Range: bytes {start}-{end - 1}/{size}\r\n"
        length = f"Content-Length: {end - start}\r\n\r\n"
        self.connection.sendall(f"HTTP/1.1 {status}\r\n{HEADERS}{span}{length}".encode())
        view = memoryview(BLOCK)
        while method == "GET" and start < end:
            begin = start % len(BLOCK)
            piece = view[begin : begin + min(end - start, len(BLOCK) - begin)]
            self.connection.sendall(piece)
            start += len(piece)


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Exchange(connection).serve, daemon=True).start()


if __name__ == "__main__":
    main()
