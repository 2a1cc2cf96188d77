"""Links, pipes and devices in the destination, which somebody with a shell on the machine made: none leads out."""

from __future__ import annotations

import os
import shutil

import pytest

from archives import unpacked
from spellings import Spelling, plain
from targets import EVERY_WAY, PROXIED, Target

# An object store has none, and a prefix of URLs changes nothing.
pytestmark = pytest.mark.not_on("garage", "prefixed")

BELOW = ["escape/canary.txt", "escape/destination-sibling/canary.txt", "absolute/etc/passwd", "process/root/etc/passwd"]
THEMSELVES = ["secret", "escape", "absolute", "dangling", "round", "pipe", "null"]


def make_links(attacked: Target, folder: str) -> None:
    here = attacked.folder / "destination" / folder
    here.mkdir(parents=True, exist_ok=True)
    for name, to in {
        "escape": str(attacked.folder),
        "secret": str(attacked.folder / "canary.txt"),
        "absolute": "/",
        "process": "/proc/self",
        "dangling": str(attacked.folder / "new.txt"),
        "round": "round",
    }.items():
        (here / name).unlink(missing_ok=True)
        (here / name).symlink_to(to)
    for name in ("pipe", "null"):
        (here / name).unlink(missing_ok=True)
    os.mkfifo(here / "pipe")
    if os.geteuid() == 0:
        os.mknod(here / "null", 0o20666, os.makedev(1, 5))


@pytest.fixture
def linked(attacked):
    """Folders with links at the root of the destination, and where the run and the model keep their files."""
    server, ids = attacked.server, attacked.ids
    run = server.api("/runs/get", run_id=ids["run"]).json()["run"]["info"]["artifact_uri"]
    model = server.api(f"/logged-models/{ids['model']}").json()["model"]["info"]["artifact_uri"]
    folders = ["links", f"{attacked.below_root(run)}/links", f"{attacked.below_root(model)}/links"]
    folders += [f"{attacked.below_root(run)}/inside/links"]

    def renew() -> None:
        for folder in folders:
            make_links(attacked, folder)

    renew()
    yield renew
    for folder in folders:
        shutil.rmtree(attacked.folder / "destination" / folder, ignore_errors=True)


@pytest.mark.parametrize("way", [way for way in EVERY_WAY if way.values[0].base not in {"page", "trace"}])
def test_no_link_leads_out(attacked, linked, way):
    failures = []
    for name in [*BELOW, *THEMSELVES]:
        linked()
        path = f"links/{name}"
        spelling = Spelling(path, "plain", plain(path), f'"{path}"')
        for twin in way.twins[:1]:
            answer = attacked.attack(way, twin, spelling)
            # A link itself may be replaced or removed; what is behind it may not be reached.
            is_link_changed = name in THEMSELVES and way.method in {"PUT", "DELETE", "POST"}
            is_refused = 400 <= answer.status < 500 or answer.status == 501 or way.route == "/graphql"
            # What is no folder is listed as an empty one.
            is_empty = way.name.startswith("list") and answer.status == 200 and "files" not in answer.json()
            if attacked.tells(answer) or not (is_refused or is_empty or (is_link_changed and answer.status == 200)):
                failures.append(f"{name} → {answer.status} {answer.body[:200]!r}")
    assert failures == []
    attacked.assert_unharmed()


def test_what_is_listed_or_packed_beside_links_is_not_behind_them(attacked, linked):
    run = attacked.ids["run"]
    listings = [f"/api/2.0/mlflow/artifacts/list?run_id={run}&path=links"]
    archives = [f"/get-artifact?run_id={run}&path=links&archive=zip", f"/get-artifact?run_id={run}&path=&archive=zip"]
    if attacked.name != "folder":
        base = "/api/2.0/mlflow-artifacts/artifacts"
        listings += [f"{base}?path=links", f"{base}?path=links&recursive=true"]
        archives += [f"{base}/links?archive=zip"]
    for target in listings:
        listed = [entry["path"] for entry in attacked.server.get(target).json().get("files", [])]
        assert [path for path in listed if "canary" in path or "etc" in path] == [], target
    for target in archives:
        answer = attacked.server.get(target)
        assert answer.status == 200
        packed = unpacked(answer.body, "zip")
        assert [path for path in packed if "links/" in path] == [], target
        assert attacked.token not in packed.values()
    attacked.assert_unharmed()


@PROXIED
def test_a_folder_with_links_is_deleted_without_what_they_lead_to(attacked, linked):
    assert attacked.server.delete("links").status == 200
    assert not (attacked.folder / "destination" / "links").exists()
    attacked.assert_unharmed()
