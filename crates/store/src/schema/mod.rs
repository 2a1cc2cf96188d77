//! MLflow's schema: made where it is absent, used where it is right, refused otherwise; checked and
//! migrated when an operator asks for it.

mod check;
mod inspect;
mod revisions;
mod script;
mod shape;
mod upgrade;

pub(crate) use check::report;
pub use check::{SchemaReport, check_schema};
pub use upgrade::{Progress, Step, Upgrade, upgrade_schema};

use crate::{
    OpenError,
    artifact_uri::ArtifactRoot,
    database_uri::without_password,
    db::{Database, DbError, Dialect, Transaction},
    experiments::ExperimentValues,
    tables::{AlembicVersion, Experiments},
};
use mlferry_protocol::ExperimentId;
use revisions::REVISION;
use sea_query::{Expr, ExprTrait, OnConflict, Query};

/// The workspace of servers that have only one.
pub(crate) const WORKSPACE: &str = "default";

/// The experiment of runs that name no other.
pub(crate) const DEFAULT_EXPERIMENT: ExperimentId = ExperimentId(0);

/// What becomes of a database without any table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenEmpty {
    /// It gets all of them.
    Create,
    /// It stays as it is.
    Refuse,
}

/// What a database holds.
enum Found {
    Nothing,
    Ready,
    /// The schema, without experiment 0, or without a table or index of ours.
    Incomplete,
    OtherRevision(String),
    OtherTables,
}

/// Makes the database at `uri` ready for use, or says why it can't be used.
pub(crate) async fn prepare(
    database: &Database,
    uri: &str,
    artifact_root: &ArtifactRoot,
    when_empty: WhenEmpty,
) -> Result<(), OpenError> {
    let failed = |error| OpenError::of(uri, error);
    let mut transaction = database.read().await.map_err(failed)?;
    let found = look(&mut transaction).await.map_err(failed)?;
    drop(transaction);
    match found {
        Found::Ready => Ok(()),
        Found::OtherTables => Err(OpenError::Foreign(without_password(uri))),
        Found::OtherRevision(found) => Err(revisions::refusal(uri, found)),
        Found::Nothing if when_empty == WhenEmpty::Refuse => {
            Err(OpenError::Empty(without_password(uri)))
        }
        Found::Nothing | Found::Incomplete => create(database, artifact_root).await.map_err(failed),
    }
}

async fn look(transaction: &mut Transaction) -> Result<Found, DbError> {
    let tables = transaction.table_names().await?;
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if !tables.iter().any(|table| table == "alembic_version") {
        return Ok(Found::OtherTables);
    }
    let revision =
        Query::select().column(AlembicVersion::VersionNum).from(AlembicVersion::Table).take();
    let revision = match transaction.fetch_optional(&revision).await? {
        Some(row) => row.get(AlembicVersion::VersionNum)?,
        None => "none".to_owned(),
    };
    if revision != REVISION {
        return Ok(Found::OtherRevision(revision));
    }
    let default = Query::select()
        .column(Experiments::ExperimentId)
        .from(Experiments::Table)
        .and_where(Expr::col(Experiments::ExperimentId).eq(DEFAULT_EXPERIMENT.0))
        .take();
    let own = transaction.own_names().await?;
    let is_complete = transaction.fetch_optional(&default).await?.is_some()
        && script::OWN_PARTS.iter().all(|part| own.iter().any(|name| name == part));
    Ok(if is_complete { Found::Ready } else { Found::Incomplete })
}

/// Makes what is missing, in one transaction. Another process may have done so in the meantime.
async fn create(database: &Database, artifact_root: &ArtifactRoot) -> Result<(), DbError> {
    let mut transaction = database.write().await?;
    if transaction.dialect() == Dialect::Postgres {
        // An index of a large table takes as long as it needs, whatever the setting for questions.
        transaction.run_script("SET LOCAL statement_timeout = 0").await?;
    }
    transaction.lock_schema().await?;
    if matches!(look(&mut transaction).await?, Found::Nothing) {
        transaction.run_script(script::tables(transaction.dialect())).await?;
    }
    // Even to find an index there would keep others from writing to its table.
    let own = transaction.own_names().await?;
    for statement in script::own(&own) {
        transaction.run_script(statement).await?;
    }
    transaction.execute(&default_experiment(artifact_root)).await?;
    transaction.commit().await
}

fn default_experiment(artifact_root: &ArtifactRoot) -> sea_query::InsertStatement {
    let id = DEFAULT_EXPERIMENT;
    let location = artifact_root.of_experiment(id);
    let mut statement = ExperimentValues::new("Default", &location).insertion(Some(id));
    statement.on_conflict(OnConflict::new().do_nothing().to_owned());
    statement
}
