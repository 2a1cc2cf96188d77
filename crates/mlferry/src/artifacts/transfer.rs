//! One file on its way from one destination to another.

use std::error::Error;
use std::fmt::{self, Write};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use mlferry_artifacts::{
    Artifact, ArtifactError, ArtifactPath, PutCondition, PutOptions, Service, StoreTrouble, Wanted,
};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use super::compare::{File, have_other_md5, have_same_bytes};
use super::entries::Item;
use super::location::{BadName, artifact_path};
use super::progress::Progress;

/// Bytes of one ranged read of a large file.
const RANGE_BYTES: u64 = 8 * 1024 * 1024;
/// Ranges of one file that are read at the same time: one connection to a store is slower than the network.
const RANGES_AT_ONCE: usize = 6;
/// Large files that are read in ranges at the same time; each holds its ranges in memory.
pub(super) const LANES: usize = 2;
/// How often a file is tried, beside the repetitions of single requests.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; it doubles each time.
const PAUSE: Duration = Duration::from_millis(500);

/// What all files of a copy have in common.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) from: Service,
    /// The file, or the folder of all files.
    pub(super) from_path: Option<ArtifactPath>,
    /// `None` in a dry run to a folder that is not there.
    pub(super) to: Option<Service>,
    pub(super) to_path: Option<ArtifactPath>,
    pub(super) rules: Rules,
    pub(super) lanes: Semaphore,
    pub(super) progress: Progress,
}

/// What is copied.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags of the command line")]
pub(super) struct Rules {
    /// Files that differ are replaced.
    pub(super) overwrite: bool,
    /// Bytes are compared, not only sizes and entity tags.
    pub(super) checksum: bool,
    /// Nothing is copied.
    pub(super) dry_run: bool,
    /// Both sides have entity tags of S3.
    pub(super) has_md5s: bool,
    /// The other side takes a backslash for a slash.
    pub(super) turns_backslashes: bool,
}

impl Rules {
    /// Whether the stores are asked before a file counts as there already.
    pub(super) fn asks_first(self) -> bool {
        self.checksum || self.has_md5s
    }
}

/// What became of a file.
#[derive(Debug)]
pub(super) enum Fate {
    /// It was copied, or would be.
    Copied(u64),
    /// It was there already.
    Passed,
    Failed(Failure),
}

/// Why a file was not copied.
#[derive(Debug)]
pub(super) enum Failure {
    Name(BadName),
    /// It would get another name.
    Backslash,
    /// Another one is there.
    Differs,
    Artifact(ArtifactError),
}

impl Failure {
    /// Whether other files will hardly fare better: the store does not work, or has no room.
    pub(super) fn is_outage(&self) -> bool {
        use ArtifactError::{Full, Store};
        use StoreTrouble as Trouble;
        matches!(
            self,
            Self::Artifact(Full(_) | Store { trouble: Trouble::Full | Trouble::Unavailable, .. })
        )
    }

    /// Whether the store answered, and said no: to this file, or to all of them.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Artifact(ArtifactError::Store { .. })) && !self.is_outage()
    }
}

impl Transfer {
    /// Copies a file, unless it is there already.
    pub(super) async fn carry_out(self: Arc<Self>, item: Item) -> (Item, Fate) {
        let fate = match self.try_out(&item).await {
            Err(failure) => Fate::Failed(failure),
            Ok(fate) => fate,
        };
        self.progress.finish_file();
        (item, fate)
    }

    async fn try_out(&self, item: &Item) -> Result<Fate, Failure> {
        let from = path_of(self.from_path.as_ref(), &item.below)?;
        let to = path_of(self.to_path.as_ref(), &item.below)?;
        if self.rules.turns_backslashes && to.as_str().contains('\\') {
            return Err(Failure::Backslash);
        }
        if let (Some(present), Some(service)) = (item.present, &self.to) {
            let there = File { service, path: &to };
            let is_same = present == item.size && self.is_same(&from, there).await?;
            if is_same {
                self.progress.add_bytes(if self.rules.checksum { 0 } else { item.size });
                return Ok(Fate::Passed);
            }
            if !self.rules.overwrite {
                return Err(Failure::Differs);
            }
        }
        let to_service = match &self.to {
            Some(service) if !self.rules.dry_run => service,
            _ => return Ok(Fate::Copied(item.size)),
        };
        let target = File { service: to_service, path: &to };
        Ok(Fate::Copied(retried(|| self.copy(&from, target, item.size)).await?))
    }

    /// Whether a file of the same size is the same.
    async fn is_same(&self, from: &ArtifactPath, there: File<'_>) -> Result<bool, ArtifactError> {
        let here = File { service: &self.from, path: from };
        if self.rules.checksum {
            return retried(|| have_same_bytes(here, there, &self.progress)).await;
        }
        let is_other = self.rules.has_md5s && retried(|| have_other_md5(here, there)).await?;
        Ok(!is_other)
    }

    /// Copies a file, and returns its bytes. `size` is what it had when it was listed.
    async fn copy(
        &self,
        from: &ArtifactPath,
        to: File<'_>,
        size: u64,
    ) -> Result<u64, ArtifactError> {
        // Other servers may know no ranges, and a disk is read ahead anyway.
        let is_ranged = size > RANGE_BYTES && self.from.is_direct();
        let lane = if is_ranged { self.lanes.acquire().await.ok() } else { None };
        let wanted = if is_ranged { Wanted::Some } else { Wanted::Whole };
        let artifact = self.from.get(from.clone(), wanted).await?;
        let size = artifact.metadata().size;
        let bytes = if is_ranged { in_ranges(artifact, size) } else { artifact.read(0..size) };
        let passed = AtomicU64::new(0);
        let bytes = bytes.inspect_ok(|bytes| {
            passed.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            self.progress.add_bytes(bytes.len() as u64);
        });
        let condition = if !self.rules.overwrite && to.service.remote_destination().is_none() {
            // Nothing was there when the copy began. Stores would have to be asked once more.
            PutCondition::Absent
        } else {
            PutCondition::Always
        };
        let options = PutOptions { condition, length: Some(size), ..PutOptions::default() };
        let stored = to.service.put(to.path.clone(), bytes, options).await;
        drop(lane);
        match stored {
            Ok(stored) => Ok(stored.size),
            Err(error) => {
                self.progress.take_bytes_back(passed.into_inner());
                Err(error)
            }
        }
    }
}

/// The path of a file of a folder, or of the only one.
pub(super) fn path_of(folder: Option<&ArtifactPath>, below: &str) -> Result<ArtifactPath, BadName> {
    match folder {
        Some(file) if below.is_empty() => Ok(file.clone()),
        _ => artifact_path(folder, below),
    }
}

/// Reads a file in ranges, some of which are on their way while one is taken.
fn in_ranges(artifact: Artifact, size: u64) -> BoxStream<'static, std::io::Result<bytes::Bytes>> {
    let count = size.div_ceil(RANGE_BYTES);
    let range = move |index: u64| -> Range<u64> {
        index * RANGE_BYTES..((index + 1) * RANGE_BYTES).min(size)
    };
    let read = move |index| {
        let bytes = artifact.read(range(index));
        // In tasks, so that they go on while the other side takes its time.
        AbortOnDropHandle::new(tokio::spawn(bytes.try_collect::<Vec<_>>()))
    };
    stream::iter(0..count)
        .map(read)
        .buffered(RANGES_AT_ONCE)
        .map(|read| read.unwrap_or_else(|error| Err(std::io::Error::other(error))))
        .map_ok(|pieces| stream::iter(pieces.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
}

/// Does something again after a temporary failure, some times.
pub(super) async fn retried<T, F>(mut work: impl FnMut() -> F) -> Result<T, ArtifactError>
where
    F: Future<Output = Result<T, ArtifactError>>,
{
    for attempt in 0..ATTEMPTS - 1 {
        match work().await {
            Err(error) if is_temporary(&error) => {
                tokio::time::sleep(PAUSE * 2_u32.pow(attempt)).await;
            }
            done => return done,
        }
    }
    work().await
}

fn is_temporary(error: &ArtifactError) -> bool {
    matches!(
        error,
        ArtifactError::BodyIncomplete(_)
            | ArtifactError::Store { trouble: StoreTrouble::Unavailable, .. }
    )
}

impl From<BadName> for Failure {
    fn from(error: BadName) -> Self {
        Self::Name(error)
    }
}

impl From<ArtifactError> for Failure {
    fn from(error: ArtifactError) -> Self {
        match error {
            // It came while the others were copied.
            ArtifactError::PreconditionFailed(_) => Self::Differs,
            error => Self::Artifact(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(error) => error.fmt(f),
            Self::Backslash => f.write_str("Azure takes a backslash in a name for a slash"),
            Self::Differs => {
                f.write_str("another file has its name there; --overwrite replaces it")
            }
            Self::Artifact(error) => f.write_str(&reason(error)),
        }
    }
}

/// What went wrong with a file, with the causes, as one line.
pub(super) fn reason(error: &ArtifactError) -> String {
    let mut text = match error {
        // It speaks of a client's request.
        ArtifactError::BodyIncomplete(_) => "it could not be read".to_owned(),
        error => error.to_string(),
    };
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
