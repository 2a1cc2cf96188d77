//! What is known of a stored file, and what an upload may demand of it.

use std::time::{Duration, SystemTime};

/// Seconds from 1970 to the end of the year 9999, the last that a date in HTTP can tell.
const LAST_SECOND: u64 = 253_402_300_799;

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

/// The nearest time that a date in HTTP can tell. Stores have others: unset clocks, or what a gateway makes up.
pub(crate) fn with_http_date(time: SystemTime) -> SystemTime {
    let first = SystemTime::UNIX_EPOCH;
    time.clamp(first, first + Duration::from_secs(LAST_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_within_the_years_that_http_can_tell() {
        let first = SystemTime::UNIX_EPOCH;
        let last = first + Duration::from_secs(LAST_SECOND);
        for (time, told) in [
            (first - Duration::from_nanos(1), first),
            (first, first),
            (first + Duration::from_hours(1), first + Duration::from_hours(1)),
            (last + Duration::from_secs(1), last),
        ] {
            assert_eq!(with_http_date(time), told);
        }
    }
}
