//! What was logged to runs, read for a whole page of them at once.

use crate::{
    StoreError, datasets,
    db::{DbError, Dialect, Row, Template, Transaction, is_one_of_texts},
    reads::cut_page,
    run_arrays, run_rows, runs,
    tables::Runs,
};
use mlferry_protocol::{
    RunId,
    datasets::ModelInput,
    runs::{Run, RunData, RunInfo, RunInputs, RunOutputs},
};
use sea_query::{Expr, SelectStatement};
use std::{collections::HashMap, sync::LazyLock};

/// How much of runs is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// All there is.
    One,
    /// All but the models that runs use, which the reference leaves out of searches.
    Page,
}

/// Selects a run.
static ON_SQLITE: LazyLock<Template> =
    LazyLock::new(|| Template::new(Dialect::Sqlite, runs::select_run));

/// Selects a run with all that was logged to it.
static ON_POSTGRES: LazyLock<Template> = LazyLock::new(|| {
    let run = |id: &str| run_arrays::with_arrays(runs::select_run(id), Detail::One);
    Template::new(Dialect::Postgres, run)
});

/// Reads a run with what was logged to it, if it is there: one statement or two, and two more when it used datasets.
pub(crate) async fn read_one(
    transaction: &mut Transaction,
    id: &RunId,
) -> Result<Option<Run>, StoreError> {
    let run = match transaction.dialect() {
        Dialect::Sqlite => &ON_SQLITE,
        Dialect::Postgres => &ON_POSTGRES,
    };
    let rows = transaction.fetch_all(&run.about(id.as_str())).await?;
    Ok(with_logged(transaction, rows, Detail::One).await?.pop())
}

/// Reads at most `max` runs of those that are selected, with what was logged to them, and tells whether there are more:
/// one statement to three, and one or two more when they used datasets.
pub(crate) async fn read_page(
    transaction: &mut Transaction,
    select: SelectStatement,
    max: u64,
) -> Result<(Vec<Run>, bool), StoreError> {
    let mut rows = match transaction.dialect() {
        Dialect::Sqlite => Box::pin(fetch_page(transaction, select)).await?,
        Dialect::Postgres => {
            transaction.fetch_all(&run_arrays::with_arrays(select, Detail::Page)).await?
        }
    };
    let has_more = cut_page(&mut rows, max);
    Ok((with_logged(transaction, rows, Detail::Page).await?, has_more))
}

/// Makes runs of rows, with what was logged to them.
async fn with_logged(
    transaction: &mut Transaction,
    rows: Vec<Row>,
    detail: Detail,
) -> Result<Vec<Run>, StoreError> {
    let infos = rows.iter().map(runs::info_of).collect::<Result<Vec<_>, _>>()?;
    let logged = match transaction.dialect() {
        Dialect::Sqlite => {
            drop(rows);
            run_rows::read(transaction, &infos, detail).await?
        }
        Dialect::Postgres => {
            let logged = rows.iter().map(|row| run_arrays::logged_of(row, detail));
            logged.collect::<Result<_, _>>()?
        }
    };
    complete(transaction, infos, logged).await
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

/// Brings runs and what was logged to each of them together, and reads their datasets.
async fn complete(
    transaction: &mut Transaction,
    infos: Vec<RunInfo>,
    logged: Vec<LoggedToRun>,
) -> Result<Vec<Run>, StoreError> {
    let mut datasets = if logged.iter().any(|run| run.has_datasets) {
        let ids: Vec<&str> = infos.iter().map(|info| info.run_id.as_str()).collect();
        datasets::of_runs(transaction, &ids).await?
    } else {
        HashMap::new()
    };
    let runs = infos.into_iter().zip(logged).map(|(info, mut run)| {
        run.sort();
        let dataset_inputs = datasets.remove(info.run_id.as_str()).unwrap_or_default();
        let inputs = RunInputs { dataset_inputs, model_inputs: run.model_inputs };
        Run { info, data: run.data, inputs, outputs: Some(run.outputs) }
    });
    Ok(runs.collect())
}

/// What was logged to a run.
#[derive(Debug, Default)]
pub(crate) struct LoggedToRun {
    pub(crate) data: RunData,
    pub(crate) model_inputs: Vec<ModelInput>,
    pub(crate) outputs: RunOutputs,
    /// Whether it uses datasets.
    pub(crate) has_datasets: bool,
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
