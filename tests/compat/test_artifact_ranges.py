"""Ranges and conditions of a download; ranges are compared with the answers of the reference."""

from __future__ import annotations

import email.utils
import re
import time

import pytest

from harness import ARTIFACTS, pattern

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


@pytest.fixture(scope="module")
def path(server):
    assert server.put("ranges/data.bin", DATA).status == 200
    return "ranges/data.bin"


@pytest.fixture(scope="module")
def reference_path(reference):
    assert reference.request("PUT", f"{ARTIFACTS}/ranges/data.bin", DATA).status == 200
    assert reference.request("PUT", f"{ARTIFACTS}/ranges/empty", b"").status == 200
    return f"{ARTIFACTS}/ranges/data.bin"


def comparable(answer) -> dict:
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


@pytest.mark.xdist_group("reference")
@pytest.mark.parametrize("value", [*SATISFIABLE, *SEVERAL, HUNDRED, MANY], ids=lambda value: value[:40])
def test_a_range_is_answered_as_by_the_reference(server, reference, path, reference_path, value):
    ours = server.fetch(path, {"Range": value})
    theirs = reference.request("GET", reference_path, headers={"Range": value})
    assert comparable(ours) == comparable(theirs)


@pytest.mark.xdist_group("reference")
@pytest.mark.parametrize("value", REFUSED)
def test_a_range_that_cannot_be_served_has_the_status_and_text_of_the_reference(
    server, reference, path, reference_path, value
):
    ours = server.fetch(path, {"Range": value})
    theirs = reference.request("GET", reference_path, headers={"Range": value})
    assert ours.status == theirs.status
    assert ours.headers.get("content-range") == theirs.headers.get("content-range")
    assert theirs.text in ours.text


@pytest.mark.xdist_group("reference")
@pytest.mark.parametrize("value", ["bytes=0-", "bytes=0-0", "bytes=-1", "bytes=5-6"])
def test_a_range_of_an_empty_file_is_answered_as_by_the_reference(server, reference, reference_path, folder, value):
    server.put(f"{folder}/empty", b"")
    ours = server.fetch(f"{folder}/empty", {"Range": value})
    theirs = reference.request("GET", f"{ARTIFACTS}/ranges/empty", headers={"Range": value})
    assert (ours.status, ours.headers["content-range"]) == (theirs.status, theirs.headers["content-range"])


@pytest.mark.parametrize(("value", "span"), SATISFIABLE.items())
def test_a_single_range_is_a_206_with_exactly_these_bytes(server, path, value, span):
    start, end = span
    answer = server.fetch(path, {"Range": value})
    assert (answer.status, answer.body) == (206, DATA[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["etag"] == server.fetch(path).headers["etag"]


@pytest.mark.parametrize("value", ["bytes=10000-", "bytes=20000-20001"])
def test_a_range_beyond_the_end_is_a_416_that_tells_the_size(server, path, value):
    answer = server.fetch(path, {"Range": value})
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("bytes=5-2", "Range header: start must be less than end"),
        ("lines=0-1", "Only support bytes range"),
        ("bytes=", "Range header: range must be requested"),
    ],
)
def test_a_malformed_range_is_a_400(server, path, value, text):
    answer = server.fetch(path, {"Range": value})
    assert answer.status == 400
    assert text in answer.text


@pytest.mark.parametrize("value", ["bytes=0-9", "bytes=0-1,5-6", "bytes=10000-", "bytes=5-2"])
def test_head_answers_a_range_like_get_without_the_body(server, path, value):
    got, asked = server.fetch(path, {"Range": value}), server.head(path, {"Range": value})
    assert (asked.status, asked.body) == (got.status, b"")
    for name in ("content-range", "content-length", "etag", "accept-ranges"):
        assert asked.headers.get(name) == got.headers.get(name), name


def test_several_ranges_are_one_multipart_body(server, path):
    answer = server.fetch(path, {"Range": "bytes=0-1,5-6"})
    assert answer.status == 206
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", answer.headers["content-type"])[1]
    part = "--{0}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {1}/{2}\r\n\r\n"
    expected = b""
    for span, data in (("0-1", DATA[:2]), ("5-6", DATA[5:7])):
        expected += part.format(boundary, span, SIZE).encode() + data + b"\r\n"
    assert answer.body == expected + f"--{boundary}--".encode()
    assert answer.headers["content-length"] == str(len(answer.body))


def test_a_large_file_can_be_put_together_from_ranges(server, folder):
    data = pattern(5_000_001)
    server.put(f"{folder}/big.bin", data)
    step = 1_000_000
    parts = [
        server.fetch(f"{folder}/big.bin", {"Range": f"bytes={start}-{start + step - 1}"}).body
        for start in range(0, len(data), step)
    ]
    assert b"".join(parts) == data


# If-Range


def test_if_range_with_the_current_etag_or_date_serves_the_range(server, path):
    current = server.head(path).headers
    for value in (current["etag"], current["last-modified"]):
        answer = server.fetch(path, {"Range": "bytes=0-9", "If-Range": value})
        assert (answer.status, answer.body) == (206, DATA[:10])


def test_if_range_with_anything_else_serves_the_whole_file(server, path):
    etag = server.head(path).headers["etag"]
    for value in ('"other"', f"W/{etag}", "Thu, 01 Jan 1970 00:00:00 GMT", etag.strip('"'), "nonsense"):
        answer = server.fetch(path, {"Range": "bytes=0-9", "If-Range": value})
        assert (answer.status, answer.body) == (200, DATA), value


def test_if_range_fails_once_the_file_was_replaced(server, folder):
    server.put(f"{folder}/a.bin", b"0123456789")
    etag = server.head(f"{folder}/a.bin").headers["etag"]
    server.put(f"{folder}/a.bin", b"abcdefghij")
    answer = server.fetch(f"{folder}/a.bin", {"Range": "bytes=5-", "If-Range": etag})
    assert (answer.status, answer.body) == (200, b"abcdefghij")


# Conditions


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_if_none_match_with_the_current_etag_is_a_304_without_a_body(server, path, method):
    etag = server.head(path).headers["etag"]
    for value in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = server.request(method, f"{ARTIFACTS}/{path}", headers={"If-None-Match": value})
        assert (answer.status, answer.body) == (304, b""), value
        assert answer.headers["etag"] == etag


def test_if_none_match_with_another_etag_serves_the_file(server, path):
    for value in ('"other"', '"a", "b"'):
        assert server.fetch(path, {"If-None-Match": value}).body == DATA


def test_if_match_decides_between_the_file_and_a_412(server, path):
    etag = server.head(path).headers["etag"]
    for value in (etag, f'"other", {etag}', "*"):
        assert server.fetch(path, {"If-Match": value}).body == DATA
    for value in ('"other"', f"W/{etag}"):
        answer = server.fetch(path, {"If-Match": value})
        answer.assert_error(412)


def test_if_modified_since_the_last_change_is_a_304(server, path):
    changed = server.head(path).headers["last-modified"]
    moment = email.utils.parsedate_to_datetime(changed).timestamp()
    later, earlier = (email.utils.formatdate(moment + step, usegmt=True) for step in (60, -60))
    for value in (changed, later):
        answer = server.fetch(path, {"If-Modified-Since": value})
        assert (answer.status, answer.body) == (304, b""), value
    for value in (earlier, "nonsense"):
        assert server.fetch(path, {"If-Modified-Since": value}).status == 200, value


def test_if_none_match_counts_before_if_modified_since(server, path):
    changed = server.head(path).headers["last-modified"]
    answer = server.fetch(path, {"If-None-Match": '"other"', "If-Modified-Since": changed})
    assert (answer.status, answer.body) == (200, DATA)


def test_a_condition_counts_before_a_range(server, path):
    etag = server.head(path).headers["etag"]
    assert server.fetch(path, {"If-None-Match": etag, "Range": "bytes=0-9"}).status == 304
    assert server.fetch(path, {"If-Match": '"other"', "Range": "bytes=0-9"}).status == 412


def test_last_modified_is_the_time_of_the_upload(server, folder):
    before = time.time()
    server.put(f"{folder}/a.bin", b"x")
    changed = email.utils.parsedate_to_datetime(server.head(f"{folder}/a.bin").headers["last-modified"]).timestamp()
    assert int(before) - 1 <= changed <= time.time() + 1


def test_a_file_put_there_by_other_means_has_an_etag_and_ranges_too(server, folder):
    inside = server.artifacts / folder
    inside.mkdir(parents=True)
    (inside / "a.bin").write_bytes(DATA)
    answer = server.fetch(f"{folder}/a.bin", {"Range": "bytes=-10"})
    assert (answer.status, answer.body) == (206, DATA[-10:])
    assert server.fetch(f"{folder}/a.bin", {"If-None-Match": answer.headers["etag"]}).status == 304
