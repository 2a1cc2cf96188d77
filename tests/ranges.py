"""Ranges to ask for, and what is compared in the answers."""

from __future__ import annotations

import re

from harness import Answer, pattern

SIZE = 10_000
DATA = pattern(SIZE)

SATISFIABLE = {
    "bytes=0-0": (0, 1),
    "bytes=0-9": (0, 10),
    "bytes=5-": (5, SIZE),
    "bytes=-5": (SIZE - 5, SIZE),
    "bytes=-20000": (0, SIZE),
    "bytes=9999-": (SIZE - 1, SIZE),
    "bytes=9990-20000": (SIZE - 10, SIZE),
    "bytes=0-9999": (0, SIZE),
    "bytes= 3-4": (3, 5),
    "Bytes=3-4": (3, 5),
    "bytes=3-3,": (3, 4),
}
SEVERAL = [
    "bytes=0-1,5-6",
    "bytes=0-1, 5-6, -3",
    "bytes=5-6,0-1",
    "bytes=0-0,9999-9999",
    "bytes=10-19,15-30",
    "bytes=10-19,20-29",
    "bytes=0-9,5-,20-30",
    "bytes=0-1,x,5-6",
    "bytes=0-99,200-299,400-499,9000-",
]
REFUSED = [
    "bytes=10000-",
    "bytes=20000-20001",
    "bytes=0-1,10000-",
    "bytes=5-2",
    "bytes=",
    "bytes=-",
    "bytes=x-y",
    "bytes",
    "lines=0-1",
    "bytes=-0",
]
MANY = "bytes=" + ",".join(f"{start}-{start}" for start in range(0, 202, 2))
HUNDRED = "bytes=" + ",".join(f"{start}-{start}" for start in range(0, 200, 2))


def comparable(answer: Answer) -> dict:
    """Status, body and the headers that matter, with the random boundary made equal."""
    content_type = answer.headers.get("content-type", "")
    body = answer.body
    found = re.fullmatch(r"multipart/byteranges; boundary=(\S+)", content_type)
    if found:
        assert len(found[1]) == 26
        body = body.replace(found[1].encode(), b"BOUNDARY")
        content_type = "multipart/byteranges"
    kept = {name: answer.headers.get(name) for name in ("content-range", "content-length")}
    if answer.status < 300:
        kept |= {name: answer.headers.get(name) for name in ("accept-ranges", "content-disposition")}
        kept["content-type"] = content_type
    return {"status": answer.status, "body": body, **kept}
