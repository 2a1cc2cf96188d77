//! Stands for the cache in a server that was built without it.

use super::{Body, CacheCounts, CacheError, Source};
use std::{convert::Infallible, ops::Range, path::Path};

/// A cache that can't be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactCache(Infallible);

#[derive(Debug, Clone)]
pub(crate) struct CachedObject(Infallible);

impl ArtifactCache {
    /// Refuses.
    #[expect(clippy::unused_async, reason = "what it stands for waits")]
    pub async fn open(_folder: &Path, _bytes: u64) -> Result<Self, CacheError> {
        Err(CacheError::NotBuilt)
    }

    /// Does nothing.
    #[expect(clippy::unused_async, reason = "what it stands for waits")]
    pub async fn close(&self) {
        match self.0 {}
    }

    /// What came out of it.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        match self.0 {}
    }

    pub(crate) fn object(&self, _: &str, _: &str, _: &str, _: u64) -> Option<CachedObject> {
        match self.0 {}
    }
}

impl CachedObject {
    pub(crate) fn read(&self, _range: Range<u64>, _source: Source) -> Body {
        match self.0 {}
    }
}
