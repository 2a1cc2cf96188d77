"""Fixtures shared by the compatibility and the fault tests."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import Server, clean_environment, exchange, free_port, is_healthy, use_client, wait_until


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server with the default settings, shared by tests that stay in their own folder."""
    with Server() as running:
        yield running
        assert running.process.poll() is None, f"the shared server died:\n{running.log[-5000:]}"
        assert running.stop() == 0


@pytest.fixture
def own_server() -> Iterator[Callable[..., Server]]:
    """Starts servers of this test's own; all of them are ended and removed afterwards."""
    with contextlib.ExitStack() as running:

        def start(*arguments: str, **options) -> Server:
            return running.enter_context(Server(*arguments, **options))

        yield start


@pytest.fixture
def folder() -> str:
    """A folder of the artifact tree that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"


class Reference:
    """`mlflow server` 3.17.2 of the environment the tests run in."""

    def __init__(self, root: Path, *arguments: str):
        self.root = root
        self.port = free_port()
        self.log_path = root.parent / f"{root.name}-reference.log"
        line = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*line, "--workers", "1", *arguments],
                cwd=root,
                env=clean_environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        wait_until(self._answers, 120, "the reference server does not answer")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log_path.read_text(errors="replace")
        return is_healthy(self.port)

    def request(self, method: str, target: str, body=None, headers=None, **options):
        return exchange(self.port, method, target, body, headers, **options)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture
def start_reference() -> Iterator[Callable[..., Reference]]:
    """Starts a reference server in a given folder."""
    with contextlib.ExitStack() as running:

        def start(root: Path, *arguments: str) -> Reference:
            reference = Reference(root, *arguments)
            running.callback(reference.stop)
            reference.wait()
            return reference

        yield start


@pytest.fixture(scope="session")
def reference(tmp_path_factory) -> Iterator[Reference]:
    """The reference with a local destination. Its users carry `xdist_group("reference")`."""
    running = Reference(tmp_path_factory.mktemp("reference"))
    try:
        running.wait()
        yield running
    finally:
        running.stop()


@pytest.fixture
def client(monkeypatch, server):
    """The stock fluent API, pointed at the shared server, with an experiment of its own."""
    return use_client(monkeypatch, server.url)
