//! MLflow's schema: made where it is absent, used where it is right, refused otherwise; checked and
//! migrated when an operator asks for it.

mod check;
mod inspect;
mod revisions;
mod script;
mod shape;
mod upgrade;

pub use check::{SchemaReport, check_schema};
pub use upgrade::{Progress, Step, Upgrade, upgrade_schema};

use crate::{
    OpenError,
    artifact_uri::ArtifactRoot,
    database_uri::without_password,
    db::{Database, DbError, Transaction},
    experiments::insertion,
    tables::{AlembicVersion, Experiments},
};
use mlferry_protocol::ExperimentId;
use revisions::REVISION;
use sea_query::{Expr, ExprTrait, OnConflict, Query};

/// The workspace of servers that have only one.
pub(crate) const WORKSPACE: &str = "default";

/// The experiment of runs that name no other.
const DEFAULT_EXPERIMENT: (ExperimentId, &str) = (ExperimentId(0), "Default");

/// What a database holds.
enum Found {
    Nothing,
    Ready,
    /// The schema, without experiment 0.
    NoDefaultExperiment,
    OtherRevision(String),
    OtherTables,
}

/// Makes the database at `uri` ready for use, or says why it can't be used.
pub(crate) async fn prepare(
    database: &Database,
    uri: &str,
    artifact_root: &ArtifactRoot,
) -> Result<(), OpenError> {
    let failed = |error| OpenError::of(uri, error);
    let mut transaction = database.read().await.map_err(failed)?;
    let found = look(&mut transaction).await.map_err(failed)?;
    drop(transaction);
    match found {
        Found::Ready => Ok(()),
        Found::OtherTables => Err(OpenError::Foreign(without_password(uri))),
        Found::OtherRevision(found) => Err(revisions::refusal(uri, found)),
        Found::Nothing | Found::NoDefaultExperiment => {
            create(database, artifact_root).await.map_err(failed)
        }
    }
}

/// Whether there is no table at all.
pub(crate) async fn is_empty(database: &Database) -> Result<bool, DbError> {
    Ok(database.read().await?.table_names().await?.is_empty())
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
        .and_where(Expr::col(Experiments::ExperimentId).eq(DEFAULT_EXPERIMENT.0.0))
        .take();
    Ok(match transaction.fetch_optional(&default).await? {
        Some(_) => Found::Ready,
        None => Found::NoDefaultExperiment,
    })
}

/// Makes what is missing, in one transaction. Another process may have done so in the meantime.
async fn create(database: &Database, artifact_root: &ArtifactRoot) -> Result<(), DbError> {
    let mut transaction = database.write().await?;
    transaction.lock_schema().await?;
    if matches!(look(&mut transaction).await?, Found::Nothing) {
        transaction.run_script(script::tables(transaction.dialect())).await?;
    }
    transaction.execute(&default_experiment(artifact_root)).await?;
    transaction.commit().await
}

fn default_experiment(artifact_root: &ArtifactRoot) -> sea_query::InsertStatement {
    let (id, name) = DEFAULT_EXPERIMENT;
    let mut statement = insertion(Some(id), name, &artifact_root.of_experiment(id));
    statement.on_conflict(OnConflict::new().do_nothing().to_owned());
    statement
}
