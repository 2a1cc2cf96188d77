"""Archives that break in the middle, that are large, and that hold very much."""

from __future__ import annotations

import contextlib
import http.client
import ntpath
import os
import tarfile
import zipfile

import pytest

from archives import compressed, send, tar_of, unpacked, zstd
from fault_proxy import FaultProxy, Faults
from harness import ARTIFACTS, entries, pattern, quoted, wait_until

MEGABYTE = 1_000_000
PIECE = pattern(4 * MEGABYTE)


@contextlib.contextmanager
def reading(server, target: str):
    """A download of which the first bytes have come."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        assert answer.status == 200
        assert len(answer.read(1000)) == 1000
        yield answer
    finally:
        connection.close()


def descriptors(server) -> int:
    return len(os.listdir(f"/proc/{server.pid}/fd"))


@pytest.fixture
def filled(own_server):
    """A server with a folder that no socket's buffers hold."""
    server = own_server()
    folder = server.artifacts / "big"
    folder.mkdir(parents=True)
    for number in range(20):
        (folder / f"{number:02}.bin").write_bytes(PIECE)
    return server


@pytest.mark.parametrize("kind", ["tar", "tar.zst", "zip"])
def test_a_file_that_shrinks_breaks_the_connection(own_server, kind):
    server = own_server()
    (server.artifacts / "one").mkdir(parents=True)
    with (server.artifacts / "one/file").open("wb") as file:
        for _ in range(20):
            file.write(PIECE)
    with reading(server, f"{ARTIFACTS}/one?archive={kind}") as answer:
        os.truncate(server.artifacts / "one/file", MEGABYTE)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    server.log_line("an archive broke off")


def test_an_old_version_of_http_that_knows_no_broken_answers_gets_none(filled):
    for method, status in [("GET", 400), ("HEAD", 200)]:
        with filled.raw() as old:
            old.send(f"{method} {ARTIFACTS}/big?archive=tar HTTP/1.0\r\nHost: localhost\r\n\r\n")
            answer = old.answer(method)
        assert answer.status == status
    with filled.raw() as old:
        old.send(f"GET {ARTIFACTS}/big?archive=tar HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert "proxy_http_version 1.1" in old.answer().message


def test_a_file_that_is_deleted_meanwhile_is_left_out(filled):
    with reading(filled, f"{ARTIFACTS}/big?archive=tar") as answer:
        assert filled.delete("big/19.bin").status == 200
        rest = answer.read()
    assert len(rest) + 1000 == 19 * (512 + len(PIECE) + -len(PIECE) % 512) + 1024


@pytest.mark.parametrize("kind", ["tar", "tar.zst", "zip"])
def test_a_reader_that_leaves_costs_nothing_afterwards(filled, kind):
    filled.fetch("big/00.bin")
    before = descriptors(filled)
    for _ in range(5):
        with reading(filled, f"{ARTIFACTS}/big?archive={kind}"):
            pass
    wait_until(lambda: descriptors(filled) <= before + 1, 10, "files of a reader that left stay open")
    assert "broke off" not in filled.log


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_sender_that_leaves_leaves_what_was_complete(own_server, leave):
    server = own_server()
    data = tar_of({"small": b"1", "large": PIECE, "cut": PIECE, "never": b"2"})
    sent = data[: 2 * len(PIECE) - MEGABYTE]
    upload = server.raw().head("PUT", f"{ARTIFACTS}/in?extract=tar", Content_Length=len(data)).send(sent)
    wait_until(lambda: (server.artifacts / "in/large").exists(), 10, "the first large member is not stored")
    getattr(upload, leave)()
    wait_until(lambda: not server.pending(), 10, "something of the cut member stays")
    assert sorted(server.stored("in")) == ["large", "small"]


def test_a_large_member_is_not_seen_before_it_is_complete(own_server):
    server = own_server()
    data = tar_of({"large": PIECE})
    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/in?extract=tar", Content_Length=len(data)).send(data[: 3 * MEGABYTE])
        wait_until(server.pending, 10, "nothing is staged")
        assert server.names() == []
        upload.send(data[3 * MEGABYTE :])
        assert upload.answer("PUT").json() == {"files": 1, "bytes": len(PIECE)}


def test_a_link_in_the_destination_does_not_lead_out(own_server, tmp_path):
    server = own_server()
    server.put("in/x", b"1")
    (server.artifacts / "in/out").symlink_to(tmp_path)
    answer = send(server, "in", tar_of({"out/evil": b"evil"})).assert_error(400)
    assert "'out/evil'" in answer.message
    assert entries(tmp_path) == []
    (tmp_path / "secret").write_bytes(b"secret")
    assert unpacked(server.fetch("in?archive=tar").body, "tar") == {"in/x": b"1"}


def test_no_name_in_a_zip_leads_out_where_backslashes_divide_names(own_server):
    server = own_server()
    names = ["a\\..\\..\\..\\b", "..\\c", "d/e\\.. \\f", "plain\\g", "..h"]
    for name in names:
        assert server.put(quoted(f"d/{name}"), name.encode()).status == 200
    # What an unpacker on Windows makes of it is below the folder.
    found = unpacked(server.fetch("d?archive=zip").body, "zip")
    assert all(ntpath.normpath(name).startswith("d\\") for name in found)
    assert {name.replace("%5C", "\\"): data for name, data in found.items()} == {f"d/{it}": it.encode() for it in names}
    assert "d/plain\\g" in found
    assert list(unpacked(server.fetch("d?archive=tar").body, "tar")) == sorted(f"d/{name}" for name in names)


def test_an_empty_folder_is_an_empty_archive(own_server):
    server = own_server()
    (server.artifacts / "d/e").mkdir(parents=True)
    for kind in ("tar", "tar.zst", "zip"):
        assert unpacked(server.fetch(f"d?archive={kind}").body, kind) == {}


LARGE = 160 * MEGABYTE
RESIDENT_LIMIT = 100_000_000


def test_memory_does_not_depend_on_the_size_of_a_file(own_server):
    server = own_server()
    (server.artifacts / "d").mkdir(parents=True)
    with (server.artifacts / "d/large.bin").open("wb") as file:
        for _ in range(LARGE // len(PIECE)):
            file.write(PIECE)
    received = server.root / "received.tar"
    with reading(server, f"{ARTIFACTS}/d?archive=tar") as answer, received.open("wb") as file:
        file.write(b"\0" * 1000)
        while piece := answer.read(MEGABYTE):
            file.write(piece)
    assert received.stat().st_size == 512 + LARGE + -LARGE % 512 + 1024
    with server.raw(timeout=120) as upload, received.open("rb") as file:
        head = tarfile.TarInfo("large.bin")
        head.size = LARGE
        upload.head("PUT", f"{ARTIFACTS}/in?extract=tar", Content_Length=received.stat().st_size)
        upload.send(head.tobuf())
        file.seek(512)
        while piece := file.read(MEGABYTE):
            upload.send(piece)
        assert upload.answer("PUT").json() == {"files": 1, "bytes": LARGE}
    assert (server.artifacts / "in/large.bin").stat().st_size == LARGE
    assert server.peak_rss() < RESIDENT_LIMIT


def test_readers_that_stall_in_archives_of_small_files_cost_little_memory(own_server):
    server = own_server()
    folder = server.artifacts / "d"
    folder.mkdir(parents=True)
    for number in range(100):
        (folder / f"{number:03}").write_bytes(PIECE[: 250 * 1024])
    readers = [server.raw().head("GET", f"{ARTIFACTS}/d?archive=tar") for _ in range(64)]
    for reader in readers:
        assert reader.socket.recv(100).startswith(b"HTTP/1.1 200 ")
    assert server.fetch("d/000").status == 200
    assert server.peak_rss() < RESIDENT_LIMIT
    for reader in readers:
        reader.close()


def test_a_name_without_end_is_not_gathered(own_server):
    server = own_server()
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 200 * MEGABYTE
    data = name.tobuf(tarfile.GNU_FORMAT) + b"x" * name.size
    for kind in ("tar", "tar.zst"):
        answer = send(server, "in", compressed(data, kind), kind)
        assert answer.status == 400
        assert "names or attributes of megabytes" in answer.message
    assert server.peak_rss() < RESIDENT_LIMIT


def test_a_window_of_much_memory_is_refused(own_server):
    server = own_server()
    data = tar_of({"a": PIECE * 3})
    answer = send(server, "in", zstd("--long=27", data=data), "tar.zst").assert_error(400)
    assert "--long" in answer.message


def test_a_zip_of_more_than_65535_files_is_read(own_server, tmp_path):
    server = own_server()
    folder = server.artifacts / "d"
    folder.mkdir(parents=True)
    for number in range(66_000):
        (folder / f"{number:05}").touch()
    (tmp_path / "d.zip").write_bytes(server.request("GET", f"{ARTIFACTS}/d?archive=zip", timeout=300).body)
    with zipfile.ZipFile(tmp_path / "d.zip") as archive:
        assert archive.namelist() == [f"d/{number:05}" for number in range(66_000)]


@pytest.mark.xdist_group("destination garage")
class TestStore:
    @pytest.fixture
    def proxy(self, stores):
        with FaultProxy(stores["garage"].port) as running:
            yield running

    @pytest.fixture
    def behind(self, stores, proxy, own_server):
        place = stores["garage"].place()
        place.environment = stores["garage"].server_environment(proxy.url)
        return own_server(place=place)

    @pytest.mark.parametrize("kind", ["tar", "tar.zst", "zip"])
    def test_a_store_that_fails_in_the_middle_breaks_the_connection(self, behind, proxy, kind):
        for number in range(12):
            behind.place.write(f"d/{number:02}.bin", PIECE)
        with reading(behind, f"{ARTIFACTS}/d?archive={kind}") as answer:
            proxy.faults = Faults(1, 1.0, kinds=("503",))
            with pytest.raises((http.client.IncompleteRead, ConnectionError)):
                answer.read()
        proxy.faults = None
        behind.log_line("an archive broke off")
        assert len(unpacked(behind.fetch(f"d?archive={kind}").body, kind)) == 12

    def test_an_archive_arrives_whole_or_says_what_is_stored(self, behind, proxy):
        files = {f"{number:03}": pattern(10_000, seed=number) for number in range(200)}
        files["large"] = PIECE * 3
        proxy.faults = Faults(3, 0.1)
        data = tar_of(files)
        answers = [send(behind, f"t{turn}", data, timeout=300) for turn in range(3)]
        proxy.faults = None
        for turn, answer in enumerate(answers):
            there = behind.stored(f"t{turn}")
            assert all(files[name] == stored for name, stored in there.items())
            if answer.status == 200:
                assert there == files
            else:
                assert answer.status in {500, 502, 503, 504}
                assert "stored." in answer.message

    def test_small_files_are_fetched_and_stored_side_by_side(self, behind, proxy):
        files = {f"{number:03}": b"x" * 1000 for number in range(100)}
        proxy.forget()
        assert send(behind, "d", tar_of(files)).status == 200
        assert proxy.most_at_once > 3
        assert len([request for request in proxy.requests if request.method == "PUT"]) == 100
        proxy.forget()
        assert len(unpacked(behind.fetch("d?archive=tar").body, "tar")) == 100
        assert 3 < proxy.most_at_once <= 10
        # One request for each file, and a list.
        assert len(proxy.requests) <= 105


def test_files_that_need_sixty_four_bits_have_them(own_server):
    """A size that only a header tells: the file is cut, so that nothing of nine gigabytes is sent."""
    server = own_server()
    (server.artifacts / "d").mkdir(parents=True)
    with (server.artifacts / "d/huge").open("wb") as file:
        file.truncate(9 << 30)
    with server.raw() as reader:
        reader.head("GET", f"{ARTIFACTS}/d?archive=tar")
        received = b""
        while len(received.partition(b"\r\n\r\n")[2]) < 1024:
            received += reader.socket.recv(65536)
    _, _, body = received.partition(b"\r\n\r\n")
    info = tarfile.TarInfo.frombuf(body.partition(b"\r\n")[2][:512], "utf-8", "strict")
    assert (info.name, info.size) == ("d/huge", 9 << 30)
