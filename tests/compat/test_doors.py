"""The doors: Host allowlist, cross-origin requests, and the headers that every answer carries."""

from __future__ import annotations

import pytest

from harness import ARTIFACTS, Server, run_binary

BAD_HOST = "Invalid Host header - possible DNS rebinding attack detected"
BLOCKED = "Cross-origin request blocked"
INFO = "/api/3.0/mlflow/server-info"

# Host

ALLOWED_HOSTS = [
    "localhost",
    "localhost:5000",
    "LOCALHOST",
    "LocalHost:1",
    "127.0.0.1",
    "127.0.0.1:65535",
    "[::1]",
    "[::1]:5000",
    "0.0.0.0",
    "0.0.0.0:80",
    "10.0.0.1",
    "10.255.255.255:5000",
    "192.168.0.1",
    "192.168.255.1:8080",
    "172.16.0.1",
    "172.31.255.255:1",
    "[fc00::1]",
    "[fc00::1]:5000",
    "[FD12:3456::1]:5000",
    "[fd00::1]",
]
REFUSED_HOSTS = [
    "",
    "evil.com",
    "evil.com:5000",
    "10.evil.com",
    "10.0.0.1.evil.com",
    "192.168.evil.com",
    "192.168.1.evil.com:5000",
    "172.16.evil.com",
    "172.20.x",
    "fc00.evil.com",
    "fd00:evil.com",
    "172.15.0.1",
    "172.32.0.1",
    "8.8.8.8",
    "11.0.0.1",
    "192.169.0.1",
    "[2001:db8::1]",
    "[::ffff:8.8.8.8]",
    "localhost.evil.com",
    "evil-localhost",
    "127.0.0.1.evil.com",
    "localhost@evil.com",
    "evil.com#localhost",
    "evil.com/localhost",
    "localhost evil.com",
    "*",
]


def host(server: Server, value: str, target: str = INFO, method: str = "GET"):
    return server.request(method, target, headers={"Host": value})


@pytest.mark.parametrize("value", ALLOWED_HOSTS)
def test_local_names_and_private_addresses_may_be_used(server, value):
    assert host(server, value).status == 200


@pytest.mark.parametrize("value", REFUSED_HOSTS)
def test_any_other_host_is_refused(server, value):
    answer = host(server, value)
    assert answer.status in ({400, 403} if not value or set(value) & set(" #/@*") else {403})
    if answer.status == 403:
        assert BAD_HOST in answer.text


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_a_refused_host_reaches_no_route(server, folder, method):
    server.put(f"{folder}/a.txt", b"x")
    answer = host(server, "evil.com", f"{ARTIFACTS}/{folder}/a.txt", method)
    assert answer.status == 403
    assert server.fetch(f"{folder}/a.txt").body == b"x"


def test_a_request_without_a_host_is_refused(server):
    with server.raw() as connection:
        connection.send(f"GET {INFO} HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert connection.answer().status in {400, 403}


def test_the_probes_answer_under_any_host(server):
    for target in ("/health", "/version"):
        assert host(server, "evil.com", target).status == 200
    for target in ("/health/", "/healthx", "/version/x", "/"):
        assert host(server, "evil.com", target).status == 403


def test_below_a_prefix_the_prefixed_probes_are_the_exempt_ones(own_server):
    server = own_server("--static-prefix", "/p", prefix="/p")
    for target in ("/health", "/version"):
        assert host(server, "evil.com", target).status == 200
    assert host(server, "evil.com").status == 403


def test_a_refusal_is_logged_with_the_host_and_the_flag_that_would_allow_it(own_server):
    server = own_server()
    assert host(server, "who.evil.com:81").status == 403
    line = server.log_line(r"who\.evil\.com")
    assert "--allowed-hosts" in line


def test_a_host_cannot_write_lines_into_the_log(own_server):
    server = own_server()
    with server.raw() as connection:
        connection.send(f"GET {INFO} HTTP/1.1\r\nHost: x\x1b[31m.evil.com\r\nConnection: close\r\n\r\n")
        connection.read_all()
    host(server, "marker.evil.com")
    server.log_line("marker")
    assert "\x1b" not in server.log


@pytest.fixture(scope="module")
def listed():
    hosts = "mlflow.example.com,10.0.0.100:5000,app-*.internal.com,Mixed.Case.org:*,[::1]"
    with Server("--allowed-hosts", hosts) as running:
        yield running


@pytest.mark.parametrize(
    "value",
    [
        "mlflow.example.com",
        "MLFLOW.Example.com",
        "mlflow.example.com:8443",
        "10.0.0.100:5000",
        "app-1.internal.com",
        "app-1.internal.com:80",
        "mixed.case.org",
        "MIXED.case.org:9",
        "[::1]:5000",
    ],
)
def test_a_listed_host_is_allowed_in_any_case_and_on_any_port(listed, value):
    assert host(listed, value).status == 200


@pytest.mark.parametrize(
    "value",
    ["localhost", "127.0.0.1:1", "10.0.0.101:5000", "xmlflow.example.com", "mlflow.example.com.evil.com", "app-.com"],
)
def test_a_list_replaces_the_default(listed, value):
    assert host(listed, value).status == 403


def test_a_listed_glob_of_addresses_matches_addresses_only(own_server):
    server = own_server("--allowed-hosts", "10.*,192.168.*")
    assert host(server, "10.1.2.3:5000").status == 200
    assert host(server, "192.168.7.7").status == 200
    for value in ("10.evil.com", "192.168.evil.com", "localhost"):
        assert host(server, value).status == 403


def test_a_star_allows_every_host_and_is_warned_about(own_server):
    server = own_server("--allowed-hosts", "*")
    assert host(server, "evil.com").status == 200
    assert "WARNING" in server.log


def test_hosts_and_origins_can_come_from_the_environment(own_server):
    environment = {
        "MLFLOW_SERVER_ALLOWED_HOSTS": "one.example.com",
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "https://app.example.com",
        "MLFLOW_SERVER_X_FRAME_OPTIONS": "deny",
    }
    server = own_server(environment=environment)
    answer = server.request(
        "PUT", f"{ARTIFACTS}/a", b"", {"Host": "one.example.com", "Origin": "https://app.example.com"}
    )
    assert answer.status == 200
    assert answer.headers["x-frame-options"] == "DENY"
    assert host(server, "localhost").status == 403


# Origins

LOCAL_ORIGINS = [
    "http://localhost",
    "http://localhost:3000",
    "https://localhost:3000",
    "http://127.0.0.1:8080",
    "http://[::1]:1",
    "app://localhost",
]
FOREIGN_ORIGINS = [
    "http://evil.com",
    "https://evil.com:5000",
    "null",
    "http://localhost.evil.com",
    "http://evil.com#localhost",
    "http://localhost@evil.com",
    "http://127.0.0.1.evil.com",
    "localhost",
    "http://10.0.0.1",
]


def from_origin(server: Server, origin: str, method: str, target: str, body=b"x"):
    headers = {"Origin": origin}
    if method == "POST":
        headers["Content-Type"] = "application/json"
    return server.request(method, target, None if method in {"GET", "HEAD"} else body, headers)


@pytest.mark.parametrize("origin", LOCAL_ORIGINS)
def test_a_local_page_may_change_data(server, folder, origin):
    assert from_origin(server, origin, "PUT", f"{ARTIFACTS}/{folder}/a.txt").status == 200
    assert from_origin(server, origin, "DELETE", f"{ARTIFACTS}/{folder}/a.txt").status == 200


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH"])
def test_a_foreign_page_may_not(server, folder, origin, method):
    server.put(f"{folder}/a.txt", b"kept")
    for target in (f"{ARTIFACTS}/{folder}/a.txt", "/api/2.0/mlflow/runs/create", "/ajax-api/2.0/mlflow/runs/create"):
        answer = from_origin(server, origin, method, target)
        assert answer.status == 403
        assert BLOCKED in answer.text
    assert server.fetch(f"{folder}/a.txt").body == b"kept"


def test_a_foreign_page_may_not_below_a_prefix_either(own_server):
    server = own_server("--static-prefix", "/p", prefix="/p")
    assert from_origin(server, "http://evil.com", "PUT", f"{ARTIFACTS}/a.txt").status == 403
    assert from_origin(server, "http://localhost:1", "PUT", f"{ARTIFACTS}/a.txt").status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("origin", ["http://evil.com", "null"])
def test_reads_are_never_blocked_but_a_foreign_page_cannot_see_them(server, folder, method, origin):
    server.put(f"{folder}/a.txt", b"x")
    answer = from_origin(server, origin, method, f"{ARTIFACTS}/{folder}/a.txt")
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5000"])
def test_a_local_page_can_see_what_it_reads(server, origin):
    answer = from_origin(server, origin, "GET", INFO)
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-expose-headers"] == "*"
    assert "origin" in answer.headers["vary"].lower()


def preflight(server: Server, origin: str, method: str = "PUT", target: str = f"{ARTIFACTS}/a.txt"):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-custom",
    }
    return server.request("OPTIONS", target, headers=headers)


def test_the_preflight_of_a_local_page_is_granted(server):
    for target in (f"{ARTIFACTS}/a.txt", "/api/2.0/mlflow/runs/create", "/ajax-api/2.0/mlflow/runs/search"):
        answer = preflight(server, "http://localhost:3000", "POST", target)
        assert answer.status in {200, 204}
        assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
        methods = {name.strip() for name in answer.headers["access-control-allow-methods"].split(",")}
        assert methods == {"GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
        assert answer.headers["access-control-max-age"] == "600"
        assert answer.headers["access-control-allow-credentials"] == "true"
        allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].lower().split(",")}
        assert {"content-type", "x-custom"} <= allowed
        assert "origin" in answer.headers["vary"].lower()


def test_two_host_headers_are_a_400(server):
    with server.raw() as connection:
        connection.send("GET /api/3.0/mlflow/server-info HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\n\r\n")
        assert connection.answer().status == 400


def test_the_preflight_of_a_foreign_page_is_refused(server):
    answer = preflight(server, "http://evil.com")
    assert answer.status == 400
    assert "Disallowed CORS origin" in answer.text
    assert "access-control-allow-origin" not in answer.headers
    answer = preflight(server, "http://localhost:3000", "TRACE")
    assert answer.status == 400
    assert "Disallowed CORS method" in answer.text


def test_listed_origins_are_allowed_besides_local_ones(own_server):
    server = own_server("--cors-allowed-origins", "https://app.example.com,https://*.b.com")
    for origin in ("https://app.example.com", "https://x.b.com", "http://localhost:1"):
        assert from_origin(server, origin, "PUT", f"{ARTIFACTS}/a.txt").status == 200, origin
    for origin in ("http://app.example.com", "https://app.example.com.evil.com", "https://b.com.evil.com", "null"):
        assert from_origin(server, origin, "PUT", f"{ARTIFACTS}/a.txt").status == 403, origin
    answer = from_origin(server, "https://app.example.com", "GET", INFO)
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    assert preflight(server, "https://app.example.com").status in {200, 204}
    assert preflight(server, "https://evil.com").status == 400


def test_a_star_allows_every_origin_without_credentials(own_server):
    server = own_server("--cors-allowed-origins", "*")
    answer = from_origin(server, "http://evil.com", "PUT", f"{ARTIFACTS}/a.txt")
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert preflight(server, "http://evil.com").headers["access-control-allow-origin"] == "*"
    assert "WARNING" in server.log


def test_the_doors_can_be_taken_out_and_that_is_warned_about(own_server):
    server = own_server("--disable-security-middleware")
    headers = {"Host": "evil.com", "Origin": "http://evil.com"}
    assert server.request("PUT", f"{ARTIFACTS}/a.txt", b"x", headers).status == 200
    assert "Security middleware is DISABLED" in server.log


# Headers of every answer


def answers(server: Server, folder: str) -> dict:
    """One answer of every kind."""
    server.put(f"{folder}/a.txt", b"0123456789")
    path = f"{folder}/a.txt"
    etag = server.head(path).headers["etag"]
    return {
        "upload": server.put(path, b"0123456789"),
        "download": server.fetch(path),
        "head": server.head(path),
        "listing": server.listing(folder),
        "delete": server.delete(f"{folder}/none"),
        "range": server.fetch(path, {"Range": "bytes=0-1"}),
        "ranges": server.fetch(path, {"Range": "bytes=0-1,3-4"}),
        "range not satisfiable": server.fetch(path, {"Range": "bytes=100-"}),
        "malformed range": server.fetch(path, {"Range": "bytes=5-2"}),
        "not modified": server.fetch(path, {"If-None-Match": "*"}),
        "precondition": server.fetch(path, {"If-Match": '"other"'}),
        "create-only": server.put(path, b"", {"If-None-Match": "*"}),
        "missing": server.fetch(f"{folder}/none"),
        "invalid path": server.fetch("..%2fx"),
        "conflict": server.put(f"{path}/x", b""),
        "unknown route": server.get("/api/2.0/none"),
        "outside of the routes": server.get("/none"),
        "wrong method": server.request("POST", f"{ARTIFACTS}/{path}"),
        "options": server.request("OPTIONS", f"{ARTIFACTS}/{path}"),
        "not implemented": server.get(f"/api/2.0/mlflow-artifacts/presigned/{path}"),
        "tracking": server.api("/experiments/get", experiment_id="0"),
        "tracking error": server.api("/runs/get", run_id="nope"),
        "bad content type": server.request("POST", "/api/2.0/mlflow/runs/create", b"{}"),
        "health": server.get("/health"),
        "version": server.get("/version"),
        "server info": server.get(INFO),
        "bad host": host(server, "evil.com"),
        "bad origin": from_origin(server, "http://evil.com", "PUT", f"{ARTIFACTS}/{path}"),
        "preflight": preflight(server, "http://localhost:1"),
        "refused preflight": preflight(server, "http://evil.com"),
        "etag": server.fetch(path, {"If-None-Match": etag}),
    }


def test_every_answer_carries_the_security_headers_and_a_request_id(server, folder):
    identifiers = set()
    all_kinds = answers(server, folder)
    for name, answer in all_kinds.items():
        assert answer.headers.get_all("x-content-type-options") == ["nosniff"], name
        assert answer.headers.get_all("x-frame-options") == ["SAMEORIGIN"], name
        [identifier] = answer.headers.get_all("x-request-id")
        assert len(identifier) >= 8, name
        identifiers.add(identifier)
        assert answer.status < 500 or answer.status == 501, name
    assert len(identifiers) == len(all_kinds)


def test_every_error_is_json_of_the_same_shape(server, folder):
    for name, answer in answers(server, folder).items():
        if answer.status >= 400 and answer.body and "preflight" not in name and "range" not in name:
            answer.assert_error(answer.status)


@pytest.mark.parametrize(
    ("value", "sent"),
    [("DENY", "DENY"), ("deny", "DENY"), ("sameorigin", "SAMEORIGIN"), ("NONE", None), ("none", None)],
)
def test_x_frame_options_can_be_chosen(own_server, value, sent):
    server = own_server("--x-frame-options", value)
    for answer in (server.get(INFO), server.get("/none"), host(server, "evil.com")):
        assert answer.headers.get("x-frame-options") == sent


def test_security_flags_and_gunicorn_options_exclude_each_other(tmp_path):
    for flag in (["--allowed-hosts", "x"], ["--cors-allowed-origins", "x"], ["--disable-security-middleware"]):
        done = run_binary("server", "--gunicorn-opts", "--timeout 5", *flag, cwd=tmp_path)
        assert done.returncode == 2
        assert "Security middleware parameters (--allowed-hosts, --cors-allowed-origins, " in done.stderr
