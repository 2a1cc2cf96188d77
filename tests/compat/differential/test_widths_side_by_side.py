"""What SQLite stores and PostgreSQL refuses: mlferry says the same on both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pairs import DRIVER, NOT_STORED, Call, Difference, case, get, post, raw, refused

WIDE = (
    "run names over 250 characters, users over 256, locations over 256, artifact URIs of runs over 200, keys over 250 "
    "of a new run's tags"
)
CUT = "values over 8000 characters of a new run's tags"
NUL = "the character NUL in texts"
TWICE = "tags given twice, unknown states of runs and models, empty model ids"
TOO_WIDE = (refused(WIDE, on="sqlite"), refused(WIDE, reference=400, code="BAD_REQUEST", on="postgres"))
WITH_NUL = (refused(NUL, on="sqlite"), refused(NUL, reference=500, code="INTERNAL_ERROR", on="postgres"))
# Nothing has an id or a name with it.
NOT_FOUND_WITH_NUL = (replace(WITH_NUL[0], reference=(404, "RESOURCE_DOES_NOT_EXIST")), WITH_NUL[1])
CREATE = "runs/create"


def created(**message) -> Call:
    return post(CREATE, experiment_id="0", **message)


def tags(*pairs: tuple[str, str]) -> list[dict]:
    return [{"key": key, "value": value} for key, value in pairs]


def dataset(name: str) -> list[dict]:
    return [{"dataset": {"name": name, "digest": "d", "source_type": "s", "source": "s"}}]


WIDTHS = {
    "run name": created(run_name="n" * 251),
    "user": created(user_id="n" * 257),
    "new run name": post("runs/update", run_id="$run", run_name="n" * 251),
    "run name by tag": post("runs/set-tag", run_id="$run", key="mlflow.runName", value="n" * 251),
    "key of a new run's tag": created(tags=tags(("k" * 251, "x"))),
    "location": post("experiments/create", name="$name", artifact_location="s3://b/" + "x" * 250),
    "long location": post("experiments/create", name="$name", artifact_location="s3://b/" + "x" * 1000),
}
NULS = {
    "name of an experiment": post("experiments/create", name="$name\0x"),
    "tag": post("runs/set-tag", run_id="$run", key="a", value="x\0y"),
    "tag of an experiment": post("experiments/set-experiment-tag", experiment_id="$experiment", key="a", value="\0"),
    "param": post("runs/log-parameter", run_id="$run", key="a", value="x\0y"),
    "batch": post("runs/log-batch", run_id="$run", tags=tags(("a", "\0"))),
    "name of a run": created(run_name="x\0y"),
    "user": created(user_id="x\0y"),
    "dataset": post("runs/log-inputs", run_id="$run", datasets=dataset("a\0")),
}
CASES = [
    *(case(f"too long: {what}", call.differs(*TOO_WIDE)) for what, call in WIDTHS.items()),
    *(case(f"NUL: {what}", call.differs(*WITH_NUL)) for what, call in NULS.items()),
    case("NUL: id", get("runs/get", run_id="a\0b").differs(*NOT_FOUND_WITH_NUL)),
    case("NUL: name to get", get("experiments/get-by-name", experiment_name="a\0b").differs(*NOT_FOUND_WITH_NUL)),
    case(
        "artifact URI of a run",
        post("experiments/create", name="$name", artifact_location="s3://b/" + "x" * 190).kept("wide"),
        post(CREATE, experiment_id="$wide").differs(*TOO_WIDE),
    ),
    case(
        "a long tag of a new run",
        created(tags=tags(("a", "x" * 8001))).differs(
            Difference(CUT, (200, None), (200, None), frozenset({"sqlite"})),
            Difference(CUT, (400, "BAD_REQUEST"), (200, None), frozenset({"postgres"})),
        ),
    ),
    case("a tag of a new run twice", created(tags=tags(("a", "1"), ("a", "2"))).differs(DRIVER)),
    case("a tag of a new run without key", created(tags=[{"value": "x"}]).differs(refused(TWICE))),
    case(
        "a key of a new run's tag with a star",
        created(tags=tags(("a*b", "x"))).kept("new"),
        get("runs/get", run_id="$new"),
    ),
    case(
        "half a pair of surrogates",
        raw("runs/set-tag", '{"run_id": "$run", "key": "a", "value": "\\ud800"}').differs(NOT_STORED),
    ),
    case("bytes that are no text", raw("experiments/create", b'{"name":"\xff"}').in_other_words()),
    case(
        "a metric of an unknown model",
        post("runs/log-metric", run_id="$run", key="a", value=1, timestamp=1, model_id="m-nope").in_other_words(),
    ),
    case(
        "an input tag at its limits",
        post("runs/log-inputs", run_id="$run", datasets=[dataset("a")[0] | {"tags": tags(("k" * 255, "v" * 500))}]),
        get("runs/get", run_id="$run"),
    ),
    case("an id beyond 32 bits", get("experiments/get", experiment_id="2147483648")),
    case("a run in an experiment beyond 32 bits", post(CREATE, experiment_id="2147483648")),
    case("a name of 256 characters", post("experiments/create", name="$name".ljust(256, "x"))),
    case("a run name of 250 characters", created(run_name="ü" * 250)),
    case("the history of a long key", get("metrics/get-history", run_id="$run", metric_key="m" * 300)),
]


@pytest.mark.parametrize("tried", CASES, ids=str)
def test_widths(pair, tried):
    pair.run(tried)
