//! A copy of a database while others write, and a database that is held so that its file may be replaced.
//!
//! SQLite's own backup copies page by page. `VACUUM INTO` would write a smaller file, but reads every table and builds
//! every index anew, and all that time keeps the write-ahead log from being cleared.

use super::{BUSY_TIMEOUT, code};
use crate::db::DbError;
use rusqlite::{
    Connection, Error, OpenFlags,
    backup::{Backup, StepResult},
    ffi,
};
use std::{fs::File, path::Path, thread, time::Duration};

/// Pages between two looks whether anybody still waits.
const PAGES: i32 = 2000;

/// Before a step is tried again that another process was in the way of.
const RETRY_DELAY: Duration = Duration::from_millis(50);

/// How long a holder of a database may take to let it go.
const HOLD_TIMEOUT: Duration = Duration::from_secs(1);

/// Copies the database at `from` to the file `to`, which is not there yet, as it is at the begin; when this returns, the copy
/// is durable but for its name. It fails once `goes_on` is false.
///
/// Writers go on meanwhile where there is a write-ahead log, as servers of ours make it. With another journal, they wait.
pub(crate) fn copy(from: &Path, to: &Path, goes_on: &dyn Fn() -> bool) -> Result<(), DbError> {
    let source = open(from, OpenFlags::empty())?;
    source.busy_timeout(BUSY_TIMEOUT)?;
    // A copy that begins to read anew with each step would begin again with each change that others make. In this
    // transaction, all steps see one state.
    source.execute_batch("BEGIN; SELECT 1 FROM sqlite_master LIMIT 1")?;
    let mut target = open(to, OpenFlags::SQLITE_OPEN_CREATE)?;
    // It is flushed once, at the end.
    target.pragma_update(None, "synchronous", "OFF")?;
    copy_pages(&source, &mut target, goes_on)?;
    drop((source, target));
    // The copied header asks for a write-ahead log, which a file that lies somewhere should not need.
    let target = open(to, OpenFlags::empty())?;
    set_journal(&target)?;
    target.close().map_err(|(_, error)| error)?;
    let flushed = File::open(to).and_then(|file| file.sync_all());
    flushed.map_err(|error| DbError::from(not_flushed(&error)))
}

fn copy_pages(
    source: &Connection,
    target: &mut Connection,
    goes_on: &dyn Fn() -> bool,
) -> Result<(), Error> {
    let backup = Backup::new(source, target)?;
    while goes_on() {
        match backup.step(PAGES)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => thread::sleep(RETRY_DELAY),
        }
    }
    Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None))
}

fn open(path: &Path, more: OpenFlags) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags | more)
}

/// Brings what is in a write-ahead log to its place, and does without one.
fn set_journal(connection: &Connection) -> Result<(), Error> {
    let set = connection
        .pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get::<_, String>(0))?;
    if set.eq_ignore_ascii_case("delete") {
        return Ok(());
    }
    // It stays as it was when others use it.
    Err(Error::SqliteFailure(ffi::Error::new(code::BUSY), None))
}

fn not_flushed(error: &std::io::Error) -> Error {
    Error::SqliteFailure(ffi::Error::new(code::IOERR), Some(error.to_string()))
}

/// A database that nobody else has open, as far as SQLite can tell, and that nobody can use until this is dropped.
#[derive(Debug)]
pub(crate) struct SqliteHold {
    /// Its lock is given back when it is closed.
    _connection: Connection,
}

impl SqliteHold {
    /// Takes hold of a database, all of which is in its one file afterwards. It is busy when a server has it open.
    pub(crate) fn take(path: &Path) -> Result<Self, DbError> {
        let connection = open(path, OpenFlags::empty())?;
        connection.busy_timeout(HOLD_TIMEOUT)?;
        set_journal(&connection)?;
        // In this mode, the lock stays after the transaction.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        // Somebody may have been there between the two steps, and be gone again.
        set_journal(&connection)?;
        Ok(Self { _connection: connection })
    }
}
