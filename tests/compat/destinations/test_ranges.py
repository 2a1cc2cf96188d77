"""Ranges and conditions of a download from every kind of destination."""

from __future__ import annotations

import email.utils
import re
import time

import pytest

from harness import ARTIFACTS, Server, pattern
from ranges import DATA, HUNDRED, MANY, REFUSED, SATISFIABLE, SEVERAL, SIZE, comparable


@pytest.fixture(scope="session")
def path(server):
    assert server.put("ranges/data.bin", DATA).status == 200
    return "ranges/data.bin"


@pytest.fixture(scope="session")
def on_disk(path):
    """A server with a local folder, whose answers are compared with the reference's in another place."""
    with Server() as running:
        assert running.put(path, DATA).status == 200
        yield running


@pytest.mark.not_on("local")
def test_ranges_are_answered_as_from_disk(server, on_disk, path):
    for value in (*SATISFIABLE, *SEVERAL, *REFUSED, HUNDRED, MANY):
        ours, theirs = (one.fetch(path, {"Range": value}) for one in (server, on_disk))
        assert comparable(ours) == comparable(theirs), value


def test_a_single_range_is_a_206_with_exactly_these_bytes(server, path):
    etag = server.fetch(path).headers["etag"]
    for value, (start, end) in SATISFIABLE.items():
        answer = server.fetch(path, {"Range": value})
        assert (answer.status, answer.body) == (206, DATA[start:end]), value
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
        assert answer.headers["content-length"] == str(end - start)
        assert answer.headers["etag"] == etag


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


# There the size and the second (in HDFS, millisecond) of a change are all that tells files apart.
@pytest.mark.not_on("sftp", "ftp", "hdfs")
def test_if_range_fails_once_the_file_was_replaced(server, folder):
    server.put(f"{folder}/a.bin", b"0123456789")
    etag = server.head(f"{folder}/a.bin").headers["etag"]
    server.put(f"{folder}/a.bin", b"abcdefghij")
    answer = server.fetch(f"{folder}/a.bin", {"Range": "bytes=5-", "If-Range": etag})
    assert (answer.status, answer.body) == (200, b"abcdefghij")


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
    server.place.write(f"{folder}/a.bin", DATA)
    answer = server.fetch(f"{folder}/a.bin", {"Range": "bytes=-10"})
    assert (answer.status, answer.body) == (206, DATA[-10:])
    assert server.fetch(f"{folder}/a.bin", {"If-None-Match": answer.headers["etag"]}).status == 304
