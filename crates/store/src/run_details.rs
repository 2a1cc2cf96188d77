//! What was logged to runs, read for a whole page of them at once.

use crate::{
    StoreError, datasets,
    db::{DbError, Dialect, Row, Transaction, is_one_of_texts},
    inputs::end,
    metrics::{self, stored_value},
    reads::cut_page,
    run_arrays, runs,
    tables::{Inputs, LatestMetrics, Params, Runs, Tags},
};
use mlferry_protocol::{
    datasets::ModelInput,
    logged_models::ModelOutput,
    metrics::Metric,
    params::Param,
    runs::{Run, RunData, RunInfo, RunInputs, RunOutputs},
    tags::Tag,
};
use sea_query::{Expr, ExprTrait, Query, SelectStatement, UnionType};
use std::collections::HashMap;

/// How much of runs is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// All there is.
    One,
    /// All but the models that runs use, which the reference leaves out of searches.
    Page,
}

/// Reads at most `max` runs of those that are selected, with what was logged to them, and tells whether there are more:
/// one statement to three, and one or two more when they used datasets.
pub(crate) async fn read(
    transaction: &mut Transaction,
    select: SelectStatement,
    max: u64,
    detail: Detail,
) -> Result<(Vec<Run>, bool), StoreError> {
    let dialect = transaction.dialect();
    let mut rows = match (dialect, detail) {
        (Dialect::Sqlite, Detail::One) => transaction.fetch_all(&select).await?,
        (Dialect::Sqlite, Detail::Page) => Box::pin(fetch_page(transaction, select)).await?,
        (Dialect::Postgres, _) => {
            transaction.fetch_all(&run_arrays::with_arrays(select, detail)).await?
        }
    };
    let has_more = cut_page(&mut rows, max);
    let infos = rows.iter().map(runs::info_of).collect::<Result<Vec<_>, _>>()?;
    let mut logged = Logged::default();
    match dialect {
        Dialect::Sqlite => {
            drop(rows);
            logged.read(transaction, &infos, detail).await?;
        }
        Dialect::Postgres => {
            for (info, row) in infos.iter().zip(&rows) {
                let (run, has_datasets) = run_arrays::logged_of(row, detail)?;
                logged.have_datasets |= has_datasets;
                logged.runs.insert(info.run_id.to_string(), run);
            }
            drop(rows);
        }
    }
    Ok((complete(transaction, infos, logged).await?, has_more))
}

/// The rows of runs that are selected, in their order: their ids first. SQLite sorts rows with all their columns, as many as there are
/// up to the end of the page.
async fn fetch_page(
    transaction: &mut Transaction,
    mut select: SelectStatement,
) -> Result<Vec<Row>, DbError> {
    let ids = select.clear_selects().column((Runs::Table, Runs::RunUuid)).take();
    let ids = transaction.fetch_all(&ids).await?;
    let ids: Vec<String> =
        ids.iter().map(|row| row.get(Runs::RunUuid)).collect::<Result<_, _>>()?;
    let run = Expr::col((Runs::Table, Runs::RunUuid));
    let is_of_page = is_one_of_texts(transaction.dialect(), run, &ids);
    let rows = transaction.fetch_all(&runs::select_runs().and_where(is_of_page).take()).await?;
    let with_id = |row: Row| Ok((row.get(Runs::RunUuid)?, row));
    let mut rows: HashMap<String, Row> =
        rows.into_iter().map(with_id).collect::<Result<_, DbError>>()?;
    Ok(ids.iter().filter_map(|id| rows.remove(id)).collect())
}

/// Brings runs and what was logged to them together, and reads their datasets.
async fn complete(
    transaction: &mut Transaction,
    infos: Vec<RunInfo>,
    mut logged: Logged,
) -> Result<Vec<Run>, StoreError> {
    let ids: Vec<&str> = infos.iter().map(|info| info.run_id.as_str()).collect();
    let mut datasets = if logged.have_datasets {
        datasets::of_runs(transaction, &ids).await?
    } else {
        HashMap::new()
    };
    let runs = infos.into_iter().map(|info| {
        let id = info.run_id.as_str();
        let mut run = logged.runs.remove(id).unwrap_or_default();
        run.sort();
        let dataset_inputs = datasets.remove(id).unwrap_or_default();
        let inputs = RunInputs { dataset_inputs, model_inputs: run.model_inputs };
        Run { info, data: run.data, inputs, outputs: Some(run.outputs) }
    });
    Ok(runs.collect())
}

/// What a row of details tells.
mod kind {
    pub(super) const METRIC: i32 = 0;
    pub(super) const PARAM: i32 = 1;
    pub(super) const TAG: i32 = 2;
    pub(super) const MODEL_INPUT: i32 = 3;
    pub(super) const MODEL_OUTPUT: i32 = 4;
    pub(super) const DATASET: i32 = 5;
}

/// Numbers of columns of details.
mod column {
    pub(super) const KIND: usize = 0;
    pub(super) const RUN: usize = 1;
    /// A key, or the id of a model.
    pub(super) const KEY: usize = 2;
    /// The value of a param or a tag.
    pub(super) const TEXT: usize = 3;
    pub(super) const STEP: usize = 4;
    pub(super) const TIMESTAMP: usize = 5;
    /// The value of a metric.
    pub(super) const VALUE: usize = 6;
    pub(super) const IS_NAN: usize = 7;
}

/// Selects all details of runs, in no order.
fn select_details(dialect: Dialect, runs: &[&str]) -> SelectStatement {
    let of = |kind: i32, run: Expr, [key, text, step, timestamp, value, is_nan]: [Expr; 6]| {
        let kind = Expr::cust(kind.to_string());
        let is_of_runs = is_one_of_texts(dialect, run.clone(), runs);
        let row = [kind, run, key, text, step, timestamp, value, is_nan];
        Query::select().exprs(row).and_where(is_of_runs).take()
    };
    let none = || Expr::cust("NULL");
    let metrics = [
        Expr::col(LatestMetrics::Key),
        none(),
        Expr::col(LatestMetrics::Step),
        Expr::col(LatestMetrics::Timestamp),
        Expr::col(LatestMetrics::Value),
        Expr::col(LatestMetrics::IsNan),
    ];
    let text = |key: Expr, value: Expr| [key, value, none(), none(), none(), none()];
    let params = text(Expr::col(Params::Key), Expr::col(Params::Value));
    let tags = text(Expr::col(Tags::Key), Expr::col(Tags::Value));
    let link = |other| [Expr::col(other), none(), Expr::col(Inputs::Step), none(), none(), none()];
    let from_runs = |kind, source| {
        of(kind, Expr::col(Inputs::SourceId), link(Inputs::DestinationId))
            .from(Inputs::Table)
            .and_where(Expr::col(Inputs::SourceType).eq(source))
            .take()
    };
    let datasets = of(kind::DATASET, Expr::col(Inputs::DestinationId), link(Inputs::SourceId))
        .from(Inputs::Table)
        .and_where(datasets::is_link(dialect))
        .take();
    of(kind::METRIC, Expr::col(LatestMetrics::RunUuid), metrics)
        .from(LatestMetrics::Table)
        .union(
            UnionType::All,
            of(kind::PARAM, Expr::col(Params::RunUuid), params).from(Params::Table).take(),
        )
        .union(
            UnionType::All,
            of(kind::TAG, Expr::col(Tags::RunUuid), tags).from(Tags::Table).take(),
        )
        .union(UnionType::All, from_runs(kind::MODEL_INPUT, end::RUN_INPUT))
        .union(UnionType::All, from_runs(kind::MODEL_OUTPUT, end::RUN_OUTPUT))
        .union(UnionType::All, datasets)
        .take()
}

/// What was logged to some runs.
#[derive(Default)]
struct Logged {
    runs: HashMap<String, LoggedToRun>,
    have_datasets: bool,
}

#[derive(Default)]
pub(crate) struct LoggedToRun {
    pub(crate) data: RunData,
    pub(crate) model_inputs: Vec<ModelInput>,
    pub(crate) outputs: RunOutputs,
}

impl Logged {
    async fn read(
        &mut self,
        transaction: &mut Transaction,
        infos: &[RunInfo],
        detail: Detail,
    ) -> Result<(), DbError> {
        if infos.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = infos.iter().map(|info| info.run_id.as_str()).collect();
        for row in transaction.fetch_all(&select_details(transaction.dialect(), &ids)).await? {
            self.add(&row, detail)?;
        }
        Ok(())
    }

    fn add(&mut self, row: &Row, detail: Detail) -> Result<(), DbError> {
        let kind: i32 = row.get_at(column::KIND)?;
        if kind == kind::DATASET {
            self.have_datasets = true;
            return Ok(());
        }
        let run = self.runs.entry(row.get_at(column::RUN)?).or_default();
        let key: String = row.get_at(column::KEY)?;
        match kind {
            kind::METRIC => run.data.metrics.push(metric_of(key, row)?),
            kind::PARAM => {
                run.data.params.push(Param { key, value: row.get_at(column::TEXT)? });
            }
            kind::TAG => {
                let value: Option<String> = row.get_at(column::TEXT)?;
                run.data.tags.push(Tag { key, value: value.unwrap_or_default() });
            }
            kind::MODEL_INPUT if detail == Detail::One => {
                run.model_inputs.push(ModelInput { model_id: key });
            }
            kind::MODEL_OUTPUT => {
                let step = row.get_at(column::STEP)?;
                run.outputs.model_outputs.push(ModelOutput { model_id: key, step });
            }
            _ => {}
        }
        Ok(())
    }
}

fn metric_of(key: String, row: &Row) -> Result<Metric, DbError> {
    let value = stored_value(row.get_at(column::VALUE)?, row.get_at(column::IS_NAN)?);
    let timestamp: Option<i64> = row.get_at(column::TIMESTAMP)?;
    Ok(metrics::of_run(key, value, timestamp.unwrap_or_default(), row.get_at(column::STEP)?))
}

impl LoggedToRun {
    fn sort(&mut self) {
        self.data.metrics.sort_by(|one, other| one.key.cmp(&other.key));
        self.data.params.sort_by(|one, other| one.key.cmp(&other.key));
        self.data.tags.sort_by(|one, other| one.key.cmp(&other.key));
        self.model_inputs.sort_by(|one, other| one.model_id.cmp(&other.model_id));
        self.outputs.model_outputs.sort_by(|one, other| one.model_id.cmp(&other.model_id));
    }
}
