//! Destinations that are reached over a network: object stores, and other servers.
//!
//! All of them are used through the traits of `object_store`; what a store must do its own way stands
//! in the file that opens it. Bytes are streamed: no artifact is ever whole in memory or on a disk here.

mod addressable;
#[cfg(feature = "s3")]
mod aws_credentials;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "azure")]
mod azure_sas;
mod check;
mod connection;
mod content;
mod delete;
mod direct;
mod download;
mod error;
#[cfg(feature = "gcs")]
mod gcs;
#[cfg(any(feature = "sftp", feature = "ftp", feature = "hdfs"))]
mod hosts;
mod http;
mod list;
mod open;
mod parts;
#[cfg(any(feature = "hdfs", feature = "server"))]
mod piecewise;
mod plain;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "server")]
mod server;
mod sweep;
mod types;
mod upload;

pub(crate) use direct::{DOWNLOAD, UPLOAD};
pub use direct::{DirectUrl, PartUrls, SentPart};
pub(crate) use download::RemoteFile;
pub use sweep::OpenUpload;

use crate::{
    ArtifactCache, ArtifactError, ArtifactPath, OpenError, RemoteDestination, StoreSettings,
};
use content::UploadArgs;
use direct::Direct;
use object_store::{ObjectStore, list::PaginatedListStore, path::Path};
use parts::PartSlots;
use std::{fmt, sync::Arc};
use tokio_util::task::TaskTracker;

/// Bytes of a key at most: the limit of S3 and of GCS, and Azure's in characters.
const KEY_BYTES: usize = 1024;

/// A destination in an object store, or on another server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Remote(Arc<Inner>);

struct Inner {
    destination: RemoteDestination,
    opened: Opened,
    /// The memory for parts of uploads.
    slots: PartSlots,
    /// Uploads that are given up at the store.
    aborts: TaskTracker,
    cache: Option<PlaceInCache>,
}

/// A cache, and what tells this store's objects from those of others in it.
struct PlaceInCache {
    cache: ArtifactCache,
    place: String,
}

/// A store as its own file opens it.
struct Opened {
    store: Arc<dyn ObjectStore>,
    /// Lists page by page, where the store can.
    pages: Option<Arc<dyn PaginatedListStore>>,
    /// URLs that lead clients past this server, where the store gives them out.
    direct: Option<Direct>,
    traits: StoreTraits,
    /// What the operator says of all uploads.
    args: UploadArgs,
}

/// What a store is told of an object, guessed from its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Told {
    #[default]
    Nothing,
    Type,
    TypeAndEncoding,
}

/// What a store makes of folders and of uploads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum StoreKind {
    /// Folders are what keys have in common.
    #[default]
    Objects,
    /// A server such as this one. A folder is deleted by its name, with all that is in it.
    Server,
    /// The same, and uploads wait in a staging folder below the root.
    Host,
}

/// In what stores differ.
#[derive(Debug, Clone, Copy, Default)]
struct StoreTraits {
    /// All parts of an upload but the last must have the same size.
    has_uniform_parts: bool,
    /// What the reference tells it of an object.
    told: Told,
    kind: StoreKind,
}

impl Remote {
    /// Opens a destination, and asks it whether it answers and may be written.
    pub(crate) async fn open(
        destination: &RemoteDestination,
        settings: &StoreSettings,
    ) -> Result<Self, OpenError> {
        let opened = open::open(destination, settings).await.map_err(|reason| {
            OpenError::Unusable { destination: destination.to_string(), reason }
        })?;
        let remote = Self(Arc::new(Inner {
            destination: destination.clone(),
            opened,
            slots: PartSlots::default(),
            aborts: TaskTracker::new(),
            cache: settings.cache.clone().map(|cache| PlaceInCache {
                cache,
                place: format!("{:?} {:?}", destination.store, settings.endpoints()),
            }),
        }));
        if !settings.is_unchecked {
            remote.check().await?;
        }
        Ok(remote)
    }

    /// Waits until uploads that broke are given up at the store.
    pub(crate) async fn close(self) {
        self.0.aborts.close();
        self.0.aborts.wait().await;
    }

    pub(crate) fn destination(&self) -> &RemoteDestination {
        &self.0.destination
    }

    fn store(&self) -> &dyn ObjectStore {
        self.0.opened.store.as_ref()
    }

    /// The key of an artifact.
    fn key(&self, path: &ArtifactPath) -> Result<Path, ArtifactError> {
        let root = self.0.destination.root();
        let key = if root.is_empty() { path.to_string() } else { format!("{root}/{path}") };
        if key.len() > KEY_BYTES {
            return Err(ArtifactError::PathTooLong(path.clone()));
        }
        Path::parse(key).map_err(|error| error::store_error(&error.into()))
    }

    /// What the keys in a folder begin with; `None` is the root.
    fn prefix(&self, folder: Option<&ArtifactPath>) -> String {
        let mut prefix = String::new();
        let names = [self.0.destination.root(), folder.map_or("", ArtifactPath::as_str)];
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            prefix.push_str(name);
            prefix.push('/');
        }
        prefix
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.0.destination.to_string()).finish()
    }
}
