//! Runs with all that was logged to them, as PostgreSQL is asked for them: one statement, whose rows have an array for each
//! column of what belongs to the run. Ten metrics in five arrays cost it far less than ten rows, and the client, too.

use crate::{
    datasets,
    db::{DbError, Dialect, Row},
    inputs::end,
    metrics::{self, stored_value},
    run_details::{Detail, LoggedToRun},
    tables::{Inputs, LatestMetrics, Params, Runs, Tags},
};
use mlferry_protocol::{
    datasets::ModelInput, logged_models::ModelOutput, params::Param, tags::Tag,
};
use sea_query::{Asterisk, Expr, ExprTrait, Func, IntoIden, JoinType, Query, SelectStatement};

/// The name of the selected runs.
const PAGE: &str = "page";

/// Names of the arrays.
mod array {
    pub(super) const METRIC_KEYS: &str = "metric_keys";
    pub(super) const METRIC_VALUES: &str = "metric_values";
    pub(super) const METRIC_TIMESTAMPS: &str = "metric_timestamps";
    pub(super) const METRIC_STEPS: &str = "metric_steps";
    pub(super) const METRIC_NANS: &str = "metric_nans";
    pub(super) const PARAM_KEYS: &str = "param_keys";
    pub(super) const PARAM_VALUES: &str = "param_values";
    pub(super) const TAG_KEYS: &str = "tag_keys";
    pub(super) const TAG_VALUES: &str = "tag_values";
    pub(super) const MODEL_INPUTS: &str = "model_inputs";
    pub(super) const MODEL_OUTPUTS: &str = "model_outputs";
    pub(super) const MODEL_OUTPUT_STEPS: &str = "model_output_steps";
}

/// Whether the run uses datasets.
const HAS_DATASETS: &str = "has_datasets";

/// Selects what `runs` selects, and what was logged to them, in the same order.
pub(crate) fn with_arrays(runs: SelectStatement, detail: Detail) -> SelectStatement {
    let mut select = Query::select()
        .column((PAGE, Asterisk))
        .expr_as(
            Expr::exists(
                of_run(Inputs::Table, Inputs::DestinationId)
                    .expr(Expr::val(1))
                    .and_where(datasets::is_link(Dialect::Postgres))
                    .take(),
            ),
            HAS_DATASETS,
        )
        .from_subquery(runs, PAGE)
        .take();
    let metrics = of_run(LatestMetrics::Table, LatestMetrics::RunUuid);
    add(
        &mut select,
        "logged_metrics",
        metrics,
        [
            (LatestMetrics::Key, array::METRIC_KEYS),
            (LatestMetrics::Value, array::METRIC_VALUES),
            (LatestMetrics::Timestamp, array::METRIC_TIMESTAMPS),
            (LatestMetrics::Step, array::METRIC_STEPS),
            (LatestMetrics::IsNan, array::METRIC_NANS),
        ],
    );
    let params = of_run(Params::Table, Params::RunUuid);
    add(
        &mut select,
        "logged_params",
        params,
        [(Params::Key, array::PARAM_KEYS), (Params::Value, array::PARAM_VALUES)],
    );
    let tags = of_run(Tags::Table, Tags::RunUuid);
    add(
        &mut select,
        "logged_tags",
        tags,
        [(Tags::Key, array::TAG_KEYS), (Tags::Value, array::TAG_VALUES)],
    );
    let linked = |kind| {
        of_run(Inputs::Table, Inputs::SourceId)
            .and_where(Expr::col(Inputs::SourceType).eq(kind))
            .take()
    };
    add(
        &mut select,
        "outputs",
        linked(end::RUN_OUTPUT),
        [(Inputs::DestinationId, array::MODEL_OUTPUTS), (Inputs::Step, array::MODEL_OUTPUT_STEPS)],
    );
    if detail == Detail::One {
        add(
            &mut select,
            "used",
            linked(end::RUN_INPUT),
            [(Inputs::DestinationId, array::MODEL_INPUTS)],
        );
    }
    select
}

/// Rows of a table that belong to the run of the page.
fn of_run(table: impl IntoIden, run_id: impl IntoIden) -> SelectStatement {
    let table = table.into_iden();
    Query::select()
        .from(table.clone())
        .and_where(Expr::col((table, run_id.into_iden())).equals((PAGE, Runs::RunUuid)))
        .take()
}

/// Adds columns of rows as arrays, each under a name. Only a nested loop can join them, which keeps the order of the page.
fn add<C: IntoIden + Copy, const N: usize>(
    select: &mut SelectStatement,
    name: &'static str,
    mut rows: SelectStatement,
    columns: [(C, &'static str); N],
) {
    for (column, array) in columns {
        rows.expr_as(Func::cust("array_agg").arg(Expr::col(column)), array);
        select.column((name, array));
    }
    select.join_lateral(JoinType::LeftJoin, rows, name, Expr::cust("TRUE"));
}

/// What a row tells of its run.
pub(crate) fn logged_of(row: &Row, detail: Detail) -> Result<LoggedToRun, DbError> {
    let has_datasets = row.get_named(HAS_DATASETS)?;
    let mut logged = LoggedToRun { has_datasets, ..LoggedToRun::default() };
    let keys = row.list::<String>(array::METRIC_KEYS)?;
    let values = row.list::<f64>(array::METRIC_VALUES)?.into_iter();
    let timestamps = row.list::<Option<i64>>(array::METRIC_TIMESTAMPS)?.into_iter();
    let steps = row.list::<i64>(array::METRIC_STEPS)?.into_iter();
    let nans = row.list::<bool>(array::METRIC_NANS)?.into_iter();
    let numbers = values.zip(nans).zip(timestamps).zip(steps);
    let metrics = keys.into_iter().zip(numbers).map(|(key, (((value, is_nan), time), step))| {
        metrics::of_run(key, stored_value(value, is_nan), time.unwrap_or_default(), step)
    });
    logged.data.metrics = metrics.collect();
    let keys = row.list::<String>(array::PARAM_KEYS)?.into_iter();
    let values = row.list::<String>(array::PARAM_VALUES)?;
    logged.data.params = keys.zip(values).map(|(key, value)| Param { key, value }).collect();
    let keys = row.list::<String>(array::TAG_KEYS)?.into_iter();
    let values = row.list::<Option<String>>(array::TAG_VALUES)?.into_iter();
    let tags = keys.zip(values).map(|(key, value)| Tag { key, value: value.unwrap_or_default() });
    logged.data.tags = tags.collect();
    let models = row.list::<String>(array::MODEL_OUTPUTS)?.into_iter();
    let steps = row.list::<i64>(array::MODEL_OUTPUT_STEPS)?;
    let outputs = models.zip(steps).map(|(model_id, step)| ModelOutput { model_id, step });
    logged.outputs.model_outputs = outputs.collect();
    if detail == Detail::One {
        let models = row.list::<String>(array::MODEL_INPUTS)?.into_iter();
        logged.model_inputs = models.map(|model_id| ModelInput { model_id }).collect();
    }
    Ok(logged)
}
