//! The database behind the store: connections, transactions and rows, whatever product it is.
//!
//! A resource builds statements with `sea-query` and hands them to a [`Transaction`]. What a product
//! must do its own way stands in `sqlite.rs` and `postgres.rs`; elsewhere, [`Dialect`] tells them apart.

mod definitions;
mod error;
mod postgres;
mod soundness;
mod sqlite;
mod statements;
mod template;
mod transaction;

pub use error::DbError;
pub(crate) use error::Trouble;
pub(crate) use postgres::PostgresLocation;
pub(crate) use soundness::BrokenKey;
pub use soundness::{Depth, Faults};
pub(crate) use sqlite::{SqliteHold, SqliteLocation, copy_sqlite};
pub(crate) use statements::{
    Insertion, List, fulfilled_by_most, id_lists, insert, is_frequent, is_one_of, is_one_of_texts,
    json, list, row_lists,
};
pub(crate) use template::Template;
pub(crate) use transaction::{Row, Transaction};

use crate::{activity::PoolUse, database_uri::DatabaseUri};
use futures_util::FutureExt;
use std::time::Duration;
use tokio::task;
use tracing::Instrument;

/// How the connections to a database are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// Most connections at once; absent, as many as suit the database.
    pub max: Option<u32>,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// After how long a connection is replaced by a new one; absent, never.
    pub max_lifetime: Option<Duration>,
    /// How long one statement may take on PostgreSQL; absent, as long as the server lets it.
    pub statement_timeout: Option<Duration>,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            max: None,
            acquire_timeout: Duration::from_secs(30),
            max_lifetime: None,
            statement_timeout: None,
        }
    }
}

/// The SQL that a database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A database, cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(sqlite::SqliteDatabase),
    Postgres(postgres::PostgresDatabase),
}

impl Database {
    /// Connects to a database; one in a file is made when it is absent.
    pub(crate) async fn open(
        uri: &DatabaseUri,
        connections: &Connections,
    ) -> Result<Self, DbError> {
        match uri {
            DatabaseUri::Sqlite(location) => {
                sqlite::SqliteDatabase::open(location, connections).await.map(Self::Sqlite)
            }
            DatabaseUri::Postgres(location) => {
                postgres::PostgresDatabase::open(location, connections).await.map(Self::Postgres)
            }
        }
    }

    /// Connects to a database to look at its schema, or to change it. One in a file is made when it is
    /// absent and `may_create`; there, foreign keys are not enforced, since tables are replaced.
    pub(crate) async fn open_for_schema(
        uri: &DatabaseUri,
        may_create: bool,
    ) -> Result<Self, DbError> {
        match uri {
            DatabaseUri::Sqlite(location) => {
                sqlite::SqliteDatabase::open_for_schema(location, may_create)
                    .await
                    .map(Self::Sqlite)
            }
            DatabaseUri::Postgres(_) => {
                Self::open(uri, &Connections { max: Some(2), ..Connections::default() }).await
            }
        }
    }

    /// A transaction that sees one state of the database, and changes nothing.
    pub(crate) async fn read(&self) -> Result<Transaction, DbError> {
        match self {
            Self::Sqlite(database) => database.read().await.map(Transaction::from),
            Self::Postgres(database) => database.read().await.map(Transaction::from),
        }
    }

    /// Takes one statement, with all that is committed when it begins; what PostgreSQL is asked next may see more. It saves
    /// the ways there and back that begin and end a transaction.
    pub(crate) async fn read_once(&self) -> Result<Transaction, DbError> {
        match self {
            Self::Sqlite(database) => database.read().await.map(Transaction::from),
            Self::Postgres(database) => database.once().await.map(Transaction::from),
        }
    }

    /// As [`write`](Self::write), for changes that PostgreSQL makes with one statement each, which commits itself.
    pub(crate) async fn write_once(&self) -> Result<Transaction, DbError> {
        match self {
            Self::Sqlite(database) => database.write().await.map(Transaction::from),
            Self::Postgres(database) => database.once().await.map(Transaction::from),
        }
    }

    /// A transaction that may change the database.
    ///
    /// On SQLite no other writer interrupts it. On PostgreSQL others write at the same time: a change
    /// locks the row of the run or experiment that it belongs to.
    pub(crate) async fn write(&self) -> Result<Transaction, DbError> {
        match self {
            Self::Sqlite(database) => database.write().await.map(Transaction::from),
            Self::Postgres(database) => database.write().await.map(Transaction::from),
        }
    }

    /// Carries out work whose only waits are for transactions that have begun: those of SQLite block their thread, so
    /// that work that is not short goes to one where nobody else waits.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        is_short: bool,
    ) -> Result<T, DbError> {
        match self {
            Self::Sqlite(_) if is_short => work.now_or_never().ok_or_else(DbError::closed),
            Self::Sqlite(_) => {
                let work = work.in_current_span();
                let done = task::spawn_blocking(move || work.now_or_never()).await;
                done.ok().flatten().ok_or_else(DbError::closed)
            }
            Self::Postgres(_) => Ok(work.await),
        }
    }

    /// Whether those who write block their thread.
    pub(crate) fn blocks(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// How many transactions may write at the same time.
    pub(crate) fn writers(&self) -> usize {
        match self {
            Self::Sqlite(_) => 1,
            Self::Postgres(database) => database.writers(),
        }
    }

    /// Connections that are open and idle, as far as the pools tell.
    pub(crate) fn pool_use(&self) -> PoolUse {
        match self {
            Self::Sqlite(database) => database.pool_use(),
            Self::Postgres(database) => database.pool_use(),
        }
    }

    /// Brings what was written to its place, and closes all connections.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close().await,
        }
    }
}
