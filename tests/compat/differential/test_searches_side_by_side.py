"""2,000 generated searches of runs, and some of experiments: found by both servers in one and the same database.

Both see the same rows, so that ids, tie-breaks and page tokens are equal too.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from harness import Answer
from pairs import Call, Pair, Side, post
from searches import experiment_searches, generated, log_experiments, log_runs, run_searches

RUN_SEARCHES = 2000
EXPERIMENT_SEARCHES = 400
CHUNKS = 10
THREADS = 3
MOST_PAGES = 30


@functools.cache
def searches(path: str, kind: str) -> list[dict]:
    """One half of the searches is for SQLite, the other for PostgreSQL."""
    strategy, count = {
        "runs/search": (run_searches(), RUN_SEARCHES),
        "experiments/search": (experiment_searches(), EXPERIMENT_SEARCHES),
    }[path]
    return generated(strategy, count // 2, {"sqlite": 1, "postgres": 2}[kind])


@dataclass(frozen=True)
class Found:
    """What a search answered: the ids in their order and the token of the next page, or an error."""

    status: int
    code: str | None
    ids: tuple[str, ...] = ()
    token: str | None = None
    message: str | None = None

    @staticmethod
    def of(answer: Answer) -> Found:
        if answer.status != 200:
            is_json = answer.headers.get("content-type", "").startswith("application/json")
            error = answer.json() if is_json else {}
            return Found(answer.status, error.get("error_code"), message=error.get("message"))
        body = answer.json()
        ids = [run["info"]["run_id"] for run in body.get("runs", [])]
        ids += [experiment["experiment_id"] for experiment in body.get("experiments", [])]
        return Found(200, None, tuple(ids), body.get("next_page_token"))

    def agrees(self, ours: Found) -> bool:
        if self.status == 500:
            # A user's mistake that makes the reference fail.
            return (ours.status, ours.code) == (400, "INVALID_PARAMETER_VALUE")
        mine, theirs = ((found.status, found.code, found.ids, found.token) for found in (self, ours))
        return mine == theirs


class Searched:
    """A pair whose common database holds runs and experiments to search through."""

    def __init__(self, pair: Pair):
        self.pair = pair

        def api(path: str, message: dict) -> dict:
            return pair.twin.make(Call("POST", path, message))

        self.experiments = log_experiments(api)
        active = [experiment for number, experiment in enumerate(self.experiments) if number % 7]
        self.runs = log_runs(api, active[:3])
        self.words = {f"run{number}": run for number, run in enumerate(self.runs)}
        self.words |= {f"experiment{number}": experiment for number, experiment in enumerate(self.experiments)}
        # Searches of runs look through the experiments that hold them.
        self.run_words = self.words | {
            f"experiment{number}": experiment for number, experiment in enumerate(active[:3])
        }

    def search(self, side: Side, path: str, message: dict) -> Found:
        words = self.run_words if path == "runs/search" else self.words
        return Found.of(side.send(post(path, **message), words))

    def walk(self, side: Side, path: str, message: dict) -> list[Found]:
        """All pages of a search."""
        pages = [self.search(side, path, message)]
        while pages[-1].token and len(pages) < MOST_PAGES:
            pages.append(self.search(side, path, message | {"page_token": pages[-1].token}))
        return pages


@pytest.fixture(scope="session")
def searched(pair) -> Searched:
    return Searched(pair)


def differences(searched: Searched, path: str, messages: list[dict], *, pages: bool = False) -> list[str]:
    sides = (searched.pair.reference, searched.pair.twin)

    def compare(message: dict) -> str | None:
        find = searched.walk if pages else searched.search
        theirs, ours = (find(side, path, message) for side in sides)
        if theirs.agrees(ours) if not pages else theirs == ours:
            return None
        return f"{message}\n  reference: {theirs}\n  mlferry:   {ours}"[:1500]

    with ThreadPoolExecutor(THREADS) as pool:
        return [found for found in pool.map(compare, messages) if found]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_generated_searches_of_runs(searched, chunk):
    messages = searches("runs/search", searched.pair.kind)[chunk::CHUNKS]
    found = differences(searched, "runs/search", messages)
    assert not found, f"{len(found)} of {len(messages)} differ:\n" + "\n".join(found)


@pytest.mark.parametrize("chunk", range(2))
def test_generated_searches_of_experiments(searched, chunk):
    messages = searches("experiments/search", searched.pair.kind)[chunk::2]
    found = differences(searched, "experiments/search", messages)
    assert not found, f"{len(found)} of {len(messages)} differ:\n" + "\n".join(found)


@pytest.mark.parametrize("path", ["runs/search", "experiments/search"])
def test_walks_through_all_pages(searched, path):
    size = 45 if path == "runs/search" else 13
    good = [message for message in searches(path, searched.pair.kind) if message["filter"].count("AND") < 2]
    messages = [message | {"max_results": size} for message in good[:40]]
    walks = [message for message in messages if searched.search(searched.pair.reference, path, message).token]
    assert len(walks) >= 8
    found = differences(searched, path, walks[:12], pages=True)
    assert not found, "\n".join(found)
