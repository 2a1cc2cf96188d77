use super::{TestStore, refusal, request, to_json};
use mlferry_protocol::ErrorCode;
use serde_json::{Value, json};

/// Rows of logged models, as another program writes them.
async fn with_models(store: &TestStore, models: &[(&str, &str, &str)]) {
    for (time, (id, name, stage)) in (1_i64..).zip(models) {
        store
            .execute(format!(
                "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location, \
                 creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage, model_type) \
                 VALUES ('{id}', 0, '{name}', 'mlflow-artifacts:/0/models/x/artifacts', {time}, {time}, 2, \
                 '{stage}', '');
                 INSERT INTO logged_model_tags VALUES ('{id}', 0, 't', '1');
                 INSERT INTO logged_model_params VALUES ('{id}', 0, 'p', '2')"
            ))
            .await;
    }
}

async fn search(store: &TestStore, search: Value) -> Value {
    to_json(store.search_logged_models(request(search)).await.unwrap())
}

#[tokio::test]
async fn models_are_found_by_name() {
    let store = TestStore::new().await;
    with_models(&store, &[("m-1", "a", "active"), ("m-2", "b", "active"), ("m-3", "a", "deleted")])
        .await;
    let run = store.run().await;
    let metric = json!({
        "run_id": run, "key": "acc", "value": 0.5, "timestamp": 7, "step": 3, "model_id": "m-1",
        "dataset_name": "d", "dataset_digest": "g",
    });
    store.log_metric(request(metric.clone())).await.unwrap();
    store.log_metric(request(metric)).await.unwrap();
    let found = search(&store, json!({"experiment_ids": ["0"], "filter": "name = 'a'"})).await;
    assert_eq!(
        found,
        json!({"models": [{
            "info": {
                "model_id": "m-1", "experiment_id": "0", "name": "a",
                "creation_timestamp_ms": 1, "last_updated_timestamp_ms": 1,
                "artifact_uri": "mlflow-artifacts:/0/models/x/artifacts",
                "status": "LOGGED_MODEL_READY", "model_type": "",
                "tags": [{"key": "t", "value": "1"}],
            },
            "data": {
                "params": [{"key": "p", "value": "2"}],
                "metrics": [{
                    "key": "acc", "value": 0.5, "timestamp": 7, "step": 3, "dataset_name": "d",
                    "dataset_digest": "g", "model_id": "m-1", "run_id": run,
                }],
            },
        }]})
    );
    assert_eq!(search(&store, json!({"experiment_ids": []})).await, json!({}));
}

#[tokio::test]
async fn pages_follow_each_other_newest_first() {
    let store = TestStore::new().await;
    with_models(&store, &[("m-1", "a", "active"), ("m-2", "b", "active")]).await;
    let first = search(&store, json!({"experiment_ids": ["0"], "max_results": 1})).await;
    assert_eq!(first["models"][0]["info"]["model_id"], "m-2");
    let token = &first["next_page_token"];
    let next = json!({"experiment_ids": ["0"], "max_results": 1, "page_token": token});
    let second = search(&store, next).await;
    assert_eq!(second["models"][0]["info"]["model_id"], "m-1");
    assert!(second.get("next_page_token").is_none());
}

#[tokio::test]
async fn a_metric_of_an_unknown_model_is_not_logged_at_all() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let metric =
        json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1, "model_id": "m-nope"});
    assert_eq!(
        refusal(store.log_metric(request(metric)).await),
        (ErrorCode::BadRequest, "Logged model with ID 'm-nope' not found.".to_owned())
    );
    assert_eq!(store.count("SELECT count(*) FROM metrics").await, 0);
}
