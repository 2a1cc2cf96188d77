"""That no route is forgotten: what the server answers is what the tests of this folder know of."""

from __future__ import annotations

import pytest

from attack_surface import OF_ROOT, WAYS, without_files
from server_routes import table
from targets import PROXIED

# Ends the sentence of a route that is left out, and answered with 501 whatever is sent.
LEFT_OUT = " not part of this version of mlferry."


def test_every_route_is_attacked_or_takes_no_name_of_a_file(server):
    lines = {(line.method, line.path) for line in table()}
    known = OF_ROOT.union(*(way.lines for way in WAYS))
    unknown = [
        (method, path)
        for method, path in sorted(lines - known)
        if path not in without_files() and not is_left_out(server, method, path)
    ]
    assert unknown == [], "routes that `attack_surface.py` does not know"
    assert known - lines == set(), "lines of `attack_surface.py` that the server does not have"
    assert without_files() - {path for _, path in lines} == set()


def is_left_out(server, method: str, path: str) -> bool:
    return server.request(method, path.replace("{*rest}", "x")).text.endswith(LEFT_OUT + '"}')


@PROXIED
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_the_root_of_the_destination_is_neither_read_nor_changed(attacked, method):
    for twin in ("/api", "/ajax-api"):
        for path in ("", "?archive=tar", "?extract=tar", "%20", ".", "./", "%2e", "%20?archive=tar", ".?archive=tar"):
            answer = attacked.wire.send(
                method, f"{attacked.server.prefix}{twin}/2.0/mlflow-artifacts/artifacts/{path}", b"x"
            )
            answer.assert_error(400, "INVALID_PARAMETER_VALUE")
    attacked.assert_unharmed()


@pytest.mark.parametrize(
    "path",
    [
        "/%61pi/2.0/mlflow/experiments/search",
        "//api/2.0/mlflow/experiments/search",
        "/api//2.0/mlflow/experiments/search",
        "/x/../api/2.0/mlflow/experiments/search",
        "/api/./2.0/mlflow/experiments/search",
        "/API/2.0/mlflow/experiments/search",
        "/api/2.0/mlflow/experiments/search/",
        "/api/2.0/mlflow/experiments%2fsearch",
        "/api/2.0/mlflow/experiments/search;x=1",
        "/static-files/../api/2.0/mlflow/experiments/search",
    ],
)
def test_a_route_has_one_spelling_so_that_what_guards_it_can_not_be_passed_by(server, path):
    assert server.get(path).status == 404
