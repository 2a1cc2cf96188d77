//! Rows that would take hours to log, written straight into the database by SQL that all products and schemas share.

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::contenders::{Contender, Database};

/// Metrics and params of a run that was seeded, each.
pub(super) const VALUES: usize = 20;

/// The time of the first run, in milliseconds since 1970.
const EPOCH: usize = 1_700_000_000_000;

/// The largest prime below the divisor of metrics: fewer runs have values that all differ.
const PRIME: usize = 131_071;
/// A power of two, so that every value is exact in binary and decimal alike.
const DIVISOR: u32 = 131_072;

/// A metric of the run with this number.
pub(super) fn metric(number: usize, index: usize) -> f64 {
    let remainder = (number * 7_919 + index * 104_729) % PRIME;
    f64::from(u32::try_from(remainder).unwrap_or(u32::MAX)) / f64::from(DIVISOR)
}

/// A param of the run with this number is `value_` and this.
pub(super) const fn param(number: usize, index: usize) -> usize {
    (number + index) % 10
}

/// Who keeps records in which columns.
#[derive(Debug)]
struct Schema {
    param_value: &'static str,
    /// Columns that are there besides those of MLflow, and their values: of runs, metrics, latest metrics.
    more: [(&'static str, &'static str); 3],
}

impl Schema {
    const fn of(contender: Contender) -> Self {
        match contender {
            Contender::Mlferry | Contender::MlferryUsers | Contender::Reference => {
                Self { param_value: "value", more: [("", ""); 3] }
            }
            Contender::FastTrackMl => Self {
                param_value: "value_str",
                more: [
                    (", row_num", ", number"),
                    (", iter, context_id", ", step, (SELECT min(id) FROM contexts)"),
                    (", last_iter, context_id", ", step, (SELECT min(id) FROM contexts)"),
                ],
            },
        }
    }
}

/// Fills an experiment with runs; all ids begin with `prefix`, two hexadecimal digits. What is an experiment may also be told
/// in SQL, of the `number` of a run. The history of each metric has so many `steps` of one value.
pub(super) async fn runs(
    database: &Database,
    contender: Contender,
    (experiment, prefix): (&str, &str),
    count: usize,
    steps: usize,
) -> Result<()> {
    let schema = Schema::of(contender);
    let [(run_columns, run_values), (columns, values), (latest_columns, latest_values)] =
        schema.more;
    let param_value = schema.param_value;
    let run = format!("('{prefix}' || CAST(1000000000 + number AS text) || '{}')", "0".repeat(20));
    let value =
        format!("CAST((number * 7919 + item * 104729) % {PRIME} AS double precision) / {DIVISOR}");
    let numbers = sequence("numbers", "number", count);
    let items = sequence("items", "item", VALUES);
    let last = steps - 1;
    let steps = sequence("steps", "step", steps);
    execute(
        database,
        vec![
            format!(
                "WITH RECURSIVE {numbers} INSERT INTO runs (run_uuid, name, source_type, status, start_time, end_time, \
                 lifecycle_stage, artifact_uri, experiment_id, user_id{run_columns}) \
                 SELECT {run}, 'run-' || CAST(number AS text), 'LOCAL', CASE number % 3 WHEN 0 THEN 'FAILED' ELSE 'FINISHED' END, \
                 {EPOCH} + number, {EPOCH} + number + 60000, 'active', 'mlflow-artifacts:/seeded', {experiment}, 'someone'{run_values} \
                 FROM numbers"
            ),
            format!(
                "WITH RECURSIVE {numbers} INSERT INTO tags (key, value, run_uuid) \
                 SELECT 'model', 'model_' || CAST(number % 5 AS text), {run} FROM numbers"
            ),
            // A name is looked for in this tag.
            format!(
                "WITH RECURSIVE {numbers} INSERT INTO tags (key, value, run_uuid) \
                 SELECT 'mlflow.runName', 'run-' || CAST(number AS text), {run} FROM numbers"
            ),
            format!(
                "WITH RECURSIVE {numbers}, {items} INSERT INTO params (key, {param_value}, run_uuid) \
                 SELECT 'param_' || CAST(item AS text), 'value_' || CAST((number + item) % 10 AS text), {run} FROM numbers, items"
            ),
            format!(
                "WITH RECURSIVE {numbers}, {items}, {steps} INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan{columns}) \
                 SELECT 'metric_' || CAST(item AS text), value, {EPOCH}, run, step, false{values} \
                 FROM (SELECT item, {value} AS value, {run} AS run, step FROM numbers, items, steps) AS seeded"
            ),
            format!(
                "WITH RECURSIVE {numbers}, {items} INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan{latest_columns}) \
                 SELECT 'metric_' || CAST(item AS text), value, {EPOCH}, run, step, false{latest_values} \
                 FROM (SELECT item, {value} AS value, {run} AS run, {last} AS step FROM numbers, items) AS seeded"
            ),
        ],
    )
    .await
}

/// The id of the run with this number.
pub(super) fn run_id(prefix: &str, number: usize) -> String {
    format!("{prefix}{}{}", 1_000_000_000 + number, "0".repeat(20))
}

/// Gives a run a history of one metric, `loss`.
pub(super) async fn history(
    database: &Database,
    contender: Contender,
    run: &str,
    points: usize,
) -> Result<()> {
    let [_, (columns, values), (latest_columns, latest_values)] = Schema::of(contender).more;
    let steps = sequence("steps", "step", points);
    let value = format!("CAST(step % {PRIME} AS double precision) / {DIVISOR}");
    let last = points - 1;
    execute(
        database,
        vec![
            format!(
                "WITH RECURSIVE {steps} INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan{columns}) \
                 SELECT 'loss', {value}, {EPOCH} + step, '{run}', step, false{values} FROM steps"
            ),
            format!(
                "INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan{latest_columns}) \
                 SELECT 'loss', {value}, {EPOCH} + step, '{run}', step, false{latest_values} FROM (SELECT {last} AS step) AS last"
            ),
        ],
    )
    .await
}

/// Spans of a trace.
pub(super) const SPANS: usize = 4;
/// The name of a span that few traces have: one in [`RARE_EVERY`].
pub(super) const RARE_SPAN: &str = "needle";
/// See [`RARE_SPAN`].
pub(super) const RARE_EVERY: usize = 500;

/// Fills an experiment with traces whose spans are in the database; MLflow's schema only.
pub(super) async fn traces(database: &Database, experiment: &str, count: usize) -> Result<()> {
    let numbers = sequence("numbers", "number", count);
    let items = sequence("items", "item", SPANS);
    let trace = format!("('tr-' || CAST(1000000000 + number AS text) || '{}')", "0".repeat(22));
    let span = "('00000' || CAST(1000000000 + number AS text) || CAST(item AS text))";
    let name = format!(
        "CASE WHEN item = 3 AND number % {RARE_EVERY} = 0 THEN '{RARE_SPAN}' ELSE 'step-' || CAST(item AS text) END"
    );
    let content = format!(
        "'{{\"trace_id\": \"' || {trace} || '\", \"span_id\": \"' || {span} || '\", \"name\": \"' || {name} || \
         '\", \"attributes\": {{\"answer\": \"\\\"forty-two\\\"\"}}}}'"
    );
    execute(
        database,
        vec![
            format!(
                "WITH RECURSIVE {numbers} INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, execution_time_ms, status, \
                 request_preview, response_preview, trace_name) \
                 SELECT {trace}, {experiment}, {EPOCH} + number, 500, 'OK', 'what', 'forty-two', 'step-0' FROM numbers"
            ),
            format!(
                "WITH RECURSIVE {numbers} INSERT INTO trace_tags (key, value, request_id) \
                 SELECT 'mlflow.traceName', 'step-0', {trace} FROM numbers UNION ALL \
                 SELECT 'mlflow.trace.spansLocation', 'TRACKING_STORE', {trace} FROM numbers"
            ),
            format!(
                "WITH RECURSIVE {numbers}, {items} INSERT INTO spans (trace_id, experiment_id, span_id, name, type, status, \
                 start_time_unix_nano, end_time_unix_nano, content) \
                 SELECT {trace}, {experiment}, {span}, {name}, 'CHAIN', 'OK', \
                 ({EPOCH} + number) * 1000000, ({EPOCH} + number) * 1000000 + 500000, {content} FROM numbers, items"
            ),
        ],
    )
    .await
}

/// Writes models with ten versions each, and as many prompts; MLflow's schema only.
pub(super) async fn models(database: &Database, count: usize) -> Result<()> {
    let numbers = sequence("numbers", "number", count);
    let items = sequence("items", "item", 10);
    let name = "CAST(number AS text)";
    execute(
        database,
        vec![
            format!(
                "WITH RECURSIVE {numbers} INSERT INTO registered_models (name, creation_time, last_updated_time) \
                 SELECT 'model-' || {name}, {EPOCH}, {EPOCH} FROM numbers UNION ALL \
                 SELECT 'a prompt-' || {name}, {EPOCH}, {EPOCH} FROM numbers"
            ),
            format!(
                "WITH RECURSIVE {numbers} INSERT INTO registered_model_tags (key, value, name) \
                 SELECT 'mlflow.prompt.is_prompt', 'true', 'a prompt-' || {name} FROM numbers"
            ),
            format!(
                "WITH RECURSIVE {numbers}, {items} INSERT INTO model_versions (name, version, creation_time, last_updated_time, \
                 current_stage, source, status) \
                 SELECT 'model-' || {name}, item + 1, {EPOCH}, {EPOCH} + item, 'None', 's3://bucket/model', 'READY' FROM numbers, items"
            ),
        ],
    )
    .await
}

/// What the page before would have ended with.
pub(super) fn page_token(offset: usize) -> String {
    STANDARD.encode(format!("{{\"offset\": {offset}}}"))
}

/// A table of the numbers from 0 on.
fn sequence(table: &str, column: &str, count: usize) -> String {
    format!(
        "{table} ({column}) AS (SELECT 0 UNION ALL SELECT {column} + 1 FROM {table} WHERE {column} < {})",
        count - 1
    )
}

/// Halves the time that metrics take on PostgreSQL: no trigger looks for the run of each row, which is there.
const WITHOUT_TRIGGERS: &str = "SET session_replication_role = replica";

/// Executes statements, each on its own, and lets the database know its tables.
async fn execute(database: &Database, statements: Vec<String>) -> Result<()> {
    match database {
        Database::Sqlite(path) => {
            let connection = rusqlite::Connection::open(path)?;
            for statement in statements {
                connection.execute_batch(&statement)?;
            }
        }
        Database::Postgresql(cluster) => {
            let mut connection = PgConnection::connect(&cluster.uri()).await?;
            sqlx::raw_sql(WITHOUT_TRIGGERS).execute(&mut connection).await?;
            for statement in statements {
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
            }
            connection.close().await?;
        }
    }
    analyze(database).await
}

/// Takes statistics of all tables, which a database that is a day old has.
pub(super) async fn analyze(database: &Database) -> Result<()> {
    match database {
        Database::Sqlite(path) => {
            let connection = rusqlite::Connection::open(path)?;
            connection.execute_batch("ANALYZE")?;
            // Connections that are open read statistics with the schema, which has not changed.
            let version: i64 =
                connection.pragma_query_value(None, SCHEMA_VERSION, |row| row.get(0))?;
            connection.pragma_update(None, SCHEMA_VERSION, version + 1)?;
        }
        Database::Postgresql(cluster) => {
            let mut connection = PgConnection::connect(&cluster.uri()).await?;
            sqlx::raw_sql("ANALYZE").execute(&mut connection).await?;
            connection.close().await?;
        }
    }
    Ok(())
}

/// The number by which SQLite's connections know that the schema is another.
const SCHEMA_VERSION: &str = "schema_version";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_length() {
        assert_eq!(run_id("e1", 0).len(), 32);
        assert_eq!(run_id("e1", 99_999).len(), 32);
    }

    #[tokio::test]
    async fn connections_that_are_open_see_new_statistics() {
        const QUERY: &str = "SELECT * FROM t WHERE a = 1 AND b = 1";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records.db");
        let reader = rusqlite::Connection::open(&path).unwrap();
        reader
            .execute_batch(
                "CREATE TABLE t (a, b); CREATE INDEX ia ON t (a); CREATE INDEX ib ON t (b)",
            )
            .unwrap();
        let database = Database::Sqlite(path);
        // Which index finds less is not the same before and after.
        for (values, index) in [("number, 1", "ia"), ("1, number", "ib"), ("number, 1", "ia")] {
            let numbers = sequence("numbers", "number", 1_000);
            let fill =
                format!("WITH RECURSIVE {numbers} INSERT INTO t SELECT {values} FROM numbers");
            execute(&database, vec!["DELETE FROM t".to_owned(), fill]).await.unwrap();
            // A plan alone does not look whether the schema is another; a query does.
            reader.query_row(QUERY, [], |_| Ok(())).unwrap();
            let plan: String = reader
                .query_row(&format!("EXPLAIN QUERY PLAN {QUERY}"), [], |row| row.get(3))
                .unwrap();
            assert!(plan.contains(index), "{plan}");
        }
    }

    #[test]
    fn no_two_runs_share_a_metric() {
        let mut values: Vec<f64> = (0..100_000).map(|number| metric(number, 3)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        assert_eq!(values.len(), 100_000);
    }
}
