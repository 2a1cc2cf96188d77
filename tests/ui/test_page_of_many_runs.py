"""100,000 runs in the page: the table is there at once and scrolls smoothly. How fast is printed, and fails nothing.

`MLFERRY_TEST_FULL_SIZE=1 pytest -n 0 ui/test_page_of_many_runs.py` has all of them; other runs of the tests have 5,000.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import sqlite3
import time
from collections.abc import Iterator

import pytest
from own_page import BEGIN_MS, OPTIONS, ROWS
from playwright.sync_api import Locator, Page, expect

from browser import Browser
from harness import IS_FULL_SIZE, Server

RUNS = 100_000 if IS_FULL_SIZE else 5_000
METRICS = ["loss", "accuracy", "val/loss"]
SCROLLED_SECONDS = 5.0 if IS_FULL_SIZE else 1.0
SCROLLED_PX_PER_SECOND = 4_000

pytestmark = pytest.mark.xdist_group("own page")


def fill(database: str) -> None:
    """Writes the runs as the server would."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        runs = [f"{number:032x}" for number in range(RUNS)]
        connection.executemany(
            "INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, end_time, lifecycle_stage, "
            "artifact_uri, experiment_id) VALUES (?, ?, 'LOCAL', 'ann', 'FINISHED', ?, ?, 'active', ?, 0)",
            (
                (run, f"run-{number}", BEGIN_MS + number, BEGIN_MS + number + 500, f"mlflow-artifacts:/0/{run}")
                for number, run in enumerate(runs)
            ),
        )
        connection.executemany(
            "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, 1, 0, ?)",
            ((key, number / RUNS, BEGIN_MS, run) for number, run in enumerate(runs) for key in METRICS),
        )
        connection.execute("ANALYZE")
        connection.commit()


@pytest.fixture(scope="module")
def filled() -> Iterator[Server]:
    with Server(*OPTIONS) as server:
        server.stop()
        fill(str(server.root / "mlflow.db"))
        server.start()
        yield server


def test_a_long_table_is_there_at_once_and_scrolls(filled, capsys):
    with Browser(filled.url) as browser:
        page = browser.page
        # What the browser keeps of the page's files is there, as it is for everybody who comes again.
        browser.visit("/experiments")
        browser.settle()
        begun = time.monotonic()
        browser.visit("/experiments/0/runs")
        expect(page.locator(ROWS).first).to_contain_text(f"run-{RUNS - 1}")
        seconds = time.monotonic() - begun
        browser.settle()
        with traced(browser) as frames:
            scroll(page, over=page.locator(ROWS).nth(5))
        assert page.locator(ROWS).count() < 100
        assert int(page.locator(ROWS).first.get_attribute("data-row")) > 0
        assert (browser.failed, browser.errors) == ([], [])
    with capsys.disabled():
        drawn = len(frames) / (frames[-1] - frames[0])
        longest = max(later - earlier for earlier, later in itertools.pairwise(frames))
        print(
            f"\n{RUNS:,} runs: the table is there after {seconds:.2f} s; {drawn:.0f} frames a second while it scrolls, "
            f"the longest {longest * 1000:.0f} ms"
        )


def test_groups_of_a_long_table_take_more_runs_when_told(filled):
    with Browser(filled.url) as browser:
        page = browser.page
        browser.visit("/experiments/0/runs?group=attributes.user_id")
        first = page.get_by_role("status").filter(has_text="Groups of the first")
        expect(first).to_be_visible()
        before = head(page)
        page.get_by_role("button", name="Group more runs").click()
        expect(page.get_by_role("button", name=before)).to_have_count(0)
        counts = [int(re.search(r"\((\d+) runs", text)[1]) for text in (before, head(page))]
        assert counts[1] == 2 * counts[0]
        assert (browser.failed, browser.errors) == ([], [])


def head(page: Page) -> str:
    return page.get_by_role("button", name="User: ann").inner_text()


def scroll(page: Page, over: Locator) -> None:
    """Turns the wheel as a hand does, by the browser's own gesture: turns that are sent one by one come too late."""
    place = over.bounding_box()
    page.context.new_cdp_session(page).send(
        "Input.synthesizeScrollGesture",
        {
            "x": place["x"] + 20,
            "y": place["y"] + place["height"] / 2,
            "yDistance": -SCROLLED_SECONDS * SCROLLED_PX_PER_SECOND,
            "speed": SCROLLED_PX_PER_SECOND,
            "gestureSourceType": "mouse",
            "preventFling": True,
        },
    )


@contextlib.contextmanager
def traced(browser: Browser) -> Iterator[list[float]]:
    """When frames were drawn, in seconds, as the browser's own trace has it."""
    frames: list[float] = []
    chromium = browser.page.context.browser
    chromium.start_tracing(page=browser.page, categories=["disabled-by-default-devtools.timeline.frame"])
    yield frames
    events = json.loads(chromium.stop_tracing())["traceEvents"]
    frames += sorted(event["ts"] / 1e6 for event in events if event["name"] == "DrawFrame")
