//! The store through its public API, on databases in temporary files.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod concurrency;
mod experiments;
mod inputs;
mod logging;
mod models;
mod open;
mod runs;

use mlferry_protocol::{DecodeRequest, ErrorCode, Fields};
use mlferry_store::{Store, StoreError, StoreOptions};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

/// A store in a folder that goes with it.
struct TestStore {
    store: Store,
    folder: TempDir,
}

impl std::ops::Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder.path().join("mlflow.db")).await.unwrap();
        Self { store, folder }
    }

    /// Another look at the database, as another program has it.
    async fn sql(&self) -> sqlx::SqlitePool {
        pool(&self.folder.path().join("mlflow.db")).await
    }

    /// The only number that a query answers.
    async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.sql().await).await.unwrap()
    }

    /// The id of a new experiment.
    async fn experiment(&self, name: &str) -> String {
        self.create_experiment(request(json!({"name": name}))).await.unwrap().to_string()
    }

    /// The id of a new run.
    async fn run(&self) -> String {
        let run = self.create_run(request(json!({"experiment_id": "0"}))).await.unwrap();
        run.info.run_id.to_string()
    }

    /// A run as a client gets it.
    async fn run_json(&self, id: &str) -> Value {
        to_json(self.get_run(request(json!({"run_id": id}))).await.unwrap())
    }
}

async fn open(path: &Path) -> Result<Store, mlferry_store::OpenError> {
    open_uri(&format!("sqlite:///{}", path.display())).await
}

async fn open_uri(uri: &str) -> Result<Store, mlferry_store::OpenError> {
    let default_artifact_root = "mlflow-artifacts:/".to_owned();
    let options = StoreOptions {
        uri: uri.to_owned(),
        default_artifact_root,
        allowed_host_schemes: Vec::new(),
        artifact_location_max_length: mlferry_protocol::limits::ARTIFACT_LOCATION,
    };
    Store::open(options).await
}

async fn pool(path: &Path) -> sqlx::SqlitePool {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    sqlx::SqlitePool::connect_with(options).await.unwrap()
}

/// A request as a client sends it.
#[expect(clippy::needless_pass_by_value, reason = "tests read better so")]
fn request<T: DecodeRequest>(json: Value) -> T {
    T::decode(&mut Fields::from_json(json.to_string().as_bytes()).unwrap()).unwrap()
}

/// A response as a client gets it.
fn to_json(response: impl Serialize) -> Value {
    serde_json::to_value(response).unwrap()
}

/// Code and text of a refusal.
fn refusal<T>(result: Result<T, StoreError>) -> (ErrorCode, String) {
    let error = result.err().unwrap();
    (error.code(), error.to_string())
}
