"""nginx in front of replicas, with deploy/nginx/nginx.conf: only addresses, folders and the replicas' names differ."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from topology import DEPLOY

from harness import is_healthy, wait_until
from ports import free_port

# Debian keeps it where only root looks for programs.
PROGRAM = shutil.which("nginx") or "/usr/sbin/nginx"


@dataclass(frozen=True)
class Handled:
    """What nginx says of one request."""

    status: int
    # The replicas that were asked, in order, and what each answered: "-" is nothing at all.
    asked: tuple[str, ...]
    answers: tuple[str, ...]


class Balancer:
    def __init__(self, ports: list[int]):
        self.root = Path(tempfile.mkdtemp(prefix="mlferry-nginx-"))
        # As root, its workers change to an account that has to write here.
        self.root.chmod(0o777)
        self.port = free_port()
        self.configuration = self.root / "nginx.conf"
        self.process: subprocess.Popen | None = None
        self._write(ports)

    def _write(self, ports: list[int]) -> None:
        text = (DEPLOY / "nginx" / "nginx.conf").read_text().replace("/tmp/", f"{self.root}/")
        [line] = re.findall(r"^ *server tracking-replica:5000 resolve.*;$", text, re.MULTILINE)
        # `resolve` and its resolver are newer than Debian 12's nginx: each replica has a line instead.
        lines = [line.replace("tracking-replica:5000 resolve", f"127.0.0.1:{port}") for port in ports]
        text = self._replaced(text, line, "\n".join(lines))
        text = re.sub(r"^ *resolver .*;$", "", text, flags=re.MULTILINE)
        text = self._replaced(text, "listen 5000;", f"listen 127.0.0.1:{self.port};")
        text = self._replaced(text, "worker_processes auto;", "worker_processes 1;\ndaemon off;")
        text = self._replaced(text, "/dev/stdout replicas", f"{self.root}/access.log replicas")
        # The test's own number of a request, so that its line can be found.
        text = self._replaced(text, '$request_id "$request"', '$http_x_number "$request"')
        self.configuration.write_text(text)

    @staticmethod
    def _replaced(text: str, there: str, here: str) -> str:
        assert there in text, f"nginx.conf has no {there!r}"
        return text.replace(there, here)

    def __enter__(self) -> Balancer:
        with (self.root / "error.log").open("wb") as log:
            self.process = subprocess.Popen(self._line(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(self._answers, 30, "nginx does not answer")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _line(self) -> list[str]:
        return [PROGRAM, "-c", str(self.configuration), "-e", str(self.root / "error.log")]

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.errors
        return is_healthy(self.port)

    def __exit__(self, *_) -> None:
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(10)
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def use(self, ports: list[int]) -> None:
        """Reads a configuration with other replicas; requests in flight go on."""
        self._write(ports)
        checked = subprocess.run([*self._line(), "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        self.process.send_signal(signal.SIGHUP)

    @property
    def errors(self) -> str:
        return (self.root / "error.log").read_text(errors="replace")

    def handled(self) -> dict[str, Handled]:
        """By the test's number."""
        found = {}
        for line in (self.root / "access.log").read_text().splitlines():
            match = re.match(r'\S+ (\S+) ".*" (\d+) \S+ s by (.*): (.*)$', line)
            assert match, line
            number, status, asked, answers = match.groups()
            found[number] = Handled(int(status), tuple(asked.split(", ")), tuple(answers.split(", ")))
        return found
