"""Generated searches, and the runs and experiments that they look through.

The values that filters compare with are mostly those that the data holds, so that most filters find something; one in
six clauses is broken on purpose.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

TEXTS = [
    "x",
    "X",
    "y",
    "Y",
    "10",
    "9",
    "0.1",
    "0.01",
    "",
    " ",
    "it's",
    'say "hi"',
    "100%",
    "100%_x",
    "a_b",
    "a\\b",
    "größe",
    "GRÖSSE",
    "実験",
    "🚀",
    "é",
    "e\u0301",
    "a\nb",
    "tab\there",
    "`tick`",
    "NULL",
    "(1)",
    "a,b",
    "a;b",
    "--",
    "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
    "ß",
    "Ω",
    "ω",
]
NUMBERS = [
    0.0,
    -0.0,
    0.5,
    0.9,
    1.0,
    -1.0,
    2,
    10,
    1e-5,
    1e300,
    -1e300,
    5e-324,
    1.7976931348623157e308,
    "NaN",
    "Infinity",
    "-Infinity",
]
METRICS = ["acc", "loss", "f1-score", "val/loss", "größe", "a b", "m.x", "Acc"]
PARAMS = ["lr", "Model", "n", "a b", "größe", "opt.lr", "val/x", "lr2"]
TAGS = ["team", "has space", "mlflow.source.type", "s", "v1.2", "größe", "Team"]
DATASETS = ["ds1", "ds2", "DS1", "größe", "it's"]
DIGESTS = ["g1", "g2", "G1"]
CONTEXTS = ["train", "eval", "test", "größe", "it's", "TRAIN", None]
DATASET_FIELDS = [("name", DATASETS), ("digest", DIGESTS), ("context", [text for text in CONTEXTS if text])]
STATUSES = ["RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED"]
USERS = ["bob", "alice", "", "größe", "it's", "Bob"]
RUNS = 300
EXPERIMENTS = 40


# The data


def some(random_: random.Random, keys: list[str], values: list) -> list[dict]:
    """A few of the keys with values; the others are missing."""
    chosen = random_.sample(keys, random_.randint(0, len(keys)))
    return [{"key": key, "value": random_.choice(values)} for key in chosen]


def log_runs(api: Callable[..., dict], experiments: list[str]) -> list[str]:
    """Logs `RUNS` runs into some experiments and returns their ids. `api` sends a message and returns the answer."""
    random_ = random.Random(20)
    runs = []
    for number in range(RUNS):
        message = {
            "experiment_id": experiments[number % len(experiments)],
            "start_time": random_.choice([0, 5, 1000, 2000, 3000, 10**12 + number, 10**12 + number // 10]),
            "user_id": random_.choice(USERS),
            "tags": some(random_, TAGS, TEXTS),
        }
        if number % 3:
            message["run_name"] = random_.choice(TEXTS) or "x"
        run = api("runs/create", message)["run"]["info"]["run_id"]
        runs.append(run)
        metrics = some(random_, METRICS, NUMBERS)
        for metric in metrics:
            metric |= {"timestamp": random_.choice([0, 1, 2]), "step": random_.choice([-1, 0, 1])}
        metrics += [metric | {"value": random_.choice(NUMBERS)} for metric in metrics[:2]]
        params = some(random_, PARAMS, TEXTS)
        api("runs/log-batch", {"run_id": run, "metrics": metrics, "params": params})
        if datasets := [dataset(random_) for _ in range(random_.choice([0, 0, 1, 1, 2, 3]))]:
            api("runs/log-inputs", {"run_id": run, "datasets": datasets})
        if number % 2:
            update = {"run_id": run, "status": random_.choice(STATUSES)}
            if number % 4 == 1:
                update["end_time"] = random_.choice([0, 7, 2500, 10**12 + number])
            api("runs/update", update)
        if number % 11 == 0:
            api("runs/delete", {"run_id": run})
    return runs


def dataset(random_: random.Random) -> dict:
    context = random_.choice(CONTEXTS)
    fields = {
        "name": random_.choice(DATASETS),
        "digest": random_.choice(DIGESTS),
    }
    tags = [] if context is None else [{"key": "mlflow.data.context", "value": context}]
    return {"dataset": fields | {"source_type": "local", "source": "s"}, "tags": tags}


def log_experiments(api: Callable[..., dict]) -> list[str]:
    random_ = random.Random(21)
    experiments = []
    for number in range(EXPERIMENTS):
        name = f"{random_.choice(TEXTS)} {number} {random_.choice(TEXTS)}"
        created = api("experiments/create", {"name": name, "tags": some(random_, TAGS, TEXTS)})["experiment_id"]
        experiments.append(created)
        if number % 7 == 0:
            api("experiments/delete", {"experiment_id": created})
        elif number % 5 == 0:
            api("experiments/update", {"experiment_id": created, "new_name": f"{name} renamed"})
    return experiments


# The searches

SPACES = st.sampled_from([" ", " ", " ", "  ", "\t", "\n"])
DIRECTIONS = st.sampled_from(["", "", " ASC", " DESC", " asc", " desc", "  DESC"])


@st.composite
def quoted_text(draw, texts: list[str]) -> str:
    text = draw(st.sampled_from(texts))
    quote = '"' if "'" in text else draw(st.sampled_from("''\""))
    return f"{quote}{text}{quote}"


@st.composite
def patterns(draw, texts: list[str]) -> str:
    """A quoted pattern of LIKE: a text, or part of it, with wildcards."""
    text = draw(st.sampled_from([text for text in texts if text]))
    shape = draw(st.sampled_from(["{}", "%{}", "{}%", "%{}%", "_{}", "{}_", "%", "_", "__"]))
    part = text[: draw(st.integers(1, len(text)))]
    # A backslash at the end of a pattern is an error of PostgreSQL's, see its own test.
    pattern = shape.format(part).rstrip("\\")
    quote = '"' if "'" in pattern else "'"
    return f"{quote}{pattern}{quote}"


@st.composite
def keyed(draw, entities: list[str], keys: list[str]) -> str:
    """`entity.key`, with the key in quotes where it needs them, and sometimes where it doesn't."""
    key = draw(st.sampled_from(keys))
    plain = all(part.isidentifier() and part.isascii() for part in key.split("."))
    quote = draw(st.sampled_from(["", "", "`", '"'] if plain else ["`", '"']))
    return f"{draw(st.sampled_from(entities))}.{quote}{key}{quote}"


@st.composite
def compared(draw, identifier: str, operators: list[str], value: st.SearchStrategy[str]) -> str:
    space = draw(SPACES)
    return f"{identifier}{space}{draw(st.sampled_from(operators))}{space}{draw(value)}"


NUMERIC = [">", "!=", ">=", "<", "=", "<="]
NUMBER_TEXTS = [
    "0",
    "0.5",
    ".5",
    "0.9",
    "1",
    "-1",
    "2.0",
    "10",
    "1e-5",
    "1E300",
    "-1e300",
    "1.7976931348623157e308",
    "5e-324",
    "00.5",
    "-0",
]
TIME_TEXTS = ["0", "5", "1000", "2000", "2500", "1000000000000", "1000000000050", "-1", "7"]
EQUAL = ["!=", "="]
LIKE = ["LIKE", "ILIKE", "like", "ILike"]


@st.composite
def text_clause(draw, identifier: str, texts: list[str], like: list[str] = LIKE) -> str:
    if draw(st.booleans()):
        return draw(compared(identifier, EQUAL, quoted_text(texts)))
    return draw(compared(identifier, like, patterns(texts)))


@st.composite
def list_clause(draw, identifier: str, texts: list[str]) -> str:
    items = draw(st.lists(quoted_text(texts), min_size=1, max_size=4))
    operator = draw(st.sampled_from(["IN", "NOT IN", "in", "Not In"]))
    comma = draw(st.sampled_from([",", ", ", " , "]))
    return f"{identifier} {operator} ({comma.join(items)})"


def null_clause(identifier: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f"{identifier} IS NULL", f"{identifier} IS NOT NULL", f"{identifier} is null"])


@st.composite
def run_clause(draw) -> str:
    kind = draw(st.sampled_from(["metric", "metric", "param", "tag", "attribute", "time", "dataset", "id", "null"]))
    if kind == "metric":
        return draw(compared(draw(keyed(["metric", "metrics"], METRICS)), NUMERIC, st.sampled_from(NUMBER_TEXTS)))
    if kind == "param":
        return draw(text_clause(draw(keyed(["param", "params", "parameter", "parameters"], PARAMS)), TEXTS))
    if kind == "tag":
        return draw(text_clause(draw(keyed(["tag", "tags"], [*TAGS, "mlflow.runName"])), TEXTS))
    if kind == "null":
        return draw(null_clause(draw(st.one_of(keyed(["params"], PARAMS), keyed(["tags"], TAGS)))))
    prefix = draw(st.sampled_from(["", "", "attribute.", "attributes.", "attr.", "run."]))
    if kind == "attribute":
        name, texts = draw(
            st.sampled_from(
                [
                    ("run_name", TEXTS),
                    ("status", [*STATUSES, "finished"]),
                    ("user_id", USERS),
                    ("artifact_uri", ["mlflow-artifacts:/0"]),
                ]
            )
        )
        return draw(text_clause(prefix + name, texts))
    if kind == "time":
        name = draw(st.sampled_from(["start_time", "end_time", "created", "Created"]))
        return draw(compared(prefix + name, NUMERIC, st.sampled_from(TIME_TEXTS)))
    if kind == "id":
        ids = [f"$run{number}" for number in range(0, RUNS, 17)] + ["nope"]
        if draw(st.booleans()):
            return draw(list_clause(f"{prefix}run_id", ids))
        return draw(compared(f"{prefix}run_id", EQUAL, quoted_text(ids)))
    name, texts = draw(st.sampled_from(DATASET_FIELDS))
    identifier = f"{draw(st.sampled_from(['dataset', 'datasets']))}.{name}"
    return draw(st.one_of(text_clause(identifier, texts), list_clause(identifier, texts)))


BROKEN_RUN_CLAUSES = """
metrics.acc
metrics.acc >
> 0.5
metrics.acc > '0.5'
metrics.acc LIKE '1'
metrics.acc == 0.5
metrics.acc <> 0.5
metrics.acc > abc
metrics.acc IS NULL
params.lr > 1
params.lr > '1'
params.lr = 0.1
params.lr = lr
params.lr = `x`
params.lr IN ('a')
tags.team = 5
tags.team BETWEEN 'a' AND 'b'
foo.bar = 'x'
foo = 'x'
status = RUNNING
status > 'RUNNING'
status IN ('RUNNING')
start_time = 'x'
start_time > '100'
start_time LIKE '1'
run_id IN ()
run_id IN (1, 2)
run_id IN 'x'
dataset.foo = 'x'
dataset.name > 'x'
dataset.name = 5
(metrics.acc > 0)
NOT metrics.acc > 0
metrics.f1-score > 0
metrics.acc > 0 OR metrics.loss > 0
metrics.acc > 0, tags.s = 'x'
experiment_id = '0'
lifecycle_stage = 'active'
tags. = 'x'
tags.team = 'x
metrics.acc > NaN
metrics.acc > 1; metrics.acc < 2
tags.team IS
tags.team != NULL
'x' = tags.team
metrics.1 > 0
params.lr = 'a' 'b'
tags.team NOT LIKE 'x'
run_name IS NULL
METRICS.acc > 0
Tags.team = 'x'
""".strip().splitlines()
BROKEN_EXPERIMENT_CLAUSES = """
name
name = x
name > 'a'
name like 'a'
name IN ('a')
experiment_id = 1
experiment_id = 'x'
experiment_id IN (1)
creation_time = 'x'
creation_time > 1.5
creation_time LIKE '1'
tags.team > 'x'
tags.team = 5
attributes.name = 'x'
foo.bar = 'x'
foo = 'x'
lifecycle_stage = 'active'
name = 'a' OR name = 'b'
(name = 'a')
name = 'a
tags.team like 'x'
name IS NULL
metrics.a > 1
""".strip().splitlines()
JOINS = st.sampled_from([" AND ", " AND ", " and ", "  And\n", "\tAND "])


@st.composite
def filters(draw, clause: st.SearchStrategy[str], broken: list[str]) -> str:
    # Hypothesis prefers what comes first, so good things do.
    count = draw(st.sampled_from([1, 2, 1, 3, 1, 2, 4, 0]))
    clauses = draw(st.lists(clause, min_size=count, max_size=count))
    if draw(st.sampled_from([False] * 6 + [True])):
        clauses.insert(draw(st.integers(0, len(clauses))), draw(st.sampled_from(broken)))
    text = draw(JOINS).join(clauses)
    # These are taken by the reference, although they look wrong.
    return (
        draw(st.sampled_from(["{}"] * 20 + [" {} ", "{} AND", "{} AND AND name = 'x'"])).format(text) if text else text
    )


@st.composite
def run_orders(draw) -> str:
    attributes = [
        "start_time",
        "end_time",
        "run_id",
        "run_name",
        "status",
        "artifact_uri",
        "user_id",
        "attribute.start_time",
        "created",
        "Created",
    ]
    identifier = draw(
        st.one_of(
            st.sampled_from(attributes),
            keyed(["metrics", "metric"], METRICS),
            keyed(["params", "param"], PARAMS),
            keyed(["tags"], TAGS),
        )
    )
    return identifier + draw(DIRECTIONS)


BROKEN_ORDERS = [
    "",
    "foo",
    "foo.bar",
    "metrics.acc NULLS LAST",
    "metrics.acc DESC ASC",
    "metrics.acc, loss",
    "dataset.name",
    "metrics.acc up",
    "metrics.",
    "name",
]


@st.composite
def orders(draw, order: st.SearchStrategy[str]) -> list[str]:
    count = draw(st.sampled_from([1, 2, 0, 3]))
    # The same key twice is an error of its own, which may come up by another spelling.
    chosen = draw(st.lists(order, max_size=count, unique_by=lambda text: text.split()[0]))
    if draw(st.sampled_from([False] * 19 + [True])):
        chosen.append(draw(st.sampled_from(BROKEN_ORDERS)))
    return chosen


@st.composite
def run_searches(draw) -> dict:
    """The body of `runs/search`; `$run17` stands for an id."""
    search = {
        "experiment_ids": draw(
            st.sampled_from(
                [["$experiment0", "$experiment1", "$experiment2"]] * 4
                + [["$experiment1"], ["$experiment2", "$experiment0", "999"]]
            )
        ),
        "filter": draw(filters(run_clause(), BROKEN_RUN_CLAUSES)),
        "order_by": draw(orders(run_orders())),
        "max_results": draw(st.sampled_from([30, 1000, 5, 1])),
    }
    if draw(st.sampled_from([False, False, True])):
        search["run_view_type"] = draw(st.sampled_from(["ALL", "DELETED_ONLY", "ACTIVE_ONLY"]))
    return search


@st.composite
def experiment_clause(draw) -> str:
    kind = draw(st.sampled_from(["name", "name", "id", "time", "tag", "tag", "null"]))
    upper = ["LIKE", "ILIKE"]
    if kind == "name":
        return draw(text_clause(draw(st.sampled_from(["name", "attribute.name"])), TEXTS, upper))
    if kind == "tag":
        return draw(text_clause(draw(keyed(["tag", "tags"], TAGS)), TEXTS, upper))
    if kind == "null":
        return draw(null_clause(draw(keyed(["tag", "tags"], TAGS))))
    if kind == "time":
        name = draw(st.sampled_from(["creation_time", "last_update_time", "attribute.creation_time"]))
        return draw(compared(name, NUMERIC, st.sampled_from(["0", "1700000000000", "99999999999999"])))
    ids = ["0", *(f"$experiment{number}" for number in range(0, EXPERIMENTS, 5))]
    if draw(st.booleans()):
        return draw(list_clause("experiment_id", ids))
    return draw(compared("experiment_id", EQUAL, quoted_text(ids)))


@st.composite
def experiment_searches(draw) -> dict:
    attributes = ["name", "experiment_id", "creation_time", "last_update_time", "attribute.name"]
    order = st.sampled_from(attributes).flatmap(lambda name: DIRECTIONS.map(lambda direction: name + direction))
    search = {
        "filter": draw(filters(experiment_clause(), BROKEN_EXPERIMENT_CLAUSES)),
        "order_by": draw(orders(order)),
        "max_results": draw(st.sampled_from([60, 20, 5, 1])),
    }
    if draw(st.booleans()):
        search["view_type"] = draw(st.sampled_from(["ALL", "DELETED_ONLY", "ACTIVE_ONLY"]))
    return search


def generated(strategy: st.SearchStrategy[dict], count: int, number: int) -> list[dict]:
    """`count` different values of a strategy, the same each time; another `number` gives others."""
    found: dict[str, dict] = {}

    @seed(number)
    @settings(
        max_examples=count * 3 // 2,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: dict) -> None:
        found.setdefault(repr(value), value)

    collect()
    assert len(found) >= count
    return list(found.values())[:count]
