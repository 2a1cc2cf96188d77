//! What concurrent callers hear when their changes share a transaction.

use super::{TestDatabase, TestStore, refusal, request};
use mlferry_protocol::ErrorCode;
use serde_json::json;
use tokio::task::JoinSet;

/// Enough callers for groups of many.
const CALLERS: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_s_error_never_fails_a_neighbour() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let other = json!({"run_id": run, "key": "taken", "value": "first"});
    store.log_param(request(other)).await.unwrap();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (store, run) = (store.store.clone(), run.clone());
        // Every third batch writes a param and then conflicts, so that it must be undone.
        let is_wrong = caller % 3 == 0;
        let second = if is_wrong { "taken" } else { "untaken" };
        let batch = json!({
            "run_id": run,
            "params": [
                {"key": format!("p{caller}"), "value": "v"},
                {"key": format!("{second}"), "value": "another"},
            ],
            "metrics": [{"key": "m", "value": caller, "timestamp": 1, "step": caller}],
        });
        callers.spawn(async move { (is_wrong, store.log_batch(request(batch)).await) });
    }
    let mut good = 0;
    for (is_wrong, result) in callers.join_all().await {
        if is_wrong {
            assert_eq!(refusal(result).0, ErrorCode::InvalidParameterValue);
        } else {
            result.unwrap();
            good += 1;
        }
    }
    // Nothing of the refused is left, and all of the others is there.
    assert_eq!(store.count("SELECT count(*) FROM metrics").await, good);
    assert_eq!(store.count("SELECT count(*) FROM params WHERE key LIKE 'p%'").await, good);
    let untouched = "SELECT count(*) FROM params WHERE key = 'taken' AND value = 'first'";
    assert_eq!(store.count(untouched).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_many_callers_are_each_their_own() {
    let store = TestStore::new().await;
    let runs = [store.run().await, store.run().await, store.run().await];
    let deleted = store.run().await;
    store.delete_run(request(json!({"run_id": deleted}))).await.unwrap();
    let missing = "0".repeat(32);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let run = match caller % 5 {
            3 => &deleted,
            4 => &missing,
            index => &runs[index],
        };
        // All of them log the same value once more.
        let step = caller / 10;
        let metric =
            json!({"run_id": run, "key": "m", "value": step, "timestamp": 1, "step": step});
        let batch = json!({"run_id": run, "metrics": [metric]});
        let store = store.store.clone();
        callers.spawn(async move {
            let result = if caller % 2 == 0 {
                store.log_metric(request(metric)).await
            } else {
                store.log_batch(request(batch)).await
            };
            (caller, result)
        });
    }
    for (caller, result) in callers.join_all().await {
        match caller % 5 {
            3 => assert_eq!(refusal(result).0, ErrorCode::InvalidParameterValue),
            4 => assert_eq!(refusal(result).0, ErrorCode::ResourceDoesNotExist),
            _ => result.unwrap(),
        }
    }
    let steps = CALLERS.div_ceil(10);
    let counted = store.count("SELECT count(*) FROM metrics").await;
    assert_eq!(usize::try_from(counted), Ok(steps * runs.len()));
    let latest = format!("SELECT count(*) FROM latest_metrics WHERE step = {}", steps - 1);
    assert_eq!(usize::try_from(store.count(&latest).await), Ok(runs.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metric_that_the_database_refuses_fails_alone() {
    let store = TestStore::new().await;
    let run = store.run().await;
    store
        .execute(match store.database {
            TestDatabase::Sqlite(_) => {
                "CREATE TRIGGER refuse BEFORE INSERT ON metrics WHEN NEW.key = 'bad' \
                 BEGIN SELECT RAISE(ABORT, 'refused'); END"
            }
            TestDatabase::Postgres(_) => "ALTER TABLE metrics ADD CHECK (key <> 'bad')",
        })
        .await;
    let metric =
        move |key| json!({"run_id": run, "key": key, "value": 1, "timestamp": 1, "step": 1});
    let alone = store.log_metric(request(metric("bad".to_owned()))).await;
    assert_eq!(refusal(alone).0, ErrorCode::InternalError);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let is_bad = caller % 20 == 7;
        let metric = metric(if is_bad { "bad".to_owned() } else { format!("m{caller}") });
        let store = store.store.clone();
        callers.spawn(async move { (is_bad, store.log_metric(request(metric)).await) });
    }
    for (is_bad, result) in callers.join_all().await {
        if is_bad {
            assert_eq!(refusal(result).0, ErrorCode::InternalError);
        } else {
            result.unwrap();
        }
    }
    let kept = store.count("SELECT count(*) FROM metrics").await;
    assert_eq!(usize::try_from(kept), Ok(CALLERS - CALLERS / 20));
    assert_eq!(store.count("SELECT count(*) FROM latest_metrics").await, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_taken_do_not_disturb_those_that_are_free() {
    let store = TestStore::new().await;
    store.experiment("taken").await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.store.clone();
        let name = if caller % 2 == 0 { "taken".to_owned() } else { format!("e{caller}") };
        callers.spawn(async move {
            let is_free = name != "taken";
            (is_free, store.create_experiment(request(json!({"name": name}))).await)
        });
    }
    for (is_free, result) in callers.join_all().await {
        assert_eq!(result.is_ok(), is_free, "{result:?}");
    }
    let made = store.count("SELECT count(*) FROM experiments WHERE name LIKE 'e%'").await;
    assert_eq!(made, i64::try_from(CALLERS / 2).unwrap());
}

#[tokio::test]
async fn a_closed_store_refuses_changes_and_has_those_it_took() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let mut callers = JoinSet::new();
    for step in 0..50 {
        let (store, run) = (store.store.clone(), run.clone());
        let metric = json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1, "step": step});
        callers.spawn(async move { store.log_metric(request(metric)).await.is_ok() });
    }
    tokio::task::yield_now().await;
    store.close().await;
    let acknowledged = callers.join_all().await.into_iter().filter(|is_ok| *is_ok).count();
    let late = json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1, "step": 99});
    let (code, text) = refusal(store.log_metric(request(late)).await);
    assert_eq!(code, ErrorCode::TemporarilyUnavailable, "{text}");
    let kept = store.count("SELECT count(*) FROM metrics").await;
    assert_eq!(kept, i64::try_from(acknowledged).unwrap());
}
