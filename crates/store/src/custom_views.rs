//! How many custom views an experiment has.

use crate::{StoreError, db::Transaction, tables::ExperimentTags};
use mlferry_protocol::{
    ExperimentId,
    custom_views::{CUSTOM_VIEW_PREFIX, no_room},
    limits,
};
use sea_query::{Expr, ExprTrait, Query};

/// Refuses a tag that would be one custom view too many. One that is there may change.
pub(crate) async fn check_room(
    transaction: &mut Transaction,
    experiment: ExperimentId,
    key: &str,
) -> Result<(), StoreError> {
    if !key.starts_with(CUSTOM_VIEW_PREFIX) {
        return Ok(());
    }
    let select = Query::select()
        .column(ExperimentTags::Key)
        .from(ExperimentTags::Table)
        .and_where(Expr::col(ExperimentTags::ExperimentId).eq(experiment.0))
        .and_where(Expr::col(ExperimentTags::Key).like(format!("{CUSTOM_VIEW_PREFIX}%")))
        .take();
    let rows = transaction.fetch_all(&select).await?;
    let keys = rows.iter().map(|row| row.get(ExperimentTags::Key));
    let keys = keys.collect::<Result<Vec<String>, _>>()?;
    if keys.len() < limits::CUSTOM_VIEWS || keys.iter().any(|known| known == key) {
        return Ok(());
    }
    Err(no_room(Some(experiment)).into())
}
