"""How the server is reached: HTTPS, sockets in the file system, and sockets of a service manager."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from harness import (
    ARTIFACTS,
    binary,
    exchange,
    pattern,
    run_binary,
    run_script,
    staging_entries,
    use_client,
    wait_until,
)
from listening import Authority, Manager, TlsServer, UnixServer, ask_by, handing_over, listening_socket
from ports import free_port

MIB = 1024 * 1024
RESIDENT_LIMIT = 100_000_000


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def start():
    """Starts servers of this test's own."""
    with contextlib.ExitStack() as running:

        def enter(server):
            return running.enter_context(server)

        yield enter


class HalfSent:
    """An upload of `a.bin` whose first half is on the way."""

    def __init__(self, server: TlsServer | UnixServer):
        self.data = pattern(2_000_000)
        self.connection = server.connection()
        self.connection.putrequest("PUT", f"{ARTIFACTS}/a.bin")
        self.connection.putheader("Content-Length", str(len(self.data)))
        self.connection.endheaders(self.data[:1_000_000])

    def finish(self) -> None:
        self.connection.send(self.data[1_000_000:])
        assert self.connection.getresponse().status == 200
        self.connection.close()


@pytest.fixture
def short_path():
    """A folder whose path leaves room for a socket's name."""
    folder = tempfile.mkdtemp(prefix="mlf-", dir="/tmp")
    yield Path(folder)
    shutil.rmtree(folder)


# HTTPS


def test_the_stock_client_works_by_https(start, authority, monkeypatch, tmp_path):
    server = start(TlsServer(*authority.issue().flags, authority=authority))
    assert server.log_line(rf"Listening on https://127\.0\.0\.1:{server.port} ")
    environment = {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_TRACKING_SERVER_CERT_PATH": str(authority.root)}
    run_script("quick_start.py", cwd=tmp_path, environment=environment)

    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(authority.root))
    mlflow = use_client(monkeypatch, server.url)
    big = tmp_path / "big.bin"
    big.write_bytes(pattern(100_000_000))
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 0.5)
        mlflow.log_artifact(str(big))
    assert mlflow.get_run(run.info.run_id).data.metrics == {"m": 0.5}
    (tmp_path / "back").mkdir()
    back = mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="big.bin", dst_path=tmp_path / "back"
    )
    assert Path(back).read_bytes() == big.read_bytes()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_tls_that_are_spoken(start, authority, version):
    server = start(TlsServer(*authority.issue().flags, authority=authority))
    context = authority.context
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with server.secure_socket(context=context) as connection:
        assert connection.version() == version.name.replace("_", ".")
        assert connection.selected_alpn_protocol() == "http/1.1"


def test_who_speaks_plain_http_to_https_is_told_so(start, authority):
    server = start(TlsServer(*authority.issue().flags, authority=authority))
    answer = exchange(server.port, "GET", "/health")
    answer.assert_error(400, "BAD_REQUEST")
    assert "https://" in answer.message
    # A body that nobody takes does not keep the answer from being read.
    exchange(server.port, "PUT", f"{ARTIFACTS}/a", b"x" * 1000).assert_error(400, "BAD_REQUEST")


def test_the_certificate_of_another_web_servers_options_is_used(start, authority):
    pair = authority.issue()
    opts = f"--ssl-certfile {pair.certificate} --ssl-keyfile {pair.key}"
    server = start(TlsServer("--uvicorn-opts", opts, authority=authority))
    assert server.serial() == pair.serial


def test_a_new_certificate_is_taken_without_losing_a_connection(start, authority, tmp_path):
    """As Kubernetes renews it: the files are links, and a folder is exchanged behind them."""
    old, new = authority.issue("old"), authority.issue("new")
    for pair, name in ((old, "1"), (new, "2")):
        (tmp_path / name).mkdir()
        shutil.copy(pair.certificate, tmp_path / name / "tls.crt")
        shutil.copy(pair.key, tmp_path / name / "tls.key")
        # Of one age, so that only the content tells them apart.
        for file in (tmp_path / name).iterdir():
            os.utime(file, (1_700_000_000, 1_700_000_000))
    (tmp_path / "data").symlink_to("1")
    flags = ("--tls-cert", str(tmp_path / "data" / "tls.crt"), "--tls-key", str(tmp_path / "data" / "tls.key"))
    server = start(TlsServer(*flags, authority=authority))
    assert server.serial() == old.serial
    kept = server.connection()
    kept.request("GET", "/health")
    assert kept.getresponse().read() == b"OK"
    upload = HalfSent(server)

    (tmp_path / "next").symlink_to("2")
    (tmp_path / "next").rename(tmp_path / "data")
    wait_until(lambda: server.serial() == new.serial, 30, "the new certificate is not shown")
    assert server.log_line("Read a new certificate")
    kept.request("GET", "/version")
    assert kept.getresponse().status == 200
    upload.finish()
    assert server.fetch("a.bin").body == upload.data
    kept.close()


def test_sighup_reads_the_certificate_and_a_bad_one_changes_nothing(start, authority):
    pair = authority.issue()
    server = start(TlsServer(*pair.flags, authority=authority))
    first = pair.serial
    server.send_signal(signal.SIGHUP)
    server.log_line("The certificate is the same as before")
    other = authority.issue("other")
    shutil.copy(other.certificate, pair.certificate)
    server.send_signal(signal.SIGHUP)
    server.log_line("WARN.*The certificate stays the one it was.*does not belong")
    assert server.serial() == first
    pair.certificate.unlink()
    server.send_signal(signal.SIGHUP)
    server.log_line("WARN.*The certificate stays the one it was.*cannot read --tls-cert")
    assert server.serial() == first
    shutil.copy(other.certificate, pair.certificate)
    shutil.copy(other.key, pair.key)
    server.send_signal(signal.SIGHUP)
    server.log_line("Read a new certificate")
    assert server.serial() == other.serial


def refusal(tmp_path, *arguments: str, environment=None) -> str:
    """What a server that does not start says: one line."""
    ended = run_binary("server", "--port", "0", *arguments, cwd=tmp_path, environment=environment)
    assert ended.returncode == 1, ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("Error: ")]
    assert lines == ended.stderr.splitlines()[-1:], ended.stderr
    return lines[0]


def test_a_certificate_that_can_not_be_used_is_told_at_the_start(authority, tmp_path):
    pair, other = authority.issue(), authority.issue("other")
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n")
    for certificate, key, expected in [
        (pair.certificate, other.key, f"the key in --tls-key '{other.key}' does not belong to the first certificate"),
        (tmp_path / "nope", pair.key, f"cannot read --tls-cert '{tmp_path}/nope': No such file"),
        (pair.certificate, tmp_path / "nope", f"cannot read --tls-key '{tmp_path}/nope': No such file"),
        (pair.certificate, pair.encrypted_key(), "is encrypted, and there is nobody to ask"),
        (pair.certificate, empty, f"--tls-key '{empty}' holds no private key"),
        (empty, pair.key, f"--tls-cert '{empty}' holds no certificate"),
        (pair.key, pair.certificate, f"--tls-cert '{pair.key}' holds no certificate"),
        (broken, pair.key, f"--tls-cert '{broken}' is no valid PEM"),
    ]:
        assert expected in refusal(tmp_path, "--tls-cert", str(certificate), "--tls-key", str(key))
    assert not (tmp_path / "mlflow.db").exists()


def test_one_flag_without_the_other_is_a_mistake(authority, tmp_path):
    pair = authority.issue()
    for arguments, missing in [(pair.flags[:2], "--tls-key"), (pair.flags[2:], "--tls-cert")]:
        ended = run_binary("server", *arguments, cwd=tmp_path)
        assert ended.returncode == 2
        assert f"give {missing} " in ended.stderr


def test_clients_that_never_agree_upon_tls_keep_nobody_waiting(start, authority):
    server = start(TlsServer(*authority.issue().flags, authority=authority))
    silent = [server.raw() for _ in range(100)]
    halfway = [server.raw().send(b"\x16\x03\x01\x02\x00\x01") for _ in range(100)]
    assert server.get("/health").body == b"OK"
    for connection in silent + halfway:
        connection.read_all()
        connection.close()


def test_a_stop_lets_requests_finish_and_waits_for_nobody_else(start, authority):
    server = start(TlsServer(*authority.issue().flags, "--shutdown-grace", "60", authority=authority))
    silent, idle = server.raw(), server.secure_socket()
    upload = HalfSent(server)
    wait_until(lambda: staging_entries(server.artifacts), 10, "the upload is not on disk")
    server.send_signal()
    assert silent.read_all() == b""
    with contextlib.suppress(ssl.SSLEOFError):
        assert idle.recv(100) == b""
    upload.finish()
    begun = time.monotonic()
    assert server.wait() == 0
    assert time.monotonic() - begun < 30
    assert (server.artifacts / "a.bin").read_bytes() == upload.data


def test_memory_does_not_depend_on_what_goes_through_tls(start, authority):
    server = start(TlsServer(*authority.issue().flags, authority=authority))
    count, size, block = 16, 24 * MIB, pattern(MIB)
    statuses = [0] * count

    def upload(number: int) -> None:
        connection = server.connection(timeout=300)
        connection.putrequest("PUT", f"{ARTIFACTS}/{number}.bin")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        for _ in range(size // MIB):
            connection.send(block)
        statuses[number] = connection.getresponse().status
        connection.close()

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * count
    readers = []
    for number in range(32):
        reader = server.secure_socket()
        reader.sendall(f"GET {ARTIFACTS}/{number % count}.bin HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert reader.recv(100).startswith(b"HTTP/1.1 200 ")
        readers.append(reader)
    assert server.fetch("0.bin").body == block * (size // MIB)
    assert server.peak_rss() < RESIDENT_LIMIT
    for reader in readers:
        reader.close()


# Sockets in the file system


def test_a_socket_in_the_file_system_is_served(start, short_path):
    path = short_path / "mlferry.sock"
    server = start(UnixServer("--unix-socket", str(path), path=path))
    assert server.log_line(f"Listening on unix:{path} ")
    data = pattern(5_000_000)
    assert server.put("a.bin", data).status == 200
    assert server.fetch("a.bin").body == data
    # The host and the port of the command line are not listened on.
    with pytest.raises(ConnectionRefusedError):
        exchange(server.port, "GET", "/health")
    # The check is that of ports: a proxy in front passes the name on that a browser gave.
    assert server.get("/version", {"Host": "evil.com"}).status == 200
    assert server.get("/", {"Host": "evil.com"}).status == 403
    assert server.stop() == 0
    assert not path.exists()


def test_permissions_of_a_socket(start, short_path):
    for mode in ("600", "666"):
        path = short_path / mode
        server = start(UnixServer("--unix-socket", str(path), "--unix-socket-mode", mode, path=path))
        assert stat.S_IMODE(path.stat().st_mode) == int(mode, 8)
        assert server.get("/health").status == 200


def test_a_dead_servers_socket_is_replaced_and_a_living_ones_is_not(start, short_path, tmp_path):
    path = short_path / "s"
    dead = start(UnixServer("--unix-socket", str(path), path=path))
    dead.kill()
    assert path.is_socket()
    living = start(UnixServer("--unix-socket", str(path), path=path))
    assert "is in use by a server that runs" in refusal(tmp_path, "--unix-socket", str(path))
    assert living.get("/health").body == b"OK"


def test_a_later_servers_socket_is_not_removed(start, short_path):
    path = short_path / "s"
    first = start(UnixServer("--unix-socket", str(path), path=path))
    path.rename(short_path / "moved")
    second = start(UnixServer("--unix-socket", str(path), path=path))
    assert first.stop() == 0
    assert second.get("/health").body == b"OK"
    assert path.is_socket()


def test_paths_that_can_be_no_socket_are_refused(short_path, tmp_path):
    file = short_path / "file"
    file.write_text("keep")
    assert "is there already and is no socket" in refusal(tmp_path, "--unix-socket", str(file))
    assert file.read_text() == "keep"
    assert "107 bytes" in refusal(tmp_path, "--unix-socket", str(short_path / ("x" * 120)))
    missing = short_path / "nope" / "s"
    assert f"cannot listen on --unix-socket '{missing}'" in refusal(tmp_path, "--unix-socket", str(missing))


def test_an_upload_by_a_socket_finishes_at_a_stop(start, short_path):
    path = short_path / "s"
    server = start(UnixServer("--unix-socket", str(path), path=path))
    upload = HalfSent(server)
    wait_until(lambda: staging_entries(server.artifacts), 10, "the upload is not on disk")
    server.send_signal()
    wait_until(lambda: not path.exists(), 10, "the socket is still there")
    upload.finish()
    assert server.wait() == 0
    assert (server.artifacts / "a.bin").read_bytes() == upload.data


# Sockets of a service manager


def test_a_port_that_is_handed_over_is_served(own_server):
    with listening_socket() as handed:
        port = handed.getsockname()[1]
        # What came before the server ran is answered, too.
        early = socket.create_connection(("127.0.0.1", port))
        early.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        server = own_server(port=port, **handing_over(handed))
        server.log_line(f"Listening on http://127.0.0.1:{port} ")
        assert http_body(early) == b"OK"
        assert server.put("a", b"x").status == 200
        assert server.stop() == 0
        # The socket is the manager's: it still takes clients for the next server.
        again = own_server(port=port, **handing_over(handed), root=None)
        assert again.get("/health").body == b"OK"


def http_body(connection: socket.socket) -> bytes:
    with connection:
        connection.settimeout(30)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response.read()


def test_several_sockets_are_served_and_only_ports_by_https(start, authority, short_path):
    path = short_path / "s"
    with listening_socket() as port, listening_socket(path) as unix:
        number = port.getsockname()[1]
        options = handing_over(port, unix)
        server = start(TlsServer(*authority.issue().flags, authority=authority, port=number, **options))
        for _ in range(3):
            assert server.get("/health").body == b"OK"
            assert ask_by(path).body == b"OK"
        assert server.log_line(f"Listening on unix:{path} ")
        assert server.log_line(f"Listening on https://127.0.0.1:{number} ")
        assert server.stop() == 0
        # It is the manager's to remove.
        assert path.is_socket()


def test_sockets_for_another_process_are_left_alone(own_server):
    with listening_socket() as handed:
        server = own_server(**handing_over(handed, pid="1"))
        assert server.port != handed.getsockname()[1]
        assert server.log_line(f"Listening on http://127.0.0.1:{server.port} ")


def test_what_is_not_listened_on_is_refused(tmp_path):
    for handed in (socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socketpair()[0]):
        with handed:
            options = handing_over(handed)
            ended = subprocess.run(
                [*options["wrapper"], binary(), "server", "--port", str(free_port())],
                cwd=tmp_path,
                pass_fds=options["pass_fds"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        assert ended.returncode == 1, ended.stderr
        assert "socket 1 of those that the service manager hands over" in ended.stderr


def test_a_service_manager_is_told(own_server, short_path):
    manager = Manager(short_path / "notify")
    server = own_server(environment=manager.environment | {"WATCHDOG_USEC": "200000"})
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1")
    manager.wait_for("WATCHDOG=1")
    server.send_signal(signal.SIGHUP)
    manager.wait_for("RELOADING=1")
    manager.wait_for("READY=1")
    assert server.get("/health").body == b"OK"
    server.send_signal()
    manager.wait_for("STOPPING=1")
    assert server.wait() == 0
    manager.close()


# The health check


def check(tmp_path, *arguments: str, environment=None):
    ended = run_binary("healthcheck", *arguments, cwd=tmp_path, environment=environment)
    assert len(ended.stderr.splitlines()) == (0 if ended.returncode == 0 else 1), ended.stderr
    assert ended.stdout == ""
    return ended


def test_a_living_server_is_found_by_flags_variables_and_url(own_server, tmp_path):
    server = own_server("--static-prefix", "/ml", prefix="/ml")
    port = str(server.port)
    assert check(tmp_path, "--port", port, "--static-prefix", "/ml").returncode == 0
    environment = {"MLFLOW_PORT": port, "MLFLOW_HOST": "0.0.0.0", "MLFLOW_STATIC_PREFIX": "/ml"}
    assert check(tmp_path, environment=environment).returncode == 0
    assert check(tmp_path, "--url", server.url, environment={"MLFLOW_PORT": "1"}).returncode == 0
    assert check(tmp_path, "--url", f"{server.url}/").returncode == 0
    wrong = check(tmp_path, "--port", port)
    assert wrong.returncode == 1
    assert f"Error: http://127.0.0.1:{port}/health answered 404: " in wrong.stderr


def test_a_server_that_is_not_there_or_does_not_answer_is_ill(tmp_path):
    port = free_port()
    gone = check(tmp_path, "--port", str(port))
    assert gone.returncode == 1
    assert f"http://127.0.0.1:{port}/health gave no answer: Connection refused" in gone.stderr
    with listening_socket() as silent:
        port = silent.getsockname()[1]
        stuck = check(tmp_path, "--port", str(port), "--timeout", "1s")
    assert stuck.returncode == 1
    assert "gave no answer within 1 s" in stuck.stderr
    assert check(tmp_path, "--unix-socket", "/nope/s").returncode == 1


def test_https_is_checked_for_urls_and_not_for_the_own_server(start, authority, tmp_path):
    pair = authority.issue()
    server = start(TlsServer(*pair.flags, authority=authority))
    assert check(tmp_path, "--port", str(server.port), *pair.flags).returncode == 0
    unknown = check(tmp_path, "--url", server.url)
    assert unknown.returncode == 1
    assert "certificate" in unknown.stderr.lower(), unknown.stderr
    assert check(tmp_path, "--url", server.url, "--insecure").returncode == 0
    # The server is not the one that the flags describe.
    assert check(tmp_path, "--port", str(server.port)).returncode == 1


def test_readiness_is_another_question(tmp_path):
    asked = []

    def answer_once(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            asked.append(connection.recv(4096).split(b" ")[1])
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 15\r\n\r\nno\n database yet")

    with listening_socket() as listening:
        thread = threading.Thread(target=answer_once, args=(listening,))
        thread.start()
        ended = check(tmp_path, "--ready", "--port", str(listening.getsockname()[1]))
        thread.join()
    assert asked == [b"/ready"]
    assert ended.returncode == 1
    assert "/ready answered 503: no database" in ended.stderr


def test_a_socket_is_asked(start, short_path, tmp_path):
    path = short_path / "s"
    start(UnixServer("--unix-socket", str(path), path=path))
    assert check(tmp_path, "--unix-socket", str(path)).returncode == 0
    assert check(tmp_path, environment={"MLFERRY_UNIX_SOCKET": str(path)}).returncode == 0


def test_mistakes_in_a_health_check_are_told(tmp_path):
    for arguments, expected in [
        (["--url", "localhost:5000"], "Invalid value for '--url': 'localhost:5000' is not a URL"),
        (["--port", "0"], "Invalid value for '--port' / '-p': 0 is any port"),
        (["--timeout", "soon"], "Invalid value for '--timeout': 'soon' is not a duration."),
        (["--insecure"], "--insecure is of no use without --url"),
        (["--tls-cert", "c"], "--tls-cert needs its private key"),
    ]:
        ended = run_binary("healthcheck", *arguments, cwd=tmp_path)
        assert ended.returncode == 2, arguments
        assert ended.stderr.startswith("Usage: mlferry healthcheck [OPTIONS]\n"), ended.stderr
        assert expected in ended.stderr
