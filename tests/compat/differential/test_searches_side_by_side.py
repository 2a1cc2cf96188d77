"""2,000 generated searches of runs, and some of experiments and registered models, in one database of both servers.

Both see the same rows, so that ids, tie-breaks and page tokens are equal too.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

import pytest

from searched import Searched
from searches import (
    experiment_searches,
    generated,
    model_version_searches,
    registered_model_searches,
    run_searches,
)

RUN_SEARCHES = 2000
EXPERIMENT_SEARCHES = 400
REGISTRY_SEARCHES = 400
CHUNKS = 10
THREADS = 3


@functools.cache
def searches(path: str, kind: str) -> list[dict]:
    """One half of the searches is for SQLite, the other for PostgreSQL."""
    strategy, count = {
        "runs/search": (run_searches(), RUN_SEARCHES),
        "experiments/search": (experiment_searches(), EXPERIMENT_SEARCHES),
        "registered-models/search": (registered_model_searches(), REGISTRY_SEARCHES),
        "model-versions/search": (model_version_searches(), REGISTRY_SEARCHES),
    }[path]
    return generated(strategy, count // 2, {"sqlite": 1, "postgres": 2}[kind])


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


@pytest.mark.parametrize("path", ["registered-models/search", "model-versions/search"])
def test_generated_searches_of_the_registry(searched, path):
    messages = searches(path, searched.pair.kind)
    found = differences(searched, path, messages)
    assert not found, f"{len(found)} of {len(messages)} differ:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "path", ["runs/search", "experiments/search", "registered-models/search", "model-versions/search"]
)
def test_walks_through_all_pages(searched, path):
    size = {"runs/search": 45, "registered-models/search": 4}.get(path, 13)
    good = [message for message in searches(path, searched.pair.kind) if message["filter"].count("AND") < 2]
    messages = [message | {"max_results": size} for message in good[:40]]
    walks = [message for message in messages if searched.search(searched.pair.reference, path, message).token]
    assert len(walks) >= 8
    found = differences(searched, path, walks[:12], pages=True)
    assert not found, "\n".join(found)
