"""Downloads from every kind of destination."""

from __future__ import annotations

import pytest

from downloads import CONTENT_TYPES, DISPOSITIONS
from harness import ARTIFACTS, pattern, quoted


def test_a_download_carries_the_headers_of_a_whole_file(server, folder):
    server.put(f"{folder}/a.txt", b"hello")
    answer = server.fetch(f"{folder}/a.txt")
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["content-length"] == "5"
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-disposition"] == "attachment; filename=a.txt"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["last-modified"].endswith(" GMT")
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["etag"].endswith('"')


def test_head_says_what_get_says_without_the_body(server, folder):
    for name, data in (("a.txt", b"hello"), ("empty", b""), ("big.bin", pattern(1_000_000))):
        server.put(f"{folder}/{name}", data)
        got, asked = server.fetch(f"{folder}/{name}"), server.head(f"{folder}/{name}")
        assert (asked.status, asked.body) == (200, b"")
        changing = {"date", "x-request-id"}
        assert {k.lower(): v for k, v in asked.headers.items() if k.lower() not in changing} == {
            k.lower(): v for k, v in got.headers.items() if k.lower() not in changing
        }


# There a file has its size and the second (in HDFS, millisecond) of its last change, and nothing else to tell it by.
@pytest.mark.not_on("sftp", "ftp", "hdfs")
def test_the_etag_changes_with_the_content_even_at_the_same_size_in_the_same_instant(server, folder):
    etags = set()
    for number in range(60):
        server.put(f"{folder}/a.bin", f"{number:04}")
        etags.add(server.head(f"{folder}/a.bin").headers["etag"])
    assert len(etags) == 60


def test_the_etag_stays_while_the_file_stays(server, folder):
    server.put(f"{folder}/a.bin", b"x")
    assert len({server.fetch(f"{folder}/a.bin").headers["etag"] for _ in range(5)}) == 1


def test_the_media_type_follows_from_the_name(server, folder):
    seen = {}
    for name in CONTENT_TYPES:
        assert server.put(f"{folder}/{quoted(name)}", b"x", {"Content-Type": "image/x-other"}).status == 200
        seen[name] = server.fetch(f"{folder}/{quoted(name)}").headers["content-type"]
    assert seen == CONTENT_TYPES


def test_the_download_name_is_the_base_name_quoted_where_needed(server, folder):
    seen = {}
    for name in DISPOSITIONS:
        server.put(f"{folder}/{quoted(name)}", b"x")
        seen[name] = server.fetch(f"{folder}/{quoted(name)}").headers["content-disposition"]
    assert seen == DISPOSITIONS


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["none.txt", "none/none.txt", "a.txt/below"])
def test_a_missing_file_is_a_404_that_names_it(server, folder, method, path):
    server.put(f"{folder}/a.txt", b"x")
    answer = server.request(method, f"{ARTIFACTS}/{folder}/{path}")
    assert answer.status == 404
    if method == "GET":
        answer.assert_error(404, "RESOURCE_DOES_NOT_EXIST", f"No such artifact: '{folder}/{path}'")


def test_a_folder_cannot_be_downloaded(server, folder):
    server.put(f"{folder}/d1/a.txt", b"x")
    text = f"Artifact path refers to a directory, not a file: '{folder}/d1'"
    server.fetch(f"{folder}/d1").assert_error(400, "INVALID_PARAMETER_VALUE", text)
    assert server.head(f"{folder}/d1").status == 400
    assert server.fetch(f"{folder}/d1/").status == 400


def test_the_root_cannot_be_downloaded(server):
    answer = server.fetch("").assert_error(400)
    assert answer.message == "Artifact path refers to a directory, not a file: ''"


def test_an_empty_file_downloads_as_nothing(server, folder):
    server.put(f"{folder}/empty", b"")
    answer = server.fetch(f"{folder}/empty")
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "0")


@pytest.mark.parametrize("inner", ["d1//a.txt", "d1/./a.txt", "./d1/a.txt", ".//d1/././/a.txt"])
def test_a_download_path_is_normalised(server, folder, inner):
    server.put(f"{folder}/d1/a.txt", b"x")
    assert server.fetch(f"{folder}/{inner}").body == b"x"
    assert server.head(f"{folder}/{inner}").status == 200


def test_a_large_file_comes_back_bit_for_bit(server, folder):
    data = pattern(40_000_003)
    assert server.put(f"{folder}/big.bin", data).status == 200
    assert server.fetch(f"{folder}/big.bin").body == data


def test_one_connection_serves_many_requests(server, folder):
    with server.raw() as connection:
        for number in range(20):
            connection.head("PUT", f"{ARTIFACTS}/{folder}/{number}", Content_Length=3).send(b"abc")
            assert connection.answer("PUT").status == 200
            connection.head("GET", f"{ARTIFACTS}/{folder}/{number}")
            assert connection.answer().body == b"abc"
            connection.head("GET", f"{ARTIFACTS}/{folder}/none")
            assert connection.answer().status == 404
