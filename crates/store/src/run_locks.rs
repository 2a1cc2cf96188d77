//! Runs that something is logged to, and that may therefore not be deleted: others who change them wait, and nobody
//! deletes them meanwhile.

use crate::{
    StoreError,
    db::{DbError, Dialect, Row, Transaction, is_one_of_texts},
    lifecycle::ACTIVE,
    runs::select_run,
    tables::Runs,
};
use mlferry_protocol::{ExperimentId, RunId};
use sea_query::{Expr, LockType, Order, Query, SelectStatement};
use std::collections::{BTreeSet, HashMap};

/// What a change needs to know of its run.
pub(crate) struct RunRow {
    pub(crate) id: RunId,
    pub(crate) experiment_id: ExperimentId,
}

/// Locks a run, if something may be logged to it.
pub(crate) async fn active(
    transaction: &mut Transaction,
    id: &RunId,
) -> Result<RunRow, StoreError> {
    let select = select_run(id.as_str()).lock(LockType::NoKeyUpdate).take();
    let row = transaction.fetch_optional(&select).await?;
    let row = row.ok_or_else(|| StoreError::RunNotFound(id.clone()))?;
    let stage: Option<String> = row.get(Runs::LifecycleStage)?;
    check_stage(id, stage.as_deref())?;
    Ok(RunRow { id: id.clone(), experiment_id: ExperimentId(row.get(Runs::ExperimentId)?) })
}

fn check_stage(id: &RunId, stage: Option<&str>) -> Result<(), StoreError> {
    match stage {
        Some(ACTIVE) => Ok(()),
        _ => Err(StoreError::RunDeleted(id.clone())),
    }
}

/// The stages of runs that are locked.
pub(crate) struct LockedRuns(HashMap<String, Option<String>>);

impl LockedRuns {
    /// Reads what [`select_to_lock`] selects.
    pub(crate) fn of(rows: &[Row]) -> Result<Self, DbError> {
        let stage = |row: &Row| Ok((row.get(Runs::RunUuid)?, row.get(Runs::LifecycleStage)?));
        Ok(Self(rows.iter().map(stage).collect::<Result<_, DbError>>()?))
    }

    /// Whether something may be logged to a run.
    pub(crate) fn check(&self, id: &RunId) -> Result<(), StoreError> {
        let stage = self.0.get(id.as_str()).ok_or_else(|| StoreError::RunNotFound(id.clone()))?;
        check_stage(id, stage.as_deref())
    }
}

/// Locks several runs, in the order in which others do.
pub(crate) async fn lock_all(
    transaction: &mut Transaction,
    ids: &BTreeSet<&RunId>,
) -> Result<LockedRuns, DbError> {
    let select = select_to_lock(transaction.dialect(), ids);
    LockedRuns::of(&transaction.fetch_all(&select).await?)
}

/// Selects what is to be known of runs, and locks them.
pub(crate) fn select_to_lock(dialect: Dialect, ids: &BTreeSet<&RunId>) -> SelectStatement {
    let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
    Query::select()
        .columns([Runs::RunUuid, Runs::LifecycleStage])
        .from(Runs::Table)
        .and_where(is_one_of_texts(dialect, Expr::col(Runs::RunUuid), &ids))
        .order_by(Runs::RunUuid, Order::Asc)
        .lock(LockType::NoKeyUpdate)
        .take()
}
