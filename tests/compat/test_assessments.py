"""Feedback and expectations, through the stock client, on both databases."""

from __future__ import annotations

import pytest

from databases import kinds, options_of
from harness import Server

TRACE = "tr-assessed"
TRACED = {
    "trace_id": TRACE,
    "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
    "request_time": "2023-11-14T22:13:20Z",
    "state": "OK",
}


@pytest.fixture(scope="module", params=kinds("client"))
def tracking(request):
    """A server on each kind of database, in which there is one trace."""
    with Server(*options_of(request)) as running:
        started = running.post("/api/3.0/mlflow/traces", {"trace": {"trace_info": TRACED}})
        assert started.status == 200, started.text
        yield running


def test_feedback_is_logged_read_replaced_and_removed(fluent):
    from mlflow.entities import AssessmentSource, Feedback

    human = AssessmentSource(source_type="HUMAN", source_id="somebody")
    made = fluent.log_feedback(
        trace_id=TRACE, name="good", value=True, source=human, rationale="short", metadata={"a": "b"}
    )
    read = fluent.get_assessment(TRACE, made.assessment_id)
    assert (read.name, read.value, read.rationale, read.metadata) == ("good", True, "short", {"a": "b"})
    assert read.source == human

    better = fluent.override_feedback(trace_id=TRACE, assessment_id=made.assessment_id, value=False, source=human)
    assert fluent.get_assessment(TRACE, made.assessment_id).valid is False
    assert fluent.get_assessment(TRACE, better.assessment_id).overrides == made.assessment_id

    fluent.update_assessment(TRACE, better.assessment_id, Feedback(name="good", value={"score": 0.5}, rationale="why"))
    changed = fluent.get_assessment(TRACE, better.assessment_id)
    assert (changed.value, changed.rationale, changed.source) == ({"score": 0.5}, "why", human)

    fluent.delete_assessment(TRACE, better.assessment_id)
    assert fluent.get_assessment(TRACE, made.assessment_id).valid is True


def test_a_judge_that_fails_says_why(fluent):
    made = fluent.log_feedback(trace_id=TRACE, name="judge", error=ValueError("too long"))
    read = fluent.get_assessment(TRACE, made.assessment_id)
    assert read.value is None
    assert (read.error.error_code, read.error.error_message) == ("ValueError", "too long")


@pytest.mark.parametrize("value", ["text", 5, 1.5, True, ["a", 1], {"answer": {"de": "größe"}}], ids=str)
def test_expectations_come_back_as_they_were(fluent, value):
    made = fluent.log_expectation(trace_id=TRACE, name="expected", value=value)
    assert fluent.get_assessment(TRACE, made.assessment_id).value == value


def test_an_unknown_trace_is_named(fluent):
    with pytest.raises(fluent.MlflowException, match="Trace with ID 'tr-none' not found"):
        fluent.log_feedback(trace_id="tr-none", name="good", value=True)
