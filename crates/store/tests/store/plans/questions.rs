//! What people ask often, by the first experiment, its runs and its models.

use super::{
    FEW, Reader, number, request, run_id,
    seeds::{COUNTED, LONG_RUN},
    trace_id,
};
use mlferry_store::Store;
use serde_json::{Value, json};

/// Asks everything.
pub(super) async fn ask(reader: &mut Reader, store: &Store) {
    ask_for_runs(reader, store).await;
    ask_for_metrics(reader, store).await;
    ask_for_experiments(reader, store).await;
    ask_for_traces(reader, store).await;
    ask_for_logged_models(reader, store).await;
    ask_for_models(reader, store).await;
}

async fn ask_for_runs(reader: &mut Reader, store: &Store) {
    let run = json!({"run_id": run_id(3)});
    reader.read("runs/get", store.get_run(request(run))).await;
    for (name, filter, order) in [
        ("runs/search", "", ""),
        (
            "runs/search by a metric and a param",
            "metrics.`metric-0` > 3 AND params.`param-0` = 'usual'",
            "",
        ),
        ("runs/search by a param of one run", "params.seed = '1003'", ""),
        ("runs/search by a param of one run, metric in order", "params.seed = '1003'", "metrics.a"),
        ("runs/search by a tag", "tags.team = 'a'", ""),
        ("runs/search by a name", "run_name LIKE 'run-1%'", ""),
        ("runs/search by a status", "status = 'FINISHED'", "start_time DESC"),
        ("runs/search by a dataset", "dataset.name = 'data'", ""),
        ("runs/search, metric in order", "", "metrics.`metric-1` DESC"),
        ("runs/search, param in order", "", "params.`param-1`"),
        (
            "runs/search, filter and order",
            "metrics.`metric-0` > 3 AND params.`param-0` = 'usual'",
            "metrics.`metric-1` DESC",
        ),
        (
            "runs/search by a metric of few, metric in order",
            "metrics.own > 240",
            "metrics.own DESC",
        ),
    ] {
        let found = reader.read(name, store.search_runs(request(search(filter, order)))).await;
        assert!(!found.runs.is_empty(), "{name}: nothing was found");
    }
}

async fn ask_for_metrics(reader: &mut Reader, store: &Store) {
    let history = json!({"run_id": run_id(3), "metric_key": "metric-0"});
    reader.read("metrics/get-history", store.get_metric_history(request(history.clone()))).await;
    let late = json!({"run_id": run_id(3), "metric_key": "late"});
    let late =
        reader.read("metrics/get-history of a new metric", store.get_metric_history(request(late)));
    assert_eq!(late.await.metrics.len(), 3);
    let mut page = history;
    page["max_results"] = 2.into();
    reader.read("metrics/get-history, paged", store.get_metric_history(request(page))).await;
    let runs = json!({"run_id": [run_id(3), run_id(4)], "metric_key": "metric-0"});
    reader.read("metrics/get-history-bulk", store.get_metric_history_bulk(request(runs))).await;
    let runs =
        json!({"run_ids": [run_id(3), run_id(4)], "metric_key": "metric-0", "max_results": 2});
    let interval = store.get_metric_history_bulk_interval(request(runs));
    reader.read("metrics/get-history-bulk-interval", interval).await;
    let long = json!({"run_ids": [run_id(LONG_RUN)], "metric_key": "long", "max_results": 50});
    let long = store.get_metric_history_bulk_interval(request(long));
    // One more shows that the history is longer, and the run has a few values of other metrics.
    let name = "metrics/get-history-bulk-interval of a long history";
    let long = reader.read_within(COUNTED + FEW, name, long).await;
    assert_eq!(long.metrics.len(), 50);
}

async fn ask_for_experiments(reader: &mut Reader, store: &Store) {
    let experiment = json!({"experiment_id": "1"});
    reader.read("experiments/get", store.get_experiment(request(experiment))).await;
    let name = json!({"experiment_name": "experiment-1"});
    reader.read("experiments/get-by-name", store.get_experiment_by_name(request(name))).await;
    for (name, filter) in [
        ("experiments/search", ""),
        ("experiments/search by a name", "name = 'experiment-1'"),
        ("experiments/search by a tag", "tags.team = 'a'"),
    ] {
        let search = json!({"max_results": 5, "filter": filter});
        let found = reader.read(name, store.search_experiments(request(search))).await;
        assert!(!found.experiments.is_empty(), "{name}: nothing was found");
    }
    let datasets = json!({"experiment_ids": ["1"]});
    reader.read("experiments/search-datasets", store.search_datasets(request(datasets))).await;
}

async fn ask_for_traces(reader: &mut Reader, store: &Store) {
    let trace = json!({"trace_id": trace_id(3)});
    reader.read("traces/get-info", store.get_trace_info(request(trace.clone()))).await;
    reader.read("traces/get", store.get_trace(request(trace))).await;
    let traces = json!({"trace_ids": [trace_id(3), trace_id(4)]});
    reader.read("traces/batchGet", store.batch_get_traces(request(traces))).await;
    let of_run = format!("attributes.run_id = '{}'", run_id(3));
    for (name, filter, order) in [
        ("traces/search", "", ""),
        ("traces/search by a status", "attributes.status = 'OK'", "timestamp_ms DESC"),
        ("traces/search by a tag", "tags.`mlflow.traceName` = 'answer'", ""),
        ("traces/search by a name", "attributes.name = 'answer'", ""),
        ("traces/search by a time", "timestamp_ms > 3", ""),
        ("traces/search by a run", of_run.as_str(), ""),
        ("traces/search by a span", "span.name = 'step-1'", ""),
        ("traces/search by an assessment", "feedback.good = 'true'", ""),
    ] {
        let mut search = search(filter, order);
        search["locations"] =
            json!([{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "1"}}]);
        let found = reader.read(name, store.search_traces(request(search))).await;
        assert!(!found.traces.is_empty(), "{name}: nothing was found");
    }
    let count = json!({
        "experiment_ids": ["1"], "view_type": "TRACES", "metric_name": "trace_count",
        "aggregations": [{"aggregation_type": "COUNT"}],
    });
    reader.read("traces/metrics", store.query_trace_metrics(request(count))).await;
}

async fn ask_for_logged_models(reader: &mut Reader, store: &Store) {
    let model = json!({"model_id": format!("m-{}", number(3))});
    reader.read("logged-models/get", store.get_logged_model(request(model))).await;
    for (name, filter, order) in [
        ("logged-models/search", "", None),
        ("logged-models/search by a name", "name = 'tree'", None),
        ("logged-models/search by a param", "params.`param-0` = 'usual'", None),
        ("logged-models/search by a metric", "metrics.`metric-0` > 3", Some("metrics.metric-0")),
    ] {
        let order: Vec<Value> =
            order.into_iter().map(|field| json!({"field_name": field})).collect();
        let search = json!({"experiment_ids": ["1"], "filter": filter, "order_by": order});
        let found = reader.read(name, store.search_logged_models(request(search))).await;
        assert!(!found.models.is_empty(), "{name}: nothing was found");
    }
}

async fn ask_for_models(reader: &mut Reader, store: &Store) {
    let name = format!("model-{}", number(3));
    let model = json!({"name": name});
    reader.read("registered-models/get", store.get_registered_model(request(model.clone()))).await;
    let latest = store.get_latest_versions(request(model));
    reader.read("registered-models/get-latest-versions", latest).await;
    let version = json!({"name": name, "version": "1"});
    reader.read("model-versions/get", store.get_model_version(request(version))).await;
    let alias = json!({"name": name, "alias": "best"});
    reader.read("registered-models/alias", store.get_model_version_by_alias(request(alias))).await;
    for (question, filter) in [
        ("registered-models/search", String::new()),
        ("registered-models/search by a name", format!("name = '{name}'")),
        ("registered-models/search by the start of a name", format!("name LIKE '{name}%'")),
        ("registered-models/search by a tag", "tags.team = 'a'".to_owned()),
    ] {
        let search = json!({"filter": filter, "max_results": 5});
        let found = reader.read(question, store.search_registered_models(request(search))).await;
        assert!(!found.registered_models.is_empty(), "{question}: nothing was found");
    }
    for (question, filter) in [
        ("model-versions/search by a name", format!("name = '{name}'")),
        ("model-versions/search by a run", format!("run_id = '{}'", run_id(3))),
        ("model-versions/search", String::new()),
    ] {
        let search = json!({"filter": filter, "max_results": 5});
        let found = reader.read(question, store.search_model_versions(request(search))).await;
        assert!(!found.model_versions.is_empty(), "{question}: nothing was found");
    }
}

/// A search of the first experiment.
fn search(filter: &str, order: &str) -> Value {
    let order: Vec<&str> = Some(order).into_iter().filter(|order| !order.is_empty()).collect();
    json!({"experiment_ids": ["1"], "filter": filter, "order_by": order, "max_results": 5})
}
