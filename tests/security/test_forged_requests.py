"""Requests that clients want the server to send in its own name (SSRF).

By locations of artifacts, by sources, by parts of uploads, and by webhooks.
"""

from __future__ import annotations

import time
import uuid

import pytest

from harness import Server
from listener import Listener

HTTP = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https", "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "0"}
EVENTS = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
# 127.0.0.1, this machine under other names and numbers, and addresses that stand for it.
LOOPBACK = [
    "127.0.0.1",
    "127.0.0.2",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0x0.0.1",
    "00000177.0.0.1",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[::ffff:0:127.0.0.1]",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "\u2460\u2461\u2466.0.0.1",
    "127\u30020\u30020\u30021",
    "\uff11\uff12\uff17.0.0.1",
]
PRIVATE = [
    "169.254.169.254",
    "10.0.0.1",
    "192.168.0.1",
    "172.16.0.1",
    "100.64.0.1",
    "[fd00::1]",
    "[fe80::1]",
    "[ff02::1]",
]


@pytest.fixture
def listener():
    with Listener() as running:
        yield running


# Locations


def host_locations(port: int) -> list[str]:
    """Locations that name a host, and some that should only seem to name a bucket."""
    addressed = [
        f"{scheme}://{user}{host}:{port}{path}"
        for scheme, path in {
            "http": "/api/2.0/mlflow-artifacts/artifacts/x",
            "mlflow-artifacts": "/x",
            "ftp": "/x",
            "sftp": "/x",
            "hdfs": "/x",
            "viewfs": "/x",
            "webhdfs": "/x",
            "gopher": "/x",
            "ldap": "/x",
            "smb": "/x",
            "HTTP": "/api/2.0/mlflow-artifacts/artifacts/x",
        }.items()
        for host in ("127.0.0.1", "localhost", "[::1]", "2130706433")
        for user in ("", "me:secret@")
    ]
    stores = [
        f"{scheme}://{name}/x"
        for scheme in ("s3", "s3a", "gs", "wasbs", "abfss", "r2", "b2", "dbfs", "hf", "uc", "adl", "oci")
        for name in (
            f"127.0.0.1:{port}",
            f"bucket@127.0.0.1:{port}",
            f"bucket@127.0.0.1:{port}#.blob.core.windows.net",
            f"bucket@127.0.0.1:{port}%23.blob.core.windows.net",
            f"127.0.0.1:{port}%2f",
            f"x@127.0.0.1:{port}?y=.r2.cloudflarestorage.com",
            f"bucket\\@127.0.0.1:{port}",
        )
    ]
    odd = [
        f"//127.0.0.1:{port}/x",
        f"http:127.0.0.1:{port}/api/2.0/mlflow-artifacts/artifacts/x",
        f"https://127.0.0.1:{port}/api/2.0/mlflow-artifacts/artifacts/x",
        f"s3+http://127.0.0.1:{port}/x",
        f"s3://bucket/x?endpoint_override=127.0.0.1:{port}&scheme=http",
        f"s3://bucket/x?endpoint_url=http://127.0.0.1:{port}",
        f"jar:http://127.0.0.1:{port}/x!/y",
        f"models://127.0.0.1:{port}/m/1",
        f"runs://127.0.0.1:{port}/r/x",
    ]
    return addressed + stores + odd


@pytest.fixture(scope="module")
def with_s3():
    """A server that may use S3, at an endpoint below a path."""
    with Listener() as endpoint, Server(environment=endpoint.as_s3()) as server:
        yield server, endpoint


def run_at(server: Server, location: str) -> str | None:
    message = {"name": uuid.uuid4().hex, "artifact_location": location}
    answer = server.api("/experiments/create", message)
    if answer.status != 200:
        answer.assert_error(400, "INVALID_PARAMETER_VALUE")
        return None
    return server.api("/runs/create", answer.json()).json()["run"]["info"]["run_id"]


def ask_for_files(server: Server, run: str) -> list:
    """Every call that makes the server look at where a run has its files."""
    message = {"run_id": run, "path": "x"}
    return [
        server.get(f"/api/2.0/mlflow/artifacts/list?run_id={run}"),
        server.get(f"/get-artifact?run_id={run}&path=x"),
        server.get(f"/get-artifact?run_id={run}&path=x&archive=tar"),
        server.request("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=x", b"x"),
        server.api("/artifacts/presigned-download-url", message),
        server.api("/artifacts/presigned-upload-url", message),
    ]


def test_no_location_makes_the_server_connect_to_a_host_that_its_operator_did_not_name(with_s3, listener):
    server, _ = with_s3
    made, failures = 0, []
    for location in host_locations(listener.port):
        run = run_at(server, location)
        if run is None:
            continue
        made += 1
        for answer in ask_for_files(server, run):
            if not 400 <= answer.status < 500 and answer.status != 501:
                failures.append(f"{location} → {answer.status} {answer.body[:200]!r}")
        name = uuid.uuid4().hex
        server.api("/registered-models/create", {"name": name})
        server.api("/model-versions/create", {"name": name, "source": location})
        server.get(f"/model-versions/get-artifact?name={name}&version=1&path=x")
    assert made > 50
    assert listener.heard == []
    assert [failure for failure in failures if " → 5" in failure] == []


@pytest.mark.parametrize("bucket", ["..", ".", "...", "..%2f..", "%2e%2e", "-", "_", "a/../../b", "bucket#", "a@b"])
def test_no_bucket_leads_to_another_path_of_the_operator_s_host(with_s3, bucket):
    server, endpoint = with_s3
    endpoint.heard.clear()
    run = run_at(server, f"s3://{bucket}/x/y")
    if run is not None:
        for answer in ask_for_files(server, run):
            assert 400 <= answer.status < 500, answer.body
            answer.assert_error(answer.status)
    assert endpoint.targets() == []


def test_a_bucket_of_the_operator_s_provider_is_asked_at_the_operator_s_host(with_s3):
    """As in the reference; SECURITY.md says what follows from it."""
    server, endpoint = with_s3
    endpoint.heard.clear()
    ask_for_files(server, run_at(server, "s3://bucket/x?endpoint_override=127.0.0.1:1"))
    assert endpoint.targets() != []
    assert [target for target in endpoint.targets() if not target.startswith("/base/bucket")] == []


def test_the_address_of_a_part_is_never_asked_for(with_s3, listener):
    """Clients say where they sent parts to; only the store's own names of them count."""
    server, _ = with_s3
    parts = [
        {"part_number": number, "etag": f'"{number}"', "url": f"http://127.0.0.1:{listener.port}/part?blockid=eA=="}
        for number in (1, 2)
    ]
    message = {"path": "a.bin", "upload_id": "x", "parts": parts}
    for step in ("complete", "abort"):
        answer = server.post(f"/api/2.0/mlflow-artifacts/mpu/{step}/d", message)
        assert answer.status in {400, 501}
    assert listener.heard == []


def test_sources_are_not_fetched(with_s3, listener):
    server, _ = with_s3
    for scheme in ("http", "https", "ftp", "hdfs", "sftp", "mlflow-artifacts"):
        name = uuid.uuid4().hex
        server.api("/registered-models/create", {"name": name})
        source = f"{scheme}://127.0.0.1:{listener.port}/api/2.0/mlflow-artifacts/artifacts/x"
        for more in ({}, {"tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}):
            server.api("/model-versions/create", {"name": name, "source": source} | more)
        answer = server.get(f"/model-versions/get-artifact?name={name}&version=1&path=x")
        assert 400 <= answer.status < 500 or answer.status == 501
    assert listener.heard == []


# Webhooks

HOSTS = """\
127.0.0.1 localhost
::1 localhost
127.0.0.1 loopback.test
::1 six.test
::ffff:127.0.0.1 mapped.test
169.254.169.254 metadata.test
8.8.8.8 mixed.test
127.0.0.1 mixed.test
8.8.8.8 changing.test
"""
# Gives a program a table of hosts of its own.
MOUNTED = 'mount --bind "$0" /etc/hosts && exec "$@"'


@pytest.fixture
def hosts(tmp_path):
    table = tmp_path / "hosts"
    table.write_text(HOSTS)
    return table


@pytest.fixture
def guarded(hosts):
    """A server with names that lead to this machine."""
    wrapper = ("unshare", "--map-root-user", "--mount", "sh", "-c", MOUNTED, str(hosts))
    with Server(environment=HTTP, wrapper=wrapper) as server:
        yield server


def webhook(server: Server, url: str):
    return server.api("/webhooks", {"name": "hook", "url": url, "events": EVENTS})


def test_no_webhook_is_made_for_this_machine_or_a_private_network(guarded, listener):
    failures = []
    names = [f"{name}.test" for name in ("loopback", "six", "mapped", "metadata", "mixed")]
    for host in [*LOOPBACK, *PRIVATE, *names]:
        for url in (f"http://{host}:{listener.port}/x", f"http://1.1.1.1@{host}:{listener.port}/x"):
            answer = webhook(guarded, url)
            if answer.status != 400 or answer.json()["error_code"] != "INVALID_PARAMETER_VALUE":
                failures.append(f"{url} → {answer.status} {answer.body[:200]!r}")
    assert failures == []
    assert listener.heard == []


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1\\@1.1.1.1:{port}/",
        "http://1.1.1.1\\@127.0.0.1:{port}/",
        "http://1.1.1.1#@127.0.0.1:{port}/",
        "http://1.1.1.1?@127.0.0.1:{port}/",
        "http:\\\\127.0.0.1:{port}/",
        "http:/127.0.0.1:{port}/",
        "http:127.0.0.1:{port}/",
        "http:////127.0.0.1:{port}/",
        "\thttp://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\r\nX-Injected: 1/",
        "ht\ntp://127.0.0.1:{port}/",
        "http://127.0\t.0.1:{port}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "ftp://127.0.0.1:{port}/",
        "unix:///var/run/docker.sock",
        "data:text/plain,x",
        "http://[::1%25lo]:{port}/",
        "http://[::ffff:127.0.0.1%25lo]:{port}/",
    ],
)
def test_a_url_that_is_read_in_two_ways_is_refused_or_leads_nowhere_private(guarded, listener, url):
    made = webhook(guarded, url.format(port=listener.port))
    if made.status == 200:
        # By one reading it is the public address, to which nothing leads from here.
        assert "1.1.1.1" in url
    else:
        made.assert_error(400, "INVALID_PARAMETER_VALUE")
    assert listener.heard == []


def test_a_name_that_leads_elsewhere_after_it_was_judged_is_not_followed(guarded, hosts, listener):
    """DNS rebinding: the name is public when the webhook is made, and this machine's when a message is sent."""
    made = webhook(guarded, f"http://changing.test:{listener.port}/x")
    assert made.status == 200, made.body
    hosts.write_text(HOSTS.replace("8.8.8.8 changing", "127.0.0.1 changing"))
    path = f"/webhooks/{made.json()['webhook']['webhook_id']}/test"
    result = guarded.api(path, {}).json()["result"]
    assert result["success"] is False
    assert "not a public IP address" in result["error_message"]
    guarded.api("/registered-models/create", {"name": "told"})
    failed = 'mlferry_webhook_deliveries_total{outcome="failed"} 1'
    deadline = time.monotonic() + 20
    while failed not in guarded.get("/metrics").text:
        assert time.monotonic() < deadline, "the message is not given up"
        time.sleep(0.05)
    assert listener.heard == []


def test_the_listener_hears_who_is_allowed_to_knock(hosts, listener):
    """What is silent above is silent for a reason."""
    environment = HTTP | {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true"}
    wrapper = ("unshare", "--map-root-user", "--mount", "sh", "-c", MOUNTED, str(hosts))
    with Server(environment=environment, wrapper=wrapper) as server:
        for host in ("127.0.0.1", "loopback.test", "2130706433", "[::1]"):
            made = webhook(server, f"http://{host}:{listener.port}/x").json()["webhook"]
            server.api(f"/webhooks/{made['webhook_id']}/test", {})
    assert len(listener.heard) == 4
