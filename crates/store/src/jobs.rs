//! Changes that wait for their turn, each with its caller.

use crate::{
    StoreError,
    db::{DbError, Transaction},
    metrics,
    writes::{Change, Lock},
};
use futures_util::{FutureExt, future::BoxFuture};
use mlferry_protocol::metrics::LogMetric;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

/// A change with the caller that waits for it, whatever its types.
pub(crate) trait Job: Send {
    fn locks(&self) -> Lock<'_>;

    fn is_repeatable(&self) -> bool;

    /// What its caller sees of it in a trace.
    fn span(&self) -> &Span;

    /// Carries the change out, keeps the outcome, and tells how it went.
    fn apply<'a>(&'a mut self, transaction: &'a mut Transaction) -> BoxFuture<'a, Applied>;

    /// The metric that it logs, if that can be done together with others.
    fn metric(&mut self) -> Option<&mut Queued<LogMetric>> {
        None
    }

    /// Whether it has a [`metric`](Self::metric).
    fn is_metric(&self) -> bool {
        false
    }

    /// Tells the caller the outcome.
    fn settle(self: Box<Self>);

    /// Tells the caller that the database failed.
    fn fail(self: Box<Self>, error: DbError);
}

/// How a change went.
pub(crate) enum Applied {
    Done,
    /// The change itself was wrong.
    Refused,
    /// The database failed.
    Broken(DbError),
}

/// A change in its place in the queue.
pub(crate) struct Queued<C: Change> {
    pub(crate) change: C,
    outcome: Option<Result<C::Output, StoreError>>,
    caller: oneshot::Sender<Result<C::Output, StoreError>>,
    span: Span,
}

impl<C: Change> Queued<C> {
    pub(crate) fn new(
        change: C,
        caller: oneshot::Sender<Result<C::Output, StoreError>>,
        span: Span,
    ) -> Self {
        Self { change, outcome: None, caller, span }
    }
}

impl<C: Change> Job for Queued<C> {
    fn locks(&self) -> Lock<'_> {
        self.change.locks()
    }

    fn is_repeatable(&self) -> bool {
        C::IS_REPEATABLE
    }

    fn span(&self) -> &Span {
        &self.span
    }

    fn apply<'a>(&'a mut self, transaction: &'a mut Transaction) -> BoxFuture<'a, Applied> {
        let span = self.span.clone();
        let applied = async {
            let outcome = self.change.apply(transaction).await;
            let applied = match &outcome {
                Ok(_) => Applied::Done,
                Err(StoreError::Database(error)) => Applied::Broken(error.clone()),
                Err(_) => Applied::Refused,
            };
            self.outcome = Some(outcome);
            applied
        };
        applied.instrument(span).boxed()
    }

    fn settle(self: Box<Self>) {
        let outcome = self.outcome.unwrap_or_else(|| Err(DbError::closed().into()));
        // A caller that went away hears nothing.
        let _ = self.caller.send(outcome);
    }

    fn fail(self: Box<Self>, error: DbError) {
        let _ = self.caller.send(Err(error.into()));
    }
}

/// A metric that is logged together with those beside it in the group.
pub(crate) struct JoinedMetric(pub(crate) Queued<LogMetric>);

impl Job for JoinedMetric {
    fn locks(&self) -> Lock<'_> {
        self.0.locks()
    }

    fn is_repeatable(&self) -> bool {
        self.0.is_repeatable()
    }

    fn span(&self) -> &Span {
        self.0.span()
    }

    fn apply<'a>(&'a mut self, transaction: &'a mut Transaction) -> BoxFuture<'a, Applied> {
        self.0.apply(transaction)
    }

    fn metric(&mut self) -> Option<&mut Queued<LogMetric>> {
        Some(&mut self.0)
    }

    fn is_metric(&self) -> bool {
        true
    }

    fn settle(self: Box<Self>) {
        Box::new(self.0).settle();
    }

    fn fail(self: Box<Self>, error: DbError) {
        Box::new(self.0).fail(error);
    }
}

/// Carries out one change, or several that all log metrics.
pub(crate) async fn apply(jobs: &mut [Box<dyn Job>], transaction: &mut Transaction) -> Applied {
    if let [job] = jobs {
        return job.apply(transaction).await;
    }
    match log_metrics(jobs, transaction).await {
        Ok(()) => Applied::Done,
        Err(error) => Applied::Broken(error),
    }
}

async fn log_metrics(
    jobs: &mut [Box<dyn Job>],
    transaction: &mut Transaction,
) -> Result<(), DbError> {
    let Some(span) = jobs.first().map(|job| job.span().clone()) else { return Ok(()) };
    let mut queued: Vec<_> = jobs.iter_mut().filter_map(|job| job.metric()).collect();
    let requests: Vec<&LogMetric> = queued.iter().map(|queued| &queued.change).collect();
    let outcomes = metrics::log_together(transaction, &requests).instrument(span).await?;
    for (queued, outcome) in queued.iter_mut().zip(outcomes) {
        queued.outcome = Some(outcome);
    }
    Ok(())
}
