//! Garbage collection: the artifacts of records that are removed for good.

use crate::artifact_roots::{ArtifactRoot, ArtifactRoots, RootOptions};
use mlferry_artifacts::{ArtifactPath, ListOptions, Service};
use std::ops::AddAssign;

/// Finds and removes artifacts by the URIs that records have.
#[derive(Debug)]
pub struct Collector {
    roots: ArtifactRoots,
}

/// How much artifacts take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// Number of files.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
    }
}

impl Collector {
    /// A collector that reaches what a server with these would reach.
    #[must_use]
    pub fn new(proxied: Option<Service>, options: RootOptions) -> Self {
        Self { roots: ArtifactRoots::new(proxied, options) }
    }

    /// What lies at `uri`; an error says why it can't be told.
    pub async fn weigh(&self, uri: &str) -> Result<Weight, String> {
        let (root, folder) = self.folder(uri).await?;
        weigh(&root, &folder).await
    }

    /// Removes what lies at `uri`, and the folders that are empty without it.
    pub async fn remove(&self, uri: &str) -> Result<Weight, String> {
        let (root, folder) = self.folder(uri).await?;
        let weight = weigh(&root, &folder).await?;
        let text = |error: mlferry_artifacts::ArtifactError| error.to_string();
        root.service.delete(folder.clone()).await.map_err(text)?;
        root.service.prune_above(folder).await.map_err(text)?;
        Ok(weight)
    }

    /// Ends the use of roots that were opened here.
    pub async fn close(self) {
        self.roots.close().await;
    }

    async fn folder(&self, uri: &str) -> Result<(ArtifactRoot, ArtifactPath), String> {
        let root = self.roots.resolve(uri).await.map_err(|error| error.to_string())?;
        let folder = root.folder.clone();
        let folder = folder.ok_or_else(|| {
            format!("The artifact location '{uri}' is the root of all artifacts.")
        })?;
        Ok((root, folder))
    }
}

async fn weigh(root: &ArtifactRoot, folder: &ArtifactPath) -> Result<Weight, String> {
    let mut weight = Weight::default();
    let mut options = ListOptions { recursive: true, may_exceed: true, ..ListOptions::default() };
    loop {
        let listing = root.service.list(Some(folder.clone()), options.clone()).await;
        let listing = listing.map_err(|error| error.to_string())?;
        for size in listing.entries.iter().filter_map(|entry| entry.size) {
            weight += Weight { files: 1, bytes: size };
        }
        let Some(next) = listing.next else { return Ok(weight) };
        options.after = Some(next);
    }
}
