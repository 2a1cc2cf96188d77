//! Params of runs, written once and never changed.

use crate::{
    Store, StoreError,
    db::{DbError, Transaction, insert},
    run_locks,
    tables::Params,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    InvalidParameter, RunId,
    params::{LogParam, Param},
    python::repr_str,
};
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use std::collections::HashMap;

impl Store {
    /// Logs a param. The same value may come again, another one is refused.
    pub async fn log_param(&self, request: LogParam) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for LogParam {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        run_locks::active(transaction, &self.run_id).await?;
        let params = std::slice::from_ref(&self.param);
        let conflicts = add_new(transaction, &self.run_id, params).await?;
        let Some(conflict) = conflicts.first() else { return Ok(()) };
        Err(InvalidParameter::new(format!(
            "Changing param values is not allowed. Param with key='{}' was already logged with \
             value='{}' for run ID='{}'. Attempted logging new value '{}'.",
            conflict.key, conflict.old, self.run_id, conflict.new
        ))
        .into())
    }
}

/// Logs the params of a batch, each key once.
pub(crate) async fn log_all(
    transaction: &mut Transaction,
    run: &RunId,
    params: &[Param],
) -> Result<(), StoreError> {
    let conflicts = add_new(transaction, run, params).await?;
    if conflicts.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = conflicts
        .iter()
        .map(|conflict| {
            format!(
                "{{'key': {}, 'old_value': {}, 'new_value': {}}}",
                repr_str(conflict.key),
                repr_str(&conflict.old),
                repr_str(conflict.new)
            )
        })
        .collect();
    Err(InvalidParameter::new(format!(
        "Changing param values is not allowed. Params were already logged='[{}]' for run ID='{run}'.",
        shown.join(", ")
    ))
    .into())
}

/// A param that has another value already.
struct Conflict<'a> {
    key: &'a str,
    old: String,
    new: &'a str,
}

/// Writes those params that are not there yet, and tells which are there with another value.
async fn add_new<'a>(
    transaction: &mut Transaction,
    run: &RunId,
    params: &'a [Param],
) -> Result<Vec<Conflict<'a>>, StoreError> {
    if params.is_empty() {
        return Ok(Vec::new());
    }
    let rows = params
        .iter()
        .map(|param| [param.key.as_str().into(), param.value.as_str().into(), run.as_str().into()]);
    let mut statement = insert(Params::Table, [Params::Key, Params::Value, Params::RunUuid], rows);
    let keep = OnConflict::columns([Params::Key, Params::RunUuid]).do_nothing().to_owned();
    let added = transaction.insert(statement.on_conflict(keep)).await?;
    if added == params.len() as u64 {
        return Ok(Vec::new());
    }
    let mut kept = values_of(transaction, run, params).await?;
    let conflicts = params.iter().filter_map(|param| {
        let old = kept.remove(&param.key).filter(|old| *old != param.value)?;
        Some(Conflict { key: &param.key, old, new: &param.value })
    });
    Ok(conflicts.collect())
}

/// The values that a run has for some params.
async fn values_of(
    transaction: &mut Transaction,
    run: &RunId,
    params: &[Param],
) -> Result<HashMap<String, String>, DbError> {
    let select = Query::select()
        .columns([Params::Key, Params::Value])
        .from(Params::Table)
        .and_where(Expr::col(Params::RunUuid).eq(run.as_str()))
        .and_where(Expr::col(Params::Key).is_in(params.iter().map(|param| param.key.as_str())))
        .take();
    let rows = transaction.fetch_all(&select).await?;
    rows.iter().map(|row| Ok((row.get(Params::Key)?, row.get(Params::Value)?))).collect()
}
