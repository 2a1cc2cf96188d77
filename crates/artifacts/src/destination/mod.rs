//! Where a server keeps its artifacts: the URI of `--artifacts-destination`.

mod parse;

use std::{fmt, path::PathBuf};
use thiserror::Error;

/// A place that holds artifacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A folder of this machine; relative paths start at the working directory.
    Local(PathBuf),
    /// A place in an object store, or on another server.
    Remote(RemoteDestination),
}

/// A place in an object store, or on another server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteDestination {
    /// What is spoken there.
    pub(crate) store: StoreAddress,
    /// The folder in it that is the root of all artifacts, without slashes at its ends; may be empty.
    pub(crate) root: String,
    /// As given, without a password.
    uri: String,
}

/// Which store, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum StoreAddress {
    /// A bucket of S3 or of what speaks its language.
    S3 { bucket: String, provider: S3Provider },
    /// A bucket of Google Cloud Storage.
    Gcs { bucket: String },
    /// A container of Azure Blob Storage, or a file system of Data Lake Storage, which has both.
    Azure {
        container: String,
        /// Such as `account.blob.core.windows.net`.
        host: String,
        /// How the reference finds credentials depends on it.
        is_data_lake: bool,
    },
    /// Another server of this kind, or of the reference's; the URL of its artifact route.
    Server { url: String },
    /// A host that files are sent to.
    Host {
        kind: HostKind,
        user: Option<String>,
        password: Option<String>,
        /// With its port, if given.
        host: String,
    },
}

/// Whose S3 it is: some need other addresses and sizes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum S3Provider {
    /// AWS, or what `MLFLOW_S3_ENDPOINT_URL` says.
    Configured,
    /// Cloudflare R2, at this host.
    R2(String),
    /// Backblaze B2, at this host.
    B2(String),
}

/// What a host speaks that keeps files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HostKind {
    Sftp,
    Ftp,
    WebHdfs,
}

/// A URI that names no destination this server can use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DestinationError {
    /// The scheme belongs to a store that is not known.
    #[error(
        "artifact destinations with the '{0}' scheme are not supported; use a local path or a URI \
         that begins with file:, s3:, gs:, wasbs:, abfss:, r2:, b2:, http:, https:, \
         mlflow-artifacts:, sftp:, ftp: or hdfs:"
    )]
    UnsupportedScheme(String),
    /// A `file:` URI names another machine.
    #[error("the file: URI '{0}' names a host; only files of this machine can be served")]
    ForeignHost(String),
    /// The text is empty.
    #[error(
        "the artifact destination is empty; give a local path or a URI such as s3://bucket/folder"
    )]
    Empty,
    /// A part of the URI is missing.
    #[error("the artifact destination '{uri}' names no {what}; write it as {form}")]
    Missing {
        /// As given.
        uri: String,
        /// What is missing.
        what: &'static str,
        /// How it should look.
        form: &'static str,
    },
    /// The folder can't be a prefix of keys.
    #[error(
        "the artifact destination '{0}' has a folder that can't be used: no '.', '..' or empty \
         name, and no '?' or '#', may be in it"
    )]
    BadRoot(String),
    /// A name could lead to another host than it seems to.
    #[error("the artifact destination '{uri}' has the {what} '{name}', which is none")]
    BadName {
        /// As given.
        uri: String,
        /// What is named.
        what: &'static str,
        /// The name.
        name: String,
    },
}

impl HostKind {
    fn name(self) -> &'static str {
        match self {
            Self::Sftp => "sftp",
            Self::Ftp => "ftp",
            Self::WebHdfs => "hdfs",
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Remote(remote) => remote.fmt(f),
        }
    }
}

impl RemoteDestination {
    /// The folder of artifacts below another destination's root, where `self` is or lies in that
    /// destination: `Some("")` for its root itself.
    #[must_use]
    pub fn below(&self, other: &Self) -> Option<&str> {
        if self.store != other.store {
            return None;
        }
        let below = self.root.strip_prefix(other.root.as_str())?;
        match below.strip_prefix('/') {
            Some(below) => Some(below),
            None if below.is_empty() || other.root.is_empty() => Some(below),
            None => None,
        }
    }

    /// The same store, with another folder as its root.
    #[must_use]
    pub fn at_root(&self) -> Self {
        let uri = match &self.store {
            StoreAddress::Server { url } => parse::masked(url),
            _ if self.root.is_empty() => self.uri.clone(),
            _ => {
                let uri = self.uri.trim_end_matches('/');
                uri.strip_suffix(self.root.as_str()).unwrap_or(&self.uri).to_owned()
            }
        };
        Self { store: self.store.clone(), root: String::new(), uri }
    }

    /// The same store, with this folder as its root.
    #[must_use]
    pub fn with_root(&self, root: &str) -> Self {
        let Self { store, uri, .. } = self.at_root();
        let uri =
            if root.is_empty() { uri } else { format!("{}/{root}", uri.trim_end_matches('/')) };
        Self { store, root: root.to_owned(), uri }
    }

    /// Whether it is a host that files are sent to, where uploads wait in a folder below the root.
    #[must_use]
    pub fn is_host(&self) -> bool {
        matches!(self.store, StoreAddress::Host { .. })
    }

    /// The host that a client of the URI connects to, where the URI says which: what it speaks, and
    /// its name with a port.
    #[must_use]
    pub fn host(&self) -> Option<(&'static str, &str)> {
        match &self.store {
            StoreAddress::S3 { provider: S3Provider::R2(host), .. } => Some(("r2", host)),
            StoreAddress::S3 { provider: S3Provider::B2(host), .. } => Some(("b2", host)),
            StoreAddress::Azure { host, is_data_lake: true, .. } => Some(("abfss", host)),
            StoreAddress::Server { url } => {
                let after = url.split_once("://").map_or(url.as_str(), |(_, after)| after);
                let authority = after.split('/').next().unwrap_or_default();
                Some(("http", authority.rsplit('@').next().unwrap_or_default()))
            }
            StoreAddress::Host { kind, host, .. } => Some((kind.name(), host)),
            StoreAddress::S3 { .. } | StoreAddress::Gcs { .. } | StoreAddress::Azure { .. } => None,
        }
    }

    /// Whether both are reached at one address, so that what is said of one's holds for the other's.
    #[must_use]
    pub fn shares_address(&self, other: &Self) -> bool {
        match (&self.store, &other.store) {
            (
                StoreAddress::S3 { provider: one, .. },
                StoreAddress::S3 { provider: another, .. },
            ) => one == another,
            (StoreAddress::Gcs { .. }, StoreAddress::Gcs { .. }) => true,
            (StoreAddress::Azure { host: one, .. }, StoreAddress::Azure { host: another, .. }) => {
                one == another
            }
            (one, another) => one == another,
        }
    }

    /// The folder that is the root of all artifacts; may be empty.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }
}

impl fmt::Display for RemoteDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}
