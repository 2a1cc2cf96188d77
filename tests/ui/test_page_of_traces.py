"""Traces and their spans in mlferry's own page."""

from __future__ import annotations

import subprocess
import sys

import mlflow
import pytest
from own_page import ROWS, forget_expected
from playwright.sync_api import expect

from harness import clean_environment, use_client

pytestmark = pytest.mark.xdist_group("own page")


@pytest.fixture
def trace(monkeypatch, shown, experiment) -> str:
    """The id of a trace with a span that fails inside of its root."""
    use_client(monkeypatch, shown.url)
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_span("answering") as root:
        root.set_inputs({"question": "why"})
        with mlflow.start_span("looking", span_type="RETRIEVER") as inner:
            inner.set_outputs("nothing")
            inner.set_status("ERROR")
        root.set_outputs({"answer": "because"})
    mlflow.flush_trace_async_logging()
    return root.trace_id


def test_traces_are_shown_and_opened(browser, experiment, trace):
    page = browser.page
    browser.visit(f"/experiments/{experiment}/runs")
    page.get_by_role("link", name="Traces").click()
    row = page.locator(ROWS)
    expect(row).to_contain_text("why")
    expect(row).to_contain_text("because")
    field = page.get_by_label("Find traces")
    field.fill("name = 'nothing like it'")
    field.press("Enter")
    browser.see("No trace fits")
    field.fill("ANSWER")
    field.press("Enter")
    page.get_by_role("link", name="answering").click()
    expect(page.get_by_role("heading", name="answering").first).to_be_visible()


def test_a_trace_shows_its_spans_and_what_they_did(browser, trace):
    page = browser.page
    browser.visit(f"/traces/{trace}")
    spans = page.get_by_role("list", name="Spans").get_by_role("button")
    expect(spans).to_have_count(2)
    expect(spans.nth(1)).to_contain_text("looking failed")
    expect(page.get_by_role("region", name="Span answering")).to_contain_text('"question": "why"')
    spans.nth(1).click()
    details = page.get_by_role("region", name="Span looking")
    expect(details).to_contain_text("retriever")
    expect(details).to_contain_text("nothing")
    address = page.url.partition("#")[2]
    browser.visit(address)
    expect(details).to_be_visible()


def test_the_lines_of_an_experiment_without_traces_make_one(browser, experiment, tmp_path):
    browser.visit(f"/experiments/{experiment}/traces")
    browser.see("No traces yet")
    lines = browser.page.locator("pre").inner_text()
    assert len(lines.splitlines()) == 3
    subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, env=clean_environment(), check=True)
    browser.visit(f"/experiments/{experiment}/traces")
    browser.see("a question", "an answer")


def test_a_trace_that_is_not_there_is_said_to_be_missing(browser):
    browser.visit("/traces/tr-nothing")
    browser.see("The trace can't be shown")
    browser.settle()
    forget_expected(
        browser,
        "404 GET /ajax-api/3.0/mlflow/get-trace-artifact",
        "404 GET /ajax-api/3.0/mlflow/traces/tr-nothing",
    )
