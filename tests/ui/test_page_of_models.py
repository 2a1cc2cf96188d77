"""Registered models and their versions in mlferry's own page."""

from __future__ import annotations

import uuid

import pytest
from own_page import ROWS, forget_expected
from playwright.sync_api import expect

pytestmark = pytest.mark.xdist_group("own page")


@pytest.fixture
def model(client, runs) -> str:
    """The name of a model with two versions out of the first run."""
    name = f"model {uuid.uuid4().hex[:8]}"
    client.create_registered_model(name, tags={"task": name}, description="Finds things.")
    for _ in range(2):
        root = client.get_run(runs[0]).info.artifact_uri
        client.create_model_version(name, f"{root}/model", runs[0], tags={"checked": "yes"})
    client.set_registered_model_alias(name, "champion", "2")
    return name


def test_models_are_found_and_opened(browser, model):
    page = browser.page
    browser.visit("/models")
    row = page.get_by_role("row").filter(has_text=model)
    expect(row.get_by_role("cell").nth(1)).to_have_text("2")
    expect(row).to_contain_text("champion: 2")
    field = page.get_by_label("Find models")
    field.fill(f"tags.task = '{model}'")
    field.press("Enter")
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_role("link", name=model).click()
    expect(page.get_by_role("heading", name=model)).to_be_visible()


def test_a_model_shows_its_versions_and_where_they_come_from(browser, model):
    page = browser.page
    browser.visit(f"/models/{model}")
    browser.see("Finds things.")
    newest = page.locator(ROWS).first
    expect(newest.get_by_role("cell").first).to_have_text("2")
    expect(newest).to_contain_text("champion")
    expect(newest).to_contain_text("ready")
    expect(newest).to_contain_text("checked: yes")
    newest.get_by_role("link").click()
    expect(page.get_by_role("heading", name="run-0")).to_be_visible()


def test_a_model_that_is_not_there_is_said_to_be_missing(browser):
    browser.visit("/models/nothing")
    browser.see("Registered Model with name=nothing not found")
    forget_expected(browser, "404 GET /ajax-api/2.0/mlflow/registered-models/get")
