"""The reference and mlferry side by side: the same calls go to both, and what they answer is compared.

A call may name things that each server knows by an id of its own: `$run`, `$experiment`, `$logged_model`, the same
with `$deleted_` before the name, `$run_model` (a logged model of `$run`), `$model` (a registered one, by its name),
`$trace` (an id that no other case gives a trace) and `$name` (a text that no other case uses), each also with a number
behind it. They are made when a case first mentions them. In answers, ids become these words again, and times of today
become `<now>`.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
import urllib.parse
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from harness import API, REPOSITORY, Answer, Server
from postgres import Cluster, DatabaseUri, execute
from reference import Reference

DAY_MS = 24 * 3600 * 1000
# Ids of experiments start here, so that no other number of an answer is taken for one.
FIRST_EXPERIMENT = {"reference": 700_000, "mlferry": 800_000}
FIRST_ROW = (
    "insert into experiments (experiment_id, name, lifecycle_stage, workspace, artifact_location, creation_time, "
    "last_update_time) values (?, 'first', 'deleted', 'default', 's3://nowhere', 0, 0)"
)
WORD = re.compile(r"\$([a-z_]+[0-9]*)")
RANDOM_NAME = re.compile(r"[a-z]+-[a-z]+-[0-9]+")
RUN_ID = re.compile(r"\b(?:m-)?[0-9a-f]{32}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
EXPERIMENT_ID = re.compile(r"\b[78][0-9]{5}\b")
# Python prints sets in any order, with the quotes that fit.
PYTHON_SET = re.compile(r"\{'[^{}]*'\}")
# Digests that are made of the time.
HASH = re.compile(r"[0-9a-f]{8}")
# Texts that hold JSON, with ids and times in it.
JSON_TEXTS = {"records", "tags"}
# Lists in the order of the database, which is no promise when every key is there once.
UNORDERED = {"params", "tags", "metrics", "request_metadata"}
UNORDERED_WITHOUT_KEYS = {"dataset_summaries", "aliases", "latest_versions", "events"}
# What both servers encrypt secrets of webhooks with.
WEBHOOK_KEY = {"MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="}


# What is sent, and what may differ


@dataclass(frozen=True)
class Difference:
    """A deliberate difference: the first cell of its line in docs/differences.md, and what both answer."""

    line: str
    reference: tuple[int, str | None]
    mlferry: tuple[int, str | None]
    # The databases on which it shows; on the others the answers are the same.
    on: frozenset[str] = frozenset({"sqlite", "postgres"})

    def check_documented(self) -> None:
        text = (REPOSITORY / "docs" / "differences.md").read_text()
        first_cells = {line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")}
        assert self.line in first_cells, f"docs/differences.md has no line {self.line!r}"


def refused(line: str, *, reference: int = 200, code: str | None = None, on: str = "sqlite postgres") -> Difference:
    """Ours is 400 `INVALID_PARAMETER_VALUE`; the reference takes it, or answers something else."""
    return Difference(line, (reference, code), (400, "INVALID_PARAMETER_VALUE"), frozenset(on.split()))


# Clients repeat a 500 for minutes; ours says what is wrong.
FAILS = refused("a user's mistake that makes the reference fail", reference=500)
FAILS_IN_WORDS = replace(FAILS, reference=(500, "INTERNAL_ERROR"))
READ = replace(FAILS, mlferry=(200, None))
NOT_STORED = refused("malformed JSON, `1.5` for an integer, NaN as a literal")
INCOMPLETE = refused("datasets, inputs, outputs and logged models with missing or too long fields")
DRIVER = refused("a driver's text as message", reference=400, code="BAD_REQUEST")
REPEATED = replace(DRIVER, mlferry=(200, None))
NOT_A_TOKEN = refused("page tokens whose offset is negative or no whole number")
NOT_A_TOKEN_FAILS = replace(NOT_A_TOKEN, reference=(500, "INTERNAL_ERROR"))


@dataclass(frozen=True)
class Call:
    """One request. `message` is a JSON body, `raw` one that is sent as it is, `query` goes into the target."""

    method: str
    path: str
    message: object = None
    query: dict = field(default_factory=dict)
    raw: str | bytes | None = None
    headers: dict | None = None
    # Whether the text of errors is compared too.
    words: bool = True
    differences: tuple[Difference, ...] = ()
    # The word by which later calls of the case name what was made.
    keep: str | None = None

    def differs(self, *differences: Difference) -> Call:
        return replace(self, differences=differences)

    def in_other_words(self) -> Call:
        """The text of the error is not compared: the reference's holds a driver's text."""
        return replace(self, words=False)

    def kept(self, word: str) -> Call:
        return replace(self, keep=word)

    def __str__(self) -> str:
        body = self.raw if self.raw is not None else json.dumps(self.message) if self.message is not None else ""
        text = f"{self.method} {self.path} {self.query or ''} {body!s}"
        return text if len(text) < 600 else f"{text[:600]}… ({len(text)} characters)"


def post(path: str, /, **message) -> Call:
    return Call("POST", path, message)


def get(path: str, /, **query) -> Call:
    return Call("GET", path, query=query)


def patch(path: str, /, **message) -> Call:
    return Call("PATCH", path, message)


def delete(path: str, /, **message) -> Call:
    return Call("DELETE", path, message)


def send(method: str, path: str, /, **message) -> Call:
    """A call with a JSON body, whatever its method, of a path that begins behind the version, as in `3.0/mlflow/x`."""
    return Call(method, f"/api/{path}", message)


def ask(path: str, /, **query) -> Call:
    """A GET of a path that begins behind the version."""
    return Call("GET", f"/api/{path}", query=query)


def sql(statement: str) -> Call:
    """A statement that both databases carry out, for what no call makes."""
    return Call("SQL", statement)


def raw(path: str, body: str | bytes, content_type: str | None = "application/json", method: str = "POST") -> Call:
    return Call(method, path, raw=body, headers={"Content-Type": content_type} if content_type else {})


@dataclass(frozen=True)
class Case:
    name: str
    calls: tuple[Call, ...]

    def __str__(self) -> str:
        return self.name


def case(name: str, *calls: Call) -> Case:
    return Case(name, calls)


def cases_of(path: str, method: str, /, **messages) -> list[Case]:
    """One case for each named message of one endpoint."""
    send = post if method == "POST" else get
    return [case(name, send(path, **message)) for name, message in messages.items()]


# What comes back


@dataclass(frozen=True)
class View:
    """An answer without what differs between any two servers."""

    status: int
    code: str | None
    message: str | None
    body: str | None

    def __str__(self) -> str:
        text = f"{self.status} {self.code or ''} {self.message or ''} {self.body or ''}"
        return text if len(text) < 3000 else f"{text[:3000]}… ({len(text)} characters)"


class Normal:
    """Replaces ids by the words of a case, and today's times by `<now>`."""

    def __init__(self, words: dict[str, str]):
        self.words = dict(words)
        self.now = time.time() * 1000

    def text(self, text: str) -> str:
        text = RUN_ID.sub(self._id, text)
        text = EXPERIMENT_ID.sub(self._id, text)
        return PYTHON_SET.sub(lambda found: "{" + ", ".join(sorted(found[0][1:-1].split(", "))) + "}", text)

    def _id(self, found: re.Match) -> str:
        """The word for an id; one that the case did not make is numbered in the order of its appearance."""
        return self.words.setdefault(found[0], f"<id {len(self.words)}>")

    def value(self, value, name: str | None = None):
        if isinstance(value, dict):
            return self._message(value)
        if isinstance(value, list):
            items = [self.value(item) for item in value]
            keys = [item.get("key") for item in items if isinstance(item, dict)]
            if name in UNORDERED and len(keys) == len(items) == len(set(keys)):
                items.sort(key=lambda item: str(item.get("key")))
            if name in UNORDERED_WITHOUT_KEYS:
                items.sort(key=lambda item: json.dumps(item, sort_keys=True))
            return items
        if isinstance(value, str) and name == "digest" and HASH.fullmatch(value):
            return "<hash>"
        if isinstance(value, str) and name and name.endswith("_time") and self._is_today(value):
            return "<now>"
        if isinstance(value, str) and name in JSON_TEXTS:
            return self.value(json.loads(value))
        if isinstance(value, str):
            if name in {"run_name", "name"} and RANDOM_NAME.fullmatch(value):
                return "<random name>"
            return "<now>" if self.is_now(value, name) else self.text(value)
        if type(value) is int and name == "experiment_id":
            return self.words.get(str(value), value)
        return "<now>" if type(value) is int and self.is_now(value, name) else value

    def is_now(self, value: int | str, name: str | None) -> bool:
        """Whether a time is one of today; GraphQL has them as texts."""
        is_time = name and "time" in name.lower() and str(value).isdecimal()
        return bool(is_time) and abs(int(value) - self.now) < DAY_MS

    def _is_today(self, text: str) -> bool:
        try:
            return abs(datetime.fromisoformat(text).timestamp() * 1000 - self.now) < DAY_MS
        except ValueError:
            return False

    def _message(self, message: dict) -> dict:
        if message.get("key") == "mlflow.runName" and RANDOM_NAME.fullmatch(str(message.get("value"))):
            return message | {"value": "<random name>"}
        if message.keys() == {"metrics", "next_page_token"}:
            # docs/differences.md: ours names the last value of a history's page.
            message = message | {"next_page_token": "<token>"}
        return {key: self.value(value, key) for key, value in message.items()}

    def view(self, answer: Answer) -> View:
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        if answer.status >= 400:
            error = answer.json() if is_json and answer.body else {}
            message = error.get("message") or error.get("detail")
            return View(answer.status, error.get("error_code"), message and self.text(str(message)), None)
        if not is_json or not answer.body:
            return View(answer.status, None, None, self.text(answer.body.decode("utf-8", "backslashreplace")))
        body = json.dumps(self.value(answer.json()), sort_keys=True, indent=1, ensure_ascii=False)
        return View(answer.status, None, None, body)


# The servers


@dataclass
class Side:
    """One of the two servers, with its database."""

    name: str
    server: Reference | Server
    database: Path | DatabaseUri

    def raise_experiment_ids(self) -> None:
        first = FIRST_EXPERIMENT[self.name]
        if isinstance(self.database, Path):
            with sqlite3.connect(self.database, timeout=20) as connection:
                connection.execute(FIRST_ROW, (first - 1,))
            connection.close()
        else:
            execute(self.database, f"alter sequence experiments_experiment_id_seq restart with {first}")

    def change(self, statement: str) -> None:
        if isinstance(self.database, Path):
            with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as connection, connection:
                connection.execute(statement)
        else:
            execute(self.database, statement)

    def send(self, call: Call, words: dict[str, str]) -> Answer:
        def fill(value):
            return self.fill(value, words)

        target = fill(call.path if call.path.startswith("/") else f"{API}/{call.path}")
        if call.query:
            target += "?" + urllib.parse.urlencode(fill(call.query), doseq=True)
        if call.raw is not None:
            body = fill(call.raw)
        else:
            body = None if call.message is None else json.dumps(fill(call.message))
        headers = call.headers
        if headers is None:
            headers = {"Content-Type": "application/json"} if body is not None else {}
        return self.server.request(call.method, target, body, headers)

    def fill(self, value, words: dict[str, str]):
        """A value with what its words stand for."""
        if isinstance(value, str):
            return WORD.sub(lambda found: words.get(found[1], found[0]), value)
        if isinstance(value, dict):
            return {self.fill(key, words): self.fill(item, words) for key, item in value.items()}
        return [self.fill(item, words) for item in value] if isinstance(value, list) else value

    def make(self, call: Call) -> dict:
        answer = self.send(call, {})
        assert answer.status == 200, f"{self.name}: {call}: {answer.status} {answer.body!r}"
        return answer.json()


class Pair:
    """Both servers on databases of one kind. `twin` is a second mlferry, on the reference's database."""

    def __init__(self, kind: str, reference: Side, mlferry: Side, twin: Side):
        self.kind = kind
        self.reference = reference
        self.mlferry = mlferry
        self.twin = twin
        self._cases = 0

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.reference, self.mlferry

    def run(self, case: Case) -> None:
        """Sends all calls of a case to both servers; fails at the first whose answers differ."""
        self._cases += 1
        scene = Scene(self, f"case {self._cases}")
        for number, call in enumerate(case.calls):
            scene.compare(call, f"{self.kind}, case {case.name!r}, call {number + 1}")


class Scene:
    """The things of one case: for each side, what its words stand for."""

    def __init__(self, pair: Pair, name: str):
        self.pair = pair
        self.name = name
        self.words: dict[str, dict[str, str]] = {side.name: {} for side in pair.sides}

    def compare(self, call: Call, place: str) -> None:
        self._make_things(call)
        if call.method == "SQL":
            for side in self.pair.sides:
                side.change(side.fill(call.path, self.words[side.name]))
            return
        theirs, ours = (self._view(side, call) for side in self.pair.sides)
        shown = f"{place}\n{call}\nreference: {theirs}\nmlferry:   {ours}"
        difference = next((each for each in call.differences if self.pair.kind in each.on), None)
        if difference:
            difference.check_documented()
            assert (theirs.status, theirs.code) == difference.reference, shown
            assert (ours.status, ours.code) == difference.mlferry, shown
            assert ours.status < 400 or ours.message, shown
            return
        if theirs.status == ours.status >= 400 and theirs.code is None and ours.code:
            # A page in HTML, where ours says the same in JSON.
            return
        if not call.words:
            theirs, ours = replace(theirs, message=None), replace(ours, message=None)
        assert theirs == ours, shown

    def _view(self, side: Side, call: Call) -> View:
        answer = side.send(call, self.words[side.name])
        if call.keep and answer.status == 200:
            self.words[side.name][call.keep] = new_id(answer.json())
        return Normal({id: f"<{word}>" for word, id in self.words[side.name].items()}).view(answer)

    def _make_things(self, call: Call) -> None:
        text = json.dumps([call.path, call.message, call.query, call.raw if isinstance(call.raw, str) else None])
        for word in WORD.findall(text):
            for side in self.pair.sides:
                if word not in self.words[side.name]:
                    self._make(side, word)

    def _make(self, side: Side, word: str) -> None:
        words = self.words[side.name]
        kind = word.rstrip("0123456789")
        name = f"{word} of {self.name}"
        if kind == "name":
            words[word] = name
        elif kind == "trace":
            words[word] = f"tr-{name.replace(' ', '-')}"
        elif kind in {"experiment", "deleted_experiment"}:
            words[word] = new_id(side.make(post("experiments/create", name=name)))
            if kind == "deleted_experiment":
                side.make(post("experiments/delete", experiment_id=words[word]))
        elif kind in {"run", "deleted_run"}:
            created = post("runs/create", experiment_id="0", run_name=name, start_time=1_700_000_000_000)
            words[word] = new_id(side.make(created))
            if kind == "deleted_run":
                side.make(post("runs/delete", run_id=words[word]))
        elif kind == "model":
            words[word] = name
            side.make(post("registered-models/create", name=name))
        elif kind in {"logged_model", "deleted_logged_model"}:
            words[word] = new_id(side.make(post("logged-models", experiment_id="0", name=name)))
            if kind == "deleted_logged_model":
                side.make(Call("DELETE", f"logged-models/{words[word]}"))
        elif kind == "run_model":
            if "run" not in words:
                self._make(side, "run")
            of_run = post("logged-models", experiment_id="0", name=name, source_run_id=words["run"])
            words[word] = new_id(side.make(of_run))


def new_id(answer: dict) -> str:
    """The id of what was just made."""
    if "model" in answer:
        return answer["model"]["info"]["model_id"]
    if "trace_info" in answer:
        return answer["trace_info"]["request_id"]
    for name in ("dataset", "assessment", "webhook"):
        if name in answer:
            return answer[name][f"{name}_id"]
    if "scorer_id" in answer:
        return answer["scorer_id"]
    return answer["run"]["info"]["run_id"] if "run" in answer else answer["experiment_id"]


def sqlite_uri(path: Path) -> str:
    return f"sqlite:///{path}"


def start_pair(
    kind: str, folder: Path, postgres: Cluster | None, closing, environment: dict[str, str] | None = None
) -> Pair:
    """Starts the servers of a pair, with `environment` for all; `closing` ends them."""
    environment = WEBHOOK_KEY | (environment or {})
    folders = {name: folder / name for name in ("reference", "mlferry", "twin")}
    databases: dict[str, Path | DatabaseUri] = {}
    for name, root in folders.items():
        root.mkdir()
        if name != "twin":
            databases[name] = root / "mlflow.db" if kind == "sqlite" else postgres.create_database()
    databases["twin"] = databases["reference"]

    def uri(name: str, *, sqlalchemy: bool = False) -> str:
        database = databases[name]
        if isinstance(database, Path):
            return sqlite_uri(database)
        return database.sqlalchemy if sqlalchemy else str(database)

    reference = Reference(
        folders["reference"], "--backend-store-uri", uri("reference", sqlalchemy=True), environment=environment
    )
    closing.callback(reference.stop)

    def start(name: str) -> Server:
        return closing.enter_context(
            Server("--backend-store-uri", uri(name), root=folders[name], environment=environment)
        )

    mlferry = start("mlferry")
    reference.wait()
    twin = start("twin")
    sides = [
        Side(name, server, databases[name])
        for name, server in (("reference", reference), ("mlferry", mlferry), ("twin", twin))
    ]
    for side in sides[:2]:
        side.raise_experiment_ids()
    return Pair(kind, *sides)
