"""Histories of one metric in many runs: all values, and samples for charts."""

from __future__ import annotations

import pytest

BULK = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
INTERVAL = "/metrics/get-history-bulk-interval"


@pytest.fixture
def new_run(server):
    def make(*points: tuple[object, int, int]) -> str:
        run = server.api("/runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
        for chunk in chunks(points):
            metrics = [{"key": "m", "value": v, "timestamp": t, "step": s} for v, t, s in chunk]
            assert server.api("/runs/log-batch", {"run_id": run, "metrics": metrics}).status == 200
        return run

    return make


def chunks(points):
    return [points[start : start + 1000] for start in range(0, len(points), 1000)]


def sample(server, *runs: str, **query) -> list[tuple[str, float, int]]:
    answer = server.api(INTERVAL, run_ids=list(runs), metric_key="m", **query)
    assert answer.status == 200, answer.body
    return [(point["run_id"], point["value"], point["step"]) for point in answer.json().get("metrics", [])]


def sampled_steps(server, run: str, **query) -> list[int]:
    return [step for _, _, step in sample(server, run, **query)]


def test_a_sample_is_evenly_spread_and_keeps_both_ends(server, new_run):
    run = new_run(*((float(n), n, n) for n in range(10)))
    assert sampled_steps(server, run, max_results=4) == [0, 3, 6, 9]
    assert sampled_steps(server, run, max_results=1) == [9]
    assert sampled_steps(server, run, max_results=2) == [0, 9]
    assert sampled_steps(server, run, max_results=3) == [0, 4, 9]
    assert sampled_steps(server, run, max_results=9) == [0, 2, 3, 4, 5, 6, 7, 8, 9]
    assert sampled_steps(server, run, max_results=10) == list(range(10))
    assert sampled_steps(server, run, max_results=2500) == list(range(10))
    assert sampled_steps(server, run, start_step=2, end_step=5) == [2, 3, 4, 5]
    assert sampled_steps(server, run, start_step=2, end_step=8, max_results=3) == [2, 5, 8]
    assert sampled_steps(server, run, start_step=20, end_step=30) == []


def test_many_values_of_one_step_are_sampled_by_row(server, new_run):
    run = new_run(*((float(n), n, 0) for n in range(3000)))
    found = sample(server, run)
    assert len(found) == 2500
    assert (found[0][1], found[-1][1]) == (0.0, 2999.0)


def test_runs_come_in_the_order_of_the_request(server, new_run):
    first, second = new_run((1.0, 1, 1)), new_run((2.0, 1, 1))
    assert [run for run, *_ in sample(server, second, "nope", first, second)] == [second, first, second]
    assert server.api(INTERVAL, run_ids="nope", metric_key="m").json() == {}


def test_the_sample_says_nan_as_all_answers_do(server, new_run):
    run = new_run((1.0, 1, 1), ("NaN", 2, 2), ("Infinity", 3, 3))
    assert [value for _, value, _ in sample(server, run)] == [1.0, "NaN", 1.7976931348623157e308]
    answer = server.get(f"{BULK}?run_id={run}&metric_key=m")
    assert [point["value"] for point in answer.json()["metrics"]] == [1.0, "NaN", 1.7976931348623157e308]
    assert b": NaN" not in answer.body


def test_a_bulk_is_ordered_by_run_and_time_and_limited_as_a_whole(server, new_run):
    runs = sorted(new_run(*((float(n), n, 5 - n) for n in range(5))) for _ in range(2))
    target = f"{BULK}?run_id={runs[1]}&run_id={runs[0]}&metric_key=m"
    metrics = server.get(target).json()["metrics"]
    assert [(point["run_id"], point["timestamp"]) for point in metrics] == [(run, n) for run in runs for n in range(5)]
    assert set(metrics[0]) == {"key", "value", "timestamp", "step", "run_id"}
    assert len(server.get(f"{target}&max_results=7").json()["metrics"]) == 7
    assert server.get(f"{BULK}?run_id=nope&metric_key=m").json() == {"metrics": []}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("metric_key=m", "GetMetricHistoryBulk request must specify at least one run_id."),
        ("run_id=a", "GetMetricHistoryBulk request must specify a metric_key."),
        (
            "&".join(["run_id=a"] * 101) + "&metric_key=m",
            "GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received 101 run_ids.",
        ),
    ],
)
def test_a_bulk_is_refused_in_words_of_the_reference(server, query, words):
    server.get(f"{BULK}?{query}").assert_error(400, "INVALID_PARAMETER_VALUE", words)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"start_step": 1}, "If either start step or end step are specified, both must be specified."),
        (
            {"start_step": 5, "end_step": 2},
            "end_step must be greater than start_step. Found start_step=5 and end_step=2.",
        ),
        (
            {"max_results": 2501},
            "max_results must be between 1 and 2500. See the API docs for more information about request parameters.",
        ),
    ],
)
def test_a_sample_is_refused_in_words_of_the_reference(server, query, words):
    answer = server.api(INTERVAL, run_ids="a", metric_key="m", **query)
    answer.assert_error(400, "INVALID_PARAMETER_VALUE", words)


def test_the_bulk_is_for_web_pages_only(server):
    assert server.get("/api/2.0/mlflow/metrics/get-history-bulk?run_id=a&metric_key=m").status == 404
    assert server.get("/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids=a&metric_key=m").status == 200
