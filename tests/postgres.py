"""A PostgreSQL cluster for the tests: in a temporary folder, on a free port, gone when they end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from pathlib import Path

import psycopg2

from harness import wait_until
from ports import free_port

START_SECONDS = 60.0
# The account that the server runs under when the tests run as root, which PostgreSQL refuses to do.
ACCOUNT = "postgres"


class DatabaseUri(str):
    """`postgresql://…`, the spelling of libpq."""

    @property
    def sqlalchemy(self) -> str:
        """The spelling that names the driver, which the reference needs."""
        return self.replace("postgresql://", "postgresql+psycopg2://", 1)

    @property
    def name(self) -> str:
        return self.rsplit("/", 1)[1]


def programs() -> Path:
    """The folder with `initdb` and `postgres`: `PGBIN`, then the newest that Debian installed, then pg_config's."""
    if given := os.environ.get("PGBIN"):
        return Path(given)
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if debian:
        return debian[-1]
    asked = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
    return Path(asked.stdout.strip())


class Cluster:
    """One server process with a data folder of its own; acknowledged commits are flushed, as in production,
    unless a test makes many databases that it never crashes."""

    def __init__(self, *, is_durable: bool = True) -> None:
        self.is_durable = is_durable
        # What need not last is kept in memory where the system has such a folder.
        memory = None if is_durable or not Path("/dev/shm").is_dir() else "/dev/shm"
        self.root = Path(tempfile.mkdtemp(prefix="mlferry-pg-", dir=memory))
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        # The server changes to another account, which must be able to write here and to read its way to it.
        self.account = {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}
        if self.account:
            shutil.chown(self.root, ACCOUNT, ACCOUNT)
        self._run("initdb", "--pgdata", self._data, "--username", "postgres", "--auth", "trust", "--no-sync")

    @property
    def _data(self) -> str:
        return str(self.root / "data")

    def _run(self, program: str, *arguments: str) -> None:
        # One locale for all machines: the order of texts depends on it.
        locale = ["--encoding", "UTF8", "--locale", "C.UTF-8"] if program == "initdb" else []
        done = subprocess.run(
            [programs() / program, *arguments, *locale],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            **self.account,
        )
        assert done.returncode == 0, f"{program}: {done.stdout}\n{done.stderr}"

    # Life

    def start(self) -> Cluster:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.root,
            "max_connections": 200,
            "fsync": "on" if self.is_durable else "off",
            "shared_buffers": "64MB",
        }
        line = [programs() / "postgres", "-D", self._data]
        for name, value in settings.items():
            line += ["-c", f"{name}={value}"]
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                line, cwd=self.root, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.account
            )
        self._wait()
        return self

    @property
    def _log_path(self) -> Path:
        return self.root / "log"

    @property
    def log(self) -> str:
        return self._log_path.read_text(errors="replace")

    def _wait(self) -> None:
        wait_until(self._answers, START_SECONDS, "PostgreSQL does not answer")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log
        try:
            psycopg2.connect(self.uri("postgres")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def stop(self, *, immediate: bool = False) -> None:
        """Ends it: connections are cut. `immediate` is a crash: nothing is written any more."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        self.process.wait(timeout=60)

    def restart(self, *, immediate: bool = False) -> None:
        self.stop(immediate=immediate)
        self.start()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stop(immediate=True)
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self) -> Cluster:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_) -> None:
        self.close()

    # Databases

    def uri(self, name: str) -> DatabaseUri:
        return DatabaseUri(f"postgresql://postgres@127.0.0.1:{self.port}/{name}")

    def create_database(self, template: str = "template1") -> DatabaseUri:
        """A database that no other test uses: an empty one, or a copy of one that nobody uses now."""
        name = f"t{uuid.uuid4().hex[:12]}"
        execute(self.uri("postgres"), f"create database {name} template {template}")
        return self.uri(name)

    def schema(self, uri: DatabaseUri) -> str:
        """What `pg_dump --schema-only` says of a database."""
        done = subprocess.run(
            [programs() / "pg_dump", "--schema-only", "--no-owner", uri], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        # Newer releases put a random word around the dump.
        return "".join(
            line for line in done.stdout.splitlines(True) if not line.startswith(("\\restrict", "\\unrestrict"))
        )


def execute(uri: str, statement: str, *values) -> list[tuple]:
    """One statement in a connection of its own; the rows, if it returns any."""
    connection = psycopg2.connect(uri)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
