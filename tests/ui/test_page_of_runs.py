"""The table of runs in mlferry's own page."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import uuid

import pytest
from mlflow.entities import Metric, ViewType
from own_page import PICTURES, ROWS, forget_expected
from playwright.sync_api import expect

from harness import clean_environment

pytestmark = pytest.mark.xdist_group("own page")


def names(browser) -> list[str]:
    return browser.page.locator(f"{ROWS} a").all_inner_texts()


def test_runs_are_shown_with_what_was_logged(browser, experiment, runs):
    browser.visit(f"/experiments/{experiment}/runs")
    browser.see("4 runs")
    assert names(browser) == ["run-3", "run-2", "run-1", "run-0"]
    heads = browser.page.get_by_role("columnheader").all_inner_texts()
    assert heads[1:] == ["Run", "Started", "Duration", "Status", "loss", "val/accuracy", "epochs", "lr", "optimizer"]
    cells = browser.page.locator(ROWS).first.get_by_role("cell").all_inner_texts()
    assert cells[3:6] == ["1 min 30 s", "FINISHED", "3"]


def test_the_server_orders_and_the_address_remembers(browser, experiment, runs):
    browser.visit(f"/experiments/{experiment}/runs")
    head = browser.page.get_by_role("columnheader", name="loss")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    expect(browser.page.locator(f"{ROWS} a").first).to_have_text("run-0")
    address = browser.page.url.partition("#")[2]
    browser.visit(address)
    expect(browser.page.locator(f"{ROWS} a").first).to_have_text("run-0")
    expect(browser.page.get_by_role("columnheader", name="loss")).to_have_attribute("aria-sort", "ascending")


def test_a_filter_is_completed_applied_and_corrected(browser, experiment, runs):
    page = browser.page
    browser.visit(f"/experiments/{experiment}/runs")
    browser.see("4 runs")
    page.keyboard.press("/")
    field = page.get_by_label("Find runs")
    expect(field).to_be_focused()
    page.keyboard.type("accur")
    page.get_by_role("option", name="metrics.`val/accuracy`").click()
    expect(field).to_have_value("metrics.`val/accuracy` ")
    field.fill("params.optimizer = 'adam' AND metrics.loss < 2")
    field.press("Enter")
    browser.see("1 run")
    assert names(browser) == ["run-1"]
    field.fill("params.optimizer = adam")
    field.press("Enter")
    expect(field).to_have_accessible_description(re.compile("quoted"))
    forget_expected(browser, "400 POST /ajax-api/2.0/mlflow/runs/search")
    field.fill("RUN-2")
    field.press("Enter")
    expect(page.locator(f"{ROWS} a")).to_have_text(["run-2"])


def test_columns_are_picked(browser, experiment, runs):
    page = browser.page
    browser.visit(f"/experiments/{experiment}/runs")
    page.get_by_role("button", name="Columns").click()
    page.get_by_label("team").check()
    page.get_by_label("epochs").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="team")).to_be_visible()
    expect(page.get_by_role("columnheader", name="epochs")).to_have_count(0)
    expect(page.locator(ROWS).first.get_by_role("cell").last).to_have_text("vision")


def test_selected_runs_are_tagged_deleted_and_restored(browser, client, experiment, runs):
    page = browser.page
    browser.visit(f"/experiments/{experiment}/runs")
    page.get_by_label("Select run-0").check()
    page.get_by_label("Select run-2").check()
    browser.see("2 selected")
    page.get_by_role("button", name="Tag").click()
    page.get_by_role("dialog").get_by_label("Key").fill("kept")
    page.get_by_role("dialog").get_by_label("Value").fill("yes")
    page.get_by_role("button", name="Set tag").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert [client.get_run(run).data.tags.get("kept") for run in runs] == ["yes", None, "yes", None]

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator(ROWS)).to_have_count(2)
    assert names(browser) == ["run-3", "run-1"]
    page.get_by_text("Deleted", exact=True).click()
    expect(page.locator(f"{ROWS} a")).to_have_text(["run-2", "run-0"])
    page.get_by_label("Select run-0").check()
    page.get_by_role("button", name="Restore").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.locator(f"{ROWS} a")).to_have_text(["run-2"])
    active = client.search_runs([experiment], run_view_type=ViewType.ACTIVE_ONLY)
    assert sorted(run.info.run_name for run in active) == ["run-0", "run-1", "run-3"]


def test_a_file_holds_all_runs_that_fit(browser, experiment, runs, tmp_path):
    browser.visit(f"/experiments/{experiment}/runs?filter=metrics.loss+>+0")
    browser.see("3 runs")
    with browser.page.expect_download() as download:
        browser.page.get_by_role("button", name="CSV").click()
    download.value.save_as(tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["attributes.run_name"], row["metrics.loss"]) for row in rows] == [
        ("run-3", "3"),
        ("run-2", "2"),
        ("run-1", "1"),
    ]
    assert rows[0]["params.optimizer"] == "adam"


def test_many_runs_scroll_while_few_rows_are_drawn(browser, client, experiment):
    for number in range(260):
        run = client.create_run(experiment, start_time=number + 1, run_name=f"run-{number}")
        if number == 0:
            client.log_batch(run.info.run_id, [Metric("loss", 1, 1, 1)])
    browser.visit(f"/experiments/{experiment}/runs")
    browser.see("The first 200 runs; more come as you scroll")
    table = browser.page.get_by_role("table", name="Runs")
    for _ in range(2):
        table.evaluate("table => table.parentElement.scrollTo(0, table.parentElement.scrollHeight)")
        browser.settle()
    browser.see("260 runs")
    table.evaluate("table => table.parentElement.scrollTo(0, table.parentElement.scrollHeight)")
    expect(browser.page.get_by_role("link", name="run-0", exact=True)).to_be_visible()
    assert browser.page.locator(ROWS).count() < 80
    expect(table).to_have_attribute("aria-rowcount", "261")


def test_keys_lead_from_run_to_run_and_into_one(browser, experiment, runs):
    browser.visit(f"/experiments/{experiment}/runs")
    browser.see("4 runs")
    for key, name in [("j", "run-3"), ("j", "run-2"), ("ArrowDown", "run-1"), ("k", "run-2")]:
        browser.page.keyboard.press(key)
        expect(browser.page.get_by_role("link", name=name)).to_be_focused()
    browser.page.keyboard.press("Enter")
    expect(browser.page.get_by_role("heading", name="run-2")).to_be_visible()


def test_the_lines_of_an_empty_experiment_log_its_first_run(browser, experiment, tmp_path):
    browser.visit(f"/experiments/{experiment}/runs")
    browser.see("No runs yet")
    lines = browser.page.locator("pre").inner_text()
    assert len(lines.splitlines()) == 3
    subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, env=clean_environment(), check=True)
    browser.visit(f"/experiments/{experiment}/runs")
    browser.see("1 run", "0.5")


def test_what_does_not_exist_is_said(browser):
    browser.visit("/experiments/987654/runs")
    browser.see("No Experiment with id=987654 exists")
    forget_expected(browser, "404 GET /ajax-api/2.0/mlflow/experiments/get")
    browser.visit("/nowhere")
    browser.see("There is nothing here")


def test_pictures_for_the_readme(browser, experiment, runs):
    for scheme in ["light", "dark"]:
        browser.page.emulate_media(color_scheme=scheme)
        browser.visit(f"/experiments/{experiment}/runs")
        browser.see("4 runs", "run-3")
        browser.keep(PICTURES / f"runs-{scheme}.png")


def test_runs_appear_and_go_on_by_themselves(browser, client, experiment):
    browser.visit(f"/experiments/{experiment}/runs")
    expect(browser.page.get_by_label("Find runs")).to_be_visible()
    browser.settle()
    run = client.create_run(experiment, run_name=f"late {uuid.uuid4().hex[:8]}").info
    row = browser.page.get_by_role("row").filter(has_text=run.run_name)
    expect(row).to_contain_text("Running", ignore_case=True)
    client.set_terminated(run.run_id)
    expect(row).to_contain_text("Finished", ignore_case=True)


def test_runs_are_grouped_by_what_they_share(browser, experiment, runs):
    page = browser.page
    browser.visit(f"/experiments/{experiment}/runs")
    page.get_by_label("Group by").select_option("Group by optimizer")
    rows = page.locator(ROWS)
    expect(rows).to_have_count(2)
    head = page.get_by_role("button", name="optimizer: adam (2 runs)")
    row = rows.filter(has=head)
    # The loss of run-1 and run-3.
    expect(row.get_by_role("cell", name="2", exact=True)).to_be_visible()
    assert "group=params.optimizer" in page.url
    head.click()
    expect(head).to_have_attribute("aria-expanded", "true")
    assert names(browser) == ["run-3", "run-1"]
    # Whoever gets the address sees the same.
    page.reload()
    expect(head).to_have_attribute("aria-expanded", "true")
    page.get_by_label("Select run-3").check()
    browser.see("1 selected")
    head.click()
    expect(rows).to_have_count(2)
    page.get_by_label("Group by").select_option("No groups")
    expect(rows).to_have_count(4)
