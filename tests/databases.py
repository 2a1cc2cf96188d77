"""The two kinds of database that a server may have, as parameters of fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest


def kinds(group: str) -> list:
    """Both kinds; what shares a `group` and a kind runs on one worker, and shares its servers."""
    return [
        pytest.param(kind, marks=pytest.mark.xdist_group(f"{group} {kind}"), id=kind) for kind in ("sqlite", "postgres")
    ]


def options_of(request) -> list[str]:
    """A server's options for an empty database of the kind that the fixture's parameter says."""
    if request.param == "sqlite":
        # The default, in the server's folder.
        return []
    return ["--backend-store-uri", str(request.getfixturevalue("postgres").create_database())]


def uri_of(request, folder: Path) -> str:
    """The URI of one, for what is no server."""
    if request.param == "sqlite":
        return f"sqlite:///{folder}/other.db"
    return str(request.getfixturevalue("postgres").create_database())
