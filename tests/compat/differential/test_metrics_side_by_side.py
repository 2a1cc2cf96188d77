"""Metrics and their histories, with good, boundary and bad input, beside the reference."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from pairs import FAILS, NOT_A_TOKEN, NOT_A_TOKEN_FAILS, NOT_STORED, Call, Difference, case, get, post, refused

LOG = "runs/log-metric"
HISTORY = "metrics/get-history"
BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
INTERVAL = "metrics/get-history-bulk-interval"


def read():
    return get("runs/get", run_id="$run")


def history(**query):
    return get(HISTORY, **({"run_id": "$run", "metric_key": "m"} | query))


POINT = {"run_id": "$run", "key": "m", "value": 1.5, "timestamp": 1}


def logged(what: str, /, **message):
    sent = POINT | message
    sent = {key: value for key, value in sent.items() if value is not ...}
    key = sent.get("key")
    read_again = [history(metric_key=key)] if key and isinstance(key, str) else []
    return case(what, post(LOG, **sent), read(), *read_again)


VALUES = {
    "one": 1,
    "zero": 0,
    "negative zero": -0.0,
    "a fraction": 0.1,
    "large": 1e300,
    "small": 5e-324,
    "largest": 1.7976931348623157e308,
    "beyond 2^53": 2**53 + 1,
    "beyond 64 bits": 12345678901234567890,
    "as text": "1.5",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "minus Infinity": "-Infinity",
    "true": True,
    "text with an exponent": "1e5",
}
LOGGED = [
    *(logged(f"value {what}", value=value) for what, value in VALUES.items()),
    *(logged(f"value {what}", value=value) for what, value in {"null": None, "words": "abc"}.items()),
    logged("value missing", value=...),
    logged("key missing", key=...),
    logged("key empty", key=""),
    logged("key null", key=None),
    logged("key a number", key=5),
    *(
        logged(f"key {key!r:.40}", key=key)
        for key in (
            "a/b",
            "a b",
            "a.b-c_d:e",
            "k" * 250,
            "größe",
            "実験",
            " a",
            "a ",
            ".",
            "..",
            "../a",
            "a/../b",
            "a//b",
            "/a",
            "a/",
            "a*b",
            "a?b",
            "a#b",
            "a%b",
            "a@b",
            "k" * 251,
            "a\nb",
            "a\tb",
            "./a",
            "a'b",
            'a"b',
            "a\\b",
            "-",
            "_",
            ":",
            "a,b",
            "(a)",
            "+",
            "=",
        )
    ),
    logged("time missing", timestamp=...),
    logged("time null", timestamp=None),
    logged("time zero", timestamp=0),
    logged("time as text", timestamp="1700000000001"),
    logged("time of 63 bits", timestamp=2**63 - 1),
    logged("time a whole float", timestamp=1000.0),
    logged("time negative", timestamp=-1),
    logged("time words", timestamp="x"),
    logged("time empty", timestamp=""),
    logged("step", step=7),
    logged("step zero", step=0),
    logged("step negative", step=-3),
    logged("step as text", step="12"),
    logged("step null", step=None),
    logged("step of 63 bits", step=2**63 - 1),
    logged("step lowest", step=-(2**63)),
    logged("step words", step="x"),
    logged("step empty", step=""),
    logged("dataset", dataset_name="d", dataset_digest="g"),
    logged("dataset name only", dataset_name="d"),
    logged("dataset a number", dataset_name=5),
    logged("model a number", model_id=5),
    *(
        case(f"{name} {value}", post(LOG, **(POINT | {name: value})).differs(FAILS))
        for name in ("value", "timestamp", "step")
        for value in ([1], {"a": 1})
    ),
    case("value empty", post(LOG, **(POINT | {"value": ""})).in_other_words()),
    case("key of a picture", post(LOG, **(POINT | {"key": "🚀"})).in_other_words()),
    case("step true", post(LOG, run_id="$run", key="m", value=1, timestamp=1, step=True).differs(NOT_STORED)),
    case(
        "value the literal NaN",
        Call("POST", LOG, raw='{"run_id": "$run", "key": "m", "value": NaN, "timestamp": 1}').differs(NOT_STORED),
    ),
    case(
        "value the literal Infinity",
        Call("POST", LOG, raw='{"run_id": "$run", "key": "m", "value": Infinity, "timestamp": 1}').differs(NOT_STORED),
    ),
    case("time a float", post(LOG, run_id="$run", key="m", value=1, timestamp=1.5).differs(NOT_STORED)),
    case("time beyond 64 bits", post(LOG, run_id="$run", key="m", value=1, timestamp=2**63).differs(NOT_STORED)),
    case("step a float", post(LOG, run_id="$run", key="m", value=1, timestamp=1, step=1.5).differs(NOT_STORED)),
    case(
        "step beyond 64 bits", post(LOG, run_id="$run", key="m", value=1, timestamp=1, step=2**63).differs(NOT_STORED)
    ),
    case("value text with blanks", post(LOG, run_id="$run", key="m", value=" 1 ", timestamp=1)),
    case("value text inf", post(LOG, run_id="$run", key="m", value="inf", timestamp=1)),
    case("value text nan", post(LOG, run_id="$run", key="m", value="nan", timestamp=1)),
]


def batch(*points: tuple, key: str = "m") -> Call:
    metrics = [{"key": key, "value": value, "timestamp": time, "step": step} for value, time, step in points]
    return post("runs/log-batch", run_id="$run", metrics=metrics)


def each(*points: tuple, key: str = "m") -> list[Call]:
    return [post(LOG, run_id="$run", key=key, value=value, timestamp=time, step=step) for value, time, step in points]


ORDERS = {
    "steps": [(1.0, 10, 5), (9.0, 99, 4), (2.0, 9, 5), (3.0, 10, 5), (0.5, 10, 5), (-1.0, 0, 6)],
    "the same point": [(1.0, 1, 1), (1.0, 1, 1), (1.0, 1, 1)],
    "the same step with other values": [(1.0, 1, 1), (2.0, 1, 1), (0.0, 1, 1)],
    "NaN then a number": [("NaN", 1, 1), (-1.0, 1, 1)],
    "a number then NaN": [(-1.0, 1, 1), ("NaN", 1, 1)],
    "a positive number then NaN": [(1.0, 1, 1), ("NaN", 1, 1)],
    # At one time and step, the order of NaN and 0 in a history is that of the database.
    "NaN then zero": [("NaN", 1, 1), (0.0, 2, 1)],
    "zero then NaN": [(0.0, 1, 1), ("NaN", 2, 1)],
    "NaN twice": [("NaN", 1, 1), ("NaN", 1, 1)],
    "infinities": [("Infinity", 1, 1), ("-Infinity", 1, 1), (1.7976931348623157e308, 1, 1)],
    "negative steps": [(1.0, 1, -2), (2.0, 1, -1), (3.0, 1, -3)],
    "zeros": [(0.0, 1, 1), (-0.0, 1, 1)],
    "descending": [(float(n), n, n) for n in range(9, 0, -1)],
    "a later time at an earlier step": [(1.0, 50, 5), (2.0, 60, 4)],
}
LATEST = [
    *(case(f"one by one: {what}", *each(*points), read(), history()) for what, points in ORDERS.items()),
    *(case(f"in one batch: {what}", batch(*points), read(), history()) for what, points in ORDERS.items()),
    *(
        case(f"in two batches: {what}", batch(*points[:2]), batch(*points[1:]), read(), history())
        for what, points in ORDERS.items()
    ),
    case(
        "keys that differ by case",
        *each((1.0, 1, 1), key="a"),
        *each((2.0, 1, 1), key="A"),
        read(),
        history(metric_key="a"),
    ),
    case("keys that differ by a blank at the end", *each((1.0, 1, 1), key="a"), *each((2.0, 1, 1), key="a "), read()),
]


BLANKS = Difference("numbers with blanks around them in a query", (200, None), (200, None))


def token(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.b64encode(text.encode()).decode()


POINTS = batch(*((n / 4, n // 2, n % 5) for n in range(12)))
HISTORIES = [
    case(
        "pages",
        POINTS,
        history(max_results=5),
        history(max_results=5, page_token=token({"offset": 5})),
        history(max_results=5, page_token=token({"offset": 10})),
        history(max_results=5, page_token=token({"offset": 15})),
    ),
    case(
        "a page that ends where the points end",
        POINTS,
        history(max_results=12),
        history(max_results=6, page_token=token({"offset": 6})),
    ),
    case("an empty token", POINTS, history(max_results=5, page_token="")),
    case("a token without max_results", POINTS, history(page_token=token({"offset": 5}))),
    case("a token with blanks", POINTS, history(max_results=3, page_token=token('{ "offset" : 3 }'))),
    case("a token with other fields", POINTS, history(max_results=3, page_token=token({"offset": 3, "x": 1}))),
    *(
        case(f"max_results {value!r}", POINTS, history(max_results=value))
        for value in ("1", "0", "-1", "100000", "2.0", "+3", "2147483647", "2147483648")
    ),
    *(
        case(f"max_results {value!r}", POINTS, history(max_results=value).differs(NOT_STORED))
        for value in ("abc", "", "1.5")
    ),
    case("max_results with blanks", POINTS, history(max_results=" 3 ").differs(BLANKS)),
    *(
        case(f"token {what}", POINTS, history(max_results=3, page_token=value))
        for what, value in {
            "not base64": "abc",
            "not JSON": token("abc"),
            "offset zero": token({"offset": 0}),
            "offset in words": token({"offset": "x"}),
            "without offset": token({}),
            "offset null": token({"offset": None}),
            "offset as text": token({"offset": "3"}),
        }.items()
    ),
    *(
        case(f"token {what}", POINTS, history(max_results=3, page_token=value).differs(NOT_A_TOKEN))
        for what, value in {
            "offset a float": token({"offset": 1.5}),
            "offset true": token({"offset": True}),
        }.items()
    ),
    *(
        case(f"token {what}", POINTS, history(max_results=3, page_token=value).differs(NOT_A_TOKEN_FAILS))
        for what, value in {
            "a list": token([1]),
            "a number": token("5"),
            "null": token("null"),
            "in unicode": "größe",
            "offset a list": token({"offset": [1]}),
        }.items()
    ),
    case(
        "token offset negative",
        POINTS,
        history(max_results=3, page_token=token({"offset": -1})).differs(
            replace(NOT_A_TOKEN, on=frozenset({"sqlite"})),
            replace(NOT_A_TOKEN, reference=(400, "BAD_REQUEST"), on=frozenset({"postgres"})),
        ),
    ),
    case(
        "token offset huge",
        POINTS,
        history(max_results=3, page_token=token({"offset": 10**30})).differs(
            replace(NOT_A_TOKEN_FAILS, on=frozenset({"sqlite"})),
            replace(NOT_A_TOKEN, reference=(400, "BAD_REQUEST"), on=frozenset({"postgres"})),
        ),
    ),
    case("unknown key", history(metric_key="none")),
    case("no key", get(HISTORY, run_id="$run")),
    case("empty key", history(metric_key="")),
    case("bad key", history(metric_key="a*b")),
    case(
        "of a deleted run",
        post(LOG, run_id="$run", key="m", value=1, timestamp=1),
        post("runs/delete", run_id="$run"),
        history(),
    ),
    case("by run_uuid", POINTS, get(HISTORY, run_uuid="$run", metric_key="m")),
    case("by JSON body", POINTS, Call("GET", HISTORY, {"run_id": "$run", "metric_key": "m"})),
]

TWO_RUNS = (
    POINTS,
    post(
        "runs/log-batch",
        run_id="$run2",
        metrics=[{"key": "m", "value": n, "timestamp": n, "step": n * 10} for n in range(8)],
    ),
)


def bulk(**query):
    return get(BULK, **({"run_id": "$run", "metric_key": "m"} | query))


def interval(**query):
    query = {"run_ids": "$run", "metric_key": "m"} | query
    return get(INTERVAL, **{key: value for key, value in query.items() if value is not None})


BULKS = [
    case("bulk of one run", POINTS, bulk()),
    case("bulk with max_results", POINTS, bulk(max_results=3)),
    case("bulk of a run twice", POINTS, bulk(run_id=["$run", "$run"])),
    case("bulk of unknown runs", bulk(run_id="nope")),
    case("bulk of a known and an unknown run", POINTS, bulk(run_id=["$run", "nope"])),
    case("bulk of an unknown key", POINTS, bulk(metric_key="none")),
    case(
        "bulk with NaN",
        *each((1.0, 1, 1), ("NaN", 2, 2), ("Infinity", 3, 3)),
        bulk().differs(Difference("NaN in `get-history-bulk`", (200, None), (200, None))),
    ),
    case("bulk of nothing", get(BULK)),
    case("bulk without key", get(BULK, run_id="$run")),
    case("bulk without run", get(BULK, metric_key="m")),
    case("bulk of 101 runs", get(BULK, run_id=["x"] * 101, metric_key="m")),
    case("bulk of 100 runs", get(BULK, run_id=["x"] * 100, metric_key="m")),
    *(
        case(f"bulk max_results {value!r}", POINTS, bulk(max_results=value))
        for value in ("1", "25000", "25001", "100000000")
    ),
    *(
        case(f"bulk max_results {value!r}", POINTS, bulk(max_results=value).differs(FAILS))
        for value in ("abc", "", "1.5")
    ),
    case("bulk max_results 0", POINTS, bulk(max_results="0")),
    case(
        "bulk max_results -1",
        POINTS,
        bulk(max_results="-1").differs(
            refused("a negative `max_results` of `get-history-bulk`", on="sqlite"),
            refused("a negative `max_results` of `get-history-bulk`", reference=400, code="BAD_REQUEST", on="postgres"),
        ),
    ),
    case("bulk below /api", get("metrics/get-history-bulk", run_id="$run", metric_key="m")),
]
INTERVALS = [
    case("interval", POINTS, interval()),
    case("interval of two runs", *TWO_RUNS, interval(run_ids=["$run2"])),
    case("interval with steps", *TWO_RUNS, interval(run_ids=["$run2"], start_step=20, end_step=50)),
    case("interval of one step", *TWO_RUNS, interval(run_ids=["$run2"], start_step=20, end_step=20)),
    case("interval with max_results", batch(*((n, n, n) for n in range(50))), interval(max_results=10)),
    case("interval with max_results 1", batch(*((n, n, n) for n in range(50))), interval(max_results=1)),
    case("interval with max_results 2", batch(*((n, n, n) for n in range(50))), interval(max_results=2)),
    case("interval with max_results 3", batch(*((n * n, n, n * n) for n in range(50))), interval(max_results=3)),
    case(
        "interval with steps and max_results",
        batch(*((n, n, n) for n in range(50))),
        interval(max_results=7, start_step=11, end_step=40),
    ),
    case("interval with several points of a step", batch(*((n, n, n % 7) for n in range(50))), interval(max_results=3)),
    case("interval without steps in it", POINTS, interval(start_step=100, end_step=200)),
    case(
        "interval with negative steps", batch(*((n, 1, n - 5) for n in range(10))), interval(start_step=-3, end_step=2)
    ),
    case("interval with NaN", *each((1.0, 1, 1), ("NaN", 2, 2), ("Infinity", 3, 3)), interval()),
    case("interval of an unknown run", interval(run_ids="nope")),
    case("interval of a known and an unknown run", POINTS, interval(run_ids=["$run", "nope"])),
    case("interval of an unknown key", POINTS, interval(metric_key="none")),
    case("interval of a run twice", POINTS, interval(run_ids=["$run", "$run"])),
    case(
        "interval of a deleted run",
        post(LOG, run_id="$run", key="m", value=1, timestamp=1),
        post("runs/delete", run_id="$run"),
        interval(),
    ),
    case("interval with a start only", interval(start_step=2)),
    case("interval with an end only", interval(end_step=2)),
    case("interval backwards", interval(start_step=5, end_step=2)),
    case("interval of 100 runs", interval(run_ids=["x"] * 100)),
    case("interval of 101 runs", interval(run_ids=["x"] * 101)),
    case("interval without runs", interval(run_ids=None)),
    case("interval without key", interval(metric_key=None)),
    case("interval of an empty run", interval(run_ids="")),
    *(
        case(f"interval max_results {value!r}", POINTS, interval(max_results=value))
        for value in ("2500", "2501", "0", "-1", "abc", "", "1.5")
    ),
    *(
        case(f"interval start {value!r}", POINTS, interval(start_step=value, end_step=5))
        for value in ("abc", "", "1.5", "+1", "2147483648")
    ),
    case("interval below /ajax-api", POINTS, get(f"/ajax-api/2.0/mlflow/{INTERVAL}", run_ids="$run", metric_key="m")),
]


@pytest.mark.parametrize("tried", LOGGED, ids=str)
def test_log_metric(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", LATEST, ids=str)
def test_the_latest_value_and_the_history(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", HISTORIES, ids=str)
def test_get_history(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", [*BULKS, *INTERVALS], ids=str)
def test_histories_of_many_runs(pair, tried):
    pair.run(tried)
