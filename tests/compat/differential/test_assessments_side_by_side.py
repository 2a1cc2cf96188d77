"""Assessments of traces, with good, boundary and bad input, beside the reference."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pairs import FAILS, FAILS_IN_WORDS, NOT_STORED, Call, Case, ask, case, refused, send, sql

TRACE = "3.0/mlflow/traces/tr-$experiment"
ROOT = f"{TRACE}/assessments"
WIDE = refused("texts of scorers, datasets, assessments and webhooks that are longer than their columns", on="sqlite")
WIDE_FAILS = refused("a driver's text as message", reference=400, code="BAD_REQUEST", on="postgres")
TRACED = sql(
    "insert into trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, "
    "db_payload_generation) values ('tr-$experiment', $experiment, 1700000000000, 5, 'OK', 0)"
)
HUMAN = {"source_type": "HUMAN", "source_id": "somebody"}
MADE = {"create_time": "2026-01-02T03:04:05.678Z", "last_update_time": "2026-01-02T03:04:06Z"}


def create(**fields) -> Call:
    given = {"assessment_name": "good", "source": HUMAN} | MADE | fields
    given = {key: value for key, value in given.items() if value is not ...}
    return send("POST", ROOT, assessment=given)


def feedback(value: object = True, **fields) -> Call:
    return create(feedback={"value": value}, **fields)


def expectation(value: object = "x", **fields) -> Call:
    return create(expectation={"value": value}, **fields)


def serialized(text: str, form: str = "JSON_FORMAT") -> Call:
    return create(expectation={"serialized_value": {"serialization_format": form, "value": text}})


GET = ask(f"{ROOT}/$a")
DELETE = send("DELETE", f"{ROOT}/$a")


def update(mask: object, *, of: str = "$a", **fields) -> Call:
    return send("PATCH", f"{ROOT}/{of}", assessment=fields, update_mask=mask)


def traced(name: str, *calls: Call) -> Case:
    return case(name, TRACED, *calls)


def kept(name: str, call: Call, *more: Call) -> Case:
    return traced(name, call.kept("a"), GET, *more)


VALUES = [
    True,
    False,
    5,
    1.5,
    -0.0,
    1e300,
    "text",
    "größe 🚀",
    "",
    "yes",
    " NO ",
    None,
    [1, "a", None],
    {"a": {"b": 1}},
]
ERROR = {"error_code": "LIMIT", "error_message": "too many", "stack_trace": "line"}
CREATED = [
    *(kept(f"feedback {value!r}", feedback(value)) for value in VALUES),
    *(kept(f"expectation {value!r}", expectation(value)) for value in VALUES if value is not None),
    *(kept(f"serialized {text}", serialized(text)) for text in ('{"a": [1, 2.0]}', "[1]", "5", '"x"', "true")),
    kept("empty feedback", create(feedback={})),
    kept("feedback with an error", create(feedback={"error": ERROR})),
    kept("feedback with value and error", create(feedback={"value": 1, "error": {"error_code": "X"}})),
    kept("an error without code", create(feedback={"error": {"error_message": "m"}})),
    kept("a long stack trace", create(feedback={"error": ERROR | {"stack_trace": "é" * 10_001}})),
    kept("an issue", create(issue={"issue_name": "slow"}, rationale="because", metadata={"a": "b"})),
    kept("an issue without name", create(issue={})),
    kept("all of feedback", feedback(1, span_id="s", rationale="why", metadata={"a": "1", "b": "ü"})),
    kept("all of an expectation", expectation(1, span_id="s", rationale="why", metadata={"a": "1"}, overrides="x")),
    kept("of a run", feedback(metadata={"mlflow.assessment.sourceRunId": "r" * 32})),
    kept("without times", feedback(create_time=..., last_update_time=...)),
    kept("without a name", feedback(assessment_name=...)),
    kept("without a source", feedback(source=...)),
    *(
        kept(f"from {kind}", feedback(source={"source_type": kind}))
        for kind in ("CODE", "LLM_JUDGE", 1, "AI_JUDGE", "x")
    ),
    kept("invalid", feedback(valid=False)),
    kept("with its own id", feedback(assessment_id="own-$experiment")),
    kept("of another trace by its field", feedback(trace_id="other")),
    kept("name of 250 characters", feedback(assessment_name="n" * 250)),
    kept("in camelCase", create(assessmentName="camel", feedback={"value": 1}, spanId="s")),
]
REFUSED = [
    traced("nothing", send("POST", ROOT)),
    traced("null", send("POST", ROOT, assessment=None)),
    traced("an empty one", send("POST", ROOT, assessment={})),
    traced("no value", create()),
    traced("an expectation without value", create(expectation={})),
    traced("an expectation of null", expectation(None)),
    traced("an expectation of serialized null", serialized("null")),
    traced("another format", serialized("1", "XML")),
    traced("serialized no JSON", serialized("{").differs(replace(FAILS_IN_WORDS, reference=(500, None)))),
    case("an unknown trace", feedback()),
    traced("name of 251 characters", feedback(assessment_name="n" * 251).differs(WIDE, WIDE_FAILS)),
    traced("span of 51 characters", feedback(span_id="s" * 51).differs(WIDE, WIDE_FAILS)),
    traced("source of 251 characters", feedback(source=HUMAN | {"source_id": "s" * 251}).differs(WIDE, WIDE_FAILS)),
    traced(
        "an id twice",
        feedback(assessment_id="same-$experiment"),
        feedback(assessment_id="same-$experiment").differs(
            replace(FAILS_IN_WORDS, mlferry=(400, "RESOURCE_ALREADY_EXISTS"))
        ),
    ),
    traced("metadata of numbers", feedback(metadata={"a": 1}).differs(NOT_STORED)),
    traced("overrides an unknown one", feedback(overrides="a-x")),
    traced("get of an unknown one", ask(f"{ROOT}/a-x")),
    case("get of an unknown trace", ask(f"{ROOT}/a-x")),
]
OVERRIDING = [
    traced(
        "an overridden one is not valid",
        feedback(1).kept("a"),
        feedback(2, overrides="$a").kept("b"),
        GET,
        ask(f"{ROOT}/$b"),
        send("DELETE", f"{ROOT}/$b"),
        GET,
    ),
    kept("deleted", feedback(), DELETE, GET, DELETE),
    case("deleted from an unknown trace", send("DELETE", f"{ROOT}/a-x")),
]
CHANGED = [
    kept("value", feedback(1), update("feedback", feedback={"value": 2}), GET),
    kept("value to an error", feedback(1), update("feedback", feedback={"error": ERROR}), GET),
    kept("error to a value", create(feedback={"error": ERROR}), update("feedback", feedback={"value": 1}), GET),
    kept("name and rationale", feedback(), update("assessmentName,rationale", assessment_name="n", rationale="r"), GET),
    kept("rationale to nothing", feedback(rationale="r"), update("rationale"), GET),
    kept("rationale of an expectation", expectation(), update("rationale", rationale="r"), GET),
    kept("name to nothing", feedback(), update("assessmentName"), GET),
    kept(
        "more metadata", feedback(metadata={"a": "1", "b": "2"}), update("metadata", metadata={"b": "3", "c": "4"}), GET
    ),
    kept("no more metadata", feedback(metadata={"a": "1"}), update("metadata"), GET),
    kept("only what the mask names", feedback(1), update("rationale", feedback={"value": 2}, rationale="r"), GET),
    kept("a mask of unknown names", feedback(1), update("spanId,x", span_id="s"), GET),
    kept("an expectation", expectation(1), update("expectation", expectation={"value": [1, 2]}), GET),
    kept(
        "an expectation by serialized text",
        expectation(1),
        update(
            "expectation",
            expectation={"serialized_value": {"serialization_format": "JSON_FORMAT", "value": '{"a": 1}'}},
        ),
        GET,
    ),
    kept("an overridden one", feedback(1), feedback(2, overrides="$a"), update("feedback", feedback={"value": 3}), GET),
    kept("feedback of an expectation", expectation(), update("feedback", feedback={"value": 1})),
    kept("an expectation of feedback", feedback(), update("expectation", expectation={"value": 1})),
    kept(
        "both",
        feedback(),
        send(
            "PATCH",
            f"{ROOT}/$a",
            update_mask="feedback,expectation",
            assessment={"feedback": {"value": 1}, "expectation": {"value": 1}},
        ).in_other_words(),
    ),
    kept("an expectation to nothing", expectation(), update("expectation")),
    kept("valid", feedback(), update("valid", valid=False).differs(FAILS), GET),
    kept("without a mask", feedback(), send("PATCH", f"{ROOT}/$a", assessment={"rationale": "r"})),
    kept("without an assessment", feedback(), send("PATCH", f"{ROOT}/$a", update_mask="rationale")),
    kept(
        "an issue",
        create(issue={"issue_name": "i"}),
        update("assessmentName", assessment_name="n").differs(FAILS_IN_WORDS),
    ),
    traced("an unknown one", update("rationale", of="a-x", rationale="r")),
    case("of an unknown trace", update("rationale", of="a-x", rationale="r")),
]


@pytest.mark.parametrize("tried", [*CREATED, *REFUSED, *OVERRIDING], ids=str)
def test_assessments(pair, tried):
    pair.run(tried)


@pytest.mark.parametrize("tried", CHANGED, ids=str)
def test_changes(pair, tried):
    pair.run(tried)


def test_both_read_what_the_other_wrote(pair):
    """The reference and its twin share a database."""
    words = {"experiment": "0"}
    pair.reference.change(pair.reference.fill(TRACED.path, words))

    def answer(side, call: Call) -> dict:
        sent = side.send(call, words)
        assert sent.status == 200, sent.body
        return sent.json()["assessment"]

    given = [
        feedback([1, "ü"], metadata={"a": "b"}),
        create(feedback={"error": ERROR}),
        expectation({"a": 1}),
        feedback("yes"),
    ]
    for writer, reader in ((pair.reference, pair.twin), (pair.twin, pair.reference)):
        for call in given:
            made = answer(writer, call)
            assert answer(reader, ask(f"{ROOT}/{made['assessment_id']}")) == made
    assert json.dumps(made["feedback"]) == '{"value": "yes"}'
