"""The stock web page out of an installed mlflow, and the page that stands in for it. `ui/` has the one of our own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from harness import binary, run_binary

PAGE = Path(mlflow.__file__).parent / "server" / "js" / "build"
INDEX = (PAGE / "index.html").read_bytes()
SAME_HEADERS = ["content-type", "content-length", "x-content-type-options", "x-frame-options", "vary", "accept-ranges"]
STOCK = ("--ui", "stock", "--ui-path", str(PAGE))


def samples() -> list[str]:
    """One file of each kind, at each depth."""
    kinds = {}
    for path in sorted(PAGE.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(PAGE))
            kinds.setdefault((path.suffix, name.count("/")), name)
    return list(kinds.values())


@pytest.mark.xdist_group("reference")
def test_files_and_headers_are_the_references(own_server, reference):
    server = own_server(*STOCK)
    for target in ["/", *(f"/static-files/{name}" for name in samples())]:
        ours, theirs = server.get(target), reference.request("GET", target)
        assert (ours.status, ours.body) == (theirs.status, theirs.body), target
        for name in SAME_HEADERS:
            if not target.endswith(".cjs"):
                assert ours.headers[name] == theirs.headers[name], (target, name)
    for target in ["/index.html", "/static-files", "/static-files/", "/static-files/static", "/static-files/nope.js"]:
        assert server.get(target).status == reference.request("GET", target).status == 404, target


def test_every_file_of_the_page_is_served(own_server):
    server = own_server(*STOCK)
    files = [path for path in PAGE.rglob("*") if path.is_file()]
    for path in files:
        answer = server.get(f"/static-files/{path.relative_to(PAGE)}")
        assert (answer.status, answer.body) == (200, path.read_bytes()), path
    assert len(files) > 100
    assert server.peak_rss() < 100_000_000


def test_what_may_be_kept_for_how_long(own_server):
    server = own_server(*STOCK)
    script = next(PAGE.glob("static/js/main.*.js")).relative_to(PAGE)
    for target, expected in [
        ("/", "no-cache"),
        ("/static-files/manifest.json", "no-cache"),
        (f"/static-files/{script}", "public, max-age=31536000, immutable"),
    ]:
        first = server.get(target)
        assert first.headers["cache-control"] == expected
        assert first.headers.get_all("cache-control") == [expected]
        assert "content-disposition" not in first.headers
        again = server.get(target, {"If-None-Match": first.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert server.get(target, {"If-None-Match": '"other"'}).status == 200
        since = server.get(target, {"If-Modified-Since": first.headers["last-modified"]})
        assert since.status == 304
        head = server.request("HEAD", target)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(first.body))
        part = server.get(target, {"Range": "bytes=1-5"})
        assert (part.status, part.body) == (206, first.body[1:6])
        assert part.headers["content-type"] == first.headers["content-type"]
    assert server.post("/static-files/manifest.json", {}).status == 405


def test_the_page_lives_below_the_prefix(own_server):
    server = own_server(*STOCK, "--static-prefix", "/ml/x", prefix="/ml/x")
    assert server.get("/").body == INDEX
    manifest = (PAGE / "manifest.json").read_bytes()
    assert server.get("/static-files/manifest.json").body == manifest
    server.prefix = ""
    assert server.get("/").status == 404
    assert server.get("/static-files/manifest.json").status == 404
    for target, place in [("/ml/x", "/ml/x/"), ("/ml/x?a=b", "/ml/x/?a=b")]:
        answer = server.get(target)
        assert (answer.status, answer.headers["location"]) == (308, place)


@pytest.mark.parametrize("is_linked", [False, True])
def test_nothing_outside_the_page_is_served(own_server, tmp_path, is_linked):
    page = tmp_path / "page"
    page.mkdir()
    (page / "index.html").write_text("page")
    (page / ".hidden").write_text("h")
    (tmp_path / "secret.txt").write_text("secret")
    if is_linked:
        (page / "link.txt").symlink_to(tmp_path / "secret.txt")
        (page / "up").symlink_to("..")
    server = own_server("--ui-path", str(page))
    assert server.get("/").body == b"page"
    for path in [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "%2e%2e%2fsecret.txt",
        "static/../../secret.txt",
        "..%5csecret.txt",
        "..\\secret.txt",
        f"/{tmp_path}/secret.txt",
        f"%2f{str(tmp_path)[1:]}/secret.txt",
        "%252e%252e/secret.txt",
        "link.txt",
        "up/secret.txt",
        "secret.txt%00",
        "index.html/",
        ".",
        "",
    ]:
        answer = server.get(f"/static-files/{path}")
        assert answer.status in (400, 404), (path, answer.status)
        assert b"secret" not in answer.body.replace(b"secret.txt", b""), path


def test_a_page_that_is_replaced_while_the_server_runs_is_shown(own_server, tmp_path):
    page = tmp_path / "page"
    for text in ("old", "new"):
        shutil.rmtree(page, ignore_errors=True)
        page.mkdir()
        (page / "index.html").write_text(text)
        if text == "old":
            server = own_server("--ui-path", str(page))
        assert server.get("/").text == text


def test_without_a_page_the_server_says_that_it_runs(own_server):
    server = own_server("--ui", "none")
    answer = server.get("/")
    assert answer.status == 200
    assert "This MLflow tracking server is running" in answer.text
    assert "switched off" in answer.text
    server.get("/static-files/manifest.json").assert_error(404, "ENDPOINT_NOT_FOUND")


def test_the_page_of_the_active_environment_is_shown_when_it_is_wanted(own_server):
    server = own_server("--ui", "stock", environment={"VIRTUAL_ENV": sys.prefix})
    assert server.get("/").body == INDEX
    assert server.log_line(f"Web page: that of mlflow {mlflow.__version__} in {Path(mlflow.__file__).parent}")
    assert "WARNING" not in server.log_line("Web page: ")


def test_the_page_beside_the_program_is_shown_when_it_is_wanted(own_server, tmp_path, monkeypatch):
    """As a wheel installs it: the program in bin, the packages in lib."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "mlferry"
    shutil.copy(binary(), program)
    packages = tmp_path / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    page = packages / "mlflow" / "server" / "js" / "build"
    page.mkdir(parents=True)
    (page / "index.html").write_text("beside")
    monkeypatch.setenv("MLFERRY_BIN", str(program))
    server = own_server("--ui", "stock", environment={"VIRTUAL_ENV": ""})
    assert server.get("/").text == "beside"


def test_python_is_asked_for_the_page_that_is_wanted(own_server):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    server = own_server("--ui", "stock", environment={"PATH": path, "VIRTUAL_ENV": ""})
    assert server.get("/").body == INDEX


def test_a_page_that_is_wanted_and_not_there_keeps_the_server_from_starting(tmp_path):
    empty = tmp_path / "bin"
    empty.mkdir()
    # No package may hide in the working directory either.
    page = tmp_path / "mlflow" / "server" / "js" / "build"
    page.mkdir(parents=True)
    (page / "index.html").write_text("not a package")
    (tmp_path / "mlflow" / "__init__.py").touch()
    bare = subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=False, capture_output=True
    )
    assert bare.returncode == 0, bare.stderr
    for folder in (empty, tmp_path / "venv" / "bin"):
        environment = {"PATH": str(folder), "VIRTUAL_ENV": ""}
        ended = run_binary("server", "--ui", "stock", cwd=tmp_path, environment=environment)
        assert ended.returncode == 1
        assert ended.stderr.startswith("Error: --ui stock: no installed mlflow with its web page was found")
        assert len(ended.stderr.splitlines()) == 1
    ended = run_binary("server", "--ui-path", str(empty), cwd=tmp_path)
    assert ended.returncode == 1
    assert "is not the folder of a web page" in ended.stderr
