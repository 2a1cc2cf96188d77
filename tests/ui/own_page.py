"""What the tests of mlferry's own page share: how it is served, runs to look at, and errors that a test wants."""

from __future__ import annotations

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from browser import Browser
from harness import REPOSITORY

OPTIONS = ("--ui", "builtin")
AXE = REPOSITORY / "ui" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = REPOSITORY / "target" / "pages" / "own"
# The lines of a table that are in the document: those in sight, and some around.
ROWS = "tbody tr[data-row]"
STEPS = 60
# When the first run of a test begins, in milliseconds.
BEGIN_MS = 1_790_000_000_000


def log_run(client: MlflowClient, experiment: str, number: int) -> str:
    """Logs a run whose loss ends at its number, and whose accuracy has a gap if its number is 0; returns its id."""
    begin = BEGIN_MS + number * 60_000
    run = client.create_run(experiment, start_time=begin, run_name=f"run-{number}")
    metrics = []
    for step in range(STEPS):
        at = begin + step * 1000
        accuracy = float("nan") if number == 0 and 20 <= step < 30 else step / STEPS
        metrics.append(Metric("loss", number + (STEPS - 1 - step), at, step))
        metrics.append(Metric("val/accuracy", accuracy, at, step))
    params = [Param("lr", str(10.0**-number)), Param("optimizer", ["sgd", "adam"][number % 2]), Param("epochs", "3")]
    client.log_batch(run.info.run_id, metrics, params, [RunTag("team", "vision")])
    client.set_terminated(run.info.run_id, end_time=begin + 90_000)
    return run.info.run_id


def forget_expected(browser: Browser, *failed: str) -> None:
    """Makes sure that exactly these requests failed, which a test has wanted, and forgets them."""
    assert sorted(set(browser.failed)) == sorted(failed)
    # Chromium tells the console of each answer that is an error.
    assert all("Failed to load resource" in text for text in browser.console), browser.console
    browser.failed, browser.console = [], []


def findings(browser: Browser) -> list[str]:
    """What axe calls serious or critical. The script goes in behind the Content-Security-Policy, not through it."""
    browser.page.evaluate(AXE.read_text())
    violations = browser.page.evaluate("async () => (await axe.run()).violations")
    serious = [one for one in violations if one["impact"] in {"serious", "critical"}]
    return [f"{one['id']}: {node['html'][:200]} {node['any'][:1]}" for one in serious for node in one["nodes"]]
