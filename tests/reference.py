"""Starts the reference, `mlflow server` 3.17.2, of the environment the tests run in."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.parse
from pathlib import Path

from harness import API, Answer, clean_environment, exchange, is_healthy, wait_until
from ports import free_port

START_SECONDS = 120.0


class Reference:
    """One reference server in a given folder; it is started by the constructor, and `wait` waits for it."""

    def __init__(self, root: Path, *arguments: str, port: int = 0, environment: dict[str, str] | None = None):
        self.root = root
        self.port = port or free_port()
        self.log_path = root.parent / f"{root.name}-reference.log"
        line = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [*line, "--workers", "1", *arguments],
                cwd=root,
                env=clean_environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false", **(environment or {})),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # It is a family of processes, which has to end together.
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def wait(self) -> None:
        wait_until(self._answers, START_SECONDS, "the reference server does not answer")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log
        return is_healthy(self.port)

    def request(self, method: str, target: str, body=None, headers=None, **options) -> Answer:
        return exchange(self.port, method, target, body, headers, **options)

    def api(self, target: str, message=None, **query) -> Answer:
        """A call of the tracking API: GET with a query, or POST when there is a message."""
        if query:
            target += "?" + urllib.parse.urlencode(query, doseq=True)
        if message is None:
            return self.request("GET", API + target)
        return self.request("POST", API + target, json.dumps(message), {"Content-Type": "application/json"})

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
