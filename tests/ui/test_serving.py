"""How the page of our own comes out of the binary: its files, their forms and how long they are kept."""

from __future__ import annotations

import gzip
import re

import pytest

from harness import REPOSITORY, Server

BUILT = REPOSITORY / "ui" / "dist"
PACKED = REPOSITORY / "ui" / "packed"
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def page():
    """A server with nothing said about its page."""
    with Server() as running:
        yield running


def files() -> list[str]:
    names = [str(path.relative_to(BUILT)) for path in BUILT.rglob("*") if path.is_file()]
    return [name for name in names if not name.startswith(".")]


def test_the_page_is_there_when_nothing_is_said_about_it(page):
    answer = page.get("/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    # Or the binary was built before `make ui`.
    assert answer.body == (BUILT / "index.html").read_bytes()
    links = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert len(links) > 2
    for link in links:
        assert link.startswith("./static-files/")
        linked = page.get(link.removeprefix("."))
        assert (linked.status, linked.headers["cache-control"]) == (200, FOR_EVER), link


def test_the_page_runs_no_script_but_its_own(page):
    answer = page.get("/")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert (policy["base-uri"], policy["form-action"]) == ("'none'", "'none'")
    # Script or anything else from elsewhere can't be named.
    assert not re.search(r"https?:|\*|unsafe-eval|script-src[^;]*unsafe", answer.headers["content-security-policy"])
    assert "<script>" not in answer.text
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_file_comes_in_the_form_that_the_client_reads(page):
    names = files()
    assert len(names) > 5
    packed = 0
    for name in names:
        target, content = f"/static-files/{name}", (BUILT / name).read_bytes()
        plain = page.get(target, {"Accept-Encoding": "identity"})
        assert (plain.status, plain.body) == (200, content), name
        assert "content-encoding" not in plain.headers
        browsers = page.get(target, {"Accept-Encoding": "gzip, deflate, br, zstd"})
        zipped = page.get(target, {"Accept-Encoding": "gzip, deflate"})
        for form in (plain, browsers, zipped):
            assert form.headers["vary"] == "Accept-Encoding, Origin"
            assert form.headers["content-length"] == str(len(form.body))
            assert form.headers["content-type"] == plain.headers["content-type"]
        if not (PACKED / f"{name}.br").exists():
            assert (browsers.body, zipped.body) == (content, content), name
            continue
        packed += 1
        assert (browsers.headers["content-encoding"], zipped.headers["content-encoding"]) == ("br", "gzip"), name
        assert browsers.body == (PACKED / f"{name}.br").read_bytes(), name
        assert gzip.decompress(zipped.body) == content, name
        assert len({form.headers["etag"] for form in (plain, browsers, zipped)}) == 3, name
    assert packed > 5


@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
def test_what_a_browser_has_is_not_sent_again(page, encoding):
    script = next(name for name in files() if name.endswith(".js"))
    for target, caching in [("/", "no-cache"), (f"/static-files/{script}", FOR_EVER)]:
        accepted = {"Accept-Encoding": encoding}
        first = page.get(target, accepted)
        assert first.headers.get_all("cache-control") == [caching]
        again = page.get(target, accepted | {"If-None-Match": first.headers["etag"]})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert page.get(target, accepted | {"If-None-Match": '"other"'}).status == 200
        head = page.request("HEAD", target, headers=accepted)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == first.headers["content-length"]


def test_what_is_no_file_of_the_page_is_not_found(page):
    packed = next(name for name in files() if (PACKED / f"{name}.br").exists())
    for name in [
        "nope.js",
        "",
        ".",
        "assets",
        "assets/",
        ".gitignore",
        ".vite/manifest.json",
        f"{packed}.br",
        f"{packed}.gz",
        f"/{packed}",
        f"assets/../{packed}",
        "../Cargo.toml",
        "%2e%2e/package.json",
        "..%2fpackage.json",
        f"{packed}%00",
    ]:
        assert page.get(f"/static-files/{name}").status in (400, 404), name
    page.get("/static-files/nope.js").assert_error(404, "ENDPOINT_NOT_FOUND")
    assert page.post("/", {}).status == 405


def test_the_page_lives_below_the_prefix(own_server):
    server = own_server("--ui", "builtin", "--static-prefix", "/ml/x", prefix="/ml/x")
    link = re.findall(r'src="\.(/[^"]+)"', server.get("/").text)[0]
    assert server.get(link).status == 200
    server.prefix = ""
    assert server.get("/").status == 404
    assert server.get(link).status == 404
    answer = server.get("/ml/x")
    assert (answer.status, answer.headers["location"]) == (308, "/ml/x/")


def test_a_server_without_records_has_nothing_to_show(own_server):
    server = own_server("--artifacts-only")
    answer = server.get("/")
    assert answer.status == 200
    assert "artifacts only" in answer.text
