//! The flags that say where records and artifacts are, for commands that work on these beside a server.

use anyhow::Context;
use clap::Args;
use mlferry_artifacts::{Destination, StoreSettings};
use mlferry_server::RootOptions;

use super::DEFAULT_BACKEND_STORE_URI;
use crate::uri;
use crate::usage::Stop;

/// Schemes of artifact locations that name a host.
const HOST_ADDRESSED: [&str; 9] =
    ["abfss", "b2", "ftp", "hdfs", "http", "https", "mlflow-artifacts", "r2", "sftp"];

/// The database, and the destination of proxied artifacts, as the server is told.
#[derive(Args, Debug)]
pub(crate) struct StoreFlags {
    /// Database with the records (default: mlflow.db in this folder)
    #[arg(long, value_name = "URI", env = "MLFLOW_BACKEND_STORE_URI")]
    backend_store_uri: Option<String>,

    /// Where the server that proxies artifacts keeps them (default: ./mlartifacts)
    #[arg(long, value_name = "URI", env = "MLFLOW_ARTIFACTS_DESTINATION")]
    artifacts_destination: Option<String>,
}

/// The same, with the root of artifacts that are not proxied.
#[derive(Args, Debug)]
pub(crate) struct PlaceFlags {
    #[command(flatten)]
    pub(crate) stores: StoreFlags,

    /// Folder of this machine below which artifacts lie that are not proxied, as the server has it
    #[arg(long, value_name = "URI", env = "MLFLOW_DEFAULT_ARTIFACT_ROOT")]
    default_artifact_root: Option<String>,
}

impl StoreFlags {
    /// The database, or why it can't be opened.
    pub(crate) fn database(&self) -> Result<String, Stop> {
        let given = set(self.backend_store_uri.as_deref()).unwrap_or(DEFAULT_BACKEND_STORE_URI);
        uri::backend_store(given).map_err(Stop::Refused)
    }

    /// The destination as it was given.
    pub(crate) fn destination_name(&self) -> &str {
        set(self.artifacts_destination.as_deref()).unwrap_or("./mlartifacts")
    }

    /// The destination.
    pub(crate) fn destination(&self) -> anyhow::Result<Destination> {
        Destination::parse(self.destination_name()).context("--artifacts-destination")
    }
}

impl PlaceFlags {
    /// The root of artifacts that are not proxied.
    pub(crate) fn default_artifact_root(&self) -> &str {
        set(self.default_artifact_root.as_deref()).unwrap_or("mlflow-artifacts:/")
    }

    /// The roots that the command may reach: whoever runs it may connect wherever records say that their artifacts
    /// are.
    pub(crate) fn root_options(&self, settings: &StoreSettings) -> RootOptions {
        RootOptions {
            default_artifact_root: self.default_artifact_root().to_owned(),
            allowed_host_schemes: HOST_ADDRESSED.map(str::to_owned).to_vec(),
            settings: settings.clone(),
            are_only_read: false,
        }
    }
}

fn set(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.is_empty())
}
