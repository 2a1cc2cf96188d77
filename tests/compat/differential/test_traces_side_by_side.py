"""Traces: what both servers answer to the same requests, on both databases."""

from __future__ import annotations

import pytest

from pairs import FAILS_IN_WORDS, NOT_STORED, Call, Difference, case, refused

V3 = "/api/3.0/mlflow/traces"
V2 = "/api/2.0/mlflow/traces"
WIDTHS = refused("traces with missing or too long fields", on="sqlite")
WIDTHS_FAIL = refused("traces with missing or too long fields", reference=400, code="BAD_REQUEST", on="postgres")
NOT_HERE = Difference(
    "a user's mistake that makes the reference fail", (500, "INTERNAL_ERROR"), (404, "RESOURCE_DOES_NOT_EXIST")
)
TAG_OF_NONE = Difference("a driver's text as message", (400, "BAD_REQUEST"), (404, "RESOURCE_DOES_NOT_EXIST"))
# The reference answers from what it had read before it wrote.
STALE = Difference("starting a trace that is there", (200, None), (200, None))
OWN_LOCATION = Difference("a trace's own `mlflow.artifactLocation`", (404, "RESOURCE_DOES_NOT_EXIST"), (200, None))
UNSAID = Difference("a user's mistake that makes the reference fail", (500, "INTERNAL_ERROR"), (200, None))
TIME = "2023-11-14T22:13:20.123Z"


def location(experiment: object = "$experiment") -> dict:
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}


def info(**fields) -> dict:
    message = {
        "trace_id": "$trace",
        "trace_location": location(),
        "request_time": TIME,
        "execution_duration": "1.5s",
        "state": "OK",
    } | fields
    return {key: value for key, value in message.items() if value is not ...}


def start(**fields) -> Call:
    return Call("POST", V3, {"trace": {"trace_info": info(**fields)}})


def search(**fields) -> Call:
    return Call("POST", f"{V3}/search", {"locations": [location()]} | fields)


def started(what: str, /, **fields):
    return case(what, start(**fields), Call("GET", f"{V3}/$trace"), search())


STARTED = [
    started("a trace"),
    started("without duration", execution_duration=...),
    started("without time", request_time=...),
    started("without state", state=...),
    *(started(f"state {state!r}", state=state) for state in ("ERROR", "IN_PROGRESS", "BOGUS", 2, "STATE_UNSPECIFIED")),
    *(
        started(f"time {time}", request_time=time)
        for time in ("1969-12-31T23:59:59.999Z", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.123456Z")
    ),
    *(started(f"duration {duration}", execution_duration=duration) for duration in ("0s", "0.0015s", "61s", "-1s")),
    started("with all there is", tags={"a": "b", "ü": ""}, trace_metadata={"m": "n"}, client_request_id="c",
            request_preview="p", response_preview=""),
    started("with a name", tags={"mlflow.traceName": "a name"}),
    started("with a session", trace_metadata={"mlflow.trace.session": "s"}),
    started("with tokens", trace_metadata={"mlflow.trace.tokenUsage": '{"input_tokens": 1, "total_tokens": 3.0}'}),
    started("with tokens that are none", trace_metadata={"mlflow.trace.tokenUsage": '{"input_tokens": 1.5, "x": 2}'}),
    started("with tokens that are no JSON", trace_metadata={"mlflow.trace.tokenUsage": "many"}),
    started("with costs", trace_metadata={"mlflow.trace.cost": '{"input_cost": 1e-07, "total_cost": 2}'}),
    case("with a location of its own", start(tags={"mlflow.artifactLocation": "s3://mine"}).differs(OWN_LOCATION)),
    started("with a run", trace_metadata={"mlflow.sourceRun": "$run"}),
    started("with long values", tags={"a": "v" * 8000}, trace_metadata={"b": "w" * 300}),
    started("with an unknown field", unknown=1),
    case("twice", start(tags={"a": "1", "b": "1"}, trace_metadata={"x": "1"}),
         start(tags={"a": "2", "c": "3"}, state="ERROR", execution_duration=..., trace_metadata={"y": "2"})
         .differs(STALE), search()),
    case("twice, with less", start(tags={"mlflow.traceName": "n"}, request_preview="p", client_request_id="c",
                                   trace_metadata={"mlflow.trace.session": "s"}),
         start(), search()),
    case("twice, in another experiment", start(), start(trace_location=location("$experiment2")), search(),
         Call("POST", f"{V3}/search", {"locations": [location("$experiment2")]})),
]  # fmt: skip


def judged(value: object, kind: str = "feedback", **more) -> dict:
    source = {"source_type": "HUMAN", "source_id": "me"}
    said = {"assessment_id": f"a-$trace-{kind}", "assessment_name": "quality", "source": source}
    return said | {"create_time": TIME, "last_update_time": TIME, kind: {"value": value}} | more


JUDGEMENTS = {
    "feedback": judged("good"),
    "a number": judged(0.5, rationale="because", metadata={"mlflow.trace.session": "s"}),
    "an expectation": judged({"a": [1]}, "expectation"),
    "yes": judged(True),
}
JUDGED = [
    case(f"{name}: {filter}", start(assessments=[judgement], trace_metadata={"mlflow.trace.session": "s"}),
         start(trace_id="$trace2", trace_metadata={"mlflow.trace.session": "s"}, request_time="2023-11-14T22:13:21Z"),
         start(trace_id="$trace3", request_time="2023-11-14T22:13:22Z"), search(filter=filter))
    for name, judgement in JUDGEMENTS.items()
    for filter in ("", "feedback.quality = 'good'", "feedback.quality != 'good'", "feedback.quality IS NULL",
                   "feedback.quality IS NOT NULL", "feedback.quality > 0.2", "feedback.quality = 'true'",
                   "feedback.quality LIKE '%oo%'", "expectation.quality IS NOT NULL")
]  # fmt: skip


REFUSED = [
    case("no trace", Call("POST", V3, {})),
    case("no info", Call("POST", V3, {"trace": {}}).differs(FAILS_IN_WORDS)),
    case("no location", start(trace_location=...).differs(FAILS_IN_WORDS)),
    case("a location of another kind", start(trace_location={"type": "INFERENCE_TABLE", "inference_table": {
        "full_table_name": "a"}}).differs(FAILS_IN_WORDS)),
    case("a location without type", start(trace_location={"mlflow_experiment": {"experiment_id": "0"}})),
    case("an experiment that is not there", start(trace_location=location("99"))),
    case("an experiment in words", start(trace_location=location("abc"))),
    case("a deleted experiment", start(trace_location=location("$deleted_experiment"))),
    case("no id", start(trace_id=...).differs(refused("traces with missing or too long fields"))),
    case("an id of 51 characters", start(trace_id="x" * 51).differs(WIDTHS, WIDTHS_FAIL)),
    case("a client's id of 51 characters", start(client_request_id="x" * 51).differs(WIDTHS, WIDTHS_FAIL)),
    case("a tag's key of 251 characters", start(tags={"k" * 251: "v"}).differs(WIDTHS, WIDTHS_FAIL)),
    case("a name of 4097 characters", start(tags={"mlflow.traceName": "n" * 4097})),
    case("a session of 251 characters", start(trace_metadata={"mlflow.trace.session": "s" * 251})),
    case("a time in words", start(request_time="yesterday").differs(NOT_STORED)),
    case("a time as number", start(request_time=5).differs(NOT_STORED)),
    case("a duration without unit", start(execution_duration="1").differs(NOT_STORED)),
    case("a tag as number", start(tags={"a": 1}).differs(NOT_STORED)),
    case("a trace that is not there", Call("GET", f"{V3}/nope")),
]  # fmt: skip


def tag(method: str, trace: str = "$trace", base: str = V3, **fields) -> Call:
    return Call(method, f"{base}/{trace}/tags", fields)


TAGS = [
    *(
        case(f"{what} in {base[5:8]}", start(tags={"a": "1"}), *calls, search())
        for base in (V3, V2)
        for what, calls in {
            "set": [tag("PATCH", base=base, key="b", value="2")],
            "changed": [tag("PATCH", base=base, key="a", value="2")],
            "without value": [tag("PATCH", base=base, key="b")],
            "cut": [tag("PATCH", base=base, key="b", value="v" * 9000)],
            "the name": [tag("PATCH", base=base, key="mlflow.traceName", value="n")],
            "removed": [tag("DELETE", base=base, key="a")],
            "removed twice": [tag("DELETE", base=base, key="a"), tag("DELETE", base=base, key="a")],
            "the name removed": [
                tag("PATCH", base=base, key="mlflow.traceName", value="n"),
                tag("DELETE", base=base, key="mlflow.traceName"),
                tag("DELETE", base=base, key="mlflow.traceName"),
            ],
            "without key": [tag("PATCH", base=base, value="2")],
            "with a bad key": [tag("PATCH", base=base, key="a*b", value="2")],
            "with a long key": [tag("PATCH", base=base, key="k" * 251, value="2")],
            "with a long name": [tag("PATCH", base=base, key="mlflow.traceName", value="n" * 4097)],
            "where the spans are": [tag("PATCH", base=base, key="mlflow.trace.spansLocation", value="x")],
            "where the spans are, removed": [tag("DELETE", base=base, key="mlflow.trace.spansLocation")],
            "of no trace": [tag("PATCH", "nope", base, key="a", value="2").differs(TAG_OF_NONE)],
            "the name of no trace": [tag("PATCH", "nope", base, key="mlflow.traceName", value="n")],
            "removed of no trace": [tag("DELETE", "nope", base, key="a")],
        }.items()
    ),
]


def some(count: int = 4) -> list[Call]:
    """Traces of one experiment, one second after the other."""
    return [
        start(
            trace_id=f"$trace{number}",
            request_time=f"2023-11-14T22:13:{20 + number}Z",
            execution_duration=f"{number}s" if number else ...,
            state=("OK", "ERROR")[number % 2],
            tags={"number": str(number), "mlflow.traceName": f"name {number}"},
            trace_metadata={"even": "yes"} if number % 2 == 0 else {"mlflow.trace.session": "s"},
            client_request_id=f"c{number}",
        )
        for number in range(count)
    ]


def delete(base: str = V3, **fields) -> Call:
    return Call("POST", f"{base}/delete-traces", {"experiment_id": "$experiment"} | fields)


def deleted(what: str, /, **fields):
    return case(what, *some(), delete(**fields), search())


DELETED = [
    deleted("by ids", request_ids=["$trace0", "$trace2", "nope"]),
    case("by ids in version 2", *some(), delete(V2, request_ids=["$trace0"]), search()),
    deleted("up to a time", max_timestamp_millis=1_700_000_001_000),
    deleted("the oldest", max_timestamp_millis=1_800_000_000_000, max_traces=2),
    deleted("none", max_timestamp_millis=5),
    deleted("without saying which"),
    deleted("with ids and a time", request_ids=["$trace0"], max_timestamp_millis=5),
    deleted("with ids and a number", request_ids=["$trace0"], max_traces=1),
    deleted("none at most", max_timestamp_millis=5, max_traces=0),
    deleted("less than none", max_timestamp_millis=5, max_traces=-1),
    deleted("with a time in words", max_timestamp_millis="x"),
    deleted("with ids that are a text", request_ids="$trace0"),
    case("without experiment", Call("POST", f"{V3}/delete-traces", {"request_ids": ["a"]})),
    case("in an experiment in words", delete(experiment_id="abc", request_ids=["a"])),
    case("in another experiment", *some(), delete(experiment_id="$experiment2", request_ids=["$trace0"]), search()),
    case("of an experiment that is not there", delete(experiment_id="99", request_ids=["a"])),
]


FILTERS = [
    "status = 'OK'", "status != 'OK'", "status IN ('OK', 'ERROR')", "status NOT IN ('OK')", "status LIKE 'O%'",
    "request_id LIKE 'tr-1%'", "client_request_id = 'c1'", "client_request_id ILIKE 'C%'",
    "timestamp > 1700000000000", "timestamp_ms >= 1700000001000 AND timestamp_ms < 1700000003000",
    "execution_time = 2000", "execution_time_ms > 1000", "end_time > 1700000003000",
    "attributes.end_time <= 1700000000000",
    "name = 'name 1'", "name LIKE 'name%'", "name RLIKE 'name [12]'", "tags.`mlflow.traceName` IS NULL",
    "tags.number = '1'", "tags.number != '1'", "tags.number LIKE '%'", "tags.number RLIKE '^[0-1]$'",
    "tags.nope IS NULL", "tags.number IS NOT NULL", "tags.nope != 'x'",
    "metadata.even = 'yes'", "request_metadata.even IS NULL", "metadata.`mlflow.trace.session` = 's'",
    "metadata.`mlflow.trace.session` IS NULL", "metadata.even IS NOT NULL AND status = 'OK'",
    "run_id = '$run'", "run_id != '$run'", "prompt = 'p/1'", "feedback.quality = 'good'", "feedback.quality IS NULL",
    "expectation.x IS NOT NULL", "issue.id = 'iss-1'", "span.name = 'x'", "trace.text LIKE '%x%'",
    "metadata.`mlflow.trace.tokenUsage` IS NULL", "metadata.`mlflow.trace.tokenUsage` = '{}'",
    "metadata.`mlflow.trace.cost` != '{}'", "nope = 'x'", "status > 'OK'",
    "status = 'OK' OR status = 'ERROR'", "prompt LIKE 'x'", "prompt = 'x'", "feedback.quality > 1",
    # Words that SQL takes for types.
    "text LIKE '%x%'", "text ILIKE '%x%'", "text = 'x'", "text like \"x\"", "TEXT LIKE 'x'", "text = status",
    "text LIKE 'x' AND status = 'OK'", "status = 'OK' AND text LIKE 'x'", "text IN ('x')", "text IS NULL", "text",
    "`text` LIKE '%x%'", "attributes.text ILIKE '%x%'", "trace.text = 'x'",
    "timestamp = 'x'", "timestamp > '1000'", "timestamp > \"1000\"", "timestamp = x", "timestamp>1000.5",
    "timestamp > 1e3", "timestamp > -5", "timestamp>=1700000002000", "timestamp != 1700000000000", "timestamp LIKE 'x'",
    "timestamp IN ('x')", "timestamp IN (1)", "timestamp NOT IN (1)", "timestamp IS NULL", "timestamp IS NOT NULL",
    "timestamp", "timestamp =", "timestamp > 5 AND timestamp < 1700000002000", "timestamp = 'x' AND status = 'OK'",
    "status = 'OK' AND timestamp = 'x'", "timestamp = 'x' AND text = 'y'", "Timestamp > 5", "TIMESTAMP = 'x'",
    "timestamp_ms > 1000.5", "trace.timestamp > 1000", "`timestamp` > 1000", "attributes.timestamp > 1000.5",
    # Comparators that don't fit.
    "tags.number IN ('1')", "tags.number NOT IN ('1', '2')", "tags.number > '1'", "name IN ('a')", "name > 'a'",
    "run_id IN ('a')", "run_id > 'a'", "metadata.even > 'yes'", "metadata.even IN ('yes')", "prompt > 'x'",
    "tags.`mlflow.linkedPrompts` IN ('x/1')", "prompt IN ('x')", "request_id > 'x'", "status IS NULL",
    "client_request_id IS NOT NULL", "timestamp_ms IN ('x')", "tags.number = 1", "tags.number IN (1)", "tags.x IN ()",
]  # fmt: skip

ORDERS = [
    "timestamp", "timestamp_ms ASC", "execution_time DESC", "execution_time_ms", "status", "request_id DESC",
    "name DESC",
    "tags.number DESC", "tags.nope", "metadata.even", "metadata.`mlflow.trace.session` DESC", "run_id", "experiment_id",
    "nope", "span.name", "feedback.x", "metadata.`mlflow.trace.cost`",
]  # fmt: skip


def link(**fields) -> Call:
    return Call("POST", f"{V2}/link-to-run", fields)


def link_prompts(**fields) -> Call:
    return Call("POST", f"{V2}/link-prompts", fields)


def searched(what: str, /, **fields):
    return case(what, *some(), search(**fields))


SEARCHED = [
    *(
        case(f"filter {filter}", *some(), link(trace_ids=["$trace1"], run_id="$run"), search(filter=filter))
        for filter in FILTERS
    ),
    *(searched(f"order {order}", order_by=[order]) for order in ORDERS),
    searched("by two orders", order_by=["status", "timestamp"]),
    case("by one order twice", *some(), search(order_by=["status", "status DESC"]).differs(FAILS_IN_WORDS)),
    searched("a page", max_results=2),
    searched("the next page", max_results=2, page_token="eyJvZmZzZXQiOiAyfQ=="),
    searched("a full page", max_results=4),
    searched("no results", max_results=0),
    searched("fewer than none", max_results=-1),
    searched("501 results", max_results=501),
    searched("results in words", max_results="x"),
    searched("a bad token", page_token="x"),
    searched("no locations", locations=[]),
    searched("an empty location", locations=[{}]),
    searched("two experiments", locations=[location(), location("$experiment2")]),
    searched("an experiment that is not there", locations=[location("99")]),
    case("an experiment in words", search(locations=[location("abc")]).differs(FAILS_IN_WORDS)),
    case("without locations", Call("POST", f"{V3}/search", {})),
    searched("locations a dict", locations={"a": 1}),
    searched("a filter as number", filter=5),
]


LINKED = [
    case("to a run", start(), link(trace_ids=["$trace"], run_id="$run"), search(filter="run_id = '$run'")),
    case("to a run twice", start(), *[link(trace_ids=["$trace"], run_id="$run")] * 2, search(filter="run_id = '$run'")),
    case("to a run by nothing", link(trace_ids=[], run_id="$run")),
    case("to a run, 101 traces", link(trace_ids=[f"tr-{number}" for number in range(101)], run_id="$run")),
    case("to a run without traces", link(run_id="$run")),
    case("to no run", link(trace_ids=["a"])),
    case("prompts", start(), link_prompts(trace_id="$trace", prompt_versions=[{"name": "p", "version": "1"}]),
         search(filter="prompt = 'p/1'"), search(filter="prompt = 'p/2'")),
    case("no prompts", start(), link_prompts(trace_id="$trace", prompt_versions=[])),
    case("prompts to no trace", link_prompts(trace_id="nope", prompt_versions=[{"name": "p", "version": "1"}])),
    case("without prompts", link_prompts(trace_id="nope")),
    case("prompts without trace", link_prompts(prompt_versions=[])),
]  # fmt: skip

BATCHES = [
    case("infos", *some(), Call("POST", f"{V3}/batchGetInfos", {"trace_ids": ["$trace2", "nope", "$trace0"]})),
    case("infos of an experiment", *some(), Call("POST", f"{V3}/batchGetInfos", {
        "trace_ids": ["$trace2"], "experiment_ids": ["$experiment2"]})),
    case("infos of none", Call("POST", f"{V3}/batchGetInfos", {"trace_ids": []})),
    case("infos without ids", Call("POST", f"{V3}/batchGetInfos", {})),
    case("traces that are not there", Call("GET", f"{V3}/batchGet", query={"trace_ids": ["nope", "neither"]})),
    case("traces without ids", Call("GET", f"{V3}/batchGet")),
    case("a trace without spans", start(), Call("GET", f"{V3}/get", query={"trace_id": "$trace"}).differs(NOT_HERE)),
    case("a trace that is not there", Call("GET", f"{V3}/get", query={"trace_id": "nope"})),
    case("no trace", Call("GET", f"{V3}/get")),
    case("a trace's file", start(), *[
        Call("GET", f"/ajax-api/{version}/mlflow/get-trace-artifact", query={"request_id": "$trace"})
        for version in ("2.0", "3.0")]),
    case("a file of no trace", Call("GET", "/ajax-api/3.0/mlflow/get-trace-artifact", query={"request_id": "nope"})),
    case("a file without trace", Call("GET", "/ajax-api/3.0/mlflow/get-trace-artifact")),
]  # fmt: skip


def pairs(**values: str) -> list[dict]:
    return [{"key": key, "value": value} for key, value in values.items()]


def begin(**fields) -> Call:
    return Call("POST", V2, {"experiment_id": "$experiment", "timestamp_ms": 1_700_000_000_000} | fields).kept("begun")


def end(**fields) -> Call:
    message = {"timestamp_ms": 1_700_000_002_500, "status": "OK"} | fields
    return Call("PATCH", f"{V2}/$begun", message)


def info_v2(trace: str = "$begun") -> Call:
    return Call("GET", f"{V2}/{trace}/info")


VERSION_2 = [
    case("a trace", begin(), info_v2(), end(), info_v2()),
    case("with tags", begin(request_metadata=pairs(a="1"), tags=pairs(b="2")),
         end(request_metadata=pairs(a="2", c="3"), tags=pairs(b="4", d="5")), info_v2()),
    case("with a name", begin(tags=[{"key": "mlflow.traceName", "value": "n"}]), end(), info_v2()),
    case("failed", begin(), end(status="ERROR"), info_v2()),
    case("with an unknown status", begin(), end(status="BOGUS").differs(UNSAID)),
    case("without status", begin(), Call("PATCH", f"{V2}/$begun", {"timestamp_ms": 1}).differs(UNSAID)),
    case("in a deleted experiment", begin(experiment_id="$deleted_experiment")),
    case("in no experiment", begin(experiment_id="99")),
    case("a tag without key", begin(tags=[{"value": "x"}]).in_other_words()),
    case("a time in words", begin(timestamp_ms="x")),
    case("no trace", info_v2("nope")),
    case("the end of no trace", Call("PATCH", f"{V2}/nope", {"timestamp_ms": 1, "status": "OK"})),
    case("a search", *some(), Call("GET", V2, query={"experiment_ids": ["$experiment"], "max_results": "2"})),
    case("a search with a filter", *some(), Call("GET", V2, query={
        "experiment_ids": ["$experiment"], "filter": "status = 'OK'", "order_by": ["timestamp ASC"]})),
    case("a search for too many",
         Call("GET", V2, query={"experiment_ids": ["$experiment"], "max_results": "501"}).in_other_words()),
    case("a search in nothing", Call("GET", V2)),
]  # fmt: skip


@pytest.mark.parametrize("tried", STARTED, ids=str)
def test_start(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", JUDGED, ids=str)
def test_assessments_of_traces(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", REFUSED, ids=str)
def test_refusals(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", TAGS, ids=str)
def test_tags(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", DELETED, ids=str)
def test_delete(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", SEARCHED, ids=str)
def test_search(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", LINKED, ids=str)
def test_links(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", BATCHES, ids=str)
def test_batches_and_files(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", VERSION_2, ids=str)
def test_version_2(pair, tried):
    pair.run(tried)
