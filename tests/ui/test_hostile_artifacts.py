"""Artifacts that want to run something in mlferry's own page, or to reach somebody from it: nothing of it happens."""

from __future__ import annotations

import json
import urllib.parse

import pytest
from mlflow.entities import Param

from listener import Listener

pytestmark = pytest.mark.xdist_group("own page")
# What a script would do that got to run: it leaves a mark in each way that it can reach.
CODE = "for(const w of [self,parent,top]){try{w.ran=1}catch(e){}};alert(1);fetch('/health?ran')"


def markup(evil: str) -> str:
    """HTML that tries to run script and to load from elsewhere."""
    return f"""
    <script>{CODE}</script><script src="/get-artifact?path=evil.js"></script><script src="{evil}/a.js"></script>
    <img src="x" onerror="{CODE}"><img src="{evil}/img"><svg onload="{CODE}"><script>{CODE}</script></svg>
    <iframe src="javascript:{CODE}"></iframe><iframe srcdoc="<script>{CODE}</script>"></iframe>
    <iframe src="{evil}/frame"></iframe><object data="{evil}/object"></object><embed src="{evil}/embed">
    <link rel="stylesheet" href="{evil}/style">
    <style>@import '{evil}/import'; body {{ background: url({evil}/css) }}</style>
    <body onload="{CODE}"><details open ontoggle="{CODE}"><input autofocus onfocus="{CODE}">
    <form action="{evil}/form"><button id="go" autofocus>go</button></form><base href="{evil}/">
    <video src="{evil}/film" autoplay onerror="{CODE}"></video>
    <meta http-equiv="refresh" content="0;url={evil}/refresh">
    <a id="link" href="javascript:{CODE}">link</a><p>seen all the same</p>
    """


def files(evil: str) -> dict[str, str]:
    html = markup(evil)
    inside = f'<script>{CODE}</script><image href="{evil}/svg"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{CODE}">{inside}</svg>'
    html_output = {"output_type": "display_data", "data": {"text/html": [html]}}
    picture = {"output_type": "display_data", "data": {"image/png": f'" onerror="{CODE}'}}
    cells = [
        {"cell_type": "markdown", "source": f"[x](javascript:{CODE})\n\n{html}"},
        {"cell_type": "code", "source": html, "outputs": [html_output, picture]},
    ]
    return {
        "evil.js": CODE,
        "evil.html": html,
        "evil.xhtml": f'<html xmlns="http://www.w3.org/1999/xhtml"><script>{CODE}</script></html>',
        "evil.svg": svg,
        "evil.md": f"[a](javascript:{urllib.parse.quote(CODE)}) [b]({evil}/link) ![c]({evil}/md) [d](#/nowhere)\n\n"
        f"[e](data:text/html,<script>{urllib.parse.quote(CODE)}</script>)\n\n{html}",
        "evil.ipynb": json.dumps({"cells": cells}),
        "evil.csv": f"{html},=cmd()\n".replace("\n    ", " "),
        "evil.json": json.dumps({html: html, "__proto__": {"ran": 1}}),
        "MLmodel": f"flavors:\n  {json.dumps(html)}: 1\nrun_id: {json.dumps(html)}\n",
        # Names that lie about what is in the file.
        "page.pdf": html,
        "page.png": html,
        "script.png": svg,
        "page.wav": html,
        "page.parquet": html,
        "bomb/MLmodel": "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(12)),
        f"<img src=x onerror={CODE.replace('/', '')}>.txt": "name",
        "\"><script>ran=1<'.txt": "name",
        "' onmouseover='ran=1' x='.html": html,
        "javascript:ran=1": "name",
    }


@pytest.fixture
def watched(browser):
    """The browser, and what it got from anywhere, and whether a script spoke up."""
    heard = {"dialogs": [], "answers": []}
    page = browser.page

    def dialog(opened) -> None:
        heard["dialogs"].append(opened.message)
        opened.dismiss()

    def answer(response) -> None:
        heard["answers"].append(response.url)

    page.on("dialog", dialog)
    page.on("response", answer)
    yield browser, heard
    page.remove_listener("dialog", dialog)
    page.remove_listener("response", answer)
    # Whatever was tried and refused, the console tells.
    browser.failed, browser.errors, browser.console = [], [], []


def test_nothing_that_was_logged_runs_or_reaches_anybody(watched, shown, client, experiment):
    browser, heard = watched
    page = browser.page
    with Listener() as listener:
        evil = f"http://127.0.0.1:{listener.port}"
        hostile = files(evil)
        markdown = hostile["evil.md"]
        note = {"mlflow.note.content": markdown}
        run = client.create_run(experiment, run_name=f"<img src=x onerror={CODE}>", tags=note)
        run_id, root = run.info.run_id, run.info.artifact_uri.removeprefix("mlflow-artifacts:/")
        client.log_batch(run_id, params=[Param("evil", markup(evil)[:400])])
        client.set_tag(run_id, "evil", markup(evil))
        for path, content in hostile.items():
            assert shown.put(f"{root}/{urllib.parse.quote(path)}", content.encode()).status == 200, path
        browser.visit(f"/runs/{run_id}")
        browser.see("seen all the same")
        browser.settle()
        for path in hostile:
            browser.visit(f"/runs/{run_id}?tab=artifacts&path={urllib.parse.quote(path, safe='')}")
            preview = page.get_by_role("region", name="Preview")
            preview.get_by_role("heading", level=2).filter(has_text=path.rsplit("/", 1)[-1]).wait_for()
            browser.settle()
            for link in preview.get_by_role("link").all():
                assert not (link.get_attribute("href") or "").lower().startswith(("javascript:", "data:")), path
            for frame in preview.locator("iframe").all():
                is_pdf = (frame.get_attribute("src") or "").startswith("blob:")
                assert is_pdf or frame.get_attribute("sandbox") == "", path
            assert page.evaluate("[self.ran, document.title.includes('mlferry'), ({}).ran]") == [None, True, None], path
            assert page.url.startswith(shown.url), path
        assert heard["dialogs"] == []
        assert [url for url in heard["answers"] if "ran" in url.partition("?")[2].split("&")] == []
        # Chromium's own viewer of PDF is an extension.
        own = (shown.url, "data:", "blob:", "chrome-extension:", "chrome:")
        assert [url for url in heard["answers"] if not url.startswith(own)] == []
        assert listener.heard == []


def test_an_artifact_that_is_opened_by_itself_is_saved_and_not_shown(shown, client, experiment):
    run = client.create_run(experiment).info
    root = run.artifact_uri.removeprefix("mlflow-artifacts:/")
    for name in ["a.html", "a.svg", "a.xhtml", "a.pdf", "a.js", "a.xml", "MLmodel"]:
        assert shown.put(f"{root}/{name}", markup("http://evil.example").encode()).status == 200
        for target in [
            f"/get-artifact?run_id={run.run_id}&path={name}",
            f"/ajax-api/2.0/mlflow-artifacts/artifacts/{root}/{name}",
        ]:
            answer = shown.get(target)
            assert answer.headers["content-disposition"].startswith("attachment"), target
            assert answer.headers["x-content-type-options"] == "nosniff"
            # As text, a browser takes it for no script of the page's own origin either.
            assert "javascript" not in answer.headers["content-type"], target
