use std::fmt;

/// A failure of the database. What the driver says of it is for the log.
#[derive(Debug)]
pub struct DbError(Box<sqlx::Error>);

/// What a failure means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Others held the database for too long.
    Busy,
    /// The database can't be reached.
    Unavailable,
    /// There is no space left.
    Full,
    /// A row with this key exists.
    Duplicate,
    /// A fault of this program, or of the database.
    Other,
}

impl DbError {
    pub(super) fn no_row() -> Self {
        Self(Box::new(sqlx::Error::RowNotFound))
    }

    /// A value in the database that makes no sense.
    pub(crate) fn corrupt(what: &'static str) -> Self {
        Self(Box::new(sqlx::Error::Decode(what.into())))
    }

    /// What the failure means for the caller.
    pub(crate) fn trouble(&self) -> Trouble {
        match &*self.0 {
            sqlx::Error::PoolTimedOut => Trouble::Busy,
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Io(_) => {
                Trouble::Unavailable
            }
            sqlx::Error::Database(error) if error.is_unique_violation() => Trouble::Duplicate,
            sqlx::Error::Database(_) => {
                self.sqlite_code().map_or(Trouble::Other, super::sqlite::trouble_of)
            }
            _ => Trouble::Other,
        }
    }

    /// SQLite's result code, without what extends it.
    pub(crate) fn sqlite_code(&self) -> Option<i32> {
        let code = self.0.as_database_error()?.code()?;
        code.parse::<i32>().ok().map(|extended| extended & 0xff)
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The driver's text says all of its causes already.
impl std::error::Error for DbError {}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        Self(Box::new(error))
    }
}
