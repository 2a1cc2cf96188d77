//! What is known of a stored file, and what an upload may demand of it.

use std::time::SystemTime;

/// What is known of a stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Bytes.
    pub size: u64,
    pub(crate) etag: Option<String>,
    pub(crate) modified: SystemTime,
}

impl Metadata {
    /// A strong entity tag, without quotes: it changes whenever the bytes are replaced. Stores that
    /// have none, or only weak ones, give none.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// When the bytes were stored.
    #[must_use]
    pub fn modified(&self) -> SystemTime {
        self.modified
    }
}

/// What must hold of the file that an upload would replace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum PutCondition {
    /// Nothing.
    #[default]
    Always,
    /// There is none.
    Absent,
    /// There is one.
    Exists,
    /// There is one with one of these entity tags.
    EtagIn(Vec<String>),
    /// There is none with one of these entity tags.
    EtagNotIn(Vec<String>),
}

impl PutCondition {
    pub(crate) fn holds(&self, current: Option<&Metadata>) -> bool {
        let is_in = |etags: &[String]| {
            let etag = current.and_then(Metadata::etag);
            etag.is_some_and(|etag| etags.iter().any(|other| other == etag))
        };
        match self {
            Self::Always => true,
            Self::Absent => current.is_none(),
            Self::Exists => current.is_some(),
            Self::EtagIn(etags) => is_in(etags),
            Self::EtagNotIn(etags) => !is_in(etags),
        }
    }
}
