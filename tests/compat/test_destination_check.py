"""A destination that cannot be used stops the start with one clear line."""

from __future__ import annotations

import pytest

from harness import run_binary
from ports import free_port
from stores.azurite import ACCOUNT


def nowhere(store) -> dict[str, str]:
    return store.server_environment(f"http://127.0.0.1:{free_port()}")


# What is wrong → the store, the destination, the variables, and a word that has to be said.
WRONG = {
    "no such bucket": lambda stores: ("garage", "s3://nobody-has-this/x", None, "nobody-has-this"),
    "a wrong secret": lambda stores: (
        "garage",
        None,
        stores["garage"].server_environment() | {"AWS_SECRET_ACCESS_KEY": "0" * 64},
        None,
    ),
    "an unknown key": lambda stores: (
        "garage",
        None,
        stores["garage"].server_environment() | {"AWS_ACCESS_KEY_ID": "GK" + "0" * 24},
        None,
    ),
    "a key that may only read": lambda stores: ("garage", None, stores["garage"].reading_key(), None),
    "nobody at the endpoint": lambda stores: ("garage", None, nowhere(stores["garage"]), None),
    "no such container": lambda stores: (
        "azurite",
        f"wasbs://nobody-has-this@{ACCOUNT}.blob.core.windows.net/x",
        None,
        "nobody-has-this",
    ),
    "nobody at Azure's endpoint": lambda stores: ("azurite", None, nowhere(stores["azurite"]), None),
    "no such bucket at Google": lambda stores: ("gcs", "gs://nobody-has-this/x", None, "nobody-has-this"),
    "nobody at Google's endpoint": lambda stores: ("gcs", None, nowhere(stores["gcs"]), None),
}


@pytest.fixture(params=WRONG)
def wrong(request, stores):
    name, uri, environment, word = WRONG[request.param](stores)
    place = stores[name].place()
    if uri:
        place.uri = uri
    if environment:
        place.environment = environment
    return place, word or place.uri


def test_it_is_said_in_one_line_and_the_server_does_not_start(wrong, tmp_path):
    place, word = wrong
    options = ["--artifacts-destination", place.uri, "--port", str(free_port())]
    done = run_binary("server", *options, cwd=tmp_path, environment=place.environment, seconds=60)
    assert done.returncode == 1, done.stderr
    *_, last = done.stderr.strip().splitlines()
    assert word in last
    assert "--no-destination-check" in last
    for secret in (place.environment.get("AWS_SECRET_ACCESS_KEY"), "AccountKey="):
        assert not secret or secret not in done.stderr


def test_without_the_check_it_starts_and_answers_with_an_error(wrong, own_server):
    place, _ = wrong
    server = own_server("--no-destination-check", place=place)
    answer = server.request("PUT", "/api/2.0/mlflow-artifacts/artifacts/a.txt", b"x", timeout=120)
    assert 400 <= answer.status < 600
    assert answer.json()["message"]
    assert server.get("/health").status == 200


def test_a_good_destination_is_left_as_it_was(store, own_server):
    server = own_server(place=store.place())
    assert server.stored() == {}
    assert server.pending() == []
