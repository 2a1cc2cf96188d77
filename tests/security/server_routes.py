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
    # Of tokens that are good for it.
    scopes: str
    method: str
    path: str

    @property
    def own_path(self) -> str:
        """The path as its twins share it."""
        return self.path.removeprefix("/ajax-api").removeprefix("/api")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def target(self, name: str = "x") -> str:
        """The path with something, already encoded, in the place of each name."""
        return re.sub(r"\{\*?\w+\}", lambda _: name, self.path)


@functools.cache
def all_lines() -> list[Line]:
    """Every line, in the order of the paths."""
    done = run_binary("routes", cwd=Path("/"))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [Line(*line.split("\t")) for line in done.stdout.splitlines()]
    assert len(lines) > 200
    return lines


@functools.cache
def table() -> list[Line]:
    """The lines of a server without users."""
    return [line for line in all_lines() if not re.search(r"/(?:users|roles|tokens)/|^/signup$|^/oidc/", line.path)]


def access_table() -> str:
    """The lines as docs/access.md shows them: what may be called by whom, twins of a path in one row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for line in all_lines():
        twin = re.match(r"/(?:ajax-)?api(?=/)", line.path)
        prefix = twin[0] if twin else ""
        rows.setdefault((line.path.removeprefix(prefix), line.method, line.access, line.scopes), []).append(prefix)
    shown = []
    for (path, method, access, scopes), prefixes in sorted(rows.items()):
        prefix = f"{{{','.join(sorted(prefixes))}}}" if len(prefixes) > 1 else prefixes[0]
        shown.append(f"| {access} | {scopes.replace(',', ', ')} | {method} | `{prefix}{path}` |\n")
    return "| who | tokens | method | path |\n|---|---|---|---|\n" + "".join(shown)
