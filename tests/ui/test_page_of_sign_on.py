"""The page of a server whose users sign on with an identity provider."""

from __future__ import annotations

import pytest
from own_page import OPTIONS, PICTURES, findings
from playwright.sync_api import expect

from browser import Browser
from identity_provider import IdentityProvider, serve

pytestmark = pytest.mark.xdist_group("own page")


def test_somebody_signs_on_sees_the_page_and_signs_out(tmp_path):
    roles = ("--oidc-admin-groups", "ops")
    with (
        IdentityProvider(tmp_path, root={"groups": ["ops"]}) as provider,
        serve(provider, tmp_path, *OPTIONS, *roles) as server,
        Browser(server.url) as browser,
    ):
        page = browser.page
        page.goto(server.url)
        page.get_by_placeholder("Enter any login").fill("root")
        page.get_by_placeholder("and password").fill("any")
        page.get_by_role("button", name="Sign-in").click()
        page.get_by_role("button", name="Continue").click()
        browser.see("Experiments")
        # Of the provider's own pages.
        browser.failed, browser.console = [], []
        assert page.url == f"{server.url}/#/experiments"
        expect(page.get_by_role("link", name="Tokens")).to_be_visible()
        assert page.get_by_role("button", name="Sign out").get_attribute("title") == "Signed on as root"
        assert findings(browser) == []
        browser.keep(PICTURES / "signed-on.png")
        # What the session may do, the page does.
        page.get_by_role("button", name="New experiment").click()
        page.get_by_label("Name").fill("made by root")
        page.get_by_role("button", name="Create", exact=True).click()
        expect(page.get_by_role("link", name="made by root")).to_be_visible()
        assert (browser.failed, browser.errors, browser.console) == ([], [], [])
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{provider.issuer}/session/end**")
        assert "mlferry_session" not in {cookie["name"] for cookie in page.context.cookies()}
        page.get_by_role("button", name="Yes, sign me out").click()
        page.goto(server.url)
        expect(page.get_by_placeholder("Enter any login")).to_be_visible()
