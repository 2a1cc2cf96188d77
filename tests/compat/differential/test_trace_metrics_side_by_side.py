"""Numbers over traces, spans and assessments: what both servers answer to the same questions, on both databases."""

from __future__ import annotations

import pytest

from pairs import FAILS, FAILS_IN_WORDS, NOT_STORED, Call, Case, Difference, case, refused, sql

PATH = "/api/3.0/mlflow/traces/metrics"
# One that no call makes, so that all questions are about the same traces; below those that the calls make.
EXPERIMENT = "690001"
OTHER = "690002"
DAY_MS = 24 * 3600 * 1000
START_MS = 1_700_000_000_123
BEYOND = "`traces/metrics`: a `max_results` that is negative or beyond 32 bits"
NEGATIVE = refused(BEYOND, on="sqlite")
NEGATIVE_FAILS = refused(BEYOND, reference=400, code="BAD_REQUEST", on="postgres")
MANY = refused("`traces/metrics`: many aggregations")
NAN = refused("`traces/metrics`: a percentile of NaN", on="sqlite")
NAN_FAILS = refused("`traces/metrics`: a percentile of NaN", reference=400, code="BAD_REQUEST", on="postgres")
CAMEL = Difference(
    "required fields in camelCase, and `run_uuid` where only `run_id` is declared",
    (400, "INVALID_PARAMETER_VALUE"),
    (200, None),
)
COUNT = {"aggregation_type": "COUNT"}


def percentile(share: object) -> dict:
    return {"aggregation_type": "PERCENTILE", "percentile_value": share}


NUMBERS = [{"aggregation_type": name} for name in ("AVG", "MIN", "MAX")]
PERCENTILES = [percentile(share) for share in (0, 25, 50, 90, 99.9, 100)]
AMOUNTS = [{"aggregation_type": "SUM"}, *NUMBERS, *PERCENTILES]


def values(table: str, columns: str, rows: list[tuple]) -> Call:
    def shown(value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if value is None:
            return "null"
        return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)

    lines = ", ".join("(" + ", ".join(shown(value) for value in row) + ")" for row in rows)
    return sql(f"insert into {table} ({columns}) values {lines}")


TOKENS = "input_tokens, output_tokens, total_tokens, cache_read_input_tokens, cache_creation_input_tokens"
TRACES = [
    ("m-1", EXPERIMENT, START_MS, 10, "OK", "a", "s1", 1, 2, 3, 4, 5),
    ("m-2", EXPERIMENT, START_MS + 1, 20, "ERROR", "a", "s1", 10, 20, 30, None, None),
    ("m-3", EXPERIMENT, START_MS + DAY_MS, 35, "OK", "b", "s2", 7, 0, 7, None, 1),
    ("m-4", EXPERIMENT, START_MS + DAY_MS + 3_600_000, None, "IN_PROGRESS", None, None, None, None, None, None, None),
    ("m-5", EXPERIMENT, START_MS + 3 * DAY_MS, 7, "OK", "größe 🚀", None, 1_000_000_007, 3, 1_000_000_010, 0, 0),
    ("m-6", EXPERIMENT, -1, 0, "OK", "a", "s3", None, None, None, None, None),
    ("m-7", OTHER, START_MS, 1000, "OK", "a", "s1", 1, 1, 2, None, None),
]
SPAN_COLUMNS = (
    "trace_id, experiment_id, span_id, name, type, status, start_time_unix_nano, end_time_unix_nano, content, "
    "input_cost, output_cost, total_cost, model_name, model_provider"
)
NS = 1_000_000
SPANS = [
    ("m-1", EXPERIMENT, "1", "root", "LLM", "OK", START_MS * NS, START_MS * NS + 10_999_999, 0.1, 0.2, 0.3, "m", "p"),
    ("m-1", EXPERIMENT, "2", "tool", "TOOL", "ERROR", START_MS * NS + 1, START_MS * NS + 2, None, None, None, None,
     "p"),
    ("m-2", EXPERIMENT, "3", "root", "LLM", "OK", (START_MS + 5) * NS, (START_MS + 10) * NS, 0.7, 1e-7, 0.7, "m", None),
    ("m-3", EXPERIMENT, "4", None, None, "OK", (START_MS + DAY_MS) * NS, None, 3.0, 0.0, 3.0, "n", "p"),
    ("m-5", EXPERIMENT, "5", "root", "LLM", "UNSET", (START_MS + 3 * DAY_MS) * NS,
     (START_MS + 3 * DAY_MS - 5) * NS, 1.5, 2.5, 4.0, "n", "q"),
    ("m-7", OTHER, "6", "root", "LLM", "OK", START_MS * NS, START_MS * NS + NS, 9.0, 9.0, 18.0, "m", "p"),
]  # fmt: skip
ASSESSMENT_COLUMNS = (
    "assessment_id, trace_id, experiment_id, trace_timestamp_ms, name, assessment_type, value, created_timestamp, "
    "last_updated_timestamp, source_type, valid, aggregate_value, is_numeric_value"
)
ASSESSMENTS = [
    (f"a-m-{number}", trace, EXPERIMENT, START_MS + days * DAY_MS, name, kind, value, 1, 1, "HUMAN", valid, number_of,
     number_of is not None)
    for number, (trace, days, name, kind, value, valid, number_of) in enumerate([
        ("m-1", 0, "good", "feedback", "0.5", True, 0.5),
        ("m-1", 0, "good", "feedback", "0.25", False, 0.25),
        ("m-2", 0, "good", "feedback", "0.75", True, 0.75),
        ("m-2", 0, "fast", "feedback", '"yes"', True, 1.0),
        ("m-3", 1, "fast", "feedback", '"no"', True, 0.0),
        ("m-3", 1, "right", "expectation", '"ü"', True, None),
    ])
]  # fmt: skip
TAGS = [("m-1", "k", "v"), ("m-2", "k", "w"), ("m-3", "a.b c", "v")]
METADATA = [("m-1", "mlflow.sourceRun", "r1"), ("m-3", "mlflow.trace.user", "me")]
FILLING = (
    values("experiments", "experiment_id, name, lifecycle_stage, workspace",
           [(EXPERIMENT, "measured", "active", "default"), (OTHER, "also measured", "active", "default")]),
    values("trace_info", f"request_id, experiment_id, timestamp_ms, execution_time_ms, status, trace_name, session_id, "
                         f"{TOKENS}, db_payload_generation", [(*trace, 0) for trace in TRACES]),
    values("spans", SPAN_COLUMNS, [(*span[:8], "{}", *span[8:]) for span in SPANS]),
    values("assessments", ASSESSMENT_COLUMNS, ASSESSMENTS),
    values("trace_tags", "request_id, key, value", TAGS),
    values("trace_request_metadata", "request_id, key, value", METADATA),
    values("entity_associations", "association_id, source_type, source_id, destination_type, destination_id",
           [("m-association", "trace", "m-2", "run", "r1")]),
)  # fmt: skip


def ask(view: object, metric: object, aggregations: object, /, *dimensions: str, **fields) -> Call:
    message = {"experiment_ids": [EXPERIMENT], "view_type": view, "metric_name": metric, "aggregations": aggregations}
    message |= ({"dimensions": list(dimensions)} if dimensions else {}) | fields
    return Call("POST", PATH, {key: value for key, value in message.items() if value is not ...})


def count(**fields) -> Call:
    return ask("TRACES", "trace_count", [COUNT], **fields)


MEASURES = {
    "TRACES": {
        "trace_count": ([COUNT], "trace_name", "trace_status"),
        "session_count": ([COUNT],),
        "latency": ([*NUMBERS, *PERCENTILES], "trace_name"),
        "input_tokens": (AMOUNTS, "trace_name"),
        "output_tokens": (AMOUNTS, "trace_name"),
        "total_tokens": (AMOUNTS, "trace_name"),
        "cache_read_input_tokens": (AMOUNTS, "trace_name"),
        "cache_creation_input_tokens": (AMOUNTS, "trace_name"),
    },
    "SPANS": {
        "span_count": ([COUNT], "span_name", "span_type", "span_status", "span_model_name", "span_model_provider"),
        "latency": ([*NUMBERS, *PERCENTILES], "span_name", "span_status"),
        "input_cost": (AMOUNTS, "span_model_name", "span_model_provider"),
        "output_cost": (AMOUNTS, "span_model_name", "span_model_provider"),
        "total_cost": (AMOUNTS, "span_model_name", "span_model_provider"),
    },
    "ASSESSMENTS": {
        "assessment_count": ([COUNT], "assessment_name", "assessment_value"),
        "assessment_value": ([*NUMBERS, *PERCENTILES], "assessment_name"),
    },
}
EACH = [(view, metric, *rest) for view, metrics in MEASURES.items() for metric, rest in metrics.items()]
TIMES = {"start_time_ms": -DAY_MS, "end_time_ms": START_MS + 4 * DAY_MS}


def measured() -> list[Case]:
    cases = []
    for view, metric, aggregations, *dimensions in EACH:
        name = f"{view} {metric}"
        cases += [
            case(name, ask(view, metric, aggregations)),
            case(f"{name} of all", ask(view, metric, aggregations, experiment_ids=[EXPERIMENT, OTHER, "99"])),
            case(f"{name} of nothing", ask(view, metric, aggregations, experiment_ids=["99"])),
            case(f"{name} by all", ask(view, metric, aggregations, *dimensions)),
            case(f"{name} by day", ask(view, metric, aggregations, *dimensions, time_interval_seconds=86_400, **TIMES)),
            case(f"{name} by hour", ask(view, metric, aggregations, time_interval_seconds=3600, **TIMES)),
            case(f"{name} until", ask(view, metric, aggregations, end_time_ms=START_MS + 1)),
            case(f"{name} since", ask(view, metric, aggregations, start_time_ms=START_MS + 1)),
            case(f"{name} within", ask(view, metric, aggregations, start_time_ms=START_MS, end_time_ms=START_MS)),
            case(f"{name} ever", ask(view, metric, aggregations, start_time_ms=-(2**63), end_time_ms=2**63 - 1)),
            case(f"{name} never", ask(view, metric, aggregations, start_time_ms=2**63 - 1, end_time_ms=-(2**63))),
            case(f"{name} of failures", ask(view, metric, aggregations, filters=["trace.status = 'ERROR'"])),
        ]
        cases += [case(f"{name} by {each}", ask(view, metric, aggregations, each)) for each in dimensions]
    return cases


FILTERS = {
    "TRACES": [
        "trace.status = 'OK'", 'trace.status = "OK"', "`trace`.status = 'OK'", "trace.status='none'",
        "trace.tag.k = 'v'",        "trace.tag.`a.b c` = 'v'", "trace.tag.'k' = 'v'", "trace.tag.none = 'v'",
        "trace.tag.mlflow.traceName = 'a'",
        "trace.tag.`mlflow.traceName` = 'a'", "trace.metadata.`mlflow.trace.user` = 'me'",
        "trace.metadata.mlflow.trace.user = 'me'", "trace.metadata.`mlflow.sourceRun` = 'r1'",
        "trace.metadata.`mlflow.trace.session` = 's1'",
        "trace.metadata.`mlflow.trace.tokenUsage` = "
        """'{"input_tokens": 10, "output_tokens": 20, "total_tokens": 30}'""",
        "trace.metadata.`mlflow.trace.tokenUsage` = '{}'", "trace.metadata.`mlflow.trace.cost` = '{}'",
    ],
    "SPANS": ["span.name = 'root'", "span.status = 'OK'", "span.type = 'TOOL'", "span.type = 'none'"],
    "ASSESSMENTS": ["assessment.name = 'good'", "assessment.type = 'expectation'", "assessment.type = 'none'"],
}  # fmt: skip
BROKEN = [
    "", " ", "x", "status = 'OK'", "trace.status", "trace.status = OK", "trace.status = 1", "trace.status != 'OK'",
    "trace.status == 'OK'", "trace.status LIKE 'O%'", "trace.status IN ('OK')", "trace.status IS NULL",
    "trace.tag = 'v'",    "trace.status.x = 'OK'", "trace.name = 'a'", "run.status = 'OK'", "span.attributes.x = 'a'",
    "'a' = trace.status",
    "trace.status = 'OK' AND trace.tag.k = 'v'", "trace.status = 'OK'; trace.tag.k = 'v'", "trace.tag. = 'v'",
    "trace.status = ('OK')", "Trace.status = 'OK'", "trace.STATUS = 'OK'", "trace. status = 'OK'", "span.name = 'a'",
    "assessment.name = 'a'",
]  # fmt: skip


def filtered() -> list[Case]:
    first = {view: (view, metric, aggregations) for view, metric, aggregations, *_ in reversed(EACH)}
    asked = [(*first[view], filter) for view in FILTERS for filter in FILTERS["TRACES"]]
    asked += [(*first[view], filter) for view in ("SPANS", "ASSESSMENTS") for filter in FILTERS[view]]
    cases = [
        case(f"{view} {filter}", ask(view, metric, aggregations, filters=[filter]))
        for view, metric, aggregations, filter in asked
    ]
    cases += [case(f"broken: {filter}", count(filters=[filter])) for filter in BROKEN]
    cases += [
        case("a span's filter of assessments",
             ask("ASSESSMENTS", "assessment_count", [COUNT], filters=["span.name = 'a'"])),
        case("several filters", count(filters=["trace.status = 'OK'", "trace.tag.k = 'v'"])),
        case("several filters of costs", ask("SPANS", "total_cost", AMOUNTS, filters=["span.name = 'root'",
             "trace.metadata.`mlflow.trace.session` = 's1'"])),
    ]  # fmt: skip
    return cases


REQUESTS = [
    case("nothing", Call("POST", PATH, {})),
    *(case(f"without {name}", count(**{name: ...}))
      for name in ("experiment_ids", "view_type", "metric_name", "aggregations")),
    *(case(f"{name}: null", count(**{name: None}))
      for name in ("experiment_ids", "view_type", "metric_name", "aggregations", "dimensions", "filters",
                   "max_results")),
    *(case(f"{name}: []", count(**{name: []})) for name in ("experiment_ids", "dimensions", "filters")),
    case("an empty name", count(metric_name="")),
    case("experiments in words", count(experiment_ids=["x"])),
    case("experiments as numbers", count(experiment_ids=[690001])),
    case("one experiment", count(experiment_ids=EXPERIMENT)),
    case("a view by number", ask(2, "span_count", [COUNT])),
    case("an unknown view", ask("RUNS", "trace_count", [COUNT])),
    case("an unknown metric", ask("TRACES", "span_count", [COUNT])),
    case("an unknown metric of spans", ask("SPANS", "x", [COUNT])),
    case("an unknown metric of assessments", ask("ASSESSMENTS", "x", [COUNT])),
    case("an aggregation by number", ask("TRACES", "input_tokens", [{"aggregation_type": 2}])),
    case("an unknown aggregation", ask("TRACES", "input_tokens", [{"aggregation_type": "MEDIAN"}])),
    case("an aggregation without type", count(aggregations=[{}])),
    case("sums of counts", ask("TRACES", "trace_count", AMOUNTS)),
    case("counts of tokens", ask("TRACES", "input_tokens", [COUNT])),
    case("sums of latencies", ask("SPANS", "latency", AMOUNTS)),
    case("an aggregation twice", ask("TRACES", "input_tokens", [*AMOUNTS, *AMOUNTS])),
    case("aggregations that are texts", count(aggregations=["COUNT"]).differs(NOT_STORED)),
    case("many aggregations", ask("TRACES", "latency", [percentile(share) for share in range(101)]).differs(MANY)),
    *(case(f"a percentile of {share}", ask("TRACES", "latency", [percentile(share)]).differs(FAILS))
      for share in (-1, 100.5)),
    case("a percentile of NaN", ask("TRACES", "latency", [percentile("NaN")]).differs(NAN, NAN_FAILS)),
    case("a percentile of nothing", ask("TRACES", "latency", [percentile(None)]).differs(FAILS)),
    case("a share of a count", count(aggregations=[COUNT | {"percentile_value": 5}]).differs(FAILS)),
    case("an unknown dimension", ask("TRACES", "trace_count", [COUNT], "trace_name", "y", "x", "y")),
    case("a dimension of sessions", ask("TRACES", "session_count", [COUNT], "trace_name")),
    case("a dimension of another view", ask("SPANS", "span_count", [COUNT], "trace_name")),
    case("a dimension twice", ask("TRACES", "trace_count", [COUNT], "trace_name", "trace_name")),
    case("dimensions in another order", ask("TRACES", "trace_count", [COUNT], "trace_status", "trace_name")),
    case("an interval without times", count(time_interval_seconds=60)),
    case("an interval without end", count(time_interval_seconds=60, start_time_ms=0)),
    *(case(f"an interval of {seconds}", count(time_interval_seconds=seconds, **TIMES))
      for seconds in (0, 1, 7, -60, "60", 10**10)),
    case("an interval in words", count(time_interval_seconds="x", **TIMES)),
    case("an endless interval", count(time_interval_seconds=2**62, **TIMES).differs(FAILS_IN_WORDS)),
    case("a time in words", count(start_time_ms="x")),
    *(case(f"{most} groups", ask("TRACES", "trace_count", [COUNT], "trace_name", max_results=most))
      for most in (0, 1, 2)),
    case("-1 groups", count(max_results=-1).differs(NEGATIVE, NEGATIVE_FAILS)),
    case("too many groups", count(max_results=2**31).differs(refused(BEYOND))),
    case("a page", count(page_token="x")),
    case("a page by number", count(page_token=1)),
    case("in camelCase", Call("POST", PATH, {"experimentIds": [EXPERIMENT], "viewType": "TRACES",
         "metricName": "latency", "aggregations": [{"aggregationType": "PERCENTILE", "percentileValue": 50}]}
         ).differs(CAMEL)),
    case("as the page asks", Call("POST", PATH.replace("/api", "/ajax-api"), {
        "experiment_ids": [EXPERIMENT], "view_type": "TRACES", "metric_name": "latency",
        "aggregations": [percentile(50), percentile(90), percentile(99)], "time_interval_seconds": 86_400,
        "start_time_ms": START_MS - DAY_MS, "end_time_ms": START_MS + 6 * DAY_MS})),
]  # fmt: skip


@pytest.fixture(scope="module")
def filled(pair):
    for call in FILLING:
        for side in pair.sides:
            side.change(call.path)
    return pair


@pytest.mark.parametrize("tried", measured(), ids=str)
def test_measures(filled, tried):
    filled.run(tried)


@pytest.mark.parametrize("tried", filtered(), ids=str)
def test_filters(filled, tried):
    filled.run(tried)


@pytest.mark.parametrize("tried", REQUESTS, ids=str)
def test_requests(filled, tried):
    filled.run(tried)
