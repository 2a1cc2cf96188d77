use crate::{
    OpenError, StoreActivity, StoreError,
    activity::Tally,
    artifact_uri::ArtifactRoot,
    database_uri::{DatabaseUri, without_password},
    db::{Connections, Database, Transaction},
    reads::Question,
    schema::{self, WhenEmpty},
    webhook_secrets::SecretKey,
    writes::{Change, Writes},
};
use mlferry_protocol::limits;
use regex::Regex;
use std::sync::Arc;
use tokio::sync::Notify;

/// Which database a store is in, and where new experiments keep their artifacts.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite:///relative`, `sqlite:////absolute`, `sqlite://` in memory, or
    /// `postgresql://user:password@host/database`.
    pub uri: String,
    /// How the connections to it are kept.
    pub connections: Connections,
    /// Below which the artifacts of experiments lie whose creators don't say where.
    pub default_artifact_root: String,
    /// Where the artifacts lie that a server gives access to; clients may name its host.
    pub artifacts_destination: Option<String>,
    /// Schemes whose URIs may name any host: `MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES`.
    pub allowed_host_schemes: Vec<String>,
    /// Characters of a location that a client gives: `MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH`.
    pub artifact_location_max_length: usize,
    /// What sources of new model versions must match somewhere:
    /// `MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX`.
    pub model_source_pattern: Option<Regex>,
    /// What secrets of webhooks are encrypted with: `MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY`.
    pub secret_key: Option<SecretKey>,
}

impl StoreOptions {
    /// A database, with the reference's defaults for all else.
    #[must_use]
    pub fn new(uri: String, default_artifact_root: String) -> Self {
        Self {
            uri,
            connections: Connections::default(),
            default_artifact_root,
            artifacts_destination: None,
            allowed_host_schemes: Vec::new(),
            artifact_location_max_length: limits::ARTIFACT_LOCATION,
            model_source_pattern: None,
            secret_key: None,
        }
    }
}

/// The records of a server. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) database: Database,
    writes: Writes,
    pub(crate) tally: Tally,
    pub(crate) artifact_root: Arc<ArtifactRoot>,
    pub(crate) secret_key: Option<Arc<SecretKey>>,
    /// Told of commits with something to send.
    pub(crate) deliveries: Arc<Notify>,
}

impl Store {
    /// Opens a database. An absent or empty one gets MLflow's schema; one with another revision of
    /// it, or with other tables, is refused.
    pub async fn open(options: StoreOptions) -> Result<Self, OpenError> {
        Self::open_with(options, WhenEmpty::Create).await
    }

    /// Opens a database that is there and has MLflow's schema.
    pub async fn open_existing(options: StoreOptions) -> Result<Self, OpenError> {
        Self::open_with(options, WhenEmpty::Refuse).await
    }

    async fn open_with(options: StoreOptions, when_empty: WhenEmpty) -> Result<Self, OpenError> {
        let uri = DatabaseUri::parse(&options.uri)
            .map_err(|reason| OpenError::uri(&options.uri, reason))?;
        // Opening one that is not there would make its file.
        if when_empty == WhenEmpty::Refuse && !uri.may_exist() {
            return Err(OpenError::Empty(without_password(&options.uri)));
        }
        let artifact_root = ArtifactRoot::new(&options)?;
        let failed = |error| OpenError::of(&options.uri, error);
        let database = Database::open(&uri, &options.connections).await.map_err(failed)?;
        schema::prepare(&database, &options.uri, &artifact_root, when_empty).await?;
        let tally = Tally::default();
        let deliveries = Arc::new(Notify::new());
        let writes = Writes::start(&database, &tally, &deliveries);
        let secret_key = options.secret_key.map(Arc::new);
        let artifact_root = Arc::new(artifact_root);
        Ok(Self { database, writes, tally, artifact_root, secret_key, deliveries })
    }

    /// Asks whether the database answers: it is read, as by any request.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.ask(Probe).await
    }

    /// How the database is used.
    #[must_use]
    pub fn activity(&self) -> StoreActivity {
        self.tally.activity(self.database.pool_use(), self.writes.queued())
    }

    /// Finishes what is under way, and closes the database.
    pub async fn close(&self) {
        self.writes.close().await;
        self.database.close().await;
    }

    /// Carries a change out; when this returns, it will survive a crash. Every write of the store
    /// comes through here.
    pub(crate) async fn write<C: Change>(&self, change: C) -> Result<C::Output, StoreError> {
        self.writes.carry_out(change).await
    }
}

/// Whether anything can be read.
struct Probe;

impl Question for Probe {
    type Answer = ();

    async fn answer(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        // A statement without a table would not touch the file of SQLite.
        transaction.texts::<1>("SELECT version_num FROM alembic_version").await?;
        Ok(())
    }
}
