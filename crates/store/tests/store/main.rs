//! The store through its public API, on databases of the tests' own.
//!
//! By default on SQLite in temporary files; with `MLFERRY_TEST_POSTGRES` set to the URI of a PostgreSQL
//! server, whose user may make databases, the same tests run there. `make test` does both.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod backup;
mod concurrency;
mod database;
mod doctor;
mod experiments;
mod gc;
mod histories;
mod import;
mod inputs;
mod logging;
mod models;
mod open;
mod plans;
mod runs;
mod searches;
mod writes;

use database::TestDatabase;
use mlferry_protocol::{DecodeRequest, ErrorCode, Fields};
use mlferry_store::{Store, StoreError, StoreOptions};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

/// A store on a database that goes with it.
struct TestStore {
    store: Store,
    database: TestDatabase,
}

impl std::ops::Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    async fn new() -> Self {
        Self::on(TestDatabase::new().await).await
    }

    async fn on_sqlite() -> Self {
        Self::on(TestDatabase::sqlite()).await
    }

    async fn on(database: TestDatabase) -> Self {
        let store = open_uri(&database.uri()).await.unwrap();
        Self { store, database }
    }

    /// Another store on the same database, as another process has it.
    async fn second(&self) -> Store {
        open_uri(&self.database.uri()).await.unwrap()
    }

    /// Changes the database behind the store's back.
    async fn execute(&self, sql: impl Into<String>) {
        self.database.execute(sql).await;
    }

    /// The only number that a query answers.
    async fn count(&self, query: impl Into<String>) -> i64 {
        self.database.count(query).await
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
    Store::open(StoreOptions::new(uri.to_owned(), default_artifact_root)).await
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
