//! What SQLite does its own way: where a database lies, how it is opened, and its error codes.
//!
//! SQLite is a library that reads and writes files, so its calls block their thread. Whoever makes many of them
//! goes to a thread that may block first: see [`Database::apart`](super::Database::apart).

mod backup;
mod cells;
mod checkpoints;
mod pool;
mod transaction;

pub(crate) use backup::{SqliteHold, copy as copy_sqlite};
pub(super) use cells::{FromCell, SqliteRow};
pub(super) use transaction::{SqliteStatement, SqliteTransaction};

use super::{Connections, DbError, Trouble};
use crate::activity::PoolUse;
use checkpoints::Checkpoints;
use pool::Pool;
use regex::Regex;
use rusqlite::{
    Connection, Error, OpenFlags,
    config::DbConfig,
    functions::{Context, FunctionFlags},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// Selects the names of tables that are not SQLite's own.
pub(super) const TABLE_NAMES: &str =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'";

/// Selects the names of tables and indexes that are our own.
pub(super) const OWN_NAMES: &str = "SELECT name FROM sqlite_master WHERE name GLOB 'mlferry_*'";

/// How long SQLite waits for another process that writes; the reference waits as long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Between two attempts where SQLite itself doesn't wait.
const BUSY_PAUSE: Duration = Duration::from_millis(2);

/// Readers at once, unless told otherwise. Each costs a thread and its page cache; more than a few wait
/// for the same disk.
const READERS: u32 = 4;

/// Statements that a connection keeps prepared.
const PREPARED_STATEMENTS: usize = 256;

/// Pages that a connection keeps, in KiB. The one that writes touches several indexes for each row, in pages far
/// apart, and would write them out and read them again within one transaction.
const CACHE_OF_WRITER: i64 = 64 * 1024;
const CACHE_OF_READER: i64 = 4 * 1024;

/// Where a SQLite database lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SqliteLocation {
    File(PathBuf),
    Memory,
}

impl SqliteLocation {
    /// Reads what follows `sqlite:` in a URI: `///relative`, `////absolute`, `//`, `///:memory:`.
    pub(crate) fn parse(after_scheme: &str) -> Result<Self, &'static str> {
        let Some(rest) = after_scheme.strip_prefix("//") else {
            return Err("it must start with sqlite:///, followed by a path");
        };
        if rest.is_empty() {
            return Ok(Self::Memory);
        }
        let Some(path) = rest.strip_prefix('/') else {
            return Err("SQLite takes no host: write sqlite:///relative or sqlite:////absolute");
        };
        match path {
            "" | ":memory:" => Ok(Self::Memory),
            path if path.contains('?') => Err("options after '?' are not supported for SQLite"),
            path => Ok(Self::File(PathBuf::from(path))),
        }
    }
}

/// One connection that writes, since SQLite has one writer at a time, and a few that read beside it.
#[derive(Debug, Clone)]
pub(crate) struct SqliteDatabase {
    writer: Pool,
    /// Absent where the one connection does both.
    readers: Option<Pool>,
    /// Absent where there is no write-ahead log of ours.
    checkpoints: Option<Checkpoints>,
}

impl SqliteDatabase {
    pub(super) async fn open(
        location: &SqliteLocation,
        connections: &Connections,
    ) -> Result<Self, DbError> {
        make_folder(location);
        let opening = |purpose, checkpoints| Opening {
            location: location.clone(),
            may_create: true,
            purpose,
            checkpoints,
        };
        let checkpoints = match location {
            SqliteLocation::File(_) => {
                Checkpoints::start(opening(Purpose::Checkpoint, None)).map(Some)
            }
            SqliteLocation::Memory => Ok(None),
        };
        let checkpoints = checkpoints.map_err(|_| DbError::closed())?;
        let opening_to_write = opening(Purpose::Write, checkpoints.clone());
        let writer = Pool::new(opening_to_write, 1, connections.acquire_timeout);
        writer.begin("BEGIN").await?.commit()?;
        let readers = connections.max.map_or(READERS, |max| max.saturating_sub(1).max(1));
        let readers = match location {
            SqliteLocation::File(_) => {
                Some(Pool::new(opening(Purpose::Read, None), readers, connections.acquire_timeout))
            }
            // Another connection would have another, empty memory.
            SqliteLocation::Memory => None,
        };
        Ok(Self { writer, readers, checkpoints })
    }

    /// Opens a database with one connection that may replace tables. Its journal stays as it is.
    pub(super) async fn open_for_schema(
        location: &SqliteLocation,
        may_create: bool,
    ) -> Result<Self, DbError> {
        if may_create {
            make_folder(location);
        }
        let (location, purpose) = (location.clone(), Purpose::Schema);
        let opening = Opening { location, may_create, purpose, checkpoints: None };
        let writer = Pool::new(opening, 1, Connections::default().acquire_timeout);
        writer.begin("BEGIN").await?.commit()?;
        Ok(Self { writer, readers: None, checkpoints: None })
    }

    pub(super) async fn read(&self) -> Result<SqliteTransaction, DbError> {
        self.readers.as_ref().unwrap_or(&self.writer).begin("BEGIN").await
    }

    /// Takes SQLite's write lock at once: a transaction that starts to write later than it reads can
    /// fail halfway.
    pub(super) async fn write(&self) -> Result<SqliteTransaction, DbError> {
        self.writer.begin("BEGIN IMMEDIATE").await
    }

    pub(super) fn pool_use(&self) -> PoolUse {
        let writer = self.writer.pool_use();
        let readers = self.readers.as_ref().map(Pool::pool_use).unwrap_or_default();
        PoolUse {
            open: writer.open + readers.open,
            idle: writer.idle + readers.idle,
            max: writer.max + readers.max,
            waiting: 0,
        }
    }

    pub(super) async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.close().await;
        }
        let writers = self.writer.close().await;
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.stop();
        }
        for connection in writers {
            let checkpoint = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
            if let Err(error) = checkpoint {
                // Nothing is lost: the next start reads the write-ahead log.
                tracing::debug!(%error, "the write-ahead log stays as it is");
            }
        }
    }
}

/// Makes the folder of a database.
fn make_folder(location: &SqliteLocation) {
    if let SqliteLocation::File(path) = location
        && let Some(folder) = path.parent()
    {
        // What keeps the folder from being made keeps the database from being opened, next.
        let _ = std::fs::create_dir_all(folder);
    }
}

/// How connections to a database are opened.
#[derive(Debug, Clone)]
struct Opening {
    location: SqliteLocation,
    may_create: bool,
    purpose: Purpose,
    /// What is told of commits.
    checkpoints: Option<Checkpoints>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Write,
    Read,
    Checkpoint,
    Schema,
}

impl Opening {
    fn connect(&self) -> Result<Connection, Error> {
        let mut connection = match &self.location {
            SqliteLocation::File(path) => self.connect_to(path)?,
            SqliteLocation::Memory => Connection::open_in_memory()?,
        };
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
        // Otherwise each value that might change a plan has its statement prepared anew.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "case_sensitive_like", true)?;
        add_regexp(&connection)?;
        match self.purpose {
            Purpose::Write => {
                connection.pragma_update(None, "foreign_keys", true)?;
                connection.pragma_update(None, "cache_size", -CACHE_OF_WRITER)?;
                if matches!(self.location, SqliteLocation::File(_)) {
                    write_ahead(&connection)?;
                }
                if let Some(checkpoints) = &self.checkpoints {
                    checkpoints.watch(&mut connection)?;
                }
            }
            Purpose::Read => connection.pragma_update(None, "cache_size", -CACHE_OF_READER)?,
            // It copies pages past its cache.
            Purpose::Checkpoint => {}
            // As SQLite's own recipe for replacing tables asks: references by other tables, triggers and
            // views stay what they are while a table is away. Neither can be set within a transaction.
            Purpose::Schema => {
                connection.pragma_update(None, "foreign_keys", false)?;
                connection.pragma_update(None, "legacy_alter_table", true)?;
            }
        }
        Ok(connection)
    }

    fn connect_to(&self, path: &Path) -> Result<Connection, Error> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, self.may_create);
        Connection::open_with_flags(path, flags)
    }
}

/// Gives a database a write-ahead log, where it has none yet.
///
/// That takes a read lock first, and the only one then. Of two programs that start at once each may hold what the
/// other wants, so that SQLite refuses one of them at once, whatever the time it may wait.
fn write_ahead(connection: &Connection) -> Result<(), Error> {
    let patience = Instant::now() + BUSY_TIMEOUT;
    loop {
        // It answers with the journal that there is now.
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if trouble_of(&error) == Trouble::Busy && Instant::now() < patience => {
                thread::sleep(BUSY_PAUSE);
            }
            answer => return answer,
        }
    }
}

/// Teaches a connection the operator `REGEXP`, which SQLite leaves to its users.
fn add_regexp(connection: &Connection) -> Result<(), Error> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("regexp", 2, flags, matches)
}

/// Whether `pattern` matches anywhere in `text`, for `text REGEXP pattern`; nothing matches null.
fn matches(context: &mut Context<'_>) -> Result<Option<bool>, Error> {
    let pattern = context.get_or_create_aux(0, |pattern| -> Result<_, BoxedError> {
        Ok(Regex::new(pattern.as_str()?)?)
    });
    let pattern: Arc<Regex> = pattern?;
    let text = context.get_raw(1).as_str_or_null();
    Ok(text
        .map_err(|error| Error::UserFunctionError(error.into()))?
        .map(|text| pattern.is_match(text)))
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// SQLite's result codes: <https://www.sqlite.org/rescode.html>.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const NOTADB: i32 = 26;
    /// Primary keys, unique columns, and ids of rows.
    pub(super) const DUPLICATES: [i32; 3] = [1555, 2067, 2579];
}

/// What an error means for the caller.
pub(super) fn trouble_of(error: &Error) -> Trouble {
    match error {
        Error::SqliteFailure(failure, _) => trouble_of_code(failure.extended_code),
        _ => Trouble::Other,
    }
}

fn trouble_of_code(code: i32) -> Trouble {
    if code::DUPLICATES.contains(&code) {
        return Trouble::Duplicate;
    }
    // The upper bits say more.
    match code & 0xff {
        code::BUSY | code::LOCKED => Trouble::Busy,
        code::READONLY => Trouble::ReadOnly,
        code::IOERR | code::CANTOPEN => Trouble::Unavailable,
        code::FULL => Trouble::Full,
        code::CORRUPT => Trouble::Damaged,
        code::NOTADB => Trouble::NoDatabase,
        _ => Trouble::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_busy_database() {
        assert_eq!(trouble_of_code(13), Trouble::Full);
        assert_eq!(trouble_of_code(5), Trouble::Busy);
        assert_eq!(trouble_of_code(11), Trouble::Damaged);
        assert_eq!(trouble_of_code(14), Trouble::Unavailable);
        assert_eq!(trouble_of_code(1), Trouble::Other);
        // SQLITE_IOERR_FSYNC
        assert_eq!(trouble_of_code(1034), Trouble::Unavailable);
    }

    #[test]
    fn three_slashes_are_relative_and_four_absolute() {
        let file = |path: &str| Ok(SqliteLocation::File(PathBuf::from(path)));
        assert_eq!(SqliteLocation::parse("///mlflow.db"), file("mlflow.db"));
        assert_eq!(SqliteLocation::parse("////var/lib/mlflow.db"), file("/var/lib/mlflow.db"));
        assert_eq!(SqliteLocation::parse("//"), Ok(SqliteLocation::Memory));
        assert_eq!(SqliteLocation::parse("///:memory:"), Ok(SqliteLocation::Memory));
        for bad in ["", "mlflow.db", "//host/mlflow.db", "///a.db?mode=ro"] {
            assert!(SqliteLocation::parse(bad).is_err(), "{bad}");
        }
    }
}
