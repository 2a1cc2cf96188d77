"""FTP: pyftpdlib, in threads of the tests' own process."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import uuid
from pathlib import Path

import pytest

from stores.base import Store
from stores.folders import FolderPlace


class Ftp(Store):
    name = "ftp"

    def __init__(self, **commands):
        """`commands` take the place of the handler's own, such as `ftp_RNTO`."""
        self.commands = commands

    def __enter__(self) -> Ftp:
        pytest.importorskip("pyftpdlib")
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import FTPHandler
        from pyftpdlib.ioloop import IOLoop
        from pyftpdlib.servers import ThreadedFTPServer

        logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
        self.root = Path(tempfile.mkdtemp(prefix="mlferry-ftp-"))
        authorizer = DummyAuthorizer()
        authorizer.add_user("me", "s@crt", str(self.root), perm="elradfmwMT")
        handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, **self.commands})
        # Its default is one for the process, and the end of one server would be that of all.
        self.server = ThreadedFTPServer(("127.0.0.1", 0), handler, ioloop=IOLoop())
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def place(self) -> FolderPlace:
        port = self.server.address[1]
        name = f"t{uuid.uuid4().hex[:12]}"
        return FolderPlace(f"ftp://me:s%40crt@127.0.0.1:{port}/{name}", self.root / name)

    def __exit__(self, *_) -> None:
        self.server.close_all()
        shutil.rmtree(self.root, ignore_errors=True)
