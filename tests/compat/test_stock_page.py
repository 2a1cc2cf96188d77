"""A walk through MLflow's own web page, in a headless Chromium. Pictures are kept in `target/pages`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest

from browser import Browser
from harness import REPOSITORY, Server, run_script

PAGE = Path(mlflow.__file__).parent / "server" / "js" / "build"
PICTURES = REPOSITORY / "target" / "pages"
# The page asks who is signed in, and knows by this answer that there are no users; the reference gives the same.
WITHOUT_USERS = "404 GET /ajax-api/2.0/mlflow/users/current"
# What mlferry leaves out (docs/compatibility.md); the page then shows nothing of it.
LEFT_OUT = {
    "501 GET /ajax-api/3.0/mlflow/assistant/config",
    "501 GET /ajax-api/3.0/mlflow/assistant/providers",
    "501 GET /ajax-api/2.0/mlflow/gateway-proxy",
}
pytestmark = pytest.mark.xdist_group("page")


@dataclass(frozen=True)
class Place:
    """A place of the page, with ids in braces, and what has to be seen there."""

    name: str
    path: str
    texts: tuple[str, ...]


RUN = "/experiments/{experiment}/runs/{runs[0]}"
MODEL = "/experiments/{experiment}/models/{models[0]}"
PLACES = [
    Place("home", "/", ("Welcome to MLflow", "walk")),
    Place("experiments", "/experiments", ("walk", "Default")),
    Place("runs", "/experiments/{experiment}/runs", ("run-1", "run-2", "2 matching runs", "walk-model")),
    Place("charts", "/experiments/{experiment}/runs?compareRunsMode=CHART", ("Model metrics", "loss")),
    Place("run", RUN, ("depth", "linear", "loss", "0.05", "Logged models (1)", "walk-model")),
    Place("run-metrics", f"{RUN}/model-metrics", ("run-1 (loss)",)),
    Place("run-system-metrics", f"{RUN}/system-metrics", ("No charts in this section",)),
    Place("run-traces", f"{RUN}/traces", ("No traces found.",)),
    Place("run-artifacts", f"{RUN}/artifacts", ("notes", "red.png", "rows.csv", "Select a file to preview")),
    Place("text", f"{RUN}/artifacts/notes/words.txt", ("plain words of a run",)),
    Place("csv", f"{RUN}/artifacts/rows.csv", ("Previewing the first 2 rows",)),
    Place("json", f"{RUN}/artifacts/table.json", ('"answer"', "42")),
    Place("html", f"{RUN}/artifacts/report.html", ("report.html", "50B")),
    Place("image", f"{RUN}/artifacts/red.png", ("red.png", "101B")),
    Place(
        "compare",
        '/compare-runs?runs=["{runs[0]}","{runs[1]}"]&experiments=["{experiment}"]',
        ("Comparing 2 Runs from 1 Experiment", "Parallel Coordinates Plot", "Run details"),
    ),
    Place("experiment-models", "/experiments/{experiment}/models", ("Ready", "run-2", "v2")),
    Place("logged-model", MODEL, ("About this logged model", "{models[0]}", "loss", "run-1")),
    Place("logged-model-artifacts", f"{MODEL}/artifacts", ("MLmodel", "requirements.txt")),
    Place("models", "/models", ("walk-model", "Version 2", "champion", "stage: trial")),
    Place("model", "/models/walk-model", ("trial", "Version 1", "Version 2", "champion")),
    Place("version", "/models/walk-model/versions/2", ("Registered At", "run-2", "Inputs (1)", "Outputs (1)")),
    Place("traces", "/experiments/{experiment}/traces", ('{"left": 1, "right": 2}', "1 of 1", "True")),
    Place(
        "trace",
        "/experiments/{experiment}/traces?selectedEvaluationId={trace}",
        ("Inputs / Outputs", "inner", "right", "Success"),
    ),
    Place("prompts", "/prompts", ("walk-prompt", "Version 1")),
    Place("prompt", "/prompts/walk-prompt", ("Say {{word}} twice.", "Viewing version 1")),
    Place("datasets", "/experiments/{experiment}/datasets", ("Create an evaluation dataset",)),
    Place("judges", "/experiments/{experiment}/judges", ("Create and manage judges",)),
]


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Iterator[tuple[Browser, dict]]:
    """A browser at a server with the page and something to look at, and the ids of that."""
    with Server("--ui", "stock", "--ui-path", str(PAGE)) as server:
        environment = {"MLFLOW_TRACKING_URI": server.url}
        printed = run_script("page_data.py", cwd=tmp_path_factory.mktemp("page"), environment=environment)
        with Browser(server.url) as browser:
            yield browser, json.loads(printed.splitlines()[-1])


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_place_shows_what_was_logged_and_no_error(walk, place):
    browser, ids = walk
    browser.visit(filled(place.path, ids))
    try:
        browser.see(*(filled(text, ids) for text in place.texts))
        browser.settle()
    finally:
        browser.keep(PICTURES / f"{place.name}.png")
    failed = set(browser.failed) - LEFT_OUT - {WITHOUT_USERS}
    assert (failed, browser.errors, browser.complaints()) == (set(), [], [])


def filled(text: str, ids: dict) -> str:
    """The text with ids for the words in single braces."""
    for name, value in ids.items():
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            word = f"{{{name}[{number}]}}" if isinstance(value, list) else f"{{{name}}}"
            text = text.replace(word, one)
    return text
