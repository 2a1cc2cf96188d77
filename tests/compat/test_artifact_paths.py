"""The path table: which names are refused, and that every other name is kept exactly as it was sent.

Names in the tables are what remains after the one percent-decoding that HTTP asks for; `sent` encodes them again.
"""

from __future__ import annotations

import urllib.parse

import pytest

from harness import AJAX_ARTIFACTS, ARTIFACTS, entries

INVALID = "Invalid path"


def sent(name: str) -> str:
    """The name as a careful client writes it in a request target: one encoding, slashes and dots kept."""
    return urllib.parse.quote(name, safe="/")


def nested(text: str, layers: int) -> str:
    """Percent-encodes every byte, then the percent signs again, `layers` times in all."""
    encoded = "".join(f"%{byte:02X}" for byte in text.encode())
    for _ in range(layers - 1):
        encoded = encoded.replace("%", "%25")
    return encoded


UPWARDS = [
    "..",
    "../a",
    "a/..",
    "a/../b",
    "%2e%2e/a",
    "..%2fa",
    "%252e%252e%252fx",
    "a/%2e%2e",
    "a%2f..%2fb",
    "a/../..",
]
ABSOLUTE = ["/a", "//a", "%2fa", "/", "%252fa", "/etc/passwd"]
WINDOWS = ["C:/x", "C:\\x", "c:/x", "\\\\host\\x", "C%3A/x", "C:%5Cx", "%5C%5Chost%5Cx", "\\\\host\\share\\x"]
FILE_URIS = ["file:a", "file:/a", "file:///a", "FILE:a", "file%3Aa"]
HASHES = ["a#b", "a#", "#a", "#", "a%23b", "a%2523b", "a%23", "d#/x"]
CONTROLS = [f"a{chr(code)}b" for code in [*range(32), 127]]
STRIPPED_BY_THE_REFERENCE = ["\ta", "\x17x", "\x00", "\n", "\r", "a\x00", "\x7f"]

REFUSED = [*UPWARDS, *ABSOLUTE, "//", *WINDOWS, *FILE_URIS, *HASHES, *CONTROLS, *STRIPPED_BY_THE_REFERENCE, " ", "   "]


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_refused_path_is_refused_everywhere_and_changes_nothing(server, folder, name):
    server.put(f"{folder}/a.txt", b"x")
    path = sent(name)
    before = entries(server.root)
    for prefix in (ARTIFACTS, AJAX_ARTIFACTS):
        for method in ("PUT", "GET", "DELETE"):
            answer = server.request(method, f"{prefix}/{path}", b"x" if method == "PUT" else None)
            answer.assert_error(400, "INVALID_PARAMETER_VALUE")
        assert server.request("HEAD", f"{prefix}/{path}").status == 400
    if name.strip():
        server.listing(name).assert_error(400, "INVALID_PARAMETER_VALUE")
        server.listing(name, recursive="true").assert_error(400, "INVALID_PARAMETER_VALUE")
    message = {"path": "f", "num_parts": 1}
    server.post(f"/api/2.0/mlflow-artifacts/mpu/create/{path}", message).assert_error(400)
    server.get(f"/api/2.0/mlflow-artifacts/presigned/{path}").assert_error(400)
    assert entries(server.root) == before


@pytest.mark.parametrize("name", [*UPWARDS, *ABSOLUTE, *WINDOWS, *FILE_URIS, "a#b", "a%23b"], ids=ascii)
def test_what_the_reference_refuses_is_refused_in_its_words(server, name):
    path = sent(name)
    if not name.endswith("/"):
        server.put(path, b"x").assert_error(400, "INVALID_PARAMETER_VALUE", INVALID)
    server.fetch(path).assert_error(400, "INVALID_PARAMETER_VALUE", INVALID)


@pytest.mark.parametrize(
    "path", ["../a", "a/../b", "..%2fa", "%2e%2e/a", "%2E%2E%2fa", "%252e%252e/a", "..", "a/..", "../../mlflow.db"]
)
def test_dot_segments_on_the_wire_are_not_resolved_but_refused(server, path):
    for method in ("PUT", "GET", "DELETE"):
        server.request(method, f"{ARTIFACTS}/{path}", b"x").assert_error(400, "INVALID_PARAMETER_VALUE", INVALID)
    assert server.database.exists()


@pytest.mark.parametrize("layers", [2, 3, 5, 9, 10])
@pytest.mark.parametrize("name", ["..", "../x", "/x", "a#b", "C:/x"])
def test_a_danger_under_up_to_ten_encodings_is_seen(server, layers, name):
    path = nested(name, layers)
    for answer in (server.put(f"{path}", b"x"), server.fetch(path), server.delete(path)):
        answer.assert_error(400, "INVALID_PARAMETER_VALUE", INVALID)


@pytest.mark.parametrize("layers", [12, 13, 20, 40])
@pytest.mark.parametrize("name", ["..", "a b", "plain"])
def test_more_than_ten_encodings_are_a_400_whatever_is_below(server, folder, layers, name):
    path = f"{folder}-{nested(name, layers)}"
    for answer in (server.put(path, b"x"), server.fetch(path), server.delete(path)):
        answer.assert_error(400, "INVALID_PARAMETER_VALUE")


def test_a_target_with_thousands_of_encodings_is_answered_soon(server):
    path = "%25" * 2000 + "2e%2e"
    assert server.fetch(path).status in {400, 404, 414, 431}
    assert server.get("/health").status == 200


def test_a_plus_sign_is_never_a_blank_in_a_path(server, folder):
    server.put(f"{folder}/a+b", b"plus")
    server.put(f"{folder}/a%20b", b"blank")
    assert server.names(folder) == ["a b", "a+b"]
    assert server.fetch(f"{folder}/a%2Bb").body == b"plus"


def test_a_plus_sign_in_the_query_of_a_listing_is_a_blank(server, folder):
    server.put(f"{folder}/a%20b/x", b"")
    server.put(f"{folder}/a+b/y", b"")
    assert [entry["path"] for entry in server.get(f"{ARTIFACTS}?path={folder}%2Fa+b").json()["files"]] == ["x"]
    assert [entry["path"] for entry in server.get(f"{ARTIFACTS}?path={folder}%2Fa%2Bb").json()["files"]] == ["y"]


DOUBTFUL = ["%ff", "%C3", "a%zz", "a%", "%2500", "a%2500b", "a%250ab", "%2520", "http:/x", "http://x", "http://[x"]


@pytest.mark.parametrize("path", [*DOUBTFUL, "%C2%85", "%E2%80%AE", "x:%2F%2Fy", "%EF%BB%BFa", "file:"])
def test_an_odd_name_is_either_refused_or_listed_as_it_was_sent(server, folder, path):
    answer = server.put(f"{folder}/{path}", b"content")
    if answer.status == 400:
        answer.assert_error(400, "INVALID_PARAMETER_VALUE")
        assert not (server.artifacts / folder).exists() or entries(server.artifacts / folder) == []
        return
    assert answer.status == 200
    [listed] = server.names(folder, recursive="true")
    decoded = urllib.parse.unquote(path, errors="strict")
    assert listed in {decoded, decoded.replace("//", "/")}
    assert server.fetch(f"{folder}/{path}").body == b"content"


# Dots and slashes within a path


def unresolved(path: str, resolved: str) -> str:
    return (
        f"Invalid artifact path: '{path}'. Names may be treated as files in certain cases, and must not resolve to "
        f"other names when treated as such. This name would resolve to '{resolved}'"
    )


@pytest.mark.parametrize(
    ("path", "shown", "resolved"),
    [
        ("./x", ".", "."),
        ("a/./x", "a/.", "a"),
        ("a//b/x", "a//b", "a/b"),
        ("./a/x", "./a", "a"),
    ],
)
def test_an_upload_to_a_folder_that_is_not_in_its_plain_form_is_refused(server, path, shown, resolved):
    answer = server.put(path, b"x").assert_error(400, "INVALID_PARAMETER_VALUE")
    assert answer.message == unresolved(shown, resolved)
    assert not (server.artifacts / "x").exists()
    assert not (server.artifacts / "a").exists()


@pytest.mark.parametrize("path", ["p/.", ".", "p/", "p//", ""])
def test_an_upload_without_a_name_is_refused_and_makes_no_folder(server, folder, path):
    server.put(f"{folder}/{path}", b"x").assert_error(400, "INVALID_PARAMETER_VALUE")
    assert not (server.artifacts / folder).exists()


@pytest.mark.parametrize("path", ["", "/", ".", "%20"])
def test_an_upload_to_the_root_itself_is_refused(server, path):
    server.put(path, b"x").assert_error(400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("slash", ["/", "//", "%2f"])
def test_a_leading_slash_is_refused_on_read_and_list(server, folder, slash):
    server.put(f"{folder}/a.txt", b"x")
    server.fetch(f"{slash}{folder}/a.txt").assert_error(400, "INVALID_PARAMETER_VALUE", INVALID)
    server.listing(f"{urllib.parse.unquote(slash)}{folder}").assert_error(400, "INVALID_PARAMETER_VALUE", INVALID)


# The same through the routes that name a path in their query


@pytest.fixture
def run_id(server):
    return server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]


@pytest.mark.parametrize("name", ["..", "../a", "a/../b", "/a", "a#b", "%2e%2e/a", "C:/x", "file:a", "a\nb"], ids=ascii)
def test_a_refused_path_is_refused_for_a_run_too(server, run_id, name):
    query = f"run_id={run_id}&path={urllib.parse.quote(name, safe='')}"
    server.get(f"/api/2.0/mlflow/artifacts/list?{query}").assert_error(400, "INVALID_PARAMETER_VALUE")
    server.get(f"/get-artifact?{query}").assert_error(400, "INVALID_PARAMETER_VALUE")
    upload = f"run_uuid={run_id}&path={urllib.parse.quote(name, safe='')}"
    before = entries(server.root)
    server.request("POST", f"/ajax-api/2.0/mlflow/upload-artifact?{upload}", b"x").assert_error(400)
    assert entries(server.root) == before
