"""What all stores have in common: a process with a folder of its own, and places in it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness import clean_environment
from ports import free_port

START_SECONDS = 60.0
STOP_SECONDS = 10.0


def tool(path: str) -> Path:
    """A program that `make stores` installed."""
    folder = Path(os.environ.get("MLFERRY_TOOLS", Path.home() / ".cache" / "mlferry-tools"))
    assert (folder / path).exists(), f"{folder / path} is not there: `make stores` installs it"
    return folder / path


@dataclass(frozen=True)
class Stored:
    """What a store says of one object."""

    size: int
    content_type: str | None
    content_encoding: str | None


class Place:
    """A destination of one test. Names are relative to it, and undecorated."""

    uri: str
    # What a server needs in order to reach it.
    environment: dict[str, str]
    # What a reference server needs.
    reference_environment: dict[str, str]

    def names(self, folder: str = "") -> list[str]:
        """Every object below a folder, in order and relative to the folder."""
        raise NotImplementedError

    def read(self, name: str) -> bytes:
        raise NotImplementedError

    def write(
        self, name: str, data: bytes, content_type: str | None = None, content_encoding: str | None = None
    ) -> None:
        raise NotImplementedError

    def look(self, name: str) -> Stored:
        raise NotImplementedError

    def beside(self, suffix: str) -> Place:
        """The place whose name is this one's with something after it."""
        raise NotImplementedError

    def pending(self) -> list[str]:
        """Multipart uploads that were begun and neither completed nor aborted, by name."""
        return []

    def files(self, folder: str = "") -> dict[str, bytes]:
        prefix = f"{folder}/" if folder else ""
        return {name: self.read(prefix + name) for name in self.names(folder)}


class Store:
    """A server process. `place` makes a destination that nobody else has."""

    name: str

    def place(self) -> Place:
        raise NotImplementedError

    def server_environment(self, endpoint: str | None = None) -> dict[str, str]:
        """What a server needs to reach it, there or at another address that leads to it, such as a proxy's."""
        raise NotImplementedError

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_) -> None:
        pass


class ProcessStore(Store):
    """A store that is a program, run in a temporary folder which goes with it."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=f"mlferry-{self.name}-"))
        self.port = 0
        self.process: subprocess.Popen | None = None

    def command(self) -> list[str | Path]:
        """The command line for `self.port`, after whatever has to lie in `self.root` was put there."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {}

    @property
    def log(self) -> str:
        return (self.root / "log").read_text(errors="replace")

    def __enter__(self) -> ProcessStore:
        try:
            # Another program may take a port between its being found and its being bound.
            for attempt in range(3):
                self.port = free_port()
                if self._start_once():
                    return self
                assert attempt < 2, f"{self.name} did not start; exit {self.process.poll()}, log:\n{self.log}"
            raise AssertionError("unreachable")
        except BaseException:
            self.__exit__()
            raise

    def _start_once(self) -> bool:
        with (self.root / "log").open("wb") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.root,
                env=clean_environment(**self.environment()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(Exception):
                if self.is_ready():
                    return True
            time.sleep(0.05)
        self._end()
        return False

    def _end(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __exit__(self, *_) -> None:
        self._end()
        # `rm` is many times as quick as shutil for the tens of thousands of files that some stores make.
        subprocess.run(["rm", "-rf", self.root], check=False)
