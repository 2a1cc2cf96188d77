"""Runs side by side in mlferry's own page: curves, differences, and plots of their params and metrics."""

from __future__ import annotations

import json
import re
import urllib.parse

import pytest
from own_page import PICTURES
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("own page")
# The share of a canvas, in thousandths, that is drawn in about a colour.
INKED = """([canvas, color]) => {
  const wanted = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 120 && wanted.every((part, index) => Math.abs(part - data[at + index]) < 24)) count += 1;
  }
  return (count * 4000) / data.length;
}"""
# Of the first four runs, in their order.
COLORS = ["#4e79a7", "#f28e2b", "#e15759", "#59a14f"]


def address(experiment: str, runs: list[str], **search) -> str:
    said = {"runs": json.dumps(runs)} | {key: json.dumps(value) for key, value in search.items()}
    return f"/experiments/{experiment}/compare?{urllib.parse.urlencode(said)}"


def inked(browser, metric: str) -> list[bool]:
    """For each of the four runs, whether something of its colour is drawn."""
    canvas = browser.page.get_by_role("region", name=metric, exact=True).locator("canvas").element_handle()
    return [browser.page.evaluate(INKED, [canvas, color]) > 0.5 for color in COLORS]


def test_selected_runs_are_compared(browser, experiment, runs):
    page = browser.page
    browser.visit(f"/experiments/{experiment}/runs")
    for name in ["run-1", "run-2"]:
        page.get_by_label(f"Select {name}").check()
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare 2 runs")).to_be_visible()
    expect(page.get_by_role("region", name="loss", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="Curves of loss by step")).to_be_visible()
    page.get_by_role("link", name="Select other runs").click()
    browser.see("2 selected")


def test_each_run_has_a_curve_that_can_be_hidden(browser, experiment, runs):
    browser.visit(address(experiment, runs))
    browser.settle()
    assert inked(browser, "loss") == [True, True, True, True]
    button = browser.page.get_by_role("button", name="run-1")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    browser.page.mouse.move(0, 0)
    browser.settle()
    assert inked(browser, "loss") == [True, False, True, True]
    browser.keep(PICTURES / "curves-light.png")


def test_pointing_at_a_curve_tells_its_point(browser, experiment, runs):
    browser.visit(address(experiment, runs[:1], metrics=["loss"]))
    browser.settle()
    over = browser.page.locator(".u-over")
    box = over.bounding_box()
    # The loss falls along the diagonal, from 59 at step 0 to 0 at step 59.
    browser.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=3)
    expect(browser.page.get_by_text(re.compile("run-0: (29|30) at step (29|30)"))).to_be_visible()


def test_a_zoom_asks_for_the_steps_between(browser, experiment, runs):
    browser.visit(address(experiment, runs, metrics=["loss"]))
    browser.settle()
    box = browser.page.locator(".u-over").bounding_box()
    middle = box["y"] + box["height"] / 2
    browser.page.mouse.move(box["x"] + box["width"] * 0.25, middle)
    browser.page.mouse.down()
    browser.page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=4)
    with browser.page.expect_request(lambda request: "start_step" in request.url) as asked:
        browser.page.mouse.up()
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(asked.value.url).query)
    assert (query["start_step"], query["end_step"]) == (["14"], ["30"])
    browser.page.mouse.move(0, 0)
    browser.settle()
    assert inked(browser, "loss") == [True, True, True, True]


def test_settings_of_curves_are_in_the_address(browser, experiment, runs):
    browser.visit(address(experiment, runs, metrics=["loss"]))
    page = browser.page
    page.get_by_text("Since start").click()
    page.get_by_role("switch", name="Logarithmic").check()
    page.get_by_role("slider", name="Smoothing").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("img", name="Curves of loss by relative")).to_be_visible()
    said = urllib.parse.parse_qs(page.url.partition("?")[2])
    assert (said["x"], said["log"], said["smooth"]) == (["relative"], ["true"], ["0.01"])
    browser.settle()


def test_the_table_shows_in_what_runs_differ(browser, experiment, runs):
    browser.visit(address(experiment, runs[:2], view="table"))
    table = browser.page.get_by_role("table", name="Differences")
    expect(table.get_by_role("row", name="optimizer")).to_contain_text("sgd")
    expect(table.get_by_role("row", name="optimizer")).to_contain_text("adam")
    expect(table.get_by_role("row", name="epochs")).to_have_count(0)
    browser.page.get_by_role("switch", name="Show what all have in common").check()
    expect(table.get_by_role("row", name="epochs")).to_be_visible()


def test_bars_tell_the_last_value_of_each_run(browser, experiment, runs):
    browser.visit(address(experiment, runs, view="bars"))
    plot = browser.page.get_by_role("img", name="Last loss of 4 runs")
    for text in ["run-1", "run-3", "loss"]:
        expect(plot.get_by_text(text, exact=True)).to_be_visible()
    browser.page.get_by_role("combobox", name="Metric").click()
    browser.page.get_by_role("option", name="val/accuracy").click()
    expect(browser.page.get_by_role("img", name="Last val/accuracy of 4 runs")).to_be_visible()


def test_plots_show_each_run(browser, experiment, runs):
    browser.visit(address(experiment, runs, view="scatter"))
    browser.see("4 of 4 runs have both values")
    expect(browser.page.get_by_role("img", name="loss over lr")).to_contain_text("loss")
    browser.page.get_by_role("tab", name="Parallel").click()
    plot = browser.page.get_by_role("img", name="4 runs across params.lr, params.optimizer, metrics.loss")
    for text in ["lr", "optimizer", "adam", "sgd", "loss"]:
        expect(plot.get_by_text(text, exact=True)).to_be_visible()
    browser.settle()
    browser.keep(PICTURES / "parallel-light.png")


def test_runs_that_are_gone_are_said_to_be(browser, experiment):
    browser.visit(address(experiment, ["0" * 32]))
    browser.see("No runs to compare")


def test_live_runs_go_on(browser, client, experiment):
    run = client.create_run(experiment, run_name="alive").info.run_id
    for step in range(3):
        client.log_metric(run, "loss", 1.0, step=step)
    browser.visit(address(experiment, [run]))
    browser.see("loss")
    with browser.page.expect_request(lambda request: "bulk-interval" in request.url, timeout=20_000):
        client.log_metric(run, "loss", 2.0, step=3)
    browser.settle()
