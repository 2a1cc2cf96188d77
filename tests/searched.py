"""What searches find: the reference and mlferry look through one and the same database.

Both see the same rows, so that ids, tie-breaks and page tokens are equal too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from harness import Answer
from pairs import Call, Normal, Pair, Side, get, post
from search_data import log_experiments, log_models, log_runs

MOST_PAGES = 30
# Searched by GET.
REGISTRY = {"registered-models/search", "model-versions/search"}


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
            message = error.get("message")
            return Found(answer.status, error.get("error_code"), message=message and Normal({}).text(message))
        body = answer.json()
        ids = [run["info"]["run_id"] for run in body.get("runs", [])]
        ids += [experiment["experiment_id"] for experiment in body.get("experiments", [])]
        for found in [*body.get("registered_models", []), *body.get("model_versions", [])]:
            # Within a model, the order of the database is no promise.
            for name in ("latest_versions", "aliases", "tags"):
                found.get(name, []).sort(key=json.dumps)
            ids.append(json.dumps(found, sort_keys=True))
        ids += [model["info"]["model_id"] for model in body.get("models", [])]
        return Found(200, None, tuple(ids), body.get("next_page_token"))

    def agrees(self, ours: Found) -> bool:
        """Whether ours is the same, but for the words of an error."""
        if self.status == 500:
            # A user's mistake that makes the reference fail.
            return (ours.status, ours.code) == (400, "INVALID_PARAMETER_VALUE")
        mine, theirs = ((found.status, found.code, found.ids, found.token) for found in (self, ours))
        return mine == theirs


class Searched:
    """A pair whose common database holds runs and experiments to search through."""

    def __init__(self, pair: Pair):
        self.pair = pair

        def api(path: str, message: dict, method: str = "POST") -> dict:
            return pair.twin.make(Call(method, path, message))

        self.experiments = log_experiments(api)
        active = [experiment for number, experiment in enumerate(self.experiments) if number % 7]
        self.runs = log_runs(api, active[:3])
        log_models(api)
        self.words = {f"run{number}": run for number, run in enumerate(self.runs)}
        self.words |= {f"experiment{number}": experiment for number, experiment in enumerate(self.experiments)}
        # Searches of runs look through the experiments that hold them.
        self.run_words = self.words | {
            f"experiment{number}": experiment for number, experiment in enumerate(active[:3])
        }

    def search(self, side: Side, path: str, message: dict) -> Found:
        words = self.run_words if path == "runs/search" else self.words
        call = get(path, **message) if path in REGISTRY else post(path, **message)
        found = Found.of(side.send(call, words))
        if found.status == 500 and side is self.pair.reference:
            # Searches at the same time make the reference fail now and then: what it says the second time counts.
            found = Found.of(side.send(call, words))
        return found

    def walk(self, side: Side, path: str, message: dict) -> list[Found]:
        """All pages of a search."""
        pages = [self.search(side, path, message)]
        while pages[-1].token and len(pages) < MOST_PAGES:
            pages.append(self.search(side, path, message | {"page_token": pages[-1].token}))
        return pages
