"""docs/dependencies.md names what our crates depend on, no more and no less."""

import re
import tomllib

from harness import REPOSITORY


def dependencies() -> set[str]:
    """What is compiled into the binary, whatever its features."""
    found = set()
    for manifest in REPOSITORY.glob("crates/*/Cargo.toml"):
        found |= tomllib.loads(manifest.read_text())["dependencies"].keys()
    return {name for name in found if not name.startswith("mlferry-")}


def test_every_dependency_has_its_reason():
    text = (REPOSITORY / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"^\| ([a-z0-9_, -]+) \| \S", text, re.MULTILINE)
    listed = [name for row in rows if row != "crates" for name in row.split(", ")]
    assert sorted(listed) == sorted(dependencies())
    in_default_build = dependencies() - {"openssh", "openssh-sftp-client", "suppaftp"}
    assert f"of which {len(in_default_build)} are named" in text
