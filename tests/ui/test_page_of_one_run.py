"""One run in mlferry's own page: what was logged to it, its curves, its note and its tags."""

from __future__ import annotations

import pytest
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric
from own_page import BEGIN_MS, PICTURES
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("own page")


def test_a_run_is_shown_with_what_was_logged(browser, client, experiment, runs):
    run = runs[1]
    data = Dataset("wine", "abc123", "local", "file:///wine.csv")
    client.log_inputs(run, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
    child = client.create_run(experiment, run_name="child", tags={"mlflow.parentRunId": run})
    page = browser.page
    browser.visit(f"/runs/{run}")
    expect(page.get_by_role("heading", name="run-1")).to_be_visible()
    browser.see("finished", "1 min 30 s", run)
    params = page.get_by_role("table", name="Params")
    assert params.get_by_role("row").all_inner_texts()[1:] == ["epochs\t3", "lr\t0.1", "optimizer\tadam"]
    metrics = page.get_by_role("table", name="Metrics")
    expect(metrics.get_by_role("row", name="loss")).to_contain_text("1")
    expect(metrics.get_by_role("img", name="Curve of loss").locator("canvas")).to_be_visible()
    dataset = page.get_by_role("table", name="Datasets").get_by_role("row").last
    expect(dataset).to_contain_text("training")
    expect(dataset).to_contain_text("wine")
    browser.settle()
    browser.keep(PICTURES / "run-light.png")
    browser.visit(f"/runs/{child.info.run_id}")
    page.get_by_role("link", name=run).click()
    expect(page.get_by_role("heading", name="run-1")).to_be_visible()


def test_many_values_are_filtered(browser, client, experiment):
    run = client.create_run(experiment).info.run_id
    client.log_batch(run, [Metric(f"layer{number}/norm", number, BEGIN_MS, 0) for number in range(60)])
    browser.visit(f"/runs/{run}")
    rows = browser.page.get_by_role("table", name="Metrics").get_by_role("row")
    expect(rows).to_have_count(51)
    assert rows.nth(3).inner_text().startswith("layer2/norm")
    browser.page.get_by_role("button", name="Show all 60").click()
    expect(rows).to_have_count(61)
    browser.page.get_by_label("Filter metrics").fill("layer17")
    expect(rows).to_have_count(2)


def test_tags_are_added_changed_and_deleted(browser, client, runs):
    page, run = browser.page, runs[0]
    browser.visit(f"/runs/{run}")
    page.get_by_role("button", name="Add tag").click()
    page.get_by_role("dialog").get_by_label("Key").fill("stage")
    page.get_by_role("dialog").get_by_label("Value").fill("first <b>try</b>")
    page.get_by_role("button", name="Set tag").click()
    tags = page.get_by_role("table", name="Tags")
    expect(tags.get_by_role("row", name="stage")).to_contain_text("first <b>try</b>")
    page.get_by_role("button", name="Change stage").click()
    page.get_by_role("dialog").get_by_label("Value").fill("second")
    page.get_by_role("button", name="Set tag").click()
    expect(tags.get_by_role("row", name="stage")).to_contain_text("second")
    assert client.get_run(run).data.tags["stage"] == "second"
    page.get_by_role("button", name="Delete stage").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(tags.get_by_role("row", name="stage")).to_have_count(0)
    assert "stage" not in client.get_run(run).data.tags


def test_a_note_is_written_in_markdown(browser, client, runs):
    page, run = browser.page, runs[0]
    browser.visit(f"/runs/{run}")
    page.get_by_role("button", name="Write a note").click()
    page.get_by_label("Note in Markdown").fill("# Result\n\n| a | b |\n|---|---|\n| 1 | **2** |")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.get_by_role("region", name="Note").locator("td strong")).to_have_text("2")
    assert client.get_run(run).data.tags["mlflow.note.content"].startswith("# Result")


def test_curves_of_the_run_and_of_its_machine_have_places_of_their_own(browser, client, runs):
    page, run = browser.page, runs[2]
    client.log_batch(run, [Metric("system/cpu_percent", step, BEGIN_MS + step, step) for step in range(5)])
    browser.visit(f"/runs/{run}")
    assert "system/cpu_percent" not in page.get_by_role("table", name="Metrics").inner_text()
    page.get_by_role("tab", name="Metrics", exact=True).click()
    charts = page.locator("section:has(canvas)")
    expect(charts).to_have_count(2)
    expect(page.get_by_role("region", name="loss")).to_be_visible()
    page.get_by_role("tab", name="System metrics").click()
    expect(page.get_by_role("region", name="system/cpu_percent")).to_be_visible()
    expect(charts).to_have_count(1)
    browser.visit(f"/runs/{runs[0]}?tab=system")
    browser.see("No system metrics")
