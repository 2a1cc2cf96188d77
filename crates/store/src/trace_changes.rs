//! What changes, deletes and links traces that are there.

use crate::{
    Store, StoreError,
    associations::{entity, link},
    db::{Transaction, id_lists},
    tables::{ReviewQueueItems, TraceInfo as Traces, TraceTags},
    traces::{hold, write_tags},
    writes::{Change, Lock},
};
use mlferry_protocol::{
    ExperimentId,
    trace_changes::{
        DeleteTraceTag, DeleteTraces, DeleteTracesResponse, Doomed, LinkPromptsToTrace,
        LinkTracesToRun, SetTraceTag,
    },
    traces::NAME_TAG,
};
use sea_query::{Expr, ExprTrait, LockType, Order, Query, UpdateStatement};

/// Traces that are deleted by one statement.
const DELETED_AT_ONCE: u64 = 10_000;

impl Store {
    /// Sets a tag of a trace, or changes it.
    pub async fn set_trace_tag(&self, request: SetTraceTag) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Removes a tag of a trace.
    pub async fn delete_trace_tag(&self, request: DeleteTraceTag) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Deletes traces with all that belongs to them, for good.
    pub async fn delete_traces(
        &self,
        request: DeleteTraces,
    ) -> Result<DeleteTracesResponse, StoreError> {
        self.write(request).await
    }

    /// Links traces to a run.
    pub async fn link_traces_to_run(&self, request: LinkTracesToRun) -> Result<(), StoreError> {
        self.write(request).await
    }

    /// Links versions of prompts to a trace.
    pub async fn link_prompts_to_trace(
        &self,
        request: LinkPromptsToTrace,
    ) -> Result<(), StoreError> {
        self.write(request).await
    }
}

impl Change for SetTraceTag {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Trace(&self.trace_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        hold(transaction, &self.trace_id).await?;
        if self.key == NAME_TAG {
            transaction.execute(&rename(&self.trace_id, Some(&self.value))).await?;
            return Ok(());
        }
        write_tags(transaction, &self.trace_id, &[(&self.key, &self.value)]).await
    }
}

impl Change for DeleteTraceTag {
    type Output = ();
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Trace(&self.trace_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let missing = || StoreError::TraceTagNotFound {
            key: self.key.clone(),
            trace_id: self.trace_id.clone(),
        };
        let deleted = if self.key == NAME_TAG {
            hold(transaction, &self.trace_id).await?;
            let is_named = Expr::col(Traces::TraceName).is_not_null();
            let update = rename(&self.trace_id, None).and_where(is_named).take();
            transaction.execute(&update).await?
        } else {
            let delete = Query::delete()
                .from_table(TraceTags::Table)
                .and_where(Expr::col(TraceTags::RequestId).eq(self.trace_id.as_str()))
                .and_where(Expr::col(TraceTags::Key).eq(self.key.as_str()))
                .take();
            transaction.execute(&delete).await?
        };
        if deleted == 0 { Err(missing()) } else { Ok(()) }
    }
}

fn rename(id: &str, name: Option<&str>) -> UpdateStatement {
    Query::update()
        .table(Traces::Table)
        .value(Traces::TraceName, name)
        .and_where(Expr::col(Traces::RequestId).eq(id))
        .take()
}

impl Change for DeleteTraces {
    type Output = DeleteTracesResponse;
    const IS_REPEATABLE: bool = false;

    fn locks(&self) -> Lock<'_> {
        Lock::Experiment(self.experiment_id)
    }

    async fn apply(
        &self,
        transaction: &mut Transaction,
    ) -> Result<DeleteTracesResponse, StoreError> {
        let mut traces_deleted = 0;
        match &self.which {
            Doomed::Ids(ids) => {
                for list in id_lists(ids) {
                    traces_deleted += delete(transaction, self.experiment_id, list).await?;
                }
            }
            Doomed::UpTo { timestamp_ms, max_traces } => {
                let mut left = max_traces.unwrap_or(u64::MAX);
                while left > 0 {
                    let most = Ord::min(left, DELETED_AT_ONCE);
                    let experiment = self.experiment_id;
                    let ids = oldest(transaction, experiment, *timestamp_ms, most).await?;
                    let deleted = delete(transaction, experiment, &ids).await?;
                    traces_deleted += deleted;
                    left -= deleted;
                    if deleted < most {
                        break;
                    }
                }
            }
        }
        Ok(DeleteTracesResponse { traces_deleted })
    }
}

/// The ids of the oldest traces of an experiment, up to a time; nobody else changes them.
async fn oldest(
    transaction: &mut Transaction,
    experiment: ExperimentId,
    timestamp_ms: i64,
    most: u64,
) -> Result<Vec<String>, StoreError> {
    let select = Query::select()
        .column(Traces::RequestId)
        .from(Traces::Table)
        .and_where(Expr::col(Traces::ExperimentId).eq(experiment.0))
        .and_where(Expr::col(Traces::TimestampMs).lte(timestamp_ms))
        .order_by(Traces::TimestampMs, Order::Asc)
        .order_by(Traces::RequestId, Order::Asc)
        .limit(most)
        .lock(LockType::Update)
        .take();
    let rows = transaction.fetch_all(&select).await?;
    Ok(rows.iter().map(|row| row.get(Traces::RequestId)).collect::<Result<_, _>>()?)
}

/// Deletes those of some traces that are in an experiment, and counts them.
async fn delete(
    transaction: &mut Transaction,
    experiment: ExperimentId,
    ids: &[String],
) -> Result<u64, StoreError> {
    let ids = || ids.iter().map(String::as_str);
    let doomed = Query::select()
        .column(Traces::RequestId)
        .from(Traces::Table)
        .and_where(Expr::col(Traces::ExperimentId).eq(experiment.0))
        .and_where(Expr::col(Traces::RequestId).is_in(ids()))
        .take();
    // Nothing in the schema ties these to their trace, as all else is.
    let items = Query::delete()
        .from_table(ReviewQueueItems::Table)
        .and_where(Expr::col(ReviewQueueItems::ItemType).eq(entity::TRACE))
        .and_where(Expr::col(ReviewQueueItems::ItemId).in_subquery(doomed))
        .take();
    transaction.execute(&items).await?;
    let delete = Query::delete()
        .from_table(Traces::Table)
        .and_where(Expr::col(Traces::ExperimentId).eq(experiment.0))
        .and_where(Expr::col(Traces::RequestId).is_in(ids()))
        .take();
    Ok(transaction.execute(&delete).await?)
}

impl Change for LinkTracesToRun {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Run(&self.run_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let run = (entity::RUN, self.run_id.as_str());
        let links = self.trace_ids.iter().map(|id| ((entity::TRACE, id.as_str()), run));
        Ok(link(transaction, links).await?)
    }
}

impl Change for LinkPromptsToTrace {
    type Output = ();
    const IS_REPEATABLE: bool = true;

    fn locks(&self) -> Lock<'_> {
        Lock::Trace(&self.trace_id)
    }

    async fn apply(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        if self.prompts.is_empty() {
            return Ok(());
        }
        hold(transaction, &self.trace_id).await?;
        let trace = (entity::TRACE, self.trace_id.as_str());
        let prompts = self.prompts.iter();
        let links = prompts.map(|id| (trace, (entity::PROMPT_VERSION, id.as_str())));
        Ok(link(transaction, links).await?)
    }
}
