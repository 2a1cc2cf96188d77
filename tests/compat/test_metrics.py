"""Metrics: the last value, the history, and values that JSON has no number for."""

from __future__ import annotations

import threading

import pytest

MISSING = "Missing value for required parameter '{}'. See the API docs for more information about request parameters."
WRONG_TYPE = (
    "Invalid value {} for parameter '{}' supplied:  Hint: Value was of type 'str'. "
    "See the API docs for more information about request parameters."
)
RESOLVES = (
    "Invalid value \"{0}\" for parameter 'name' supplied: Names may be treated as files in certain cases, and must not "
    "resolve to other names when treated as such. This name would resolve to '{1}'"
)


@pytest.fixture
def run_id(server) -> str:
    return server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]


def log(server, run_id: str, key: str, value, timestamp: int = 1, step: int = 0) -> None:
    message = {"run_id": run_id, "key": key, "value": value, "timestamp": timestamp, "step": step}
    answer = server.api("/runs/log-metric", message)
    assert (answer.status, answer.json()) == (200, {})


def latest(server, run_id: str) -> dict:
    metrics = server.api("/runs/get", run_id=run_id).json()["run"]["data"].get("metrics", [])
    return {metric["key"]: (metric["value"], metric["timestamp"], metric["step"]) for metric in metrics}


def history(server, run_id: str, key: str, **query) -> dict:
    answer = server.api("/metrics/get-history", run_id=run_id, metric_key=key, **query)
    assert answer.status == 200, answer.body
    return answer.json()


def test_the_latest_metric_is_that_of_the_highest_step_then_time_then_value(server, run_id):
    log(server, run_id, "m", 1.0, timestamp=10, step=5)
    log(server, run_id, "m", 9.0, timestamp=99, step=4)
    assert latest(server, run_id)["m"] == (1.0, 10, 5)
    log(server, run_id, "m", 2.0, timestamp=9, step=5)
    assert latest(server, run_id)["m"] == (1.0, 10, 5)
    log(server, run_id, "m", 0.5, timestamp=10, step=5)
    assert latest(server, run_id)["m"] == (1.0, 10, 5)
    log(server, run_id, "m", 3.0, timestamp=10, step=5)
    assert latest(server, run_id)["m"] == (3.0, 10, 5)
    log(server, run_id, "m", -1.0, timestamp=0, step=6)
    assert latest(server, run_id)["m"] == (-1.0, 0, 6)


def test_the_history_holds_every_point(server, run_id):
    points = [(float(number) / 4, number, number % 3) for number in range(10)]
    for value, timestamp, step in points:
        log(server, run_id, "m", value, timestamp, step)
    log(server, run_id, "other", 1.0)
    log(server, run_id, "m", *points[0])
    found = history(server, run_id, "m")
    assert "next_page_token" not in found
    assert sorted((p["value"], p["timestamp"], p["step"]) for p in found["metrics"]) == sorted(points)
    assert {p["key"] for p in found["metrics"]} == {"m"}


def test_the_history_can_be_read_in_pages(server, run_id):
    for step in range(7):
        log(server, run_id, "m", step, timestamp=step, step=step)
    seen, token = [], None
    while True:
        page = history(server, run_id, "m", max_results=3, **({"page_token": token} if token else {}))
        seen += [point["step"] for point in page["metrics"]]
        token = page.get("next_page_token")
        if not token:
            break
        assert len(page["metrics"]) == 3
    assert sorted(seen) == list(range(7))
    assert len(history(server, run_id, "m")["metrics"]) == 7


def test_an_unknown_history_is_empty(server, run_id):
    assert history(server, run_id, "none") == {}
    assert history(server, "nope", "m") == {}


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (
            {"metric_key": "m", "max_results": 0},
            "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer.",
        ),
        ({}, MISSING.format("metric_key")),
        ({"metric_key": "m", "max_results": 1, "page_token": "abc"}, "Invalid page token, could not base64-decode"),
    ],
)
def test_an_invalid_history_request_is_refused_in_the_words_of_the_reference(server, run_id, query, error):
    answer = server.api("/metrics/get-history", run_id=run_id, **query)
    answer.assert_error(400, "INVALID_PARAMETER_VALUE", error)


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ("NaN", "NaN"),
        ("Infinity", 1.7976931348623157e308),
        ("-Infinity", -1.7976931348623157e308),
        (1e300, 1e300),
        (5e-324, 5e-324),
        (0.1, 0.1),
        (2, 2.0),
        (12345678901234567890, 12345678901234567890.0),
    ],
)
def test_every_float_comes_back_as_by_the_reference(server, run_id, sent, returned):
    log(server, run_id, "m", sent)
    value = latest(server, run_id)["m"][0]
    assert value == returned
    assert type(value) is type(returned)
    assert history(server, run_id, "m")["metrics"][0]["value"] == returned


def test_no_digit_of_a_float_is_lost(server, run_id):
    values = [number / 3 for number in range(1000)]
    points = [{"key": "m", "value": value, "timestamp": 1, "step": step} for step, value in enumerate(values)]
    assert server.api("/runs/log-batch", {"run_id": run_id, "metrics": points}).status == 200
    assert [point["value"] for point in history(server, run_id, "m")["metrics"]] == values
    log(server, run_id, "single", 271 / 3)
    assert latest(server, run_id)["single"][0] == 271 / 3


def test_large_times_and_steps_are_kept(server, run_id):
    log(server, run_id, "m", 1, timestamp=2**53 + 1, step=2**53 + 1)
    log(server, run_id, "low", 1, timestamp=0, step=-(2**40))
    assert latest(server, run_id) == {"m": (1.0, 2**53 + 1, 2**53 + 1), "low": (1.0, 0, -(2**40))}


@pytest.mark.parametrize("key", ["a", "a/b", "a b", "a.b-c_d:e", "k" * 250, "größe"])
def test_a_good_metric_name_is_kept(server, run_id, key):
    log(server, run_id, key, 1)
    assert latest(server, run_id) == {key: (1.0, 1, 0)}
    assert len(history(server, run_id, key)["metrics"]) == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"value": 1, "timestamp": 1}, MISSING.format("key")),
        ({"key": "a", "timestamp": 1}, MISSING.format("value")),
        ({"key": "a", "value": 1}, MISSING.format("timestamp")),
        ({"key": "a", "value": "abc", "timestamp": 1}, WRONG_TYPE.format('"abc"', "value")),
        ({"key": "a", "value": 1, "timestamp": "x"}, WRONG_TYPE.format('"x"', "timestamp")),
        (
            {"key": "a", "value": 1, "timestamp": -1},
            "Invalid value -1 for parameter 'timestamp' supplied: metric 'a' (value=1.0). "
            "Timestamp must be a nonnegative long (64-bit integer) ",
        ),
        ({"key": "../a", "value": 1, "timestamp": 1}, RESOLVES.format("../a", "../a")),
        ({"key": "a//b", "value": 1, "timestamp": 1}, RESOLVES.format("a//b", "a/b")),
        (
            {"key": "a*b", "value": 1, "timestamp": 1},
            "Invalid value \"a*b\" for parameter 'name' supplied: Names may only contain alphanumerics, underscores "
            "(_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).",
        ),
        ({"key": "a" * 251, "value": 1, "timestamp": 1}, "'Metric name' exceeds the maximum length of 250 characters"),
    ],
)
def test_an_invalid_metric_is_refused_in_the_words_of_the_reference(server, run_id, fields, error):
    answer = server.api("/runs/log-metric", {"run_id": run_id} | fields)
    answer.assert_error(400, "INVALID_PARAMETER_VALUE", error)
    assert latest(server, run_id) == {}


def test_a_metric_of_a_thousand_points_is_logged_and_read(server, run_id):
    for start in range(0, 3000, 1000):
        points = [{"key": "m", "value": s / 7, "timestamp": s, "step": s} for s in range(start, start + 1000)]
        assert server.api("/runs/log-batch", {"run_id": run_id, "metrics": points}).status == 200
    found = history(server, run_id, "m")["metrics"]
    assert sorted(point["step"] for point in found) == list(range(3000))
    assert latest(server, run_id)["m"] == (2999 / 7, 2999, 2999)


def test_parallel_writers_lose_nothing(server, run_id):
    failures = []

    def write(number: int) -> None:
        for step in range(20):
            message = {"run_id": run_id, "key": f"m{number}", "value": step, "timestamp": step, "step": step}
            answer = server.api("/runs/log-metric", message)
            if answer.status != 200:
                failures.append(answer.body)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert latest(server, run_id) == {f"m{number}": (19.0, 19, 19) for number in range(8)}
    assert all(len(history(server, run_id, f"m{number}")["metrics"]) == 20 for number in range(8))
