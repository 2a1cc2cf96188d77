//! Whether two files are the same.

use futures_util::TryStreamExt;
use mlferry_artifacts::{ArtifactError, ArtifactPath, Metadata, Service, Wanted};
use sha2::{Digest, Sha256};

use super::progress::Progress;

/// Hexadecimal digits of an MD5.
const MD5_DIGITS: usize = 32;

/// A file in one of two services.
#[derive(Debug, Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) service: &'a Service,
    pub(super) path: &'a ArtifactPath,
}

/// Whether two files have the same bytes. Both are read at once; the first one's bytes are shown as progress.
pub(super) async fn have_same_bytes(
    left: File<'_>,
    right: File<'_>,
    progress: &Progress,
) -> Result<bool, ArtifactError> {
    let (left, right) = tokio::try_join!(digest(left, Some(progress)), digest(right, None))?;
    Ok(left == right)
}

async fn digest(
    file: File<'_>,
    progress: Option<&Progress>,
) -> Result<impl PartialEq + use<>, ArtifactError> {
    let artifact = file.service.get(file.path.clone(), Wanted::Whole).await?;
    let mut bytes = artifact.read(0..artifact.metadata().size);
    let mut digest = Sha256::new();
    let broken = |error| ArtifactError::BodyIncomplete(Box::new(error));
    while let Some(bytes) = bytes.try_next().await.map_err(broken)? {
        digest.update(&bytes);
        if let Some(progress) = progress {
            progress.add_bytes(bytes.len() as u64);
        }
    }
    Ok(digest.finalize())
}

/// Whether the entity tags of two files in S3 say that they differ. Those of uploads in parts say nothing.
pub(super) async fn have_other_md5(left: File<'_>, right: File<'_>) -> Result<bool, ArtifactError> {
    let (left, right) = tokio::try_join!(
        left.service.get(left.path.clone(), Wanted::Some),
        right.service.get(right.path.clone(), Wanted::Some)
    )?;
    let (left, right) = (md5(left.metadata()), md5(right.metadata()));
    Ok(left.zip(right).is_some_and(|(left, right)| left != right))
}

fn md5(metadata: &Metadata) -> Option<String> {
    let is_md5 = |etag: &&str| {
        etag.len() == MD5_DIGITS && etag.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    metadata.etag().filter(is_md5).map(str::to_ascii_lowercase)
}
