"""The artifact service on a local folder, and what no destination changes. What holds on all of them is tested in
`destinations/`."""

from __future__ import annotations

import hashlib
import os
import stat

import pytest

from downloads import CONTENT_TYPES, DISPOSITIONS
from harness import (
    AJAX_ARTIFACTS,
    ARTIFACTS,
    DIGESTS,
    ON_DISK_BYTES,
    entries,
    md5_base64,
    pattern,
    quoted,
    sha256_field,
    staging_entries,
    tree,
    wait_until,
)

# Upload


def test_the_old_content_stays_until_the_new_one_is_complete(server, folder):
    server.put(f"{folder}/a.bin", b"old")
    new = pattern(ON_DISK_BYTES)
    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/{folder}/a.bin", Content_Length=len(new)).send(new[:-1])
        wait_until(lambda: staging_entries(server.artifacts), 5, "the upload is nowhere on disk")
        assert server.fetch(f"{folder}/a.bin").body == b"old"
        assert server.names(folder) == ["a.bin"]
        upload.send(new[-1:])
        assert upload.answer("PUT").status == 200
    assert server.fetch(f"{folder}/a.bin").body == new


def test_a_reader_keeps_the_content_it_began_with(server, folder):
    old = pattern(8_000_000)
    server.put(f"{folder}/a.bin", old)
    with server.raw() as reader:
        reader.head("GET", f"{ARTIFACTS}/{folder}/a.bin", Connection="close")
        begin = reader.socket.recv(1000)
        assert server.put(f"{folder}/a.bin", b"new").status == 200
        assert (begin + reader.read_all()).endswith(old[-100_000:])
    assert server.fetch(f"{folder}/a.bin").body == b"new"


def test_files_and_folders_get_the_permissions_that_the_umask_leaves(server, folder):
    mask = os.umask(0)
    os.umask(mask)
    server.put(f"{folder}/deep/er/a.txt", b"x")
    made = server.artifacts / folder / "deep" / "er"
    assert stat.S_IMODE((made / "a.txt").stat().st_mode) == 0o666 & ~mask
    assert {stat.S_IMODE(path.stat().st_mode) for path in (made, made.parent)} == {0o777 & ~mask}


@pytest.mark.parametrize("target", [ARTIFACTS, AJAX_ARTIFACTS])
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_the_collection_can_only_be_listed(server, method, target):
    answer = server.request(method, target, b"x")
    assert answer.status == 405
    allowed = {name.strip() for name in answer.headers["allow"].split(",")}
    assert {"GET", "HEAD"} <= allowed
    assert not allowed & {"PUT", "POST", "DELETE", "PATCH"}


@pytest.mark.parametrize("path", ["x/", "x/y/", ""])
def test_an_upload_needs_a_file_name(server, folder, path):
    answer = server.put(f"{folder}/{path}" if path else "", b"1")
    answer.assert_error(400, "INVALID_PARAMETER_VALUE", "Artifact path must include a filename (cannot end with '/').")
    assert not (server.artifacts / folder).exists()


CONFLICTS = {"INVALID_STATE", "RESOURCE_ALREADY_EXISTS"}


def test_a_file_does_not_replace_a_folder(server, folder):
    server.put(f"{folder}/d/a.txt", b"x")
    for path in (f"{folder}/d", folder):
        answer = server.put(path, b"y").assert_error(409)
        assert answer.json()["error_code"] in CONFLICTS
    assert tree(server.artifacts / folder) == {"d/a.txt": b"x"}


def test_nothing_can_be_stored_below_a_file(server, folder):
    server.put(f"{folder}/a.txt", b"x")
    for path in (f"{folder}/a.txt/b", f"{folder}/a.txt/b/c"):
        answer = server.put(path, b"y").assert_error(409)
        assert answer.json()["error_code"] in CONFLICTS
    assert tree(server.artifacts / folder) == {"a.txt": b"x"}
    assert staging_entries(server.artifacts) == []


@pytest.mark.parametrize("name", ["n" * 256, "ü" * 128, "d" * 256 + "/x", "/".join(["p" * 200] * 25)])
def test_a_name_that_the_file_system_cannot_hold_is_a_400(server, folder, name):
    server.put(f"{folder}/{quoted(name)}", b"x").assert_error(400, "INVALID_PARAMETER_VALUE")
    assert staging_entries(server.artifacts) == []


@pytest.mark.parametrize("name", [".artifact.uploading.x", "d/.artifact.uploading.", "d/.artifact.uploading.abc.txt"])
def test_reserved_names_are_refused_with_the_text_of_the_reference(server, folder, name):
    base = name.rsplit("/", 1)[-1]
    server.put(f"{folder}/{name}", b"x").assert_error(
        400,
        "INVALID_PARAMETER_VALUE",
        f"Invalid artifact file name: '{base}'. Artifact names starting with '.artifact.uploading.' are reserved.",
    )
    assert not (server.artifacts / folder / name).exists()


@pytest.mark.parametrize("rest", [b"", b"12345"])
@pytest.mark.parametrize("leave", ["close", "reset"])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_whose_client_leaves_is_not_published(server, folder, leave, rest, chunked):
    server.put(f"{folder}/kept.txt", b"kept")
    begin = pattern(ON_DISK_BYTES)
    upload = server.raw()
    if chunked:
        upload.head("PUT", f"{ARTIFACTS}/{folder}/a.bin", Transfer_Encoding="chunked")
        upload.send(b"%x\r\n%b\r\n" % (len(begin), begin))
        upload.send(b"a\r\n" + rest if rest else b"")
    else:
        upload.head("PUT", f"{ARTIFACTS}/{folder}/a.bin", Content_Length=len(begin) + 100).send(begin + rest)
    wait_until(lambda: staging_entries(server.artifacts), 5, "the upload is nowhere on disk")
    getattr(upload, leave)()
    wait_until(lambda: not staging_entries(server.artifacts), 10, "the staging file stays")
    assert tree(server.artifacts / folder) == {"kept.txt": b"kept"}


# Digests


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-MD5", "zzz"),
        ("Content-MD5", ""),
        ("Content-MD5", "aGVsbG8="),
        ("Content-MD5", hashlib.md5(b"hello").hexdigest()),
        ("Content-Digest", "sha-256"),
        ("Content-Digest", f"sha-256={md5_base64(b'hello')}"),
        ("Content-Digest", "sha-256=:!!!:"),
        ("Content-Digest", "sha-256=:aGVsbG8=:"),
        ("Repr-Digest", f"sha-256={hashlib.sha256(b'hello').hexdigest()}"),
        ("Repr-Digest", "sha-256=:aGVsbG8:"),
    ],
)
def test_a_malformed_digest_is_a_400(server, folder, header, value):
    server.put(f"{folder}/a.bin", b"hello", {header: value}).assert_error(400)
    assert not (server.artifacts / folder / "a.bin").exists()


def test_all_digests_that_are_sent_have_to_match(server, folder):
    right = {"Content-MD5": md5_base64(b"hello"), "Content-Digest": sha256_field(b"hello")}
    assert server.put(f"{folder}/a.bin", b"hello", right).status == 200
    for header in right:
        server.put(f"{folder}/b.bin", b"hello", right | {header: DIGESTS[header](b"other")}).assert_error(400)
    assert entries(server.artifacts / folder) == ["a.bin"]


# The size limit


def test_max_artifact_size_lets_the_limit_through_and_answers_413_above_it(own_server):
    server = own_server("--max-artifact-size", "100000")
    assert server.put("at.bin", b"x" * 100_000).status == 200
    assert server.put("at-chunked.bin", [b"x" * 50_000] * 2, chunked=True).status == 200
    server.put("over.bin", b"x" * 100_001).assert_error(413)
    server.put("over-chunked.bin", [b"x" * 50_000, b"x" * 50_001], chunked=True).assert_error(413)
    assert sorted(tree(server.artifacts)) == ["at-chunked.bin", "at.bin"]


def test_max_artifact_size_holds_for_uploads_of_web_pages_too(own_server):
    server = own_server("--max-artifact-size", "1000")
    run_id = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    target = f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run_id}&path=a.bin"
    assert server.request("POST", target, b"x" * 1000).status == 200
    server.request("POST", target, b"x" * 1001).assert_error(413)


def test_a_length_above_the_limit_is_refused_before_the_body_is_sent(own_server):
    server = own_server("--max-artifact-size", "1000")
    with server.raw(timeout=10) as upload:
        upload.head("PUT", f"{ARTIFACTS}/a.bin", Content_Length=10**12, Expect="100-continue")
        upload.answer("PUT").assert_error(413)


# Download


@pytest.mark.xdist_group("reference")
def test_download_headers_equal_those_of_the_reference(server, reference, folder):
    compared = ["content-type", "content-disposition", "content-length", "accept-ranges", "x-content-type-options"]
    compared += ["x-frame-options", "vary"]
    for name in [*CONTENT_TYPES, *DISPOSITIONS, "a'b.txt", "a,b;c.txt", "ß.html", "e\u0301.txt", "a{b}.md"]:
        answers = []
        for one in (server, reference):
            target = f"{ARTIFACTS}/{folder}/{quoted(name)}"
            assert one.request("PUT", target, b"12345").status == 200, name
            answers.append(one.request("GET", target))
        ours, theirs = ({field: answer.headers[field] for field in compared} for answer in answers)
        assert ours == theirs, name


def test_a_query_changes_nothing_about_a_download(server, folder):
    server.put(f"{folder}/a.txt", b"x")
    assert server.fetch(f"{folder}/a.txt?path=other&x=../..").body == b"x"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_other_methods_on_a_file_are_405_with_allow(server, folder, method):
    server.put(f"{folder}/a.txt", b"x")
    answer = server.request(method, f"{ARTIFACTS}/{folder}/a.txt", b"y")
    assert answer.status == 405
    assert {"GET", "HEAD", "PUT", "DELETE"} <= {name.strip() for name in answer.headers["allow"].split(",")}
    assert server.fetch(f"{folder}/a.txt").body == b"x"


def test_options_without_preflight_headers_names_the_methods(server, folder):
    answer = server.request("OPTIONS", f"{ARTIFACTS}/{folder}/a.txt")
    assert (answer.status, answer.body) == (204, b"")
    assert {"GET", "HEAD", "PUT", "DELETE"} <= {name.strip() for name in answer.headers["allow"].split(",")}


# Listing


def test_both_prefixes_list_the_same(server, folder):
    server.put(f"{folder}/a.txt", b"x")
    answers = [server.get(f"{prefix}?path={folder}").body for prefix in (ARTIFACTS, AJAX_ARTIFACTS)]
    assert answers[0] == answers[1]


def test_nothing_is_an_empty_object(server, own_server, folder):
    server.put(f"{folder}/a.txt", b"x")
    (server.artifacts / folder / "hollow").mkdir()
    for path in (f"{folder}/none", f"{folder}/none/none", f"{folder}/a.txt", f"{folder}/hollow", f"{folder}/a.txt/x"):
        answer = server.listing(path)
        assert (answer.status, answer.json()) == (200, {}), path
    fresh = own_server()
    for answer in (fresh.listing(), fresh.listing("")):
        assert (answer.status, answer.json()) == (200, {})


def test_the_first_of_repeated_paths_counts(server, folder):
    server.put(f"{folder}/d1/a.txt", b"x")
    server.put(f"{folder}/d2/b.txt", b"x")
    answer = server.get(f"{ARTIFACTS}?path={folder}%2Fd1&path={folder}%2Fd2")
    assert [entry["path"] for entry in answer.json()["files"]] == ["a.txt"]


def test_head_of_a_listing_is_200_without_a_body(server, folder):
    server.put(f"{folder}/a.txt", b"x")
    answer = server.request("HEAD", f"{ARTIFACTS}?path={folder}")
    assert (answer.status, answer.body) == (200, b"")


def test_staging_names_are_hidden_unreadable_and_undeletable(server, folder):
    server.put(f"{folder}/a.txt", b"x")
    hidden = server.artifacts / folder / ".artifact.uploading.left-over"
    hidden.write_bytes(b"half")
    assert server.names(folder) == ["a.txt"]
    assert server.names(folder, recursive="true") == ["a.txt"]
    path = f"{folder}/{hidden.name}"
    for answer in (server.fetch(path), server.put(path, b"y"), server.delete(path)):
        answer.assert_error(400, "INVALID_PARAMETER_VALUE")
    assert server.head(path).status == 400
    assert hidden.read_bytes() == b"half"
    hidden.unlink()


def test_the_staging_folder_is_hidden_and_closed_while_uploads_are_in_it(own_server):
    server = own_server()
    server.put("a.txt", b"x")
    with server.raw() as upload:
        upload.head("PUT", f"{ARTIFACTS}/slow.bin", Content_Length=ON_DISK_BYTES + 5)
        upload.send(pattern(ON_DISK_BYTES))
        staged = wait_until(lambda: staging_entries(server.artifacts), 5, "the upload is nowhere on disk")
        assert server.names() == ["a.txt"]
        assert server.names(recursive="true") == ["a.txt"]
        paths = {".mlferry-staging", ".mlferry-staging/x", *staged}
        for path in paths:
            for answer in (server.fetch(path), server.put(path, b"y"), server.delete(path)):
                answer.assert_error(400, "INVALID_PARAMETER_VALUE")
            assert server.head(path).status == 400
        assert server.listing(".mlferry-staging").status == 400 or server.names(".mlferry-staging") == []
        upload.send(b"67890")
        assert upload.answer("PUT").status == 200
    assert server.fetch("slow.bin").body == pattern(ON_DISK_BYTES) + b"67890"


def test_the_name_of_the_staging_folder_is_reserved_in_every_folder(server, folder):
    server.put(f"{folder}/a.txt", b"x")
    hidden = server.artifacts / folder / ".mlferry-staging"
    hidden.mkdir()
    (hidden / "half").write_bytes(b"half")
    path = f"{folder}/.mlferry-staging/half"
    for answer in (server.fetch(path), server.put(path, b"y"), server.delete(f"{folder}/.mlferry-staging")):
        answer.assert_error(400, "INVALID_PARAMETER_VALUE")
    assert server.names(folder) == ["a.txt"]
    assert server.names(folder, recursive="true") == ["a.txt"]
    assert (hidden / "half").read_bytes() == b"half"


@pytest.mark.parametrize("expect", [{}, {"Expect": "100-continue"}])
@pytest.mark.parametrize("kind", ["onto a folder", "a foreign host", "no such route", "a wrong method"])
def test_a_refusal_is_heard_by_a_client_that_sends_its_whole_body_first(server, folder, kind, expect):
    server.put(f"{folder}/x/a.txt", b"x")
    data = pattern(8_000_000)
    method, target, host, status = {
        "onto a folder": ("PUT", f"{ARTIFACTS}/{folder}/x", "localhost", 409),
        "a foreign host": ("PUT", f"{ARTIFACTS}/{folder}/b.bin", "evil.example", 403),
        "no such route": ("PUT", "/api/2.0/none", "localhost", 404),
        "a wrong method": ("POST", f"{ARTIFACTS}/{folder}/b.bin", "localhost", 405),
    }[kind]
    headers = "".join(f"{name}: {value}\r\n" for name, value in expect.items())
    with server.raw() as upload:
        upload.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {len(data)}\r\n\r\n")
        if expect and kind != "onto a folder":
            # Refused before the body was asked for, so none of it is sent.
            assert upload.answer(method).status == status
            return
        if expect:
            assert upload.socket.recv(100).startswith(b"HTTP/1.1 100 ")
        upload.send(data)
        assert upload.answer(method).status == status
    assert server.names(folder) == ["x"]


@pytest.mark.parametrize("query", [{"max_results": value} for value in ("0", "-1", "x", "1.5")])
def test_max_results_has_to_be_a_positive_number(server, folder, query):
    server.put(f"{folder}/a.txt", b"x")
    server.listing(folder, **query).assert_error(400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("token", ["nonsense", "../../etc", "%00"])
def test_a_page_token_that_was_never_given_is_a_400(server, folder, token):
    server.put(f"{folder}/a.txt", b"x")
    server.listing(folder, max_results="1", page_token=token).assert_error(400, "INVALID_PARAMETER_VALUE")


def test_a_recursive_listing_holds_every_file_and_no_folder(server, folder):
    files = {"a.txt": b"1", "d/b.txt": b"22", "d/e/c.txt": b"", "d.txt": b"333", "z/z": b"4"}
    for name, data in files.items():
        server.put(f"{folder}/{name}", data)
    (server.artifacts / folder / "hollow").mkdir()
    answer = server.listing(folder, recursive="true").json()["files"]
    assert {entry["path"]: entry.get("file_size", 0) for entry in answer} == {k: len(v) for k, v in files.items()}
    assert not any(entry["is_dir"] for entry in answer)
    assert server.names(f"{folder}/d", recursive="true") == ["b.txt", "e/c.txt"]
    assert server.names(folder, recursive="false") == ["a.txt", "d", "d.txt", "hollow", "z"]
    pages = server.pages(folder, recursive="true", max_results="2")
    assert [name for page in pages for name in page] == [entry["path"] for entry in answer]


def test_a_folder_of_five_thousand_files_lists_whole(server, folder):
    inside = server.artifacts / folder
    inside.mkdir(parents=True)
    names = [f"file-{number:05}.txt" for number in range(5000)]
    for name in names:
        (inside / name).write_bytes(b"x")
    assert server.names(folder) == names


# Delete


def test_a_delete_ignores_its_body(server, folder):
    for body in (b'"text"', b"{", b'{"path":"x"}'):
        server.put(f"{folder}/a.txt", b"x")
        headers = {"Content-Type": "application/json"}
        answer = server.request("DELETE", f"{ARTIFACTS}/{folder}/a.txt", body, headers)
        assert (answer.status, answer.json()) == (200, {})
        assert not (server.artifacts / folder / "a.txt").exists()


@pytest.mark.parametrize("prefix", [ARTIFACTS, AJAX_ARTIFACTS])
@pytest.mark.parametrize(
    "spelling",
    ["", ".", "%2e", "./", "./.", "%20", "%20%20", "%00", "%09", "%0a", "%0d", "%0b", "/", "//", "%2f", "/.", ".//"],
)
def test_no_spelling_of_the_root_deletes_anything(server, folder, prefix, spelling):
    server.put(f"{folder}/a.txt", b"x")
    answer = server.request("DELETE", f"{prefix}/{spelling}")
    answer.assert_error(400)
    assert tree(server.artifacts / folder) == {"a.txt": b"x"}


@pytest.mark.parametrize("spelling", ["%2520", "%2500", "%252e", "%252f", "%25252e", "..", "%2e%2e", "x/.."])
def test_no_encoded_spelling_of_the_root_deletes_anything_either(server, folder, spelling):
    server.put(f"{folder}/a.txt", b"x")
    assert server.delete(spelling).status in {200, 400}
    assert tree(server.artifacts / folder) == {"a.txt": b"x"}


@pytest.mark.parametrize("slashes", ["/", "//", "%2f"])
def test_a_delete_with_a_leading_slash_is_a_400_and_deletes_nothing(server, folder, slashes):
    server.put(f"{folder}/a.txt", b"x")
    server.delete(f"{slashes}{folder}/a.txt").assert_error(400)
    assert tree(server.artifacts / folder) == {"a.txt": b"x"}


# Links


@pytest.fixture
def linked(server, folder, tmp_path):
    """A folder with links that lead out of the root, one within it, and one that leads nowhere."""
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    (outside / "secret.txt").write_bytes(b"secret")
    (outside / "sub" / "secret.txt").write_bytes(b"secret")
    server.put(f"{folder}/inside/a.txt", b"inside")
    here = server.artifacts / folder
    (here / "folder-link").symlink_to(outside)
    (here / "file-link").symlink_to(outside / "secret.txt")
    (here / "up-link").symlink_to("../..")
    (here / "inner-link").symlink_to("inside")
    (here / "dangling").symlink_to(outside / "none")
    yield here, outside
    assert tree(outside) == {"secret.txt": b"secret", "sub/secret.txt": b"secret"}


@pytest.mark.parametrize("path", ["folder-link/secret.txt", "folder-link/sub/secret.txt", "file-link", "dangling"])
def test_nothing_outside_can_be_read_through_a_link(server, folder, linked, path):
    for method in ("GET", "HEAD"):
        answer = server.request(method, f"{ARTIFACTS}/{folder}/{path}")
        assert answer.status in {400, 404}
        assert b"secret" not in answer.body.replace(b"secret.txt", b"")


def test_nothing_above_the_root_can_be_read_through_a_link(server, folder, linked):
    assert server.fetch(f"{folder}/up-link/{server.database.name}").status in {400, 404}
    assert server.listing(f"{folder}/up-link").status in {400, 404}


@pytest.mark.parametrize("path", ["folder-link/new.txt", "folder-link/secret.txt", "folder-link/d/new.txt"])
def test_nothing_can_be_written_through_a_link_that_leads_outside(server, folder, linked, path):
    assert server.put(f"{folder}/{path}", b"x").status in {400, 404}
    assert staging_entries(server.artifacts) == []


@pytest.mark.parametrize("path", ["file-link", "dangling"])
def test_an_upload_onto_a_link_never_writes_through_it(server, folder, linked, path):
    _here, outside = linked
    assert server.put(f"{folder}/{path}", b"x").status in {200, 400, 404}
    assert not (outside / "none").exists()


@pytest.mark.parametrize("path", ["folder-link", "folder-link/sub", "up-link"])
@pytest.mark.parametrize("recursive", ["false", "true"])
def test_nothing_outside_can_be_listed(server, folder, linked, path, recursive):
    answer = server.listing(f"{folder}/{path}", recursive=recursive)
    assert answer.status in {400, 404}
    assert b"secret.txt" not in answer.body


def test_a_folder_with_links_can_be_listed_and_leads_nowhere(server, folder, linked):
    assert "inside" in server.names(folder)
    recursive = server.names(folder, recursive="true")
    assert "inside/a.txt" in recursive
    assert not [name for name in recursive if "secret" in name or name.startswith(("folder-link/", "up-link/"))]


@pytest.mark.parametrize("path", ["folder-link/secret.txt", "folder-link/sub", "folder-link/none"])
def test_nothing_outside_can_be_deleted_through_a_link(server, folder, linked, path):
    assert server.delete(f"{folder}/{path}").status in {400, 404}


@pytest.mark.parametrize("link", ["folder-link", "file-link", "up-link", "dangling", "inner-link"])
def test_deleting_a_link_removes_the_link_alone(server, folder, linked, link):
    here, _ = linked
    before = tree(server.artifacts / folder)
    assert server.delete(f"{folder}/{link}").status == 200
    assert not (here / link).is_symlink()
    assert tree(server.artifacts / folder) == before


def test_deleting_a_folder_removes_the_links_in_it_and_not_their_targets(server, folder, linked):
    assert server.delete(folder).status == 200
    assert not (server.artifacts / folder).exists()
    assert server.database.exists()


def test_a_link_within_the_root_is_followed(server, folder, linked):
    assert server.fetch(f"{folder}/inner-link/a.txt").body == b"inside"
    assert server.names(f"{folder}/inner-link") == ["a.txt"]


def test_a_destination_that_is_itself_a_link_serves_its_target(own_server, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    server = own_server("--artifacts-destination", str(tmp_path / "link"))
    assert server.put("d/a.txt", b"x").status == 200
    assert server.fetch("d/a.txt").body == b"x"
    assert (tmp_path / "real" / "d" / "a.txt").read_bytes() == b"x"


def test_a_file_whose_name_is_not_utf8_does_not_break_the_listing(server, folder):
    server.put(f"{folder}/a.txt", b"x")
    with open(os.fsencode(server.artifacts / folder) + b"/\xff\xfe", "wb"):
        pass
    assert "a.txt" in server.names(folder)
    assert "a.txt" in server.names(folder, recursive="true")


def test_a_pipe_in_the_folder_blocks_nobody(server, folder):
    server.put(f"{folder}/a.txt", b"x")
    os.mkfifo(server.artifacts / folder / "pipe")
    assert "a.txt" in server.names(folder)
    assert server.fetch(f"{folder}/pipe").status in {400, 404}


# Multipart and presigned


@pytest.mark.parametrize("prefix", ["/api/2.0", "/ajax-api/2.0"])
@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("create", {"path": "/tmp/f.bin", "num_parts": 2}),
        ("complete", {"path": "f.bin", "upload_id": "u", "parts": []}),
        ("abort", {"path": "f.bin", "upload_id": "u"}),
    ],
)
def test_multipart_on_a_folder_is_the_501_on_which_the_client_falls_back(server, prefix, step, message):
    answer = server.post(f"{prefix}/mlflow-artifacts/mpu/{step}/0/run/artifacts", message)
    answer.assert_error(501, "NOT_IMPLEMENTED")
    assert answer.json() == {
        "error_code": "NOT_IMPLEMENTED",
        "message": "Multipart upload is not supported for the current artifact repository",
    }


@pytest.mark.parametrize("prefix", ["/api/2.0", "/ajax-api/2.0"])
def test_a_presigned_download_from_a_folder_is_the_501_of_the_reference(server, folder, prefix):
    server.put(f"{folder}/a.txt", b"x")
    for path in (f"{folder}/a.txt", f"{folder}/none"):
        answer = server.get(f"{prefix}/mlflow-artifacts/presigned/{path}").assert_error(501)
        assert answer.json() == {
            "error_code": "NOT_IMPLEMENTED",
            "message": "Multipart download is not supported for the current artifact repository",
        }


def test_multipart_checks_path_then_body_then_ability(server):
    target = "/api/2.0/mlflow-artifacts/mpu/create"
    server.post(f"{target}/..%2fx", {}).assert_error(400, "INVALID_PARAMETER_VALUE", "Invalid path")
    missing = (
        "Missing value for required parameter '{}'. See the API docs for more information about request parameters."
    )
    server.post(f"{target}/x", {"num_parts": 1}).assert_error(400, None, missing.format("path"))
    complete = {"path": "x", "upload_id": "u"}
    server.post("/api/2.0/mlflow-artifacts/mpu/complete/x", complete).assert_error(400, None, missing.format("parts"))
    server.request("POST", f"{target}/x", b"{}").assert_error(400, None, "Bad Request. Content-Type header is missing.")
    server.post(f"{target}/x", {}, {"Content-Type": "text/plain"}).assert_error(
        400, None, "Bad Request. Content-Type must be one of ['application/json']."
    )


def test_multipart_without_a_folder_is_404_and_with_another_method_405(server):
    for step in ("create", "complete", "abort"):
        assert server.post(f"/api/2.0/mlflow-artifacts/mpu/{step}", {"path": "x"}).status == 404
        answer = server.get(f"/api/2.0/mlflow-artifacts/mpu/{step}/x")
        assert answer.status == 405
        assert "POST" in answer.headers["allow"]
    assert server.get("/api/2.0/mlflow-artifacts/presigned").status == 404


# Unknown routes


@pytest.mark.parametrize("target", ["/api/2.0/mlflow-artifacts/none", "/api/2.0/mlflow/none", "/ajax-api/9.0/x"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_an_unknown_path_is_a_404_with_endpoint_not_found(server, method, target):
    server.request(method, target).assert_error(404, "ENDPOINT_NOT_FOUND")
