"""The wheel and the Debian package, as somebody who installs them sees them. `make wheel deb` makes both."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from topology import DEPLOY, deploy_tool, outside_environment

from harness import REPOSITORY, SCRIPTS, Server

DEBIAN_FILES = {
    "./etc/mlferry/mlferry.env",
    "./usr/bin/mlferry",
    "./usr/lib/systemd/system/mlferry.service",
    "./usr/share/bash-completion/completions/mlferry",
    "./usr/share/doc/mlferry/README.md",
    "./usr/share/doc/mlferry/changelog.Debian.gz",
    "./usr/share/doc/mlferry/copyright",
    "./usr/share/doc/mlferry/examples/mlferry.socket",
    "./usr/share/fish/vendor_completions.d/mlferry.fish",
    "./usr/share/lintian/overrides/mlferry",
    "./usr/share/man/man1/mlferry.1.gz",
    "./usr/share/zsh/vendor-completions/_mlferry",
}


def made(variable: str, folder: Path, pattern: str, target: str) -> Path:
    """The package that a variable names, or the newest that was made here."""
    if given := os.environ.get(variable):
        return Path(given)
    found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
    assert found, f"there is no {folder}/{pattern}: `make {target}` makes it"
    return found[-1]


def run(*line: str | Path, **options) -> str:
    done = subprocess.run(line, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{line}: {done.stdout}\n{done.stderr}"
    return done.stdout


def check_quick_start(program: Path, monkeypatch, folder: Path) -> None:
    """Starts the server of the package, looks for its page, and runs the quick start with it."""
    monkeypatch.setenv("MLFERRY_BIN", str(program))
    with Server() as server:
        parts = re.findall(r'(?:src|href)="\./(static-files/[^"]+)"', server.get("/").text)
        assert len(parts) > 5
        assert {server.get(f"/{part}").status for part in parts} == {200}
        settings = outside_environment(MLFLOW_TRACKING_URI=server.url)
        printed = run(sys.executable, SCRIPTS / "quick_start.py", cwd=folder, env=settings)
        result = json.loads(printed.splitlines()[-1])
        assert result["downloaded"] == {"a.txt": "0", "dir/b.txt": "1"}
        assert server.stop() == 0


def test_the_wheel_puts_the_server_into_an_environment(tmp_path, monkeypatch):
    wheel = made("MLFERRY_WHEEL", REPOSITORY / "target" / "wheels", "mlferry-*.whl", "wheel")
    # It serves every Python 3 and says which C library it asks for.
    assert re.fullmatch(r"mlferry-[\d.]+-py3-none-manylinux_\d+_\d+_\w+\.whl", wheel.name)
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    programs = tmp_path / "venv" / "bin"
    run(programs / "python", "-m", "pip", "install", "--quiet", "--no-index", wheel, env=outside_environment())
    version = run(programs / "mlferry", "--version")
    shown = run(programs / "python", "-m", "pip", "show", "mlferry")
    assert f"Version: {version.split()[1]}" in shown.splitlines()
    check_quick_start(programs / "mlferry", monkeypatch, tmp_path)


@pytest.fixture(scope="module")
def package() -> Path:
    if not shutil.which("dpkg-deb"):
        pytest.skip("dpkg-deb is not here: this is no Debian")
    return made("MLFERRY_DEB", REPOSITORY / "target" / "debian", "mlferry_*.deb", "deb")


def test_the_debian_package_has_its_files(package):
    lines = [line.split(maxsplit=5) for line in run("dpkg-deb", "--contents", package).splitlines()]
    modes = {line[5]: line[0] for line in lines if not line[5].endswith("/")}
    assert set(modes) == DEBIAN_FILES
    assert modes["./usr/bin/mlferry"] == "-rwxr-xr-x"
    # Passwords stand in it.
    assert modes["./etc/mlferry/mlferry.env"] == "-rw-r-----"
    assert run("dpkg-deb", "--info", package, "conffiles").split() == ["/etc/mlferry/mlferry.env"]
    control = run("dpkg-deb", "--field", package)
    assert "Maintainer: mlferry contributors <" in control
    assert re.search(r"^Depends: .*libc6 \(>= ", control, re.MULTILINE)
    started = run("dpkg-deb", "--info", package, "postinst")
    assert "mlferry.service" in started
    assert "mlferry.socket" not in started


def test_the_debian_package_runs(package, tmp_path, monkeypatch):
    run("dpkg-deb", "--extract", package, tmp_path / "root")
    check_quick_start(tmp_path / "root" / "usr" / "bin" / "mlferry", monkeypatch, tmp_path)


def test_lintian_finds_nothing(package):
    if not shutil.which("lintian"):
        pytest.skip("lintian is not here: `make deploy-tools` installs it")
    line = ["lintian", "--no-cfg", "--allow-root", "--fail-on", "error,warning", package]
    assert run(*line) == ""


needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")


@needs_systemd
def test_systemd_accepts_the_units(tmp_path):
    for unit in ("mlferry.service", "optional/mlferry.socket"):
        text = (DEPLOY / "systemd" / unit).read_text()
        # It looks for the program and for the manual page, which are not installed here.
        text = text.replace("/usr/bin/mlferry", "/bin/true").replace("Documentation=man:mlferry(1)\n", "")
        (tmp_path / Path(unit).name).write_text(text)
    units = [tmp_path / "mlferry.service", tmp_path / "mlferry.socket"]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_service_may_do_little(tmp_path):
    unit = DEPLOY / "systemd" / "mlferry.service"
    # 10 is a service that may do everything; it needs the network, which counts 1.1.
    line = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", unit]
    run(*line)


def test_hadolint_finds_nothing():
    program = deploy_tool("hadolint")
    if not program.exists():
        pytest.skip("hadolint is not here: `make deploy-tools` installs it")
    assert run(program, DEPLOY / "Dockerfile", DEPLOY / "client" / "Dockerfile") == ""
