"""What a page in somebody's browser could try, on every line of the route table.

DNS rebinding, cross-site requests, scripts in answers and in artifacts, headers that a name writes, and requests within
requests. `compat/test_doors.py` has the rules themselves: which hosts and origins are allowed, and how they are set.
"""

from __future__ import annotations

import email.policy
import json
from email.parser import BytesHeaderParser
from urllib.parse import quote

import pytest

from harness import ARTIFACTS, Server
from server_routes import CHANGES, PROBES, table

EVIL = "http://evil.example"
SCRIPT = "<script>alert(1)</script>"
ENCODED_SCRIPT = "%3Cscript%3Ealert(1)%3C%2Fscript%3E"
SCRIPTS_IN_QUERY = "?" + "&".join(f"{name}={ENCODED_SCRIPT}" for name in ("path", "run_id", "name", "max_results"))
# What a browser shows as text, or not at all.
INERT = {"application/json", "text/plain", "application/openmetrics-text", ""}
JSON = {"Content-Type": "application/json"}
# Kinds of bodies that a page of another site may send without asking first, and none.
SIMPLE = [
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain; application/json",
    "application/jsonp",
    "",
    None,
]
# Take any body, or none: what they answer changes nothing.
WITHOUT_BODY = {"/ajax-api/2.0/mlflow/gateway-proxy", "/ajax-api/3.0/mlflow/ui-telemetry"}
# Takes a file as it is. A page of another site is told by its origin.
TAKES_FILES = {"/ajax-api/2.0/mlflow/upload-artifact"}


def is_json_error(answer, *statuses: int) -> bool:
    return answer.status in statuses and answer.headers["content-type"] == "application/json"


def test_a_page_under_another_name_reaches_no_route_but_the_probes(server):
    failures = []
    for line in table():
        answer = server.request(line.method, line.target(), b"{}", JSON | {"Host": "evil.example:5000"})
        if not is_json_error(answer, 403) and line.path not in PROBES:
            failures.append(f"{line} → {answer.status}")
    assert failures == []


@pytest.mark.parametrize(
    "target",
    ["http://evil.example/api/3.0/mlflow/server-info", "http://evil.example:5000/api/3.0/mlflow/server-info"],
)
def test_a_target_that_names_another_host_is_refused_whatever_the_header_says(server, target):
    assert server.request("GET", target, headers={"Host": "localhost"}).status == 403


def test_a_probe_under_another_name_tells_nothing_but_how_the_server_is(server):
    for path in PROBES:
        answer = server.get(path, {"Host": "evil.example"})
        assert answer.status == 200
        assert "access-control-allow-origin" not in server.get(path, {"Origin": EVIL}).headers
        assert str(server.root).encode() not in answer.body


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": f"{EVIL}, http://localhost"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://127.0.0.1:5000@evil.example"},
        {"Origin": "file://"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Referer": "http://localhost/"},
    ],
    ids=str,
)
def test_a_page_of_another_site_changes_nothing_on_any_route(server, headers):
    failures = []
    for line in table():
        if line.method in CHANGES and line.path not in PROBES:
            answer = server.request(line.method, line.target(), b"{}", JSON | headers)
            if not is_json_error(answer, 403):
                failures.append(f"{line} → {answer.status} {answer.body[:100]!r}")
    assert failures == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:5000"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:3000"},
    ],
    ids=str,
)
def test_the_server_s_own_page_and_those_that_are_allowed_do(server, folder, headers):
    assert server.put(f"{folder}/a.txt", b"x", headers).status == 200


def test_who_allows_all_pages_allows_those_that_hide_their_origin(own_server):
    server = own_server("--cors-allowed-origins", "*")
    assert server.put("a.txt", b"x", {"Sec-Fetch-Site": "cross-site"}).status == 200


@pytest.mark.parametrize("kind", SIMPLE)
def test_no_route_takes_a_body_that_any_page_may_send(server, kind):
    """CVE-2023-43472: a form could change the server."""
    before = server.api("/experiments/search", {"max_results": 1000}).json()
    body = json.dumps({"name": f"made by a form {kind}", "experiment_id": "0"}).encode()
    failures = []
    for line in table():
        if line.method != "POST" or line.path in WITHOUT_BODY | TAKES_FILES:
            continue
        headers = {} if kind is None else {"Content-Type": kind}
        answer = server.request("POST", line.target(), body, headers | {"x-mlflow-experiment-id": "0"})
        if not is_json_error(answer, 400, 422, 501):
            failures.append(f"{line} → {answer.status} {answer.body[:100]!r}")
    assert failures == []
    assert server.api("/experiments/search", {"max_results": 1000}).json() == before


def test_no_answer_is_a_page_that_runs_what_it_was_sent(server):
    """CVE-2023-6568: an error repeated the Content-Type that it was sent, as HTML."""
    headers = {"Content-Type": f"text/html {SCRIPT}", "Accept": "text/html"}
    failures = []
    for line in table():
        for more in ("", SCRIPTS_IN_QUERY):
            target = line.target(ENCODED_SCRIPT) + more
            answer = server.request(line.method, target, SCRIPT.encode(), headers)
            kind = answer.headers.get("content-type", "")
            # The page, and what the reference says as one: the version.
            is_page = line.path in {"/", "/version"} and SCRIPT.encode() not in answer.body
            if kind.split(";")[0] not in INERT and not is_page:
                failures.append(f"{line}{more} → {answer.status} {kind}")
            if answer.headers.get_all("x-content-type-options") != ["nosniff"] or SCRIPT in str(answer.headers.items()):
                failures.append(f"{line}{more} → {answer.headers.items()}")
    assert failures == []
    for target in (f"/{ENCODED_SCRIPT}", f"/api/2.0/{ENCODED_SCRIPT}", f"/static-files/{ENCODED_SCRIPT}"):
        answer = server.get(target)
        assert answer.headers["content-type"] == "application/json"


# Artifacts

ACTIVE = {
    "page.html": SCRIPT,
    "page.htm": SCRIPT,
    "page.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml">{SCRIPT}</html>',
    "picture.svg": f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>',
    "data.xml": SCRIPT,
    "MLmodel": SCRIPT,
    "script.js": "alert(1)",
    "no-extension": SCRIPT,
    "text.txt": SCRIPT,
    "notebook.ipynb": SCRIPT,
    "flash.swf": "FWS000",
    "file.pdf": "%PDF-1.4",
}


def test_an_artifact_is_never_a_page_of_the_server(server, folder):
    """CVE-2026-33865: a script in an uploaded MLmodel ran as the server's own."""
    run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]
    base = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
    server.api("/registered-models/create", {"name": folder})
    message = {"name": folder, "source": f"runs:/{run['run_id']}/m", "run_id": run["run_id"]}
    assert server.api("/model-versions/create", message).status == 200
    for name, text in ACTIVE.items():
        server.put(f"{base}/m/{name}", text.encode(), {"Content-Type": "text/html"})
        for target in (
            f"{ARTIFACTS}/{base}/m/{name}",
            f"/ajax-api/2.0/mlflow-artifacts/artifacts/{base}/m/{name}",
            f"/get-artifact?run_id={run['run_id']}&path=m%2F{name}",
            f"/model-versions/get-artifact?name={folder}&version=1&path={name}",
            f"{ARTIFACTS}/{base}/m?archive=zip",
        ):
            for headers in ({}, {"Range": "bytes=0-3"}, {"Range": "bytes=0-1,3-4"}, {"Accept": "text/html"}):
                answer = server.get(target, headers)
                assert answer.status in {200, 206}, target
                assert answer.headers.get_all("x-content-type-options") == ["nosniff"]
                assert answer.headers["content-disposition"].startswith("attachment")
                assert answer.headers["x-frame-options"] == "SAMEORIGIN"


NAMES = [
    'a"; filename="evil.exe',
    "a;filename=evil.exe",
    "a\\",
    'a\\"',
    "a, b",
    "ü\u202egpj.exe",
    "\u2028x",
    "%0d%0aX-Injected: 1",
    "%E5%98%8D%E5%98%8AX-Injected: 1",
    "\u560d\u560aX-Injected: 1",
    "=?utf-8?Q?evil?=",
    "'; filename*=UTF-8''evil.exe",
    "a" * 255,
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_writes_one_header_and_nothing_else(server, folder, name):
    path = f"{folder}/{quote(name, safe='')}"
    assert server.put(path, b"x").status == 200
    for target in (path, f"{path}/below?archive=tar", f"{path}?archive=tar"):
        if "below" in target:
            server.delete(path)
            assert server.put(f"{path}/below/x", b"x").status == 200
        answer = server.fetch(target)
        assert "x-injected" not in answer.headers
        if answer.status != 200:
            continue
        [value] = answer.headers.get_all("content-disposition")
        assert value.isascii()
        head = f"Content-Disposition: {value}\r\n\r\n".encode()
        told = BytesHeaderParser(policy=email.policy.HTTP).parsebytes(head)
        assert told["content-disposition"].content_disposition == "attachment"
        shown = told.get_filename()
        assert "evil.exe" not in shown or shown.startswith(name[:1]), value


@pytest.mark.parametrize("raw", ["\r\nX-Injected: 1", "\n", "\r", "\0"], ids=ascii)
def test_a_line_break_in_a_name_is_refused_wherever_a_name_goes(server, folder, raw):
    name = quote(f"a{raw}", safe="")
    run = server.api("/runs/create", {"experiment_id": "0", "run_name": f"a{raw}"})
    for answer in (
        server.put(f"{folder}/{name}", b"x"),
        server.fetch(f"{folder}/{name}"),
        server.get(f"/get-artifact?run_id={name}&path={name}"),
        server.get(f"/static-files/{name}"),
        server.get(f"/api/2.0/{name}"),
        run,
    ):
        assert "x-injected" not in answer.headers
        assert answer.status < 500
    server.put(f"{folder}/{name}", b"x").assert_error(400)


def test_a_redirection_stays_on_the_server(own_server):
    server = own_server("--static-prefix", "/p", prefix="/p")
    server.prefix = ""
    for query in ("", "?x=%0d%0aX-Injected:%201", "?//evil.example", "?next=http://evil.example"):
        answer = server.get(f"/p{query}")
        assert (answer.status, answer.headers["location"]) == (308, f"/p/{query}")
        assert "x-injected" not in answer.headers
    for target in ("//evil.example/p", "/p//evil.example", "/%2fevil.example", "/\\evil.example"):
        assert server.get(target).status == 404


# One request is one request


SMUGGLED = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 0\r\nContent-Length: 40",
        "Content-Length: 0, 40",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length : 0",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked\r\nTransfer-Encoding: identity",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X\0: y",
    ],
)
def test_a_request_whose_end_is_doubtful_carries_no_second_one(server: Server, folder, head):
    """What a proxy in front reads as a body must not be a request to the server."""
    lines = [f"PUT {ARTIFACTS}/{folder}/x HTTP/1.1", "Host: localhost", head, "Connection: close"]
    with server.raw(timeout=5) as connection:
        connection.send("\r\n".join(lines) + f"\r\n\r\n0\r\n\r\n{SMUGGLED}")
        answer = connection.read_all()
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert server.get("/health").status == 200
