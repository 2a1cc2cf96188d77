"""SECURITY.md names code and tests: each of them is there."""

from __future__ import annotations

import re

from harness import REPOSITORY

TEXT = (REPOSITORY / "SECURITY.md").read_text()
QUOTED = set(re.findall(r"`([^`\s]+)`", TEXT))


def test_every_test_that_is_named_exists():
    named = {text for text in QUOTED if re.fullmatch(r"[\w/]+\.py(::\w+)?", text)}
    assert len(named) > 20
    for text in named:
        file, _, test = text.partition("::")
        path = REPOSITORY / "tests" / file
        assert path.is_file(), text
        assert not test or f"\ndef {test}(" in path.read_text(), text


def test_all_tests_of_this_folder_are_named():
    for path in (REPOSITORY / "tests" / "security").glob("test_*.py"):
        assert path.name == "test_documentation.py" or f"security/{path.name}" in TEXT, path.name


def test_every_piece_of_code_that_is_named_exists():
    named = {text for text in QUOTED if re.match(r"(server|artifacts|store|mlferry)/src", text)}
    assert len(named) > 8
    for text in named:
        assert (REPOSITORY / "crates" / text).exists(), text


def test_no_hole_stands_twice():
    holes = re.findall(r"CVE-\d+-\d+", TEXT)
    assert len(holes) > 50
    assert sorted(holes) == sorted(set(holes))
