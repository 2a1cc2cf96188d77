"""That mlferry's own page can be used by all: with a screen reader, small screens, in the dark, behind a prefix."""

from __future__ import annotations

import json

import pytest
from own_page import OPTIONS, PICTURES, findings
from playwright.sync_api import expect

from harness import Server

pytestmark = pytest.mark.xdist_group("own page")
# Name, path, and what is seen when it is complete.
PLACES = {
    "experiments": ("/experiments", "Default"),
    "runs": ("/experiments/{experiment}/runs?selected={one}", "1 selected"),
    "models": ("/models", "Models"),
    "no-runs": ("/experiments/0/runs", "No runs yet"),
    "no-traces": ("/experiments/0/traces", "No traces yet"),
    "curves": ("/experiments/{experiment}/compare?runs={all}", "val/accuracy"),
    "table": ('/experiments/{experiment}/compare?runs={all}&view="table"', "optimizer"),
    "bars": ('/experiments/{experiment}/compare?runs={all}&view="bars"', "Metric"),
    "scatter": ('/experiments/{experiment}/compare?runs={all}&view="scatter"', "4 of 4 runs"),
    "parallel": ('/experiments/{experiment}/compare?runs={all}&view="parallel"', "Drag along an axis"),
}


@pytest.fixture
def visit(browser, experiment, runs):
    def visit(place: str) -> None:
        path, text = PLACES[place]
        filled = path.replace("{experiment}", experiment)
        browser.visit(filled.replace("{one}", json.dumps(runs[:1])).replace("{all}", json.dumps(runs)))
        browser.see(text)
        browser.settle()

    return visit


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, visit, scheme):
    browser.page.emulate_media(color_scheme=scheme)
    found = {}
    for place in PLACES:
        visit(place)
        browser.keep(PICTURES / f"{place}-{scheme}.png")
        found[place] = findings(browser)
    assert found == {place: [] for place in PLACES}


def test_dialogs_are_named_and_hold_the_focus(browser, visit):
    visit("runs")
    browser.page.get_by_role("button", name="Tag").click()
    dialog = browser.page.get_by_role("dialog", name="Tag 1 run")
    expect(dialog.get_by_label("Key")).to_be_focused()
    assert findings(browser) == []
    browser.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    browser.page.get_by_role("button", name="Columns").click()
    assert findings(browser) == []


def test_nothing_is_wider_than_a_small_screen(browser, visit):
    before = browser.page.viewport_size
    browser.page.set_viewport_size({"width": 360, "height": 640})
    try:
        for place in PLACES:
            visit(place)
            assert browser.page.evaluate("document.documentElement.scrollWidth") <= 360, place
            browser.keep(PICTURES / f"{place}-small.png")
    finally:
        browser.page.set_viewport_size(before)


def test_the_keyboard_alone_is_enough(browser, visit):
    visit("runs")
    browser.page.keyboard.press("Tab")
    expect(browser.page.get_by_role("button", name="Skip to the content")).to_be_focused()
    browser.page.keyboard.press("Enter")
    expect(browser.page.get_by_role("main")).to_be_focused()


def test_colours_can_be_switched_and_stay(browser, visit):
    visit("experiments")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = browser.page.evaluate(ground)
    browser.page.get_by_label("Switch to dark colours").click()
    expect(browser.page.get_by_label("Switch to light colours")).to_be_visible()
    assert browser.page.evaluate(ground) != light
    visit("experiments")
    browser.page.get_by_label("Switch to light colours").click()
    expect(browser.page.get_by_label("Switch to dark colours")).to_be_visible()
    assert browser.page.evaluate(ground) == light
    browser.page.evaluate("localStorage.clear()")


def test_the_page_works_below_a_prefix(browser, monkeypatch):
    prefixed = ("--static-prefix", "/deep/inside")
    with Server(*OPTIONS, *prefixed, prefix="/deep/inside") as server:
        monkeypatch.setattr(browser, "url", server.url)
        browser.visit("/experiments")
        browser.see("Default")
        browser.settle()
