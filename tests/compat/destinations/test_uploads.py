"""Uploads to every kind of destination."""

from __future__ import annotations

import pytest

from harness import AJAX_ARTIFACTS, ARTIFACTS, DIGESTS, pattern, quoted, together, wait_until


@pytest.mark.parametrize("prefix", [ARTIFACTS, AJAX_ARTIFACTS])
def test_an_upload_answers_200_with_an_empty_body_and_can_be_read_back(server, folder, prefix):
    answer = server.request("PUT", f"{prefix}/{folder}/a.txt", b"hello")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")
    assert "content-type" not in answer.headers
    for reader in (ARTIFACTS, AJAX_ARTIFACTS):
        assert server.get(f"{reader}/{folder}/a.txt").body == b"hello"
    assert server.stored(folder) == {"a.txt": b"hello"}


def test_an_empty_body_makes_an_empty_file(server, folder):
    assert server.put(f"{folder}/with-length", b"").status == 200
    assert server.put(f"{folder}/chunked", [], chunked=True).status == 200
    assert server.stored(folder) == {"with-length": b"", "chunked": b""}


def test_a_chunked_upload_is_stored_whole(server, folder):
    data = pattern(3_000_017)
    pieces = [data[start : start + 70_001] for start in range(0, len(data), 70_001)]
    assert server.put(f"{folder}/chunked.bin", pieces, chunked=True).status == 200
    assert server.stored(folder) == {"chunked.bin": data}


def test_an_upload_replaces_what_was_there(server, folder):
    for data in (pattern(100_000), b"short", pattern(200_000, seed=1), b""):
        assert server.put(f"{folder}/a.bin", data).status == 200
        assert server.fetch(f"{folder}/a.bin").body == data
    assert list(server.stored(folder)) == ["a.bin"]


def test_the_old_content_stays_until_the_new_one_is_complete(server, folder):
    server.put(f"{folder}/a.bin", b"old")
    # More than any store takes in one part, so that one is under way.
    new = pattern(40_000_000)
    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/{folder}/a.bin", Content_Length=len(new)).send(new[:-1])
        assert server.fetch(f"{folder}/a.bin").body == b"old"
        assert server.names(folder) == ["a.bin"]
        upload.send(new[-1:])
        assert upload.answer("PUT").status == 200
    assert server.fetch(f"{folder}/a.bin").body == new
    assert server.pending() == []


@pytest.mark.parametrize("leave", ["close", "reset"])
# What broke off is out of reach there: the service forgets it after a week.
@pytest.mark.not_on("azurite")
def test_a_large_upload_whose_client_leaves_leaves_nothing(server, folder, leave):
    server.put(f"{folder}/kept.txt", b"kept")
    data = pattern(40_000_000)
    upload = server.raw().head("PUT", f"{ARTIFACTS}/{folder}/a.bin", Content_Length=len(data)).send(data[:-1])
    getattr(upload, leave)()
    wait_until(lambda: not server.pending(), 10, "something of the upload stays")
    assert server.stored(folder) == {"kept.txt": b"kept"}


# As above, what broke off stays there for a week.
@pytest.mark.not_on("azurite")
def test_a_large_upload_that_is_refused_at_its_end_leaves_the_old_content(own_server):
    server = own_server("--max-artifact-size", "30MiB")
    server.put("d/a.bin", b"old")
    data = pattern(20_000_000)
    server.put("d/a.bin", data, {"Content-MD5": DIGESTS["Content-MD5"](b"other")}).assert_error(400)
    server.put("d/a.bin", [data, data], chunked=True).assert_error(413)
    wait_until(lambda: not server.pending(), 10, "something of the upload stays")
    assert server.stored() == {"d/a.bin": b"old"}


# In a bucket, a file may have the name of a folder.
@pytest.mark.not_on("garage", "azurite", "gcs")
def test_a_folder_or_a_file_in_the_way_is_a_4xx_at_once(own_server):
    server = own_server()
    server.put("d/a.txt", b"x")
    for path, data in (("d", b"x"), ("d/a.txt/b", b"x"), ("d", pattern(20_000_000))):
        answer = server.put(path, data)
        assert 400 <= answer.status < 500, (path, answer.body)
    wait_until(lambda: not server.pending(), 10, "something of the uploads stays")
    assert server.stored() == {"d/a.txt": b"x"}


def test_expect_100_continue_is_answered_before_the_body(server, folder):
    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/{folder}/a.txt", Content_Length=5, Expect="100-continue")
        assert upload.socket.recv(1000).startswith(b"HTTP/1.1 100 ")
        upload.send("hello")
        assert upload.answer("PUT").status == 200
    assert server.fetch(f"{folder}/a.txt").body == b"hello"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Content-Encoding", "gzip"),
        ("Content-Range", "bytes 0-4/10"),
        ("Content-Type", "multipart/form-data; boundary=x"),
        ("Content-Type", "not a media type"),
    ],
)
def test_headers_that_describe_the_body_leave_it_as_it_is(server, folder, name, value):
    assert server.put(f"{folder}/a.txt", b"hello", {name: value}).status == 200
    answer = server.fetch(f"{folder}/a.txt")
    assert (answer.body, answer.headers["content-type"]) == (b"hello", "text/plain")
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("name", ["n" * 255, "ü" * 127 + "x"])
def test_a_name_of_255_bytes_is_stored(server, folder, name):
    assert server.put(f"{folder}/{quoted(name)}", b"x").status == 200
    assert server.names(folder) == [name]
    assert server.fetch(f"{folder}/{quoted(name)}").body == b"x"
    assert server.delete(f"{folder}/{quoted(name)}").status == 200


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_short_upload_whose_client_leaves_is_not_published(server, folder, size):
    for number in range(10):
        upload = server.raw()
        upload.head("PUT", f"{ARTIFACTS}/{folder}/a{number}", Content_Length=size + 1).send(b"x" * size)
        upload.close() if number % 2 else upload.reset()
    server.put(f"{folder}/after", b"x")
    wait_until(lambda: not server.pending(), 10, "something of the upload stays")
    assert server.names(folder) == ["after"]


def test_a_malformed_chunk_stores_nothing(server, folder):
    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/{folder}/a.bin", Transfer_Encoding="chunked").send(b"5\r\nhello\r\nzz\r\n")
        upload.read_all()
    wait_until(lambda: not server.pending(), 10, "something of the upload stays")
    assert server.stored(folder) == {}


def test_parallel_uploads_of_one_name_end_with_one_of_them_whole(server, folder):
    bodies = [pattern(300_000, seed=seed) for seed in range(8)]
    statuses = together(*[lambda data=data: server.put(f"{folder}/a.bin", data).status for data in bodies])
    assert statuses == [200] * 8
    assert server.fetch(f"{folder}/a.bin").body in bodies
    assert list(server.stored(folder)) == ["a.bin"]


def test_if_none_match_star_creates_but_never_replaces(server, folder):
    create_only = {"If-None-Match": "*"}
    assert server.put(f"{folder}/a.txt", b"first", create_only).status == 200
    server.put(f"{folder}/a.txt", b"second", create_only).assert_error(412)
    assert server.fetch(f"{folder}/a.txt").body == b"first"
    assert server.pending() == []


def test_if_match_replaces_only_the_file_that_the_client_knows(server, folder):
    server.put(f"{folder}/a.txt", b"first")
    known = {"If-Match": server.fetch(f"{folder}/a.txt").headers["ETag"]}
    assert server.put(f"{folder}/a.txt", b"the second", known).status == 200
    server.put(f"{folder}/a.txt", b"third", known).assert_error(412)
    assert server.fetch(f"{folder}/a.txt").body == b"the second"
    server.put(f"{folder}/none.txt", b"x", known).assert_error(412)


# They have no conditional writes, or check before they write: one of two at the same moment may replace the other.
@pytest.mark.not_on("garage", "sftp", "ftp", "hdfs", "reference")
def test_of_many_create_only_uploads_exactly_one_succeeds(server, folder):
    for attempt in range(5):
        path = f"{folder}/a{attempt}.bin"
        bodies = [pattern(50_000, seed=seed) for seed in range(12)]
        statuses = together(
            *[lambda data=data, path=path: server.put(path, data, {"If-None-Match": "*"}).status for data in bodies]
        )
        assert sorted(statuses) == [200] + [412] * 11
        assert server.fetch(path).body == bodies[statuses.index(200)]
    assert server.pending() == []


@pytest.mark.parametrize("header", DIGESTS)
@pytest.mark.parametrize("data", [b"", b"hello", pattern(1_000_003)], ids=["empty", "small", "large"])
def test_an_upload_that_matches_its_digest_is_kept(server, folder, header, data):
    assert server.put(f"{folder}/a.bin", data, {header: DIGESTS[header](data)}).status == 200
    chunked = server.put(f"{folder}/b.bin", [data] if data else [], {header: DIGESTS[header](data)}, chunked=True)
    assert chunked.status == 200
    assert server.stored(folder) == {"a.bin": data, "b.bin": data}


@pytest.mark.parametrize("header", DIGESTS)
def test_an_upload_that_differs_from_its_digest_is_a_400_and_leaves_the_old_content(server, folder, header):
    server.put(f"{folder}/a.bin", b"old")
    for path in ("a.bin", "b.bin"):
        server.put(f"{folder}/{path}", b"hello", {header: DIGESTS[header](b"hellO")}).assert_error(400)
    assert server.stored(folder) == {"a.bin": b"old"}
    assert server.pending() == []


# The folder there that is the destination counts among them.
@pytest.mark.not_on("peer")
def test_a_path_of_128_names_is_stored_and_one_more_is_a_400(server, folder):
    deepest = "/".join([folder, *["d"] * 126, "f"])
    assert server.put(deepest, b"x").status == 200
    assert server.fetch(deepest).body == b"x"
    server.put(f"{deepest[:-1]}d/f", b"x").assert_error(400, "INVALID_PARAMETER_VALUE")
    assert server.names(folder, recursive="true") == [deepest.removeprefix(f"{folder}/")]
    assert server.delete(folder).status == 200


def test_a_path_that_no_store_holds_is_a_400(server, folder):
    server.put(f"{folder}/" + "/".join(["p" * 200] * 25), b"x").assert_error(400, "INVALID_PARAMETER_VALUE")
    assert server.stored(folder) == {}
