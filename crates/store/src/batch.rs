//! Batches of metrics, params and tags.

use crate::{
    Store, StoreError,
    db::Transaction,
    metric_groups::Logged,
    metrics, params, run_locks, tags,
    writes::{Change, Lock},
};
use mlferry_protocol::batch::LogBatch;

impl Store {
    /// Logs all of a batch, or nothing of it.
    pub async fn log_batch(&self, request: LogBatch) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for LogBatch {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    fn logged(&self) -> Option<(Logged<'_>, ())> {
        if !self.params.is_empty() || !self.tags.is_empty() {
            return None;
        }
        Some((Logged::alone(&self.run_id, &self.metrics)?, ()))
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let run = run_locks::active(transaction, &self.run_id).await?;
        params::log_all(transaction, &run.id, &self.params).await?;
        metrics::log_all(transaction, &run, &self.metrics).await?;
        tags::set_on_run(transaction, &run.id, &self.tags).await
    }
}
