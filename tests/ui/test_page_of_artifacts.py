"""The browser of artifacts in mlferry's own page: its tree, previews, downloads, uploads and deletions."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import urllib.parse
import wave
import zipfile
from collections.abc import Iterator

import pandas
import pytest
from own_page import PICTURES, forget_expected
from playwright.sync_api import Request, expect

from harness import wait_until

pytestmark = pytest.mark.xdist_group("own page")
RED = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIAQMAAAD+wSzIAAAABlBMVEX/AAD///9BHTQRAAAADElEQVR4nGNgYGAAAAAEAAEvIN1CAAAAAElFTkSuQmCC"
)
MLMODEL = """
flavors:
  sklearn:
    sklearn_version: 1.7.0
signature:
  inputs: '[{"type": "double", "name": "alcohol", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
"""


@pytest.fixture
def run(client, experiment) -> str:
    return client.create_run(experiment, run_name="with files").info.run_id


@pytest.fixture
def stored(shown, client, run):
    """Stores bytes as an artifact of the run."""
    root = client.get_run(run).info.artifact_uri.removeprefix("mlflow-artifacts:/")

    def store(path: str, content: bytes | str) -> None:
        content = content.encode() if isinstance(content, str) else content
        assert shown.put(f"{root}/{urllib.parse.quote(path)}", content).status == 200

    return store


def item(browser, name: str):
    """The line of the tree that begins with a name."""
    return browser.page.get_by_role("treeitem", name=re.compile(rf"^{re.escape(name)}\b"))


@contextlib.contextmanager
def heard(browser, part: str) -> Iterator[list[Request]]:
    """Requests to what has `part` in its address, as long as it lasts."""
    requests: list[Request] = []

    def hear(request: Request) -> None:
        if part in request.url:
            requests.append(request)

    browser.page.on("request", hear)
    yield requests
    browser.page.remove_listener("request", hear)


def preview(browser):
    return browser.page.get_by_role("region", name="Preview")


def shows(browser, run: str, path: str):
    browser.visit(f"/runs/{run}?tab=artifacts&path={path}")
    return preview(browser)


def test_folders_are_listed_when_they_are_opened(browser, run, stored):
    stored("model/data/weights.bin", b"\0" * 2048)
    stored("model/MLmodel", MLMODEL)
    stored("notes.txt", "words")
    items = browser.page.get_by_role("treeitem")
    with heard(browser, "artifacts/list") as requests:
        browser.visit(f"/runs/{run}?tab=artifacts")
        expect(items).to_have_count(2)
        browser.settle()
    assert len(requests) == 1
    expect(item(browser, "notes.txt")).to_contain_text("5 B")
    item(browser, "model").click()
    expect(items).to_have_count(4)
    item(browser, "data").click()
    expect(item(browser, "weights.bin")).to_contain_text("2 KiB")
    item(browser, "weights.bin").click()
    expect(preview(browser)).to_contain_text("This is no text")
    # The address leads to the file again.
    browser.visit(browser.page.url.partition("#")[2])
    expect(item(browser, "weights.bin")).to_have_attribute("aria-selected", "true")
    item(browser, "model").click()
    expect(items).to_have_count(2)


def test_keys_lead_through_the_tree(browser, run, stored):
    stored("a/b.txt", "found by keys")
    stored("c.txt", "c")
    browser.visit(f"/runs/{run}?tab=artifacts")
    expect(browser.page.get_by_role("treeitem")).to_have_count(2)
    browser.page.get_by_role("tree").focus()
    for key in ["ArrowRight", "ArrowDown"]:
        browser.page.keyboard.press(key)
        browser.settle()
    browser.page.keyboard.press("Enter")
    expect(preview(browser).locator("pre")).to_have_text("found by keys")


def test_texts_are_shown_and_of_long_ones_the_beginning(browser, run, stored):
    stored("train.py", 'import os\n\n\ndef train():\n    return "done"\n')
    stored("one-line.json", json.dumps({"answer": [42]}))
    stored("long.log", "line\n" * 300_000)
    stored("empty.txt", "")
    shown = shows(browser, run, "train.py")
    expect(shown.locator("pre .hljs-keyword").first).to_have_text("import")
    expect(shows(browser, run, "one-line.json").locator("pre")).to_have_text('{\n  "answer": [\n    42\n  ]\n}')
    with heard(browser, "get-artifact") as requests:
        expect(shows(browser, run, "long.log")).to_contain_text("Only the first 512 KiB of 1.4 MiB are shown")
    assert {request.headers["range"] for request in requests} == {"bytes=0-524287"}
    expect(shows(browser, run, "empty.txt")).to_contain_text("The file is empty")


def test_markdown_has_pictures_and_links_of_the_run(browser, run, stored):
    stored("docs/red.png", RED)
    stored("notes.txt", "words of the notes")
    stored("docs/read.md", "# Title\n\n![a red square](red.png)\n\n[notes](../notes.txt)")
    shown = shows(browser, run, "docs/read.md")
    expect(shown.get_by_role("heading", name="Title")).to_be_visible()
    picture = shown.get_by_role("img", name="a red square")
    picture.scroll_into_view_if_needed()
    wait_until(lambda: picture.evaluate("image => image.naturalWidth") == 8, 10, "no picture")
    shown.get_by_role("link", name="notes").click()
    expect(shown.locator("pre")).to_have_text("words of the notes")


def test_pictures_are_zoomed(browser, run, stored):
    stored("red.png", RED)
    shown = shows(browser, run, "red.png")
    expect(shown).to_contain_text("8 × 8 pixels")
    shown.get_by_text("400%").click()
    assert shown.get_by_role("img", name="red.png").bounding_box()["width"] == 32
    stored("broken.png", "no picture")
    expect(shows(browser, run, "broken.png")).to_contain_text("can't show this picture")


def test_sounds_and_films_are_played(browser, run, stored):
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(b"\x80" * 8000)
    stored("beep.wav", sound.getvalue())
    stored("film.mp4", b"no film")
    shown = shows(browser, run, "beep.wav")
    player = shown.locator("audio")
    wait_until(lambda: player.evaluate("player => player.duration") == 1, 10, "the sound was not loaded")
    expect(shows(browser, run, "film.mp4").locator("video")).to_have_attribute("controls", "")


def test_tables_show_their_first_rows(browser, run, stored):
    stored("rows.csv", "name,score\n" + "".join(f'"x, {number}",{number}\n' for number in range(300)))
    stored("rows.tsv", "a\tb\n1\t2\n")
    shown = shows(browser, run, "rows.csv")
    expect(shown).to_contain_text("The first 200 rows")
    expect(shown.get_by_role("row").nth(1)).to_have_text("x, 00")
    expect(shows(browser, run, "rows.tsv").get_by_role("columnheader")).to_have_text(["a", "b"])
    frame = pandas.DataFrame({"id": range(50_000), "word": [f"word {number}" for number in range(50_000)]})
    file = io.BytesIO()
    frame.to_parquet(file, row_group_size=5000)
    stored("rows.parquet", file.getvalue())
    loaded = []
    browser.page.on("response", lambda answer: "get-artifact" in answer.url and loaded.append(answer))
    shown = shows(browser, run, "rows.parquet")
    expect(shown).to_contain_text("50000 rows, 2 columns; the first 100 rows")
    expect(shown.get_by_role("row").last).to_contain_text("word 99")
    assert {answer.status for answer in loaded} == {206}
    assert sum(int(answer.headers["content-length"]) for answer in loaded) < len(file.getvalue()) / 2


def test_notebooks_and_models_are_read(browser, run, stored):
    output = {"output_type": "stream", "name": "stdout", "text": ["it ran\n"]}
    picture = {"output_type": "display_data", "data": {"image/png": base64.b64encode(RED).decode()}}
    cells = [
        {"cell_type": "markdown", "source": ["## Steps"]},
        {"cell_type": "code", "source": ["print('it ran')"], "outputs": [output, picture]},
    ]
    stored("work.ipynb", json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    stored("model/MLmodel", MLMODEL)
    shown = shows(browser, run, "work.ipynb")
    expect(shown.get_by_role("heading", name="Steps")).to_be_visible()
    expect(shown.get_by_label("Cell 2: output 1")).to_have_text("it ran")
    expect(shown.get_by_role("img", name="Cell 2: output 2")).to_be_visible()
    shown = shows(browser, run, "model/MLmodel")
    expect(shown.get_by_role("table", name="Model")).to_contain_text("sklearn 1.7.0")
    expect(shown.get_by_role("table", name="Inputs").get_by_role("row").last).to_contain_text("alcohol")
    expect(shown.get_by_role("table", name="Outputs")).to_contain_text("int64 [-1]")


def test_a_page_is_shown_in_a_frame_without_scripts(browser, run, stored):
    stored("report.html", "<h1>Report</h1><style>h1 { color: red }</style>")
    shown = shows(browser, run, "report.html")
    frame = shown.locator("iframe")
    expect(frame).to_have_attribute("sandbox", "")
    expect(frame.content_frame.get_by_role("heading", name="Report")).to_have_css("color", "rgb(255, 0, 0)")
    shown.get_by_text("Source").click()
    expect(shown.locator("pre")).to_contain_text("<h1>Report</h1>")


def test_files_and_folders_are_downloaded(browser, run, stored, tmp_path):
    stored("model/a b.txt", "one")
    stored("model/deep/c.txt", "two")
    page = browser.page
    shows(browser, run, "model/a b.txt")
    with page.expect_download() as download:
        preview(browser).get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "a b.txt"
    shows(browser, run, "model")
    with page.expect_download() as download:
        preview(browser).get_by_role("link", name="Download as zip").click()
    download.value.save_as(tmp_path / "model.zip")
    with zipfile.ZipFile(tmp_path / "model.zip") as archive:
        assert sorted(archive.namelist()) == ["model/a b.txt", "model/deep/c.txt"]
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all").click()
    assert download.value.suggested_filename == f"{run}.zip"


def test_paths_are_copied(browser, client, run, stored):
    stored("model/a.txt", "one")
    page = browser.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shows(browser, run, "model/a.txt")
    root = client.get_run(run).info.artifact_uri
    for entry, text in [
        ("Copy path", "model/a.txt"),
        ("Copy URI", f"{root}/model/a.txt"),
        (
            "Copy line of Python",
            f'mlflow.artifacts.download_artifacts(run_id="{run}", artifact_path="model/a.txt")',
        ),
    ]:
        page.get_by_role("button", name="More for a.txt").click()
        page.get_by_role("menuitem", name=entry).click()
        wait_until(lambda text=text: page.evaluate("navigator.clipboard.readText()") == text, 5, text)
        page.keyboard.press("Escape")


def drop(browser, files: dict[str, str]) -> None:
    """Drops files onto the tree, as from a folder of the desktop."""
    transfer = browser.page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of Object.entries(files)) transfer.items.add(new File([text], name));
            return transfer;
        }""",
        files,
    )
    target = browser.page.get_by_text("Drop files here to upload")
    for event in ["dragenter", "dragover", "drop"]:
        target.dispatch_event(event, {"dataTransfer": transfer})


def test_files_are_dropped_uploaded_and_replaced_only_when_wanted(browser, client, run, stored):
    stored("model/old.txt", "old")
    page = browser.page
    shows(browser, run, "model")
    page.get_by_text("into model/").wait_for()
    drop(browser, {"new.txt": "new", "old.txt": "changed"})
    browser.see("1 of 2 uploaded", "A file of this name is there already.")
    forget_expected(browser, f"412 PUT {put_target(client, run, 'model/old.txt')}")
    item(browser, "model").click()
    assert sorted(one.path for one in client.list_artifacts(run, "model")) == ["model/new.txt", "model/old.txt"]
    page.get_by_role("button", name="Replace").click()
    browser.see("2 of 2 uploaded")
    expect(shows(browser, run, "model/old.txt").locator("pre")).to_have_text("changed")


def put_target(client, run: str, path: str) -> str:
    root = client.get_run(run).info.artifact_uri.removeprefix("mlflow-artifacts:/")
    return f"/ajax-api/2.0/mlflow-artifacts/artifacts/{root}/{path}"


def test_an_upload_that_breaks_is_tried_again(browser, client, run):
    page = browser.page
    browser.visit(f"/runs/{run}?tab=artifacts")
    browser.see("No artifacts yet")
    page.route("**/mlflow-artifacts/artifacts/**", lambda route: route.abort("connectionreset"), times=1)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload").click()
    chooser.value.set_files({"name": "data.bin", "mimeType": "", "buffer": b"x" * 20_000_000})
    browser.see("The connection broke before all was sent.")
    assert client.list_artifacts(run) == []
    browser.failed, browser.console = [], []
    page.get_by_role("button", name="Try again").click()
    browser.see("1 of 1 uploaded")
    assert [(one.path, one.file_size) for one in client.list_artifacts(run)] == [("data.bin", 20_000_000)]
    expect(item(browser, "data.bin")).to_be_visible()


def test_files_and_folders_are_deleted_after_a_question(browser, client, run, stored):
    stored("model/a.txt", "a")
    stored("model/b.txt", "b")
    stored("c.txt", "c")
    page = browser.page
    shows(browser, run, "model/a.txt")
    for name in ["a.txt", "model"]:
        page.get_by_role("button", name=f"More for {name}").click()
        page.get_by_role("menuitem", name="Delete").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("treeitem")).to_have_count(1)
    assert [one.path for one in client.list_artifacts(run)] == ["c.txt"]
    expect(shows(browser, run, "model/a.txt")).to_contain_text("This file is not there")


def test_a_folder_of_many_files_scrolls_while_few_are_drawn(browser, run, stored):
    for number in range(300):
        stored(f"many/file{number}.txt", "x")
    shows(browser, run, "many")
    item(browser, "many").click()
    tree = browser.page.get_by_role("tree")
    expect(item(browser, "file2.txt")).to_be_visible()
    tree.evaluate("tree => tree.scrollTo(0, tree.scrollHeight)")
    expect(item(browser, "file299.txt")).to_be_visible()
    assert browser.page.get_by_role("treeitem").count() < 100
    browser.keep(PICTURES / "artifacts-light.png")
