//! What stores say when they refuse or fail.

use crate::{ArtifactError, ArtifactPath, StoreTrouble};
use object_store::Error;
use std::fmt::Write;
use thiserror::Error as ThisError;

/// Characters of a store's words that are passed on.
const WORDS: usize = 500;

/// Codes of refusals that are over soon. S3 says of the first two that the request is bad.
const PASSING: [&str; 5] =
    ["RequestTimeout", "ExpiredToken", "TokenRefreshRequired", "InternalError", "SlowDown"];
/// Codes of conflicts that last: what Azure keeps from being written.
const LASTING: [&str; 3] = ["BlobArchived", "BlobBeingRehydrated", "InvalidBlobType"];
/// The beginning of those that protect a blob.
const PROTECTED: &str = "BlobImmutable";
/// Codes of conflicts that say that something is there already.
const THERE: [&str; 2] = ["BlobAlreadyExists", "BlobExists"];
/// Codes that say that the bucket is missing, not the object.
const NO_BUCKET: [&str; 3] = ["NoSuchBucket", "ContainerNotFound", "FilesystemNotFound"];

/// Codes with which S3 refuses for good to delete one of many keys: what the server may not do, and what can't be done.
const DENIALS: [&str; 2] = ["AccessDenied", "AllAccessDisabled"];
const REFUSALS: [&str; 2] = ["InvalidRequest", "MethodNotAllowed"];
/// Codes that say that a key is gone.
const GONE: [&str; 2] = ["NoSuchKey", "NoSuchVersion"];
/// How the library's errors about such a key begin, for S3 and for Azure.
const NOT_DELETED: [&str; 2] = ["DeleteObjects request failed ", "Bulk delete request failed "];

/// What the library says of requests that failed, whatever the reason.
const REQUEST_FAILED: &str = "Error performing ";

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
    if let Some(code) = deletion_code_of(error) {
        return trouble_of_deletion(&code);
    }
    match error {
        Error::NotFound { .. } => StoreTrouble::Absent,
        // The library says so of every conflict, whatever was asked for.
        Error::AlreadyExists { .. } if status_of(error) == Some(409) => conflict_of(error),
        Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. } => {
            StoreTrouble::Condition
        }
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => StoreTrouble::Denied,
        Error::InvalidPath { .. } => StoreTrouble::Refused,
        Error::NotSupported { .. } | Error::NotImplemented { .. } => StoreTrouble::Unsupported,
        Error::Generic { source, .. } if source.is::<Trouble>() => {
            source.downcast_ref::<Trouble>().map_or(StoreTrouble::Unavailable, |own| own.kind)
        }
        _ if PASSING.iter().any(|code| has_code(error, code)) => StoreTrouble::Unavailable,
        // The way to another region: it leads there each time.
        _ if chain_of(error).contains("redirect without LOCATION") => StoreTrouble::Refused,
        _ => status_of(error).map_or(StoreTrouble::Unavailable, trouble_of_status),
    }
}

fn trouble_of_status(status: u16) -> StoreTrouble {
    match status {
        404 => StoreTrouble::Absent,
        401 | 403 => StoreTrouble::Denied,
        412 => StoreTrouble::Condition,
        501 => StoreTrouble::Unsupported,
        507 => StoreTrouble::Full,
        // These say that it may be tried again.
        408 | 409 | 425 | 429 => StoreTrouble::Unavailable,
        300..=499 => StoreTrouble::Refused,
        _ => StoreTrouble::Unavailable,
    }
}

/// The code with which a store refused to delete one of many keys. It stands at the end; what comes before may hold
/// names that clients chose.
fn deletion_code_of(error: &Error) -> Option<String> {
    let Error::Generic { source, .. } = error else { return None };
    let text = source.to_string();
    if !NOT_DELETED.iter().any(|beginning| text.starts_with(beginning)) {
        return None;
    }
    let (_, code) = text.strip_suffix(')')?.rsplit_once("(code: ")?;
    Some(code.to_owned())
}

/// What such a code means: S3 has names, and Azure the numbers of HTTP.
fn trouble_of_deletion(code: &str) -> StoreTrouble {
    match code.parse::<u16>() {
        // A lease, a snapshot or a policy keeps it.
        Ok(409 | 412) => StoreTrouble::Refused,
        Ok(status) => trouble_of_status(status),
        Err(_) if DENIALS.contains(&code) => StoreTrouble::Denied,
        Err(_) if REFUSALS.contains(&code) => StoreTrouble::Refused,
        Err(_) if GONE.contains(&code) => StoreTrouble::Absent,
        Err(_) => StoreTrouble::Unavailable,
    }
}

/// Whether a request for a range may have failed for the range, so that it is worth to ask for less. What
/// the store or the network failed at would only fail again.
pub(super) fn may_be_about_range(error: &Error) -> bool {
    match trouble_of(error) {
        StoreTrouble::Refused | StoreTrouble::Unsupported => true,
        StoreTrouble::Unavailable => !chain_of(error).contains(REQUEST_FAILED),
        _ => false,
    }
}

/// The HTTP status in an error. The library keeps it in a type of its own, but shows it.
fn status_of(error: &Error) -> Option<u16> {
    let text = chain_of(error);
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

/// What a 409 means.
fn conflict_of(error: &Error) -> StoreTrouble {
    match code_of(error).as_deref() {
        Some(code) if THERE.contains(&code) => StoreTrouble::Condition,
        Some(code) if LASTING.contains(&code) || code.starts_with(PROTECTED) => {
            StoreTrouble::Refused
        }
        // Somebody else is at work there.
        _ => StoreTrouble::Unavailable,
    }
}

/// Whether it is the bucket that is missing, not the object.
fn is_about_bucket(error: &Error) -> bool {
    NO_BUCKET.iter().any(|code| has_code(error, code))
        // What GCS says without a code.
        || between(&chain_of(error), "<Message>", "</Message>")
            .is_some_and(|words| words.starts_with("The specified bucket does not exist"))
}

/// Whether the store gave this code. What else it says may hold names that clients chose.
pub(super) fn has_code(error: &Error, code: &str) -> bool {
    code_of(error).as_deref() == Some(code)
}

fn code_of(error: &Error) -> Option<String> {
    between(&chain_of(error), "<Code>", "</Code>").map(|code| code.trim().to_owned())
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

/// The innermost cause, which says most.
pub(super) fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An error as the library makes it of an answer.
    fn answered(status: u16, code: &str, words: &str) -> Error {
        let body = if code.is_empty() {
            words.to_owned()
        } else {
            format!("<Error><Code>{code}</Code><Message>{words}</Message></Error>")
        };
        let source = format!("Server returned non-2xx status code: {status} Words: {body}").into();
        let path = "d/a.bin".to_owned();
        match status {
            404 => Error::NotFound { path, source },
            304 => Error::NotModified { path, source },
            412 => Error::Precondition { path, source },
            409 => Error::AlreadyExists { path, source },
            403 => Error::PermissionDenied { path, source },
            401 => Error::Unauthenticated { path, source },
            _ => Error::Generic { store: "S3", source },
        }
    }

    #[test]
    fn each_answer_of_a_store_is_a_trouble_of_its_own() {
        use StoreTrouble::{Absent, Condition, Denied, Full, Refused, Unavailable, Unsupported};
        for (status, code, expected) in [
            (304, "", Condition),
            (307, "TemporaryRedirect", Refused),
            (400, "InvalidArgument", Refused),
            (400, "RequestTimeout", Unavailable),
            (400, "ExpiredToken", Unavailable),
            (401, "", Denied),
            (403, "AccessDenied", Denied),
            (404, "NoSuchKey", Absent),
            (408, "", Unavailable),
            (409, "", Unavailable),
            (409, "OperationAborted", Unavailable),
            (409, "BlobAlreadyExists", Condition),
            (409, "BlobArchived", Refused),
            (409, "BlobImmutableDueToPolicy", Refused),
            (412, "PreconditionFailed", Condition),
            (416, "InvalidRange", Refused),
            (429, "", Unavailable),
            (500, "InternalError", Unavailable),
            (501, "NotImplemented", Unsupported),
            (503, "SlowDown", Unavailable),
            (507, "", Full),
        ] {
            assert_eq!(trouble_of(&answered(status, code, "words")), expected, "{status} {code}");
        }
        let bare = "Received redirect without LOCATION, this normally indicates something".into();
        assert_eq!(trouble_of(&Error::Generic { store: "S3", source: bare }), Refused);
        let broken = "connection closed".into();
        assert_eq!(trouble_of(&Error::Generic { store: "S3", source: broken }), Unavailable);
        let created = Error::AlreadyExists { path: String::new(), source: "it is there".into() };
        assert_eq!(trouble_of(&created), Condition);
        assert_eq!(trouble_of(&Trouble::refused("no".to_owned())), Refused);
    }

    #[test]
    fn a_refusal_to_delete_one_of_many_is_told_by_its_last_code() {
        use StoreTrouble::{Absent, Denied, Refused, Unavailable};
        let of = |text: String| trouble_of(&Error::Generic { store: "S3", source: text.into() });
        for (code, expected) in [
            ("AccessDenied", Denied),
            ("401", Denied),
            ("403", Denied),
            ("404", Absent),
            ("NoSuchKey", Absent),
            ("NoSuchBucket", Unavailable),
            ("MethodNotAllowed", Refused),
            ("400", Refused),
            ("409", Refused),
            ("412", Refused),
            ("429", Unavailable),
            ("503", Unavailable),
            ("InternalError", Unavailable),
            ("SlowDown", Unavailable),
            ("", Unavailable),
        ] {
            for request in
                ["DeleteObjects request failed for key", "Bulk delete request failed for key"]
            {
                // A key may look like any part of the text.
                for key in
                    ["a/b", "a (code: AccessDenied)", "<Code>SlowDown</Code>", "status code: 404"]
                {
                    let text = format!("{request} {key}: No. (code: {code})");
                    assert_eq!(of(text.clone()), expected, "{text}");
                }
            }
        }
        let whole = "Bulk delete request failed due to invalid input: No. (code: 403)".to_owned();
        assert_eq!(of(whole), Denied);
        let own = "the answer can't be read (code: AccessDenied)".to_owned();
        assert_eq!(of(own), Unavailable, "only of deletions");
    }

    #[test]
    fn a_missing_bucket_is_no_missing_artifact() {
        let path = ArtifactPath::parse("NoSuchBucket-report/ContainerNotFound").unwrap();
        let own = "'NoSuchBucket-report/ContainerNotFound' is not there";
        for (code, words) in [("NoSuchKey", own), ("", own)] {
            let found = explain(&answered(404, code, words), &path);
            assert!(matches!(found, ArtifactError::NotFound(_)), "{code} {words}");
        }
        let gcs = "The specified bucket does not exist.";
        for (code, words) in [("NoSuchBucket", "x"), ("ContainerNotFound", "x"), ("Gone", gcs)] {
            let found = explain(&answered(404, code, words), &path);
            assert!(matches!(found, ArtifactError::Store { .. }), "{code} {words}");
        }
    }

    #[test]
    fn the_store_s_own_words_are_passed_on() {
        assert_eq!(words_of(&answered(403, "AccessDenied", "Not\n you")), "Not you (AccessDenied)");
        assert!(words_of(&answered(500, "", &"long ".repeat(1000))).len() <= WORDS);
    }
}
