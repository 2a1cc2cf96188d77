//! Histories that are too long to be read at once.

use super::{TestStore, request, to_json};
use serde_json::{Value, json};

/// Gives a run so many values of `m`, each a second after the one before. Its step is told in SQL, of its `number`.
async fn seed(store: &TestStore, run: &str, count: usize, step: &str) {
    let sql = format!(
        "WITH RECURSIVE numbers (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers WHERE number < {}) \
         INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) \
         SELECT 'm', number * 0.25, 1000 * number, '{run}', {step}, number % 7 = 3 FROM numbers",
        count - 1
    );
    store.execute(sql).await;
}

/// The times of all values, page by page.
async fn times(store: &TestStore, run: &str, page: usize, first: Value) -> Vec<i64> {
    let mut query = json!({"run_id": run, "metric_key": "m", "max_results": page});
    query["page_token"] = first;
    let mut times = Vec::new();
    loop {
        let answer = to_json(store.get_metric_history(request(query.clone())).await.unwrap());
        let metrics = answer["metrics"].as_array().unwrap();
        assert!(metrics.len() <= page);
        times.extend(metrics.iter().map(|metric| metric["timestamp"].as_i64().unwrap()));
        let Some(token) = answer.get("next_page_token") else { return times };
        assert_eq!(metrics.len(), page, "a page before the last is full");
        query["page_token"] = token.clone();
    }
}

/// The steps of the sample of one run.
async fn sample(store: &TestStore, mut query: Value, run: &str) -> Vec<i64> {
    query["run_ids"] = json!([run]);
    query["metric_key"] = "m".into();
    let answer = store.get_metric_history_bulk_interval(request(query)).await.unwrap();
    let metrics = to_json(answer)["metrics"].take();
    metrics.as_array().unwrap().iter().map(|metric| metric["step"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn pages_give_each_value_once_whatever_others_log_at_the_same_time() {
    let store = TestStore::new().await;
    let (alone, among) = (store.run().await, store.run().await);
    // Fewer than are read over at once, and many more: whole pages of others stand in between.
    seed(&store, &alone, 100, "number").await;
    seed(&store, &among, 50, "-number").await;
    for _ in 0..8 {
        let other = store.run().await;
        seed(&store, &other, 50, "number").await;
    }
    let expected = |count: i64| (0..count).map(|number| 1000 * number).collect::<Vec<_>>();
    for page in [1, 3, 10, 49, 50, 100] {
        assert_eq!(times(&store, &alone, page, Value::Null).await, expected(100), "{page}");
        assert_eq!(times(&store, &among, page, Value::Null).await, expected(50), "{page}");
    }
}

#[tokio::test]
async fn pages_may_begin_where_the_reference_counted_and_be_of_any_size() {
    let store = TestStore::new().await;
    let run = store.run().await;
    seed(&store, &run, 100, "number").await;
    let expected: Vec<i64> = (0..100).map(|number| 1000 * number).collect();
    for page in [10, 30, usize::MAX >> 1] {
        // `{"offset": 2}`
        let counted = times(&store, &run, page, json!("eyJvZmZzZXQiOiAyfQ==")).await;
        assert_eq!(counted, expected[2..], "{page}");
        assert_eq!(times(&store, &run, page, Value::Null).await, expected, "{page}");
    }
}

#[tokio::test]
async fn values_of_one_time_are_told_apart_by_step_value_and_nan() {
    let store = TestStore::new().await;
    let run = store.run().await;
    for (value, step) in [(json!(1), 1), (json!("NaN"), 0), (json!(0), 0), (json!(-1), 1)] {
        for key in ["m", "other"] {
            let metric =
                json!({"run_id": run, "key": key, "value": value, "timestamp": 5, "step": step});
            store.log_metric(request(metric)).await.unwrap();
        }
    }
    assert_eq!(times(&store, &run, 1, Value::Null).await, [5, 5, 5, 5]);
}

#[tokio::test]
async fn a_long_history_is_sampled_by_its_steps() {
    let store = TestStore::new().await;
    let run = store.run().await;
    seed(&store, &run, 12_000, "2 * number").await;
    let all = sample(&store, json!({"max_results": 4}), &run).await;
    assert_eq!(all, [0, 8_000, 16_000, 23_998]);
    assert_eq!(sample(&store, json!({"max_results": 1}), &run).await, [23_998]);
    let part = json!({"max_results": 3, "start_step": 1, "end_step": 21_001});
    assert_eq!(sample(&store, part, &run).await, [2, 10_502, 21_000]);
    let most = sample(&store, json!({"max_results": 2_500}), &run).await;
    assert!(most.len() > 2_400 && most.is_sorted(), "{} values", most.len());
}

#[tokio::test]
async fn a_long_history_without_steps_is_sampled_by_its_values() {
    let store = TestStore::new().await;
    let (none, few) = (store.run().await, store.run().await);
    seed(&store, &none, 10_500, "0").await;
    seed(&store, &few, 10_500, "CASE WHEN number < 10000 THEN 0 ELSE 9000000 + number END").await;
    for run in [&none, &few] {
        assert_eq!(sample(&store, json!({"max_results": 100}), run).await.len(), 100);
    }
}
