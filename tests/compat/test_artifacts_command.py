"""`mlferry artifacts`: what lies at a destination is listed, weighed, copied, compared and removed."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from fault_proxy import FaultProxy, Faults
from harness import binary, clean_environment, entries, pattern, run_binary, tree, wait_until
from stores import is_compiled_in
from stores.s3 import BUCKET

# Small, empty, of several parts, and with names that URIs, shells and stores take for something else.
FILES = {
    "a.txt": b"a",
    "a/b.txt": pattern(10_000),
    "a/empty": b"",
    "a/deep/er/c.bin": pattern(20_000_000, seed=1),
    "names/a b+c&d=e.txt": b"1",
    "names/100%.txt": b"2",
    "names/x%20y": b"3",
    "names/ünï/日本.txt": b"4",
    "names/[x]*{y}~'q'\"": b"5",
    "names/.hidden": b"6",
}
BYTES = sum(map(len, FILES.values()))
STORES = ["local", "garage", "azurite", "gcs", "sftp", "ftp", "hdfs", "peer"]


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.xdist_group(f"destination {name}")) for name in STORES])
def place(request, stores):
    """A place of each kind with FILES in it."""
    if not is_compiled_in(stores[request.param]):
        pytest.skip(f"this binary was built without {request.param}")
    place = stores[request.param].place()
    for name, data in FILES.items():
        place.write(name, data)
    return place


@pytest.fixture
def garage(stores):
    return stores["garage"]


@pytest.fixture
def folder(tmp_path) -> Path:
    root = tmp_path / "from here"
    write(root, FILES)
    return root


def write(root: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def artifacts(*words, place=None, environment=None, cwd=None, code: int = 0, seconds: float = 120):
    environment = {**(place.environment if place else {}), **(environment or {})}
    done = run_binary("artifacts", *map(str, words), cwd=cwd or Path("/"), environment=environment, seconds=seconds)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    if code == 0:
        assert done.stderr == "", (words, done.stderr)
    return done


def told(done: subprocess.CompletedProcess) -> str:
    """The one line on stderr."""
    assert done.stderr.startswith("Error: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("Error: ").strip()


def shown(uri: str) -> str:
    """A URI as it is told: without its password."""
    return re.sub(r"(?<=//me:)[^@]+(?=@)", "***", uri)


def in_words(size: int) -> str:
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >> power:
            return f"{(size * 10 >> power) // 10}.{(size * 10 >> power) % 10} {unit}"
    return f"{size} B"


# ls and du


def test_ls_shows_names_and_sizes(place):
    lines = artifacts("ls", place.uri, place=place).stdout.splitlines()
    assert [re.split(r"  +", line.strip())[-1] for line in lines] == ["a/", "a.txt", "names/"]
    assert lines[1] == f"{'1 B':>12}  a.txt"
    objects = [
        json.loads(line) for line in artifacts("ls", f"{place.uri}/a/", "--json", place=place).stdout.splitlines()
    ]
    assert objects == [
        {"path": "b.txt", "is_dir": False, "file_size": 10_000},
        {"path": "deep", "is_dir": True},
        {"path": "empty", "is_dir": False, "file_size": 0},
    ]
    objects = map(json.loads, artifacts("ls", "-r", place.uri, "--json", place=place).stdout.splitlines())
    assert {entry["path"]: entry["file_size"] for entry in objects} == {name: len(FILES[name]) for name in FILES}
    one = artifacts("ls", f"{place.uri}/a/b.txt", place=place).stdout
    assert one == f"{'9.7 KiB':>12}  b.txt\n"


def test_du_weighs_folders(place):
    lines = artifacts("du", place.uri, place=place).stdout.splitlines()
    shown = [re.split(r"  +", line.strip()) for line in lines]
    in_a = sum(len(data) for name, data in FILES.items() if name.startswith("a/"))
    assert shown == [
        [in_words(in_a), "3 files", "a/"],
        ["6 B", "6 files", "names/"],
        [in_words(BYTES), "10 files", "in all"],
    ]
    lines = artifacts("du", place.uri, "--depth", "0", "--json", place=place).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [{"path": None, "files": 10, "bytes": BYTES}]
    deep = artifacts("du", f"{place.uri}/a", "--depth", "9", "--json", place=place).stdout.splitlines()
    assert [json.loads(line)["path"] for line in deep] == ["deep", "deep/er", None]


def test_what_is_not_there_is_told_in_one_line_and_not_made(place, tmp_path):
    nowhere = f"{place.uri}/no/where"
    before = place.names()
    for words in (
        ["ls", nowhere],
        ["du", nowhere],
        ["rm", nowhere],
        ["rm", "-r", nowhere],
        ["cp", nowhere, tmp_path / "x"],
    ):
        assert told(artifacts(*words, place=place, code=1)) == f"there is nothing at '{shown(nowhere)}'"
    assert "there is nothing at" in told(artifacts("verify", f"{place.uri}/a", nowhere, place=place, code=1))
    assert place.names() == before
    assert entries(tmp_path) == []


def test_reading_makes_nothing(folder):
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    (folder / "a").chmod(0o555)
    for words in (["ls"], ["ls", "-r"], ["du"]):
        artifacts(*words, folder)
    artifacts("verify", folder / "a", folder / "a", "--checksum")
    artifacts("rm", folder, "-r", "--dry-run")
    artifacts("cp", folder, folder.parent / "to", "--dry-run")
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]} == before
    assert not (folder.parent / "to").exists()


def test_many_names_are_paged_and_a_reader_may_go(tmp_path):
    write(tmp_path / "many", {f"{number:05}": b"" for number in range(10_500)})
    lines = artifacts("ls", tmp_path / "many").stdout.splitlines()
    assert [line[14:] for line in lines] == [f"{number:05}" for number in range(10_500)]
    piped = f"'{binary()}' artifacts ls '{tmp_path}/many' | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", piped], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [["verify"], ["cp"], ["cp", "--dry-run"]])
def test_a_failure_stays_one_when_nobody_reads_it(tmp_path, words):
    # More lines than a pipe holds are there to be told.
    write(tmp_path / "from", {f"{number:05}": b"x" for number in range(3000)} | {"#": b""})
    (tmp_path / "to").mkdir()
    line = [binary(), "artifacts", *words, str(tmp_path / "from"), str(tmp_path / "to")]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(line, env=clean_environment(), stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert done.returncode == 1, done.stderr
    assert "\nError: " in f"\n{done.stderr}"


@pytest.mark.parametrize("what", ["cp", "verify"])
def test_a_closed_stderr_is_no_crash(tmp_path, what):
    write(tmp_path / "from", {"#": b"", "a": b"a"})
    (tmp_path / "from/link").symlink_to("nowhere")
    line = [binary(), "artifacts", what, str(tmp_path / "from"), str(tmp_path / "to")]
    (tmp_path / "to").mkdir()
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(line, env=clean_environment(), stdout=subprocess.PIPE, stderr=writer, check=False)
    os.close(writer)
    assert done.returncode == 1
    lines = sorted(done.stdout.decode().splitlines())
    # Files are told in the order in which their comparisons end.
    begins = ["Copied 1 file of 1 B"] if what == "cp" else ["The same: 0", "missing: #", "missing: a"]
    assert [line[: len(begin)] for line, begin in zip(lines, begins, strict=True)] == begins


# cp and verify


@pytest.mark.xdist_group("destination garage")
def test_a_tree_goes_round_all_stores(folder, stores, tmp_path):
    at, environment = str(folder), {}
    for name in ("garage", "gcs", "azurite"):
        place = stores[name].place()
        environment |= place.environment
        done = artifacts("cp", at, place.uri, environment=environment)
        assert re.fullmatch(rf"Copied 10 files of {in_words(BYTES)} in [\d.]+ s\.\n", done.stdout), done.stdout
        assert place.files() == FILES
        assert place.pending() == []
        verified = artifacts("verify", at, place.uri, "--checksum", environment=environment).stdout
        assert verified.startswith(f"The same: 10 files of {in_words(BYTES)}. Missing: 0.")
        at = place.uri
    back = tmp_path / "back"
    artifacts("cp", at, back, environment=environment)
    artifacts("verify", folder, back, "--checksum")
    assert tree(back) == FILES
    assert not [name for name in entries(back) if ".mlferry" in name]


def test_one_file_goes_there_and_back(place, tmp_path):
    write(tmp_path, {"x y.bin": pattern(30_000_000, seed=2)})
    file, uri = tmp_path / "x y.bin", f"{place.uri}/one"
    artifacts("cp", file, f"{uri}/", place=place)
    artifacts("cp", file, f"{uri}/other name", place=place)
    # Into a folder that is there.
    artifacts("cp", file, f"{place.uri}/a", place=place)
    for name in ("one/x y.bin", "one/other name", "a/x y.bin"):
        assert place.read(name) == file.read_bytes()
    artifacts("cp", f"{uri}/other name", tmp_path / "new" / "back.bin", place=place)
    artifacts("cp", f"{uri}/other name", tmp_path / "new", place=place)
    artifacts("cp", f"{uri}/other name", f"{tmp_path}/made/", place=place)
    for name in ("new/back.bin", "new/other name", "made/other name"):
        assert (tmp_path / name).read_bytes() == file.read_bytes()
    artifacts("verify", file, f"{uri}/other name", "--checksum", place=place)
    again = artifacts("cp", file, f"{uri}/", place=place).stdout
    assert re.fullmatch(r"Copied 0 files of 0 B in [\d.]+ s; 1 is there already\.\n", again), again
    assert not [name for name in entries(tmp_path) if ".mlferry" in name]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.xdist_group(f"destination {name}")) for name in ("ftp", "hdfs")]
)
def test_uploads_to_a_host_are_staged_in_the_folder_they_go_to(stores, folder, name):
    if not is_compiled_in(stores[name]):
        pytest.skip(f"this binary was built without {name}")
    place = stores[name].place()
    artifacts("cp", folder, place.uri, place=place)
    artifacts("cp", folder / "a.txt", f"{place.uri}/new/", place=place)
    artifacts("cp", folder / "a.txt", f"{place.uri}/new/b.txt", place=place)
    assert place.files() == FILES | {"new/a.txt": b"a", "new/b.txt": b"a"}
    assert place.pending() == []
    assert not (place.root.parent / ".mlferry-staging").exists()


def test_what_is_there_is_passed_over_and_what_differs_is_kept(place, tmp_path):
    there = tmp_path / "there"
    write(there, {"a.txt": b"a", "a/b.txt": b"other", "extra": b"x"})
    dry = artifacts("cp", place.uri, there, "--dry-run", place=place, code=1)
    assert "would copy 'a/empty'" in dry.stdout
    assert entries(there) == ["a", "a.txt", "a/b.txt", "extra"]
    done = artifacts("cp", place.uri, there, place=place, code=1)
    assert "'a/b.txt' is not copied: another file has its name there; --overwrite replaces it" in done.stderr
    assert "Copied 8 files of " in done.stdout
    assert "; 1 is there already." in done.stdout
    assert (there / "a/b.txt").read_bytes() == b"other"
    verified = artifacts("verify", place.uri, there, place=place, code=1)
    assert verified.stdout.splitlines()[:2] == ["size differs: a/b.txt (10000 B, 5 B)", "extra: extra"]
    assert told(verified) == "2 differences found"
    artifacts("cp", place.uri, there, "--overwrite", place=place)
    assert tree(there) == FILES | {"extra": b"x"}


def test_bytes_are_compared_where_that_is_asked_for(place, tmp_path):
    there = tmp_path / "there"
    write(there, FILES | {"a.txt": b"b"})
    artifacts("verify", place.uri, there, place=place)
    assert "bytes differ: a.txt\n" in artifacts("verify", place.uri, there, "--checksum", place=place, code=1).stdout
    assert "; 10 are there already." in artifacts("cp", place.uri, there, place=place).stdout
    artifacts("cp", place.uri, there, "--checksum", place=place, code=1)
    done = artifacts("cp", place.uri, there, "--checksum", "--overwrite", place=place).stdout
    assert re.fullmatch(r"Copied 1 file of 1 B in [\d.]+ s; 9 are there already\.\n", done), done
    assert tree(there) == FILES


def test_a_file_that_is_not_in_a_folder_is_missing(place, folder):
    done = artifacts("verify", folder / "a" / "b.txt", f"{place.uri}/names/", place=place, code=1)
    assert done.stdout.startswith(f"missing: {folder}/a/b.txt\n"), done.stdout
    assert "there is nothing at" in told(
        artifacts("verify", folder / "a" / "b.txt", f"{place.uri}/other/", place=place, code=1)
    )


@pytest.mark.xdist_group("destination azurite")
def test_a_directory_of_azure_is_no_file(stores, tmp_path):
    """Data Lake Storage has directories, each with a blob that says so in its metadata."""
    place = stores["azurite"].place()
    place.write("d/x", b"x")
    place.container.upload_blob(place.key("d"), b"", metadata={"hdi_isfolder": "true"})
    assert "is a folder" in told(artifacts("rm", f"{place.uri}/d", place=place, code=1))
    artifacts("cp", f"{place.uri}/d", tmp_path / "to", place=place)
    assert tree(tmp_path / "to") == {"x": b"x"}


def test_what_comes_while_others_are_copied_is_kept(tmp_path):
    write(tmp_path / "from", {f"{number:03}": pattern(3_000_000, seed=number) for number in range(60)} | {"z": b"z"})
    command = [binary(), "artifacts", "cp", str(tmp_path / "from"), str(tmp_path / "to"), "--jobs", "1"]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as copy:
        wait_until(lambda: (tmp_path / "to/000").exists(), 30, "nothing was copied")
        (tmp_path / "to/z").write_bytes(b"mine")
        stderr = copy.communicate(timeout=60)[1]
    assert stderr.startswith(b"'z' is not copied: another file has its name there; --overwrite replaces it\n")
    assert (tmp_path / "to/z").read_bytes() == b"mine"


@pytest.mark.xdist_group("destination garage")
def test_entity_tags_of_s3_tell_files_of_one_size_apart(garage):
    first, second = garage.place(), garage.place()
    for place in (first, second):
        place.write("same", b"same")
        place.write("other", b"other")
    second.write("other", b"OTHER")
    done = artifacts("cp", first.uri, second.uri, "--overwrite", place=first).stdout
    assert done.startswith("Copied 1 file of 5 B"), done
    assert second.read("other") == b"other"


@contextlib.contextmanager
def copying(garage, source: Path, place, stall_seconds: float):
    """A copy through a slow line, some files of which are there, and one of which is under way in parts."""
    write(source, {f"d{number % 7}/{number:03}": pattern(100_000, seed=number) for number in range(150)})
    write(source, {"0-large": pattern(100_000_000)})
    command = [binary(), "artifacts", "cp", str(source), place.uri, "--jobs", "2"]
    with FaultProxy(garage.port, Faults(1, 1.0, kinds=("stall",), stall_seconds=stall_seconds)) as slow:
        environment = clean_environment(**garage.server_environment(slow.url))
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as running:
            wait_until(lambda: place.pending() and place.names(), 60, "nothing was copied")
            yield running, slow


@pytest.mark.xdist_group("destination garage")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_copy_goes_on(garage, tmp_path, end):
    place = garage.place()
    with copying(garage, tmp_path / "from", place, 0.2) as (running, _):
        running.send_signal(end)
        stderr = running.communicate(timeout=30)[1]
    # What was on its way may still arrive.
    seen = []
    wait_until(lambda: seen.append(place.names()) or seen[-1] in seen[:-1], 30, "the store never came to rest")
    there = len(seen[-1])
    assert 0 < there < 151
    if end == signal.SIGINT:
        assert (running.returncode, stderr) == (1, "Error: interrupted; run it again to go on\n")
        assert place.pending() == []
    done = artifacts("cp", tmp_path / "from", place.uri, place=place).stdout
    assert done.endswith(f"; {there} are there already.\n" if there > 1 else "; 1 is there already.\n"), done
    artifacts("verify", tmp_path / "from", place.uri, "--checksum", place=place)


@pytest.mark.xdist_group("destination garage")
def test_who_interrupts_twice_does_not_wait_for_the_store(garage, tmp_path):
    place = garage.place()
    with copying(garage, tmp_path / "from", place, 0.2) as (running, slow):
        slow.faults = Faults(1, 1.0, kinds=("stall",), stall_seconds=60)
        # Once more for as long as it runs: the first may not have been seen yet.
        wait_until(lambda: running.send_signal(signal.SIGINT) or running.poll() is not None, 10, "it went on")
        assert running.stderr.read() == "Error: interrupted; run it again to go on\n"


def test_a_killed_download_goes_on_and_leaves_nothing(tmp_path):
    write(tmp_path / "from", {f"{number:03}": pattern(3_000_000, seed=number) for number in range(60)})
    command = [binary(), "artifacts", "cp", str(tmp_path / "from"), str(tmp_path / "to"), "--jobs", "2"]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.DEVNULL) as running:
        wait_until(lambda: (tmp_path / "to").is_dir() and len(list((tmp_path / "to").glob("0*"))) > 5, 30, "nothing")
        running.kill()
    assert len(list((tmp_path / "to").glob("0*"))) < 60
    assert all(path.stat().st_size == 3_000_000 for path in (tmp_path / "to").glob("0*"))
    artifacts("cp", tmp_path / "from", tmp_path / "to")
    assert tree(tmp_path / "to") == tree(tmp_path / "from")
    assert not (tmp_path / "to/.mlferry-staging").exists()


def test_a_file_that_fails_is_named_and_the_others_are_copied(place, tmp_path):
    write(tmp_path / "from", {"fine": b"1", "hash#.txt": b"2", "a.txt/x": b"3", "z": b"4"})
    os.symlink("/etc/hostname", tmp_path / "from/link")
    (tmp_path / "from" / os.fsdecode(b"\xff")).write_bytes(b"")
    done = artifacts("cp", tmp_path / "from", place.uri, place=place, code=1)
    lines = done.stderr.splitlines()
    assert "'hash#.txt' is not copied: no artifact may have its name (Invalid path)" in lines
    assert "'link' is left out: the link is absolute, or leads out of the folder" in lines
    assert "'\ufffd' is left out: its name is not UTF-8" in lines
    assert (place.read("fine"), place.read("z")) == (b"1", b"4")
    if lines[-2].startswith("'a.txt/x'"):
        assert re.search(r"a part of its path is a file|is a file there, not a directory|'a.txt'", lines[-2])
    assert lines[-1] in {
        "Error: 3 files are not copied, for the reasons above",
        "Error: 4 files are not copied, for the reasons above",
    }


@pytest.mark.xdist_group("destination azurite")
def test_a_name_that_azure_would_change_is_not_copied(stores, tmp_path):
    place = stores["azurite"].place()
    write(tmp_path / "from", {"a\\b": b"1", "c": b"2"})
    done = artifacts("cp", tmp_path / "from", place.uri, place=place, code=1)
    assert "'a\\b' is not copied: Azure takes a backslash in a name for a slash\n" in done.stderr
    assert place.names() == ["c"]
    artifacts("cp", tmp_path / "from", tmp_path / "to")
    assert tree(tmp_path / "to") == {"a\\b": b"1", "c": b"2"}


@pytest.mark.parametrize(
    ("source", "target"),
    [("", ""), ("", "/a"), ("/a", ""), ("/a/b.txt", "/a/"), ("/a/b.txt", "/a/b.txt"), ("/a/", "/a/new")],
)
def test_a_place_is_not_copied_into_itself(place, source, target):
    before = place.names()
    why = told(artifacts("cp", place.uri + source, place.uri + target, place=place, code=1))
    assert why.endswith("are the same, or one is inside the other")
    assert place.names() == before


def test_a_neighbour_of_a_similar_name_is_another_place(place):
    beside = place.beside("2")
    artifacts("cp", place.uri, beside.uri, place=place)
    artifacts("cp", f"{place.uri}/a/b.txt", f"{place.uri}/a/b", place=place)
    assert beside.files() == FILES
    assert place.read("a/b") == FILES["a/b.txt"]


@pytest.mark.xdist_group("destination garage")
def test_a_store_that_fails_now_and_then_is_copied_from_and_to(garage, tmp_path):
    files = {f"{number:03}": pattern(20_000, seed=number) for number in range(100)} | {"large": pattern(50_000_000)}
    write(tmp_path / "from", files)
    place = garage.place()
    with FaultProxy(garage.port) as proxy:
        environment = garage.server_environment(proxy.url)
        proxy.faults = Faults(7, 0.1, stall_seconds=0.2)
        artifacts("cp", tmp_path / "from", place.uri, environment=environment)
        artifacts("cp", place.uri, tmp_path / "to", environment=environment)
    assert tree(tmp_path / "to") == files
    assert place.pending() == []


@pytest.mark.xdist_group("destination garage")
def test_a_store_that_is_gone_is_one_line(garage, tmp_path):
    write(tmp_path / "from", {"a": b"a"})
    nowhere = {"MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:1"}
    denied = {"AWS_SECRET_ACCESS_KEY": "x" * 64}
    for environment in (nowhere, denied):
        environment = garage.server_environment() | environment
        for words in (
            ["ls", f"s3://{BUCKET}/x"],
            ["cp", tmp_path / "from", f"s3://{BUCKET}/x"],
            ["sweep", f"s3://{BUCKET}"],
        ):
            told(artifacts(*words, environment=environment, code=1))
    missing = told(artifacts("ls", "s3://no-such-bucket", environment=garage.server_environment(), code=1))
    assert "no-such-bucket" in missing


@pytest.mark.xdist_group("destination garage")
def test_copying_to_a_store_that_refuses_stops_soon(garage, tmp_path):
    write(tmp_path / "from", {f"{number:03}": b"x" for number in range(200)})
    done = artifacts("cp", tmp_path / "from", garage.place().uri, environment=garage.reading_key(), code=1)
    lines = done.stderr.splitlines()
    assert lines[-1] == "Error: given up after 24 failures of the store in a row; run it again to go on"
    assert len(lines) == 25


def test_a_terminal_sees_how_far_a_copy_is(tmp_path):
    write(tmp_path / "from", {str(number): pattern(2_000_000) for number in range(30)})
    near, far = pty.openpty()
    command = [binary(), "artifacts", "cp", str(tmp_path / "from"), str(tmp_path / "to")]
    with subprocess.Popen(command, env=clean_environment(TERM="xterm"), stderr=far, stdout=subprocess.PIPE) as running:
        os.close(far)
        shown = b""
        while True:
            try:
                shown += os.read(near, 65536)
            except OSError:
                break
        assert running.stdout.read().startswith(b"Copied 30 files of 57.2 MiB in ")
    os.close(near)
    assert b"/57.22 MiB" in shown
    assert b"/30 files" in shown


# rm


def test_rm_removes_a_file_or_a_folder(place):
    assert artifacts("rm", f"{place.uri}/a.txt", place=place).stdout == f"Removed '{shown(place.uri)}/a.txt'.\n"
    assert told(artifacts("rm", f"{place.uri}/a", place=place, code=1)).endswith(
        "is a folder; --recursive removes it with all that is in it"
    )
    dry = artifacts("rm", f"{place.uri}/a/", "--recursive", "--dry-run", place=place).stdout
    assert dry.splitlines()[:-1] == [f"would remove '{name}'" for name in ("b.txt", "deep/er/c.bin", "empty")]
    assert "a/b.txt" in place.names()
    done = artifacts("rm", f"{place.uri}/a", "--recursive", place=place).stdout
    assert done == f"Removed 3 files of {in_words(20_010_000)} at '{shown(place.uri)}/a'.\n"
    assert place.names() == sorted(name for name in FILES if name.startswith("names/"))


@pytest.mark.xdist_group("destination garage")
def test_a_bucket_is_emptied_only_when_all_is_meant(garage, tmp_path):
    for words in ([], ["--recursive"], ["--all"]):
        for uri in (f"s3://{BUCKET}", f"s3://{BUCKET}/"):
            done = artifacts("rm", uri, *words, environment=garage.server_environment(), code=1)
            assert told(done) == f"'{uri}' is a whole destination; only --recursive --all empties it"
    other = f"{BUCKET}-whole"
    garage.client.create_bucket(Bucket=other)
    for key in ("a", "a/b", "c/d/e"):
        garage.client.put_object(Bucket=other, Key=key, Body=b"x")
    artifacts("rm", f"s3://{other}", "--recursive", "--all", environment=garage.server_environment())
    assert "Contents" not in garage.client.list_objects_v2(Bucket=other)


@pytest.mark.xdist_group("destination garage")
def test_a_file_with_a_folder_of_its_name_is_not_removed_alone(garage):
    place = garage.place()
    place.write("x", b"1")
    place.write("x/y", b"2")
    assert "is a folder" in told(artifacts("rm", f"{place.uri}/x", place=place, code=1))
    assert "shares its name with a file" in told(artifacts("rm", "-r", f"{place.uri}/x/", place=place, code=1))
    dry = artifacts("rm", "-r", "--dry-run", f"{place.uri}/x", place=place).stdout.splitlines()
    assert dry[:-1] == [f"would remove '{place.uri}/x'", "would remove 'y'"]
    assert place.names() == ["x", "x/y"]
    assert artifacts("rm", "-r", f"{place.uri}/x", place=place).stdout.startswith("Removed 2 files of 2 B")
    assert place.names() == []


def test_local_folders_that_nobody_means_are_kept(folder, own_server, tmp_path):
    for path, cwd in ((".", folder), ("..", folder / "a"), (folder, folder / "names")):
        assert "is a whole destination" in told(artifacts("rm", "-r", path, cwd=cwd, code=1))
    assert told(artifacts("rm", "-r", "--all", "/", code=1)) == "'/' is not removed by mlferry"
    server = own_server()
    server.put("x", b"x")
    assert "is a whole destination" in told(artifacts("rm", "-r", server.artifacts, code=1))
    assert tree(folder) == FILES
    (tmp_path / "link").symlink_to(folder / "a.txt")
    (tmp_path / "links").symlink_to(folder)
    assert "leave the slash" in told(artifacts("rm", "-r", f"{tmp_path}/links/", code=1))
    assert tree(folder) == FILES
    artifacts("rm", tmp_path / "link")
    artifacts("rm", tmp_path / "links")
    assert tree(folder) == FILES
    assert not (tmp_path / "link").is_symlink()
    assert not (tmp_path / "links").is_symlink()
    artifacts("rm", "-r", folder)
    assert not folder.exists()


# sweep


@pytest.mark.xdist_group("destination garage")
def test_sweep_gives_up_old_uploads_below_a_place(garage):
    place, beside = garage.place(), garage.place()
    for at in (place, beside):
        for name in ("a/pending 1", "pending 2"):
            begun = garage.client.create_multipart_upload(Bucket=BUCKET, Key=at.key(name))
            part = {"Bucket": BUCKET, "Key": at.key(name), "UploadId": begun["UploadId"]}
            garage.client.upload_part(PartNumber=1, Body=b"x" * 1000, **part)
    place.write("kept.bin", b"kept")
    for age in ([], ["--older-than", "1h"]):
        assert artifacts("sweep", place.uri, *age, place=place).stdout == "Aborted 0 unfinished uploads.\n"
    dry = artifacts("sweep", place.uri, "--older-than", "0s", "--dry-run", place=place).stdout.splitlines()
    assert [re.sub(r"\d+s ago", "1s ago", line) for line in dry] == [
        f"would abort '{place.key('a/pending 1')}', begun 1s ago",
        f"would abort '{place.key('pending 2')}', begun 1s ago",
        "Would abort 2 unfinished uploads.",
    ]
    assert len(place.pending()) == 2
    done = artifacts("sweep", place.uri, "--older-than", "0s", place=place).stdout.splitlines()
    assert done[-1] == "Aborted 2 unfinished uploads."
    assert (place.pending(), len(beside.pending())) == ([], 2)
    assert place.files() == {"kept.bin": b"kept"}
    artifacts("sweep", f"s3://{BUCKET}", "--older-than", "0s", place=place)
    assert beside.pending() == []


@pytest.mark.xdist_group("destination gcs")
def test_sweep_on_google_cloud_storage(stores):
    place = stores["gcs"].place()
    place.front.uploads.begin("artifacts", place.key("x"), {})
    time.sleep(1.1)
    assert artifacts("sweep", place.uri, "--older-than", "1s", place=place).stdout.endswith(
        "Aborted 1 unfinished upload.\n"
    )
    assert place.pending() == []


@pytest.mark.xdist_group("destination azurite")
def test_sweep_has_nothing_to_do_elsewhere(stores, tmp_path):
    place = stores["azurite"].place()
    assert "after a week" in artifacts("sweep", place.uri, place=place).stdout
    assert "next start of a server" in artifacts("sweep", tmp_path / "x").stdout
    assert entries(tmp_path) == []


# The command line


def test_mistakes_are_usage_errors(tmp_path):
    for words, message in (
        (["ls", "dbfs:/x"], "Invalid value for 'DEST': artifact destinations with the 'dbfs' scheme are not supported"),
        (["cp", "a", "s3:///x"], "Invalid value for 'TO': the artifact destination 's3:///x' names no bucket"),
        (["cp", "a", "b", "--jobs", "0"], "Invalid value for '--jobs': 0 is not in the range 1<=x<=256."),
        (["sweep", "s3://b", "--older-than", "soon"], "Invalid value for '--older-than': Could not parse"),
        (["verify", "a"], "Missing argument 'TO'."),
    ):
        done = artifacts(*words, cwd=tmp_path, code=2)
        assert f"\nError: {message}" in done.stderr
        assert done.stderr.startswith(f"Usage: mlferry artifacts {words[0]} [OPTIONS] ")


@pytest.mark.xdist_group("destination garage")
def test_settings_come_from_an_env_file(garage, tmp_path):
    place = garage.place()
    place.write("a", b"a")
    lines = [f"{name}='{value}'" for name, value in garage.server_environment().items()]
    (tmp_path / "env").write_text("\n".join([*lines, "no assignment"]))
    done = run_binary("--env-file", "env", "artifacts", "ls", place.uri, cwd=tmp_path, seconds=60)
    assert (done.returncode, done.stdout) == (0, f"{'1 B':>12}  a\n"), done.stderr
    # Of what it loaded, only what is wrong is told.
    assert done.stderr == f"WARNING: Left out line {len(lines) + 1} of env, which is not of the form NAME=value\n"


def test_secrets_are_not_shown(tmp_path):
    (tmp_path / "env").write_text(
        "MLFLOW_S3_ENDPOINT_URL=http://127.0.0.1:1\nAWS_ACCESS_KEY_ID=hunter\nAWS_SECRET_ACCESS_KEY=hunter2\n"
    )
    done = run_binary("--env-file", "env", "artifacts", "ls", "s3://b/x", cwd=tmp_path, seconds=60)
    assert done.returncode == 1
    assert "hunter" not in done.stderr
    done = artifacts("ls", "sftp://me:hunter2@127.0.0.1:1/x", code=1, seconds=60)
    assert "hunter2" not in done.stderr
