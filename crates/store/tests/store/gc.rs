//! What is removed for good, and what refuses to be.

use super::{TestStore, refusal, request};
use mlferry_protocol::{ErrorCode, ExperimentId, RunId};
use mlferry_store::{GarbageFilter, GarbageId};
use serde_json::json;

async fn purge_all(store: &TestStore) -> Vec<String> {
    let garbage = store.garbage(&GarbageFilter::default()).await.unwrap();
    let mut purged = Vec::new();
    for found in garbage {
        let name = found.id.to_string();
        assert!(store.purge(found.id).await.unwrap(), "{name}");
        purged.push(name);
    }
    purged
}

/// A run with something in every table that runs have rows in.
async fn full_run(store: &TestStore, experiment: &str) -> String {
    let run = store.create_run(request(json!({"experiment_id": experiment}))).await.unwrap();
    let run = run.info.run_id.to_string();
    let batch = json!({
        "run_id": run,
        "metrics": [{"key": "m", "value": 1, "timestamp": 1}],
        "params": [{"key": "p", "value": "1"}],
        "tags": [{"key": "t", "value": "1"}],
    });
    store.log_batch(request(batch)).await.unwrap();
    let dataset = json!({"name": "d", "digest": "g", "source_type": "s", "source": "x"});
    let inputs = json!({
        "run_id": run,
        "datasets": [{"tags": [{"key": "k", "value": "v"}], "dataset": dataset}],
        "models": [{"model_id": "m-1"}],
    });
    store.log_inputs(request(inputs)).await.unwrap();
    run
}

#[tokio::test]
async fn a_deleted_run_leaves_no_row() {
    let store = TestStore::new().await;
    let run = full_run(&store, "0").await;
    store.delete_run(request(json!({"run_id": run}))).await.unwrap();
    assert_eq!(purge_all(&store).await, [format!("Run with ID {run}")]);
    for table in ["runs", "metrics", "latest_metrics", "params", "tags", "inputs", "input_tags"] {
        assert_eq!(store.count(format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    // Datasets belong to the experiment.
    assert_eq!(store.count("SELECT count(*) FROM datasets").await, 1);
}

#[tokio::test]
async fn a_deleted_experiment_goes_with_all_that_is_in_it() {
    let store = TestStore::new().await;
    let experiment = store.experiment("gone").await;
    let run = full_run(&store, &experiment).await;
    store
        .execute(format!(
            "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) VALUES ('t', {experiment}, 1, 'OK');
             INSERT INTO trace_tags (request_id, key, value) VALUES ('t', 'mlflow.artifactLocation', 'mlflow-artifacts:/t');
             INSERT INTO spans (trace_id, experiment_id, span_id, status, start_time_unix_nano, content)
             VALUES ('t', {experiment}, 's', 'OK', 1, '{{}}');
             INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms,
             last_updated_timestamp_ms, status, lifecycle_stage)
             VALUES ('m-1', {experiment}, 'm', 'mlflow-artifacts:/m', 1, 1, 2, 'active');
             INSERT INTO logged_model_params VALUES ('m-1', {experiment}, 'p', '2')"
        ))
        .await;
    store.delete_experiment(request(json!({"experiment_id": experiment}))).await.unwrap();
    let id = ExperimentId(experiment.parse().unwrap());
    let (code, text) = refusal(store.purge(GarbageId::Experiment(id)).await);
    assert_eq!((code, text.as_str()), (ErrorCode::InvalidState, "Experiment 1 still has runs."));
    let garbage = store.garbage(&GarbageFilter::default()).await.unwrap();
    assert_eq!(garbage[2].artifact_uris, ["mlflow-artifacts:/t"]);
    assert_eq!(
        purge_all(&store).await,
        [
            format!("Run with ID {run}"),
            "Logged model with ID m-1".to_owned(),
            format!("Experiment with ID {experiment}")
        ]
    );
    for table in ["runs", "logged_models", "logged_model_params", "trace_info", "spans", "inputs"] {
        assert_eq!(store.count(format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    assert_eq!(store.count("SELECT count(*) FROM experiments").await, 1);
}

#[tokio::test]
async fn what_was_restored_meanwhile_stays() {
    let store = TestStore::new().await;
    let run = full_run(&store, "0").await;
    let id = GarbageId::Run(RunId::new(run.clone()));
    assert!(!store.is_garbage(&id).await.unwrap());
    store.delete_run(request(json!({"run_id": run}))).await.unwrap();
    assert!(store.is_garbage(&id).await.unwrap());
    store.restore_run(request(json!({"run_id": run}))).await.unwrap();
    assert!(!store.purge(id).await.unwrap());
    assert_eq!(store.count("SELECT count(*) FROM metrics").await, 1);
}
