use super::{TestStore, refusal, request};
use mlferry_protocol::ErrorCode;
use serde_json::{Value, json};

fn dataset(name: &str, source: &str) -> Value {
    json!({"name": name, "digest": "g", "source_type": "s", "source": source})
}

#[tokio::test]
async fn inputs_are_noted_once_and_the_first_words_stay() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let tags = json!([{"key": "mlflow.data.context", "value": "train"}]);
    let inputs = json!({
        "run_id": run,
        "datasets": [
            {"dataset": dataset("a", "first"), "tags": tags},
            {"dataset": dataset("a", "second"), "tags": [{"key": "x", "value": "y"}]},
            {"dataset": dataset("b", "first")},
        ],
        "models": [{"model_id": "m-1"}, {"model_id": "m-1"}],
    });
    store.log_inputs(request(inputs.clone())).await.unwrap();
    store.log_inputs(request(inputs)).await.unwrap();
    let expected = json!({
        "dataset_inputs": [
            {"tags": tags, "dataset": dataset("a", "first")},
            {"dataset": dataset("b", "first")},
        ],
        "model_inputs": [{"model_id": "m-1"}],
    });
    assert_eq!(store.run_json(&run).await["inputs"], expected);
    assert_eq!(store.count("SELECT count(*) FROM input_tags").await, 1);
}

#[tokio::test]
async fn a_dataset_is_shared_within_its_experiment_only() {
    let store = TestStore::new().await;
    let experiment = store.experiment("other").await;
    let other = store.create_run(request(json!({"experiment_id": experiment}))).await.unwrap();
    for run in [store.run().await, store.run().await, other.info.run_id.to_string()] {
        let inputs = json!({"run_id": run, "datasets": [{"dataset": dataset("a", "x")}]});
        store.log_inputs(request(inputs)).await.unwrap();
    }
    assert_eq!(store.count("SELECT count(*) FROM datasets").await, 2);
    assert_eq!(store.count("SELECT count(*) FROM inputs").await, 3);
}

#[tokio::test]
async fn a_search_leaves_out_the_models_that_runs_use() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let inputs = json!({
        "run_id": run,
        "datasets": [{"dataset": dataset("a", "x")}],
        "models": [{"model_id": "m-1"}],
    });
    store.log_inputs(request(inputs)).await.unwrap();
    let found = store.search_runs(request(json!({"experiment_ids": ["0"]}))).await.unwrap();
    let inputs = super::to_json(&found.runs[0].inputs);
    assert_eq!(inputs, json!({"dataset_inputs": [{"dataset": dataset("a", "x")}]}));
}

#[tokio::test]
async fn outputs_are_noted_once_with_one_step() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let outputs = |step: i64| {
        let models = json!([{"model_id": "m-1", "step": step}, {"model_id": "m-2", "step": 0}]);
        store.log_outputs(request(json!({"run_id": run, "models": models})))
    };
    outputs(1).await.unwrap();
    outputs(1).await.unwrap();
    let (code, message) = refusal(outputs(2).await);
    assert_eq!(code, ErrorCode::BadRequest);
    assert!(message.contains("'m-1'") && message.contains("at step 1"), "{message}");
    assert_eq!(
        store.run_json(&run).await["outputs"],
        json!({"model_outputs": [
            {"model_id": "m-1", "step": 1},
            {"model_id": "m-2", "step": 0},
        ]})
    );
}
