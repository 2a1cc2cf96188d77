//! Changes that wait for their turn, each with its caller.

use crate::{
    StoreError,
    db::{DbError, Transaction},
    metric_groups::{self, Logged},
    writes::{Change, Lock},
};
use futures_util::{FutureExt, future::BoxFuture};
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

    /// What it logs, if that can be done together with others.
    fn logged(&self) -> Option<Logged<'_>>;

    /// Keeps the outcome of what was done together with others.
    fn conclude(&mut self, outcome: Result<(), StoreError>);

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
    change: C,
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

    fn logged(&self) -> Option<Logged<'_>> {
        self.change.logged().map(|(logged, _)| logged)
    }

    fn conclude(&mut self, outcome: Result<(), StoreError>) {
        let output = self.change.logged().map(|(_, output)| output);
        self.outcome = output.map(|output| outcome.map(|()| output));
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

/// Values that are written together at most, so that what travels to the database is no larger for large groups.
const POINTS_TOGETHER: usize = 10_000;

/// Carries out one change, or several that all log metrics.
pub(crate) async fn apply(jobs: &mut [Box<dyn Job>], transaction: &mut Transaction) -> Applied {
    if let [job] = jobs
        && job.logged().is_none()
    {
        return job.apply(transaction).await;
    }
    let mut rest = jobs;
    while !rest.is_empty() {
        let (some, others) = rest.split_at_mut(count_together(rest));
        if let Err(error) = log_metrics(some, transaction).await {
            // Of several, nobody knows whose fault it is; each will be carried out apart.
            if let [job] = some {
                job.conclude(Err(error.clone().into()));
            }
            return Applied::Broken(error);
        }
        rest = others;
    }
    Applied::Done
}

/// How many of the jobs log no more values than are written together; one at least.
fn count_together(jobs: &[Box<dyn Job>]) -> usize {
    let mut points = 0;
    let counts = jobs.iter().map(|job| job.logged().map_or(0, Logged::len));
    let fitting = counts.take_while(|count| {
        points += count;
        points <= POINTS_TOGETHER
    });
    fitting.count().max(1)
}

async fn log_metrics(
    jobs: &mut [Box<dyn Job>],
    transaction: &mut Transaction,
) -> Result<(), DbError> {
    let Some(span) = jobs.first().map(|job| job.span().clone()) else { return Ok(()) };
    let logged: Vec<Logged<'_>> = jobs.iter().filter_map(|job| job.logged()).collect();
    let outcomes = metric_groups::log(transaction, &logged).instrument(span).await?;
    for (job, outcome) in jobs.iter_mut().zip(outcomes) {
        job.conclude(outcome);
    }
    Ok(())
}
