//! The list of a run's models in one of its tags, as clients before MLflow 3 write it.

use crate::{
    Store, StoreError,
    db::Transaction,
    run_locks,
    tables::Tags,
    tags,
    writes::{Change, Lock},
};
use mlferry_protocol::{
    InvalidParameter, RunId, check_length, limits,
    model_history::{LogModel, MODEL_HISTORY_TAG},
    tags::Tag,
};
use sea_query::{Expr, ExprTrait, Query};
use serde_json::value::RawValue;

impl Store {
    /// Adds a model to the list of a run.
    pub async fn log_model(&self, request: LogModel) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for LogModel {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        run_locks::active(transaction, &self.run_id).await?;
        let value = match history_of(transaction, &self.run_id).await? {
            None => format!("[{}]", self.entry),
            Some(history) => {
                with_entry(&history, &self.entry).ok_or_else(|| no_list(&self.run_id))?
            }
        };
        // Cut, it would be no list any more.
        check_length(MODEL_HISTORY_TAG, &value, limits::TAG_VALUE)?;
        let tag = Tag { key: MODEL_HISTORY_TAG.to_owned(), value };
        tags::set_on_run(transaction, &self.run_id, &[tag]).await
    }
}

async fn history_of(
    transaction: &mut Transaction,
    run: &RunId,
) -> Result<Option<String>, StoreError> {
    let select = Query::select()
        .column(Tags::Value)
        .from(Tags::Table)
        .and_where(Expr::col(Tags::RunUuid).eq(run.as_str()))
        .and_where(Expr::col(Tags::Key).eq(MODEL_HISTORY_TAG))
        .take();
    let row = transaction.fetch_optional(&select).await?;
    Ok(row.map(|row| row.get(Tags::Value)).transpose()?.flatten())
}

/// A JSON list with one more entry, or nothing where it is no list.
pub(crate) fn with_entry(history: &str, entry: &str) -> Option<String> {
    let entries: Vec<&RawValue> = serde_json::from_str(history).ok()?;
    let open = history.trim_end().strip_suffix(']')?;
    let comma = if entries.is_empty() { "" } else { ", " };
    Some(format!("{open}{comma}{entry}]"))
}

fn no_list(run: &RunId) -> InvalidParameter {
    InvalidParameter::new(format!(
        "The tag '{MODEL_HISTORY_TAG}' of run '{run}' is not a JSON list, so that no model can be added to \
         it. Delete the tag first."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_at_the_end() {
        assert_eq!(with_entry("[]", "{}").unwrap(), "[{}]");
        assert_eq!(with_entry("[{\"a\": 1}] ", "{}").unwrap(), "[{\"a\": 1}, {}]");
        for other in ["{}", "", "[", "5", "[1]]"] {
            assert_eq!(with_entry(other, "{}"), None, "{other}");
        }
    }
}
