use super::{postgres, sqlite};
use std::{fmt, io::ErrorKind, sync::Arc};

/// A failure of the database. What the driver says of it is for the log.
#[derive(Debug, Clone)]
pub struct DbError(Cause);

#[derive(Debug, Clone)]
enum Cause {
    /// SQLite's.
    Sqlite(Arc<rusqlite::Error>),
    /// PostgreSQL's, and of any pool of connections.
    Sqlx(Arc<sqlx::Error>),
}

/// What a failure means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Others held the database for too long, or a statement took too long.
    Busy,
    /// Another transaction was in the way; this one can be carried out again.
    Conflict,
    /// The connection is lost; what was not committed did not happen.
    Lost,
    /// The database can't be reached.
    Unavailable,
    /// There is no agreement on TLS, or the server's certificate is not trusted.
    Tls,
    /// The database takes no changes.
    ReadOnly,
    /// There is no space left.
    Full,
    /// A row with this key exists.
    Duplicate,
    /// A value is too long or too large for its column, or of characters that the database can't keep.
    Value,
    /// User or password are refused.
    Login,
    /// There is no such database, or the file is none.
    NoDatabase,
    /// The file of the database is damaged.
    Damaged,
    /// A fault of this program, or of the database.
    Other,
}

impl DbError {
    pub(crate) fn no_row() -> Self {
        sqlx::Error::RowNotFound.into()
    }

    /// A value in the database that makes no sense.
    pub(crate) fn corrupt(what: &'static str) -> Self {
        sqlx::Error::Decode(what.into()).into()
    }

    /// The store is closed, or its writer is gone.
    pub(crate) fn closed() -> Self {
        sqlx::Error::PoolClosed.into()
    }

    /// No connection became free in time.
    pub(super) fn timed_out() -> Self {
        sqlx::Error::PoolTimedOut.into()
    }

    /// What the failure means for the caller.
    pub(crate) fn trouble(&self) -> Trouble {
        let error = match &self.0 {
            Cause::Sqlite(error) => return sqlite::trouble_of(error),
            Cause::Sqlx(error) => &**error,
        };
        match error {
            sqlx::Error::PoolTimedOut => Trouble::Busy,
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Trouble::Unavailable,
            sqlx::Error::Tls(_) => Trouble::Tls,
            // What the TLS library finds wrong with a certificate comes as this kind.
            sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData => Trouble::Tls,
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) => Trouble::Lost,
            sqlx::Error::Database(error) if error.is_unique_violation() => Trouble::Duplicate,
            sqlx::Error::Database(error) => postgres::trouble_of(&error.code().unwrap_or_default()),
            _ => Trouble::Other,
        }
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Sqlite(error) => error.fmt(f),
            Cause::Sqlx(error) => error.fmt(f),
        }
    }
}

/// The driver's text says all of its causes already.
impl std::error::Error for DbError {}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        Self(Cause::Sqlx(Arc::new(error)))
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        Self(Cause::Sqlite(Arc::new(error)))
    }
}
