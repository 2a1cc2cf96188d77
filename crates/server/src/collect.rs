//! The artifacts of records, found by the URIs that these have: to remove them for good, and to look whether they are there.

use crate::artifact_roots::{ArtifactRoot, ArtifactRoots, RootOptions};
use mlferry_artifacts::{
    ArtifactError, ArtifactPath, Entry, ListOptions, PageToken, Service, Wanted,
};
use std::{ops::AddAssign, time::Instant};

/// Finds, looks at and removes artifacts by the URIs that records have.
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

/// The folders in a folder, and where the next page of them begins.
#[derive(Debug, Default)]
pub struct FolderPage {
    /// Their names.
    pub names: Vec<String>,
    /// `None` on the last page.
    pub next: Option<PageToken>,
}

/// Names that are read of a folder at once.
const NAMES: usize = 10_000;

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
        weigh_all(&root, folder).await
    }

    /// Removes what lies at `uri`, and the folders that are empty without it.
    pub async fn remove(&self, uri: &str) -> Result<Weight, String> {
        let (root, folder) = self.folder(uri).await?;
        let weight = weigh_all(&root, folder.clone()).await?;
        let text = |error: ArtifactError| error.to_string();
        root.service.delete(folder.clone()).await.map_err(text)?;
        root.service.prune_above(folder).await.map_err(text)?;
        Ok(weight)
    }

    /// Whether a server would get at artifacts at `uri`, wherever that is; an error says why not.
    pub async fn reach(&self, uri: &str) -> Result<(), String> {
        self.roots.resolve(uri).await.map(drop).map_err(|error| error.to_string())
    }

    /// Whether anything is at `uri`: a file, or a folder with something in it.
    pub async fn is_filled(&self, uri: &str) -> Result<bool, String> {
        let root = self.roots.resolve(uri).await.map_err(|error| error.to_string())?;
        let options = ListOptions { max_results: Some(1), ..ListOptions::default() };
        let listing = root.service.list(root.folder.clone(), options).await;
        if !listing.map_err(|error| error.to_string())?.entries.is_empty() {
            return Ok(true);
        }
        let Some(file) = root.folder else { return Ok(false) };
        match root.service.get(file, Wanted::Some).await {
            Ok(_) => Ok(true),
            Err(ArtifactError::NotFound(_) | ArtifactError::IsFolder(_)) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The folders right below `uri`, or below a folder in it, a page at a time.
    pub async fn folders(
        &self,
        uri: &str,
        below: Option<&str>,
        after: Option<PageToken>,
    ) -> Result<FolderPage, String> {
        let root = self.roots.resolve(uri).await.map_err(|error| error.to_string())?;
        let below = below.map(ArtifactPath::parse).transpose();
        let below = below.map_err(|error| error.to_string())?;
        let folder = below.map(|below| root.join(&below)).or(root.folder);
        let options = ListOptions { max_results: Some(NAMES), after, ..ListOptions::default() };
        let listing = root.service.list(folder, options).await;
        let listing = listing.map_err(|error| error.to_string())?;
        let is_folder = |entry: &Entry| entry.size.is_none();
        let folders = listing.entries.into_iter().filter(is_folder);
        Ok(FolderPage { names: folders.map(|entry| entry.path).collect(), next: listing.next })
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

async fn weigh_all(root: &ArtifactRoot, folder: ArtifactPath) -> Result<Weight, String> {
    let weighed = weigh(root, Some(folder), None).await;
    weighed.map(|(weight, _)| weight).map_err(|error| error.to_string())
}

/// Adds up what lies below a folder of a root, page by page until `end`, and says whether that is all.
pub(crate) async fn weigh(
    root: &ArtifactRoot,
    folder: Option<ArtifactPath>,
    end: Option<Instant>,
) -> Result<(Weight, bool), ArtifactError> {
    let mut weight = Weight::default();
    // Where the store goes through all of it for each page, the first page has all.
    let mut options = ListOptions { recursive: true, may_exceed: true, ..ListOptions::default() };
    loop {
        let listing = root.service.list(folder.clone(), options.clone()).await?;
        for size in listing.entries.iter().filter_map(|entry| entry.size) {
            weight += Weight { files: 1, bytes: size };
        }
        let Some(next) = listing.next else { return Ok((weight, true)) };
        if end.is_some_and(|end| Instant::now() >= end) {
            return Ok((weight, false));
        }
        options.after = Some(next);
    }
}
