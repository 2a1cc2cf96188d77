//! Users, roles, permissions, tokens and sessions, in a database of their own and in the schema of MLflow's `basic-auth` app.

mod error;
mod grants;
mod passwords;
mod role_assignments;
mod role_permissions;
mod roles;
mod schema;
mod secrets;
mod sessions;
mod sign_on;
mod tables;
mod tokens;
mod users;

pub use error::AccessError;
pub use passwords::{HashError, hash_password, is_password};
pub use sign_on::{SignOn, SignedOn};
pub use tokens::TokenAccount;
pub use users::Account;

use crate::{
    OpenError, StoreError,
    activity::Tally,
    database_uri::{DatabaseUri, without_password},
    db::{Connections, Database, DbError, Trouble},
    reads::{self, Question},
    writes::{Change, Writes},
};
use std::sync::Arc;
use tokio::sync::Notify;

/// The users of a server. Cheap to clone; all clones are the same.
#[derive(Debug, Clone)]
pub struct AccessStore {
    database: Database,
    writes: Writes,
    tally: Tally,
}

impl AccessStore {
    /// Opens a database, which gets the tables where it has none; one of another revision is refused.
    pub async fn open(uri: &str, connections: &Connections) -> Result<Self, OpenError> {
        let database = Self::connect(uri, connections).await?;
        schema::prepare(&database, uri).await?;
        Ok(Self::of(database))
    }

    /// Opens a database that has the tables.
    pub async fn open_existing(uri: &str, connections: &Connections) -> Result<Self, OpenError> {
        let location = parse(uri)?;
        // Opening one that is not there would make its file.
        if !location.may_exist() {
            return Err(OpenError::NoUsers(without_password(uri)));
        }
        let database = Self::connect(uri, connections).await?;
        schema::check(&database, uri).await?;
        Ok(Self::of(database))
    }

    async fn connect(uri: &str, connections: &Connections) -> Result<Database, OpenError> {
        let opened = Database::open(&parse(uri)?, connections).await;
        opened.map_err(|error| OpenError::of(uri, error))
    }

    fn of(database: Database) -> Self {
        let tally = Tally::default();
        let writes = Writes::start(&database, &tally, &Arc::new(Notify::new()));
        Self { database, writes, tally }
    }

    /// Finishes what is under way, and closes the database.
    pub async fn close(&self) {
        self.writes.close().await;
        self.database.close().await;
    }

    async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, StoreError> {
        reads::ask(&self.database, &self.tally, question).await
    }

    async fn write<C: Change>(&self, change: C) -> Result<C::Output, StoreError> {
        self.writes.carry_out(change).await
    }
}

/// The error of a change that would have made something twice.
fn or_exists(error: DbError, exists: impl FnOnce() -> AccessError) -> StoreError {
    match error.trouble() {
        Trouble::Duplicate => exists().into(),
        _ => error.into(),
    }
}

fn parse(uri: &str) -> Result<DatabaseUri, OpenError> {
    DatabaseUri::parse(uri)
        .map_err(|reason| OpenError::AccessUri { uri: without_password(uri), reason })
}
