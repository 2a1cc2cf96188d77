"""The route table of the binary, as `mlferry routes` prints it, and requests for its lines."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from harness import run_binary

CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
# What watches a server asks for these under any name of it.
PROBES = {"/health", "/version", "/ready", "/metrics"}


@dataclass(frozen=True)
class Line:
    access: str
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def target(self, name: str = "x") -> str:
        """The path with something, already encoded, in the place of each name."""
        return re.sub(r"\{\*?\w+\}", lambda _: name, self.path)


@functools.cache
def table() -> list[Line]:
    """Every line, in the order of the paths."""
    done = run_binary("routes", cwd=Path("/"))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [Line(*line.split("\t")) for line in done.stdout.splitlines()]
    assert len(lines) > 200
    return lines
