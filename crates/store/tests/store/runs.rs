use super::{TestStore, refusal, request, to_json};
use mlferry_protocol::{ErrorCode, RunId};
use serde_json::json;

#[tokio::test]
async fn a_new_run_is_answered_with_its_name_in_a_tag() {
    let store = TestStore::new().await;
    let created = store.create_run(request(json!({
        "experiment_id": "0",
        "user_id": "root",
        "start_time": 1_700_000_000_000_i64,
        "run_name": "r",
        "tags": [{"key": "mlflow.user", "value": "root"}],
    })));
    let run = to_json(created.await.unwrap());
    let id = run["info"]["run_id"].as_str().unwrap();
    assert_eq!(id.len(), 32);
    assert!(id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(
        run,
        json!({
            "info": {
                "run_uuid": id, "experiment_id": "0", "run_name": "r", "user_id": "root",
                "status": "RUNNING", "start_time": 1_700_000_000_000_i64,
                "artifact_uri": format!("mlflow-artifacts:/0/{id}/artifacts"),
                "lifecycle_stage": "active", "run_id": id,
            },
            "data": {"tags": [
                {"key": "mlflow.user", "value": "root"},
                {"key": "mlflow.runName", "value": "r"},
            ]},
            "inputs": {},
        })
    );
    let mut read = store.run_json(id).await;
    assert_eq!(read["outputs"], json!({}));
    assert_eq!(read["info"], run["info"]);
    assert_eq!(read["data"]["tags"].take().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_without_a_name_gets_one() {
    let store = TestStore::new().await;
    let id = store.run().await;
    let run = store.run_json(&id).await;
    let name = run["info"]["run_name"].as_str().unwrap();
    assert_eq!(name.split('-').count(), 3, "{name}");
    assert_eq!(run["data"]["tags"], json!([{"key": "mlflow.runName", "value": name}]));
}

#[tokio::test]
async fn absent_runs_are_named_in_the_refusal() {
    let store = TestStore::new().await;
    let expected = (ErrorCode::ResourceDoesNotExist, "Run with id=nope not found".to_owned());
    let run = json!({"run_id": "nope"});
    assert_eq!(refusal(store.get_run(request(run.clone())).await), expected);
    assert_eq!(refusal(store.update_run(request(run.clone())).await), expected);
    assert_eq!(refusal(store.delete_run(request(run.clone())).await), expected);
    assert_eq!(refusal(store.restore_run(request(run)).await), expected);
    assert_eq!(refusal(store.run_artifact_uri(&RunId::new("nope")).await), expected);
    let create = store.create_run(request(json!({"experiment_id": "999"})));
    assert_eq!(refusal(create.await).1, "No Experiment with id=999 exists");
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let store = TestStore::new().await;
    let id = store.run().await;
    let update = json!({"run_id": id, "status": "FINISHED", "end_time": 5, "run_name": "new"});
    let info = to_json(store.update_run(request(update)).await.unwrap());
    assert_eq!((&info["status"], &info["end_time"]), (&json!("FINISHED"), &json!(5)));
    let info = store.update_run(request(json!({"run_id": id, "run_name": ""}))).await.unwrap();
    assert_eq!(info.run_name.as_deref(), Some("new"));
    let run = store.run_json(&id).await;
    assert_eq!(run["data"]["tags"], json!([{"key": "mlflow.runName", "value": "new"}]));
}

#[tokio::test]
async fn the_name_follows_its_tag() {
    let store = TestStore::new().await;
    let id = store.run().await;
    let set = |value: &str| {
        let tag = json!({"run_id": id, "key": "mlflow.runName", "value": value});
        store.set_tag(request(tag))
    };
    set("via tag").await.unwrap();
    set("").await.unwrap();
    assert_eq!(store.run_json(&id).await["info"]["run_name"], "via tag");
    let tags = json!([{"key": "mlflow.runName", "value": "via batch"}]);
    store.log_batch(request(json!({"run_id": id, "tags": tags}))).await.unwrap();
    assert_eq!(store.run_json(&id).await["info"]["run_name"], "via batch");
}

#[tokio::test]
async fn a_deleted_run_can_be_read_but_not_written() {
    let store = TestStore::new().await;
    let id = store.run().await;
    let run = json!({"run_id": id});
    store.delete_run(request(run.clone())).await.unwrap();
    store.delete_run(request(run.clone())).await.unwrap();
    assert_eq!(store.run_json(&id).await["info"]["lifecycle_stage"], "deleted");
    let expected = (
        ErrorCode::InvalidParameterValue,
        format!("The run {id} must be in the 'active' state. Current state is deleted."),
    );
    let metric = json!({"run_id": id, "key": "m", "value": 1, "timestamp": 1});
    assert_eq!(refusal(store.log_metric(request(metric)).await), expected);
    let tag = json!({"run_id": id, "key": "k"});
    assert_eq!(refusal(store.set_tag(request(tag.clone())).await), expected);
    assert_eq!(refusal(store.delete_tag(request(tag.clone())).await), expected);
    assert_eq!(refusal(store.log_param(request(tag)).await), expected);
    assert_eq!(refusal(store.log_batch(request(run.clone())).await), expected);
    assert_eq!(refusal(store.log_inputs(request(run.clone())).await), expected);
    let outputs = json!({"run_id": id, "models": []});
    assert_eq!(refusal(store.log_outputs(request(outputs)).await), expected);
    assert_eq!(refusal(store.update_run(request(run.clone())).await), expected);
    store.restore_run(request(run.clone())).await.unwrap();
    store.restore_run(request(run.clone())).await.unwrap();
    assert!(store.update_run(request(run)).await.is_ok());
}

#[tokio::test]
async fn deletion_removes_what_the_run_judged_of_traces() {
    let store = TestStore::new().await;
    let (mine, other) = (store.run().await, store.run().await);
    store
        .execute(
            "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) VALUES ('t', 0, 1, 'OK')",
        )
        .await;
    for run in [&mine, &other] {
        store
            .execute(format!(
                r#"INSERT INTO assessments (assessment_id, trace_id, name, assessment_type, value, created_timestamp,
                   last_updated_timestamp, source_type, valid, assessment_metadata)
                   VALUES ('{run}', 't', 'n', 'feedback', '1', 1, 1, 'CODE', true,
                   '{{"mlflow.assessment.sourceRunId": "{run}"}}')"#
            ))
            .await;
    }
    store.delete_run(request(json!({"run_id": mine}))).await.unwrap();
    let of = |run: &str| format!("SELECT count(*) FROM assessments WHERE assessment_id = '{run}'");
    assert_eq!(store.count(of(&mine)).await, 0);
    assert_eq!(store.count(of(&other)).await, 1);
}

#[tokio::test]
async fn a_search_pages_through_runs_latest_start_first() {
    let store = TestStore::new().await;
    for start in [3, 1, 2, 2] {
        let create = json!({"experiment_id": "0", "start_time": start});
        let run = store.create_run(request(create)).await.unwrap().info.run_id;
        let batch = json!({
            "run_id": run,
            "metrics": [{"key": "m", "value": start, "timestamp": 1}],
            "params": [{"key": "p", "value": start.to_string()}],
        });
        store.log_batch(request(batch)).await.unwrap();
    }
    let mut runs = Vec::new();
    let mut search = json!({"experiment_ids": ["0", "77"], "filter": "", "max_results": 2});
    loop {
        let page = to_json(store.search_runs(request(search.clone())).await.unwrap());
        runs.extend(page["runs"].as_array().unwrap().iter().cloned());
        let Some(token) = page.get("next_page_token") else { break };
        search["page_token"] = token.clone();
    }
    let starts: Vec<i64> =
        runs.iter().map(|run| run["info"]["start_time"].as_i64().unwrap()).collect();
    assert_eq!(starts, [3, 2, 2, 1]);
    assert!(runs[1]["info"]["run_id"].as_str() < runs[2]["info"]["run_id"].as_str());
    assert_eq!(runs[0]["data"]["params"], json!([{"key": "p", "value": "3"}]));
    let metric = json!([{"key": "m", "value": 3.0, "timestamp": 1, "step": 0}]);
    assert_eq!(runs[0]["data"]["metrics"], metric);
}

#[tokio::test]
async fn a_search_sees_the_runs_of_its_view() {
    let store = TestStore::new().await;
    let deleted = store.run().await;
    store.run().await;
    store.delete_run(request(json!({"run_id": deleted}))).await.unwrap();
    let count = async |view: &str| {
        let search = json!({"experiment_ids": ["0"], "run_view_type": view});
        store.search_runs(request(search)).await.unwrap().runs.len()
    };
    assert_eq!(count("ACTIVE_ONLY").await, 1);
    assert_eq!(count("DELETED_ONLY").await, 1);
    assert_eq!(count("ALL").await, 2);
    let none = store.search_runs(request(json!({}))).await.unwrap();
    assert_eq!(to_json(none), json!({}));
}

#[tokio::test]
async fn a_search_takes_any_number_of_experiments() {
    let store = TestStore::new().await;
    store.run().await;
    let ids: Vec<String> = (0..40_000).map(|id| id.to_string()).collect();
    let found = store.search_runs(request(json!({"experiment_ids": ids}))).await.unwrap();
    assert_eq!(found.runs.len(), 1);
}

#[tokio::test]
async fn a_large_page_is_complete() {
    let store = TestStore::new().await;
    for statement in [
        "INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage, start_time) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 35000) \
         SELECT 'r' || i, 0, 'active', i FROM n",
        "INSERT INTO params (key, value, run_uuid) SELECT 'p', run_uuid, run_uuid FROM runs",
    ] {
        store.execute(statement).await;
    }
    let search = json!({"experiment_ids": ["0"], "max_results": 50_000});
    let found = store.search_runs(request(search)).await.unwrap();
    assert_eq!(found.runs.len(), 35_000);
    for run in &found.runs {
        assert_eq!(run.data.params[0].value, run.info.run_id.as_str());
    }
}
