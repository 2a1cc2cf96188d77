//! `mlferry import`: brings the records of a file store into a database.
//!
//! Every experiment, run and model is one transaction, so that whatever is there is there wholly: after an
//! interruption, the next import passes over it and goes on. Artifacts stay where they are.

mod file_store;
mod issues;
mod meta;
mod tally;
mod values;
mod work;

use anyhow::Context;
use clap::Args;
use mlferry_artifacts::Destination;
use mlferry_store::{Store, StoreOptions};

use crate::options::DEFAULT_BACKEND_STORE_URI;
use crate::uri;
use crate::usage::{Stop, Usage};
use file_store::FileStore;
use work::Import;

/// The flags of `mlferry import`.
#[derive(Args, Debug)]
pub(crate) struct ImportFlags {
    /// The file store: the folder that MLflow kept experiments in, such as ./mlruns
    #[arg(value_name = "FOLDER")]
    folder: String,

    /// Database to bring the records into; it is made if it is not there (default: mlflow.db in this folder)
    #[arg(long, value_name = "URI", env = "MLFLOW_BACKEND_STORE_URI")]
    backend_store_uri: Option<String>,

    /// Read everything and count it, and leave the database alone
    #[arg(long)]
    dry_run: bool,
}

/// Imports a file store; an error if something of it could not be brought in.
pub(crate) fn run(flags: &ImportFlags) -> Result<(), Stop> {
    let Ok(Destination::Local(folder)) = Destination::parse(&flags.folder) else {
        let what = format!("Invalid value for 'FOLDER': '{}' is no local folder.", flags.folder);
        return Err(Stop::Usage(Usage::Import, what));
    };
    let files = FileStore::open(&folder).map_err(Stop::Refused)?;
    let refused = |error: anyhow::Error| Stop::Refused(crate::one_line(&error));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start").map_err(refused)?;
    if flags.dry_run {
        return runtime.block_on(Import::new(files, None).carry_out()).map_err(refused);
    }
    let uri = flags.backend_store_uri.as_deref().filter(|uri| !uri.is_empty());
    let uri =
        uri::backend_store(uri.unwrap_or(DEFAULT_BACKEND_STORE_URI)).map_err(Stop::Refused)?;
    if uri == "sqlite://" {
        return Err(Stop::Refused(
            "A database in memory would be gone at once. Pass --backend-store-uri sqlite:///mlflow.db."
                .to_owned(),
        ));
    }
    runtime.block_on(import(files, uri)).map_err(refused)
}

async fn import(files: FileStore, uri: String) -> anyhow::Result<()> {
    let root = "mlflow-artifacts:/".to_owned();
    let store = Store::open(StoreOptions::new(uri, root)).await?;
    let imported = Import::new(files, Some(store.clone())).carry_out().await;
    store.close().await;
    imported
}
