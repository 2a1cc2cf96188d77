//! What SQLite does its own way: where a database lies, how it is opened, and its error codes.

use super::{Connections, DbError, Trouble};
use crate::activity::PoolUse;
use sqlx::{
    ConnectOptions, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::PathBuf, time::Duration};

/// Selects the names of tables that are not SQLite's own.
pub(super) const TABLE_NAMES: &str =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*'";

/// How long SQLite waits for another process that writes; the reference waits as long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Readers at once, unless told otherwise. Each costs a thread and its page cache; more than a few wait
/// for the same disk.
const READERS: u32 = 4;

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
    writer: SqlitePool,
    /// Absent where the one connection does both.
    readers: Option<SqlitePool>,
}

impl SqliteDatabase {
    pub(super) async fn open(
        location: &SqliteLocation,
        connections: &Connections,
    ) -> Result<Self, DbError> {
        let options = match location {
            SqliteLocation::File(path) => common_options()
                .filename(path)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal),
            SqliteLocation::Memory => common_options().in_memory(true),
        };
        make_folder(location);
        let writer = pool(1, connections).connect_with(options.clone()).await?;
        let readers = connections.max.map_or(READERS, |max| max.saturating_sub(1).max(1));
        let readers = match location {
            SqliteLocation::File(_) => Some(pool(readers, connections).connect_lazy_with(options)),
            // Another connection would have another, empty memory.
            SqliteLocation::Memory => None,
        };
        Ok(Self { writer, readers })
    }

    /// Opens a database with one connection that may replace tables. Its journal stays as it is.
    pub(super) async fn open_for_schema(
        location: &SqliteLocation,
        may_create: bool,
    ) -> Result<Self, DbError> {
        let options = match location {
            SqliteLocation::File(path) => {
                common_options().filename(path).create_if_missing(may_create)
            }
            SqliteLocation::Memory => common_options().in_memory(true),
        };
        // As SQLite's own recipe for replacing tables asks: references by other tables, triggers and
        // views stay what they are while a table is away. Neither can be set within a transaction.
        let options = options.foreign_keys(false).pragma("legacy_alter_table", "ON");
        if may_create {
            make_folder(location);
        }
        let writer = pool(1, &Connections::default()).connect_with(options).await?;
        Ok(Self { writer, readers: None })
    }

    pub(super) async fn read(&self) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, DbError> {
        Ok(self.readers.as_ref().unwrap_or(&self.writer).begin().await?)
    }

    /// Takes SQLite's write lock at once: a transaction that starts to write later than it reads can
    /// fail halfway.
    pub(super) async fn write(&self) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, DbError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    pub(super) fn pool_use(&self) -> PoolUse {
        let writer = super::use_of(&self.writer);
        let readers = self.readers.as_ref().map(super::use_of).unwrap_or_default();
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
        let checkpoint = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)");
        if let Err(error) = checkpoint.execute(&self.writer).await {
            // Nothing is lost: the next start reads the write-ahead log.
            tracing::debug!(%error, "the write-ahead log stays as it is");
        }
        self.writer.close().await;
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

fn common_options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .synchronous(SqliteSynchronous::Full)
        .pragma("case_sensitive_like", "true")
        .with_regexp()
        .disable_statement_logging()
}

/// Connections are files of this machine, so they need no testing, ageing or replacing.
fn pool(max: u32, connections: &Connections) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(max)
        .acquire_timeout(connections.acquire_timeout)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// SQLite's result codes: <https://www.sqlite.org/rescode.html>.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const NOTADB: i32 = 26;
}

/// What a result code means for the caller.
pub(super) fn trouble_of(code: &str) -> Trouble {
    // Codes are numbers whose upper bits say more.
    match code.parse::<i32>().unwrap_or_default() & 0xff {
        code::BUSY | code::LOCKED => Trouble::Busy,
        code::READONLY => Trouble::ReadOnly,
        code::IOERR | code::CANTOPEN => Trouble::Unavailable,
        code::FULL => Trouble::Full,
        code::NOTADB => Trouble::NoDatabase,
        _ => Trouble::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_busy_database() {
        assert_eq!(trouble_of("13"), Trouble::Full);
        assert_eq!(trouble_of("5"), Trouble::Busy);
        assert_eq!(trouble_of("14"), Trouble::Unavailable);
        assert_eq!(trouble_of("1"), Trouble::Other);
        // SQLITE_IOERR_FSYNC
        assert_eq!(trouble_of("1034"), Trouble::Unavailable);
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
