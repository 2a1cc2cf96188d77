"""A full disk: what does not fit fails with 507, keeps nothing, and the server goes on."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import IS_FULL_SIZE, Server, staging_entries, tree, wait_until
from ledger import Load

ROUNDS = 20 if IS_FULL_SIZE else 2
WRITERS, CHANGES, REFUSALS = 4, 60, 20
# A batch of the most params, with values of the most characters.
PARAMS, VALUE = 100, "x" * 6000
MEGABYTE = 1 << 20


def disk_of(megabytes: int, folder: str) -> tuple[str, ...]:
    """A file system of that size on a folder, in a mount namespace of the server's own: no root is needed."""
    mount = f"mkdir -p {folder} && mount -t tmpfs -o size={megabytes}m tmpfs {folder}"
    return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f'{mount} && exec "$0" "$@"')


SMALL_DISK = disk_of(4, "mlartifacts")
# Of a server that keeps everything on one disk.
ON_ONE_DISK = ("--backend-store-uri", "sqlite:///disk/mlflow.db", "--artifacts-destination", "./disk/mlartifacts")


def seen_by(server: Server, folder: str) -> Path:
    """A folder as the server sees it, with what is mounted there."""
    return Path(f"/proc/{server.pid}/root") / (server.root / folder).resolve().relative_to("/")


def free_bytes(disk: Path) -> int:
    state = os.statvfs(disk)
    return state.f_bavail * state.f_frsize


@contextlib.contextmanager
def filled(disk: Path, but: int = 0) -> Iterator[Callable[[], None]]:
    """Leaves so many bytes free; the function fills what has become free since."""
    path = disk / "ballast"
    with path.open("wb") as ballast:

        def fill() -> None:
            more = free_bytes(disk) - but
            with contextlib.suppress(OSError):
                os.posix_fallocate(ballast.fileno(), os.fstat(ballast.fileno()).st_size, max(more, 1))

        fill()
        yield fill
    path.unlink()


def test_an_upload_that_does_not_fit_is_a_507_and_leaves_the_space_free(own_server):
    server = own_server(wrapper=SMALL_DISK)
    assert server.put("kept.bin", b"x" * 1_000_000).status == 200
    for _ in range(3):
        server.put("large.bin", b"x" * 8_000_000).assert_error(507)
        server.put("kept.bin", [b"x" * 1_000_000] * 8, chunked=True).assert_error(507)
    assert server.names() == ["kept.bin"]
    assert server.fetch("kept.bin").body == b"x" * 1_000_000
    assert server.put("fits.bin", b"x" * 2_000_000).status == 200
    assert server.names() == ["fits.bin", "kept.bin"]
    assert tree(server.artifacts) == {}, "the file system is the server's own"
    assert staging_entries(server.artifacts) == []


def test_a_disk_that_fills_up_under_load_loses_nothing(own_server, capsys):
    server = own_server(*ON_ONE_DISK, wrapper=disk_of(96, "disk"))
    disk = seen_by(server, "disk")
    with Load(server, WRITERS) as load:
        for _ in range(ROUNDS):
            load.wait_for(CHANGES)
            goal = load.refusals.total() + REFUSALS
            with filled(disk) as fill_again:
                while load.refusals.total() < goal and not load.surprises:
                    fill_again()
                    time.sleep(0.02)
        # There is room again, and nobody had to be told.
        load.wait_for(CHANGES)
    assert set(load.refusals) <= {503, 507}
    assert load.refusals[507]
    assert staging_entries(disk / "mlartifacts") == []
    with capsys.disabled():
        print(f"\n{load.report('a disk that fills up')}; filled {ROUNDS} times")


def test_a_log_that_finds_no_room_in_the_database_does_so_later(own_server):
    """The write-ahead log is brought to its place at 16 MB; here it finds the disk full, and so do those who write."""
    server = own_server(*ON_ONE_DISK, wrapper=disk_of(192, "disk"))
    disk = seen_by(server, "disk")
    logged: dict[str, set[str]] = {}

    def log() -> int:
        run = server.api("/runs/create", {"experiment_id": "0"})
        if run.status != 200:
            return run.status
        run_id = run.json()["run"]["info"]["run_id"]
        params = [{"key": f"p{number}", "value": VALUE} for number in range(PARAMS)]
        answer = server.api("/runs/log-batch", {"run_id": run_id, "params": params})
        logged[run_id] = {param["key"] for param in params} if answer.status == 200 else set()
        return answer.status

    with filled(disk, but=24 * MEGABYTE):
        statuses = [log() for _ in range(60)]
        assert set(statuses) == {200, 507}, statuses
        # All but what was logged last was not brought to its place.
        assert (disk / "mlflow.db").stat().st_size < 24 * MEGABYTE
    assert [log() for _ in range(60)] == [200] * 60
    wait_until(lambda: (disk / "mlflow.db").stat().st_size > 24 * MEGABYTE, 20, "the log is not brought to its place")
    # It begins anew instead of growing for ever: 36 MB were written before it was brought to its place, and are after.
    assert [log() for _ in range(60)] == [200] * 60
    assert (disk / "mlflow.db-wal").stat().st_size < 72 * MEGABYTE
    for run_id, keys in logged.items():
        params = server.api("/runs/get", run_id=run_id).json()["run"]["data"].get("params", [])
        assert {param["key"] for param in params} == keys
