use super::{TestDatabase, TestStore, refusal, request};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinSet;

const TASKS: i64 = 20;
const POINTS: i64 = 25;

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_to_one_run_lose_nothing_and_double_nothing() {
    let store = TestStore::new().await;
    let run = store.run().await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (store, run) = (store.store.clone(), run.clone());
        tasks.spawn(async move {
            for step in 0..POINTS {
                let (key, value) = (format!("m{}", task % 4), task * POINTS + step);
                let metric = json!({"run_id": run, "key": key, "value": value, "timestamp": 1, "step": step});
                store.log_metric(request(metric.clone())).await.unwrap();
                // As a client does that heard no answer.
                store.log_metric(request(metric)).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.count("SELECT count(*) FROM metrics").await, TASKS * POINTS);
    let latest = store.run_json(&run).await["data"]["metrics"].clone();
    let expected: Vec<_> = (0..4)
        .map(|key| {
            let value = f64::from(i32::try_from((TASKS - 4 + key) * POINTS + POINTS - 1).unwrap());
            json!({"key": format!("m{key}"), "value": value, "timestamp": 1, "step": POINTS - 1})
        })
        .collect();
    assert_eq!(latest, json!(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_gets_the_name() {
    let store = TestStore::new().await;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let store = store.store.clone();
        tasks.spawn(async move { store.create_experiment(request(json!({"name": "a"}))).await });
    }
    let results = tasks.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for result in results.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(result).1, "Experiment(name=a) already exists.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_write_to_one_database() {
    let first = TestStore::new().await;
    let second = first.second().await;
    let run = first.run().await;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = if task % 2 == 0 { first.store.clone() } else { second.clone() };
        let param = json!({"run_id": run, "key": format!("p{task}"), "value": "v"});
        tasks.spawn(async move { store.log_param(request(param)).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    assert_eq!(first.count("SELECT count(*) FROM params").await, TASKS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_does_not_hold_up_the_others() {
    let store = TestStore::new().await;
    let run = store.run().await;
    for step in 0..50 {
        let metric = json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1, "step": step});
        let task = tokio::spawn({
            let store = store.store.clone();
            async move { store.log_metric(request(metric)).await }
        });
        tokio::time::sleep(std::time::Duration::from_micros(100 * step)).await;
        task.abort();
    }
    let last = json!({"run_id": run, "key": "m", "value": 9, "timestamp": 1, "step": 99});
    store.log_metric(request(last)).await.unwrap();
    assert_eq!(store.run_json(&run).await["data"]["metrics"][0]["value"], 9.0);
}

/// A request that ends while its transaction begins, as when a client leaves, gives no connection back that is still in one.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_early_leaves_no_transaction_open() {
    const QUERY: &str = "SELECT count(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND state = 'idle in transaction'";
    let store = TestStore::new().await;
    let TestDatabase::Postgres(_) = &store.database else { return };
    for micros in 0..300 {
        let ask = store.get_experiment(request(json!({"experiment_id": "0"})));
        // Whether it was in time does not matter.
        let _ = tokio::time::timeout(Duration::from_micros(micros * 3), ask).await;
    }
    // What had begun is rolled back in a moment.
    for _ in 0..50 {
        if store.count(QUERY).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("connections stay in transactions that nobody ends");
}

/// Those who log little take turns, but nobody's turn lasts as long as somebody else's lock.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_are_locked_hold_up_only_those_who_log_to_them() {
    let store = TestStore::new().await;
    let TestDatabase::Postgres(_) = &store.database else { return };
    let metric = |run: &str| json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1});
    let locked = [store.run().await, store.run().await];
    let lock = store.database.begin("SELECT 1 FROM runs FOR UPDATE").await;
    let free = store.run().await;
    let mut waiting = JoinSet::new();
    for run in &locked {
        let (store, metric) = (store.store.clone(), metric(run));
        waiting.spawn(async move { store.log_metric(request(metric)).await });
        // Each is in a group of its own.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..10 {
        let log = store.log_metric(request(metric(&free)));
        tokio::time::timeout(Duration::from_secs(10), log).await.unwrap().unwrap();
    }
    assert_eq!(waiting.len(), locked.len());
    assert!(waiting.try_join_next().is_none());
    drop(lock);
    assert!(waiting.join_all().await.iter().all(Result::is_ok));
}
