"""A server or bucket whose names lead elsewhere: what is copied from it stays where it should (CVE-2023-6976)."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from archives import unpacked
from harness import ARTIFACTS, Server, entries, run_binary

# No names at all: whoever lists them leaves them out.
NO_NAMES = [
    "../planted",
    "../../planted",
    "a/../../planted",
    "..",
    ".",
    "/tmp/mlferry-planted",
    "//tmp/mlferry-planted",
    "a\0b",
    "a\nb",
    "file:///tmp/mlferry-planted",
    "#/../planted",
    ".mlferry-staging/planted",
    "",
]
# Names like others as they are, which lead elsewhere once they are decoded, or on another system.
DOUBTFUL = ["%2e%2e/planted", "..%2fplanted", "C:/planted"]
# In this folder, there are only names of the first kind.
PLAIN = "plain"


class Hostile(ThreadingHTTPServer):
    """Lists such names beside a file that is fine, in each folder, and has something for each."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.fetched: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{ARTIFACTS}/root"


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        if url.path.rstrip("/") == ARTIFACTS:
            is_plain = urllib.parse.parse_qs(url.query).get("path", [""])[0].endswith(PLAIN)
            names = ["fine.txt", *NO_NAMES, *([] if is_plain else DOUBTFUL)]
            files = [{"path": name, "is_dir": False, "file_size": 7} for name in names]
            folders = [{"path": name, "is_dir": True} for name in ("..", "../other", "/etc")]
            self.answer(json.dumps({"files": files + folders}).encode(), "application/json")
        elif url.path.startswith(ARTIFACTS):
            self.server.fetched.append(url.path)
            is_folder = url.path.rsplit("/", 1)[1] in {"root", "d", PLAIN}
            self.answer(b"{}" if is_folder else b"planted", "text/plain", 404 if is_folder else 200)
        else:
            self.answer(b"{}", "application/json")

    def answer(self, body: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        # Who has heard enough leaves.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def hostile():
    with Hostile() as running:
        yield running
        running.shutdown()


def test_a_copy_holds_nothing_outside_the_folder_it_is_made_in(hostile, tmp_path):
    here = tmp_path / "in" / "here"
    here.mkdir(parents=True)
    done = run_binary("artifacts", "cp", hostile.uri, str(here / "copy"), cwd=here, seconds=60)
    assert done.returncode == 1
    for name in DOUBTFUL:
        assert f"'{name}' is not copied: no artifact may have its name" in done.stderr
    assert entries(tmp_path) == ["in", "in/here", "in/here/copy", "in/here/copy/fine.txt"]


def test_a_server_in_front_of_it_shows_and_packs_no_such_name(hostile):
    with Server("--artifacts-destination", hostile.uri, "--no-destination-check") as server:
        for recursive in ("false", "true"):
            assert server.names("d", recursive=recursive) == sorted([*DOUBTFUL, "fine.txt"])
            assert server.names(PLAIN, recursive=recursive) == ["fine.txt"]
        for kind in ("tar", "zip"):
            # What can't be asked for breaks the archive that should hold it.
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                server.fetch(f"d?archive={kind}")
            whole = server.fetch(f"{PLAIN}?archive={kind}").body
            assert unpacked(whole, kind) == {f"{PLAIN}/fine.txt": b"planted"}
        server.log_line("an archive broke off")
    asked = {urllib.parse.unquote(path).removeprefix(f"{ARTIFACTS}/root") for path in hostile.fetched}
    # Here, a drive is a folder like any other; an archive may have asked for what is in it before it broke off.
    assert asked - {"/d/C:/planted"} <= {"", "/d", "/d/fine.txt", f"/{PLAIN}", f"/{PLAIN}/fine.txt"}
