use super::{TestStore, refusal, request, to_json};
use mlferry_protocol::ErrorCode;
use serde_json::json;

#[tokio::test]
async fn an_experiment_is_read_back_by_id_and_by_name() {
    let store = TestStore::new().await;
    let created = store.create_experiment(request(json!({
        "name": "vision",
        "tags": [{"key": "team", "value": "a"}, {"key": "empty"}],
    })));
    let id = created.await.unwrap().to_string();
    let by_id = to_json(store.get_experiment(request(json!({"experiment_id": id}))).await.unwrap());
    assert_eq!(by_id["artifact_location"], format!("mlflow-artifacts:/{id}"));
    assert_eq!(by_id["creation_time"], by_id["last_update_time"]);
    assert_eq!(by_id["workspace"], "default");
    assert_eq!(
        by_id["tags"],
        json!([{"key": "empty", "value": ""}, {"key": "team", "value": "a"}])
    );
    let by_name = request(json!({"experiment_name": "vision"}));
    assert_eq!(to_json(store.get_experiment_by_name(by_name).await.unwrap()), by_id);
}

#[tokio::test]
async fn absent_experiments_are_named_in_the_refusal() {
    let store = TestStore::new().await;
    let by_id = |id| store.get_experiment(request(json!({"experiment_id": id})));
    assert_eq!(
        refusal(by_id("987654").await),
        (ErrorCode::ResourceDoesNotExist, "No Experiment with id=987654 exists".to_owned())
    );
    let by_name = store.get_experiment_by_name(request(json!({"experiment_name": "nope"})));
    assert_eq!(refusal(by_name.await).1, "Could not find experiment with name 'nope'");
}

#[tokio::test]
async fn a_name_is_taken_even_by_a_deleted_experiment() {
    let store = TestStore::new().await;
    let id = store.experiment("a").await;
    store.delete_experiment(request(json!({"experiment_id": id}))).await.unwrap();
    let expected =
        (ErrorCode::ResourceAlreadyExists, "Experiment(name=a) already exists.".to_owned());
    let again = store.create_experiment(request(json!({"name": "a"}))).await;
    assert_eq!(refusal(again), expected);
    let rename = json!({"experiment_id": "0", "new_name": "a"});
    assert_eq!(refusal(store.update_experiment(request(rename)).await), expected);
}

#[tokio::test]
async fn a_rename_moves_the_update_time() {
    let store = TestStore::new().await;
    let id = store.experiment("a").await;
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let rename = json!({"experiment_id": id, "new_name": "b"});
    store.update_experiment(request(rename.clone())).await.unwrap();
    store.update_experiment(request(rename)).await.unwrap();
    let experiment = store.get_experiment(request(json!({"experiment_id": id}))).await.unwrap();
    assert_eq!(experiment.name, "b");
    assert!(experiment.last_update_time > experiment.creation_time);
    store.delete_experiment(request(json!({"experiment_id": id}))).await.unwrap();
    let rename = json!({"experiment_id": id, "new_name": "c"});
    assert_eq!(
        refusal(store.update_experiment(request(rename)).await),
        (ErrorCode::InvalidState, "Cannot rename a non-active experiment.".to_owned())
    );
}

#[tokio::test]
async fn deletion_and_restoring_take_the_runs_along() {
    let store = TestStore::new().await;
    let id = store.experiment("a").await;
    let run = store.create_run(request(json!({"experiment_id": id}))).await.unwrap();
    let run = run.info.run_id.to_string();
    let experiment = json!({"experiment_id": id});
    store.delete_experiment(request(experiment.clone())).await.unwrap();
    assert_eq!(store.run_json(&run).await["info"]["lifecycle_stage"], "deleted");
    assert_eq!(store.count("SELECT count(*) FROM runs WHERE deleted_time > 0").await, 1);
    let again = refusal(store.delete_experiment(request(experiment.clone())).await);
    assert_eq!(again.1, format!("No Experiment with id={id} exists"));
    let create = refusal(store.create_run(request(experiment.clone())).await);
    assert_eq!(
        create.1,
        format!("The experiment {id} must be in the 'active' state. Current state is deleted.")
    );
    store.restore_experiment(request(experiment.clone())).await.unwrap();
    assert_eq!(store.run_json(&run).await["info"]["lifecycle_stage"], "active");
    assert_eq!(store.count("SELECT count(*) FROM runs WHERE deleted_time IS NULL").await, 1);
    assert!(store.restore_experiment(request(experiment)).await.is_err());
}

#[tokio::test]
async fn tags_are_set_changed_and_removed() {
    let store = TestStore::new().await;
    let set = |value: &str| {
        store.set_experiment_tag(request(json!({"experiment_id": "0", "key": "k", "value": value})))
    };
    set("1").await.unwrap();
    set("2").await.unwrap();
    let experiment = store.get_experiment(request(json!({"experiment_id": "0"}))).await.unwrap();
    assert_eq!(to_json(&experiment.tags), json!([{"key": "k", "value": "2"}]));
    let delete = || store.delete_experiment_tag(request(json!({"experiment_id": "0", "key": "k"})));
    delete().await.unwrap();
    assert_eq!(
        refusal(delete().await),
        (ErrorCode::ResourceDoesNotExist, "No tag with name: k in experiment with id 0".to_owned())
    );
}

#[tokio::test]
async fn pages_follow_each_other_newest_first() {
    let store = TestStore::new().await;
    for index in 0..4 {
        store.experiment(&format!("e{index}")).await;
        // Times have milliseconds, and the order goes by them.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    store.delete_experiment(request(json!({"experiment_id": "2"}))).await.unwrap();
    let mut names = Vec::new();
    let mut search = json!({"max_results": 3});
    loop {
        let page = to_json(store.search_experiments(request(search.clone())).await.unwrap());
        names.extend(
            page["experiments"].as_array().unwrap().iter().map(|found| found["name"].clone()),
        );
        let Some(token) = page.get("next_page_token") else { break };
        search["page_token"] = token.clone();
    }
    assert_eq!(json!(names), json!(["e3", "e2", "e0", "Default"]));
    let count = async |view: &str| {
        let search = json!({"max_results": 10, "view_type": view});
        store.search_experiments(request(search)).await.unwrap().experiments.len()
    };
    assert_eq!((count("ALL").await, count("DELETED_ONLY").await), (5, 1));
}

#[tokio::test]
async fn a_location_is_checked_and_kept() {
    let store = TestStore::new().await;
    let create = |name: &str, location: &str| {
        store.create_experiment(request(json!({"name": name, "artifact_location": location})))
    };
    let id = create("a", "s3://bucket/x?q=1").await.unwrap().to_string();
    let run = store.create_run(request(json!({"experiment_id": id}))).await.unwrap();
    assert_eq!(
        run.info.artifact_uri.unwrap(),
        format!("s3://bucket/x/{}/artifacts?q=1", run.info.run_id)
    );
    assert!(create("b", "ftp://host/x").await.is_err());
    assert_eq!(store.count("SELECT count(*) FROM experiments").await, 2);
}
