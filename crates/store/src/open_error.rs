//! Why a store can't be opened; the text of an error is what an operator reads.

use crate::{
    database_uri::without_password,
    db::{DbError, Trouble},
};
use thiserror::Error;

/// Why a store could not be opened, in one line.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URI names no database that is known here.
    #[error("cannot use '{uri}' as backend store: {reason}")]
    Uri {
        /// The URI, without its password.
        uri: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The URI names no database in which users could be.
    #[error("cannot keep users in '{uri}': {reason}")]
    AccessUri {
        /// The URI, without its password.
        uri: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database has no tables of users.
    #[error(
        "the database '{0}' has no users: check its name, or start `mlferry server --app-name basic-auth` once"
    )]
    NoUsers(String),
    /// The default artifact root can't be made absolute.
    #[error("cannot tell the current folder, which a relative default artifact root needs")]
    CurrentFolder(#[source] std::io::Error),
    /// The file can't be read or written.
    #[error("cannot open the database '{0}': check that its folder exists and may be written")]
    CannotOpen(String, #[source] DbError),
    /// The file may be read only.
    #[error("cannot write to the database '{0}': check its permissions")]
    ReadOnly(String, #[source] DbError),
    /// The file holds something else, or the server has no such database.
    #[error("'{0}' is no database: check its name")]
    NoDatabase(String, #[source] DbError),
    /// User or password are refused.
    #[error("the database '{0}' refuses the user or the password")]
    Login(String, #[source] DbError),
    /// There is no agreement on TLS, or the server's certificate is not trusted.
    #[error(
        "cannot agree with the database '{0}' on a secure connection: check sslmode and sslrootcert"
    )]
    Tls(String, #[source] DbError),
    /// Nobody answers.
    #[error("cannot reach the database '{0}': check host and port, and that the server is running")]
    Unreachable(String, #[source] DbError),
    /// The database holds something else.
    #[error(
        "the database '{0}' has tables, but not MLflow's (there is no alembic_version): \
         choose another one, or an empty one"
    )]
    Foreign(String),
    /// The database is empty, and the command works on what is there.
    #[error("the database '{0}' has no tables of MLflow: check its name")]
    Empty(String),
    /// The database was made by another version of MLflow.
    #[error(
        "the database '{database}' has schema revision {found}, but {wanted} is needed: {remedy}"
    )]
    Revision {
        /// The URI.
        database: String,
        /// What it has.
        found: String,
        /// What it needs.
        wanted: &'static str,
        /// The command that helps.
        remedy: String,
    },
    /// Others hold the database.
    #[error("others are using the database '{0}': stop the servers that use it, then try again")]
    Busy(String, #[source] DbError),
    /// What is in the database keeps it from being migrated. Nothing was changed.
    #[error("the database '{database}' cannot be upgraded and stays as it is: {reason}")]
    NotUpgradable {
        /// The URI.
        database: String,
        /// What was found.
        reason: String,
    },
    /// The file of the database is damaged.
    #[error(
        "the database '{0}' is damaged: restore a backup, or rescue what can be read with `sqlite3 FILE .recover`"
    )]
    Damaged(String, #[source] DbError),
    /// The database failed while it was opened.
    #[error("cannot prepare the database '{0}'")]
    Failed(String, #[source] DbError),
}

impl OpenError {
    /// A URI that names no database.
    pub(crate) fn uri(uri: &str, reason: String) -> Self {
        Self::Uri { uri: without_password(uri), reason }
    }

    /// What a failure to open the database at `uri` means.
    pub(crate) fn of(uri: &str, error: DbError) -> Self {
        let uri = without_password(uri);
        match error.trouble() {
            Trouble::NoDatabase => Self::NoDatabase(uri, error),
            Trouble::ReadOnly => Self::ReadOnly(uri, error),
            Trouble::Unavailable => Self::CannotOpen(uri, error),
            Trouble::Login => Self::Login(uri, error),
            Trouble::Tls => Self::Tls(uri, error),
            Trouble::Lost => Self::Unreachable(uri, error),
            Trouble::Busy => Self::Busy(uri, error),
            Trouble::Damaged => Self::Damaged(uri, error),
            _ => Self::Failed(uri, error),
        }
    }
}
