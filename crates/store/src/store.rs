use crate::{
    OpenError, StoreError,
    artifact_uri::ArtifactRoot,
    database_uri::without_password,
    db::{Database, DbError, SqliteLocation, Transaction},
    schema,
};
use std::{future::Future, sync::Arc};

/// Which database a store is in, and where new experiments keep their artifacts.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite:///relative`, `sqlite:////absolute`, or `sqlite://` in memory.
    pub uri: String,
    /// Below which the artifacts of experiments lie whose creators don't say where.
    pub default_artifact_root: String,
    /// Schemes whose URIs may name any host: `MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES`.
    pub allowed_host_schemes: Vec<String>,
    /// Characters of a location that a client gives: `MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH`.
    pub artifact_location_max_length: usize,
}

/// The records of a server. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    pub(crate) artifact_root: Arc<ArtifactRoot>,
}

/// A change that is carried out in one transaction, wholly or not at all.
///
/// It borrows what it writes, so that it can be carried out again.
pub(crate) trait Change: Send + Sync + 'static {
    /// What the caller learns.
    type Output: Send + 'static;

    /// Carries the change out.
    fn apply(
        &self,
        transaction: &mut Transaction,
    ) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;
}

impl Store {
    /// Opens a database. An absent or empty one gets MLflow's schema; one with another revision of
    /// it, or with other tables, is refused.
    pub async fn open(options: StoreOptions) -> Result<Self, OpenError> {
        let artifact_root = ArtifactRoot::new(&options)?;
        let location = location_of(&options.uri)?;
        let failed = |error| OpenError::of(&options.uri, error);
        let database = Database::open_sqlite(&location).await.map_err(failed)?;
        schema::prepare(&database, &options.uri, &artifact_root).await?;
        Ok(Self { database, artifact_root: Arc::new(artifact_root) })
    }

    /// Finishes what is under way, and closes the database.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// A transaction that sees one state of the database.
    pub(crate) async fn read(&self) -> Result<Transaction, StoreError> {
        Ok(self.database.read().await?)
    }

    /// Carries a change out; when this returns, it will survive a crash. Every write of the store
    /// comes through here.
    pub(crate) async fn write<C: Change>(&self, change: C) -> Result<C::Output, StoreError> {
        let mut transaction = self.database.write().await?;
        let output = change.apply(&mut transaction).await?;
        transaction.commit().await?;
        Ok(output)
    }
}

fn location_of(uri: &str) -> Result<SqliteLocation, OpenError> {
    let refuse = |reason| OpenError::Uri { uri: without_password(uri), reason };
    match uri.split_once(':') {
        Some(("sqlite", rest)) => SqliteLocation::parse(rest).map_err(refuse),
        Some((scheme, _)) if scheme.starts_with("postgres") => {
            Err(refuse("PostgreSQL is not available in this version; use sqlite:///PATH"))
        }
        _ => Err(refuse("use sqlite:///PATH")),
    }
}

impl OpenError {
    /// What a failure to open the database at `uri` means.
    pub(crate) fn of(uri: &str, error: DbError) -> Self {
        use crate::db::sqlite_code as code;
        let uri = without_password(uri);
        match error.sqlite_code() {
            Some(code::NOTADB) => Self::NoDatabase(uri, error),
            Some(code::READONLY) => Self::ReadOnly(uri, error),
            Some(code::CANTOPEN) => Self::CannotOpen(uri, error),
            _ => Self::Failed(uri, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_databases_are_refused_by_name() {
        let refused = |uri| location_of(uri).unwrap_err().to_string();
        assert!(refused("postgresql+psycopg2://a:b@c/d").contains("PostgreSQL"));
        assert!(!refused("postgresql+psycopg2://a:b@c/d").contains("a:b"));
        assert!(refused("./mlruns").contains("use sqlite:///PATH"));
    }
}
