"""A graceful stop: requests in flight finish, nothing else keeps the process alive, and it exits 0."""

from __future__ import annotations

import http.client
import random
import signal
import threading
import time

import pytest

from harness import API, ARTIFACTS, RawConnection, pattern, staging_entries, tree, wait_until

DATA = pattern(2_000_000)


def begin_upload(server, path: str = "a.bin") -> RawConnection:
    upload = server.raw()
    upload.head("PUT", f"{ARTIFACTS}/{path}", Content_Length=len(DATA)).send(DATA[:1_000_000])
    wait_until(lambda: staging_entries(server.artifacts), 10, "the upload is not on disk")
    return upload


def accepts(server) -> bool:
    try:
        server.raw(timeout=2).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_at_once_and_exits_0(own_server, number):
    server = own_server()
    begun = time.monotonic()
    server.send_signal(number)
    assert server.wait() == 0
    assert time.monotonic() - begun < 5


def test_an_upload_in_flight_finishes(own_server):
    server = own_server()
    upload = begin_upload(server)
    server.send_signal()
    wait_until(lambda: not accepts(server), 10, "new connections are still accepted")
    time.sleep(0.5)
    upload.send(DATA[1_000_000:])
    assert upload.answer("PUT").status == 200
    assert server.wait(10) == 0
    assert tree(server.artifacts) == {"a.bin": DATA}
    assert [path.name for path in server.artifacts.iterdir()] == ["a.bin"]


def test_a_download_in_flight_finishes(own_server):
    server = own_server()
    big = pattern(30_000_000)
    server.put("big.bin", big)
    with server.raw() as download:
        download.head("GET", f"{ARTIFACTS}/big.bin")
        begin = download.socket.recv(100)
        server.send_signal()
        wait_until(lambda: not accepts(server), 10, "new connections are still accepted")
        time.sleep(0.5)
        assert (begin + download.read_all()).endswith(big[-1_000_000:])
    assert server.wait(10) == 0


def test_a_connection_without_a_request_does_not_delay_the_stop(own_server):
    server = own_server()
    fresh, used = server.raw(), server.raw()
    used.head("GET", "/health")
    assert used.answer().body == b"OK"
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 10
    assert used.read_all() == b""
    fresh.close()


def test_the_grace_bounds_how_long_a_stalled_request_is_waited_for(own_server):
    server = own_server("--shutdown-grace", "1")
    server.put("kept.txt", b"x")
    upload = begin_upload(server)
    begun = time.monotonic()
    server.send_signal()
    server.wait(15)
    assert 0.9 < time.monotonic() - begun < 15
    upload.close()
    assert tree(server.artifacts) == {"kept.txt": b"x"}


def test_a_second_signal_ends_the_waiting(own_server):
    server = own_server("--shutdown-grace", "60")
    upload = begin_upload(server)
    server.send_signal()
    wait_until(lambda: not accepts(server), 10, "the server still listens")
    begun = time.monotonic()
    server.send_signal()
    assert server.wait(15) == 0
    assert time.monotonic() - begun < 15
    upload.close()
    assert tree(server.artifacts) == {}


def test_a_request_within_the_grace_is_not_cut(own_server):
    server = own_server("--shutdown-grace", "20")
    upload = begin_upload(server)
    server.send_signal()
    time.sleep(3)
    upload.send(DATA[1_000_000:])
    assert upload.answer("PUT").status == 200
    assert server.wait(10) == 0
    assert tree(server.artifacts) == {"a.bin": DATA}


def test_records_of_a_stopped_server_are_in_the_database_file_alone(own_server, tmp_path):
    server = own_server(root=tmp_path)
    for number in range(50):
        assert server.api("/experiments/create", {"name": f"e{number}"}).status == 200
    assert server.stop() == 0
    for leftover in tmp_path.glob("mlflow.db-*"):
        leftover.unlink()
    again = own_server(root=tmp_path)
    for number in range(50):
        assert again.api("/experiments/get-by-name", experiment_name=f"e{number}").status == 200


def test_a_stop_and_start_on_the_same_port_works_at_once(own_server):
    server = own_server()
    server.put("a.txt", b"x")
    port = server.port
    with server.raw() as lingering:
        lingering.head("GET", f"{ARTIFACTS}/a.txt")
        assert lingering.answer().body == b"x"
        assert server.stop() == 0
    again = own_server("--artifacts-destination", str(server.artifacts), port=port)
    assert again.fetch("a.txt").body == b"x"


def test_whoever_could_connect_is_answered(own_server):
    """Connections that the system took for the server before it stopped listening: a balancer has sent its request on
    them, and can't repeat one that may have been carried out."""
    server = own_server()
    cut_off, over = [], threading.Event()
    counts = {"answered": 0, "refused": 0}

    def knock() -> None:
        while not over.is_set():
            try:
                connection = server.raw(timeout=20)
            except OSError:
                counts["refused"] += 1
                return
            with connection:
                try:
                    # As a little later on a network.
                    time.sleep(random.uniform(0, 0.01))
                    connection.head("POST", f"{API}/runs/search", Content_Type="application/json", Content_Length=2)
                    assert connection.send(b"{}").answer("POST").status == 200
                    counts["answered"] += 1
                except (OSError, http.client.HTTPException) as error:
                    cut_off.append(error)

    threads = [threading.Thread(target=knock) for _ in range(24)]
    for thread in threads:
        thread.start()
    wait_until(lambda: counts["answered"] > 100, 30, "the server is too slow for this test")
    server.send_signal()
    assert server.wait() == 0
    # Each comes to the end of it by being refused.
    for thread in threads:
        thread.join(30)
    over.set()
    assert cut_off == []
    assert counts["refused"] == len(threads)
