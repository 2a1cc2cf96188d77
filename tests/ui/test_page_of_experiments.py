"""The list of experiments in mlferry's own page."""

from __future__ import annotations

import re
import uuid

import pytest
from own_page import ROWS, forget_expected
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("own page")


def name_of_its_own() -> str:
    return f"listed {uuid.uuid4().hex[:8]}"


def test_the_list_tells_of_runs_and_files(browser, client, experiment, runs):
    name = client.get_experiment(experiment).name
    client.log_text(runs[0], "x" * 2048, "weighed.txt")
    browser.visit("/experiments")
    row = browser.page.get_by_role("row").filter(has_text=name)
    expect(row.get_by_role("cell").nth(1)).to_have_text(experiment)
    expect(row.get_by_role("cell").nth(2)).to_have_text(str(len(runs)))
    expect(row.get_by_role("cell").nth(3)).to_have_text(re.compile("ago|in "))
    row.get_by_role("button", name=f"Weigh the files of {name}").click()
    expect(row.get_by_role("cell").nth(4)).to_have_text(re.compile(r"\d+(\.\d+)? (B|KiB|MiB)"))
    row.get_by_role("link", name=name).click()
    expect(browser.page.get_by_role("heading", name=name)).to_be_visible()
    browser.see("run-0", "run-3")


def test_words_and_filters_find_experiments(browser, client):
    name = name_of_its_own()
    wanted = client.create_experiment(f"{name} one")
    client.create_experiment(f"{name} two")
    client.set_experiment_tag(wanted, "team", name)
    browser.visit("/experiments")
    field = browser.page.get_by_label("Find experiments")
    for text, found in [(name.upper(), 2), (f"tags.team = '{name}'", 1), (f"name ILIKE '{name}%'", 2)]:
        field.fill(text)
        field.press("Enter")
        expect(browser.page.locator(ROWS)).to_have_count(found)
    field.fill("no experiment has this name")
    field.press("Enter")
    browser.see("No experiment fits")
    browser.page.get_by_label("Clear the filter").click()
    browser.see(f"{name} two")


def test_a_mistake_in_a_filter_is_told_at_its_place(browser):
    browser.visit("/experiments")
    field = browser.page.get_by_label("Find experiments")
    field.fill("colour = 'red'")
    field.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile("Invalid attribute key 'colour'"))
    forget_expected(browser, "400 POST /ajax-api/2.0/mlflow/experiments/search")


def test_an_experiment_is_made_renamed_deleted_and_restored(browser, client):
    name = name_of_its_own()
    page = browser.page
    browser.visit("/experiments")
    page.get_by_role("button", name="New experiment").click()
    page.get_by_role("dialog").get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("link", name=name)).to_be_visible()

    page.get_by_label(f"What to do with {name}").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_role("dialog").get_by_label("Name").fill(f"{name} renamed")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("link", name=f"{name} renamed")).to_be_visible()
    made = client.get_experiment_by_name(f"{name} renamed")

    page.get_by_label(f"What to do with {name} renamed").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name=f"{name} renamed")).to_have_count(0)
    assert client.get_experiment(made.experiment_id).lifecycle_stage == "deleted"

    page.get_by_text("Deleted", exact=True).click()
    page.get_by_label(f"What to do with {name} renamed").click()
    page.get_by_role("menuitem", name="Restore").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_role("link", name=f"{name} renamed")).to_have_count(0)
    assert client.get_experiment(made.experiment_id).lifecycle_stage == "active"


def test_a_name_that_is_taken_is_refused_in_the_dialog(browser, client, experiment):
    name = client.get_experiment(experiment).name
    browser.visit("/experiments")
    browser.page.get_by_role("button", name="New experiment").click()
    field = browser.page.get_by_role("dialog").get_by_label("Name")
    field.fill(name)
    browser.page.get_by_role("button", name="Create", exact=True).click()
    expect(field).to_have_accessible_description(re.compile("already exists"))
    forget_expected(browser, "400 POST /ajax-api/2.0/mlflow/experiments/create")
