//! Rows of many experiments and models that are all alike: one of them is asked about, and the others are in the way.

use crate::database::TestDatabase;

/// How many experiments PostgreSQL gets: it chooses plans by what there is.
pub(super) const EXPERIMENTS: u32 = 500;
/// SQLite chooses without looking.
const FEW_EXPERIMENTS: u32 = 3;
/// Runs, traces, logged models, and registered models of an experiment.
const RUNS: u32 = 20;
/// Runs of the first experiment: so many that a search for them begins with what few have.
const RUNS_OF_FIRST: u32 = 250;

/// Number of the run that has a long history.
pub(super) const LONG_RUN: u32 = 5;
/// Values of the long history.
const LONG: u32 = 3 * COUNTED;
/// Values that are counted to know that a history is long.
pub(super) const COUNTED: u32 = 10_000;

/// Number of the first run of the first experiment, within [`run_id`] and all other ids.
const FIRST: u32 = 1000;

/// The id of a run of the first experiment.
pub(super) fn run_id(number: u32) -> String {
    format!("b1{}{}", 1_000_000_000 + FIRST + number, "0".repeat(20))
}

/// The id of a trace of the first experiment.
pub(super) fn trace_id(number: u32) -> String {
    format!("tr-{}{}", 1_000_000_000 + FIRST + number, "0".repeat(22))
}

/// The number in the ids of a logged model and in the name of a registered one.
pub(super) fn number(number: u32) -> u32 {
    FIRST + number
}

/// Fills all tables that grow.
pub(super) async fn fill(database: &TestDatabase) {
    let (experiments, prelude, end) = match database {
        TestDatabase::Sqlite(_) => (FEW_EXPERIMENTS, "", ""),
        // Every row is good; looking at each again would take most of the time.
        TestDatabase::Postgres(_) => {
            let end = "SELECT setval('experiments_experiment_id_seq', 1000); ANALYZE";
            (EXPERIMENTS, "SET session_replication_role = replica", end)
        }
    };
    let mut script = vec![prelude.to_owned()];
    script.extend(statements(experiments));
    script.extend(more_runs());
    script.push(end.to_owned());
    script.push(insert(experiments, &LATE));
    script.push(long_history());
    database.execute(script.join(";\n")).await;
}

/// More runs of the first experiment, of which each has the same param as all others have, with a value of its own, and a metric
/// that only they have.
fn more_runs() -> [String; 3] {
    let ids = format!(
        "WITH RECURSIVE ns (n) AS (SELECT {RUNS} UNION ALL SELECT n + 1 FROM ns WHERE n < {}), \
         ids AS (SELECT 1 AS e, n, {FIRST} + n AS i, 'b1' || CAST({} + n AS text) || '{}' AS run FROM ns)",
        RUNS_OF_FIRST - 1,
        1_000_000_000 + FIRST,
        "0".repeat(20),
    );
    [RUN, SEED, OWN].map(|(into, select)| format!("{ids} INSERT INTO {into} SELECT {select}"))
}

/// Values of a metric of one run, so many that they are not counted for a sample, and newer than PostgreSQL's statistics.
fn long_history() -> String {
    format!(
        "WITH RECURSIVE ks (k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM ks WHERE k < {LONG}) \
         INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) \
         SELECT 'long', 0.5 + k, k, '{}', k, false FROM ks",
        run_id(LONG_RUN),
    )
}

/// One insertion for each table.
fn statements(experiments: u32) -> Vec<String> {
    TABLES.iter().map(|table| insert(experiments, table)).collect()
}

/// Fills a table. Within the statement, `e` is an experiment, `i` the number of one of its runs, and the other names are ids.
fn insert(experiments: u32, (into, select): &(&str, &str)) -> String {
    format!(
        "WITH RECURSIVE es (e) AS (SELECT 1 UNION ALL SELECT e + 1 FROM es WHERE e < {experiments}), \
         ns (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM ns WHERE n < {}), \
         ks (k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM ks WHERE k < 2), \
         numbers AS (SELECT e, n, e * {FIRST} + n AS i FROM es, ns), \
         ids AS (SELECT e, n, i, 'b1' || CAST(1000000000 + i AS text) || '{}' AS run, \
         'tr-' || CAST(1000000000 + i AS text) || '{}' AS trace, 'm-' || CAST(i AS text) AS model, \
         'd-' || CAST(i AS text) AS dataset, 'i-' || CAST(i AS text) AS input, \
         'model-' || CAST(i AS text) AS name FROM numbers) INSERT INTO {into} SELECT {select}",
        RUNS - 1,
        "0".repeat(20),
        "0".repeat(22),
    )
}

const RUN: (&str, &str) = (
    "runs (run_uuid, name, source_type, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id, user_id)",
    "run, 'run-' || CAST(n AS text), 'LOCAL', 'FINISHED', n, n, 'active', 'mlflow-artifacts:/', e, 'someone' FROM ids",
);
const SEED: (&str, &str) =
    ("params (key, value, run_uuid)", "'seed', CAST(i AS text), run FROM ids");
const OWN: (&str, &str) = (
    "latest_metrics (key, value, timestamp, run_uuid, step, is_nan)",
    "'own', 0.5 + n, 1, run, 2, false FROM ids",
);

/// A metric that PostgreSQL's statistics don't know yet.
const LATE: (&str, &str) = (
    "metrics (key, value, timestamp, run_uuid, step, is_nan)",
    "'late', 0.5 + n, k, run, k, false FROM ids, ks",
);

/// Each table with its columns, and what is written there.
const TABLES: [(&str, &str); 29] = [
    (
        "experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time)",
        "e, 'experiment-' || CAST(e AS text), 'mlflow-artifacts:/', 'active', e, e FROM es",
    ),
    ("experiment_tags (key, value, experiment_id)", "'team', 'a', e FROM es"),
    RUN,
    ("tags (key, value, run_uuid)", "'mlflow.runName', 'run-' || CAST(n AS text), run FROM ids"),
    ("tags (key, value, run_uuid)", "'team', 'a', run FROM ids"),
    ("params (key, value, run_uuid)", "'param-' || CAST(k AS text), 'usual', run FROM ids, ks"),
    SEED,
    (
        "latest_metrics (key, value, timestamp, run_uuid, step, is_nan)",
        "'metric-' || CAST(k AS text), 0.5 + n, 1, run, 2, false FROM ids, ks",
    ),
    (
        "metrics (key, value, timestamp, run_uuid, step, is_nan)",
        "'metric-0', 0.5 + n, 1, run, k, false FROM ids, ks",
    ),
    (
        "datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source)",
        "dataset, e, 'data', CAST(n AS text), 'local', 'here' FROM ids",
    ),
    (
        "inputs (input_uuid, source_type, source_id, destination_type, destination_id)",
        "input, 'DATASET', dataset, 'RUN', run FROM ids",
    ),
    ("input_tags (input_uuid, name, value)", "input, 'mlflow.data.context', 'train' FROM ids"),
    (
        "logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, last_updated_timestamp_ms, \
         status, lifecycle_stage, model_type, source_run_id)",
        "model, e, 'tree', 'mlflow-artifacts:/', n, n, 2, 'active', '', run FROM ids",
    ),
    (
        "logged_model_metrics (model_id, metric_name, metric_timestamp_ms, metric_step, metric_value, experiment_id, run_id, \
         dataset_uuid, dataset_name, dataset_digest)",
        "model, 'metric-0', 1, 0, 0.5 + n, e, run, dataset, 'data', CAST(n AS text) FROM ids",
    ),
    (
        "logged_model_params (model_id, experiment_id, param_key, param_value)",
        "model, e, 'param-0', 'usual' FROM ids",
    ),
    (
        "logged_model_tags (model_id, experiment_id, tag_key, tag_value)",
        "model, e, 'team', 'a' FROM ids",
    ),
    (
        "inputs (input_uuid, source_type, source_id, destination_type, destination_id)",
        "input || 'm', 'RUN_OUTPUT', run, 'MODEL_OUTPUT', model FROM ids",
    ),
    (
        "trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, trace_name)",
        "trace, e, n, 5, 'OK', 'answer' FROM ids",
    ),
    ("trace_tags (key, value, request_id)", "'mlflow.traceName', 'answer', trace FROM ids"),
    (
        "trace_tags (key, value, request_id)",
        "'mlflow.trace.spansLocation', 'TRACKING_STORE', trace FROM ids",
    ),
    ("trace_request_metadata (key, value, request_id)", "'mlflow.sourceRun', run, trace FROM ids"),
    (
        "spans (trace_id, experiment_id, span_id, name, type, status, start_time_unix_nano, end_time_unix_nano, content)",
        "trace, e, 's-' || CAST(k AS text), 'step-' || CAST(k AS text), 'CHAIN', 'OK', n, n + 5, '{}' FROM ids, ks",
    ),
    (
        "assessments (assessment_id, trace_id, name, assessment_type, value, created_timestamp, last_updated_timestamp, \
         source_type, valid, experiment_id, trace_timestamp_ms)",
        "'a-' || CAST(i AS text), trace, 'good', 'feedback', 'true', n, n, 'HUMAN', true, e, n FROM ids",
    ),
    (
        "entity_associations (association_id, source_type, source_id, destination_type, destination_id, created_time)",
        "'l-' || CAST(i AS text), 'trace', trace, 'run', run, 1 FROM ids",
    ),
    ("registered_models (name, creation_time, last_updated_time)", "name, i, i FROM ids"),
    ("registered_model_tags (key, value, name)", "'team', 'a', name FROM ids"),
    (
        "model_versions (name, version, creation_time, last_updated_time, current_stage, source, status, run_id)",
        "name, k + 1, i, i, 'None', 's3://bucket/model', 'READY', run FROM ids, ks",
    ),
    ("model_version_tags (key, value, name, version)", "'team', 'a', name, k + 1 FROM ids, ks"),
    ("registered_model_aliases (alias, version, name)", "'best', 1, name FROM ids"),
];
