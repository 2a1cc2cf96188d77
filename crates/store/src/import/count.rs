//! How much belongs to experiments, runs and models.

use crate::{
    Store, StoreError,
    db::{DbError, Transaction, id_lists},
    inputs::end,
    reads::Question,
    tables::{
        Datasets, ExperimentTags, Experiments, Inputs, LoggedModelMetrics, LoggedModelParams,
        LoggedModelTags, LoggedModels, Metrics, Params, Runs, Tags,
    },
};
use mlferry_protocol::{ExperimentId, RunId};
use sea_query::{Alias, Expr, ExprTrait, Iden, IntoIden, IntoTableRef, Query, SelectStatement};
use std::{collections::HashMap, ops::AddAssign};

/// How many rows belong to something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values of metrics.
    pub metrics: u64,
    /// Params.
    pub params: u64,
    /// Tags.
    pub tags: u64,
    /// Datasets of an experiment, or those that a run used.
    pub datasets: u64,
    /// Models that a run used or made.
    pub models: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.metrics += other.metrics;
        self.params += other.params;
        self.tags += other.tags;
        self.datasets += other.datasets;
        self.models += other.models;
    }
}

/// Whose rows are counted.
#[derive(Debug, Clone)]
pub enum Owners {
    /// Of experiments: their own, not those of their runs.
    Experiments(Vec<ExperimentId>),
    /// Of runs.
    Runs(Vec<RunId>),
    /// Of logged models.
    Models(Vec<String>),
}

impl Store {
    /// Counts what belongs to those that are there, in the order of the question; `None` for others.
    pub async fn count(&self, owners: Owners) -> Result<Vec<Option<Counts>>, StoreError> {
        self.ask(owners).await
    }
}

impl Question for Owners {
    type Answer = Vec<Option<Counts>>;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<Vec<Option<Counts>>, StoreError> {
        let found = match self {
            Self::Experiments(ids) => {
                let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
                let found = count_of_experiments(transaction, &ids).await?;
                ids.iter().map(|id| found.get(id).copied()).collect()
            }
            Self::Runs(ids) => {
                let ids: Vec<&str> = ids.iter().map(RunId::as_str).collect();
                let found = count_of_runs(transaction, &ids).await?;
                ids.iter().map(|id| found.get(*id).copied()).collect()
            }
            Self::Models(ids) => {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                let found = count_of_models(transaction, &ids).await?;
                ids.iter().map(|id| found.get(*id).copied()).collect()
            }
        };
        Ok(found)
    }
}

/// The column that says how many rows there are.
#[derive(Iden, Clone, Copy)]
enum Counted {
    Amount,
}

/// Rows of a table by their owner.
fn count_by(table: impl IntoTableRef, owner: impl Iden + Copy, is_one_of: Expr) -> SelectStatement {
    Query::select()
        .column(owner.into_iden())
        .expr_as(Expr::col(owner.into_iden()).count(), Alias::new(Counted::Amount.unquoted()))
        .from(table)
        .and_where(is_one_of)
        .group_by_col(owner.into_iden())
        .take()
}

/// Adds what a statement counted to those that are there.
async fn add<O: Iden + Copy>(
    transaction: &mut Transaction,
    statement: &SelectStatement,
    owner: O,
    found: &mut HashMap<String, Counts>,
    field: fn(&mut Counts) -> &mut u64,
) -> Result<(), DbError> {
    for row in transaction.fetch_all(statement).await? {
        let amount: i64 = row.get(Counted::Amount)?;
        if let Some(counts) = found.get_mut(&row.get::<String>(owner)?) {
            *field(counts) += u64::try_from(amount).unwrap_or_default();
        }
    }
    Ok(())
}

async fn count_of_runs(
    transaction: &mut Transaction,
    runs: &[&str],
) -> Result<HashMap<String, Counts>, DbError> {
    let mut found = HashMap::new();
    for list in id_lists(runs) {
        let of = |column: Expr| column.is_in(list.iter().copied());
        let there = count_by(Runs::Table, Runs::RunUuid, of(Expr::col(Runs::RunUuid)));
        for row in transaction.fetch_all(&there).await? {
            found.insert(row.get(Runs::RunUuid)?, Counts::default());
        }
        let select = count_by(Metrics::Table, Metrics::RunUuid, of(Expr::col(Metrics::RunUuid)));
        add(transaction, &select, Metrics::RunUuid, &mut found, |it| &mut it.metrics).await?;
        let select = count_by(Params::Table, Params::RunUuid, of(Expr::col(Params::RunUuid)));
        add(transaction, &select, Params::RunUuid, &mut found, |it| &mut it.params).await?;
        let select = count_by(Tags::Table, Tags::RunUuid, of(Expr::col(Tags::RunUuid)));
        add(transaction, &select, Tags::RunUuid, &mut found, |it| &mut it.tags).await?;
        let datasets = of(Expr::col(Inputs::DestinationId))
            .and(Expr::col(Inputs::DestinationType).eq(end::RUN))
            .and(Expr::col(Inputs::SourceType).eq(end::DATASET));
        let select = count_by(Inputs::Table, Inputs::DestinationId, datasets);
        add(transaction, &select, Inputs::DestinationId, &mut found, |it| &mut it.datasets).await?;
        let models = of(Expr::col(Inputs::SourceId))
            .and(Expr::col(Inputs::SourceType).is_in([end::RUN_INPUT, end::RUN_OUTPUT]));
        let select = count_by(Inputs::Table, Inputs::SourceId, models);
        add(transaction, &select, Inputs::SourceId, &mut found, |it| &mut it.models).await?;
    }
    Ok(found)
}

async fn count_of_models(
    transaction: &mut Transaction,
    models: &[&str],
) -> Result<HashMap<String, Counts>, DbError> {
    use LoggedModelMetrics as Metrics;
    use LoggedModelParams as Params;
    use LoggedModelTags as Tags;
    let mut found = HashMap::new();
    for list in id_lists(models) {
        let of = |column: Expr| column.is_in(list.iter().copied());
        let id = LoggedModels::ModelId;
        for row in
            transaction.fetch_all(&count_by(LoggedModels::Table, id, of(Expr::col(id)))).await?
        {
            found.insert(row.get(id)?, Counts::default());
        }
        let select = count_by(Metrics::Table, Metrics::ModelId, of(Expr::col(Metrics::ModelId)));
        add(transaction, &select, Metrics::ModelId, &mut found, |it| &mut it.metrics).await?;
        let select = count_by(Params::Table, Params::ModelId, of(Expr::col(Params::ModelId)));
        add(transaction, &select, Params::ModelId, &mut found, |it| &mut it.params).await?;
        let select = count_by(Tags::Table, Tags::ModelId, of(Expr::col(Tags::ModelId)));
        add(transaction, &select, Tags::ModelId, &mut found, |it| &mut it.tags).await?;
    }
    Ok(found)
}

async fn count_of_experiments(
    transaction: &mut Transaction,
    experiments: &[i64],
) -> Result<HashMap<i64, Counts>, DbError> {
    let mut found: HashMap<i64, Counts> = HashMap::new();
    for list in id_lists(experiments) {
        let of = |column: Expr| column.is_in(list.iter().copied());
        let id = Experiments::ExperimentId;
        for row in
            transaction.fetch_all(&count_by(Experiments::Table, id, of(Expr::col(id)))).await?
        {
            found.insert(row.get(id)?, Counts::default());
        }
        let id = ExperimentTags::ExperimentId;
        for row in
            transaction.fetch_all(&count_by(ExperimentTags::Table, id, of(Expr::col(id)))).await?
        {
            let amount: i64 = row.get(Counted::Amount)?;
            found.entry(row.get(id)?).or_default().tags +=
                u64::try_from(amount).unwrap_or_default();
        }
        let id = Datasets::ExperimentId;
        for row in transaction.fetch_all(&count_by(Datasets::Table, id, of(Expr::col(id)))).await? {
            let amount: i64 = row.get(Counted::Amount)?;
            found.entry(row.get(id)?).or_default().datasets +=
                u64::try_from(amount).unwrap_or_default();
        }
    }
    Ok(found)
}
