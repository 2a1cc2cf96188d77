"""Feedback and expectations, through the stock client, on both databases."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from harness import Server, use_client
from postgres import execute

TRACE = "tr-assessed"
TRACED = (
    "insert into trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, "
    f"db_payload_generation) values ('{TRACE}', 0, 1700000000000, 5, 'OK', 0)"
)
KINDS = [
    pytest.param(kind, marks=pytest.mark.xdist_group(f"client {kind}"), id=kind) for kind in ("sqlite", "postgres")
]


@pytest.fixture(scope="module", params=KINDS)
def tracking(request, tmp_path_factory):
    """A server on each kind of database, in which there is one trace."""
    if request.param == "postgres":
        uri = request.getfixturevalue("postgres").create_database()
        with Server("--backend-store-uri", uri) as running:
            execute(uri, TRACED)
            yield running
    else:
        database = tmp_path_factory.mktemp("assessments") / "mlflow.db"
        with Server("--backend-store-uri", f"sqlite:///{database}") as running:
            with contextlib.closing(sqlite3.connect(database, timeout=20)) as connection, connection:
                connection.execute(TRACED)
            yield running


@pytest.fixture
def client(monkeypatch, tracking):
    return use_client(monkeypatch, tracking.url)


def test_feedback_is_logged_read_replaced_and_removed(client):
    from mlflow.entities import AssessmentSource, Feedback

    human = AssessmentSource(source_type="HUMAN", source_id="somebody")
    made = client.log_feedback(
        trace_id=TRACE, name="good", value=True, source=human, rationale="short", metadata={"a": "b"}
    )
    read = client.get_assessment(TRACE, made.assessment_id)
    assert (read.name, read.value, read.rationale, read.metadata) == ("good", True, "short", {"a": "b"})
    assert read.source == human

    better = client.override_feedback(trace_id=TRACE, assessment_id=made.assessment_id, value=False, source=human)
    assert client.get_assessment(TRACE, made.assessment_id).valid is False
    assert client.get_assessment(TRACE, better.assessment_id).overrides == made.assessment_id

    client.update_assessment(TRACE, better.assessment_id, Feedback(name="good", value={"score": 0.5}, rationale="why"))
    changed = client.get_assessment(TRACE, better.assessment_id)
    assert (changed.value, changed.rationale, changed.source) == ({"score": 0.5}, "why", human)

    client.delete_assessment(TRACE, better.assessment_id)
    assert client.get_assessment(TRACE, made.assessment_id).valid is True


def test_a_judge_that_fails_says_why(client):
    made = client.log_feedback(trace_id=TRACE, name="judge", error=ValueError("too long"))
    read = client.get_assessment(TRACE, made.assessment_id)
    assert read.value is None
    assert (read.error.error_code, read.error.error_message) == ("ValueError", "too long")


@pytest.mark.parametrize("value", ["text", 5, 1.5, True, ["a", 1], {"answer": {"de": "größe"}}], ids=str)
def test_expectations_come_back_as_they_were(client, value):
    made = client.log_expectation(trace_id=TRACE, name="expected", value=value)
    assert client.get_assessment(TRACE, made.assessment_id).value == value


def test_an_unknown_trace_is_named(client):
    with pytest.raises(client.MlflowException, match="Trace with ID 'tr-none' not found"):
        client.log_feedback(trace_id="tr-none", name="good", value=True)
