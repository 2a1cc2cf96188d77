//! Bytes: where artifacts lie, and how they are written, read, listed and deleted there.
//!
//! Nothing here knows of HTTP or of SQL. A client's text becomes an [`ArtifactPath`] once, and only
//! an `ArtifactPath` reaches a destination.

mod destination;
mod digest;
mod error;
mod incoming;
mod list;
mod local;
mod off_thread;
mod path;
mod service;

pub use destination::{Destination, DestinationError};
pub use digest::{ExpectedDigest, ExpectedDigests};
pub use error::{ArtifactError, OpenError};
pub use list::{Entry, ListOptions, Listing, MAX_RECURSIVE_RESULTS, PageToken};
pub use path::{ArtifactPath, PathError};
pub use service::{Artifact, Metadata, PutCondition, PutOptions, Service};
