use super::{TestStore, refusal, request, to_json};
use mlferry_protocol::ErrorCode;
use serde_json::{Value, json};

async fn log(store: &TestStore, run: &str, value: Value, timestamp: i64, step: i64) {
    let metric =
        json!({"run_id": run, "key": "m", "value": value, "timestamp": timestamp, "step": step});
    store.log_metric(request(metric)).await.unwrap();
}

async fn history(store: &TestStore, query: Value) -> Value {
    to_json(store.get_metric_history(request(query)).await.unwrap())
}

#[tokio::test]
async fn the_latest_value_has_the_highest_step_then_time_then_value() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let steps = [
        // value, timestamp, step, latest value after it
        (json!(5), 10, 1, json!(5.0)),
        (json!(1), 99, 0, json!(5.0)),
        (json!(2), 10, 2, json!(2.0)),
        (json!(1), 11, 2, json!(1.0)),
        (json!(3), 11, 2, json!(3.0)),
        (json!(2), 11, 2, json!(3.0)),
        (json!("NaN"), 12, 2, json!("NaN")),
        (json!(-1), 12, 2, json!("NaN")),
        (json!(0.5), 12, 2, json!(0.5)),
        (json!("-Infinity"), 0, 3, json!(-f64::MAX)),
    ];
    for (value, timestamp, step, latest) in steps {
        log(&store, &run, value, timestamp, step).await;
        assert_eq!(store.run_json(&run).await["data"]["metrics"][0]["value"], latest);
    }
}

#[tokio::test]
async fn the_same_point_counts_once_and_another_value_beside_it() {
    let store = TestStore::new().await;
    let run = store.run().await;
    for value in [json!(1), json!(1), json!(2), json!("NaN"), json!("NaN"), json!(0)] {
        log(&store, &run, value, 1, 1).await;
    }
    assert_eq!(store.count("SELECT count(*) FROM metrics").await, 4);
    assert_eq!(store.count("SELECT count(*) FROM latest_metrics").await, 1);
}

#[tokio::test]
async fn a_history_is_read_in_pages_oldest_first() {
    let store = TestStore::new().await;
    let run = store.run().await;
    for (value, timestamp, step) in [(3, 2, 0), (1, 1, 5), (2, 2, -1)] {
        log(&store, &run, json!(value), timestamp, step).await;
    }
    let query = json!({"run_id": run, "metric_key": "m", "max_results": 2});
    let page = history(&store, query).await;
    assert_eq!(
        page["metrics"],
        json!([
            {"key": "m", "value": 1.0, "timestamp": 1, "step": 5},
            {"key": "m", "value": 2.0, "timestamp": 2, "step": -1},
        ])
    );
    let query = json!({"run_id": run, "metric_key": "m", "max_results": 2, "page_token": page["next_page_token"]});
    assert_eq!(
        history(&store, query).await,
        json!({"metrics": [{"key": "m", "value": 3.0, "timestamp": 2, "step": 0}]})
    );
    let all = history(&store, json!({"run_id": run, "metric_key": "m"})).await;
    assert_eq!(all["metrics"].as_array().unwrap().len(), 3);
    assert_eq!(history(&store, json!({"run_id": "nope", "metric_key": "m"})).await, json!({}));
}

#[tokio::test]
async fn a_param_is_written_once() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let log =
        |value: &str| store.log_param(request(json!({"run_id": run, "key": "p", "value": value})));
    log("x").await.unwrap();
    log("x").await.unwrap();
    assert_eq!(
        refusal(log("y").await),
        (
            ErrorCode::InvalidParameterValue,
            format!(
                "Changing param values is not allowed. Param with key='p' was already logged with \
                 value='x' for run ID='{run}'. Attempted logging new value 'y'."
            )
        )
    );
}

#[tokio::test]
async fn tags_are_set_changed_and_removed() {
    let store = TestStore::new().await;
    let run = store.run().await;
    for value in ["1", "2"] {
        let tag = json!({"run_id": run, "key": "k", "value": value});
        store.set_tag(request(tag)).await.unwrap();
    }
    assert_eq!(store.run_json(&run).await["data"]["tags"][0], json!({"key": "k", "value": "2"}));
    let delete = || store.delete_tag(request(json!({"run_id": run, "key": "k"})));
    delete().await.unwrap();
    assert_eq!(
        refusal(delete().await),
        (ErrorCode::ResourceDoesNotExist, format!("No tag with name: k in run with id {run}"))
    );
}

#[tokio::test]
async fn a_batch_is_logged_wholly() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let metrics: Vec<Value> = (0..700)
        .map(|step| json!({"key": format!("m{}", step % 7), "value": step, "timestamp": 1, "step": step}))
        .collect();
    let params: Vec<Value> =
        (0..100).map(|index| json!({"key": format!("p{index}"), "value": "v"})).collect();
    let tags = json!([{"key": "t", "value": "1"}, {"key": "t", "value": "2"}]);
    let batch = json!({"run_id": run, "metrics": metrics, "params": params, "tags": tags});
    store.log_batch(request(batch.clone())).await.unwrap();
    store.log_batch(request(batch)).await.unwrap();
    let data = &store.run_json(&run).await["data"];
    assert_eq!(data["params"].as_array().unwrap().len(), 100);
    assert_eq!(data["tags"][1], json!({"key": "t", "value": "2"}));
    let latest: Vec<&Value> =
        data["metrics"].as_array().unwrap().iter().map(|metric| &metric["step"]).collect();
    assert_eq!(json!(latest), json!([693, 694, 695, 696, 697, 698, 699]));
    assert_eq!(store.count("SELECT count(*) FROM metrics").await, 700);
}

#[tokio::test]
async fn a_batch_with_a_conflict_logs_nothing() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let first = json!({"run_id": run, "params": [{"key": "nv"}, {"key": "same", "value": "s"}]});
    store.log_batch(request(first)).await.unwrap();
    let batch = json!({
        "run_id": run,
        "metrics": [{"key": "m", "value": 1, "timestamp": 1}],
        "params": [
            {"key": "new", "value": "1"},
            {"key": "nv", "value": "it's"},
            {"key": "same", "value": "s"},
        ],
        "tags": [{"key": "t", "value": "1"}],
    });
    assert_eq!(
        refusal(store.log_batch(request(batch)).await).1,
        format!(
            "Changing param values is not allowed. Params were already logged='[{{'key': 'nv', \
             'old_value': '', 'new_value': \"it's\"}}]' for run ID='{run}'."
        )
    );
    let data = &store.run_json(&run).await["data"];
    assert_eq!(data["params"].as_array().unwrap().len(), 2);
    assert_eq!(data["tags"].as_array().unwrap().len(), 1);
    assert!(data.get("metrics").is_none());
}
