//! Migrates a database from an older revision to the one that is used.
//!
//! The schema file says what is wanted, and the database says what is there. What differs is brought to
//! the wanted definition: on PostgreSQL by `ALTER TABLE`, on SQLite by making the table anew and copying
//! its rows. So a revision that only makes tables, columns or indexes needs nothing here. What it renames
//! or gives up stands in `retired.rs`, and what it does to rows in `data.rs` and `analytics.rs`.
//!
//! All of it is one transaction: an interruption leaves what was there.

mod analytics;
mod data;
mod postgres;
mod retired;
mod sqlite;

use super::{
    Found, inspect, look,
    revisions::{self, Age, REVISION},
    script,
    shape::{Difference, Kind, Part, Shape},
};
use crate::{
    OpenError,
    database_uri::{DatabaseUri, without_password},
    db::{Database, DbError, Dialect, Transaction},
};
use thiserror::Error;

/// What an upgrade did, or is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgrade {
    /// The database has the wanted revision.
    NotNeeded,
    /// The database is empty and gets all tables.
    Create,
    /// The database is migrated from this revision.
    Migrate {
        /// The revision.
        from: String,
        /// The releases of MLflow that have it.
        releases: String,
    },
}

/// A part of a migration that may take its time, in the order in which they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Tables and columns that are new are made.
    Tables,
    /// What rows hold moves to where it belongs now.
    Rows,
    /// Columns and constraints get their new definition; SQLite copies tables for it.
    Definitions,
    /// Indexes and triggers are made.
    Indexes,
    /// The outcome is compared with the wanted schema, and references are checked.
    Confirm,
}

/// What an operator reads while an upgrade goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// This will be done now.
    Begins(&'a Upgrade),
    /// A migration is at this step.
    Reaches(Step),
}

/// Why a migration stopped; its transaction is rolled back.
#[derive(Debug, Error)]
enum Failure {
    /// Something in the database that only its owner can put right.
    #[error("{0}")]
    Contents(String),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Brings the database at `uri` to the wanted revision, in one transaction. `tell` hears what will be
/// done just before it is done, and the answer says what was done.
pub async fn upgrade_schema(
    uri: &str,
    mut tell: impl FnMut(Progress<'_>),
) -> Result<Upgrade, OpenError> {
    let location = DatabaseUri::parse(uri).map_err(|reason| OpenError::uri(uri, reason))?;
    let failed = |error| OpenError::of(uri, error);
    let database = Database::open_for_schema(&location, true).await.map_err(failed)?;
    let upgraded = upgrade(&database, uri, &mut tell).await;
    database.close().await;
    upgraded
}

async fn upgrade(
    database: &Database,
    uri: &str,
    tell: &mut impl FnMut(Progress<'_>),
) -> Result<Upgrade, OpenError> {
    let failed = |error| OpenError::of(uri, error);
    // A database that needs nothing may be one that takes no changes.
    let mut transaction = database.read().await.map_err(failed)?;
    if plan(&mut transaction, uri).await? == Upgrade::NotNeeded {
        return Ok(Upgrade::NotNeeded);
    }
    drop(transaction);

    let mut transaction = database.write().await.map_err(failed)?;
    transaction.lock_schema().await.map_err(failed)?;
    // Another process may have been faster.
    let upgrade = plan(&mut transaction, uri).await?;
    tell(Progress::Begins(&upgrade));
    let done = match &upgrade {
        Upgrade::NotNeeded => return Ok(upgrade),
        Upgrade::Create => {
            let tables = script::tables(transaction.dialect());
            transaction.run_script(tables).await.map_err(Failure::from)
        }
        Upgrade::Migrate { from, .. } => migrate(&mut transaction, from, tell).await,
    };
    done.map_err(|failure| match failure {
        Failure::Database(error) => failed(error),
        Failure::Contents(reason) => {
            OpenError::NotUpgradable { database: without_password(uri), reason }
        }
    })?;
    transaction.commit().await.map_err(failed)?;
    Ok(upgrade)
}

/// What is to be done, or why nothing can be.
async fn plan(transaction: &mut Transaction, uri: &str) -> Result<Upgrade, OpenError> {
    match look(transaction).await.map_err(|error| OpenError::of(uri, error))? {
        Found::Nothing => Ok(Upgrade::Create),
        Found::Ready | Found::Incomplete => Ok(Upgrade::NotNeeded),
        Found::OtherTables => Err(OpenError::Foreign(without_password(uri))),
        Found::OtherRevision(from) if revisions::age_of(&from) == Age::Known => {
            let releases = revisions::releases_of(&from).unwrap_or_default();
            Ok(Upgrade::Migrate { from, releases })
        }
        Found::OtherRevision(from) => Err(revisions::refusal(uri, from)),
    }
}

async fn migrate(
    transaction: &mut Transaction,
    from: &str,
    tell: &mut impl FnMut(Progress<'_>),
) -> Result<(), Failure> {
    let dialect = transaction.dialect();
    let wanted = script::wanted(dialect);
    if dialect == Dialect::Postgres {
        transaction.run_script(postgres::LIMIT_WAITING).await?;
    }
    let orphans = sqlite::orphans(transaction).await?;
    tell(Progress::Reaches(Step::Tables));
    rename_columns(transaction).await?;
    add_tables_and_columns(transaction, &wanted).await?;
    drop_indexes(transaction, &wanted).await?;
    let kept = inspect::found(transaction).await?;
    tell(Progress::Reaches(Step::Rows));
    data::migrate(transaction, from, &kept).await?;
    tell(Progress::Reaches(Step::Definitions));
    match dialect {
        Dialect::Sqlite => sqlite::rebuild_tables(transaction, &wanted).await?,
        Dialect::Postgres => postgres::alter_tables(transaction, &wanted).await?,
    }
    tell(Progress::Reaches(Step::Indexes));
    add_indexes_and_triggers(transaction, &wanted, &kept).await?;
    tell(Progress::Reaches(Step::Confirm));
    confirm(transaction, &wanted).await?;
    if sqlite::has_more(&sqlite::orphans(transaction).await?, &orphans) {
        return Err(Failure::Contents("rows would lose the rows that they belong to".to_owned()));
    }
    Ok(transaction.define(format!("UPDATE alembic_version SET version_num = '{REVISION}'")).await?)
}

async fn rename_columns(transaction: &mut Transaction) -> Result<(), Failure> {
    let found = inspect::found(transaction).await?;
    for (table, old, new) in retired::RENAMED_COLUMNS {
        if found.has_column(table, old) {
            transaction.define(format!("ALTER TABLE {table} RENAME COLUMN {old} TO {new}")).await?;
        }
    }
    Ok(())
}

/// Makes what is missing and can be made with rows in place; foreign keys of PostgreSQL come later.
async fn add_tables_and_columns(
    transaction: &mut Transaction,
    wanted: &Shape,
) -> Result<(), Failure> {
    let found = inspect::found(transaction).await?;
    for difference in found.differences(wanted) {
        let Difference::Missing(part) = difference else { continue };
        match part.kind {
            Kind::Table | Kind::Function => transaction.define(part.text.clone()).await?,
            Kind::Column => {
                let Part { table, text, .. } = part;
                transaction.define(format!("ALTER TABLE {table} ADD COLUMN {text}")).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Drops indexes that are given up, or defined otherwise now.
async fn drop_indexes(transaction: &mut Transaction, wanted: &Shape) -> Result<(), Failure> {
    let found = inspect::found(transaction).await?;
    for difference in found.differences(wanted) {
        let part = difference.part();
        let is_outdated = match difference {
            Difference::Differs { .. } => true,
            Difference::Extra(_) => retired::INDEXES.contains(&part.name.as_str()),
            Difference::Missing(_) => false,
        };
        if part.kind == Kind::Index && is_outdated {
            transaction.define(format!("DROP INDEX \"{}\"", part.name)).await?;
        }
    }
    Ok(())
}

/// Makes the indexes and triggers that are missing, and those of the owner that went away with a table
/// that was made anew.
async fn add_indexes_and_triggers(
    transaction: &mut Transaction,
    wanted: &Shape,
    kept: &Shape,
) -> Result<(), Failure> {
    let found = inspect::found(transaction).await?;
    let own = kept.0.iter().filter(|part| wanted.find(part).is_none());
    for part in wanted.0.iter().chain(own) {
        if matches!(part.kind, Kind::Index | Kind::Trigger) && found.find(part).is_none() {
            transaction.define(part.text.clone()).await?;
        }
    }
    Ok(())
}

/// Sees to it that nothing is left to do: a database that was changed by hand may be none of ours to change.
async fn confirm(transaction: &mut Transaction, wanted: &Shape) -> Result<(), Failure> {
    let found = inspect::found(transaction).await?;
    let left = found.differences(wanted).into_iter();
    let left: Vec<String> = left
        .filter(|difference| !matches!(difference, Difference::Extra(_)))
        .map(|difference| difference.to_string())
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(Failure::Contents(format!(
        "it is not as MLflow made it; left would be: {}",
        left.join("; ")
    )))
}
