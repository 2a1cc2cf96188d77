"""A server with mlferry's own page, a browser at it, and experiments to look at."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from mlflow import MlflowClient
from own_page import OPTIONS, log_run

from browser import Browser
from harness import Server


@pytest.fixture(scope="session")
def shown() -> Iterator[Server]:
    """A server with the page, shared by all tests, each of which has experiments of its own."""
    with Server(*OPTIONS) as server:
        yield server


@pytest.fixture(scope="module")
def one_browser(shown) -> Iterator[Browser]:
    with Browser(shown.url) as browser:
        yield browser


@pytest.fixture
def browser(one_browser) -> Iterator[Browser]:
    """The browser, which must have heard of no error at the end. Tests of errors forget those that they expect."""
    one_browser.failed, one_browser.errors, one_browser.console = [], [], []
    one_browser.page.emulate_media(color_scheme="light")
    yield one_browser
    assert (one_browser.failed, one_browser.errors, one_browser.console) == ([], [], [])


@pytest.fixture
def client(shown) -> MlflowClient:
    """The stock client for the server of the page."""
    return MlflowClient(tracking_uri=shown.url)


@pytest.fixture
def experiment(client) -> str:
    """The id of an experiment without runs."""
    return client.create_experiment(f"experiment {uuid.uuid4().hex[:8]}")


@pytest.fixture
def runs(client, experiment) -> list[str]:
    """The ids of four runs of it, from `run-0` to `run-3`, with curves, params and tags."""
    return [log_run(client, experiment, number) for number in range(4)]
