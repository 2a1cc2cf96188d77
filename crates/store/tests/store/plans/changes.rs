//! What trainings write all the time: a change reads, too, before it writes.

use super::{Reader, number, request, run_id, trace_id};
use mlferry_store::Store;
use serde_json::json;

/// Makes all kinds of changes.
pub(super) async fn make(reader: &mut Reader, store: &Store) {
    log(reader, store).await;
    change_runs(reader, store).await;
    change_models(reader, store).await;
    change_traces(reader, store).await;
}

async fn log(reader: &mut Reader, store: &Store) {
    let metric =
        json!({"run_id": run_id(5), "key": "metric-0", "value": 1, "timestamp": 9, "step": 9});
    reader.read("runs/log-metric", store.log_metric(request(metric))).await;
    let metrics = json!([
        {"key": "metric-0", "value": 2, "timestamp": 10, "step": 10},
        {"key": "new", "value": 2, "timestamp": 10, "step": 10},
    ]);
    let batch = json!({
        "run_id": run_id(5), "metrics": metrics, "params": [{"key": "new", "value": "a"}],
        "tags": [{"key": "team", "value": "b"}],
    });
    reader.read("runs/log-batch", store.log_batch(request(batch))).await;
    let param = json!({"run_id": run_id(5), "key": "param-9", "value": "a"});
    reader.read("runs/log-parameter", store.log_param(request(param))).await;
    let tag = json!({"run_id": run_id(5), "key": "team", "value": "c"});
    reader.read("runs/set-tag", store.set_tag(request(tag))).await;
    let dataset = json!({"name": "more", "digest": "1", "source_type": "local", "source": "here"});
    let inputs = json!({"run_id": run_id(5), "datasets": [{"dataset": dataset}]});
    reader.read("runs/log-inputs", store.log_inputs(request(inputs))).await;
}

async fn change_runs(reader: &mut Reader, store: &Store) {
    let experiment = json!({"name": "new"});
    reader.read("experiments/create", store.create_experiment(request(experiment))).await;
    let run =
        json!({"experiment_id": "1", "start_time": 7, "tags": [{"key": "team", "value": "a"}]});
    reader.read("runs/create", store.create_run(request(run))).await;
    let end = json!({"run_id": run_id(5), "status": "FINISHED", "end_time": 9});
    reader.read("runs/update", store.update_run(request(end))).await;
    let run = json!({"run_id": run_id(6)});
    reader.read("runs/delete", store.delete_run(request(run))).await;
}

async fn change_models(reader: &mut Reader, store: &Store) {
    let model = json!({"experiment_id": "1", "name": "tree", "source_run_id": run_id(5)});
    reader.read("logged-models/create", store.create_logged_model(request(model))).await;
    let model = json!({"name": "new"});
    reader.read("registered-models/create", store.create_registered_model(request(model))).await;
    let name = format!("model-{}", number(5));
    let version = json!({"name": name, "source": "s3://bucket/more", "run_id": run_id(5)});
    reader.read("model-versions/create", store.create_model_version(request(version))).await;
    let alias = json!({"name": name, "alias": "best", "version": "2"});
    let alias = store.set_registered_model_alias(request(alias));
    reader.read("registered-models/set-alias", alias).await;
}

async fn change_traces(reader: &mut Reader, store: &Store) {
    let info = json!({
        "trace_id": "tr-new", "request_time": "1970-01-01T00:00:00.009Z", "state": "OK",
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"},
        },
        "tags": {"team": "a"},
    });
    let trace = json!({"trace": {"trace_info": info}});
    reader.read("traces/start", store.start_trace(request(trace))).await;
    let tag = json!({"trace_id": trace_id(5), "key": "team", "value": "a"});
    reader.read("traces/set-tag", store.set_trace_tag(request(tag))).await;
    let assessment = json!({
        "assessment_name": "good", "trace_id": trace_id(5), "feedback": {"value": true},
        "source": {"source_type": "HUMAN", "source_id": "someone"},
    });
    let assessment = json!({"trace_id": trace_id(5), "assessment": assessment});
    reader.read("traces/assess", store.create_assessment(request(assessment))).await;
}
