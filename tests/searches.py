"""Generated searches of runs, experiments, registered models and their versions.

The values that filters compare with are mostly those that the data holds, so that most filters find something; one in
seven filters is broken on purpose.
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from search_data import (
    DATASET_FIELDS,
    EXPERIMENTS,
    METRICS,
    MODELS,
    PARAMS,
    PROMPT_TAG,
    RUNS,
    SOURCES,
    STATUSES,
    TAGS,
    TEXTS,
    USERS,
)

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
BROKEN_REGISTRY_CLAUSES = """
name
name = x
name > 'a'
name = 5
name IN ()
name IN (1, 2)
name IN 'a'
name NOT LIKE 'a'
foo = 'x'
foo.bar = 'x'
attributes.name = 'x'
creation_timestamp > 0
stage = 'None'
current_stage = 'None'
tags.team > 'x'
tags.team = 5
tags.team IN ('a')
tags.team IS NULL
name = 'a' OR name = 'b'
(name = 'a')
NOT name = 'a'
name = 'a
run_id = 5
run_id > 'a'
source_path IN ('a')
source_path = 5
version_number = 1.5
version_number = 'x'
version_number LIKE '1'
version_number IN (1)
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


@st.composite
def registry_tag(draw) -> str:
    if draw(st.sampled_from([False] * 4 + [True])):
        value = draw(st.sampled_from(["true", "false", "True", "TRUE", "no"]))
        return f"tags.`{PROMPT_TAG}` {draw(st.sampled_from(['=', '=', '!=', 'LIKE']))} '{value}'"
    return draw(text_clause(draw(keyed(["tag", "tags"], TAGS)), TEXTS, LIKE))


@st.composite
def model_name(draw) -> str:
    name = draw(st.sampled_from(["name", "name", "attribute.name"]))
    if draw(st.sampled_from([False, False, True])):
        return draw(list_clause(name, MODELS))
    return draw(text_clause(name, MODELS, LIKE))


@st.composite
def model_version_clause(draw) -> str:
    kind = draw(st.sampled_from(["name", "tag", "tag", "run", "source", "number"]))
    if kind == "name":
        return draw(model_name())
    if kind == "tag":
        return draw(registry_tag())
    if kind == "number":
        name = draw(st.sampled_from(["version_number", "attribute.version_number"]))
        return draw(compared(name, NUMERIC, st.sampled_from(["1", "2", "3", "'2'", "0", "-1", "99999999999"])))
    if kind == "source":
        return draw(text_clause("source_path", SOURCES, LIKE))
    runs = ["r1", "R1", "r2", "nope", ""]
    return draw(st.one_of(text_clause("run_id", runs, LIKE), list_clause("run_id", runs)))


def registry_orders(keys: list[str]) -> st.SearchStrategy[list[str]]:
    return orders(st.sampled_from(keys).flatmap(lambda key: DIRECTIONS.map(lambda direction: key + direction)))


@st.composite
def registered_model_searches(draw) -> dict:
    """The query of `registered-models/search`."""
    return {
        "filter": draw(filters(st.one_of(model_name(), registry_tag()), BROKEN_REGISTRY_CLAUSES)),
        "order_by": draw(registry_orders(["name", "last_updated_timestamp"])),
        "max_results": draw(st.sampled_from([100, 20, 5, 1])),
    }


@st.composite
def model_version_searches(draw) -> dict:
    """The query of `model-versions/search`."""
    keys = ["name", "version_number", "creation_timestamp", "last_updated_timestamp", "attribute.name"]
    return {
        "filter": draw(filters(model_version_clause(), BROKEN_REGISTRY_CLAUSES)),
        "order_by": draw(registry_orders(keys)),
        "max_results": draw(st.sampled_from([1000, 20, 5, 1])),
    }


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
