"""Listings and deletes on every kind of destination."""

from __future__ import annotations

import pytest

from harness import ARTIFACTS, quoted, together


def test_a_listing_holds_base_names_in_order_and_sizes_of_files_that_are_not_empty(server, folder):
    server.put(f"{folder}/sub/b.txt", b"x")
    for name, data in (("a.txt", b"12345"), ("empty", b""), ("Z", b"1"), ("a-1", b"22"), ("ü", b"333")):
        server.put(f"{folder}/{quoted(name)}", data)
    answer = server.listing(folder)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {
        "files": [
            {"path": "Z", "is_dir": False, "file_size": 1},
            {"path": "a-1", "is_dir": False, "file_size": 2},
            {"path": "a.txt", "is_dir": False, "file_size": 5},
            {"path": "empty", "is_dir": False},
            {"path": "sub", "is_dir": True},
            {"path": "ü", "is_dir": False, "file_size": 3},
        ]
    }
    assert server.listing(f"{folder}/sub").json() == {"files": [{"path": "b.txt", "is_dir": False, "file_size": 1}]}


def test_an_absent_or_empty_path_lists_the_root(own_server):
    server = own_server()
    server.put("a.txt", b"x")
    server.put("d/b.txt", b"x")
    for target in (ARTIFACTS, f"{ARTIFACTS}?path=", f"{ARTIFACTS}?other=1", f"{ARTIFACTS}?path=."):
        assert [entry["path"] for entry in server.get(target).json()["files"]] == ["a.txt", "d"], target


def test_a_listed_path_is_normalised(server, folder):
    server.put(f"{folder}/d/a.txt", b"x")
    for form in ("{}/d", "{}/d/", "{}/d//", "./{}/d", "{}/d/.", "{}/./d", "{}//d", "{}/././/d/./"):
        assert server.names(form.format(folder)) == ["a.txt"], form


def test_nothing_is_an_empty_object(server, own_server, folder):
    server.put(f"{folder}/a.txt", b"x")
    for path in (f"{folder}/none", f"{folder}/none/none", f"{folder}/a.txt", f"{folder}/a.txt/x"):
        answer = server.listing(path)
        assert (answer.status, answer.json()) == (200, {}), path
    fresh = own_server()
    for answer in (fresh.listing(), fresh.listing("")):
        assert (answer.status, answer.json()) == (200, {})


def test_a_recursive_listing_holds_every_file_and_no_folder(server, folder):
    files = {"a.txt": b"1", "d/b.txt": b"22", "d/e/c.txt": b"", "d.txt": b"333", "z/z": b"4"}
    for name, data in files.items():
        server.put(f"{folder}/{name}", data)
    answer = server.listing(folder, recursive="true").json()["files"]
    assert {entry["path"]: entry.get("file_size", 0) for entry in answer} == {k: len(v) for k, v in files.items()}
    assert not any(entry["is_dir"] for entry in answer)
    assert server.names(f"{folder}/d", recursive="true") == ["b.txt", "e/c.txt"]
    pages = server.pages(folder, recursive="true", max_results="2")
    assert [name for page in pages for name in page] == [entry["path"] for entry in answer]


def test_a_listing_is_longer_than_a_page_of_the_store(server, folder):
    names = [f"f{number:04}" for number in range(1100)]
    waiting = iter(names)

    def upload() -> None:
        with server.raw() as connection:
            for name in waiting:
                connection.head("PUT", f"{ARTIFACTS}/{folder}/{name}", Content_Length=1).send(b"x")
                assert connection.answer("PUT").status == 200

    together(*[upload] * 4)
    assert server.names(folder) == names
    assert server.names(folder, recursive="true") == names
    assert server.names(max_results="5000", path=folder) == names
    assert server.delete(folder).status == 200
    assert server.stored(folder) == {}


def test_max_results_cuts_a_listing_into_pages_that_join_without_gap(server, folder):
    names = [*sorted(f"f{number:02}" for number in range(23)), "z"]
    for name in names[:-1]:
        server.put(f"{folder}/{name}", b"x")
    server.put(f"{folder}/z/below", b"x")
    for size in (1, 2, 7, 23, 24, 25, 1000):
        pages = server.pages(folder, max_results=str(size))
        assert [name for page in pages for name in page] == names
        assert all(len(page) == size for page in pages[:-1])
    assert "next_page_token" not in server.listing(folder).json()
    assert len(server.names(folder)) == 24


def test_a_delete_answers_200_with_an_empty_object_whatever_was_there(server, folder):
    for path in ("a.txt", "d/b.txt", "d/e/c.txt", "kept.txt", "s/x"):
        server.put(f"{folder}/{path}", b"x")
    for path in ("a.txt", "a.txt", "d", "d", "none", "none/none", "s/", "kept.txt/below"):
        answer = server.delete(f"{folder}/{path}")
        assert (answer.status, answer.json(), answer.headers["content-type"]) == (200, {}, "application/json"), path
    assert server.stored(folder) == {"kept.txt": b"x"}


@pytest.mark.not_on("reference")
@pytest.mark.parametrize("mark", ["%3F", ";", "%20", "%23"])
def test_a_delete_of_a_longer_name_leaves_the_shorter_one(server, folder, mark):
    server.put(f"{folder}/name", b"short")
    server.put(f"{folder}/name{mark}", b"long")
    server.delete(f"{folder}/name{mark}")
    assert server.names(folder) == ["name"]


def test_the_way_mlflow_gc_deletes_a_run(server, folder):
    server.put(f"{folder}/artifacts/d/a.txt", b"x")
    answer = server.request("DELETE", f"{ARTIFACTS}/{folder}/artifacts/", headers={"Content-Length": "0"})
    assert (answer.status, answer.json()) == (200, {})
    assert server.stored(folder) == {}


def test_a_delete_leaves_names_that_begin_alike(server, folder):
    for name in ("run", "run.txt", "run-2/a", "runs/a", "ru"):
        server.put(f"{folder}/{name}", b"x")
    server.delete(f"{folder}/run")
    assert list(server.stored(folder)) == ["ru", "run-2/a", "run.txt", "runs/a"]


@pytest.mark.parametrize("spelling", ["", ".", "./", "%20", "%00", "/", "%2f", "/.", "..", "x/.."])
def test_no_spelling_of_the_root_deletes_anything(server, folder, spelling):
    server.put(f"{folder}/a.txt", b"x")
    server.delete(spelling).assert_error(400)
    assert server.stored(folder) == {"a.txt": b"x"}


def test_what_lies_beside_the_destination_is_out_of_reach(own_server, destination):
    """Another destination's name that begins with this one's, as a key of the same bucket would."""
    place = destination.place()
    server = own_server(place=place)
    server.put("a.txt", b"x")
    beside = place.beside("-other")
    beside.write("secret.txt", b"secret")
    assert server.names(recursive="true") == ["a.txt"]
    for path in ("..", "../secret.txt", "-other", "-other/secret.txt"):
        assert b"secret" not in server.fetch(path).body.replace(b"secret.txt", b"")
        server.delete(path)
    assert beside.read("secret.txt") == b"secret"
