"""Params, tags and batches, with good, boundary and bad input, beside the reference."""

from __future__ import annotations

import pytest

from pairs import FAILS, NOT_STORED, READ, Call, case, get, post

PARAM = "runs/log-parameter"
TAG = "runs/set-tag"
UNTAG = "runs/delete-tag"
BATCH = "runs/log-batch"


def read():
    return get("runs/get", run_id="$run")


def sent(what: str, path: str, /, **message):
    message = {"run_id": "$run", "key": "a", "value": "b"} | message
    return case(what, post(path, **{key: value for key, value in message.items() if value is not ...}), read())


KEYS = [
    "a/b",
    "a b",
    "a.b-c_d:e",
    "größe",
    "実験",
    " a",
    "a ",
    ".",
    "..",
    "../a",
    "a//b",
    "/a",
    "a/",
    "a*b",
    "a?b",
    "a#b",
    "a%b",
    "a\nb",
    "k" * 250,
    "k" * 251,
    "k" * 255,
    "k" * 256,
    "a'b",
    'a"b',
    "a\\b",
    "mlflow.note.content",
    "mlflow.user",
    "",
]
VALUES = {
    "empty": "",
    "missing": ...,
    "null": None,
    "with a newline": "x\ny",
    "in unicode": "größe 🚀 ' \" \\",
    "of blanks": "  ",
    "a number": 5,
    "a float": 1.5,
    "true": True,
    "a list": ["x"],
    "a dict": {"a": 1},
    "of 500 characters": "x" * 500,
    "of 501 characters": "x" * 501,
    "of 6000 characters": "x" * 6000,
    "of 6001 characters": "x" * 6001,
    "of 8000 characters": "x" * 8000,
    "of 8001 characters": "x" * 8001,
    "of 6000 wide characters": "🚀" * 6000,
}
SINGLE = [
    *(sent(f"{path} key {key!r:.30}", path, key=key) for path in (PARAM, TAG) for key in KEYS),
    *(
        sent(f"{path} key {what}", path, key=key)
        for path in (PARAM, TAG)
        for what, key in {"null": None, "missing": ..., "a number": 5}.items()
    ),
    *(sent(f"{path} value {what}", path, value=value) for path in (PARAM, TAG) for what, value in VALUES.items()),
]


def param(key: object, value: object, **more) -> Call:
    return post(PARAM, run_id="$run", key=key, value=value, **more)


def tag(key: object, value: object) -> Call:
    return post(TAG, run_id="$run", key=key, value=value)


def untag(**message) -> Call:
    return post(UNTAG, **({"run_id": "$run"} | message))


REPEATED = [
    case("a param again", param("a", "1"), param("a", "1"), read()),
    case("a param with another value", param("a", "1"), param("a", "2"), read()),
    case("a param with a longer value", param("a", "1"), param("a", "1 "), read()),
    case("params that differ by case", param("a", "1"), param("A", "2"), read()),
    case("an empty param, then a value", param("a", ""), param("a", "1"), read()),
    case("a tag again", tag("a", "1"), tag("a", "2"), read()),
    case("a tag and a param of one name", tag("a", "1"), param("a", "2"), read()),
    case("the name as tag", tag("mlflow.runName", "renamed"), read()),
    case("the name as empty tag", tag("mlflow.runName", ""), read()),
    case("the name as tag, deleted", tag("mlflow.runName", "x"), untag(key="mlflow.runName"), read()),
    case("delete a tag", tag("a", "1"), untag(key="a"), read(), untag(key="a")),
    case("delete an unknown tag", untag(key="nope")),
    case("delete without key", untag()),
    case("delete an empty key", untag(key="")),
    case("delete a number", untag(key=5)),
    case("delete a bad key", untag(key="a*b")),
    case("delete a tag in another case", tag("a", "1"), untag(key="A"), read()),
]


def batch(**lists) -> Call:
    return post(BATCH, **({"run_id": "$run"} | lists))


def pair_of(key: object, value: object) -> dict:
    return {"key": key, "value": value}


def metric(key: object = "m", value: object = 1.0, timestamp: object = 1, step: object = 0) -> dict:
    return {"key": key, "value": value, "timestamp": timestamp, "step": step}


def numbered(count: int, prefix: str = "k") -> list[dict]:
    return [pair_of(f"{prefix}{number}", str(number)) for number in range(count)]


def metrics(count: int) -> list[dict]:
    return [metric(f"m{number % 7}", number / 3, number, number) for number in range(count)]


BATCHES = [
    case("nothing", batch(), read()),
    case("empty lists", batch(metrics=[], params=[], tags=[]), read()),
    case("null lists", batch(metrics=None, params=None, tags=None).differs(READ)),
    case("everything", batch(metrics=metrics(20), params=numbered(5), tags=numbered(5)), read()),
    case("1000 metrics", batch(metrics=metrics(1000)), read()),
    case("1001 metrics", batch(metrics=metrics(1001)), read()),
    case("100 params", batch(params=numbered(100)), read()),
    case("101 params", batch(params=numbered(101)), read()),
    case("100 tags", batch(tags=numbered(100)), read()),
    case("101 tags", batch(tags=numbered(101)), read()),
    case("1000 in all", batch(metrics=metrics(800), params=numbered(100), tags=numbered(100)), read()),
    case("1001 in all", batch(metrics=metrics(801), params=numbered(100), tags=numbered(100)), read()),
    case("a param again", batch(params=numbered(3)), batch(params=numbered(4)), read()),
    case(
        "a param with another value", batch(params=numbered(3)), batch(params=[pair_of("k1", "x"), pair_of("new", "1")])
    ),
    case(
        "several params with other values",
        batch(params=numbered(3)),
        batch(params=[pair_of("k1", "x"), pair_of("k2", "y")]),
    ),
    case("a param twice, equal", batch(params=[pair_of("a", "1"), pair_of("a", "1")]), read()),
    case("a param twice, different", batch(params=[pair_of("a", "1"), pair_of("a", "2")]), read()),
    case(
        "two params twice", batch(params=[pair_of("a", "1"), pair_of("a", "2"), pair_of("b", "1"), pair_of("b", "2")])
    ),
    case("a tag twice, equal", batch(tags=[pair_of("a", "1"), pair_of("a", "1")]), read()),
    case("a tag twice, different", batch(tags=[pair_of("a", "1"), pair_of("a", "2")]), read()),
    case("a tag again", batch(tags=numbered(2)), batch(tags=[pair_of("k1", "x")]), read()),
    case("the name as tag", batch(tags=[pair_of("mlflow.runName", "renamed")]), read()),
    case("a param without value", batch(params=[{"key": "a"}]), read()),
    case("a param with an empty value", batch(params=[pair_of("a", "")]), read()),
    case("a tag without value", batch(tags=[{"key": "a"}]), read()),
    case("a tag with a null value", batch(tags=[pair_of("a", None)]), read()),
    case("a param of 6000 characters", batch(params=[pair_of("a", "x" * 6000)]), read()),
    case("a param of 6001 characters", batch(params=[pair_of("ok", "1"), pair_of("a", "x" * 6001)])),
    case("a tag of 8000 characters", batch(tags=[pair_of("a", "x" * 8000)]), read()),
    case("a tag of 8001 characters", batch(tags=[pair_of("a", "x" * 8001)])),
    case("a metric without step", batch(metrics=[{"key": "m", "value": 1, "timestamp": 1}]), read()),
    case("a metric with NaN", batch(metrics=[metric(value="NaN"), metric("n", "Infinity")]), read()),
    case("a metric with times as text", batch(metrics=[metric(timestamp="5", step="6")]), read()),
    *(
        case(
            f"a metric without {name}",
            batch(metrics=[metric(), {key: value for key, value in metric().items() if key != name}]),
        )
        for name in ("key", "value", "timestamp")
    ),
    *(
        case(f"a metric with a null {name}", batch(metrics=[metric() | {name: None}]))
        for name in ("key", "value", "timestamp")
    ),
    *(
        case(f"a metric with key {key!r:.20}", batch(metrics=[metric("ok"), metric(key)]))
        for key in ("../x", "a*b", "k" * 251, "", "a//b")
    ),
    case("a metric with a negative time", batch(metrics=[metric(timestamp=-5)])),
    *(
        case(f"a param with key {key!r:.20}", batch(params=[pair_of("ok", "1"), pair_of(key, "1")]))
        for key in ("../x", "a*b", "k" * 251, "", "a//b")
    ),
    *(
        case(f"a tag with key {key!r:.20}", batch(tags=[pair_of("ok", "1"), pair_of(key, "1")]))
        for key in ("../x", "a*b", "k" * 251, "", "a//b")
    ),
    case("a param without key", batch(params=[{"value": "1"}])),
    case("a tag without key", batch(tags=[{"value": "1"}])),
    case("metrics a dict", batch(metrics={"key": "a"})),
    case("params a text", batch(params="abc")),
    case("tags a number", batch(tags=5)),
    case("an unknown field", batch(unknown=[1], metrics=[metric() | {"unknown": 5}]), read()),
    case("a metric value in words", batch(metrics=[metric(value="abc")]).differs(NOT_STORED)),
    case("a metric time in words", batch(metrics=[metric(timestamp="abc")]).differs(NOT_STORED)),
    case("a metric time as float", batch(metrics=[metric(timestamp=1.5)]).differs(NOT_STORED)),
    case("a param value as number", batch(params=[pair_of("a", 5)]).differs(NOT_STORED)),
    case("a tag value as number", batch(tags=[pair_of("a", 5)]).differs(NOT_STORED)),
    case("metrics a list of texts", batch(metrics=["a"]).differs(FAILS)),
    case("params a list of numbers", batch(params=[5]).differs(FAILS)),
    case("tags a list of lists", batch(tags=[[]]).differs(FAILS)),
    case("metrics a list with null", batch(metrics=[None]).differs(FAILS)),
    case("a bad tag beside good metrics", batch(metrics=[metric()], tags=[pair_of("a*b", "1")]), read()),
    case("model_id in a metric, empty", batch(metrics=[metric() | {"model_id": ""}])),
]


@pytest.mark.parametrize("tried", SINGLE, ids=str)
def test_keys_and_values(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", REPEATED, ids=str)
def test_again_and_delete(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", BATCHES, ids=str)
def test_log_batch(pair, tried):
    pair.run(tried)
