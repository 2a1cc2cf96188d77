"""Starts the binary under test, stops it, and speaks HTTP to it byte by byte."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ports import free_port

if TYPE_CHECKING:
    from stores.base import Place

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPTS = Path(__file__).resolve().parent / "scripts"
API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
AJAX_ARTIFACTS = "/ajax-api/2.0/mlflow-artifacts/artifacts"
# A server may hold the first bytes of an upload back from the disk; after this many, some have to be there.
ON_DISK_BYTES = 600_000
START_SECONDS = float(os.environ.get("MLFERRY_TEST_START_SECONDS", "30"))
STOP_SECONDS = 30.0
# Whether tests of memory move as much as the promise says; else as much as shows it.
IS_FULL_SIZE = os.environ.get("MLFERRY_TEST_FULL_SIZE") == "1"


def binary() -> str:
    return os.environ.get("MLFERRY_BIN", str(REPOSITORY / "target" / "release" / "mlferry"))


def skinny_python(generation: int) -> str:
    """The interpreter of the environment that holds an old client: 1 or 2."""
    default = REPOSITORY / f".venv-skinny{generation}" / "bin" / "python"
    return os.environ.get(f"MLFERRY_SKINNY_{generation}", str(default))


def clean_environment(**extra: str) -> dict[str, str]:
    """The caller's environment without anything that configures MLflow, a proxy, or mlferry itself."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.upper().startswith(("MLFLOW_", "_MLFLOW_", "MLFERRY_"))
        and key.upper() not in {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "RUST_LOG", "PYTHONPATH"}
    }
    return kept | {"MLFLOW_DISABLE_TELEMETRY": "true", "NO_PROXY": "*"} | extra


def wait_until(condition, seconds: float, what: str):
    """Polls until `condition()` is true and returns its value; fails with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s: {what}")
        time.sleep(0.02)


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """What a person would read: the message of a JSON error, or the whole body."""
        if self.headers.get("content-type", "").startswith("application/json"):
            answer = self.json()
            return answer.get("message") or answer.get("detail") or ""
        return self.text

    def assert_error(self, status: int, code: str | None = None, message: str | None = None) -> Answer:
        """A JSON error of this status; `code` and `message`, when given, are compared exactly."""
        assert self.status == status, f"{self.status} {self.body[:500]!r}"
        assert self.headers["content-type"] == "application/json", self.headers.items()
        answer = self.json()
        assert isinstance(answer["error_code"], str)
        assert isinstance(answer["message"], str)
        if code is not None:
            assert answer["error_code"] == code, answer
        if message is not None:
            assert answer["message"] == message, answer
        return self


def exchange(
    port: int,
    method: str,
    target: str,
    body=None,
    headers: dict[str, str] | None = None,
    *,
    chunked: bool = False,
    timeout: float = 30.0,
) -> Answer:
    """One request on its own connection. The target goes out as given: no quoting, no removal of dot segments."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    return exchange_on(connection, method, target, body, headers, chunked=chunked)


def exchange_on(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body=None,
    headers: dict[str, str] | None = None,
    *,
    chunked: bool = False,
) -> Answer:
    """One request on a connection that is not yet made, and is closed afterwards."""
    given = {name.lower() for name in headers or {}}
    try:
        connection.connect()
        connection.putrequest(method, target, skip_host="host" in given, skip_accept_encoding=True)
        if isinstance(body, str):
            body = body.encode()
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif body is not None and "content-length" not in given:
            connection.putheader("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        # A server may refuse on the headers alone and close: what it says then still has to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if chunked:
                connection.endheaders(iter(body or []), encode_chunked=True)
            else:
                connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def is_answering(port: int, target: str) -> bool:
    try:
        return exchange(port, "GET", target, timeout=5).status == 200
    except (OSError, http.client.HTTPException):
        return False


def is_healthy(port: int, prefix: str = "") -> bool:
    return is_answering(port, f"{prefix}/health")


class RawConnection:
    """A socket on which a request can be sent in pieces, or not to its end."""

    def __init__(self, port: int, timeout: float = 30.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes | str) -> RawConnection:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def head(self, method: str, target: str, **headers: str | int) -> RawConnection:
        """The request line and the headers, with `_` in names for `-`."""
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.send("\r\n".join(lines) + "\r\n\r\n")

    def answer(self, method: str = "GET") -> Answer:
        response = http.client.HTTPResponse(self.socket, method=method)
        response.begin()
        return Answer(response.status, response.headers, response.read())

    def read_all(self) -> bytes:
        """Everything until the other side closes or resets."""
        received = b""
        while True:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError:
                return received
            if not piece:
                return received
            received += piece

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Leaves without a goodbye: the other side sees a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_) -> None:
        self.close()


class Server:
    """`mlferry server` on a free port, with its own folder as working directory.

    Without arguments that say otherwise, the database is `<root>/mlflow.db` and the artifacts are in
    `<root>/mlartifacts`, or in `place`. `$PORT` in an argument stands for the port that was found; `wrapper` is a
    command that runs it, and `port` asks for a certain port, such as one used before.
    """

    def __init__(
        self,
        *arguments: str,
        root: Path | None = None,
        environment: dict[str, str] | None = None,
        command: str = "server",
        prefix: str = "",
        port: int = 0,
        place: Place | None = None,
        wrapper: tuple[str, ...] = (),
        start_seconds: float = START_SECONDS,
        pass_fds: tuple[int, ...] = (),
    ):
        self._temporary = None if root else tempfile.TemporaryDirectory(prefix="mlferry-test-")
        self.root = root or Path(self._temporary.name)
        self.place = place
        self.arguments = ("--artifacts-destination", place.uri, *arguments) if place else arguments
        self.environment = (place.environment if place else {}) | (environment or {})
        self.command = command
        self.prefix = prefix
        self.wrapper = wrapper
        self.start_seconds = start_seconds
        self.pass_fds = pass_fds
        self.port = port
        self._given_port = port
        self.process: subprocess.Popen | None = None
        self._log_path = self.root.parent / f"{self.root.name}.log"

    # Life

    def start(self) -> Server:
        for attempt in range(3):
            self.port = self._given_port or free_port()
            if self._start_once():
                return self
            in_use = re.search(r"in use|already", self.log, re.IGNORECASE)
            if attempt == 2 or not in_use:
                break
        raise AssertionError(f"the server did not start; exit {self.process.returncode}, log:\n{self.log}")

    def _command_line(self) -> list[str]:
        line = [*self.wrapper, binary(), self.command, "--host", "127.0.0.1", "--port", str(self.port)]
        return line + [argument.replace("$PORT", str(self.port)) for argument in self.arguments]

    def _start_once(self) -> bool:
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                self._command_line(),
                cwd=self.root,
                env=clean_environment(**self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=self.pass_fds,
            )
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            if self.is_up():
                return True
            time.sleep(0.01)
        self.kill()
        raise AssertionError(f"no answer on /health after {self.start_seconds} s, log:\n{self.log}")

    def is_up(self) -> bool:
        return is_healthy(self.port, self.prefix)

    def send_signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        return self.process.wait(timeout=seconds)

    def stop(self) -> int:
        """Asks it to end, and returns its exit status."""
        if self.process.poll() is None:
            self.send_signal()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """kill -9."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Ends whatever still runs and removes the folder, if it was made here."""
        if self.process is not None:
            self.kill()
        self._log_path.unlink(missing_ok=True)
        if self._temporary:
            self._temporary.cleanup()

    def __enter__(self) -> Server:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_) -> None:
        self.close()

    # What can be seen from outside

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        """Everything it wrote to stdout and stderr."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    @property
    def database(self) -> Path:
        return self.root / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        return self.root / "mlartifacts"

    def stored(self, folder: str = "") -> dict[str, bytes]:
        """What the destination itself holds below a folder, seen without the server."""
        return self.place.files(folder) if self.place else tree(self.artifacts / folder)

    def pending(self) -> list[str]:
        """Uploads of which the destination holds a part, and which are not over."""
        return self.place.pending() if self.place else staging_entries(self.artifacts)

    def status_kb(self, field: str) -> int:
        """A number of /proc/PID/status, such as VmRSS, VmHWM (kB) or Threads."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.MULTILINE).group(1))

    def rss(self) -> int:
        """Resident bytes now."""
        return self.status_kb("VmRSS") * 1024

    def peak_rss(self) -> int:
        """The most resident bytes since the start."""
        return self.status_kb("VmHWM") * 1024

    def log_line(self, pattern: str, seconds: float = 5.0) -> str:
        """Waits for a line of the log that matches, and returns it."""
        expression = re.compile(pattern)

        def find():
            return next((line for line in self.log.splitlines() if expression.search(line)), None)

        return wait_until(find, seconds, f"no line matches {pattern!r} in\n{self.log}")

    # Requests

    def connection(self, timeout: float = 30.0) -> http.client.HTTPConnection:
        """A way to the server; it is not yet gone."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method: str, target: str, body=None, headers=None, *, timeout=30.0, **options) -> Answer:
        try:
            return exchange_on(self.connection(timeout), method, self.prefix + target, body, headers, **options)
        except ConnectionRefusedError as refused:
            state = f"the server is gone: exit {self.process.poll()}, log:\n{self.log[-5000:]}"
            raise ConnectionRefusedError(state) from refused

    def get(self, target: str, headers=None) -> Answer:
        return self.request("GET", target, headers=headers)

    def post(self, target: str, message, headers=None) -> Answer:
        headers = {"Content-Type": "application/json"} | (headers or {})
        return self.request("POST", target, json.dumps(message), headers)

    def api(self, target: str, message=None, **query) -> Answer:
        """A call of the tracking API: GET with a query, or POST when there is a message."""
        if query:
            target += "?" + urllib.parse.urlencode(query, doseq=True)
        return self.get(API + target) if message is None else self.post(API + target, message)

    def put(self, path: str, body=b"", headers=None, **options) -> Answer:
        """Uploads to a path that is already percent-encoded."""
        return self.request("PUT", f"{ARTIFACTS}/{path}", body, headers, **options)

    def fetch(self, path: str, headers=None) -> Answer:
        return self.request("GET", f"{ARTIFACTS}/{path}", headers=headers)

    def head(self, path: str, headers=None) -> Answer:
        return self.request("HEAD", f"{ARTIFACTS}/{path}", headers=headers)

    def delete(self, path: str) -> Answer:
        return self.request("DELETE", f"{ARTIFACTS}/{path}")

    def listing(self, path: str | None = None, **query) -> Answer:
        """Lists a folder named by its real, undecorated path."""
        if path is not None:
            query = {"path": path} | query
        encoded = urllib.parse.urlencode(query, quote_via=urllib.parse.quote, safe="")
        return self.get(f"{ARTIFACTS}?{encoded}" if encoded else ARTIFACTS)

    def names(self, path: str | None = None, **query) -> list[str]:
        """The paths of a listing, in its order."""
        answer = self.listing(path, **query)
        assert answer.status == 200, answer.body
        return [entry["path"] for entry in answer.json().get("files", [])]

    def pages(self, path: str, **query) -> list[list[str]]:
        """The paths of a listing, page by page."""
        pages, token = [], None
        while True:
            answer = self.listing(path, **query, **({"page_token": token} if token else {}))
            assert answer.status == 200, answer.body
            page = answer.json()
            pages.append([entry["path"] for entry in page.get("files", [])])
            token = page.get("next_page_token")
            if not token:
                return pages
            assert len(pages) < 1000

    def raw(self, timeout: float = 30.0) -> RawConnection:
        return RawConnection(self.port, timeout)


class Folder:
    """A server's folder that a test fills once and copies for whoever changes it."""

    root: Path

    def copy(self, to: Path) -> Self:
        shutil.copytree(self.root, to)
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__ | {"root": to}
        return other


def run_binary(*arguments: str, cwd: Path, environment=None, seconds: float = 15.0) -> subprocess.CompletedProcess:
    """Runs the binary to its end. One that is still alive when the time is over is a failure."""
    try:
        return subprocess.run(
            [binary(), *arguments],
            cwd=cwd,
            env=clean_environment(**(environment or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as still_running:
        raise AssertionError(f"{arguments} still runs after {seconds} s: {still_running.stderr!r}") from None


def run_script(name: str, *arguments: str, python: str = sys.executable, environment=None, cwd: Path) -> str:
    """Runs tests/scripts/<name> with a client's interpreter and returns what it printed."""
    done = subprocess.run(
        [python, str(SCRIPTS / name), *arguments],
        cwd=cwd,
        env=clean_environment(MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", PYTHONIOENCODING="utf-8", **(environment or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, f"{name} failed\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too: relative path → content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and not is_lock(path)
    }


def is_lock(path: Path) -> bool:
    """Whether a file is there for living servers to lock, and for nothing else."""
    return path.name == "lock" and ".mlferry-staging" in path.parts


def entries(folder: Path) -> list[str]:
    """Every entry below a folder, hidden ones, links and empty folders too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def quoted(path: str) -> str:
    """A path as a careful client sends it: everything encoded once, slashes kept."""
    return urllib.parse.quote(path, safe="/")


def staging_entries(folder: Path) -> list[str]:
    """Files below the places where uploads may be staged. A staging folder without files counts as none."""
    return [
        name
        for name in entries(folder)
        if (name.startswith(".mlferry-staging") or "/.artifact.uploading." in f"/{name}")
        and not (folder / name).is_dir()
        and not is_lock(Path(name))
    ]


def pattern(size: int, seed: int = 0) -> bytes:
    """Bytes in which every offset can be told from its neighbours, the same each time."""
    block = b"".join(hashlib.sha256(f"{seed}:{index}".encode()).digest() for index in range(min(size, 8192) // 32 + 1))
    return (block * (size // len(block) + 1))[:size]


def md5_base64(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def sha256_field(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


DIGESTS = {
    "Content-MD5": md5_base64,
    "Content-Digest": sha256_field,
    "Repr-Digest": sha256_field,
}


def together(*calls) -> list:
    """Runs the calls at the same moment, each in a thread; returns their results in order."""
    barrier = threading.Barrier(len(calls))
    results: list = [None] * len(calls)

    def run(index, call):
        barrier.wait()
        results[index] = call()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def use_client(monkeypatch, url: str):
    """Points the mlflow of this process at a server; one retry, so that a failure shows soon."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    import mlflow

    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment(f"experiment {uuid.uuid4().hex}")
    return mlflow
