//! Filters and orders.

use super::{TestStore, refusal, request};
use mlferry_protocol::ErrorCode;
use serde_json::{Value, json};

/// An experiment with the runs that the reference was asked about, see `observed_run_searches.tsv`.
async fn observed(store: &TestStore) -> String {
    let experiment = store.experiment("observed").await;
    let create = async |start: i64| {
        let run = json!({"experiment_id": experiment, "start_time": start, "user_id": "bob"});
        store.create_run(request(run)).await.unwrap().info.run_id.to_string()
    };
    let (alpha, beta) = (create(100).await, create(200).await);
    let mut ids = [create(300).await, create(300).await];
    // Of two that start at once, the smaller id comes first.
    ids.sort();
    let [delta, gamma] = ids;
    for (id, name) in [(&alpha, "alpha"), (&beta, "beta"), (&delta, "delta"), (&gamma, "gamma")] {
        store.update_run(request(json!({"run_id": id, "run_name": name}))).await.unwrap();
    }
    let finish = json!({"run_id": alpha, "status": "FINISHED", "end_time": 150});
    store.update_run(request(finish)).await.unwrap();
    let metrics = json!([["acc", 0.9], ["loss", "NaN"], ["f1-score", 0.5], ["val/loss", 1]]);
    log(store, &alpha, &metrics, "params", &json!([["lr", "0.1"], ["Model", "A"], ["n", "10"]]))
        .await;
    log(store, &alpha, &json!([]), "tags", &json!([["team", "x"], ["has space", "1"]])).await;
    let metrics = json!([["acc", 0.5], ["loss", 0.0]]);
    log(store, &beta, &metrics, "params", &json!([["lr", "0.01"], ["n", "9"]])).await;
    log(store, &beta, &json!([]), "tags", &json!([["team", "Y"], ["s", "it's"]])).await;
    log(store, &gamma, &json!([["loss", 2]]), "params", &json!([["lr", "0.1"]])).await;
    let metrics = json!([["acc", "Infinity"], ["loss", -1]]);
    log(store, &delta, &metrics, "tags", &json!([["team", "100%_x"]])).await;
    use_dataset(store, &alpha, "ds1", "dg1", Some("train")).await;
    use_dataset(store, &alpha, "ds2", "dg2", Some("eval")).await;
    use_dataset(store, &beta, "ds2", "dg2", Some("test")).await;
    use_dataset(store, &delta, "ds1", "dg1", None).await;
    experiment
}

/// Logs metrics and, as `kind`, params or tags, each as key and value.
async fn log(store: &TestStore, run: &str, metrics: &Value, kind: &str, pairs: &Value) {
    let pairs_of = |pairs: &Value| -> Vec<Value> {
        let pairs = pairs.as_array().unwrap().iter();
        pairs.map(|pair| json!({"key": pair[0], "value": pair[1], "timestamp": 1})).collect()
    };
    let batch = json!({"run_id": run, "metrics": pairs_of(metrics), kind: pairs_of(pairs)});
    store.log_batch(request(batch)).await.unwrap();
}

async fn use_dataset(
    store: &TestStore,
    run: &str,
    name: &str,
    digest: &str,
    context: Option<&str>,
) {
    let dataset = json!({"name": name, "digest": digest, "source_type": "s", "source": "s"});
    let context = context.map(|context| json!({"key": "mlflow.data.context", "value": context}));
    let tags: Vec<Value> = context.into_iter().collect();
    let inputs = json!({"run_id": run, "datasets": [{"dataset": dataset, "tags": tags}]});
    store.log_inputs(request(inputs)).await.unwrap();
}

/// Names of the runs that a search finds.
async fn runs(store: &TestStore, search: Value) -> Vec<String> {
    let found = store.search_runs(request(search)).await.unwrap();
    found.runs.into_iter().map(|run| run.info.run_name.unwrap()).collect()
}

/// Names of the runs that a search finds, page by page.
async fn pages(store: &TestStore, mut search: Value) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let page = store.search_runs(request(search.clone())).await.unwrap();
        names.extend(page.runs.into_iter().map(|run| run.info.run_name.unwrap()));
        let Some(token) = page.next_page_token else { return names };
        search["page_token"] = serde_json::to_value(token).unwrap();
    }
}

/// Names of the experiments that a search finds.
async fn experiments(store: &TestStore, filter: &str, order_by: &[&str]) -> Vec<String> {
    let search = json!({"max_results": 9, "filter": filter, "order_by": order_by});
    let found = store.search_experiments(request(search)).await.unwrap();
    found.experiments.into_iter().map(|experiment| experiment.name).collect()
}

#[tokio::test]
async fn searches_find_the_runs_that_the_reference_finds() {
    let store = TestStore::on_sqlite().await;
    let experiment = observed(&store).await;
    let mut wrong = Vec::new();
    let lines = include_str!("observed_run_searches.tsv").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let (search, expected) = line.split_once('\t').unwrap();
        let mut message: Value = serde_json::from_str(search).unwrap();
        message["experiment_ids"] = json!([experiment]);
        let found = runs(&store, message).await.join(", ");
        if found != expected {
            wrong.push(format!("{search}\n  expected {expected}\n  but found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn all_databases_find_the_same_runs() {
    let store = TestStore::new().await;
    let experiment = observed(&store).await;
    for (filter, order, expected) in [
        ("metrics.loss != 0", "metrics.loss", vec!["delta", "gamma", "alpha"]),
        ("", "metrics.acc DESC", vec!["delta", "alpha", "beta", "gamma"]),
        ("params.lr IS NULL AND run_name ILIKE 'DEL%'", "start_time", vec!["delta"]),
        ("tags.team LIKE '100%_x'", "end_time DESC", vec!["delta"]),
        ("tags.team LIKE '100\u{25}\u{5f}X'", "end_time DESC", vec![]),
        ("start_time <= 200.5 AND status != 'FAILED'", "params.lr", vec!["beta", "alpha"]),
        ("dataset.context IN ('eval', 'test')", "tags.none", vec!["beta", "alpha"]),
        ("datasets.digest != 'dg1' AND datasets.name = 'ds1'", "run_id", vec!["alpha"]),
    ] {
        let search = json!({
            "experiment_ids": [experiment], "filter": filter, "order_by": [order],
        });
        assert_eq!(runs(&store, search).await, expected, "{filter} by {order}");
    }
}

#[tokio::test]
async fn a_list_may_be_as_long_as_it_likes() {
    let store = TestStore::new().await;
    let experiment = observed(&store).await;
    let all = store.search_runs(request(json!({"experiment_ids": [experiment]}))).await.unwrap();
    let id = all.runs[2].info.run_id.to_string();
    let others = (0..10_000).map(|number| format!("'{number:032x}'")).collect::<Vec<_>>().join(",");
    for (comparator, names) in [("IN", vec!["beta"]), ("NOT IN", vec!["delta", "gamma", "alpha"])] {
        let filter = format!("run_id {comparator} ({others}, '{id}', \"it's\")");
        let search = json!({"experiment_ids": [experiment], "filter": filter});
        assert_eq!(runs(&store, search).await, names);
    }
}

#[tokio::test]
async fn pages_of_a_search_follow_each_other() {
    let store = TestStore::new().await;
    let experiment = observed(&store).await;
    let search = json!({
        "experiment_ids": [experiment],
        "filter": "metrics.loss != 7",
        "order_by": ["params.lr", "metrics.loss DESC"],
        "max_results": 1,
    });
    assert_eq!(pages(&store, search).await, ["beta", "gamma", "alpha", "delta"]);
}

/// Runs of an experiment that are more than a search looks at one by one where few have what it asks for.
const MANY: i64 = 260;

#[tokio::test]
async fn a_search_that_begins_with_what_few_runs_have_finds_the_same() {
    let store = TestStore::new().await;
    let [asked, other] = [store.experiment("asked").await, store.experiment("other").await];
    let long = "v".repeat(249);
    for number in 0..MANY {
        for experiment in [&asked, &other] {
            let run = json!({
                "experiment_id": experiment, "start_time": number, "user_id": "bob", "run_name": number.to_string(),
            });
            let run = store.create_run(request(run)).await.unwrap().info.run_id.to_string();
            let params = json!([
                ["many", (number % 2).to_string()],
                ["few", (number % 50).to_string()],
                ["long", format!("{long}{}", if number % 100 == 7 { "ä" } else { "" })],
                ["longer", format!("{long}v{}", number % 100)],
            ]);
            let own = if number % 50 == 9 { json!("NaN") } else { json!(number % 50) };
            let key = if *experiment == asked { "own" } else { "their" };
            let metrics = json!([["score", number * 3 % 7], [key, own]]);
            log(&store, &run, &metrics, "params", &params).await;
            if number == 57 {
                store.delete_run(request(json!({"run_id": run}))).await.unwrap();
            }
        }
    }
    for (filter, order, expected) in [
        ("params.few = '7'", "start_time", vec![7, 107, 157, 207, 257]),
        ("params.few = '7'", "start_time DESC", vec![257, 207, 157, 107, 7]),
        ("params.few = '7'", "metrics.score DESC", vec![107, 207, 157, 257, 7]),
        ("params.few = '7'", "params.many", vec![257, 207, 157, 107, 7]),
        ("params.few = '7' AND metrics.score > 2", "metrics.score", vec![207, 107]),
        ("params.few = '7' AND params.many = '0'", "start_time", vec![]),
        (
            "params.many = '1' AND params.few = '7' AND run_name LIKE '2%'",
            "params.few",
            vec![257, 207],
        ),
        ("params.few = '7' AND params.few = '8'", "start_time", vec![]),
        ("params.few = '7' AND params.few = '7'", "start_time", vec![7, 107, 157, 207, 257]),
        ("params.long = 'LONGä'", "metrics.score", vec![7, 207, 107]),
        ("params.longer = 'LONGv7'", "metrics.score", vec![7, 207, 107]),
        ("params.longer = 'LONGv'", "metrics.score", vec![]),
        ("params.few = 'absent'", "metrics.score", vec![]),
        ("metrics.own = 7", "metrics.score DESC", vec![107, 207, 157, 257, 7]),
        ("metrics.own > 46 AND metrics.own < 48", "metrics.own", vec![247, 197, 147, 97, 47]),
        ("metrics.own != 7 AND run_name LIKE '%09'", "metrics.own", vec![209, 109]),
        ("metrics.own = 7 AND params.many = '0'", "metrics.own", vec![]),
        ("metrics.absent > 0", "metrics.own", vec![]),
    ] {
        let filter = filter.replace("LONG", &long);
        let search = |size: u64| {
            json!({
                "experiment_ids": [asked], "filter": filter, "order_by": [order], "max_results": size,
            })
        };
        let expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(runs(&store, search(1000)).await, expected, "{filter} by {order}");
        assert_eq!(pages(&store, search(2)).await, expected, "{filter} by {order}, in pages");
    }
    let both = json!({
        "experiment_ids": [asked, other], "filter": "params.few = '7'", "order_by": ["metrics.score"],
        "run_view_type": "DELETED_ONLY",
    });
    assert_eq!(runs(&store, both).await, ["57", "57"]);
    for (filter, expected) in [
        ("metrics.own = 7", vec!["7", "107", "157", "207", "257"]),
        ("metrics.score = 5 AND run_name LIKE '25_'", vec!["256", "256"]),
    ] {
        let both = json!({
            "experiment_ids": [asked, other], "filter": filter, "order_by": ["start_time"],
        });
        assert_eq!(runs(&store, both).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_bad_filter_or_order_is_refused_even_where_there_is_nothing_to_search() {
    let store = TestStore::new().await;
    for search in [json!({"filter": "a OR b"}), json!({"order_by": ["start_time", "created"]})] {
        let refused = refusal(store.search_runs(request(search)).await);
        assert_eq!(refused.0, ErrorCode::InvalidParameterValue);
    }
    let search = json!({"max_results": 1, "filter": "experiment_id = 'x'"});
    let refused = refusal(store.search_experiments(request(search)).await);
    let message = "Invalid experiment ID 'x'. Experiment ID must be a valid integer.";
    assert_eq!(refused, (ErrorCode::InvalidParameterValue, message.to_owned()));
}

#[tokio::test]
async fn experiments_are_found_by_id_name_time_and_tag() {
    let store = TestStore::new().await;
    for (name, value) in [("aA", "v1"), ("ab", "v2"), ("c_d", "V1")] {
        let tags = json!([{"key": "k", "value": value}, {"key": name, "value": "1"}]);
        let create = json!({"name": name, "tags": tags});
        store.create_experiment(request(create)).await.unwrap();
    }
    for (filter, order_by, expected) in [
        ("name = 'ab'", vec![], vec!["ab"]),
        ("name LIKE 'a%'", vec!["name"], vec!["aA", "ab"]),
        ("name LIKE 'A%'", vec![], vec![]),
        ("attribute.name ILIKE 'A%' AND name != 'ab'", vec![], vec!["aA"]),
        ("experiment_id IN ('0', '2')", vec!["experiment_id"], vec!["Default", "ab"]),
        ("experiment_id NOT IN ('0', '2')", vec!["experiment_id DESC"], vec!["c_d", "aA"]),
        ("experiment_id != '0'", vec!["creation_time", "name DESC"], vec!["aA", "ab", "c_d"]),
        ("tags.k ILIKE 'v1'", vec!["experiment_id"], vec!["aA", "c_d"]),
        ("tag.k != 'v1'", vec!["experiment_id"], vec!["ab", "c_d"]),
        ("tags.k IS NULL", vec![], vec!["Default"]),
        ("tags.ab IS NOT NULL AND tags.k = 'v2'", vec![], vec!["ab"]),
        (
            "creation_time > 0 AND last_update_time < 99999999999999999999",
            vec!["name"],
            vec!["Default", "aA", "ab", "c_d"],
        ),
        ("last_update_time < 10", vec![], vec![]),
    ] {
        let mut found = experiments(&store, filter, &order_by).await;
        // Times are too close to each other to be told apart, and PostgreSQL has its own alphabet.
        if order_by.first().is_some_and(|order| !order.starts_with("experiment_id")) {
            found.sort();
        }
        assert_eq!(found, expected, "{filter}");
    }
}
