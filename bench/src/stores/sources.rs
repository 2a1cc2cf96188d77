//! The files that direct clients upload, and a look at what they downloaded.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::Sizes;
use super::measures::{WAYS, Way};
use crate::disk;
use crate::pattern::{Content, Contents, Pattern};

/// Size of a small file.
const SMALL_SIZE: u64 = 10 * 1024;

/// What lies in one folder.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// The folder's name.
    pub(super) folder: &'static str,
    /// The files' names, of which each has its own content.
    pub(super) numbers: Range<usize>,
    /// Size of each.
    pub(super) size: u64,
}

impl Files {
    /// A few that do not count: interpreters load modules, and the store makes its first folders.
    pub(super) const fn warm_up() -> Self {
        Self { folder: "warm-up", numbers: 900_000..900_128, size: SMALL_SIZE }
    }

    /// The large file.
    pub(super) const fn large(sizes: Sizes) -> Self {
        Self { folder: "large", numbers: 0..1, size: sizes.large_bytes }
    }

    /// The small ones.
    pub(super) const fn small(way: &Way, sizes: Sizes) -> Self {
        let numbers = way.first..way.first + sizes.small_files / way.one_in;
        Self { folder: way.folder, numbers, size: SMALL_SIZE }
    }

    /// Bytes in all.
    pub(super) const fn bytes(&self) -> u64 {
        (self.numbers.end - self.numbers.start) as u64 * self.size
    }

    /// Makes sure that they lie in `folder`, whole and alone.
    pub(super) fn expect_in(&self, folder: &Path, pattern: &Pattern) -> Result<()> {
        for (name, content) in self.contents() {
            pattern.expect_in(&folder.join(name), content)?;
        }
        let (count, expected) = (fs::read_dir(folder)?.count(), self.numbers.len());
        ensure!(count == expected, "{count} files were downloaded instead of {expected}");
        Ok(())
    }

    fn contents(&self) -> impl Iterator<Item = (String, Content)> {
        let content = |number| Contents::Distinct.of(number, self.size);
        self.numbers.clone().map(move |number| (format!("{number}.bin"), content(number)))
    }
}

/// Folders with everything that is uploaded.
#[derive(Debug)]
pub(super) struct Sources(PathBuf);

impl Sources {
    /// Writes all files below `dir`, where they stay in the page cache.
    pub(super) fn create(dir: &Path, pattern: &Pattern, sizes: Sizes) -> Result<Self> {
        let root = dir.join("sources");
        let small = WAYS.iter().map(|way| Files::small(way, sizes));
        for files in small.chain([Files::warm_up(), Files::large(sizes)]) {
            let folder = root.join(files.folder);
            fs::create_dir_all(&folder)?;
            for (name, content) in files.contents() {
                pattern.write(&folder.join(name), content)?;
            }
        }
        disk::sync();
        Ok(Self(root))
    }

    /// Where they lie.
    pub(super) fn folder(&self, files: &Files) -> PathBuf {
        self.0.join(files.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_what_is_expected_of_downloads() {
        let dir = tempfile::tempdir().unwrap();
        let sizes = Sizes { large_bytes: 3 << 20, small_files: 12 };
        let pattern = Pattern::new();
        let sources = Sources::create(dir.path(), &pattern, sizes).unwrap();
        let small = Files::small(&WAYS[1], sizes);
        assert_eq!(small.bytes(), 30 << 10);
        Files::large(sizes).expect_in(&dir.path().join("sources/large"), &pattern).unwrap();
        small.expect_in(&sources.folder(&small), &pattern).unwrap();
        fs::write(sources.folder(&small).join("more"), "").unwrap();
        assert!(small.expect_in(&sources.folder(&small), &pattern).is_err());
        let other = Files::small(&WAYS[0], sizes);
        assert!(small.expect_in(&sources.folder(&other), &pattern).is_err());
    }
}
