//! What was logged to runs, as SQLite is asked for it: one statement, with a row for each metric, param, tag and link.

use crate::{
    datasets,
    db::{DbError, Dialect, List, Row, Template, Transaction, list},
    inputs::end,
    metrics,
    run_details::{Detail, LoggedToRun},
    tables::{Inputs, LatestMetrics, Params, Tags},
};
use mlferry_protocol::{
    datasets::ModelInput, logged_models::ModelOutput, metrics::Metric, params::Param,
    runs::RunInfo, tags::Tag,
};
use sea_query::{Alias, Expr, ExprTrait, IntoIden, Query, SelectStatement, UnionType};
use std::sync::LazyLock;

/// What a row tells.
mod kind {
    pub(super) const METRIC: i32 = 0;
    pub(super) const PARAM: i32 = 1;
    pub(super) const TAG: i32 = 2;
    pub(super) const MODEL_INPUT: i32 = 3;
    pub(super) const MODEL_OUTPUT: i32 = 4;
    pub(super) const DATASET: i32 = 5;
}

/// Numbers of columns. There are as few as can be: each cell of each row costs something.
mod column {
    pub(super) const KIND: usize = 0;
    /// The number of the run among those that are asked for, which costs less than its id.
    pub(super) const RUN: usize = 1;
    /// A key, or the id of a model.
    pub(super) const KEY: usize = 2;
    /// The number of a metric, absent for NaN, or the text of a param or tag.
    pub(super) const VALUE: usize = 3;
    pub(super) const STEP: usize = 4;
    pub(super) const TIMESTAMP: usize = 5;
}

/// The name of the runs that are asked for.
const PAGE: &str = "page";

/// Selects what was logged to one run.
static OF_ONE: LazyLock<Template> =
    LazyLock::new(|| Template::new(Dialect::Sqlite, |id| select(&Asked::Run(id))));

/// What was logged to each of some runs.
pub(crate) async fn read(
    transaction: &mut Transaction,
    runs: &[RunInfo],
    detail: Detail,
) -> Result<Vec<LoggedToRun>, DbError> {
    let mut logged: Vec<_> = runs.iter().map(|_| LoggedToRun::default()).collect();
    if runs.is_empty() {
        return Ok(logged);
    }
    let rows = match runs {
        [only] => transaction.fetch_all(&OF_ONE.about(only.run_id.as_str())).await?,
        page => {
            let ids: Vec<String> = page.iter().map(|run| run.run_id.to_string()).collect();
            let page = Asked::Page(list(Dialect::Sqlite, &ids, PAGE));
            transaction.fetch_all(&select(&page)).await?
        }
    };
    for row in rows {
        let number: i64 = row.get_at(column::RUN)?;
        let run = usize::try_from(number).ok().and_then(|number| logged.get_mut(number));
        add(run.ok_or_else(|| DbError::corrupt("no such run"))?, &row, detail)?;
    }
    Ok(logged)
}

/// Runs that are asked for.
enum Asked<'a> {
    /// One, by its id.
    Run(&'a str),
    /// Several, by the list of their ids.
    Page(List),
}

/// Selects all that was logged to runs, in no order.
fn select(runs: &Asked<'_>) -> SelectStatement {
    let value = Expr::col((LatestMetrics::Table, LatestMetrics::Value));
    let metrics = [
        Expr::col((LatestMetrics::Table, LatestMetrics::Key)),
        Expr::case(Expr::col(LatestMetrics::IsNan), null()).finally(value).into(),
        Expr::col(LatestMetrics::Step),
        Expr::col(LatestMetrics::Timestamp),
    ];
    let text = |key, value| [key, value, null(), null()];
    let params =
        text(Expr::col((Params::Table, Params::Key)), Expr::col((Params::Table, Params::Value)));
    let tags = text(Expr::col((Tags::Table, Tags::Key)), Expr::col((Tags::Table, Tags::Value)));
    let link = |other| [Expr::col(other), null(), Expr::col(Inputs::Step), null()];
    let of_source = |kind, source| {
        of_runs(runs, kind, (Inputs::Table, Inputs::SourceId), link(Inputs::DestinationId))
            .and_where(Expr::col(Inputs::SourceType).eq(source))
            .take()
    };
    let dataset = link(Inputs::SourceId);
    let datasets = of_runs(runs, kind::DATASET, (Inputs::Table, Inputs::DestinationId), dataset)
        .and_where(datasets::is_link(Dialect::Sqlite))
        .take();
    let others = [
        of_runs(runs, kind::PARAM, (Params::Table, Params::RunUuid), params),
        of_runs(runs, kind::TAG, (Tags::Table, Tags::RunUuid), tags),
        of_source(kind::MODEL_INPUT, end::RUN_INPUT),
        of_source(kind::MODEL_OUTPUT, end::RUN_OUTPUT),
        datasets,
    ];
    let metrics =
        of_runs(runs, kind::METRIC, (LatestMetrics::Table, LatestMetrics::RunUuid), metrics);
    others.into_iter().fold(metrics, |mut all, other| all.union(UnionType::All, other).take())
}

fn null() -> Expr {
    Expr::cust("NULL")
}

/// Selects rows of one kind, of a table in which one column has the id of a run.
fn of_runs<C: IntoIden + Copy>(
    runs: &Asked<'_>,
    kind: i32,
    run: (C, C),
    columns: [Expr; 4],
) -> SelectStatement {
    let mut select = Query::select().expr(Expr::cust(kind.to_string())).take();
    match runs {
        Asked::Run(id) => {
            select.expr(Expr::cust("0")).from(run.0).and_where(Expr::col(run).eq(*id));
        }
        // SQLite leaves what stands on both sides of a `CROSS JOIN` in its order.
        Asked::Page(page) => {
            select
                .column((PAGE, Alias::new("key")))
                .from_function(page.rows.clone(), PAGE)
                .cross_join(run.0)
                .and_where(Expr::col(run).equals((PAGE, page.column.clone())));
        }
    }
    select.exprs(columns).take()
}

/// Adds what a row tells to its run.
fn add(run: &mut LoggedToRun, row: &Row, detail: Detail) -> Result<(), DbError> {
    let key = || row.get_at(column::KEY);
    match row.get_at(column::KIND)? {
        kind::METRIC => run.data.metrics.push(metric_of(key()?, row)?),
        kind::PARAM => {
            run.data.params.push(Param { key: key()?, value: row.get_at(column::VALUE)? });
        }
        kind::TAG => {
            let value: Option<String> = row.get_at(column::VALUE)?;
            run.data.tags.push(Tag { key: key()?, value: value.unwrap_or_default() });
        }
        kind::MODEL_INPUT if detail == Detail::One => {
            run.model_inputs.push(ModelInput { model_id: key()? });
        }
        kind::MODEL_OUTPUT => {
            let step = row.get_at(column::STEP)?;
            run.outputs.model_outputs.push(ModelOutput { model_id: key()?, step });
        }
        kind::DATASET => run.has_datasets = true,
        _ => {}
    }
    Ok(())
}

fn metric_of(key: String, row: &Row) -> Result<Metric, DbError> {
    let value: Option<f64> = row.get_at(column::VALUE)?;
    let timestamp: Option<i64> = row.get_at(column::TIMESTAMP)?;
    let (value, timestamp) = (value.unwrap_or(f64::NAN), timestamp.unwrap_or_default());
    Ok(metrics::of_run(key, value, timestamp, row.get_at(column::STEP)?))
}
