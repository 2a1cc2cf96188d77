"""Searches for logged models: found by the reference and by mlferry in one and the same database."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from pairs import Call, Pair, Side, post, refused
from searched import MOST_PAGES, Found

SEARCH = "logged-models/search"
MODELS = 60
GENERATED = 400
THREADS = 3
NAMES = ["a", "A", "b", "größe", "a b", "100!", "x_y"]
TYPES = ["", "agent", "Agent", "it's"]
VALUES = ["1", "2", "10", "x", "X", "it's", "", "größe"]
KEYS = ["p", "q", "lr.x", "a b"]
METRICS = ["acc", "loss", "a/b"]
NUMBERS = [0.0, 0.5, 0.5, 1.0, -1.0, 1e300, "NaN", "Infinity"]
DATASETS = [None, ("d", "1"), ("d", "2"), ("e", "1")]


@dataclass
class Models:
    """Models to search through, in the reference's database."""

    pair: Pair
    words: dict[str, str]

    def search(self, side: Side, message: dict) -> Found:
        found = Found.of(side.send(post(SEARCH, **message), self.words))
        if found.status == 500 and side is self.pair.reference:
            # Searches at the same time make the reference fail now and then: what it says the second time counts.
            found = Found.of(side.send(post(SEARCH, **message), self.words))
        return found

    def walk(self, side: Side, message: dict) -> list[Found]:
        pages = [self.search(side, message)]
        while pages[-1].token and len(pages) < MOST_PAGES:
            pages.append(self.search(side, message | {"page_token": pages[-1].token}))
        return pages


@pytest.fixture(scope="module")
def models(pair) -> Models:
    random_ = random.Random(31)

    def api(method: str, path: str, message: dict | None = None) -> dict:
        return pair.twin.make(Call(method, path, message))

    words = {
        f"e{number}": api("POST", "experiments/create", {"name": f"models {number}"})["experiment_id"]
        for number in range(3)
    }
    runs = [api("POST", "runs/create", {"experiment_id": words["e0"]})["run"]["info"]["run_id"] for _ in range(4)]
    words |= {f"r{number}": run for number, run in enumerate(runs)}
    for number in range(MODELS):
        model = api(
            "POST",
            "logged-models",
            {
                "experiment_id": words[f"e{number % 2}"],
                "name": random_.choice(NAMES),
                "model_type": random_.choice(TYPES),
                "source_run_id": random_.choice(["", *runs]),
                "params": some(random_, KEYS),
                "tags": some(random_, KEYS),
            },
        )["model"]["info"]["model_id"]
        words[f"m{number}"] = model
        measure(random_, api, runs, model)
        if number % 3 == 0:
            api("PATCH", f"logged-models/{model}", {"model_id": model, "status": random_.choice([0, 2, 3])})
        if number % 10 == 9:
            api("DELETE", f"logged-models/{model}")
    return Models(pair, words)


def some(random_: random.Random, keys: list[str]) -> list[dict]:
    chosen = random_.sample(keys, random_.randint(0, len(keys)))
    return [{"key": key, "value": random_.choice(VALUES)} for key in chosen]


def measure(random_: random.Random, api, runs: list[str], model: str) -> None:
    """Logs a few values of each metric, of which runs, steps and times tie now and then."""
    for key in random_.sample(METRICS, random_.randint(0, len(METRICS))):
        for _ in range(random_.randint(1, 3)):
            dataset = random_.choice(DATASETS)
            metric = {
                "run_id": random_.choice(runs),
                "key": key,
                "value": random_.choice(NUMBERS),
                "timestamp": random_.choice([1, 2]),
                "step": random_.choice([0, 1]),
                "model_id": model,
            }
            if dataset:
                metric |= {"dataset_name": dataset[0], "dataset_digest": dataset[1]}
            api("POST", "runs/log-metric", metric)


BOTH = ["$e0", "$e1"]
FILTERS = [
    "name = 'a'",
    "name = a",
    'name = "a"',
    "name != 'a'",
    "name LIKE 'a%'",
    "name like 'A%'",
    "name ILIKE 'A%'",
    "name ilike 'größ_'",
    "name LIKE '%\\%%'",
    "name IN ('a', 'größe')",
    "name NOT IN ('a', 'b')",
    "name in ('a')",
    "attributes.name = 'a'",
    "attribute.name = 'a'",
    "attributes.`name` = 'a'",
    "model_id = '$m1'",
    "model_id IN ('$m1', '$m2', '$m9')",
    "attributes.model_id IN ('$m1', 'm-nope')",
    "model_type = 'agent'",
    "model_type = ''",
    "model_type != 'agent'",
    "source_run_id = '$r1'",
    "source_run_id != ''",
    "status = '2'",
    "status = 2",
    "status = 'READY'",
    "status != '2'",
    "status != 'READY'",
    "status IN ('2', '3')",
    "status NOT IN ('2', '3')",
    "status LIKE '2'",
    "experiment_id = '$e1'",
    "experiment_id = 'x'",
    "experiment_id != '$e1'",
    "lifecycle_stage = 'active'",
    "lifecycle_stage = 'deleted'",
    "status_message = 'x'",
    "status_message != 'x'",
    "artifact_location LIKE '%artifacts'",
    "creation_timestamp > 0",
    "creation_time > 0",
    "creation_timestamp_ms >= 0",
    "creation_timestamp_ms < 5.5",
    "last_updated_timestamp != 0",
    "last_updated_timestamp_ms = 0",
    "creation_timestamp > '5'",
    "creation_timestamp > x",
    "creation_timestamp LIKE 5",
    "creation_timestamp IN (5)",
    "metrics.acc > 0.4",
    "metrics.acc >= 0.5",
    "metrics.acc = 0.5",
    "metrics.acc != 0.5",
    "metrics.acc < 0",
    "metrics.acc <= 0",
    "metrics.acc > 1e299",
    "metrics.`a/b` > 0",
    'metrics."a/b" > 0',
    "metrics.acc > 0 AND metrics.loss > 0",
    "metrics.acc > 0 AND metrics.acc < 1",
    "metrics.nope > 0",
    "metrics.acc > 'x'",
    "metrics.acc LIKE 1",
    "metric.acc > 1",
    "params.p = '1'",
    "params.p != '1'",
    "params.p LIKE '1%'",
    "params.p ILIKE 'X'",
    "params.p IN ('1', 'x')",
    "params.p NOT IN ('1', 'x')",
    "params.`lr.x` = '1'",
    "params.lr.x = '1'",
    "params.`a b` != ''",
    "params.p > '1'",
    "params.p = ''",
    "tags.p = '1'",
    "tags.p = 1",
    "tags.p != 'it's'",
    "tags.p IS NULL",
    "tags.p IS NOT NULL",
    "tags.`a b` ILIKE '%'",
    "tags.p = '1' AND params.q = '1'",
    "tags.p = '1' AND tags.q = '1'",
    "tags.p = '1' and name != 'a' And params.p != 'x' AND metrics.acc > 0",
    "tags.p = '1' OR name = 'a'",
    "tags.p = '1' name = 'a'",
    "(name = 'a')",
    "name = 'a';",
    "name = 'a'; name = 'b'",
    "name",
    "=",
    " ",
    "foo = 'x'",
    "run_id = 'x'",
    "foo.bar = 'x'",
    "Tags.p = '1'",
    "name = ",
    "name IN (a)",
]
ORDERS = [
    [{"field_name": name, "ascending": ascending}]
    for name in (
        "name",
        "model_id",
        "creation_timestamp",
        "creation_time",
        "creation_timestamp_ms",
        "last_updated_timestamp",
        "status",
        "model_type",
        "status_message",
        "source_run_id",
        "experiment_id",
        "metrics.acc",
        "metrics.loss",
        "metrics.a/b",
        "metrics.nope",
    )
    for ascending in (True, False)
] + [
    [{"field_name": "name"}],
    [{"field_name": "metrics.acc", "dataset_name": "d"}],
    [{"field_name": "metrics.acc", "dataset_name": "d", "dataset_digest": "2", "ascending": False}],
    [{"field_name": "metrics.acc", "dataset_digest": "1"}],
    [{"field_name": "metrics.acc", "dataset_name": "nope"}],
    [{"field_name": "model_type"}, {"field_name": "name", "ascending": False}],
    [{"field_name": "metrics.acc"}, {"field_name": "metrics.acc", "dataset_name": "d"}, {"field_name": "model_id"}],
    [{"field_name": "metrics.acc"}, {"field_name": "metrics.acc"}],
    [],
    [{"field_name": "foo"}],
    [{"field_name": "params.p"}],
    [{"field_name": "attributes.name"}],
    [{"field_name": ""}],
    [{}],
]
ON_DATASETS = [
    [{"dataset_name": "d", "dataset_digest": "1"}],
    [{"dataset_name": "d", "dataset_digest": "1"}, {"dataset_name": "e", "dataset_digest": "1"}],
    [{"dataset_name": "d"}],
    [{"dataset_name": "nope", "dataset_digest": "1"}],
    [],
    [{}],
    [{"dataset_name": "", "dataset_digest": "1"}],
    [{"dataset_digest": "1"}],
]
MESSAGES = [
    {},
    {"experiment_ids": []},
    {"experiment_ids": ["$e0"]},
    {"experiment_ids": ["$e0", "$e0"]},
    {"experiment_ids": ["999"]},
    {"experiment_ids": BOTH, "filter": ""},
    {"experiment_ids": BOTH, "max_results": 0},
    {"experiment_ids": BOTH, "max_results": "5"},
    {"experiment_ids": BOTH, "max_results": 1000},
    {"experiment_ids": BOTH, "max_results": "x"},
    {"experiment_ids": BOTH, "page_token": ""},
    {"experiment_ids": BOTH, "page_token": "YWJj"},
    {"experiment_ids": "abc"},
    {"experiment_ids": BOTH, "datasets": "abc"},
    {"experiment_ids": BOTH, "order_by": "abc"},
    *({"experiment_ids": BOTH, "filter": filter, "max_results": 100} for filter in FILTERS),
    *({"experiment_ids": BOTH, "order_by": order, "max_results": 100} for order in ORDERS),
    *({"experiment_ids": BOTH, "datasets": datasets, "max_results": 100} for datasets in ON_DATASETS),
    *(
        {"experiment_ids": BOTH, "datasets": datasets, "filter": "metrics.acc > 0", "max_results": 100}
        for datasets in ON_DATASETS
    ),
]


def agree(theirs: Found, ours: Found) -> bool:
    """Whether ours is the same, but for mistakes that make the reference, or its database, fail."""
    if theirs.code == "BAD_REQUEST" or theirs.status == 500:
        return ours.status == 200 or (ours.status, ours.code) == (400, "INVALID_PARAMETER_VALUE")
    return theirs.agrees(ours)


def differences(models: Models, messages: list[dict], *, pages: bool = False) -> list[str]:
    sides = (models.pair.reference, models.pair.twin)

    def compare(message: dict) -> str | None:
        find = models.walk if pages else models.search
        theirs, ours = (find(side, message) for side in sides)
        if theirs == ours if pages else agree(theirs, ours):
            return None
        return f"{message}\n  reference: {theirs}\n  mlferry:   {ours}"[:1500]

    with ThreadPoolExecutor(THREADS) as pool:
        return [found for found in pool.map(compare, messages) if found]


def generated(seed: int, count: int) -> list[dict]:
    """Searches made of filters, orders and datasets that are all right by themselves."""
    random_ = random.Random(seed)
    right = [text for text in FILTERS if not set(text) & set(";()") and " IS " not in text and " OR " not in text]
    messages = []
    for _ in range(count):
        message = {"experiment_ids": random_.choice([BOTH, ["$e0"], ["$e1"]]), "max_results": random_.choice([3, 100])}
        message["filter"] = " AND ".join(random_.sample(right, random_.randint(0, 3)))
        message["order_by"] = [item for order in random_.sample(ORDERS[:-6], random_.randint(0, 2)) for item in order]
        message["datasets"] = random_.choice(ON_DATASETS[:4] + [[]] * 3)
        messages.append(message)
    return messages


def test_searches_find_the_same(models):
    found = differences(models, MESSAGES)
    assert not found, f"{len(found)} of {len(MESSAGES)} differ:\n" + "\n".join(found)


def test_generated_searches_find_the_same(models):
    messages = generated({"sqlite": 1, "postgres": 2}[models.pair.kind], GENERATED)
    found = differences(models, messages)
    assert not found, f"{len(found)} of {len(messages)} differ:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("filter", "line"),
    [
        ("name IN ()", "empty lists for logged models"),
        ("name = ('a')", "a list beside `=` in searches for logged models"),
    ],
)
def test_lists_that_are_refused(models, filter, line):
    theirs, ours = (
        models.search(side, {"experiment_ids": BOTH, "filter": filter})
        for side in (models.pair.reference, models.pair.twin)
    )
    difference = refused(line)
    difference.check_documented()
    assert theirs.status == 200 or theirs.code == "BAD_REQUEST"
    assert (ours.status, ours.code) == difference.mlferry


def test_pages_follow_each_other(models):
    messages = [
        {"experiment_ids": BOTH, "max_results": 7},
        {"experiment_ids": BOTH, "max_results": 9, "filter": "name != 'größe' AND metrics.acc >= 0"},
        {"experiment_ids": BOTH, "max_results": 4, "order_by": ORDERS[30], "datasets": ON_DATASETS[1]},
        {"experiment_ids": ["$e0"], "max_results": 5, "order_by": ORDERS[32] + ORDERS[1]},
    ]
    found = differences(models, messages, pages=True)
    assert not found, "\n".join(found)


def test_a_page_token_is_good_for_its_search_only(models):
    first = {"experiment_ids": BOTH, "max_results": 5, "filter": "name != 'ü'", "order_by": ORDERS[31]}
    token = models.search(models.pair.reference, first).token
    assert token
    others = [
        {"experiment_ids": ["$e0"]},
        {"filter": "name != 'u'"},
        {"filter": ""},
        {"order_by": ORDERS[30]},
        {"order_by": []},
    ]
    for other in others:
        message = first | {"page_token": token} | other
        theirs, ours = (models.search(side, message) for side in (models.pair.reference, models.pair.twin))
        assert theirs.status == 400
        assert theirs == ours
