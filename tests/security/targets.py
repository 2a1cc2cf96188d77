"""What is attacked: a server with a run, a model, a version and a trace that have files, and canaries all around.

A canary is a file that no request may read, change or name: beside the destination, above it, in a folder whose name
begins with the destination's, and, for what belongs to a run, elsewhere in the destination.
"""

from __future__ import annotations

import contextlib
import copy
import http.client
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from attack_surface import WAYS, Way, request
from harness import Answer, Server, entries, tree
from spellings import Spelling
from stores import Place, Stores

SIBLING = "-sibling"
OUTSIDE = f"../{{}}{SIBLING}/canary.txt"
# What the files that attacks usually ask for begin with or contain.
GIVEAWAYS = (b"root:x:0:0:", b"SQLite format 3", b"MLFLOW_SECRET_FOR_TESTS")
# In the environment of the server, for whoever reads /proc/self/environ.
ENVIRONMENT = {"MLFLOW_SECRET_FOR_TESTS": "x"}
# Who is sent past the proxy has no way to the root of the destination.
PROXIED = pytest.mark.not_on("folder")
EVERY_WAY = [pytest.param(way, marks=[PROXIED] if way.base == "root" else [], id=way.name) for way in WAYS]


class Wire:
    """A connection that is kept, on which a target goes out as it is given."""

    def __init__(self, port: int):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(self, method: str, target: str, body: bytes | None = None, headers: dict | None = None) -> Answer:
        try:
            return self._send(method, target, body, headers or {})
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # The server may close after a refusal, as the request of before was one.
            self.connection.close()
            return self._send(method, target, body, headers or {})

    def _send(self, method: str, target: str, body: bytes | None, headers: dict) -> Answer:
        self.connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            self.connection.putheader(name, value)
        if body is not None:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body)
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())


class Target:
    """A server under attack."""

    def __init__(self, name: str, server: Server, folder: Path, place: Place | None):
        self.name, self.server, self.folder, self.place = name, server, folder, place
        self.wire = Wire(server.port)
        self.token = f"CANARY {uuid.uuid4().hex}".encode()
        self.ids: dict[str, str] = {}
        # How many folders lie above what names are relative to, up to the root of the destination.
        self.depths: dict[str, int] = {"root": 0, "page": 0}
        self._make_records()
        self._make_canaries()
        self.before = self.outside()

    # What it holds

    def _make_records(self) -> None:
        server = self.server
        run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]
        self.ids["run"] = run["run_id"]
        model = server.api("/logged-models", {"experiment_id": "0", "name": "model"}).json()["model"]["info"]
        self.ids["model"] = model["model_id"]
        self.ids["version"] = "registered"
        server.api("/registered-models/create", {"name": "registered"})
        message = {"name": "registered", "source": f"runs:/{run['run_id']}/inside", "run_id": run["run_id"]}
        assert server.api("/model-versions/create", message).status == 200
        self.ids["trace"] = trace = f"tr-{uuid.uuid4().hex}"
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}
        info = {"trace_id": trace, "trace_location": place, "request_time": "2026-01-01T00:00:00Z", "state": "OK"}
        started = server.post("/api/3.0/mlflow/traces", {"trace": {"trace_info": info}}).json()
        trace_uri = started["trace"]["trace_info"]["tags"]["mlflow.artifactLocation"]
        bases = {
            "run": run["artifact_uri"],
            "version": f"{run['artifact_uri']}/inside",
            "model": model["artifact_uri"],
            "trace": f"{trace_uri}/attachments",
        }
        self.write("inside/a.txt", b"inside")
        for base, uri in bases.items():
            below = self.below_root(uri)
            self.depths[base] = below.count("/") + 1
            self.write(f"{below}/inside/a.txt", b"inside")

    def below_root(self, uri: str) -> str:
        """The path of a location below the root of the destination."""
        own = self.place.uri if self.place else str(self.folder / "destination")
        return uri.removeprefix(own).removeprefix("mlflow-artifacts:").strip("/")

    def write(self, path: str, data: bytes) -> None:
        if self.place:
            self.place.write(path, data)
        else:
            file = self.folder / "destination" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)

    def read(self, path: str) -> bytes:
        return self.place.read(path) if self.place else (self.folder / "destination" / path).read_bytes()

    def _make_canaries(self) -> None:
        self.write("canary.txt", self.token)
        if self.place:
            self.place.beside(SIBLING).write("canary.txt", self.token)
            self.above().write("canary.txt", self.token)
        (self.folder / "canary.txt").write_bytes(self.token)
        (self.folder / f"destination{SIBLING}").mkdir()
        (self.folder / f"destination{SIBLING}" / "canary.txt").write_bytes(self.token)

    def above(self) -> Place:
        """The place that holds the destination and its sibling."""
        above = copy.copy(self.place)
        above.prefix = self.place.prefix.rsplit("/", 1)[0]
        return above

    def outside(self) -> dict:
        """All that lies outside the destination, and the canary within it."""
        # The database is the server's own, and changes.
        found: dict = {name: data for name, data in tree(self.folder).items() if self._is_outside(name)}
        found["names"] = [name for name in entries(self.folder) if self._is_outside(name)]
        found["within"] = self.read("canary.txt")
        if self.place:
            own = f"{self.place.prefix.rsplit('/', 1)[1]}/"
            keys = [key for key in self.above().names() if not key.startswith(own)]
            found |= {f"key {key}": self.above().read(key) for key in keys}
            found["pending"] = [key for key in self.above().pending() if not key.startswith(own)]
        return found

    @staticmethod
    def _is_outside(name: str) -> bool:
        return not name.startswith(("destination/", "mlflow.db"))

    # What is sent to it

    def relative_targets(self, way: Way) -> list[str]:
        """The canaries, as seen from where names begin."""
        up = "../" * self.depths[way.base]
        own = self.place.prefix.rsplit("/", 1)[1] if self.place else "destination"
        outside = [f"{up}../canary.txt", up + OUTSIDE.format(own)]
        return outside[:1] if way.base == "page" else [*outside, f"{up}canary.txt"][: 3 if up else 2]

    @property
    def absolute_target(self) -> str:
        return f"/{self.above().prefix}/canary.txt" if self.place else str(self.folder / "canary.txt")

    def attack(self, way: Way, twin: str, spelling: Spelling) -> Answer:
        target, body, headers = request(way, twin, spelling, self.ids)
        return self.wire.send(way.method, self.server.prefix + target, body, headers)

    # What it answers

    def tells(self, answer: Answer) -> bool:
        """Whether an answer holds what nobody should see."""
        seen = answer.body + repr(answer.headers.items()).encode()
        return any(secret in seen for secret in (self.token, *GIVEAWAYS))

    def assert_unharmed(self) -> None:
        assert self.outside() == self.before
        assert self.server.get("/health").status == 200
        assert "panicked" not in self.server.log


@contextlib.contextmanager
def target(name: str, stores: Stores) -> Iterator[Target]:
    """`local` and `prefixed` keep files in a folder, which clients of `folder` reach without the proxy; `garage` is S3,
    where runs have places of their own in the bucket."""
    with tempfile.TemporaryDirectory(prefix="mlferry-target-") as root:
        folder = Path(root).resolve()
        page = folder / "destination" / "page"
        page.mkdir(parents=True)
        (page / "index.html").write_text("page")
        options: list[str] = ["--ui-path", str(page)]
        more: dict = {"root": folder, "environment": ENVIRONMENT}
        place = None
        if name == "folder":
            options += ["--no-serve-artifacts", "--default-artifact-root", str(folder / "destination")]
        elif name in {"local", "prefixed"}:
            options += ["--artifacts-destination", str(folder / "destination")]
        else:
            place = stores[name].place()
            options += ["--default-artifact-root", f"{place.uri}/runs", "--presigned-urls", "on"]
            more["place"] = place
        if name == "prefixed":
            options += ["--static-prefix", "/pre/fix"]
            more["prefix"] = "/pre/fix"
        with Server(*options, **more) as server:
            yield Target(name, server, folder, place)
