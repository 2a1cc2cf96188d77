//! What could not be read, with the place and the reason.

use std::fmt;
use std::path::{Path, PathBuf};

/// Something that is not brought in.
#[derive(Debug)]
pub(super) struct Issue {
    path: PathBuf,
    reason: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// What was found wrong while something was read.
#[derive(Debug, Default)]
pub(super) struct Issues(Vec<Issue>);

impl Issues {
    /// Notes what is wrong with a file or folder.
    pub(super) fn add(&mut self, path: &Path, reason: impl fmt::Display) {
        // Some libraries explain themselves over several lines.
        let reason = reason.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        self.0.push(Issue { path: path.to_owned(), reason });
    }

    /// The value, or `None` and a note.
    pub(super) fn ok<T, E: fmt::Display>(
        &mut self,
        path: &Path,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.add(path, error)).ok()
    }

    /// All of them, in the order in which they were found.
    pub(super) fn into_vec(self) -> Vec<Issue> {
        self.0
    }
}
