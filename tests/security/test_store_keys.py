"""What reaches an object store.

No request at all for a name that is refused, and for every other one a key below the operator's prefix, however it is
spelled.
"""

from __future__ import annotations

import urllib.parse

import pytest

from attack_surface import OF_PARTS, WAYS, Way, request
from harness import Answer, Server
from listener import Listener
from spellings import Spelling, harmless, plain, refused
from targets import Wire
from test_file_names import is_refusal

OF_ROOT = [way for way in WAYS if way.base == "root" and not way.takes_last_name]
PREFIX = "/base/bucket/pre fix/"
MPU = "/api/2.0/mlflow-artifacts/mpu"
GOOD = [
    "path",
    "path/",
    "path/to/file",
    "a b",
    "a+b",
    "100%",
    "a%20b",
    "ünï/日本",
    "a&b=c",
    "a?b",
    "[x]*{y}~'q'",
    "..a",
    "a..",
]


@pytest.fixture(scope="module")
def watched():
    """A server whose store has nothing, and is watched."""
    options = ["--artifacts-destination", "s3://bucket/pre fix", "--no-destination-check", "--presigned-urls", "on"]
    with Listener() as store, Server(*options, environment=store.as_s3()) as server:
        yield server, store


def send(wire: Wire, way: Way, spelling: Spelling) -> Answer:
    target, body, headers = request(way, "/api", spelling, {})
    return wire.send(way.method, target, body, headers)


@pytest.mark.parametrize("way", OF_ROOT, ids=str)
def test_a_refused_name_never_reaches_the_store(watched, way):
    server, store = watched
    store.heard.clear()
    wire, failures = Wire(server.port), []
    for spelling in refused(["../canary.txt", "../pre fix-sibling/canary.txt"], "/bucket/canary.txt"):
        answer = send(wire, way, spelling)
        if not is_refusal(way, answer):
            failures.append(f"{spelling} → {answer.status}")
    assert failures == []
    assert store.targets() == []


def keys(store: Listener) -> list[str]:
    """What was asked for: the decoded keys of objects, and the prefixes of listings."""
    found = []
    for target in store.targets():
        path, _, query = target.partition("?")
        fields = urllib.parse.parse_qs(query)
        path = urllib.parse.unquote(path)
        listed = fields.get("prefix")
        found.append(f"{path.rstrip('/')}/{listed[0]}" if listed else path)
    return found


@pytest.mark.parametrize("way", OF_ROOT, ids=str)
def test_every_other_name_is_a_key_below_the_prefix(watched, way):
    server, store = watched
    store.heard.clear()
    wire = Wire(server.port)
    good = [Spelling(text, "plain", plain(text), '""') for text in GOOD]
    for spelling in [*good, *harmless("../../canary.txt")]:
        assert send(wire, way, spelling).status != 500
    asked = keys(store)
    # Of the whole bucket, a store is asked to begin an upload or to delete several: these have no key here.
    assert asked
    assert [key for key in asked if not key.startswith(PREFIX) and key != "/base/bucket"] == []
    assert [key for key in asked if {"..", "."} & set(key.split("/"))] == []
    assert [target for target in store.targets() if "/../" in target or "/./" in target] == []


@pytest.mark.parametrize(
    "upload_id",
    ["..", "../../x", "a&partNumber=1", "a?x=y", "a#b", "a=b&uploads", "x\r\nX-Injected: 1", "%2e%2e", "ü", "+ +"],
    ids=ascii,
)
def test_the_id_of_an_upload_is_one_field_of_one_request(watched, upload_id):
    server, store = watched
    for step in ("complete", "abort"):
        store.heard.clear()
        part = {"part_number": 1, "etag": '"</ETag><x>&"'}
        message = OF_PARTS | {"path": "a.bin", "upload_id": upload_id, "parts": [part]}
        server.post(f"{MPU}/{step}/d", message).assert_error(404)
        for target in store.targets():
            path, _, query = target.partition("?")
            assert urllib.parse.unquote(path) == f"{PREFIX}d/a.bin"
            assert urllib.parse.parse_qs(query) == {"uploadId": [upload_id]}
        lines = [line for head in store.heard for line in head.lower().split(b"\r\n")]
        assert [line for line in lines if line.startswith(b"x-injected")] == []
        assert all(b"<x>" not in head for head in store.heard)
        assert store.heard
