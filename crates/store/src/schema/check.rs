//! Compares the schema of a database with MLflow's.

use super::{Found, inspect, look, revisions, script, shape::Kind};
use crate::{
    OpenError,
    database_uri::{DatabaseUri, without_password},
    db::{Database, DbError},
};
use revisions::REVISION;

/// What a look at a database's schema found.
#[derive(Debug, Clone)]
pub struct SchemaReport {
    /// The database, without its password.
    pub database: String,
    /// Its Alembic revision; absent in a database without one.
    pub found: Option<String>,
    /// The releases of MLflow that have that revision, if it is known.
    pub found_in: Option<String>,
    /// The revision that this program needs.
    pub wanted: &'static str,
    /// What is missing, extra or otherwise, a line for each.
    pub differences: Vec<String>,
    /// Tables of others in the same database, which do no harm.
    pub other_tables: Vec<String>,
    /// What to do about a database that can't be used.
    pub remedy: Option<String>,
}

impl SchemaReport {
    /// Whether the database is as MLflow makes it.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.found.as_deref() == Some(self.wanted) && self.differences.is_empty()
    }
}

/// Looks at the schema of the database at `uri`, and changes nothing.
pub async fn check_schema(uri: &str) -> Result<SchemaReport, OpenError> {
    let location = DatabaseUri::parse(uri).map_err(|reason| OpenError::uri(uri, reason))?;
    if !location.may_exist() {
        return Ok(empty(uri));
    }
    let failed = |error| OpenError::of(uri, error);
    let database = Database::open_for_schema(&location, false).await.map_err(failed)?;
    let report = report(&database, uri).await.map_err(failed);
    database.close().await;
    report
}

pub(crate) async fn report(database: &Database, uri: &str) -> Result<SchemaReport, DbError> {
    let mut transaction = database.read().await?;
    let found = match look(&mut transaction).await? {
        Found::Nothing | Found::OtherTables => None,
        Found::Ready | Found::Incomplete => Some(REVISION.to_owned()),
        Found::OtherRevision(revision) => Some(revision),
    };
    let wanted = script::wanted(transaction.dialect());
    let shape = inspect::found(&mut transaction).await?;
    let differences = match &found {
        Some(_) => shape.differences(&wanted).iter().map(ToString::to_string).collect(),
        None => Vec::new(),
    };
    let remedy = match &found {
        Some(revision) if revision == REVISION => None,
        Some(revision) => Some(revisions::refusal(uri, revision.clone()).to_string()),
        None if shape.of_kind(Kind::Table).next().is_none() => return Ok(empty(uri)),
        None => Some(OpenError::Foreign(without_password(uri)).to_string()),
    };
    Ok(SchemaReport {
        database: without_password(uri),
        found_in: found.as_deref().and_then(revisions::releases_of),
        found,
        wanted: REVISION,
        differences,
        other_tables: shape.other_tables(&wanted).map(ToOwned::to_owned).collect(),
        remedy,
    })
}

/// The report on a database without any table, perhaps one that is yet to be made.
fn empty(uri: &str) -> SchemaReport {
    let database = without_password(uri);
    let remedy = format!(
        "the database is empty: `mlferry db upgrade {database}` or the first start of `mlferry server` makes the tables"
    );
    SchemaReport {
        database,
        found: None,
        found_in: None,
        wanted: REVISION,
        differences: Vec::new(),
        other_tables: Vec::new(),
        remedy: Some(remedy),
    }
}
