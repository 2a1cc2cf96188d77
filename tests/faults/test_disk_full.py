"""A full disk: the upload fails with 507, keeps nothing, and the server goes on."""

from __future__ import annotations

from harness import staging_entries, tree

# A file system of 4 MiB, in a mount namespace of the server's own: no root is needed.
SMALL_DISK = (
    "unshare",
    "--user",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mkdir -p mlartifacts && mount -t tmpfs -o size=4m tmpfs mlartifacts && exec "$0" "$@"',
)


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
