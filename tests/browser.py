"""A headless Chromium that writes down what goes wrong on the pages that it visits."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, Request, Response, sync_playwright

from harness import wait_until

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
# Chromium as root has no sandbox; the rest keeps it from looking for its maker's hosts.
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
]
SIZE = {"width": 1440, "height": 1000}
WAIT_SECONDS = 30
# So long nothing is asked for before a page counts as complete.
QUIET_MS = 250
# The script of a worker never counts as loaded, and what a page is told as it comes has no end.
WORKER, ENDLESS = ".worker.js", "eventsource"
# How the page says that something went wrong.
WORDS_OF_ERRORS = re.compile(r"error|went wrong|failed|not found|could ?n.t|unable", re.IGNORECASE)


class Browser:
    """One tab: failed requests, errors of scripts, and what the console was told at the place that it shows."""

    def __init__(self, url: str, user: str | None = None, password: str = ""):
        self.url = url
        self._credentials = {"username": user, "password": password} if user else None
        self.failed: list[str] = []
        self.errors: list[str] = []
        self.console: list[str] = []
        self._under_way: set[Request] = set()

    def __enter__(self) -> Browser:
        self._playwright = sync_playwright().start()
        self._chromium = self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        self.page: Page = self._chromium.new_page(viewport=SIZE, http_credentials=self._credentials)
        self.page.set_default_timeout(WAIT_SECONDS * 1000)
        self.page.on("request", self._begun)
        self.page.on("response", self._answered)
        self.page.on("requestfinished", self._ended)
        self.page.on("requestfailed", self._broken)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._told)
        return self

    def __exit__(self, *_) -> None:
        self._chromium.close()
        self._playwright.stop()

    def _begun(self, request: Request) -> None:
        if not request.url.endswith(WORKER) and request.resource_type != ENDLESS:
            self._under_way.add(request)

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            target = response.url.removeprefix(self.url).partition("?")[0]
            self.failed.append(f"{response.status} {response.request.method} {target}")

    def _ended(self, request: Request) -> None:
        self._under_way.discard(request)

    def _broken(self, request: Request) -> None:
        self._ended(request)
        # What was aborted belongs to the place before, or the page itself lost interest.
        if request.failure != "net::ERR_ABORTED":
            self.failed.append(f"{request.failure} {request.url}")

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.console.append(message.text)

    def visit(self, place: str) -> None:
        """Opens a place of the page, such as `/experiments`, from the start."""
        self.page.goto("about:blank")
        self.failed, self.errors, self.console = [], [], []
        self._under_way.clear()
        self.page.goto(f"{self.url}/#{place}")

    def see(self, *texts: str) -> None:
        """Waits until texts are shown."""
        for text in texts:
            self.page.get_by_text(text).locator("visible=true").first.wait_for()

    def settle(self) -> None:
        """Waits until nothing is asked for any more."""

        def is_quiet() -> bool:
            self.page.wait_for_timeout(QUIET_MS)
            return not self._under_way

        wait_until(is_quiet, WAIT_SECONDS, f"still loading: {[request.url for request in self._under_way]}")

    def complaints(self) -> list[str]:
        """What the page shows as errors."""
        shown = self.page.locator("[role=alert] >> visible=true").all_inner_texts()
        return [text for text in shown if WORDS_OF_ERRORS.search(text)]

    def keep(self, path: Path) -> None:
        """Keeps a picture of what is shown."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)
