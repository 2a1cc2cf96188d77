"""AWS credentials from the places where AWS's own tools look for them."""

from __future__ import annotations

import contextlib
import datetime
import http.server
import json
import threading
import time
from collections.abc import Iterator

import pytest

from harness import run_binary, wait_until
from ports import free_port

SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


class Role(http.server.ThreadingHTTPServer):
    """What tells a container, or a machine, the credentials of its role."""

    daemon_threads = True

    def __init__(self, key: str, secret: str, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), RoleHandler)
        self.key, self.secret, self.seconds = key, secret, seconds
        self.asked: list[str] = []
        self.is_down = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class RoleHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.is_down:
            self.send_error(500)
        elif self.path == "/latest/meta-data/iam/security-credentials/":
            self.answer(b"team")
        else:
            until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.server.seconds)
            credentials = {
                "Code": "Success",
                "AccessKeyId": self.server.key,
                "SecretAccessKey": self.server.secret,
                "Token": "",
                "Expiration": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            }
            self.answer(json.dumps(credentials).encode())

    def do_PUT(self) -> None:
        self.answer(b"a-token")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@contextlib.contextmanager
def role_of(store, seconds: float) -> Iterator[Role]:
    environment = store.server_environment()
    with Role(*(environment[name] for name in SECRETS), seconds) as role:
        threading.Thread(target=role.serve_forever, daemon=True).start()
        yield role
        role.shutdown()


def place_with(store, environment: dict[str, str]):
    """A destination whose server has other credentials than those in the environment."""
    place = store.place()
    place.environment = {name: value for name, value in place.environment.items() if name not in SECRETS} | environment
    return place


def test_a_profile_is_read_from_the_shared_file(stores, own_server, tmp_path):
    store = stores["garage"]
    given = store.server_environment()
    file = tmp_path / "credentials"
    lines = [
        "[default]\naws_access_key_id = GKnobody\naws_secret_access_key = nothing",
        f"[team]\naws_access_key_id = {given[SECRETS[0]]}\naws_secret_access_key = {given[SECRETS[1]]}",
    ]
    file.write_text("\n".join(lines) + "\n")
    server = own_server(place=place_with(store, {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "team"}))
    assert server.put("a.txt", b"x").status == 200
    assert server.fetch("a.txt").body == b"x"


@pytest.mark.parametrize("kind", ["container", "instance"])
def test_a_role_is_asked_again_before_its_credentials_expire(stores, own_server, kind):
    store = stores["garage"]
    # Good for less than the five minutes before their end at which new ones are asked for.
    with role_of(store, seconds=200) as role:
        environment = {
            "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{role.url}/role"},
            "instance": {"AWS_EC2_METADATA_SERVICE_ENDPOINT": role.url, "AWS_EC2_METADATA_DISABLED": "false"},
        }[kind]
        server = own_server(place=place_with(store, environment))
        assert server.put("a.txt", b"x").status == 200
        asked = len(role.asked)
        assert asked > 0
        assert server.fetch("a.txt").body == b"x"
        assert len(role.asked) > asked
        # Those that are known are still good for a while.
        role.is_down = True
        assert server.fetch("a.txt").body == b"x"
        asked = len(role.asked)
        for _ in range(3):
            assert server.fetch("a.txt").body == b"x"
        assert len(role.asked) == asked, "whoever is down is left alone for a while"


def test_credentials_that_expired_are_no_missing_ones(stores, own_server):
    store = stores["garage"]
    with role_of(store, seconds=8) as role:
        server = own_server(place=place_with(store, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{role.url}/role"}))
        assert server.put("a.txt", b"x").status == 200
        role.is_down = True
        wait_until(lambda: server.fetch("a.txt").status != 200, 30, "the credentials last")
        answer = server.fetch("a.txt").assert_error(503, "TEMPORARILY_UNAVAILABLE")
        assert "the AWS credentials expired, and no new ones were given out" in answer.message
        role.is_down = False
        assert server.fetch("a.txt").body == b"x"


def test_credentials_that_last_are_asked_for_once(stores, own_server):
    store = stores["garage"]
    with role_of(store, seconds=3600) as role:
        server = own_server(place=place_with(store, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{role.url}/role"}))
        for number in range(5):
            assert server.put(f"{number}.txt", b"x").status == 200
        assert len(role.asked) == 1


def test_without_credentials_the_server_says_where_it_looked(stores, tmp_path):
    place = place_with(stores["garage"], {"HOME": str(tmp_path)})
    begin = time.monotonic()
    options = ["--artifacts-destination", place.uri, "--port", str(free_port())]
    done = run_binary("server", *options, cwd=tmp_path, environment=place.environment, seconds=60)
    assert done.returncode == 1
    assert "no AWS credentials were found; set AWS_ACCESS_KEY_ID" in done.stderr.strip().splitlines()[-1]
    assert time.monotonic() - begin < 30
