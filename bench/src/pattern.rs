//! What is uploaded: stretches of one fixed sequence of bytes, so that a server which mixes them up is found out.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

/// The content of every uploaded file: a fixed pseudo-random sequence, repeated.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Bytes);

impl Pattern {
    /// The largest prime below 1 MiB: a server that swaps or repeats blocks of any usual size is found out.
    const PERIOD: usize = 1_048_573;

    /// Fills the buffer.
    pub(crate) fn new() -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let bytes = std::iter::from_fn(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some(state.to_le_bytes())
        });
        Self(bytes.flatten().take(Self::PERIOD).collect())
    }

    /// The longest piece that starts at `offset` of a file and holds at most `limit` bytes.
    pub(crate) fn piece(&self, offset: u64, limit: u64) -> Bytes {
        let period = self.0.len() as u64;
        let start = offset % period;
        let end = period.min(start + limit);
        let index =
            |position: u64| usize::try_from(position).expect("positions lie within the buffer");
        self.0.slice(index(start)..index(end))
    }

    /// Whether `chunk` is what a file holds at `offset`.
    pub(crate) fn matches(&self, offset: u64, chunk: &[u8]) -> bool {
        let mut done = 0;
        while done < chunk.len() {
            let expected = self.piece(offset + done as u64, (chunk.len() - done) as u64);
            if chunk[done..done + expected.len()] != expected[..] {
                return false;
            }
            done += expected.len();
        }
        true
    }

    /// Writes a new file.
    pub(crate) fn write(&self, path: &Path, content: Content) -> Result<()> {
        let mut file = File::create_new(path)?;
        let end = content.start + content.size;
        let mut position = content.start;
        while position < end {
            let piece = self.piece(position, end - position);
            file.write_all(&piece)?;
            position += piece.len() as u64;
        }
        Ok(())
    }

    /// Makes sure that a file holds this and nothing else.
    pub(crate) fn expect_in(&self, path: &Path, content: Content) -> Result<()> {
        let shown = path.display();
        let length = fs::metadata(path).with_context(|| format!("{shown} is not there"))?.len();
        ensure!(length == content.size, "{shown} has {length} bytes instead of {}", content.size);
        let mut file = File::open(path)?;
        let mut buffer = vec![0; 1 << 20];
        let mut position = content.start;
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            let matches = self.matches(position, &buffer[..count]);
            ensure!(matches, "{shown} differs from what was uploaded");
            position += count as u64;
        }
    }
}

/// What a file holds: a stretch of the pattern.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content {
    /// Where in the pattern it begins; files that begin elsewhere differ.
    pub(crate) start: u64,
    /// Its length in bytes.
    pub(crate) size: u64,
}

impl Content {
    /// The pattern from its beginning.
    pub(crate) const fn of_size(size: u64) -> Self {
        Self { start: 0, size }
    }
}

/// What many files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// All the same.
    Same,
    /// Each its own, for stores that keep equal blocks once.
    Distinct,
}

impl Contents {
    /// The content of the file with this number. Distances that the pattern's length, a prime, is no multiple of
    /// never lead to the same place, for as many files as it has bytes.
    pub(crate) const fn of(self, number: usize, size: u64) -> Content {
        let start = match self {
            Self::Same => 0,
            Self::Distinct => number as u64 * size,
        };
        Content { start, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_what_was_written_and_no_other_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let pattern = Pattern::new();
        let content = Content { start: 1_048_000, size: 3 * 1_048_576 + 5 };
        pattern.write(&path, content).unwrap();
        pattern.expect_in(&path, content).unwrap();
        for other in [Content { start: 1, ..content }, Content { size: 7, ..content }] {
            assert!(pattern.expect_in(&path, other).is_err());
        }
        assert!(pattern.expect_in(&dir.path().join("other"), content).is_err());
    }
}
