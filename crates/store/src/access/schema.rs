//! The schema of the database of users: made where it is absent, used where it is right, refused otherwise.

use super::tables::AlembicVersionAuth;
use crate::{
    OpenError,
    database_uri::without_password,
    db::{Database, DbError, Dialect, Transaction},
};
use sea_query::Query;

/// The Alembic revision of MLflow 3.17.2, which has a table of its own for it.
const REVISION: &str = "f1a2b3c4d5e6";

const VERSION_TABLE: &str = "alembic_version_auth";

/// What is ours in it, on either database.
const OWN: &str = "CREATE TABLE IF NOT EXISTS mlferry_tokens ( \
     id VARCHAR(16) NOT NULL PRIMARY KEY, digest VARCHAR(64) NOT NULL, user_id BIGINT NOT NULL, \
     username VARCHAR(255) NOT NULL, name VARCHAR(255) NOT NULL, scope VARCHAR(16) NOT NULL, experiment_ids TEXT, \
     created_ms BIGINT NOT NULL, expires_ms BIGINT)";

const OWN_TABLE: &str = "mlferry_tokens";

/// Revisions before it.
const OLDER: [&str; 6] = [
    "8606fa83a998",
    "0965eb92f5f0",
    "a1b2c3d4e5f6",
    "2ed73881770d",
    "c3d4e5f6a7b8",
    "e5f6a7b8c9d0",
];

enum Found {
    Nothing,
    /// MLflow's tables, and ours or not.
    Ready {
        has_own: bool,
    },
    Other(String),
}

/// Makes the tables, unless they are there; other tables in the same database do no harm.
pub(super) async fn prepare(database: &Database, uri: &str) -> Result<(), OpenError> {
    let found = look_at(database).await.map_err(|error| OpenError::of(uri, error))?;
    complete(database, uri, found).await
}

/// Says why a database can't be used as it is. MLflow's tables must be there; ours are made.
pub(super) async fn check(database: &Database, uri: &str) -> Result<(), OpenError> {
    match look_at(database).await.map_err(|error| OpenError::of(uri, error))? {
        Found::Nothing => Err(OpenError::NoUsers(without_password(uri))),
        found => complete(database, uri, found).await,
    }
}

async fn complete(database: &Database, uri: &str, found: Found) -> Result<(), OpenError> {
    match found {
        Found::Ready { has_own: true } => Ok(()),
        Found::Other(revision) => Err(refusal(uri, revision)),
        Found::Nothing | Found::Ready { has_own: false } => {
            create(database).await.map_err(|error| OpenError::of(uri, error))
        }
    }
}

async fn look_at(database: &Database) -> Result<Found, DbError> {
    let mut transaction = database.read().await?;
    look(&mut transaction).await
}

async fn look(transaction: &mut Transaction) -> Result<Found, DbError> {
    let tables = transaction.table_names().await?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    if !has(VERSION_TABLE) {
        // Before MLflow 3.6 nothing said which revision a database had.
        let is_old = has("users") && has("experiment_permissions");
        return Ok(if is_old { Found::Other(OLDER[0].to_owned()) } else { Found::Nothing });
    }
    let select = Query::select()
        .column(AlembicVersionAuth::VersionNum)
        .from(AlembicVersionAuth::Table)
        .take();
    let revision: String = match transaction.fetch_optional(&select).await? {
        Some(row) => row.get(AlembicVersionAuth::VersionNum)?,
        None => "none".to_owned(),
    };
    let ready = Found::Ready { has_own: has(OWN_TABLE) };
    Ok(if revision == REVISION { ready } else { Found::Other(revision) })
}

async fn create(database: &Database) -> Result<(), DbError> {
    let mut transaction = database.write().await?;
    transaction.lock_schema().await?;
    // Another process may have been faster.
    if matches!(look(&mut transaction).await?, Found::Nothing) {
        transaction.run_script(tables(transaction.dialect())).await?;
    }
    transaction.run_script(OWN).await?;
    transaction.commit().await
}

fn tables(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => include_str!("sqlite.sql"),
        Dialect::Postgres => include_str!("postgres.sql"),
    }
}

fn refusal(uri: &str, found: String) -> OpenError {
    let database = without_password(uri);
    let remedy = if OLDER.contains(&found.as_str()) {
        format!(
            "take a backup, then let MLflow 3.17.2 bring it up to date: \
             `python -m mlflow.server.auth db upgrade --url {database}`"
        )
    } else {
        "it is newer than MLflow 3.17.2 or not MLflow's, so use the release that made it, or a backup from before"
            .to_owned()
    };
    OpenError::Revision { database, found, wanted: REVISION, remedy }
}
