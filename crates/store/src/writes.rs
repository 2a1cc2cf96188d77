//! Group commit: changes that arrive while a transaction is carried out share the next one.
//!
//! Durability costs a flush of the disk for each commit, however much is committed. So a writer takes all
//! changes that wait, carries them out in one transaction, commits it, and only then tells every caller of
//! its own success. One caller's error never fails a neighbour: what was done for it is undone alone.

use crate::{
    StoreError,
    activity::Tally,
    db::{Database, DbError, Transaction, Trouble},
    jobs::{self, Applied, Job, Queued},
    metric_groups::Logged,
    trace,
};
use futures_util::FutureExt;
use mlferry_protocol::{ExperimentId, RunId};
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{
    runtime::Handle,
    sync::{Mutex, Notify, Semaphore, SemaphorePermit, mpsc, oneshot},
    task::JoinSet,
};
use tracing::{Instrument, Span};

/// Most changes in one transaction, so that nobody waits long for neighbours.
const GROUP: usize = 256;

/// Changes that may wait; those who bring more wait for room.
const QUEUE: usize = 1024;

/// Values up to which a group that only logs is light: it costs the database less than its commit does.
const LIGHT: usize = 50;

/// Light groups that are carried out at the same time, at most. Another one waits, and grows meanwhile.
const LIGHT_AT_ONCE: usize = 2;

/// How long it waits: those before it may wait for a lock.
const PATIENCE: Duration = Duration::from_millis(10);

/// How often a group is carried out again after a failure that another try may heal.
const RETRIES: u32 = 5;

/// Before a group is carried out again; each further time takes twice as long.
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// A change that is carried out in one transaction, wholly or not at all.
///
/// It borrows what it writes, since it may be carried out again after a failure.
pub(crate) trait Change: Send + Sync + 'static {
    /// What the caller learns.
    type Output: Send + 'static;

    /// Whether a second time changes nothing and succeeds as well, so that it may be repeated when
    /// nobody knows whether the first one was committed.
    const IS_REPEATABLE: bool;

    /// What the change locks first: the run, experiment, logged or registered model that it belongs to. The changes of a group are
    /// carried out in this order, so that two groups never wait for each other.
    fn locks(&self) -> Lock<'_>;

    /// Carries the change out.
    fn apply(
        &self,
        transaction: &mut Transaction,
    ) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;

    /// What it logs, and what its caller learns of that, if it does nothing else and may do it together with others. It has to be
    /// repeatable.
    fn logged(&self) -> Option<(Logged<'_>, Self::Output)> {
        None
    }
}

/// What a change locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lock<'a> {
    /// Nothing that exists before it.
    Nothing,
    /// A registered model, by its name.
    RegisteredModel(&'a str),
    /// An experiment.
    Experiment(ExperimentId),
    /// A run.
    Run(&'a RunId),
    /// A logged model.
    Model(&'a str),
    /// A trace.
    Trace(&'a str),
}

/// The changes that wait, and the tasks that carry them out.
#[derive(Debug, Clone)]
pub(crate) struct Writes {
    queue: mpsc::Sender<Message>,
    writers: Arc<Mutex<JoinSet<()>>>,
}

enum Message {
    Carry(Box<dyn Job>),
    /// What comes later is refused.
    Close,
}

impl Writes {
    /// Starts as many writers as the database takes at once; `deliveries` is told of commits with something to
    /// send.
    pub(crate) fn start(database: &Database, tally: &Tally, deliveries: &Arc<Notify>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let light = Arc::new(Semaphore::new(LIGHT_AT_ONCE));
        let mut writers = JoinSet::new();
        for _ in 0..database.writers() {
            let writer = Writer {
                database: database.clone(),
                tally: tally.clone(),
                waiting: Arc::clone(&waiting),
                light: Arc::clone(&light),
                deliveries: Arc::clone(deliveries),
            };
            if database.blocks() {
                let runtime = Handle::current();
                writers.spawn_blocking(move || runtime.block_on(writer.run()));
            } else {
                writers.spawn(writer.run());
            }
        }
        Self { queue, writers: Arc::new(Mutex::new(writers)) }
    }

    /// Carries a change out; when this returns, it is committed.
    pub(crate) async fn carry_out<C: Change>(&self, change: C) -> Result<C::Output, StoreError> {
        let span = trace::operation::<C>();
        self.carry_out_in(change, span.clone()).instrument(span).await
    }

    async fn carry_out_in<C: Change>(
        &self,
        change: C,
        span: Span,
    ) -> Result<C::Output, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Queued::new(change, caller, span));
        let sent = self.queue.send(Message::Carry(job)).await;
        sent.map_err(|_| DbError::closed())?;
        answer.await.unwrap_or_else(|_| Err(DbError::closed().into()))
    }

    /// How many changes wait.
    pub(crate) fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Carries out what waits, and ends.
    pub(crate) async fn close(&self) {
        // It fails where another clone of the store has closed it.
        let _ = self.queue.send(Message::Close).await;
        let mut writers = self.writers.lock().await;
        while writers.join_next().await.is_some() {}
    }
}

type Group = Vec<Box<dyn Job>>;

/// Carries out one group after the other.
struct Writer {
    database: Database,
    tally: Tally,
    waiting: Arc<Mutex<mpsc::Receiver<Message>>>,
    /// Places for light groups.
    light: Arc<Semaphore>,
    deliveries: Arc<Notify>,
}

impl Writer {
    async fn run(self) {
        loop {
            let (group, _place) = self.next_group().await;
            if group.is_empty() {
                return;
            }
            // The callers of a group that panics hear that it failed; those who come later are served.
            if AssertUnwindSafe(self.carry_out(group)).catch_unwind().await.is_err() {
                tracing::error!("a change panicked; nothing of its group was written");
            }
        }
    }

    /// All changes that wait, or the next one, and their place if they are light; none at the end.
    async fn next_group(&self) -> (Group, Option<SemaphorePermit<'_>>) {
        let mut waiting = self.waiting.lock().await;
        let mut group = Group::new();
        while group.is_empty() && receive(&mut waiting, &mut group).await {}
        let place = if is_light(&group) { self.place().await } else { None };
        if place.is_some() && !waiting.is_empty() {
            receive(&mut waiting, &mut group).await;
        }
        drop(waiting);
        group.sort_by(|one, other| one.locks().cmp(&other.locks()));
        (group, place)
    }

    /// A place for a light group, or none when it waited long enough.
    async fn place(&self) -> Option<SemaphorePermit<'_>> {
        let place = tokio::time::timeout(PATIENCE, self.light.acquire()).await;
        place.ok().and_then(Result::ok)
    }

    async fn carry_out(&self, mut group: Group) {
        let mut isolation = Isolation::None;
        let mut retries = 0;
        loop {
            let attempt = Attempt { isolation, is_first: retries == 0 };
            let halt = match self.attempt(&mut group, attempt).await {
                Ok(()) => return group.into_iter().for_each(Job::settle),
                Err(halt) => halt,
            };
            match halt {
                Halt::Refusal => isolation = Isolation::Savepoints,
                Halt::Unavailable(error) => return fail_all(group, &error),
                Halt::Failure { error, committing } => {
                    if !heals_together(&error) || retries == RETRIES {
                        return fail_all(group, &error);
                    }
                    if committing {
                        // It may have been committed, and must not be done twice.
                        let (again, unsure) =
                            group.into_iter().partition(|job| job.is_repeatable());
                        fail_all(unsure, &error);
                        group = again;
                    }
                    tracing::warn!(%error, "the database failed; a group of changes is carried out again");
                    self.tally.group_again();
                    tokio::time::sleep(RETRY_DELAY * 2_u32.pow(retries)).await;
                    retries += 1;
                }
            }
        }
    }

    /// Carries a group out in one transaction and commits it; an error means that nothing was changed.
    async fn attempt(&self, group: &mut Group, attempt: Attempt) -> Result<(), Halt> {
        let Attempt { isolation, is_first } = attempt;
        // Who is carried out apart, shares nothing.
        let together = isolation == Isolation::None;
        let is_logged = |job: &dyn Job| together && job.logged().is_some();
        // What is done by one statement needs no transaction around it. It may have been done when it fails, as a
        // commit may. Who tries again may find other connections lost, too, which only a transaction replaces.
        let commits_itself = is_first && group.iter().all(|job| is_logged(&**job));
        let failed = |error| Halt::Failure { error, committing: commits_itself };
        let waiting = self.tally.waiting();
        let transaction = if commits_itself {
            self.database.write_once().await
        } else {
            self.database.write().await
        };
        let mut transaction = transaction.map_err(Halt::Unavailable)?;
        drop(waiting);
        let is_alone = group.len() == 1;
        // Neighbours that log metrics share their statements.
        let neighbours = group.chunk_by_mut(|one, next| is_logged(&**one) && is_logged(&**next));
        for jobs in neighbours {
            match isolation {
                Isolation::None => match jobs::apply(jobs, &mut transaction).await {
                    Applied::Done => {}
                    Applied::Broken(error) if heals_together(&error) => return Err(failed(error)),
                    // Dropped, the transaction changes nothing.
                    Applied::Refused | Applied::Broken(_) if is_alone => return Ok(()),
                    Applied::Refused if !transaction.is_touched() => {}
                    Applied::Refused | Applied::Broken(_) => return Err(Halt::Refusal),
                },
                Isolation::Savepoints => {
                    for job in jobs {
                        apply_apart(job.as_mut(), &mut transaction).await.map_err(failed)?;
                    }
                }
            }
        }
        let span = trace::commit(transaction.dialect(), group.iter().map(|job| job.span()));
        let has_deliveries = transaction.has_deliveries();
        let committed = transaction.commit().instrument(span).await;
        committed.map_err(|error| Halt::Failure { error, committing: true })?;
        self.tally.committed(group.len());
        if has_deliveries {
            self.deliveries.notify_one();
        }
        Ok(())
    }
}

/// Adds all changes that wait to a group that has room, or the next one; false at the end.
async fn receive(waiting: &mut mpsc::Receiver<Message>, group: &mut Group) -> bool {
    let mut messages = Vec::new();
    let is_open = waiting.recv_many(&mut messages, GROUP - group.len()).await > 0;
    for message in messages {
        match message {
            Message::Carry(job) => group.push(job),
            Message::Close => waiting.close(),
        }
    }
    is_open
}

/// Whether a group only logs, and little.
fn is_light(group: &Group) -> bool {
    let values = group.iter().try_fold(0, |sum, job| Some(sum + job.logged()?.len()));
    values.is_some_and(|values| (1..=LIGHT).contains(&values))
}

/// How the changes of a group are kept apart. Most groups have no error, so that nothing needs to be
/// undone; one that has is carried out again, more carefully.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Isolation {
    None,
    Savepoints,
}

/// How a group is carried out.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    isolation: Isolation,
    /// Whether nothing failed before.
    is_first: bool,
}

/// Why a group was not carried out.
enum Halt {
    /// A change has to be undone without its neighbours.
    Refusal,
    /// The database gives no transaction, although it was waited for.
    Unavailable(DbError),
    /// The database failed, perhaps while it committed.
    Failure { error: DbError, committing: bool },
}

/// Whether an error has nothing to do with the change it struck, and another try may heal it.
fn heals_together(error: &DbError) -> bool {
    matches!(error.trouble(), Trouble::Lost | Trouble::Conflict)
}

/// Carries a change out, and undoes it alone when it fails.
async fn apply_apart(job: &mut dyn Job, transaction: &mut Transaction) -> Result<(), DbError> {
    transaction.set_savepoint().await?;
    match job.apply(transaction).await {
        Applied::Done => transaction.release_savepoint().await,
        Applied::Broken(error) if heals_together(&error) => Err(error),
        Applied::Refused | Applied::Broken(_) => transaction.undo_to_savepoint().await,
    }
}

fn fail_all(group: Group, error: &DbError) {
    for job in group {
        job.fail(error.clone());
    }
}
