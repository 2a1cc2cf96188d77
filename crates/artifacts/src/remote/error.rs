//! What stores say when they refuse or fail.

use crate::{ArtifactError, ArtifactPath, StoreTrouble};
use object_store::Error;
use std::fmt::Write;
use thiserror::Error as ThisError;

/// Characters of a store's words that are passed on.
const WORDS: usize = 500;

/// What a store said that is spoken to here, and not by the library.
#[derive(Debug, ThisError)]
#[error("{words}")]
pub(super) struct Trouble {
    pub(super) kind: StoreTrouble,
    pub(super) words: String,
}

impl Trouble {
    /// Something that no repetition changes.
    pub(super) fn refused(words: String) -> Error {
        Self { kind: StoreTrouble::Refused, words }.about("")
    }

    /// As an error of the library's on `path`.
    pub(super) fn about(self, path: &str) -> Error {
        let path = path.to_owned();
        match self.kind {
            StoreTrouble::Absent => Error::NotFound { path, source: self.into() },
            StoreTrouble::Condition => Error::Precondition { path, source: self.into() },
            StoreTrouble::Denied => Error::PermissionDenied { path, source: self.into() },
            StoreTrouble::Unsupported => Error::NotSupported { source: self.into() },
            StoreTrouble::Refused | StoreTrouble::Full | StoreTrouble::Unavailable => {
                Error::Generic { store: "destination", source: self.into() }
            }
        }
    }
}

/// Translates a store's error on `path`, with the store's own words.
pub(super) fn explain(error: &Error, path: &ArtifactPath) -> ArtifactError {
    match trouble_of(error) {
        StoreTrouble::Absent if !is_about_bucket(error) => ArtifactError::NotFound(path.clone()),
        StoreTrouble::Condition => ArtifactError::PreconditionFailed(path.clone()),
        _ => store_error(error),
    }
}

/// Translates a store's error that is not about one artifact.
pub(super) fn store_error(error: &Error) -> ArtifactError {
    ArtifactError::Store { trouble: trouble_of(error), words: words_of(error) }
}

/// What kind of failure it is: whether a client should try again, and whose fault it is.
pub(super) fn trouble_of(error: &Error) -> StoreTrouble {
    match error {
        Error::NotFound { .. } => StoreTrouble::Absent,
        Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. } => {
            StoreTrouble::Condition
        }
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => StoreTrouble::Denied,
        Error::InvalidPath { .. } => StoreTrouble::Refused,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => StoreTrouble::Unsupported,
        Error::Generic { source, .. } if source.is::<Trouble>() => {
            source.downcast_ref::<Trouble>().map_or(StoreTrouble::Unavailable, |own| own.kind)
        }
        _ => match status_of(error) {
            Some(404) => StoreTrouble::Absent,
            Some(401 | 403) => StoreTrouble::Denied,
            Some(412) => StoreTrouble::Condition,
            Some(501) => StoreTrouble::Unsupported,
            Some(507) => StoreTrouble::Full,
            // These say that it may be tried again.
            Some(408 | 409 | 425 | 429) | None => StoreTrouble::Unavailable,
            Some(400..=499) => StoreTrouble::Refused,
            Some(_) => StoreTrouble::Unavailable,
        },
    }
}

/// The HTTP status in an error. The library keeps it in a type of its own, but shows it.
fn status_of(error: &Error) -> Option<u16> {
    let text = chain_of(error);
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

/// Whether it is the bucket that is missing, not the object.
fn is_about_bucket(error: &Error) -> bool {
    let text = chain_of(error);
    ["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"]
        .iter()
        .any(|code| text.contains(code))
}

/// The store's own message, or the innermost cause where it sent none.
pub(super) fn words_of(error: &Error) -> String {
    let text = chain_of(error);
    let message = between(&text, "<Message>", "</Message>");
    let code = between(&text, "<Code>", "</Code>");
    let words = match (code, message) {
        (Some(code), Some(message)) => format!("{message} ({code})"),
        (None, Some(words)) | (Some(words), None) => words.to_owned(),
        (None, None) => innermost(error),
    };
    let one_line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().take(WORDS).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(start)?;
    after.split_once(end).map(|(found, _)| found).filter(|found| !found.trim().is_empty())
}

fn innermost(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// All that an error and its causes say.
fn chain_of(error: &Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let _ = writeln!(text, "{error}");
        cause = error.source();
    }
    text
}
