//! From the address of a store to a way to use it.

use super::Opened;
use crate::{
    RemoteDestination, StoreSettings,
    destination::{HostKind, StoreAddress},
};

/// Opens a store; an error says in one line why it can't be used.
#[cfg_attr(
    not(any(feature = "s3", feature = "server")),
    allow(clippy::unused_async, reason = "only some ask their store at once")
)]
pub(super) async fn open(
    destination: &RemoteDestination,
    settings: &StoreSettings,
) -> Result<Opened, String> {
    match &destination.store {
        #[cfg(feature = "s3")]
        StoreAddress::S3 { bucket, provider } => super::s3::open(bucket, provider, settings).await,
        #[cfg(not(feature = "s3"))]
        StoreAddress::S3 { .. } => Err(not_built("S3", "s3")),
        #[cfg(feature = "gcs")]
        StoreAddress::Gcs { bucket } => super::gcs::open(bucket, settings),
        #[cfg(not(feature = "gcs"))]
        StoreAddress::Gcs { .. } => Err(not_built("Google Cloud Storage", "gcs")),
        #[cfg(feature = "azure")]
        StoreAddress::Azure { container, host, is_data_lake } => {
            super::azure::open(container, host, *is_data_lake, settings)
        }
        #[cfg(not(feature = "azure"))]
        StoreAddress::Azure { .. } => Err(not_built("Azure", "azure")),
        #[cfg(feature = "server")]
        StoreAddress::Server { url } => {
            super::server::open(url, destination.root(), settings).await
        }
        #[cfg(not(feature = "server"))]
        StoreAddress::Server { .. } => Err(not_built("another MLflow server", "server")),
        #[cfg(any(feature = "sftp", feature = "ftp", feature = "hdfs"))]
        address @ StoreAddress::Host { .. } => {
            super::hosts::open(address, destination.root(), settings)
        }
        #[cfg(not(any(feature = "sftp", feature = "ftp", feature = "hdfs")))]
        StoreAddress::Host { kind, .. } => Err(not_built_host(*kind)),
    }
}

#[allow(dead_code, reason = "unused where all features are on")]
pub(super) fn not_built_host(kind: HostKind) -> String {
    match kind {
        HostKind::Sftp => not_built("SFTP", "sftp"),
        HostKind::Ftp => not_built("FTP", "ftp"),
        HostKind::WebHdfs => not_built("HDFS", "hdfs"),
    }
}

#[allow(dead_code, reason = "unused where all features are on")]
fn not_built(store: &str, feature: &str) -> String {
    format!(
        "this mlferry was built without {store}; build one with `cargo build --release --features {feature}`"
    )
}
