//! What a checkup finds in databases that were spoilt behind the store's back.

use super::{TestStore, database::TestDatabase, request};
use mlferry_store::{
    Checkup, Depth, Faults, FolderOwner, Located, OpenError, RecordFinding, Severity,
};
use serde_json::json;
use std::{
    collections::{HashMap, HashSet},
    io::{Seek, SeekFrom, Write},
};

/// Statements that the database would refuse if it looked at foreign keys.
async fn spoil(store: &TestStore, sql: &str) {
    let blindly = match store.database {
        TestDatabase::Sqlite(_) => {
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;"
        }
        TestDatabase::Postgres(_) => "SET session_replication_role = replica;",
    };
    store.execute(format!("{blindly} {sql}")).await;
}

async fn checkup(store: &TestStore) -> Checkup {
    Checkup::open(&store.database.uri()).await.unwrap()
}

/// All that is found in the rows, by its name.
async fn findings(store: &TestStore) -> HashMap<String, RecordFinding> {
    let checkup = checkup(store).await;
    let mut found = checkup.broken_links().await.unwrap();
    found.extend(checkup.impossible_states().await.unwrap());
    found.extend(checkup.wrong_latest_metrics().await.unwrap());
    found.into_iter().map(|finding| (finding.check.clone(), finding)).collect()
}

/// A store with something in most tables.
async fn filled() -> (TestStore, String) {
    let store = TestStore::new().await;
    let run = store.run().await;
    let metric =
        |key: &str, step: i64| json!({"key": key, "value": step, "timestamp": 1, "step": step});
    let batch = json!({
        "run_id": run,
        "metrics": [metric("m", 1), metric("m", 2), metric("n", 1)],
        "params": [{"key": "p", "value": "1"}],
        "tags": [{"key": "t", "value": "1"}],
    });
    store.log_batch(request(batch)).await.unwrap();
    let nan = json!({"run_id": run, "key": "nan", "value": "NaN", "timestamp": 1});
    store.log_metric(request(nan)).await.unwrap();
    let dataset = json!({"name": "d", "digest": "g", "source_type": "s", "source": "x"});
    let tags = json!([{"key": "k", "value": "v"}]);
    let inputs = json!({"run_id": run, "datasets": [{"tags": tags, "dataset": dataset}]});
    store.log_inputs(request(inputs)).await.unwrap();
    store.create_registered_model(request(json!({"name": "r"}))).await.unwrap();
    (store, run)
}

#[tokio::test]
async fn a_sound_database_has_no_findings() {
    let (store, _) = filled().await;
    assert_eq!(findings(&store).await, HashMap::new());
    let checkup = checkup(&store).await;
    for depth in [Depth::Quick, Depth::Full] {
        assert_eq!(checkup.faults(depth).await.unwrap(), Faults::default());
    }
    assert!(checkup.schema().await.unwrap().is_exact());
}

#[tokio::test]
async fn each_kind_of_orphan_is_found() {
    let (store, _) = filled().await;
    spoil(
        &store,
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)
         VALUES ('a', 1, 1, 'gone', 1, FALSE), ('a', 2, 1, 'gone', 2, FALSE);
         INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)
         VALUES ('a', 2, 1, 2, FALSE, 'gone');
         INSERT INTO params (key, value, run_uuid) VALUES ('a', '1', 'gone');
         INSERT INTO tags (key, value, run_uuid) VALUES ('a', '1', 'gone');
         INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage)
         VALUES ('lost', 99, 'RUNNING', 'active');
         INSERT INTO experiment_tags (key, value, experiment_id) VALUES ('a', '1', 99);
         INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value)
         VALUES ('m-gone', 0, 'a', '1');
         INSERT INTO model_versions (name, version, workspace) VALUES ('gone', 1, 'default');
         INSERT INTO registered_model_aliases (alias, version, name, workspace)
         VALUES ('champion', 7, 'r', 'default');
         INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status)
         VALUES ('tr-lost', 99, 1, 'OK');
         INSERT INTO trace_tags (key, value, request_id) VALUES ('a', '1', 'tr-gone');
         INSERT INTO scorer_versions (scorer_id, scorer_version, serialized_scorer, creation_time)
         VALUES ('gone', 1, '{}', 1);
         INSERT INTO input_tags (input_uuid, name, value) VALUES ('gone', 'a', '1');
         INSERT INTO entity_associations
         (association_id, source_type, source_id, destination_type, destination_id)
         VALUES ('x', 'trace', 'tr-lost', 'run', 'gone');
         INSERT INTO inputs
         (input_uuid, source_type, source_id, destination_type, destination_id, step)
         VALUES ('1', 'DATASET', 'd-gone', 'RUN', 'gone', 0),
         ('2', 'RUN_OUTPUT', 'gone', 'MODEL_OUTPUT', 'm-gone', 0)",
    )
    .await;
    let found = findings(&store).await;
    let problems = [
        ("orphans.metrics", 2, "gone"),
        ("orphans.latest_metrics", 1, "gone"),
        ("orphans.params", 1, "gone"),
        ("orphans.tags", 1, "gone"),
        ("orphans.runs", 1, "99"),
        ("orphans.experiment_tags", 1, "99"),
        ("orphans.logged_model_tags", 1, "m-gone"),
        ("orphans.model_versions", 1, "default/gone"),
        ("aliases.version", 1, "r/champion"),
        ("orphans.traces", 1, "99"),
        ("orphans.trace_tags", 1, "tr-gone"),
        ("orphans.scorer_versions", 1, "gone"),
    ];
    let warnings = [
        ("links.to_runs", 1, "gone"),
        ("links.from_runs", 1, "gone"),
        ("links.datasets", 1, "d-gone"),
        ("links.tags", 1, "gone"),
        ("links.traces", 1, "gone"),
    ];
    for (expected, severity) in
        [(&problems[..], Severity::Problem), (&warnings[..], Severity::Warning)]
    {
        for (check, count, example) in expected {
            let finding = found.get(*check).unwrap_or_else(|| panic!("{check}"));
            assert_eq!((finding.count, finding.severity), (*count, severity), "{check}");
            assert_eq!(finding.examples, [*example], "{check}");
        }
    }
    assert_eq!(found.len(), problems.len() + warnings.len(), "{:?}", found.keys());
    let metrics = &found["orphans.metrics"];
    assert_eq!(metrics.what, "values of metrics name a run that is not there");
}

#[tokio::test]
async fn keys_of_all_other_tables_are_looked_at_on_sqlite() {
    let store = TestStore::on_sqlite().await;
    spoil(&store, "INSERT INTO webhook_events VALUES ('gone', 'REGISTERED_MODEL', 'CREATED')")
        .await;
    let found = findings(&store).await;
    let finding = &found["orphans.webhook_events"];
    assert_eq!(finding.what, "rows of 'webhook_events' name a row of 'webhooks' that is not there");
    assert_eq!((finding.count, found.len()), (1, 1));
}

#[tokio::test]
async fn a_deleted_version_has_no_alias_and_keeps_its_tags() {
    let (store, _) = filled().await;
    spoil(
        &store,
        "INSERT INTO model_versions (name, version, current_stage, workspace)
         VALUES ('r', 1, 'Deleted_Internal', 'default');
         INSERT INTO model_version_tags (key, value, name, version, workspace)
         VALUES ('a', '1', 'r', 1, 'default')",
    )
    .await;
    assert_eq!(findings(&store).await, HashMap::new());
    spoil(
        &store,
        "INSERT INTO registered_model_aliases (alias, version, name, workspace)
         VALUES ('old', 1, 'r', 'default')",
    )
    .await;
    let found = findings(&store).await;
    assert_eq!(found["aliases.version"].examples, ["r/old"]);
}

#[tokio::test]
async fn impossible_states_are_found() {
    let store = TestStore::new().await;
    spoil(
        &store,
        "INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage, deleted_time) VALUES
         ('no-status', 0, NULL, 'active', NULL),
         ('no-stage', 0, 'RUNNING', NULL, NULL),
         ('no-time', 0, 'RUNNING', 'deleted', NULL),
         ('fine', 0, 'FINISHED', 'deleted', 5),
         ('undead', 0, 'RUNNING', 'active', 5);
         INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (7, 'x', NULL);
         INSERT INTO logged_models (model_id, experiment_id, name, artifact_location,
         creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage)
         VALUES ('m-odd', 0, 'm', 'x', 1, 1, 9, 'active'), ('m-none', 0, 'm', 'x', 1, 1, 2, NULL)",
    )
    .await;
    let found = findings(&store).await;
    let examples: HashMap<&str, Vec<&str>> = found
        .iter()
        .map(|(check, found)| (check.as_str(), found.examples.iter().map(String::as_str).collect()))
        .collect();
    let expected = HashMap::from([
        ("runs.status", vec!["no-status"]),
        ("runs.lifecycle_stage", vec!["no-stage"]),
        ("runs.deleted_time", vec!["no-time"]),
        ("runs.active_deleted_time", vec!["undead"]),
        ("experiments.lifecycle_stage", vec!["7"]),
        ("logged_models.status", vec!["m-odd"]),
        ("logged_models.lifecycle_stage", vec!["m-none"]),
    ]);
    assert_eq!(examples, expected);
    assert_eq!(found["runs.deleted_time"].severity, Severity::Warning);
}

#[tokio::test]
async fn a_status_that_is_none_is_found_on_sqlite() {
    let store = TestStore::on_sqlite().await;
    let run = store.run().await;
    spoil(&store, "UPDATE runs SET status = 'DREAMING'").await;
    assert_eq!(findings(&store).await["runs.status"].examples, [run]);
    let faults = checkup(&store).await.faults(Depth::Quick).await.unwrap();
    let constraints = vec!["CHECK constraint failed in runs".to_owned()];
    assert_eq!(faults, Faults { pages: Vec::new(), constraints });
}

#[tokio::test]
async fn latest_values_are_rebuilt_from_the_histories() {
    let (store, run) = filled().await;
    let latest = "SELECT count(*) FROM latest_metrics";
    let other = store.run().await;
    for step in 0..3 {
        let metric =
            json!({"run_id": other, "key": "late", "value": 0.5, "timestamp": 3, "step": step});
        store.log_metric(request(metric)).await.unwrap();
    }
    spoil(
        &store,
        "DELETE FROM latest_metrics WHERE key IN ('n', 'nan');
         UPDATE latest_metrics SET value = 1, step = 1 WHERE key = 'm';
         UPDATE latest_metrics SET step = 1 WHERE key = 'late'",
    )
    .await;
    let found = findings(&store).await;
    assert_eq!(found.len(), 1);
    let outdated = &found["latest_metrics.outdated"];
    assert_eq!((outdated.count, outdated.severity), (4, Severity::Problem));
    assert!(outdated.examples.contains(&format!("{run}/n")), "{outdated:?}");
    assert_eq!(store.count(latest).await, 2);

    assert_eq!(checkup(&store).await.rebuild_latest_metrics().await.unwrap(), 4);
    assert_eq!(findings(&store).await, HashMap::new());
    assert_eq!(store.count(latest).await, 4);
    for (key, condition) in [
        ("m", "value = 2 AND step = 2"),
        ("nan", "is_nan"),
        ("late", "step = 2"),
        ("n", "step = 1"),
    ] {
        let rows = format!("{latest} WHERE key = '{key}' AND {condition}");
        assert_eq!(store.count(rows).await, 1, "{key}");
    }
    assert_eq!(checkup(&store).await.rebuild_latest_metrics().await.unwrap(), 0);
}

#[tokio::test]
async fn more_latest_values_than_fit_a_page_are_rebuilt() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let metrics: Vec<_> = (0..1000)
        .map(|number| json!({"key": format!("m{number}"), "value": number, "timestamp": 1}))
        .collect();
    store.log_batch(request(json!({"run_id": run, "metrics": metrics}))).await.unwrap();
    spoil(&store, "DELETE FROM latest_metrics").await;
    assert_eq!(checkup(&store).await.rebuild_latest_metrics().await.unwrap(), 1000);
    assert_eq!(findings(&store).await, HashMap::new());
}

#[tokio::test]
async fn a_latest_value_without_history_is_told_and_stays() {
    let (store, run) = filled().await;
    spoil(&store, "UPDATE latest_metrics SET value = 50, step = 50 WHERE key = 'm'").await;
    let found = findings(&store).await;
    let unknown = &found["latest_metrics.unknown"];
    assert_eq!(unknown.examples, [format!("{run}/m")]);
    assert_eq!((unknown.severity, found.len()), (Severity::Warning, 1));
    assert_eq!(checkup(&store).await.rebuild_latest_metrics().await.unwrap(), 0);
    assert_eq!(store.count("SELECT count(*) FROM latest_metrics WHERE step = 50").await, 1);
}

#[tokio::test]
async fn a_damaged_file_is_told_by_its_faults() {
    let store = TestStore::on_sqlite().await;
    let run = store.run().await;
    for step in 0..1000 {
        let value = json!({"key": "m", "value": step, "timestamp": step, "step": step});
        store.log_batch(request(json!({"run_id": run, "metrics": [value]}))).await.unwrap();
    }
    store.close().await;
    let pages = store.count("PRAGMA page_count").await;
    let mut file = std::fs::File::options().write(true).open(store.database.file()).unwrap();
    // What came last are values of metrics; without the schema, the file could not even be opened.
    for page in (pages - 10)..pages {
        file.seek(SeekFrom::Start(u64::try_from(page).unwrap() * 4096)).unwrap();
        file.write_all(&[0x5a; 4096]).unwrap();
    }
    drop(file);
    let faults = checkup(&store).await.faults(Depth::Quick).await.unwrap();
    assert!(!faults.pages.is_empty());
}

#[tokio::test]
async fn a_database_that_is_not_there_is_not_made() {
    let database = TestDatabase::sqlite();
    let error = Checkup::open(&database.uri()).await.err();
    assert!(matches!(error, Some(OpenError::Empty(_))), "{error:?}");
    assert!(!database.file().try_exists().unwrap());
}

#[tokio::test]
async fn clocks_are_compared_where_there_are_two() {
    let store = TestStore::new().await;
    let clock = checkup(&store).await.clock_ms().await.unwrap();
    match store.database {
        TestDatabase::Sqlite(_) => assert_eq!(clock, None),
        TestDatabase::Postgres(_) => {
            let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
            assert!(u128::try_from(clock.unwrap()).unwrap().abs_diff(now) < 60_000, "{clock:?}");
        }
    }
}

#[tokio::test]
async fn places_are_told_page_by_page() {
    let store = TestStore::new().await;
    let rows: Vec<_> = (0..1001)
        .map(|number| format!("('r{number:04}', 0, 'RUNNING', 'active', 'mlflow-artifacts:/0/r{number:04}/artifacts')"))
        .collect();
    let columns = "run_uuid, experiment_id, status, lifecycle_stage, artifact_uri";
    spoil(&store, &format!("INSERT INTO runs ({columns}) VALUES {}", rows.join(", "))).await;
    let checkup = checkup(&store).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = checkup.run_locations(after).await.unwrap();
        assert!(page.len() <= 1000);
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.extend(page.into_iter().map(|located| located.id));
    }
    assert_eq!(seen.len(), 1001);
    assert!(seen.is_sorted());
    let experiments = checkup.experiment_locations(None).await.unwrap();
    let (id, location) = &experiments[0];
    assert_eq!((id.0, location.as_str()), (0, "mlflow-artifacts:/0"));
    assert!(checkup.experiment_locations(Some(*id)).await.unwrap().is_empty());
    let ids = ["r0000", "nobody", "r1000"].map(str::to_owned).to_vec();
    assert_eq!(checkup.unknown(FolderOwner::Run, ids.clone()).await.unwrap(), ["nobody"]);
    assert_eq!(checkup.unknown(FolderOwner::Trace, ids).await.unwrap().len(), 3);
}

#[tokio::test]
async fn names_are_in_use_by_whoever_has_artifacts_below_them() {
    let store = TestStore::new().await;
    spoil(
        &store,
        "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage)
         VALUES (8, 'inner', 'mlflow-artifacts:/0/inner/8', 'active'),
         (9, 'ä', 'mlflow-artifacts:/ä/x', 'active');
         INSERT INTO runs (run_uuid, experiment_id, status, lifecycle_stage, artifact_uri)
         VALUES ('r', 0, 'RUNNING', 'active', 'mlflow-artifacts:/0/moved')",
    )
    .await;
    let checkup = checkup(&store).await;
    let names =
        |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<HashSet<_>>();
    let candidates = names(&["inner", "moved", "free"]);
    let used = checkup.names_in_use("mlflow-artifacts:/0", candidates).await.unwrap();
    assert_eq!(used, names(&["inner", "moved"]));
    let used = checkup.names_in_use("mlflow-artifacts:/", names(&["0", "ä", "1"])).await.unwrap();
    assert_eq!(used, names(&["0", "ä"]));
    let used = checkup.names_in_use("mlflow-artifacts:/ä", names(&["x", "y"])).await.unwrap();
    assert_eq!(used, names(&["x"]));
}

#[tokio::test]
async fn only_models_whose_files_should_be_there_are_told() {
    let store = TestStore::new().await;
    spoil(
        &store,
        "INSERT INTO logged_models (model_id, experiment_id, name, artifact_location,
         creation_timestamp_ms, last_updated_timestamp_ms, status, lifecycle_stage)
         VALUES ('m-ready', 0, 'm', 'place', 1, 1, 2, 'active'), ('m-pending', 0, 'm', 'x', 1, 1, 1, 'active'),
         ('m-deleted', 0, 'm', 'x', 1, 1, 2, 'deleted'), ('m-external', 0, 'm', 'x', 1, 1, 2, 'active');
         INSERT INTO logged_model_tags (model_id, experiment_id, tag_key, tag_value)
         VALUES ('m-external', 0, 'mlflow.model.isExternal', 'true');
         INSERT INTO registered_models (name, workspace) VALUES ('r', 'default');
         INSERT INTO model_versions (name, version, current_stage, source, workspace)
         VALUES ('r', 1, 'None', 'models:/m-ready', 'default'), ('r', 2, 'None', 'models:/m-gone', 'default'),
         ('r', 3, 'Deleted_Internal', 'x', 'default'), ('r', 4, 'None', 's3://b/x', 'default')",
    )
    .await;
    let checkup = checkup(&store).await;
    let located = Located { id: "m-ready".to_owned(), uri: "place".to_owned() };
    assert_eq!(checkup.ready_models(None).await.unwrap(), [located]);
    let versions = checkup.version_locations(None).await.unwrap();
    let told: Vec<_> = versions.into_iter().map(|of| (of.name, of.version, of.uri)).collect();
    let place = |uri: &str| Ok(uri.to_owned());
    let gone = Err("Logged model with ID 'm-gone' not found.".to_owned());
    let expected = [(1, place("place")), (2, gone), (4, place("s3://b/x"))];
    assert_eq!(told, expected.map(|(version, uri)| ("r".to_owned(), version, uri)));
    assert!(checkup.version_locations(Some(("r".to_owned(), 4))).await.unwrap().is_empty());
}
