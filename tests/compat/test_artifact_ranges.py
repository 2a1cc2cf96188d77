"""Ranges of a download from a local folder, compared with the answers of the reference."""

from __future__ import annotations

import pytest

from harness import ARTIFACTS
from ranges import DATA, HUNDRED, MANY, REFUSED, SATISFIABLE, SEVERAL, comparable


@pytest.fixture(scope="module")
def path(server):
    assert server.put("ranges/data.bin", DATA).status == 200
    return "ranges/data.bin"


@pytest.fixture(scope="module")
def reference_path(reference):
    assert reference.request("PUT", f"{ARTIFACTS}/ranges/data.bin", DATA).status == 200
    assert reference.request("PUT", f"{ARTIFACTS}/ranges/empty", b"").status == 200
    return f"{ARTIFACTS}/ranges/data.bin"


@pytest.mark.xdist_group("reference")
@pytest.mark.parametrize("value", [*SATISFIABLE, *SEVERAL, HUNDRED], ids=lambda value: value[:40])
def test_a_range_is_answered_as_by_the_reference(server, reference, path, reference_path, value):
    ours = server.fetch(path, {"Range": value})
    theirs = reference.request("GET", reference_path, headers={"Range": value})
    assert comparable(ours) == comparable(theirs)


@pytest.mark.xdist_group("reference")
def test_of_more_ranges_than_anybody_needs_the_reference_makes_a_whole_file(server, reference, path, reference_path):
    assert reference.request("GET", reference_path, headers={"Range": MANY}).body == DATA
    ours = server.fetch(path, {"Range": MANY})
    ours.assert_error(416, "INVALID_PARAMETER_VALUE")
    assert "more than 100 ranges" in ours.message
    assert ours.headers["content-range"] == f"bytes */{len(DATA)}"


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


# If-Range


# Conditions
