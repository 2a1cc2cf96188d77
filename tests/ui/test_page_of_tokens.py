"""Tokens in the page: made, used, revoked; and nothing of them where there are no users."""

from __future__ import annotations

import re

import pytest
from own_page import OPTIONS, PICTURES, ROWS, findings
from playwright.sync_api import expect

from accounts import ADMIN, PASSWORD, Accounts, bearer, environment
from browser import Browser
from harness import API, Server

pytestmark = pytest.mark.xdist_group("own page")


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokens")
    with Server(*OPTIONS, "--app-name", "basic-auth", root=folder, environment=environment(folder)) as server:
        accounts = Accounts(server)
        accounts.add("alice", "bob")
        yield accounts


def test_a_token_is_made_shown_once_used_and_revoked(accounts):
    accounts.token("bob", "READ")
    with Browser(accounts.server.url, "alice", PASSWORD) as browser:
        page = browser.page
        browser.visit("/experiments")
        page.get_by_role("link", name="Tokens").click()
        browser.see("No tokens yet")
        page.get_by_role("button", name="New token").click()
        page.get_by_label("What it is for").fill("nightly")
        page.get_by_label("What it is good for").select_option("Write: to see, change and delete")
        page.get_by_label("Only for these experiments").fill("0, 7")
        assert findings(browser) == []
        page.get_by_role("button", name="Create").click()
        secret = re.search(r"mlferry_\w+", page.get_by_label("The token").inner_text())[0]
        assert findings(browser) == []
        browser.keep(PICTURES / "token.png")
        page.get_by_role("button", name="Done").click()
        rows = page.locator(ROWS)
        expect(rows).to_have_count(1)
        for text in ("nightly", "alice", "WRITE", "0, 7"):
            expect(rows.first).to_contain_text(text)
        assert secret not in page.content()
        assert findings(browser) == []
        browser.keep(PICTURES / "tokens.png")
        target = f"{API}/users/current"
        assert accounts.server.get(target, bearer(secret)).json()["user"]["username"] == "alice"
        page.get_by_role("button", name="Revoke nightly").click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        browser.see("No tokens yet")
        assert accounts.server.get(target, bearer(secret)).status == 401
        assert (browser.failed, browser.errors, browser.console) == ([], [], [])


def test_operators_see_the_tokens_of_all(accounts):
    accounts.token("bob", "READ")
    with Browser(accounts.server.url, ADMIN, PASSWORD) as browser:
        browser.visit("/tokens")
        expect(browser.page.locator(ROWS).first).to_contain_text("bob")


def test_without_users_there_are_no_tokens(browser):
    browser.visit("/experiments")
    browser.settle()
    expect(browser.page.get_by_role("link", name="Models")).to_be_visible()
    expect(browser.page.get_by_role("link", name="Tokens")).to_have_count(0)
