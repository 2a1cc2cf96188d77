"""Folders as archives, from every kind of destination and into it."""

from __future__ import annotations

import io
import subprocess
import tarfile
import time
import zipfile

import pytest

from archives import SENT, TAKEN, compressed, file_info, send, slowly, tar_of, unpacked
from harness import ARTIFACTS, md5_base64, pattern, quoted, sha256_field

FILES = {
    "a.txt": b"hello",
    "d/empty": b"",
    "d/e/one block": pattern(512),
    "d/e/more.bin": pattern(300_017, seed=1),
    "large.bin": pattern(9_000_001, seed=2),
    f"long/{'x' * 90}/{'y' * 90}/{'z' * 90}.txt": b"long",
    "z/日本-ü.txt": "日本".encode(),
}
ODD = {name: name.encode() for name in ["step:3/x", "日本:1", " a ", "a'b", "%41", "100%", "C:x", "~/-x", "a?b;c"]}
TYPES = {"tar": "application/x-tar", "tar.zst": "application/zstd", "zip": "application/zip"}


def store(server, folder: str, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        assert server.put(quoted(f"{folder}/{name}"), data).status == 200


def below(top: str, files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{top}/{name}": data for name, data in files.items()}


@pytest.mark.parametrize("kind", SENT)
def test_a_folder_comes_as_one_archive(server, folder, kind):
    store(server, f"{folder}/my model", FILES)
    store(server, f"{folder}/my model 2", {"other": b"x"})
    answer = server.fetch(f"{folder}/my%20model?archive={kind}")
    assert answer.status == 200, answer.body[:1000]
    assert answer.headers["content-type"] == TYPES[kind]
    assert answer.headers["content-disposition"] == f'attachment; filename="my model.{kind}"'
    assert "content-length" not in answer.headers
    found = unpacked(answer.body, kind)
    assert found == below("my model", FILES)
    assert list(found) == [f"my model/{name}" for name in server.names(f"{folder}/my model", recursive="true")]


@pytest.mark.not_on("reference")
@pytest.mark.parametrize("kind", SENT)
def test_odd_names_are_kept(server, folder, kind):
    store(server, folder, ODD)
    found = unpacked(server.fetch(f"{folder}?archive={kind}").body, kind)
    assert found == below(folder, ODD)


def test_members_have_the_time_of_their_files(server, folder):
    before = int(time.time()) - 2
    store(server, folder, {"a": b"x"})
    with tarfile.open(fileobj=io.BytesIO(server.fetch(f"{folder}?archive=tar").body)) as archive:
        assert before <= archive.getmember(f"{folder}/a").mtime <= time.time() + 2
    with zipfile.ZipFile(io.BytesIO(server.fetch(f"{folder}/?archive=zip").body)) as archive:
        assert archive.infolist()[0].date_time >= time.gmtime(before - 2)[:6]


@pytest.mark.parametrize("kind", SENT)
def test_head_tells_the_headers_and_sends_nothing(server, folder, kind):
    store(server, folder, {"a": b"x"})
    answer = server.head(f"{folder}?archive={kind}")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == TYPES[kind]
    assert answer.headers["content-disposition"] == f"attachment; filename={folder}.{kind}"
    assert "content-length" not in answer.headers
    assert server.head(f"{folder}/none?archive={kind}").status == 404
    assert server.head(f"{folder}/a?archive={kind}").status == 400


def test_what_is_no_folder_is_refused(server, folder):
    store(server, folder, {"a": b"x"})
    server.fetch(f"{folder}/none?archive=tar").assert_error(404, "RESOURCE_DOES_NOT_EXIST")
    answer = server.fetch(f"{folder}/a?archive=zip").assert_error(400, "INVALID_PARAMETER_VALUE")
    assert "without 'archive'" in answer.message
    for value in ("", "rar", "TAR"):
        answer = server.fetch(f"{folder}?archive={value}").assert_error(400, "INVALID_PARAMETER_VALUE")
        assert f"'{value}'" in answer.message
        assert "tar, tar.zst or zip" in answer.message
    for path in ("", "%20", "."):
        answer = server.fetch(f"{path}?archive=tar").assert_error(400, "INVALID_PARAMETER_VALUE")
        assert "root" in answer.message
    server.fetch("..?archive=tar").assert_error(400)


def test_other_queries_are_ignored(server, folder):
    store(server, folder, {"a": b"x"})
    assert server.fetch(f"{folder}/a?archives=tar&x=%zz").body == b"x"
    assert server.fetch(f"{folder}/a?extract=tar").body == b"x"
    assert server.put(f"{folder}/b?archive=tar&x", b"y").status == 200
    assert server.names(folder, archive="tar") == ["a", "b"]
    assert server.get(f"{ARTIFACTS}?path={folder}&archive=tar").headers["content-type"] == "application/json"


def test_a_run_s_folder_and_a_whole_run_come_as_archives(server):
    run_id = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    store(server, f"0/{run_id}/artifacts", {"a": b"1", "m/b": b"2"})
    for query, expected in [
        ("path=", {f"{run_id}/a": b"1", f"{run_id}/m/b": b"2"}),
        ("path=m", {"m/b": b"2"}),
    ]:
        answer = server.get(f"/get-artifact?run_id={run_id}&{query}&archive=tar")
        assert answer.status == 200
        assert unpacked(answer.body, "tar") == expected
        top = next(iter(expected)).split("/")[0]
        assert answer.headers["content-disposition"] == f"attachment; filename={top}.tar"
    server.get(f"/get-artifact?run_id={run_id}&path=a&archive=tar").assert_error(400)
    server.get(f"/get-artifact?run_id={run_id}&path=none&archive=tar").assert_error(404)
    server.get("/get-artifact?run_id=none&path=&archive=tar").assert_error(404)


@pytest.mark.parametrize("kind", TAKEN)
@pytest.mark.parametrize("tar_format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_an_archive_is_unpacked(server, folder, kind, tar_format):
    data = compressed(tar_of(FILES, tar_format), kind)
    answer = send(server, f"{folder}/in", data, kind)
    assert answer.status == 200, answer.body
    assert answer.json() == {"files": len(FILES), "bytes": sum(map(len, FILES.values()))}
    assert server.stored(f"{folder}/in") == FILES
    assert server.pending() == []


@pytest.mark.parametrize("kind", ["tar", "tar.zst"])
def test_what_was_downloaded_can_be_uploaded(server, folder, kind):
    store(server, f"{folder}/a", FILES)
    archive = server.fetch(f"{folder}/a?archive={kind}").body
    assert send(server, f"{folder}/b/", archive, kind).status == 200
    assert server.stored(f"{folder}/b") == below("a", FILES)


def test_an_archive_replaces_files_and_leaves_others(server, folder):
    store(server, folder, {"a": b"old", "b": b"kept"})
    pieces = [tar_of({"./a": b"new", "./c/d": b"more"})]
    assert send(server, folder, pieces, chunked=True).json() == {"files": 2, "bytes": 7}
    assert server.stored(folder) == {"a": b"new", "b": b"kept", "c/d": b"more"}


def member(name: str = "evil", kind: bytes = tarfile.REGTYPE, target: str = "", data: bytes = b"", **pax) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(file_info("first", b"1"), io.BytesIO(b"1"))
        info = file_info(name, data)
        info.type, info.linkname, info.pax_headers = kind, target, pax
        archive.addfile(info, io.BytesIO(data))
        archive.addfile(file_info("last", b"2"), io.BytesIO(b"2"))
    return made.getvalue()


HOSTILE = {
    "absolute": (member("/tmp/evil"), "/tmp/evil"),
    "parent": (member("../evil"), "../evil"),
    "hidden parent": (member("a/../../evil"), "a/../../evil"),
    "encoded parent": (member("%2e%2e/evil"), "%2e%2e/evil"),
    "pax parent": (member("fine", path="../evil"), "../evil"),
    "windows": (member("C:\\evil"), "C:\\evil"),
    "staging": (member(".mlferry-staging/evil"), ".mlferry-staging/evil"),
    "parent folder": (member("../evil", tarfile.DIRTYPE), "../evil"),
    "not normal": (member("a/./evil"), "a/./evil"),
    "symbolic link": (member(kind=tarfile.SYMTYPE, target="/etc/passwd"), "--dereference"),
    "hard link": (member(kind=tarfile.LNKTYPE, target="first"), "--hard-dereference"),
    "device": (member(kind=tarfile.CHRTYPE), "device"),
    "block device": (member(kind=tarfile.BLKTYPE), "device"),
    "pipe": (member(kind=tarfile.FIFOTYPE), "pipe"),
    "contiguous": (member(kind=tarfile.CONTTYPE), "type '7'"),
    "sparse": (member(**{"GNU.sparse.size": "5", "GNU.sparse.map": "0,5"}), "--sparse"),
    "twice": (member("first"), "twice"),
    "twice in other words": (member("./first"), "twice"),
    "too long": (member("x" * 300), "300 bytes"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_member_that_must_not_be_is_refused_by_its_name(server, folder, kind):
    data, words = HOSTILE[kind]
    answer = send(server, f"{folder}/in", data).assert_error(400, "INVALID_PARAMETER_VALUE")
    assert words in answer.message
    assert "1 file of it is stored" in answer.message
    assert server.stored(folder) == {"in/first": b"1"}
    assert server.pending() == []


@pytest.mark.parametrize(
    "name", ["x" * 900_000, f"a{'/' * 900_000}b/c", f"{'y/' * 450_000}z"], ids=["long", "slashes", "deep"]
)
def test_an_error_quotes_the_beginning_of_a_name_that_is_very_long(server, folder, name):
    for data in (member(name), tar_of({name: b""}, tarfile.GNU_FORMAT)):
        answer = send(server, f"{folder}/in", data).assert_error(400, "INVALID_PARAMETER_VALUE")
        assert f"'{name[:200]}" in answer.message
        assert "…" in answer.message
        assert "stored" in answer.message
        assert len(answer.body) < 2000


@pytest.fixture(scope="session")
def sparse(tmp_path_factory):
    """Archives by `tar --sparse` with one file of so many holes that its header does not name all of them."""
    folder = tmp_path_factory.mktemp("sparse")

    def made(name: str) -> bytes:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("wb") as file:
            for number in range(60):
                file.seek(number * 100_000)
                file.write(b"x" * 1000)
        options = ["--sparse", "--hole-detection=raw", "--format=gnu", "-c"]
        return subprocess.run(["tar", "-C", folder, *options, name], capture_output=True, check=True).stdout

    return made


@pytest.mark.parametrize("name", ["holes.bin", f"{'d' * 60}/{'h' * 60}.bin"], ids=["short", "long"])
@pytest.mark.parametrize("before", [{}, {"first": pattern(1000)}], ids=["first", "second"])
def test_a_sparse_file_is_refused_however_it_comes_in(server, folder, sparse, name, before):
    data = b"".join(file_info(*one).tobuf() + one[1].ljust(1024, b"\0") for one in before.items()) + sparse(name)
    header = next(
        at for at in range(0, len(data), 512) if data[at + 156 : at + 157] + data[at + 257 : at + 262] == b"Sustar"
    )
    # Behind the header, there is more of it. A reader that waits for that must not forget the member.
    for pieces in ([data], *(slowly(data[:cut], data[cut:]) for cut in (header + 512, header + 612, header + 1024))):
        answer = send(server, f"{folder}/in", pieces, chunked=True).assert_error(400, "INVALID_PARAMETER_VALUE")
        assert name[:100] in answer.message
        assert "without `--sparse`" in answer.message
        assert server.stored(f"{folder}/in") == before
    assert server.pending() == []


def test_what_is_no_whole_archive_is_refused(server, folder):
    whole = tar_of({"a": b"1", "b": pattern(600_000)})
    for number, (data, stored) in enumerate(
        [
            (b"", []),
            (b"hello", []),
            (pattern(2000), []),
            (whole[:1024], ["a"]),
            (whole[:1100], ["a"]),
            (whole[:300_000], ["a"]),
            (whole[: whole.index(b"\0" * 1024, 602_000)], ["a", "b"]),
            (whole + whole, ["a", "b"]),
        ]
    ):
        answer = send(server, f"{folder}/{number}", data).assert_error(400)
        files = len(stored)
        words = {0: "Nothing of it is", 1: "1 file of it is"}.get(files, f"{files} files of it are")
        assert f"{words} stored" in answer.message
        assert sorted(server.stored(f"{folder}/{number}")) == stored
    for kind in ("tar.gz", "tar.zst"):
        packed = compressed(whole, kind)
        for data in (packed[:-10], packed[:200], whole, b""):
            send(server, f"{folder}/cut", data, kind).assert_error(400)
    assert server.pending() == []


def test_an_empty_archive_holds_nothing(server, folder):
    assert send(server, folder, tar_of({})).json() == {"files": 0, "bytes": 0}
    assert server.stored(folder) == {}


def test_promises_that_can_t_be_kept_are_refused(server, folder):
    data = tar_of({"a": b"1"})
    for headers in [
        {"If-None-Match": "*"},
        {"If-Match": '"x"'},
        {"Content-MD5": md5_base64(data)},
        {"Content-Digest": sha256_field(data)},
        {"Repr-Digest": sha256_field(data)},
    ]:
        answer = send(server, folder, data, headers=headers).assert_error(400, "INVALID_PARAMETER_VALUE")
        assert "'extract'" in answer.message
    for kind, words in [("zip", "at its end"), ("", "tar, tar.gz or tar.zst"), ("tgz", "tar, tar.gz or tar.zst")]:
        assert words in send(server, folder, data, kind).assert_error(400).message
    for path in ("", "..", "a/../b", "a/./b"):
        send(server, path, data).assert_error(400)
    assert server.stored(folder) == {}


@pytest.mark.not_on("garage", "azurite", "gcs", "reference")
def test_a_member_below_a_file_is_a_conflict(server, folder):
    store(server, folder, {"a": b"1"})
    # What another server refuses is a refusal.
    answer = send(server, folder, tar_of({"b": b"2", "a/c": b"3"}))
    assert answer.status in {400, 409}
    assert "'a/c'" in answer.message


def test_the_operator_s_limit_holds_for_each_member(own_server):
    server = own_server("--max-artifact-size", "1000")
    data = tar_of({"a": pattern(1000), "b": pattern(900), "c": pattern(1001), "d": b"x"})
    answer = send(server, "in", data)
    assert answer.status == 413
    assert "'c'" in answer.message
    assert sorted(server.stored()) == ["in/a", "in/b"]


MANY = {f"d{number % 7}/{number:05}.txt": b"%d" % number for number in range(3000)}


@pytest.mark.not_on("azurite", "gcs", "sftp", "peer", "reference")
def test_thousands_of_small_files_go_in_and_out(server, folder):
    assert send(server, folder, tar_of(MANY)).json()["files"] == len(MANY)
    for kind in ("tar", "zip"):
        assert unpacked(server.fetch(f"{folder}?archive={kind}").body, kind) == below(folder, MANY)
