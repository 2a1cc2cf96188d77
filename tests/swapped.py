"""What the swap logs, reads and changes beside runs and models: traces, assessments, scorers and datasets."""

from __future__ import annotations

import json

import mlflow
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Expectation, TraceInfo
from mlflow.entities.trace_location import MlflowExperimentLocation
from mlflow.genai import datasets
from mlflow.genai.judges import make_judge
from mlflow.genai.scorers import get_scorer, list_scorers
from mlflow.genai.scorers.registry import list_scorer_versions

HUMAN = AssessmentSource(source_type="HUMAN", source_id="somebody")


def log_traces(client: MlflowClient, stage: str, experiment: str, run_id: str) -> None:
    """Two traces that the server keeps and one whose spans are a file, with what people and judges say of them."""
    # Said each time: the client links prompts that are loaded to an experiment that is set for good.
    here = MlflowExperimentLocation(experiment)
    attributes = {"größe": [1, None, 0.5]}
    with mlflow.start_span(f"outer of {stage}", "CHAIN", attributes, trace_destination=here) as outer:
        outer.set_inputs({"x": float("nan")})
        with mlflow.start_span("inner", "LLM") as inner:
            inner.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7})
            inner.set_outputs(["y"])
        mlflow.update_current_trace(tags={"kind": stage}, metadata={"mlflow.trace.session": stage, "own": "1"})
    first = outer.trace_id
    try:
        with mlflow.start_span("fails", trace_destination=here) as failing:
            raise ValueError("no")
    except ValueError:
        pass
    client.link_traces_to_run([first], run_id)
    log_file_of_spans(client, first, f"tr-{failing.trace_id[3:][::-1]}")

    good = mlflow.log_feedback(trace_id=first, name="good", value=True, source=HUMAN, rationale="short")
    mlflow.override_feedback(trace_id=first, assessment_id=good.assessment_id, value={"score": 0.5}, source=HUMAN)
    mlflow.log_feedback(trace_id=first, name="judge", error=ValueError("too long"), metadata={"a": "b"})
    mlflow.log_expectation(trace_id=first, name="expected", value={"answer": ["größe", 1]}, span_id=inner.span_id)
    judge(stage).register(experiment_id=experiment)
    dataset = datasets.create_dataset(name=f"questions of {stage}", experiment_id=experiment, tags={"stage": stage})
    dataset.merge_records([record("first", 1), record("second", 2)])


def log_file_of_spans(client: MlflowClient, like: str, trace_id: str) -> None:
    """A trace as clients of MLflow before 3.4 made it: the spans are uploaded beside what the server knows."""
    trace = client.get_trace(like)
    info = trace.info.to_dict() | {"trace_id": trace_id, "tags": {"kind": "file"}, "assessments": []}
    info["trace_metadata"] = {"own": "2"}
    started = client._tracing_client.store.start_trace(TraceInfo.from_dict(info))
    client._tracing_client._upload_trace_data(started, trace.data)


def judge(stage: str):
    instructions = f"Say whether {{{{ outputs }}}} pleases {stage}."
    return make_judge(name="quality", instructions=instructions, model="openai:/gpt-4.1-mini")


def record(question: str, answer: object) -> dict:
    return {"inputs": {"question": question}, "expectations": {"answer": answer}, "tags": {"n": question}}


def traces_of(client: MlflowClient, experiment: str, *, is_deleted: bool) -> str:
    """All that a client sees of traces and what belongs to them. Scorers of deleted experiments are not listed."""
    found = client.search_traces(locations=[experiment])
    seen = [seen_trace(trace) for trace in found]
    seen += [seen_trace(client.get_trace(trace.info.trace_id)) for trace in found]
    seen += [trace.info.trace_id for trace in client.search_traces(locations=[experiment], filter_string=RATED)]
    for scorer in [] if is_deleted else list_scorers(experiment_id=experiment):
        versions = list_scorer_versions(name=scorer.name, experiment_id=experiment)
        seen += [(version, each.model_dump()) for each, version in versions]
    for dataset in datasets.search_datasets(experiment_ids=[experiment], order_by=["name"]):
        frame = dataset.to_df()
        seen.append((dataset.name, dataset.digest, dataset.schema, dataset.profile, sorted(dataset.tags.items())))
        seen.append(sorted(frame.to_json(orient="records", lines=True).splitlines()))
    return repr(seen)


RATED = "feedback.judge IS NOT NULL"


def seen_trace(trace) -> str:
    """A trace with all of its spans and assessments, as text, in which NaN equals NaN."""
    whole = trace.to_dict()
    whole["info"]["assessments"] = sorted(
        whole["info"].get("assessments", []), key=lambda assessment: assessment["assessment_id"]
    )
    return json.dumps(whole, sort_keys=True)


def change_traces(client: MlflowClient, stage: str, experiment: str) -> None:
    """Goes on with the traces that another server keeps."""
    for trace in client.search_traces(locations=[experiment]):
        trace_id = trace.info.trace_id
        client.set_trace_tag(trace_id, "changed by", stage)
        if trace.info.state == "ERROR":
            client.delete_traces(experiment, trace_ids=[trace_id])
            continue
        for assessment in trace.info.assessments:
            if assessment.name == "judge":
                mlflow.delete_assessment(trace_id=trace_id, assessment_id=assessment.assessment_id)
            elif assessment.name == "expected":
                changed = Expectation(name="expected", value=stage)
                mlflow.update_assessment(trace_id, assessment.assessment_id, changed)
            elif assessment.valid:
                mlflow.override_feedback(
                    trace_id=trace_id, assessment_id=assessment.assessment_id, value=stage, source=HUMAN
                )
    judge(f"{stage}, too").register(experiment_id=experiment)
    assert "too" in get_scorer(name="quality", experiment_id=experiment).instructions
    for dataset in datasets.search_datasets(experiment_ids=[experiment]):
        dataset.merge_records([record("first", stage), record("third", 3)])
        datasets.set_dataset_tags(dataset_id=dataset.dataset_id, tags={"changed by": stage})
