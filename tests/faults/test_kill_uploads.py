"""kill -9 during uploads: nothing half-written is ever visible, and nothing of it stays after the next start."""

from __future__ import annotations

import contextlib
import http.client
import threading

import pytest

from harness import ARTIFACTS, ON_DISK_BYTES, Server, pattern, staging_entries, tree, wait_until

UPLOADS = 200
COMPLETE = 60
SIZE = 2 * ON_DISK_BYTES


def body(number: int, generation: int = 0) -> bytes:
    return pattern(SIZE + number, seed=generation * 1000 + number)


def visible(server: Server) -> dict[str, bytes]:
    """What is on disk under a real name."""
    hidden = set(staging_entries(server.artifacts))
    return {name: content for name, content in tree(server.artifacts).items() if name not in hidden}


def assert_as_listed(server: Server, expected: dict[str, bytes]) -> None:
    """Disk, listing and downloads all show exactly this, and no staging is left."""
    assert tree(server.artifacts) == expected
    assert staging_entries(server.artifacts) == []
    assert server.names(recursive="true") == sorted(expected)
    for name, content in expected.items():
        assert server.fetch(name).body == content


def test_a_kill_in_the_middle_of_200_uploads_leaves_only_the_complete_ones(own_server, tmp_path):
    server = own_server(root=tmp_path)
    uploads = []
    for number in range(UPLOADS):
        upload = server.raw()
        uploads.append(upload)
        upload.head("PUT", f"{ARTIFACTS}/d{number % 7}/f{number:03}.bin", Content_Length=len(body(number)))
        upload.send(body(number)[: SIZE // 2])
    expected = {}
    for number in range(COMPLETE):
        uploads[number].send(body(number)[SIZE // 2 :])
        assert uploads[number].answer("PUT").status == 200
        expected[f"d{number % 7}/f{number:03}.bin"] = body(number)
    wait_until(lambda: len(staging_entries(server.artifacts)) == UPLOADS - COMPLETE, 20, "uploads are not on disk")
    assert server.names(recursive="true") == sorted(expected)

    server.kill()
    for upload in uploads:
        upload.close()
    assert visible(server) == expected

    again = own_server(root=tmp_path)
    assert_as_listed(again, expected)


@pytest.mark.parametrize("kill_after", [1, 40, 100, 160])
def test_a_kill_at_any_moment_keeps_every_answered_upload_and_no_part_of_another(own_server, tmp_path, kill_after):
    server = own_server(root=tmp_path)
    answered: set[str] = set()
    files = {f"d{number % 7}/f{number:03}.bin": body(number) for number in range(UPLOADS)}
    waiting = iter(files.items())
    lock, enough = threading.Lock(), threading.Event()

    def upload() -> None:
        while True:
            with lock:
                name, content = next(waiting, (None, None))
            if name is None:
                return
            with contextlib.suppress(OSError, http.client.HTTPException):
                if server.put(name, content).status == 200:
                    answered.add(name)
            if len(answered) >= kill_after:
                enough.set()

    threads = [threading.Thread(target=upload) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    server.kill()
    for thread in threads:
        thread.join()

    kept = visible(server)
    assert {name: files[name] for name in kept} == kept
    assert answered <= set(kept)
    assert len(answered) < UPLOADS

    again = own_server(root=tmp_path)
    assert_as_listed(again, kept)


def test_a_kill_during_replacements_leaves_the_old_content(own_server, tmp_path):
    server = own_server(root=tmp_path)
    old = {f"f{number}.bin": body(number) for number in range(20)}
    for name, content in old.items():
        server.put(name, content)
    uploads = []
    for number, name in enumerate(old):
        new = body(number, generation=1)
        uploads.append(server.raw().head("PUT", f"{ARTIFACTS}/{name}", Content_Length=len(new)).send(new[:-1]))
    wait_until(lambda: len(staging_entries(server.artifacts)) == len(old), 10, "uploads are not on disk")
    server.kill()
    for upload in uploads:
        upload.close()
    assert visible(server) == old
    assert_as_listed(own_server(root=tmp_path), old)


def test_a_start_sweeps_what_killed_servers_left_and_nothing_else(own_server, tmp_path):
    for attempt in range(3):
        server = own_server(root=tmp_path)
        server.put(f"kept{attempt}.bin", b"kept")
        with server.raw() as upload:
            upload.head("PUT", f"{ARTIFACTS}/half.bin", Content_Length=SIZE).send(pattern(ON_DISK_BYTES))
            wait_until(lambda server=server: staging_entries(server.artifacts), 10, "the upload is not on disk")
            server.kill()
    assert_as_listed(own_server(root=tmp_path), {f"kept{attempt}.bin": b"kept" for attempt in range(3)})


def test_a_second_server_on_the_same_folder_does_not_sweep_uploads_in_flight(own_server, tmp_path):
    first = own_server("--artifacts-destination", str(tmp_path / "shared"))
    data = pattern(SIZE)
    with first.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/a.bin", Content_Length=len(data)).send(data[:ON_DISK_BYTES])
        wait_until(lambda: staging_entries(tmp_path / "shared"), 10, "the upload is not on disk")
        second = own_server("--artifacts-destination", str(tmp_path / "shared"))
        upload.send(data[ON_DISK_BYTES:])
        assert upload.answer("PUT").status == 200
    assert second.fetch("a.bin").body == data


def test_a_clean_stop_leaves_exactly_the_artifacts(own_server):
    server = own_server()
    server.put("d/a.txt", b"x")
    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/half.bin", Content_Length=SIZE).send(pattern(ON_DISK_BYTES))
        wait_until(lambda: staging_entries(server.artifacts), 10, "the upload is not on disk")
    wait_until(lambda: not staging_entries(server.artifacts), 10, "the staging file stays")
    assert server.stop() == 0
    assert sorted(path.name for path in server.artifacts.iterdir()) == ["d"]
    assert tree(server.artifacts) == {"d/a.txt": b"x"}
