"""WebHDFS: what its documentation says of a name node and a data node, made of a folder.

No registry has a real one that is small. `Transfer-Encoding`, redirections and the errors are as Hadoop 3 has them.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
import urllib.parse
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from stores.base import Store
from stores.folders import FolderPlace

PREFIX = "/webhdfs/v1"
USER = "somebody"


class Problem(Exception):
    def __init__(self, status: int, exception: str, message: str):
        self.status, self.exception, self.message = status, exception, message


class Node(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.handle_operation()

    do_PUT = do_DELETE = do_GET

    def handle_operation(self) -> None:
        path, _, query = self.path.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query))
        self.name = urllib.parse.unquote(path).removeprefix(PREFIX)
        self.file = self.server.root / self.name.lstrip("/")
        try:
            if self.query.get("user.name") != USER and "data" not in self.query:
                raise Problem(401, "SecurityException", "nobody said who asks")
            getattr(self, self.query["op"].lower())()
        except Problem as problem:
            body = {"exception": problem.exception, "message": problem.message}
            self.answer(problem.status, {"RemoteException": body})
        except FileNotFoundError:
            body = {"exception": "FileNotFoundException", "message": f"File does not exist: {self.name}"}
            self.answer(404, {"RemoteException": body})
        except NotADirectoryError:
            body = {"exception": "ParentNotDirectoryException", "message": f"{self.name} (is not a directory)"}
            self.answer(403, {"RemoteException": body})

    def answer(self, status: int, body=None, location: str = "") -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def describe(self, file: Path, suffix: str) -> dict:
        found = file.stat()
        kind = "DIRECTORY" if file.is_dir() else "FILE"
        size = 0 if file.is_dir() else found.st_size
        return {
            "pathSuffix": suffix,
            "type": kind,
            "length": size,
            "modificationTime": found.st_mtime_ns // 1_000_000,
        }

    def getfilestatus(self) -> None:
        self.answer(200, {"FileStatus": self.describe(self.file, "")})

    def liststatus(self) -> None:
        self.file.stat()
        entries = [(file, file.name) for file in self.file.iterdir()] if self.file.is_dir() else [(self.file, "")]
        listed = [self.describe(file, suffix) for file, suffix in entries]
        self.answer(200, {"FileStatuses": {"FileStatus": listed}})

    def mkdirs(self) -> None:
        try:
            self.file.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError from None
        self.answer(200, {"boolean": True})

    def delete(self) -> None:
        if not self.file.exists():
            self.answer(200, {"boolean": False})
        elif not self.file.is_dir():
            self.file.unlink()
            self.answer(200, {"boolean": True})
        elif self.query.get("recursive") == "true":
            shutil.rmtree(self.file)
            self.answer(200, {"boolean": True})
        elif any(self.file.iterdir()):
            raise Problem(403, "PathIsNotEmptyDirectoryException", f"`{self.name} is non empty': Directory not empty")
        else:
            self.file.rmdir()
            self.answer(200, {"boolean": True})

    def rename(self) -> None:
        to = self.server.root / self.query["destination"].lstrip("/")
        if to.is_dir():
            raise Problem(403, "FileAlreadyExistsException", f"{self.query['destination']} is a directory")
        if self.query.get("renameoptions") != "OVERWRITE":
            self.answer(200, {"boolean": not to.exists()})
        else:
            os.replace(self.file, to)
            self.answer(200)

    def create(self) -> None:
        if "data" not in self.query:
            self.answer(307, location=f"http://127.0.0.1:{self.server.server_port}{self.path}&data=true")
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("wb") as file:
            for piece in self.pieces():
                file.write(piece)
        self.answer(201, location="hdfs://nobody/cares")

    def open(self) -> None:
        if "data" not in self.query:
            self.file.stat()
            self.answer(307, location=f"http://127.0.0.1:{self.server.server_port}{self.path}&data=true")
            return
        with self.file.open("rb") as file:
            file.seek(int(self.query["offset"]))
            data = file.read(int(self.query["length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def pieces(self):
        """The body, in chunks. One that breaks off leaves what there was, as on a data node."""
        assert self.headers["Transfer-Encoding"] == "chunked"
        while size := int(self.rfile.readline() or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        with contextlib.suppress(OSError):
            self.rfile.readline()

    def log_message(self, *_) -> None:
        pass


class WebHdfs(Store):
    name = "hdfs"

    def __init__(self, **operations):
        """`operations` take the place of the node's own, such as `rename`."""
        self.node = type("SpecialNode", (Node,), operations)

    def __enter__(self) -> WebHdfs:
        self.root = Path(tempfile.mkdtemp(prefix="mlferry-hdfs-"))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.node)
        self.server.daemon_threads = True
        self.server.root = self.root
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def place(self) -> FolderPlace:
        name = f"t{uuid.uuid4().hex[:12]}"
        place = FolderPlace(f"hdfs://127.0.0.1:{self.server.server_port}/{name}", self.root / name)
        place.environment = {"MLFLOW_KERBEROS_USER": USER}
        return place

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        shutil.rmtree(self.root, ignore_errors=True)
