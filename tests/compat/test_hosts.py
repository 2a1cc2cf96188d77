"""Hosts that keep files as the destination: what is special of them. The rest is in `destinations/`."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from harness import pattern, run_binary, wait_until
from stores import is_compiled_in

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
        upload.head("PUT", "/api/2.0/mlflow-artifacts/artifacts/d/a.bin", Content_Length=len(data)).send(data[:-1])
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


@pytest.mark.xdist_group("destination sftp")
def test_links_are_followed_to_read_and_never_to_delete(sftp, own_server):
    server = own_server(place=sftp.place())
    server.put("real/a.txt", b"x")
    root = server.place.root
    outside = root.with_name(f"{root.name}-outside")
    outside.mkdir()
    (outside / "b.txt").write_bytes(b"outside")
    (root / "d").mkdir()
    (root / "d" / "link").symlink_to(outside)
    (root / "d" / "dangling").symlink_to(root / "none")
    (root / "d" / "round").symlink_to(root / "d")
    assert server.fetch("d/link/b.txt").body == b"outside"
    assert server.names("d") == ["link", "round"]
    assert server.delete("d").status == 200
    assert not (root / "d").exists()
    assert (outside / "b.txt").read_bytes() == b"outside"


@pytest.mark.xdist_group("destination sftp")
def test_a_connection_that_broke_is_opened_again(sftp, own_server):
    server = own_server(place=sftp.place())
    for number in range(3):
        assert server.put(f"{number}.txt", b"x").status == 200
        children = subprocess.run(["pgrep", "-P", str(server.pid)], capture_output=True, text=True, check=True).stdout
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)
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
    options = ["--artifacts-destination", uri]
    done = run_binary("server", *options, cwd=tmp_path, environment=environment, seconds=60)
    assert done.returncode == 1
    assert word in done.stderr.strip().splitlines()[-1]
    assert "s3cret" not in done.stderr


@pytest.mark.xdist_group("destination ftp")
def test_a_wrong_password_is_said_in_one_line_without_it(stores, tmp_path):
    place = compiled_in(stores["ftp"]).place()
    uri = place.uri.replace("s%40crt", "s3cret")
    done = run_binary("server", "--artifacts-destination", uri, cwd=tmp_path, seconds=60)
    assert done.returncode == 1
    *_, last = done.stderr.strip().splitlines()
    assert "Authentication failed" in last
    assert "s3cret" not in done.stderr
