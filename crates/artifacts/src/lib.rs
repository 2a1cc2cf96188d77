//! Bytes: where artifacts lie, and how they are written, read, listed and deleted there.
//!
//! Nothing here knows of HTTP or of SQL. A client's text becomes an [`ArtifactPath`] once, and only
//! an `ArtifactPath` reaches a destination.
#![cfg_attr(
    not(all(feature = "azure", feature = "gcs", feature = "s3", feature = "server")),
    allow(dead_code, unused_variables, reason = "some of it is for stores that are not built in")
)]

mod archive;
mod cache;
mod counters;
mod destination;
mod digest;
mod error;
mod incoming;
mod list;
mod local;
mod metadata;
mod off_thread;
mod path;
mod remote;
mod service;
mod settings;

pub use archive::{
    ArchiveFormat, ExtractError, ExtractFormat, ExtractOptions, Extracted, MAX_MEMBERS,
};
pub use cache::{ArtifactCache, CacheCounts, CacheError, MIN_CACHE_BYTES};
pub use counters::{Counters, RequestCount, UploadCounts};
pub use destination::{Destination, DestinationError, RemoteDestination};
pub use digest::{ExpectedDigest, ExpectedDigests};
pub use error::{ArtifactError, OpenError, StoreTrouble};
pub use list::{Entry, ListOptions, Listing, MAX_RECURSIVE_RESULTS, PageToken};
pub use local::Leftover;
pub use metadata::{Metadata, PutCondition};
pub use path::{ArtifactPath, PathError, STAGING_FOLDER, is_hidden};
pub use remote::{DirectUrl, OpenUpload, PartUrls, SentPart};
pub use service::{Artifact, Part, PutOptions, Service, Wanted};
pub use settings::StoreSettings;
