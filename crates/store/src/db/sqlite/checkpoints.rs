//! Checkpoints beside the writer: what is in the write-ahead log is brought to its place by a thread of its own.
//!
//! SQLite itself has whoever commits do that, who then waits for megabytes to be copied and flushed, and everybody else for
//! him. Here he only copies the little that he wrote while the thread was at work, so that the log is empty for once and begins
//! anew. The thread also flushes what it copies: SQLite does so when all of the log is in its place, which is when he copies the rest.

use super::{Opening, SqliteLocation};
use rusqlite::{Connection, Error, hooks::Wal};
use std::{
    fs::File,
    io,
    mem::ManuallyDrop,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Pages in the write-ahead log before they are brought to their place. Four times SQLite's own number, since pages
/// that are written again and again are brought there once for all.
const PAGES: i32 = 4000;

/// Pages that whoever commits may copy, while everybody else waits: some milliseconds.
const REST: i64 = 500;

/// Pages in the write-ahead log from which on whoever commits copies them, however many they are: 48 MB. The thread is too slow then.
const MOST_PAGES: i64 = 12_000;

/// How much the thread steps back, for calls to go first. No more than this: on a busy machine the log would only grow.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// How often the thread copies what was written while it copied, at most.
const ROUNDS: usize = 8;

/// Before another round where somebody reads what is older than all that is left to copy.
const PAUSE: Duration = Duration::from_millis(2);

/// As whoever has committed does it: without waiting for anybody.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// The thread that makes checkpoints of one database.
#[derive(Debug, Clone)]
pub(super) struct Checkpoints(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    orders: Sender<Order>,
    progress: Arc<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Progress {
    /// From the order until it is carried out.
    is_busy: AtomicBool,
    /// Whether whoever commits next is to copy what is left.
    leaves_rest: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Checkpoint,
    Stop,
}

impl Checkpoints {
    /// Starts the thread, which opens a connection once there is something to do.
    pub(super) fn start(opening: Opening) -> io::Result<Self> {
        let (orders, waiting) = mpsc::channel();
        let progress = Arc::new(Progress::default());
        let shared = Arc::clone(&progress);
        let thread = thread::Builder::new()
            .name("checkpoints".to_owned())
            .spawn(move || carry_out(&waiting, &opening, &shared))?;
        let thread = Mutex::new(Some(thread));
        Ok(Self(Arc::new(Shared { orders, progress, thread })))
    }

    /// Makes checkpoints of what a connection commits.
    pub(super) fn watch(&self, connection: &mut Connection) -> Result<(), Error> {
        let shared = Arc::clone(&self.0);
        connection.wal_hook(Some(move |wal: &mut Wal, pages| {
            shared.committed(wal, pages);
            Ok(())
        }))
    }

    /// Waits until the thread has closed its connection.
    pub(super) fn stop(&self) {
        // It fails where the thread has ended.
        let _ = self.0.orders.send(Order::Stop);
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread for checkpoints panicked");
        }
    }
}

impl Shared {
    /// After a commit, with so many pages in the log.
    fn committed(&self, wal: &mut Wal, pages: i32) {
        if self.progress.leaves_rest.swap(false, Ordering::Relaxed) {
            copy_rest(wal);
        } else if pages >= PAGES && !self.progress.is_busy.swap(true, Ordering::Relaxed) {
            let ordered = self.orders.send(Order::Checkpoint);
            if ordered.is_err() {
                copy_rest(wal);
            }
        }
    }
}

fn copy_rest(wal: &mut Wal) {
    if let Err(error) = wal.checkpoint() {
        // The next one copies it, too.
        tracing::debug!(%error, "a checkpoint was not made");
    }
}

fn carry_out(waiting: &Receiver<Order>, opening: &Opening, progress: &Progress) {
    step_back();
    let mut connection = None;
    let mut flushed = None;
    while let Ok(Order::Checkpoint) = waiting.recv() {
        let flush = || flush(&opening.location, &mut flushed);
        let made = match &mut connection {
            Some(connection) => checkpoint(connection, flush),
            None => {
                opening.connect().and_then(|opened| checkpoint(connection.insert(opened), flush))
            }
        };
        if let Err(error) = &made {
            tracing::warn!(%error, "a checkpoint of the database was not made; it will be tried again");
            connection = None;
        }
        progress.leaves_rest.store(made.unwrap_or(false), Ordering::Relaxed);
        progress.is_busy.store(false, Ordering::Relaxed);
    }
}

/// Flushes the database's file, which is opened once and never closed: that would take all locks from SQLite that this process has on it,
/// which is how POSIX has it.
fn flush(location: &SqliteLocation, opened: &mut Option<ManuallyDrop<File>>) {
    let SqliteLocation::File(path) = location else { return };
    let file = match opened {
        Some(file) => Ok(file),
        None => File::open(path).map(|file| opened.insert(ManuallyDrop::new(file))),
    };
    if let Err(error) = file.and_then(|file| file.sync_data()) {
        // SQLite flushes it again, hears of the same error, and leaves the log as it is.
        tracing::warn!(%error, "the database's file was not flushed");
    }
}

/// What calls are waiting for goes first. Elsewhere than on Linux, this would count for the whole process.
fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "checkpoints are as urgent as calls");
    }
}

/// Copies and flushes until so little comes meanwhile that whoever commits hardly notices it, and tells whether he is to copy that.
fn checkpoint(connection: &Connection, mut flush: impl FnMut()) -> Result<bool, Error> {
    let mut before = 0;
    for _ in 0..ROUNDS {
        let (pages, copied): (i64, i64) =
            connection.query_row(CHECKPOINT, [], |row| Ok((row.get(1)?, row.get(2)?)))?;
        let (left, new) = (pages - copied, copied - before);
        if new > 0 {
            flush();
        }
        if left.max(new) <= REST || pages >= MOST_PAGES {
            return Ok(true);
        }
        if new == 0 {
            thread::sleep(PAUSE);
        }
        before = copied;
    }
    Ok(false)
}
