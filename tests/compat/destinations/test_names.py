"""Names are kept by every kind of destination."""

from __future__ import annotations

import urllib.parse

import pytest

from harness import quoted

PLAIN = ["...", "..a", "a..", ".hidden", "~", "-x", "a b", "a+b", "a@b", "a*b", "a|b", "[x]", "a:b", "c:x", "a...b"]
BACKSLASHES = ["a\\b", "..\\a", "a\\..\\b", "\\x"]
MANGLED_BY_THE_REFERENCE = [
    " a",
    "  a b ",
    "a ",
    "a?",
    "a;",
    "?",
    ";",
    "a?b",
    "a;b",
    "a?b=c&d",
    "a;v=1",
    "Ab:c",
    "HTTP:x",
    "http:",
    "100%",
    "100%25",
    "x%2525y",
    "x%41y",
    "%41",
    "a%20b",
    "a%2Bb",
    "a%C3%BCb",
    "%",
    "%zz",
    "%4",
]
OTHER = ["ünï-日本-😀.txt", "e\u0301", "a'b", 'a"b', "a`b", "a<b>c", "a{b}c", "a^b", "a&b", "a=b", "a,b", "a!b", "a$b"]
NAMES = [*PLAIN, *BACKSLASHES, *MANGLED_BY_THE_REFERENCE, *OTHER]
# Behind a reference nothing can keep the ones, and Azure takes a backslash for a slash.
NOT_KEPT = {"reference": MANGLED_BY_THE_REFERENCE, "azurite": BACKSLASHES}


@pytest.fixture
def kept(destination) -> list[str]:
    """The names that a destination can keep, in the order of a listing."""
    return sorted(set(NAMES).difference(NOT_KEPT.get(destination.name, [])))


def test_names_are_stored_listed_read_and_deleted_as_they_were_quoted(server, folder, kept):
    contents = {f"{place}{name}": f"{place}{name}".encode() for place in ("", "d/") for name in kept}
    for path, content in contents.items():
        assert server.put(f"{folder}/{quoted(path)}", content).status == 200, path
    for path, content in contents.items():
        assert server.fetch(f"{folder}/{quoted(path)}").body == content, path
        assert server.head(f"{folder}/{quoted(path)}").headers["content-length"] == str(len(content)), path
    assert server.names(folder) == sorted([*kept, "d"])
    assert server.names(f"{folder}/d") == kept
    assert server.names(folder, recursive="true") == sorted(contents)
    assert server.stored(folder) == contents
    for index, name in enumerate(kept):
        assert server.delete(f"{folder}/{quoted(name)}").json() == {}, name
        assert server.names(folder) == sorted([*kept[index + 1 :], "d"]), name
    assert server.names(f"{folder}/d") == kept


def test_folders_keep_their_names_too(server, folder, kept):
    for name in kept:
        assert server.put(f"{folder}/{quoted(name)}/a.txt", name.encode()).status == 200, name
    assert server.names(folder) == kept
    for name in kept:
        assert server.names(f"{folder}/{name}") == ["a.txt"], name
        assert server.fetch(f"{folder}/{quoted(name)}/a.txt").body == name.encode(), name
    for index, name in enumerate(kept):
        assert server.delete(f"{folder}/{quoted(name)}").status == 200, name
        assert server.names(folder) == kept[index + 1 :], name
    assert server.stored(folder) == {}


@pytest.mark.not_on("reference")
@pytest.mark.parametrize("name", ["Ab:c", " a", "?", ";", "%41", "a:b", "c:x", "...", "~"], ids=ascii)
def test_a_name_at_the_top_level_is_kept_as_well(own_server, name):
    server = own_server()
    assert server.put(quoted(name), b"x").status == 200
    assert server.names() == [name]
    assert server.fetch(quoted(name)).body == b"x"
    assert server.stored() == {name: b"x"}
    assert server.delete(quoted(name)).status == 200
    assert server.names() == []


def test_slashes_before_the_name_count_as_one(server, folder):
    assert server.put(f"{folder}//x", b"1").status == 200
    assert server.put(f"{folder}/d///y", b"2").status == 200
    assert server.names(folder, recursive="true") == ["d/y", "x"]


def test_an_encoded_slash_separates_folders_like_a_plain_one(server, folder):
    assert server.put(f"{folder}%2Fd%2Fa.txt", b"x").status == 200
    assert list(server.stored(folder)) == ["d/a.txt"]
    assert server.fetch(f"{folder}/d/a.txt").body == b"x"


@pytest.fixture
def run_id(server):
    return server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]


@pytest.mark.not_on("reference")
@pytest.mark.parametrize("name", ["a b+c.txt", "Ab:c", "a?b;c", "x%41y", "ü.txt"], ids=ascii)
def test_a_kept_name_is_kept_for_a_run_too(server, run_id, name):
    query = f"path={urllib.parse.quote(name, safe='')}"
    upload = server.request("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&{query}", b"x")
    assert upload.status == 200
    listed = server.get(f"/api/2.0/mlflow/artifacts/list?run_id={run_id}").json()["files"]
    assert [entry["path"] for entry in listed] == [name]
    assert server.get(f"/get-artifact?run_id={run_id}&{query}").body == b"x"
    assert server.fetch(f"0/{run_id}/artifacts/{quoted(name)}").body == b"x"
