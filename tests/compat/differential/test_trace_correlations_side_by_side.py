"""How far two filters find the same traces: what both servers count, on both databases."""

from __future__ import annotations

import pytest

from pairs import Call, case

V3 = "/api/3.0/mlflow/traces"
LOCATION = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "$experiment"}}


def trace(number: int) -> Call:
    """One of some traces that differ in status, tags and metadata."""
    info = {
        "trace_id": f"$trace{number}",
        "trace_location": LOCATION,
        "request_time": f"2023-11-14T22:13:{20 + number}Z",
        "execution_duration": f"{number}s",
        "state": "ERROR" if number % 3 == 0 else "OK",
        "tags": {"number": str(number), "half": "upper" if number > 3 else "lower"},
        "trace_metadata": {"mlflow.trace.session": f"s{number % 2}"},
    }
    return Call("POST", V3, {"trace": {"trace_info": info}})


def ask(first: object, second: object, **more) -> Call:
    message = {"experiment_ids": ["$experiment"], "filter_string1": first, "filter_string2": second} | more
    message = {key: value for key, value in message.items() if value is not ...}
    return Call("POST", f"{V3}/calculate-filter-correlation", message)


ERROR, UPPER, SESSION = "status = 'ERROR'", "tags.half = 'upper'", "metadata.`mlflow.trace.session` = 's1'"
LATE = "timestamp > 1700000002000"
ANY, NONE = "execution_time >= 0", "tags.number = '99'"
SPAN = "span.name = 'x'"
ASKED = {
    f"{first} and {second}": ask(first, second)
    for first, second in [
        (ERROR, UPPER), (UPPER, ERROR), (ERROR, SESSION), (ERROR, ERROR), (ERROR, "status = 'OK'"), (ANY, ANY),
        (ANY, ERROR), (NONE, ERROR), (ERROR, NONE), (SPAN, ERROR), (f"{ERROR} AND {UPPER}", LATE),
        ("feedback.good = 'true'", ERROR), ("nope = 'x'", ERROR), (ERROR, "nope = 'x'"), ("status = ", ERROR),
        ("status = 'OK' OR status = 'ERROR'", ERROR), (" ", ERROR), (ERROR, ""), ("", ERROR), (ERROR, ...),
        (..., ERROR), (1, ERROR), (ERROR, ["x"]), (None, ERROR),
    ]
} | {
    "among the late": ask(ERROR, UPPER, base_filter=LATE),
    "among all": ask(ERROR, UPPER, base_filter=ANY),
    "among none": ask(ERROR, UPPER, base_filter=NONE),
    "among those of a session": ask(ERROR, ANY, base_filter=SESSION),
    "with an empty base": ask(ERROR, UPPER, base_filter=""),
    "with a base that is not understood": ask(ERROR, UPPER, base_filter="nope = 'x'"),
    "with a base that is half a filter": ask("= 'ERROR'", UPPER, base_filter="status"),
    "with a number as base": ask(ERROR, UPPER, base_filter=5),
    "in no experiment": ask(ERROR, UPPER, experiment_ids=[]),
    "without experiments": ask(ERROR, UPPER, experiment_ids=...),
    "in one that is not there": ask(ERROR, UPPER, experiment_ids=["99"]),
    "in another, too": ask(ERROR, UPPER, experiment_ids=["$experiment", "$experiment2"]),
    "in one twice": ask(ERROR, UPPER, experiment_ids=["$experiment", "$experiment"]),
    "in a text": ask(ERROR, UPPER, experiment_ids="$experiment"),
    "in an experiment in words": ask(ERROR, UPPER, experiment_ids=["abc"]),
    "in a number": ask(ERROR, UPPER, experiment_ids=[5]),
}  # fmt: skip


@pytest.mark.parametrize("tried", [case(what, *map(trace, range(7)), call) for what, call in ASKED.items()], ids=str)
def test_correlations(pair, tried):
    pair.run(tried)
