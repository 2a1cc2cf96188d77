"""What the server writes beside the artifacts: nothing in a folder that others share (CVE-2022-0736 and the like)."""

from __future__ import annotations

import os
import stat

from archives import send, tar_of
from harness import ARTIFACTS, Server, pattern, run_binary, staging_entries, wait_until
from ports import free_port


def modes(root) -> dict[str, int]:
    return {str(path): stat.S_IMODE(path.lstat().st_mode) for path in root.rglob("*")}


def test_nothing_goes_to_a_shared_folder_and_nothing_is_open_to_all(tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    open_to_all = ("sh", "-c", 'umask 022; exec "$0" "$@"')
    variables = {
        name: str(temporary) for name in ("TMPDIR", "TMP", "TEMP", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "HOME")
    }
    with Server(environment=variables, wrapper=open_to_all) as server:
        data = pattern(3_000_000)
        server.put("d/a.bin", data)
        assert send(server, "d/in", tar_of({"x": data})).status == 200
        assert server.fetch("d?archive=zip").status == 200
        run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        server.request("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=x", b"x")
        with server.raw() as upload:
            upload.head("PUT", f"{ARTIFACTS}/d/b.bin", Content_Length=len(data)).send(data[:-1])
            wait_until(lambda: staging_entries(server.artifacts), 10, "nothing is staged")
            found = modes(server.root)
            assert [path for path, mode in found.items() if mode & (stat.S_IWGRP | stat.S_IWOTH)] == []
            # The folder of unfinished uploads has a name that nobody can guess.
            [name] = [name for name in os.listdir(server.artifacts / ".mlferry-staging") if name != "lock"]
            assert len(name) == 32
    assert list(temporary.rglob("*")) == []


def test_a_staging_folder_that_somebody_made_a_link_out_of_the_destination_stops_the_start(tmp_path):
    elsewhere, destination = tmp_path / "elsewhere", tmp_path / "mlartifacts"
    for folder in (elsewhere, destination):
        folder.mkdir()
    (destination / ".mlferry-staging").symlink_to(elsewhere)
    done = run_binary("server", "--port", str(free_port()), cwd=tmp_path)
    assert done.returncode == 1
    assert "cannot write to the artifact destination ./mlartifacts: a path led outside" in done.stderr
    assert list(elsewhere.iterdir()) == []
