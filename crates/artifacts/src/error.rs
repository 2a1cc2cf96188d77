//! What can go wrong with artifacts.

use crate::{ArtifactPath, ExpectedDigest};
use std::{fmt, io, path::PathBuf};
use thiserror::Error;

/// Why an artifact could not be written, read, listed or deleted.
#[derive(Debug, Error)]
pub enum ArtifactError {
    /// Nothing has that name.
    #[error("No such artifact: '{0}'")]
    NotFound(ArtifactPath),
    /// A folder has that name, where a file is read.
    #[error("Artifact path refers to a directory, not a file: '{0}'")]
    IsFolder(String),
    /// A file has that name, where a folder is read.
    #[error("Artifact path refers to a file, not a directory: '{0}'")]
    IsFile(ArtifactPath),
    /// A folder has the name under which a file should be stored.
    #[error("Cannot store an artifact at '{0}': a directory has that name")]
    FolderInTheWay(ArtifactPath),
    /// A part of the path is a file, where a folder is needed.
    #[error("Cannot store an artifact at '{0}': a part of its path is a file, not a directory")]
    FileInTheWay(ArtifactPath),
    /// A file exists, and the client wanted to create it or expected another one there.
    #[error("The artifact '{0}' was not stored: the condition of the request does not hold")]
    PreconditionFailed(ArtifactPath),
    /// A link on the way leads out of the root.
    #[error("Invalid path: resolved path is outside the artifact directory")]
    OutsideRoot,
    /// The path as a whole, or a name in it, is too long for the file system.
    #[error("Invalid path: '{0}' is too long for the artifact store")]
    PathTooLong(ArtifactPath),
    /// The bytes are more than the operator allows.
    #[error("The artifact is larger than the {limit} bytes that this server accepts")]
    TooLarge {
        /// The operator's limit in bytes.
        limit: u64,
    },
    /// The bytes do not have the checksum that the client sent.
    #[error("The artifact was not stored: its bytes have the checksum {actual}, not {expected}")]
    DigestMismatch {
        /// As sent.
        expected: ExpectedDigest,
        /// As computed.
        actual: ExpectedDigest,
    },
    /// The client stopped before the end of the body.
    #[error("The artifact was not stored: the request ended before its body was complete")]
    BodyIncomplete(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No space, or no quota, is left.
    #[error("The artifact store is full")]
    Full(#[source] io::Error),
    /// The store failed.
    #[error("The artifact store failed")]
    Io(#[from] io::Error),
    /// A store that is reached over a network refused or failed.
    #[error("The artifact store {trouble}: {words}")]
    Store {
        /// What kind of failure it is.
        trouble: StoreTrouble,
        /// The store's own words.
        words: String,
    },
    /// The store gives out no URLs of its own. The words are the reference's: its client looks for them.
    #[error("Multipart {0} is not supported for the current artifact repository")]
    NotDirect(&'static str),
    /// What a client says of an upload in parts does not hold.
    #[error("Invalid multipart upload: {0}")]
    BadUpload(String),
    /// The bytes are no archive that can be unpacked, or one that must not be.
    #[error("{0}")]
    BadArchive(String),
}

/// What kind of failure a store had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreTrouble {
    /// Something is not there.
    Absent,
    /// A condition does not hold.
    Condition,
    /// The store does not let this server in, or not do that.
    Denied,
    /// The request can't be carried out as it is.
    Refused,
    /// The store can't do that.
    Unsupported,
    /// No space, or no quota, is left.
    Full,
    /// It may be tried again.
    Unavailable,
}

impl fmt::Display for StoreTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "has no such thing",
            Self::Condition => "says that a condition does not hold",
            Self::Denied => "does not let this server do that",
            Self::Refused => "refused",
            Self::Unsupported => "can't do that",
            Self::Full => "is full",
            Self::Unavailable => "failed",
        })
    }
}

/// Why a destination can't be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder can't be created, opened or written.
    #[error("cannot write to the artifact destination {}", path.display())]
    NotWritable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder is not there, or can't be opened.
    #[error("cannot read the artifact destination {}", path.display())]
    NotReadable {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store can't be reached or used.
    #[error("cannot use the artifact destination {destination}: {reason}")]
    Unusable {
        /// As given, without a password.
        destination: String,
        /// In one line.
        reason: String,
    },
}
