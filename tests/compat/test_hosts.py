"""Hosts that keep files as the destination: what is special of them. The rest is in `destinations/`."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness import ARTIFACTS, pattern, run_binary, wait_until
from ports import free_port
from stores import is_compiled_in
from stores.ftp import Ftp
from stores.webhdfs import Node, Problem, WebHdfs

HOSTS = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"destination {name}"), id=name)
    for name in ("sftp", "ftp", "hdfs")
]


def compiled_in(store):
    if not is_compiled_in(store):
        pytest.skip(f"this binary was built without {store.name}")
    return store


@pytest.fixture(params=HOSTS)
def host(request, stores):
    return compiled_in(stores[request.param])


@pytest.fixture
def sftp(stores):
    return compiled_in(stores["sftp"])


def test_an_upload_is_staged_where_no_listing_shows_it(host, own_server):
    server = own_server(place=host.place())
    data = pattern(20_000_000)
    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/d/a.bin", Content_Length=len(data)).send(data[:-1])
        wait_until(server.pending, 10, "nothing is staged")
        assert (server.names(), server.names(recursive="true")) == ([], [])
        upload.send(data[-1:])
        assert upload.answer("PUT").status == 200
    assert (server.pending(), server.stored()) == ([], {"d/a.bin": data})


def test_a_folder_is_deleted_with_its_empty_folders(host, own_server):
    server = own_server(place=host.place())
    for path in ("d/a.txt", "d/e/f/b.txt", "kept"):
        server.put(path, b"x")
    (server.place.root / "d" / "empty" / "deep").mkdir(parents=True)
    assert server.delete("d").status == 200
    assert not (server.place.root / "d").exists()
    assert server.names() == ["kept"]


@pytest.mark.parametrize("name", HOSTS[:2])
def test_links_are_followed_to_read_and_never_to_delete(stores, own_server, name):
    server = own_server(place=compiled_in(stores[name]).place())
    server.put("real/a.txt", b"x")
    root = server.place.root
    outside = root.with_name(f"{root.name}-outside")
    outside.mkdir()
    (outside / "b.txt").write_bytes(b"outside")
    (root / "d").mkdir()
    (root / "d" / "link").symlink_to(outside)
    (root / "d" / "round").symlink_to(root / "d")
    if name == "sftp":
        # FTP lists none that lead nowhere.
        (root / "d" / "dangling").symlink_to(root / "none")
    assert server.fetch("d/link/b.txt").body == b"outside"
    assert server.names("d") == ["link", "round"]
    assert server.delete("d").status == 200
    assert not (root / "d").exists()
    assert (outside / "b.txt").read_bytes() == b"outside"


@pytest.mark.xdist_group("destination sftp")
def test_links_that_lead_in_circles_do_not_lengthen_a_listing(sftp, own_server):
    server = own_server(place=sftp.place())
    server.put("d/e/a.txt", b"x")
    for number in range(5):
        (server.place.root / "d" / f"round{number}").symlink_to(server.place.root / "d")
    assert server.names("d", recursive="true") == ["e/a.txt"]
    assert server.names("d") == ["e", *(f"round{number}" for number in range(5))]


@pytest.mark.xdist_group("destination sftp")
def test_a_connection_that_broke_is_opened_again(sftp, own_server):
    server = own_server(place=sftp.place())
    find = ["pgrep", "--parent", str(server.pid)]
    running = [*find, "--runstates", "RSDT"]
    for number in range(3):
        assert server.put(f"{number}.txt", b"x").status == 200
        children = subprocess.run(find, capture_output=True, text=True, check=True).stdout
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)
        # An upload that is under way when its connection breaks has to be sent again by its client.
        wait_until(lambda: subprocess.run(running, check=False).returncode == 1, 10, "ssh outlives its end")
    assert server.names() == ["0.txt", "1.txt", "2.txt"]


@pytest.mark.xdist_group("destination sftp")
@pytest.mark.parametrize("wrong", ["password", "host key", "user key"])
def test_what_ssh_refuses_is_said_in_one_line(sftp, tmp_path, wrong):
    place = sftp.place()
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    uri = place.uri
    if wrong == "password":
        uri = uri.replace("@", ":s3cret@")
        word = "a password in an sftp: URI can't be used"
    elif wrong == "host key":
        (home / ".ssh" / "config").write_text(f"Host *\n    UserKnownHostsFile {home}/none\n")
        word = "Host key verification failed"
    else:
        known = sftp.root / "known_hosts"
        text = f"Host *\n    UserKnownHostsFile {known}\n    IdentityFile none\n    IdentitiesOnly yes\n"
        (home / ".ssh" / "config").write_text(text)
        word = "Permission denied"
    environment = {"HOME": str(home)}
    options = ["--artifacts-destination", uri, "--port", str(free_port())]
    done = run_binary("server", *options, cwd=tmp_path, environment=environment, seconds=60)
    assert done.returncode == 1
    assert word in done.stderr.strip().splitlines()[-1]
    assert "s3cret" not in done.stderr


@pytest.mark.xdist_group("destination ftp")
def test_a_wrong_password_is_said_in_one_line_without_it(stores, tmp_path):
    place = compiled_in(stores["ftp"]).place()
    uri = place.uri.replace("s%40crt", "s3cret")
    options = ["--artifacts-destination", uri, "--port", str(free_port())]
    done = run_binary("server", *options, cwd=tmp_path, seconds=60)
    assert done.returncode == 1
    *_, last = done.stderr.strip().splitlines()
    assert "Authentication failed" in last
    assert "s3cret" not in done.stderr


# Hosts that refuse, or whose answers are lost


@pytest.fixture
def special(stores, own_server):
    """A server whose destination is a host of which some commands do something else."""
    with contextlib.ExitStack() as hosts:

        def start(store, *options):
            host = hosts.enter_context(store)
            compiled_in(stores[host.name])
            return own_server(*options, place=host.place())

        yield start


def handler():
    pytest.importorskip("pyftpdlib")
    from pyftpdlib.handlers import FTPHandler

    return FTPHandler


def answer_lost(self, path):
    """The first time that something is replaced, nobody hears that it was."""
    if os.path.exists(path) and not getattr(self.server, "is_lost", False):
        self.server.is_lost = True
        os.replace(self._rnfr, path)
        self.close()
    else:
        handler().ftp_RNTO(self, path)


def replaces_nothing(self, path):
    if os.path.exists(path):
        self.respond("550 File exists.")
    else:
        handler().ftp_RNTO(self, path)


def never_in_place(self, path):
    if path.endswith("/d/a.txt") and self.server.refuses and not self._rnfr.endswith(".old"):
        self.respond("550 File exists.")
    else:
        handler().ftp_RNTO(self, path)


def busy(self, path):
    if self.server.refuses:
        self.respond("421 Too busy.")
        self.close_when_done()
    else:
        handler().ftp_RNTO(self, path)


@pytest.mark.parametrize("rename", [answer_lost, replaces_nothing], ids=lambda rename: rename.__name__)
def test_an_upload_replaces_on_any_host(special, rename):
    server = special(Ftp(ftp_RNTO=rename))
    for data in (b"old", b"new"):
        assert server.put("d/a.txt", data).status == 200
        assert (server.stored(), server.pending()) == ({"d/a.txt": data}, [])


@pytest.mark.parametrize("rename", [never_in_place, busy], ids=lambda rename: rename.__name__)
def test_an_upload_that_can_not_replace_leaves_what_was_there(special, rename):
    store = Ftp(ftp_RNTO=rename)
    with store:
        store.server.refuses = False
        server = special(contextlib.nullcontext(store))
        assert server.put("d/a.txt", b"old").status == 200
        store.server.refuses = True
        assert server.put("d/a.txt", b"new").status >= 400
        wait_until(lambda: not server.pending(), 10, "something is still staged")
        assert server.stored() == {"d/a.txt": b"old"}


def test_http_fs_replaces_files_and_no_folders(special):
    """It ignores the option to overwrite, and moves a file into a folder of that name."""

    def rename(self):
        to = self.server.root / self.query["destination"].lstrip("/")
        to = to / self.file.name if to.is_dir() else to
        if not to.exists():
            self.file.rename(to)
            self.answer(200, {"boolean": True})
        else:
            self.answer(200, {"boolean": False})

    server = special(WebHdfs(rename=rename))
    for data in (b"old", b"new"):
        assert server.put("d/a.txt", data).status == 200
    assert server.put("d", b"x").status == 400
    wait_until(lambda: not server.pending(), 10, "something is still staged")
    assert server.stored() == {"d/a.txt": b"new"}


def refusing(command, answer, suffix):
    def refuse(self, path, *arguments, **options):
        if path.endswith(suffix):
            self.respond(answer)
            return None
        return getattr(handler(), command)(self, path, *arguments, **options)

    return {command: refuse}


@pytest.mark.parametrize("path", ["d", "d/kept.txt"])
def test_a_delete_that_the_host_refuses_is_no_success(special, path):
    server = special(Ftp(**refusing("ftp_DELE", "550 Permission denied.", "/kept.txt")))
    server.put("d/kept.txt", b"x")
    assert server.delete(path).status == 403
    assert server.stored() == {"d/kept.txt": b"x"}


@pytest.mark.parametrize(
    ("command", "answer", "status"),
    [
        ("ftp_RETR", "550 Permission denied.", 403),
        ("ftp_STOR", "550 Permission denied.", 403),
        ("ftp_STOR", "452 No space left.", 507),
        ("ftp_STOR", "552 Quota exceeded.", 507),
    ],
)
def test_what_an_ftp_host_refuses_is_told_apart(special, command, answer, status):
    store = Ftp(**refusing(command, answer, ""))
    server = special(store, "--no-destination-check")
    (server.place.root).mkdir()
    server.place.write("a.txt", b"x")
    done = server.fetch("a.txt") if command == "ftp_RETR" else server.put("b.txt", b"x")
    assert done.status == status
    assert answer[4:] in done.message


@pytest.mark.parametrize("exception", ["IOException", "RetriableException"])
def test_what_may_pass_on_hdfs_may_be_tried_again(special, exception):
    def refuse(self):
        raise Problem(403, exception, "could only be written to 0 of the 1 minReplication nodes")

    server = special(WebHdfs(create=refuse), "--no-destination-check")
    assert server.put("a.txt", b"x").status == 503


# Files that change


def growing(command):
    """A file that is replaced by a longer one between the question for its size and for its bytes."""

    def read(self, *arguments):
        file = Path(arguments[0]) if arguments else self.file
        if file.name == "a.txt":
            other = file.with_name("other")
            other.write_bytes(b"longer than before")
            os.replace(other, file)
        return getattr(handler() if arguments else Node, command)(self, *arguments)

    return {command: read}


@pytest.mark.parametrize("name", ["ftp", "hdfs"])
def test_a_file_that_is_replaced_is_never_read_in_part(special, name):
    store = Ftp(**growing("ftp_RETR")) if name == "ftp" else WebHdfs(**growing("open"))
    server = special(store)
    server.place.write("a.txt", b"short")
    try:
        answer = server.fetch("a.txt")
    except (ConnectionError, http.client.HTTPException):
        return
    assert answer.status == 503


@pytest.mark.parametrize("name", HOSTS[:2])
def test_a_file_of_the_same_second_is_not_taken_for_its_successor(stores, own_server, tmp_path, name):
    options = ["--artifact-cache", str(tmp_path / "cache"), "--artifact-cache-size", "100M"]
    server = own_server(*options, place=compiled_in(stores[name]).place())
    second = time.time()
    for data in (b"old", b"new"):
        server.place.write("a.txt", data)
        os.utime(server.place.root / "a.txt", (second, second))
        for _ in range(2):
            assert server.fetch("a.txt").body == data
